"""Connections in the beta dialect."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection

from tests.client.peer import as_json, error_event, peer
from vivavoce import AsyncClient, Client, ConnectionClosed
from vivavoce.client import AsyncAzureClient, ConfigurationError
from vivavoce.client.beta.connection import AsyncBetaConnection
from vivavoce.client.beta.sync_connection import BetaConnection
from vivavoce.protocol import ErrorEvent, UnknownEvent
from vivavoce.protocol.beta import SessionParams
from vivavoce.protocol.beta.server_events import ResponseTextDelta, SessionCreated

CREATED = {
    "type": "session.created",
    "event_id": "event_1",
    "session": {"id": "sess_1", "object": "realtime.session", "model": "m", "voice": "alloy"},
}
DELTA = {
    "type": "response.text.delta",
    "event_id": "event_2",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "Hi",
}
SAID = (CREATED, DELTA, error_event("No."), {**DELTA, "type": "response.output_text.delta"})
UNDERSTOOD = [SessionCreated, ResponseTextDelta, ErrorEvent, UnknownEvent]


async def speak(websocket: ServerConnection) -> None:
    for event in SAID:
        await websocket.send(as_json(event))


async def test_iteration_yields_the_events_of_the_dialect() -> None:
    """[P8]"""
    async with peer(speak) as url:
        async with AsyncClient("sk-1", url).beta.realtime.connect(model="m") as rt:
            assert [type(event) async for event in rt] == UNDERSTOOD

        def listen() -> list[Any]:
            with Client("sk-1", url).beta.realtime.connect(model="m") as rt:
                return [type(event) for event in rt]

        assert await asyncio.to_thread(listen) == UNDERSTOOD


async def test_iteration_raises_when_the_connection_breaks() -> None:
    async def die(websocket: ServerConnection) -> None:
        await websocket.close(1011)

    async with peer(die) as url:
        async with AsyncClient("sk-1", url).beta.realtime.connect(model="m") as rt:
            with pytest.raises(ConnectionClosed) as closed:
                await rt.recv()
    assert closed.value.code == 1011


@pytest.mark.parametrize(
    ("options", "dialect"),
    [({}, "realtime=v1"), ({"extra_headers": {"openai-beta": "realtime=v2"}}, "realtime=v2")],
)
async def test_the_dialect_is_a_header(options: Any, dialect: str) -> None:
    """[P3]"""
    seen: list[Any] = []

    async def look(websocket: ServerConnection) -> None:
        seen.append(websocket.request)

    async with peer(look) as url:
        client = AsyncClient("sk-1", url)
        async with client.beta.realtime.connect(model="m", extra_query={"x": 1}, **options):
            pass
    (request,) = seen
    assert request.headers.get_all("OpenAI-Beta") == [dialect]
    assert dict(parse_qsl(urlsplit(request.path).query)) == {"model": "m", "x": "1"}


def test_a_model_is_required() -> None:
    for client in (AsyncClient("sk-1"), Client("sk-1")):
        with pytest.raises(TypeError, match="model"):
            client.beta.realtime.connect()  # type: ignore[call-arg]


async def test_azure_has_an_address_of_its_own() -> None:
    """[P4]"""
    seen: list[str] = []

    async def look(websocket: ServerConnection) -> None:
        assert websocket.request is not None
        seen.append(websocket.request.path)

    async with peer(look) as url:
        client = AsyncAzureClient(base_url=url, api_key="k", api_version="v", azure_deployment="dep")
        async with client.beta.realtime.connect(model="m"):
            pass
        with pytest.raises(ConfigurationError, match="`model` is required for Azure Realtime API"):
            await client.beta.realtime.connect(model="").enter()
    assert seen == ["/v1/realtime?api-version=v&deployment=dep"]


SENT: list[tuple[Any, dict[str, Any]]] = [
    (
        lambda rt: rt.session.update(session=SessionParams(modalities=("text",))),
        {"type": "session.update", "session": {"modalities": ["text"]}},
    ),
    (
        lambda rt: rt.transcription_session.update(session={"turn_detection": None}, event_id="e"),
        {"type": "transcription_session.update", "event_id": "e", "session": {"turn_detection": None}},
    ),
    (
        lambda rt: rt.conversation.item.create(
            item={"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
        ),
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
        },
    ),
    (
        lambda rt: rt.conversation.item.delete(item_id="i"),
        {"type": "conversation.item.delete", "item_id": "i"},
    ),
    (
        lambda rt: rt.response.create(response={"modalities": ["text"]}),
        {"type": "response.create", "response": {"modalities": ["text"]}},
    ),
    (lambda rt: rt.response.cancel(), {"type": "response.cancel"}),
    (
        lambda rt: rt.input_audio_buffer.append(audio=b"\x00"),
        {"type": "input_audio_buffer.append", "audio": "AA=="},
    ),
    (lambda rt: rt.output_audio_buffer.clear(), {"type": "output_audio_buffer.clear"}),
]


@pytest.mark.parametrize(("send", "expected"), SENT, ids=[sent["type"] for _, sent in SENT])
async def test_sending(send: Any, expected: dict[str, Any]) -> None:
    """[P11]"""
    received: list[str | bytes] = []

    async def listen(websocket: ServerConnection) -> None:
        received.append(await websocket.recv())

    def run(url: str) -> None:
        with Client("sk-1", url).beta.realtime.connect(model="m") as rt:
            send(rt)

    async with peer(listen) as url:
        async with AsyncClient("sk-1", url).beta.realtime.connect(model="m") as rt:
            await send(rt)
        await asyncio.to_thread(run, url)
    assert [msgspec.json.decode(message) for message in received] == [expected, expected]


@pytest.mark.parametrize("kind", [AsyncBetaConnection, BetaConnection])
def test_there_are_no_handlers(kind: type[Any]) -> None:
    assert not {"on", "once", "off", "emitted", "dispatch_events"} & set(dir(kind))
