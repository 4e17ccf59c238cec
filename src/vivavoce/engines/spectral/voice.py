"""What a voice is like, from its spectrum and its pitch.

Speech at 16 kHz is looked at in frames of 25 ms, one every 10 ms: is it loud enough to be speech, where lies
its energy (mel-frequency cepstrum), and how high is it (autocorrelation)? What the frames of a second or more
have in common is the voice; what changes from frame to frame are the words.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from vivavoce.engines.interfaces import Samples
from vivavoce.engines.log_mel import mel_bands

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SAMPLE_RATE: Final = 16000
HOP: Final = 160
"""Samples from one frame to the next: 10 ms."""
FRAME: Final = 400
"""Samples in a frame: 25 ms."""
FRAMES_PER_S: Final = SAMPLE_RATE / HOP

CEPSTRA: Final = 19
"""Coefficients of the cepstrum; the one before them, loudness, says nothing about who speaks."""
SIZE: Final = CEPSTRA + 1
"""Numbers of one frame: the cepstrum, and the pitch in octaves above 100 Hz."""

_FFT = 512
_BANDS = 40
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 7600.0
_PITCH_FFT = 1024
_SHORTEST, _LONGEST = SAMPLE_RATE // 400, SAMPLE_RATE // 60
"""Periods that a voice may have, in samples: 400 to 60 Hz."""
_VOICED = 0.45
"""How alike a frame is to itself a period later, where the voice sounds."""
_FLOOR_DB, _RANGE_DB = -60.0, 35.0
"""Speech is louder than this (0 dB: full scale), and no more than so much below the loudest."""
_FRAMES_AT_ONCE = 500
"""About 10 ms of work: between two such pieces other threads have their turn."""


class Voice:
    """The frames of a piece of speech.

    `features` is `(n, SIZE)`; the pitch is NaN where the frame has none. `speech` is `(n,)`: loud enough.
    """

    __slots__ = ("features", "speech")

    def __init__(self, samples: Samples) -> None:
        """`samples`: `(m,) int16` at `SAMPLE_RATE`."""
        count = max(0, 1 + (len(samples) - FRAME) // HOP)
        self.features: Floats = np.empty((count, SIZE))
        loudness = np.empty(count)
        for start in range(0, count, _FRAMES_AT_ONCE):
            over = min(start + _FRAMES_AT_ONCE, count)
            piece = samples[start * HOP : (over - 1) * HOP + FRAME].astype(np.float64) / 32768
            self.features[start:over], loudness[start:over] = _look(piece)
        self.speech: Flags = _speech(loudness)


def _look(samples: Floats) -> tuple[Floats, Floats]:
    """The features of every frame, and how loud each is in dB."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    loudness = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    sharpened = np.diff(frames, axis=1, prepend=frames[:, :1]) * 0.97 + frames * 0.03
    power = np.abs(np.fft.rfft(sharpened * _WINDOW, _FFT)) ** 2
    mel = np.log(power @ _MEL + 1e-13)
    return np.column_stack((mel @ _COSINES, _pitch(frames))), loudness


def _pitch(frames: Floats) -> Floats:
    """Octaves above 100 Hz, NaN where there is none."""
    frames = (frames - frames.mean(axis=1, keepdims=True)) * _WINDOW
    spectrum = np.abs(np.fft.rfft(frames, _PITCH_FFT)) ** 2
    likeness = np.fft.irfft(spectrum)[:, : _LONGEST + 1]
    likeness = likeness / (likeness[:, :1] + 1e-12) / _SHAPE
    candidates = likeness[:, _SHORTEST:]
    best = candidates.max(axis=1)
    # The shortest period that is nearly as good: multiples of it are as good, and not meant.
    period = np.argmax(candidates >= 0.9 * best[:, np.newaxis], axis=1)
    # Up to the top of the peak that it lies on.
    rows = np.arange(len(frames))
    for _ in range(12):
        following = np.minimum(period + 1, candidates.shape[1] - 1)
        period = np.where(candidates[rows, following] > candidates[rows, period], following, period)
    octaves = np.log2(SAMPLE_RATE / (period + _SHORTEST) / 100)
    return np.where(best >= _VOICED, octaves, np.nan)


def _speech(loudness: Floats) -> Flags:
    if not len(loudness):
        return np.zeros(0, np.bool_)
    loudest = float(np.percentile(loudness, 95))
    return np.asarray(loudness > max(_FLOOR_DB, loudest - _RANGE_DB))


def _cosines() -> Floats:
    """From mel bands to the cepstrum, `(_BANDS, CEPSTRA)`."""
    bands = np.arange(_BANDS)[:, np.newaxis] + 0.5
    return np.asarray(np.cos(np.pi / _BANDS * bands * np.arange(1, CEPSTRA + 1)) * np.sqrt(2 / _BANDS))


_WINDOW = np.hanning(FRAME)
_MEL = mel_bands(np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE), _LOWEST_HZ, _HIGHEST_HZ, _BANDS)
_COSINES = _cosines()
_SHAPE = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, _PITCH_FFT)) ** 2)[: _LONGEST + 1]
_SHAPE = _SHAPE / _SHAPE[0]
"""How alike the window is to itself: what would be alike all the same."""
