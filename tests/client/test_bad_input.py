"""What a server must not do, over every kind of connection: each ends in what is documented."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.client.peer import frame, raw_peer, say_goodbye
from vivavoce import AsyncClient, Client, ConnectionClosed
from vivavoce.client import AsyncRealtimeConnection, RealtimeConnection, WebSocketOptions
from vivavoce.client.websocket import OpenAIRealtimeWebSocket
from vivavoce.client.ws import OpenAIRealtimeWS
from vivavoce.protocol import MalformedEvent

Heard = tuple[list[int], int, str]
"""The lengths of the events that came, the close code, and what was said about it."""


async def by_iteration(url: str, options: WebSocketOptions) -> Heard:
    lengths: list[int] = []

    async def listen(rt: AsyncRealtimeConnection) -> None:
        while True:
            lengths.append(len((await rt.recv()).raw))

    async with AsyncClient("sk-1", url).realtime.connect(websocket_options=options) as rt:
        with pytest.raises(ConnectionClosed) as closed:
            await listen(rt)
    return lengths, closed.value.code, str(closed.value)


async def without_an_event_loop(url: str, options: WebSocketOptions) -> Heard:
    lengths: list[int] = []

    def listen(rt: RealtimeConnection) -> None:
        while True:
            lengths.append(len(rt.recv().raw))

    def run() -> Heard:
        with Client("sk-1", url).realtime.connect(websocket_options=options) as rt:
            with pytest.raises(ConnectionClosed) as closed:
                listen(rt)
        return lengths, closed.value.code, str(closed.value)

    return await asyncio.to_thread(run)


async def by_ws(url: str, options: WebSocketOptions) -> Heard:
    rt = OpenAIRealtimeWS(model="m", client=AsyncClient("sk-1", url), options={**options})
    codes: list[int] = []
    rt.socket.on("close", lambda code, reason: codes.append(code))
    return await _emitted(rt, codes)


async def by_websocket(url: str, options: WebSocketOptions) -> Heard:
    rt = OpenAIRealtimeWebSocket(model="m", client=AsyncClient("sk-1", url), options=options)
    codes: list[int] = []
    rt.socket.add_event_listener("close", lambda event: codes.append(event.code))
    return await _emitted(rt, codes)


async def _emitted(rt: Any, codes: list[int]) -> Heard:
    lengths: list[int] = []
    errors: list[str] = []
    rt.on("event", lambda event: lengths.append(len(event.raw)))
    rt.on("error", lambda error: errors.append(error.message))
    await rt.socket.wait_closed()
    (code,) = codes
    return lengths, code, " ".join(errors)


every_kind = pytest.mark.parametrize(
    "hear", [by_iteration, without_an_event_loop, by_ws, by_websocket], ids=lambda hear: hear.__name__
)
Hear = Callable[[str, WebSocketOptions], Awaitable[Heard]]


def event(size: int) -> bytes:
    """An event of so many bytes."""
    head = b'{"type":"x","padding":"'
    return head + b"y" * (size - len(head) - 2) + b'"}'


@every_kind
async def test_a_frame_of_50_megabytes_is_taken_unless_that_is_too_big(hear: Hear) -> None:
    size = 50 * 1000 * 1000

    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(event(100)) + frame(event(size)))
        await say_goodbye(reader, writer)

    async def boast(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(event(100)) + frame(event(size))[:100_000])
        await reader.read()

    async with raw_peer(write) as url:
        lengths, code, _ = await hear(url, {})
        assert (lengths, code) == ([100, size], 1000)
    async with raw_peer(boast) as url:
        lengths, code, said = await hear(url, {"max_size": 2**20, "close_timeout": 0.05})
    assert (lengths, code) == ([100], 1009)
    assert "raise max_size" in said


@every_kind
@pytest.mark.parametrize("length", [1, 3, 50, 150])
async def test_a_server_that_hangs_up_in_the_middle_of_a_frame(hear: Hear, length: int) -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(event(100)) + frame(event(200))[:length])
        await writer.drain()

    async with raw_peer(die) as url:
        lengths, code, said = await hear(url, {})
    assert (lengths, code) == ([100], 1006)
    assert said in ("", str(ConnectionClosed(1006)))


@every_kind
async def test_a_server_that_hangs_up_between_fragments(hear: Hear) -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(event(100)) + frame(event(200)[:150], fin=False))
        await writer.drain()

    async with raw_peer(die) as url:
        lengths, code, _ = await hear(url, {})
    assert (lengths, code) == ([100], 1006)


@every_kind
async def test_a_server_that_masks_its_frames(hear: Hear) -> None:
    async def mask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(event(100)) + b"\x81\x85\x00\x00\x00\x00hello")
        await reader.read()

    async with raw_peer(mask) as url:
        lengths, code, said = await hear(url, {"close_timeout": 0.05})
    assert (lengths, code) == ([100], 1002)
    assert "WebSocket protocol" in said


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize("message", [b"{secret", b"\xff\xfe secret", DEEP, b'{"type":"x","y":' + DEEP + b"}"])
async def test_what_is_no_json_is_named_without_being_shown(message: bytes) -> None:
    """The next event can be read all the same."""

    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(message) + frame(event(100)))
        await say_goodbye(reader, writer)

    def listen(url: str) -> str:
        with Client("sk-1", url).realtime.connect() as rt:
            with pytest.raises(MalformedEvent) as malformed:
                rt.recv()
            assert len(rt.recv().raw) == 100
        return str(malformed.value)

    errors: list[Any] = []
    async with raw_peer(write) as url:
        async with AsyncClient("sk-1", url).realtime.connect() as rt:
            with pytest.raises(MalformedEvent) as malformed:
                await rt.recv()
            assert len((await rt.recv()).raw) == 100
        assert await asyncio.to_thread(listen, url) == str(malformed.value)
        emitter = OpenAIRealtimeWS(model="m", client=AsyncClient("sk-1", url))
        emitter.on("error", errors.append)
        await emitter.socket.wait_closed()
    assert "secret" not in str(malformed.value)
    assert [error.message for error in errors] == ["could not parse websocket event"]
    assert "secret" not in str(errors[0].__cause__)
