"""What a client may send, one method for each event.

The methods build the event and hand it to `send` of the connection, so that the same classes serve
connections that are awaited and connections that are not: `Sent` is what `send` returns. Arguments that are
left out (`UNSET`) stay out of the JSON; None is sent as null.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

import pybase64
from msgspec import UNSET, UnsetType

from vivavoce.protocol import (
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    Item,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
    ResponseParams,
    SessionParams,
    SessionUpdate,
)

Sent = TypeVar("Sent", covariant=True)


class Events(Generic[Sent]):
    """Those of one kind."""

    def __init__(self, send: Callable[[Any], Sent]) -> None:
        self._send = send


class SessionEvents(Events[Sent]):
    """`session.*`"""

    def update(
        self, *, session: SessionParams | Mapping[str, Any], event_id: str | UnsetType = UNSET
    ) -> Sent:
        """Change the session; what `session` leaves out stays as it is. Answered by `session.updated`."""
        return self._send(SessionUpdate(session=cast(SessionParams, session), event_id=event_id))


class InputAudioBufferEvents(Events[Sent]):
    """`input_audio_buffer.*`"""

    def append(self, *, audio: bytes | str, event_id: str | UnsetType = UNSET) -> Sent:
        """More of what the microphone hears: raw samples in the session's input format, or base64 of them. At
        most 15 MiB of samples. Not answered."""
        text = audio if isinstance(audio, str) else pybase64.b64encode_as_string(audio)
        return self._send(InputAudioBufferAppend(audio=text, event_id=event_id))

    def commit(self, *, event_id: str | UnsetType = UNSET) -> Sent:
        """Make the buffered audio, at least 100 ms, a user's message. Answered by
        `input_audio_buffer.committed`."""
        return self._send(InputAudioBufferCommit(event_id=event_id))

    def clear(self, *, event_id: str | UnsetType = UNSET) -> Sent:
        """Forget the buffered audio. Answered by `input_audio_buffer.cleared`."""
        return self._send(InputAudioBufferClear(event_id=event_id))


class OutputAudioBufferEvents(Events[Sent]):
    """`output_audio_buffer.*`"""

    def clear(self, *, event_id: str | UnsetType = UNSET) -> Sent:
        """Stop what the server itself plays, over WebRTC and SIP. Answered by
        `output_audio_buffer.cleared`."""
        return self._send(OutputAudioBufferClear(event_id=event_id))


class ItemEvents(Events[Sent]):
    """`conversation.item.*`"""

    def create(
        self,
        *,
        item: Item | Mapping[str, Any],
        previous_item_id: str | UnsetType | None = UNSET,
        event_id: str | UnsetType = UNSET,
    ) -> Sent:
        """Add an item after `previous_item_id`: "root" is the beginning, left out is the end. Starts no
        response. Answered by `conversation.item.added` and `conversation.item.done`."""
        return self._send(
            ConversationItemCreate(
                item=cast(Item, item), previous_item_id=previous_item_id, event_id=event_id
            )
        )

    def retrieve(self, *, item_id: str, event_id: str | UnsetType = UNSET) -> Sent:
        """Ask for an item with its audio. Answered by `conversation.item.retrieved`."""
        return self._send(ConversationItemRetrieve(item_id=item_id, event_id=event_id))

    def delete(self, *, item_id: str, event_id: str | UnsetType = UNSET) -> Sent:
        """Remove an item. Answered by `conversation.item.deleted`."""
        return self._send(ConversationItemDelete(item_id=item_id, event_id=event_id))

    def truncate(
        self, *, item_id: str, content_index: int, audio_end_ms: int, event_id: str | UnsetType = UNSET
    ) -> Sent:
        """Keep the first `audio_end_ms` milliseconds of the assistant's speech, which is what was heard.
        Answered by `conversation.item.truncated`."""
        return self._send(
            ConversationItemTruncate(
                item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms, event_id=event_id
            )
        )


class ConversationEvents(Events[Sent]):
    """`conversation.*`

    - item: the events about items.
    """

    def __init__(self, send: Callable[[Any], Sent]) -> None:
        super().__init__(send)
        self.item: ItemEvents[Sent] = ItemEvents(send)


class ResponseEvents(Events[Sent]):
    """`response.*`"""

    def create(
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

    def cancel(self, *, response_id: str | UnsetType = UNSET, event_id: str | UnsetType = UNSET) -> Sent:
        """Stop answering: this response, or else the one in progress in the conversation. Answered by its
        `response.done`."""
        return self._send(ResponseCancel(response_id=response_id, event_id=event_id))
