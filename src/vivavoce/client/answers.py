"""What comes of asking for a response: parts while it is made, then the answer as a whole."""

from collections.abc import Iterable
from typing import TypeAlias

import msgspec
import pybase64

from vivavoce.protocol import (
    FunctionCall,
    Message,
    OutputAudio,
    OutputText,
    Response,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputTextDelta,
    Usage,
)


class AnswerText(msgspec.Struct, frozen=True, kw_only=True):
    """More text, or more of the words of the speech."""

    text: str
    item_id: str
    spoken: bool
    """Whether these are words of the speech. They run ahead of the audio."""


class AnswerAudio(msgspec.Struct, frozen=True, kw_only=True):
    """More speech."""

    audio: bytes
    """Raw samples in the response's output format."""
    item_id: str

    def __repr__(self) -> str:
        return f"AnswerAudio(item_id={self.item_id!r}, audio=…)"


class AnswerCall(msgspec.Struct, frozen=True, kw_only=True):
    """A whole function call."""

    name: str
    call_id: str
    arguments: str
    """JSON text."""
    item_id: str


AnswerPart: TypeAlias = AnswerText | AnswerAudio | AnswerCall


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A response that has ended."""

    response: Response
    """As `response.done` shows it."""
    text: str
    """What was written, or the words of what was spoken; empty if there were only function calls."""
    audio: bytes
    """What was spoken: raw samples in the response's output format."""
    calls: tuple[FunctionCall, ...]

    @property
    def usage(self) -> Usage | None:
        """What it cost."""
        return self.response.usage

    @property
    def complete(self) -> bool:
        """False: it was cut short, by `max_output_tokens` or a content filter, or, in the exceptions, by what
        they say."""
        return self.response.status == "completed"

    def __repr__(self) -> str:
        return (
            f"Answer(id={self.response.id!r}, status={self.response.status!r}, text={self.text!r}, "
            f"calls={self.calls!r}, audio=…)"
        )


def part_of(event: object) -> AnswerPart | None:
    """What an event adds to an answer, None for nothing."""
    match event:
        case ResponseOutputAudioDelta():
            return AnswerAudio(audio=pybase64.b64decode(event.delta), item_id=event.item_id)
        case ResponseOutputTextDelta():
            return AnswerText(text=event.delta, item_id=event.item_id, spoken=False)
        case ResponseOutputAudioTranscriptDelta():
            return AnswerText(text=event.delta, item_id=event.item_id, spoken=True)
        case ResponseFunctionCallArgumentsDone():
            return AnswerCall(
                name=event.name or "",
                call_id=event.call_id,
                arguments=event.arguments,
                item_id=event.item_id,
            )
        case _:
            return None


def answer_of(response: Response, audio: Iterable[bytes]) -> Answer:
    """The answer that a response of the server is, with the audio that came before it."""
    return Answer(
        response=response,
        text="\n".join(filter(None, (_text(item) for item in response.output if isinstance(item, Message)))),
        audio=b"".join(audio),
        calls=tuple(item for item in response.output if isinstance(item, FunctionCall)),
    )


def _text(message: Message) -> str:
    texts = (
        part.text
        if isinstance(part, OutputText)
        else part.transcript
        if isinstance(part, OutputAudio)
        else ""
        for part in message.content
    )
    return "".join(text for text in texts if text)
