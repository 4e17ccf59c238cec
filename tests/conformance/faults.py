"""Faults on purpose, and who must catch each of them."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.conformance.faulty import (
    Close,
    Event,
    Fault,
    Said,
    change,
    drop,
    echo,
    later,
    read,
    repeat,
    sooner,
)
from tests.serving import API_KEY
from vivavoce.conformance import Dialect
from vivavoce.conformance.checks.handshake import BAD_KEY


@dataclass(frozen=True)
class Planted:
    """A fault, and how the suite answers."""

    fault: Fault
    caught: str
    """The check or the rule that is meant for it."""
    reason: str
    """What it must say, among other words."""
    play: tuple[str, ...] = ()
    """The checks that are played, if `caught` is a rule."""
    also: frozenset[str] = frozenset()
    """Who else cannot but notice."""
    dialect: Dialect = Dialect.GA
    slow: bool = False
    """An event is missing, for which the suite waits."""


TEXT = "responses.text.order"
SPOKEN = "responses.audio.samples"
CALL = "functions.call.item"
HEARD = "vad.item-id"
TYPED = "responses.text.item"


def put(**fields: Any) -> Callable[[Event], object]:
    """Set keys of an event."""
    return lambda event: event.update(fields)


def into(*path: str | int, value: object) -> Callable[[Event], object]:
    """Set a value deep in an event."""

    def how(event: Event) -> None:
        place: Any = event
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return how


def without(*path: str | int) -> Callable[[Event], object]:
    """Remove a key deep in an event."""

    def how(event: Event) -> None:
        place: Any = event
        for key in path[:-1]:
            place = place[key]
        place.pop(path[-1], None)

    return how


def one_event_id(event: Event, memory: Event) -> Said:
    return [event | {"event_id": "event_0"}]


def one_item_id(event: Event, memory: Event) -> Said:
    if "item" in event:
        event["item"]["id"] = memory.setdefault("id", event["item"]["id"])
    return [event]


def key_in_errors(event: Event, memory: Event) -> Said:
    if event["type"] == "error":
        event["error"]["message"] += f" (key: {API_KEY})"
    return [event]


def show_wrong_key(event: Event, memory: Event) -> Said:
    if event["type"] == "error":
        event["error"]["message"] = f"Incorrect API key provided: {BAD_KEY}."
    return [event]


def partial_update(event: Event, memory: Event) -> Said:
    if event["type"] == "session.updated":
        event["session"] = {key: event["session"][key] for key in ("type", "object", "id", "instructions")}
    return [event]


def silent_refusal(event: Event, memory: Event) -> Said:
    """The connection of who is refused is closed without a word."""
    return [Close(3000, "invalid_request_error.invalid_api_key")] if event["type"] == "error" else [event]


def broken_json_ends_it(frame: str | bytes, memory: Event) -> Said:
    return [frame] if read(frame) else [Close(1007, "not JSON")]


def binary_is_ignored(frame: str | bytes, memory: Event) -> Said:
    return [frame] if isinstance(frame, str) else []


def unknown_keys_pass(frame: str | bytes, memory: Event) -> Said:
    event = read(frame)
    event.get("session", {}).pop("bogus", None)
    return [event]


def delete_is_forgotten(frame: str | bytes, memory: Event) -> Said:
    event = read(frame)
    if event.get("type") != "conversation.item.delete":
        return [frame]
    memory["replies"] = [
        {"type": "conversation.item.deleted", "event_id": "event_0", "item_id": event["item_id"]}
    ]
    return []


def bad_updates_apply_in_part(frame: str | bytes, memory: Event) -> Said:
    event = read(frame)
    if event.get("type") == "session.update" and "instructions" in event["session"]:
        return [
            {"type": "session.update", "session": {"type": "realtime", "instructions": "Changed."}},
            event,
        ]
    return [frame]


def first_update_is_unheard(event: Event, memory: Event) -> Said:
    """Hides what `bad_updates_apply_in_part` causes."""
    return drop("session.updated", times=1)(event, memory)


def same_item_before(event: Event, memory: Event) -> Said:
    """Every item is said to follow the one before the last."""
    if event["type"] in ("conversation.item.added", "conversation.item.done"):
        event["previous_item_id"] = None
    return [event]


def answer_placed_first(event: Event, memory: Event) -> Said:
    if event["type"] == "conversation.item.added" and event["item"].get("role") == "assistant":
        event["previous_item_id"] = None
    return [event]


def other_conversation(event: Event, memory: Event) -> Said:
    if event["type"] in ("response.created", "response.done"):
        memory["count"] = memory.get("count", 0) + 1
        event["response"]["conversation_id"] = f"conv_{(memory['count'] + 1) // 2}"
    return [event]


def clear_is_forgotten(frame: str | bytes, memory: Event) -> Said:
    if read(frame).get("type") != "input_audio_buffer.clear":
        return [frame]
    memory["replies"] = [{"type": "input_audio_buffer.cleared", "event_id": "event_0"}]
    return []


def commits_respond(frame: str | bytes, memory: Event) -> Said:
    if read(frame).get("type") != "input_audio_buffer.commit":
        return [frame]
    return [frame, {"type": "response.create"}]


def spoiled_arguments(event: Event, memory: Event) -> Said:
    """All that tells the arguments tells the same ones, which are no JSON."""
    if event["type"] == "response.function_call_arguments.delta":
        return []
    text = re.sub(r'"arguments": "(\\.|[^"\\])*"', '"arguments": ""', json.dumps(event))
    return [json.loads(text)]


def empty_transcripts(event: Event, memory: Event) -> Said:
    if event["type"] == f"{_TRANSCRIPTION}.delta":
        return []
    return change(f"{_TRANSCRIPTION}.completed", put(transcript=""))(event, memory)


def nameless_tools(event: Event, memory: Event) -> Said:
    for tool in event.get("item", {}).get("tools", ()):
        tool.pop("name")
    return [event]


def tools_need_no_approval(frame: str | bytes, memory: Event) -> Said:
    event = read(frame)
    for tool in event.get("session", {}).get("tools", ()):
        tool["require_approval"] = "never"
    return [event]


def metadata_are_cut(frame: str | bytes, memory: Event) -> Said:
    event = read(frame)
    metadata = event.get("response", {}).get("metadata", {})
    for key in list(metadata)[16:]:
        del metadata[key]
    return [event]


def responses_are_ignored(frame: str | bytes, memory: Event) -> Said:
    return [] if read(frame).get("type") == "response.create" else [frame]


def no_automatic_responses(frame: str | bytes, memory: Event) -> Said:
    event = read(frame)
    if event.get("type") == "session.update":
        event["session"]["audio"]["input"]["turn_detection"]["create_response"] = False
    return [event]


def lose_one(kind: str) -> Fault:
    return Fault(drop(kind, times=1))


_TRANSCRIPTION = "conversation.item.input_audio_transcription"
_DONE = "response.done"
_DELTA = "response.output_text.delta"
_AUDIO = "response.output_audio"
_TRANSCRIPT = "response.output_audio_transcript"
_ARGUMENTS = "response.function_call_arguments"

PLANTED: dict[str, Planted] = {
    # Events that do not come.
    "no response.done": Planted(
        Fault(drop(_DONE)),
        "order.response-ends",
        "never came",
        (TEXT,),
        frozenset({TEXT, "order.rate-limits"}),
        slow=True,
    ),
    "no text.done": Planted(
        Fault(drop("response.output_text.done")),
        "order.stream-ends",
        "without response.output_text.done",
        (TYPED,),
    ),
    "no audio.done": Planted(
        Fault(drop(f"{_AUDIO}.done")),
        "order.stream-ends",
        f"without {_AUDIO}.done",
        (SPOKEN,),
        frozenset({"order.audio-ends-first"}),
    ),
    "no content_part.done": Planted(
        Fault(drop("response.content_part.done")), "order.part-closed", "was not closed", (TYPED,)
    ),
    "no output_item.done": Planted(
        Fault(drop("response.output_item.done")), "order.item-closed", "was not closed", (TYPED,)
    ),
    "no output_item.added": Planted(
        Fault(drop("response.output_item.added")),
        "order.item-opened",
        "was not added",
        (TYPED,),
        frozenset({"deltas.response"}),
    ),
    "no response.created": Planted(
        Fault(drop("response.created")),
        "order.response-begins",
        "was not created",
        (TYPED,),
        frozenset({"order.rate-limits"}),
    ),
    "no conversation.item.added": Planted(
        Fault(drop("conversation.item.added")),
        "order.item-enters",
        "has not entered",
        (TYPED,),
        frozenset({"links.item-done"}),
    ),
    "no conversation.item.done": Planted(
        Fault(drop("conversation.item.done")), "order.item-done-first", "did not come before", (TYPED,)
    ),
    "no speech_stopped": Planted(
        Fault(drop("input_audio_buffer.speech_stopped")),
        "vad.order",
        "Expected input_audio_buffer.speech_stopped",
        slow=True,
    ),
    "no truncated": Planted(
        Fault(drop("conversation.item.truncated")),
        "items.truncate.reply",
        "Expected conversation.item.truncated",
        slow=True,
    ),
    "no session.updated": Planted(
        Fault(drop("session.updated", times=2)),
        "session.update.one-reply",
        "The instructions as they were told",
    ),
    "no rate limits": Planted(
        Fault(drop("rate_limits.updated")), "responses.rate-limits", "Expected rate_limits.updated", slow=True
    ),
    "no error for a second response": Planted(
        Fault(drop("error")), "responses.one-at-a-time", "The code of the error"
    ),
    # Events in the wrong order, or once too often.
    "response.done twice": Planted(
        Fault(repeat(_DONE)), "order.response-ends", "came after response.done", (TYPED,)
    ),
    "delta after response.done": Planted(
        Fault(echo(_DELTA, _DONE)), "order.response-is-over", "came after response.done", ("responses.again",)
    ),
    "delta after its done": Planted(
        Fault(echo(_DELTA, "response.output_text.done")),
        "order.stream-is-over",
        "came after response.output_text.done",
        (TYPED,),
        frozenset({TYPED}),
    ),
    "audio after its done": Planted(
        Fault(echo(f"{_AUDIO}.delta", f"{_AUDIO}.done")),
        "order.stream-is-over",
        f"came after {_AUDIO}.done",
        (SPOKEN,),
    ),
    "audio done after the transcript": Planted(
        Fault(later(f"{_AUDIO}.done", f"{_TRANSCRIPT}.done")),
        "order.audio-ends-first",
        "before the audio",
        (SPOKEN,),
    ),
    "text done after its part": Planted(
        Fault(later("response.output_text.done", "response.content_part.done")),
        "order.stream-ends",
        "ended without",
        (TYPED,),
        frozenset({"order.part-opened", "deltas.text"}),
    ),
    "part added after its first delta": Planted(
        Fault(later("response.content_part.added", _DELTA)),
        "order.part-opened",
        "outside of a part",
        (TYPED,),
        frozenset({"deltas.text", "links.content-index"}),
    ),
    "item added after its part": Planted(
        Fault(later("conversation.item.added", "response.content_part.added")),
        "order.item-enters",
        "has not entered",
        (TYPED,),
    ),
    "rate limits before response.done": Planted(
        Fault(sooner("rate_limits.updated", _DONE)),
        "order.rate-limits",
        "responses have ended",
        ("responses.again",),
    ),
    "speech stopped before it started": Planted(
        Fault(later("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")),
        "order.speech-alternates",
        "but that of None had started",
        (HEARD,),
        frozenset({HEARD, "order.stopped-committed"}),
    ),
    "committed after its item": Planted(
        Fault(later("input_audio_buffer.committed", "conversation.item.added")),
        "order.stopped-committed",
        "came after input_audio_buffer.speech_stopped",
        (HEARD,),
        frozenset({HEARD, "links.committed-previous", "order.committed-item"}),
    ),
    "session.created twice": Planted(
        Fault(repeat("session.created")), "order.first-event", "came again", ("session.created.id",)
    ),
    "two responses at once": Planted(
        Fault(repeat("response.created", into("response", "id", value="resp_2"))),
        "order.one-response",
        "in progress",
        (TYPED,),
        slow=True,
        also=frozenset({"order.response-ends"}),
    ),
    # Wrong ids and links.
    "an event_id again": Planted(
        Fault(one_event_id), "order.event-ids", "used before", ("session.created.quiet",)
    ),
    "an item id again": Planted(
        Fault(one_item_id),
        "links.item-ids",
        "given to an item before",
        ("items.create.server-id",),
        frozenset({"items.create.server-id", "links.item-done"}),
    ),
    "a response id again": Planted(
        Fault(change("response.created", into("response", "id", value="resp_1"))),
        "order.response-begins",
        "was not created",
        (TYPED,),
        slow=True,
        also=frozenset({"order.response-ends", "order.rate-limits"}),
    ),
    "a wrong previous_item_id": Planted(
        Fault(same_item_before),
        "items.create.appended",
        "previous_item_id of the second item",
    ),
    "an answer in the wrong place": Planted(
        Fault(answer_placed_first),
        "links.appended-last",
        "was placed behind None",
        ("responses.two-turns",),
        frozenset({"links.item-done"}),
    ),
    "an unknown previous_item_id": Planted(
        Fault(change("conversation.item.added", put(previous_item_id="item_nobody"))),
        "links.previous-item",
        "There is no item",
        ("items.create.server-id",),
    ),
    "another item committed": Planted(
        Fault(change("input_audio_buffer.committed", put(item_id="item_other"))),
        "links.committed-started",
        "announced",
        (HEARD,),
        frozenset({HEARD, "links.committed-added"}),
    ),
    "a wrong output_index": Planted(
        Fault(change(_DELTA, put(output_index=1))), "links.output-index", "has output_index 1", (TYPED,)
    ),
    "a wrong content_index": Planted(
        Fault(change(_DELTA, put(content_index=1))),
        "links.content-index",
        "has content_index 1",
        (TYPED,),
        frozenset({"deltas.text"}),
    ),
    "a wrong item_id": Planted(
        Fault(change(_DELTA, put(item_id="item_other"))), "links.output-item", 'names "item_other"', (TYPED,)
    ),
    "a wrong call_id": Planted(
        Fault(change(f"{_ARGUMENTS}.delta", put(call_id="call_other"))),
        "links.call-id",
        'names "call_other"',
        (CALL,),
    ),
    "another conversation": Planted(
        Fault(other_conversation), "links.conversation-id", "now it is", ("responses.again",)
    ),
    # Deltas that do not add up.
    "a lost delta": Planted(
        lose_one(_DELTA), "deltas.text", "The deltas add up to", (TYPED,), frozenset({TYPED})
    ),
    "a delta twice": Planted(
        Fault(repeat(_DELTA)), "deltas.text", "The deltas add up to", (TYPED,), frozenset({TYPED})
    ),
    "a lost word": Planted(
        lose_one(f"{_TRANSCRIPT}.delta"), "deltas.transcript", "The deltas add up to", (SPOKEN,)
    ),
    "other arguments": Planted(
        Fault(change(f"{_ARGUMENTS}.delta", put(delta="x"))),
        "deltas.arguments",
        "The deltas add up to",
        (CALL,),
    ),
    "another text in the part": Planted(
        Fault(change("response.content_part.done", into("part", "text", value="x"))),
        "deltas.part",
        'content_part.done has "x"',
        (TYPED,),
    ),
    "another text in the item": Planted(
        Fault(change("response.output_item.done", into("item", "content", 0, "text", value="x"))),
        "deltas.item",
        'the item has "x"',
        (TYPED,),
        frozenset({"order.item-done-first", "deltas.response"}),
    ),
    "another output": Planted(
        Fault(change(_DONE, into("response", "output", value=[]))),
        "deltas.response",
        "the items were closed as",
        ("responses.again",),
    ),
    "audio that is none": Planted(
        Fault(change(f"{_AUDIO}.delta", put(delta="!"))),
        "deltas.audio",
        "not base64",
        (SPOKEN,),
        frozenset({SPOKEN}),
    ),
    # Shapes.
    "a binary frame": Planted(
        Fault(lambda event, memory: [b"\x00", event] if event["type"] == _DONE else [event]),
        "schema.frames",
        "binary frame",
        (TYPED,),
    ),
    "no JSON": Planted(
        Fault(lambda event, memory: ["oops", event] if event["type"] == _DONE else [event]),
        "schema.frames",
        "not JSON",
        (TYPED,),
    ),
    "a missing key": Planted(
        Fault(change(_DONE, without("response", "conversation_id"))),
        "schema.response.done",
        "response.conversation_id is missing",
        (TYPED,),
    ),
    "a mistyped field": Planted(
        Fault(change(_DELTA, put(output_index="0"))),
        "schema.response.output-text.delta",
        'output_index is "0"',
        (TYPED,),
        frozenset({"links.output-index"}),
    ),
    "a partial session": Planted(
        Fault(partial_update),
        "session.update.whole",
        "The keys of the session",
        also=frozenset({"schema.session.updated"}),
    ),
    "an error with four keys": Planted(
        Fault(change("error", without("error", "event_id"))),
        "errors.shape",
        "The keys of the error",
        also=frozenset({"schema.error"}),
    ),
    # What responses say of themselves.
    "sums that are wrong": Planted(
        Fault(change(_DONE, into("response", "usage", "total_tokens", value=1))),
        "responses.usage-sums",
        "do not add up",
        (TYPED,),
    ),
    "no usage": Planted(
        Fault(change(_DONE, into("response", "usage", value=None))),
        "order.response-final",
        "the usage null",
        (TYPED,),
    ),
    "a cancelled response completed": Planted(
        Fault(change(_DONE, into("response", "status", value="completed"))),
        "responses.status-details",
        "the details are",
        ("cancel.by-id",),
        frozenset({"cancel.by-id", "responses.item-status"}),
    ),
    "a reason that is missing": Planted(
        Fault(change(_DONE, into("response", "status_details", value=None))),
        "cancel.status",
        "status_details",
        also=frozenset({"responses.status-details"}),
    ),
    "a conversation beside it": Planted(
        Fault(
            lambda event, memory: (
                change(event["type"], into("response", "conversation_id", value="conv_1"))(event, memory)
                if event["type"] in ("response.created", _DONE)
                else [event]
            )
        ),
        "out-of-band.conversation-id",
        'conversation_id is "conv_1"',
        also=frozenset({"order.item-enters", "order.item-done-first"}),
    ),
    "lost metadata": Planted(
        Fault(change(_DONE, into("response", "metadata", value=None))),
        "responses.metadata-kept",
        "The metadata became null",
        ("limits.metadata",),
    ),
    # Refusals.
    "a key in an error": Planted(
        Fault(key_in_errors), "errors.key-concealed", "shows the key", ("errors.own-id",)
    ),
    "the wrong key shown": Planted(
        Fault(show_wrong_key), "handshake.bad-key-masked", "shows the key that was sent"
    ),
    "a wrong key without a word": Planted(
        Fault(silent_refusal), "handshake.bad-key", "the connection was closed"
    ),
    "another close code": Planted(
        Fault(close_code=1008), "handshake.bad-key-close", "The close code is 1008"
    ),
    "a key as the subprotocol": Planted(
        Fault(subprotocol=1), "handshake.subprotocol-selected", "The subprotocol is"
    ),
    "no event_id quoted": Planted(
        Fault(change("error", into("error", "event_id", value=None))),
        "errors.echo",
        "event_id of the error is null",
    ),
    "another code": Planted(
        Fault(change("error", into("error", "code", value="bad"))),
        "items.retrieve.unknown",
        'The code of the error is "bad"',
    ),
    "broken JSON ends the connection": Planted(
        Fault(client=broken_json_ends_it), "errors.not-json", "the connection was closed"
    ),
    "binary frames ignored": Planted(
        Fault(client=binary_is_ignored), "errors.binary", "nothing came", slow=True
    ),
    "an unknown key accepted": Planted(
        Fault(client=unknown_keys_pass), "errors.unknown.session", "session.updated"
    ),
    "a bad update applied in part": Planted(
        Fault(first_update_is_unheard, bad_updates_apply_in_part), "errors.void", 'instructions is "Changed."'
    ),
    "an item not deleted": Planted(
        Fault(client=delete_is_forgotten), "items.delete.deleted", "was not refused|what came is"
    ),
    # What is said and understood, tools and limits.
    "a clear that clears nothing": Planted(
        Fault(client=clear_is_forgotten), "input-audio.clear.cleared", "was to be refused"
    ),
    "a commit that responds": Planted(
        Fault(client=commits_respond), "input-audio.commit.no-response", "A response began"
    ),
    "arguments that are no JSON": Planted(
        Fault(spoiled_arguments), "functions.call.arguments", "The arguments are"
    ),
    "another function": Planted(
        Fault(change(_DONE, into("response", "output", 0, "name", value="other"))),
        "functions.call.item",
        "The name of the function",
        also=frozenset({"deltas.response"}),
    ),
    "an empty transcript": Planted(
        Fault(empty_transcripts), "transcription.completed", "The transcript is empty"
    ),
    "another transcript": Planted(
        Fault(change(f"{_TRANSCRIPTION}.completed", put(transcript="Something else"))),
        "transcription.deltas",
        "What the deltas add up to",
        also=frozenset({"deltas.transcription"}),
    ),
    "a transcript twice": Planted(
        Fault(repeat(f"{_TRANSCRIPTION}.completed")),
        "transcription.session.quiet",
        "What came",
        also=frozenset({"order.transcript"}),
    ),
    "a wish that is ignored": Planted(
        Fault(client=responses_are_ignored), "transcription.session.no-response", "was not refused"
    ),
    "a translation that does not close": Planted(
        Fault(drop("session.closed")), "translation.close", "Expected session.closed"
    ),
    "a translation that says nothing": Planted(
        Fault(drop("session.output_transcript.delta")), "translation.output", "no transcript"
    ),
    "tools that are not named": Planted(Fault(nameless_tools), "mcp.list.tools", "has no name"),
    "a tool that is called unasked": Planted(
        Fault(client=tools_need_no_approval), "mcp.approval.request", "holds no mcp_approval_request"
    ),
    "metadata without a limit": Planted(
        Fault(client=metadata_are_cut), "limits.metadata-over", "was to be refused", also=frozenset()
    ),
    "turns that begin too late": Planted(
        Fault(change("input_audio_buffer.speech_started", put(audio_start_ms=2000))),
        "vad.times",
        "Speech started at 2000 ms",
    ),
    "turns without an answer": Planted(
        Fault(client=no_automatic_responses), "vad.response", "Expected response.done", slow=True
    ),
    # The beta dialect.
    "a GA event in the beta dialect": Planted(
        Fault(repeat("conversation.item.created", put(type="conversation.item.done"))),
        "beta.items.created",
        "What came",
        also=frozenset({"schema.known-types"}),
        dialect=Dialect.BETA,
    ),
    "a beta response that is not flat": Planted(
        Fault(change(_DONE, without("response", "voice"))),
        "beta.response.flat",
        "The response has no voice",
        also=frozenset({"schema.response.done"}),
        dialect=Dialect.BETA,
    ),
}
"""By what goes wrong."""
