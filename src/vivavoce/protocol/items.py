"""What a conversation consists of: messages, function calls and the traffic with MCP servers."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from vivavoce.protocol.base import TaggedObject, WireObject, limits
from vivavoce.protocol.content import (
    ContentPart,
    InputAudio,
    InputImage,
    InputText,
    OutputAudio,
    OutputText,
)
from vivavoce.protocol.strict import declare

MAX_ID_CHARACTERS = 512
"""Longest id that a client may give an item or a call."""

ItemId = Annotated[str, limits(max_length=MAX_ID_CHARACTERS)]
"""`item_…`, or any name that a client chose."""

ItemStatus = Literal["completed", "incomplete", "in_progress"]
"""`in_progress` while a response writes the item, `incomplete` if it was cut off. Ignored from clients."""


class Message(TaggedObject, frozen=True, kw_only=True, tag="message"):
    """Something said by the system, a user or the assistant."""

    id: ItemId | UnsetType = UNSET
    object: Literal["realtime.item"] | UnsetType = UNSET
    status: ItemStatus | UnsetType = UNSET
    role: Literal["system", "user", "assistant"]
    content: tuple[ContentPart, ...]


class FunctionCall(TaggedObject, frozen=True, kw_only=True, tag="function_call"):
    """The assistant asks for a function to be called."""

    id: ItemId | UnsetType = UNSET
    object: Literal["realtime.item"] | UnsetType = UNSET
    status: ItemStatus | UnsetType = UNSET
    name: str
    call_id: ItemId | UnsetType = UNSET
    """Pairs the call with its output. The server mints one if a client leaves it out."""
    arguments: str
    """JSON text; a beginning of it if the response was cut off."""


class FunctionCallOutput(TaggedObject, frozen=True, kw_only=True, tag="function_call_output"):
    """What the function returned."""

    id: ItemId | UnsetType = UNSET
    object: Literal["realtime.item"] | UnsetType = UNSET
    status: ItemStatus | UnsetType = UNSET
    call_id: ItemId
    output: str
    """Any text, also an empty one."""


class McpListedTool(WireObject, frozen=True, kw_only=True):
    """A tool that an MCP server offers."""

    name: str
    description: str | UnsetType | None = UNSET
    input_schema: dict[str, Any]
    """JSON Schema of its arguments."""
    annotations: dict[str, Any] | UnsetType | None = UNSET


class McpListTools(TaggedObject, frozen=True, kw_only=True, tag="mcp_list_tools"):
    """The tools of an MCP server."""

    id: ItemId | UnsetType = UNSET
    server_label: str
    tools: tuple[McpListedTool, ...]


class McpProtocolError(TaggedObject, frozen=True, kw_only=True, tag="protocol_error"):
    """The MCP server answered with an error of the protocol."""

    code: int
    message: str


class McpToolExecutionError(TaggedObject, frozen=True, kw_only=True, tag="tool_execution_error"):
    """The tool itself failed."""

    message: str


class McpHttpError(TaggedObject, frozen=True, kw_only=True, tag="http_error"):
    """The MCP server could not be reached or refused the request."""

    code: int
    """HTTP status."""
    message: str


McpError = McpProtocolError | McpToolExecutionError | McpHttpError
"""Why a tool call on an MCP server failed."""


class McpCall(TaggedObject, frozen=True, kw_only=True, tag="mcp_call"):
    """The assistant calls a tool of an MCP server."""

    id: ItemId | UnsetType = UNSET
    server_label: str
    name: str
    arguments: str
    """JSON text."""
    approval_request_id: str | UnsetType | None = UNSET
    output: str | UnsetType | None = UNSET
    error: McpError | UnsetType | None = UNSET


class McpApprovalRequest(TaggedObject, frozen=True, kw_only=True, tag="mcp_approval_request"):
    """A person is asked whether the tool may be called."""

    id: ItemId | UnsetType = UNSET
    server_label: str
    name: str
    arguments: str
    """JSON text."""


class McpApprovalResponse(TaggedObject, frozen=True, kw_only=True, tag="mcp_approval_response"):
    """The person's answer."""

    id: ItemId | UnsetType = UNSET
    approval_request_id: str
    approve: bool
    reason: str | UnsetType | None = UNSET


class ItemReference(TaggedObject, frozen=True, kw_only=True, tag="item_reference"):
    """Stands for an item of the conversation in the `input` of a response."""

    id: str


Item = (
    Message
    | FunctionCall
    | FunctionCallOutput
    | McpListTools
    | McpCall
    | McpApprovalRequest
    | McpApprovalResponse
)
"""An entry of a conversation."""

InputItem = Item | ItemReference
"""An entry of the `input` of a response."""

declare(
    Message,
    parts={
        "system": ((InputText,), ("input_text",)),
        "user": ((InputText, InputAudio, InputImage), ("input_text", "input_audio")),
        "assistant": ((OutputText, OutputAudio), ("output_text",)),
    },
)
