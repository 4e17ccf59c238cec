"""Engines without a model: they hear silence, understand nothing and answer at once."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec

from vivavoce.engines.interfaces import EngineError, Transcript
from vivavoce.protocol import Message, OutputPart, ResponseEnd, ResponseRequest, TextDelta
from vivavoce.protocol.generation import count_characters


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cannot_start: bool = False


class Engine:
    Options = Options
    sample_rate = 16000
    frame_samples = 512
    hears_audio = False

    def __init__(self, options: Options) -> None:
        self._options = options

    async def start(self) -> None:
        if self._options.cannot_start:
            raise EngineError("The instant engine cannot start: it was told not to.")

    async def aclose(self) -> None:
        """Nothing was begun."""


class Silence(Engine):
    """A voice detector."""

    def stream(self) -> "Silence":
        return self

    def feed(self, samples) -> list[float]:
        return [0.0] * (len(samples) // self.frame_samples)


class Deaf(Engine):
    """A transcriber."""

    def utterance(self, options: object) -> "Deaf":
        return self

    def feed(self, samples: object) -> None:
        """Unheard."""

    def finish(self) -> None:
        """Nothing was heard."""

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        yield Transcript("", final=True)


class Parrot(Engine):
    """A responder that says the last text back, and counts slowly when it is asked to."""

    context_tokens = 0
    reasons = False
    translates = True

    def count_tokens(self, text: str) -> int:
        return count_characters(text)

    async def respond(self, request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        said = [part.text for item in request.items if isinstance(item, Message) for part in item.content]
        text = str(said[-1])
        if text.startswith("count to "):
            for number in range(int(text.removeprefix("count to "))):
                yield TextDelta(f"{number} ")
                await asyncio.sleep(0.01)
        elif text.startswith("be long: "):
            for _ in range(int(text.removeprefix("be long: "))):
                yield TextDelta("x" * 10_000)
        else:
            yield TextDelta(text)
        yield ResponseEnd()
