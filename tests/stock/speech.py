"""Recordings as the protocol wants them."""

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr

BYTES_PER_MS = 48
"""16-bit samples at 24 kHz."""


def recording(path: Path, *, silence_ms: int = 1_000) -> bytes:
    """A WAV file as 16-bit samples at 24 kHz, with silence behind it, in which a turn can end."""
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 1
        assert file.getsampwidth() == 2
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        resampled = soxr.resample(samples, file.getframerate(), 24_000)
    return bytes(resampled.astype("<i2").tobytes()) + bytes(silence_ms * BYTES_PER_MS)


def pieces(audio: bytes, length_ms: int = 40) -> Iterator[bytes]:
    """The audio cut as a microphone would deliver it."""
    size = length_ms * BYTES_PER_MS
    for start in range(0, len(audio), size):
        yield audio[start : start + size]
