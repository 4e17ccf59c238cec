"""What a client may send in the beta dialect and not, or not in this shape, in the GA dialect: one method for
each event. See `vivavoce.client.events`."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from msgspec import UNSET, UnsetType

from vivavoce.client import events
from vivavoce.client.events import Events, Sent
from vivavoce.protocol.beta.client_events import (
    ConversationItemCreate,
    ResponseCreate,
    SessionUpdate,
    TranscriptionSessionUpdate,
)
from vivavoce.protocol.beta.items import Item
from vivavoce.protocol.beta.responses import ResponseParams
from vivavoce.protocol.beta.sessions import SessionParams, TranscriptionSessionParams


class SessionEvents(Events[Sent]):
    """`session.*`"""

    def update(
        self, *, session: SessionParams | Mapping[str, Any], event_id: str | UnsetType = UNSET
    ) -> Sent:
        """Change the session; what `session` leaves out stays as it is. Answered by `session.updated`."""
        return self._send(SessionUpdate(session=cast(SessionParams, session), event_id=event_id))


class TranscriptionSessionEvents(Events[Sent]):
    """`transcription_session.*`"""

    def update(
        self, *, session: TranscriptionSessionParams | Mapping[str, Any], event_id: str | UnsetType = UNSET
    ) -> Sent:
        """Change a session that only transcribes. Answered by `transcription_session.updated`."""
        params = cast(TranscriptionSessionParams, session)
        return self._send(TranscriptionSessionUpdate(session=params, event_id=event_id))


class ItemEvents(events.ItemEvents[Sent]):
    """`conversation.item.*`"""

    def create(  # type: ignore[override]
        self,
        *,
        item: Item | Mapping[str, Any],
        previous_item_id: str | UnsetType | None = UNSET,
        event_id: str | UnsetType = UNSET,
    ) -> Sent:
        """Add an item after `previous_item_id`: "root" is the beginning, left out is the end. Starts no
        response. Answered by `conversation.item.created`."""
        return self._send(
            ConversationItemCreate(
                item=cast(Item, item), previous_item_id=previous_item_id, event_id=event_id
            )
        )


class ConversationEvents(Events[Sent]):
    """`conversation.*`

    - item: the events about items.
    """

    def __init__(self, send: Callable[[Any], Sent]) -> None:
        super().__init__(send)
        self.item: ItemEvents[Sent] = ItemEvents(send)


class ResponseEvents(events.ResponseEvents[Sent]):
    """`response.*`"""

    def create(  # type: ignore[override]
        self,
        *,
        response: ResponseParams | Mapping[str, Any] | UnsetType | None = UNSET,
        event_id: str | UnsetType = UNSET,
    ) -> Sent:
        """Answer now, with what `response` wants to be different from the session. Answered by
        `response.created` and all that follows, to `response.done`."""
        return self._send(
            ResponseCreate(response=cast(ResponseParams | UnsetType | None, response), event_id=event_id)
        )
