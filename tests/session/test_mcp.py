"""Tools of MCP servers as in section 3.9 of the reference: every event, and every key of it."""

from typing import Any

import pytest

from tests.session.driver import Driver, Event, pcm, types
from tests.session.expected import Id, event, response, usage
from vivavoce.protocol import (
    AudioDelta,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    FunctionTool,
    McpHttpError,
    McpListedTool,
    McpProtocolError,
    McpTool,
    McpToolExecutionError,
    OutputPart,
    ResponseEnd,
    ResponseFailure,
    ServerVad,
    TextDelta,
    ToolChoiceFunction,
)
from vivavoce.session import AbandonTool, CallTool, ListTools, Respond, SessionOptions

DOCS: Event = {"type": "mcp", "server_label": "docs", "server_url": "https://docs.example/mcp"}
SHOP: Event = {"type": "mcp", "server_label": "shop", "server_url": "https://shop.example/mcp"}
FREE: Event = {**DOCS, "require_approval": "never"}
SEARCH = McpListedTool(
    name="search",
    description="Searches",
    input_schema={"type": "object", "properties": {"q": {"type": "string"}}},
    annotations={"readOnlyHint": True},
)
WIPE = McpListedTool(name="wipe", input_schema={"type": "object"})
LISTED = {
    "name": "search",
    "description": "Searches",
    "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}},
    "annotations": {"readOnlyHint": True},
}


def listing(item_id: Id | str, *tools: Event, label: str = "docs") -> Event:
    return {"id": item_id, "type": "mcp_list_tools", "server_label": label, "tools": list(tools)}


def tool_call(item_id: Id | str, name: str, arguments: str, **changes: Any) -> Event:
    return {
        "id": item_id,
        "type": "mcp_call",
        "server_label": "docs",
        "name": name,
        "arguments": arguments,
        "approval_request_id": None,
        "output": None,
        "error": None,
    } | changes


def approval(item_id: Id | str, name: str, arguments: str) -> Event:
    return {
        "id": item_id,
        "type": "mcp_approval_request",
        "server_label": "docs",
        "name": name,
        "arguments": arguments,
    }


def connected(*tools: McpListedTool, definition: Event = FREE, **session: Any) -> Driver:
    """A session whose server has told its tools."""
    driver = Driver(output_modalities=("text",), **session)
    driver.update(tools=[definition])
    driver.list_tools(driver.last_item, *tools or (SEARCH, WIPE))
    return driver


def calls(name: str, arguments: str = "{}") -> tuple[OutputPart, ...]:
    return FunctionCallStart(name), FunctionCallDelta(arguments), FunctionCallEnd()


def calling(driver: Driver, *names: str) -> list[str]:
    """A response that calls these tools and is done; returns the ids of the calls in progress."""
    answer = driver.respond()
    parts = [part for name in names for part in calls(name)]
    driver.produce(answer, *parts, ResponseEnd())
    return [effect.item_id for effect in driver.did(CallTool)]


def test_listing() -> None:
    driver = Driver()
    driver.say("Hello")
    before, listed = driver.last_item, Id("item")
    updated, *rest = driver.update(tools=[DOCS])
    assert updated["session"]["tools"] == [DOCS]
    assert rest == [
        event("conversation.item.added", previous_item_id=before, item=listing(listed)),
        event("mcp_list_tools.in_progress", item_id=listed),
    ]
    assert driver.others() == [
        ListTools(str(listed), McpTool(server_label="docs", server_url="https://docs.example/mcp"))
    ]
    assert driver.list_tools(str(listed), SEARCH, WIPE) == [
        event("mcp_list_tools.completed", item_id=listed),
        event(
            "conversation.item.done",
            previous_item_id=before,
            item=listing(listed, LISTED, {"name": "wipe", "input_schema": {"type": "object"}}),
        ),
    ]
    assert driver.list_tools(str(listed), SEARCH) == []  # nobody waits for it any more
    assert len(driver.retrieve(str(listed))["tools"]) == 2


def test_a_listing_that_fails() -> None:
    driver = Driver()
    driver.update(tools=[DOCS])
    listed = driver.last_item
    assert driver.fail_listing(listed) == [
        event("mcp_list_tools.failed", item_id=listed),
        event("conversation.item.done", previous_item_id=None, item=listing(listed)),
    ]
    driver.respond()
    assert driver.did(ListTools) == []  # a response does not try again by itself
    assert driver.request.tools == ()
    assert types(driver.update(tools=[DOCS]))[1:] == ["conversation.item.added", "mcp_list_tools.in_progress"]


def test_tools_that_are_known_are_not_asked_for_again() -> None:
    driver = connected()
    assert types(driver.update(tools=[FREE])) == ["session.updated"]
    assert types(driver.update(instructions="x")) == ["session.updated"]
    assert driver.others() == []
    driver.update(tools=[{**FREE, "server_url": "https://docs.example/other"}])
    assert len(driver.did(ListTools)) == 1


def test_a_call_without_approval() -> None:
    driver = connected()
    user = driver.say("Look it up")
    answer, call, follow_up = driver.respond(), Id("item"), Id("resp")
    assert driver.request.tools == (
        FunctionTool(name="search", description="Searches", parameters=SEARCH.input_schema),
        FunctionTool(name="wipe", parameters={"type": "object"}),
    )
    place = {"response_id": answer, "item_id": call, "output_index": 0}
    arguments = '{"q":"x"}'
    begun, written = tool_call(call, "search", ""), tool_call(call, "search", arguments)
    started = FunctionCallStart("search"), FunctionCallDelta('{"q":'), FunctionCallDelta('"x"}')
    assert driver.produce(answer, *started) == [
        event("response.output_item.added", response_id=answer, output_index=0, item=begun),
        event("conversation.item.added", previous_item_id=user, item=begun),
        event("response.mcp_call_arguments.delta", **place, delta='{"q":'),
        event("response.mcp_call_arguments.delta", **place, delta='"x"}'),
    ]
    assert driver.produce(answer, FunctionCallEnd(), ResponseEnd()) == [
        event("response.mcp_call_arguments.done", **place, arguments=arguments),
        event("response.output_item.done", response_id=answer, output_index=0, item=written),
        event(
            "response.done",
            response=response(
                answer,
                "completed",
                output=[written],
                output_modalities=["text"],
                usage=usage((56, 0), (4, 0)),
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
        event("response.mcp_call.in_progress", output_index=0, item_id=call),
    ]
    assert driver.others() == [
        CallTool(
            str(call),
            McpTool(server_label="docs", server_url="https://docs.example/mcp", require_approval="never"),
            "search",
            arguments,
        )
    ]
    done = tool_call(call, "search", arguments, output="Found.")
    assert driver.call_tool(str(call), "Found.") == [
        event("response.mcp_call.completed", output_index=0, item_id=call),
        event("conversation.item.done", previous_item_id=user, item=done),
        event("response.created", response=response(follow_up, output_modalities=["text"])),
    ]
    assert driver.retrieve(str(call)) == done
    assert driver.prompt[1:] == [
        {"type": "function_call", "id": call, "name": "search", "call_id": call, "arguments": arguments},
        {"type": "function_call_output", "id": call, "call_id": call, "output": "Found."},
    ]
    assert driver.request.tool_choice == "auto"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (
            McpProtocolError(code=-32602, message="No such tool"),
            {"type": "protocol_error", "code": -32602, "message": "No such tool"},
        ),
        (
            McpToolExecutionError(message="Out of paper"),
            {"type": "tool_execution_error", "message": "Out of paper"},
        ),
        (
            McpHttpError(code=401, message="Unauthorized"),
            {"type": "http_error", "code": 401, "message": "Unauthorized"},
        ),
    ],
)
def test_a_call_that_fails(error: Any, shown: Event) -> None:
    driver = connected()
    (call,) = calling(driver, "search")
    failed, done, created = driver.fail_call(call, error)
    assert failed == event("response.mcp_call.failed", output_index=0, item_id=call)
    assert done["item"] == tool_call(call, "search", "{}", error=shown)
    assert created["type"] == "response.created"
    assert driver.prompt[-1]["output"] == f'{{"error":"{error.message}"}}'


def test_approval() -> None:
    driver = connected(definition=DOCS)
    answer, request, reply, call = driver.respond(), Id("item"), Id("item"), Id("item")
    listed = driver.last_item
    asked = approval(request, "search", '{"q":"x"}')
    assert driver.produce(answer, FunctionCallStart("search"), FunctionCallDelta('{"q":"x"}')) == []
    assert driver.produce(answer, FunctionCallEnd()) == [
        event("response.output_item.added", response_id=answer, output_index=0, item=asked),
        event("conversation.item.added", previous_item_id=listed, item=asked),
        event("conversation.item.done", previous_item_id=listed, item=asked),
        event("response.output_item.done", response_id=answer, output_index=0, item=asked),
    ]
    done, _ = driver.produce(answer, ResponseEnd())
    assert done["response"]["output"] == [asked]
    assert driver.did(CallTool) == []

    granted = {"type": "mcp_approval_response", "approval_request_id": str(request), "approve": True}
    item = {"id": reply, **granted}
    assert driver.create(granted, previous_item_id=str(request)) == [
        event("conversation.item.added", previous_item_id=request, item=item),
        event("conversation.item.done", previous_item_id=request, item=item),
    ]
    assert driver.did(CallTool, Respond) == []

    second, arguments = Id("resp"), '{"q":"x"}'
    begun = tool_call(call, "search", "", approval_request_id=request)
    written = tool_call(call, "search", arguments, approval_request_id=request)
    place = {"response_id": second, "item_id": call, "output_index": 0}
    events = driver.client("response.create")
    assert events == [
        event("response.created", response=response(second, output_modalities=["text"])),
        event("response.output_item.added", response_id=second, output_index=0, item=begun),
        event("conversation.item.added", previous_item_id=reply, item=begun),
        event("response.mcp_call_arguments.delta", **place, delta=arguments),
        event("response.mcp_call_arguments.done", **place, arguments=arguments),
        event("response.output_item.done", response_id=second, output_index=0, item=written),
        event(
            "response.done",
            response=response(
                second,
                "completed",
                output=[written],
                output_modalities=["text"],
                usage=usage((0, 0), (4, 0)),
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
        event("response.mcp_call.in_progress", output_index=0, item_id=call),
    ]
    assert driver.did(Respond) == []
    assert types(driver.call_tool(str(call), "Found."))[-1] == "response.created"
    assert driver.prompt == [
        {
            "type": "function_call",
            "id": request,
            "name": "search",
            "call_id": request,
            "arguments": arguments,
        },
        {"type": "function_call_output", "id": call, "call_id": request, "output": "Found."},
    ]


def test_a_rejected_approval_is_told_to_the_model() -> None:
    driver = connected(definition=DOCS)
    driver.produce(driver.respond(), *calls("wipe"), ResponseEnd())
    request = driver.last_item
    answer = {"type": "mcp_approval_response", "approval_request_id": request, "approve": False}
    driver.create({**answer, "reason": "too risky"})
    assert driver.did(Respond) == []
    driver.respond()
    assert driver.prompt[-1]["call_id"] == request
    assert driver.prompt[-1]["output"] == '{"error":"The user did not allow this call: too risky"}'
    (refused,) = driver.create(answer)
    assert refused["error"]["message"] == f"Approval request ID '{request}' was answered already."


def test_an_approval_of_nothing() -> None:
    driver = connected()
    user = driver.say("Hello")
    for request in (user, "nope"):
        (refused,) = driver.create(
            {"type": "mcp_approval_response", "approval_request_id": request, "approve": True}
        )
        assert refused["error"]["param"] == "item.approval_request_id"
        assert refused["error"]["message"] == f"Approval request ID '{request}' not found in conversation."


def test_an_approved_call_waits_for_a_response_that_may_make_it() -> None:
    driver = connected(definition=DOCS)
    driver.produce(driver.respond(), *calls("wipe"), ResponseEnd())
    request = driver.last_item
    driver.create({"type": "mcp_approval_response", "approval_request_id": request, "approve": True})
    for overrides in ({"tools": []}, {"conversation": "none"}, {"input": []}):
        answer = driver.respond(**overrides)
        driver.produce(answer, ResponseEnd())
    driver.respond()
    assert len(driver.did(CallTool)) == 1


def test_an_approved_call_is_not_made_to_another_server() -> None:
    """One that has a tool of the same name."""
    driver = connected(definition=DOCS)
    driver.produce(driver.respond(), *calls("wipe"), ResponseEnd())
    request = driver.last_item
    driver.create({"type": "mcp_approval_response", "approval_request_id": request, "approve": True})
    driver.update(tools=[{**SHOP, "require_approval": "never"}])
    driver.list_tools(driver.last_item, WIPE)
    driver.respond()
    assert driver.did(CallTool) == []
    assert [tool.name for tool in driver.request.tools] == ["wipe"]  # type: ignore[union-attr]


def test_an_approved_call_whose_request_is_deleted_is_not_made() -> None:
    driver = connected(definition=DOCS)
    driver.produce(driver.respond(), *calls("wipe"), ResponseEnd())
    request = driver.last_item
    driver.create({"type": "mcp_approval_response", "approval_request_id": request, "approve": True})
    driver.client("conversation.item.delete", item_id=request)
    driver.respond()
    assert driver.did(CallTool) == []


@pytest.mark.parametrize(
    ("require", "asked"),
    [
        ("always", {"search", "wipe"}),
        (None, {"search", "wipe"}),
        ("never", set()),
        ({"never": {"tool_names": ["search"]}}, {"wipe"}),
        ({"never": {"read_only": True}}, {"wipe"}),
        ({"never": {"read_only": False}}, {"search"}),
        ({"always": {"tool_names": ["wipe"]}, "never": {}}, {"wipe"}),
        ({"always": {"tool_names": ["wipe"]}}, {"search", "wipe"}),
        ({"never": {"tool_names": ["search", "wipe"], "read_only": True}}, {"wipe"}),
        ({}, {"search", "wipe"}),
    ],
)
def test_which_calls_need_approval(require: Any, asked: set[str]) -> None:
    driver = connected(definition={**DOCS, "require_approval": require})
    answer = driver.respond()
    events = driver.produce(answer, *calls("search"), *calls("wipe"), ResponseEnd())
    items = next(e for e in events if e["type"] == "response.done")["response"]["output"]
    assert {item["name"] for item in items if item["type"] == "mcp_approval_request"} == asked


@pytest.mark.parametrize(
    ("allowed", "offered"),
    [
        (None, ["search", "wipe"]),
        (["wipe"], ["wipe"]),
        ([], []),
        ({"read_only": True}, ["search"]),
        ({"tool_names": ["search", "nope"]}, ["search"]),
        ({"tool_names": ["wipe"], "read_only": True}, []),
    ],
)
def test_allowed_tools(allowed: Any, offered: list[str]) -> None:
    driver = connected(definition={**FREE, "allowed_tools": allowed})
    assert [tool["name"] for tool in driver.retrieve(driver.last_item)["tools"]] == offered
    driver.respond()
    assert [tool.name for tool in driver.request.tools] == offered  # type: ignore[union-attr]


def test_tools_that_are_still_loading_are_not_offered() -> None:
    driver = Driver()
    driver.update(tools=[FREE, {"type": "function", "name": "f"}])
    first = driver.respond()
    assert driver.request.tools == (FunctionTool(name="f"),)
    driver.list_tools(driver.last_item, SEARCH)
    driver.produce(first, *calls("search"), ResponseEnd())
    assert driver.did(CallTool) == []  # a function of the client's, as far as that response knows
    driver.respond()
    assert len(driver.request.tools) == 2


def test_a_response_brings_a_server() -> None:
    driver = Driver()
    created, added, begun = driver.client("response.create", response={"tools": [FREE]})
    assert types([created, added, begun]) == [
        "response.created",
        "conversation.item.added",
        "mcp_list_tools.in_progress",
    ]
    assert driver.request.tools == ()
    driver.list_tools(driver.last_item, SEARCH)
    driver.produce(driver.request.response_id, ResponseEnd())
    driver.respond()
    assert driver.request.tools == ()  # it was that response's alone
    driver.produce(driver.request.response_id, ResponseEnd())
    driver.respond(tools=[{"type": "mcp", "server_label": "docs"}])
    assert [tool.name for tool in driver.request.tools] == ["search"]  # type: ignore[union-attr]


def test_a_label_brings_a_definition_back() -> None:
    secret = {**DOCS, "authorization": "geheim", "require_approval": "never", "allowed_tools": ["search"]}
    driver = connected(definition=secret)
    driver.update(tools=[])
    (updated,) = driver.update(tools=[{"type": "mcp", "server_label": "docs", "allowed_tools": ["wipe"]}])
    assert updated["session"]["tools"] == [{**FREE, "allowed_tools": ["wipe"]}]
    (call,) = calling(driver, "wipe")
    (effect,) = driver.did(CallTool)
    assert effect.server.authorization == "geheim"
    assert call


def test_what_a_response_says_of_a_server_counts_for_it_alone() -> None:
    driver = connected()
    driver.respond(tools=[{"type": "mcp", "server_label": "docs", "allowed_tools": ["wipe"]}])
    assert [tool.name for tool in driver.request.tools] == ["wipe"]  # type: ignore[union-attr]
    (updated,) = driver.update(tools=[{"type": "mcp", "server_label": "docs"}])
    assert updated["session"]["tools"] == [FREE]


def test_secrets_are_not_shown() -> None:
    driver = Driver()
    secrets = {"authorization": "geheim", "headers": {"X-Key": "auch geheim"}}
    updated, *_ = driver.update(tools=[{**DOCS, **secrets}])
    assert updated["session"]["tools"] == [DOCS]
    assert "geheim" not in repr(driver.effects)
    (effect,) = driver.did(ListTools)
    assert effect.server.headers == {"X-Key": "auch geheim"}
    # What the session shows may come back as it is: the server is entered as before.
    driver.update(tools=updated["session"]["tools"])
    assert driver.did(ListTools, AbandonTool) == []
    driver.update(tools=[{**DOCS, "authorization": "neu"}])
    (_, effect) = driver.did(AbandonTool, ListTools)
    assert (effect.server.authorization, effect.server.headers) == ("neu", effect.server.headers)


def test_a_server_that_is_defined_anew_while_it_is_asked() -> None:
    driver = Driver()
    driver.update(tools=[DOCS])
    first, second = driver.last_item, Id("item")
    failed, done, updated, added, begun = driver.update(tools=[{**DOCS, "server_url": "https://b.example"}])
    assert failed == event("mcp_list_tools.failed", item_id=first)
    assert done["item"] == listing(first)
    assert updated["type"] == "session.updated"
    assert added["item"] == listing(second)
    assert begun["item_id"] == second
    assert driver.list_tools(first, SEARCH) == []
    assert len(driver.list_tools(str(second), WIPE)) == 2
    driver.respond()
    assert [tool.name for tool in driver.request.tools] == ["wipe"]  # type: ignore[union-attr]


def test_a_server_whose_tools_change_is_asked_again_by_the_next_response() -> None:
    driver = connected()
    driver.session.tools_changed("docs", driver.now)
    driver.session.tools_changed("nobody", driver.now)
    assert driver.drain() == []
    created, added, _ = driver.client("response.create")
    assert (created["type"], added["item"]["type"]) == ("response.created", "mcp_list_tools")
    assert [tool.name for tool in driver.request.tools] == ["search", "wipe"]  # type: ignore[union-attr]
    driver.list_tools(driver.last_item, WIPE)
    driver.produce(driver.request.response_id, ResponseEnd())
    driver.respond()
    assert driver.did(ListTools) == []
    assert [tool.name for tool in driver.request.tools] == ["wipe"]  # type: ignore[union-attr]


def test_names_that_collide() -> None:
    driver = Driver()
    driver.update(tools=[FREE, {**SHOP, "require_approval": "never"}, {"type": "function", "name": "wipe"}])
    for label, effect in zip(("docs", "shop"), driver.did(ListTools), strict=True):
        odd = McpListedTool(name=f"get {label}/items.all", input_schema={})
        driver.list_tools(effect.item_id, SEARCH, WIPE, odd)
    answer = driver.respond()
    assert sorted(tool.name for tool in driver.request.tools) == [  # type: ignore[union-attr]
        "docs_search",
        "docs_wipe",
        "get_docs_items_all",
        "get_shop_items_all",
        "shop_search",
        "shop_wipe",
        "wipe",
    ]
    events = driver.produce(answer, *calls("shop_search"), *calls("get_docs_items_all"), ResponseEnd())
    items = next(e for e in events if e["type"] == "response.done")["response"]["output"]
    assert [(item["server_label"], item["name"]) for item in items] == [
        ("shop", "search"),
        ("docs", "get docs/items.all"),
    ]
    for effect in driver.did(CallTool):
        driver.call_tool(effect.item_id, "ok")
    assert [item["name"] for item in driver.prompt if "name" in item] == ["shop_search", "get_docs_items_all"]


def test_long_names_stay_distinct() -> None:
    long = [McpListedTool(name="x" * 80 + end, input_schema={}) for end in "ab"]
    driver = connected(*long)
    driver.respond()
    names = [tool.name for tool in driver.request.tools]  # type: ignore[union-attr]
    assert len(set(names)) == 2
    assert max(map(len, names)) == 64


@pytest.mark.parametrize(
    ("choice", "seen", "names"),
    [
        ({"type": "mcp", "server_label": "docs", "name": "wipe"}, ToolChoiceFunction(name="wipe"), 3),
        ({"type": "mcp", "server_label": "docs"}, "required", 2),
        ({"type": "mcp", "server_label": "docs", "name": "nope"}, "none", 3),
        ({"type": "mcp", "server_label": "shop"}, "none", 3),
        ("required", "required", 3),
    ],
)
def test_tool_choice(choice: Any, seen: Any, names: int) -> None:
    driver = connected()
    driver.update(tools=[FREE, {"type": "function", "name": "f"}], tool_choice=choice)
    driver.respond()
    assert driver.request.tool_choice == seen
    assert len(driver.request.tools) == names


def test_required_with_nothing_loaded_is_none() -> None:
    driver = Driver()
    driver.update(tools=[FREE], tool_choice="required")
    driver.respond()
    assert driver.request.tool_choice == "none"


def test_what_follows_need_not_call_again() -> None:
    driver = connected()
    driver.update(tool_choice="required")
    (call,) = calling(driver, "search")
    driver.call_tool(call, "x")
    assert driver.request.tool_choice == "auto"


def test_what_follows_goes_by_the_same_parameters() -> None:
    driver = connected()
    answer = driver.respond(instructions="Whisper.", metadata={"a": "b"}, tools=[FREE])
    driver.produce(answer, *calls("search"), ResponseEnd())
    (call,) = driver.did(CallTool)
    *_, created = driver.call_tool(call.item_id, "x")
    assert created["response"]["metadata"] == {"a": "b"}
    assert driver.request.instructions == "Whisper."


def test_parallel_calls_are_followed_by_one_response() -> None:
    driver = connected()
    first, second = calling(driver, "search", "wipe")
    assert types(driver.call_tool(second, "2")) == ["response.mcp_call.completed", "conversation.item.done"]
    assert types(driver.call_tool(first, "1")) == [
        "response.mcp_call.completed",
        "conversation.item.done",
        "response.created",
    ]


def test_calls_of_two_responses_are_followed_by_one() -> None:
    driver = connected()
    (first,) = calling(driver, "search")
    (second,) = calling(driver, "wipe")
    assert "response.created" not in types(driver.call_tool(first, "1"))
    assert types(driver.call_tool(second, "2"))[-1] == "response.created"
    assert [item["output"] for item in driver.prompt if "output" in item] == ["1", "2"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_follows_several_responses_sees_the_whole_conversation(order: tuple[int, int]) -> None:
    driver = connected()
    made = calling(driver, "search")
    driver.produce(driver.respond(input=[]), *calls("wipe"), ResponseEnd())
    made += [effect.item_id for effect in driver.did(CallTool)]
    for which in order:
        driver.call_tool(made[which], str(which))
    assert {item["output"] for item in driver.prompt if "output" in item} == {"0", "1"}


def test_what_follows_a_response_with_a_context_of_its_own_sees_that() -> None:
    driver = connected()
    driver.say("Not this.")
    driver.produce(driver.respond(input=[]), *calls("search"), ResponseEnd())
    (call,) = driver.did(CallTool)
    driver.call_tool(call.item_id, "x")
    assert [item["type"] for item in driver.prompt] == ["function_call", "function_call_output"]


def test_nothing_follows_while_another_response_is_active() -> None:
    driver = connected()
    (call,) = calling(driver, "search")
    other = driver.respond()
    assert types(driver.call_tool(call, "x")) == ["response.mcp_call.completed", "conversation.item.done"]
    # It did not know the result: another one follows.
    assert types(driver.produce(other, TextDelta("Wait."), ResponseEnd()))[-1] == "response.created"
    assert driver.prompt[-2]["output"] == "x"


def test_a_user_who_speaks_is_heard_out() -> None:
    """The response to what was said knows the result, and needs no other one after it."""
    driver = connected()
    (call,) = calling(driver, "search")
    driver.talk(320)
    assert types(driver.call_tool(call, "x")) == ["response.mcp_call.completed", "conversation.item.done"]
    events = driver.talk(320, 0.0)
    assert types(events).count("response.created") == 1
    driver.transcribe(driver.last_item, "And?")
    assert "function_call_output" in [item["type"] for item in driver.prompt]
    answer = driver.request.response_id
    assert types(driver.produce(answer, ResponseEnd())) == ["response.done", "rate_limits.updated"]
    assert types(driver.tick(1)) == []


def test_nothing_follows_where_the_client_has_functions_to_answer() -> None:
    driver = connected()
    answer = driver.respond()
    driver.produce(answer, *calls("mine"), *calls("search"), ResponseEnd())
    (call,) = driver.did(CallTool)
    assert types(driver.call_tool(call.item_id, "x")) == [
        "response.mcp_call.completed",
        "conversation.item.done",
    ]


def test_nobody_is_idle_while_a_call_is_in_progress() -> None:
    driver = connected(input={"turn_detection": ServerVad(idle_timeout_ms=5000)})
    (call,) = calling(driver, "search")
    driver.tick(0)
    driver.talk(200, 0.0)
    assert driver.tick(60) == []
    assert types(driver.call_tool(call, "x"))[-1] == "response.created"
    driver.produce(driver.request.response_id, TextDelta("Found."), ResponseEnd())
    driver.tick(0)
    driver.talk(200, 0.0)
    assert "input_audio_buffer.timeout_triggered" in types(driver.tick(60))


def test_cancelling_calls_off_what_would_follow() -> None:
    driver = connected()
    (call,) = calling(driver, "search")
    driver.respond()
    driver.client("response.cancel")
    assert types(driver.call_tool(call, "x")) == ["response.mcp_call.completed", "conversation.item.done"]


@pytest.mark.parametrize("end", ["cancel", "speech", "tokens", "failure"])
def test_calls_of_a_response_that_is_cut_off_are_not_made(end: str) -> None:
    driver = connected()
    answer = driver.respond()
    driver.produce(answer, *calls("search"), FunctionCallStart("wipe"), FunctionCallDelta('{"a'))
    match end:
        case "cancel":
            events = driver.client("response.cancel")
        case "speech":
            events = driver.talk(40)[1:]
        case "tokens":
            events = driver.produce(answer, ResponseEnd("max_output_tokens"))
        case _:
            events = driver.produce(answer, ResponseFailure("server_error", None, "x"))
    assert types(events) == [
        "response.mcp_call_arguments.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
        "conversation.item.done",
        "conversation.item.done",
    ]
    assert driver.did(CallTool) == []
    error = {"type": "tool_execution_error", "message": "The response ended before this call was made."}
    assert [e["item"]["error"] for e in events[-2:]] == [error, error]
    assert events[-1]["item"]["arguments"] == '{"a'


def test_an_approval_that_is_cut_off_is_not_asked_for() -> None:
    driver = connected(definition=DOCS)
    answer = driver.respond()
    driver.produce(answer, FunctionCallStart("wipe"), FunctionCallDelta('{"a'))
    done, _ = driver.client("response.cancel")
    assert done["response"]["output"] == []


def test_a_spoken_preamble_and_a_call() -> None:
    driver = Driver()
    driver.update(tools=[FREE])
    driver.list_tools(driver.last_item, SEARCH)
    answer = driver.respond(audio={"output": {"voice": "ash"}})
    events = driver.produce(
        answer, TextDelta("A moment."), AudioDelta(pcm(100), 9), *calls("search"), ResponseEnd()
    )
    done = next(e for e in events if e["type"] == "response.done")
    assert [item["type"] for item in done["response"]["output"]] == ["message", "mcp_call"]
    (call,) = driver.did(CallTool)
    *_, created = driver.call_tool(call.item_id, "x")
    assert created["response"]["audio"]["output"]["voice"] == "ash"  # it goes on as it began


def test_beside_the_conversation() -> None:
    driver = connected()
    user = driver.say("Classify")
    aside = driver.respond(conversation="none", metadata={"topic": "x"}, tools=[FREE])
    events = driver.produce(aside, *calls("search"), ResponseEnd())
    assert "conversation.item.added" not in types(events)
    (call,) = driver.did(CallTool)
    completed, created = driver.call_tool(call.item_id, "Found.")
    assert completed["type"] == "response.mcp_call.completed"
    assert (created["response"]["conversation_id"], created["response"]["metadata"]) == (None, {"topic": "x"})
    assert [item["id"] for item in driver.prompt] == [user, call.item_id, call.item_id]


def test_calls_beside_the_conversation_count_as_responses_beside_it() -> None:
    driver = connected(options=SessionOptions(debug=True, max_parallel_responses=1))
    aside = driver.respond(conversation="none")
    driver.produce(aside, *calls("search"), ResponseEnd())
    (refused,) = driver.client("response.create", response={"conversation": "none"})
    assert refused["type"] == "error"


def test_a_model_that_calls_for_ever_is_stopped() -> None:
    driver = connected(options=SessionOptions(debug=True, max_tool_rounds=3))
    answer = driver.respond()
    for _ in range(3):
        assert driver.request.tools
        driver.produce(answer, *calls("search"), ResponseEnd())
        (call,) = driver.did(CallTool)
        driver.call_tool(call.item_id, "x")
        answer = driver.request.response_id
    assert (driver.request.tools, driver.request.tool_choice) == ((), "none")


def test_the_end_of_the_session_gives_everything_up() -> None:
    driver = connected()
    (call,) = calling(driver, "search")
    driver.update(tools=[FREE, SHOP])
    listed = driver.last_item
    events = driver.end()
    assert types(events) == [
        "response.mcp_call.failed",
        "conversation.item.done",
        "mcp_list_tools.failed",
        "conversation.item.done",
    ]
    assert driver.did(AbandonTool) == [AbandonTool(call), AbandonTool(listed)]
    assert driver.call_tool(call, "x") == []
    assert driver.list_tools(listed) == []
    assert driver.effects == []


def test_items_that_are_deleted_in_progress() -> None:
    driver = connected()
    (call,) = calling(driver, "search")
    driver.client("conversation.item.delete", item_id=call)
    content = [{"type": "input_text", "text": "x"}]
    (refused,) = driver.create({"type": "message", "role": "user", "id": call, "content": content})
    assert refused["error"]["code"] == "item_create_duplicate_item_id"
    _, done, _ = driver.call_tool(call, "x")
    assert done["previous_item_id"] is None
    assert driver.prompt == []


def test_the_result_of_a_call_counts() -> None:
    driver = connected(options=SessionOptions(debug=True, max_bytes=2000))
    (call,) = calling(driver, "search")
    failed, done, _ = driver.call_tool(call, "x" * 2000)
    assert failed["type"] == "response.mcp_call.failed"
    assert done["item"]["error"]["type"] == "tool_execution_error"
    assert "no room" in done["item"]["error"]["message"]


def test_history_is_replayed() -> None:
    driver = Driver()
    items: list[Event] = [
        listing("l", LISTED),
        approval("q", "search", "{}"),
        {"id": "a", "type": "mcp_approval_response", "approval_request_id": "q", "approve": False},
        tool_call("m", "search", "{}", output="Found."),
        tool_call("n", "search", "{}", error={"type": "http_error", "code": 500, "message": "Down"}),
    ]
    for item in items:
        assert types(driver.create(item)) == ["conversation.item.added", "conversation.item.done"]
        assert driver.retrieve(item["id"]) == item
    driver.respond()
    assert driver.did(ListTools, CallTool) == []
    assert [(item["type"], item["call_id"], item.get("output")) for item in driver.prompt] == [
        ("function_call", "q", None),
        ("function_call_output", "q", '{"error":"The user did not allow this call."}'),
        ("function_call", "m", None),
        ("function_call_output", "m", "Found."),
        ("function_call", "n", None),
        ("function_call_output", "n", '{"error":"Down"}'),
    ]


@pytest.mark.parametrize(
    ("tool", "param", "words"),
    [
        ({"server_label": "new"}, "session.tools[0]", "exactly one of 'server_url'"),
        ({"connector_id": "connector_gmail"}, "session.tools[0].connector_id", "account with OpenAI"),
        ({"tunnel_id": "tunnel_" + "a" * 32}, "session.tools[0].tunnel_id", "account with OpenAI"),
        ({"server_url": "https://a", "allowed_callers": ["programmatic"]}, None, "allowed_callers"),
        ({"server_url": "http://no.example"}, "session.tools[0].server_url", "Not that one."),
        ({"server_url": "https://a", "headers": {"Host": "b"}}, "session.tools[0].headers", "printable"),
        ({"server_url": "https://a", "headers": {"a b": "c"}}, "session.tools[0].headers", "printable"),
        (
            {"server_url": "https://a", "headers": {"a": "geheim\r\n"}},
            "session.tools[0].headers",
            "printable",
        ),
        ({"server_url": "https://a", "authorization": "geheim\n"}, "session.tools[0].authorization", "print"),
        ({"server_url": "https://a", "headers": {"a": "b" * 20_000}}, "session.tools[0].headers", "at most"),
        ({"server_url": "https://a", "headers": dict.fromkeys(map(str, range(65)), "")}, None, "at most 64"),
    ],
)
def test_definitions_that_are_refused(tool: Event, param: str | None, words: str) -> None:
    def check(url: str) -> str | None:
        return "Not that one." if "no.example" in url else None

    driver = Driver(options=SessionOptions(debug=True, check_server=check))
    before = driver.session.config
    (refused,) = driver.update(tools=[{"type": "mcp", "server_label": "docs", **tool}], instructions="x")
    assert refused["error"]["code"] == "invalid_value"
    assert words in refused["error"]["message"]
    assert "geheim" not in refused["error"]["message"]
    assert param is None or refused["error"]["param"] == param
    assert driver.session.config == before
    (refused,) = driver.client(
        "response.create", response={"tools": [{"type": "mcp", "server_label": "docs", **tool}]}
    )
    assert words in refused["error"]["message"]
    assert driver.others() == []


def test_limits() -> None:
    driver = Driver(options=SessionOptions(debug=True, max_servers=1, max_items=2))
    (refused,) = driver.update(tools=[DOCS, SHOP])
    assert refused["error"]["message"] == "Too many MCP servers: a session may define at most 1."
    driver.update(tools=[DOCS])
    driver.list_tools(driver.last_item, SEARCH)
    driver.say("x")
    (refused,) = driver.update(tools=[{**DOCS, "server_url": "https://b.example"}])
    assert "at most 2 items" in refused["error"]["message"]
    driver.session.tools_changed("docs", driver.now)
    driver.respond()
    assert driver.did(ListTools) == []  # no room for another list; the tools that are known do
    assert len(driver.request.tools) == 1


def test_a_session_begins_with_servers() -> None:
    definition = McpTool(server_label="docs", server_url="https://docs.example/mcp", authorization="geheim")
    driver = Driver(tools=(definition,))
    assert types(driver.greeting) == [
        "session.created",
        "conversation.item.added",
        "mcp_list_tools.in_progress",
    ]
    assert driver.greeting[0]["session"]["tools"] == [DOCS]
    assert driver.did(ListTools)[0].server == definition


def test_a_session_begins_with_a_server_that_it_cannot_use() -> None:
    driver = Driver(tools=(McpTool(server_label="docs"), FunctionTool(name="f")))
    created, refused = driver.greeting
    assert created["session"]["tools"] == [{"type": "function", "name": "f"}]
    assert refused["error"]["param"] == "session.tools[0]"
