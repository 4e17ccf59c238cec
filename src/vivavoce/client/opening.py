"""The opening handshake, and why it can fail."""

import errno
import functools
import http.client
import logging
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict
from urllib.parse import urlsplit

import msgspec
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.http11 import Response
from websockets.typing import Subprotocol

from vivavoce.client.endpoint import CREDENTIALS
from vivavoce.client.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    ConnectionRefused,
    ConnectTimeout,
    HandshakeFailed,
    HostNotFound,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusError,
    TLSFailure,
)
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


FAILURES = (OSError, WebSocketException, UnicodeError, ValueError, EOFError)
"""What opening a connection can end with, to be `explained`."""


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


def explained(error: Exception, url: str, headers: Mapping[str, str]) -> VivavoceError:
    """Why no connection came about."""
    parts = urlsplit(url)
    where = parts.netloc
    match error:
        case InvalidStatus() | Answered():
            return _refused(error.response, where, headers)
        case TimeoutError():
            return ConnectTimeout(
                f"{where} did not answer in time: check base_url and the network, or try again."
            )
        case socket.gaierror() | UnicodeError():
            return HostNotFound(
                f"The host name {parts.hostname} cannot be resolved: check base_url and the network."
            )
        case ssl.SSLCertVerificationError():
            return TLSFailure(
                f"The certificate of {where} is not trusted ({error.verify_message.rstrip('.')}): "
                "if it is your own, pass an ssl.SSLContext that trusts it."
            )
        case ssl.SSLError():
            return _no_tls(where, (error.reason or "TLS failed").replace("_", " ").lower())
        case ConnectionError() if parts.scheme == "wss" and not isinstance(error, ConnectionRefusedError):
            return _no_tls(where, "it hangs up")
        case InvalidHandshake() | EOFError():
            return HandshakeFailed(
                f"{where} does not answer as a WebSocket server ({_first_line(error)}): check base_url, "
                "also whether it should begin with https:// or wss://."
            )
        case OSError():
            return _unreachable(error, where)
        case _:
            return ConfigurationError(f"The connection cannot be opened so: {_first_line(error)}.")


def _no_tls(where: str, reason: str) -> TLSFailure:
    return TLSFailure(
        f"No secure connection to {where} ({reason}): "
        "if the server speaks plain HTTP, begin base_url with http:// or ws://."
    )


def _unreachable(error: OSError, where: str) -> ConnectError:
    # Where a name has several addresses and each fails in its own words, asyncio keeps the texts only.
    if error.errno == errno.ECONNREFUSED or f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return ConnectionRefused(
            f"Nothing listens at {where} (connection refused): start the server, or check base_url."
        )
    reason = error.strerror or _first_line(error)
    return ConnectionRefused(f"{where} cannot be reached ({reason}): check base_url and the network.")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


_REFUSALS: dict[int, tuple[type[StatusError], str]] = {
    401: (AuthenticationError, "check api_key"),
    403: (PermissionDeniedError, "check what api_key may do"),
    404: (NotFoundError, "check base_url, the model and the call"),
    429: (RateLimitError, "wait, or check the quota"),
}


def _refused(response: Response, where: str, headers: Mapping[str, str]) -> StatusError:
    """What an answer other than 101 means."""
    status = response.status_code
    body = _without_secrets(bytes(response.body or b"")[: 64 * 1024].decode(errors="replace"), headers)
    error = _error_object(body)
    said = error.get("message") if error else None
    if 300 <= status < 400:
        target = urlsplit(response.headers.get("Location", "")).netloc or where
        kind, remedy = StatusError, f"it redirects to {target}; set base_url to the address that is meant"
    elif status >= 500:
        kind, remedy = ServerError, "try again in a while"
    else:
        kind, remedy = _REFUSALS.get(status, (StatusError, "check base_url and the query parameters"))
    named = f"HTTP {status} {http.client.responses.get(status, '')}".rstrip()
    reason = f": {said.rstrip('.')}" if isinstance(said, str) and said else ""
    return kind(
        f"{where} refused the connection with {named}{reason} ({remedy}).",
        status=status,
        error=error,
        body=body,
        request_id=response.headers.get("x-request-id"),
    )


class _ErrorBody(msgspec.Struct):
    error: dict[str, Any]


def _error_object(body: str) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(body, type=_ErrorBody).error
    except (msgspec.DecodeError, RecursionError):
        return None


def _without_secrets(text: str, headers: Mapping[str, str]) -> str:
    for name, value in headers.items():
        if name.lower() in CREDENTIALS:
            secret = value.rpartition(" ")[2]
            text = text.replace(secret, "…") if secret else text
    return text
