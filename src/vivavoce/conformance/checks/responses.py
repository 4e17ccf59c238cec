"""Responses: what they consist of, and what can be different for one of them."""

from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import (
    FORMATS,
    GA,
    NO_DELTAS,
    Fault,
    NotRun,
    Source,
    brief,
    check,
    require,
    require_equal,
)
from vivavoce.conformance.checks.items import add
from vivavoce.conformance.peer import audio_of
from vivavoce.conformance.steering import BRIEF, LONG
from vivavoce.conformance.turn import Turn, finished, respond
from vivavoce.conformance.words import Words


def expected_types(words: Words, families: tuple[str, ...]) -> list[str]:
    """The events of a response of one message, without repetitions of deltas."""
    done = ["conversation.item.done"] if words.ga else []
    return [
        "response.created",
        "response.output_item.added",
        words.added,
        "response.content_part.added",
        *families,
        "response.content_part.done",
        *done,
        "response.output_item.done",
        "response.done",
    ]


@check("responses.text.order", "A written answer's events come in their order.", Source.CAPTURE)
async def text_order(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    turn = await respond(peer)
    words = peer.words
    types = list(dict.fromkeys(turn.types))
    families = (f"{words.text}.delta", f"{words.text}.done")
    require_equal(types, expected_types(words, families), "The order of the events")


@check("responses.audio.order", "A spoken answer's events come in their order.", Source.CAPTURE)
async def audio_order(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF)
    turn = await respond(peer)
    words = peer.words
    deltas = {f"{words.audio}.delta", f"{words.transcript}.delta"}
    types = [kind for kind in turn.types if kind not in deltas]
    families = (f"{words.audio}.done", f"{words.transcript}.done")
    require_equal(types, expected_types(words, families), "The order of the events")
    told = {words.audio_begins, f"{words.transcript}.delta"}
    require(told <= {each.get("type") for each in turn.events}, "The answer has no audio, or no transcript.")


@check("responses.text.item", "A written answer is one message with one part of text.", Source.CAPTURE)
async def text_item(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    turn = await respond(peer)
    item = turn.message
    require_equal(item.get("role"), "assistant", "The role")
    require_equal(item.get("status"), "completed", "The status")
    text = turn.text(peer.words.text)
    require(bool(text), "The answer is empty.")
    require_equal(item.get("content"), [{"type": peer.words.assistant_text, "text": text}], "The content")


@check("responses.audio.item", "A spoken answer is one message with one part of audio.", Source.CAPTURE)
async def audio_item(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF)
    turn = await respond(peer)
    transcript = turn.text(peer.words.transcript)
    require(bool(transcript), "The transcript is empty.")
    content = [{"type": peer.words.assistant_audio, "transcript": transcript}]
    require_equal(turn.message.get("content"), content, "The content")


@check(
    "responses.audio.samples",
    "Spoken audio is PCM of whole samples, and of some length.",
    Source.REFERENCE,
    websocket_only=NO_DELTAS,
)
async def audio_samples(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF)
    audio = (await respond(peer)).audio
    require(len(audio) % 2 == 0, f"There are {len(audio)} bytes, which is odd.")
    require(len(audio) > 4_800, f"There are only {len(audio)} bytes of audio.")


@check(
    "responses.audio.g711",
    "Spoken audio comes as G.711 if that is asked for.",
    Source.REFERENCE,
    websocket_only=FORMATS,
)
async def audio_g711(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF)
    length = len((await respond(peer)).audio) / 48
    peer = await caller.session(modality="audio", instructions=BRIEF, output_format="g711_ulaw")
    turn = await respond(peer)
    shorter = len(turn.audio) / 8
    shown = peer.words.get(turn.response, "output_format")
    require_equal(shown, peer.words.format("g711_ulaw"), "The format of the response")
    close = 0.5 < shorter / length < 2
    require(close, f"The answer lasts {length:.0f} ms in PCM and {shorter:.0f} ms in G.711.")


@check("responses.created.shape", "`response.created` shows the settings that apply.", Source.CAPTURE)
async def created_shape(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF, max_output_tokens=400, voice="ash")
    shown = (await respond(peer)).created
    require_equal(peer.words.get(shown, "modality"), ["text"], "The modality")
    require_equal(peer.words.get(shown, "max_output_tokens"), 400, "max_output_tokens")
    require_equal(peer.words.get(shown, "voice"), "ash", "The voice")
    require(isinstance(shown.get("conversation_id"), str), "The response names no conversation.")
    require_equal(shown.get("metadata"), None, "metadata")


@check("responses.done.usage", "`response.done` tells how many tokens were used.", Source.CAPTURE)
async def usage(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    tokens = (await respond(peer)).response.get("usage") or {}
    for key in ("total_tokens", "input_tokens", "output_tokens"):
        require(tokens.get(key, 0) > 0, f"{key} is {brief(tokens.get(key))}.")


@check("responses.usage.audio", "A spoken answer uses tokens of audio and of text.", Source.REFERENCE)
async def usage_audio(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF)
    tokens = (await respond(peer)).response.get("usage") or {}
    details = tokens.get("output_token_details") or {}
    for key in ("audio_tokens", "text_tokens"):
        require(details.get(key, 0) > 0, f"{key} of the output is {brief(details.get(key))}.")


@check(
    "responses.empty-conversation", "An empty conversation is answered from instructions alone.", Source.GUIDE
)
async def empty_conversation(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    turn = await respond(peer)
    event = turn.first(peer.words.added)
    require_equal(event.get("previous_item_id"), None, "previous_item_id of the answer")


@check("responses.linked", "The answer is placed behind the question.", Source.CAPTURE)
async def linked(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    await add(peer, peer.words.user("Hello", id="question"))
    turn = await respond(peer)
    event = turn.first(peer.words.added)
    require_equal(event.get("previous_item_id"), "question", "previous_item_id of the answer")


@check(
    "responses.rate-limits", "The rate limits follow the end of a response.", Source.CAPTURE, believed=True
)
async def rate_limits(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    await respond(peer)
    await peer.expect("rate_limits.updated")


@check("responses.again", "A response may be asked for as soon as the last one is done.", Source.REPORTS)
async def again(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    ids = [(await respond(peer)).response.get("id") for _ in range(3)]
    require(len(set(ids)) == 3, f"The responses are called {brief(ids)}.")


@check("responses.one-at-a-time", "A second response at the same time is refused.", Source.REPORTS)
async def one_at_a_time(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=LONG)
    create = peer.words.create()
    await peer.send(create, create | {"event_id": "the_second"})
    created = (await peer.expect("response.created")).get("response") or {}
    error = (await peer.through("error", "response.done"))[-1].get("error") or {}
    code = "conversation_already_has_active_response"
    require_equal(error.get("code"), code, "The code of the error")
    require_equal(error.get("event_id"), "the_second", "event_id of the error")
    await peer.send({"type": "response.cancel"})
    done = (await peer.until("response.done")).get("response") or {}
    require_equal(done.get("id"), created.get("id"), "The id of the response that ends")
    began = [
        each for each in await peer.settle() if each.get("type") in ("response.created", "response.done")
    ]
    require(not began, "The refused response came all the same.")


# Overrides


@check("responses.override.instructions", "Instructions can be replaced for one response.", Source.REFERENCE)
async def override_instructions(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=LONG)
    short = await respond(peer, instructions=BRIEF)
    require(
        len(short.text(peer.words.text)) < 200, "The answer is as long as the session's instructions ask."
    )
    after = await peer.updated()
    require_equal(after.get("instructions"), LONG, "The session's instructions afterwards")


@check("responses.override.modality", "The modality can be chosen for one response.", Source.REFERENCE)
async def override_modality(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF)
    turn = await respond(peer, modality="text")
    require_equal(peer.words.get(turn.response, "modality"), ["text"], "The modality of the response")
    require(not turn.all(peer.words.audio_begins), "The response speaks.")
    after = await peer.updated()
    expected = peer.words.get(peer.session, "modality")
    require_equal(sorted(peer.words.get(after, "modality")), sorted(expected), "The session's modality")


@check("responses.override.voice", "The voice can be chosen for one response.", Source.REFERENCE)
async def override_voice(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF, voice="ash")
    turn = await respond(peer, voice="echo")
    require_equal(peer.words.get(turn.response, "voice"), "echo", "The voice of the response")


@check(
    "responses.override.format",
    "The output format can be chosen for one response.",
    Source.REFERENCE,
    websocket_only=FORMATS,
)
async def override_format(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=BRIEF)
    turn = await respond(peer, output_format="g711_alaw")
    shown = peer.words.get(turn.response, "output_format")
    require_equal(shown, peer.words.format("g711_alaw"), "The format of the response")


@check(
    "responses.override.max-tokens", "The limit of tokens ends a response as incomplete.", Source.REFERENCE
)
async def override_max_tokens(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=LONG)
    await peer.send(peer.words.create(max_output_tokens=16))
    response = (await finished(peer)).response
    require_equal(response.get("status"), "incomplete", "The status")
    details = {"type": "incomplete", "reason": "max_output_tokens"}
    require_equal(response.get("status_details"), details, "status_details")
    require_equal(peer.words.get(response, "max_output_tokens"), 16, "max_output_tokens")
    statuses = [item.get("status") for item in response.get("output") or []]
    require_equal(statuses[-1:], ["incomplete"], "The status of the item")


@check("responses.override.metadata", "Metadata come back in both events.", Source.REFERENCE)
async def override_metadata(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    turn = await respond(peer, metadata={"topic": "greeting"})
    require_equal(turn.created.get("metadata"), {"topic": "greeting"}, "metadata of response.created")
    require_equal(turn.response.get("metadata"), {"topic": "greeting"}, "metadata of response.done")


@check("responses.override.empty", "An empty `response` asks for nothing special.", Source.INFERRED)
async def override_empty(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    for nothing in ("{}", "null"):
        await peer.send_text(f'{{"type": "response.create", "response": {nothing}}}')
        await finished(peer)


@check(
    "responses.override.input-empty",
    "With an empty `input` the conversation is ignored, but added to.",
    Source.GUIDE,
)
async def override_input(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    await add(peer, peer.words.user("Hello " * 400, id="question"))
    whole = await respond(peer)
    alone = await respond(peer, input=[])
    used = [(turn.response.get("usage") or {}).get("input_tokens", 0) for turn in (whole, alone)]
    require(used[1] < used[0], f"It used {used[1]} tokens of input, with the conversation {used[0]}.")
    require_equal(
        alone.first(peer.words.added).get("previous_item_id"), whole.message.get("id"), "previous_item_id"
    )


@check("responses.settings-snapshot", "A response keeps the settings that it began with.", Source.INFERRED)
async def snapshot(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=LONG)
    await peer.send(peer.words.create())
    await peer.until("response.content_part.added")
    await peer.send(peer.words.update(modality="text"), {"type": "response.cancel"})
    turn = Turn(await peer.through("response.done"), peer.words)
    shown = peer.words.get(turn.response, "modality")
    require("audio" in (shown or []), f"The modality of the response became {brief(shown)}.")


@check("responses.items-meanwhile", "Items may be added while a response goes on.", Source.INFERRED)
async def items_meanwhile(caller: Caller) -> None:
    peer = await caller.session(modality="audio", instructions=LONG)
    await peer.send(peer.words.create())
    answer = (await peer.until(peer.words.added))["item"]["id"]
    await peer.send(
        {"type": "conversation.item.create", "item": peer.words.user("One more thing", id="late")},
        {"type": "response.cancel"},
    )
    events = await peer.through("response.done")
    if events[-1]["response"].get("status") == "completed":
        raise NotRun("The server had said everything before the item could be added.")
    added = [each for each in events if each["type"] == peer.words.added and each["item"]["id"] == "late"]
    require(added, "The item was not added before the response ended.")
    require_equal(added[0].get("previous_item_id"), answer, "previous_item_id of the item")


@check(
    "responses.obfuscation",
    "Deltas may hide their length, which changes nothing.",
    Source.CAPTURE,
    dialects=GA,
)
async def obfuscation(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    turn = await respond(peer)
    hidden = [each["obfuscation"] for each in turn.all(f"{peer.words.text}.delta") if "obfuscation" in each]
    require(all(isinstance(each, str) for each in hidden), f"obfuscation is {brief(hidden[:1])}.")


@check("responses.two-turns", "A second turn knows the first one.", Source.REFERENCE)
async def two_turns(caller: Caller) -> None:
    peer = await caller.session(modality="text", instructions=BRIEF)
    await add(peer, peer.words.user("Hello"))
    used = []
    for _ in range(2):
        turn = await respond(peer)
        used.append((turn.response.get("usage") or {}).get("input_tokens", 0))
        await add(peer, peer.words.user("And again, please"))
    require(used[1] > used[0], f"The turns used {used[0]} and {used[1]} tokens of input.")


@check(
    "responses.audio-whole",
    "An answer of several sentences is spoken to its end.",
    Source.REFERENCE,
    websocket_only=NO_DELTAS,
)
async def audio_whole(caller: Caller) -> None:
    peer = await caller.session(
        modality="audio", instructions='Say "One. Two. Three. Four. Five." and nothing else.'
    )
    turn = await respond(peer)
    if audio_of(turn.events, peer.words) == b"":
        raise Fault("There is no audio.")
    first = turn.types.index(f"{peer.words.audio}.delta")
    require(f"{peer.words.audio}.done" in turn.types[first:], "The audio has no end.")
