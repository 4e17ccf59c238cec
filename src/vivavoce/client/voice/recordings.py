"""Sound without a sound card: recordings that speak as if into a microphone, and speakers that write to a
file.

Sources give samples, `(n,) int16` at 24 kHz, in frames of `FRAME_MS`; sinks take speech from a playback.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from vivavoce.audio.resample import resample
from vivavoce.audio.samples import Samples, to_int16
from vivavoce.audio.wav import WavWriter, read_wav
from vivavoce.client.voice.playback import BYTES_PER_MS, RATE, Playback

FRAME_MS = 40
FRAME_SAMPLES = FRAME_MS * RATE // 1000

Audio = npt.NDArray[np.int16] | npt.NDArray[np.float32] | npt.NDArray[np.float64]
"""`(n,)` or `(n, channels)`: int16, or floats of which 1.0 is full scale."""


class Source(Protocol):
    """A microphone, or what acts as one."""

    over: bool
    """It has nothing more to say; what still comes is silence."""

    def spoken_at(self, audio_ms: int) -> float:
        """When the sample at so many milliseconds was spoken, on the clock of `time.monotonic`."""

    def __aiter__(self) -> AsyncIterator[Samples]:
        """Frames at 24 kHz, each when its last sample has been spoken."""


class Sink(Protocol):
    """A speaker, or what acts as one."""

    @property
    def latency_s(self) -> float:
        """How much later than it is taken a sample is heard."""

    def open(self, playback: Playback) -> None:
        """Begin to take speech from there."""

    async def close(self) -> None:
        """Take no more."""


class ArraySource:
    """Samples at the pace of a microphone. After them comes silence without end, or nothing if not
    `silence`.

    - audio: see Audio; several channels are mixed into one.
    - rate: of `audio`, in Hz.
    - paced: False for frames as fast as they are wanted.
    """

    def __init__(self, audio: Audio, rate: int = RATE, *, silence: bool = True, paced: bool = True) -> None:
        self._samples = resample(_mono(audio), rate, RATE)
        self._silence = silence
        self.paced = paced
        self._start = time.monotonic()
        self.over = not len(self._samples)

    @property
    def seconds(self) -> float:
        """How long it speaks."""
        return len(self._samples) / RATE

    def spoken_at(self, audio_ms: int) -> float:
        return self._start + audio_ms / 1000

    async def __aiter__(self) -> AsyncIterator[Samples]:
        self._start = time.monotonic()
        position = 0
        while self._silence or not self.over:
            position += FRAME_SAMPLES
            due = self.spoken_at(position * 1000 // RATE) - time.monotonic() if self.paced else 0
            await asyncio.sleep(due)
            self.over = position >= len(self._samples)
            frame = self._samples[position - FRAME_SAMPLES : position]
            yield np.pad(frame, (0, FRAME_SAMPLES - len(frame)))


class WavSource(ArraySource):
    """A WAV file at the pace of a microphone. Raises WavError for a file that is none."""

    def __init__(
        self, path: str | os.PathLike[str] | BinaryIO, *, silence: bool = True, paced: bool = True
    ) -> None:
        super().__init__(*read_wav(path), silence=silence, paced=paced)


class PacedSink:
    """Takes speech at the pace of a speaker, without the pauses.

    - write: called with the samples, `(n,) int16` at 24 kHz; None only listens.
    """

    latency_s = 0.0

    def __init__(self, write: Callable[[Samples], object] | None = None) -> None:
        self._write = write
        self._playback: Playback | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self, playback: Playback) -> None:
        self._playback = playback
        self._task = asyncio.create_task(self._listen(), name="speaker")

    def finish(self) -> None:
        """Hear all that waits, at once."""
        while self._hear(1000):
            pass

    async def close(self) -> None:
        if self._task is not None:
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
        if self._playback is None:
            return 0
        audio = self._playback.take(milliseconds * BYTES_PER_MS)
        if audio and self._write is not None:
            self._write(np.frombuffer(audio[: len(audio) & ~1], "<i2"))
        return len(audio)


class WavSink(PacedSink):
    """Writes what is heard to a WAV file, 24 kHz, 16 bits. Raises WavError if it cannot be written."""

    def __init__(self, path: str | os.PathLike[str] | BinaryIO) -> None:
        self._file = WavWriter(path, RATE)
        super().__init__(self._file.write)

    async def close(self) -> None:
        await super().close()
        self._file.close()


class ArraySink(PacedSink):
    """Keeps what is heard."""

    def __init__(self) -> None:
        self._heard: list[Samples] = []
        super().__init__(self._heard.append)

    @property
    def samples(self) -> Samples:
        """All that was heard so far, `(n,) int16` at 24 kHz."""
        return np.concatenate([np.zeros(0, np.int16), *self._heard])


def _mono(audio: Any) -> Samples:
    array = np.asarray(audio)
    if array.ndim not in (1, 2) or array.dtype not in (np.int16, np.float32, np.float64):
        raise ValueError(
            f"Sound is (n,) or (n, channels) of int16 or floats, not {array.shape} of {array.dtype}."
        )
    if array.dtype == np.int16 and array.ndim == 1:
        return array
    scaled = array.astype(np.float64) if array.dtype == np.int16 else np.nan_to_num(array) * 32768.0
    return to_int16(scaled.mean(axis=1) if array.ndim == 2 else scaled.astype(np.float64))
