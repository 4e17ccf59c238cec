"""A connection without its input and output."""

import pytest

from vivavoce.client import ConnectionClosed, SendQueueFull, UnsendableEvent
from vivavoce.client.core import ConnectionCore, State, encoded
from vivavoce.client.send_queue import SendQueue
from vivavoce.protocol import ErrorEvent, decode_server_event

STEPS = {
    State.OPEN: {State.RECONNECTING, State.LEFT, State.CLOSED},
    State.RECONNECTING: {State.OPEN, State.LEFT, State.CLOSED},
    State.LEFT: set(),
    State.CLOSED: {State.LEFT},
}


def core(limit: int = 100) -> ConnectionCore[ErrorEvent]:
    return ConnectionCore(decode_server_event, queue=SendQueue(limit))  # type: ignore[arg-type]


def bring_to(state: State) -> ConnectionCore[ErrorEvent]:
    connection = core()
    connection.become(state)
    return connection


@pytest.mark.parametrize("begin", State)
@pytest.mark.parametrize("end", State)
def test_states_follow_the_table(begin: State, end: State) -> None:
    connection = bring_to(begin)
    if end is begin or end in STEPS[begin]:
        connection.become(end)
        assert connection.state is end
    else:
        with pytest.raises(RuntimeError, match=f"that is {begin.value} cannot become {end.value}"):
            connection.become(end)
        assert connection.state is begin


def test_messages_are_held_back_while_a_connection_is_made_anew() -> None:
    """[P10]"""
    connection = core(limit=10)
    assert not connection.hold_back(b"now")
    connection.become(State.RECONNECTING)
    assert connection.hold_back(b"12345")
    with pytest.raises(SendQueueFull):
        connection.hold_back(b"678901")
    connection.become(State.OPEN)
    assert not connection.hold_back(b"now")
    assert connection.queue.drain() == ["12345"]


def test_what_failed_is_kept_while_there_is_room() -> None:
    """[P10]"""
    connection = core(limit=5)
    connection.keep(b"12345")
    connection.keep(b"6")
    assert connection.queue.drain() == ["12345"]


def test_an_error_right_before_the_end_tells_why() -> None:
    error = decode_server_event('{"type":"error","event_id":"e","error":{"type":"t","message":"No more."}}')
    assert isinstance(error, ErrorEvent)
    ending = core().ending((1011, "sorry"), error, ["{}"])
    assert isinstance(ending, ConnectionClosed)
    assert (ending.code, ending.reason, ending.error) == (1011, "sorry", error.error)
    assert ending.unsent_messages == ["{}"]
    assert "No more. The server closed the connection (code 1011, sorry, 1 unsent_messages)." in str(ending)


def test_what_json_cannot_hold() -> None:
    with pytest.raises(UnsendableEvent, match="cannot be written as JSON"):
        encoded({"type": "x", "value": {1j}})
