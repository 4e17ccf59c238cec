"""Whatever a client of the beta dialect sends, the session is told an event that it knows, or the client
reads the API's error."""

import json
import random

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from tests.protocol.beta.speaking import connection
from tests.protocol.beta.test_strictness import ACCEPTED, REFUSED
from tests.protocol.test_fuzz import damage, mutate
from vivavoce.protocol import (
    GA_MEDIA,
    ClientEvent,
    InvalidEvent,
    RealtimeSessionParams,
    ResponseCreate,
    ResponseParams,
    SessionUpdate,
    decode_client_event,
    encode,
)
from vivavoce.protocol.beta import Beta

EVENTS = list(ACCEPTED.values())
REFUSED_EVENTS = (event for event, _ in REFUSED.values() if isinstance(event, dict))
DONORS = [*EVENTS, *(event for event in REFUSED_EVENTS if len(str(event)) < 10_000)]


def check(data: bytes, beta: Beta) -> bool:
    """Whether a client's frame is taken."""
    try:
        event = beta.decode(data)
    except InvalidEvent as refusal:
        error = refusal.error
        assert error.type == "invalid_request_error"
        assert error.code
        assert len(error.message) < 1500
        encode(error)
        return False
    # What the session is told is what a GA client could have said, but for the temperature.
    told = without_temperature(event)
    assert decode_client_event(encode(told), GA_MEDIA) == told
    return True


def without_temperature(event: ClientEvent) -> ClientEvent:
    match event:
        case SessionUpdate(session=RealtimeSessionParams() as session):
            return replace(event, session=replace(session, temperature=UNSET))
        case ResponseCreate(response=ResponseParams() as response):
            return replace(event, response=replace(response, temperature=UNSET))
        case _:
            return event


@pytest.mark.parametrize("seed", range(3))
def test_mutated_events(seed: int) -> None:
    chance, beta = random.Random(seed), connection()
    taken = 0
    for _ in range(5_000):
        taken += check(json.dumps(mutate(chance.choice(EVENTS), chance, DONORS)).encode(), beta)
    assert 200 < taken < 4_800


def test_damaged_frames() -> None:
    chance, beta = random.Random(0), connection()
    frames = [json.dumps(event).encode() for event in EVENTS]
    taken = 0
    for _ in range(5_000):
        taken += check(damage(chance.choice(frames), chance), beta)
    assert 50 < taken < 4_800
