"""Sound as data: formats, rates, G.711, WAV.

This module needs nothing but the standard library. `vivavoce.audio.g711`, `resample`, `convert` and `wav`
work on samples, `(n,) int16` in numpy arrays, and need numpy and soxr: `pip install "vivavoce[cli]"`.
"""

from vivavoce.audio.formats import (
    Encoding,
    byte_count,
    bytes_per_sample,
    bytes_per_second,
    duration_ms,
    sample_rate,
)

__all__ = [
    "Encoding",
    "byte_count",
    "bytes_per_sample",
    "bytes_per_second",
    "duration_ms",
    "sample_rate",
]
