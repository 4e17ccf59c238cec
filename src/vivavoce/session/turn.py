"""Where speech begins and ends: the rules of `server_vad` and `semantic_vad` over the detector's frame
probabilities.

Sections 5.3 and 5.4 of the reference: a frame whose score exceeds the threshold opens a turn. With
`server_vad`, `silence_duration_ms` without one closes it; with `semantic_vad`, so much silence as the
probability asks for that the speaker has finished. Positions are ticks of the input clock.
"""

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from vivavoce.protocol import SemanticVad, ServerVad, TurnDetection
from vivavoce.session.clock import TICKS_PER_MS
from vivavoce.session.eagerness import UNJUDGED, Eagerness, silence_ticks
from vivavoce.session.machine import Machine

SEMANTIC_PREFIX_MS = 300
"""Audio kept from before the speech with `semantic_vad`, whose settings do not say."""

PAUSE_TICKS = 96 * TICKS_PER_MS
"""So much silence within a turn is a pause: has the speaker finished?"""

ASK_AGAIN_TICKS = 400 * TICKS_PER_MS
"""After so much silence the question is asked again, and whenever it has doubled."""

SUSTAINED_TICKS = 1000 * TICKS_PER_MS
"""So much speech is more than a word or two."""


class TurnState(Enum):
    OFF = auto()
    """No turn detection: the client commits."""
    SILENCE = auto()
    SPEECH = auto()
    PAUSE = auto()
    """With `semantic_vad`: the speaker is silent, and may have finished."""


class TurnEvent(Enum):
    ENABLED = auto()
    DISABLED = auto()
    ONSET = auto()
    PAUSED = auto()
    RESUMED = auto()
    OFFSET = auto()
    ABORTED = auto()
    """The segment ended by a manual commit or a clear."""


TURN_TABLE = {
    (TurnState.OFF, TurnEvent.ENABLED): TurnState.SILENCE,
    (TurnState.SILENCE, TurnEvent.DISABLED): TurnState.OFF,
    (TurnState.SPEECH, TurnEvent.DISABLED): TurnState.OFF,
    (TurnState.PAUSE, TurnEvent.DISABLED): TurnState.OFF,
    (TurnState.SILENCE, TurnEvent.ONSET): TurnState.SPEECH,
    (TurnState.SPEECH, TurnEvent.PAUSED): TurnState.PAUSE,
    (TurnState.PAUSE, TurnEvent.RESUMED): TurnState.SPEECH,
    (TurnState.SPEECH, TurnEvent.OFFSET): TurnState.SILENCE,
    (TurnState.PAUSE, TurnEvent.OFFSET): TurnState.SILENCE,
    (TurnState.SPEECH, TurnEvent.ABORTED): TurnState.SILENCE,
    (TurnState.PAUSE, TurnEvent.ABORTED): TurnState.SILENCE,
}


class Onset(NamedTuple):
    """Speech began in the frame that starts here."""

    at: int


class Sustained(NamedTuple):
    """The turn holds a second of speech by now."""


class Pause(NamedTuple):
    """The speaker has been silent for so long: has the turn ended?"""

    silence: int


class Offset(NamedTuple):
    """The turn is over: this is the end of the last frame of the silence that closed it."""

    at: int


class TurnMachine:
    """The turns of one session."""

    __slots__ = (
        "_ask_again",
        "_due",
        "_eagerness",
        "_frame_ticks",
        "_last_speech",
        "_machine",
        "_needed",
        "_threshold",
        "_until_sustained",
        "heard",
    )

    def __init__(self, frame_ticks: int) -> None:
        self._machine: Machine[TurnState, TurnEvent] = Machine(TurnState.OFF, TURN_TABLE)
        self._frame_ticks = frame_ticks
        self._threshold = 0.5
        self._eagerness: Eagerness | None = None
        """None: silence of one length ends every turn."""
        self._due = 0
        """After so much silence in a turn something must be done."""
        self._needed = 0
        """So much silence ends the turn, as far as is known."""
        self._ask_again = 0
        """After so much silence in a pause the question is asked again."""
        self._until_sustained = 0
        """So much speech is missing until the turn is `Sustained`; 0: nobody is told."""
        self._last_speech = 0
        self.heard = 0
        """The end of the last frame that was judged."""

    @property
    def state(self) -> TurnState:
        return self._machine.state

    @property
    def in_turn(self) -> bool:
        """Whether somebody speaks, or pauses."""
        state = self._machine.state
        return state is TurnState.SPEECH or state is TurnState.PAUSE

    @property
    def silence(self) -> int:
        """How long nobody has spoken in this turn."""
        return self.heard - self._last_speech

    def configure(self, detection: TurnDetection | None, position: int) -> bool:
        """Take new settings; a segment in progress goes on under them. True if detection starts anew, at
        `position`: the detector's memory must be reset."""
        started = False
        if detection is None:
            if self.state is not TurnState.OFF:
                self._machine.fire(TurnEvent.DISABLED)
            return False
        if self.state is TurnState.OFF:
            self._machine.fire(TurnEvent.ENABLED)
            self.heard = position
            started = True
        match detection:
            case ServerVad(threshold=threshold, silence_duration_ms=silence):
                if self.state is TurnState.PAUSE:
                    self._machine.fire(TurnEvent.RESUMED)
                self._threshold = threshold
                self._eagerness = None
                self._due = self._needed = silence * TICKS_PER_MS
            case SemanticVad(eagerness=eagerness):
                self._threshold = 0.5
                self._eagerness = eagerness
                if self.state is TurnState.PAUSE:
                    self._believe(UNJUDGED)
                else:
                    self._due = PAUSE_TICKS
        return started

    def abort(self) -> None:
        """The segment in progress, if any, was committed or cleared by the client."""
        if self.in_turn:
            self._machine.fire(TurnEvent.ABORTED)

    def judged(self, probability: float) -> Offset | None:
        """The speaker has finished with this probability. Tells if the turn is over by that; ignored if
        nobody pauses."""
        if self.state is not TurnState.PAUSE:
            return None
        self._believe(probability)
        if self.silence < self._needed:
            return None
        self._machine.fire(TurnEvent.OFFSET)
        return Offset(self.heard)

    def frames(
        self, probabilities: Sequence[float], start: int, end: int
    ) -> Iterator[Onset | Sustained | Pause | Offset]:
        """Judge consecutive frames. The caller acts on each result before it asks for the next.

        The buffer holds [`start`, `end`): a verdict on what was committed or cleared before it came tells
        nothing about a turn, and one on audio that never came is none.
        """
        for probability in probabilities:
            begin = self.heard
            if begin >= end:
                return
            self.heard = over = begin + self._frame_ticks
            if over <= start:
                continue
            if probability > self._threshold:
                self._last_speech = over
                if self.state is not TurnState.SPEECH:
                    yield from self._speaks(begin)
                if self._until_sustained:
                    yield from self._goes_on()
            elif self.state is not TurnState.SILENCE and over - self._last_speech >= self._due:
                yield self._is_silent(over)

    def _speaks(self, begin: int) -> Iterator[Onset]:
        """Speech after silence, or after a pause."""
        semantic = self._eagerness is not None
        if semantic:
            self._due = PAUSE_TICKS
        if self.state is TurnState.PAUSE:
            self._machine.fire(TurnEvent.RESUMED)
        else:
            self._machine.fire(TurnEvent.ONSET)
            self._until_sustained = SUSTAINED_TICKS if semantic else 0
            yield Onset(begin)

    def _goes_on(self) -> Iterator[Sustained]:
        self._until_sustained = max(self._until_sustained - self._frame_ticks, 0)
        if not self._until_sustained:
            yield Sustained()

    def _is_silent(self, over: int) -> Pause | Offset:
        """The silence within a turn is as long as it was to be."""
        silence = over - self._last_speech
        if self._eagerness is None or (self.state is TurnState.PAUSE and silence >= self._needed):
            self._machine.fire(TurnEvent.OFFSET)
            return Offset(over)
        if self.state is TurnState.SPEECH:
            self._machine.fire(TurnEvent.PAUSED)
            self._ask_again = ASK_AGAIN_TICKS
            self._believe(UNJUDGED)
        else:
            self._ask_again *= 2
            self._due = min(self._ask_again, self._needed)
        return Pause(silence)

    def _believe(self, probability: float) -> None:
        """Go by this probability that the speaker has finished."""
        assert self._eagerness is not None
        self._needed = silence_ticks(self._eagerness, probability)
        self._due = min(self._ask_again, self._needed)
