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


class PocketSphinxOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the transcriber `pocketsphinx`."""

    workers: Annotated[int, msgspec.Meta(ge=1, le=256)] = max(4, 2 * (os.cpu_count() or 1))
    """Processes that listen: so many people may speak at a time; others are transcribed when one is free."""
    max_active: Annotated[int, msgspec.Meta(ge=100, le=100_000)] = 3000
    """Hypotheses that are followed at a time: fewer is faster and less accurate."""
    max_queue: Annotated[int, msgspec.Meta(ge=1)] = 1000
    """Utterances that may wait for a process."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """So long may the final transcript take after the end of the utterance; then the process is replaced."""


class PocketSphinxTranscriber:
    """English words without punctuation, in lower case."""

    Options: ClassVar[type[msgspec.Struct]] = PocketSphinxOptions
    sample_rate = 16000

    def __init__(self, options: PocketSphinxOptions) -> None:
        self._options = options
        self._pool = WorkerPool(
            "vivavoce.engines.pocketsphinx_worker",
            {"max_active": options.max_active},
            workers=options.workers,
            max_queue=options.max_queue,
        )

    async def start(self) -> None:
        await self._pool.start()

    async def aclose(self) -> None:
        await self._pool.aclose()

    def utterance(self, options: TranscriptionOptions) -> "PocketSphinxUtterance":
        """Raises EngineError for a language that the model does not know."""
        language = (options.language or "en").lower()
        if language.partition("-")[0] not in LANGUAGES:
            raise EngineError(
                f"The transcriber does not know the language '{language}'. Languages: {', '.join(LANGUAGES)}."
            )
        return PocketSphinxUtterance(self._pool.job(None), self._options.timeout_s)


class PocketSphinxUtterance:
    """One utterance in a worker process."""

    def __init__(self, job: Job, timeout_s: float) -> None:
        self._job = job
        self._timeout_s = timeout_s
        self._deadline: asyncio.TimerHandle | None = None

    def feed(self, samples: Samples) -> None:
        if len(samples):
            self._job.send(samples.tobytes())

    def finish(self) -> None:
        if self._deadline is None:
            self._job.send(None)
            self._deadline = asyncio.get_running_loop().call_later(self._timeout_s, self._job.hang)

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        while (message := await self._job.receive()) is not None:
            text, final = message
            yield Transcript(text, final=final)

    async def aclose(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        await self._job.aclose()
