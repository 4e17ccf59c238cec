"""The sound of a call, both ways: what the program says, and what it hears.

Sound is 16-bit little-endian samples of one channel at 24 kHz. Without input and output: whoever has the
media asks for what is to be sent and hands over what came, every 20 ms.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum

RATE = 24_000
"""Samples a second."""

FRAME_MS = 20
FRAME_BYTES = FRAME_MS * RATE * 2 // 1000
BYTES_PER_MS = RATE * 2 // 1000

CUSHION_MS = 60
"""How much is gathered before speech begins to be sent, so that it does not stutter when the next piece comes
late. What is less is sent after as much time."""

MAX_WAITING_MS = 1000
"""How far ahead of being sent `send` lets a program be."""

MAX_UNHEARD_MS = 30_000
"""How much may wait for a program that iterates and does not keep up; the oldest is dropped."""


class _Flow(Enum):
    """What is sent."""

    SILENCE = "silence"
    SPEECH = "speech"


class Track:
    """`rt.audio`: the sound of a call.

        await rt.audio.send(pcm)         # bytes, int16 at 24 kHz; waits while a second waits already
        async for pcm in rt.audio: ...   # 20 ms each, in real time, silence included

    Iteration begins with what comes from then on, and ends with the call. Several tasks may iterate.
    """

    def __init__(self) -> None:
        self._outgoing = bytearray()
        self._flow = _Flow.SILENCE
        self._asked = 0
        """How often sound was asked for while some waits."""
        self._taken_bytes = 0
        self._room: deque[asyncio.Future[None]] = deque()
        self._listeners: list[Callable[[bytes], None]] = []
        self._ended = asyncio.Event()
        self._began: float | None = None
        self.heard_ms = 0
        """How long the call has been heard so far."""

    # What is said.

    async def send(self, pcm: bytes) -> None:
        """Say this after what waits, at the pace of speech. Returns when less than MAX_WAITING_MS waits.

        Once the call is over it is dropped. Raises ValueError for half a sample.
        """
        self.put(pcm)
        await self.drain(MAX_WAITING_MS)

    def put(self, pcm: bytes) -> None:
        """The same without waiting. Raises ValueError for half a sample."""
        if len(pcm) % 2:
            raise ValueError(f"Sound is 16-bit samples: {len(pcm)} bytes hold half of one.")
        if not self._ended.is_set():
            self._outgoing += pcm

    async def drain(self, milliseconds: int = 0) -> None:
        """Return when no more than this waits to be sent, or the call is over."""
        while len(self._outgoing) > milliseconds * BYTES_PER_MS and not self._ended.is_set():
            room = asyncio.get_running_loop().create_future()
            self._room.append(room)
            await room

    def clear(self) -> None:
        """Forget what waits to be sent."""
        self._outgoing.clear()
        self._flow = _Flow.SILENCE
        self._told_room()

    def keep(self, milliseconds: int) -> None:
        """Forget the oldest of what waits, so that no more than this does."""
        surplus = len(self._outgoing) - milliseconds * BYTES_PER_MS
        if surplus > 0:
            del self._outgoing[: surplus + surplus % 2]

    @property
    def waiting_ms(self) -> int:
        """How much waits to be sent."""
        return len(self._outgoing) // BYTES_PER_MS

    @property
    def sent_ms(self) -> int:
        """How much of what was put has been sent."""
        return self._taken_bytes // BYTES_PER_MS

    def spoken_at(self, audio_ms: int) -> float:
        """When the sample was sent that the server calls the one at so many milliseconds, on the clock of
        `time.monotonic`. The server counts from the opening of the data channel."""
        return (time.monotonic() if self._began is None else self._began) + audio_ms / 1000

    # What is heard.

    async def __aiter__(self) -> AsyncIterator[bytes]:
        waiting: deque[bytes] = deque(maxlen=MAX_UNHEARD_MS // FRAME_MS)
        arrival = asyncio.Event()

        def take(pcm: bytes) -> None:
            waiting.append(pcm)
            arrival.set()

        with self.listening(take):
            ended = asyncio.ensure_future(self._ended.wait())
            ended.add_done_callback(lambda _: arrival.set())
            try:
                while True:
                    while waiting:
                        yield waiting.popleft()
                    if self._ended.is_set():
                        return
                    arrival.clear()
                    await arrival.wait()
            finally:
                ended.cancel()

    @contextmanager
    def listening(self, take: Callable[[bytes], None]) -> Iterator[None]:
        """Let `take` be called with all that is heard inside the context."""
        self.listen(take)
        try:
            yield
        finally:
            self.unlisten(take)

    def listen(self, take: Callable[[bytes], None]) -> None:
        """Let `take` be called with all that is heard from now on."""
        self._listeners.append(take)

    def unlisten(self, take: Callable[[bytes], None]) -> None:
        """Take back what was said to `listen`. Does nothing if that was done."""
        with suppress(ValueError):
            self._listeners.remove(take)

    # What whoever has the media calls.

    def begin(self) -> None:
        """The channel is open."""
        self._began = time.monotonic()

    def heard(self, pcm: bytes) -> None:
        """This came."""
        self.heard_ms += len(pcm) // BYTES_PER_MS
        for take in tuple(self._listeners):
            take(pcm)

    def next_audio(self) -> bytes:
        """The next 20 ms to be sent; less, or nothing, is followed by silence."""
        if not self._outgoing:
            self._flow, self._asked = _Flow.SILENCE, 0
            return b""
        self._asked += 1
        if self._flow is _Flow.SILENCE:
            if len(self._outgoing) < CUSHION_MS * BYTES_PER_MS and self._asked * FRAME_MS < CUSHION_MS:
                return b""
            self._flow = _Flow.SPEECH
        elif len(self._outgoing) < FRAME_BYTES:
            # The rest of this frame is late: a pause between words is better than one within.
            self._flow, self._asked = _Flow.SILENCE, 0
            return b""
        frame = bytes(self._outgoing[:FRAME_BYTES])
        del self._outgoing[:FRAME_BYTES]
        self._taken_bytes += len(frame)
        self._told_room()
        return frame

    def end(self) -> None:
        """The call is over."""
        self._outgoing.clear()
        self._ended.set()
        self._told_room()

    def _told_room(self) -> None:
        while self._room:
            room = self._room.popleft()
            if not room.done():
                room.set_result(None)
