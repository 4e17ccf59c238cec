"""The machine's own microphone and speaker, through PortAudio."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from types import ModuleType, TracebackType
from typing import Any, Literal, Self

import numpy as np

from vivavoce.audio.resample import LIVE, Resampler
from vivavoce.audio.samples import Samples
from vivavoce.client.voice.playback import RATE, Playback
from vivavoce.client.voice.recordings import FRAME_SAMPLES
from vivavoce.protocol import VivavoceError

BLOCKS_PER_SECOND = 50

MAX_BEHIND_BLOCKS = 10 * BLOCKS_PER_SECOND
"""What was heard longer ago and nobody has taken is forgotten."""


class DeviceError(VivavoceError):
    """No microphone or no speaker. The message says what to do."""


class Microphone:
    """What the microphone hears, as a `Source` that is never over.

    A context, also of `async with`: leaving it closes the device. One that is not entered opens when it is
    first listened to. Raises DeviceError where there is none.

    - device: its name or number, as `sounddevice` knows it; None is the system's choice.
    """

    over = False

    def __init__(self, device: str | int | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._captured: deque[Samples] = deque(maxlen=MAX_BEHIND_BLOCKS)
        self._news = asyncio.Event()
        self._start = time.monotonic()
        self._stream, rate = _open("input", self._capture, device)
        self._running = False
        self._resampler = Resampler(rate, RATE, LIVE)

    def spoken_at(self, audio_ms: int) -> float:
        return self._start + audio_ms / 1000

    async def __aiter__(self) -> AsyncIterator[Samples]:
        self.__enter__()
        pending = np.zeros(0, np.int16)
        yielded = 0
        while True:
            while not self._captured:
                self._news.clear()
                await self._news.wait()
            pending = np.concatenate([pending, self._captured.popleft()])
            # What came last was spoken just now. The device's clock drifts against ours, so this is said anew
            # each time.
            self._start = time.monotonic() - (yielded + len(pending)) / RATE
            while len(pending) >= FRAME_SAMPLES:
                yielded += FRAME_SAMPLES
                yield pending[:FRAME_SAMPLES]
                pending = pending[FRAME_SAMPLES:]

    def close(self) -> None:
        """Close the device."""
        self._stream.close()

    def __enter__(self) -> Self:
        if not self._running:
            self._running = True
            self._stream.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _capture(self, block: Any, frames: int, when: Any, status: Any) -> None:
        samples = self._resampler.feed(np.frombuffer(bytes(block), np.int16))
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self._take, samples)

    def _take(self, samples: Samples) -> None:
        self._captured.append(samples)
        self._news.set()


class Speaker:
    """Plays speech on the speaker. Raises DeviceError where there is none.

    - device: its name or number, as `sounddevice` knows it; None is the system's choice.
    """

    def __init__(self, device: str | int | None = None) -> None:
        self._playback: Playback | None = None
        self._stream, self._rate = _open("output", self._play, device)
        self._resampler = Resampler(RATE, self._rate, LIVE)
        self._resampled = b""

    @property
    def latency_s(self) -> float:
        """How much later than it is taken a sample is heard, as far as the device knows."""
        return float(self._stream.latency)

    def open(self, playback: Playback) -> None:
        """Begin to play what waits there."""
        self._playback = playback
        self._stream.start()

    async def close(self) -> None:
        """Close the device."""
        self._stream.close()

    def _play(self, block: Any, frames: int, when: Any, status: Any) -> None:
        wanted = 2 * frames
        while self._playback is not None and len(self._resampled) < wanted:
            audio = self._playback.take(2 * -(-frames * RATE // self._rate))
            if not audio:
                break
            self._resampled += self._resampler.feed(np.frombuffer(audio, "<i2")).tobytes()
        block[:] = self._resampled[:wanted].ljust(wanted, b"\0")
        self._resampled = self._resampled[wanted:]


def _open(
    kind: Literal["input", "output"], callback: Callable[..., None], device: str | int | None
) -> tuple[Any, int]:
    """A stream of a device, and its rate in Hz: 24 kHz where it can, else the device's own."""
    sounddevice = _sounddevice()
    check, stream = {
        "input": (sounddevice.check_input_settings, sounddevice.RawInputStream),
        "output": (sounddevice.check_output_settings, sounddevice.RawOutputStream),
    }[kind]
    settings = {"device": device, "channels": 1, "dtype": "int16"}
    try:
        try:
            rate = RATE
            check(samplerate=rate, **settings)
        except sounddevice.PortAudioError:
            rate = int(sounddevice.query_devices(device, kind)["default_samplerate"])
        return stream(
            samplerate=rate, blocksize=rate // BLOCKS_PER_SECOND, callback=callback, **settings
        ), rate
    except (sounddevice.PortAudioError, ValueError) as error:
        name = "microphone" if kind == "input" else "speaker"
        reason = str(error).partition("\n")[0]
        raise DeviceError(f"No {name} can be used ({reason}): connect one, or use a recording.") from error


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except ImportError:
        raise DeviceError(
            'Microphone and speaker need an extra. This mends it: pip install "vivavoce[voice]"'
        ) from None
    except OSError:
        raise DeviceError(
            "Microphone and speaker need the PortAudio library. This mends it: apt install libportaudio2, "
            "or what your system has instead."
        ) from None
    module: ModuleType = sounddevice
    return module
