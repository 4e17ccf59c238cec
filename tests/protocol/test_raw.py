"""The JSON that an event was read from."""

import copy
import gc
import json
import pickle
import sys
from typing import Any, get_args

import msgspec
import pytest

from tests.protocol import values
from vivavoce.protocol import (
    ResponseOutputTextDelta,
    ServerEvent,
    UnknownEvent,
    decode_server_event,
    encode,
)
from vivavoce.protocol.beta.server_events import ServerEvent as BetaServerEvent
from vivavoce.protocol.beta.server_events import decode_server_event as decode_beta_server_event

DELTA = {
    "type": "response.output_text.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "Hi",
}


def test_new_fields_are_reachable() -> None:
    event = decode_server_event(json.dumps({**DELTA, "mood": {"joy": 0.5}}))
    assert isinstance(event, ResponseOutputTextDelta)
    assert json.loads(event.raw)["mood"] == {"joy": 0.5}


def test_it_is_what_came_to_the_byte() -> None:
    message = b"  " + json.dumps(DELTA, indent=2).encode()
    assert decode_server_event(message).raw is message
    assert decode_server_event(message.decode()).raw == message
    assert decode_server_event(b' {"type": "new"} ').raw == b' {"type": "new"} '


def test_an_event_that_was_made_has_the_json_that_it_would_be() -> None:
    event = msgspec.convert(DELTA, ResponseOutputTextDelta)
    assert event.raw == encode(event)
    changed = msgspec.structs.replace(decode_server_event(json.dumps({**DELTA, "mood": 1})), delta="Bye")
    assert isinstance(changed, ResponseOutputTextDelta)
    assert json.loads(changed.raw)["delta"] == "Bye"


def test_it_is_no_part_of_the_event() -> None:
    one, other = (decode_server_event(json.dumps({**DELTA, "mood": mood})) for mood in (1, 2))
    assert one == other
    assert hash(one) == hash(other)
    assert "mood" not in repr(one)
    assert b"mood" not in encode(one)
    assert copy.copy(one) == one == pickle.loads(pickle.dumps(one))


@pytest.mark.parametrize("kind", dict.fromkeys((*get_args(ServerEvent), *get_args(BetaServerEvent))), ids=str)
def test_every_event_of_a_server_has_it(kind: type[Any]) -> None:
    event = next(iter(values.shapes(kind)))
    message = encode(event)[:-1] + b',"from tomorrow":1}'
    decode = decode_server_event if kind in get_args(ServerEvent) else decode_beta_server_event
    decoded = decode(message)
    assert not isinstance(decoded, UnknownEvent)
    assert decoded.raw is message


def test_it_goes_with_its_event() -> None:
    message = json.dumps(DELTA).encode()
    before = sys.getrefcount(message)
    event = decode_server_event(message)
    assert sys.getrefcount(message) == before + 1
    del event
    gc.collect()
    assert sys.getrefcount(message) == before
