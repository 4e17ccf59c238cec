"""The events that servers send. Each class is named as its event: `session.created` is `SessionCreated`, and
`error` is `ErrorEvent`. The fields stand in the order in which the service writes them."""

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from vivavoce.protocol.base import ServerMessage, WireObject, limits
from vivavoce.protocol.content import Part
from vivavoce.protocol.errors import Error
from vivavoce.protocol.items import Item
from vivavoce.protocol.responses import Response, TranscriptionUsage
from vivavoce.protocol.sessions import Session

Sound = Annotated[str, limits(concealed=True)]
"""Base64 of raw samples."""

Obfuscation = str | UnsetType
"""Random characters that hide the length of the text beside them. To be ignored."""


class UnknownEvent(WireObject, frozen=True, kw_only=True):
    """An event of a type, or in a shape, that this version does not know."""

    type: str
    raw: Annotated[bytes, limits(concealed=True)]
    """The JSON as it came."""


# The session.


class ErrorEvent(ServerMessage, frozen=True, kw_only=True, tag="error"):
    """Something went wrong. The session goes on, unless the connection closes right after."""

    event_id: str
    error: Error


class SessionCreated(ServerMessage, frozen=True, kw_only=True, tag="session.created"):
    """The first event of every connection."""

    event_id: str
    session: Session


class SessionUpdated(ServerMessage, frozen=True, kw_only=True, tag="session.updated"):
    """The session changed; here is all of it."""

    event_id: str
    session: Session


class ConversationInfo(WireObject, frozen=True, kw_only=True):
    """What `conversation.created` says about the conversation."""

    id: str | UnsetType = UNSET
    object: str | UnsetType = UNSET


class ConversationCreated(ServerMessage, frozen=True, kw_only=True, tag="conversation.created"):
    """Follows `session.created` on some servers."""

    event_id: str
    conversation: ConversationInfo


class RateLimit(WireObject, frozen=True, kw_only=True):
    """How much of one kind may still be used."""

    name: Literal["requests", "tokens"] | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    remaining: int | UnsetType = UNSET
    reset_seconds: float | UnsetType = UNSET
    """Seconds until all of it may be used again."""


class RateLimitsUpdated(ServerMessage, frozen=True, kw_only=True, tag="rate_limits.updated"):
    """Follows `response.done`."""

    event_id: str
    rate_limits: tuple[RateLimit, ...]


# The input audio buffer. All times are milliseconds of audio since the session began.


class InputAudioBufferSpeechStarted(
    ServerMessage, frozen=True, kw_only=True, tag="input_audio_buffer.speech_started"
):
    """Somebody began to speak."""

    event_id: str
    audio_start_ms: int
    """Where the turn's audio begins: the onset of speech less the prefix padding."""
    item_id: str
    """The item that the turn will become."""


class InputAudioBufferSpeechStopped(
    ServerMessage, frozen=True, kw_only=True, tag="input_audio_buffer.speech_stopped"
):
    """The speaker fell silent."""

    event_id: str
    audio_end_ms: int
    """Where the turn's audio ends, the silence that ended it included."""
    item_id: str


class InputAudioBufferCommitted(ServerMessage, frozen=True, kw_only=True, tag="input_audio_buffer.committed"):
    """The buffered audio becomes an item."""

    event_id: str
    previous_item_id: str | None = None
    item_id: str


class InputAudioBufferCleared(ServerMessage, frozen=True, kw_only=True, tag="input_audio_buffer.cleared"):
    """The buffered audio is forgotten."""

    event_id: str


class InputAudioBufferTimeoutTriggered(
    ServerMessage, frozen=True, kw_only=True, tag="input_audio_buffer.timeout_triggered"
):
    """Nobody spoke for `idle_timeout_ms`; the silence is committed."""

    event_id: str
    audio_start_ms: int
    """Where the last response had been played."""
    audio_end_ms: int
    item_id: str


class InputAudioBufferDtmfEventReceived(
    ServerMessage, frozen=True, kw_only=True, tag="input_audio_buffer.dtmf_event_received"
):
    """SIP: a key of the telephone was pressed."""

    event_id: str | UnsetType = UNSET
    event: str
    """0 to 9, `*`, `#`, A to D."""
    received_at: int
    """Seconds since 1970."""


# Items.


class ConversationItemCreated(ServerMessage, frozen=True, kw_only=True, tag="conversation.item.created"):
    """An item is in the conversation. Not sent by the GA service, which says `added` and `done`."""

    event_id: str
    previous_item_id: str | None = None
    item: Item


class ConversationItemAdded(ServerMessage, frozen=True, kw_only=True, tag="conversation.item.added"):
    """An item is in the conversation, after `previous_item_id`, or first if that is None."""

    event_id: str
    previous_item_id: str | None = None
    item: Item


class ConversationItemDone(ServerMessage, frozen=True, kw_only=True, tag="conversation.item.done"):
    """An item is in its final state."""

    event_id: str
    previous_item_id: str | None = None
    item: Item


class ConversationItemRetrieved(ServerMessage, frozen=True, kw_only=True, tag="conversation.item.retrieved"):
    """An item as it is stored, audio included."""

    event_id: str
    item: Item


class ConversationItemTruncated(ServerMessage, frozen=True, kw_only=True, tag="conversation.item.truncated"):
    """The audio of an item after `audio_end_ms`, and what was said in it, is forgotten."""

    event_id: str
    item_id: str
    content_index: int
    audio_end_ms: int


class ConversationItemDeleted(ServerMessage, frozen=True, kw_only=True, tag="conversation.item.deleted"):
    """An item is gone."""

    event_id: str
    item_id: str


class LogProb(WireObject, frozen=True, kw_only=True):
    """How sure the transcriber is of a token."""

    token: str
    logprob: float
    bytes: tuple[int, ...]
    """The token's UTF-8 bytes."""


class TranscriptionLanguage(WireObject, frozen=True, kw_only=True):
    """A language that was heard."""

    code: str


class ConversationItemInputAudioTranscriptionDelta(
    ServerMessage, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.delta"
):
    """More of what was understood."""

    event_id: str
    item_id: str
    content_index: int = 0
    delta: str = ""
    obfuscation: Obfuscation = UNSET
    logprobs: tuple[LogProb, ...] | UnsetType | None = UNSET


class ConversationItemInputAudioTranscriptionSegment(
    ServerMessage, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.segment"
):
    """What one speaker said."""

    event_id: str
    item_id: str
    content_index: int
    text: str
    id: str
    speaker: str
    start: float
    """Seconds since the beginning of the item's audio."""
    end: float


class ConversationItemInputAudioTranscriptionCompleted(
    ServerMessage, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.completed"
):
    """All that was understood."""

    event_id: str
    item_id: str
    content_index: int
    transcript: str
    languages: tuple[TranscriptionLanguage, ...] | UnsetType = UNSET
    logprobs: tuple[LogProb, ...] | UnsetType | None = UNSET
    usage: TranscriptionUsage | UnsetType = UNSET


class TranscriptionError(WireObject, frozen=True, kw_only=True):
    """Why a transcription failed."""

    type: str | UnsetType = UNSET
    code: str | UnsetType | None = UNSET
    message: str | UnsetType = UNSET
    param: str | UnsetType | None = UNSET


class ConversationItemInputAudioTranscriptionFailed(
    ServerMessage, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.failed"
):
    """Nothing could be understood."""

    event_id: str
    item_id: str
    content_index: int
    error: TranscriptionError


# Responses.


class ResponseCreated(ServerMessage, frozen=True, kw_only=True, tag="response.created"):
    """A response begins."""

    event_id: str
    response: Response


class ResponseDone(ServerMessage, frozen=True, kw_only=True, tag="response.done"):
    """The last event of every response."""

    event_id: str
    response: Response


class ResponseOutputItemAdded(ServerMessage, frozen=True, kw_only=True, tag="response.output_item.added"):
    """The response begins an item."""

    event_id: str
    response_id: str
    output_index: int
    item: Item


class ResponseOutputItemDone(ServerMessage, frozen=True, kw_only=True, tag="response.output_item.done"):
    """The response ends an item."""

    event_id: str
    response_id: str
    output_index: int
    item: Item


class ResponseContentPartAdded(ServerMessage, frozen=True, kw_only=True, tag="response.content_part.added"):
    """A message begins a part."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    part: Part


class ResponseContentPartDone(ServerMessage, frozen=True, kw_only=True, tag="response.content_part.done"):
    """A message ends a part."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    part: Part


class ResponseOutputTextDelta(
    ServerMessage, frozen=True, kw_only=True, gc=False, tag="response.output_text.delta"
):
    """More text."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    delta: str
    obfuscation: Obfuscation = UNSET


class ResponseOutputTextDone(ServerMessage, frozen=True, kw_only=True, tag="response.output_text.done"):
    """All the text."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    text: str


class ResponseOutputAudioDelta(
    ServerMessage, frozen=True, kw_only=True, gc=False, tag="response.output_audio.delta"
):
    """More speech."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    delta: Sound
    """Base64 of raw samples in the response's output format."""
    obfuscation: Obfuscation = UNSET


class ResponseOutputAudioDone(ServerMessage, frozen=True, kw_only=True, tag="response.output_audio.done"):
    """No more speech."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int


class ResponseOutputAudioTranscriptDelta(
    ServerMessage, frozen=True, kw_only=True, gc=False, tag="response.output_audio_transcript.delta"
):
    """More of the words of the speech. They run ahead of the audio."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    delta: str
    obfuscation: Obfuscation = UNSET


class ResponseOutputAudioTranscriptDone(
    ServerMessage, frozen=True, kw_only=True, tag="response.output_audio_transcript.done"
):
    """All the words of the speech."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    transcript: str


class ResponseFunctionCallArgumentsDelta(
    ServerMessage, frozen=True, kw_only=True, gc=False, tag="response.function_call_arguments.delta"
):
    """More of the JSON text of a call's arguments."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    call_id: str
    delta: str
    obfuscation: Obfuscation = UNSET


class ResponseFunctionCallArgumentsDone(
    ServerMessage, frozen=True, kw_only=True, tag="response.function_call_arguments.done"
):
    """All of a call's arguments."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    call_id: str
    name: str | UnsetType = UNSET
    """Always there in the GA dialect."""
    arguments: str


# MCP.


class McpListToolsInProgress(ServerMessage, frozen=True, kw_only=True, tag="mcp_list_tools.in_progress"):
    """An MCP server is asked for its tools."""

    event_id: str
    item_id: str


class McpListToolsCompleted(ServerMessage, frozen=True, kw_only=True, tag="mcp_list_tools.completed"):
    """The MCP server answered; `conversation.item.done` has the tools."""

    event_id: str
    item_id: str


class McpListToolsFailed(ServerMessage, frozen=True, kw_only=True, tag="mcp_list_tools.failed"):
    """The MCP server did not answer."""

    event_id: str
    item_id: str


class ResponseMcpCallArgumentsDelta(
    ServerMessage, frozen=True, kw_only=True, tag="response.mcp_call_arguments.delta"
):
    """More of the JSON text of a tool call's arguments."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    delta: str
    obfuscation: str | UnsetType | None = UNSET


class ResponseMcpCallArgumentsDone(
    ServerMessage, frozen=True, kw_only=True, tag="response.mcp_call_arguments.done"
):
    """All of a tool call's arguments."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    arguments: str


class ResponseMcpCallInProgress(
    ServerMessage, frozen=True, kw_only=True, tag="response.mcp_call.in_progress"
):
    """The MCP server works on a call."""

    event_id: str
    output_index: int
    item_id: str


class ResponseMcpCallCompleted(ServerMessage, frozen=True, kw_only=True, tag="response.mcp_call.completed"):
    """The MCP server answered a call."""

    event_id: str
    output_index: int
    item_id: str


class ResponseMcpCallFailed(ServerMessage, frozen=True, kw_only=True, tag="response.mcp_call.failed"):
    """The MCP server failed a call."""

    event_id: str
    output_index: int
    item_id: str


# WebRTC and SIP.


class OutputAudioBufferStarted(ServerMessage, frozen=True, kw_only=True, tag="output_audio_buffer.started"):
    """The response began to be heard."""

    event_id: str
    response_id: str


class OutputAudioBufferStopped(ServerMessage, frozen=True, kw_only=True, tag="output_audio_buffer.stopped"):
    """The response was heard to its end."""

    event_id: str
    response_id: str


class OutputAudioBufferCleared(ServerMessage, frozen=True, kw_only=True, tag="output_audio_buffer.cleared"):
    """The rest of the response will not be heard."""

    event_id: str
    response_id: str


# Translation.


class SessionClosed(ServerMessage, frozen=True, kw_only=True, tag="session.closed"):
    """Translation: the session is over."""

    event_id: str


class SessionInputTranscriptDelta(
    ServerMessage, frozen=True, kw_only=True, tag="session.input_transcript.delta"
):
    """Translation: more of what was heard."""

    event_id: str
    delta: str
    elapsed_ms: int | UnsetType | None = UNSET
    """Milliseconds of the input's audio that this belongs to, from the beginning of the session."""


class SessionOutputTranscriptDelta(
    ServerMessage, frozen=True, kw_only=True, tag="session.output_transcript.delta"
):
    """Translation: more of the words spoken."""

    event_id: str
    delta: str
    elapsed_ms: int | UnsetType | None = UNSET
    """Milliseconds of the input's audio that this belongs to, from the beginning of the session."""


class SessionOutputAudioDelta(
    ServerMessage, frozen=True, kw_only=True, gc=False, tag="session.output_audio.delta"
):
    """Translation: more of the speech."""

    event_id: str
    delta: Sound
    sample_rate: int = 24000
    channels: int = 1
    format: Literal["pcm16"] = "pcm16"
    elapsed_ms: int | UnsetType | None = UNSET
    """Milliseconds of the input's audio that this belongs to, from the beginning of the session."""


ServerEvent = (
    ErrorEvent
    | SessionCreated
    | SessionUpdated
    | ConversationCreated
    | RateLimitsUpdated
    | InputAudioBufferSpeechStarted
    | InputAudioBufferSpeechStopped
    | InputAudioBufferCommitted
    | InputAudioBufferCleared
    | InputAudioBufferTimeoutTriggered
    | InputAudioBufferDtmfEventReceived
    | ConversationItemCreated
    | ConversationItemAdded
    | ConversationItemDone
    | ConversationItemRetrieved
    | ConversationItemTruncated
    | ConversationItemDeleted
    | ConversationItemInputAudioTranscriptionDelta
    | ConversationItemInputAudioTranscriptionSegment
    | ConversationItemInputAudioTranscriptionCompleted
    | ConversationItemInputAudioTranscriptionFailed
    | ResponseCreated
    | ResponseDone
    | ResponseOutputItemAdded
    | ResponseOutputItemDone
    | ResponseContentPartAdded
    | ResponseContentPartDone
    | ResponseOutputTextDelta
    | ResponseOutputTextDone
    | ResponseOutputAudioDelta
    | ResponseOutputAudioDone
    | ResponseOutputAudioTranscriptDelta
    | ResponseOutputAudioTranscriptDone
    | ResponseFunctionCallArgumentsDelta
    | ResponseFunctionCallArgumentsDone
    | McpListToolsInProgress
    | McpListToolsCompleted
    | McpListToolsFailed
    | ResponseMcpCallArgumentsDelta
    | ResponseMcpCallArgumentsDone
    | ResponseMcpCallInProgress
    | ResponseMcpCallCompleted
    | ResponseMcpCallFailed
    | OutputAudioBufferStarted
    | OutputAudioBufferStopped
    | OutputAudioBufferCleared
    | SessionClosed
    | SessionInputTranscriptDelta
    | SessionOutputTranscriptDelta
    | SessionOutputAudioDelta
)
"""Whatever a server may send, in what this version knows."""
