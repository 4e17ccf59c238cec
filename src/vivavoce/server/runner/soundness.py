"""Whether what an engine brings is what its interface says: engines are other people's code, and what they
get wrong must not reach the session."""

import math
from typing import Any

from vivavoce.engines.interfaces import SpeakerTurn, Transcript
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
    """Raise TypeError or ValueError unless this is a part of an answer, a transcript or a speaker's turn that
    can be sent."""
    # What comes by the hundred, first and without a pattern, which takes three times as long.
    if (
        isinstance(brought, AudioDelta)
        and isinstance(brought.audio, bytes)
        and isinstance(brought.spoken, int)
    ):
        return
    if isinstance(brought, TextDelta) and isinstance(brought.text, str):
        _refuse_unless_writable(brought.text)
        return
    match brought:
        case FunctionCallDelta(arguments=str(text)):
            _refuse_unless_writable(text)
        case MessageEnd() | FunctionCallEnd() | ResponseEnd():
            pass
        case Transcript():
            _refuse_unless_true(brought)
        case SpeakerTurn(start=float(start), end=float(end), speaker=str(speaker)):
            if not 0 <= start <= end < math.inf:
                raise ValueError("a turn begins before it ends, and not before the utterance")
            _refuse_unless_writable(speaker)
        case FunctionCallStart(name=str(name), call_id=str() | None as call_id):
            _refuse_unless_writable(name + (call_id or ""))
        case ResponseFailure(type=str(kind), code=str() | None as code, message=str(message)):
            _refuse_unless_writable(kind + (code or "") + message)
        case _:
            raise TypeError(f"an engine brought something that it must not: a {type(brought).__name__}")


def _refuse_unless_true(transcript: Transcript) -> None:
    """What a transcript says of its own text must be so."""
    text, stable = transcript.text, transcript.stable
    _refuse_unless_writable(text)
    if not 0 <= stable <= len(text):
        raise ValueError(f"a transcript of {len(text)} characters cannot have {stable} that stand")
    if transcript.logprobs:
        if not text.startswith("".join(each.token for each in transcript.logprobs)):
            raise ValueError("a transcript's tokens are not its text")
        if not all(-math.inf < each.logprob <= 0 for each in transcript.logprobs):
            raise ValueError("a logarithm of a probability is a number up to 0")
    if transcript.languages:
        _refuse_unless_writable("".join(transcript.languages))


def _refuse_unless_writable(text: str) -> None:
    """Lone surrogates are no text: no JSON can carry them. UnicodeEncodeError is a ValueError."""
    if not text.isascii():
        text.encode()
