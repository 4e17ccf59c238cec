"""Whole conversations with a real server, by the emitter classes and in the beta dialect: every event is
understood."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.client.emitters import EmitterClass, all_emitters, on_socket
from tests.serving import Server, serving
from vivavoce import AsyncClient, Client
from vivavoce.client import AsyncAzureClient
from vivavoce.client.beta.ws import OpenAIRealtimeWS as BetaWS
from vivavoce.client.ws import OpenAIRealtimeWS
from vivavoce.protocol import UnknownEvent

CONFIG = """
[session]
debug = true
"""

SAID = {
    "type": "conversation.item.create",
    "item": {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Please say good morning"}],
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(Path(tmp_path_factory.mktemp("beta")), config=CONFIG) as running:
        yield running


def checked(events: list[Any], text_delta: str) -> None:
    """A conversation from its first event to the last, and nothing unknown in it."""
    assert [event for event in events if isinstance(event, UnknownEvent)] == []
    types = [event.type for event in events]
    assert types[0] == "session.created"
    assert "response.done" in types
    assert "morning" in "".join(event.delta for event in events if event.type == text_delta).lower()


async def converse(rt: Any, session: dict[str, Any]) -> list[Any]:
    events: list[Any] = []
    rt.on("event", events.append)
    on_socket(rt, "open", lambda *_: rt.send({"type": "session.update", "session": session}))

    def ask(event: Any) -> None:
        rt.send(SAID)
        rt.send({"type": "response.create"})

    rt.on("session.updated", ask)
    rt.on("rate_limits.updated", lambda _: rt.close())
    await asyncio.wait_for(rt.socket.wait_closed(), 30)
    return events


BETA_SESSION = {"modalities": ["text"]}
GA_SESSION = {"type": "realtime", "output_modalities": ["text"]}


@all_emitters
async def test_the_emitter_classes(server: Server, emitter: EmitterClass) -> None:
    beta = ".beta." in emitter.__module__
    rt = emitter(client=AsyncClient(server.key, server.base_url), model="gpt-4o-realtime-preview")
    events = await converse(rt, BETA_SESSION if beta else GA_SESSION)
    checked(events, "response.text.delta" if beta else "response.output_text.delta")


@pytest.mark.parametrize("emitter", [OpenAIRealtimeWS, BetaWS], ids=["GA", "beta"])
async def test_azure(server: Server, emitter: Any) -> None:
    address = urlsplit(server.base_url)
    client = AsyncAzureClient(
        azure_endpoint=f"{address.scheme}://{address.netloc}",
        azure_deployment="gpt-4o-realtime-preview",
        api_version="2025-04-01-preview",
        api_key=server.key,
    )
    beta = emitter is BetaWS
    events = await converse(await emitter.azure(client), BETA_SESSION if beta else GA_SESSION)
    checked(events, "response.text.delta" if beta else "response.output_text.delta")


async def test_connections(server: Server) -> None:
    events = []
    client = AsyncClient(server.key, server.base_url)
    async with client.beta.realtime.connect(model="gpt-4o-realtime-preview") as rt:
        await rt.session.update(session={"modalities": ["text"]})
        await rt.conversation.item.create(item=SAID["item"])
        await rt.response.create()
        async for event in rt:
            events.append(event)
            if event.type == "rate_limits.updated":
                break
    checked(events, "response.text.delta")


def test_connections_without_an_event_loop(server: Server) -> None:
    events = []
    client = Client(server.key, server.base_url)
    with client.beta.realtime.connect(model="gpt-4o-realtime-preview") as rt:
        rt.session.update(session={"modalities": ["text"]})
        rt.conversation.item.create(item=SAID["item"])
        rt.response.create()
        for event in rt:
            events.append(event)
            if event.type == "rate_limits.updated":
                break
    checked(events, "response.text.delta")


@pytest.mark.parametrize("sent", [{"type": "nonsense"}, {"type": "response.cancel", "event_id": "mine"}])
async def test_the_servers_errors(server: Server, sent: dict[str, Any]) -> None:
    """[E7, E10]"""
    rt = OpenAIRealtimeWS(client=AsyncClient(server.key, server.base_url), model="gpt-realtime")
    failed = rt.emitted("error")
    rt.socket.on("open", lambda: rt.send(sent))
    error = await asyncio.wait_for(failed, 30)
    assert error.message.endswith(f"event_id={sent.get('event_id', 'null')}")
    assert error.error is not None
    rt.close()
    await rt.socket.wait_closed()


async def test_a_wrong_key(server: Server) -> None:
    """[E9, E10]"""
    errors: list[Any] = []
    codes: list[int] = []
    rt = OpenAIRealtimeWS(client=AsyncClient("sk-wrong", server.base_url), model="gpt-realtime")
    rt.on("error", errors.append)
    rt.socket.on("close", lambda code, reason: codes.append(code))
    await asyncio.wait_for(rt.socket.wait_closed(), 30)
    assert [error.error.code for error in errors] == ["invalid_api_key"]
    assert codes == [3000]
