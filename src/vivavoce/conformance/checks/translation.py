"""Sessions that interpret speech into another language."""

from typing import Any

from vivavoce.conformance.caller import Caller, UpgradeRefused
from vivavoce.conformance.check import (
    GA,
    INTERPRETERS,
    Fault,
    Needs,
    NotRun,
    Source,
    brief,
    check,
    require,
    require_equal,
)
from vivavoce.conformance.peer import Peer
from vivavoce.conformance.sound import append, appends, silence
from vivavoce.conformance.words import Event

PATH = "/translations"
MODEL = "gpt-realtime-translate"
APPEND = "session.input_audio_buffer.append"
CLOSE: Event = {"type": "session.close"}
NOT_OFFERED = ("invalid_model", "model_not_found", "model_not_capable", "invalid_value")


async def session(caller: Caller, **audio: Any) -> Peer:
    """A translation session that is open; `audio` is what is set of its audio."""
    try:
        peer = await caller.connect({"model": MODEL}, path=PATH)
    except UpgradeRefused as refused:
        raise NotRun(f"The server offers no translation: it answers HTTP {refused.status}.") from None
    event = await peer.next("session.created")
    error = event.get("error")
    if event.get("type") == "error" and isinstance(error, dict) and error.get("code") in NOT_OFFERED:
        raise NotRun(f"The server offers no translation: {error.get('message')}")
    require_equal(event.get("type"), "session.created", "The first event")
    shown = event.get("session")
    if not isinstance(shown, dict):
        raise Fault("session.created has no object `session`.")
    peer.session = shown
    if audio:
        await peer.send({"type": "session.update", "session": {"audio": audio}})
        await peer.expect("session.updated")
    return peer


async def interpreted(caller: Caller, **audio: Any) -> list[Event]:
    """Say something and close the session: everything that comes until it is closed."""
    peer = await session(caller, output={"language": "es"}, **audio)
    sound = silence(300) + caller.speech.audio() + silence(1500)
    await peer.send(*(each | {"type": APPEND} for each in appends(sound)), CLOSE)
    return await peer.through("session.closed")


def of(events: list[Event], kind: str) -> list[Event]:
    return [each for each in events if each.get("type") == kind]


@check(
    "translation.created",
    "A translation session tells what it is.",
    Source.REFERENCE,
    dialects=GA,
    websocket_only=INTERPRETERS,
)
async def created(caller: Caller) -> None:
    peer = await session(caller)
    require_equal(peer.session.get("type"), "translation", "`type` of the session")
    require(bool(peer.session.get("id")), "The session has no id.")


@check(
    "translation.update",
    "Its language can be set.",
    Source.REFERENCE,
    dialects=GA,
    websocket_only=INTERPRETERS,
)
async def update(caller: Caller) -> None:
    peer = await session(caller)
    await peer.send({"type": "session.update", "session": {"audio": {"output": {"language": "es"}}}})
    shown = (await peer.expect("session.updated")).get("session") or {}
    language = ((shown.get("audio") or {}).get("output") or {}).get("language")
    require_equal(language, "es", "The language")


@check(
    "translation.append",
    "It takes audio under the name `session.input_audio_buffer.append`.",
    Source.GUIDE,
    dialects=GA,
    websocket_only=INTERPRETERS,
)
async def takes_audio(caller: Caller) -> None:
    peer = await session(caller)
    events = await peer.answers(append(silence(200)) | {"type": APPEND})
    require(not of(events, "error"), f"It was refused: {brief(events)}.")


@check(
    "translation.append-plain",
    "It refuses `input_audio_buffer.append`.",
    Source.REPORTS,
    dialects=GA,
    websocket_only=INTERPRETERS,
)
async def refuses_plain(caller: Caller) -> None:
    peer = await session(caller)
    error = await peer.refused(append(silence(200)))
    require_equal(error.get("param"), "type", "The param of the error")


@check(
    "translation.no-response",
    "It refuses `response.create`.",
    Source.REPORTS,
    dialects=GA,
    websocket_only=INTERPRETERS,
)
async def no_response(caller: Caller) -> None:
    peer = await session(caller)
    await peer.refused({"type": "response.create"})


@check(
    "translation.close",
    "It says `session.closed`, and closes the connection.",
    Source.REFERENCE,
    dialects=GA,
    websocket_only=INTERPRETERS,
)
async def close(caller: Caller) -> None:
    peer = await session(caller)
    await peer.send(CLOSE)
    await peer.until("session.closed")
    await peer.closed()


@check(
    "translation.output",
    "What is said is interpreted as text and as speech.",
    Source.REFERENCE,
    dialects=GA,
    needs=[Needs.SPEECH],
    websocket_only=INTERPRETERS,
)
async def output(caller: Caller) -> None:
    events = await interpreted(caller)
    text = "".join(str(each.get("delta")) for each in of(events, "session.output_transcript.delta"))
    require(bool(text.strip()), "There is no transcript of the interpretation.")
    require(bool(of(events, "session.output_audio.delta")), "There is no speech.")


@check(
    "translation.input",
    "What was heard is told if transcription is on.",
    Source.REFERENCE,
    dialects=GA,
    needs=[Needs.SPEECH],
    websocket_only=INTERPRETERS,
)
async def heard(caller: Caller) -> None:
    events = await interpreted(caller, input={"transcription": {"model": "gpt-realtime-whisper"}})
    text = "".join(str(each.get("delta")) for each in of(events, "session.input_transcript.delta"))
    require(bool(text.strip()), "There is no transcript of what was heard.")


@check(
    "translation.input-off",
    "It is not told otherwise.",
    Source.REFERENCE,
    dialects=GA,
    needs=[Needs.SPEECH],
    websocket_only=INTERPRETERS,
)
async def not_heard(caller: Caller) -> None:
    events = await interpreted(caller)
    require(not of(events, "session.input_transcript.delta"), "What was heard is told.")


@check(
    "translation.no-items",
    "It has no items and no responses.",
    Source.REFERENCE,
    dialects=GA,
    needs=[Needs.SPEECH],
    websocket_only=INTERPRETERS,
)
async def no_items(caller: Caller) -> None:
    types = {str(each.get("type")) for each in await interpreted(caller)}
    foreign = sorted(kind for kind in types if kind.startswith(("conversation.", "response.")))
    require(not foreign, f"These events came: {brief(foreign)}.")
