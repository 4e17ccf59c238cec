"""eSpeak NG as a synthesizer: speech without a model, a thousand times faster than it is heard.

The library runs in worker processes (`espeak_worker`); here are the voices, and the phrases on their way
there.
"""

import os
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from vivavoce.engines.interfaces import EngineError, Speech
from vivavoce.engines.workers.pool import Job, WorkerPool

VOICES = {
    "alloy": "en-us+f3",
    "ash": "en-us+m3",
    "ballad": "en-gb+m7",
    "coral": "en-us+f2",
    "echo": "en-us+m1",
    "sage": "en-us+f4",
    "shimmer": "en-us+f5",
    "verse": "en-us+m4",
    "marin": "en-us+f1",
    "cedar": "en-us+m2",
}
"""The API's voices in eSpeak NG's names: ten that can be told apart."""

MAX_PHRASE_CHARACTERS = 4000


class ESpeakOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the synthesizer `espeak`."""

    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = min(4, os.cpu_count() or 1)
    """Processes that speak: so many answers at a time; others wait their turn."""
    words_per_minute: Annotated[int, msgspec.Meta(ge=80, le=450)] = 170
    """Pace at speed 1.0."""
    max_queue: Annotated[int, msgspec.Meta(ge=1)] = 1000
    """Answers that may wait for a process."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    """After so long without a sound a process is replaced."""


class ESpeakSynthesizer:
    """Ten voices, `speed` 0.25 to 1.5, word by word. `Speech.end` is exact: from the library's own word
    events."""

    Options: ClassVar[type[msgspec.Struct]] = ESpeakOptions
    sample_rate = 22050
    voices = frozenset(VOICES)

    def __init__(self, options: ESpeakOptions) -> None:
        self._options = options
        self._pool = WorkerPool(
            "vivavoce.engines.espeak_worker", {}, workers=options.workers, max_queue=options.max_queue
        )

    async def start(self) -> None:
        await self._pool.start()

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def speak(self, text: AsyncIterator[str], voice: str, speed: float) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`. The last piece's `end` is the length of the whole text."""
        if voice not in VOICES:
            raise EngineError(f"There is no voice '{voice}'. Voices: {', '.join(sorted(VOICES))}.")
        spoken = 0
        async for phrase in text:
            for part in _parts(phrase):
                if not part.strip():
                    spoken += len(part)
                    continue
                job = self._pool.job([VOICES[voice], round(self._options.words_per_minute * speed)])
                try:
                    async for speech in self._spoken(job, part, spoken):
                        yield speech
                finally:
                    await job.aclose()
                spoken += len(part)

    async def _spoken(self, job: Job, part: str, before: int) -> AsyncIterator[Speech]:
        job.send(part)
        while (piece := await job.receive(self._options.timeout_s)) is not None:
            audio, end = piece
            yield Speech(np.frombuffer(audio, np.int16), before + end)


def _parts(phrase: str) -> list[str]:
    """A phrase, in pieces that are not too long, cut between words."""
    parts = []
    while len(phrase) > MAX_PHRASE_CHARACTERS:
        cut = phrase.rfind(" ", 1, MAX_PHRASE_CHARACTERS) + 1 or MAX_PHRASE_CHARACTERS
        parts.append(phrase[:cut])
        phrase = phrase[cut:]
    return [*parts, phrase]
