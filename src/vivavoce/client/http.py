"""Sending requests with httpx, which is imported at the first one."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from vivavoce.client.account import Account
from vivavoce.client.errors import (
    ConfigurationError,
    ConnectionLost,
    ConnectionRefused,
    InvalidAnswer,
    RequestTimeout,
)
from vivavoce.client.failures import MAX_BODY, first_line, unreachable
from vivavoce.client.rest import MAX_ANSWER, AskKey, Pause, Post, Reply, Request, Step, exchange
from vivavoce.protocol import VivavoceError

if TYPE_CHECKING:
    import httpx

Answer = TypeVar("Answer")
Pool = TypeVar("Pool")

TIMEOUT_S = 60.0
"""For one attempt, where neither the client nor the request says otherwise."""

CONNECT_TIMEOUT_S = 10.0
"""Of which no more is spent on connecting."""

MAX_RETRIES = 2


class _HTTP(Generic[Pool]):
    """What both ways to send have in common.

    - given: the program's own httpx client, which the program closes.
    - timeout: seconds for one attempt; None for TIMEOUT_S, or for what the program's own client says.
    """

    def __init__(
        self, account: Account, given: Pool | None, *, timeout: float | None, max_retries: int | None
    ) -> None:
        self._account = account
        self._given = given
        self._own: Pool | None = None
        self._timeout = TIMEOUT_S if timeout is None and given is None else timeout
        self._max_retries = MAX_RETRIES if max_retries is None else max_retries

    def _exchange(self, request: Request[Answer]) -> Any:
        return exchange(self._account, request, timeout=self._timeout, max_retries=self._max_retries)


class SyncHTTP(_HTTP["httpx.Client"]):
    """Sends requests and waits for their answers. Any number of threads may use it."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._making = threading.Lock()

    def send(self, request: Request[Answer]) -> Answer:
        """The answer to a request. Raises what `exchange` does."""
        course = self._exchange(request)
        try:
            step: Step = next(course)
            while True:
                try:
                    result = self._take(step)
                except VivavoceError as error:
                    step = course.throw(error)
                else:
                    step = course.send(result)
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    def close(self) -> None:
        """Close the connections that are kept for further requests."""
        own, self._own = self._own, None
        if own is not None:
            own.close()

    def __del__(self) -> None:
        self.close()

    def _take(self, step: Step) -> object:
        match step:
            case AskKey():
                return self._account.fetch_key_now()
            case Pause(seconds):
                time.sleep(seconds)
                return None
        return self._post(step)

    def _post(self, post: Post) -> Reply:
        import httpx

        with self._making:
            pool = self._given or self._own
            if pool is None:
                pool = self._own = _made(httpx.Client)
        _refuse_unless(pool, httpx.Client)
        try:
            request = _built(pool, post)
            deadline = time.monotonic() + (math.inf if post.timeout is None else post.timeout)
            response = pool.send(request, stream=True, follow_redirects=False)
            try:
                collector = _Collector(response, deadline)
                for piece in response.iter_bytes():
                    if not collector.takes(piece):
                        break
                return collector.reply()
            except httpx.DecodingError as error:
                raise _undecodable(response) from error
            finally:
                response.close()
        except VivavoceError:
            raise
        except _failures() as error:
            raise _explained(error, post.url) from error


class AsyncHTTP(_HTTP["httpx.AsyncClient"]):
    """The same without blocking the event loop."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(self, request: Request[Answer]) -> Answer:
        """The answer to a request. Raises what `exchange` does."""
        course = self._exchange(request)
        try:
            step: Step = next(course)
            while True:
                try:
                    result = await self._take(step)
                except VivavoceError as error:
                    step = course.throw(error)
                else:
                    step = course.send(result)
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    async def close(self) -> None:
        """Close the connections that are kept for further requests."""
        own, self._own = self._own, None
        if own is not None and self._loop is asyncio.get_running_loop():
            await own.aclose()

    async def _take(self, step: Step) -> object:
        match step:
            case AskKey():
                return await self._account.fetch_key()
            case Pause(seconds):
                await asyncio.sleep(seconds)
                return None
        return await self._post(step)

    async def _post(self, post: Post) -> Reply:
        import httpx

        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # connections live and die with their event loop
            self._loop, self._own = loop, None
        pool = self._given or self._own
        if pool is None:
            pool = self._own = _made(httpx.AsyncClient)
        _refuse_unless(pool, httpx.AsyncClient)
        try:
            request = _built(pool, post)
            deadline = time.monotonic() + (math.inf if post.timeout is None else post.timeout)
            response = await pool.send(request, stream=True, follow_redirects=False)
            try:
                collector = _Collector(response, deadline)
                async for piece in response.aiter_bytes():
                    if not collector.takes(piece):
                        break
                return collector.reply()
            except httpx.DecodingError as error:
                raise _undecodable(response) from error
            finally:
                await response.aclose()
        except VivavoceError:
            raise
        except _failures() as error:
            raise _explained(error, post.url) from error


def _made(kind: type[Pool]) -> Pool:
    try:
        return kind()
    except (ImportError, ValueError, TypeError, OSError) as error:
        # What httpx finds in the environment: proxies and certificates.
        raise ConfigurationError(
            f"The environment cannot be used for HTTP ({first_line(error)}): check the proxy and certificate "
            "variables, or pass http_client."
        ) from error


def _refuse_unless(pool: object, kind: type[object]) -> None:
    if not isinstance(pool, kind):
        raise ConfigurationError(
            f"http_client is of the type {type(pool).__name__}: pass an httpx.{kind.__name__}."
        )


def _built(pool: httpx.Client | httpx.AsyncClient, post: Post) -> httpx.Request:
    import httpx

    # A compressed answer could be larger than it looks.
    headers = {"Accept-Encoding": "identity", **post.headers}
    if post.timeout is None:
        return pool.build_request("POST", post.url, headers=headers, content=post.content)
    seconds = None if post.timeout == math.inf else post.timeout
    timeout = httpx.Timeout(seconds, connect=min(post.timeout, CONNECT_TIMEOUT_S))
    return pool.build_request("POST", post.url, headers=headers, content=post.content, timeout=timeout)


class _Collector:
    """Gathers an answer as long as it is neither too large nor too late."""

    def __init__(self, response: httpx.Response, deadline: float) -> None:
        self._response = response
        self._deadline = deadline
        self._body = bytearray()
        self._limit = MAX_ANSWER if response.is_success else MAX_BODY
        self._whole = True

    def takes(self, piece: bytes) -> bool:
        """Take another piece; false if no more is wanted. Raises RequestTimeout."""
        if time.monotonic() > self._deadline:
            raise _too_slow(self._response.url.netloc.decode("ascii", "replace"))
        self._body += piece
        self._whole = len(self._body) <= self._limit
        return self._whole

    def reply(self) -> Reply:
        headers = {name.lower(): value for name, value in self._response.headers.items()}
        return Reply(self._response.status_code, headers, bytes(self._body[: self._limit]), self._whole)


def _undecodable(response: httpx.Response) -> InvalidAnswer:
    where = response.url.netloc.decode("ascii", "replace")
    return InvalidAnswer(
        f"The answer of {where} cannot be unpacked: see whether a proxy stands in between.",
        status=response.status_code,
        request_id=response.headers.get("x-request-id"),
    )


def _too_slow(where: str) -> RequestTimeout:
    return RequestTimeout(f"{where} did not answer the request in time: try again, or raise timeout.")


def _failures() -> tuple[type[Exception], ...]:
    import httpx

    return httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError, RuntimeError, TypeError


def _explained(error: Exception, url: str) -> VivavoceError:
    """Why there is no answer, as `httpx` tells it."""
    import httpx

    where = httpx.URL(url).netloc.decode("ascii", "replace")
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return unreachable(TimeoutError(), url)
        case httpx.TimeoutException():
            return _too_slow(where)
        case httpx.ConnectError():
            return unreachable(_root(error), url)
        case httpx.ProxyError():
            return ConnectionRefused(
                f"The proxy does not lead to {where} ({first_line(error)}): check the proxy variables."
            )
        case httpx.RemoteProtocolError() | httpx.NetworkError():
            return ConnectionLost(
                f"The connection to {where} broke before there was an answer ({first_line(error)}): "
                "check the server and what stands in between."
            )
        case _:
            return ConfigurationError(f"The request cannot be sent so: {first_line(error)}.")


def _root(error: BaseException) -> OSError | UnicodeError:
    """What the operating system said, behind what the libraries made of it."""
    found: OSError | UnicodeError = OSError(first_line(error))
    following: BaseException | None = error
    while following is not None:
        if isinstance(following, OSError | UnicodeError):
            found = following
        if isinstance(following, BaseExceptionGroup):
            following = following.exceptions[0]
        else:
            following = following.__cause__ or following.__context__
    return found
