"""PocketSphinx as a transcriber: English, on one core in a twelfth of the time that the speech lasts.

The decoder runs in worker processes (`pocketsphinx_worker`), one utterance at a time each, while the person
speaks.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Annotated, ClassVar

import msgspec

from vivavoce.engines.interfaces import EngineError, Samples, Transcript, TranscriptionOptions
from vivavoce.engines.workers.pool import Job, WorkerPool

LANGUAGES = ("en",)
RATE = 16000


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
        language = (options.language or "en").lower()
        if language.replace("_", "-").partition("-")[0] not in LANGUAGES:
            raise EngineError(
                f"The transcriber does not know the language '{language}'. Languages: {', '.join(LANGUAGES)}."
            )
        return PocketSphinxUtterance(self._pool.job(None), self._options)


class PocketSphinxUtterance:
    """One utterance in a worker process."""

    def __init__(self, job: Job, options: PocketSphinxOptions) -> None:
        self._job = job
        self._options = options
        self._samples = 0
        self._finished = False
        self._deadline: asyncio.TimerHandle | None = None

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
            text, final = message
            if final and self._deadline is not None:
                self._deadline.cancel()
            yield Transcript(text, final=final)

    async def aclose(self) -> None:
        """See `Utterance.aclose`."""
        if self._deadline is not None:
            self._deadline.cancel()
        await self._job.aclose()
