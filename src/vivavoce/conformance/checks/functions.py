"""Function calls."""

import json

from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import GA, Source, brief, check, require, require_equal
from vivavoce.conformance.checks.items import add
from vivavoce.conformance.peer import Peer
from vivavoce.conformance.steering import QUESTION, WEATHER, forced
from vivavoce.conformance.turn import Turn, respond

ARGUMENTS = "response.function_call_arguments"


async def call(caller: Caller) -> tuple[Peer, Turn]:
    """A response that had to call a function."""
    peer = await caller.session(modality="text", tools=[WEATHER])
    await add(peer, peer.words.user(QUESTION))
    return peer, await respond(peer, tool_choice=forced()["tool_choice"])


@check("functions.call.order", "A call's events come in their order.", Source.REFERENCE)
async def order(caller: Caller) -> None:
    peer, turn = await call(caller)
    types = [kind for kind in turn.types if kind != f"{ARGUMENTS}.delta"]
    done = ["conversation.item.done"] if peer.words.ga else []
    expected = [
        "response.created",
        "response.output_item.added",
        peer.words.added,
        f"{ARGUMENTS}.done",
        *done,
        "response.output_item.done",
        "response.done",
    ]
    require_equal(types, expected, "The order of the events")


@check("functions.call.item", "The call names the function, and has an id for its output.", Source.REFERENCE)
async def item(caller: Caller) -> None:
    _, turn = await call(caller)
    found = turn.call
    require_equal(found.get("name"), "get_weather", "The name of the function")
    require_equal(found.get("status"), "completed", "The status of the call")
    require(bool(found.get("call_id")), "The call has no call_id.")


@check(
    "functions.call.arguments",
    "The arguments are JSON that fits the function's parameters.",
    Source.REFERENCE,
)
async def arguments(caller: Caller) -> None:
    _, turn = await call(caller)
    text = turn.call.get("arguments")
    try:
        found = json.loads(str(text))
    except ValueError:
        found = None
    require(isinstance(found, dict), f"The arguments are {brief(text)}.")
    assert isinstance(found, dict)
    require(isinstance(found.get("city"), str), f"The arguments are {brief(found)}: there is no `city`.")


@check("functions.call.begins-empty", "A call begins without arguments, in progress.", Source.REFERENCE)
async def begins_empty(caller: Caller) -> None:
    _, turn = await call(caller)
    found = turn.first("response.output_item.added").get("item") or {}
    require_equal(found.get("type"), "function_call", "The type of the item")
    require_equal(found.get("arguments"), "", "The arguments at the beginning")
    require_equal(found.get("status"), "in_progress", "The status at the beginning")


@check("functions.call.no-parts", "A call has no content parts.", Source.REFERENCE)
async def no_parts(caller: Caller) -> None:
    _, turn = await call(caller)
    require("response.content_part.added" not in turn.types, "The call has a content part.")


@check("functions.call.name", "The end of the arguments names the function.", Source.REFERENCE, dialects=GA)
async def name(caller: Caller) -> None:
    _, turn = await call(caller)
    require_equal(turn.first(f"{ARGUMENTS}.done").get("name"), "get_weather", "`name` of the event")


@check("functions.call.status", "A response that ends with a call is completed.", Source.REPORTS)
async def status(caller: Caller) -> None:
    _, turn = await call(caller)
    require_equal(turn.response.get("status"), "completed", "The status")


@check("functions.call.waits", "After a call the model waits for the client.", Source.GUIDE)
async def waits(caller: Caller) -> None:
    peer, _ = await call(caller)
    began = [each["type"] for each in await peer.settle() if str(each["type"]).startswith("response.")]
    require(not began, f"It went on: {brief(began)}.")


@check("functions.output", "The output of a call is taken, and answered when asked for.", Source.REFERENCE)
async def output(caller: Caller) -> None:
    peer, turn = await call(caller)
    found = turn.call
    reply = {"type": "function_call_output", "call_id": found["call_id"], "output": '{"sky": "clear"}'}
    event = await add(peer, reply)
    require_equal(event.get("previous_item_id"), found.get("id"), "previous_item_id of the output")
    answer = await respond(peer, tool_choice="none")
    require(bool(answer.message), "There is no answer.")


@check("functions.output.empty", "An output may be empty.", Source.REFERENCE)
async def output_empty(caller: Caller) -> None:
    peer, turn = await call(caller)
    reply = {"type": "function_call_output", "call_id": turn.call["call_id"], "output": ""}
    require_equal((await add(peer, reply))["item"].get("output"), "", "The output")


@check("functions.choice.required", '`tool_choice: "required"` makes the response a call.', Source.REFERENCE)
async def required(caller: Caller) -> None:
    peer = await caller.session(modality="text", tools=[WEATHER])
    await add(peer, peer.words.user(QUESTION))
    turn = await respond(peer, tool_choice="required")
    kinds = {item.get("type") for item in turn.output}
    require("function_call" in kinds, f"The response consists of {brief(sorted(map(str, kinds)))}.")


@check("functions.choice.none", '`tool_choice: "none"` forbids calls.', Source.REFERENCE)
async def none(caller: Caller) -> None:
    peer = await caller.session(modality="text", tools=[WEATHER])
    await add(peer, peer.words.user(QUESTION))
    turn = await respond(peer, tool_choice="none")
    require(bool(turn.message), "There is no answer.")
    require(all(item.get("type") == "message" for item in turn.output), "A function was called.")


@check("functions.tools-of-response", "A response may bring tools of its own.", Source.REFERENCE)
async def tools_of_response(caller: Caller) -> None:
    peer = await caller.session(modality="text")
    await add(peer, peer.words.user(QUESTION))
    turn = await respond(peer, **forced())
    require_equal(turn.call.get("name"), "get_weather", "The name of the function")
    require_equal((await peer.updated()).get("tools"), [], "The session's tools afterwards")


@check("functions.tools-empty", "A response may do without the session's tools.", Source.REFERENCE)
async def tools_empty(caller: Caller) -> None:
    peer = await caller.session(modality="text", tools=[WEATHER])
    await add(peer, peer.words.user(QUESTION))
    turn = await respond(peer, tools=[], tool_choice="auto")
    require(all(item.get("type") == "message" for item in turn.output), "A function was called.")


@check("functions.spoken", "A session that speaks calls functions, too.", Source.REFERENCE)
async def spoken(caller: Caller) -> None:
    peer = await caller.session(modality="audio", tools=[WEATHER])
    await add(peer, peer.words.user(QUESTION))
    turn = await respond(peer, tool_choice=forced()["tool_choice"])
    require_equal(turn.call.get("name"), "get_weather", "The name of the function")
