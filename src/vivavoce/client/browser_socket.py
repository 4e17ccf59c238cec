"""The WebSocket of the web page that Python runs in, under Pyodide: there is no other.

It has the part of `async_socket` that the emitter classes need. A page cannot send headers with a handshake
and is told nothing of why one failed: the key travels as a subprotocol, and a refusal looks like a server
that is not there. Nor can it slow a server down: the page reads whatever comes.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vivavoce.client.errors import ConfigurationError, ConnectError

if TYPE_CHECKING:
    from vivavoce.client.opening import WebSocketOptions

PLATFORM: str = sys.platform

_OPEN = 1
"""The state of a page's socket over which messages can be sent (`readyState`)."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""What a subprotocol may consist of (RFC 6455, 4.1)."""


def in_browser() -> bool:
    """Whether this Python runs in a browser, under Pyodide."""
    return PLATFORM == "emscripten"


async def open_websocket(url: str, headers: Mapping[str, str], options: WebSocketOptions) -> WebSocket:
    """Connect to a ws or wss URL.

    - headers: not sent; that cannot be done.
    - options: only `subprotocols` counts.

    Raises ConfigurationError for what the page does not allow, and ConnectError.
    """
    websocket = WebSocket(url, options.get("subprotocols") or ())
    try:
        if not await websocket.opening:
            raise ConnectError(
                f"No connection to {urlsplit(url).netloc} came about, and a page is not told why: check "
                "base_url, the network, and whether the server lets this page in."
            )
    except BaseException:
        websocket.abort()
        raise
    return websocket


class WebSocket:
    """A WebSocket of the page. Making one begins to connect.

    - inbox: the messages that have come and nobody has taken, oldest first.
    - opening: done when it is open (true) or never will be (false).
    - has_failed: whether the connection broke.

    Raises ConfigurationError for what the page does not allow.
    """

    def __init__(self, url: str, subprotocols: Sequence[str]) -> None:
        from js import Array
        from js import WebSocket as PageSocket
        from pyodide.ffi import JsException, create_proxy

        if not all(map(_TOKEN.fullmatch, subprotocols)):
            raise ConfigurationError(
                "The API key, the organization or the project holds characters that a page cannot send: "
                "pass the value of a client secret as api_key."
            )
        try:
            self._socket = PageSocket.new(url, Array.of(*subprotocols))
        except JsException as error:
            # Its message may show the subprotocols, and with them the key.
            raise ConfigurationError(
                f"The page cannot open {url.partition('?')[0]} ({error.name}): "
                "check base_url; a page that came over https needs https:// or wss:// there."
            ) from None
        self._socket.binaryType = "arraybuffer"
        self._closure: tuple[int, str] | None = None
        self._arrival = asyncio.Event()
        self._closed = asyncio.Event()
        self.inbox: deque[bytes] = deque()
        self.opening: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.has_failed = False
        calls = {
            "open": self._on_open,
            "message": self._on_message,
            "error": self._on_error,
            "close": self._on_close,
        }
        self._proxies = {name: create_proxy(call) for name, call in calls.items()}
        for name, proxy in self._proxies.items():
            self._socket.addEventListener(name, proxy)

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return bool(self._socket.readyState == _OPEN)

    @property
    def subprotocol(self) -> str:
        """What the server has chosen, empty if nothing."""
        return str(self._socket.protocol)

    @property
    def unsent_bytes(self) -> int:
        """How much of what was sent the network has not taken yet."""
        return int(self._socket.bufferedAmount)

    async def more(self) -> bool:
        """Wait until the inbox holds a message. False if it never will again: the connection is closed."""
        while not self.inbox and self._closure is None:
            self._arrival.clear()
            await self._arrival.wait()
        return bool(self.inbox)

    def send_text_now(self, message: bytes) -> None:
        """Send UTF-8 as a text message. If the socket is not open, the page discards it or raises."""
        self._socket.send(message.decode())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Perform the closing handshake. A page may send code 1000 and those from 3000 to 4999."""
        self._socket.close(code, reason)
        await self._closed.wait()

    def closure(self) -> tuple[int, str]:
        """The close code and reason of a connection that is closed."""
        return self._closure or (1006, "")

    def abort(self) -> None:
        """Let go of the page's socket at once, which closes it if it is still open."""
        self._socket.close()
        for name, proxy in self._proxies.items():
            self._socket.removeEventListener(name, proxy)
            proxy.destroy()
        self._proxies.clear()

    # What the page calls.

    def _on_open(self, _: Any) -> None:
        self._decide(True)

    def _on_message(self, event: Any) -> None:
        data = event.data
        self.inbox.append(data.encode() if isinstance(data, str) else data.to_bytes())
        self._arrival.set()

    def _on_error(self, _: Any) -> None:
        self.has_failed = True

    def _on_close(self, event: Any) -> None:
        self._closure = (int(event.code), str(event.reason))
        self._decide(False)
        self._arrival.set()
        self._closed.set()

    def _decide(self, opened: bool) -> None:
        if not self.opening.done():
            self.opening.set_result(opened)
