"""The three encodings of audio on the wire, and how many bytes last how long in each.

All are mono. An encoding is named by the `type` of its format object, for example `"audio/pcm"`; every
function takes the plain string as well as a member of `Encoding`.
"""

from enum import StrEnum


class Encoding(StrEnum):
    """How samples become bytes."""

    PCM = "audio/pcm"
    """16-bit signed integers, little-endian, 24,000 a second."""
    PCMU = "audio/pcmu"
    """G.711 µ-law: one byte a sample, 8,000 a second."""
    PCMA = "audio/pcma"
    """G.711 A-law: one byte a sample, 8,000 a second."""


_RATES: dict[str, int] = {Encoding.PCM: 24000, Encoding.PCMU: 8000, Encoding.PCMA: 8000}
_WIDTHS: dict[str, int] = {Encoding.PCM: 2, Encoding.PCMU: 1, Encoding.PCMA: 1}


def sample_rate(encoding: str) -> int:
    """Samples per second. Raises ValueError for an encoding that there is not."""
    return _of(_RATES, encoding)


def bytes_per_sample(encoding: str) -> int:
    """Bytes that one sample takes. Raises ValueError for an encoding that there is not."""
    return _of(_WIDTHS, encoding)


def bytes_per_second(encoding: str) -> int:
    """48,000 for PCM, 8,000 for G.711. Raises ValueError for an encoding that there is not."""
    return sample_rate(encoding) * bytes_per_sample(encoding)


def duration_ms(n_bytes: int, encoding: str) -> int:
    """How long so many bytes sound, in whole milliseconds, rounded down. Raises ValueError for an encoding
    that there is not."""
    return n_bytes * 1000 // bytes_per_second(encoding)


def byte_count(ms: int, encoding: str) -> int:
    """How many bytes sound so long: whole samples, exact because every encoding has whole samples in a
    millisecond. Raises ValueError for an encoding that there is not."""
    return ms * bytes_per_second(encoding) // 1000


def _of(table: dict[str, int], encoding: str) -> int:
    try:
        return table[encoding]
    except KeyError:
        raise ValueError(f"{encoding!r} is not one of the audio encodings {', '.join(table)}.") from None
