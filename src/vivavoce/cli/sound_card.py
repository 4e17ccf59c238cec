"""The machine's own microphone and speaker, through PortAudio."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from types import ModuleType, TracebackType
from typing import Any, Literal, Self

import numpy as np

from vivavoce.audio.resample import LIVE, Resampler
from vivavoce.cli.playback import BYTES_PER_MS, RATE, Playback
from vivavoce.cli.virtual_sound import FRAME_BYTES
from vivavoce.protocol import VivavoceError

BLOCKS_PER_SECOND = 50


class DeviceError(VivavoceError):
    """No microphone or no speaker. The message says what to do."""


class Microphone:
    """What the default microphone hears, as a `Source` that is never over.

    A context: leaving it closes the device. Raises DeviceError where there is none.
    """

    over = False

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._captured: asyncio.Queue[bytes] = asyncio.Queue()
        self._start = time.monotonic()
        self._stream, rate = _open("input", self._capture)
        self._resampler = Resampler(rate, RATE, LIVE)

    def spoken_at(self, audio_ms: int) -> float:
        return self._start + audio_ms / 1000

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pending = b""
        yielded = 0
        while True:
            pending += await self._captured.get()
            # What came last was spoken just now. The device's clock drifts against ours, so this is said anew
            # each time.
            self._start = time.monotonic() - (yielded + len(pending)) / BYTES_PER_MS / 1000
            while len(pending) >= FRAME_BYTES:
                yielded += FRAME_BYTES
                yield pending[:FRAME_BYTES]
                pending = pending[FRAME_BYTES:]

    def __enter__(self) -> Self:
        self._stream.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def _capture(self, block: Any, frames: int, when: Any, status: Any) -> None:
        samples = self._resampler.feed(np.frombuffer(bytes(block), np.int16))
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self._captured.put_nowait, samples.astype("<i2").tobytes())


class Speaker:
    """Plays on the default speaker what waits in a playback.

    A context: leaving it closes the device. Raises DeviceError where there is none.
    """

    def __init__(self, playback: Playback) -> None:
        self._playback = playback
        self._stream, self._rate = _open("output", self._play)
        self._resampler = Resampler(RATE, self._rate, LIVE)
        self._resampled = b""

    def __enter__(self) -> Self:
        self._stream.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def _play(self, block: Any, frames: int, when: Any, status: Any) -> None:
        wanted = 2 * frames
        while len(self._resampled) < wanted:
            audio = self._playback.take(2 * -(-frames * RATE // self._rate))
            if not audio:
                break
            self._resampled += self._resampler.feed(np.frombuffer(audio, "<i2")).tobytes()
        block[:] = self._resampled[:wanted].ljust(wanted, b"\0")
        self._resampled = self._resampled[wanted:]


def _open(kind: Literal["input", "output"], callback: Callable[..., None]) -> tuple[Any, int]:
    """A stream of the default device, and its rate in Hz: 24 kHz where it can, else the device's own."""
    sounddevice = _sounddevice()
    check, stream = {
        "input": (sounddevice.check_input_settings, sounddevice.RawInputStream),
        "output": (sounddevice.check_output_settings, sounddevice.RawOutputStream),
    }[kind]
    settings = {"channels": 1, "dtype": "int16"}
    try:
        try:
            rate = RATE
            check(samplerate=rate, **settings)
        except sounddevice.PortAudioError:
            rate = int(sounddevice.query_devices(kind=kind)["default_samplerate"])
        return stream(
            samplerate=rate, blocksize=rate // BLOCKS_PER_SECOND, callback=callback, **settings
        ), rate
    except (sounddevice.PortAudioError, ValueError) as error:
        name = "microphone" if kind == "input" else "speaker"
        reason = str(error).partition("\n")[0]
        raise DeviceError(
            f"No {name} can be used ({reason}): connect one, or talk with --input or --text."
        ) from error


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except ImportError:
        raise DeviceError(
            'Microphone and speaker need an extra. This mends it: pip install "vivavoce[mic]"'
        ) from None
    except OSError:
        raise DeviceError(
            "Microphone and speaker need the PortAudio library. This mends it: apt install libportaudio2, "
            "or what your system has instead."
        ) from None
    module: ModuleType = sounddevice
    return module
