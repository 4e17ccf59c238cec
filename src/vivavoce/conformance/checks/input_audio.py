"""The input audio buffer, without turn detection."""

import pybase64

from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import APPENDS, FORMATS, Source, brief, check, require, require_equal
from vivavoce.conformance.checks.items import retrieve
from vivavoce.conformance.peer import Peer
from vivavoce.conformance.sound import append, appends, milliseconds, silence
from vivavoce.conformance.steering import BRIEF
from vivavoce.conformance.turn import respond
from vivavoce.conformance.words import Event

COMMIT: Event = {"type": "input_audio_buffer.commit"}
CLEAR: Event = {"type": "input_audio_buffer.clear"}
TOO_SHORT = "input_audio_buffer_commit_empty"


async def commit(peer: Peer) -> tuple[Event, Event]:
    """Commit the buffer: `committed` and the event that announces the item."""
    await peer.send(COMMIT)
    committed = await peer.expect("input_audio_buffer.committed")
    (added, *_) = await peer.expect_each(*peer.words.item_events)
    return committed, added


@check("input-audio.append.silent", "An append is not answered.", Source.REFERENCE)
async def append_silent(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    events = await peer.answers(append(silence(200)))
    require_equal([each.get("type") for each in events], [], "What came")


@check("input-audio.commit.order", "A commit is answered by `committed`, then by the item.", Source.CAPTURE)
async def commit_order(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    await peer.send(append(silence(500)))
    committed, added = await commit(peer)
    require_equal(added["item"].get("id"), committed.get("item_id"), "The id of the item")
    require_equal(committed.get("previous_item_id"), None, "previous_item_id")
    require_equal(added.get("previous_item_id"), None, "previous_item_id of the item")


@check(
    "input-audio.commit.item", "The committed item is a user's, complete, of one audio part.", Source.CAPTURE
)
async def commit_item(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    await peer.send(append(silence(500)))
    _, added = await commit(peer)
    item = added["item"]
    for key, value in {"type": "message", "role": "user", "status": "completed"}.items():
        require_equal(item.get(key), value, key)
    require_equal(item.get("content"), [{"type": "input_audio", "transcript": None}], "The content")


@check("input-audio.commit.no-response", "A commit does not start a response.", Source.REFERENCE)
async def commit_no_response(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    await peer.send(append(silence(500)))
    await commit(peer)
    began = [each["type"] for each in await peer.settle() if str(each["type"]).startswith("response.")]
    require(not began, f"A response began: {brief(began)}.")


@check(
    "input-audio.commit.empty", "An empty buffer cannot be committed.", Source.REPORTS, websocket_only=APPENDS
)
async def commit_empty(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    error = await peer.refused(COMMIT)
    require_equal(error.get("code"), TOO_SHORT, "The code of the error")


@check(
    "input-audio.commit.short",
    "Less than 100 ms cannot be committed.",
    Source.REPORTS,
    websocket_only=APPENDS,
)
async def commit_short(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    await peer.send(append(silence(50)))
    error = await peer.refused(COMMIT)
    require_equal(error.get("code"), TOO_SHORT, "The code of the error")
    require("50.00ms" in str(error.get("message")), f"The message is {brief(error.get('message'))}.")


@check(
    "input-audio.commit.kept",
    "After a refused commit the buffer is as it was.",
    Source.INFERRED,
    websocket_only=APPENDS,
)
async def commit_kept(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    await peer.send(append(silence(60)))
    await peer.refused(COMMIT)
    await peer.send(append(silence(60)))
    await commit(peer)


@check("input-audio.commit.empties", "A commit empties the buffer.", Source.REFERENCE, websocket_only=APPENDS)
async def commit_empties(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    await peer.send(append(silence(500)))
    await commit(peer)
    error = await peer.refused(COMMIT)
    require_equal(error.get("code"), TOO_SHORT, "The code of the error")


@check("input-audio.commit.chain", "The next committed item follows the one before.", Source.CAPTURE)
async def commit_chain(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    await peer.send(append(silence(200)))
    first, _ = await commit(peer)
    await peer.send(append(silence(200)))
    second, added = await commit(peer)
    require_equal(second.get("previous_item_id"), first.get("item_id"), "previous_item_id")
    require_equal(added.get("previous_item_id"), first.get("item_id"), "previous_item_id of the item")


@check(
    "input-audio.commit.audio",
    "The committed item holds exactly what was appended.",
    Source.REFERENCE,
    websocket_only=APPENDS,
)
async def commit_audio(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    sound = caller.speech.audio()[:48_000]
    await peer.send(*appends(sound))
    committed, _ = await commit(peer)
    item = await retrieve(peer, str(committed.get("item_id")))
    stored = pybase64.b64decode(((item.get("content") or [{}])[0]).get("audio") or "")
    length = milliseconds(stored)
    require(abs(length - milliseconds(sound)) < 1, f"{length:g} ms are stored, 1000 ms were appended.")


@check("input-audio.clear.cleared", "A clear empties the buffer.", Source.REFERENCE, websocket_only=APPENDS)
async def cleared(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    await peer.send(append(silence(500)), CLEAR)
    await peer.expect("input_audio_buffer.cleared")
    error = await peer.refused(COMMIT)
    require_equal(error.get("code"), TOO_SHORT, "The code of the error")


@check("input-audio.clear.empty", "An empty buffer may be cleared.", Source.REPORTS)
async def clear_empty(caller: Caller) -> None:
    peer = await caller.session()
    await peer.send(CLEAR)
    await peer.expect("input_audio_buffer.cleared")


async def _format(caller: Caller, name: str) -> None:
    peer = await caller.session(turn_detection=None, input_format=name)
    await peer.send(append(silence(50, name)))
    error = await peer.refused(COMMIT)
    require("50.00ms" in str(error.get("message")), f"The message is {brief(error.get('message'))}.")
    await peer.send(append(silence(100, name)))
    await commit(peer)


@check(
    "input-audio.format.ulaw",
    "µ-law audio is understood as 8,000 bytes a second.",
    Source.REFERENCE,
    websocket_only=FORMATS,
)
async def ulaw(caller: Caller) -> None:
    await _format(caller, "g711_ulaw")


@check(
    "input-audio.format.alaw",
    "A-law audio is understood as 8,000 bytes a second.",
    Source.REFERENCE,
    websocket_only=FORMATS,
)
async def alaw(caller: Caller) -> None:
    await _format(caller, "g711_alaw")


@check("input-audio.turn", "What was committed is answered when a response is asked for.", Source.CAPTURE)
async def turn(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None, modality="text", instructions=BRIEF)
    await peer.send(*appends(caller.speech.audio()))
    committed, _ = await commit(peer)
    turn = await respond(peer)
    entered = turn.first(peer.words.added)
    require_equal(entered.get("previous_item_id"), committed.get("item_id"), "previous_item_id of the answer")
