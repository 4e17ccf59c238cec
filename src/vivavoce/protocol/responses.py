"""Responses: what a client asks of one, what became of it, and what it cost."""

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from vivavoce.protocol.base import TaggedObject, WireObject, limits
from vivavoce.protocol.formats import AudioFormat
from vivavoce.protocol.items import InputItem, Item
from vivavoce.protocol.prompts import Prompt
from vivavoce.protocol.sessions import (
    Modalities,
    Modality,
    Reasoning,
    Temperature,
    TokenLimit,
    Voice,
    VoiceId,
)
from vivavoce.protocol.strict import declare
from vivavoce.protocol.tools import ToolChoice, Tools, labels_differ

Metadata = Annotated[
    dict[Annotated[str, limits(max_length=64)], Annotated[str, limits(max_length=512)]], limits(max_length=16)
]
"""The client's own labels: up to 16, keys up to 64 characters, values up to 512."""


class ResponseAudioOutputParams(WireObject, frozen=True, kw_only=True):
    """How this response is to be spoken."""

    format: AudioFormat | UnsetType = UNSET
    voice: Voice | UnsetType = UNSET


class ResponseAudioParams(WireObject, frozen=True, kw_only=True):
    """How this response is to be spoken."""

    output: ResponseAudioOutputParams | UnsetType = UNSET


class ResponseParams(WireObject, frozen=True, kw_only=True):
    """What is to be different for one response. What is UNSET is as in the session."""

    output_modalities: Modalities | UnsetType = UNSET
    instructions: str | UnsetType = UNSET
    """Replaces the session's instructions."""
    audio: ResponseAudioParams | UnsetType = UNSET
    tools: Tools | UnsetType = UNSET
    """Replaces the session's tools."""
    tool_choice: ToolChoice | UnsetType = UNSET
    parallel_tool_calls: bool | UnsetType = UNSET
    reasoning: Reasoning | UnsetType = UNSET
    max_output_tokens: TokenLimit | UnsetType = UNSET
    temperature: Temperature = UNSET
    conversation: Literal["auto", "none"] | UnsetType = UNSET
    """`auto`, the default, adds the output to the conversation; `none` answers beside it."""
    metadata: Metadata | UnsetType | None = UNSET
    """Comes back in `response.created` and `response.done`."""
    prompt: Prompt | UnsetType | None = UNSET
    input: tuple[InputItem, ...] | UnsetType = UNSET
    """The context, instead of the conversation; empty for none."""


declare(ResponseParams, whole=labels_differ)


class ResponseAudioOutput(WireObject, frozen=True, kw_only=True):
    """How the response is spoken."""

    format: AudioFormat | UnsetType = UNSET
    voice: str | VoiceId | UnsetType = UNSET


class ResponseAudio(WireObject, frozen=True, kw_only=True):
    """How the response is spoken."""

    output: ResponseAudioOutput | UnsetType = UNSET


class ResponseError(WireObject, frozen=True, kw_only=True):
    """Why a response failed."""

    type: str | UnsetType = UNSET
    code: str | UnsetType | None = UNSET
    message: str | UnsetType = UNSET


class StatusDetails(WireObject, frozen=True, kw_only=True):
    """Why a response ended without being completed."""

    type: Literal["completed", "cancelled", "failed", "incomplete"] | UnsetType = UNSET
    """The response's status again."""
    reason: (
        Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"] | UnsetType
    ) = UNSET
    error: ResponseError | UnsetType = UNSET


class CachedTokensDetails(WireObject, frozen=True, kw_only=True):
    """The cached input tokens by kind."""

    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int | UnsetType = UNSET


class InputTokenDetails(WireObject, frozen=True, kw_only=True):
    """The input tokens by kind. `cached_tokens` are among the others, not beside them."""

    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int | UnsetType = UNSET
    cached_tokens: int = 0
    cached_tokens_details: CachedTokensDetails | UnsetType = UNSET


class OutputTokenDetails(WireObject, frozen=True, kw_only=True):
    """The output tokens by kind."""

    text_tokens: int = 0
    audio_tokens: int = 0


class Usage(WireObject, frozen=True, kw_only=True):
    """What a response cost, in tokens: total = input + output, each the sum of its kinds."""

    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    input_token_details: InputTokenDetails | UnsetType = UNSET
    output_token_details: OutputTokenDetails | UnsetType = UNSET


ResponseStatus = Literal["completed", "cancelled", "failed", "incomplete", "in_progress"]


class Response(WireObject, frozen=True, kw_only=True):
    """A response. The fields stand in the order in which the service writes them."""

    object: Literal["realtime.response"] = "realtime.response"
    id: str
    status: ResponseStatus
    status_details: StatusDetails | None = None
    output: tuple[Item, ...] = ()
    conversation_id: str | None = None
    """None for a response beside the conversation."""
    output_modalities: tuple[Modality, ...] | UnsetType = UNSET
    max_output_tokens: int | Literal["inf"] | UnsetType = UNSET
    audio: ResponseAudio | UnsetType = UNSET
    temperature: Temperature = UNSET
    usage: Usage | None = None
    """None until the response is done."""
    metadata: dict[str, str] | None = None


class TranscriptionInputTokenDetails(WireObject, frozen=True, kw_only=True):
    """The input tokens of a transcription by kind."""

    text_tokens: int = 0
    audio_tokens: int = 0


class TokenUsage(TaggedObject, frozen=True, kw_only=True, tag="tokens"):
    """What a transcription cost, in tokens."""

    total_tokens: int
    input_tokens: int
    input_token_details: TranscriptionInputTokenDetails | UnsetType = UNSET
    output_tokens: int


class DurationUsage(TaggedObject, frozen=True, kw_only=True, tag="duration"):
    """What a transcription cost, as the duration of its audio."""

    seconds: float


TranscriptionUsage = TokenUsage | DurationUsage
"""What a transcription cost. It is not part of any response's usage."""
