"""The engine: the audio of an utterance is collected, and sent when the speaker is done."""

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import ClassVar

import httpx
import msgspec
import numpy as np

from vivavoce.audio.wav import write_wav
from vivavoce.engines.endpoint.client import Endpoint
from vivavoce.engines.endpoint.lines import EventLines, InvalidAnswer
from vivavoce.engines.endpoint.trouble import Trouble
from vivavoce.engines.interfaces import EngineError, Samples, Transcript, TranscriptionOptions
from vivavoce.engines.transcriptions.answers import EndpointError, StreamedAnswer, whole
from vivavoce.engines.transcriptions.options import TranscriptionsOptions

RATE = 16000

_MAX_WHOLE_ANSWER = 1 << 23
"""Bytes that are read of an answer that is not streamed."""


class TranscriptionsTranscriber:
    """Asks an endpoint that speaks OpenAI's audio transcriptions: OpenAI, vLLM, Speaches, whisper.cpp and
    others."""

    Options: ClassVar[type[msgspec.Struct]] = TranscriptionsOptions
    sample_rate = RATE

    def __init__(self, options: TranscriptionsOptions) -> None:
        self._options = options
        self._endpoint = Endpoint(options, who="transcription", without="transcriptions")

    async def start(self) -> None:
        """See `Endpoint.start`."""
        await self._endpoint.start()

    async def aclose(self) -> None:
        await self._endpoint.aclose()

    def utterance(self, options: TranscriptionOptions) -> "CollectedUtterance":
        return CollectedUtterance(self._endpoint, self._options, options)


class CollectedUtterance:
    """One utterance, and the request that it becomes."""

    def __init__(
        self, endpoint: Endpoint, options: TranscriptionsOptions, asked: TranscriptionOptions
    ) -> None:
        self._endpoint = endpoint
        self._options = options
        self._asked = asked
        self._pieces: list[Samples] = []
        self._left = options.max_utterance_s * RATE
        self._finished = asyncio.Event()
        self._closed = False

    def feed(self, samples: Samples) -> None:
        """See `Utterance.feed`. What is longer than the options allow is not sent."""
        samples = samples[: self._left]
        self._left -= len(samples)
        if len(samples):
            self._pieces.append(samples)

    def finish(self) -> None:
        """See `Utterance.finish`."""
        self._finished.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        await self._finished.wait()
        if self._closed:
            return
        if not self._pieces:
            yield Transcript("", final=True)
            return
        pieces, self._pieces = self._pieces, []
        audio = await asyncio.to_thread(_wav, pieces)  # ten minutes take 10 ms
        try:
            async with aclosing(self._endpoint.retrying(lambda: self._attempt(audio))) as transcripts:
                async for transcript in transcripts:
                    yield transcript
        except Trouble as trouble:
            raise EngineError(trouble.failure.message, code=trouble.failure.code) from None

    async def aclose(self) -> None:
        """See `Utterance.aclose`. A request that is under way ends with the task that waits for it."""
        self._closed = True
        self._pieces.clear()
        self._finished.set()

    async def _attempt(self, audio: bytes) -> AsyncGenerator[Transcript, None]:
        """One request. Raises Trouble."""
        deadline = asyncio.get_running_loop().time() + self._options.timeout_s
        files = {"file": ("audio.wav", audio, "audio/wav")}
        asked = self._endpoint.post("audio/transcriptions", deadline, data=self._fields(), files=files)
        try:
            async with asked as response:
                if not response.headers.get("content-type", "").startswith("text/event-stream"):
                    yield whole(await self._endpoint.content(response, _MAX_WHOLE_ANSWER, deadline))
                    return
                async with aclosing(self._streamed(response, deadline)) as transcripts:
                    async for transcript in transcripts:
                        yield transcript
        except InvalidAnswer as error:
            problem = f"sent something that cannot be used: {error}"
            raise self._endpoint.broken(problem, retryable=False) from None
        except EndpointError as error:
            raise self._endpoint.reported(error.error) from None

    def _fields(self) -> dict[str, str | list[str]]:
        """The form that goes with the audio."""
        asked = self._asked
        fields: dict[str, str | list[str]] = {
            "model": self._options.model or asked.model or "whisper-1",
            "response_format": "json",
        }
        if self._options.stream:
            fields["stream"] = "true"
        if self._options.logprobs:
            fields["include[]"] = ["logprobs"]
        if asked.language:
            fields["language"] = asked.language
        # The REST form knows keywords only as a part of the prompt.
        prompt = ", ".join(filter(None, [asked.prompt, *asked.keywords]))
        if prompt:
            fields["prompt"] = prompt
        return fields

    async def _streamed(self, response: httpx.Response, deadline: float) -> AsyncGenerator[Transcript, None]:
        """The transcripts of a stream, to the final one."""
        answer, lines = StreamedAnswer(), EventLines()
        chunks = response.aiter_bytes()
        over = False
        while not over:
            chunk = await self._next(chunks, deadline)
            over = chunk is None
            for event in lines.finish() if chunk is None else lines.feed(chunk):
                transcript = None if event == b"[DONE]" else answer.feed(event)
                if transcript is not None:
                    yield transcript
                if answer.over:
                    return
                deadline = asyncio.get_running_loop().time() + self._options.word_timeout_s
        raise self._endpoint.broken("broke off its answer", retryable=True)

    async def _next(self, chunks: AsyncIterator[bytes], deadline: float) -> bytes | None:
        """More of the stream; None if it is over."""
        try:
            async with asyncio.timeout_at(deadline):
                return await anext(chunks, None)
        except TimeoutError:
            raise self._endpoint.broken("stopped in the middle of its answer", retryable=False) from None
        except httpx.HTTPError:
            raise self._endpoint.broken("broke off its answer", retryable=True) from None


def _wav(pieces: list[Samples]) -> bytes:
    file = io.BytesIO()
    write_wav(file, np.concatenate(pieces), RATE)
    return file.getvalue()
