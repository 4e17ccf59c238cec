"""uvicorn's connections, with ways out that do not need the peer.

Closing a connection waits until the peer has read what is still under way, which a peer that stopped reading
never does; uvicorn then keeps the socket for good. This connection gives such a peer a few seconds and drops
it, and lets the application do so at once. Nor does uvicorn mind a client that connects and never asks for
anything, which would hold a socket for good, too.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NotRequired, TypedDict, cast

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

ABORT_AFTER_S = 10.0
"""How long a peer may take to read what is under way once its connection is over."""

SILENT_S = 0.5
"""How long a peer that broke the WebSocket protocol must have sent nothing before the socket is closed."""

REQUEST_S = 20.0
"""How long a client may take from its connection to the end of its request's headers."""

EXTENSION = "vivavoce.connection"
"""The name under `scope["extensions"]` where an application finds a `ConnectionControl`."""


class ConnectionControl(TypedDict):
    """What ASGI has no words for."""

    abort: Callable[[], None]
    """Drop the connection now, with whatever was not sent."""
    unsent: Callable[[], int]
    """How many bytes wait in this process for the peer to read."""
    send_texts: NotRequired[Callable[[Sequence[bytes]], Awaitable[None]]]
    """Send text messages, given in UTF-8, in one system call; waits and fails as ASGI's `send` does."""


def is_fault(record: logging.LogRecord) -> bool:
    """A filter for the logger `uvicorn.error`, which calls two things errors that are none of ours: text that
    is not UTF-8, which the peer learns from its close code, and an upgrade that was answered with HTTP."""
    of_the_peer = record.exc_info is not None and isinstance(record.exc_info[1], UnicodeDecodeError)
    return not of_the_peer and record.msg != "ASGI callable returned without completing handshake."


class AbortableWebSocket(WebSocketsSansIOProtocol):
    """One connection. After the application is done with it, or the peer has not answered a ping, it lives
    for `ABORT_AFTER_S` at most."""

    _abort_timer: asyncio.TimerHandle | None = None
    _lost = False

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            # A request that is too long for `websockets`: uvicorn would let its peer wait for the answer.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            control = ConnectionControl(
                abort=self.transport.abort, unsent=self.transport.get_write_buffer_size
            )
            cast(dict[str, Any], self.scope["extensions"])[EXTENSION] = control

    def handle_parser_exception(self) -> None:
        """Tell the peer what is wrong with its frames, and read on until it is silent: closing while it sends
        would reset the connection, and it might never learn the reason. Called again for all that comes."""
        if not self.close_sent:
            close = self.conn.close_sent
            assert close is not None
            told = {"type": "websocket.disconnect", "code": close.code, "reason": close.reason}
            self.queue.put_nowait(cast(Any, told))
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            if self.read_paused:
                self.read_paused = False
                self.transport.resume_reading()
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(SILENT_S, self.transport.close)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._abort_soon()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self._abort_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        super().connection_lost(exc)

    def _abort_soon(self) -> None:
        if self._abort_timer is None and not self._lost:
            self._abort_timer = self.loop.call_later(ABORT_AFTER_S, self.transport.abort)


class PunctualHttp(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
    """One connection on which nothing was asked for yet, or HTTP is spoken. It is dropped when the headers of
    a request take longer than `REQUEST_S`; how long a body may take is up to who reads it."""

    _request_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self.transport.get_protocol() is self and not self.transport.is_closing():
            self._expect()

    def handle_websocket_upgrade(self, *request: Any) -> None:
        self._stop_waiting()
        super().handle_websocket_upgrade(*request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._request_timer is None:
            self._request_timer = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None
