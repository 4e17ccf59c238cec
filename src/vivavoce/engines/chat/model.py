"""The engine: one streamed request for each answer."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import ClassVar

import httpx
import msgspec

from vivavoce.engines.chat.messages import body
from vivavoce.engines.chat.options import ChatOptions
from vivavoce.engines.chat.stream import Answer, EndpointError
from vivavoce.engines.endpoint.client import Endpoint
from vivavoce.engines.endpoint.lines import EventLines, InvalidAnswer
from vivavoce.engines.endpoint.trouble import Trouble
from vivavoce.protocol.generation import LanguagePart, ResponseRequest

_AFTERMATH_S = 1.0
"""How long the token counts may take to come after the last token. Not every endpoint ends its stream by
itself."""
_MAX_WHOLE_ANSWER = 1 << 22
"""Bytes that are read of an answer that is not streamed."""


class ChatModel:
    """Asks an endpoint that speaks OpenAI's chat completions: Ollama, llama.cpp, vLLM, OpenAI and many
    others."""

    Options: ClassVar[type[msgspec.Struct]] = ChatOptions

    def __init__(self, options: ChatOptions) -> None:
        self._options = options
        self._endpoint = Endpoint(options, who="language model", without="responses")

    @property
    def context_tokens(self) -> int:
        return self._options.context_tokens

    @property
    def translates(self) -> bool:
        return True

    @property
    def reasons(self) -> bool:
        return self._options.reasoning

    def count_tokens(self, text: str) -> int:
        """An estimate: every model has a tokenizer of its own, and none is at hand."""
        length = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        return math.ceil(length / self._options.bytes_per_token)

    async def start(self) -> None:
        """See `Endpoint.start`."""
        await self._endpoint.start()

    async def aclose(self) -> None:
        await self._endpoint.aclose()

    async def generate(self, request: ResponseRequest) -> AsyncGenerator[LanguagePart, None]:
        written = msgspec.json.encode(body(request, self._options))
        try:
            async with aclosing(self._endpoint.retrying(lambda: self._attempt(written))) as parts:
                async for part in parts:
                    yield part
        except Trouble as trouble:
            yield trouble.failure

    async def _attempt(self, written: bytes) -> AsyncGenerator[LanguagePart, None]:
        """One request. Raises Trouble, before its first token or after."""
        deadline = asyncio.get_running_loop().time() + self._options.first_token_timeout_s
        headers = {"Content-Type": "application/json"}
        asked = self._endpoint.post("chat/completions", deadline, content=written, headers=headers)
        async with asked as response, aclosing(self._parts(response, deadline)) as parts:
            async for part in parts:
                yield part

    async def _parts(self, response: httpx.Response, deadline: float) -> AsyncGenerator[LanguagePart, None]:
        answer = Answer()
        try:
            if response.headers.get("content-type", "").startswith("application/json"):
                for part in answer.feed(await self._endpoint.content(response, _MAX_WHOLE_ANSWER, deadline)):
                    yield part
            else:
                async with aclosing(self._events(response, answer, deadline)) as events:
                    async for event in events:
                        for part in answer.feed(event):
                            yield part
            for part in answer.finish():
                yield part
        except InvalidAnswer as error:
            raise self._endpoint.broken(
                f"sent something that cannot be used: {error}", retryable=False
            ) from None
        except EndpointError as error:
            raise self._endpoint.reported(error.error) from None

    async def _events(
        self, response: httpx.Response, answer: Answer, deadline: float
    ) -> AsyncGenerator[bytes, None]:
        """The events of a stream to its end, while `answer` takes them in."""
        clock = asyncio.get_running_loop().time
        lines = EventLines()
        chunks = response.aiter_bytes()
        generated = 0
        over = False
        while not over:
            chunk = await self._next(chunks, answer, deadline)
            over = chunk is None
            for event in lines.finish() if chunk is None else lines.feed(chunk):
                if event == b"[DONE]":
                    return
                yield event
            if answer.reason is not None:
                deadline = clock() + _AFTERMATH_S
            elif answer.generated != generated:
                generated = answer.generated
                deadline = clock() + self._options.token_timeout_s
        if answer.reason is None:
            raise self._endpoint.broken("broke off its answer", retryable=True)

    async def _next(self, chunks: AsyncIterator[bytes], answer: Answer, deadline: float) -> bytes | None:
        """More of the stream; None if it is over."""
        try:
            async with asyncio.timeout_at(deadline):
                return await anext(chunks, None)
        except TimeoutError:
            if answer.reason is not None:
                return None
            what = "stopped in the middle of its answer" if answer.generated else "did not answer in time"
            raise self._endpoint.broken(what, retryable=False) from None
        except httpx.HTTPError:
            if answer.reason is not None:
                return None
            raise self._endpoint.broken("broke off its answer", retryable=True) from None
