"""Recordings as the protocol wants them."""

from collections.abc import Iterator
from pathlib import Path

import soxr

from vivavoce.audio.wav import read_wav

BYTES_PER_MS = 48
"""16-bit samples at 24 kHz."""


def recording(path: Path, *, silence_ms: int = 1_000) -> bytes:
    """A WAV file as 16-bit samples at 24 kHz, with silence behind it, in which a turn can end."""
    samples, rate = read_wav(path)
    resampled = soxr.resample(samples, rate, 24_000)
    return bytes(resampled.astype("<i2").tobytes()) + bytes(silence_ms * BYTES_PER_MS)


def pieces(audio: bytes, length_ms: int = 40) -> Iterator[bytes]:
    """The audio cut as a microphone would deliver it."""
    size = length_ms * BYTES_PER_MS
    for start in range(0, len(audio), size):
        yield audio[start : start + size]
