"""Transcripts of what the user says."""

from typing import Any

from vivavoce.conformance.caller import Caller, created
from vivavoce.conformance.check import BETA, GA, Needs, Source, brief, check, require, require_equal
from vivavoce.conformance.checks.items import retrieve
from vivavoce.conformance.checks.vad import COMMITTED, STARTED, STOPPED, detection, speak
from vivavoce.conformance.peer import Peer
from vivavoce.conformance.sound import appends
from vivavoce.conformance.words import Event

FAMILY = "conversation.item.input_audio_transcription"
ENDS = (f"{FAMILY}.completed", f"{FAMILY}.failed")
MODEL = "gpt-4o-mini-transcribe"
INTENT = {"intent": "transcription"}


def update(caller: Caller, **settings: Any) -> Event:
    """An update of a transcription session in the caller's dialect; settings as in a conversation."""
    if caller.words.ga:
        event = caller.words.update(**settings)
        event["session"]["type"] = "transcription"
        return event
    return caller.words.update(**settings) | {"type": "transcription_session.update"}


async def session(caller: Caller, **settings: Any) -> Peer:
    """A transcription session that is open, with these settings."""
    peer = await caller.connect(INTENT)
    await created(peer)
    if settings:
        await peer.send(update(caller, **settings))
        await peer.expect("session.updated" if caller.words.ga else "transcription_session.updated")
    return peer


async def transcript(peer: Peer) -> tuple[list[Event], Event]:
    """Everything up to the end of a transcription, and that end, which must not be a failure."""
    events = await peer.through(*ENDS)
    end = events[-1]
    require_equal(end["type"], ENDS[0], f"The end of the transcription ({brief(end.get('error'))})")
    return events, end


async def committed(caller: Caller, peer: Peer) -> str:
    """Say something and commit it: the item's id."""
    await peer.send(*appends(caller.speech.audio()), {"type": "input_audio_buffer.commit"})
    item_id = (await peer.expect(COMMITTED)).get("item_id")
    await peer.expect_each(*peer.words.item_events)
    return str(item_id)


@check("transcription.completed", "What the user said is told as text.", Source.CAPTURE, needs=[Needs.SPEECH])
async def completed(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None, transcription={"model": MODEL})
    item_id = await committed(caller, peer)
    _, end = await transcript(peer)
    require_equal(end.get("item_id"), item_id, "The id of the item")
    require_equal(end.get("content_index"), 0, "content_index")
    require(bool(str(end.get("transcript")).strip()), "The transcript is empty.")


@check("transcription.deltas", "The transcript comes in deltas first.", Source.CAPTURE, needs=[Needs.SPEECH])
async def deltas(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None, transcription={"model": MODEL})
    await committed(caller, peer)
    events, end = await transcript(peer)
    said = "".join(str(each.get("delta")) for each in events if each["type"] == f"{FAMILY}.delta")
    require_equal(said.strip(), str(end.get("transcript")).strip(), "What the deltas add up to")


@check(
    "transcription.usage",
    "A transcript tells what it cost, in tokens or in seconds.",
    Source.CAPTURE,
    needs=[Needs.SPEECH],
)
async def usage(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None, transcription={"model": MODEL})
    await committed(caller, peer)
    _, end = await transcript(peer)
    used = end.get("usage") or {}
    if used.get("type") == "duration":
        require(used.get("seconds", 0) > 0, f"The usage is {brief(used)}.")
    else:
        total = used.get("input_tokens", 0) + used.get("output_tokens", 0)
        require_equal(used.get("total_tokens"), total, "total_tokens")


@check(
    "transcription.with-vad",
    "Turns that the server hears are transcribed.",
    Source.CAPTURE,
    needs=[Needs.SPEECH],
)
async def with_vad(caller: Caller) -> None:
    peer = await caller.session(
        transcription={"model": MODEL}, turn_detection=detection(create_response=False)
    )
    await speak(caller, peer)
    item_id = (await peer.until(COMMITTED)).get("item_id")
    _, end = await transcript(peer)
    require_equal(end.get("item_id"), item_id, "The id of the item")


@check(
    "transcription.off", "Without transcription no transcript comes.", Source.CAPTURE, needs=[Needs.SPEECH]
)
async def off(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    await committed(caller, peer)
    events = [each["type"] for each in await peer.settle()]
    require_equal(events, [], "What came")


@check("transcription.stored", "The transcript is kept with the item.", Source.INFERRED, needs=[Needs.SPEECH])
async def stored(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None, transcription={"model": MODEL})
    item_id = await committed(caller, peer)
    _, end = await transcript(peer)
    part = ((await retrieve(peer, item_id)).get("content") or [{}])[0]
    require_equal(part.get("transcript"), end.get("transcript"), "The transcript of the stored item")


@check(
    "transcription.item-null",
    "The item itself is announced before its transcript is known.",
    Source.CAPTURE,
    needs=[Needs.SPEECH],
)
async def item_null(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None, transcription={"model": MODEL})
    await peer.send(*appends(caller.speech.audio()), {"type": "input_audio_buffer.commit"})
    item = (await peer.until(peer.words.added)).get("item") or {}
    require_equal(item.get("content"), [{"type": "input_audio", "transcript": None}], "The content")
    await transcript(peer)


@check(
    "transcription.logprobs",
    "Log-probabilities come if they are asked for.",
    Source.REFERENCE,
    needs=[Needs.SPEECH],
    believed=True,
)
async def logprobs(caller: Caller) -> None:
    peer = await caller.session(
        turn_detection=None,
        transcription={"model": MODEL},
        include=["item.input_audio_transcription.logprobs"],
    )
    await committed(caller, peer)
    _, end = await transcript(peer)
    require(bool(end.get("logprobs")), "The completed transcript has no logprobs.")


@check(
    "transcription.segments",
    "A model that tells speakers apart tells who said what, before the transcript is completed.",
    Source.REFERENCE,
    dialects=GA,
    needs=[Needs.SPEECH],
    believed=True,
)
async def segments(caller: Caller) -> None:
    peer = await session(caller, transcription={"model": "gpt-4o-transcribe-diarize"}, turn_detection=None)
    item_id = await committed(caller, peer)
    events, _ = await transcript(peer)
    told = [each for each in events if each["type"] == f"{FAMILY}.segment"]
    require(bool(told), "No segment came.")
    for each in told:
        require_equal(each.get("item_id"), item_id, "The id of the item")
        require(0 <= each["start"] < each["end"], f"It lasts from {each['start']} to {each['end']} s.")


# Sessions that only transcribe


@check("transcription.session.created", "A transcription session tells what it is.", Source.CAPTURE)
async def session_created(caller: Caller) -> None:
    peer = await caller.connect(INTENT)
    event = await peer.next("session.created")
    expected = "session.created" if caller.words.ga else "transcription_session.created"
    require_equal(event.get("type"), expected, "The first event")
    shown = event.get("session") or {}
    require_equal(shown.get("object"), "realtime.transcription_session", "`object` of the session")
    require_equal(caller.words.get(shown, "transcription"), None, "transcription")


@check("transcription.session.type", "It is of the type `transcription`.", Source.CAPTURE, dialects=GA)
async def session_type(caller: Caller) -> None:
    peer = await session(caller)
    require_equal(peer.session.get("type"), "transcription", "`type` of the session")


@check(
    "transcription.session.keys",
    "It tells nothing that only concerns responses.",
    Source.CAPTURE,
    dialects=GA,
)
async def session_keys(caller: Caller) -> None:
    peer = await session(caller)
    for key in ("model", "instructions", "tools", "output_modalities"):
        require(key not in peer.session, f"The session has {key}.")
    detected = caller.words.get(peer.session, "turn_detection") or {}
    for key in ("create_response", "interrupt_response", "idle_timeout_ms"):
        require(key not in detected, f"turn_detection has {key}.")


@check("transcription.session.update", "Its transcription and turn detection can be set.", Source.CAPTURE)
async def session_update(caller: Caller) -> None:
    peer = await session(caller)
    settings = {"transcription": {"model": MODEL}, "turn_detection": None}
    await peer.send(update(caller, **settings))
    event = await peer.expect("session.updated" if caller.words.ga else "transcription_session.updated")
    shown = event.get("session") or {}
    told = caller.words.get(shown, "transcription") or {}
    require_equal(told.get("model"), MODEL, "The model of transcription")
    require_equal(caller.words.get(shown, "turn_detection"), None, "turn_detection")


@check(
    "transcription.session.turn",
    "It transcribes the turns that it hears, in their order.",
    Source.CAPTURE,
    needs=[Needs.SPEECH],
)
async def session_turn(caller: Caller) -> None:
    pause = {"type": "server_vad", "silence_duration_ms": 1000}
    peer = await session(caller, transcription={"model": MODEL}, turn_detection=pause)
    await speak(caller, peer)
    events = await peer.expect_each(STARTED, STOPPED, COMMITTED, *peer.words.item_events)
    _, end = await transcript(peer)
    require_equal(end.get("item_id"), events[2].get("item_id"), "The id of the item")


@check(
    "transcription.session.commit", "It transcribes what is committed.", Source.GUIDE, needs=[Needs.SPEECH]
)
async def session_commit(caller: Caller) -> None:
    peer = await session(caller, transcription={"model": MODEL}, turn_detection=None)
    item_id = await committed(caller, peer)
    _, end = await transcript(peer)
    require_equal(end.get("item_id"), item_id, "The id of the item")


@check(
    "transcription.session.quiet",
    "It never responds, and tells no rate limits.",
    Source.CAPTURE,
    needs=[Needs.SPEECH],
)
async def session_quiet(caller: Caller) -> None:
    peer = await session(caller, transcription={"model": MODEL}, turn_detection=None)
    await committed(caller, peer)
    await transcript(peer)
    types = [each["type"] for each in await peer.settle()]
    require_equal(types, [], "What came")


@check("transcription.session.no-response", "It refuses to respond.", Source.REPORTS)
async def session_no_response(caller: Caller) -> None:
    peer = await session(caller)
    await peer.refused({"type": "response.create"})


@check("transcription.session.other-type", "It cannot become a conversation.", Source.REPORTS)
async def session_other_type(caller: Caller) -> None:
    peer = await session(caller)
    error = await peer.refused(caller.words.update(instructions="Hello"))
    require_equal(error.get("type"), "invalid_request_error", "The type of the error")


@check(
    "transcription.session.silent",
    "Without a model it commits, and transcribes nothing.",
    Source.CAPTURE,
    needs=[Needs.SPEECH],
)
async def session_silent(caller: Caller) -> None:
    peer = await session(caller, turn_detection=None)
    await committed(caller, peer)
    types = [each["type"] for each in await peer.settle()]
    require_equal(types, [], "What came")


@check(
    "transcription.session.vad-refused",
    "A model that hears continuously refuses turn detection.",
    Source.REPORTS,
    dialects=GA,
    believed=True,
)
async def session_vad_refused(caller: Caller) -> None:
    peer = await session(caller)
    settings = {"transcription": {"model": "gpt-realtime-whisper"}, "turn_detection": {"type": "server_vad"}}
    await peer.refused(update(caller, **settings))


@check(
    "transcription.session.flags-ignored",
    "What turn detection says about responses is accepted and not told.",
    Source.INFERRED,
    dialects=BETA,
)
async def session_flags(caller: Caller) -> None:
    peer = await session(caller)
    await peer.send(update(caller, turn_detection={"type": "server_vad", "create_response": True}))
    event = await peer.expect("transcription_session.updated")
    told = caller.words.get(event.get("session") or {}, "turn_detection") or {}
    require("interrupt_response" not in told, "turn_detection tells interrupt_response.")
