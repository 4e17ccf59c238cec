"""Where speech begins and ends: the rules of `server_vad` over the detector's frame probabilities.

Section 5.3 of the reference: a frame whose score exceeds the threshold opens a turn; `silence_duration_ms`
without one closes it. Positions are ticks of the input clock.
"""

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from vivavoce.protocol import SemanticVad, ServerVad, TurnDetection
from vivavoce.session.clock import TICKS_PER_MS
from vivavoce.session.machine import Machine

SEMANTIC_PREFIX_MS = 300
"""Audio kept from before the speech with `semantic_vad`, whose settings do not say."""

SEMANTIC_SILENCE_MS = {"low": 1600, "medium": 800, "auto": 800, "high": 400}
"""How long `semantic_vad` waits in silence, by eagerness, when it has nothing but silence to judge by."""


class TurnState(Enum):
    OFF = auto()
    """No turn detection: the client commits."""
    SILENCE = auto()
    SPEECH = auto()


class TurnEvent(Enum):
    ENABLED = auto()
    DISABLED = auto()
    ONSET = auto()
    OFFSET = auto()
    ABORTED = auto()
    """The segment ended by a manual commit or a clear."""


TURN_TABLE = {
    (TurnState.OFF, TurnEvent.ENABLED): TurnState.SILENCE,
    (TurnState.SILENCE, TurnEvent.DISABLED): TurnState.OFF,
    (TurnState.SPEECH, TurnEvent.DISABLED): TurnState.OFF,
    (TurnState.SILENCE, TurnEvent.ONSET): TurnState.SPEECH,
    (TurnState.SPEECH, TurnEvent.OFFSET): TurnState.SILENCE,
    (TurnState.SPEECH, TurnEvent.ABORTED): TurnState.SILENCE,
}


class Onset(NamedTuple):
    """Speech began in the frame that starts here."""

    at: int


class Offset(NamedTuple):
    """The turn is over: this is the end of the last frame of the silence that closed it."""

    at: int


class TurnDetector:
    """The turn machine of one session."""

    __slots__ = ("_frame_ticks", "_last_speech", "_machine", "_silence_ticks", "_threshold", "heard")

    def __init__(self, frame_ticks: int) -> None:
        self._machine: Machine[TurnState, TurnEvent] = Machine(TurnState.OFF, TURN_TABLE)
        self._frame_ticks = frame_ticks
        self._threshold = 0.5
        self._silence_ticks = 0
        self._last_speech = 0
        self.heard = 0
        """The end of the last frame that was judged."""

    @property
    def state(self) -> TurnState:
        return self._machine.state

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
                self._threshold = threshold
                self._silence_ticks = silence * TICKS_PER_MS
            case SemanticVad(eagerness=eagerness):
                self._threshold = 0.5
                self._silence_ticks = SEMANTIC_SILENCE_MS[eagerness] * TICKS_PER_MS
        return started

    def abort(self) -> None:
        """The segment in progress, if any, was committed or cleared by the client."""
        if self.state is TurnState.SPEECH:
            self._machine.fire(TurnEvent.ABORTED)

    def frames(self, probabilities: Sequence[float], start: int, end: int) -> Iterator[Onset | Offset]:
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
                if self.state is TurnState.SILENCE:
                    self._machine.fire(TurnEvent.ONSET)
                    yield Onset(begin)
            elif self.state is TurnState.SPEECH and over - self._last_speech >= self._silence_ticks:
                self._machine.fire(TurnEvent.OFFSET)
                yield Offset(over)
