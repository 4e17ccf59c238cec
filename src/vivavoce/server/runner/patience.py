"""How long is waited for the next of many pieces."""

import asyncio
from types import TracebackType

from vivavoce.server.runner.live import EARLY_S


class Patience:
    """Ends a block with TimeoutError when it waits longer than `seconds` for its next piece:

        with Patience(seconds) as patience:
            async for piece in pieces:
                patience.pause()
                ...  # however long that takes
                patience.resume()

    It is `asyncio.timeout` for pieces that come by the hundred: to move a deadline costs as much as all else
    that is done about a piece. One timer serves all waits, and looks how long the present one has lasted.
    """

    __slots__ = ("_cancelling", "_loop", "_over", "_seconds", "_since", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        """To be made in the task that waits."""
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        """How often others had cancelled the task before."""
        self._over = False
        self._since: float | None = self._loop.time()
        """When the present wait began; None while nothing is waited for."""
        self._timer = self._loop.call_later(seconds, self._look)

    def pause(self) -> None:
        """The piece is here."""
        self._since = None

    def resume(self) -> None:
        """The next one is waited for."""
        self._since = self._loop.time()

    def __enter__(self) -> "Patience":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error  # nobody else wants the task to end

    def _look(self) -> None:
        now = self._loop.time()
        due = (now if self._since is None else self._since) + self._seconds
        if now >= due:
            self._over = True
            self._task.cancel()
        else:
            self._timer = self._loop.call_later(max(due - now, EARLY_S), self._look)
