"""The cascade: a language model writes, a synthesizer speaks each phrase while the next is still being
written."""

import asyncio
import logging
from array import array
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import ClassVar

import msgspec

from vivavoce.engines.interfaces import EngineError, LanguageModel, Synthesizer
from vivavoce.engines.speakable import Phrase, SpeakableText
from vivavoce.engines.spoken import SpokenAudio
from vivavoce.protocol.errors import server_error
from vivavoce.protocol.generation import (
    FunctionCallStart,
    LanguagePart,
    MessageEnd,
    OutputPart,
    ResponseEnd,
    ResponseFailure,
    ResponseRequest,
    TextDelta,
)

logger = logging.getLogger(__name__)

_PARTS_AHEAD = 8
_PHRASES_AHEAD = 4
"""How many parts wait for whoever takes them, and phrases for the synthesizer, before those who make them
wait."""

_LOOK = 1000
"""Characters that are looked through (about 2 µs each) before others get their turn."""


class CascadeOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cascade has no options: its parts have."""


class CascadeResponder:
    """Answers with a language model, and with a synthesizer where the answer is to be heard.

    The text is passed on as it is written, so that the transcript runs ahead of the speech. A function call
    waits until the message before it is spoken. Nobody works far ahead of whoever takes the parts; closing
    the generator closes both engines' work."""

    Options: ClassVar[type[msgspec.Struct]] = CascadeOptions
    needs: ClassVar[tuple[str, ...]] = ("language_model", "synthesizer")
    hears_audio = False

    def __init__(
        self, options: CascadeOptions, *, language_model: LanguageModel, synthesizer: Synthesizer
    ) -> None:
        self._language_model = language_model
        self._synthesizer = synthesizer

    @property
    def context_tokens(self) -> int:
        return self._language_model.context_tokens

    @property
    def reasons(self) -> bool:
        return self._language_model.reasons

    @property
    def translates(self) -> bool:
        return self._language_model.translates

    def count_tokens(self, text: str) -> int:
        return self._language_model.count_tokens(text)

    async def start(self) -> None:
        """There is nothing to start: whoever made the parts starts them."""

    async def aclose(self) -> None:
        """There is nothing to end: whoever made the parts closes them."""

    async def respond(self, request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        answer = self._spoken(request) if request.modality == "audio" else self._written(request)
        async with aclosing(answer):
            try:
                async for part in answer:
                    yield part
                    if isinstance(part, ResponseEnd | ResponseFailure):
                        return
            except EngineError as error:
                yield ResponseFailure("server_error", error.code, str(error))
                return
            except Exception:
                logger.exception("An engine failed in a way that it should not.")
            else:
                logger.error("A language model ended its answer without saying so.")
            fault = server_error()
            yield ResponseFailure(fault.type, fault.code, fault.message)

    async def _written(self, request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        """The answer as text: the language model's parts, with the ends of the messages before calls."""
        message = False
        async with aclosing(self._language_model.generate(request)) as parts:
            async for part in parts:
                if message and isinstance(part, FunctionCallStart):
                    yield MessageEnd()
                    message = False
                message = message or isinstance(part, TextDelta)
                yield part

    async def _spoken(self, request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        """The answer as speech. One task reads the language model, another one the synthesizer; both put
        their parts into one queue, and what goes wrong as well, behind what went right."""
        parts: asyncio.Queue[OutputPart | Exception] = asyncio.Queue(_PARTS_AHEAD)
        writing = asyncio.create_task(self._write(request, parts))
        try:
            while True:
                part = await parts.get()
                if isinstance(part, Exception):
                    raise part
                yield part
                if isinstance(part, ResponseEnd | ResponseFailure):
                    return
        finally:
            writing.cancel()
            await asyncio.wait([writing])

    async def _write(self, request: ResponseRequest, parts: asyncio.Queue[OutputPart | Exception]) -> None:
        """Pass on what the language model writes, and have it spoken."""
        message: _Message | None = None
        try:
            async with aclosing(self._language_model.generate(request)) as written:
                async for part in written:
                    if isinstance(part, TextDelta):
                        if message is None:
                            message = _Message(self._synthesizer, request, parts)
                        await message.say(part)
                        continue
                    if message is not None and _ends_message(part):
                        await message.finish()
                        if isinstance(part, FunctionCallStart):
                            await parts.put(MessageEnd())
                        message = None
                    await parts.put(part)
            raise RuntimeError("The language model's answer has no end.")
        except Exception as error:  # noqa: BLE001 - raised again by whoever takes the parts
            if message is not None:
                await message.finish()
            await parts.put(error)
        finally:
            if message is not None:
                await message.aclose()


def _ends_message(part: LanguagePart) -> bool:
    return isinstance(part, FunctionCallStart | ResponseEnd | ResponseFailure)


class _Phrases:
    """Phrases on their way to the synthesizer. No generator: it may be left off anywhere without being
    closed."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(_PHRASES_AHEAD)
        self.taken = False
        """The synthesizer knows that there are no more."""

    async def put(self, phrase: str) -> None:
        await self._queue.put(phrase)

    async def end(self) -> None:
        await self._queue.put(None)

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        phrase = None if self.taken else await self._queue.get()
        if phrase is None:
            self.taken = True
            raise StopAsyncIteration
        return phrase


class _Message:
    """One message: its text as it is written, and the task that has it spoken."""

    def __init__(
        self,
        synthesizer: Synthesizer,
        request: ResponseRequest,
        parts: asyncio.Queue[OutputPart | Exception],
    ) -> None:
        self._synthesizer = synthesizer
        self._request = request
        self._parts = parts
        self._text = SpeakableText()
        self._length = 0
        """Characters of the transcript."""
        self._raw_ends = array("L")
        """For each character that is spoken, where in the transcript it ends."""
        self._phrases = _Phrases()
        self._speaking: asyncio.Task[None] | None = None

    async def say(self, delta: TextDelta) -> None:
        """More of the text: passed on at once, spoken when there is a phrase of it."""
        self._length += len(delta.text)
        await self._parts.put(delta)
        await self._speak(self._text.feed(delta.text[:_LOOK]))
        for start in range(_LOOK, len(delta.text), _LOOK):
            await asyncio.sleep(0)
            await self._speak(self._text.feed(delta.text[start : start + _LOOK]))

    async def finish(self) -> None:
        """The text is complete: have the rest of it spoken, and wait until it is."""
        await self._speak(self._text.finish())
        if self._speaking is not None:
            await self._phrases.end()
            await asyncio.wait([self._speaking])

    async def aclose(self) -> None:
        """Stop speaking."""
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.wait([self._speaking])

    async def _speak(self, phrases: list[Phrase]) -> None:
        for phrase in phrases:
            self._raw_ends.extend(phrase.raw_ends)
            if self._speaking is None:
                self._speaking = asyncio.create_task(self._pass_speech_on())
            await self._phrases.put(phrase.text)

    async def _pass_speech_on(self) -> None:
        """Pass on what the synthesizer makes of the phrases. Text without phrases never comes here."""
        audio = SpokenAudio(self._request.output_format, self._synthesizer.sample_rate)
        request = self._request
        try:
            async with aclosing(
                self._synthesizer.speak(self._phrases, request.voice, request.speed, request.language)
            ) as pieces:
                async for piece in pieces:
                    for delta in audio.feed(piece.samples, self._in_transcript(piece.end)):
                        await self._parts.put(delta)
            if not self._phrases.taken:
                raise RuntimeError("The synthesizer stopped before the end of the text.")
            for delta in audio.finish(self._length):
                await self._parts.put(delta)
        except Exception as error:  # noqa: BLE001 - raised again by whoever takes the parts
            await self._parts.put(error)

    def _in_transcript(self, spoken: int) -> int:
        """Where in the transcript the synthesizer is when it has spoken so many characters of the phrases."""
        return self._raw_ends[min(spoken, len(self._raw_ends)) - 1] if spoken > 0 else 0
