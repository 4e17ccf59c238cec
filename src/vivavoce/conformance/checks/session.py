"""The session and what can be changed of it."""

import time

from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import BETA, FORMATS, GA, Source, brief, check, require, require_equal
from vivavoce.conformance.steering import BRIEF, WEATHER
from vivavoce.conformance.turn import respond

SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.6,
    "prefix_padding_ms": 200,
    "silence_duration_ms": 700,
    "create_response": False,
    "interrupt_response": False,
}


@check("session.created.first", "The session's first event tells the whole session.", Source.CAPTURE)
async def first(caller: Caller) -> None:
    peer = await caller.session()
    require(bool(peer.session.get("id")), "The session has no id.")
    require_equal(peer.session.get("object"), "realtime.session", "`object` of the session")


@check("session.created.quiet", "Nothing else comes until the client acts.", Source.CAPTURE)
async def quiet(caller: Caller) -> None:
    peer = await caller.session()
    events = [event["type"] for event in await peer.settle()]
    require(not events, f"Events came unasked for: {brief(events)}.")


@check(
    "session.created.type", "A conversation's session is of the type `realtime`.", Source.CAPTURE, dialects=GA
)
async def session_type(caller: Caller) -> None:
    peer = await caller.session()
    require_equal(peer.session.get("type"), "realtime", "`type` of the session")


@check("session.created.id", "Every session has an id of its own.", Source.REFERENCE)
async def session_id(caller: Caller) -> None:
    ids = [(await caller.session()).session.get("id") for _ in range(2)]
    require(ids[0] != ids[1], f"Two sessions are called {ids[0]}.")
    require(str(ids[0]).startswith("sess_"), f"The id {ids[0]} does not begin with sess_.")


@check("session.created.expiry", "The session tells when it expires, in the future.", Source.CAPTURE)
async def expiry(caller: Caller) -> None:
    peer = await caller.session()
    expires = peer.session.get("expires_at")
    require(isinstance(expires, int), f"expires_at is {brief(expires)}.")
    assert isinstance(expires, int)
    left = expires - time.time()
    require(0 < left < 86_400 or expires == 0, f"The session expires in {left:.0f} s.")


@check("session.created.vad", "Turn detection is on unless switched off: `server_vad`.", Source.CAPTURE)
async def default_detection(caller: Caller) -> None:
    peer = await caller.session()
    detection = peer.words.get(peer.session, "turn_detection")
    require(isinstance(detection, dict), f"turn_detection is {brief(detection)}.")
    require_equal(detection.get("type"), "server_vad", "The type of turn detection")


@check(
    "session.created.vad-defaults",
    "Turn detection has the live service's defaults: 0.5, 300 ms, 200 ms.",
    Source.CAPTURE,
    believed=True,
)
async def detection_defaults(caller: Caller) -> None:
    peer = await caller.session()
    detection = peer.words.get(peer.session, "turn_detection")
    for key, value in {"threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200}.items():
        require_equal(detection.get(key), value, key)


@check("session.created.modality", "The assistant speaks unless told otherwise.", Source.CAPTURE)
async def default_modality(caller: Caller) -> None:
    peer = await caller.session()
    modalities = peer.words.get(peer.session, "modality")
    require(isinstance(modalities, list), f"The modalities are {brief(modalities)}.")
    require_equal(sorted(modalities), sorted(peer.words.modalities("audio")), "The modalities")


@check("session.created.instructions", "The default instructions are told.", Source.REFERENCE)
async def default_instructions(caller: Caller) -> None:
    peer = await caller.session()
    require(bool(peer.session.get("instructions")), "The session has no instructions.")


@check("session.created.model", "The session tells its model.", Source.CAPTURE)
async def model(caller: Caller) -> None:
    peer = await caller.session()
    require(bool(peer.session.get("model")), "The session names no model.")


@check(
    "session.created.conversation",
    "`conversation.created` follows `session.created`.",
    Source.REFERENCE,
    believed=True,
    dialects=BETA,
)
async def conversation(caller: Caller) -> None:
    peer = await caller.session()
    await peer.settle()
    require(peer.conversation is not None, "conversation.created did not come.")


@check(
    "session.created.no-conversation",
    "`conversation.created` is not sent.",
    Source.CAPTURE,
    dialects=GA,
    believed=True,
)
async def no_conversation(caller: Caller) -> None:
    peer = await caller.session()
    await peer.settle()
    require(peer.conversation is None, "conversation.created was sent.")


@check("session.update.whole", "`session.updated` tells the whole session.", Source.CAPTURE)
async def whole(caller: Caller) -> None:
    peer = await caller.session()
    after = await peer.updated(instructions="Be brief.")
    require_equal(set(after), set(peer.session), "The keys of the session")
    require_equal(after.get("instructions"), "Be brief.", "The instructions")
    require_equal(after.get("id"), peer.session.get("id"), "The id")


@check("session.update.rest-unchanged", "What is not named stays as it is.", Source.CAPTURE)
async def rest_unchanged(caller: Caller) -> None:
    peer = await caller.session(instructions="Be brief.", tools=[WEATHER], voice="ash")
    before = await peer.updated(turn_detection=None)
    after = await peer.updated(max_output_tokens=500)
    for key in before:
        expected = (
            500 if key == peer.words.place("max_output_tokens").removeprefix("session.") else before[key]
        )
        require_equal(after.get(key), expected, f"`{key}`")


@check("session.update.nested", "Nested objects are merged, not replaced.", Source.CAPTURE, dialects=GA)
async def nested(caller: Caller) -> None:
    peer = await caller.session(voice="ash")
    after = await peer.updated(turn_detection=None)
    require_equal(peer.words.get(after, "voice"), "ash", "The voice after an update of turn detection")
    require_equal(peer.words.get(after, "input_format"), peer.words.format("pcm16"), "The input format")


@check("session.update.empty", "An update without settings changes nothing.", Source.CAPTURE)
async def empty(caller: Caller) -> None:
    peer = await caller.session()
    before = await peer.updated(instructions="Be brief.")
    require_equal(await peer.updated(), before, "The session after an empty update")


@check("session.update.one-reply", "Every update is answered by one `session.updated`.", Source.REFERENCE)
async def one_reply(caller: Caller) -> None:
    peer = await caller.session()
    updates = [peer.words.update(instructions=text) for text in ("one", "two", "three")]
    events = await peer.answers(*updates)
    told = [event["session"].get("instructions") for event in events if event["type"] == "session.updated"]
    require_equal(told, ["one", "two", "three"], "The instructions as they were told")


@check("session.update.modality", "The modality can be changed.", Source.REFERENCE)
async def modality(caller: Caller) -> None:
    peer = await caller.session()
    after = await peer.updated(modality="text")
    require_equal(peer.words.get(after, "modality"), ["text"], "The modality")


@check("session.update.instructions-empty", "Empty instructions mean none.", Source.REFERENCE)
async def instructions_empty(caller: Caller) -> None:
    peer = await caller.session()
    require_equal((await peer.updated(instructions="")).get("instructions"), "", "The instructions")


@check("session.update.tools", "Tools are kept as they were sent, and replaced as a whole.", Source.REFERENCE)
async def tools(caller: Caller) -> None:
    peer = await caller.session()
    after = await peer.updated(tools=[WEATHER], tool_choice="required")
    require_equal(after.get("tools"), [WEATHER], "The tools")
    require_equal(after.get("tool_choice"), "required", "The tool choice")
    other = WEATHER | {"name": "other"}
    require_equal((await peer.updated(tools=[other])).get("tools"), [other], "The tools")
    require_equal((await peer.updated(tools=[])).get("tools"), [], "The tools")


@check("session.update.tool-choice", "A function can be named as the tool choice.", Source.REFERENCE)
async def tool_choice(caller: Caller) -> None:
    peer = await caller.session(tools=[WEATHER])
    choice = {"type": "function", "name": "get_weather"}
    require_equal((await peer.updated(tool_choice=choice)).get("tool_choice"), choice, "The tool choice")


@check("session.update.server-vad", "All settings of `server_vad` are kept.", Source.REFERENCE)
async def server_vad(caller: Caller) -> None:
    peer = await caller.session()
    told = peer.words.get(await peer.updated(turn_detection=SERVER_VAD), "turn_detection")
    for key, value in SERVER_VAD.items():
        require_equal((told or {}).get(key), value, key)


@check("session.update.vad-filled", "A `server_vad` without settings has the defaults.", Source.CAPTURE)
async def vad_filled(caller: Caller) -> None:
    peer = await caller.session()
    told = peer.words.get(await peer.updated(turn_detection={"type": "server_vad"}), "turn_detection")
    before = peer.words.get(peer.session, "turn_detection")
    for key in ("threshold", "prefix_padding_ms", "silence_duration_ms", "create_response"):
        require_equal((told or {}).get(key), before.get(key), key)


@check("session.update.vad-replaced", "Turn detection is replaced as a whole.", Source.INFERRED)
async def vad_replaced(caller: Caller) -> None:
    peer = await caller.session(turn_detection=SERVER_VAD)
    told = peer.words.get(await peer.updated(turn_detection={"type": "server_vad"}), "turn_detection")
    require_equal((told or {}).get("threshold"), 0.5, "threshold")
    require_equal((told or {}).get("create_response"), True, "create_response")


@check("session.update.semantic-vad", "`semantic_vad` is taken, with its eagerness.", Source.REFERENCE)
async def semantic_vad(caller: Caller) -> None:
    peer = await caller.session()
    detection = {"type": "semantic_vad", "eagerness": "low"}
    told = peer.words.get(await peer.updated(turn_detection=detection), "turn_detection")
    for key, value in (detection | {"create_response": True, "interrupt_response": True}).items():
        require_equal((told or {}).get(key), value, key)


@check("session.update.vad-off", "Turn detection is switched off with null.", Source.REFERENCE)
async def vad_off(caller: Caller) -> None:
    peer = await caller.session()
    after = await peer.updated(turn_detection=None)
    require_equal(peer.words.get(after, "turn_detection"), None, "turn_detection")


@check("session.update.transcription", "Transcription is switched on and off.", Source.CAPTURE)
async def transcription(caller: Caller) -> None:
    peer = await caller.session()
    told = peer.words.get(await peer.updated(transcription={"model": "whisper-1"}), "transcription")
    require_equal((told or {}).get("model"), "whisper-1", "The model of transcription")
    after = await peer.updated(transcription=None)
    require_equal(peer.words.get(after, "transcription"), None, "transcription")


@check("session.update.noise-reduction", "Noise reduction is switched on and off.", Source.REFERENCE)
async def noise_reduction(caller: Caller) -> None:
    peer = await caller.session()
    for setting in ({"type": "near_field"}, {"type": "far_field"}, None):
        told = peer.words.get(await peer.updated(noise_reduction=setting), "noise_reduction")
        require_equal(told, setting, "noise_reduction")


@check(
    "session.update.formats",
    "Input and output take PCM and both kinds of G.711.",
    Source.REFERENCE,
    websocket_only=FORMATS,
)
async def formats(caller: Caller) -> None:
    peer = await caller.session()
    for name in ("g711_ulaw", "g711_alaw", "pcm16"):
        after = await peer.updated(input_format=name, output_format=name)
        for setting in ("input_format", "output_format"):
            require_equal(peer.words.get(after, setting), peer.words.format(name), setting)


@check("session.update.speed", "The pace of the voice can be changed.", Source.REFERENCE)
async def speed(caller: Caller) -> None:
    peer = await caller.session()
    require_equal(peer.words.get(await peer.updated(speed=1.25), "speed"), 1.25, "speed")


@check("session.update.voice", "The voice can be changed before the assistant spoke.", Source.REFERENCE)
async def voice(caller: Caller) -> None:
    peer = await caller.session()
    require_equal(peer.words.get(await peer.updated(voice="echo"), "voice"), "echo", "voice")


@check("session.update.voice-after-text", "A written answer does not settle the voice.", Source.REFERENCE)
async def voice_after_text(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    await respond(peer)
    require_equal(peer.words.get(await peer.updated(voice="echo"), "voice"), "echo", "voice")


@check("session.update.voice-settled", "The voice cannot change once it was heard.", Source.REPORTS)
async def voice_settled(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF, voice="ash")
    await respond(peer)
    error = await peer.refused(peer.words.update(voice="echo", instructions="Changed."))
    require_equal(error.get("code"), "cannot_update_voice", "The code of the error")
    after = await peer.updated()
    require_equal(peer.words.get(after, "voice"), "ash", "voice")
    require_equal(after.get("instructions"), BRIEF, "The instructions after a refused update")


@check("session.update.voice-same", "The voice may be named again after it was heard.", Source.INFERRED)
async def voice_same(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF, voice="ash")
    await respond(peer)
    require_equal(peer.words.get(await peer.updated(voice="ash"), "voice"), "ash", "voice")


@check("session.update.model-same", "The session's own model may be named.", Source.INFERRED)
async def model_same(caller: Caller) -> None:
    peer = await caller.session()
    await peer.updated(model=peer.session.get("model"))


@check("session.update.model-other", "The model of a session cannot change.", Source.REFERENCE, believed=True)
async def model_other(caller: Caller) -> None:
    peer = await caller.session()
    await peer.refused(peer.words.update(model="another-model"))


@check("session.update.truncation", "Truncation can be configured.", Source.REFERENCE, dialects=GA)
async def truncation(caller: Caller) -> None:
    peer = await caller.session()
    ratio = {"type": "retention_ratio", "retention_ratio": 0.8}
    for setting in ("disabled", ratio, "auto"):
        told = (await peer.updated(truncation=setting)).get("truncation")
        if isinstance(setting, dict):
            told = {key: told.get(key) for key in setting} if isinstance(told, dict) else told
        require_equal(told, setting, "truncation")


@check(
    "session.update.tracing", "Tracing is switched on, and stays as it is.", Source.REFERENCE, believed=True
)
async def tracing(caller: Caller) -> None:
    peer = await caller.session()
    require_equal((await peer.updated(tracing="auto")).get("tracing"), "auto", "tracing")
    await peer.refused(peer.words.update(tracing={"workflow_name": "another"}))


@check("session.update.include", "Log-probabilities can be asked for.", Source.REFERENCE)
async def include(caller: Caller) -> None:
    peer = await caller.session()
    wanted = ["item.input_audio_transcription.logprobs"]
    require_equal((await peer.updated(include=wanted)).get("include"), wanted, "include")


@check("session.update.max-tokens", 'The limit of tokens is a number or "inf".', Source.REFERENCE)
async def max_tokens(caller: Caller) -> None:
    peer = await caller.session()
    for setting in (1, 4096, "inf"):
        told = peer.words.get(await peer.updated(max_output_tokens=setting), "max_output_tokens")
        require_equal(told, setting, "max_output_tokens")


@check("session.update.temperature", "The temperature can be changed.", Source.REFERENCE, dialects=BETA)
async def temperature(caller: Caller) -> None:
    peer = await caller.session()
    require_equal((await peer.updated(temperature=0.7)).get("temperature"), 0.7, "temperature")


@check("session.update.applies", "A response obeys the instructions that were last set.", Source.REFERENCE)
async def applies(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions='Say "Good morning" and nothing else.')
    await peer.updated(instructions='Say "Good evening" and nothing else.')
    turn = await respond(peer)
    require(bool(turn.text(peer.words.text)), "The answer is empty.")
    require_equal(peer.words.get(turn.response, "modality"), ["text"], "The modality of the response")
