"""Whoever measures calls must be a caller: is answered, says what was recorded and hears what comes back."""

import asyncio

import pytest

from benchmarks import audio, peers, process


@pytest.mark.parametrize(
    "server", [{"module": "benchmarks.echo"}, {"module": "benchmarks.server"}], ids=["echo", "server"]
)
async def test_callers_call(server: dict[str, str]) -> None:
    with process.serving(**server) as served:
        callers = peers.Callers(served.port, peers.encoded(audio.silence(1)))
        try:
            await callers.join(2)
            async with asyncio.timeout(30):
                while min(len(each.voices.arrivals) for each in callers.all) < 50:
                    await asyncio.sleep(0.05)
            assert callers.packets >= 100
            callers.check()
            assert len(callers.jitter) >= 98
            report = served.ask("report")
            assert report["cpu_s"] > 0
            assert report["tasks"] > 2
            assert served.descriptors() > 5
        finally:
            await callers.aclose()
