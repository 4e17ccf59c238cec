"""What the parts of a session share: its configuration, its conversation and the way out."""

from typing import Any

from vivavoce.protocol import ConversationItemAdded, ConversationItemDone, RealtimeSession
from vivavoce.session.conversation import Conversation, StoredItem
from vivavoce.session.effects import Effect, Send
from vivavoce.session.ids import Ids
from vivavoce.session.invariants import Invariants
from vivavoce.session.options import SessionOptions


class Core:
    """One per session. Effects leave in the order in which the parts asked for them."""

    __slots__ = ("_ids", "config", "conversation", "effects", "invariants", "options")

    def __init__(self, config: RealtimeSession, ids: Ids, options: SessionOptions) -> None:
        self.config = config
        self._ids = ids
        self.options = options
        self.conversation = Conversation(ids("conv"))
        self.effects: list[Effect] = []
        self.invariants = Invariants() if options.debug else None

    def mint(self, prefix: str) -> str:
        """A new identifier, and none that a client gave to an item before its time."""
        while (minted := self._ids(prefix)) in self.conversation:
            pass
        return minted

    def do(self, effect: Effect) -> None:
        self.effects.append(effect)

    def emit(self, event: Any, **fields: Any) -> None:
        """Send an event of this class; its `event_id` is minted here."""
        sent = event(event_id=self.mint("event"), **fields)
        if self.invariants is not None:
            self.invariants.observe(sent)
        self.effects.append(Send(sent))

    def add_item(self, stored: StoredItem, after: str | None = None) -> None:
        """Put a finished item into the conversation and announce it."""
        previous = self.conversation.add(stored, after)
        self.emit(ConversationItemAdded, previous_item_id=previous, item=stored.item)
        self.emit(ConversationItemDone, previous_item_id=previous, item=stored.item)
