"""Another sample rate for a stream, piece by piece, through soxr.

soxr works on float32 here although it can do int16: its int16 output is dithered from a seed of its own, and
the same input must give the same output. At equal rates nothing is computed.
"""

import math
from typing import Literal

import numpy as np
import soxr

from vivavoce.audio.samples import Samples, to_int16

Quality = Literal["QQ", "LQ", "MQ", "HQ", "VHQ"]

LIVE: Quality = "QQ"
"""For audio that somebody waits for. Cubic interpolation: a sample comes out 0.2 ms at most after what it is
made of came in. The price: what lies between the two Nyquist frequencies is damped by 2 to 3 dB only when the
rate goes down, and folded. LQ would take 20 ms from 24 to 16 kHz and 61 ms from 8 to 16 kHz."""

FULL: Quality = "HQ"
"""For audio that comes faster than it is heard, such as synthesized speech, and for files: transparent to 16
bits. A sample comes out up to 42 ms (22.05 to 24 kHz) or 115 ms (8 to 16 kHz) after what it is made of came
in."""

_NOTHING = np.zeros(0, np.int16)
_SILENCE = np.zeros((256, 1), np.float32)


class Resampler:
    """One stream on its way from one rate to another.

    All that comes out, `flush` included, lasts as long as what went in, to one sample, and is the same
    however the input is cut into pieces.
    """

    def __init__(self, from_rate: int, to_rate: int, quality: Quality = FULL) -> None:
        """Rates in Hz. Raises ValueError if one is not positive."""
        if from_rate <= 0 or to_rate <= 0:
            raise ValueError(f"Sample rates are positive, not {from_rate} and {to_rate} Hz.")
        self._stream: soxr.ResampleStream | None = None
        if from_rate != to_rate:
            self._stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality=quality)

    def feed(self, samples: Samples) -> Samples:
        """Take `(n,) int16`, return as many as are ready at the new rate, maybe none."""
        if self._stream is None:
            return samples
        # One column, which is what soxr works on.
        return to_int16(self._stream.resample_chunk(samples.astype(np.float32)[:, np.newaxis])[:, 0])

    def flush(self) -> Samples:
        """The rest of the stream. What is fed next begins a new one."""
        if self._stream is None:
            return _NOTHING
        # What soxr does itself when it is told that this was the last, but for a whole block of silence.
        missing = math.floor(self._stream.delay() + 0.5)
        pieces = []
        while missing > 0:
            pieces.append(self._stream.resample_chunk(_SILENCE)[:missing, 0])
            missing -= len(pieces[-1])
        self._stream.clear()
        return to_int16(np.concatenate(pieces)) if pieces else _NOTHING


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """A whole recording at another rate, in full quality. Rates in Hz."""
    resampler = Resampler(from_rate, to_rate)
    return np.concatenate((resampler.feed(samples), resampler.flush()))
