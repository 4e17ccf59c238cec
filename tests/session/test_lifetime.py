"""How a session begins and ends (section 1.5), and what a refused event leaves behind (1.8)."""

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any

import msgspec
import pytest

from tests.session.driver import NOW, Driver, Event, pcm, types
from tests.session.expected import Id, error, event, message, response, usage
from vivavoce.protocol import (
    AudioDelta,
    Error,
    FunctionCallStart,
    RealtimeSession,
    ResponseEnd,
    TextDelta,
    decode_client_event,
    encode,
)
from vivavoce.session import (
    ALPHABET,
    AbandonTranscription,
    Cancel,
    Close,
    ResetDetector,
    Send,
    SequentialIds,
    Session,
    SessionOptions,
    WakeAt,
)
from vivavoce.session.machine import Machine, TransitionError

EXPIRED = error("session_expired", "Your session hit the maximum duration of 60 minutes.")


# The beginning.


def test_nothing_happens_before_the_start() -> None:
    ids = SequentialIds("0123456789abc")
    session = Session(RealtimeSession(id=ids("sess"), model="m"), ids=ids, options=SessionOptions())
    session.receive(decode_client_event('{"type":"input_audio_buffer.clear"}'), NOW)
    session.refuse(Error(type="invalid_request_error", message="x"))
    session.speech([1.0], NOW)
    session.tick(NOW)
    assert session.effects() == []
    assert not session.closed
    session.start(NOW)
    created, *_ = session.effects()
    assert isinstance(created, Send)
    assert json.loads(encode(created.event))["type"] == "session.created"


def test_a_session_ended_before_its_start_is_closed() -> None:
    ids = SequentialIds("0123456789abc")
    session = Session(RealtimeSession(id=ids("sess"), model="m"), ids=ids, options=SessionOptions())
    session.end(NOW)
    assert session.closed
    assert session.effects() == []


def test_without_turn_detection_no_detector_is_wanted() -> None:
    assert Driver(input={"turn_detection": None}).did(ResetDetector) == []


def test_every_effect_is_returned_once() -> None:
    driver = Driver()
    driver.say("Hello")
    assert driver.session.effects() == []


# Expiry.


@pytest.mark.parametrize(("seconds", "minutes"), [(3600, 60), (1800, 30), (90, 2), (60, 1)])
def test_expiry(seconds: int, minutes: int) -> None:
    driver = Driver(options=SessionOptions(debug=True, max_seconds=seconds))
    assert driver.did(WakeAt) == [WakeAt(NOW + seconds)]
    assert driver.tick(seconds - 0.001) == []
    assert driver.others() == []
    assert driver.tick(0.001) == [
        error("session_expired", f"Your session hit the maximum duration of {minutes} minutes.")
    ]
    assert driver.others() == [Close(1001, "invalid_request_error.session_expired")]
    assert driver.session.closed


def test_responses_end_before_the_session_does() -> None:
    driver = Driver(output_modalities=("text",))
    (started,) = driver.talk(200)
    answer, aside = driver.respond(), driver.respond(conversation="none")
    driver.produce(answer, TextDelta("Once"))
    item = driver.last_item
    details = {
        "type": "failed",
        "error": {
            "type": "invalid_request_error",
            "code": "session_expired",
            "message": "Your session hit the maximum duration of 60 minutes.",
        },
    }
    place = {"response_id": answer, "item_id": item, "output_index": 0, "content_index": 0}
    incomplete = message(item, "assistant", {"type": "output_text", "text": "Once"}, status="incomplete")
    failed = {"status_details": details, "output_modalities": ["text"], "usage": usage((0, 0), (0, 0))}
    assert driver.tick(3600) == [
        event("response.output_text.done", **place, text="Once"),
        event("response.content_part.done", **place, part={"type": "text", "text": "Once"}),
        event("conversation.item.done", previous_item_id=None, item=incomplete),
        event("response.output_item.done", response_id=answer, output_index=0, item=incomplete),
        event("response.done", response=response(answer, "failed", output=[incomplete], **failed)),
        event("rate_limits.updated", rate_limits=[]),
        event("response.done", response=response(aside, "failed", conversation_id=None, **failed)),
        event("rate_limits.updated", rate_limits=[]),
        EXPIRED,
    ]
    assert driver.others() == [
        Cancel(answer),
        Cancel(aside),
        AbandonTranscription(started["item_id"]),
        Close(1001, "invalid_request_error.session_expired"),
    ]


def test_a_session_without_a_limit_does_not_expire() -> None:
    driver = Driver(options=SessionOptions(debug=True, max_seconds=0))
    assert driver.did(WakeAt) == []
    assert driver.tick(10**9) == []


def test_the_alarm_is_set_again_only_when_it_changes() -> None:
    driver = Driver()
    driver.say("Hello")
    driver.talk(500)
    driver.tick(10)
    assert driver.did(WakeAt) == []


# The end.


def test_everything_ends_with_the_session() -> None:
    driver = Driver(input={"turn_detection": None})
    waiting_for = driver.speak(pcm(200))
    answer = driver.respond()
    aside = driver.respond(conversation="none", input=[])
    driver.produce(aside, FunctionCallStart("f", "c1"))
    driver.append(pcm(50))
    collecting = driver.others()[0].item_id
    events = driver.end()
    assert types(events) == [
        "response.done",
        "rate_limits.updated",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert [(e["response"]["id"], e["response"]["status"]) for e in events if "response" in e] == [
        (answer, "failed"),
        (aside, "failed"),
    ]
    assert driver.others() == [
        Cancel(aside),
        AbandonTranscription(collecting),
        AbandonTranscription(waiting_for),
    ]
    assert driver.session.closed
    assert not driver.session.busy


def test_after_the_end_nothing_has_an_effect() -> None:
    driver = Driver()
    answer = driver.respond()
    driver.end()
    assert driver.append(pcm(100)) == []
    assert driver.client("response.create") == []
    assert driver.frame("no JSON") == []
    assert driver.hear(1.0) == []
    assert driver.produce(answer, TextDelta("x"), ResponseEnd()) == []
    assert driver.tick(10**6) == []
    assert driver.end() == []
    assert driver.effects == []


# Refusals.


def frozen(value: Any, seen: dict[int, int] | None = None) -> Any:
    """Everything that an object holds, as something that can be compared later; but for the count of
    identifiers, which an error moves on."""
    seen = {} if seen is None else seen
    if isinstance(value, SequentialIds):
        return "ids"
    if value is None or isinstance(value, str | bytes | int | float | Enum | msgspec.Struct):
        return value
    if callable(value) and not hasattr(value, "__slots__"):
        return getattr(value, "__qualname__", value)
    if id(value) in seen:
        return f"<{seen[id(value)]}>"
    seen[id(value)] = len(seen)
    match value:
        case bytearray():
            return bytes(value)
        case dict():
            return {key: frozen(item, seen) for key, item in value.items()}
        case list() | tuple():
            return [frozen(item, seen) for item in value]
        case set():
            return sorted(map(str, value))
    return {name: frozen(getattr(value, name), seen) for name in sorted(fields(value))}


def fields(value: Any) -> Iterator[str]:
    for kind in type(value).__mro__:
        yield from getattr(kind, "__slots__", ())
    yield from getattr(value, "__dict__", ())


def busy_session() -> Driver:
    """A session in which a little of everything is going on."""
    driver = Driver(options=SessionOptions(max_items=30), instructions="Be brief.")
    driver.update(audio={"input": {"transcription": {"model": "whisper-1"}}}, tracing="auto")
    driver.create({"id": "text", "type": "message", "role": "user", "content": []})
    driver.create({"id": "call", "type": "function_call", "name": "f", "call_id": "c1", "arguments": "{}"})
    answer = driver.respond()
    driver.produce(answer, TextDelta("Hello there"), AudioDelta(pcm(1000), 11), ResponseEnd())
    driver.talk(320)
    driver.talk(320, 0.0)
    driver.talk(64)
    driver.client("input_audio_buffer.commit")
    driver.client("input_audio_buffer.clear")
    answer = driver.respond(conversation="none", input=[])
    driver.produce(answer, TextDelta("Aside"))
    driver.respond(input=[])
    driver.append(pcm(20))
    return driver


SPOKEN = object()
"""Stands for the id of the assistant's spoken item."""

REFUSED: list[Event] = [
    {"type": "nope"},
    {"type": "session.update", "session": {"type": "realtime", "instructions": "x", "bogus": 1}},
    {"type": "session.update", "session": {"type": "realtime", "instructions": "x", "model": "other"}},
    {"type": "session.update", "session": {"type": "realtime", "instructions": "x", "tracing": None}},
    {
        "type": "session.update",
        "session": {"type": "realtime", "instructions": "x", "audio": {"output": {"voice": "ash"}}},
    },
    {"type": "input_audio_buffer.append", "audio": "?"},
    {"type": "input_audio_buffer.append", "audio": "AAAA", "more": 1},
    {"type": "input_audio_buffer.commit"},
    {"type": "conversation.item.create", "item": {"type": "message", "role": "user"}},
    {
        "type": "conversation.item.create",
        "item": {"id": "text", "type": "message", "role": "user", "content": []},
    },
    {
        "type": "conversation.item.create",
        "previous_item_id": "nope",
        "item": {"type": "message", "role": "user", "content": []},
    },
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": "nope", "output": ""},
    },
    {"type": "conversation.item.retrieve", "item_id": "nope"},
    {"type": "conversation.item.delete", "item_id": "nope"},
    {"type": "conversation.item.truncate", "item_id": "nope", "content_index": 0, "audio_end_ms": 0},
    {"type": "conversation.item.truncate", "item_id": "text", "content_index": 0, "audio_end_ms": 0},
    {"type": "conversation.item.truncate", "item_id": SPOKEN, "content_index": 0, "audio_end_ms": 1001},
    {"type": "conversation.item.truncate", "item_id": SPOKEN, "content_index": 1, "audio_end_ms": 0},
    {"type": "response.create"},
    {"type": "response.create", "response": {"input": [{"type": "item_reference", "id": "nope"}]}},
    {
        "type": "response.create",
        "response": {
            "conversation": "none",
            "input": [
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_audio", "audio": "AAAA"}],
                },
                {"type": "item_reference", "id": "nope"},
            ],
        },
    },
    {"type": "response.create", "response": {"conversation": "none", "reasoning": {"effort": "low"}}},
    {"type": "response.cancel", "response_id": "nope"},
    {"type": "session.close"},
    {"type": "output_audio_buffer.clear"},
]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: str(refused)[:70])
@pytest.mark.parametrize("event_id", ["client_evt_7", None])
def test_a_refused_event_is_one_error_that_changes_nothing(refused: Event, event_id: str | None) -> None:
    driver = busy_session()
    spoken = next(s.id for s in driver.session._core.conversation if s.answer is not None)
    sent = {key: spoken if value is SPOKEN else value for key, value in refused.items()}
    before = frozen(driver.session)
    named = {} if event_id is None else {"event_id": event_id}
    (answer,) = driver.frame(json.dumps({**sent, **named}))
    details = answer["error"]
    assert answer == error(
        details["code"],
        details["message"],
        details["param"],
        event_id=event_id,
        type_="invalid_request_error",
    )
    assert details["message"]
    assert driver.others() == []
    assert frozen(driver.session) == before


def test_an_accepted_event_does_change_something() -> None:
    """So that the comparison above can fail."""
    driver = busy_session()
    before = frozen(driver.session)
    for kind in ({"type": "conversation.item.delete", "item_id": "text"}, {"type": "response.cancel"}):
        driver.frame(json.dumps(kind))
        after = frozen(driver.session)
        assert after != before
        before = after
    driver.append(b"x")
    assert frozen(driver.session) != before


def test_broken_frames_are_answered_and_the_session_goes_on() -> None:
    driver = Driver()
    for frame, code in (
        ("{", "invalid_json"),
        ("[]", "invalid_event"),
        ("{}", "invalid_event"),
        ('{"type":1}', "invalid_type"),
    ):
        (refused,) = driver.frame(frame)
        assert refused == error(code, refused["error"]["message"], refused["error"]["param"])
    driver.session.refuse(Error(type="invalid_request_error", code="invalid_event", message="binary"))
    assert driver.drain() == [error("invalid_event", "binary")]
    driver.say("Still here")


# The parts.


def test_identifiers_have_the_forms_of_the_reference() -> None:
    ids = SequentialIds("Ct1OVqJmiaDhg")
    made = [ids(prefix) for prefix in ("event", "sess", "item", "resp", "conv", "call") for _ in range(50)]
    assert len(set(made)) == len(made)
    for identifier in made:
        assert identifier == Id(identifier.split("_")[0])
    assert [SequentialIds("Ct1OVqJmiaDhg")("event") for _ in range(2)] == ["event_Ct1OVqJmiaDhg00000001"] * 2
    assert len(ALPHABET) == len(set(ALPHABET)) == 62


@pytest.mark.parametrize("head", ["", "short", "Ct1OVqJmiaDhgX", "Ct1OVqJmiaDh_"])
def test_an_identifier_needs_a_head(head: str) -> None:
    with pytest.raises(ValueError, match="13 characters"):
        SequentialIds(head)


def test_a_machine_knows_only_its_table() -> None:
    class Lamp(Enum):
        ON = 1
        OFF = 2

    class Switch(Enum):
        PRESS = 1

    machine = Machine(Lamp.ON, {(Lamp.ON, Switch.PRESS): Lamp.OFF})
    assert machine.fire(Switch.PRESS) is machine.state is Lamp.OFF
    with pytest.raises(TransitionError, match=r"Switch.PRESS in state Lamp.OFF"):
        machine.fire(Switch.PRESS)
    assert machine.state is Lamp.OFF
