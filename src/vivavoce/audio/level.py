"""How loud something is."""

import math

import numpy as np

from vivavoce.audio.samples import Samples

SILENCE_DB = -96.0
"""Below what 16 bits can tell from silence."""


def level_db(samples: Samples) -> float:
    """The level of `(n,) int16` in decibels: 0 is a square wave of full scale, SILENCE_DB nothing at all."""
    if not len(samples):
        return SILENCE_DB
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(SILENCE_DB, 10 * math.log10(power / 32768**2)) if power else SILENCE_DB
