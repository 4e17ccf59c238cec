"""Whatever a client sends is either an event that can be written again, or refused with the API's error."""

import copy
import json
import random
from typing import Any

import pytest

from tests.protocol.test_errors import ACCEPTED, REFUSED
from vivavoce.protocol import (
    GA_MEDIA,
    GA_TRANSLATION,
    Accepts,
    InvalidEvent,
    MalformedEvent,
    decode_client_event,
    decode_server_event,
    encode,
)

EVENTS = [
    *ACCEPTED.values(),
    {"type": "input_audio_buffer.append", "audio": "AAAA", "event_id": "e"},
    {"type": "session.input_audio_buffer.append", "audio": "AAAA"},
    {"type": "session.update", "session": {"audio": {"output": {"language": "es"}}}},
    {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 1},
    {"type": "conversation.item.delete", "item_id": "a"},
    {"type": "response.cancel", "response_id": "r", "event_id": "e"},
    {"type": "output_audio_buffer.clear"},
    {"type": "session.close"},
]

DONORS = [*EVENTS, *(event for event, _ in REFUSED.values() if len(str(event)) < 10_000)]
"""Events that parts are taken from."""

STRANGE: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 1e300, -0.0, 2**63, -(2**63) - 1, 10**40, "", "a", "inf", "auto"),
    *("\x00", "é" * 300, "x" * 70_000, "realtime", "transcription", "message", "function", "mcp"),
    *(
        [],
        [None],
        [[[]]],
        {},
        {"type": "message"},
        {"type": None},
        {"": ""},
        ["text"],
        [{"type": "function"}],
    ),
]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with every key or index in it."""
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        container = stack.pop()
        if isinstance(container, dict):
            found += [(container, key) for key in container]
            stack += container.values()
        elif isinstance(container, list):
            found += [(container, index) for index in range(len(container))]
            stack += container
    return found


def mutate(event: Any, chance: random.Random, donors: list[Any]) -> Any:
    """The event with some places changed, lost, or taken from one of the donors."""
    event = copy.deepcopy(event)
    for _ in range(chance.choice([1, 1, 2, 3])):
        places = _places(event)
        if not places:
            return event
        container, key = chance.choice(places)
        match chance.randrange(6):
            case 0:
                del container[key]
            case 1:
                container[key] = copy.deepcopy(chance.choice(STRANGE))
            case 2 if isinstance(container, dict):
                container[chance.choice(["type", "x", "", "content", "id"])] = container[key]
            case 3:
                container[key] = [container[key]]
            case 4:
                other, name = chance.choice(_places(chance.choice(donors)))
                container[key] = copy.deepcopy(other[name])
            case _:
                container[key] = {"type": container[key], "a": container[key]}
    return event


def damage(data: bytes, chance: random.Random) -> bytes:
    """The bytes with some of them changed, lost or doubled."""
    damaged = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4])):
        at = chance.randrange(len(damaged) + 1)
        match chance.randrange(3):
            case 0:
                damaged[at : at + chance.randint(1, 5)] = b""
            case 1:
                damaged[at:at] = chance.choice(
                    [b'"', b"{", b"]", b"\xff", b"\\u", b",", b"9" * 5000, b"\x00", b"-"]
                )
            case _:
                damaged[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(damaged)


def _check(data: bytes, accepts: Accepts) -> bool:
    """Whether a client's frame is taken."""
    try:
        event = decode_client_event(data, accepts)
    except InvalidEvent as refusal:
        error = refusal.error
        assert error.type == "invalid_request_error"
        assert error.code
        assert len(error.message) < 1500
        encode(error)
        return False
    assert decode_client_event(encode(event), accepts) == event
    return True


@pytest.mark.parametrize("seed", range(4))
def test_mutated_events(seed: int) -> None:
    chance = random.Random(seed)
    taken = 0
    for _ in range(5_000):
        event = mutate(chance.choice(EVENTS), chance, DONORS)
        taken += _check(json.dumps(event).encode(), chance.choice([GA_MEDIA, GA_TRANSLATION]))
    assert 200 < taken < 4_800


@pytest.mark.parametrize("seed", range(2))
def test_damaged_frames(seed: int) -> None:
    chance = random.Random(seed)
    frames = [json.dumps(event).encode() for event in EVENTS]
    taken = 0
    for _ in range(5_000):
        taken += _check(damage(chance.choice(frames), chance), GA_MEDIA)
    assert 50 < taken < 4_800


def test_damaged_frames_of_servers() -> None:
    chance = random.Random(0)
    error = {"type": "error", "event_id": "e", "error": {"type": "server_error", "message": "m"}}
    frames = [json.dumps(event).encode() for event in [error, *EVENTS]]
    understood = 0
    for _ in range(5_000):
        try:
            event = decode_server_event(damage(chance.choice(frames), chance))
        except MalformedEvent:
            continue
        understood += 1
        assert decode_server_event(encode(event)) == event
    assert 500 < understood < 4_800
