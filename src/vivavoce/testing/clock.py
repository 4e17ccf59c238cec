"""The time on which scripts are played: the machine's, or one that a test advances."""

import asyncio
import heapq
import itertools
import time
from typing import Protocol


class Activity:
    """How many scripts are doing something right now, rather than waiting for time or for the client.

    A waiter is counted as busy from the moment in which it is woken, not only from when its turn comes:
    between the two, nobody may take the server for quiet.
    """

    def __init__(self) -> None:
        self._busy = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    def enter(self) -> None:
        self._busy += 1
        self._quiet.clear()

    def leave(self) -> None:
        self._busy -= 1
        if self._busy == 0:
            self._quiet.set()

    async def wait(self, future: "asyncio.Future[None]") -> None:
        """Wait, as one who is not busy, for a future that `wake` completes."""
        self.leave()
        try:
            await future
        except asyncio.CancelledError:
            if not future.done() or future.cancelled():
                self.enter()
            raise

    def wake(self, future: "asyncio.Future[None]") -> None:
        if not future.done():
            self.enter()
            future.set_result(None)

    async def quiet(self) -> None:
        """Wait until nobody is busy."""
        while self._busy:
            await self._quiet.wait()


class Clock(Protocol):
    """What scripts know of time."""

    def now(self) -> float:
        """Seconds since some beginning."""

    async def sleep(self, seconds: float) -> None:
        """Wait so long."""


class RealClock:
    """The machine's time."""

    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class VirtualClock:
    """A time that stands still, at 0.0 in the beginning, until it is advanced."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity
        self._now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._advancing = asyncio.Lock()

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._numbers), woken))
        await self._activity.wait(woken)

    async def advance(self, seconds: float) -> None:
        """Let so much time go by: whatever is due in it happens in its order, and is done on return."""
        async with self._advancing:
            await self._activity.quiet()
            end = self._now + seconds
            while self._sleepers and self._sleepers[0][0] <= end:
                due, _, sleeper = heapq.heappop(self._sleepers)
                if not sleeper.done():
                    self._now = due
                    self._activity.wake(sleeper)
                    await self._activity.quiet()
            self._now = end
