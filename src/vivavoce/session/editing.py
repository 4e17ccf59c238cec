"""What clients do to the items of the conversation: create, retrieve, truncate and delete them."""

from vivavoce.protocol import (
    ConversationItemCreate,
    ConversationItemDeleted,
    ConversationItemRetrieved,
    ConversationItemTruncate,
    InvalidEvent,
    errors,
)
from vivavoce.session import intake, limits
from vivavoce.session.answering import Answering
from vivavoce.session.barge_in import BargeIns
from vivavoce.session.conversation import ROOT, StoredItem
from vivavoce.session.core import Core
from vivavoce.session.listening import Listening
from vivavoce.session.transcribing import Transcribing


class Editing:
    """Every method raises InvalidEvent, and changes nothing, for what cannot be done."""

    __slots__ = ("_answering", "_barge_ins", "_core", "_listening", "_transcribing")

    def __init__(
        self,
        core: Core,
        listening: Listening,
        transcribing: Transcribing,
        answering: Answering,
        barge_ins: BargeIns,
    ) -> None:
        self._core = core
        self._listening = listening
        self._transcribing = transcribing
        self._answering = answering
        self._barge_ins = barge_ins

    def create(self, event: ConversationItemCreate) -> None:
        """A new item, at the place that the client chose."""
        core = self._core
        after = event.previous_item_id or None
        stored = intake.stored_item(event.item, "item", core.mint, core.config.audio.input.format)
        intake.check_call(stored, core.conversation)
        self._answering.calls.check_approval(stored)
        if stored.id in core.conversation or self._is_taken(stored.id):
            raise InvalidEvent(errors.duplicate_item(stored.id))
        if after is not None and after != ROOT and after not in core.conversation:
            raise InvalidEvent(errors.unknown_previous_item(after))
        if len(core.conversation) >= core.options.max_items:
            raise InvalidEvent(limits.too_many_items(core.options.max_items))
        if core.conversation.n_bytes + self._listening.n_bytes + stored.n_bytes > core.options.max_bytes:
            raise InvalidEvent(limits.conversation_full(core.options.max_bytes, "item"))
        core.add_item(stored, after)
        self._answering.memory.answered(stored)
        self._answering.calls.answer_request(stored)
        self._transcribing.understand(stored)

    def retrieve(self, item_id: str) -> None:
        """Show an item with its audio."""
        stored = self._existing(item_id, "retrieving")
        self._core.emit(ConversationItemRetrieved, item=stored.retrieved())

    def truncate(self, event: ConversationItemTruncate) -> None:
        """Keep what was heard of an answer."""
        stored = self._existing(event.item_id, "truncating")
        length = stored.answer_ms
        if length is None:
            raise InvalidEvent(errors.not_truncatable())
        if event.content_index != 0:
            raise InvalidEvent(errors.unknown_content_index(event.content_index))
        if event.audio_end_ms > length:
            raise InvalidEvent(errors.truncate_beyond(length, event.audio_end_ms))
        self._answering.truncate(stored, event.audio_end_ms)
        if event.audio_end_ms < length:
            self._answering.playing.cut_short()

    def delete(self, item_id: str) -> None:
        """An item goes, and whatever was still to come of it."""
        stored = self._existing(item_id, "deleting")
        self._core.conversation.remove(item_id)
        self._answering.memory.changed(stored)
        if not self._answering.awaits(stored):
            self._transcribing.abandon(item_id)
        self._answering.calls.forget_request(item_id)
        self._barge_ins.dismiss(item_id)
        self._core.emit(ConversationItemDeleted, item_id=item_id)

    def _existing(self, item_id: str, action: str) -> StoredItem:
        stored = self._core.conversation.get(item_id)
        if stored is None:
            raise InvalidEvent(errors.item_not_found(action, item_id))
        return stored

    def _is_taken(self, item_id: str) -> bool:
        """Whether events will name this id, though the conversation has no such item: one that is on its way,
        or one that is gone."""
        return (
            self._listening.expects(item_id)
            or item_id in self._transcribing
            or self._answering.is_writing(item_id)
            or self._answering.servers.is_listing(item_id)
            or self._answering.calls.is_running(item_id)
        )
