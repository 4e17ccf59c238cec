"""Turn detection: the server hears who speaks."""

from typing import Any

import pybase64

from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import (
    APPENDS,
    FORMATS,
    GA,
    Needs,
    Source,
    brief,
    check,
    require,
    require_equal,
)
from vivavoce.conformance.checks.items import retrieve
from vivavoce.conformance.peer import Peer
from vivavoce.conformance.sound import appends, milliseconds, silence
from vivavoce.conformance.steering import BRIEF
from vivavoce.conformance.turn import Turn
from vivavoce.conformance.words import Event

STARTED = "input_audio_buffer.speech_started"
STOPPED = "input_audio_buffer.speech_stopped"
COMMITTED = "input_audio_buffer.committed"

LEAD_MS = 600
"""Silence before the speech."""
TRAIL_MS = 1500
"""Silence behind it, in which the turn ends."""
LONG_PAUSE_MS = 1000
"""Silence that ends a turn here, so that no pause between two words does."""

SLOW_PAUSE_MS = 2000
"""Silence that ends a turn where something is to happen before that: over a call time goes on."""


def detection(**settings: Any) -> Event:
    return {"type": "server_vad", "silence_duration_ms": LONG_PAUSE_MS} | settings


async def speak(caller: Caller, peer: Peer, format: str = "pcm16") -> float:
    """Say something, with silence around it: how long that lasts, in milliseconds."""
    sound = silence(LEAD_MS, format) + caller.speech.audio(format) + silence(TRAIL_MS, format)
    await peer.send(*appends(sound, format))
    return milliseconds(sound, format)


async def heard(caller: Caller, peer: Peer, format: str = "pcm16") -> list[Event]:
    """Say something: started, stopped, committed, and the event of the item."""
    await speak(caller, peer, format)
    events = await peer.expect_each(STARTED, STOPPED, COMMITTED, *peer.words.item_events)
    return events[:4]


@check(
    "vad.order",
    "A turn is told in its order: started, stopped, committed, item.",
    Source.CAPTURE,
    needs=[Needs.SPEECH],
)
async def order(caller: Caller) -> None:
    peer = await caller.session(turn_detection=detection(create_response=False))
    await heard(caller, peer)


@check("vad.item-id", "All events of a turn name the same item.", Source.CAPTURE, needs=[Needs.SPEECH])
async def item_id(caller: Caller) -> None:
    peer = await caller.session(turn_detection=detection(create_response=False))
    started, stopped, committed, added = await heard(caller, peer)
    ids = {each.get("item_id") for each in (started, stopped, committed)} | {added["item"].get("id")}
    require(len(ids) == 1, f"The items are called {brief(sorted(map(str, ids)))}.")


@check("vad.times", "The times lie where the speech was.", Source.REFERENCE, needs=[Needs.SPEECH], timed=True)
async def times(caller: Caller) -> None:
    peer = await caller.session(turn_detection=detection(create_response=False))
    sent = await speak(caller, peer)
    started, stopped = await peer.expect_each(STARTED, STOPPED)
    start, end = started["audio_start_ms"], stopped["audio_end_ms"]
    began, spoken, over = (peer.sent_at(moment) for moment in (LEAD_MS, sent - TRAIL_MS, sent))
    require(
        began - LEAD_MS <= start <= began + 400,
        f"Speech started at {start} ms, it was sent at {began:.0f} ms.",
    )
    require(spoken - 700 <= end <= over, f"Speech stopped at {end} ms, its end was sent at {spoken:.0f} ms.")


@check(
    "vad.padding",
    "The turn begins before the speech, by the prefix padding.",
    Source.CAPTURE,
    needs=[Needs.SPEECH],
    timed=True,
)
async def padding(caller: Caller) -> None:
    starts = []
    for length in (0, 400):
        peer = await caller.session(turn_detection=detection(create_response=False, prefix_padding_ms=length))
        await speak(caller, peer)
        starts.append((await peer.expect(STARTED))["audio_start_ms"] - peer.sent_at(LEAD_MS))
    earlier = starts[0] - starts[1]
    require(
        250 <= earlier <= 450, f"With 400 ms of padding it begins {earlier:.0f} ms earlier than with none."
    )


@check(
    "vad.silence-duration",
    "The turn ends after the silence that was asked for.",
    Source.REFERENCE,
    needs=[Needs.SPEECH],
    timed=True,
)
async def silence_duration(caller: Caller) -> None:
    ends = []
    for length in (900, 1300):
        peer = await caller.session(
            turn_detection=detection(create_response=False, silence_duration_ms=length)
        )
        sent = await speak(caller, peer)
        ends.append((await peer.until(STOPPED))["audio_end_ms"] - peer.sent_at(sent - TRAIL_MS))
    later = ends[1] - ends[0]
    require(200 <= later <= 600, f"With 400 ms more of silence it ends {later:.0f} ms later.")


@check(
    "vad.clock",
    "The clock counts the audio of the whole session.",
    Source.CAPTURE,
    needs=[Needs.SPEECH],
    timed=True,
)
async def clock(caller: Caller) -> None:
    peer = await caller.session(turn_detection=detection(create_response=False))
    await speak(caller, peer)
    began = peer.sent_at(LEAD_MS)
    first = await peer.until(STARTED)
    await peer.until(peer.words.item_events[-1])
    await speak(caller, peer)
    second = await peer.until(STARTED)
    length = peer.sent_at(LEAD_MS) - began
    later = second["audio_start_ms"] - first["audio_start_ms"]
    require(
        abs(later - length) < 250,
        f"The second turn began {later} ms later, it was sent {length:.0f} ms later.",
    )


@check("vad.audio", "The item holds the audio from start to end.", Source.REFERENCE, needs=[Needs.SPEECH])
async def audio(caller: Caller) -> None:
    peer = await caller.session(turn_detection=detection(create_response=False))
    started, stopped, committed, _ = await heard(caller, peer)
    item = await retrieve(peer, str(committed["item_id"]))
    stored = pybase64.b64decode(((item.get("content") or [{}])[0]).get("audio") or "")
    expected = stopped["audio_end_ms"] - started["audio_start_ms"]
    length = milliseconds(stored)
    require(abs(length - expected) <= 40, f"{length:.0f} ms are stored, the turn lasts {expected} ms.")


@check(
    "vad.response",
    "At the end of a turn the server responds by itself.",
    Source.CAPTURE,
    needs=[Needs.SPEECH],
)
async def response(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF, turn_detection=detection())
    _, _, committed, _ = await heard(caller, peer)
    turn = Turn(await peer.through("response.done"), peer.words)
    require_equal(turn.response.get("metadata"), None, "metadata")
    entered = turn.first(peer.words.added)
    require_equal(entered.get("previous_item_id"), committed["item_id"], "previous_item_id of the answer")


@check(
    "vad.no-response",
    "With `create_response` off it waits to be asked.",
    Source.REFERENCE,
    needs=[Needs.SPEECH],
)
async def no_response(caller: Caller) -> None:
    peer = await caller.session(
        modality="text", instructions=BRIEF, turn_detection=detection(create_response=False)
    )
    await heard(caller, peer)
    events = [each["type"] for each in await peer.settle() if str(each["type"]).startswith("response.")]
    require(not events, f"A response began: {brief(events)}.")


@check("vad.silence", "Silence is no turn.", Source.REFERENCE)
async def only_silence(caller: Caller) -> None:
    peer = await caller.session()
    events = await peer.answers(*appends(silence(3000)))
    require_equal([each["type"] for each in events], [], "What came")


@check("vad.off", "With turn detection off nothing is heard.", Source.CAPTURE, needs=[Needs.SPEECH])
async def off(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    await speak(caller, peer)
    require_equal([each["type"] for each in await peer.settle()], [], "What came")


@check(
    "vad.commit",
    "A commit ends a turn early, under the id that was announced.",
    Source.CAPTURE,
    needs=[Needs.SPEECH],
    timed=True,
)
async def commit(caller: Caller) -> None:
    peer = await caller.session(
        turn_detection=detection(create_response=False, silence_duration_ms=SLOW_PAUSE_MS)
    )
    await peer.send(*appends(silence(LEAD_MS) + caller.speech.audio()))
    started = await peer.expect(STARTED)
    await peer.send({"type": "input_audio_buffer.commit"})
    committed = await peer.expect(COMMITTED)
    require_equal(committed.get("item_id"), started.get("item_id"), "The id of the committed item")
    await peer.expect_each(*peer.words.item_events)


@check("vad.clear", "A clear ends a turn without a trace.", Source.INFERRED, needs=[Needs.SPEECH], timed=True)
async def clear(caller: Caller) -> None:
    peer = await caller.session(
        turn_detection=detection(create_response=False, silence_duration_ms=SLOW_PAUSE_MS)
    )
    await peer.send(*appends(silence(LEAD_MS) + caller.speech.audio() + silence(300)))
    await peer.expect(STARTED)
    await peer.send({"type": "input_audio_buffer.clear"})
    await peer.expect("input_audio_buffer.cleared")
    events = [each["type"] for each in await peer.answers(*appends(silence(SLOW_PAUSE_MS + 500)))]
    require_equal(events, [], "What came")


@check(
    "vad.buffer-empty",
    "After a turn the buffer is empty.",
    Source.REPORTS,
    needs=[Needs.SPEECH],
    websocket_only=APPENDS,
)
async def buffer_empty(caller: Caller) -> None:
    peer = await caller.session(turn_detection=detection(create_response=False))
    sound = silence(LEAD_MS) + caller.speech.audio() + silence(LONG_PAUSE_MS)
    await peer.send(*appends(sound))
    for _ in range(20):  # the turn ends with a piece of silence, so that nearly nothing is behind it
        await peer.send(*appends(silence(40)))
    await peer.until(peer.words.item_events[-1])
    await peer.send({"type": "input_audio_buffer.clear"})
    await peer.expect("input_audio_buffer.cleared")
    error = await peer.refused({"type": "input_audio_buffer.commit"})
    require_equal(error.get("code"), "input_audio_buffer_commit_empty", "The code of the error")


@check("vad.two-turns", "A second turn follows the first one.", Source.CAPTURE, needs=[Needs.SPEECH])
async def two_turns(caller: Caller) -> None:
    peer = await caller.session(turn_detection=detection(create_response=False))
    _, _, first, _ = await heard(caller, peer)
    _, _, second, _ = await heard(caller, peer)
    require_equal(second.get("previous_item_id"), first.get("item_id"), "previous_item_id of the second turn")


@check(
    "vad.update-meanwhile",
    "An update of something else does not disturb a turn.",
    Source.INFERRED,
    needs=[Needs.SPEECH],
    timed=True,
)
async def update_meanwhile(caller: Caller) -> None:
    peer = await caller.session(
        turn_detection=detection(create_response=False, silence_duration_ms=SLOW_PAUSE_MS)
    )
    await peer.send(*appends(silence(LEAD_MS) + caller.speech.audio()))
    started = await peer.expect(STARTED)
    await peer.updated(instructions=BRIEF)
    await peer.send(*appends(silence(SLOW_PAUSE_MS + 500)))
    stopped = await peer.expect(STOPPED)
    require_equal(stopped.get("item_id"), started.get("item_id"), "The id of the item")


@check(
    "vad.semantic", "`semantic_vad` tells turns with the same events.", Source.REFERENCE, needs=[Needs.SPEECH]
)
async def semantic(caller: Caller) -> None:
    eager = {"type": "semantic_vad", "eagerness": "high", "create_response": False}
    peer = await caller.session(turn_detection=eager)
    await peer.send(*appends(silence(LEAD_MS) + caller.speech.audio() + silence(3000)))
    await peer.through(STARTED)
    types = [each["type"] for each in await peer.through(*peer.words.item_events[-1:])]
    require(types[:2] == [STOPPED, COMMITTED], f"After speech_started came {brief(types[:3])}.")


async def _g711(caller: Caller, format: str) -> None:
    peer = await caller.session(turn_detection=detection(create_response=False), input_format=format)
    length = await speak(caller, peer, format)
    _, stopped = await peer.expect_each(STARTED, STOPPED)
    require(0 < stopped["audio_end_ms"] <= length, f"Speech stopped at {stopped['audio_end_ms']} ms.")


@check(
    "vad.g711-ulaw",
    "Speech is heard in µ-law.",
    Source.REFERENCE,
    needs=[Needs.SPEECH],
    websocket_only=FORMATS,
)
async def ulaw(caller: Caller) -> None:
    await _g711(caller, "g711_ulaw")


@check(
    "vad.g711-alaw",
    "Speech is heard in A-law.",
    Source.REFERENCE,
    needs=[Needs.SPEECH],
    websocket_only=FORMATS,
)
async def alaw(caller: Caller) -> None:
    await _g711(caller, "g711_alaw")


@check(
    "vad.idle-timeout",
    "After `idle_timeout_ms` without speech the server responds by itself.",
    Source.REFERENCE,
    dialects=GA,
)
async def idle_timeout(caller: Caller) -> None:
    peer = await caller.session(
        modality="text", instructions=BRIEF, turn_detection={"type": "server_vad", "idle_timeout_ms": 5000}
    )
    await peer.send(peer.words.create())
    await peer.until("response.done")
    await peer.send(*appends(silence(1000)))
    patience, peer.patience = peer.patience, peer.patience + 10
    events = await peer.expect_each(
        "input_audio_buffer.timeout_triggered", COMMITTED, *peer.words.item_events
    )
    peer.patience = patience
    require_equal(events[1].get("item_id"), events[0].get("item_id"), "The id of the committed item")
    await peer.until("response.created")
