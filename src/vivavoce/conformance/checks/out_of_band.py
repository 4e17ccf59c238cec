"""Responses beside the conversation."""

from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import NO_DELTAS, Fault, Source, brief, check, require, require_equal
from vivavoce.conformance.checks.items import add
from vivavoce.conformance.steering import BRIEF, LONG, QUESTION, forced
from vivavoce.conformance.turn import Turn, respond

BESIDE = {"conversation": "none", "modality": "text", "instructions": BRIEF}


@check("out-of-band.no-items", "A response beside the conversation adds nothing to it.", Source.REFERENCE)
async def no_items(caller: Caller) -> None:
    peer = await caller.session()
    turn = await respond(peer, **BESIDE)
    entered = [kind for kind in turn.types if kind.startswith("conversation.")]
    require(not entered, f"These events came: {brief(entered)}.")
    event = await add(peer, peer.words.user("Hello"))
    require_equal(event.get("previous_item_id"), None, "previous_item_id of the first item")


@check("out-of-band.conversation-id", "It belongs to no conversation.", Source.REFERENCE)
async def conversation_id(caller: Caller) -> None:
    peer = await caller.session()
    turn = await respond(peer, **BESIDE)
    for shown in (turn.created, turn.response):
        require_equal(shown.get("conversation_id", "absent"), None, "conversation_id")


@check("out-of-band.metadata", "It is told from others by its metadata.", Source.REFERENCE)
async def metadata(caller: Caller) -> None:
    peer = await caller.session()
    turn = await respond(peer, metadata={"topic": "aside"}, **BESIDE)
    require_equal(turn.created.get("metadata"), {"topic": "aside"}, "metadata of response.created")
    require_equal(turn.response.get("metadata"), {"topic": "aside"}, "metadata of response.done")


@check("out-of-band.order", "Its events come in their order.", Source.REFERENCE)
async def order(caller: Caller) -> None:
    peer = await caller.session()
    turn = await respond(peer, **BESIDE)
    family = peer.words.text
    expected = [
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        f"{family}.delta",
        f"{family}.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    require_equal(list(dict.fromkeys(turn.types)), expected, "The order of the events")


@check("out-of-band.parallel", "It may be asked for while another response goes on.", Source.REFERENCE)
async def parallel(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=LONG)
    await peer.send(peer.words.create(metadata={"name": "main"}))
    await peer.until("response.content_part.added")
    await peer.send(peer.words.create(metadata={"name": "beside"}, **BESIDE))
    beside = None
    while beside is None:
        event = await peer.until("response.created", "response.done")
        response = event.get("response") or {}
        if event["type"] == "response.created" and response.get("metadata") == {"name": "beside"}:
            beside = response.get("id")
    await peer.send({"type": "response.cancel"})
    ended: dict[str, str] = {}
    while "beside" not in ended:
        event = (await peer.through("response.done", "error"))[-1]
        if event["type"] == "error":
            continue  # the other one had ended before it could be cancelled
        response = event.get("response") or {}
        ended[str((response.get("metadata") or {}).get("name"))] = str(response.get("status"))
    require_equal(ended.get("beside"), "completed", "The status of the response beside the conversation")


@check("out-of-band.two", "Two of them may go on at once.", Source.REFERENCE)
async def two(caller: Caller) -> None:
    peer = await caller.session()
    names = ("one", "two")
    await peer.send(*(peer.words.create(metadata={"name": name}, **BESIDE) for name in names))
    ended: dict[str, str] = {}
    while len(ended) < 2:
        response = (await peer.until("response.done")).get("response") or {}
        ended[str((response.get("metadata") or {}).get("name"))] = str(response.get("status"))
    require_equal(ended, dict.fromkeys(names, "completed"), "How they ended")


@check("out-of-band.input", "It may be given its context, which enters no conversation.", Source.GUIDE)
async def own_input(caller: Caller) -> None:
    peer = await caller.session()
    turn = await respond(peer, input=[peer.words.user("Hello")], **BESIDE)
    require(bool(turn.message), "There is no answer.")
    event = await add(peer, peer.words.user("Hello"))
    require_equal(event.get("previous_item_id"), None, "previous_item_id of the first item")


@check("out-of-band.reference", "Its context may refer to items of the conversation.", Source.REFERENCE)
async def reference(caller: Caller) -> None:
    peer = await caller.session()
    await add(peer, peer.words.user("Hello", id="mine"))
    turn = await respond(peer, input=[{"type": "item_reference", "id": "mine"}], **BESIDE)
    require(bool(turn.message), "There is no answer.")


@check("out-of-band.context", "Without `input` it knows the conversation.", Source.GUIDE)
async def context(caller: Caller) -> None:
    peer = await caller.session()
    await add(peer, peer.words.user("Hello " * 400))
    knowing = await respond(peer, **BESIDE)
    blank = await respond(peer, input=[], **BESIDE)
    used = [(turn.response.get("usage") or {}).get("input_tokens", 0) for turn in (knowing, blank)]
    require(used[0] > used[1], f"It used {used[0]} tokens of input, with an empty one {used[1]}.")


@check("out-of-band.not-stored", "Its items cannot be retrieved.", Source.INFERRED)
async def not_stored(caller: Caller) -> None:
    peer = await caller.session()
    turn = await respond(peer, **BESIDE)
    await peer.refused({"type": "conversation.item.retrieve", "item_id": turn.message["id"]})


@check("out-of-band.cancel", "It is cancelled by its id.", Source.REFERENCE)
async def cancel(caller: Caller) -> None:
    peer = await caller.session()
    await peer.send(peer.words.create(conversation="none", modality="audio", instructions=LONG))
    events = await peer.through("response.content_part.added")
    response_id = Turn(events, peer.words).created["id"]
    await peer.send({"type": "response.cancel", "response_id": response_id})
    response = (await peer.until("response.done")).get("response") or {}
    if response.get("status") != "completed":
        require_equal(response.get("status"), "cancelled", "The status")
        require_equal(response.get("id"), response_id, "The id of the response")


@check("out-of-band.not-active", "A cancel without an id does not touch it.", Source.REFERENCE, believed=True)
async def not_active(caller: Caller) -> None:
    peer = await caller.session()
    await peer.send(peer.words.create(conversation="none", modality="audio", instructions=LONG))
    await peer.until("response.content_part.added")
    await peer.send({"type": "response.cancel"})
    event = (await peer.through("error", "response.done"))[-1]
    if event["type"] == "response.done":
        require_equal(event["response"].get("status"), "completed", "The status")
    else:
        code = event["error"].get("code")
        require_equal(code, "response_cancel_not_active", "The code of the error")


@check("out-of-band.function", "It may call functions.", Source.REFERENCE)
async def function(caller: Caller) -> None:
    peer = await caller.session()
    question = [peer.words.user(QUESTION)]
    turn = await respond(peer, conversation="none", modality="text", input=question, **forced())
    require_equal(turn.call.get("name"), "get_weather", "The name of the function")


@check("out-of-band.spoken", "It may speak.", Source.REFERENCE, websocket_only=NO_DELTAS)
async def spoken(caller: Caller) -> None:
    peer = await caller.session()
    turn = await respond(peer, conversation="none", modality="audio", instructions=BRIEF)
    if not turn.audio:
        raise Fault("There is no audio.")
