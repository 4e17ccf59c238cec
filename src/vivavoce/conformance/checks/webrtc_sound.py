"""Sound on the tracks of a call: what is heard when, what is told of it, and what stops it."""

import asyncio
import time

import pybase64

from vivavoce.conformance.call import is_loud
from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import Fault, Needs, Source, check, require, require_equal
from vivavoce.conformance.checks.cancel import CANCEL
from vivavoce.conformance.checks.input_audio import CLEAR, COMMIT, commit
from vivavoce.conformance.checks.items import retrieve, truncation
from vivavoce.conformance.checks.vad import detection
from vivavoce.conformance.peer import Peer
from vivavoce.conformance.sound import append, appends, milliseconds, silence
from vivavoce.conformance.steering import BRIEF, LONG
from vivavoce.conformance.turn import Turn, respond
from vivavoce.conformance.words import Event

STARTED = "output_audio_buffer.started"
STOPPED = "output_audio_buffer.stopped"
CLEARED = "output_audio_buffer.cleared"
TRUNCATED = "conversation.item.truncated"
CLEAR_OUTPUT: Event = {"type": "output_audio_buffer.clear"}

SLACK_MS = 1500
"""How far what is heard here may be from what a server says was heard there: the way of the sound, and a busy
machine."""

SILENT_WITHIN_S = 5
PAUSE_S = 0.5
"""What was dropped is silent within the one, and that is what the other tells."""

HEARD_FIRST_S = 0.6
"""How long an answer is heard before it is interrupted."""


async def speaking(caller: Caller, **settings: object) -> tuple[Peer, str, str, float]:
    """A call in which a long answer is being heard: the response's id, its item's, and since when."""
    peer = await caller.session(modality="audio", instructions=LONG, **settings)
    await peer.send(peer.words.create())
    events = await peer.through(STARTED)
    began = time.monotonic()
    response_id = str(events[-1].get("response_id"))
    item_id = str(Turn(events, peer.words).first("response.content_part.added").get("item_id"))
    await asyncio.sleep(HEARD_FIRST_S)
    return peer, response_id, item_id, began


def longest_ms(began: float) -> float:
    """How much can have been heard of what began then."""
    return (time.monotonic() - began) * 1000 + SLACK_MS


async def stored(peer: Peer, item_id: str) -> bytes:
    """The sound that is kept of an item."""
    part = ((await retrieve(peer, item_id)).get("content") or [{}])[0]
    return pybase64.b64decode(part.get("audio") or "")


async def stored_ms(peer: Peer, item_id: str) -> float:
    """How much of it is."""
    return milliseconds(await stored(peer, item_id))


async def falls_silent(peer: Peer) -> None:
    """Raises Fault if something goes on being heard although all was dropped."""
    for _ in range(round(SILENT_WITHIN_S / PAUSE_S)):
        since = time.monotonic()
        await asyncio.sleep(PAUSE_S)
        if not peer.call.loud_ms(since):
            return
    raise Fault(f"It was heard for {SILENT_WITHIN_S} s after it was dropped.")


async def is_heard(peer: Peer, since: float = 0.0) -> None:
    """Raises Fault unless something is heard."""
    until = time.monotonic() + peer.patience
    while peer.call.loud_ms(since) < 100:
        if time.monotonic() > until:
            raise Fault(f"{peer.call.loud_ms(since)} ms of sound were heard.")
        await asyncio.sleep(0.05)


@check("webrtc.append", "`input_audio_buffer.append` is refused: sound is on the track.", Source.INFERRED)
async def append_refused(caller: Caller) -> None:
    peer = await caller.session()
    error = await peer.refused(append(silence(100)))
    require_equal(error.get("type"), "invalid_request_error", "The type of the error")


@check("webrtc.heard", "A spoken answer is heard on the track.", Source.REFERENCE)
async def heard(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF)
    await respond(peer)
    await is_heard(peer)
    await peer.until(STOPPED)


@check("webrtc.idle", "While nobody speaks the track is silent.", Source.INFERRED)
async def idle(caller: Caller) -> None:
    peer = await caller.session()
    await asyncio.sleep(1)
    loud = peer.call.loud_ms()
    require(loud == 0, f"{loud} ms of sound were heard.")


@check(
    "webrtc.buffer.order",
    "`started` comes when an answer begins to be heard, `stopped` when all of it was, after `response.done`.",
    Source.REFERENCE,
)
async def order(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF)
    await peer.send(peer.words.create())
    events = await peer.through(STOPPED)
    types = [each.get("type") for each in events]
    told = [
        kind for kind in types if kind in ("response.content_part.added", STARTED, "response.done", STOPPED)
    ]
    expected = ["response.content_part.added", STARTED, "response.done", STOPPED]
    require_equal(told, expected, "The order")
    ids = {each.get("response_id") for each in events if each.get("type") in (STARTED, STOPPED)}
    require_equal(ids, {Turn(events, peer.words).response.get("id")}, "response_id")


@check(
    "webrtc.buffer.pace",
    "An answer is played in real time: `stopped` comes no sooner.",
    Source.GUIDE,
    timed=True,
)
async def pace(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF)
    await peer.send(peer.words.create())
    events = await peer.through(STARTED)
    began = time.monotonic()
    events += await peer.through(STOPPED)
    lasted = (time.monotonic() - began) * 1000
    item_id = str(Turn(events, peer.words).message["id"])
    length = await stored_ms(peer, item_id)
    reason = f"{length:.0f} ms are stored, and were played in {lasted:.0f} ms."
    require(length - 300 <= lasted, reason)


@check("webrtc.buffer.text", "Of a written answer nothing is told to be heard.", Source.INFERRED)
async def text(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    turn = await respond(peer)
    events = turn.events + await peer.settle()
    told = [each.get("type") for each in events if str(each.get("type")).startswith("output_audio_buffer.")]
    require_equal(told, [], "What was told")


@check(
    "webrtc.clear",
    "`output_audio_buffer.clear` drops what was not played, and truncates the item to what was.",
    Source.REFERENCE,
    timed=True,
)
async def clear(caller: Caller) -> None:
    peer, response_id, item_id, began = await speaking(caller)
    loud = peer.call.loud_ms()
    await peer.send(CANCEL, CLEAR_OUTPUT)
    told: dict[object, Event] = {}
    while not {CLEARED, TRUNCATED} <= told.keys():
        event = await peer.next(f"{CLEARED} and {TRUNCATED}")
        told[event.get("type")] = event
    cleared, truncated = told[CLEARED], told[TRUNCATED]
    require_equal(cleared.get("response_id"), response_id, "response_id")
    require_equal(truncated.get("item_id"), item_id, "item_id")
    end = truncated["audio_end_ms"]
    most = longest_ms(began)
    reason = f"It was truncated at {end} ms; between {loud} ms and {most:.0f} ms were heard."
    require(loud / 4 <= end <= most, reason)
    await falls_silent(peer)
    told |= {each.get("type"): each for each in await peer.settle()}
    require(STOPPED not in told, f"{STOPPED} came all the same.")


@check("webrtc.clear.kept", "What was not played is gone from the item.", Source.REFERENCE, timed=True)
async def clear_kept(caller: Caller) -> None:
    peer, _, item_id, _ = await speaking(caller)
    await peer.send(CLEAR_OUTPUT)
    end = (await _through(peer, TRUNCATED))["audio_end_ms"]
    await peer.send(CANCEL)
    await peer.settle()
    length = await stored_ms(peer, item_id)
    require(abs(length - end) <= 1, f"{length:.0f} ms are stored, it was truncated at {end} ms.")


@check("webrtc.clear.idle", "When nothing plays a clear changes nothing.", Source.INFERRED)
async def clear_idle(caller: Caller) -> None:
    peer = await caller.session()
    types = [each.get("type") for each in await peer.answers(CLEAR_OUTPUT)]
    require(types in ([], [CLEARED]), f"What came is {types}.")


@check(
    "webrtc.truncate",
    "A truncation by the client does not stop what plays.",
    Source.CAPTURE,
    believed=True,
    timed=True,
)
async def truncate(caller: Caller) -> None:
    peer, _, item_id, _ = await speaking(caller)
    await peer.send(CANCEL, truncation(item_id, 10))
    await _through(peer, TRUNCATED)
    await asyncio.sleep(0.5)
    await is_heard(peer, time.monotonic())


# Who speaks is heard, and interrupts


@check(
    "webrtc.barge-in",
    "Who speaks silences the answer, and the server truncates it to what was heard.",
    Source.GUIDE,
    needs=[Needs.SPEECH],
    timed=True,
)
async def barge_in(caller: Caller) -> None:
    peer, response_id, item_id, began = await speaking(
        caller, turn_detection=detection(create_response=False)
    )
    await peer.send(*appends(caller.speech.audio()))
    cleared = await _through(peer, CLEARED)
    require_equal(cleared.get("response_id"), response_id, "response_id")
    truncated = await _through(peer, TRUNCATED)
    require_equal(truncated.get("item_id"), item_id, "item_id")
    end = truncated["audio_end_ms"]
    most = longest_ms(began)
    require(0 < end <= most, f"It was truncated at {end} ms, of which {most:.0f} ms at most were heard.")
    await falls_silent(peer)


@check(
    "webrtc.barge-in.order",
    "`speech_started`, `cleared`, `truncated` come in this order.",
    Source.INFERRED,
    needs=[Needs.SPEECH],
    timed=True,
)
async def barge_in_order(caller: Caller) -> None:
    peer, *_ = await speaking(caller, turn_detection=detection(create_response=False))
    await peer.send(*appends(caller.speech.audio()))
    watched = ("input_audio_buffer.speech_started", CLEARED, TRUNCATED)
    types = [each.get("type") for each in await peer.through(TRUNCATED)]
    require_equal([kind for kind in types if kind in watched], list(watched), "The order")


@check(
    "webrtc.barge-in.kept",
    "Of an interrupted answer what was heard is kept, and nothing else.",
    Source.REFERENCE,
    needs=[Needs.SPEECH],
    timed=True,
)
async def barge_in_kept(caller: Caller) -> None:
    peer, _, item_id, _ = await speaking(caller, turn_detection=detection(create_response=False))
    await peer.send(*appends(caller.speech.audio() + silence(1500)))
    end = (await _through(peer, TRUNCATED))["audio_end_ms"]
    await peer.send(CANCEL)
    await peer.settle()
    length = await stored_ms(peer, item_id)
    require(abs(length - end) <= 1, f"{length:.0f} ms are stored, it was truncated at {end} ms.")


@check(
    "webrtc.barge-in.off",
    "With `interrupt_response` off the answer is heard to its end.",
    Source.REFERENCE,
    needs=[Needs.SPEECH],
    timed=True,
)
async def barge_in_off(caller: Caller) -> None:
    quiet = detection(create_response=False, interrupt_response=False)
    peer, *_ = await speaking(caller, turn_detection=quiet)
    await peer.send(*appends(caller.speech.audio()))
    types = [each.get("type") for each in await peer.settle()]
    require("input_audio_buffer.speech_started" in types, "The speaker was not heard.")
    require(CLEARED not in types, f"{CLEARED} came.")
    await is_heard(peer, time.monotonic())


@check(
    "webrtc.push-to-talk",
    "Without turn detection a turn is what was said between clear and commit.",
    Source.GUIDE,
    needs=[Needs.SPEECH],
    timed=True,
)
async def push_to_talk(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None, modality="text", instructions=BRIEF)
    await peer.send(*appends(silence(500)), CLEAR)
    await peer.expect("input_audio_buffer.cleared")
    began = time.monotonic()
    await peer.send(*appends(caller.speech.audio()))
    committed, _ = await commit(peer)
    said = (time.monotonic() - began) * 1000
    sound = await stored(peer, str(committed.get("item_id")))
    length = milliseconds(sound)
    spoken = caller.speech.seconds * 1000
    require(
        spoken - 300 <= length <= said + SLACK_MS,
        f"{length:.0f} ms are stored, {spoken:.0f} ms were said, in {said:.0f} ms.",
    )
    require(is_loud(sound), "What was said is silent.")
    turn = await respond(peer)
    entered = turn.first(peer.words.added)
    require_equal(entered.get("previous_item_id"), committed.get("item_id"), "previous_item_id of the answer")


@check(
    "webrtc.input.silence",
    "The track is heard all the time: a commit without a word is a turn of silence.",
    Source.INFERRED,
)
async def input_silence(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    await peer.send(*appends(silence(500)), COMMIT)
    await peer.expect("input_audio_buffer.committed")


async def _through(peer: Peer, kind: str) -> Event:
    """The next event of this type, whatever comes before: a cancel that is too late is refused."""
    while True:
        event = await peer.next(kind)
        if event.get("type") == kind:
            return event
