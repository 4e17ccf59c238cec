"""The engine: who speaks when in an utterance, and who of them was heard before.

Everything is computed from the sound itself, with nothing learned beforehand. About 3 ms of one core for a
second of speech, in threads, in pieces so short that nobody else waits.
"""

import asyncio
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from vivavoce.engines.interfaces import Samples, SpeakerTurn
from vivavoce.engines.spectral.speakers import STEP, Speakers, Steps
from vivavoce.engines.spectral.voice import FRAMES_PER_S, SAMPLE_RATE, Voice

STRETCH_S = 60
"""So much is looked at as a whole; a longer utterance is taken as several."""
PAUSE_S = 0.8
"""A silence from here on ends a turn, even if the same person goes on."""


class SpectralOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the diarizer `spectral`."""

    threshold: Annotated[float, msgspec.Meta(gt=0, le=20)] = 1.7
    """How far apart two voices must lie to be two speakers, in units of what differs from sound to sound in
    one voice. Higher finds fewer speakers."""
    max_speakers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    """No more than so many are told apart in one session; whoever comes later is taken for the one who
    sounds most alike."""


class SpectralDiarizer:
    """Tells speakers apart by their spectrum and their pitch."""

    Options: ClassVar[type[msgspec.Struct]] = SpectralOptions
    sample_rate = SAMPLE_RATE

    def __init__(self, options: SpectralOptions) -> None:
        self._options = options

    async def start(self) -> None:
        """There is nothing to load."""

    async def aclose(self) -> None:
        """There is nothing to end."""

    def stream(self) -> "SpectralDiarization":
        """A memory of its own for one session."""
        options = self._options
        return SpectralDiarization(Speakers(threshold=options.threshold, most=options.max_speakers))


class SpectralDiarization:
    """See `Diarization`."""

    def __init__(self, speakers: Speakers) -> None:
        self._speakers = speakers

    async def turns(self, samples: Samples) -> list[SpeakerTurn]:
        """See `Diarization.turns`. Given up in the middle, it has learned the stretches that it was through
        with."""
        heard = []
        for start in range(0, len(samples), STRETCH_S * SAMPLE_RATE):
            stretch = samples[start : start + STRETCH_S * SAMPLE_RATE]
            heard.append(await asyncio.to_thread(self._hear, stretch))
        return _turns(np.concatenate(heard)) if heard else []

    def _hear(self, stretch: Samples) -> Steps:
        """The speaker of every step of a stretch of sound, -1 for none."""
        steps = self._speakers.attribute(Voice(stretch))
        whole = round(len(stretch) / SAMPLE_RATE * FRAMES_PER_S / STEP)
        return np.pad(steps[:whole], (0, max(0, whole - len(steps))), constant_values=-1)


def _turns(steps: Steps) -> list[SpeakerTurn]:
    """Runs of one speaker, over short silences, as turns."""
    turns: list[SpeakerTurn] = []
    spoken = np.flatnonzero(steps >= 0)
    if not len(spoken):
        return turns
    speakers = steps[spoken]
    gaps = np.diff(spoken) - 1 >= PAUSE_S * FRAMES_PER_S / STEP
    breaks = np.flatnonzero((np.diff(speakers) != 0) | gaps) + 1
    for run in np.split(np.arange(len(spoken)), breaks):
        start, end = int(spoken[run[0]]), int(spoken[run[-1]]) + 1
        seconds = STEP / FRAMES_PER_S
        name = f"spk_{int(speakers[run[0]]) + 1}"
        turns.append(SpeakerTurn(round(start * seconds, 2), round(end * seconds, 2), name))
    return turns
