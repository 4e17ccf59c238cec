"""Tools of MCP servers on behalf of a session: a connection to each server, and what is asked over it."""

import asyncio
import importlib
import logging
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vivavoce.protocol import McpHttpError, McpTool
from vivavoce.server.config import McpSettings
from vivavoce.server.mcp.errors import ToolError
from vivavoce.server.mcp.reach import Reach
from vivavoce.server.runner.live import FAULT, LiveSession

if TYPE_CHECKING:
    from vivavoce.server.mcp.link import Link

logger = logging.getLogger(__name__)


class Tools:
    """The servers of one session, by label, and the listings and calls in progress, by item."""

    __slots__ = (
        "_links",
        "_live",
        "_reach",
        "_running",
        "_settings",
    )

    def __init__(self, live: LiveSession, settings: McpSettings, reach: Reach) -> None:
        self._live = live
        self._settings = settings
        self._reach = reach
        self._links: dict[str, tuple[McpTool, Link]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def list(self, item_id: str, server: McpTool) -> None:
        """Ask a server for its tools."""
        self._begin(item_id, self._list(item_id, server))

    def call(self, item_id: str, server: McpTool, name: str, arguments: str) -> None:
        """Call a tool."""
        self._begin(item_id, self._call(item_id, server, name, arguments))

    def abandon(self, item_id: str) -> None:
        """Nobody wants to know any more."""
        task = self._running.pop(item_id, None)
        if task is not None:
            task.cancel()

    async def aclose(self) -> None:
        """Close every connection, side by side. Nothing is being asked any more."""
        links, self._links = [link for _, link in self._links.values()], {}
        await asyncio.gather(*(link.aclose() for link in links))

    def _begin(self, item_id: str, work: Coroutine[Any, Any, None]) -> None:
        task = self._live.spawn(work, f"vivavoce tool {item_id}")
        self._running[item_id] = task
        task.add_done_callback(lambda _: self._running.pop(item_id, None))

    async def _list(self, item_id: str, server: McpTool) -> None:
        live = self._live
        try:
            link = await self._link(server)
            tools = await link.tools()
        except ToolError as error:
            host = urlsplit(str(server.server_url)).hostname
            logger.warning("the MCP server at %s did not tell its tools: %s", host, error)
            live.conversation.tools_failed(item_id, live.now())
        except Exception:  # a fault of one server must not end the session
            logger.exception("the tools of an MCP server could not be listed")
            live.conversation.tools_failed(item_id, live.now())
        else:
            live.conversation.tools_listed(item_id, tools, live.now())
        live.carry_out()

    async def _call(self, item_id: str, server: McpTool, name: str, arguments: str) -> None:
        live = self._live
        try:
            link = await self._link(server)
            output = await link.call(name, arguments)
        except ToolError as failure:
            live.conversation.tool_failed(item_id, failure.error, live.now())
        except Exception:  # a fault of one server must not end the session
            logger.exception("a tool of an MCP server could not be called")
            live.conversation.tool_failed(item_id, McpHttpError(code=500, message=FAULT.message), live.now())
        else:
            live.conversation.tool_called(item_id, output, live.now())
        live.carry_out()

    async def _link(self, server: McpTool) -> "Link":
        """The connection to a server; another one if it is entered in another way now."""
        module = await asyncio.to_thread(importlib.import_module, "vivavoce.server.mcp.link")
        label = server.server_label
        known = self._links.get(label)
        if known is not None:
            if _same(known[0], server):
                return known[1]
            self._live.clear_away(known[1].aclose(), "vivavoce MCP farewell")
        link: Link = module.Link(server, self._settings, self._reach, partial(self._changed, label))
        self._links[label] = server, link
        return link

    def _changed(self, label: str) -> None:
        self._live.conversation.tools_changed(label, self._live.now())
        self._live.carry_out()


def _same(one: McpTool, other: McpTool) -> bool:
    return (one.server_url, one.authorization, one.headers) == (
        other.server_url,
        other.authorization,
        other.headers,
    )
