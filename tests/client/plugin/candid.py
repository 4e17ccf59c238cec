"""Engines that show what they were given, as a package of somebody else would bring them."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import msgspec
import numpy as np

from vivavoce.engines.interfaces import Samples, Transcript, TranscriptionOptions
from vivavoce.protocol import (
    AudioDelta,
    FunctionCall,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallOutput,
    FunctionCallStart,
    InputAudio,
    Item,
    Message,
    OutputAudio,
    ResponseEnd,
    ResponseFailure,
    ResponseRequest,
    TextDelta,
)


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to choose."""


class Engine:
    Options = Options

    def __init__(self, options: Options) -> None: ...

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...


def words(item: Item) -> str:
    """What an item says."""
    match item:
        case Message():
            return " ".join(
                (part.transcript or "?")
                if isinstance(part, InputAudio | OutputAudio)
                else getattr(part, "text", "?")
                for part in item.content
            )
        case FunctionCall():
            return f"{item.name}({item.arguments})"
        case FunctionCallOutput():
            return item.output
        case _:
            return "?"


class Responder(Engine):
    """Does what somebody else said last: counts, calls, fails, tells what it knows, or repeats it."""

    context_tokens = 0
    reasons = False
    translates = True
    hears_audio = False

    def count_tokens(self, text: str) -> int:
        return -(-len(text) // 4)

    async def respond(self, request: ResponseRequest) -> AsyncGenerator[Any, None]:
        said = [item for item in request.items if getattr(item, "role", None) != "assistant"]
        wish = words(said[-1]) if said else request.instructions
        command, _, argument = wish.partition(" ")
        match command:
            case "count":
                for number in range(int(argument)):
                    yield TextDelta(f"{number} ")
                    await asyncio.sleep(0.01)
            case "call":
                yield FunctionCallStart(argument, None)
                yield FunctionCallDelta('{"a":')
                yield FunctionCallDelta("1}")
                yield FunctionCallEnd()
            case "fail":
                yield ResponseFailure("server_error", "out_of_order", "It is out of order.")
                return
            case "tell":
                known = [[item.id, words(item)] for item in request.items]
                yield TextDelta(json.dumps([request.instructions, known]))
            case _:
                yield TextDelta(wish)
                if request.modality == "audio":
                    yield AudioDelta(b"\1\0" * 2400, len(wish))
        yield ResponseEnd()


class Listener(Engine):
    """Understands how long somebody spoke."""

    sample_rate = 16_000

    def utterance(self, options: TranscriptionOptions) -> "Heard":
        return Heard()


class Heard:
    def __init__(self) -> None:
        self._samples = 0
        self._finished = asyncio.Event()

    def feed(self, samples: Samples) -> None:
        self._samples += len(samples)

    def finish(self) -> None:
        self._finished.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        await self._finished.wait()
        yield Transcript(f"{round(self._samples / 1600)} tenths", final=True)

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

    def feed(self, samples: Samples) -> Sequence[float]:
        whole = np.concatenate([self._rest, samples])
        count = len(whole) // 512
        self._rest = whole[count * 512 :]
        frames = whole[: count * 512].reshape(count, 512)
        return [1.0 if np.abs(frame).max() > 1000 else 0.0 for frame in frames]
