"""One utterance on its way into text, as the session keeps track of it."""

from enum import Enum, auto

from vivavoce.protocol import Transcription, TranscriptionError
from vivavoce.session.conversation import StoredItem
from vivavoce.session.machine import Machine

Outcome = str | TranscriptionError
"""The final transcript, or why there is none."""


class TranscriptionState(Enum):
    COLLECTING = auto()
    """The utterance is being spoken."""
    DUE = auto()
    """It is over: the outcome may come at any time."""
    EARLY = auto()
    """The outcome came while it was still being spoken; it is told once its item exists."""
    OVER = auto()


class TranscriptionEvent(Enum):
    COMMITTED = auto()
    SETTLED = auto()
    """The outcome is here."""
    ABANDONED = auto()


TRANSCRIPTION_TABLE = {
    (TranscriptionState.COLLECTING, TranscriptionEvent.COMMITTED): TranscriptionState.DUE,
    (TranscriptionState.COLLECTING, TranscriptionEvent.SETTLED): TranscriptionState.EARLY,
    (TranscriptionState.COLLECTING, TranscriptionEvent.ABANDONED): TranscriptionState.OVER,
    (TranscriptionState.EARLY, TranscriptionEvent.COMMITTED): TranscriptionState.OVER,
    (TranscriptionState.EARLY, TranscriptionEvent.ABANDONED): TranscriptionState.OVER,
    (TranscriptionState.DUE, TranscriptionEvent.SETTLED): TranscriptionState.OVER,
    (TranscriptionState.DUE, TranscriptionEvent.ABANDONED): TranscriptionState.OVER,
}


class InputTranscription:
    """The transcription of one item.

    `options` is what the client asked for when the item was committed; None where it asked for no transcript
    and only the responder needs the words. `stored` is the item, None before it exists.
    """

    __slots__ = ("_machine", "options", "outcome", "stored")

    def __init__(self) -> None:
        self._machine: Machine[TranscriptionState, TranscriptionEvent] = Machine(
            TranscriptionState.COLLECTING, TRANSCRIPTION_TABLE
        )
        self.options: Transcription | None = None
        self.stored: StoredItem | None = None
        self.outcome: Outcome | None = None

    @property
    def state(self) -> TranscriptionState:
        return self._machine.state

    def fire(self, event: TranscriptionEvent) -> TranscriptionState:
        return self._machine.fire(event)
