"""What a client of the beta dialect makes of what servers send."""

import json
from typing import Any, get_args

import pytest
from msgspec import UNSET

from tests.protocol import values
from tests.protocol.beta.speaking import connection
from vivavoce import protocol as ga
from vivavoce.protocol.beta import outgoing, server_events
from vivavoce.protocol.beta.server_events import ServerEvent, decode_server_event

EVENTS = list(get_args(ServerEvent))


def test_there_is_a_class_for_every_event_that_the_dialect_sends() -> None:
    own = {
        kind for kind in vars(server_events).values() if isinstance(kind, type) and hasattr(kind, "event_id")
    }
    assert own | outgoing.UNCHANGED <= set(EVENTS)
    assert not set(EVENTS) & outgoing.UNKNOWN


@pytest.mark.parametrize("kind", get_args(ga.ServerEvent), ids=lambda kind: kind.__name__)
def test_all_that_a_server_sends_is_understood(kind: type[Any]) -> None:
    for event in values.shapes(kind):
        for frame in connection().encode(event):
            decoded = decode_server_event(frame)
            assert type(decoded) in EVENTS
            assert ga.encode(decoded) == frame


def test_events_with_the_names_of_the_other_dialect_are_not_known() -> None:
    delta = {"type": "response.output_text.delta", "event_id": "e", "delta": "x"}
    decoded = decode_server_event(json.dumps(delta))
    assert isinstance(decoded, ga.UnknownEvent)
    assert decoded.type == "response.output_text.delta"


def test_what_other_servers_leave_out_is_absent() -> None:
    created = decode_server_event('{"type":"session.created","event_id":"e","session":{"id":"sess_1"}}')
    assert isinstance(created, server_events.SessionCreated)
    assert created.session.voice is UNSET


@pytest.mark.parametrize("message", ["no JSON", "[]", '{"type": null}', b"\xff"])
def test_what_is_no_event_is_refused(message: str | bytes) -> None:
    with pytest.raises(ga.MalformedEvent):
        decode_server_event(message)
