"""What passed between the assistant and MCP servers, as a language model reads it: as calls of functions and
their outputs."""

from collections.abc import Callable

import msgspec
from msgspec import UnsetType

from vivavoce.protocol import (
    FunctionCall,
    FunctionCallOutput,
    Item,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpError,
)

FunctionName = Callable[[str, str], str]
"""From the label of an MCP server and the name of its tool to that of the function that stands for it."""


def tool_for_prompt(item: Item, function: FunctionName) -> tuple[Item, ...]:
    """The items that stand for one of MCP: none, one, or a call with its output."""
    match item:
        case McpCall(id=str(item_id), server_label=label, approval_request_id=str(request_id)):
            return _outcome(item, request_id)  # the call itself stands where approval was asked for
        case McpCall(id=str(item_id), server_label=label, name=name, arguments=arguments):
            return (
                FunctionCall(id=item_id, name=function(label, name), call_id=item_id, arguments=arguments),
                *_outcome(item, item_id),
            )
        case McpApprovalRequest(id=str(item_id), server_label=label, name=name, arguments=arguments):
            return (
                FunctionCall(id=item_id, name=function(label, name), call_id=item_id, arguments=arguments),
            )
        case McpApprovalResponse(id=str(item_id), approval_request_id=call_id, approve=False, reason=reason):
            because = f": {reason}" if isinstance(reason, str) and reason else "."
            refused = f"The user did not allow this call{because}"
            return (FunctionCallOutput(id=item_id, call_id=call_id, output=_failure(refused)),)
        case _:
            return ()  # lists of tools, and approvals, say nothing to a model


def _outcome(call: McpCall, call_id: str) -> tuple[Item, ...]:
    """The output of a call, if there is one yet."""
    assert isinstance(call.id, str)
    if isinstance(call.output, str):
        return (FunctionCallOutput(id=call.id, call_id=call_id, output=call.output),)
    why = complaint(call.error)
    if not why:
        return ()
    return (FunctionCallOutput(id=call.id, call_id=call_id, output=_failure(why)),)


def complaint(error: McpError | UnsetType | None) -> str:
    """Why a call failed, in words; none if it did not."""
    return error.message if error else ""


def _failure(complaint: str) -> str:
    return msgspec.json.encode({"error": complaint}).decode()
