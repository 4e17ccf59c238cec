"""How the emitter classes open, send and close. Numbers in brackets are those of the behaviours to keep."""

import asyncio
import json
import socket
import subprocess
import sys
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.typing import Subprotocol

from tests.client.emitters import (
    NATIVE,
    WS,
    EmitterClass,
    all_emitters,
    connected,
    name_of,
    on_socket,
    reported,
    saying,
)
from tests.client.peer import frame, peer, raw_peer
from vivavoce import AsyncClient
from vivavoce.client import ConfigurationError, ConnectionRefused, UnsendableEvent
from vivavoce.client.async_socket import WebSocket
from vivavoce.client.errors import SocketNotOpen
from vivavoce.client.live_socket import CLOSED, CONNECTING, OPEN, SocketEvent
from vivavoce.client.websocket import OpenAIRealtimeWebSocket
from vivavoce.client.ws import OpenAIRealtimeWS
from vivavoce.protocol import InputAudioBufferCommit


async def echo(websocket: ServerConnection) -> None:
    async for message in websocket:
        await websocket.send(message, text=True)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@all_emitters
async def test_a_conversation(emitter: EmitterClass) -> None:
    """[E11, E12, E13]"""
    calls: list[Any] = []

    def talk(*_: Any) -> None:
        calls.append("open")
        rt.send({"type": "first", "x": None})
        rt.send(InputAudioBufferCommit())

    def close(event: Any) -> None:
        calls.append("close")
        rt.close()

    async with peer(echo) as url:
        rt = connected(emitter, url)
        assert rt.socket.ready_state == CONNECTING
        on_socket(rt, "open", talk)
        rt.on("event", lambda event: calls.append(json.loads(event.raw)))
        rt.on("input_audio_buffer.commit", close)
        on_socket(rt, "close", lambda *said: calls.append(said))
        await rt.socket.wait_closed()
        assert rt.socket.ready_state == CLOSED
        await rt.socket.wait_closed()
    assert calls[:4] == ["open", {"type": "first", "x": None}, {"type": "input_audio_buffer.commit"}, "close"]
    (said,) = calls[4:]
    if len(said) == 1:
        assert said == (SocketEvent(type="close", code=1000, reason="OK", was_clean=True),)
    else:
        assert said == (1000, "OK")


@all_emitters
async def test_what_cannot_be_sent_is_told_and_not_kept(emitter: EmitterClass) -> None:
    """[E11]"""
    errors: list[Any] = []
    received: list[str | bytes] = []

    async def listen(websocket: ServerConnection) -> None:
        async for message in websocket:
            received.append(message)

    async with peer(listen) as url:
        rt = connected(emitter, url)
        rt.on("error", errors.append)
        rt.send({"type": "early"})
        opened = asyncio.Event()
        on_socket(rt, "open", lambda *_: opened.set())
        await opened.wait()
        rt.send({"type": "x", "value": object()})
        rt.send({"type": "kept"})
        rt.close()
        rt.send({"type": "late"})
        await rt.socket.wait_closed()
        rt.send({"type": "later"})
    assert [error.message for error in errors] == ["could not send data"] * 4
    assert [type(error.__cause__) for error in errors] == [
        SocketNotOpen,
        UnsendableEvent,
        SocketNotOpen,
        SocketNotOpen,
    ]
    assert "not open yet" in str(errors[0].__cause__)
    assert received == ['{"type":"kept"}']


@all_emitters
@pytest.mark.parametrize(
    ("code", "reason"), [(1, ""), (1005, ""), (1006, ""), (2000, ""), (5000, ""), (1000, "ö" * 62)]
)
async def test_what_cannot_be_said_at_the_end_is_told(emitter: EmitterClass, code: int, reason: str) -> None:
    """[E12]"""
    errors: list[Any] = []
    async with peer(saying()) as url:
        rt = connected(emitter, url)
        rt.on("error", errors.append)
        rt.close(code, reason)
        await rt.socket.wait_closed()
    assert [error.message for error in errors] == ["could not close the connection"]
    assert isinstance(errors[0].__cause__, ValueError)


@all_emitters
async def test_closing_says_what_it_is_given(emitter: EmitterClass) -> None:
    """[E12]"""
    ends: list[Any] = []

    async def listen(websocket: ServerConnection) -> None:
        await websocket.wait_closed()
        ends.append((websocket.close_code, websocket.close_reason))

    async with peer(listen) as url:
        for options in ({}, {"code": 4001, "reason": "enough"}):
            rt = connected(emitter, url)
            on_socket(rt, "open", lambda *_, rt=rt, options=options: rt.close(**options))
            await rt.socket.wait_closed()
            rt.close()
    assert ends == [(1000, "OK"), (4001, "enough")]


@all_emitters
async def test_nobody_there(emitter: EmitterClass) -> None:
    """[E9]"""
    calls: list[Any] = []
    rt = connected(emitter, f"http://127.0.0.1:{free_port()}/v1")
    rt.on("error", calls.append)
    on_socket(rt, "close", lambda *said: calls.append(said))
    await rt.socket.wait_closed()
    error, said = calls
    assert "Nothing listens at 127.0.0.1" in error.message
    assert (error.error, error.event_id) == (None, None)
    if emitter in WS:
        assert isinstance(error.__cause__, ConnectionRefused)
        assert said == (1006, "")
    else:
        assert error.__cause__ is None
        assert said == (SocketEvent(type="close", code=1006),)


@all_emitters
async def test_a_server_that_breaks_the_rules(emitter: EmitterClass) -> None:
    """[E9]"""
    calls: list[Any] = []

    async def break_them(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b"\x00", opcode=3))
        await reader.read()

    async with raw_peer(break_them) as url:
        rt = connected(emitter, url, options={"close_timeout": 0.05})
        rt.on("error", calls.append)
        on_socket(rt, "close", lambda *said: calls.append("closed"))
        await rt.socket.wait_closed()
    assert "1002" in calls[0].message
    assert calls[1:] == ["closed"]


@all_emitters
@pytest.mark.parametrize("code", [1000, 1011, 4000])
async def test_a_server_that_closes_is_no_error(emitter: EmitterClass, code: int) -> None:
    """[E13]"""
    calls: list[Any] = []

    async def leave(websocket: ServerConnection) -> None:
        await websocket.close(code, "because")

    async with peer(leave) as url:
        rt = connected(emitter, url)
        rt.on("error", calls.append).on("event", calls.append)
        on_socket(rt, "close", lambda *said: calls.append(said))
        await rt.socket.wait_closed()
    ((first, *rest),) = calls
    assert (first, *rest) == (code, "because") or (first.code, first.reason) == (code, "because")


@all_emitters
async def test_a_connection_that_breaks_off_is_not_made_again(emitter: EmitterClass) -> None:
    """[E13]"""
    calls: list[Any] = []
    connections = 0

    async def die(websocket: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        websocket.transport.abort()

    async with peer(die) as url:
        rt = connected(emitter, url)
        rt.on("error", calls.append)
        on_socket(rt, "close", lambda *said: calls.append(said[0]))
        await rt.socket.wait_closed()
        await asyncio.sleep(0.01)
    assert connections == 1
    assert [getattr(code, "code", code) for code in calls] == [1006]


@all_emitters
async def test_closing_before_it_is_open(emitter: EmitterClass) -> None:
    calls: list[Any] = []
    reached = asyncio.Event()

    async def hesitate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()

    async with raw_peer(hesitate, accept=False) as url:
        rt = connected(emitter, url)
        rt.on("error", lambda error: calls.append(error.message))
        on_socket(rt, "open", lambda *_: calls.append("open"))
        on_socket(rt, "close", lambda *_: calls.append("close"))
        await reached.wait()
        rt.close()
        rt.close()
        await rt.socket.wait_closed()
    assert calls == ["The WebSocket was closed before the connection was established.", "close"]


@all_emitters
async def test_closing_in_the_moment_in_which_it_opens(
    emitter: EmitterClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's answer has come, and the task that waits for it does not know yet."""
    calls: list[Any] = []
    take = WebSocket.data_received

    def take_and_close(websocket: WebSocket, data: bytes) -> None:
        take(websocket, data)
        rt.close()

    monkeypatch.setattr(WebSocket, "data_received", take_and_close)
    async with peer(echo) as url:
        rt = connected(emitter, url)
        rt.on("error", lambda error: calls.append(error.message))
        on_socket(rt, "open", lambda *_: calls.append("open"))
        on_socket(rt, "close", lambda *_: calls.append("close"))
        await rt.socket.wait_closed()
    assert calls == ["The WebSocket was closed before the connection was established.", "close"]


async def test_closing_at_once() -> None:
    calls: list[Any] = []
    rt = connected(OpenAIRealtimeWS, f"http://127.0.0.1:{free_port()}/v1")
    rt.on("error", lambda error: calls.append(error.message))
    rt.close()
    await rt.socket.wait_closed()
    assert calls == ["The WebSocket was closed before the connection was established."]


@all_emitters
async def test_no_keepalive_of_its_own(emitter: EmitterClass) -> None:
    """[E13]"""
    async with peer(saying()) as url:
        rt = connected(emitter, url)
        opened = asyncio.Event()
        on_socket(rt, "open", lambda *_: opened.set())
        await opened.wait()
        assert rt.socket._websocket.ping_interval is None
        assert rt.socket.buffered_amount == 0
        await rt.socket.wait_closed()


@all_emitters
def test_without_a_running_event_loop(emitter: EmitterClass) -> None:
    with pytest.raises(ConfigurationError, match="no running event loop"):
        connected(emitter, "http://127.0.0.1:1/v1")


@all_emitters
async def test_the_socket_shows_no_key(emitter: EmitterClass) -> None:
    async with peer(saying()) as url:
        rt = connected(emitter, url)
        shown = f"{rt.socket!r} {rt.socket.url} {rt.url} {rt!r}"
        await rt.socket.wait_closed()
    assert "sk-test" not in shown
    assert "connecting" in shown


# What differs.


async def test_the_events_of_ws() -> None:
    calls: list[Any] = []

    async with peer(echo) as url:
        rt = OpenAIRealtimeWS(client=AsyncClient("sk-test", url), model="m")
        assert rt.socket.on("message", calls.append).once("open", lambda: rt.send({"type": "x"})) is rt.socket
        await rt.socket.emitted("message")
        assert rt.socket.ready_state == OPEN == rt.socket.OPEN
        closed = rt.socket.emitted("close")
        rt.close()
        assert await closed == [1000, "OK"]
        await rt.socket.wait_closed()
    assert calls == [b'{"type":"x"}']


async def test_the_events_of_a_browser() -> None:
    calls: list[SocketEvent] = []

    async with peer(echo, subprotocols=[Subprotocol("realtime")]) as url:
        rt = OpenAIRealtimeWebSocket(client=AsyncClient("sk-test", url), model="m")
        for name in ("open", "message", "error", "close"):
            rt.socket.add_event_listener(name, calls.append)
        rt.socket.add_event_listener("open", lambda _: rt.send({"type": "ä"}), once=True)
        rt.socket.add_event_listener("message", print)
        rt.socket.remove_event_listener("message", print)
        rt.on("ä", lambda _: rt.close())
        await rt.socket.wait_closed()
        assert rt.socket.protocol == "realtime"
    assert [event.type for event in calls] == ["open", "message", "close"]
    assert calls[1].data == '{"type":"ä"}'


async def test_one_listener_that_raises_does_not_stop_the_others_of_a_browsers_socket() -> None:
    calls: list[str] = []

    def fail(event: SocketEvent) -> None:
        raise ZeroDivisionError(event.type)

    with reported() as found:
        async with peer(saying()) as url:
            rt = OpenAIRealtimeWebSocket(client=AsyncClient("sk-test", url), model="m")
            rt.socket.add_event_listener("open", fail)
            rt.socket.add_event_listener("open", lambda event: calls.append(event.type))
            await rt.socket.wait_closed()
    assert calls == ["open"]
    assert [str(error) for error in found] == ["open"]


@pytest.mark.parametrize("state", ["connecting", "open", "closing"])
async def test_a_program_that_ends_without_closing_ends_quietly(state: str) -> None:
    program = f"""
import asyncio, sys
from vivavoce import AsyncClient
from vivavoce.client.ws import OpenAIRealtimeWS

async def main():
    rt = OpenAIRealtimeWS(model="m", client=AsyncClient("sk-1", sys.argv[1]))
    if {state!r} != "connecting":
        await rt.socket.emitted("open")
    else:
        await asyncio.sleep(0)
    if {state!r} == "closing":
        rt.close()

asyncio.run(main(), debug=True)
"""

    async def listen(websocket: ServerConnection) -> None:
        await websocket.wait_closed()

    async with peer(listen) as url:
        command = [sys.executable, "-W", "error", "-c", program, url]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_classes_are_those_of_both_dialects() -> None:
    assert [name_of(emitter) for emitter in (*WS, *NATIVE)] == [
        "OpenAIRealtimeWS",
        "beta OpenAIRealtimeWS",
        "OpenAIRealtimeWebSocket",
        "beta OpenAIRealtimeWebSocket",
    ]
