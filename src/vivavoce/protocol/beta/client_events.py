"""The client events whose shape differs in the beta dialect, and the list of those that it takes."""

from msgspec import UNSET, UnsetType

from vivavoce.protocol import client_events as ga
from vivavoce.protocol.base import TaggedObject
from vivavoce.protocol.beta.items import Item, to_ga
from vivavoce.protocol.beta.responses import ResponseParams
from vivavoce.protocol.beta.sessions import SessionParams, TranscriptionSessionParams
from vivavoce.protocol.client_events import EventId
from vivavoce.protocol.codec import Accepts


class SessionUpdate(TaggedObject, frozen=True, kw_only=True, tag="session.update"):
    """Change a conversation session. Answered by `session.updated`."""

    event_id: EventId = UNSET
    session: SessionParams

    def to_ga(self) -> ga.SessionUpdate:
        return ga.SessionUpdate(event_id=self.event_id, session=self.session.to_ga())


class TranscriptionSessionUpdate(TaggedObject, frozen=True, kw_only=True, tag="transcription_session.update"):
    """Change a session that only transcribes. Answered by `transcription_session.updated`."""

    event_id: EventId = UNSET
    session: TranscriptionSessionParams

    def to_ga(self) -> ga.SessionUpdate:
        return ga.SessionUpdate(event_id=self.event_id, session=self.session.to_ga())


class ConversationItemCreate(TaggedObject, frozen=True, kw_only=True, tag="conversation.item.create"):
    """Add an item. Answered by `conversation.item.created`."""

    event_id: EventId = UNSET
    previous_item_id: str | UnsetType | None = UNSET
    item: Item

    def to_ga(self) -> ga.ConversationItemCreate:
        return ga.ConversationItemCreate(
            event_id=self.event_id, previous_item_id=self.previous_item_id, item=to_ga(self.item)
        )


class ResponseCreate(TaggedObject, frozen=True, kw_only=True, tag="response.create"):
    """Answer now."""

    event_id: EventId = UNSET
    response: ResponseParams | UnsetType | None = UNSET

    def to_ga(self) -> ga.ResponseCreate:
        response = self.response
        return ga.ResponseCreate(
            event_id=self.event_id,
            response=response.to_ga() if isinstance(response, ResponseParams) else response,
        )


WEBSOCKET = Accepts(
    [
        SessionUpdate,
        TranscriptionSessionUpdate,
        ga.InputAudioBufferAppend,
        ga.InputAudioBufferCommit,
        ga.InputAudioBufferClear,
        ConversationItemCreate,
        ga.ConversationItemTruncate,
        ga.ConversationItemDelete,
        ga.ConversationItemRetrieve,
        ResponseCreate,
        ga.ResponseCancel,
    ]
)
"""What the beta dialect takes over a WebSocket, in the order in which a refusal lists it."""

MEDIA = Accepts([*WEBSOCKET.events.values(), ga.OutputAudioBufferClear])
"""The same over WebRTC."""

Different = SessionUpdate | TranscriptionSessionUpdate | ConversationItemCreate | ResponseCreate
"""Those that have to be translated."""

ClientEvent = (
    Different
    | ga.InputAudioBufferAppend
    | ga.InputAudioBufferCommit
    | ga.InputAudioBufferClear
    | ga.ConversationItemTruncate
    | ga.ConversationItemDelete
    | ga.ConversationItemRetrieve
    | ga.ResponseCancel
    | ga.OutputAudioBufferClear
)
"""Whatever a client may send in the beta dialect."""
