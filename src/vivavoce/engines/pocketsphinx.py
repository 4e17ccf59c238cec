"""PocketSphinx as a transcriber: English, on one core in a twelfth of the time that the speech lasts.

The decoder runs in worker processes (`pocketsphinx_worker`), one utterance at a time each, while the person
speaks.
"""

import asyncio
import math
import os
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, ClassVar

import msgspec

from vivavoce.engines.agreement import Heard
from vivavoce.engines.interfaces import (
    EngineError,
    Samples,
    TokenLogprob,
    Transcript,
    TranscriptionOptions,
    Word,
)
from vivavoce.engines.workers.pool import Job, WorkerPool

LANGUAGES = ("en",)
RATE = 16000
FRAME_S = 0.01

PATIENCE: dict[str | None, int | None] = {
    "minimal": 3,
    "low": 5,
    "medium": 8,
    None: 8,
    "high": None,
    "xhigh": None,
}
"""By delay: so many hypotheses, ten a second, must agree on a word of a live transcript before it stands.
None: words stand when the decoder has thought them over, after 15 to 30 seconds or at the end.

Of 830 words (the recordings of the tests, clean, with noise and one after another) 37.8 % were wrong at the
end; it were 4.1 points more with 3, 0.8 with 5 and 0.7 with 8. A word stood 0.5, 0.8 and 1.0 s after it was
said, on the average."""


class PocketSphinxOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the transcriber `pocketsphinx`."""

    workers: Annotated[int, msgspec.Meta(ge=1, le=256)] = max(4, 2 * (os.cpu_count() or 1))
    """Processes that listen: so many people may speak at a time; others are transcribed when one is free.
    Each holds about 24 MB of its own, beside 100 MB that they share; loading takes about a second."""
    max_active: Annotated[int, msgspec.Meta(ge=100, le=100_000)] = 3000
    """Hypotheses that are followed at a time: fewer is faster and less accurate."""
    max_queue: Annotated[int, msgspec.Meta(ge=1)] = 1000
    """Utterances that may wait for a process."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """So long may the final transcript take after the end of the utterance, and as long as the utterance
    itself on top; then the process is replaced."""
    max_utterance_s: Annotated[int, msgspec.Meta(ge=1)] = 3600
    """What somebody says after so many seconds without a pause is not listened to."""


class PocketSphinxTranscriber:
    """English words without punctuation, in lower case."""

    Options: ClassVar[type[msgspec.Struct]] = PocketSphinxOptions
    sample_rate = RATE

    def __init__(self, options: PocketSphinxOptions) -> None:
        self._options = options
        self._pool = WorkerPool(
            "vivavoce.engines.pocketsphinx_worker",
            {"max_active": options.max_active},
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

    def utterance(self, options: TranscriptionOptions) -> "PocketSphinxUtterance":
        """Raises EngineError for a language that the model does not know."""
        asked = [options.language] if options.language else [*options.languages] or ["en"]
        if not any(_is_known(language) for language in asked):
            raise EngineError(
                f"The transcriber does not know the language '{', '.join(asked).lower()}'. "
                f"Languages: {', '.join(LANGUAGES)}."
            )
        patience = PATIENCE[options.delay] if options.live else None
        return PocketSphinxUtterance(self._pool.job(patience), self._options)


def _is_known(language: str) -> bool:
    return language.lower().replace("_", "-").partition("-")[0] in LANGUAGES


class PocketSphinxUtterance:
    """One utterance in a worker process."""

    def __init__(self, job: Job, options: PocketSphinxOptions) -> None:
        self._job = job
        self._options = options
        self._samples = 0
        self._finished = False
        self._deadline: asyncio.TimerHandle | None = None
        self._growing = _Growing()

    def feed(self, samples: Samples) -> None:
        """See `Utterance.feed`. What is longer than the options allow is not listened to."""
        left = self._options.max_utterance_s * RATE - self._samples
        samples = samples[:left]
        self._samples += len(samples)
        for start in range(0, len(samples), RATE):
            self._job.send(samples[start : start + RATE].tobytes())

    def finish(self) -> None:
        """See `Utterance.finish`."""
        if self._finished:
            return
        self._finished = True
        self._job.send(None)
        # Whoever had to wait for a process has all of the audio before them.
        timeout_s = self._options.timeout_s + self._samples / RATE
        self._deadline = asyncio.get_running_loop().call_later(timeout_s, self._job.hang)

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        while (message := await self._job.receive()) is not None:
            settled, current, standing, final = message
            if final and self._deadline is not None:
                self._deadline.cancel()
            yield self._growing.transcript(
                [Heard(*word) for word in settled], [Heard(*word) for word in current], standing, final
            )

    async def aclose(self) -> None:
        """See `Utterance.aclose`."""
        if self._deadline is not None:
            self._deadline.cancel()
        await self._job.aclose()


class _Growing:
    """The transcript of one utterance: what is settled is put together once, however much it is."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._words: tuple[Word, ...] = ()
        self._logprobs: tuple[TokenLogprob, ...] = ()
        self._all_known = True
        """Whether the probability of every settled word is."""

    def transcript(
        self, settled: Sequence[Heard], current: Sequence[Heard], standing: int, final: bool
    ) -> Transcript:
        """See the worker's answers, of which this is one."""
        if settled:
            self._settle(settled)
        texts = [*self._texts, *(word.text for word in current)]
        text = " ".join(texts)
        behind = len(" ".join(texts[len(self._texts) + standing :]))
        return Transcript(
            text,
            final=final,
            stable=max(0, len(text) - behind - (behind > 0)),
            words=self._words + _words(current),
            logprobs=self._logprobs if self._all_known or not final else (),
            languages=LANGUAGES if final and text else (),
        )

    def _settle(self, words: Sequence[Heard]) -> None:
        known: list[TokenLogprob] = []
        for word in words:
            self._all_known = self._all_known and word.probability is not None
            if not self._all_known:
                break
            token = f" {word.text}" if self._logprobs or known else word.text
            known.append(TokenLogprob(token, min(math.log(max(word.probability or 0.0, _LEAST)), 0.0)))
        self._logprobs += tuple(known)
        self._words += _words(words)
        self._texts = [" ".join([*self._texts, *(word.text for word in words)])]


def _words(heard: Sequence[Heard]) -> tuple[Word, ...]:
    return tuple(Word(word.text, word.start * FRAME_S, word.end * FRAME_S) for word in heard)


_LEAST = 1e-12
"""The decoder's own arithmetic does not tell smaller probabilities from none."""
