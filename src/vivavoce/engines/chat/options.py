"""What can be configured about the chat engine."""

from typing import Annotated, Any, Literal

import msgspec

from vivavoce.engines.endpoint.options import EndpointOptions, Seconds


class ChatOptions(EndpointOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the chat engine. What may be secret is left out when they are shown."""

    base_url: str = "http://localhost:11434/v1"
    """Where the endpoint is, up to and without `/chat/completions`. The default is Ollama on this machine."""
    model: str = "llama3.2"
    """The endpoint's name for the model."""
    first_token_timeout_s: Seconds = 30.0
    """How long the endpoint may take from the request to the first token."""
    token_timeout_s: Seconds = 15.0
    """How long it may pause between two tokens."""
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    """Unless a session says so itself, in the beta dialect. The endpoint's own default if absent."""
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
    extra_body: dict[str, Any] = msgspec.field(default_factory=dict)
    """More keys of the request, written as they are; they replace those of the engine."""
