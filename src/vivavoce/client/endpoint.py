"""Where the server is, and what introduces a program to it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from vivavoce.client.errors import ConfigurationError
from vivavoce.version import __version__

DEFAULT_BASE_URL = "https://api.openai.com/v1"

USER_AGENT = f"vivavoce/{__version__} Python/{'.'.join(map(str, sys.version_info[:3]))}"

CREDENTIALS = ("authorization", "api-key")
"""The headers that hold secrets, in lower case."""

KEY_SUBPROTOCOL = "openai-insecure-api-key."
"""What stands before the key where it travels as a subprotocol."""

_SECURE = {"https": True, "wss": True, "http": False, "ws": False}
_LOOPBACK = re.compile(r"localhost|.*\.localhost|127\.\d+\.\d+\.\d+|::1")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Endpoint:
    """A server's address together with the headers that every request to it carries.

    - base_url: the part before `/realtime`, with the scheme http, https, ws or wss. Its query parameters go
      into every URL.
    - variable: where the environment has the key.
    - query: more of them; those of the base URL win.
    - anonymous: the program has chosen to send no key. Otherwise one is missed unless the server is on this
      machine.

    Raises ConfigurationError for what cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        query: Mapping[str, object] | None = None,
        anonymous: bool = False,
        variable: str = "OPENAI_API_KEY",
    ) -> None:
        self._url = _split(base_url)
        self._headers = merged(headers)
        self._query = query or {}
        self._variable = variable
        self._keyless = anonymous or self.on_this_machine

    @property
    def secure(self) -> bool:
        """Whether it is reached over TLS."""
        return _SECURE[self._url.scheme]

    @property
    def host(self) -> str:
        """`HOST[:PORT]` as given."""
        return self._url.netloc

    @property
    def path(self) -> str:
        """The path of the base URL, without a slash at its end."""
        return self._url.path.rstrip("/")

    @property
    def on_this_machine(self) -> bool:
        """Whether nobody on the way can overhear or answer."""
        return _LOOPBACK.fullmatch(self._url.hostname or "") is not None

    def websocket_url(
        self,
        path: str,
        query: Mapping[str, object],
        *,
        encrypt: bool = False,
        instead_of: Iterable[str] = (),
    ) -> str:
        """The ws or wss URL of `path`, with the base URL's query and `query`, of which later keys win.

        - encrypt: make it wss even if the base URL is http, unless the server is on this machine.
        - instead_of: parameters that stay out unless `query` has them.
        """
        secure = self.secure or (encrypt and not self.on_this_machine)
        parameters = {
            name: value
            for name, value in self.parameters(query).items()
            if name in query or name not in instead_of
        }
        return self._at("wss" if secure else "ws", self.path + path, parameters)

    def http_url(self, path: str, query: Mapping[str, object]) -> str:
        """The http or https URL of `path`, likewise."""
        return self._at("https" if self.secure else "http", self.path + path, self.parameters(query))

    def azure_url(self, path: str, query: Mapping[str, object]) -> str:
        """The ws or wss URL of `path` in Azure's stable API, with nothing but `query`."""
        base = re.sub("/+", "/", self.path).removesuffix("/v1")
        secure = self.secure or not self.on_this_machine
        return self._at("wss" if secure else "ws", f"{base}/v1{path}", query)

    def parameters(self, query: Mapping[str, object]) -> dict[str, object]:
        """The parameters of a request: those of every request, those of the base URL, and `query`."""
        return {**self._query, **dict(parse_qsl(self._url.query, keep_blank_values=True)), **query}

    def _at(self, scheme: str, path: str, query: Mapping[str, object]) -> str:
        return urlunsplit((scheme, self._url.netloc, path, urlencode(list(_pairs(query))), ""))

    def headers(self, *more: Mapping[str, str]) -> dict[str, str]:
        """The headers of one request. Names are compared without case, and later ones win.

        Raises ConfigurationError for what HTTP forbids, and where a key is missing.
        """
        headers = merged(self._headers, *more)
        if not self._keyless and not any(name.lower() in CREDENTIALS for name in headers):
            raise ConfigurationError(
                f"There is no API key for {self.host}: pass api_key or set {self._variable} "
                "(an empty api_key for a server that needs none)."
            )
        return headers

    def __repr__(self) -> str:
        return f"Endpoint({self.host!r})"


def _pairs(query: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Parameters as texts: true and false in lower case, None empty, lists one by one."""
    for name, value in query.items():
        for each in value if isinstance(value, list | tuple) else (value,):
            text = "" if each is None else str(each)
            yield name, text.lower() if isinstance(each, bool) else text


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
