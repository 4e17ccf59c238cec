"""What the parts of a session share: its configuration, its conversation and the way out."""

from typing import Any

from vivavoce.protocol import (
    ConversationItemAdded,
    ConversationItemDone,
    RealtimeSession,
    TranscriptionSession,
    TurnDetection,
)
from vivavoce.session.conversation import Conversation, StoredItem
from vivavoce.session.effects import Effect, Send
from vivavoce.session.ids import Ids
from vivavoce.session.invariants import Invariants
from vivavoce.session.options import SessionOptions
from vivavoce.session.prompts import Prompted

Configuration = RealtimeSession | TranscriptionSession
"""What a session is and how it is set: one that converses, or one that only transcribes."""


class Core:
    """One per session. Effects leave in the order in which the parts asked for them."""

    __slots__ = ("_ids", "config", "conversation", "effects", "invariants", "options", "prompted")

    def __init__(self, config: Configuration, ids: Ids, options: SessionOptions, prompted: Prompted) -> None:
        self.config = config
        """The session as events show it."""
        self.prompted = prompted
        self._ids = ids
        self.options = options
        self.conversation = Conversation(ids("conv"))
        self.effects: list[Effect] = []
        self.invariants = Invariants() if options.debug else None

    @property
    def realtime(self) -> RealtimeSession:
        """The configuration of a session that converses; nobody asks one that does not."""
        assert isinstance(self.config, RealtimeSession)
        return self.config

    @property
    def effective(self) -> RealtimeSession:
        """The configuration that responses go by: with what a prompt template sets."""
        return self.prompted.beneath(self.realtime)

    @property
    def turn_detection(self) -> TurnDetection | None:
        """How turns are detected, and what follows from them."""
        detection = self.config.audio.input.turn_detection
        if detection is None or isinstance(detection, TurnDetection):
            return detection
        return detection.in_full()

    @property
    def needs_words(self) -> bool:
        """Whether every utterance must be transcribed, because the responder cannot hear for itself."""
        return isinstance(self.config, RealtimeSession) and not self.options.hears_audio

    def mint(self, prefix: str) -> str:
        """A new identifier, and none that a client gave to an item before its time."""
        while (minted := self._ids(prefix)) in self.conversation:
            pass
        return minted

    def conversation_is_full(self, more: int = 0) -> bool:
        """Whether the conversation could not take so many bytes more."""
        return self.conversation.n_bytes + more > self.options.max_bytes

    def do(self, effect: Effect) -> None:
        self.effects.append(effect)

    def emit(self, event: Any, **fields: Any) -> None:
        """Send an event of this class; its `event_id` is made here."""
        sent = event(event_id=self._ids("event"), **fields)
        if self.invariants is not None:
            self.invariants.observe(sent)
        self.effects.append(Send(sent))

    def add_item(self, stored: StoredItem, after: str | None = None) -> None:
        """Put a finished item into the conversation and announce it."""
        previous = self.conversation.add(stored, after)
        self.emit(ConversationItemAdded, previous_item_id=previous, item=stored.item)
        self.emit(ConversationItemDone, previous_item_id=previous, item=stored.item)
