"""One utterance on its way into text, as the session keeps track of it."""

from collections.abc import Sequence
from enum import Enum, auto

import msgspec

from vivavoce.protocol import LogProb, SpeakerTurn, Transcript, Transcription, TranscriptionError
from vivavoce.session.conversation import StoredItem
from vivavoce.session.machine import Machine

Outcome = Transcript | TranscriptionError
"""The final transcript, or why there is none."""


class TranscriptionState(Enum):
    COLLECTING = auto()
    """The utterance is being spoken."""
    DUE = auto()
    """It is over: the outcome may come at any time."""
    EARLY = auto()
    """The outcome came while it was still being spoken; it is told once its item exists."""
    UNATTRIBUTED = auto()
    """The words are here, but it is not known yet who said them."""
    OVER = auto()


class TranscriptionEvent(Enum):
    COMMITTED = auto()
    SETTLED = auto()
    """The outcome is here, and nothing else is missing."""
    UNDERSTOOD = auto()
    """The words are here, and who said them is asked."""
    ATTRIBUTED = auto()
    """Who said them is known, or never will be."""
    ABANDONED = auto()


TRANSCRIPTION_TABLE = {
    (TranscriptionState.COLLECTING, TranscriptionEvent.COMMITTED): TranscriptionState.DUE,
    (TranscriptionState.COLLECTING, TranscriptionEvent.SETTLED): TranscriptionState.EARLY,
    (TranscriptionState.COLLECTING, TranscriptionEvent.ABANDONED): TranscriptionState.OVER,
    (TranscriptionState.EARLY, TranscriptionEvent.COMMITTED): TranscriptionState.OVER,
    (TranscriptionState.EARLY, TranscriptionEvent.UNDERSTOOD): TranscriptionState.UNATTRIBUTED,
    (TranscriptionState.EARLY, TranscriptionEvent.ABANDONED): TranscriptionState.OVER,
    (TranscriptionState.DUE, TranscriptionEvent.SETTLED): TranscriptionState.OVER,
    (TranscriptionState.DUE, TranscriptionEvent.UNDERSTOOD): TranscriptionState.UNATTRIBUTED,
    (TranscriptionState.DUE, TranscriptionEvent.ABANDONED): TranscriptionState.OVER,
    (TranscriptionState.UNATTRIBUTED, TranscriptionEvent.ATTRIBUTED): TranscriptionState.OVER,
    (TranscriptionState.UNATTRIBUTED, TranscriptionEvent.ABANDONED): TranscriptionState.OVER,
}


class InputTranscription:
    """The transcription of one item.

    `options` is what the client asked for when the item was committed; None where it asked for no transcript
    and only the responder needs the words. `stored` is the item, None before it exists.
    """

    __slots__ = ("_machine", "heard", "options", "outcome", "stored", "told", "turns", "unattributed")

    def __init__(self) -> None:
        self._machine: Machine[TranscriptionState, TranscriptionEvent] = Machine(
            TranscriptionState.COLLECTING, TRANSCRIPTION_TABLE
        )
        self.options: Transcription | None = None
        self.stored: StoredItem | None = None
        self.outcome: Outcome | None = None
        self.heard: Transcript | None = None
        """What was understood so far."""
        self.told = ""
        """So much of it the client knows."""
        self.unattributed = False
        """Whether it is being found out who speaks."""
        self.turns: Sequence[SpeakerTurn] = ()
        """Who speaks when, where that was found out."""

    @property
    def state(self) -> TranscriptionState:
        return self._machine.state

    def fire(self, event: TranscriptionEvent) -> TranscriptionState:
        return self._machine.fire(event)

    def understand(self, transcript: Transcript) -> None:
        """Take a newer transcript. What was told stands, whatever it says."""
        if not transcript.text.startswith(self.told):
            text = self.told + transcript.text[len(self.told) :]
            transcript = msgspec.structs.replace(transcript, text=text, logprobs=())
        self.heard = transcript

    def tell(self) -> tuple[str, tuple[LogProb, ...]]:
        """What stands and was not told yet, with the tokens that end in it; from now on it counts as
        told."""
        assert self.heard is not None
        before, self.told = len(self.told), max(self.heard.standing, self.told, key=len)
        return self.told[before:], logprobs(self.heard, before, len(self.told))


def logprobs(transcript: Transcript, start: int, end: int) -> tuple[LogProb, ...]:
    """How sure each token is that ends in the characters from `start` to `end`, as far as that is known."""
    found = []
    position = 0
    for each in transcript.logprobs:
        position += len(each.token)
        if start < position <= end:
            found.append(LogProb(token=each.token, logprob=each.logprob, bytes=tuple(each.token.encode())))
    return tuple(found)
