"""A WebSocket for programs on asyncio."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import Event, State

from vivavoce.client.frames import DATA, MAX_SIZE, READ_AHEAD, FrameCutter
from vivavoce.client.opening import FAILURES, WebSocketOptions, explained, settings
from vivavoce.client.socket import Arrivals


async def open_websocket(url: str, headers: Mapping[str, str], options: WebSocketOptions) -> "WebSocket":
    """Connect to a ws or wss URL.

    Redirects are not followed: the key would travel along. Raises ConnectError, StatusError or
    ConfigurationError.
    """
    try:
        return cast(WebSocket, await _Connect(**settings(url, headers, options, WebSocket)))
    except FAILURES as error:
        raise explained(error, url, headers, options) from error


class _Connect(connect):
    """`connect` without redirects."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class WebSocket(FrameCutter, Arrivals, ClientConnection):
    """A client's connection."""

    protocol: ClientProtocol

    def __init__(
        self, *args: Any, max_size: int | None = MAX_SIZE, read_ahead: int = READ_AHEAD, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._begin(max_size)
        self._read_ahead = read_ahead
        self._reading_paused = False
        self._end: asyncio.TimerHandle | None = None

    @property
    def unsent_bytes(self) -> int:
        """How much of what was sent the network has not taken yet."""
        return self.transport.get_write_buffer_size()

    def drained(self) -> None:
        """The inbox is empty: go on reading."""
        self._held = 0
        self._resume_reading()

    async def send_text(self, message: bytes) -> None:
        """Send UTF-8 as a text message; waits while the server does not keep up.

        Raises the ConnectionClosed of `websockets` when the connection is closed or closing.
        """
        if self.protocol.state is not State.OPEN:
            await self.send(message, text=True)
        self.protocol.send_text(message)
        self.send_data()
        if self.paused:
            await self.drain()

    def send_text_now(self, message: bytes) -> None:
        """The same without waiting: what the server does not take yet is kept in memory.

        Raises the InvalidState of `websockets` when the connection is not open.
        """
        self.protocol.send_text(message)
        self.send_data()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Perform the closing handshake. What is in the inbox stays there; what still comes is dropped."""
        self._resume_reading()
        await super().close(code, reason)

    def abort(self) -> None:
        """Let go of the connection at once."""
        self.transport.abort()

    # What asyncio calls.

    def data_received(self, data: bytes) -> None:
        self._cut(data)
        if self._end is None and self.close_timeout is not None and self.protocol.close_expected():
            # The server has to end the TCP connection now, and may not know.
            self._end = self.loop.call_later(self.close_timeout, self.transport.abort)
        if self.inbox:
            self._tell()
            if (
                self._held > self._read_ahead
                and not self._reading_paused
                and self.protocol.state is State.OPEN
            ):
                self._reading_paused = True
                self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost = True
        if self._end is not None:
            self._end.cancel()
        self._tell()

    # What `websockets` calls, and what it is handed.

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode in DATA:
            self._take(event)
        else:
            super().process_event(event)

    def _pass_on(self, data: bytes) -> None:
        super().data_received(data)

    def _resume_reading(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            self.transport.resume_reading()
