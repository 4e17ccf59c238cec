"""A language model behind any endpoint that speaks OpenAI's chat completions."""

from vivavoce.engines.chat.model import ChatModel
from vivavoce.engines.chat.options import ChatOptions

__all__ = ["ChatModel", "ChatOptions"]
