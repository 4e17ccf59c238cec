"""One utterance on its way into text, as the session keeps track of it."""

from enum import Enum, auto

from vivavoce.protocol import Transcription
from vivavoce.session.conversation import StoredItem
from vivavoce.session.machine import Machine


class TranscriptionState(Enum):
    COLLECTING = auto()
    """The utterance is being spoken."""
    DUE = auto()
    """It is over: the final transcript may come at any time."""
    BROKEN = auto()
    """It failed while it was being spoken; that is told once its item exists."""
    DONE = auto()
    FAILED = auto()
    ABANDONED = auto()


class TranscriptionEvent(Enum):
    COMMITTED = auto()
    COMPLETED = auto()
    FAILED = auto()
    ABANDONED = auto()


TRANSCRIPTION_TABLE = {
    (TranscriptionState.COLLECTING, TranscriptionEvent.COMMITTED): TranscriptionState.DUE,
    (TranscriptionState.COLLECTING, TranscriptionEvent.FAILED): TranscriptionState.BROKEN,
    (TranscriptionState.COLLECTING, TranscriptionEvent.ABANDONED): TranscriptionState.ABANDONED,
    (TranscriptionState.BROKEN, TranscriptionEvent.COMMITTED): TranscriptionState.FAILED,
    (TranscriptionState.BROKEN, TranscriptionEvent.ABANDONED): TranscriptionState.ABANDONED,
    (TranscriptionState.DUE, TranscriptionEvent.COMPLETED): TranscriptionState.DONE,
    (TranscriptionState.DUE, TranscriptionEvent.FAILED): TranscriptionState.FAILED,
    (TranscriptionState.DUE, TranscriptionEvent.ABANDONED): TranscriptionState.ABANDONED,
}


class Utterance:
    """Input that is being collected into an item. `start` and `fed` are ticks of the input clock."""

    __slots__ = ("fed", "item_id", "start")

    def __init__(self, item_id: str, start: int) -> None:
        self.item_id = item_id
        self.start = start
        self.fed = start
        """Up to here the transcriber has the audio."""


class InputTranscription:
    """The transcription of one item.

    `options` is what the client asked for when the item was committed; None where it asked for no transcript
    and only the responder needs the words.
    """

    __slots__ = ("_machine", "failure", "options", "stored")

    def __init__(self) -> None:
        self._machine: Machine[TranscriptionState, TranscriptionEvent] = Machine(
            TranscriptionState.COLLECTING, TRANSCRIPTION_TABLE
        )
        self.options: Transcription | None = None
        self.stored: StoredItem | None = None
        self.failure: tuple[str, str | None] = ("", None)
        """Message and code of what broke it before its item existed."""

    @property
    def state(self) -> TranscriptionState:
        return self._machine.state

    def fire(self, event: TranscriptionEvent) -> TranscriptionState:
        return self._machine.fire(event)
