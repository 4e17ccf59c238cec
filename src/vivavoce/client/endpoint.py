"""Where the server is, and what introduces a program to it."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from vivavoce.client.errors import ConfigurationError
from vivavoce.version import __version__

DEFAULT_BASE_URL = "https://api.openai.com/v1"

USER_AGENT = f"vivavoce/{__version__} Python/{platform.python_version()}"

CREDENTIALS = ("authorization", "api-key")
"""The headers that hold secrets, in lower case."""

_SECURE = {"https": True, "wss": True, "http": False, "ws": False}
_LOOPBACK = re.compile(r"localhost|.*\.localhost|127\.\d+\.\d+\.\d+|::1")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Endpoint:
    """A server's address together with the headers that every request to it carries.

    - base_url: the part before `/realtime`, with the scheme http, https, ws or wss. Its query parameters go
      into every URL.
    - anonymous: the program has chosen to send no key. Otherwise one is missed unless the server is on this
      machine.

    Raises ConfigurationError for what cannot be used.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], *, anonymous: bool = False) -> None:
        self._url = _split(base_url)
        self._headers = merged(headers)
        self._keyless = anonymous or _LOOPBACK.fullmatch(self._url.hostname or "") is not None

    @property
    def secure(self) -> bool:
        """Whether it is reached over TLS."""
        return _SECURE[self._url.scheme]

    @property
    def host(self) -> str:
        """`HOST[:PORT]` as given."""
        return self._url.netloc

    def websocket_url(self, path: str, query: Mapping[str, object]) -> str:
        """The ws or wss URL of `path`, with the base URL's query and `query`, of which later keys win."""
        parameters = dict(parse_qsl(self._url.query, keep_blank_values=True))
        for name, value in query.items():
            parameters[name] = str(value).lower() if isinstance(value, bool) else str(value)
        scheme = "wss" if self.secure else "ws"
        return urlunsplit(
            (scheme, self._url.netloc, self._url.path.rstrip("/") + path, urlencode(parameters), "")
        )

    def headers(self, *more: Mapping[str, str]) -> dict[str, str]:
        """The headers of one request. Names are compared without case, and later ones win.

        Raises ConfigurationError for what HTTP forbids, and where a key is missing.
        """
        headers = merged(self._headers, *more)
        if not self._keyless and not any(name.lower() in CREDENTIALS for name in headers):
            raise ConfigurationError(
                f"There is no API key for {self.host}: pass api_key or set OPENAI_API_KEY "
                "(an empty api_key for a server that needs none)."
            )
        return headers

    def __repr__(self) -> str:
        return f"Endpoint({self.host!r})"


def _split(base_url: str) -> SplitResult:
    try:
        url = urlsplit(base_url.strip())
        url.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise ConfigurationError(f"The base URL is not a URL ({error}): check base_url.") from None
    if "@" in url.netloc:
        raise ConfigurationError("The base URL holds a user or a password: leave them out and pass api_key.")
    if url.scheme not in _SECURE or not url.hostname:
        raise ConfigurationError(
            f"The base URL {base_url.partition('?')[0]!r} cannot be used: "
            "it must begin with https://, http://, wss:// or ws:// and a host."
        )
    return url


def merged(*sets: Mapping[str, str]) -> dict[str, str]:
    """Headers of several sources as one. Raises ConfigurationError for what HTTP forbids, without showing
    values."""
    found: dict[str, tuple[str, str]] = {}
    for headers in sets:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name):
                raise ConfigurationError(f"{name!r} cannot be the name of a header.")
            if not _HEADER_VALUE.fullmatch(value):
                raise ConfigurationError(
                    f"The value of the header {name} holds a line break or what else HTTP forbids."
                )
            found[name.lower()] = (name, value)
    return dict(found.values())
