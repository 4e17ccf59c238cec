"""What carries a connection that does not block: a WebSocket, or the data channel of a call."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from vivavoce.client.errors import AlreadyListening


class Socket(Protocol):
    """A way to a server and back."""

    inbox: deque[bytes]
    """The messages that have come and nobody has taken, oldest first."""
    lost: bool
    """Nothing more will come."""
    arrived: Callable[[], None]
    """Called when messages have come, and when none will any more."""

    async def more(self) -> bool:
        """Wait until something comes. False if the inbox is empty all the same: the connection is closed, or
        `arrived` has emptied it.

        Cancelling it loses nothing. Raises AlreadyListening if another task waits already.
        """

    def drained(self) -> None:
        """The inbox is empty: go on reading."""

    async def send_text(self, message: bytes) -> None:
        """Send UTF-8 as a text message; waits while the server does not keep up.

        Raises the ConnectionClosed of `websockets`, or OSError, when it is closed or closing.
        """

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it. What is in the inbox stays there; what still comes is dropped."""

    def closure(self) -> tuple[int, str]:
        """The close code and reason of a connection that is closed."""


def nobody() -> None:
    """Wants to know."""


class Arrivals:
    """Messages that come, and one who waits for them."""

    inbox: deque[bytes]
    lost: bool = False
    arrived: Callable[[], None] = staticmethod(nobody)
    _listener: asyncio.Future[None] | None = None

    async def more(self) -> bool:
        """See Socket."""
        if self._listener is not None:
            raise AlreadyListening(
                "Another task listens to this connection already: let one task read the events."
            )
        if not self.inbox and not self.lost:
            self.drained()
            self._listener = asyncio.get_running_loop().create_future()
            try:
                await self._listener
            finally:
                self._listener = None
        return bool(self.inbox)

    def drained(self) -> None:
        """See Socket."""

    def _tell(self) -> None:
        """Something came, or the end."""
        self.arrived()
        if self._listener is not None and not self._listener.done():
            self._listener.set_result(None)
