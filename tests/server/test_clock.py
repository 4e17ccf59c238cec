"""The clock of a session: its alarm rings when it is time, and not before."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from vivavoce.server.runner.live import Clock


@pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def test_an_alarm_never_rings_early(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """uvloop counts in whole milliseconds: without care half of these alarms ring too early."""

    async def ring(milliseconds: float) -> float:
        clock = Clock()
        rang = asyncio.get_running_loop().create_future()
        when = clock.now() + milliseconds / 1000
        clock.wake_at(when, lambda: rang.set_result(clock.now() - when))
        async with asyncio.timeout(10):
            return float(await rang)

    async def ring_all() -> list[float]:
        return [await ring(2 + number * 0.13) for number in range(20)]

    with asyncio.Runner(loop_factory=loop) as runner:
        assert min(runner.run(ring_all())) >= 0


async def test_a_stopped_alarm_does_not_ring() -> None:
    clock = Clock()
    rang: list[str] = []
    clock.wake_at(clock.now() + 0.01, lambda: rang.append("first"))
    clock.wake_at(clock.now() + 0.02, lambda: rang.append("second"))
    clock.stop_alarm()
    clock.wake_at(clock.now() + 0.03, lambda: rang.append("third"))
    async with asyncio.timeout(10):
        while not rang:
            await asyncio.sleep(0.01)
    assert rang == ["third"]
