"""What is written can be read, and reads as what was written."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol import values
from vivavoce import protocol
from vivavoce.protocol import (
    GA_MEDIA,
    GA_TRANSLATION,
    CallCreate,
    CallRefer,
    CallReject,
    ClientEvent,
    ClientSecret,
    ClientSecretRequest,
    RealtimeCallIncoming,
    ServerEvent,
    TranslationClientSecret,
    TranslationClientSecretRequest,
    TranslationSessionUpdate,
    UnknownEvent,
    decode_body,
    decode_client_event,
    decode_server_event,
    encode,
)

SERVER_EVENTS = list(get_args(ServerEvent))
CLIENT_EVENTS = list(get_args(ClientEvent))
BODIES = [ClientSecretRequest, TranslationClientSecretRequest, CallCreate, CallRefer, CallReject]
ANSWERS = [ClientSecret, TranslationClientSecret, RealtimeCallIncoming]


def _name(kind: type) -> str:
    return kind.__name__


@pytest.mark.parametrize("kind", SERVER_EVENTS, ids=_name)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_server_events(kind: type[Any], data: st.DataObject) -> None:
    event = data.draw(values.random(kind, valid=False))
    assert decode_server_event(encode(event)) == event
    assert decode_server_event(encode(event).decode()) == event


@pytest.mark.parametrize("kind", CLIENT_EVENTS, ids=_name)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_client_events(kind: type[Any], data: st.DataObject) -> None:
    event = data.draw(values.random(kind, valid=True))
    accepts = GA_TRANSLATION if kind is TranslationSessionUpdate else GA_MEDIA
    assert decode_client_event(encode(event), accepts) == event
    assert decode_client_event(encode(event).decode(), accepts) == event


@pytest.mark.parametrize("kind", BODIES, ids=_name)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_bodies(kind: type[Any], data: st.DataObject) -> None:
    body = data.draw(values.random(kind, valid=True))
    assert decode_body(encode(body), kind) == body


@pytest.mark.parametrize("kind", ANSWERS, ids=_name)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_answers(kind: type[Any], data: st.DataObject) -> None:
    answer = data.draw(values.random(kind, valid=False))
    assert msgspec.json.decode(encode(answer), type=kind) == answer


@pytest.mark.parametrize("kind", SERVER_EVENTS, ids=_name)
def test_every_shape_of_every_server_event_is_written_in_full(kind: type[Any]) -> None:
    for event in values.shapes(kind):
        assert decode_server_event(encode(event)) == event
        written = msgspec.json.decode(encode(event))
        assert set(written) == {"type", *kind.__struct_fields__}
        assert next(iter(written)) == "type"
        assert written["type"] == event.type == kind.type


def test_an_unknown_event_is_written_as_it_came() -> None:
    raw = b'{ "type": "session.sneezed", "how": [1, 2] }'
    event = decode_server_event(raw)
    assert event == UnknownEvent(type="session.sneezed", raw=raw)
    assert encode(event) == raw


def test_names_of_classes_are_names_of_events() -> None:
    special = {"error": "ErrorEvent"}
    for kind in [*SERVER_EVENTS, *CLIENT_EVENTS]:
        if kind is TranslationSessionUpdate:
            continue  # the second `session.update`
        words = kind.type.replace(".", "_").split("_")
        assert kind.__name__ == special.get(kind.type, "".join(word.capitalize() for word in words))


def test_everything_public_is_exported() -> None:
    assert sorted(protocol.__all__) == sorted(set(protocol.__all__))
    for kind in [*SERVER_EVENTS, *CLIENT_EVENTS, *BODIES, *ANSWERS]:
        assert getattr(protocol, kind.__name__) is kind
        assert kind.__name__ in protocol.__all__
