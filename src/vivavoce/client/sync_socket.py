"""A WebSocket for programs without an event loop.

`websockets` reads in a thread of its own, which answers pings while the program does something else.
"""

import threading
from collections.abc import Mapping
from socket import socket
from typing import Any, cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame
from websockets.protocol import Event, State
from websockets.sync.client import ClientConnection, connect

from vivavoce.client.errors import AlreadyListening
from vivavoce.client.frames import DATA, MAX_SIZE, READ_AHEAD, FrameCutter
from vivavoce.client.opening import FAILURES, Answered, WebSocketOptions, explained, settings


def open_websocket(url: str, headers: Mapping[str, str], options: WebSocketOptions) -> "SyncWebSocket":
    """Connect to a ws or wss URL.

    Redirects are not followed: the key would travel along. Raises ConnectError, StatusError or
    ConfigurationError.
    """
    try:
        return cast(SyncWebSocket, connect(**settings(url, headers, options, SyncWebSocket)))
    except FAILURES as error:
        raise explained(error, url, headers, options) from error


class SyncWebSocket(FrameCutter, ClientConnection):
    """A client's connection. One thread takes messages; any number may send."""

    protocol: ClientProtocol

    def __init__(
        self,
        sock: socket,
        protocol: ClientProtocol,
        *,
        max_size: int | None = MAX_SIZE,
        read_ahead: int = READ_AHEAD,
        **options: Any,
    ) -> None:
        self._begin(max_size)
        self._read_ahead = read_ahead
        self._lost = False
        self._arrived = threading.Event()
        """Set when there is something to find: a message, or the end."""
        self._listening = threading.Lock()
        self._reading_paused = False
        self._pausing = threading.Lock()
        """Guards the above."""
        self._leaving = False
        self._end: threading.Timer | None = None
        self._feed = protocol.receive_data
        protocol.receive_data = self._received  # type: ignore[method-assign, assignment]
        super().__init__(sock, protocol, **options)

    def more(self, timeout: float | None = None) -> bool:
        """Wait until the inbox holds a message. False if it never will again: the connection is closed.

        - timeout: seconds to wait; None, for ever.

        Raises TimeoutError, and AlreadyListening if another thread waits already.
        """
        if not self._listening.acquire(blocking=False):
            raise AlreadyListening(
                "Another thread listens to this connection already: let one thread read the events."
            )
        try:
            while not self.inbox:
                self._held = 0
                self._resume_reading()
                self._arrived.clear()
                if self.inbox:
                    break
                if self._lost:
                    # The last messages come before the end, and may have come since the inbox was looked at.
                    return bool(self.inbox)
                if not self._arrived.wait(timeout):
                    raise TimeoutError(f"No event came within {timeout} seconds.")
        finally:
            self._listening.release()
        return True

    def send_text(self, message: bytes) -> None:
        """Send UTF-8 as a text message; waits while the server does not keep up.

        Raises the ConnectionClosed of `websockets` when the connection is closed or closing.
        """
        with self.send_context():
            self.protocol.send_text(message)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Perform the closing handshake. What is in the inbox stays there; what still comes is dropped."""
        self._leaving = True
        self._resume_reading()
        super().close(code, reason)

    # What `websockets` calls.

    def handshake(
        self,
        additional_headers: Any = None,
        user_agent_header: str | None = None,
        timeout: float | None = None,
    ) -> None:
        try:
            super().handshake(additional_headers, user_agent_header, timeout)
        except InvalidStatus as error:
            # Left as it is, `websockets` would follow a redirect, and the key would travel along.
            raise Answered(error.response) from error

    def maybe_raise_legacy_warning(self) -> None:
        """`websockets` warns whoever connects without `with`; a connection of ours is closed by its own."""

    def recv_events(self) -> None:
        try:
            super().recv_events()
        finally:
            self._lost = True
            if self._end is not None:
                self._end.cancel()
            self._arrived.set()

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode in DATA:
            self._take(event)
            if self.inbox:
                self._arrived.set()
        else:
            super().process_event(event)

    def close_socket(self) -> None:
        self._resume_reading()  # or the reading thread would never see the end
        super().close_socket()

    def _pass_on(self, data: bytes) -> None:
        self._feed(data)

    def _received(self, data: bytes) -> None:
        self._cut(data)
        if self._end is None and self.close_timeout is not None and self.protocol.close_expected():
            # The server has to end the TCP connection now, and may not know.
            self._end = threading.Timer(self.close_timeout, self.close_socket)
            self._end.daemon = True
            self._end.start()
        if not self.inbox:
            return
        self._arrived.set()
        with self._pausing:
            if (
                self._held > self._read_ahead
                and not (self._reading_paused or self._leaving)
                and self.protocol.state is State.OPEN
            ):
                self._reading_paused = True
                self.recv_flow_control.acquire()

    def _resume_reading(self) -> None:
        with self._pausing:
            if self._reading_paused:
                self._reading_paused = False
                self.recv_flow_control.release()
