"""A cheap look at sound before the dear one: may somebody be speaking?

webrtcvad needs 2.5 µs for a frame for which Silero needs 60 to 90. Steady noise that follows speech and much
that is no speech at all passes it, so it never says that somebody speaks; it says when nobody does."""

from typing import Final

import numpy as np
import webrtcvad

from vivavoce.engines.interfaces import Samples

SAMPLE_RATE: Final = 16000
FRAME_SAMPLES: Final = 512

_MODE = 0
"""The least strict of webrtcvad's four: the stricter ones open several frames after Silero hears speech."""

_LOUDER = 2
"""Bits of gain. webrtcvad knows how loud speech is, Silero does not care; without 12 dB more, quiet speech in
noise passes the gate up to 22 frames late (speech of −54 dBFS, 5 dB above the noise)."""

# Arrays, because numpy takes longer for a Python number.
_BITS = np.array(_LOUDER, np.int16)
_HIGHEST = np.array(32767 >> _LOUDER, np.int16)
_LOWEST = np.array(-(32767 >> _LOUDER), np.int16)

_JUDGED_SAMPLES = 480
"""webrtcvad takes 10, 20 or 30 ms at once; the last 2 ms of a frame are left out."""


class Gate:
    """What webrtcvad knows about one stream, at 16 kHz."""

    def __init__(self) -> None:
        self._is_speech = webrtcvad.Vad(_MODE).is_speech

    def opens(self, frame: Samples) -> bool:
        """Whether the next frame of the stream, `(512,) int16`, may hold speech. Frames about which nobody
        asks may be left out."""
        loud = np.minimum(frame, _HIGHEST)
        np.maximum(loud, _LOWEST, out=loud)
        np.left_shift(loud, _BITS, out=loud)
        return bool(self._is_speech(loud.tobytes(), SAMPLE_RATE, _JUDGED_SAMPLES))
