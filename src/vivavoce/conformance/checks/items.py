"""The items of the conversation."""

import pybase64

from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import GA, NO_DELTAS, Source, brief, check, require, require_equal
from vivavoce.conformance.peer import Peer
from vivavoce.conformance.sound import silence
from vivavoce.conformance.steering import BRIEF
from vivavoce.conformance.turn import respond
from vivavoce.conformance.words import Event, item_create

PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJ"
    "RU5ErkJggg=="
)


async def add(peer: Peer, item: Event, previous_item_id: str | None = None) -> Event:
    """Create an item: the event that announces it. Raises Fault if it is not announced as it should."""
    await peer.send(item_create(item, previous_item_id))
    return (await peer.expect_each(*peer.words.item_events))[0]


async def retrieve(peer: Peer, item_id: str) -> Event:
    """The item as it is stored."""
    await peer.send({"type": "conversation.item.retrieve", "item_id": item_id})
    item = (await peer.expect("conversation.item.retrieved")).get("item")
    require(isinstance(item, dict), "conversation.item.retrieved has no object `item`.")
    assert isinstance(item, dict)
    return item


@check("items.create.announced", "A created item is announced, complete at once.", Source.CAPTURE)
async def announced(caller: Caller) -> None:
    peer = await caller.session()
    event = await add(peer, peer.words.user("Hello"))
    require_equal(event["item"].get("status"), "completed", "The status of the item")
    require_equal(event["item"].get("content"), [{"type": "input_text", "text": "Hello"}], "The content")
    require_equal(event.get("previous_item_id"), None, "previous_item_id of the first item")


@check("items.create.client-id", "An item keeps the id that the client gave it.", Source.REPORTS)
async def client_id(caller: Caller) -> None:
    peer = await caller.session()
    event = await add(peer, peer.words.user("Hello", id="item_of_mine"))
    require_equal(event["item"].get("id"), "item_of_mine", "The id of the item")


@check("items.create.server-id", "An item without an id gets one from the server.", Source.REFERENCE)
async def server_id(caller: Caller) -> None:
    peer = await caller.session()
    ids = [(await add(peer, peer.words.user(text)))["item"].get("id") for text in ("one", "two")]
    require(all(isinstance(each, str) and each for each in ids), f"The ids are {brief(ids)}.")
    require(ids[0] != ids[1], "Two items got the same id.")


@check("items.create.appended", "An item without `previous_item_id` is placed last.", Source.REFERENCE)
async def appended(caller: Caller) -> None:
    peer = await caller.session()
    await add(peer, peer.words.user("one", id="one"))
    event = await add(peer, peer.words.user("two", id="two"))
    require_equal(event.get("previous_item_id"), "one", "previous_item_id of the second item")


@check("items.create.previous-empty", 'An empty `previous_item_id` means "last".', Source.REPORTS)
async def previous_empty(caller: Caller) -> None:
    peer = await caller.session()
    await add(peer, peer.words.user("one", id="one"))
    event = await add(peer, peer.words.user("two", id="two"), "")
    require_equal(event.get("previous_item_id"), "one", "previous_item_id of the second item")


@check("items.create.previous-null", 'A `previous_item_id` of null means "last".', Source.REFERENCE)
async def previous_null(caller: Caller) -> None:
    peer = await caller.session()
    await add(peer, peer.words.user("one", id="one"))
    await peer.send(item_create(peer.words.user("two", id="two")) | {"previous_item_id": None})
    (event, *_) = await peer.expect_each(*peer.words.item_events)
    require_equal(event.get("previous_item_id"), "one", "previous_item_id of the second item")


@check("items.create.previous-root", "An item created after `root` comes first.", Source.REFERENCE)
async def previous_root(caller: Caller) -> None:
    peer = await caller.session()
    await add(peer, peer.words.user("one", id="one"))
    event = await add(peer, peer.words.user("zero", id="zero"), "root")
    require_equal(event.get("previous_item_id"), None, "previous_item_id of the item behind `root`")
    event = await add(peer, peer.words.user("half", id="half"), "zero")
    require_equal(event.get("previous_item_id"), "zero", "previous_item_id of the item behind it")


@check("items.create.inserted", "An item is inserted behind the one that it names.", Source.REFERENCE)
async def inserted(caller: Caller) -> None:
    peer = await caller.session()
    for name in ("alpha", "bravo"):
        await add(peer, peer.words.user(name, id=name))
    event = await add(peer, peer.words.user("charlie", id="charlie"), "alpha")
    require_equal(event.get("previous_item_id"), "alpha", "previous_item_id of the inserted item")
    event = await add(peer, peer.words.user("delta", id="delta"))
    require_equal(event.get("previous_item_id"), "bravo", "previous_item_id of the next item")


@check("items.create.previous-unknown", "An unknown `previous_item_id` is refused.", Source.REFERENCE)
async def previous_unknown(caller: Caller) -> None:
    peer = await caller.session()
    error = await peer.refused(item_create(peer.words.user("one", id="one"), "nobody"))
    require_equal(error.get("code"), "item_create_invalid_previous_item_id", "The code of the error")
    gone = await peer.refused({"type": "conversation.item.retrieve", "item_id": "one"})
    require_equal(gone.get("code"), "item_retrieve_invalid_item_id", "The code when retrieving it")


@check("items.create.duplicate", "An id that is in the conversation is refused.", Source.REPORTS)
async def duplicate(caller: Caller) -> None:
    peer = await caller.session()
    await add(peer, peer.words.user("one", id="mine"))
    error = await peer.refused(item_create(peer.words.user("two", id="mine")))
    require_equal(error.get("code"), "item_create_duplicate_item_id", "The code of the error")
    item = await retrieve(peer, "mine")
    require_equal(item.get("content"), [{"type": "input_text", "text": "one"}], "The stored content")


@check("items.create.system", "The system may speak.", Source.REFERENCE)
async def system(caller: Caller) -> None:
    peer = await caller.session()
    event = await add(peer, peer.words.system("Be kind."))
    require_equal(event["item"].get("role"), "system", "The role")


@check("items.create.assistant", "What the assistant wrote may be replayed.", Source.REFERENCE)
async def assistant(caller: Caller) -> None:
    peer = await caller.session()
    event = await add(peer, peer.words.assistant("Good morning."))
    content = [{"type": peer.words.assistant_text, "text": "Good morning."}]
    require_equal(event["item"].get("content"), content, "The content")
    require_equal(event["item"].get("role"), "assistant", "The role")


@check("items.create.parts", "A user's message may have several parts.", Source.REFERENCE)
async def parts(caller: Caller) -> None:
    peer = await caller.session()
    content = [{"type": "input_text", "text": text} for text in ("one", "two")]
    event = await add(peer, {"type": "message", "role": "user", "content": content})
    require_equal(event["item"].get("content"), content, "The content")


@check("items.create.audio", "A user's audio is taken, and its bytes are not sent back.", Source.REFERENCE)
async def audio(caller: Caller) -> None:
    peer = await caller.session()
    sound = pybase64.b64encode(silence(500)).decode()
    content = [{"type": "input_audio", "audio": sound}]
    event = await add(peer, {"type": "message", "role": "user", "content": content})
    (part,) = event["item"].get("content") or [None]
    require(isinstance(part, dict) and part.get("type") == "input_audio", f"The content is {brief(part)}.")
    require(not part.get("audio"), "The event carries the audio's bytes.")


@check("items.create.image", "A user may show a picture.", Source.REFERENCE, dialects=GA)
async def image(caller: Caller) -> None:
    peer = await caller.session()
    content = [
        {"type": "input_image", "image_url": PICTURE, "detail": "low"},
        {"type": "input_text", "text": "What is this?"},
    ]
    event = await add(peer, {"type": "message", "role": "user", "content": content})
    kinds = [part.get("type") for part in event["item"].get("content") or []]
    require_equal(kinds, ["input_image", "input_text"], "The types of the parts")


@check("items.create.status-ignored", "The status that a client sends is ignored.", Source.REFERENCE)
async def status_ignored(caller: Caller) -> None:
    peer = await caller.session()
    event = await add(peer, peer.words.user("Hello", status="incomplete"))
    require_equal(event["item"].get("status"), "completed", "The status of the item")


@check("items.create.silent", "A new item does not start a response.", Source.GUIDE)
async def silent(caller: Caller) -> None:
    peer = await caller.session(modality="text")
    await add(peer, peer.words.user("Hello"))
    events = await peer.settle()
    began = [event["type"] for event in events if str(event.get("type")).startswith("response.")]
    require(not began, f"A response began: {brief(began)}.")


@check("items.create.call-replayed", "A function call and its output may be replayed.", Source.REFERENCE)
async def call_replayed(caller: Caller) -> None:
    peer = await caller.session()
    call = {"type": "function_call", "name": "get_time", "call_id": "call_of_mine", "arguments": "{}"}
    event = await add(peer, call)
    for key in ("name", "call_id", "arguments"):
        require_equal(event["item"].get(key), call[key], f"`{key}` of the call")
    output = {"type": "function_call_output", "call_id": "call_of_mine", "output": "noon"}
    event = await add(peer, output)
    for key in ("call_id", "output"):
        require_equal(event["item"].get(key), output[key], f"`{key}` of the output")


@check("items.create.object", "Items are called `realtime.item` in the beta dialect only.", Source.CAPTURE)
async def object_key(caller: Caller) -> None:
    peer = await caller.session()
    event = await add(peer, peer.words.user("Hello"))
    expected = None if peer.words.ga else "realtime.item"
    require_equal(event["item"].get("object"), expected, "`object` of the item")


@check("items.retrieve.text", "A stored item is retrieved as it was created.", Source.REFERENCE)
async def retrieve_text(caller: Caller) -> None:
    peer = await caller.session()
    event = await add(peer, peer.words.user("Hello"))
    item = await retrieve(peer, event["item"]["id"])
    for key in ("id", "type", "role", "status", "content"):
        require_equal(item.get(key), event["item"].get(key), f"`{key}` of the item")


@check("items.retrieve.audio", "A user's stored audio is retrieved with its bytes.", Source.REFERENCE)
async def retrieve_audio(caller: Caller) -> None:
    peer = await caller.session()
    sound = pybase64.b64encode(silence(500)).decode()
    content = [{"type": "input_audio", "audio": sound}]
    event = await add(peer, {"type": "message", "role": "user", "content": content})
    item = await retrieve(peer, event["item"]["id"])
    (part,) = item.get("content") or [{}]
    require(bool(part.get("audio")), "The retrieved part has no `audio`.")


@check(
    "items.retrieve.answer-audio",
    "A spoken answer is retrieved with its audio.",
    Source.REFERENCE,
    websocket_only=NO_DELTAS,
)
async def retrieve_answer(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF)
    turn = await respond(peer)
    item = await retrieve(peer, turn.message["id"])
    part = (item.get("content") or [{}])[0]
    stored = pybase64.b64decode(part.get("audio") or "")
    require(stored == turn.audio, f"{len(stored)} bytes are stored, {len(turn.audio)} bytes were sent.")


@check("items.retrieve.unknown", "An unknown item cannot be retrieved.", Source.REPORTS)
async def retrieve_unknown(caller: Caller) -> None:
    peer = await caller.session()
    error = await peer.refused({"type": "conversation.item.retrieve", "item_id": "nobody"})
    require_equal(error.get("code"), "item_retrieve_invalid_item_id", "The code of the error")


@check("items.delete.deleted", "A deleted item is gone.", Source.REFERENCE)
async def deleted(caller: Caller) -> None:
    peer = await caller.session()
    await add(peer, peer.words.user("Hello", id="mine"))
    await peer.send({"type": "conversation.item.delete", "item_id": "mine"})
    event = await peer.expect("conversation.item.deleted")
    require_equal(event.get("item_id"), "mine", "item_id of conversation.item.deleted")
    error = await peer.refused({"type": "conversation.item.retrieve", "item_id": "mine"})
    require_equal(error.get("code"), "item_retrieve_invalid_item_id", "The code of the error")


@check("items.delete.twice", "An item can be deleted once.", Source.REPORTS)
async def deleted_twice(caller: Caller) -> None:
    peer = await caller.session()
    await add(peer, peer.words.user("Hello", id="mine"))
    delete = {"type": "conversation.item.delete", "item_id": "mine"}
    await peer.send(delete)
    await peer.expect("conversation.item.deleted")
    error = await peer.refused(delete)
    require_equal(error.get("code"), "item_delete_invalid_item_id", "The code of the error")


@check(
    "items.delete.chain", "After a deletion the next item follows the one that is last now.", Source.INFERRED
)
async def chain(caller: Caller) -> None:
    peer = await caller.session()
    for name in ("one", "two"):
        await add(peer, peer.words.user(name, id=name))
    await peer.send({"type": "conversation.item.delete", "item_id": "two"})
    await peer.expect("conversation.item.deleted")
    event = await add(peer, peer.words.user("three", id="three"))
    require_equal(event.get("previous_item_id"), "one", "previous_item_id of the next item")


@check("items.delete.answer", "The assistant's answer can be deleted.", Source.REFERENCE)
async def delete_answer(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    turn = await respond(peer)
    await peer.send({"type": "conversation.item.delete", "item_id": turn.message["id"]})
    await peer.expect("conversation.item.deleted")


@check("items.truncate.reply", "What was not heard of an answer is truncated.", Source.REFERENCE)
async def truncate(caller: Caller) -> None:
    peer, item_id = await spoken(caller)
    event = truncation(item_id, 100)
    await peer.send(event)
    reply = await peer.expect("conversation.item.truncated")
    for key in ("item_id", "content_index", "audio_end_ms"):
        require_equal(reply.get(key), event[key], f"`{key}` of conversation.item.truncated")


@check("items.truncate.transcript", "The transcript of a truncated answer is forgotten.", Source.REFERENCE)
async def truncate_transcript(caller: Caller) -> None:
    peer, item_id = await spoken(caller)
    await peer.send(truncation(item_id, 50))
    await peer.expect("conversation.item.truncated")
    part = ((await retrieve(peer, item_id)).get("content") or [{}])[0]
    require("Good morning" not in str(part.get("transcript")), "The stored transcript is whole.")


@check("items.truncate.audio", "The stored audio ends where it was truncated.", Source.REFERENCE)
async def truncate_audio(caller: Caller) -> None:
    peer, item_id = await spoken(caller)
    await peer.send(truncation(item_id, 50))
    await peer.expect("conversation.item.truncated")
    part = ((await retrieve(peer, item_id)).get("content") or [{}])[0]
    length = len(pybase64.b64decode(part.get("audio") or "")) / 48
    require(length <= 51, f"{length:g} ms of audio are stored, 50 ms were left.")


@check("items.truncate.too-long", "Audio cannot be truncated beyond its end.", Source.REPORTS)
async def truncate_too_long(caller: Caller) -> None:
    peer, item_id = await spoken(caller)
    error = await peer.refused(truncation(item_id, 3_600_000))
    require_equal(error.get("type"), "invalid_request_error", "The type of the error")


@check("items.truncate.unknown", "An unknown item cannot be truncated.", Source.REPORTS)
async def truncate_unknown(caller: Caller) -> None:
    peer = await caller.session()
    error = await peer.refused(truncation("nobody", 0))
    require_equal(error.get("code"), "item_truncate_invalid_item_id", "The code of the error")


@check("items.truncate.user", "What the user said cannot be truncated.", Source.REPORTS)
async def truncate_user(caller: Caller) -> None:
    peer = await caller.session()
    await add(peer, peer.words.user("Hello", id="mine"))
    error = await peer.refused(truncation("mine", 0))
    require_equal(error.get("type"), "invalid_request_error", "The type of the error")


@check("items.truncate.text", "A written answer cannot be truncated.", Source.REPORTS)
async def truncate_text(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    turn = await respond(peer)
    await peer.refused(truncation(turn.message["id"], 0))


def truncation(item_id: str, audio_end_ms: int) -> Event:
    """A `conversation.item.truncate` of the first part."""
    return {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": audio_end_ms,
    }


async def spoken(caller: Caller) -> tuple[Peer, str]:
    """A session in which the assistant spoke, and the item that it said."""
    peer = await caller.session(modality="audio", instructions=BRIEF)
    turn = await respond(peer)
    return peer, str(turn.message["id"])
