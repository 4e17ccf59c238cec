"""A Realtime server with a fault: a proxy in front of a good one, which spoils what passes.

A fault sees every event of the server, in order, and says what reaches the client instead; or every frame of
the client, and says what reaches the server.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.serving import Server

Event = dict[str, Any]
Frame = Event | str | bytes
"""An event, or a frame that is none."""


@dataclass(frozen=True)
class Close:
    """Ends the connection at this place."""

    code: int = 1011
    reason: str = ""


Said = Sequence[Frame | Close]
Spoil = Callable[[Event, Event], Said]
"""From an event and the connection's memory to what is passed on."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong."""

    server: Spoil = lambda event, memory: [event]
    """With the server's events."""
    client: Callable[[str | bytes, Event], Said] = lambda frame, memory: [frame]
    """With the client's frames. What is put into the memory as `replies` goes back to the client."""
    subprotocol: int = 0
    """Which of the offered subprotocols is selected."""
    close_code: int | None = None
    """The close code instead of the server's."""


@asynccontextmanager
async def faulty(server: Server, fault: Fault) -> AsyncIterator[str]:
    """The URL of a server with this fault."""

    def select(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return offered[fault.subprotocol] if offered else None

    async def handle(client: ServerConnection) -> None:
        assert client.request is not None
        forwarded = ("authorization", "openai-beta")
        headers = {
            name: value for name, value in client.request.headers.raw_items() if name.lower() in forwarded
        }
        offered = client.request.headers.get("Sec-WebSocket-Protocol", "")
        async with connect(
            server.url.removesuffix("/v1/realtime") + client.request.path,
            additional_headers=headers,
            subprotocols=[Subprotocol(each.strip()) for each in offered.split(",")] if offered else None,
            compression=None,
            max_size=None,
        ) as upstream:
            await _Link(client, upstream, fault).run()

    async with serve(
        handle, "127.0.0.1", 0, select_subprotocol=select, compression=None, max_size=None
    ) as proxy:
        port = next(iter(proxy.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/realtime"


@asynccontextmanager
async def misprinting(server: Server, right: bytes, wrong: bytes) -> AsyncIterator[str]:
    """The URL of a server that writes `wrong` for `right`, which is as long, in all that it sends."""
    assert len(right) == len(wrong)
    host, port = server.url.removeprefix("ws://").partition("/")[0].split(":")

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, spoil: bool) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data.replace(right, wrong) if spoil else data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection(host, int(port))
        await asyncio.gather(copy(reader, questions, False), copy(answers, writer, True))
        for each in (writer, questions):
            with suppress(ConnectionError):
                await each.wait_closed()

    passing: list[asyncio.Task[None]] = []
    proxy = await asyncio.start_server(
        lambda reader, writer: passing.append(asyncio.create_task(pass_on(reader, writer))), "127.0.0.1", 0
    )
    async with proxy:
        yield f"ws://127.0.0.1:{proxy.sockets[0].getsockname()[1]}/v1/realtime"
        await asyncio.gather(*passing)


@dataclass
class _Link:
    client: ServerConnection
    upstream: ClientConnection
    fault: Fault
    memory: Event = field(default_factory=dict)

    async def run(self) -> None:
        tasks = [asyncio.create_task(self._down()), asyncio.create_task(self._up())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.client.close_code is None:
            code = self.fault.close_code or self.upstream.close_code or 1000
            await self.client.close(code, self.upstream.close_reason or "")

    async def _down(self) -> None:
        try:
            async for frame in self.upstream:
                for said in self.fault.server(json.loads(frame), self.memory):
                    if isinstance(said, Close):
                        await self.client.close(said.code, said.reason)
                        return
                    await self.client.send(_written(said))
        except ConnectionClosed:
            pass

    async def _up(self) -> None:
        try:
            async for frame in self.client:
                for said in self.fault.client(frame, self.memory):
                    if isinstance(said, Close):
                        await self.client.close(said.code, said.reason)
                        return
                    await self.upstream.send(_written(said))
                for reply in self.memory.pop("replies", ()):
                    await self.client.send(_written(reply))
        except ConnectionClosed:
            pass


def _written(said: Frame) -> str | bytes:
    return json.dumps(said) if isinstance(said, dict) else said


def read(frame: str | bytes) -> Event:
    """A client's frame as an event; an empty one if it is none."""
    try:
        event = json.loads(frame) if isinstance(frame, str) else None
    except ValueError:
        event = None
    return event if isinstance(event, dict) else {}


# How events are spoiled


def drop(kind: str, *, times: int | None = None) -> Spoil:
    """Lose events of a type: all, or the first so many."""

    def spoil(event: Event, memory: Event) -> Said:
        if event.get("type") != kind:
            return [event]
        memory[kind] = memory.get(kind, 0) + 1
        return [] if times is None or memory[kind] <= times else [event]

    return spoil


def change(kind: str, how: Callable[[Event], object]) -> Spoil:
    """Change events of a type in place."""

    def spoil(event: Event, memory: Event) -> Said:
        if event.get("type") == kind:
            how(event)
        return [event]

    return spoil


def repeat(kind: str, how: Callable[[Event], object] = lambda event: None) -> Spoil:
    """Send events of a type twice, the second time changed and under another `event_id`."""

    def spoil(event: Event, memory: Event) -> Said:
        if event.get("type") != kind:
            return [event]
        copy = json.loads(json.dumps(event))
        copy["event_id"] = f"{event['event_id']}_again"
        how(copy)
        return [event, copy]

    return spoil


def later(kind: str, behind: str) -> Spoil:
    """Hold events of a type back until one of another type has come."""

    def spoil(event: Event, memory: Event) -> Said:
        if event.get("type") == kind:
            memory.setdefault("held", []).append(event)
            return []
        return [event, *memory.pop("held", [])] if event.get("type") == behind else [event]

    return spoil


def sooner(kind: str, before: str) -> Spoil:
    """Send a copy of the last event of a type before one of another type."""

    def spoil(event: Event, memory: Event) -> Said:
        if event.get("type") == kind:
            memory["last"] = event
        if event.get("type") == before and "last" in memory:
            return [memory["last"] | {"event_id": f"{event['event_id']}_again"}, event]
        return [event]

    return spoil


def echo(kind: str, behind: str) -> Spoil:
    """Send a copy of the last event of a type behind one of another type."""

    def spoil(event: Event, memory: Event) -> Said:
        if event.get("type") == kind:
            memory["last"] = event
        if event.get("type") == behind and "last" in memory:
            return [event, memory["last"] | {"event_id": f"{event['event_id']}_again"}]
        return [event]

    return spoil
