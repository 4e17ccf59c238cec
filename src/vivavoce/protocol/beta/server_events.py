"""The server events whose name or shape differs in the beta dialect.

The published schemas of the beta dialect name the deltas as the GA dialect does. The service and its clients
never did: on the wire they are `response.text.…`, `response.audio.…` and `response.audio_transcript.…`.
"""

import msgspec
from msgspec import UNSET, UnsetType

from vivavoce.protocol import server_events as ga
from vivavoce.protocol.base import ServerMessage, keep_raw
from vivavoce.protocol.beta.responses import Response
from vivavoce.protocol.beta.sessions import Session, TranscriptionSession
from vivavoce.protocol.codec import unknown_event
from vivavoce.protocol.items import Item
from vivavoce.protocol.server_events import LogProb, Sound, UnknownEvent


class SessionCreated(ServerMessage, frozen=True, kw_only=True, tag="session.created"):
    """The first event of a conversation session."""

    event_id: str
    session: Session


class SessionUpdated(ServerMessage, frozen=True, kw_only=True, tag="session.updated"):
    """The session changed; here is all of it."""

    event_id: str
    session: Session


class TranscriptionSessionCreated(
    ServerMessage, frozen=True, kw_only=True, tag="transcription_session.created"
):
    """The first event of a session that only transcribes."""

    event_id: str
    session: TranscriptionSession


class TranscriptionSessionUpdated(
    ServerMessage, frozen=True, kw_only=True, tag="transcription_session.updated"
):
    """The session changed; here is all of it."""

    event_id: str
    session: TranscriptionSession


class ConversationItemCreated(ServerMessage, frozen=True, kw_only=True, tag="conversation.item.created"):
    """An item is in the conversation. Nothing tells when it is done."""

    event_id: str
    previous_item_id: str | None = None
    item: Item


class ConversationItemInputAudioTranscriptionDelta(
    ServerMessage, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.delta"
):
    """More of what was understood."""

    event_id: str
    item_id: str
    content_index: int | UnsetType = UNSET
    delta: str | UnsetType = UNSET
    logprobs: tuple[LogProb, ...] | UnsetType | None = UNSET


class ResponseCreated(ServerMessage, frozen=True, kw_only=True, tag="response.created"):
    """A response begins."""

    event_id: str
    response: Response


class ResponseDone(ServerMessage, frozen=True, kw_only=True, tag="response.done"):
    """The last event of every response."""

    event_id: str
    response: Response


class ResponseTextDelta(ServerMessage, frozen=True, kw_only=True, gc=False, tag="response.text.delta"):
    """More text."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    delta: str


class ResponseTextDone(ServerMessage, frozen=True, kw_only=True, tag="response.text.done"):
    """All the text."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    text: str


class ResponseAudioDelta(ServerMessage, frozen=True, kw_only=True, gc=False, tag="response.audio.delta"):
    """More speech."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    delta: Sound
    """Base64 of raw samples in the response's output format."""


class ResponseAudioDone(ServerMessage, frozen=True, kw_only=True, tag="response.audio.done"):
    """No more speech."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int


class ResponseAudioTranscriptDelta(
    ServerMessage, frozen=True, kw_only=True, gc=False, tag="response.audio_transcript.delta"
):
    """More of the words of the speech."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    delta: str


class ResponseAudioTranscriptDone(
    ServerMessage, frozen=True, kw_only=True, tag="response.audio_transcript.done"
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


class ResponseFunctionCallArgumentsDone(
    ServerMessage, frozen=True, kw_only=True, tag="response.function_call_arguments.done"
):
    """All of a call's arguments. The function's name is in the item."""

    event_id: str
    response_id: str
    item_id: str
    output_index: int
    call_id: str
    arguments: str


ServerEvent = (
    ga.ErrorEvent
    | SessionCreated
    | SessionUpdated
    | TranscriptionSessionCreated
    | TranscriptionSessionUpdated
    | ga.ConversationCreated
    | ga.RateLimitsUpdated
    | ga.InputAudioBufferSpeechStarted
    | ga.InputAudioBufferSpeechStopped
    | ga.InputAudioBufferCommitted
    | ga.InputAudioBufferCleared
    | ConversationItemCreated
    | ga.ConversationItemRetrieved
    | ga.ConversationItemTruncated
    | ga.ConversationItemDeleted
    | ConversationItemInputAudioTranscriptionDelta
    | ga.ConversationItemInputAudioTranscriptionCompleted
    | ga.ConversationItemInputAudioTranscriptionFailed
    | ResponseCreated
    | ResponseDone
    | ga.ResponseOutputItemAdded
    | ga.ResponseOutputItemDone
    | ga.ResponseContentPartAdded
    | ga.ResponseContentPartDone
    | ResponseTextDelta
    | ResponseTextDone
    | ResponseAudioDelta
    | ResponseAudioDone
    | ResponseAudioTranscriptDelta
    | ResponseAudioTranscriptDone
    | ResponseFunctionCallArgumentsDelta
    | ResponseFunctionCallArgumentsDone
    | ga.OutputAudioBufferStarted
    | ga.OutputAudioBufferStopped
    | ga.OutputAudioBufferCleared
)
"""Whatever a server may send in the beta dialect."""

_decoder: msgspec.json.Decoder[ServerEvent] = msgspec.json.Decoder(ServerEvent)


def decode_server_event(data: str | bytes) -> ServerEvent | UnknownEvent:
    """Read what a server sent in the beta dialect.

    A type or a shape that this version does not know becomes an UnknownEvent; a field that it does not know
    is in the event's `raw`. Raises MalformedEvent for what is not JSON, or not an object with a string as its
    `type`.
    """
    try:
        event = _decoder.decode(data)
    except (ValueError, RecursionError):
        return unknown_event(data)
    keep_raw(event, data)
    return event
