"""How long is waited for the next of many pieces."""

import asyncio
from types import TracebackType

from vivavoce.server.runner.live import EARLY_S


class Patience:
    """Ends a block with TimeoutError when it waits longer than `seconds` for its next piece:

        async with Patience(seconds) as patience:
            async for piece in pieces:
                patience.pause()
                ...  # however long that takes
                patience.resume()

    It is `asyncio.timeout` for pieces that come by the hundred: to move a deadline costs as much as all else
    that is done about a piece. One timer serves all waits, and looks how long the present one has lasted.
    """

    __slots__ = ("_loop", "_seconds", "_since", "_timeout", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._since: float | None = None
        """When the present wait began; None while nothing is waited for."""
        self._timer: asyncio.TimerHandle | None = None

    def pause(self) -> None:
        """The piece is here."""
        self._since = None

    def resume(self) -> None:
        """The next one is waited for."""
        self._since = self._loop.time()

    async def __aenter__(self) -> "Patience":
        await self._timeout.__aenter__()
        self.resume()
        self._timer = self._loop.call_later(self._seconds, self._look)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._timer is not None
        self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def _look(self) -> None:
        now = self._loop.time()
        due = (now if self._since is None else self._since) + self._seconds
        if now >= due:
            self._timeout.reschedule(now)
        else:
            self._timer = self._loop.call_later(max(due - now, EARLY_S), self._look)
