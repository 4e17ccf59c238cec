"""Asking an endpoint: one client for an engine, and what is done when an answer does not come."""

import asyncio
import ipaddress
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

import httpx

from vivavoce.engines.endpoint.options import OPENAI_HOST, EndpointOptions, sendable
from vivavoce.engines.endpoint.trouble import MAX_RETRY_DELAY_S, Trouble, broken, refused, reported
from vivavoce.engines.interfaces import EngineError

logger = logging.getLogger(__name__)

T = TypeVar("T")

_PROBE_TIMEOUT_S = 2.0
_MAX_ERROR = 1 << 16
"""Bytes that are read of an error."""


class Endpoint:
    """An endpoint and the way to it.

    `who` is the kind of endpoint, as messages call it ("language model"); `without` is what fails as long as
    it is not there ("responses").
    """

    def __init__(self, options: EndpointOptions, *, who: str, without: str) -> None:
        self._options = options
        self._who = who
        self._without = without
        self._client: httpx.AsyncClient | None = None
        self._secrets: list[str] = []

    async def start(self) -> None:
        """Make the client. An endpoint that is not up yet is worth a warning, not an error: it may come up.
        Raises EngineError for a key that cannot be sent."""
        options = self._options
        headers = {"Accept-Encoding": "identity", **options.headers}
        key = key_of(options)
        if not sendable(key):
            raise EngineError(f"The key of the {self._who} endpoint has characters that no key has.")
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
        """Close the client and what it has open."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def retrying(self, attempt: Callable[[], AsyncGenerator[T, None]]) -> AsyncGenerator[T, None]:
        """What an attempt yields. One that raises Trouble before it has yielded anything is repeated, as the
        options say; raises the last one's Trouble."""
        delay = self._options.retry_delay_s
        for left in range(self._options.retries, -1, -1):
            begun = False
            try:
                async with aclosing(attempt()) as parts:
                    async for part in parts:
                        begun = True
                        yield part
                return
            except Trouble as trouble:
                if begun or not left or not trouble.retryable:
                    logger.warning("%s (%s)", trouble, self._options.host)
                    raise
                wanted = trouble.retry_after_s
            await asyncio.sleep(min(MAX_RETRY_DELAY_S, delay if wanted is None else wanted))
            delay *= 2

    @asynccontextmanager
    async def post(self, path: str, deadline: float, **request: Any) -> AsyncIterator[httpx.Response]:
        """Ask; the answer with the status 200, to be read. `deadline`: by the loop's clock, for the answer to
        begin. Raises Trouble."""
        if self._client is None:
            raise RuntimeError(f"The {self._who} engine was not started.")
        asked = self._client.build_request("POST", path, **request)
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._client.send(asked, stream=True)
        except TimeoutError:
            raise self.broken("did not answer in time", retryable=False) from None
        except httpx.ConnectTimeout:
            raise self.broken("could not be reached in time", retryable=True) from None
        except httpx.HTTPError:
            raise self.broken("could not be reached", retryable=True) from None
        try:
            if response.status_code != 200:
                content = await self.content(response, _MAX_ERROR, deadline)
                raise refused(self._who, response.status_code, response.headers, content, self._secrets)
            yield response
        finally:
            await response.aclose()

    async def content(self, response: httpx.Response, most: int, deadline: float) -> bytes:
        """A body that is not streamed, as far as it is read. Raises Trouble."""
        content = bytearray()
        try:
            async with asyncio.timeout_at(deadline):
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > most:
                        break
        except (TimeoutError, httpx.HTTPError):
            if response.status_code == 200:
                raise self.broken("broke off its answer", retryable=True) from None
        return bytes(content[:most])

    def broken(self, what: str, *, retryable: bool) -> Trouble:
        """A connection or an answer that is not what it should be."""
        return broken(self._who, what, retryable=retryable)

    def reported(self, error: Any) -> Trouble:
        """An error in the middle of an answer."""
        return reported(self._who, error, self._secrets)

    async def _probe(self, client: httpx.AsyncClient) -> None:
        """Look whether the endpoint is there, and warm the connection up."""
        host = self._options.host
        try:
            response = await client.get("models", timeout=_PROBE_TIMEOUT_S)
        except httpx.HTTPError as error:
            logger.warning(
                "The %s endpoint at %s cannot be reached (%s); %s fail until it can.",
                self._who,
                host,
                type(error).__name__,
                self._without,
            )
            return
        if response.status_code in (401, 403):
            logger.warning("The %s endpoint at %s does not accept the key.", self._who, host)


def key_of(options: EndpointOptions) -> str:
    """The key that the endpoint is asked with; empty for none."""
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
