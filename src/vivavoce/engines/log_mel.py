"""Sound as energy in mel bands, and Whisper's view of it: the logarithm of 80 of them, every 10 ms."""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

RATE = 16000
BANDS = 80
HOP = 160
WINDOW = 400

_Floats = npt.NDArray[np.float32]
_Frequencies = npt.NDArray[np.floating[Any]]


def log_mel(samples: _Floats) -> _Floats:
    """The features `(80, n // 160)` of `(n,) float32` at 16 kHz, n at least 201.

    A frame is centred on each 10 ms, its power spectrum under a Hann window summed in triangular bands. The
    dynamic range is cut to 8 decades below the loudest band, and scaled as Whisper was trained.
    """
    padded = np.pad(samples, WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: len(samples) // HOP * HOP : HOP]
    hann, bands = _tables()
    power = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2
    log = np.log10(np.maximum(power.astype(np.float32) @ bands, 1e-10)).T
    features: _Floats = (np.maximum(log, log.max() - 8) + 4) / 4
    return features


@cache
def _tables() -> tuple[_Floats, _Floats]:
    """The window `(400,)`, and how much of each of the 201 frequencies goes into each band."""
    hann = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    bands = mel_bands(np.fft.rfftfreq(WINDOW, 1 / RATE), 0, RATE / 2, BANDS)
    return hann, bands.astype(np.float32)


def mel_bands(frequencies: _Frequencies, lowest: float, highest: float, count: int) -> _Frequencies:
    """How much of each frequency, in Hz, goes into each of so many bands between these: `(n, count)`."""
    edges = _hertz(np.linspace(_mel(lowest), _mel(highest), count + 2))
    rising = (frequencies[:, np.newaxis] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - frequencies[:, np.newaxis]) / np.diff(edges)[1:]
    # All bands have the same area, as in Slaney's auditory toolbox, whose scale this is.
    bands: _Frequencies = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    return bands


_KNEE_HZ, _KNEE_MEL, _LOG_STEP = 1000.0, 15.0, np.log(6.4) / 27
"""Slaney's scale is linear up to 1 kHz, and logarithmic from there on."""


def _mel(hertz: float) -> float:
    if hertz < _KNEE_HZ:
        return hertz * _KNEE_MEL / _KNEE_HZ
    return float(_KNEE_MEL + np.log(hertz / _KNEE_HZ) / _LOG_STEP)


def _hertz(mel: _Frequencies) -> _Frequencies:
    linear = mel * _KNEE_HZ / _KNEE_MEL
    return np.where(mel < _KNEE_MEL, linear, _KNEE_HZ * np.exp(_LOG_STEP * (mel - _KNEE_MEL)))
