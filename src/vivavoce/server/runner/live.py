"""What everything that works for one session shares: the session itself, its clock and its tasks."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from vivavoce.protocol import errors
from vivavoce.server.telemetry.stages import SessionStages
from vivavoce.session import Interpreter, Session

FAULT = errors.server_error()
"""What a client is told of an engine's fault that nobody foresaw."""

EARLY_S = 0.001
"""How long an alarm that rings early waits before it looks at the clock again."""


class LiveSession:
    """A session, the clock that it goes by, and the tasks that work for it.

    Whoever tells the session something calls `carry_out` afterwards, before anything is awaited.
    """

    __slots__ = (
        "_clearing",
        "_loop",
        "_tasks",
        "carry_out",
        "now",
        "session",
        "stages",
    )

    def __init__(
        self,
        session: Session | Interpreter,
        clock: "Clock",
        stages: SessionStages,
        carry_out: Callable[[], None],
    ) -> None:
        self.session = session
        self.stages = stages
        """Who is told what is done when, for metrics and traces."""
        self.now = clock.now
        self.carry_out = carry_out
        """Do what the session asks for."""
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._clearing: set[asyncio.Task[None]] = set()

    @property
    def conversation(self) -> Session:
        """The session, by those who are only asked for something by one that has items."""
        assert isinstance(self.session, Session)
        return self.session

    @property
    def working(self) -> set[asyncio.Task[None]]:
        """The tasks that are not done yet."""
        return set(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Begin some work, which the end of the session cancels."""
        return self._keep(self._tasks, work, name)

    def clear_away(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Begin some work that frees what an engine holds: it is never cancelled."""
        self._keep(self._clearing, work, name)

    async def aclose(self) -> None:
        """Cancel all work, and return when none is left."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(set(self._tasks))
        if self._clearing:
            await asyncio.wait(set(self._clearing))

    def _keep(
        self, tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None], name: str
    ) -> asyncio.Task[None]:
        task = self._loop.create_task(work, name=name)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task


class Clock:
    """Unix time that never jumps, and the alarm that goes by it."""

    __slots__ = (
        "_alarm",
        "_epoch",
        "_loop",
    )

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoch = time.time() - self._loop.time()
        self._alarm: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Seconds since 1970."""
        return self._epoch + self._loop.time()

    def wake_at(self, when: float, wake: Callable[[], None]) -> None:
        """Call `wake` then, and never before; an alarm that was set before is off."""
        self.stop_alarm()
        self._alarm = self._loop.call_at(when - self._epoch, self._ring, when, wake)

    def _ring(self, when: float, wake: Callable[[], None]) -> None:
        # Loops keep time in milliseconds, or round, and may call a little early: who was promised that it is
        # time would find that it is not, and wait for ever.
        if self.now() < when:
            self._alarm = self._loop.call_later(EARLY_S, self._ring, when, wake)
        else:
            self._alarm = None
            wake()

    def stop_alarm(self) -> None:
        """Nobody is woken any more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
