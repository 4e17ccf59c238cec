"""eSpeak NG as a synthesizer: speech without a model, hundreds of times faster than it is heard.

The library runs in worker processes (`espeak_worker`); here are the voices, and the phrases on their way
there.
"""

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from vivavoce.engines.interfaces import EngineError, Samples, Speech
from vivavoce.engines.workers.pool import WorkerPool

VOICES = {
    "alloy": "en-us+f3",
    "ash": "en-us+m3",
    "ballad": "en+m7",
    "coral": "en-us+f2",
    "echo": "en-us+m1",
    "sage": "en-us+f4",
    "shimmer": "en-us+f5",
    "verse": "en-us+m4",
    "marin": "en-us+f1",
    "cedar": "en-us+m2",
}
"""The API's voices in eSpeak NG's names: ten that can be told apart. Its plain `en` is British."""

_LANGUAGES = {"zh": "cmn", "no": "nb", "iw": "he", "in": "id"}
"""Where the library has another code than ISO-639-1 or an older one."""

MAX_PHRASE_CHARACTERS = 240
"""Longer phrases are spoken in parts. The sound of one part (15 to 20 s at speed 1.0) fits into what a job
may be ahead, so that a process is free again however slowly somebody listens."""

SENTENCE_PAUSE_MS = 250
CLAUSE_PAUSE_MS = 100
"""Between phrases at speed 1.0, by what the one before ends with. The library ends its speech with the last
sound."""

_SENTENCE_ENDS = ".!?…:"
_CLAUSE_ENDS = ",;–—"


class ESpeakOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the synthesizer `espeak`."""

    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = min(4, os.cpu_count() or 1)
    """Processes that speak: so many phrases at a time; others wait their turn. Each holds about 1 MB of
    its own; loading takes about 0.2 s."""
    words_per_minute: Annotated[int, msgspec.Meta(ge=80, le=450)] = 170
    """Pace at speed 1.0."""
    max_queue: Annotated[int, msgspec.Meta(ge=1)] = 1000
    """Phrases that may wait for a process before new answers are refused."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    """After so long without a sound a process is replaced."""


class ESpeakSynthesizer:
    """Ten voices, `speed` 0.25 to 1.5, word by word. `Speech.end` is exact: from the library's own word
    events.

    The library speaks no slower than 80 words per minute and no faster than it can: below that pace (`speed`
    under 0.47, if `words_per_minute` is as it comes) the words stay as they are and the pauses between them
    grow, so that the whole lasts as long as it should.

    Every phrase is a job of its own: a process is free again after milliseconds, also while the rest of the
    answer is still being written or listened to, and the first phrase of one answer goes before the last of
    another."""

    Options: ClassVar[type[msgspec.Struct]] = ESpeakOptions
    sample_rate = 22050
    voices = frozenset(VOICES)

    def __init__(self, options: ESpeakOptions) -> None:
        self._options = options
        self._pool = WorkerPool(
            "vivavoce.engines.espeak_worker",
            [list(VOICES.values()), self.sample_rate],
            workers=options.workers,
            max_queue=options.max_queue,
        )

    @property
    def queue_length(self) -> int:
        """Jobs that wait for a process."""
        return self._pool.queue_length

    async def start(self) -> None:
        await self._pool.start()

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def speak(
        self, text: AsyncIterator[str], voice: str, speed: float, language: str | None = None
    ) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`. The last piece's `end` is the length of the whole text. What is in a
        language that the library does not know is pronounced as if it were English."""
        if voice not in VOICES:
            raise EngineError(f"There is no voice '{voice}'. Voices: {', '.join(sorted(VOICES))}.")
        given = 0
        told = 0
        pause_ms = 0
        begun = False
        async for phrase in text:
            for part in _parts(phrase.encode(errors="replace").decode()):
                if part.strip():
                    if pause_ms:
                        yield Speech(_silence(pause_ms / speed, self.sample_rate), told)
                    async with aclosing(
                        self._spoken(part, _speakers(voice, language), speed, begun)
                    ) as pieces:
                        async for samples, end in pieces:
                            told = given + end
                            yield Speech(samples, told)
                    begun = True
                    pause_ms = _pause_after(part)
                given += len(part)
        if told < given:
            # The end of the text is nothing that is heard.
            yield Speech(_silence(0, self.sample_rate), given)

    async def _spoken(
        self, part: str, speakers: list[str], speed: float, begun: bool
    ) -> AsyncGenerator[tuple[Samples, int], None]:
        rate = round(self._options.words_per_minute * speed)
        job = self._pool.job([speakers, rate, part], may_wait=begun)
        try:
            while (piece := await job.receive(self._options.timeout_s)) is not None:
                audio, end = piece
                yield np.frombuffer(audio, np.int16), end
        finally:
            await job.aclose()


def _speakers(voice: str, language: str | None) -> list[str]:
    """The library's names for a voice that speaks this language, the best first."""
    own = VOICES[voice]
    tag = (language or "en").lower()
    primary = tag.partition("-")[0]
    if tag in ("en", "en-us"):
        return [own]
    throat = own.partition("+")[2]
    return [f"{tag}+{throat}", f"{_LANGUAGES.get(primary, primary)}+{throat}", own]


def _pause_after(part: str) -> int:
    end = part.rstrip().rstrip("\"'”’)]»")[-1:]
    if end and end in _SENTENCE_ENDS:
        return SENTENCE_PAUSE_MS
    return CLAUSE_PAUSE_MS if end and end in _CLAUSE_ENDS else 0


def _silence(ms: float, rate: int) -> Samples:
    return np.zeros(round(rate * ms / 1000), np.int16)


def _parts(phrase: str) -> list[str]:
    """A phrase, in parts that are not too long: cut behind a sentence, else a clause, else a word."""
    parts = []
    while len(phrase) > MAX_PHRASE_CHARACTERS:
        cuts = (phrase.rfind(end, 0, MAX_PHRASE_CHARACTERS - 1) for end in (". ", ", ", " "))
        cut = next((cut for cut in cuts if cut > 0), MAX_PHRASE_CHARACTERS - 1)
        cut = phrase.find(" ", cut, cut + 2) + 1 or MAX_PHRASE_CHARACTERS
        parts.append(phrase[:cut])
        phrase = phrase[cut:]
    return [*parts, phrase]
