"""The opening handshake, and why it can fail."""

import functools
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.http11 import Response
from websockets.typing import Subprotocol

from vivavoce.client.errors import ConfigurationError, HandshakeFailed
from vivavoce.client.failures import first_line, refused, secrets_in, unreachable
from vivavoce.client.frames import MAX_SIZE, READ_AHEAD
from vivavoce.protocol import VivavoceError


class WebSocketOptions(TypedDict, total=False):
    """How the connection is made and kept. What is left out takes the value given here."""

    ssl: ssl.SSLContext
    """For wss: what to trust. The system's certificates."""
    proxy: str | None
    """URL of an HTTP or SOCKS proxy, or None for none whatever the environment says. The environment's
    proxy."""
    subprotocols: Sequence[str]
    """Offered in this order. None."""
    compression: Literal["deflate"] | None
    """None: speech does not become smaller, only slower."""
    open_timeout: float | None
    """Seconds for the whole handshake, None for no limit. 10."""
    close_timeout: float | None
    """Seconds for the closing handshake, None for no limit. 10."""
    ping_interval: float | None
    """Seconds between pings, None for none. 20."""
    ping_timeout: float | None
    """Seconds to wait for a pong, None for ever. 20."""
    max_size: int | None
    """Bytes of the largest message taken, None for any. 64 MiB."""
    read_ahead: int
    """Bytes that may wait for the program before reading pauses. 4 MiB."""


FAILURES = (OSError, WebSocketException, UnicodeError, ValueError, EOFError, AssertionError)
"""What opening a connection can end with, to be `explained`. Where a server hangs up before it is greeted,
`websockets` without an event loop may come upon its own assertion that the connection is closed."""


class Answered(WebSocketException):
    """The server answered the handshake with something else than 101.

    It stands for InvalidStatus, which for some answers `websockets` does not raise but follows: the key would
    travel along.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


def settings(
    url: str, headers: Mapping[str, str], options: WebSocketOptions, connection: Callable[..., object]
) -> dict[str, Any]:
    """What `connect` of `websockets` is to be given, to make a `connection`."""
    given: dict[str, Any] = {"compression": None, "max_size": MAX_SIZE, **options}
    if "subprotocols" in given:
        given["subprotocols"] = [Subprotocol(name) for name in given["subprotocols"]]
    read_ahead = given.pop("read_ahead", READ_AHEAD)
    return given | {
        "uri": url,
        "additional_headers": headers,
        "user_agent_header": None,
        "logger": _quiet,
        "create_connection": functools.partial(connection, max_size=given["max_size"], read_ahead=read_ahead),
    }


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    """A logger that is never asked for details: at DEBUG, `websockets` writes down every header and every
    frame."""

    def isEnabledFor(self, level: int) -> bool:
        return level > logging.DEBUG and super().isEnabledFor(level)


_quiet = _Quiet(logging.getLogger("vivavoce.client"), {})


def explained(
    error: Exception, url: str, headers: Mapping[str, str], options: WebSocketOptions | None = None
) -> VivavoceError:
    """Why no connection came about."""
    where = urlsplit(url).netloc
    match error:
        case InvalidStatus() | Answered():
            answer = error.response
            return refused(
                "the connection",
                url,
                answer.status_code,
                {name.lower(): value for name, value in answer.headers.raw_items()},
                bytes(answer.body or b""),
                secrets_in(headers, (options or {}).get("subprotocols", ())),
                remedy="check base_url and the query parameters",
            )
        case InvalidHandshake() | ConnectionClosed() | EOFError() | AssertionError():
            return HandshakeFailed(
                f"{where} does not answer as a WebSocket server ({first_line(error)}): check base_url, "
                "also whether it should begin with https:// or wss://."
            )
        case OSError() | UnicodeError():
            return unreachable(error, url)
        case _:
            return ConfigurationError(f"The connection cannot be opened so: {first_line(error)}.")
