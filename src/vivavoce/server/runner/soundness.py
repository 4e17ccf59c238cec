"""Whether what an engine brings is what its interface says: engines are other people's code, and what they
get wrong must not reach the session."""

from typing import Any

from vivavoce.engines.interfaces import Transcript
from vivavoce.protocol import (
    AudioDelta,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    MessageEnd,
    ResponseEnd,
    ResponseFailure,
    TextDelta,
)


def refuse_unless_sound(brought: Any) -> None:
    """Raise TypeError or ValueError unless this is a part of an answer, or a transcript, that can be sent."""
    match brought:
        case TextDelta(text=str(text)) | FunctionCallDelta(arguments=str(text)):
            _refuse_unless_writable(text)
        case AudioDelta(audio=bytes(), spoken=int()) | MessageEnd() | FunctionCallEnd() | ResponseEnd():
            pass
        case Transcript(text=str(text)):
            _refuse_unless_writable(text)
        case FunctionCallStart(name=str(name), call_id=str() | None as call_id):
            _refuse_unless_writable(name + (call_id or ""))
        case ResponseFailure(type=str(kind), code=str() | None as code, message=str(message)):
            _refuse_unless_writable(kind + (code or "") + message)
        case _:
            raise TypeError(f"an engine brought something that it must not: a {type(brought).__name__}")


def _refuse_unless_writable(text: str) -> None:
    """Lone surrogates are no text: no JSON can carry them. UnicodeEncodeError is a ValueError."""
    if not text.isascii():
        text.encode()
