from collections.abc import Iterator
from typing import Any

import pytest

from tests.serving import Server
from vivavoce.client import (
    AnswerText,
    Client,
    ConfigurationError,
    ConnectionClosed,
    ErrorReceived,
    EventRefused,
    RealtimeConnection,
    ResponseCancelled,
    ResponseFailed,
)
from vivavoce.protocol import ResponseOutputTextDelta


@pytest.fixture
def rt(server: Server) -> Iterator[RealtimeConnection]:
    client = Client(api_key=server.key, base_url=server.base_url)
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        yield connection


def test_answers(rt: RealtimeConnection) -> None:
    first = rt.ask("hello")
    assert first.result().text == "hello"
    assert first.result().complete
    assert rt.ask("again").result().text == "again"
    assert rt.say("Good morning.", {"input": []}).result().text.endswith("Good morning.")


def test_parts(rt: RealtimeConnection) -> None:
    responding = rt.ask("count 4")
    texts = [part.text for part in responding if isinstance(part, AnswerText)]
    assert len(texts) > 1
    assert "".join(texts) == responding.result().text == "0 1 2 3 "
    with pytest.raises(RuntimeError, match="once"):
        next(iter(responding))


def test_handlers_are_called_meanwhile(rt: RealtimeConnection) -> None:
    seen: list[str] = []

    @rt.on("response.output_text.delta")
    def note(event: ResponseOutputTextDelta) -> None:
        seen.append(event.delta)

    rt.ask("hello").result()
    assert "".join(seen) == "hello"


def test_behind_a_response_that_is_under_way(rt: RealtimeConnection) -> None:
    part = {"type": "input_text", "text": "count 20"}
    rt.conversation.item.create(item={"type": "message", "role": "user", "content": [part]})
    rt.response.create()
    assert rt.ask("hello").result().text == "hello"


def test_leaving_cancels(rt: RealtimeConnection) -> None:
    done: list[Any] = []
    rt.on("response.done", lambda event: done.append(event.response.status))
    parts = iter(rt.ask("count 1000"))
    next(parts)
    parts.close()  # type: ignore[attr-defined]
    assert rt.ask("hello").result().text == "hello"
    assert done == ["cancelled", "completed"]


def test_what_can_go_wrong(rt: RealtimeConnection) -> None:
    with pytest.raises(EventRefused, match="invalid_value"):
        rt.respond({"output_modalities": ["smell"]}).result()
    with pytest.raises(ResponseFailed, match="out of order"):
        rt.ask("fail").result()
    rt.once("response.output_text.delta", lambda event: rt.response.cancel())
    with pytest.raises(ResponseCancelled):
        rt.ask("count 1000").result()
    rt.conversation.item.delete(item_id="nothing")
    with pytest.raises(ErrorReceived, match="nothing"):
        rt.ask("hello").result()
    assert rt.ask("hello").result().text == "hello"


def test_a_closed_connection(rt: RealtimeConnection) -> None:
    rt.close()
    for _ in range(2):
        with pytest.raises(ConnectionClosed):
            rt.ask("hello").result()


def test_recovery_needs_an_event_loop() -> None:
    with pytest.raises(ConfigurationError, match="AsyncClient"):
        Client(api_key="k", base_url="http://127.0.0.1:1/v1").realtime.connect(model="m", recovery="restore")
