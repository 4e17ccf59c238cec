"""Functions called by a real server, over real sockets."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
import pytest

from tests.serving import Server, serving
from vivavoce.client import AsyncClient, Client
from vivavoce.client.tools import AsyncToolRunner, tool
from vivavoce.protocol import (
    ConversationItemAdded,
    ErrorEvent,
    FunctionCallOutput,
    ResponseDone,
    ResponseOutputTextDelta,
)

SET: list[tuple[str, int]] = []


@tool
async def set_light_brightness(
    room: Literal["kitchen", "bedroom"], brightness: Annotated[int, msgspec.Meta(ge=0, le=100)]
) -> dict[str, Any]:
    """Sets the brightness of the lights in a room."""
    SET.append((room, brightness))
    await asyncio.sleep(0)
    return {"room": room, "brightness": brightness, "ok": True}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("tools"), config="[session]\ndebug = true\n") as running:
        yield running


ASK = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "Set the brightness of the bedroom lights to 40, please."}],
}


class Seen:
    """What a listener has seen of the conversation."""

    def __init__(self) -> None:
        self.done: list[ResponseDone] = []
        self.outputs: list[FunctionCallOutput] = []
        self.said = ""

    def take(self, event: object) -> bool:
        """Whether that was all."""
        match event:
            case ErrorEvent(error=error):
                raise AssertionError(error.message)
            case ConversationItemAdded(item=FunctionCallOutput() as output):
                self.outputs.append(output)
            case ResponseOutputTextDelta(delta=delta):
                self.said += delta
            case ResponseDone():
                self.done.append(event)
        return len(self.done) == 2

    def check(self) -> None:
        assert SET == [("bedroom", 40)]
        assert [output.output for output in self.outputs] == ['{"room":"bedroom","brightness":40,"ok":true}']
        assert [each.response.status for each in self.done] == ["completed", "completed"]
        assert self.said, "the model tells what came out"


async def test_a_model_calls_a_function_and_tells_what_came_out(server: Server) -> None:
    SET.clear()
    seen = Seen()
    client = AsyncClient(server.key, server.base_url)
    async with client.realtime.connect(model="gpt-realtime") as rt:
        async with rt.tools(set_light_brightness) as tools:
            session = {"type": "realtime", "output_modalities": ["text"], "tools": tools.definitions}
            await rt.session.update(session=session)
            await rt.conversation.item.create(item=ASK)
            await rt.response.create()
            async for event in rt:
                if seen.take(event):
                    break
    seen.check()


async def test_with_handlers(server: Server) -> None:
    SET.clear()
    seen = Seen()
    client = AsyncClient(server.key, server.base_url)
    async with (
        client.realtime.connect(model="gpt-realtime") as rt,
        AsyncToolRunner(rt, [set_light_brightness]) as tools,
    ):

        @rt.on("event")
        async def look(event: object) -> None:
            if seen.take(event):
                await rt.close()

        session = {"type": "realtime", "output_modalities": ["text"], "tools": tools.definitions}
        await rt.session.update(session=session)
        await rt.conversation.item.create(item=ASK)
        await rt.response.create()
        await rt.dispatch_events()
    seen.check()


def test_without_an_event_loop(server: Server) -> None:
    SET.clear()
    seen = Seen()
    client = Client(server.key, server.base_url)
    with client.realtime.connect(model="gpt-realtime") as rt:
        with rt.tools(set_light_brightness, timeout=30) as tools:
            session = {"type": "realtime", "output_modalities": ["text"], "tools": tools.definitions}
            rt.session.update(session=session)
            rt.conversation.item.create(item=ASK)
            rt.response.create()
            for event in rt:
                if seen.take(event):
                    break
    seen.check()


async def test_nobody_watches_any_more_after_leaving(server: Server) -> None:
    SET.clear()
    client = AsyncClient(server.key, server.base_url)
    async with client.realtime.connect(model="gpt-realtime") as rt:
        async with rt.tools(set_light_brightness) as tools:
            session = {"type": "realtime", "output_modalities": ["text"], "tools": tools.definitions}
            await rt.session.update(session=session)
        await rt.conversation.item.create(item=ASK)
        await rt.response.create()
        async for event in rt:
            if isinstance(event, ResponseDone):
                break
    assert SET == []
