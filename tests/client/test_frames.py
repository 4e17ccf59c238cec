"""Frames, as they come off a socket: in any pieces, of any kind, right and wrong."""

import asyncio
import logging
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection

from tests.client.peer import CLOSE, frame, handshake_answer, peer, raw_peer, read_frame, say_goodbye
from vivavoce import AsyncClient, ConnectionClosed
from vivavoce.client import AsyncRealtimeConnection

TEXT, BINARY, CONT, CLOSING, PING, PONG = 1, 2, 0, 8, 9, 10


def client(base_url: str) -> AsyncClient:
    return AsyncClient(api_key="sk-test", base_url=base_url)


async def messages(rt: AsyncRealtimeConnection) -> list[bytes]:
    """All that come, to the normal end."""
    found: list[bytes] = []

    async def take_all() -> None:
        while True:
            found.append(await rt.recv_bytes())

    with pytest.raises(ConnectionClosed) as closed:
        await take_all()
    assert closed.value.code == 1000
    return found


async def hear(stream: bytes, sizes: list[int]) -> list[bytes]:
    """What a client makes of `stream` written in pieces of these sizes (the last for all the rest)."""

    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        position = 0
        for size in sizes:
            writer.write(stream[position : position + size])
            position += size
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(stream[position:])
        await say_goodbye(reader, writer)

    async with raw_peer(write) as url, client(url).realtime.connect() as rt:
        return await messages(rt)


lengths = st.integers(0, 300) | st.sampled_from([125, 126, 65535, 65536])
cuts = st.lists(st.floats(0, 1), max_size=3)
frames = st.tuples(st.sampled_from(["whole", "binary", "fragments", "ping", "pong"]), lengths, cuts)


def written(kind: str, length: int, cuts: list[float]) -> bytes:
    """The frames of one message or control frame, with a ping between fragments."""
    payload = content(length)
    match kind:
        case "whole":
            return frame(payload)
        case "binary":
            return frame(payload, opcode=BINARY)
        case "ping" | "pong":
            return frame(payload[:125], opcode=PING if kind == "ping" else PONG)
    starts = [0, *(int(cut * length) for cut in sorted(cuts))]
    pieces = [payload[start:end] for start, end in zip(starts, [*starts[1:], length], strict=True)]
    *others, last = (
        frame(piece, opcode=CONT if number else TEXT, fin=number == len(pieces) - 1)
        for number, piece in enumerate(pieces)
    )
    return b"".join(other + frame(b"between", opcode=PING) for other in others) + last


def content(length: int) -> bytes:
    return (bytes(range(256)) * 257)[:length]


@settings(max_examples=100, deadline=None)
@given(st.lists(frames, max_size=6), st.lists(st.integers(1, 200), max_size=12))
def test_messages_are_the_same_however_the_stream_is_cut(
    conversation: list[tuple[str, int, list[float]]], sizes: list[int]
) -> None:
    stream = b"".join(written(*frame) for frame in conversation)
    expected = [content(length) for kind, length, _ in conversation if kind not in ("ping", "pong")]
    assert asyncio.run(hear(stream, sizes)) == expected


async def test_a_stream_cut_at_every_byte() -> None:
    stream = frame(b"one") + frame(b"t" * 200) + frame(b"p", opcode=PING) + frame(b"", opcode=TEXT)
    assert await hear(stream, [1] * len(stream)) == [b"one", b"t" * 200, b""]
    assert await hear(frame(b"l" * 70_000), [1] * 12) == [b"l" * 70_000]


async def test_frames_may_come_with_the_handshake_and_the_handshake_in_pieces() -> None:
    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = handshake_answer(await reader.readuntil(b"\r\n\r\n"))
        for byte in range(len(answer) - 1):
            writer.write(answer[byte : byte + 1])
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(answer[-1:] + frame(b"early"))
        await say_goodbye(reader, writer)

    async with raw_peer(write, accept=False) as url, client(url).realtime.connect() as rt:
        assert await messages(rt) == [b"early"]


@pytest.mark.parametrize("pieces", [1, 5])
async def test_messages_larger_than_16_mib(pieces: int) -> None:
    payload = os.urandom(2**20) * 20

    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        step = -(-len(payload) // pieces)
        for start in range(0, len(payload), step):
            writer.write(
                frame(
                    payload[start : start + step],
                    opcode=TEXT if start == 0 else CONT,
                    fin=start + step >= len(payload),
                )
            )
        writer.write(frame(b"after"))
        await say_goodbye(reader, writer)

    async with raw_peer(write) as url, client(url).realtime.connect() as rt:
        first, second = await messages(rt)
    assert first == payload
    assert second == b"after"


async def test_compressed_messages_where_they_were_asked_for() -> None:
    async def speak(websocket: ServerConnection) -> None:
        assert websocket.protocol.extensions, "the server took the offer"
        for word in ("a" * 10_000, "b", "c" * 70_000):
            await websocket.send(word)

    async with peer(speak, compression="deflate") as url:
        options = {"compression": "deflate"}
        async with client(url).realtime.connect(websocket_options=options) as rt:  # type: ignore[arg-type]
            assert await messages(rt) == [b"a" * 10_000, b"b", b"c" * 70_000]


async def test_compression_is_not_offered_otherwise() -> None:
    async def speak(websocket: ServerConnection) -> None:
        assert websocket.request is not None
        await websocket.send(websocket.request.headers.get("Sec-WebSocket-Extensions", "none"))

    async with peer(speak, compression="deflate") as url, client(url).realtime.connect() as rt:
        assert await messages(rt) == [b"none"]


# Control frames.


async def test_pings_are_answered_while_nobody_listens() -> None:
    async def ping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b"waiting") + frame(b"still there?", opcode=PING))
        assert await read_frame(reader) == (PONG, b"still there?")
        writer.write(CLOSE)
        assert await read_frame(reader) == (CLOSING, (1000).to_bytes(2))
        closed.set()

    closed = asyncio.Event()
    async with raw_peer(ping) as url, client(url).realtime.connect() as rt:
        await closed.wait()
        assert await messages(rt) == [b"waiting"]


async def test_a_server_that_does_not_answer_pings_is_given_up() -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass

    async with raw_peer(ignore) as url:
        options = {"ping_interval": 0.02, "ping_timeout": 0.02, "close_timeout": 0.02}
        async with client(url).realtime.connect(websocket_options=options) as rt:  # type: ignore[arg-type]
            with pytest.raises(ConnectionClosed, match="stopped answering") as closed:
                await rt.recv()
    assert closed.value.code == 1011


async def test_closing_answers_the_server_and_drops_what_it_still_says() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b"before"))
        assert await read_frame(reader) == (CLOSING, (1000).to_bytes(2) + b"done")
        writer.write(frame(b"too late") + frame(b"begun", fin=False) + frame(b"ended", opcode=CONT) + CLOSE)

    async with raw_peer(speak) as url, client(url).realtime.connect() as rt:
        first = await rt.recv_bytes()
        await rt.close(reason="done")
        assert [first, *await messages(rt)] == [b"before"]


async def test_a_server_that_never_answers_a_close_is_left_behind() -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass

    async with raw_peer(ignore) as url:
        options = {"close_timeout": 0.02}
        async with client(url).realtime.connect(websocket_options=options) as rt:  # type: ignore[arg-type]
            await rt.close()
            with pytest.raises(ConnectionClosed) as closed:
                await rt.recv()
    assert closed.value.code == 1006


# What breaks the protocol.

BROKEN = {
    "masked": (b"\x81\x81\x00\x00\x00\x00x", 1002),
    "reserved bit": (b"\xc1\x01x", 1002),
    "unknown opcode": (b"\x83\x01x", 1002),
    "continuation of nothing": (frame(b"x", opcode=CONT), 1002),
    "text within a fragmented message": (frame(b"x", fin=False) + frame(b"y"), 1002),
    "long ping": (frame(b"x" * 126, opcode=PING), 1002),
    "fragmented ping": (frame(b"x", opcode=PING, fin=False), 1002),
    "huge announcement": (b"\x81\x7f" + (2**62).to_bytes(8), 1009),
    "too big": (frame(b"x" * 1001), 1009),
    "too big in sum": (frame(b"x" * 600, fin=False) + frame(b"x" * 600, opcode=CONT), 1009),
    "short close": (b"\x88\x01\x03", 1002),
    "impossible close code": (frame((999).to_bytes(2), opcode=CLOSING), 1002),
    "close reason that is no UTF-8": (frame((1000).to_bytes(2) + b"\xff", opcode=CLOSING), 1007),
}


@pytest.mark.parametrize(("stream", "code"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("answers", [True, False], ids=["answered", "cut off"])
async def test_a_broken_protocol_ends_the_connection(stream: bytes, code: int, answers: bool) -> None:
    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b"fine") + stream)
        opcode, payload = await read_frame(reader)
        assert (opcode, int.from_bytes(payload[:2])) == (CLOSING, code)
        writer.write(frame(b"more") + (CLOSE if answers else b""))

    async with raw_peer(write) as url:
        options = {"max_size": 1000}
        async with client(url).realtime.connect(websocket_options=options) as rt:  # type: ignore[arg-type]
            assert await rt.recv_bytes() == b"fine"
            with pytest.raises(ConnectionClosed) as closed:
                await rt.recv_bytes()
    assert closed.value.code == code


@pytest.mark.parametrize("cut", [1, 3, 50])
async def test_a_server_that_dies_in_the_middle_of_a_frame(cut: int) -> None:
    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b"whole") + frame(b"x" * 200)[:cut])

    async with raw_peer(write) as url, client(url).realtime.connect() as rt:
        assert await rt.recv_bytes() == b"whole"
        with pytest.raises(ConnectionClosed) as closed:
            await rt.recv_bytes()
    assert closed.value.code == 1006


async def test_a_close_without_a_code_is_a_normal_one() -> None:
    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b"", opcode=CLOSING))
        await read_frame(reader)

    async with raw_peer(write) as url, client(url).realtime.connect() as rt:
        assert [event async for event in rt] == []
        with pytest.raises(ConnectionClosed) as closed:
            await rt.recv()
    assert closed.value.code == 1005


# Pressure.


async def test_a_program_that_does_not_keep_up_slows_the_server_down() -> None:
    total = 64 * 2**20
    message = b"x" * 2**16
    written = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        while written < total:
            writer.write(frame(message))
            await writer.drain()
            written += len(message)
        await say_goodbye(reader, writer)

    async with raw_peer(flood) as url:
        options = {"read_ahead": 2**20}
        async with client(url).realtime.connect(websocket_options=options) as rt:  # type: ignore[arg-type]
            before = -1
            while written <= 2**20 or before != written:  # until the server is stuck
                before = written
                await asyncio.sleep(0.1)
            assert written < total // 2
            assert await messages(rt) == [message] * (total // len(message))


async def test_closing_while_the_server_is_stuck() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(400):
            writer.write(frame(b"x" * 2**16))
            await writer.drain()
        assert await read_frame(reader) == (CLOSING, (1000).to_bytes(2))
        writer.write(CLOSE)

    async with raw_peer(flood) as url:
        options = {"read_ahead": 2**18, "close_timeout": None}
        async with client(url).realtime.connect(websocket_options=options) as rt:  # type: ignore[arg-type]
            assert await rt.recv_bytes() == b"x" * 2**16
            await asyncio.sleep(0.05)


async def test_a_message_larger_than_the_read_ahead_comes_through() -> None:
    async def speak(websocket: ServerConnection) -> None:
        await websocket.send("small")
        await websocket.send("x" * 2**20)
        await websocket.send("small")

    async with peer(speak) as url:
        options = {"read_ahead": 1000}
        async with client(url).realtime.connect(websocket_options=options) as rt:  # type: ignore[arg-type]
            assert [len(message) for message in await messages(rt)] == [5, 2**20, 5]


async def test_logs_hold_neither_keys_nor_audio(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("vivavoce.client").setLevel(logging.DEBUG)

    async def speak(websocket: ServerConnection) -> None:
        await websocket.recv()
        await websocket.send("an answer")

    async with peer(speak, logger=logging.getLogger("quiet.server")) as url:
        logging.getLogger("quiet.server").setLevel(logging.WARNING)
        async with client(url).realtime.connect() as rt:
            await rt.input_audio_buffer.append(audio=b"a question")
            await messages(rt)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("vivavoce")]
    assert not [line for line in ours if "sk-test" in line or "answer" in line or "append" in line]
