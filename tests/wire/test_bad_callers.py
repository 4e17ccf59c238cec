"""Callers who never get a session: what they are told, and how the connection ends (1.4 to 1.6)."""

import pytest
from websockets.exceptions import InvalidStatus

from tests.serving import Server
from tests.wire.bad_events import Refusal
from tests.wire.peer import Peer, calling

pytestmark = pytest.mark.xdist_group("bad input")

MODEL = "?model=gpt-realtime"
WRONG = "sk-wrong-0123456789abcdef"
NO_KEY = Refusal(None, "Missing bearer or basic authentication in header")
WRONG_KEY = Refusal(
    "invalid_api_key",
    "Incorrect API key provided: sk-w*****************cdef. "
    "You can find your API key at https://platform.openai.com/account/api-keys.",
)


def farewell(server: Server, query: str, **how: object) -> tuple[dict[str, object], int | None, str | None]:
    """The only event that a caller gets, and the code and reason of the close that follows it."""
    with calling(server, query, **how) as peer:  # type: ignore[arg-type]
        event = peer.receive()
        assert event.keys() == {"type", "event_id", "error"}
        assert event["type"] == "error"
        code = peer.close_code()
        return event["error"], code, peer.socket.close_reason


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "sk-something"}])
def test_no_key(server: Server, bystander: Peer, headers: dict[str, str]) -> None:
    told = farewell(server, MODEL, headers=headers)
    assert told == (NO_KEY.naming(None), 3000, "invalid_request_error")
    bystander.take_turn()


@pytest.mark.parametrize("header", ["Authorization", "api-key"])
def test_a_wrong_key(server: Server, bystander: Peer, header: str) -> None:
    value = f"Bearer {WRONG}" if header == "Authorization" else WRONG
    told = farewell(server, MODEL, headers={header: value})
    assert told == (WRONG_KEY.naming(None), 3000, "invalid_request_error.invalid_api_key")
    assert WRONG not in server.log
    bystander.take_turn()


def test_a_wrong_key_as_subprotocol(server: Server) -> None:
    offered = ["realtime", f"openai-insecure-api-key.{WRONG}"]
    told = farewell(server, MODEL, headers={}, subprotocols=offered)
    assert told == (WRONG_KEY.naming(None), 3000, "invalid_request_error.invalid_api_key")


def test_the_key_as_subprotocol(server: Server) -> None:
    offered = ["realtime", f"openai-insecure-api-key.{server.key}"]
    with calling(server, headers={}, subprotocols=offered) as peer:
        assert peer.socket.subprotocol == "realtime"
        assert peer.receive()["type"] == "session.created"
        peer.take_turn()


@pytest.mark.parametrize("query", ["", "?model=", "?modell=gpt-realtime"])
def test_no_model(server: Server, bystander: Peer, query: str) -> None:
    host = server.url.split("/")[2]
    message = (
        f"You must provide a model parameter, for example wss://{host}/v1/realtime?model=gpt-realtime-1.5"
    )
    told = farewell(server, query)
    expected = Refusal("missing_model", message).naming(None)
    assert told == (expected, 4000, "invalid_request_error.missing_model")
    bystander.take_turn()


def test_a_model_for_a_transcription_session(server: Server) -> None:
    message = "You must not provide a model parameter for transcription sessions."
    told = farewell(server, "?intent=transcription&model=gpt-realtime")
    expected = Refusal("invalid_model", message).naming(None)
    assert told == (expected, 4000, "invalid_request_error.invalid_model")


def test_an_unknown_call(server: Server, bystander: Peer) -> None:
    with pytest.raises(InvalidStatus) as refused, calling(server, "?call_id=rtc_nobody"):
        pass
    assert refused.value.response.status_code == 404
    bystander.take_turn()
