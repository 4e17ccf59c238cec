"""What went wrong on the way to a server, in sentences: for WebSockets and for REST."""

import errno
import http.client
import socket
import ssl
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from vivavoce.client.endpoint import CREDENTIALS, KEY_SUBPROTOCOL
from vivavoce.client.errors import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ConnectError,
    ConnectionRefused,
    ConnectTimeout,
    HostNotFound,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusError,
    TLSFailure,
    UnprocessableEntityError,
)

MAX_BODY = 64 * 1024
"""Bytes of an answer that an error keeps."""


def unreachable(error: OSError | UnicodeError, url: str) -> ConnectError:
    """Why nobody could be reached at a URL: what the sockets and TLS said."""
    parts = urlsplit(url)
    where = parts.netloc
    match error:
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
        case ConnectionError() if parts.scheme in ("wss", "https") and not isinstance(
            error, ConnectionRefusedError
        ):
            return _no_tls(where, "it hangs up")
    # Where a name has several addresses and each fails in its own words, asyncio keeps the texts only.
    if error.errno == errno.ECONNREFUSED or f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return ConnectionRefused(
            f"Nothing listens at {where} (connection refused): start the server, or check base_url."
        )
    reason = error.strerror or first_line(error)
    return ConnectionRefused(f"{where} cannot be reached ({reason}): check base_url and the network.")


def _no_tls(where: str, reason: str) -> TLSFailure:
    return TLSFailure(
        f"No secure connection to {where} ({reason}): "
        "if the server speaks plain HTTP, begin base_url with http:// or ws://."
    )


def refused(
    what: str,
    url: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    secrets: tuple[str, ...],
    *,
    remedy: str,
) -> StatusError:
    """What an HTTP answer means that grants nothing.

    - what: "the connection" or "the request".
    - headers: of the answer, with names in lower case.
    - secrets: what must not be repeated, whatever the server says.
    - remedy: what to do where the status alone does not tell.
    """
    where = urlsplit(url).netloc
    text = body[:MAX_BODY].decode(errors="replace")
    for secret in secrets:
        text = text.replace(secret, "…")
    error = _error_object(text)
    said = error.get("message") if error else None
    if 300 <= status < 400:
        target = urlsplit(headers.get("location", "")).netloc or where
        kind, remedy = StatusError, f"it redirects to {target}; set base_url to the address that is meant"
    elif status >= 500:
        kind, remedy = ServerError, "try again in a while"
    else:
        kind, known = _REFUSALS.get(status, (StatusError, None))
        remedy = known or remedy
    named = f"HTTP {status} {http.client.responses.get(status, '')}".rstrip()
    reason = f": {said.rstrip('.')}" if isinstance(said, str) and said else ""
    return kind(
        f"{where} refused {what} with {named}{reason} ({remedy}).",
        status=status,
        error=error,
        body=text,
        request_id=headers.get("x-request-id"),
    )


def secrets_in(headers: Mapping[str, str], subprotocols: Iterable[str] = ()) -> tuple[str, ...]:
    """The keys and tokens that a request carries."""
    found = [value.rpartition(" ")[2] for name, value in headers.items() if name.lower() in CREDENTIALS]
    found += [each.partition(KEY_SUBPROTOCOL)[2] for each in subprotocols]
    return tuple(secret for secret in found if secret)


def first_line(error: BaseException) -> str:
    """What an exception says, as part of a sentence."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


_REFUSALS: dict[int, tuple[type[StatusError], str | None]] = {
    400: (BadRequestError, None),
    401: (AuthenticationError, "check api_key"),
    403: (PermissionDeniedError, "check what api_key may do"),
    404: (NotFoundError, "check base_url, the model and the call"),
    409: (ConflictError, None),
    422: (UnprocessableEntityError, None),
    429: (RateLimitError, "wait, or check the quota"),
}


class _ErrorBody(msgspec.Struct):
    error: dict[str, Any]


class _GatewayBody(msgspec.Struct):
    """What Azure's gateway answers before the API is asked."""

    message: str


def _error_object(body: str) -> dict[str, Any] | None:
    shape: type[_ErrorBody | _GatewayBody]
    for shape in (_ErrorBody, _GatewayBody):
        try:
            found = msgspec.json.decode(body, type=shape)
        except (msgspec.DecodeError, RecursionError):
            continue
        return found.error if isinstance(found, _ErrorBody) else {"message": found.message}
    return None
