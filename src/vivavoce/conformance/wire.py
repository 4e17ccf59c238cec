"""What carries bare messages between the suite and a server."""

from collections.abc import AsyncIterator
from typing import Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from vivavoce.conformance.check import NotRun


class Wire(Protocol):
    """A connection that hides nothing."""

    @property
    def how(self) -> str:
        """How it was opened, as a report shows it."""

    @property
    def close_code(self) -> int | None:
        """That of the end, None before it."""

    @property
    def close_reason(self) -> str | None: ...

    async def send(self, message: str | bytes, *, text: bool) -> None:
        """Send a message. Raises ConnectionError when it is closed."""

    async def caught_up(self) -> None:
        """Return when the server has taken what was sent, as far as that is known here."""

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """The messages that come, until the end."""

    async def wait_closed(self) -> None:
        """Return when it is closed."""

    async def close(self) -> None:
        """Close it."""


class WebSocketWire:
    """A WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    @property
    def how(self) -> str:
        request = self.socket.request
        chosen = f", subprotocol {self.socket.subprotocol}" if self.socket.subprotocol else ""
        return f"open {request.path if request else ''}{chosen}"

    @property
    def close_code(self) -> int | None:
        return self.socket.close_code

    @property
    def close_reason(self) -> str | None:
        return self.socket.close_reason

    async def send(self, message: str | bytes, *, text: bool) -> None:
        try:
            await self.socket.send(message, text=text)
        except ConnectionClosed:
            raise ConnectionResetError from None

    async def caught_up(self) -> None:
        """What is sent waits by itself."""

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        try:
            async for frame in self.socket:
                yield frame
        except ConnectionClosed:
            pass  # the close code tells

    async def wait_closed(self) -> None:
        await self.socket.wait_closed()

    async def close(self) -> None:
        await self.socket.close()


def socket_of(wire: Wire) -> ClientConnection:
    """The WebSocket. Raises NotRun where it is something else."""
    if not isinstance(wire, WebSocketWire):
        raise NotRun("There is no WebSocket.")
    return wire.socket
