"""The engine: one streamed request for each answer."""

import asyncio
import ipaddress
import logging
import math
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import ClassVar

import httpx
import msgspec

from vivavoce.engines.chat.messages import body
from vivavoce.engines.chat.options import OPENAI_HOST, ChatOptions, sendable
from vivavoce.engines.chat.stream import Answer, EndpointError, EventLines, InvalidAnswer
from vivavoce.engines.chat.trouble import MAX_RETRY_DELAY_S, Trouble, broken, refused, reported
from vivavoce.engines.interfaces import EngineError
from vivavoce.protocol.generation import LanguagePart, ResponseRequest

logger = logging.getLogger(__name__)

_PROBE_TIMEOUT_S = 2.0
_AFTERMATH_S = 1.0
"""How long the token counts may take to come after the last token. Not every endpoint ends its stream by
itself."""
_MAX_ERROR = 1 << 16
_MAX_WHOLE_ANSWER = 1 << 22
"""Bytes that are read of an error, and of an answer that is not streamed."""


class ChatModel:
    """Asks an endpoint that speaks OpenAI's chat completions: Ollama, llama.cpp, vLLM, OpenAI and many
    others."""

    Options: ClassVar[type[msgspec.Struct]] = ChatOptions

    def __init__(self, options: ChatOptions) -> None:
        self._options = options
        self._client: httpx.AsyncClient | None = None
        self._secrets: list[str] = []

    @property
    def context_tokens(self) -> int:
        return self._options.context_tokens

    @property
    def reasons(self) -> bool:
        return self._options.reasoning

    def count_tokens(self, text: str) -> int:
        """An estimate: every model has a tokenizer of its own, and none is at hand."""
        length = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        return math.ceil(length / self._options.bytes_per_token)

    async def start(self) -> None:
        """Make the client. An endpoint that is not up yet is worth a warning, not an error: it may come
        up."""
        options = self._options
        headers = {"Accept-Encoding": "identity", **options.headers}
        key = _key(options)
        if not sendable(key):
            raise EngineError("The key of the language model endpoint has characters that no key has.")
        if key and "authorization" not in {name.lower() for name in headers}:
            headers["Authorization"] = f"Bearer {key}"
        self._secrets = [key, *options.headers.values()]
        self._client = httpx.AsyncClient(
            base_url=options.base_url.rstrip("/") + "/",
            headers=headers,
            timeout=httpx.Timeout(None, connect=options.connect_timeout_s),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            trust_env=not _is_loopback(options.host),
        )
        await self._probe(self._client)

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def generate(self, request: ResponseRequest) -> AsyncGenerator[LanguagePart, None]:
        written = msgspec.json.encode(body(request, self._options))
        delay = self._options.retry_delay_s
        for left in range(self._options.retries, -1, -1):
            spoke = False
            try:
                async with aclosing(self._attempt(written)) as parts:
                    async for part in parts:
                        spoke = True
                        yield part
                return
            except Trouble as trouble:
                if spoke or not left or not trouble.retryable:
                    logger.warning("%s (%s)", trouble, self._options.host)
                    yield trouble.failure
                    return
                wanted = trouble.retry_after_s
            await asyncio.sleep(min(MAX_RETRY_DELAY_S, delay if wanted is None else wanted))
            delay *= 2

    async def _attempt(self, written: bytes) -> AsyncGenerator[LanguagePart, None]:
        """One request. Raises Trouble, before its first token or after."""
        if self._client is None:
            raise RuntimeError("The chat engine was not started.")
        request = self._client.build_request(
            "POST", "chat/completions", content=written, headers={"Content-Type": "application/json"}
        )
        deadline = asyncio.get_running_loop().time() + self._options.first_token_timeout_s
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._client.send(request, stream=True)
        except TimeoutError:
            raise broken("did not answer in time", retryable=False) from None
        except httpx.ConnectTimeout:
            raise broken("could not be reached in time", retryable=True) from None
        except httpx.HTTPError:
            raise broken("could not be reached", retryable=True) from None
        try:
            if response.status_code != 200:
                content = await self._content(response, _MAX_ERROR, deadline)
                raise refused(response.status_code, response.headers, content, self._secrets)
            async with aclosing(self._parts(response, deadline)) as parts:
                async for part in parts:
                    yield part
        finally:
            await response.aclose()

    async def _parts(self, response: httpx.Response, deadline: float) -> AsyncGenerator[LanguagePart, None]:
        answer = Answer()
        try:
            if response.headers.get("content-type", "").startswith("application/json"):
                for part in answer.feed(await self._content(response, _MAX_WHOLE_ANSWER, deadline)):
                    yield part
            else:
                async with aclosing(self._events(response, answer, deadline)) as events:
                    async for event in events:
                        for part in answer.feed(event):
                            yield part
            for part in answer.finish():
                yield part
        except InvalidAnswer as error:
            raise broken(f"sent something that cannot be used: {error}", retryable=False) from None
        except EndpointError as error:
            raise reported(error.error, self._secrets) from None

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
            raise broken("broke off its answer", retryable=True)

    async def _next(self, chunks: AsyncIterator[bytes], answer: Answer, deadline: float) -> bytes | None:
        """More of the stream; None if it is over."""
        try:
            async with asyncio.timeout_at(deadline):
                return await anext(chunks, None)
        except TimeoutError:
            if answer.reason is not None:
                return None
            what = "stopped in the middle of its answer" if answer.generated else "did not answer in time"
            raise broken(what, retryable=False) from None
        except httpx.HTTPError:
            if answer.reason is not None:
                return None
            raise broken("broke off its answer", retryable=True) from None

    async def _content(self, response: httpx.Response, most: int, deadline: float) -> bytes:
        """A body that is not streamed, as far as it is read."""
        content = bytearray()
        try:
            async with asyncio.timeout_at(deadline):
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > most:
                        break
        except (TimeoutError, httpx.HTTPError):
            if response.status_code == 200:
                raise broken("broke off its answer", retryable=True) from None
        return bytes(content[:most])

    async def _probe(self, client: httpx.AsyncClient) -> None:
        """Look whether the endpoint is there, and warm the connection up."""
        try:
            response = await client.get("models", timeout=_PROBE_TIMEOUT_S)
        except httpx.HTTPError as error:
            logger.warning(
                "The language model endpoint at %s cannot be reached (%s); responses fail until it can.",
                self._options.host,
                type(error).__name__,
            )
            return
        if response.status_code in (401, 403):
            logger.warning("The language model endpoint at %s does not accept the key.", self._options.host)


def _key(options: ChatOptions) -> str:
    if options.api_key is not None:
        return options.api_key
    variable = options.api_key_env or ("OPENAI_API_KEY" if options.host == OPENAI_HOST else None)
    return os.environ.get(variable, "").strip() if variable else ""


def _is_loopback(host: str) -> bool:
    """Is the endpoint on this machine? Then the environment's proxies have nothing to do with it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
