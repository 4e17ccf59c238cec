"""The events that clients send. Each class is named as its event: `session.update` is `SessionUpdate`."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from vivavoce.protocol.base import TaggedObject, limits
from vivavoce.protocol.items import Item
from vivavoce.protocol.responses import ResponseParams
from vivavoce.protocol.sessions import SessionParams, TranslationSessionParams

MAX_AUDIO_BYTES = 15 * 2**20
"""Most audio that one append may carry, decoded: 15 MiB."""

MAX_AUDIO_CHARACTERS = MAX_AUDIO_BYTES // 3 * 4
"""The same as base64."""

MAX_EVENT_ID_CHARACTERS = 512

EventId = Annotated[str | UnsetType, limits(max_length=MAX_EVENT_ID_CHARACTERS)]
"""The client's own name for an event, which an error about it will quote."""

_AppendEventId = Annotated[str, Meta(max_length=MAX_EVENT_ID_CHARACTERS)] | UnsetType
_AppendAudio = Annotated[str, Meta(max_length=MAX_AUDIO_CHARACTERS, extra={"concealed": True})]
# Appends come fifty times a second, and only servers decode them: msgspec itself checks these two limits.


class SessionUpdate(TaggedObject, frozen=True, kw_only=True, tag="session.update"):
    """Change the session. Answered by `session.updated`."""

    event_id: EventId = UNSET
    session: SessionParams


class InputAudioBufferAppend(
    TaggedObject,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,
    tag="input_audio_buffer.append",
):
    """More audio of the speaker. Not answered."""

    event_id: _AppendEventId = UNSET
    audio: _AppendAudio
    """Base64 of raw samples in the session's input format, at most 15 MiB decoded."""


class InputAudioBufferCommit(TaggedObject, frozen=True, kw_only=True, tag="input_audio_buffer.commit"):
    """Make the buffered audio, at least 100 ms, a user's message.

    Answered by `input_audio_buffer.committed` and the item's events.
    """

    event_id: EventId = UNSET


class InputAudioBufferClear(TaggedObject, frozen=True, kw_only=True, tag="input_audio_buffer.clear"):
    """Forget the buffered audio. Answered by `input_audio_buffer.cleared`."""

    event_id: EventId = UNSET


class ConversationItemCreate(TaggedObject, frozen=True, kw_only=True, tag="conversation.item.create"):
    """Add an item. Answered by `conversation.item.added` and `conversation.item.done`."""

    event_id: EventId = UNSET
    previous_item_id: str | UnsetType | None = UNSET
    """The item to insert after; `"root"` for the beginning; absent, None or `""` for the end."""
    item: Item


class ConversationItemRetrieve(TaggedObject, frozen=True, kw_only=True, tag="conversation.item.retrieve"):
    """Ask for an item with its audio. Answered by `conversation.item.retrieved`."""

    event_id: EventId = UNSET
    item_id: str


class ConversationItemTruncate(TaggedObject, frozen=True, kw_only=True, tag="conversation.item.truncate"):
    """Forget the audio that nobody heard. Answered by `conversation.item.truncated`."""

    event_id: EventId = UNSET
    item_id: str
    content_index: Annotated[int, limits(minimum=0)]
    audio_end_ms: Annotated[int, limits(minimum=0)]
    """Milliseconds of audio to keep."""


class ConversationItemDelete(TaggedObject, frozen=True, kw_only=True, tag="conversation.item.delete"):
    """Remove an item. Answered by `conversation.item.deleted`."""

    event_id: EventId = UNSET
    item_id: str


class ResponseCreate(TaggedObject, frozen=True, kw_only=True, tag="response.create"):
    """Answer now. Answered by `response.created` and all that follows, to `response.done`."""

    event_id: EventId = UNSET
    response: ResponseParams | UnsetType | None = UNSET
    """What is to be different this time. None is as good as absent."""


class ResponseCancel(TaggedObject, frozen=True, kw_only=True, tag="response.cancel"):
    """Stop answering. Answered by the closing events of the response, to `response.done`."""

    event_id: EventId = UNSET
    response_id: str | UnsetType = UNSET
    """Absent means the response in progress in the conversation."""


class OutputAudioBufferClear(TaggedObject, frozen=True, kw_only=True, tag="output_audio_buffer.clear"):
    """WebRTC and SIP: stop playing. Answered by `output_audio_buffer.cleared`."""

    event_id: EventId = UNSET


class TranslationSessionUpdate(TaggedObject, frozen=True, kw_only=True, tag="session.update"):
    """Translation: change the session. Answered by `session.updated`."""

    event_id: EventId = UNSET
    session: TranslationSessionParams


class SessionInputAudioBufferAppend(
    TaggedObject,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,
    tag="session.input_audio_buffer.append",
):
    """Translation: more audio of the speaker. Not answered."""

    event_id: _AppendEventId = UNSET
    audio: _AppendAudio
    """Base64 of 16-bit little-endian samples, 24 kHz, one channel, at most 15 MiB decoded."""


class SessionClose(TaggedObject, frozen=True, kw_only=True, tag="session.close"):
    """Translation: finish what is under way. Answered by the rest of it and `session.closed`."""

    event_id: EventId = UNSET


ClientEvent = (
    SessionUpdate
    | InputAudioBufferAppend
    | InputAudioBufferCommit
    | InputAudioBufferClear
    | ConversationItemCreate
    | ConversationItemRetrieve
    | ConversationItemTruncate
    | ConversationItemDelete
    | ResponseCreate
    | ResponseCancel
    | OutputAudioBufferClear
    | TranslationSessionUpdate
    | SessionInputAudioBufferAppend
    | SessionClose
)
"""Whatever a client may send."""
