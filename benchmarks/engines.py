"""Engines that need no time: what is left to measure is the server."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import msgspec
import numpy as np

from vivavoce.engines.interfaces import Samples, Transcript, TranscriptionOptions
from vivavoce.protocol import OutputPart, ResponseEnd, ResponseRequest
from vivavoce.protocol.generation import AudioDelta, TextDelta, count_characters

LOUD = 1000


class Instant:
    """What starts and stops without a trace."""

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """None."""

    async def start(self) -> None:
        """Nothing to load."""

    async def aclose(self) -> None:
        """Nothing was begun."""


class LoudnessDetector(Instant):
    """A voice detector for which loud frames are speech: about 3 µs a frame, never in doubt."""

    sample_rate = 16000
    frame_samples = 512

    def stream(self) -> "LoudnessStream":
        return LoudnessStream()


class LoudnessStream:
    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest: Samples = np.zeros(0, np.int16)

    def feed(self, samples: Samples) -> Sequence[float]:
        joined = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        whole = len(joined) // 512 * 512
        self._rest = joined[whole:].copy()
        return [float(frame.max() > LOUD) for frame in joined[:whole].reshape(-1, 512)]


class InstantTranscriber(Instant):
    """Knows what was said the moment it is over."""

    sample_rate = 16000

    def utterance(self, options: TranscriptionOptions) -> "InstantUtterance":
        return InstantUtterance()


class InstantUtterance:
    __slots__ = ("_finished",)

    def __init__(self) -> None:
        self._finished = asyncio.Event()

    def feed(self, samples: Samples) -> None:
        """Whatever it was."""

    def finish(self) -> None:
        self._finished.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        await self._finished.wait()
        yield Transcript("What time is it?", final=True)

    async def aclose(self) -> None:
        """Nothing is held."""


class InstantResponder(Instant):
    """Answers every turn with the same speech, in ten pieces, all at once.

    `speech`: `(n,) int16` at 24 kHz; a second of a hum without it.
    """

    hears_audio = False
    context_tokens = 0
    reasons = False
    translates = False

    def __init__(self, speech: Samples | None = None) -> None:
        words = ("It ", "is ", "just ", "the ", "right ", "time, ", "as ", "it ", "always ", "is.")
        if speech is None:
            speech = (np.sin(np.arange(24000) * (2 * np.pi * 200 / 24000)) * 3000).astype("<i2")
        pieces = np.array_split(speech, len(words))
        self._said = [(word, piece.tobytes()) for word, piece in zip(words, pieces, strict=True)]

    def count_tokens(self, text: str) -> int:
        return count_characters(text)

    async def respond(self, request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        spoken = 0
        for word, audio in self._said:
            yield TextDelta(word)
            spoken += len(word)
            yield AudioDelta(audio, spoken)
        yield ResponseEnd()
