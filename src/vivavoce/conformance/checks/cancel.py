"""Responses that are cancelled, by the caller or by the caller's voice."""

from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import Needs, NotRun, Source, brief, check, require, require_equal
from vivavoce.conformance.checks.items import add, retrieve, truncation
from vivavoce.conformance.peer import Peer
from vivavoce.conformance.sound import appends, silence
from vivavoce.conformance.steering import BRIEF, LONG
from vivavoce.conformance.turn import Turn, respond
from vivavoce.conformance.words import Event

CANCEL: Event = {"type": "response.cancel"}
NOT_ACTIVE = "response_cancel_not_active"


async def begun(caller: Caller) -> tuple[Peer, list[Event]]:
    """A session in which a long answer is being spoken: the events up to its first audio."""
    peer = await caller.session(modality="audio", instructions=LONG)
    await peer.send(peer.words.create())
    return peer, await peer.through(peer.words.audio_begins)


async def cancelled(caller: Caller, reason: str = "client_cancelled") -> tuple[Peer, Turn]:
    """A long answer that was cancelled while it was spoken."""
    peer, events = await begun(caller)
    await peer.send(CANCEL)
    events += await peer.through("response.done")
    turn = Turn(events, peer.words)
    await assert_in_time(peer, turn.response)
    return peer, turn


async def assert_in_time(peer: Peer, response: Event) -> None:
    """Raise NotRun for a response that was completed before it could be cancelled: then the server refuses to
    cancel it."""
    if response.get("status") != "completed":
        return
    errors = [event.get("error") or {} for event in await peer.settle() if event.get("type") == "error"]
    if any(error.get("code") == NOT_ACTIVE for error in errors):
        raise NotRun("The server had said everything before it could be cancelled.")


@check("cancel.status", "A cancelled response says so, and who did it.", Source.REFERENCE)
async def status(caller: Caller) -> None:
    _, turn = await cancelled(caller)
    require_equal(turn.response.get("status"), "cancelled", "The status")
    details = {"type": "cancelled", "reason": "client_cancelled"}
    require_equal(turn.response.get("status_details"), details, "status_details")


@check("cancel.item", "The item of a cancelled response is incomplete.", Source.REFERENCE)
async def item(caller: Caller) -> None:
    peer, turn = await cancelled(caller)
    require_equal(turn.message.get("status"), "incomplete", "The status of the item")
    stored = await retrieve(peer, turn.message["id"])
    require_equal(stored.get("status"), "incomplete", "The status of the stored item")


@check("cancel.closing", "What a cancelled response had opened is closed.", Source.REFERENCE)
async def closing(caller: Caller) -> None:
    peer, turn = await cancelled(caller)
    words = peer.words
    for kind in (
        f"{words.audio}.done",
        f"{words.transcript}.done",
        "response.content_part.done",
        "response.output_item.done",
    ):
        require_equal(turn.types.count(kind), 1, f"The number of {kind}")


@check("cancel.partial", "The transcript of a cancelled response is what was sent of it.", Source.REPORTS)
async def partial(caller: Caller) -> None:
    peer, turn = await cancelled(caller)
    sent = turn.text(peer.words.transcript)
    content = turn.message.get("content") or [{}]
    require_equal(content[0].get("transcript"), sent, "The transcript of the item")


@check("cancel.usage", "A cancelled response used tokens for what it made.", Source.REPORTS, believed=True)
async def usage(caller: Caller) -> None:
    _, turn = await cancelled(caller)
    used = turn.response.get("usage") or {}
    require(used.get("output_tokens", 0) > 0, f"The usage is {brief(used)}.")


@check("cancel.by-id", "A response is cancelled by its id.", Source.REFERENCE)
async def by_id(caller: Caller) -> None:
    peer, events = await begun(caller)
    response_id = Turn(events, peer.words).created["id"]
    await peer.send(CANCEL | {"response_id": response_id})
    response = (await peer.until("response.done")).get("response") or {}
    await assert_in_time(peer, response)
    require_equal(response.get("status"), "cancelled", "The status")
    require_equal(response.get("id"), response_id, "The id of the response")


@check(
    "cancel.unknown-id",
    "An unknown response cannot be cancelled, and the one in progress goes on.",
    Source.INFERRED,
)
async def unknown_id(caller: Caller) -> None:
    peer, _ = await begun(caller)
    await peer.send(CANCEL | {"response_id": "resp_nobody"})
    event = (await peer.through("error", "response.done"))[-1]
    await assert_in_time(peer, event.get("response") or {})
    require_equal((event.get("error") or {}).get("code"), NOT_ACTIVE, "The code of the error")


@check("cancel.idle", "Where nothing goes on, nothing can be cancelled.", Source.REPORTS)
async def idle(caller: Caller) -> None:
    peer = await caller.session()
    error = await peer.refused(CANCEL)
    require_equal(error.get("code"), NOT_ACTIVE, "The code of the error")


@check("cancel.finished", "A finished response cannot be cancelled.", Source.REPORTS)
async def done_already(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    await respond(peer)
    error = await peer.refused(CANCEL)
    require_equal(error.get("code"), NOT_ACTIVE, "The code of the error")


@check("cancel.twice", "A response is cancelled once.", Source.REPORTS)
async def twice(caller: Caller) -> None:
    peer, _ = await begun(caller)
    await peer.send(CANCEL, CANCEL)
    response = (await peer.through("response.done"))[-1].get("response") or {}
    await assert_in_time(peer, response)
    require_equal(response.get("status"), "cancelled", "The status")
    error = (await peer.expect("error")).get("error") or {}
    require_equal(error.get("code"), NOT_ACTIVE, "The code of the error")


@check("cancel.at-once", "A response can be cancelled before it says anything.", Source.INFERRED)
async def at_once(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=LONG)
    await peer.send(peer.words.create(), CANCEL)
    response = (await peer.until("response.done")).get("response") or {}
    require_equal(response.get("status"), "cancelled", "The status")


@check("cancel.next", "After a cancelled response the next one is made.", Source.REFERENCE)
async def following(caller: Caller) -> None:
    peer, _ = await cancelled(caller)
    await respond(peer, instructions=BRIEF)


@check("cancel.chain", "The cancelled item stays in the conversation.", Source.REFERENCE)
async def chain(caller: Caller) -> None:
    peer, turn = await cancelled(caller)
    event = await add(peer, peer.words.user("Stop"))
    require_equal(event.get("previous_item_id"), turn.message.get("id"), "previous_item_id of the next item")


@check("cancel.truncate", "What a cancelled response said can be truncated.", Source.GUIDE)
async def truncate(caller: Caller) -> None:
    peer, turn = await cancelled(caller)
    if not peer.words.over_webrtc and len(turn.audio) < 48 * 20:
        raise NotRun("The server had said too little.")
    await peer.send(truncation(turn.message["id"], 10))
    await peer.expect("conversation.item.truncated")


@check("cancel.truncate-meanwhile", "An answer can be truncated while it is spoken.", Source.INFERRED)
async def truncate_meanwhile(caller: Caller) -> None:
    peer, events = await begun(caller)
    item_id = str(Turn(events, peer.words).first("response.content_part.added").get("item_id"))
    await peer.send(truncation(item_id, 0), CANCEL)
    events = await peer.through("response.done")
    await assert_in_time(peer, events[-1].get("response") or {})
    require(
        any(each.get("type") == "conversation.item.truncated" for each in events),
        "conversation.item.truncated did not come.",
    )


# Interruption


async def interrupt(caller: Caller, **detection: object) -> tuple[Peer, list[Event]]:
    """A long answer into which somebody speaks: the events up to the end of the response."""
    peer = await caller.session(
        modality="audio",
        instructions=LONG,
        turn_detection={"type": "server_vad", "create_response": False} | detection,
    )
    await peer.send(peer.words.create())
    await peer.until(peer.words.audio_begins)
    await peer.send(*appends(caller.speech.audio() + silence(1500)))
    return peer, await peer.through("response.done")


@check("cancel.interrupted", "Who speaks cancels the answer.", Source.REFERENCE, needs=[Needs.SPEECH])
async def interrupted(caller: Caller) -> None:
    _, events = await interrupt(caller)
    response = events[-1].get("response") or {}
    if response.get("status") == "completed":
        raise NotRun("The server had said everything before it could be interrupted.")
    details = {"type": "cancelled", "reason": "turn_detected"}
    require_equal(response.get("status"), "cancelled", "The status")
    require_equal(response.get("status_details"), details, "status_details")


@check(
    "cancel.interrupted-order",
    "`speech_started` comes before the end of the answer that it cancels.",
    Source.REPORTS,
    needs=[Needs.SPEECH],
)
async def interrupted_order(caller: Caller) -> None:
    _, events = await interrupt(caller)
    types = [each.get("type") for each in events]
    if (events[-1].get("response") or {}).get("status") == "completed":
        raise NotRun("The server had said everything before it could be interrupted.")
    require("input_audio_buffer.speech_started" in types, "The answer ended before speech_started.")


@check(
    "cancel.interrupted-chain",
    "What the interrupter says is placed behind the answer.",
    Source.INFERRED,
    needs=[Needs.SPEECH],
)
async def interrupted_chain(caller: Caller) -> None:
    peer, events = await interrupt(caller)
    answer = events[-1]["response"]["output"][-1]["id"]
    seen = [each for each in events if each.get("type") == "input_audio_buffer.committed"]
    committed = seen[0] if seen else await peer.until("input_audio_buffer.committed")
    require_equal(committed.get("previous_item_id"), answer, "previous_item_id of what was said")


@check(
    "cancel.not-interrupted",
    "With `interrupt_response` off the answer is spoken to its end.",
    Source.REFERENCE,
    needs=[Needs.SPEECH],
)
async def not_interrupted(caller: Caller) -> None:
    peer = await caller.session(
        modality="audio",
        instructions=LONG,
        turn_detection={"type": "server_vad", "create_response": False, "interrupt_response": False},
    )
    await peer.send(peer.words.create())
    await peer.until(peer.words.audio_begins)
    await peer.send(*appends(caller.speech.audio() + silence(1500)))
    events: list[Event] = []
    while not {"input_audio_buffer.committed", "response.done"} <= {each.get("type") for each in events}:
        events += await peer.through("input_audio_buffer.committed", "response.done")
    (response,) = [each["response"] for each in events if each.get("type") == "response.done"]
    require_equal(response.get("status"), "completed", "The status")
