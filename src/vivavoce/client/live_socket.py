"""WebSockets as JavaScript has them: connecting from the moment when they are made, told about by events."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, overload

import msgspec

from vivavoce.client import browser_socket
from vivavoce.client.browser_socket import in_browser
from vivavoce.client.emitter import EventEmitter
from vivavoce.client.errors import NORMAL_CODES, ConfigurationError, ConnectionClosed, SocketNotOpen
from vivavoce.client.handlers import Handler, Handlers
from vivavoce.protocol import VivavoceError

if TYPE_CHECKING:
    from vivavoce.client import async_socket
    from vivavoce.client.opening import WebSocketOptions

    WebSocket: TypeAlias = async_socket.WebSocket | browser_socket.WebSocket

Listener = TypeVar("Listener", bound=Callable[..., object])

CONNECTING, OPEN, CLOSING, CLOSED = range(4)

_MAX_REASON_BYTES = 123

_CLOSE_CODES = {*range(3000, 5000), *({1000} if in_browser() else {*range(1000, 1015)} - {1004, 1005, 1006})}
"""Those that may be sent: pages may not say what is wrong with the protocol."""


async def _open(url: str, headers: Mapping[str, str], options: WebSocketOptions) -> WebSocket:
    if in_browser():
        return await browser_socket.open_websocket(url, headers, options)
    from vivavoce.client import async_socket

    return await async_socket.open_websocket(url, headers, options)


class LiveSocket(ABC):
    """A WebSocket that opens by itself.

    - url: where to, as a program may see it.
    - ready_state: CONNECTING, OPEN, CLOSING or CLOSED: 0 to 3.
    - protocol: the subprotocol that the server has chosen, empty if none.

    Raises ConfigurationError where no event loop runs.
    """

    CONNECTING, OPEN, CLOSING, CLOSED = CONNECTING, OPEN, CLOSING, CLOSED

    def __init__(
        self,
        address: str,
        headers: Mapping[str, str],
        options: WebSocketOptions,
        *,
        url: str,
        on_message: Callable[[bytes], None],
        on_error: Callable[[Exception], None],
        rest: Callable[[], Awaitable[None]],
    ) -> None:
        self.url = url
        self.ready_state = CONNECTING
        self.protocol = ""
        self._on_message = on_message
        self._on_error = on_error
        self._rest = rest
        self._websocket: WebSocket | None = None
        self._abandoned = False
        self._closing: asyncio.Task[None] | None = None
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigurationError(
                "There is no running event loop to connect in: make the connection in a coroutine."
            ) from None
        self._finished: asyncio.Future[None] = self._loop.create_future()
        self._task = self._loop.create_task(self._run(address, headers, options))

    @property
    def buffered_amount(self) -> int:
        """Bytes that have been sent and that the network has not taken yet."""
        return 0 if self._websocket is None else self._websocket.unsent_bytes

    def send(self, message: str | bytes) -> None:
        """Send a text message, without waiting. Raises SocketNotOpen."""
        websocket = self._websocket
        if websocket is None or self.ready_state != OPEN or not websocket.is_open:
            yet = "not open yet: wait for its 'open' event" if self.ready_state == CONNECTING else "closed"
            raise SocketNotOpen(f"The WebSocket is {yet}. Nothing was sent.")
        websocket.send_text_now(message.encode() if isinstance(message, str) else message)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin to close; does nothing if that has begun. Raises ValueError for a code or a reason that may
        not be sent."""
        if code not in _CLOSE_CODES:
            raise ValueError(f"{code} is no close code: pass 1000, or one of 3000 to 4999.")
        if len(reason.encode()) > _MAX_REASON_BYTES:
            raise ValueError(f"The reason for closing is longer than {_MAX_REASON_BYTES} bytes.")
        if self.ready_state == CONNECTING:
            self.ready_state = CLOSING
            self._abandoned = True
            self._loop.call_soon(self._task.cancel)  # not before it has begun
        elif self.ready_state == OPEN and self._websocket is not None:
            self.ready_state = CLOSING
            self._closing = self._loop.create_task(self._websocket.close(code, reason))

    async def wait_closed(self) -> None:
        """Wait until it is closed, and everything about it has been told."""
        await asyncio.shield(self._finished)

    def __repr__(self) -> str:
        state = ("connecting", "open", "closing", "closed")[self.ready_state]
        return f"<{type(self).__name__} {self.url.partition('?')[0]} {state}>"

    # What a program is told.

    @abstractmethod
    def _tell_open(self) -> None: ...

    @abstractmethod
    def _tell_message(self, data: bytes) -> None: ...

    @abstractmethod
    def _tell_error(self, error: Exception) -> None: ...

    @abstractmethod
    def _tell_close(self, code: int, reason: str) -> None: ...

    async def _run(self, address: str, headers: Mapping[str, str], options: WebSocketOptions) -> None:
        try:
            await self._live(address, headers, options)
        except asyncio.CancelledError:
            if not self._abandoned:
                raise
            self._fail(SocketNotOpen("The WebSocket was closed before the connection was established."))
            self._end(1006, "")
        finally:
            self.ready_state = CLOSED
            if self._websocket is not None:
                self._websocket.abort()
            if not self._finished.done():
                self._finished.set_result(None)

    async def _live(self, address: str, headers: Mapping[str, str], options: WebSocketOptions) -> None:
        try:
            websocket = await _open(address, headers, options)
        except VivavoceError as error:
            self._fail(error)
            self._end(1006, "")
            return
        self._websocket = websocket
        if self._abandoned:
            raise asyncio.CancelledError  # closed after the answer came, and before it was known here
        self.ready_state = OPEN
        self.protocol = websocket.subprotocol or ""
        self._guard(self._tell_open)
        inbox = websocket.inbox
        while inbox or await websocket.more():
            message = inbox.popleft()
            self._guard(self._on_message, message)
            self._guard(self._tell_message, message)
            await self._rest()
        code, reason = websocket.closure()
        if websocket.has_failed and self._closing is None:
            self._fail(ConnectionClosed(code, reason))
        self._end(code, reason)

    def _fail(self, error: Exception) -> None:
        self._guard(self._on_error, error)
        self._guard(self._tell_error, error)

    def _end(self, code: int, reason: str) -> None:
        self.ready_state = CLOSED
        self._guard(self._tell_close, code, reason)

    def _guard(self, tell: Callable[..., None], *said: Any) -> None:
        """Tell something. What a listener raises goes to the event loop's exception handler, for there is
        nobody else to catch it."""
        try:
            tell(*said)
        except Exception as error:  # noqa: BLE001 - the program's own, whatever it is
            self._loop.call_exception_handler(
                {"message": "A listener of a Realtime connection raised", "exception": error}
            )


class EmitterSocket(LiveSocket, EventEmitter):
    """With the events of the package `ws`: `open()`, `message(data)`, `error(exception)` and
    `close(code, reason)`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        EventEmitter.__init__(self)
        LiveSocket.__init__(self, *args, **options)

    if TYPE_CHECKING:

        @overload
        def on(self, name: str, handler: Callable[..., object]) -> Self:
            """Call `handler` for every event of this name."""

        @overload
        def on(self, name: str) -> Callable[[Listener], Listener]: ...

        def on(self, name: str, handler: Any = None) -> Any: ...

        @overload
        def once(self, name: str, handler: Callable[..., object]) -> Self:
            """Call `handler` for the next event of this name."""

        @overload
        def once(self, name: str) -> Callable[[Listener], Listener]: ...

        def once(self, name: str, handler: Any = None) -> Any: ...

        def emitted(self, name: str) -> asyncio.Future[Any]:
            """The next event of this name: what it says, or a list where that is several things."""

    def _tell_open(self) -> None:
        self._emit("open")

    def _tell_message(self, data: bytes) -> None:
        self._emit("message", data)

    def _tell_error(self, error: Exception) -> None:
        self._emit("error", error)

    def _tell_close(self, code: int, reason: str) -> None:
        self._emit("close", code, reason)


class SocketEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What the listeners of a WebSocketTarget are called with."""

    type: str
    """`"open"`, `"message"`, `"error"` or `"close"`."""
    data: str | None = None
    """The text of a message."""
    error: Exception | None = None
    message: str = ""
    """What the error says."""
    code: int = 0
    reason: str = ""
    was_clean: bool = False
    """Whether the connection was closed by both sides."""


class WebSocketTarget(LiveSocket):
    """With the events of a browser's WebSocket: `open`, `message`, `error` and `close`, to listeners that are
    called with a SocketEvent."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._handlers = Handlers()
        super().__init__(*args, **options)

    def add_event_listener(self, name: str, listener: Handler, *, once: bool = False) -> None:
        """Call `listener` for every event of this name, or for the next one."""
        self._handlers.add(name, listener, once=once)

    def remove_event_listener(self, name: str, listener: Handler) -> None:
        """Take it back."""
        self._handlers.remove(name, listener)

    def _tell(self, event: SocketEvent) -> None:
        for listener in self._handlers.take(event.type):
            self._guard(listener, event)  # type: ignore[arg-type]

    def _tell_open(self) -> None:
        self._tell(SocketEvent(type="open"))

    def _tell_message(self, data: bytes) -> None:
        if "message" in self._handlers:
            self._tell(SocketEvent(type="message", data=data.decode(errors="replace")))

    def _tell_error(self, error: Exception) -> None:
        self._tell(SocketEvent(type="error", error=error, message=str(error)))

    def _tell_close(self, code: int, reason: str) -> None:
        self._tell(SocketEvent(type="close", code=code, reason=reason, was_clean=code in NORMAL_CODES))
