"""The emitter classes, side by side, for tests of what they have in common."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.client.peer import Behaviour, as_json
from vivavoce import AsyncClient
from vivavoce.client.beta.websocket import OpenAIRealtimeWebSocket as BetaWebSocket
from vivavoce.client.beta.ws import OpenAIRealtimeWS as BetaWS
from vivavoce.client.websocket import OpenAIRealtimeWebSocket
from vivavoce.client.ws import OpenAIRealtimeWS

Emitter = OpenAIRealtimeWS | OpenAIRealtimeWebSocket | BetaWS | BetaWebSocket
EmitterClass = type[Emitter]

WS: tuple[EmitterClass, ...] = (OpenAIRealtimeWS, BetaWS)
NATIVE: tuple[EmitterClass, ...] = (OpenAIRealtimeWebSocket, BetaWebSocket)


def name_of(emitter: EmitterClass) -> str:
    return ("beta " if ".beta." in emitter.__module__ else "") + emitter.__name__


all_emitters = pytest.mark.parametrize("emitter", [*WS, *NATIVE], ids=name_of)


def connected(emitter: EmitterClass, url: str, **options: Any) -> Any:
    """A connection that is on its way to a server."""
    return emitter(client=AsyncClient("sk-test", url), model="m", **options)


def on_socket(rt: Any, name: str, listener: Callable[..., Any]) -> None:
    """Listen to the socket's own event, in the manner of its kind."""
    if hasattr(rt.socket, "add_event_listener"):
        rt.socket.add_event_listener(name, listener)
    else:
        rt.socket.on(name, listener)


def saying(*events: dict[str, Any] | str | bytes) -> Behaviour:
    """A server that says this and closes."""

    async def speak(websocket: ServerConnection) -> None:
        for event in events:
            await websocket.send(as_json(event) if isinstance(event, dict) else event, text=True)

    return speak


@contextmanager
def reported() -> Iterator[list[BaseException]]:
    """What goes to the event loop's exception handler."""
    loop = asyncio.get_running_loop()
    found: list[BaseException] = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: found.append(context["exception"]))
    try:
        yield found
    finally:
        loop.set_exception_handler(before)
