"""One session's connection to one MCP server, kept open while the session lives."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import anyio
import httpx2
import msgspec
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import SubscriptionLost
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    EmbeddedResource,
    Implementation,
    ResourceLink,
    TextContent,
    TextResourceContents,
    Tool,
    ToolListChangedNotification,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from msgspec import UNSET

from vivavoce.protocol import (
    McpError,
    McpHttpError,
    McpListedTool,
    McpProtocolError,
    McpTool,
    McpToolExecutionError,
)
from vivavoce.server.config import McpSettings
from vivavoce.server.mcp.errors import ToolError
from vivavoce.server.mcp.guard import EXCHANGE, Exchange, Guard
from vivavoce.server.mcp.reach import Reach
from vivavoce.version import __version__

logger = logging.getLogger(__name__)

MAX_MESSAGE_CHARACTERS = 500
"""Of what a server says about an error."""
MAX_PAGES = 100
"""Of one list of tools."""
INTERNAL_ERROR = -32603
LOST_SESSION = 404
"""How a server says that it does not know the session of a connection any more."""


T = TypeVar("T")

BROKEN = (MCPError, ValueError, RuntimeError, OSError, anyio.ClosedResourceError, anyio.BrokenResourceError)
"""What the `mcp` package raises where a server or the way to it is at fault."""


for _name in ("mcp.client", "httpx2"):
    # What happens is told by our own words: theirs hold whole URLs, which may be secrets, and session ids.
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class Link:
    """A connection to the server of this definition, opened when it is first needed and again when it was
    lost. `changed` is called when the server says that its tools are others now."""

    def __init__(
        self, server: McpTool, settings: McpSettings, reach: Reach, changed: Callable[[], None]
    ) -> None:
        self._server = server
        self._settings = settings
        self._reach = reach
        self._changed = changed
        self._calls = asyncio.Semaphore(settings.max_calls)
        self._opening = asyncio.Lock()
        self._line: _Line | None = None

    async def tools(self) -> list[McpListedTool]:
        """All tools of the server. Raises ToolError."""
        return await self._ask(self._list, self._settings.list_timeout_s)

    async def call(self, name: str, arguments: str) -> str:
        """Call a tool with these arguments, JSON text; returns what it says. Raises ToolError."""
        given = _arguments(arguments)

        async def call(client: Client) -> str:
            return _output(await client.call_tool(name, given))

        async with self._calls:
            return await self._ask(call, self._settings.call_timeout_s)

    async def aclose(self) -> None:
        """Tell the server that it is over, and free everything."""
        line, self._line = self._line, None
        if line is not None:
            await line.aclose()

    async def _list(self, client: Client) -> list[McpListedTool]:
        found: list[McpListedTool] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await client.list_tools(cursor=cursor)
            found += map(_listed, page.tools)
            cursor = page.next_cursor
            if cursor is None or len(found) >= self._settings.max_tools:
                break
        if len(found) > self._settings.max_tools:
            logger.warning(
                "an MCP server offers %d tools; the first %d are taken", len(found), self._settings.max_tools
            )
        return found[: self._settings.max_tools]

    async def _ask(self, question: Callable[[Client], Awaitable[T]], timeout_s: float) -> T:
        """Ask, over a connection that is there or is made; once more if the server has forgotten it."""
        for last in (False, True):
            exchange = Exchange()
            token = EXCHANGE.set(exchange)
            try:
                async with asyncio.timeout(timeout_s):
                    line = await self._open()
                    return await question(line.client)
            except TimeoutError:
                message = f"The MCP server did not answer within {timeout_s:g} seconds."
                raise ToolError(McpHttpError(code=504, message=message)) from None
            except BROKEN as error:
                if last or exchange.status != LOST_SESSION:
                    raise ToolError(self._failure(error, exchange)) from None
                await self.aclose()
            finally:
                EXCHANGE.reset(token)
        raise AssertionError("not reached")

    async def _open(self) -> "_Line":
        async with self._opening:
            if self._line is not None and self._line.is_lost:
                await self.aclose()
            if self._line is None:
                line = _Line(self._server, self._settings, self._reach, self._changed)
                try:
                    await line.open()
                except BaseException:
                    await line.aclose()
                    raise
                self._line = line
            return self._line

    def _failure(self, error: Exception, exchange: Exchange) -> McpError:
        """What went wrong, in the protocol's three kinds, and never with a secret in it."""
        if exchange.failure is not None:
            return exchange.failure
        if isinstance(error, MCPError):
            return McpProtocolError(code=error.code, message=self._without_secrets(error.message))
        if isinstance(error, ValueError | RuntimeError):
            # What is raised for answers that break the protocol or the tool's own schema.
            message = "The MCP server's answer is not what its protocol or the tool's schema says."
            return McpProtocolError(code=INTERNAL_ERROR, message=message)
        logger.warning("a connection to an MCP server broke: %s", type(error).__name__)
        return McpHttpError(code=502, message="The connection to the MCP server broke.")

    def _without_secrets(self, message: str) -> str:
        headers = self._server.headers if isinstance(self._server.headers, dict) else {}
        token = self._server.authorization
        for secret in (*headers.values(), *([token] if isinstance(token, str) else [])):
            if secret:
                message = message.replace(secret, "…")
        return message[:MAX_MESSAGE_CHARACTERS]


class _Line:
    """One connection. The `mcp` package wants to be opened and closed in the same task, so it has one."""

    def __init__(
        self, server: McpTool, settings: McpSettings, reach: Reach, changed: Callable[[], None]
    ) -> None:
        self._server = server
        self._settings = settings
        self._reach = reach
        self._changed = changed
        self._ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    @property
    def client(self) -> Client:
        return self._ready.result()

    @property
    def is_lost(self) -> bool:
        return self._task is not None and self._task.done()

    async def open(self) -> None:
        """Return when it can be used; raises what kept it from that."""
        self._task = asyncio.create_task(self._run(), name="vivavoce MCP connection")
        waiting: list[asyncio.Future[Any]] = [self._task, self._ready]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.done() and (error := self._task.exception()) is not None:
            raise _inner(error)

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled() and (error := self._task.exception()) is not None:
                logger.debug("a connection to an MCP server ended: %s", type(_inner(error)).__name__)

    async def _run(self) -> None:
        server = self._server
        assert isinstance(server.server_url, str)
        guard = Guard(self._reach, self._settings.max_bytes)
        async with httpx2.AsyncClient(transport=guard, headers=_headers(server), trust_env=False) as http:
            wire = streamable_http_client(
                server.server_url, http_client=http, max_sse_event_size=self._settings.max_bytes
            )
            client = Client(
                wire,
                cache=None,
                client_info=Implementation(name="vivavoce", version=__version__),
                message_handler=self._heard,
            )
            async with client:
                self._ready.set_result(client)
                await self._watch(client)

    async def _heard(self, message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._changed()

    async def _watch(self, client: Client) -> None:
        """Until the connection is closed, hear whether the server's tools change. Older servers say so by
        themselves, newer ones are asked to."""
        tools = client.server_capabilities.tools
        if client.protocol_version in MODERN_PROTOCOL_VERSIONS and tools is not None and tools.list_changed:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    async for _ in changes:
                        pass  # `_heard` is told of each
            except (MCPError, SubscriptionLost):
                logger.info("an MCP server does not say any more whether its tools change")
        await asyncio.Event().wait()


def _inner(error: BaseException) -> BaseException:
    """The first of the errors that task groups have wrapped up."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _headers(server: McpTool) -> dict[str, str]:
    headers = dict(server.headers) if isinstance(server.headers, dict) else {}
    if isinstance(server.authorization, str):
        headers["Authorization"] = f"Bearer {server.authorization}"
    # Nothing is unpacked here: what comes in is what was counted.
    return {**headers, "Accept-Encoding": "identity"}


def _listed(tool: Tool) -> McpListedTool:
    annotations = tool.annotations.model_dump(by_alias=True, exclude_none=True) if tool.annotations else UNSET
    return McpListedTool(
        name=tool.name,
        description=tool.description if tool.description is not None else UNSET,
        input_schema=tool.input_schema,
        annotations=annotations,
    )


def _arguments(text: str) -> dict[str, Any]:
    try:
        arguments = msgspec.json.decode(text) if text.strip() else {}
    except (msgspec.DecodeError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        message = "The arguments of the call are not a JSON object."
        raise ToolError(McpProtocolError(code=INVALID_PARAMS, message=message))
    return arguments


def _output(result: CallToolResult) -> str:
    """What a tool returned, as text: what a language model can read of it. Raises ToolError if it failed."""
    output = "\n".join(_texts(result.content))
    if not output and result.structured_content is not None:
        output = msgspec.json.encode(result.structured_content).decode()
    if result.is_error:
        raise ToolError(McpToolExecutionError(message=output or "The tool failed and did not say why."))
    return output


def _texts(content: Iterable[Any]) -> Iterable[str]:
    for block in content:
        match block:
            case TextContent(text=text) | EmbeddedResource(resource=TextResourceContents(text=text)):
                yield text
            case ResourceLink(uri=uri):
                yield str(uri)
            case _:
                yield f"[{block.type}]"  # sound and pictures, which have no place in a call's output
