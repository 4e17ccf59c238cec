"""The scripted server towards what is no proper client, and scripts that go wrong while they are played."""

import asyncio
import json
import ssl
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from vivavoce.server.tls import self_signed
from vivavoce.testing import (
    ABSENT,
    RealtimeServer,
    ScriptError,
    ScriptNotFollowed,
    call,
    close,
    expect,
    respond,
    scene,
    send,
    stall,
    wait,
    when,
)
from vivavoce.testing.script import Event, Step, compose


async def sent(server: RealtimeServer, *messages: str, query: str = "?model=m") -> list[Any]:
    """What the server says to a client that sends these, until it closes the connection."""
    async with connect(server.url + query) as socket:
        for message in messages:
            await socket.send(message)
        try:
            return [json.loads(message) async for message in socket]
        except ConnectionClosedError:
            return []


async def test_noise_on_the_port_harms_nobody(realtime_server: RealtimeServer) -> None:
    port = int(realtime_server.base_url.split(":")[2].partition("/")[0])
    for noise in (b"", b"\x00\xff" * 1000, b"GET / HTTP/1.1\r\n\r\n", b"x" * 100_000):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(noise)
        writer.write_eof()
        try:
            await reader.read()
        except ConnectionError:
            pass
        writer.close()
    async with connect(realtime_server.url) as socket:
        assert json.loads(await socket.recv())["type"] == "session.created"


async def test_other_paths_and_methods_are_refused(realtime_server: RealtimeServer) -> None:
    with pytest.raises(InvalidStatus) as raised:
        await connect(realtime_server.url.replace("/v1/realtime", "/v1/other"))
    assert raised.value.response.status_code == 404
    assert b"Invalid URL (GET /v1/other)" in (raised.value.response.body or b"")
    async with httpx.AsyncClient() as client:
        try:
            answer = await client.post(f"{realtime_server.base_url}/realtime/client_secrets", json={})
        except httpx.HTTPError:
            return  # hung up upon
        assert answer.status_code >= 400


async def test_messages_that_are_no_events(realtime_server: RealtimeServer) -> None:
    realtime_server.script(expect("response.create"), close(), strict=False)
    events = await sent(realtime_server, "{", "[1]", "[" * 100_000, '{"type":"response.create"}')
    assert [event["type"] for event in events] == ["session.created", "error", "error", "error"]
    assert len({event["error"]["code"] for event in events[1:]}) == 1


async def test_in_strict_mode_they_do_not_follow_the_script() -> None:
    with RealtimeServer() as server:
        server.script(expect("response.create"))
        await sent(server, "{")
        with pytest.raises(ScriptNotFollowed, match=r"The client sent no JSON object\."):
            server.check()


async def test_a_frozen_server_can_be_stopped() -> None:
    with RealtimeServer() as server:
        server.script(expect("response.create"), stall())
        socket = await connect(server.url, close_timeout=0.1)
        await socket.send('{"type":"response.create"}')
        await server.expect("response.create")
    await socket.wait_closed()
    assert socket.close_code in (1001, 1006)


def test_an_expectation_that_nobody_waits_for_ends_with_the_server() -> None:
    with RealtimeServer() as server:
        forgotten = server.expect("response.create")
    with pytest.raises(CancelledError):
        forgotten.wait()


async def test_steps_that_a_function_makes(realtime_server: RealtimeServer) -> None:
    def shout(event: Event) -> Sequence[Step]:
        return [respond(event["response"]["instructions"].upper()), close()]

    realtime_server.script(expect("response.create", conversation=ABSENT), call(shout))
    events = await sent(realtime_server, '{"type":"response.create","response":{"instructions":"hello"}}')
    (done,) = [event for event in events if event["type"] == "response.output_text.done"]
    assert done["text"] == "HELLO"


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda event: event["nothing"], "<lambda> raised KeyError: 'nothing'"),
        (lambda event: ["respond"], "<lambda> returned 'respond', which is no step"),
        (lambda event: [expect("a")], "only the steps of a scene can expect something"),
    ],
)
async def test_functions_that_make_none(function: Any, sentence: str) -> None:
    with RealtimeServer() as server:
        server.script(call(function))
        await sent(server)
        with pytest.raises(ScriptNotFollowed, match=sentence):
            server.check()


async def test_a_rule_comes_before_an_expectation_that_it_does_not_meet(
    realtime_server: RealtimeServer,
) -> None:
    realtime_server.script(
        expect("response.create", response={"metadata": {"topic": "a"}}),
        close(),
        when("response.create", send({"type": "other"}), response={"metadata": {"topic": "b"}}),
    )
    events = await sent(
        realtime_server,
        '{"type":"response.create","response":{"metadata":{"topic":"b"}}}',
        '{"type":"response.create","response":{"metadata":{"topic":"a"}}}',
    )
    assert "other" in [event["type"] for event in events]


async def test_sessions_of_other_kinds(realtime_server: RealtimeServer) -> None:
    realtime_server.script(expect("session.update"), close())
    update = '{"type":"session.update","session":{"audio":{"output":{"language":"it"}}}}'
    async with connect(f"{realtime_server.url}/translations?model=gpt-realtime-translate") as socket:
        created = json.loads(await socket.recv())["session"]
        await socket.send(update)
        updated = json.loads(await socket.recv())["session"]
    assert created["type"] == "translation"
    assert updated["audio"]["output"] == {"language": "it"}
    update = '{"type":"session.update","session":{"type":"transcription"}}'
    events = await sent(realtime_server, update, query="?intent=transcription")
    assert [event["session"]["type"] for event in events] == ["transcription", "transcription"]


async def test_a_session_that_there_cannot_be(realtime_server: RealtimeServer) -> None:
    with pytest.raises(ScriptError, match="session: Invalid value 'audio/mp3'"):
        realtime_server.script(wait(1), session={"audio": {"output": {"format": {"type": "audio/mp3"}}}})
    with RealtimeServer() as server:
        server.script(wait(1), session={"type": "realtime"})
        assert await sent(server, query="?intent=transcription") == []
        with pytest.raises(ScriptNotFollowed, match="session: Invalid value 'realtime'"):
            server.check()


async def test_over_tls() -> None:
    with self_signed() as files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        trust = ssl.create_default_context(cafile=str(files.certificate))
        with RealtimeServer(tls=context) as server:
            assert server.base_url.startswith("https://127.0.0.1:")
            async with connect(server.url, ssl=trust) as socket:
                assert json.loads(await socket.recv())["type"] == "session.created"


def test_what_cannot_be_asked_of_a_server() -> None:
    with RealtimeServer(time="real") as server:
        with pytest.raises(ScriptError, match='only time="virtual" can be advanced'):
            _ = server.clock
        with pytest.raises(ScriptError, match="There is no connection 1 yet: 0 came"):
            server.play(respond("Hello")).wait()
        with pytest.raises(OSError, match="in use"):
            RealtimeServer(port=int(server.base_url.split(":")[2].partition("/")[0]))
    with RealtimeServer() as server, pytest.raises(ValueError, match="Time does not go backwards"):
        server.clock.advance(-1)
    with pytest.raises(ScriptError, match="scenes, or the parts of one scene, but not both"):
        compose(scene(), wait(1))
    with pytest.raises(ScriptError, match="The steps of a rule cannot expect something"):
        when("a", expect("b"))
