"""What a server says to events that it cannot take."""

from collections.abc import Awaitable, Callable

from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import Source, brief, check, require, require_equal
from vivavoce.conformance.refusals import CASES, Case
from vivavoce.conformance.steering import BRIEF
from vivavoce.conformance.turn import respond

KEYS = {"type", "code", "message", "param", "event_id"}


def _play(case: Case) -> Callable[[Caller], Awaitable[None]]:
    async def play(caller: Caller) -> None:
        peer = await caller.session()
        before = await peer.updated()
        error = await peer.refused(case.event(peer.words))
        require_equal(error.get("type"), "invalid_request_error", "The type of the error")
        require_equal(error.get("code"), case.code, "The code of the error")
        if case.param is not None:
            param = case.param if isinstance(case.param, str) else case.param(peer.words)
            require_equal(error.get("param"), param, "The param of the error")
        require_equal(await peer.updated(), before, "The session after the refusal")

    return play


for _case in CASES:
    check(
        f"errors.{_case.id}",
        _case.title,
        _case.source,
        believed=_case.believed,
        dialects=_case.dialects,
        websocket_only=_case.websocket_only,
    )(_play(_case))


@check("errors.shape", "An error has all five keys.", Source.CAPTURE)
async def shape(caller: Caller) -> None:
    peer = await caller.session()
    error = await peer.refused({"type": "nope"})
    require_equal(set(error), KEYS, "The keys of the error")


@check("errors.echo", "An error quotes the `event_id` of the event that it refuses.", Source.CAPTURE)
async def echo(caller: Caller) -> None:
    peer = await caller.session()
    error = await peer.refused(peer.words.update(bogus=1) | {"event_id": "event_of_mine"})
    require_equal(error.get("event_id"), "event_of_mine", "event_id of the error")


@check("errors.echo-null", "An error about an event without an id quotes null.", Source.CAPTURE)
async def echo_null(caller: Caller) -> None:
    peer = await caller.session()
    error = await peer.refused(peer.words.update(bogus=1))
    require("event_id" in error, "The error has no event_id.")
    require_equal(error.get("event_id"), None, "event_id of the error")


@check(
    "errors.echo-state",
    "An error about the conversation's state quotes the `event_id`, too.",
    Source.INFERRED,
)
async def echo_state(caller: Caller) -> None:
    peer = await caller.session()
    delete = {"type": "conversation.item.delete", "item_id": "nobody", "event_id": "event_of_mine"}
    error = await peer.refused(delete)
    require_equal(error.get("event_id"), "event_of_mine", "event_id of the error")


@check("errors.own-id", "An error has an `event_id` of its own as well.", Source.CAPTURE)
async def own_id(caller: Caller) -> None:
    peer = await caller.session()
    await peer.send({"type": "nope", "event_id": "event_of_mine"})
    event_id = (await peer.expect("error")).get("event_id")
    require(isinstance(event_id, str) and event_id, f"event_id is {brief(event_id)}.")
    require(event_id != "event_of_mine", "The outer event_id is the client's.")


@check("errors.message", "An error says what is wrong, and names the value.", Source.CAPTURE)
async def message(caller: Caller) -> None:
    peer = await caller.session()
    error = await peer.refused({"type": "nope"})
    require("nope" in str(error.get("message")), f"The message is {brief(error.get('message'))}.")


@check("errors.void", "An update with one bad value changes nothing at all.", Source.CAPTURE)
async def void(caller: Caller) -> None:
    peer = await caller.session()
    await peer.refused(peer.words.update(instructions="Changed.", voice="nobody"))
    require_equal(
        (await peer.updated()).get("instructions"), peer.session.get("instructions"), "instructions"
    )


@check("errors.four-in-a-row", "After four bad events in a row the session works on.", Source.CAPTURE)
async def four(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    for number in range(4):
        await peer.refused({"type": f"nope.{number}"})
    await respond(peer)


@check("errors.not-json", "A text that is not JSON is refused, and the session works on.", Source.CAPTURE)
async def not_json(caller: Caller) -> None:
    peer = await caller.session()
    await peer.send_text("{'type': 'response.create'")
    error = (await peer.expect("error")).get("error") or {}
    require_equal(error.get("code"), "invalid_json", "The code of the error")
    require_equal(error.get("param"), None, "The param of the error")
    await peer.updated()


@check("errors.not-object", "JSON that is no object is refused, and the session works on.", Source.INFERRED)
async def not_object(caller: Caller) -> None:
    peer = await caller.session()
    await peer.send_text("[]")
    await peer.expect("error")
    await peer.updated()


@check("errors.binary", "A binary frame is refused, and the session works on.", Source.CAPTURE)
async def binary(caller: Caller) -> None:
    peer = await caller.session()
    await peer.send_binary(b"\x00\x01")
    error = (await peer.expect("error")).get("error") or {}
    require_equal(error.get("code"), "invalid_event", "The code of the error")
    await peer.updated()


@check("errors.in-order", "Events are dealt with in the order in which they come.", Source.CAPTURE)
async def in_order(caller: Caller) -> None:
    peer = await caller.session()
    await peer.send(
        peer.words.update(instructions="one"),
        {"type": "nope"},
        {"type": "input_audio_buffer.clear"},
        peer.words.update(instructions="two"),
    )
    await peer.expect_each("session.updated", "error", "input_audio_buffer.cleared", "session.updated")
