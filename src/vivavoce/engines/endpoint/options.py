"""What can be configured about every engine that asks an endpoint over HTTP."""

from typing import Annotated
from urllib.parse import urlsplit

import msgspec

OPENAI_HOST = "api.openai.com"
Seconds = Annotated[float, msgspec.Meta(gt=0)]


class EndpointOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the endpoint is, and how it is asked. What may be secret is left out when they are shown."""

    base_url: str
    """Where the endpoint is, up to and without the path of the request."""
    model: str
    """The endpoint's name for the model."""
    api_key: str | None = None
    """Sent as a bearer token. Better kept in an environment variable."""
    api_key_env: str | None = None
    """The environment variable that holds the key if `api_key` is absent. OPENAI_API_KEY where the endpoint
    is OpenAI's own, none otherwise: a key is not sent to a place that it was not meant for."""
    connect_timeout_s: Seconds = 5.0
    """How long connecting may take."""
    retries: Annotated[int, msgspec.Meta(ge=0, le=10)] = 2
    """How often a request that failed before its first word is repeated: after a broken connection and the
    statuses 408, 409, 429 and 5xx."""
    retry_delay_s: Seconds = 0.5
    """How long to wait before the first repetition; twice as long before each further one, or as the
    endpoint's Retry-After says, but never more than 8 s."""
    headers: dict[str, str] = {}
    """More headers of the request."""

    def __post_init__(self) -> None:
        try:
            url = urlsplit(self.base_url)
            valid = url.scheme in ("http", "https") and bool(url.hostname) and (url.port or 1) > 0
        except ValueError:
            valid = False
        if not valid or url.query or url.fragment:
            raise ValueError("base_url must be an address such as http://localhost:11434/v1")
        if not sendable(self.api_key or ""):
            raise ValueError("api_key has characters that no key has")
        if not all(sendable(part) for header in self.headers.items() for part in header):
            raise ValueError("headers must be printable ASCII")

    @property
    def host(self) -> str:
        """The endpoint's host, which may be shown."""
        return urlsplit(self.base_url).hostname or ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(host={self.host!r}, model={self.model!r}, ...)"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("host", self.host), ("model", self.model)]


def sendable(value: str) -> bool:
    """Can it stand in an HTTP header?"""
    return value.isascii() and value.isprintable()
