"""Engines that go wrong when they are asked to, as a package of somebody else would bring them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import msgspec
import numpy as np

from vivavoce.engines.interfaces import EngineError, Samples, Speech, Transcript, TranscriptionOptions
from vivavoce.protocol import (
    AudioDelta,
    FunctionCallDelta,
    InputText,
    Message,
    ResponseEnd,
    ResponseRequest,
    TextDelta,
)

RAISING = 31_337
"""A sample of this value makes the detector fail."""
RAMBLING = 31_338
"""And this one lets it report rubbish."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to choose."""


class Engine:
    Options = Options

    def __init__(self, options: Options) -> None: ...

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...


async def _forever() -> None:
    await asyncio.Event().wait()


class Model(Engine):
    """Does what the latest user's message says; repeats it if it says nothing special."""

    context_tokens = 100_000
    reasons = False
    translates = False
    sees = False

    def count_tokens(self, text: str) -> int:
        return -(-len(text) // 4)

    async def generate(self, request: ResponseRequest) -> AsyncGenerator[Any, None]:
        wish = _latest(request)
        yield TextDelta("Well, ")
        match wish:
            case "hang":
                await _forever()
            case "raise":
                raise ArithmeticError("secret details of a fault")
            case "refuse":
                raise EngineError("The model is out of order.", code="out_of_order")
            case "silent":
                return
            case "nothing":
                yield None
            case "object":
                yield object()
            case "number":
                yield TextDelta(5)  # type: ignore[arg-type]
            case "surrogate":
                yield TextDelta("\ud800")
            case "misplaced":
                yield FunctionCallDelta("{}")
                yield AudioDelta(b"\0\0" * 240, 0)
            case "late":
                yield ResponseEnd()
                yield TextDelta("one more thing")
                yield ResponseEnd()
            case "endless":
                while True:
                    yield TextDelta("and on and ")
                    await asyncio.sleep(0)
            case "slow":
                for _ in range(5):
                    await asyncio.sleep(0.2)
                    yield TextDelta("so ")
        yield TextDelta(f"{wish}.")
        yield ResponseEnd()


def _latest(request: ResponseRequest) -> str:
    for item in reversed(request.items):
        if isinstance(item, Message) and item.role == "user":
            for part in item.content:
                if isinstance(part, InputText):
                    return part.text
    return "nothing special"


class Speaker(Engine):
    """Speaks a tenth of a second a phrase, unless the phrase says otherwise."""

    sample_rate = 24_000
    voices = frozenset(
        {"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"}
    )

    async def speak(
        self, text: AsyncIterator[str], voice: str, speed: float, language: str | None
    ) -> AsyncGenerator[Any, None]:
        end = 0
        async for phrase in text:
            end += len(phrase)
            if "mute" in phrase:
                await _forever()
            if "croak" in phrase:
                raise ArithmeticError("secret details of a fault")
            if "noise" in phrase:
                yield "noise"
            if "stop short" in phrase:
                return
            if "drone" in phrase:
                while True:
                    yield Speech(np.zeros(24_000, np.int16), end)
                    await asyncio.sleep(0)
            yield Speech(np.zeros(2_400, np.int16), end)


class Listener(Engine):
    """Understands the prompt, or does what it says."""

    sample_rate = 16_000

    def utterance(self, options: TranscriptionOptions) -> "Heard":
        if options.prompt == "refuse at once":
            raise EngineError("The transcriber is out of order.", code="out_of_order")
        return Heard(options.prompt or "hello")


class Heard:
    def __init__(self, wish: str) -> None:
        self._wish = wish
        self._finished = asyncio.Event()

    def feed(self, samples: Samples) -> None: ...

    def finish(self) -> None:
        self._finished.set()

    async def __aiter__(self) -> AsyncIterator[Any]:
        match self._wish:
            case "raise early":
                raise ArithmeticError("secret details of a fault")
            case "object":
                yield object()
        await self._finished.wait()
        match self._wish:
            case "hang":
                await _forever()
            case "raise":
                raise ArithmeticError("secret details of a fault")
            case "refuse":
                raise EngineError("The transcriber is out of order.", code="out_of_order")
            case "silent":
                return
            case "surrogate":
                yield Transcript("\ud800", final=True)
            case "number":
                yield Transcript(5, final=True)  # type: ignore[arg-type]
            case wish:
                yield Transcript(wish, final=True)

    async def aclose(self) -> None: ...


class Detector(Engine):
    """Loud frames are speech."""

    sample_rate = 16_000
    frame_samples = 512

    def stream(self) -> "Ear":
        return Ear()


class Ear:
    def __init__(self) -> None:
        self._rest = np.zeros(0, np.int16)

    def feed(self, samples: Samples) -> Sequence[Any]:
        if np.any(samples == RAISING):
            raise ArithmeticError("secret details of a fault")
        if np.any(samples == RAMBLING):
            return ["loud", None, 17.0]
        whole = np.concatenate([self._rest, samples])
        count = len(whole) // 512
        self._rest = whole[count * 512 :]
        return [float(np.abs(frame).max() > 1000) for frame in whole[: count * 512].reshape(count, 512)]
