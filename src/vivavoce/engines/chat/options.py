"""What can be configured about the chat engine."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

OPENAI_HOST = "api.openai.com"
_Seconds = Annotated[float, msgspec.Meta(gt=0)]


class ChatOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the chat engine. What may be secret is left out when they are shown."""

    base_url: str = "http://localhost:11434/v1"
    """Where the endpoint is, up to and without `/chat/completions`. The default is Ollama on this machine."""
    model: str = "llama3.2"
    """The endpoint's name for the model."""
    api_key: str | None = None
    """Sent as a bearer token. Better kept in an environment variable."""
    api_key_env: str | None = None
    """The environment variable that holds the key if `api_key` is absent. OPENAI_API_KEY where the endpoint
    is OpenAI's own, none otherwise: a key is not sent to a place that it was not meant for."""
    connect_timeout_s: _Seconds = 5.0
    """How long connecting may take."""
    first_token_timeout_s: _Seconds = 30.0
    """How long the endpoint may take from the request to the first token."""
    token_timeout_s: _Seconds = 15.0
    """How long it may pause between two tokens."""
    retries: Annotated[int, msgspec.Meta(ge=0, le=10)] = 2
    """How often a request that failed before its first token is repeated: after a broken connection and the
    statuses 408, 409, 429 and 5xx."""
    retry_delay_s: _Seconds = 0.5
    """How long to wait before the first repetition; twice as long before each further one, or as the
    endpoint's Retry-After says, but never more than 8 s."""
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    """The endpoint's own default if absent."""
    context_tokens: Annotated[int, msgspec.Meta(ge=0)] = 32_768
    """The model's context window in tokens, as the endpoint runs it (Ollama: `OLLAMA_CONTEXT_LENGTH`): what
    it reads and writes together. A conversation that grows longer is truncated. 0 sends all of it."""
    bytes_per_token: Annotated[float, msgspec.Meta(ge=1)] = 4.0
    """How long a token is on average, in bytes of UTF-8, to estimate what fits into the window. 4 suits most
    tokenizers, in most languages: a Chinese character has 3 bytes and costs about one token."""
    reasoning: bool = False
    """The model thinks before it answers, and takes `reasoning_effort` and `parallel_tool_calls`: sessions
    may then set them, and they are sent along. Otherwise a session that sets them is refused."""
    max_items: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Only so many items of the conversation are sent, the last ones; all of them if absent."""
    images: bool = True
    """The model looks at pictures. Otherwise it is told that there was one."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """How the endpoint calls the limit of an answer."""
    stream_usage: bool = True
    """Ask for the token counts. For endpoints that refuse `stream_options`, turn it off."""
    extra_body: dict[str, Any] = {}
    """More keys of the request, written as they are; they replace those of the engine."""
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
        return f"ChatOptions(host={self.host!r}, model={self.model!r}, ...)"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("host", self.host), ("model", self.model)]


def sendable(value: str) -> bool:
    """Can it stand in an HTTP header?"""
    return value.isascii() and value.isprintable()
