"""The monitor looks at whatever a server sends, and is never thrown by it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.conformance import RULES, Dialect, Transport
from vivavoce.conformance.monitor import Ledger, Monitor, ga_shapes
from vivavoce.conformance.peer import Frame
from vivavoce.conformance.words import Words

Event = dict[str, Any]

SCALARS = (
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["", "a", "b", "completed", "message"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "x"]), inner),
    max_leaves=6,
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("id", "type", "status", "status_details", "output", "usage", "content", "role", "arguments"), JSON
    ),
)
KEYS = (
    *("response_id", "item_id", "previous_item_id", "output_index", "content_index", "call_id", "delta"),
    *("transcript", "text", "arguments", "audio_start_ms", "audio_end_ms", "error"),
)
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(ga_shapes.EVENTS)) | JSON},
    optional={
        "event_id": JSON,
        "item": OBJECTS | JSON,
        "response": OBJECTS | JSON,
        "part": OBJECTS | JSON,
        "session": OBJECTS | JSON,
        **dict.fromkeys(
            (
                "response_id",
                "item_id",
                "previous_item_id",
                "output_index",
                "content_index",
                "delta",
                "transcript",
                "text",
                "arguments",
                "call_id",
                "audio_start_ms",
                "audio_end_ms",
                "error",
            ),
            JSON,
        ),
    },
)


def watched(
    dialect: Dialect, *events: object, secret: str = "", transport: Transport = Transport.WEBSOCKET
) -> Ledger:
    """What a connection that carries these events says about the rules."""
    ledger = Ledger(dialect, transport)
    monitor = Monitor(ledger, "some.check", Words(dialect, transport), secret)
    for number, event in enumerate(events):
        text = json.dumps(event)
        monitor.frames.append(Frame(0.0, False, text))
        monitor.received(event, text, number)
    monitor.finish()
    return ledger


@given(st.lists(EVENTS | JSON, max_size=12), st.sampled_from(Dialect), st.sampled_from(Transport))
@settings(max_examples=150, deadline=None)
def test_nothing_throws_it(events: list[object], dialect: Dialect, transport: Transport) -> None:
    watched(dialect, *events, transport=transport)


def test_a_finding_remembers_the_first_frame_that_breaks_a_rule() -> None:
    events = [{"type": "error", "event_id": f"event_{number // 2}", "error": {}} for number in range(6)]
    finding = watched(Dialect.GA, *events).findings["order.event-ids"]
    assert (finding.kept, finding.broken) == (3, 3)
    assert "event_0" in finding.reason
    assert finding.number == 1
    assert finding.check_id == "some.check"
    assert len(finding.frames) == 2


def turn(*between: Event) -> list[Event]:
    """Somebody speaks, with other events behind `speech_stopped`, `committed` and `added`."""
    item = {"id": "item_1", "type": "message", "role": "user", "status": "completed", "content": []}
    told = {"previous_item_id": None, "item_id": "item_1"}
    events: list[Event] = [
        {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_1"},
        {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 9, "item_id": "item_1"},
        *between,
        {"type": "input_audio_buffer.committed", **told},
        *between,
        {"type": "conversation.item.added", "previous_item_id": None, "item": item},
        *between,
        {"type": "conversation.item.done", "previous_item_id": None, "item": item},
    ]
    return [{"event_id": f"event_{number}", **event} for number, event in enumerate(events)]


AT_ONCE = ("order.stopped-committed", "order.committed-item", "order.finished-item")


def test_a_response_that_goes_on_may_come_between() -> None:
    findings = watched(
        Dialect.GA, *turn({"type": "response.output_audio.delta", "response_id": "resp_1"})
    ).findings
    assert [(findings[rule].kept, findings[rule].broken) for rule in AT_ONCE] == [(1, 0)] * 3


def test_nothing_else_may_come_between() -> None:
    findings = watched(Dialect.GA, *turn({"type": "input_audio_buffer.cleared"})).findings
    assert [(findings[rule].kept, findings[rule].broken) for rule in AT_ONCE] == [(0, 1)] * 3


def test_a_short_key_is_not_looked_for() -> None:
    event = {"type": "error", "event_id": "event_1", "error": {"message": "no"}}
    assert watched(Dialect.GA, event, secret="no").findings["errors.key-concealed"].broken == 0


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("dialect", Dialect)
def test_a_dialect_is_judged_by_its_own_rules(dialect: Dialect, transport: Transport) -> None:
    own = {id for id, rule in RULES.items() if dialect in rule.dialects and rule.over(transport)}
    assert Ledger(dialect, transport).findings.keys() == own
    assert ("webrtc.started-once" in own) is (dialect is Dialect.GA and transport is Transport.WEBRTC)


HEARD = ("webrtc.started-once", "webrtc.stopped-or-cleared", "webrtc.stopped-after-done")


def answer(*told: str) -> list[Event]:
    """A spoken answer of which all this is told, in this order."""
    about = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    events: list[Event] = [
        {"type": "response.content_part.added", **about, "part": {"type": "audio", "transcript": ""}}
    ]
    for name in told:
        done = {"type": "response.done", "response": {"id": "resp_1"}}
        events.append(done if name == "done" else {"type": f"output_audio_buffer.{name}", **about})
    return [{"event_id": f"event_{number}", **event} for number, event in enumerate(events)]


@pytest.mark.parametrize(
    ("told", "broken"),
    [
        (("started", "done", "stopped"), ()),
        (("started", "cleared", "done"), ()),
        (("done", "started", "stopped"), ()),
        (("started", "started", "done", "stopped"), ("webrtc.started-once",)),
        (("started", "stopped", "done"), ("webrtc.stopped-after-done",)),
        (("started", "done", "cleared", "stopped"), ("webrtc.stopped-or-cleared",)),
        (("done", "stopped"), ("webrtc.stopped-or-cleared",)),
    ],
)
def test_what_is_told_of_what_is_heard(told: tuple[str, ...], broken: tuple[str, ...]) -> None:
    findings = watched(Dialect.GA, *answer(*told), transport=Transport.WEBRTC).findings
    assert tuple(rule for rule in HEARD if findings[rule].broken) == broken
