"""Seeing what comes beside whoever listens."""

import asyncio
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.client.peer import as_json, error_event, peer, text_delta
from vivavoce.client import AsyncClient, Client, ErrorReceived
from vivavoce.protocol import ErrorEvent, ResponseOutputTextDelta


async def behave(websocket: ServerConnection) -> None:
    await websocket.send(as_json(text_delta("one")))
    await websocket.send(as_json(error_event("Busy.", event_id="mine")))
    await websocket.send(as_json(error_event("Broken.", event_id="other")))


def looks_after_mine(seen: list[Any]) -> Any:
    def watch(event: Any) -> bool:
        seen.append(event)
        return isinstance(event, ErrorEvent) and event.error.event_id == "mine"

    return watch


async def test_an_error_that_a_watcher_looks_after_concerns_nobody_else() -> None:
    seen: list[Any] = []
    async with peer(behave) as url, AsyncClient("", url).realtime.connect(model="m") as rt:
        rt.watch(looks_after_mine(seen))
        with pytest.raises(ErrorReceived, match="Broken"):
            await rt.dispatch_events()
    assert [type(event) for event in seen] == [ResponseOutputTextDelta, ErrorEvent, ErrorEvent]


async def test_watching_ends_when_taken_back() -> None:
    seen: list[Any] = []
    async with peer(behave) as url, AsyncClient("", url).realtime.connect(model="m") as rt:
        unwatch = rt.watch(seen.append)
        await rt.recv()
        unwatch()
        listened = [event async for event in rt]
    assert len(seen) == 1
    assert len(listened) == 2, "watching takes nothing away"


async def test_without_an_event_loop() -> None:
    def listen(url: str) -> list[Any]:
        seen: list[Any] = []
        with Client("", url).realtime.connect(model="m") as rt:
            unwatch = rt.watch(looks_after_mine(seen))
            with pytest.raises(ErrorReceived, match="Broken"):
                rt.dispatch_events()
            unwatch()
        return seen

    async with peer(behave) as url:
        assert len(await asyncio.to_thread(listen, url)) == 3
