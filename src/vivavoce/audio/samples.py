"""Samples in memory: `(n,) int16`, mono, −32,768 to 32,767."""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]


def to_int16(values: npt.NDArray[np.floating]) -> Samples:
    """Round to the nearest sample (halves to even) and clip what is too loud. `values` are in steps of int16,
    so 32,767.0 is full scale; they are overwritten. Shapes are kept."""
    np.rint(values, out=values)
    np.maximum(values, _LOWEST, out=values)
    np.minimum(values, _HIGHEST, out=values)
    return values.astype(np.int16)


# Arrays, because turning a Python number into one takes as long as comparing 600 samples with it.
_LOWEST = np.array(-32768, np.float32)
_HIGHEST = np.array(32767, np.float32)
