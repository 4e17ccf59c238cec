"""Frames off a socket, in any pieces, of any kind, right and wrong: the short way must mean what the long
one means."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

from tests.server.toys import toy_application
from vivavoce.server import frames
from vivavoce.server.config import Config
from vivavoce.server.frames import StreamedWebSocket
from vivavoce.server.run import uvicorn_config
from vivavoce.server.uvicorn_protocol import AbortableWebSocket

REQUEST = (
    b"GET /v1/realtime?model=x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
MAX_SIZE = 70_000


class Wire(asyncio.Transport):
    """What the server writes, and whether it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False
        self.reading = True
        self.pauses = 0

    def write(self, data: Any) -> None:
        self.written += data

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}.get(name, default)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True

    def pause_reading(self) -> None:
        self.reading = False
        self.pauses += 1

    def resume_reading(self) -> None:
        self.reading = True


class Line:
    """A connection of one of the two classes, and an application that writes down what it is told."""

    def __init__(self, kind: type[AbortableWebSocket], *, stop_after: int | None = None) -> None:
        config = uvicorn_config(toy_application(Config(), []))
        config.ws_max_size = MAX_SIZE
        config.load()
        config.loaded_app = self._application
        self.messages: list[Any] = []
        self.more: list[bool] = []
        """Of each message: did it say that the next one waits already?"""
        self._stop_after = stop_after
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.state = ServerState()
        self.wire = Wire()
        self.connection = kind(config, self.state, {}, asyncio.get_running_loop())
        self.connection.connection_made(self.wire)

    async def open(self) -> None:
        self.connection.data_received(REQUEST)
        await settle()
        self.wire.written = b""

    async def hear(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            while not self.wire.reading:
                await settle()
            self.connection.data_received(piece)
        await settle()

    async def hang_up(self) -> None:
        self.connection.connection_lost(None)
        await asyncio.wait(set(self.state.tasks) or {asyncio.ensure_future(asyncio.sleep(0))})

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for count in itertools.count(1):
            await self.go_on.wait()
            message = dict(await receive())
            self.more.append(message.pop(frames.MORE, False))
            self.messages.append(message)
            if message["type"] == "websocket.disconnect":
                return
            if count == self._stop_after:
                await send({"type": "websocket.close", "code": 4000, "reason": "enough"})


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def masked(payload: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=True)


def cut(stream: bytes, places: Sequence[float]) -> list[bytes]:
    at = sorted({0, len(stream), *(round(place * len(stream)) for place in places)})
    return [stream[a:b] for a, b in itertools.pairwise(at)]


lengths = st.integers(0, 300) | st.sampled_from([125, 126, 65535, 65536])
texts = lengths.map(lambda n: ("é" * (n // 2) + "e" * (n % 2)).encode())
whole = texts.map(masked)
binary = texts.map(lambda payload: masked(payload, Opcode.BINARY))
pings = st.binary(max_size=125).map(lambda payload: masked(payload, Opcode.PING))
pongs = st.binary(max_size=125).map(lambda payload: masked(payload, Opcode.PONG))
split = st.tuples(texts, st.integers(0, 300), pings | st.just(b"")).map(
    lambda of: masked(of[0][: of[1]], fin=False) + of[2] + masked(of[0][of[1] :], Opcode.CONT)
)
wrong = st.sampled_from(
    [
        b"\x81\x05hello",  # not masked
        b"\x81\x00",
        b"\x89\x00",
        masked(b"\xff\xfe"),  # not UTF-8
        masked(b"x" * (MAX_SIZE + 1)),
        masked(b"x", Opcode.CONT),  # continues nothing
        masked(b"x", fin=False) + masked(b"y"),  # a message within a message
        bytes([0xC1]) + masked(b"x")[1:],  # a reserved bit
        bytes([0x83]) + masked(b"x")[1:],  # a reserved opcode
        masked(b"\x03\xe8bye", Opcode.CLOSE),
        masked(b"\x00", Opcode.CLOSE),  # half a code
    ]
)
streams = st.lists(whole | binary | pings | pongs | split, max_size=6)


@given(streams, st.none() | wrong, streams, st.lists(st.floats(0, 1), max_size=8))
@example([masked(b"{}")], None, [masked(b"[]")], [n / 16 for n in range(17)])
@settings(max_examples=400, deadline=None)
async def test_however_it_is_cut_it_means_what_it_means_frame_by_frame(before, mistake, after, places):
    one_by_one = [*before, *([] if mistake is None else [mistake]), *after]
    outcomes = []
    for kind, pieces in (
        (AbortableWebSocket, one_by_one),
        (StreamedWebSocket, one_by_one),
        (StreamedWebSocket, cut(b"".join(one_by_one), places)),
    ):
        line = Line(kind)
        await line.open()
        await line.hear(pieces)
        await line.hang_up()
        outcomes.append((line.messages, line.wire.written, line.wire.closing))
    assert outcomes[0] == outcomes[1] == outcomes[2]


async def test_every_byte_alone():
    stream = masked(b'{"a":1}') + masked(b"x" * 130, fin=False) + masked(b"?", Opcode.PING)
    stream += masked(b"y", Opcode.CONT) + masked(b'{"b":2}')
    line = Line(StreamedWebSocket)
    await line.open()
    await line.hear([bytes([byte]) for byte in stream])
    assert [message["text"] for message in line.messages] == ['{"a":1}', "x" * 130 + "y", '{"b":2}']
    assert line.wire.written == Frame(Opcode.PONG, b"?").serialize(mask=False)
    await line.hang_up()


async def test_frames_right_behind_the_request():
    """A peer that does not wait for the answer is heard all the same."""
    first, second = masked(b"x" * 20_000), masked(b"[]")
    for place in (10, 1000, len(first)):
        line = Line(StreamedWebSocket)
        line.connection.data_received(REQUEST + first[:place])
        await settle()
        await line.hear([first[place:], second])
        assert [message["text"] for message in line.messages] == ["x" * 20_000, "[]"]
        await line.hang_up()


async def test_what_comes_after_our_close_is_dropped():
    line = Line(StreamedWebSocket, stop_after=1)
    await line.open()
    text = masked(b'{"a":1}')
    await line.hear([text])
    await line.hear([text, text[:3]])
    await line.hear([text[3:], masked(b"\x0f\xa0enough", Opcode.CLOSE)])
    assert [message["type"] for message in line.messages] == ["websocket.receive", "websocket.disconnect"]
    assert line.wire.closing
    await line.hang_up()


async def test_a_session_that_is_busy_does_not_let_all_the_peer_says_pile_up():
    line = Line(StreamedWebSocket)
    await line.open()
    line.go_on.clear()
    text = masked(b"x" * 60_000)
    count = 0
    while line.wire.reading:
        line.connection.data_received(text)
        count += 1
    assert (count - 1) * 60_000 <= frames.READ_AHEAD < count * 60_000
    line.go_on.set()
    await settle()
    assert line.wire.reading
    assert len(line.messages) == count
    await line.hang_up()


async def test_a_message_tells_that_the_next_one_waits():
    line = Line(StreamedWebSocket)
    await line.open()
    text = masked(b"{}")
    await line.hear([text])
    await line.hear([text + text + text])
    await line.hear([text])
    assert line.more == [False, True, True, False, False]
    await line.hang_up()


async def test_a_session_that_keeps_up_is_read_without_a_pause():
    line = Line(StreamedWebSocket)
    await line.open()
    for _ in range(50):
        await line.hear([masked(b"x" * 20_000)])
    assert len(line.messages) == 50
    assert line.wire.pauses == 0
    await line.hang_up()


async def test_the_server_uses_it(serve):
    async with serve() as served:
        async with connect(served.url + "?model=x") as ws:
            await ws.recv()
            await ws.send(json.dumps({"echo": "short"}))
            assert json.loads(await ws.recv())["event_id"] == "short"
            (connection,) = served.state.connections
            assert isinstance(connection, StreamedWebSocket)
            assert connection._aligned, "uvicorn hands the request over in another way"


async def test_what_is_said_in_a_burst_is_one_message_each(serve):
    """Of every length that has a header of its own, in order, and whole."""
    sizes = [0, 1, 20, 1000, 65_000, 66_000, 200_000]
    async with serve() as served, connect(served.url + "?model=x", max_size=None) as ws:
        await ws.recv()
        (runner,) = served.runners
        for _ in range(20):
            for size in sizes:
                runner._send(size)
        for _ in range(20):
            assert [len(json.loads(await ws.recv())["delta"]) for _ in sizes] == sizes


async def test_a_burst_waits_for_room_and_ends_with_the_connection():
    line = Line(StreamedWebSocket)
    await line.open()
    line.connection.pause_writing()
    waiting = asyncio.ensure_future(line.connection.send_texts([b"{}", b"x" * 200]))
    await settle()
    assert line.wire.written == b""
    line.connection.resume_writing()
    await waiting
    assert line.wire.written == b"\x81\x02{}\x81\x7e\x00\xc8" + b"x" * 200
    await line.hear([masked(b"\x03\xe8", Opcode.CLOSE)])
    with pytest.raises(ClientDisconnected):
        await line.connection.send_texts([b"{}"])
    await line.hang_up()
    with pytest.raises(ClientDisconnected):
        await line.connection.send_texts([b"{}"])
