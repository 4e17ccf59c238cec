"""What the assistant may call, and whether it must."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from vivavoce.protocol import errors
from vivavoce.protocol.base import TaggedObject, WireObject, limits
from vivavoce.protocol.strict import declare, join, refuse

MAX_TOOLS = 128
"""Most tools that a client may name at once."""

FUNCTION_NAME = r"[A-Za-z0-9_-]+"


class FunctionTool(TaggedObject, frozen=True, kw_only=True, tag="function"):
    """A function that the client runs."""

    name: Annotated[str, limits(min_length=1, max_length=64, pattern=FUNCTION_NAME)]
    """1 to 64 letters, digits, `_` and `-`."""
    description: str | UnsetType = UNSET
    """When and how to call it, and what to tell the user about it."""
    parameters: dict[str, Any] | UnsetType = UNSET
    """JSON Schema of the arguments."""


class McpToolFilter(WireObject, frozen=True, kw_only=True):
    """Selects tools of an MCP server."""

    tool_names: tuple[str, ...] | UnsetType = UNSET
    read_only: bool | UnsetType = UNSET
    """Matches tools whose server annotates them with `readOnlyHint`."""


class McpToolApproval(WireObject, frozen=True, kw_only=True):
    """Which tools of an MCP server need a person's approval, and which do not."""

    always: McpToolFilter | UnsetType = UNSET
    never: McpToolFilter | UnsetType = UNSET


ConnectorId = Literal[
    "connector_dropbox",
    "connector_gmail",
    "connector_googlecalendar",
    "connector_googledrive",
    "connector_microsoftteams",
    "connector_outlookcalendar",
    "connector_outlookemail",
    "connector_sharepoint",
]


class McpTool(TaggedObject, frozen=True, kw_only=True, tag="mcp"):
    """The tools of an MCP server, which the Realtime server calls itself.

    Exactly one of `server_url`, `connector_id` and `tunnel_id`; none where the label was defined earlier in
    the session, which brings that definition back.
    """

    server_label: str
    """Names the server in calls; unique among the tools."""
    server_url: str | UnsetType = UNSET
    connector_id: ConnectorId | UnsetType = UNSET
    tunnel_id: str | UnsetType = UNSET
    authorization: Annotated[str | UnsetType, limits(concealed=True)] = UNSET
    """OAuth access token, sent to the MCP server or connector. A secret."""
    server_description: str | UnsetType = UNSET
    headers: Annotated[dict[str, str] | UnsetType | None, limits(concealed=True)] = UNSET
    """HTTP headers sent to the MCP server. Secret like `authorization`."""
    allowed_tools: tuple[str, ...] | McpToolFilter | UnsetType | None = UNSET
    allowed_callers: (
        Annotated[tuple[Literal["direct", "programmatic"], ...], limits(min_length=1)] | UnsetType | None
    ) = UNSET
    require_approval: Literal["always", "never"] | McpToolApproval | UnsetType | None = UNSET
    """Absent is `always`."""
    defer_loading: bool | UnsetType = UNSET


Tool = FunctionTool | McpTool
"""An entry of `tools`."""

Tools = Annotated[tuple[Tool, ...], limits(max_length=MAX_TOOLS)]
"""`tools`, as clients send them."""

FunctionTools = Annotated[tuple[FunctionTool, ...], limits(max_length=MAX_TOOLS)]
"""The same in the beta dialect, which has functions only."""


class ToolChoiceFunction(TaggedObject, frozen=True, kw_only=True, tag="function"):
    """This function must be called."""

    name: str


class ToolChoiceMcp(TaggedObject, frozen=True, kw_only=True, tag="mcp"):
    """A tool of this MCP server must be called; any of them if `name` is absent or None."""

    server_label: str
    name: str | UnsetType | None = UNSET


ToolChoice = Literal["none", "auto", "required"] | ToolChoiceFunction | ToolChoiceMcp
"""Whether the assistant calls tools: never, when it sees fit, at any rate, or this one."""


# What clients must keep beside the annotations.


def labels_differ(value: dict[str, Any], path: str) -> None:
    """Whatever has `tools` has each MCP server once."""
    labels = set()
    for index, tool in enumerate(value.get("tools", ())):
        label = tool.get("server_label")
        if label in labels:
            where = f"{join(path, 'tools')}[{index}].server_label"
            refuse(errors.duplicate_server_label(where, label))
        if label is not None:
            labels.add(label)


def _mcp_tool(value: dict[str, Any], path: str) -> None:
    places = [name for name in ("server_url", "connector_id", "tunnel_id") if name in value]
    if len(places) > 1:
        refuse(errors.conflicting_parameters(path, places))
    headers = value.get("headers") or {}
    if "authorization" in value and any(name.lower() == "authorization" for name in headers):
        refuse(errors.conflicting_parameters(path, ["authorization", "headers.Authorization"]))


declare(McpTool, whole=_mcp_tool)
