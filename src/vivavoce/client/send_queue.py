"""Events that wait for a connection."""

from collections import deque

from vivavoce.client.errors import SendQueueFull

MAX_QUEUE_BYTES = 2**20
"""Bytes of UTF-8 that may wait, unless the program says otherwise."""


class SendQueue:
    """Messages in the order in which they are to be sent.

    - limit: bytes of UTF-8 that it may hold.

    A message stays, and counts, until it is `sent`: what fails on its way out is still the first in the
    queue, before everything that has come meanwhile.
    """

    def __init__(self, limit: int = MAX_QUEUE_BYTES) -> None:
        self._limit = limit
        self._messages: deque[bytes] = deque()
        self._bytes = 0

    def put(self, message: bytes) -> None:
        """Add a message. Raises SendQueueFull if it would not fit; it is not added then."""
        if self._bytes + len(message) > self._limit:
            raise SendQueueFull(
                f"The send queue is full ({self._bytes} of {self._limit} bytes) and the event discarded: "
                "send less while there is no connection, or raise max_queue_size."
            )
        self._messages.append(message)
        self._bytes += len(message)

    def first(self) -> bytes | None:
        """The message whose turn it is, None if there is none."""
        return self._messages[0] if self._messages else None

    def sent(self, message: bytes) -> None:
        """The first message has been sent."""
        if self._messages and self._messages[0] is message:
            self._messages.popleft()
            self._bytes -= len(message)

    def drain(self) -> list[str]:
        """All messages, oldest first. The queue is empty then."""
        drained = [message.decode(errors="replace") for message in self._messages]
        self._messages.clear()
        self._bytes = 0
        return drained

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def size(self) -> int:
        """Bytes of the messages that wait."""
        return self._bytes
