"""What has been heard of the assistant's speech.

A server sends speech faster than it can be heard. When somebody interrupts, the server must be told how much
was heard, so that its history holds that and nothing else. Here is the account, without any device: whatever
plays (a sound card, a file) takes audio from it at its own pace, and what it has taken counts as heard.
"""

import threading
from collections import deque
from typing import NamedTuple

RATE = 24_000
"""Samples a second; a sample is 16 bits."""

BYTES_PER_MS = RATE * 2 // 1000


class Heard(NamedTuple):
    """How much of an item was heard: the arguments of `conversation.item.truncate`."""

    item_id: str
    content_index: int
    audio_end_ms: int


class Playback:
    """Speech waiting to be heard, in order: 16-bit little-endian samples, one channel, 24 kHz.

    A device may take from another thread than the one that adds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[tuple[str, int], memoryview]] = deque()
        self._taken: dict[tuple[str, int], int] = {}
        self._cut: set[str] = set()

    def add(self, item_id: str, content_index: int, audio: bytes) -> None:
        """More speech of an item. What still comes of an item that was cut off is dropped."""
        with self._lock:
            if audio and item_id not in self._cut:
                self._waiting.append(((item_id, content_index), memoryview(audio)))

    def take(self, n_bytes: int) -> bytes:
        """The next bytes to be heard, fewer than asked for if there are no more."""
        taken = []
        with self._lock:
            while n_bytes and self._waiting:
                part, audio = self._waiting.popleft()
                now, later = audio[:n_bytes], audio[n_bytes:]
                if later:
                    self._waiting.appendleft((part, later))
                self._taken[part] = self._taken.get(part, 0) + len(now)
                n_bytes -= len(now)
                taken.append(now)
        return b"".join(taken)

    def unheard(self) -> set[str]:
        """The items that have not been heard to the end of what has come."""
        with self._lock:
            return {item_id for (item_id, _), _ in self._waiting}

    def heard_ms(self, item_id: str) -> int:
        """How much of an item has been heard so far."""
        with self._lock:
            taken = sum(n_bytes for part, n_bytes in self._taken.items() if part[0] == item_id)
        return taken // BYTES_PER_MS

    def interrupt(self) -> list[Heard]:
        """Somebody speaks: drop what waits. Returns what was heard of each item that was not heard to its
        end."""
        with self._lock:
            parts = dict.fromkeys(part for part, _ in self._waiting)
            self._waiting.clear()
            self._cut.update(item_id for item_id, _ in parts)
            return [Heard(*part, self._taken.get(part, 0) // BYTES_PER_MS) for part in parts]
