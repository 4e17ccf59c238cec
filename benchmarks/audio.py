"""What microphones hear: people, where recordings of them are at hand, and quiet rooms."""

import asyncio
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.callers import RATE
from vivavoce.audio.resample import resample
from vivavoce.audio.wav import read_wav
from vivavoce.engines.registry import make

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "audio"

SENTENCES = (
    "The family of Dashwood had long been settled in Sussex.",
    "Their estate was large, and their residence was at Norland Park, in the centre of their property.",
)
"""What eSpeak says where there are no recordings."""

ROOM = 8.0
"""Standard deviation of a quiet room's noise: -72 dB of full scale."""

Samples = npt.NDArray[np.int16]


@cache
def sentences() -> list[Samples]:
    """What people say, each `(n,) int16` at 24 kHz."""
    if not (files := _files()):
        return asyncio.run(_synthesized())
    recordings = [read_wav(file) for file in files]
    return [resample(each.samples, each.rate, RATE) for each in recordings]


def silence(seconds: float) -> Samples:
    """A quiet room, `(n,) int16` at 24 kHz. Not zeros: no microphone delivers those."""
    return (np.random.default_rng(7).standard_normal(round(seconds * RATE)) * ROOM).astype(np.int16)


def half_speech() -> Samples:
    """Sentences, each followed by as much silence: `(n,) int16` at 24 kHz."""
    pieces = []
    for sentence in sentences():
        pieces += [sentence, silence(len(sentence) / RATE)]
    return np.concatenate(pieces)


def one_sentence() -> Samples:
    """The shortest, `(n,) int16` at 24 kHz."""
    return min(sentences(), key=len)


def who_speaks() -> str:
    """Where the speech is from, for reports."""
    return "people (LibriVox)" if _files() else "eSpeak NG"


def _files() -> list[Path]:
    return sorted(RECORDINGS.glob("austen-*.wav"))


async def _synthesized() -> list[Samples]:
    async def text(sentence: str) -> AsyncIterator[str]:
        yield sentence

    engine = make("synthesizer", "espeak", {}, "benchmarks")
    await engine.start()
    try:
        found = []
        for sentence in SENTENCES:
            pieces = [each.samples async for each in engine.speak(text(sentence), "alloy", 1.0)]
            found.append(resample(np.concatenate(pieces), engine.sample_rate, RATE))
        return found
    finally:
        await engine.aclose()
