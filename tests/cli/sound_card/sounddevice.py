"""Stands in for PortAudio, which machines that run tests do not have: the same interface, in real time, on
files.

- SOUND_IN: raw samples that the microphone hears, then silence; its rate is SOUND_RATE.
- SOUND_OUT: where the speaker's samples go.
- SOUND_RATE: the only rate that the devices take.
- SOUND_MISSING: `input` or `output` for a machine without that device.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

RATE = int(os.environ["SOUND_RATE"])


class PortAudioError(Exception):
    pass


def check_input_settings(*, device: str | int | None, samplerate: int, channels: int, dtype: str) -> None:
    _check("input", samplerate)
    assert (device, channels, dtype) == (None, 1, "int16")


def check_output_settings(*, device: str | int | None, samplerate: int, channels: int, dtype: str) -> None:
    _check("output", samplerate)
    assert (device, channels, dtype) == (None, 1, "int16")


def query_devices(device: str | int | None, kind: str) -> dict[str, float]:
    if os.environ.get("SOUND_MISSING") == kind:
        raise ValueError(f"No {kind} device matching -1\nsecond line")
    return {"default_samplerate": float(RATE)}


def _check(kind: str, rate: int) -> None:
    if rate != RATE or os.environ.get("SOUND_MISSING") == kind:
        raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")


class _Stream:
    latency = 0.02
    _file: BinaryIO

    def __init__(
        self,
        *,
        device: str | int | None,
        samplerate: int,
        blocksize: int,
        channels: int,
        dtype: str,
        callback: Callable[..., None],
    ) -> None:
        assert (device, samplerate, channels, dtype) == (None, RATE, 1, "int16")
        self._frames = blocksize
        self._callback = callback
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._file.close()

    def _run(self) -> None:
        begin = time.monotonic()
        count = 0
        while not self._over.is_set():
            count += 1
            time.sleep(max(0.0, begin + count * self._frames / RATE - time.monotonic()))
            self._block()

    def _block(self) -> None:
        raise AssertionError


class RawInputStream(_Stream):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._file = open(os.environ["SOUND_IN"], "rb")  # noqa: SIM115

    def _block(self) -> None:
        block = self._file.read(2 * self._frames).ljust(2 * self._frames, b"\0")
        self._callback(memoryview(block), self._frames, None, None)


class RawOutputStream(_Stream):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._file = open(os.environ["SOUND_OUT"], "wb")  # noqa: SIM115

    def _block(self) -> None:
        block = bytearray(2 * self._frames)
        self._callback(memoryview(block), self._frames, None, None)
        self._file.write(block)
        self._file.flush()
