"""How long a responder may be silent, on a clock that stands still while anything is done."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable

import pytest

from tests.server.scripted import Stage
from tests.server.test_runner import speak
from vivavoce.protocol import ResponseEnd, ResponseRequest, TextDelta
from vivavoce.server.config import SessionSettings
from vivavoce.server.runner.patience import Patience


class TimelessLoop(asyncio.SelectorEventLoop):
    """Time passes only while everybody waits, and then at once."""

    def __init__(self) -> None:
        super().__init__(_TimelessSelector(self))
        self.passed = 0.0

    def time(self) -> float:
        return self.passed


class _TimelessSelector(selectors.DefaultSelector):
    def __init__(self, loop: TimelessLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.passed += timeout or 0
        return super().select(0)


def timeless(work: Callable[[], Awaitable[None]]) -> float:
    """Do this, and return how long it took."""

    async def timed() -> float:
        await work()
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=TimelessLoop) as runner:
        return runner.run(timed())


def given_up_after(work: Callable[[Patience], Awaitable[None]]) -> float:
    """Do this with a patience of two seconds, and wait for ever; return how long that took."""

    async def wait() -> None:
        with pytest.raises(TimeoutError):
            await _for_ever()

    async def _for_ever() -> None:
        with Patience(2) as patience:
            await work(patience)
            await asyncio.Event().wait()

    return timeless(wait)


def test_a_wait_that_is_too_long_ends_the_block_on_time() -> None:
    async def nothing(patience: Patience) -> None: ...

    assert given_up_after(nothing) == pytest.approx(2, abs=0.01)


def test_each_piece_may_take_as_long_as_the_first() -> None:
    async def take_pieces(patience: Patience) -> None:
        for _ in range(7):
            await asyncio.sleep(1.5)
            patience.pause()
            patience.resume()

    assert given_up_after(take_pieces) == pytest.approx(7 * 1.5 + 2, abs=0.01)


def test_what_is_done_with_a_piece_takes_as_long_as_it_takes() -> None:
    async def take_one_slowly(patience: Patience) -> None:
        await asyncio.sleep(1)
        patience.pause()
        await asyncio.sleep(31)
        patience.resume()

    assert given_up_after(take_one_slowly) == pytest.approx(1 + 31 + 2, abs=0.01)


def test_nothing_happens_to_who_is_quick_nor_afterwards() -> None:
    async def wait() -> None:
        with Patience(2) as patience:
            patience.pause()
        await asyncio.sleep(100)

    assert timeless(wait) == pytest.approx(100)


def test_a_cancelled_block_is_cancelled() -> None:
    async def wait() -> None:
        async def block() -> None:
            with Patience(2):
                await asyncio.sleep(100)

        task = asyncio.create_task(block())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert timeless(wait) == pytest.approx(1)


def test_a_peer_that_reads_slowly_does_not_cost_the_responder_its_time() -> None:
    """The transport is full for longer than an engine may be silent; then the engine falls silent."""
    said = "Please wait."

    async def answer(request: ResponseRequest):
        yield TextDelta(said)
        yield TextDelta(said)
        await asyncio.sleep(100)
        yield ResponseEnd()

    async def wait() -> None:
        settings = SessionSettings(debug=True, engine_timeout_s=2)
        async with Stage(answer, settings=settings) as stage:
            stage.transport.writable.clear()
            await speak(stage)
            await asyncio.sleep(5)
            assert "response.done" not in stage.transport.types
            stage.transport.writable.set()
            async with asyncio.timeout(50):
                while "response.done" not in stage.transport.types:
                    await asyncio.sleep(0.1)
            done = stage.transport.events[stage.transport.types.index("response.done")]
            assert done["response"]["status"] == "failed"
            assert stage.transport.types.count("response.output_audio_transcript.delta") == 2

    assert timeless(wait) == pytest.approx(5 + 2, abs=0.2)
