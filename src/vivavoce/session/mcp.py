"""The MCP servers of a session: how their definitions are found, and what is known of their tools (section
3.9 of the reference).

A definition lives as long as the session: a later entry of `tools` may name no more than its label. Secrets
(`authorization`, `headers`) stand in definitions alone, never in the session's configuration, which clients
are shown.
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Any

import msgspec
from msgspec import UNSET

from vivavoce.protocol import (
    ConversationItemAdded,
    ConversationItemDone,
    Error,
    InvalidEvent,
    McpListedTool,
    McpListTools,
    McpListToolsCompleted,
    McpListToolsFailed,
    McpListToolsInProgress,
    McpTool,
    RealtimeSession,
    Tool,
    ToolChoice,
    errors,
)
from vivavoce.session import limits
from vivavoce.session.conversation import StoredItem
from vivavoce.session.core import Core
from vivavoce.session.effects import AbandonTool, ListTools
from vivavoce.session.machine import Machine
from vivavoce.session.offer import Offer, is_allowed, offer

MAX_HEADERS = 64
MAX_HEADER_CHARACTERS = 16_384
"""Of all names and values together."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_OWN_HEADERS = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "content-type", "accept"}
)
"""Those that belong to the transport."""
_WHERE = ("server_url", "authorization", "headers")
"""What of a definition says where the server is and how it is entered: with another it is another server."""


class ListingState(Enum):
    DEFINED = auto()
    """Nobody has asked for its tools."""
    LISTING = auto()
    LISTED = auto()
    STALE = auto()
    """It says that its tools have changed; those known are offered until the next response asks again."""
    FAILED = auto()


class ListingEvent(Enum):
    ASKED = auto()
    LISTED = auto()
    FAILED = auto()
    CHANGED = auto()
    REDEFINED = auto()


LISTING_TABLE = {
    **{(state, ListingEvent.REDEFINED): ListingState.DEFINED for state in ListingState},
    **{(state, ListingEvent.CHANGED): state for state in ListingState},
    (ListingState.LISTED, ListingEvent.CHANGED): ListingState.STALE,
    (ListingState.DEFINED, ListingEvent.ASKED): ListingState.LISTING,
    (ListingState.STALE, ListingEvent.ASKED): ListingState.LISTING,
    (ListingState.FAILED, ListingEvent.ASKED): ListingState.LISTING,
    (ListingState.LISTING, ListingEvent.LISTED): ListingState.LISTED,
    (ListingState.LISTING, ListingEvent.FAILED): ListingState.FAILED,
}


class _Server:
    """One server: its definition, with secrets, and the tools that it offers."""

    __slots__ = ("definition", "listing", "machine", "tools")

    def __init__(self, definition: McpTool) -> None:
        self.definition = definition
        self.machine: Machine[ListingState, ListingEvent] = Machine(ListingState.DEFINED, LISTING_TABLE)
        self.tools: tuple[McpListedTool, ...] = ()
        self.listing: StoredItem | None = None
        """The item of the listing in progress."""


class Servers:
    """All MCP servers that the session has heard of, by label."""

    __slots__ = ("_core", "_servers")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._servers: dict[str, _Server] = {}

    # Definitions

    def resolve(self, tools: Iterable[Tool], path: str) -> tuple[McpTool, ...]:
        """The full definitions of the MCP servers among these tools, with what was defined earlier filled in.

        `path` is where the tools stand in the event, for errors. Changes nothing; raises InvalidEvent for a
        server that this session cannot use.
        """
        definitions = tuple(
            self._resolved(tool, f"{path}[{index}]")
            for index, tool in enumerate(tools)
            if isinstance(tool, McpTool)
        )
        new = [each for each in definitions if each.server_label not in self._servers]
        if len(self._servers) + len(new) > self._core.options.max_servers:
            raise InvalidEvent(limits.too_many_servers(self._core.options.max_servers, path))
        asked = len([each for each in definitions if self._is_elsewhere(each)])
        if len(self._core.conversation) + asked > self._core.options.max_items:
            raise InvalidEvent(limits.too_many_items(self._core.options.max_items))
        return definitions

    def take(self, session: RealtimeSession) -> RealtimeSession:
        """Define the servers of a session's configuration; returns it as it is shown, without their secrets.
        Raises InvalidEvent, and changes nothing, if one of them cannot be used."""
        definitions = self.resolve(session.tools, "session.tools")
        self.define(definitions, for_session=True)
        return msgspec.structs.replace(session, tools=shown(session.tools, definitions))

    def take_first(self) -> Error | None:
        """Take the servers that the session's configuration begins with. If one of them cannot be used none
        is, and the error says why."""
        session = self._core.config
        if not isinstance(session, RealtimeSession):
            return None
        try:
            self._core.config = self.take(session)
        except InvalidEvent as invalid:
            tools = tuple(tool for tool in session.tools if not isinstance(tool, McpTool))
            self._core.config = msgspec.structs.replace(session, tools=tools)
            return invalid.error
        return None

    def define(self, definitions: Iterable[McpTool], *, for_session: bool) -> None:
        """Take these definitions. What a single response says (not `for_session`) counts for later ones only
        where it brings a server that the session did not know."""
        for definition in definitions:
            server = self._servers.get(definition.server_label)
            if server is None:
                self._servers[definition.server_label] = _Server(definition)
            elif self._is_elsewhere(definition):
                self._close(server)
                server.machine.fire(ListingEvent.REDEFINED)
                server.tools, server.definition = (), definition
            elif for_session:
                server.definition = definition

    def definition(self, server_label: str) -> McpTool:
        """With its secrets. KeyError for a label that was never defined."""
        return self._servers[server_label].definition

    def _resolved(self, tool: McpTool, path: str) -> McpTool:
        for place in ("connector_id", "tunnel_id"):
            if getattr(tool, place) is not UNSET:
                raise InvalidEvent(limits.no_such_account(f"{path}.{place}"))
        if isinstance(tool.allowed_callers, tuple) and "direct" not in tool.allowed_callers:
            raise InvalidEvent(errors.unsupported_option(f"{path}.allowed_callers"))
        known = self._servers.get(tool.server_label)
        given = {name: value for name, value in _fields(tool) if value is not UNSET}
        if tool.server_url is UNSET:
            if known is None:
                raise InvalidEvent(errors.undefined_server(path))
            tool = msgspec.structs.replace(_entered(known.definition, tool), **given)
        elif known is not None and known.definition.server_url == tool.server_url:
            tool = _entered(tool, known.definition) if _names_no_secret(tool) else tool
        assert isinstance(tool.server_url, str)
        complaint = self._core.options.check_server(tool.server_url)
        if complaint is not None:
            raise InvalidEvent(limits.server_refused(f"{path}.server_url", complaint))
        _check_headers(tool, path)
        return tool

    def _is_elsewhere(self, definition: McpTool) -> bool:
        """Whether no server is known under this label, or another one."""
        known = self._servers.get(definition.server_label)
        return known is None or any(
            getattr(known.definition, name) != getattr(definition, name) for name in _WHERE
        )

    # Their tools

    def refresh(self, tools: Iterable[Tool] | None = None, *, again: bool) -> None:
        """Ask the servers among these tools (None: the session's) for theirs, unless they are known; those
        that failed are asked `again` only on demand."""
        if tools is None:
            tools = self._core.config.tools if isinstance(self._core.config, RealtimeSession) else ()
        for tool in tools:
            if isinstance(tool, McpTool) and (server := self._servers.get(tool.server_label)) is not None:
                state = server.machine.state
                due = state in (ListingState.DEFINED, ListingState.STALE)
                if due or (again and state is ListingState.FAILED):
                    self._list(server)

    def listed(self, item_id: str, tools: Iterable[McpListedTool]) -> None:
        """What a server answered to a `ListTools`; ignored if nobody waits for it any more."""
        server = self._listing(item_id)
        if server is not None:
            server.machine.fire(ListingEvent.LISTED)
            server.tools = tuple(tools)
            allowed = tuple(tool for tool in server.tools if is_allowed(server.definition, tool))
            self._finish(server, McpListToolsCompleted, allowed)

    def failed(self, item_id: str) -> None:
        """A server did not tell its tools: it has none."""
        server = self._listing(item_id)
        if server is not None:
            server.machine.fire(ListingEvent.FAILED)
            server.tools = ()
            self._finish(server, McpListToolsFailed, ())

    def changed(self, server_label: str) -> None:
        """A server says that its tools are others now."""
        server = self._servers.get(server_label)
        if server is not None:
            server.machine.fire(ListingEvent.CHANGED)

    def offer(self, tools: Iterable[Tool], choice: ToolChoice) -> Offer:
        """What a response with these tools may call now: servers that are still being asked are left out."""
        loaded: Mapping[str, tuple[McpListedTool, ...]] = {
            label: server.tools for label, server in self._servers.items()
        }
        return offer(tools, choice, loaded)

    def end(self) -> None:
        """The session is over: nobody waits any more."""
        for server in self._servers.values():
            self._close(server)

    def is_listing(self, item_id: str) -> bool:
        """Whether the listing with this id is in progress."""
        return self._listing(item_id) is not None

    def _list(self, server: _Server) -> None:
        core = self._core
        if len(core.conversation) >= core.options.max_items or core.conversation_is_full():
            return
        server.machine.fire(ListingEvent.ASKED)
        label = server.definition.server_label
        server.listing = stored = StoredItem(McpListTools(id=core.mint("item"), server_label=label, tools=()))
        previous = core.conversation.add(stored)
        core.emit(ConversationItemAdded, previous_item_id=previous, item=stored.item)
        core.emit(McpListToolsInProgress, item_id=stored.id)
        core.do(ListTools(stored.id, server.definition))

    def _close(self, server: _Server) -> None:
        """Give up a listing in progress, in all its events."""
        if server.listing is not None:
            self._core.do(AbandonTool(server.listing.id))
            server.machine.fire(ListingEvent.FAILED)
            self._finish(server, McpListToolsFailed, ())

    def _finish(self, server: _Server, event: Any, tools: tuple[McpListedTool, ...]) -> None:
        stored, server.listing = server.listing, None
        assert stored is not None
        item = McpListTools(id=stored.id, server_label=server.definition.server_label, tools=tools)
        self._core.conversation.replace(stored, item)
        self._core.emit(event, item_id=stored.id)
        previous = self._core.conversation.previous_id(stored)
        self._core.emit(ConversationItemDone, previous_item_id=previous, item=item)

    def _listing(self, item_id: str) -> _Server | None:
        for server in self._servers.values():
            if server.listing is not None and server.listing.id == item_id:
                return server
        return None


def shown(tools: Iterable[Tool], definitions: Iterable[McpTool]) -> tuple[Tool, ...]:
    """The tools as the session shows them: MCP servers as they are defined, but for their secrets."""
    by_label = {each.server_label: each for each in definitions}
    return tuple(
        msgspec.structs.replace(by_label[tool.server_label], authorization=UNSET, headers=UNSET)
        if isinstance(tool, McpTool)
        else tool
        for tool in tools
    )


def _fields(tool: McpTool) -> list[tuple[str, Any]]:
    return [(name, getattr(tool, name)) for name in tool.__struct_fields__]


def _names_no_secret(tool: McpTool) -> bool:
    return tool.authorization is UNSET and tool.headers is UNSET


def _entered(tool: McpTool, secrets: McpTool) -> McpTool:
    """The same server, entered with what `secrets` holds; with its own where that names none."""
    if _names_no_secret(secrets):
        return tool
    return msgspec.structs.replace(tool, authorization=secrets.authorization, headers=secrets.headers)


def _check_headers(tool: McpTool, path: str) -> None:
    headers = tool.headers or {}
    assert isinstance(headers, dict)
    characters = sum(len(name) + len(value) for name, value in headers.items())
    if len(headers) > MAX_HEADERS or characters > MAX_HEADER_CHARACTERS:
        raise InvalidEvent(limits.headers_too_large(f"{path}.headers", MAX_HEADERS, MAX_HEADER_CHARACTERS))
    for name, value in headers.items():
        if (
            not _HEADER_NAME.fullmatch(name)
            or name.lower() in _OWN_HEADERS
            or not _HEADER_VALUE.fullmatch(value)
        ):
            raise InvalidEvent(limits.bad_header(f"{path}.headers"))
    if isinstance(tool.authorization, str) and not _HEADER_VALUE.fullmatch(tool.authorization):
        raise InvalidEvent(limits.bad_header(f"{path}.authorization"))
