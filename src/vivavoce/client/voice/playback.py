"""What has been heard of the assistant's speech.

A server sends speech faster than it can be heard. When somebody interrupts, the server must be told how much
was heard, so that its history holds that and nothing else. Here is the account, without any device: whatever
plays (a sound card, a file) takes audio from it at its own pace, and what it has taken counts as heard: a
device cannot be made to give back what it has got.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from typing import NamedTuple

RATE = 24_000
"""Samples a second; a sample is 16 bits."""

BYTES_PER_MS = RATE * 2 // 1000

_MAX_KNOWN = 4096
"""Parts and items that are remembered; older ones are forgotten first."""


class Part(NamedTuple):
    """Speech of one piece: a content part of an item."""

    item_id: str
    content_index: int


class Heard(NamedTuple):
    """How much of an item was heard: the arguments of `conversation.item.truncate`."""

    item_id: str
    content_index: int
    audio_end_ms: int


class Playback:
    """Speech waiting to be heard, in order: 16-bit little-endian samples, one channel, 24 kHz.

    A device may take from another thread than the one that adds.

    - started, finished: called, from whatever thread that happens in, when the first sample of a part is
      taken, and when all of a part that was ended has been.
    """

    def __init__(
        self,
        started: Callable[[Part], None] | None = None,
        finished: Callable[[Heard], None] | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Part, memoryview]] = deque()
        self._waiting_bytes = 0
        self._taken: OrderedDict[Part, int] = OrderedDict()
        self._cut: OrderedDict[str, None] = OrderedDict()
        self._ended: set[Part] = set()
        """Parts of which all has come and something waits."""
        self._started = started
        self._finished = finished

    def add(self, item_id: str, content_index: int, audio: bytes) -> bool:
        """More speech of an item. What still comes of an item that was cut off is dropped, and False
        returned."""
        with self._lock:
            if item_id in self._cut:
                return False
            if audio:
                self._waiting.append((Part(item_id, content_index), memoryview(audio)))
                self._waiting_bytes += len(audio)
            return True

    def end(self, item_id: str, content_index: int) -> None:
        """All of a part has come."""
        part = Part(item_id, content_index)
        with self._lock:
            if item_id in self._cut:
                return
            if any(waiting == part for waiting, _ in self._waiting):
                self._ended.add(part)
                return
            heard = self._heard(part)
        if self._finished is not None:
            self._finished(heard)

    def take(self, n_bytes: int) -> bytes:
        """The next bytes to be heard, fewer than asked for if there are no more."""
        taken = []
        news: list[tuple[Callable[..., None] | None, Part | Heard]] = []
        with self._lock:
            while n_bytes and self._waiting:
                part, audio = self._waiting.popleft()
                now, later = audio[:n_bytes], audio[n_bytes:]
                if later:
                    self._waiting.appendleft((part, later))
                if part not in self._taken:
                    news.append((self._started, part))
                self._taken[part] = self._taken.get(part, 0) + len(now)
                if part in self._ended and not any(waiting == part for waiting, _ in self._waiting):
                    self._ended.discard(part)
                    news.append((self._finished, self._heard(part)))
                self._waiting_bytes -= len(now)
                n_bytes -= len(now)
                taken.append(now)
            while len(self._taken) > _MAX_KNOWN:
                self._taken.popitem(last=False)
        for tell, what in news:
            if tell is not None:
                tell(what)
        return b"".join(taken)

    def unheard(self) -> set[str]:
        """The items that have not been heard to the end of what has come."""
        with self._lock:
            return {part.item_id for part, _ in self._waiting}

    @property
    def waiting_ms(self) -> int:
        """How much waits to be heard."""
        with self._lock:
            return self._waiting_bytes // BYTES_PER_MS

    def heard_ms(self, item_id: str, content_index: int | None = None) -> int:
        """How much of an item, or of one of its parts, has been heard so far."""
        with self._lock:
            taken = sum(
                n_bytes
                for part, n_bytes in self._taken.items()
                if part.item_id == item_id and content_index in (None, part.content_index)
            )
        return taken // BYTES_PER_MS

    def interrupt(self, item_ids: Collection[str] | None = None) -> list[Heard]:
        """Drop what waits, of these items or of all. Returns what was heard of each part that was not heard
        to its end."""
        with self._lock:
            parts = dict.fromkeys(
                part for part, _ in self._waiting if item_ids is None or part.item_id in item_ids
            )
            for part in parts:
                self._cut_off(part.item_id)
            self._keep_what_is_not_cut()
            self._ended -= parts.keys()
            return [self._heard(part) for part in parts]

    def cut(self, item_id: str, content_index: int) -> Heard | None:
        """Let nothing more of an item be heard; tells how much of the part was, or None if the item is cut
        off already."""
        with self._lock:
            if item_id in self._cut:
                return None
            self._cut_off(item_id)
            self._keep_what_is_not_cut()
            return self._heard(Part(item_id, content_index))

    def _keep_what_is_not_cut(self) -> None:
        self._waiting = deque(entry for entry in self._waiting if entry[0].item_id not in self._cut)
        self._waiting_bytes = sum(len(audio) for _, audio in self._waiting)

    def _cut_off(self, item_id: str) -> None:
        self._cut[item_id] = None
        if len(self._cut) > _MAX_KNOWN:
            self._cut.popitem(last=False)

    def _heard(self, part: Part) -> Heard:
        return Heard(*part, self._taken.get(part, 0) // BYTES_PER_MS)
