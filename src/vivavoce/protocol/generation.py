"""What a response asks of whoever answers, and what comes back: the words that session and engines share.

Nothing here travels on the wire. A session turns a `response.create`, or the end of a spoken turn, into a
`ResponseRequest`; a responder answers it with a stream of `OutputPart`; the session turns those into the
`response.*` events of the protocol.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from vivavoce.protocol.formats import AudioFormat
from vivavoce.protocol.items import Item
from vivavoce.protocol.sessions import Effort
from vivavoce.protocol.tools import Tool, ToolChoice

CountTokens = Callable[[str], int]
"""Counts the tokens of a text, as the model that reads it does, or nearly."""


def count_characters(text: str) -> int:
    """The rule where no tokenizer is at hand: four characters a token, rounded up."""
    return estimated_tokens(len(text))


def estimated_tokens(characters: int) -> int:
    """The same for a text that is not at hand."""
    return -(-characters // 4)


class ResponseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a responder may know: a snapshot, which nothing changes while it is being answered."""

    response_id: str
    model: str
    instructions: str
    items: tuple[Item, ...]
    """The context in order. A user's audio part carries in `transcript` what was understood; it carries its
    `audio` (base64, in the format of `input_format`) only for a responder that hears audio itself. An
    assistant's audio part carries in `transcript` the words that were heard."""
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    modality: Literal["text", "audio"]
    """What to answer with. Function calls may come in both."""
    voice: str
    language: str | None = None
    """What to answer in, ISO-639-1 with a region or without, where that is known before the answer is. A
    voice may pronounce it better."""
    speed: float = 1.0
    """0.25 to 1.5, 1.0 is the voice's own pace."""
    input_format: AudioFormat
    output_format: AudioFormat
    """The format that every `AudioDelta` must be in."""
    max_output_tokens: int | Literal["inf"] = "inf"
    temperature: float | None = None
    """How freely to choose words, 0.6 to 1.2; None where nobody said."""
    reasoning: Effort | None = None
    """How hard to think before the answer; None where nobody said, and for a model that does not."""
    parallel_tool_calls: bool | None = None
    """Whether several tools may be called at once; None where nobody said."""
    metadata: dict[str, str] | None = None


class TextDelta(msgspec.Struct, frozen=True):
    """More text of the current message; begins one if none is open.

    With modality "audio" it is the transcript of what will be spoken, and may run ahead of the audio.
    """

    text: str


class AudioDelta(msgspec.Struct, frozen=True):
    """More speech of the current message, in the request's `output_format`.

    `spoken` is the number of characters of the message's transcript that are fully spoken when this piece
    ends: a truncation in the middle of a word keeps the words before it. It never decreases within a message
    and never exceeds the transcript sent so far.
    """

    audio: bytes
    spoken: int


class MessageEnd(msgspec.Struct, frozen=True):
    """The current message is complete; the next `TextDelta` or `AudioDelta` begins another output item."""


class FunctionCallStart(msgspec.Struct, frozen=True):
    """A function call begins (and ends the open message). `call_id` None lets the session mint one."""

    name: str
    call_id: str | None = None


class FunctionCallDelta(msgspec.Struct, frozen=True):
    """More of the JSON text of the current call's arguments."""

    arguments: str


class FunctionCallEnd(msgspec.Struct, frozen=True):
    """The current call's arguments are complete."""


class TokenCounts(msgspec.Struct, frozen=True):
    """Text tokens as the language model counted them. The session counts audio, from samples."""

    input_text: int
    output_text: int
    cached_text: int = 0


class ResponseEnd(msgspec.Struct, frozen=True):
    """Nothing more will come. The session closes what is still open."""

    reason: Literal["completed", "max_output_tokens", "content_filter"] = "completed"
    tokens: TokenCounts | None = None
    """None: the session counts by its own rule."""


class ResponseFailure(msgspec.Struct, frozen=True):
    """The answer cannot be finished: `response.done` with status "failed" and this error."""

    type: str
    code: str | None
    message: str


OutputPart = (
    TextDelta
    | AudioDelta
    | MessageEnd
    | FunctionCallStart
    | FunctionCallDelta
    | FunctionCallEnd
    | ResponseEnd
    | ResponseFailure
)
"""What a responder yields. Every stream ends with exactly one `ResponseEnd` or `ResponseFailure`."""

LanguagePart = (
    TextDelta | FunctionCallStart | FunctionCallDelta | FunctionCallEnd | ResponseEnd | ResponseFailure
)
"""What a language model yields: the same without sound."""
