"""What one session may hold and do, over a real socket: the error, the session that goes on, and another one
that notices nothing."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import INSTANT
from tests.serving import Server, serving
from tests.wire.peer import Event, Peer, a_message, an_update, calling, talking

SMALL = (
    INSTANT
    + """
[server]
max_sessions = 3
[session]
debug = true
max_items = 5
max_bytes = 1048576
max_buffer_s = 2
"""
)
PCMU = {"type": "audio/pcmu"}
QUIET = an_update(
    output_modalities=["text"],
    audio={"input": {"format": PCMU, "turn_detection": None, "transcription": None}},
)


@pytest.fixture
def server(tmp_path: Path, instant_engines: None) -> Iterator[Server]:
    with serving(tmp_path, config=SMALL) as running:
        yield running


def append(milliseconds: int) -> Event:
    return {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(8 * milliseconds)).decode()}


def refusal(events: list[Event]) -> dict[str, Any]:
    """The error object of the last of these events."""
    assert events[-1]["type"] == "error", events
    error = dict(events[-1]["error"])
    assert (error["type"], error["event_id"]) == ("invalid_request_error", "mine")
    return error


def test_what_a_session_may_hold(server: Server) -> None:
    with talking(server) as bystander, talking(server) as peer:
        bystander.answers(QUIET)
        peer.answers(QUIET)
        # Audio between two commits.
        assert peer.answers(append(1500), append(600)) == []
        error = refusal(peer.answers(append(1) | {"event_id": "mine"}))
        assert (error["code"], error["param"]) == ("invalid_value", "audio")
        assert error["message"] == (
            "The input audio buffer is full: it holds at most 2 seconds. Commit or clear it first."
        )
        assert [each["type"] for each in peer.answers({"type": "input_audio_buffer.clear"})] == [
            "input_audio_buffer.cleared"
        ]
        # Bytes, of which items and the buffer share the number.
        text = "x" * 250_000
        for _ in range(4):
            assert peer.answers(a_message(text))[-1]["type"] == "conversation.item.done"
        error = refusal(peer.answers(a_message(text) | {"event_id": "mine"}))
        assert (error["code"], error["param"]) == ("invalid_value", "item")
        assert error["message"] == (
            "The conversation is full: it holds at most 1 MiB. Delete some items first."
        )
        # Items.
        created = peer.answers(a_message("one more"))
        error = refusal(peer.answers(a_message("too many") | {"event_id": "mine"}))
        assert (error["code"], error["param"]) == ("invalid_value", "item")
        assert error["message"] == ("The conversation is full: it holds at most 5 items. Delete some first.")
        gone = {"type": "conversation.item.delete", "item_id": created[0]["item"]["id"]}
        assert [each["type"] for each in peer.answers(gone)] == ["conversation.item.deleted"]
        peer.answers(a_message("Hello!"))
        peer.send({"type": "response.create"})
        assert peer.until("response.done")["response"]["status"] == "completed"
        bystander.take_turn()


def test_responses_at_a_time(server: Server) -> None:
    with talking(server) as bystander, talking(server) as peer:
        bystander.answers(QUIET)
        peer.answers(QUIET)
        item = a_message("count to 100000")["item"]
        response = {"conversation": "none", "input": [item]}
        peer.send(*[{"type": "response.create", "response": response}] * 16)
        begun = [peer.until("response.created")["response"]["id"] for _ in range(16)]
        peer.send({"type": "response.create", "event_id": "mine", "response": response})
        error = refusal([peer.until("error", "response.created")])
        assert error["param"] == "response.conversation"
        assert error["message"] == (
            "Too many responses at a time: at most 16 may run beside the conversation."
        )
        bystander.take_turn()
        for response_id in begun:
            peer.send({"type": "response.cancel", "response_id": response_id})
        ended = {peer.until("response.done")["response"]["id"] for _ in range(16)}
        assert ended == set(begun)
        peer.take_turn()


def test_sessions_of_the_server(server: Server) -> None:
    with talking(server) as bystander, talking(server), talking(server) as third:
        bystander.answers(QUIET)
        with calling(server) as fourth:
            error = fourth.receive()["error"]
            assert (error["type"], error["code"]) == ("server_error", "rate_limit_exceeded")
            assert error["message"] == (
                "This server is full: all of its 3 sessions are in use. Try again later."
            )
            assert fourth.close_code() == 1013
        third.socket.close()
        with anew(server) as another:
            another.answers(QUIET)
            another.take_turn()
        bystander.take_turn()


@contextmanager
def anew(server: Server) -> Iterator[Peer]:
    """A session, once the server knows that another has gone."""
    while True:
        with calling(server) as peer:
            if peer.receive()["type"] == "session.created":
                yield peer
                return
