"""What goes into the session of a call, in the order in which it came: the events of the data channel and of
the sidebands, and the sound of the microphone between them."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

MAX_EVENT_BYTES = 64 * 1024 * 1024
"""So many bytes of the data channel's events may wait: more than two of the longest. Nothing holds a data
channel back."""

EVENT_BYTES = 128
"""What an event takes beside its text."""

MAX_AUDIO_S = 5.0
"""So much sound may wait. What comes while the server is further behind than that is not heard."""

JOINED_BYTES = 16 * 1024
"""Sound that waits is handed on in pieces of about this length: a server that is behind catches up."""

BYTES_PER_SECOND = 48_000
"""Of PCM16 at 24 kHz."""

Line = TypeVar("Line")


class Said(Generic[Line]):
    """One message of a peer: an event, or bytes that are none."""

    __slots__ = ("data", "line", "taken")

    def __init__(
        self, data: str | bytes, line: Line | None = None, taken: asyncio.Future[None] | None = None
    ) -> None:
        self.data = data
        self.line = line
        """Where it came from; None: from the data channel."""
        self.taken = taken
        """Done once it is taken out, if anybody waits for that."""

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return EVENT_BYTES + len(self.data)


class Intake(Generic[Line]):
    """A queue with one reader, the call."""

    def __init__(self) -> None:
        self._waiting: deque[Said[Line] | bytearray] = deque()
        self._event_bytes = 0
        self._audio_bytes = 0
        self._news = asyncio.Event()
        self.dropped_s = 0.0
        """Seconds of sound that were not heard, all in all."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether more events of the data channel wait than may."""
        return self._event_bytes > MAX_EVENT_BYTES

    def hear(self, audio: bytes) -> None:
        """More of the microphone (PCM16, 24 kHz)."""
        if self._audio_bytes > MAX_AUDIO_S * BYTES_PER_SECOND:
            self.dropped_s += len(audio) / BYTES_PER_SECOND
            return
        self._audio_bytes += len(audio)
        last = self._waiting[-1] if self._waiting else None
        if isinstance(last, bytearray) and len(last) < JOINED_BYTES:
            last += audio
            return
        self._waiting.append(bytearray(audio))
        self._news.set()

    def put(self, data: str | bytes) -> None:
        """One more message of the data channel."""
        said: Said[Line] = Said(data)
        self._event_bytes += said.size
        self._add(said)

    async def hand_in(self, data: str | bytes, line: Line | None) -> None:
        """One more message of somebody who waits until it was taken out, so that who sends much waits."""
        taken = asyncio.get_running_loop().create_future()
        self._add(Said(data, line, taken))
        await taken

    async def next(self) -> Said[Line] | bytes:
        """What came first of what is waiting: a message, or sound."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        first = self._waiting.popleft()
        if isinstance(first, bytearray):
            self._audio_bytes -= len(first)
            return bytes(first)
        if first.taken is None:
            self._event_bytes -= first.size
        elif not first.taken.done():
            first.taken.set_result(None)
        return first

    def _add(self, said: Said[Line]) -> None:
        self._waiting.append(said)
        self._news.set()
