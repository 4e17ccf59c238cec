"""The WebSocket of the web page that Python runs in, under Pyodide.

A page cannot send headers with a handshake and is told nothing of why one failed: the key travels as a
subprotocol, and a refusal looks like a server that is not there.
"""

import asyncio
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from vivavoce.client.errors import ConfigurationError, ConnectionClosed

IN_BROWSER = sys.platform == "emscripten"
"""Whether the socket of a page is the only one that there is."""

EPHEMERAL = "ek_"
"""What client secrets begin with: keys that are made for pages, and expire."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""What a subprotocol may consist of (RFC 6455, 4.1)."""

_CONNECTING, _OPEN = 0, 1
"""States of the page's socket (`readyState`)."""


class SocketEvents(Protocol):
    """Who is told what happens to a socket."""

    def opened(self) -> None:
        """The handshake is done: messages can be sent."""

    def received(self, message: str | bytes) -> None:
        """A message has come."""

    def failed(self, reason: str) -> None:
        """The socket broke, or never came about; `closed` follows."""

    def closed(self, code: int, reason: str) -> None:
        """It is over, with this close code: 1006 if it broke. Nothing follows."""


def subprotocols(key: str, *, beta: bool = False) -> list[str]:
    """What a handshake without headers offers: the API's name, the key, and the dialect if it is the older.

    Raises ConfigurationError for a key that cannot travel so, without showing it.
    """
    if not _TOKEN.fullmatch(key):
        raise ConfigurationError(
            "The API key holds characters that no key has, or is empty: "
            "pass the `value` of a client secret as api_key."
        )
    offered = ["realtime", f"openai-insecure-api-key.{key}"]
    return [*offered, "openai-beta.realtime-v1"] if beta else offered


def refuse_full_key(key: str) -> None:
    """Raises ConfigurationError for a key that everybody could read who opens the page."""
    if not key.startswith(EPHEMERAL):
        raise ConfigurationError(
            "This is a full API key, and everybody who opens this page could read and use it: let your "
            "server make a client secret (client.realtime.client_secrets.create) and pass its value as "
            "api_key, or pass dangerously_allow_browser=True if nobody else can see the page."
        )


class BrowserSocket:
    """A WebSocket of the page. Making one begins to connect.

    - url: ws or wss.
    - offered: the subprotocols.
    - events: who is told what happens; what its methods raise goes to the event loop's exception handler.

    Raises ConfigurationError for what the page does not allow.
    """

    def __init__(self, url: str, offered: Sequence[str], events: SocketEvents) -> None:
        from js import Array, WebSocket
        from pyodide.ffi import JsException, create_proxy

        self._events = events
        self._closure: tuple[int, str] | None = None
        try:
            self._socket = WebSocket.new(url, Array.of(*offered))
        except JsException as error:
            # Its message may show the subprotocols, and with them the key.
            raise ConfigurationError(
                f"The page cannot open {url.partition('?')[0]} ({error.name}): "
                "check base_url; a page that came over https needs https:// or wss:// there."
            ) from None
        self._socket.binaryType = "arraybuffer"
        self._loop = asyncio.get_event_loop()
        listeners = {
            "open": self._opened,
            "message": self._received,
            "error": self._failed,
            "close": self._closed,
        }
        self._proxies = {name: create_proxy(self._guarded(call)) for name, call in listeners.items()}
        for name, proxy in self._proxies.items():
            self._socket.addEventListener(name, proxy)

    @property
    def url(self) -> str:
        return str(self._socket.url)

    @property
    def page_socket(self) -> Any:
        """The page's own object, for what is not here: a `JsProxy` of a `WebSocket`."""
        return self._socket

    def send(self, message: str) -> None:
        """Hand a text message to the page, which sends it when it can.

        Raises ConnectionClosed when the socket is closed or closing (the page itself would say nothing), and
        ConnectionError before it is open.
        """
        state = self._socket.readyState
        if state == _CONNECTING:
            raise ConnectionError("The connection is not open yet: wait until it is.")
        if state != _OPEN:
            raise ConnectionClosed(*(self._closure or (1006, "")))
        self._socket.send(message)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin the closing handshake; does nothing if it has begun.

        Raises ValueError for a code other than 1000 and 3000 to 4999, or a reason of more than 123 bytes:
        pages may not send others.
        """
        if code != 1000 and not 3000 <= code <= 4999:
            raise ValueError(f"A page cannot close with code {code}: use 1000, or one from 3000 to 4999.")
        if len(reason.encode()) > 123:
            raise ValueError("The reason for closing is too long: at most 123 bytes of UTF-8.")
        self._socket.close(code, reason)

    # What the page calls.

    def _opened(self, _: Any) -> None:
        self._events.opened()

    def _received(self, event: Any) -> None:
        data = event.data
        self._events.received(data if isinstance(data, str) else data.to_bytes())

    def _failed(self, _: Any) -> None:
        self._events.failed(
            "The connection broke or never came about, and a page is not told why: check base_url, "
            "the network, and whether the server lets this page in."
        )

    def _closed(self, event: Any) -> None:
        self._closure = (int(event.code), str(event.reason))
        # Not now: one of them is running.
        self._loop.call_soon(self._release)
        self._events.closed(*self._closure)

    def _release(self) -> None:
        """Let go of what holds this object from the page's side."""
        for name, proxy in self._proxies.items():
            self._socket.removeEventListener(name, proxy)
            proxy.destroy()

    def _guarded(self, call: Callable[[Any], None]) -> Callable[[Any], None]:
        def guarded(event: Any) -> None:
            try:
                call(event)
            except Exception as error:  # noqa: BLE001 - what a program's own functions raise
                self._loop.call_exception_handler(
                    {"message": "A function that listens to a connection failed", "exception": error}
                )

        return guarded
