"""Where the server is, and how to be let in."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from vivavoce.client.endpoint import Endpoint
from vivavoce.client.errors import ConfigurationError

DEFAULT_MODEL = "gpt-realtime"
_PATH = "/v1/realtime"


@dataclass(frozen=True)
class Target:
    """The server to be judged."""

    host: str
    """`HOST[:PORT]`."""
    path: str
    """The path of the WebSocket endpoint: `/v1/realtime` unless the URL says otherwise."""
    secure: bool
    query: tuple[tuple[str, str], ...] = ()
    """Parameters of the URL that go into every request."""
    model: str = DEFAULT_MODEL
    api_key: str = field(default="", repr=False)

    @classmethod
    def at(cls, url: str, *, model: str | None = None, api_key: str = "") -> "Target":
        """Read a URL: ws, wss, http or https, with or without the path.

        A path that ends in `/realtime` is taken as it is, one that ends in `/v1` is completed, and none is
        `/v1/realtime`. A `model` in the query is the model, unless another one is given. Raises
        ConfigurationError for what cannot be used.
        """
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            parts.port  # noqa: B018 - reading it is what checks it
        except ValueError as error:
            raise ConfigurationError(f"This is not a URL: {error}.") from None
        if parts.scheme not in ("ws", "wss", "http", "https") or not parts.hostname:
            raise ConfigurationError(
                "The URL cannot be used: it must begin with ws://, wss://, http:// or https:// and a host."
            )
        if "@" in parts.netloc:
            raise ConfigurationError("The URL holds a user or a password: leave them out; use --api-key.")
        path = parts.path.rstrip("/")
        if not path:
            path = _PATH
        elif not path.endswith("/realtime"):
            path += "/realtime"
        query = dict(parse_qsl(parts.query))
        named = query.pop("model", None)
        return cls(
            host=parts.netloc,
            path=path,
            secure=parts.scheme in ("wss", "https"),
            query=tuple(query.items()),
            model=model or named or DEFAULT_MODEL,
            api_key=api_key,
        )

    @property
    def url(self) -> str:
        """The WebSocket endpoint, without a query."""
        return self.websocket_url({})

    def websocket_url(self, query: dict[str, str], path: str = "") -> str:
        """The WebSocket endpoint with these parameters; `path` begins after `/realtime`."""
        scheme = "wss" if self.secure else "ws"
        return urlunsplit((scheme, self.host, self.path + path, urlencode(dict(self.query) | query), ""))

    def rest_url(self, path: str) -> str:
        """The URL of a REST endpoint: `path` begins after `/realtime`, and may have a query."""
        scheme = "https" if self.secure else "http"
        path, _, query = path.partition("?")
        asked = dict(self.query) | dict(parse_qsl(query))
        return urlunsplit((scheme, self.host, self.path + path, urlencode(asked), ""))

    @property
    def on_this_machine(self) -> bool:
        """Whether it is the machine that the suite runs on."""
        return Endpoint(self.rest_url(""), {}, anonymous=True).on_this_machine

    def conceal(self, text: str) -> str:
        """The text without the key."""
        return text.replace(self.api_key, "‹key›") if self.api_key else text
