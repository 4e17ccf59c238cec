"""What debug mode sees of MCP: from a conversation that is right, one event is taken away, doubled, moved or
changed."""

from typing import Any

import msgspec
import pytest

from tests.session.driver import Driver
from tests.session.test_invariants import broken, replace, watch, with_item
from vivavoce.protocol import (
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    McpListedTool,
    McpToolExecutionError,
    ResponseEnd,
    ResponseFunctionCallArgumentsDelta,
    ServerEvent,
)
from vivavoce.session import CallTool, Send

SERVERS = [
    {"type": "mcp", "server_label": "free", "server_url": "https://a.example", "require_approval": "never"},
    {"type": "mcp", "server_label": "held", "server_url": "https://b.example"},
]


def conversation() -> list[ServerEvent]:
    """Two lists of tools, two calls at once, one of which fails, and a request for approval."""
    driver = Driver()
    driver.update(tools=SERVERS)
    for item_id, name in zip(driver.session._core.conversation, ("look", "buy"), strict=True):
        driver.list_tools(item_id.id, McpListedTool(name=name, input_schema={}))
    answer = driver.respond()
    look = FunctionCallStart("look"), FunctionCallDelta("{"), FunctionCallDelta("}"), FunctionCallEnd()
    driver.produce(answer, *look, *look, ResponseEnd())
    first, second = driver.did(CallTool)
    driver.call_tool(first.item_id, "Found.")
    driver.fail_call(second.item_id, McpToolExecutionError(message="Lost"))
    buy = FunctionCallStart("buy"), FunctionCallDelta("{}"), FunctionCallEnd()
    driver.produce(driver.request.response_id, *buy, ResponseEnd())
    return [effect.event for effect in driver.log if isinstance(effect, Send)]


EVENTS = conversation()
KINDS = [sent.type for sent in EVENTS]


def nth(kind: str, count: int = 0) -> int:
    return [index for index, found in enumerate(KINDS) if found == kind][count]


def test_what_is_right_passes() -> None:
    watch(EVENTS)


@pytest.mark.parametrize(
    ("kind", "count", "invariant"),
    [
        ("conversation.item.added", 0, 3),
        ("mcp_list_tools.in_progress", 0, 3),
        ("mcp_list_tools.completed", 0, 3),
        ("response.output_item.added", 0, 3),
        ("response.mcp_call_arguments.delta", 0, 4),
        ("response.mcp_call_arguments.done", 0, 3),
        ("response.output_item.done", 0, 3),
        ("response.mcp_call.in_progress", 0, 3),
        ("response.mcp_call.completed", 0, 4),
        ("conversation.item.done", -1, 3),
        ("conversation.item.added", -1, 3),
    ],
)
def test_an_event_that_is_missing(kind: str, count: int, invariant: int) -> None:
    index = nth(kind, count)
    assert broken([*EVENTS[:index], *EVENTS[index + 1 :]]) == invariant


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("mcp_list_tools.in_progress", 0),
        ("mcp_list_tools.completed", 0),
        ("response.mcp_call_arguments.done", 0),
        ("response.output_item.done", 0),
        ("response.mcp_call.in_progress", 0),
        ("response.mcp_call.completed", 0),
        ("response.mcp_call.failed", 0),
    ],
)
def test_an_event_that_comes_twice(kind: str, count: int) -> None:
    index = nth(kind, count)
    assert broken([*EVENTS[: index + 1], *EVENTS[index:]]) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("mcp_list_tools.in_progress", "mcp_list_tools.completed"),
        ("mcp_list_tools.completed", "conversation.item.done"),
        ("response.done", "response.mcp_call.in_progress"),
        ("response.mcp_call.in_progress", "response.mcp_call.completed"),
        ("response.mcp_call_arguments.done", "response.output_item.done"),
    ],
)
def test_two_events_that_change_places(first: str, second: str) -> None:
    one = nth(first)
    two = next(index for index in range(one, len(EVENTS)) if KINDS[index] == second)
    events = list(EVENTS)
    events[one], events[two] = events[two], events[one]
    assert broken(events) == 3


@pytest.mark.parametrize(
    ("kind", "count", "change", "invariant"),
    [
        ("mcp_list_tools.in_progress", 0, replace(item_id="other"), 3),
        ("mcp_list_tools.completed", 0, replace(item_id="other"), 3),
        ("response.mcp_call_arguments.done", 0, replace(arguments="[]"), 4),
        ("response.output_item.done", 0, with_item(arguments="[]"), 4),
        ("response.mcp_call.in_progress", 1, replace(output_index=0), 3),
        ("response.mcp_call.completed", 0, replace(output_index=1), 3),
        ("response.mcp_call.failed", 0, replace(item_id="other"), 3),
        ("conversation.item.done", 2, with_item(arguments="[]"), 4),
        ("conversation.item.done", 2, with_item(output=None), 3),
        ("conversation.item.done", 2, with_item(error=McpToolExecutionError(message="x")), 3),
    ],
)
def test_an_event_that_says_something_else(kind: str, count: int, change: Any, invariant: int) -> None:
    index = nth(kind, count)
    assert broken([*EVENTS[:index], change(EVENTS[index]), *EVENTS[index + 1 :]]) == invariant


def test_a_call_that_was_not_made_has_no_output() -> None:
    index = nth("response.mcp_call.in_progress")
    done: Any = EVENTS[nth("conversation.item.done", 2)]
    assert msgspec.structs.asdict(done.item)["output"] == "Found."
    assert broken([*EVENTS[:index], done]) == 3


def test_arguments_of_the_wrong_kind() -> None:
    index = nth("response.mcp_call_arguments.delta")
    sent: Any = EVENTS[index]
    other = ResponseFunctionCallArgumentsDelta(
        event_id="x",
        response_id=sent.response_id,
        item_id=sent.item_id,
        output_index=0,
        call_id="c",
        delta=sent.delta,
    )
    assert broken([*EVENTS[:index], other]) == 3
