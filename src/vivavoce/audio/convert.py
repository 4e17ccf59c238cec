"""Between the bytes of the wire and samples at an engine's rate, as a stream."""

import numpy as np

from vivavoce.audio import g711
from vivavoce.audio.formats import Encoding, bytes_per_sample, sample_rate
from vivavoce.audio.resample import FULL, LIVE, Quality, Resampler
from vivavoce.audio.samples import Samples

_LITTLE_ENDIAN = np.dtype("<i2")


class Incoming:
    """Audio that comes in: bytes to samples at the rate that an engine wants.

    Resampled for speed (see `resample.LIVE`): 0.2 ms of audio at most wait for what comes next.
    """

    def __init__(self, encoding: str, rate: int) -> None:
        """`encoding` is one of `Encoding`, `rate` in Hz. Raises ValueError for others."""
        self._width = bytes_per_sample(encoding)
        self._encoding = Encoding(encoding)
        self._resampler = Resampler(sample_rate(encoding), rate, LIVE)
        self._half = b""

    def feed(self, data: bytes) -> Samples:
        """Take any number of bytes, return the samples that are ready. The first half of a sample at the end
        of the bytes waits for the second."""
        if self._half:
            data = self._half + data
        odd = len(data) % self._width
        self._half, data = (data[-odd:], data[:-odd]) if odd else (b"", data)
        return self._resampler.feed(_decode(data, self._encoding))

    def flush(self) -> Samples:
        """The rest, at the end of a stream. Half a sample is dropped. What is fed next begins a new
        stream."""
        self._half = b""
        return self._resampler.flush()


class Outgoing:
    """Audio that goes out: an engine's samples to bytes, resampled in full quality unless said otherwise."""

    def __init__(self, encoding: str, rate: int, quality: Quality = FULL) -> None:
        """`encoding` is one of `Encoding`, `rate` in Hz is that of the samples. Raises ValueError for
        others."""
        self._resampler = Resampler(rate, sample_rate(encoding), quality)
        self._encoding = Encoding(encoding)

    def feed(self, samples: Samples) -> bytes:
        """Take `(n,) int16`, return the bytes that are ready, always whole samples."""
        return _encode(self._resampler.feed(samples), self._encoding)

    def flush(self) -> bytes:
        """The rest, at the end of a stream. What is fed next begins a new stream."""
        return _encode(self._resampler.flush(), self._encoding)


def _decode(data: bytes, encoding: Encoding) -> Samples:
    match encoding:
        case Encoding.PCM:
            return np.frombuffer(data, _LITTLE_ENDIAN).astype(np.int16, copy=False)
        case Encoding.PCMU:
            return g711.decode_ulaw(data)
        case Encoding.PCMA:
            return g711.decode_alaw(data)


def _encode(samples: Samples, encoding: Encoding) -> bytes:
    match encoding:
        case Encoding.PCM:
            return samples.astype(_LITTLE_ENDIAN, copy=False).tobytes()
        case Encoding.PCMU:
            return g711.encode_ulaw(samples)
        case Encoding.PCMA:
            return g711.encode_alaw(samples)
