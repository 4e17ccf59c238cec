"""Peers that are gone without a word cost no socket."""

import asyncio
import json
import socket
from contextlib import suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from vivavoce.server import uvicorn_protocol
from vivavoce.server.config import Config, ServerSettings

MODEL = "?model=gpt-realtime"
UPGRADE = (
    "GET /v1/realtime?model=x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PATIENT = Config(server=ServerSettings(write_timeout_s=600))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_protocol, "ABORT_AFTER_S", 0.1)


def mute(port: int) -> socket.socket:
    """A peer that opens a WebSocket and reads nothing, not even the answer."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=5)
    peer.sendall(UPGRADE.encode())
    return peer


async def none_left(served) -> None:
    while served.state.connections:
        await asyncio.sleep(0.005)


async def test_a_peer_that_answers_pings_stays(serve):
    async with serve(ws_ping_interval=0.02, ws_ping_timeout=0.5) as served:
        async with connect(served.url + MODEL, ping_interval=None) as ws:
            await ws.recv()
            for n in range(20):
                await asyncio.sleep(0.02)
                await ws.send(json.dumps({"echo": str(n)}))
                assert json.loads(await ws.recv())["event_id"] == str(n)


async def test_a_peer_that_answers_no_ping_is_given_up(serve):
    async with serve(ws_ping_interval=0.02, ws_ping_timeout=0.02) as served:
        with mute(served.port):
            while not served.runners:
                await asyncio.sleep(0.005)
            await asyncio.wait_for(served.runners[0].closed.wait(), 5)
            await asyncio.wait_for(none_left(served), 5)


async def test_a_peer_that_answers_no_ping_and_reads_nothing_is_given_up(serve):
    """What is under way to it would keep the socket open for good."""
    async with serve(PATIENT, ws_ping_interval=0.3, ws_ping_timeout=0.1) as served:
        with mute(served.port):
            while not served.runners:
                await asyncio.sleep(0.005)
            (runner,) = served.runners
            for _ in range(600):
                runner._send(16384)
            await asyncio.wait_for(runner.closed.wait(), 10)
            await asyncio.wait_for(none_left(served), 5)


async def test_a_peer_that_does_not_read_the_end_is_given_up(serve):
    """The session is over, the application is done; only the socket would stay."""
    async with serve(PATIENT, ws_ping_interval=600) as served:
        with mute(served.port):
            while not served.runners:
                await asyncio.sleep(0.005)
            (runner,) = served.runners
            (connection,) = served.state.connections
            while connection.transport.get_write_buffer_size() == 0:
                runner._send(4096)
                await asyncio.sleep(0.001)
            await runner.transport.close(1000, "over")
            await asyncio.wait_for(runner.closed.wait(), 5)
            await asyncio.wait_for(none_left(served), 5)


@pytest.mark.parametrize("megabytes", [2, 40])
async def test_a_peer_that_sends_too_much_learns_why(serve, monkeypatch, megabytes):
    """Although it goes on sending what nobody wants: closing at once would reset the connection."""
    monkeypatch.setattr(uvicorn_protocol, "ABORT_AFTER_S", 10)
    async with serve(ws_max_size=2**20) as served:
        async with connect(served.url + MODEL, compression=None) as ws:
            await ws.recv()
            with suppress(ConnectionClosed):
                await ws.send("x" * megabytes * 2**20)
            await ws.wait_closed()
            assert ws.close_code == 1009
        await asyncio.wait_for(none_left(served), 5)


async def test_text_that_is_not_utf8_ends_the_connection_and_nothing_more(serve, caplog):
    async with serve() as served:
        async with connect(served.url + MODEL) as ws:
            await ws.recv()
            await ws.send(b"\xff", text=True)
            await ws.wait_closed()
            assert ws.close_code == 1007
        await asyncio.wait_for(none_left(served), 5)
    assert not caplog.records


async def test_a_denied_upgrade_is_no_fault(serve, caplog):
    async with serve() as served:
        with pytest.raises(InvalidStatus):
            await connect(served.url + "?call_id=rtc_nobody")
        await asyncio.wait_for(none_left(served), 5)
    assert not caplog.records


async def test_the_application_may_drop_a_connection(serve):
    async with serve(ws_ping_interval=600) as served, connect(served.url + MODEL) as ws:
        await ws.recv()
        served.application.hang_up()
        await ws.wait_closed()
        assert ws.close_code == 1006
        await asyncio.wait_for(none_left(served), 5)


@pytest.mark.parametrize(
    ("part", "longer", "status"),
    [("model=x", "model=" + "x" * 9000, b"414"), ("localhost", "localhost" * 1000, b"431")],
)
async def test_a_request_that_is_too_long_is_answered(serve, part: str, longer: str, status: bytes):
    """Its peer was left waiting, and its socket open."""
    async with serve() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(UPGRADE.replace(part, longer).encode())
        answer = await asyncio.wait_for(reader.read(), 5)
        assert answer.split(b" ")[1] == status
        writer.close()
        await asyncio.wait_for(none_left(served), 5)


# Clients that never come to the point.


async def test_a_request_whose_headers_do_not_end_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(uvicorn_protocol, "REQUEST_S", 0.1)
    async with serve() as served:
        for begin in (b"", b"GET /v1/models HTTP/1.1\r\nX: "):
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(begin)
            with suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 20) == b""
            writer.close()
        await asyncio.wait_for(none_left(served), 20)


async def test_requests_after_each_other_have_their_time_each(serve, monkeypatch):
    monkeypatch.setattr(uvicorn_protocol, "REQUEST_S", 0.5)
    async with serve() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        for _ in range(4):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await asyncio.wait_for(reader.readuntil(b"}"), 20)).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.2)
        writer.close()


async def test_a_websocket_stays_longer_than_a_request_may_take(serve, monkeypatch):
    monkeypatch.setattr(uvicorn_protocol, "REQUEST_S", 0.1)
    async with serve() as served, connect(served.url + MODEL) as ws:
        await ws.recv()
        await asyncio.sleep(0.3)
        await ws.send(json.dumps({"echo": "still here"}))
        assert json.loads(await ws.recv())["event_id"] == "still here"
