"""HTTP to MCP servers: to checked addresses only, within limits, and every failure as an answer.

A fault of the network would tear down the client of the `mcp` package with all its calls; here it becomes an
HTTP answer, and an `Exchange` keeps what really happened.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextvars import ContextVar
from http import HTTPStatus

import httpx2

from vivavoce.protocol import McpError, McpHttpError, McpToolExecutionError
from vivavoce.server.mcp.reach import Reach, Refused

CONNECT_TIMEOUT_S = 10.0
FAREWELL_S = 2.0
"""How long the server may take to hear that its session is over."""
SUBSCRIPTION = "subscriptions/listen"
"""The request whose answer is a stream without end."""
MAX_ERROR_BYTES = 64 * 1024
"""Of an answer that is an error, so much is read."""


class Exchange:
    """What happened to the requests of one listing or call."""

    def __init__(self) -> None:
        self.failure: McpError | None = None
        """Why there was no answer that MCP knows."""
        self.status = 0
        """Of the last answer."""


EXCHANGE: ContextVar[Exchange | None] = ContextVar("vivavoce_mcp_exchange", default=None)
"""Tasks that the `mcp` package starts for a request inherit it."""


class Guard(httpx2.AsyncBaseTransport):
    """Carries requests to the addresses that `reach` allows.

    `max_bytes`: of one answer; what is longer is cut off. A stream that the server keeps open for messages of
    its own has no end, and is bounded message by message elsewhere. How long an answer may take is for those
    to say who wait for it.
    """

    def __init__(self, reach: Reach, max_bytes: int) -> None:
        self._reach = reach
        self._max_bytes = max_bytes
        self._inner = httpx2.AsyncHTTPTransport(limits=httpx2.Limits(max_connections=32))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        exchange = EXCHANGE.get() or Exchange()
        try:
            if request.method == "DELETE":
                async with asyncio.timeout(FAREWELL_S):
                    return await self._carry(request, exchange)
            return await self._carry(request, exchange)
        except Refused as refused:
            return _failed(exchange, HTTPStatus.BAD_GATEWAY, str(refused))
        except (httpx2.TimeoutException, TimeoutError):
            return _failed(exchange, HTTPStatus.GATEWAY_TIMEOUT, "The MCP server did not answer in time.")
        except ssl.SSLError:
            return _failed(exchange, HTTPStatus.BAD_GATEWAY, "The MCP server's certificate is not valid.")
        except (httpx2.TransportError, OSError) as error:
            return _failed(exchange, HTTPStatus.BAD_GATEWAY, _unreachable(error))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _carry(self, request: httpx2.Request, exchange: Exchange) -> httpx2.Response:
        response = await self._inner.handle_async_request(await self._pinned(request))
        if request.method != "POST" or request.headers.get("mcp-method") == SUBSCRIPTION:
            return response
        exchange.status = response.status_code
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()  # it was not asked for, and may unfold to any size
            return _failed(exchange, HTTPStatus.BAD_GATEWAY, "The MCP server compresses its answers.")
        if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            return await _refusal(response, exchange)
        exchange.failure = None  # of a request before this one, which led here
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream, self._max_bytes, exchange)
        return response

    async def _pinned(self, request: httpx2.Request) -> httpx2.Request:
        """The same request to an address that was checked, so that it goes nowhere else. Certificates are
        held against the name, which also stands in the header."""
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            address, *_ = await self._reach.addresses(url.scheme, url.host, port)
        wait = httpx2.Timeout(None, connect=CONNECT_TIMEOUT_S)
        return httpx2.Request(
            request.method,
            url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": url.host, "timeout": wait.as_dict()},
        )


class CutOff(httpx2.StreamError):
    """An answer that ended before its end; the `mcp` package treats it as one that cannot be read."""


class _Bounded(httpx2.AsyncByteStream):
    """The body of an answer, so many bytes of it at most."""

    def __init__(self, inner: httpx2.AsyncByteStream, most: int, exchange: Exchange) -> None:
        self._inner = inner
        self._most = most
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for piece in self._inner:
                size += len(piece)
                if size > self._most:
                    message = f"The answer is longer than the {self._most} bytes that are taken here."
                    self._exchange.failure = McpToolExecutionError(message=message)
                    raise CutOff(message)
                yield piece
        except httpx2.TransportError:
            message = "The MCP server broke off its answer."
            self._exchange.failure = McpHttpError(code=int(HTTPStatus.BAD_GATEWAY), message=message)
            raise CutOff(message) from None

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _refusal(response: httpx2.Response, exchange: Exchange) -> httpx2.Response:
    """An answer that is an error: one of MCP, which the `mcp` package understands, or one of HTTP."""
    body = b""
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    try:
        async for piece in response.stream:
            body += piece
            if len(body) > MAX_ERROR_BYTES:
                break
    finally:
        await response.aclose()
    if not _is_mcp_error(body):
        code = response.status_code
        phrase = HTTPStatus(code).phrase if code in HTTPStatus._value2member_map_ else "an error"
        exchange.failure = McpHttpError(code=code, message=f"The MCP server answered {code} {phrase}.")
    kept = {name: response.headers[name] for name in ("content-type", "location") if name in response.headers}
    return httpx2.Response(response.status_code, headers=kept, content=body)


def _is_mcp_error(body: bytes) -> bool:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and "jsonrpc" in answer and isinstance(answer.get("error"), dict)


def _failed(exchange: Exchange, status: HTTPStatus, message: str) -> httpx2.Response:
    exchange.failure = McpHttpError(code=int(status), message=f"{message[0].upper()}{message[1:]}")
    return httpx2.Response(status)


def _unreachable(error: Exception) -> str:
    """What can be said of a connection that failed, without the words of those who carried it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "The MCP server's certificate is not valid."
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx2.LocalProtocolError):
        return "The request to the MCP server is not one that HTTP allows: look at its headers."
    return "The MCP server could not be reached."
