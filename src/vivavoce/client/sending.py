"""What whoever speaks for the program needs of a connection."""

from collections.abc import Mapping
from typing import Any, Protocol


class AsyncSender(Protocol):
    """A connection that does not block, in either dialect. What `send` returns is awaited if it can be."""

    def send(self, event: Mapping[str, Any], /) -> object: ...


class Sender(Protocol):
    """A connection into which any thread may send."""

    def send(self, event: Mapping[str, Any], /) -> object: ...
