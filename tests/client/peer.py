"""Servers for the tests to talk to: one that speaks WebSocket properly, and one that writes whatever bytes it
likes."""

import asyncio
import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

SESSION_CREATED = {
    "type": "session.created",
    "event_id": "event_1",
    "session": {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "gpt-realtime"},
}

Behaviour = Callable[[ServerConnection], Awaitable[None]]


def text_delta(text: str, number: int = 1) -> dict[str, Any]:
    return {
        "type": "response.output_text.delta",
        "event_id": f"event_{number}",
        "response_id": "resp_1",
        "item_id": "item_1",
        "output_index": 0,
        "content_index": 0,
        "delta": text,
    }


def error_event(message: str, **fields: str | None) -> dict[str, Any]:
    error = {"type": "invalid_request_error", "code": None, "param": None, "event_id": None, **fields}
    return {"type": "error", "event_id": "event_9", "error": {**error, "message": message}}


def as_json(event: object) -> str:
    return msgspec.json.encode(event).decode()


@asynccontextmanager
async def peer(
    behaviour: Behaviour, *, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[str]:
    """A WebSocket server on a free port that runs `behaviour` for each connection; the base URL to it."""
    ended: asyncio.Queue[BaseException | None] = asyncio.Queue()

    async def connection(websocket: ServerConnection) -> None:
        failure = None
        try:
            with suppress(ConnectionClosed):
                await behaviour(websocket)
        except Exception as error:
            failure = error
        ended.put_nowait(failure)

    async with serve(connection, "127.0.0.1", 0, ssl=tls, max_size=None, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}/v1"
    while not ended.empty():
        failure = ended.get_nowait()
        if failure is not None:
            raise failure


@asynccontextmanager
async def raw_peer(
    behaviour: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], *, accept: bool = True
) -> AsyncIterator[str]:
    """A TCP server on a free port that runs `behaviour`, after a correct handshake if `accept`."""
    running: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            if accept:
                writer.write(handshake_answer(await reader.readuntil(b"\r\n\r\n")))
            await behaviour(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    await asyncio.gather(*running)


def handshake_answer(request: bytes) -> bytes:
    key = next(
        line.partition(b": ")[2]
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def frame(payload: bytes, *, opcode: int = 1, fin: bool = True) -> bytes:
    """A server's frame as RFC 6455 section 5.2 has it."""
    head = bytes([(0x80 if fin else 0) | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65536:
        return head + b"\x7e" + len(payload).to_bytes(2) + payload
    return head + b"\x7f" + len(payload).to_bytes(8) + payload


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Opcode and payload of a client's whole frame."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        length = int.from_bytes(await reader.readexactly(2))
    elif length == 127:
        length = int.from_bytes(await reader.readexactly(8))
    assert second & 0x80, "clients mask their frames"
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(length)
    return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


async def say_goodbye(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close the connection as a server should: the client's answer is read before TCP ends."""
    writer.write(CLOSE)
    while (await read_frame(reader))[0] != 8:
        pass


CLOSE = frame((1000).to_bytes(2), opcode=8)
