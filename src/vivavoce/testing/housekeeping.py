"""What a server answers to everything that needs no model: settings, items and the input audio buffer."""

from collections.abc import Callable
from typing import Any, cast

import msgspec
from msgspec import UNSET

from vivavoce.audio import bytes_per_second
from vivavoce.protocol import client_events as client
from vivavoce.protocol import errors, sessions
from vivavoce.protocol import server_events as ga
from vivavoce.protocol.client_events import ClientEvent
from vivavoce.protocol.content import InputAudio
from vivavoce.protocol.errors import Error
from vivavoce.protocol.items import Item, Message
from vivavoce.protocol.server_events import ServerEvent
from vivavoce.protocol.turns import SemanticVad, ServerVad

_NESTED = (
    sessions.AudioParams,
    sessions.AudioInputParams,
    sessions.AudioOutputParams,
    sessions.TranscriptionAudioParams,
    sessions.TranslationAudioParams,
    sessions.TranslationInputParams,
    sessions.TranslationOutputParams,
)
"""The objects that an update changes field by field; it replaces all others."""

MAX_ITEMS = 10_000
"""Items that a conversation may have."""

_SHORTEST_MS = 100


class Conversation:
    """A session as far as it can be kept without hearing or understanding anything."""

    def __init__(self, session: sessions.Session, new_id: Callable[[str], str]) -> None:
        self.session = session
        self.id = new_id("conv")
        self._new_id = new_id
        self._items: dict[str, Item] = {}
        self._order: list[str] = []
        self._buffered = 0

    @property
    def last_item_id(self) -> str | None:
        return self._order[-1] if self._order else None

    def note(self, item: Item) -> None:
        """An item that a response wrote, or a turn."""
        id = str(item.id)
        if id not in self._items:
            self._order.append(id)
        self._items[id] = item

    def answer(self, event: ClientEvent) -> list[ServerEvent] | None:
        """The events that answer this one; None if it takes a model to answer it."""
        match event:
            case client.SessionUpdate() | client.TranslationSessionUpdate():
                return self._update(event)
            case (
                client.InputAudioBufferAppend(audio=audio) | client.SessionInputAudioBufferAppend(audio=audio)
            ):
                self._buffered += len(audio) * 3 // 4 - audio[-2:].count("=")
                return []
            case client.InputAudioBufferClear():
                self._buffered = 0
                return [ga.InputAudioBufferCleared(event_id=self._event())]
            case client.InputAudioBufferCommit():
                return self._commit(event)
            case client.ConversationItemCreate():
                return self._create(event)
            case client.ConversationItemRetrieve(item_id=id):
                if id not in self._items:
                    return self._refuse(errors.item_not_found("retrieving", id), event)
                return [ga.ConversationItemRetrieved(event_id=self._event(), item=self._items[id])]
            case client.ConversationItemDelete(item_id=id):
                if self._items.pop(id, None) is None:
                    return self._refuse(errors.item_not_found("deleting", id), event)
                self._order.remove(id)
                return [ga.ConversationItemDeleted(event_id=self._event(), item_id=id)]
            case client.ConversationItemTruncate(item_id=id, content_index=index, audio_end_ms=end):
                if id not in self._items:
                    return self._refuse(errors.item_not_found("truncating", id), event)
                return [
                    ga.ConversationItemTruncated(
                        event_id=self._event(), item_id=id, content_index=index, audio_end_ms=end
                    )
                ]
            case client.SessionClose():
                return [ga.SessionClosed(event_id=self._event())]
            case _:
                return None

    def committed(self, item_id: str) -> list[ServerEvent]:
        """A turn of the user becomes an item."""
        previous = self.last_item_id
        item = Message(id=item_id, status="completed", role="user", content=(InputAudio(transcript=None),))
        self._buffered = 0
        self.note(item)
        return [
            ga.InputAudioBufferCommitted(event_id=self._event(), previous_item_id=previous, item_id=item_id),
            *self._added(item, previous),
        ]

    def _update(self, event: client.SessionUpdate | client.TranslationSessionUpdate) -> list[ServerEvent]:
        sent = getattr(event.session, "type", self.session.type)  # those of translations do not say
        if sent != self.session.type:
            return self._refuse(errors.wrong_session_type(sent, self.session.type), event)
        self.session = cast(sessions.Session, merged(self.session, event.session))
        return [ga.SessionUpdated(event_id=self._event(), session=self.session)]

    def _commit(self, event: ClientEvent) -> list[ServerEvent]:
        per_second = bytes_per_second(_input_format(self.session))
        if self._buffered * 1000 < _SHORTEST_MS * per_second:
            return self._refuse(errors.commit_empty(self._buffered * 1000 / per_second), event)
        return self.committed(self._new_id("item"))

    def _create(self, event: client.ConversationItemCreate) -> list[ServerEvent]:
        item = event.item
        id = self._new_id("item") if item.id is UNSET else item.id
        previous = event.previous_item_id
        if id in self._items:
            return self._refuse(errors.duplicate_item(id), event)
        if isinstance(previous, str) and previous != "root" and previous not in self._items:
            return self._refuse(errors.unknown_previous_item(previous), event)
        if len(self._order) >= MAX_ITEMS:
            return self._refuse(errors.array_too_long("conversation", MAX_ITEMS, MAX_ITEMS + 1), event)
        if not isinstance(previous, str):
            place = len(self._order)
        else:
            place = 0 if previous == "root" else self._order.index(previous) + 1
        item = _shown(item, id)
        before = self._order[place - 1] if place else None
        self._order.insert(place, id)
        self._items[id] = item
        return self._added(item, before)

    def _added(self, item: Item, previous: str | None) -> list[ServerEvent]:
        return [
            ga.ConversationItemAdded(event_id=self._event(), previous_item_id=previous, item=item),
            ga.ConversationItemDone(event_id=self._event(), previous_item_id=previous, item=item),
        ]

    def _refuse(self, error: Error, event: ClientEvent) -> list[ServerEvent]:
        named = msgspec.structs.replace(error, event_id=None if event.event_id is UNSET else event.event_id)
        return [ga.ErrorEvent(event_id=self._event(), error=named)]

    def _event(self) -> str:
        return self._new_id("event")


def merged(current: Any, change: Any) -> Any:
    """The settings after a change: what it leaves out stays."""
    values = {}
    for name in change.__struct_fields__:
        value = getattr(change, name)
        if value is UNSET or not hasattr(current, name):
            continue
        if isinstance(value, _NESTED):
            value = merged(getattr(current, name), value)
        elif isinstance(value, ServerVad | SemanticVad) and isinstance(
            current, sessions.TranscriptionSessionAudioInput
        ):
            value = value.for_transcription()
        values[name] = value
    return msgspec.structs.replace(current, **values)


def _input_format(session: sessions.Session) -> str:
    if isinstance(session, sessions.TranslationSession):
        return "audio/pcm"
    return session.audio.input.format.type


def _shown(item: Any, id: str) -> Item:
    """The item as its events show it: completed, and without its sound."""
    changes: dict[str, Any] = {"id": id}
    if hasattr(item, "status"):
        changes["status"] = "completed"
    if isinstance(item, Message):
        changes["content"] = tuple(
            InputAudio(transcript=None) if isinstance(part, InputAudio) else part for part in item.content
        )
    return cast(Item, msgspec.structs.replace(item, **changes))
