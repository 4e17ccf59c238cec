"""ITU-T G.711: speech in one byte a sample, µ-law and A-law, by table.

Values are those of the ITU's reference implementation (G.191, STL): 16-bit samples hold the 14 bits of µ-law
and the 13 bits of A-law in their upper bits, and negative samples are folded by their one's complement, so
that the decision values lie symmetrically around −½.
"""

import numpy as np
import numpy.typing as npt

from vivavoce.audio.samples import Samples


def decode_ulaw(data: bytes) -> Samples:
    """µ-law bytes to `(len(data),) int16`, −32,124 to 32,124."""
    return _FROM_ULAW.take(np.frombuffer(data, np.uint8))


def encode_ulaw(samples: Samples) -> bytes:
    """`(n,) int16` to n µ-law bytes. What is beyond ±32,124 gets the outermost value."""
    return _TO_ULAW.take(samples.view(np.uint16)).tobytes()


def decode_alaw(data: bytes) -> Samples:
    """A-law bytes to `(len(data),) int16`, −32,256 to 32,256."""
    return _FROM_ALAW.take(np.frombuffer(data, np.uint8))


def encode_alaw(samples: Samples) -> bytes:
    """`(n,) int16` to n A-law bytes. What is beyond ±32,256 gets the outermost value."""
    return _TO_ALAW.take(samples.view(np.uint16)).tobytes()


# A µ-law byte is sign, exponent (3 bits) and mantissa (4 bits), all inverted. An A-law byte has the same
# fields, sign the other way round and every other bit inverted (0x55).

_ULAW_BIAS = 33  # makes every segment start at a power of two, in 14-bit steps
_ULAW_CLIP = 0x1FFF


def _from_ulaw() -> Samples:
    code = ~np.arange(256) & 0xFF
    exponent, mantissa = code >> 4 & 7, code & 15
    magnitude = (((mantissa << 1) + _ULAW_BIAS) << exponent) - _ULAW_BIAS << 2
    values: _Integers = np.where(code & 0x80, -magnitude, magnitude)
    return values.astype(np.int16)


def _to_ulaw() -> npt.NDArray[np.uint8]:
    samples, negative, magnitude = _folded()
    magnitude = np.minimum((magnitude >> 2) + _ULAW_BIAS, _ULAW_CLIP)
    exponent = _bit_length(magnitude) - 6
    mantissa = magnitude >> exponent + 1 & 15
    return _table(samples, ~(negative << 7 | exponent << 4 | mantissa))


def _from_alaw() -> Samples:
    code = np.arange(256) ^ 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    # The lowest two segments have the same step; the value is the middle of the step.
    magnitude = np.where(exponent == 0, mantissa << 4, (mantissa + 16 << 4) << np.maximum(exponent - 1, 0))
    magnitude = magnitude + (8 << np.maximum(exponent - 1, 0))
    values: _Integers = np.where(code & 0x80, magnitude, -magnitude)
    return values.astype(np.int16)


def _to_alaw() -> npt.NDArray[np.uint8]:
    samples, negative, magnitude = _folded()
    magnitude = magnitude >> 4
    exponent = np.maximum(_bit_length(magnitude) - 4, 0)
    mantissa = magnitude >> np.maximum(exponent - 1, 0) & 15
    return _table(samples, ((1 - negative) << 7 | exponent << 4 | mantissa) ^ 0x55)


_Integers = npt.NDArray[np.int64]


def _folded() -> tuple[_Integers, _Integers, _Integers]:
    """Every 16-bit sample, 1 where it is negative, and its magnitude."""
    samples = np.arange(-0x8000, 0x8000)
    return samples, (samples < 0).astype(np.int64), np.where(samples < 0, ~samples, samples)


def _bit_length(values: _Integers) -> _Integers:
    return np.frexp(values)[1].astype(np.int64)


def _table(samples: _Integers, codes: _Integers) -> npt.NDArray[np.uint8]:
    """Codes in the order of the samples' unsigned 16-bit patterns."""
    table = np.empty(0x10000, np.uint8)
    table[samples & 0xFFFF] = (codes & 0xFF).astype(np.uint8)
    return table


_FROM_ULAW = _from_ulaw()
_TO_ULAW = _to_ulaw()
_FROM_ALAW = _from_alaw()
_TO_ALAW = _to_alaw()
