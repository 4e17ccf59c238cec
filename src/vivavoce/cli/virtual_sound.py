"""Sound without a sound card: a recording that speaks as if into a microphone, and a speaker that writes to a
file.

All sound is 16-bit little-endian PCM, one channel, 24 kHz, in frames of `FRAME_MS`.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from vivavoce.audio.wav import WavWriter
from vivavoce.cli.playback import BYTES_PER_MS, Playback

FRAME_MS = 40
FRAME_BYTES = FRAME_MS * BYTES_PER_MS


class Source(Protocol):
    """A microphone, or what acts as one."""

    over: bool
    """It has nothing more to say; what still comes is silence."""

    def spoken_at(self, audio_ms: int) -> float:
        """When the sample at so many milliseconds was spoken, on the clock of `time.monotonic`."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Frames, each when its last sample has been spoken."""


class Recording:
    """A recording at the pace of a microphone. After it comes silence without end, or nothing if not
    `silence`."""

    def __init__(self, audio: bytes, *, silence: bool) -> None:
        self.over = False
        self._audio = audio
        self._silence = silence
        self._start = time.monotonic()

    def spoken_at(self, audio_ms: int) -> float:
        return self._start + audio_ms / 1000

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._start = time.monotonic()
        position = 0
        while self._silence or not self.over:
            position += FRAME_BYTES
            await asyncio.sleep(self.spoken_at(position // BYTES_PER_MS) - time.monotonic())
            self.over = position >= len(self._audio)
            yield self._audio[position - FRAME_BYTES : position].ljust(FRAME_BYTES, b"\0")


class FileSpeaker:
    """Takes speech from a playback at the pace of a speaker, and writes it down without the pauses.

    `writer` None only listens. Used as a context, which ends the listening; `finish` hears the rest at once.
    """

    def __init__(self, playback: Playback, writer: WavWriter | None) -> None:
        self._playback = playback
        self._writer = writer
        self._task: asyncio.Task[None] | None = None

    def finish(self) -> None:
        """Hear all that waits."""
        while self._hear(1000):
            pass

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _listen(self) -> None:
        heard = time.monotonic()
        while True:
            await asyncio.sleep(FRAME_MS / 2000)
            elapsed = int((time.monotonic() - heard) * 1000)
            heard += elapsed / 1000
            self._hear(elapsed)

    def _hear(self, milliseconds: int) -> int:
        audio = self._playback.take(milliseconds * BYTES_PER_MS)
        if audio and self._writer is not None:
            self._writer.write(np.frombuffer(audio[: len(audio) & ~1], "<i2"))
        return len(audio)
