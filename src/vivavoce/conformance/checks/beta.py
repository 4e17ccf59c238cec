"""What is the beta dialect's own."""

from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import BETA, Source, brief, check, require, require_equal
from vivavoce.conformance.checks.items import add
from vivavoce.conformance.steering import BRIEF, QUESTION, WEATHER
from vivavoce.conformance.turn import respond

SESSION_KEYS = (
    "modalities",
    "instructions",
    "voice",
    "input_audio_format",
    "output_audio_format",
    "input_audio_transcription",
    "turn_detection",
    "tools",
    "tool_choice",
    "temperature",
    "max_response_output_tokens",
)
RESPONSE_KEYS = ("modalities", "voice", "output_audio_format", "temperature", "max_output_tokens")


@check("beta.session.flat", "The session is flat.", Source.REFERENCE, dialects=BETA)
async def flat(caller: Caller) -> None:
    peer = await caller.session()
    for key in SESSION_KEYS:
        require(key in peer.session, f"The session has no {key}.")
    for key in ("type", "audio", "output_modalities", "max_output_tokens"):
        require(key not in peer.session, f"The session has GA's {key}.")


@check("beta.session.formats", "Formats are plain names.", Source.REFERENCE, dialects=BETA)
async def formats(caller: Caller) -> None:
    peer = await caller.session()
    for key in ("input_audio_format", "output_audio_format"):
        require_equal(peer.session.get(key), "pcm16", key)


@check("beta.session.modalities", "The session speaks and writes.", Source.REFERENCE, dialects=BETA)
async def modalities(caller: Caller) -> None:
    peer = await caller.session()
    found = peer.session.get("modalities")
    require(sorted(map(str, found or [])) == ["audio", "text"], f"The modalities are {brief(found)}.")


@check("beta.session.no-type", "An update needs no type.", Source.REFERENCE, dialects=BETA)
async def no_type(caller: Caller) -> None:
    peer = await caller.session()
    require_equal((await peer.updated(instructions="x")).get("instructions"), "x", "The instructions")


@check("beta.session.either-order", "The modalities may come in either order.", Source.REPORTS, dialects=BETA)
async def either_order(caller: Caller) -> None:
    peer = await caller.session()
    for pair in (["text", "audio"], ["audio", "text"]):
        await peer.send({"type": "session.update", "session": {"modalities": pair}})
        shown = (await peer.expect("session.updated")).get("session") or {}
        require_equal(sorted(shown.get("modalities") or []), ["audio", "text"], "The modalities")


@check("beta.items.created", "An item is announced with one event.", Source.REFERENCE, dialects=BETA)
async def one_event(caller: Caller) -> None:
    peer = await caller.session()
    await peer.send({"type": "conversation.item.create", "item": peer.words.user("Hello")})
    types = [each["type"] for each in await peer.settle()]
    require_equal(types, ["conversation.item.created"], "What came")


@check("beta.items.assistant", "The assistant's text is of the type `text`.", Source.REPORTS, dialects=BETA)
async def assistant(caller: Caller) -> None:
    peer = await caller.session()
    content = [{"type": "text", "text": "Good morning."}]
    event = await add(peer, {"type": "message", "role": "assistant", "content": content})
    require_equal(event["item"].get("content"), content, "The content")


@check("beta.items.system-text", "The system may write `text`, too.", Source.INFERRED, dialects=BETA)
async def system_text(caller: Caller) -> None:
    peer = await caller.session()
    content = [{"type": "text", "text": "Be kind."}]
    await add(peer, {"type": "message", "role": "system", "content": content})


@check("beta.response.flat", "The response is flat.", Source.REPORTS, dialects=BETA)
async def response_flat(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    response = (await respond(peer)).response
    for key in RESPONSE_KEYS:
        require(key in response, f"The response has no {key}.")
    for key in ("audio", "output_modalities"):
        require(key not in response, f"The response has GA's {key}.")


@check("beta.response.names", "Deltas have the beta dialect's names.", Source.CLIENTS, dialects=BETA)
async def names(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF)
    types = set((await respond(peer)).types)
    require("response.audio.delta" in types, "There is no response.audio.delta.")
    require("response.audio_transcript.delta" in types, "There is no response.audio_transcript.delta.")
    foreign = sorted(kind for kind in types if ".output_audio" in kind or ".output_text" in kind)
    require(not foreign, f"There are events of GA: {brief(foreign)}.")


@check("beta.response.no-done", "There is no `conversation.item.done`.", Source.REFERENCE, dialects=BETA)
async def no_done(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    types = (await respond(peer)).types
    for kind in ("conversation.item.done", "conversation.item.added"):
        require(kind not in types, f"{kind} came.")


@check(
    "beta.response.max-tokens", "Both names of the limit of tokens are taken.", Source.INFERRED, dialects=BETA
)
async def max_tokens(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    for key in ("max_response_output_tokens", "max_output_tokens"):
        turn = await respond(peer, **{key: 300})
        require_equal(turn.response.get("max_output_tokens"), 300, f"The limit set by {key}")


@check(
    "beta.response.temperature",
    "A response may have a temperature of its own.",
    Source.REFERENCE,
    dialects=BETA,
)
async def temperature(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    turn = await respond(peer, temperature=0.9)
    require_equal(turn.response.get("temperature"), 0.9, "The temperature of the response")


@check(
    "beta.response.both-modalities",
    "Asked for both, the model speaks.",
    Source.REPORTS,
    dialects=BETA,
    believed=True,
)
async def both(caller: Caller) -> None:
    peer = await caller.session(instructions=BRIEF)
    turn = await respond(peer, modalities=["text", "audio"])
    require(bool(turn.audio), "There is no audio.")


@check(
    "beta.functions.no-name",
    "The end of the arguments does not name the function.",
    Source.REFERENCE,
    dialects=BETA,
    believed=True,
)
async def no_name(caller: Caller) -> None:
    peer = await caller.session(modality="text", tools=[WEATHER])
    await add(peer, peer.words.user(QUESTION))
    turn = await respond(peer, tool_choice={"type": "function", "name": "get_weather"})
    event = turn.first("response.function_call_arguments.done")
    require("name" not in event, "The event has a name.")
