"""The idle timer: how long nobody has spoken since the assistant was last heard (section 3.12 of the
reference).

The deadline is a matter of wall time, which is handed in; the span that it reports is a matter of the input
clock.
"""

from enum import Enum, auto

from vivavoce.session.machine import Machine


class IdleState(Enum):
    DISARMED = auto()
    PLAYING = auto()
    """The last response may still be heard."""
    SILENT = auto()
    """Its playback is over; time counts."""


class IdleEvent(Enum):
    ARMED = auto()
    PLAYED = auto()
    FIRED = auto()
    DISARMED = auto()


IDLE_TABLE = {
    **{(state, IdleEvent.ARMED): IdleState.PLAYING for state in IdleState},
    **{(state, IdleEvent.DISARMED): IdleState.DISARMED for state in IdleState},
    (IdleState.PLAYING, IdleEvent.PLAYED): IdleState.SILENT,
    (IdleState.SILENT, IdleEvent.FIRED): IdleState.DISARMED,
}


class IdleTimer:
    """Armed when a response is done, disarmed when somebody speaks or another response begins."""

    __slots__ = ("_machine", "_timeout", "silent_since", "wake_at")

    def __init__(self) -> None:
        self._machine: Machine[IdleState, IdleEvent] = Machine(IdleState.DISARMED, IDLE_TABLE)
        self._timeout = 0.0
        self.wake_at: float | None = None
        """When `tick` is due."""
        self.silent_since: int | None = None
        """Where on the input clock, in ticks, the playback was over."""

    def arm(self, played_at: float | None, timeout_ms: int) -> None:
        """The last response is heard until `played_at`, or until `played` says so; `timeout_ms` of silence
        after that are too many."""
        self._machine.fire(IdleEvent.ARMED)
        self._timeout = timeout_ms / 1000
        self.wake_at = played_at
        self.silent_since = None

    def played(self, now: float, position: int) -> None:
        """Nothing is heard any more, and `position` ticks of input have come."""
        if self._machine.state is IdleState.PLAYING:
            self._machine.fire(IdleEvent.PLAYED)
            self.wake_at = now + self._timeout
            self.silent_since = position

    def disarm(self) -> None:
        self._machine.fire(IdleEvent.DISARMED)
        self.wake_at = self.silent_since = None

    def tick(self, now: float, position: int) -> int | None:
        """Time went by, and `position` ticks of input have come; the start of the silence if it has lasted
        too long."""
        if self.wake_at is None or now < self.wake_at:
            return None
        if self._machine.state is IdleState.PLAYING:
            self.played(self.wake_at, position)
            return None
        self._machine.fire(IdleEvent.FIRED)
        since, self.wake_at, self.silent_since = self.silent_since, None, None
        return since
