"""Tools of MCP servers, which the Realtime server itself lists and calls."""

from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import GA, Fault, Needs, Source, brief, check, require, require_equal
from vivavoce.conformance.checks.items import add
from vivavoce.conformance.peer import Peer
from vivavoce.conformance.turn import Turn, finished
from vivavoce.conformance.words import Event

LABEL = "conformance"
QUESTION = "Please search for cats."
CHOICE: Event = {"type": "mcp", "server_label": LABEL}
NOWHERE = "https://conformance.invalid/mcp"
ITEM_EVENTS = ("conversation.item.added", "conversation.item.done")
LISTED = ("mcp_list_tools.completed", "mcp_list_tools.failed")
ENDS = ("response.mcp_call.completed", "response.mcp_call.failed")


def tools(caller: Caller, approval: str = "never", **fields: str) -> list[Event]:
    """The tools of the MCP server that the suite was given."""
    server = {"type": "mcp", "server_label": LABEL, "server_url": caller.mcp_url}
    return [server | {"require_approval": approval} | fields]


async def listing(peer: Peer, tools: list[Event]) -> list[Event]:
    """Bring tools into a session: everything up to the end of their listing."""
    await peer.send(peer.words.update(modality="text", tools=tools))
    events = await peer.through(*LISTED)
    while not any(_is_list(each, "conversation.item.done") for each in events):
        events.append(await peer.next("conversation.item.done of the list"))
    return events


def _is_list(event: Event, *kinds: str) -> bool:
    return event.get("type") in kinds and event["item"].get("type") == "mcp_list_tools"


async def called(caller: Caller, approval: str = "never") -> tuple[Peer, Turn]:
    """A response that had to call a tool."""
    peer = await caller.session()
    await listing(peer, tools(caller, approval))
    await add(peer, peer.words.user(QUESTION))
    await peer.send(peer.words.create(tool_choice=CHOICE))
    return peer, await finished(peer)


def item_of(turn: Turn, kind: str) -> Event:
    """The first item of this type in a response."""
    for item in turn.output:
        if item.get("type") == kind:
            return item
    raise Fault(f"The response holds no {kind} but {brief([item.get('type') for item in turn.output])}.")


@check(
    "mcp.list.order",
    "The listing of tools is told from its beginning to its end.",
    Source.GUIDE,
    dialects=GA,
    needs=[Needs.MCP],
)
async def list_order(caller: Caller) -> None:
    events = await listing(await caller.session(), tools(caller))
    types = [each["type"] for each in events]
    require_equal(types[0], "session.updated", "The first event")
    added = next(
        (number for number, each in enumerate(events) if _is_list(each, "conversation.item.added")), None
    )
    require(added is not None, "The list did not enter the conversation.")
    for kind in ("mcp_list_tools.in_progress", "mcp_list_tools.completed"):
        require_equal(types.count(kind), 1, f"The number of {kind}")
    begun, ended = (types.index(kind) for kind in ("mcp_list_tools.in_progress", "mcp_list_tools.completed"))
    require(begun < ended, "The listing ended before it began.")


@check(
    "mcp.list.tools",
    "The finished list names the tools and their arguments.",
    Source.GUIDE,
    dialects=GA,
    needs=[Needs.MCP],
)
async def list_tools(caller: Caller) -> None:
    events = await listing(await caller.session(), tools(caller))
    (item,) = [each["item"] for each in events if _is_list(each, "conversation.item.done")]
    require_equal(item.get("server_label"), LABEL, "server_label")
    require(bool(item.get("tools")), "The list holds no tools.")
    for tool in item["tools"]:
        complete = isinstance(tool.get("name"), str) and isinstance(tool.get("input_schema"), dict)
        require(complete, f"A tool has no name or no input_schema: {brief(tool)}.")


@check(
    "mcp.list.ids",
    "All events of a listing name the same item.",
    Source.REFERENCE,
    dialects=GA,
    needs=[Needs.MCP],
)
async def list_ids(caller: Caller) -> None:
    events = await listing(await caller.session(), tools(caller))
    ids = {each["item_id"] for each in events if str(each["type"]).startswith("mcp_list_tools.")}
    ids |= {each["item"]["id"] for each in events if _is_list(each, *ITEM_EVENTS)}
    require(len(ids) == 1, f"The items are called {brief(sorted(map(str, ids)))}.")


@check(
    "mcp.list.failed",
    "A server that is not there fails the listing, and not the session.",
    Source.GUIDE,
    dialects=GA,
)
async def list_failed(caller: Caller) -> None:
    peer = await caller.session()
    tool = {"type": "mcp", "server_label": LABEL, "server_url": NOWHERE}
    await peer.send(peer.words.update(tools=[tool]))
    await peer.expect("session.updated")
    event = await peer.until(*LISTED)
    require_equal(event["type"], "mcp_list_tools.failed", "The end of the listing")
    await peer.send(peer.words.update(tools=[]))
    await peer.until("session.updated")


@check(
    "mcp.call.order",
    "A response that calls a tool ends before the tool has answered.",
    Source.CAPTURE,
    dialects=GA,
    needs=[Needs.MCP],
)
async def call_order(caller: Caller) -> None:
    peer, turn = await called(caller)
    item = item_of(turn, "mcp_call")
    require_equal(item.get("server_label"), LABEL, "server_label")
    require(not any(each.get("type") in ENDS for each in turn.events), "The call ended before its response.")
    events = await peer.through(*ENDS)
    types = [each["type"] for each in events]
    require("response.mcp_call.in_progress" in types, "The call was not told to be in progress.")
    require_equal(events[-1].get("item_id"), item.get("id"), "item_id of the end of the call")


@check(
    "mcp.call.arguments",
    "The arguments of a call are told in deltas and at their end.",
    Source.REFERENCE,
    dialects=GA,
    needs=[Needs.MCP],
)
async def call_arguments(caller: Caller) -> None:
    _, turn = await called(caller)
    end = turn.first("response.mcp_call_arguments.done")
    require_equal(turn.text("response.mcp_call_arguments"), end.get("arguments"), "What the deltas add up to")
    require_equal(item_of(turn, "mcp_call").get("arguments"), end.get("arguments"), "The item's arguments")


@check(
    "mcp.call.output",
    "The finished call holds what the tool returned, or why it did not.",
    Source.CLIENTS,
    dialects=GA,
    needs=[Needs.MCP],
)
async def call_output(caller: Caller) -> None:
    peer, turn = await called(caller)
    call_id = item_of(turn, "mcp_call").get("id")
    while True:
        event = await peer.until("conversation.item.done")
        if event["item"].get("id") == call_id:
            break
    item = event["item"]
    given = isinstance(item.get("output"), str) or isinstance(item.get("error"), dict)
    require(
        given,
        f"The item has the output {brief(item.get('output'))} and the error {brief(item.get('error'))}.",
    )


@check(
    "mcp.call.follow-up",
    "The answer with the tool's result follows by itself.",
    Source.REPORTS,
    dialects=GA,
    needs=[Needs.MCP],
    believed=True,
)
async def follow_up(caller: Caller) -> None:
    peer, _ = await called(caller)
    await peer.until("response.created")
    turn = await finished_of(peer)
    require(bool(turn.output), "The answer is empty.")


async def finished_of(peer: Peer) -> Turn:
    """The rest of a response of which the beginning was read."""
    return Turn(await peer.through("response.done"), peer.words)


@check(
    "mcp.approval.request",
    "Unless told otherwise a call is asked about first.",
    Source.REFERENCE,
    dialects=GA,
    needs=[Needs.MCP],
)
async def approval_request(caller: Caller) -> None:
    peer, turn = await called(caller, "always")
    item = item_of(turn, "mcp_approval_request")
    require_equal(item.get("server_label"), LABEL, "server_label")
    for key in ("name", "arguments"):
        require(isinstance(item.get(key), str), f"The request has no {key}.")
    calls = [
        each["type"] for each in await peer.settle() if str(each["type"]).startswith("response.mcp_call")
    ]
    require(not calls, "The tool was called without approval.")


@check(
    "mcp.approval.granted",
    "A call that was approved is made.",
    Source.CAPTURE,
    dialects=GA,
    needs=[Needs.MCP],
)
async def approval_granted(caller: Caller) -> None:
    peer, turn = await called(caller, "always")
    request = item_of(turn, "mcp_approval_request")
    await answer(peer, request, approve=True)
    await peer.send(peer.words.create())
    call = item_of(await finished(peer), "mcp_call")
    require_equal(call.get("approval_request_id"), request.get("id"), "approval_request_id")
    require_equal(call.get("name"), request.get("name"), "The name of the tool")
    await peer.until(*ENDS)


@check(
    "mcp.approval.refused",
    "A call that was refused is not made.",
    Source.REFERENCE,
    dialects=GA,
    needs=[Needs.MCP],
)
async def approval_refused(caller: Caller) -> None:
    peer, turn = await called(caller, "always")
    await answer(peer, item_of(turn, "mcp_approval_request"), approve=False)
    await peer.send(peer.words.create(tool_choice="none"))
    kinds = [item.get("type") for item in (await finished(peer)).output]
    require("mcp_call" not in kinds, "The tool was called all the same.")


async def answer(peer: Peer, request: Event, *, approve: bool) -> None:
    item = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": approve}
    event = await add(peer, item)
    require_equal(event["item"].get("approve"), approve, "`approve` of the item")


@check("mcp.refused.label-twice", "Two servers of the same label are refused.", Source.GUIDE, dialects=GA)
async def label_twice(caller: Caller) -> None:
    peer = await caller.session()
    tool = {"type": "mcp", "server_label": LABEL, "server_url": NOWHERE}
    await peer.refused(peer.words.update(tools=[tool, tool]))


@check(
    "mcp.refused.two-addresses", "A server with two kinds of address is refused.", Source.GUIDE, dialects=GA
)
async def two_addresses(caller: Caller) -> None:
    peer = await caller.session()
    tool = {"type": "mcp", "server_label": LABEL, "server_url": NOWHERE, "connector_id": "connector_gmail"}
    await peer.refused(peer.words.update(tools=[tool]))


@check("mcp.refused.no-address", "A new server without an address is refused.", Source.GUIDE, dialects=GA)
async def no_address(caller: Caller) -> None:
    peer = await caller.session()
    await peer.refused(peer.words.update(tools=[{"type": "mcp", "server_label": LABEL}]))


@check("mcp.secret", "The authorization of a server is not shown again.", Source.INFERRED, dialects=GA)
async def secret(caller: Caller) -> None:
    peer = await caller.session()
    token = "conformance-token-0123456789"  # noqa: S105 - it opens nothing
    tool = {"type": "mcp", "server_label": LABEL, "server_url": NOWHERE, "authorization": token}
    shown = await peer.updated(tools=[tool])
    require(token not in str(shown), "The session shows the token.")
