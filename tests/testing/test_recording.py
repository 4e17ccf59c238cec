"""Recordings of sessions, and what they are as scripts."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as plainly
from websockets.exceptions import ConnectionClosed as WebSocketClosed

from tests.client.peer import raw_peer
from vivavoce import AsyncClient, ConnectionClosed
from vivavoce.client.errors import AuthenticationError, StatusError
from vivavoce.protocol import ResponseDone
from vivavoce.testing import (
    RealtimeServer,
    ScriptError,
    close,
    cut,
    expect,
    refuse,
    respond,
    scene,
    send,
    tone,
)
from vivavoce.testing.files import read_script
from vivavoce.testing.recording import Recorder

KEY = "sk-proj-0123456789abcdef"


@asynccontextmanager
async def recording(server: str, file: Path, **options: Any) -> AsyncIterator[str]:
    """A recorder in front of a server; its base URL."""
    with Recorder(server, file, **options) as recorder:
        port = await recorder.start()
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            await recorder.stop()


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


async def converse(base_url: str) -> list[Any]:
    """One turn with ids of the client's own."""
    events = []
    async with AsyncClient(KEY, base_url).realtime.connect(model="gpt-realtime") as rt:
        await rt.input_audio_buffer.append(audio="AAAA")
        await rt.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "id": f"mine_{base_url[-12:-3]}",
                "content": [{"type": "input_text", "text": f"My key is {KEY}, for $5"}],
            }
        )
        await rt.response.create()
        async for event in rt:
            events.append(event)
            if isinstance(event, ResponseDone):
                break
    return events


async def test_recorded_and_replayed(realtime_server: RealtimeServer, tmp_path: Path) -> None:
    realtime_server.script(
        expect("conversation.item.create"),
        expect("response.create"),
        respond(audio=tone(200), transcript="Yes!"),
    )
    file = tmp_path / "session.jsonl"
    async with recording(realtime_server.base_url, file) as base_url:
        first = await converse(base_url)
    lines = lines_of(file)
    assert {key: lines[0][key] for key in ("vivavoce", "version", "audio")} == {
        "vivavoce": "recording",
        "version": 1,
        "audio": "lengths",
    }
    opened = {"path": "/v1/realtime", "query": {"model": "gpt-realtime"}, "dialect": "ga"}
    assert lines[1] == {"t": lines[1]["t"], "connection": 1, "open": opened}
    assert lines[-1]["close"] == {"from": "client", "code": 1000, "reason": ""}
    assert [line["t"] for line in lines] == sorted(line["t"] for line in lines)
    deltas = [
        line["event"] for line in lines if line.get("event", {}).get("type") == "response.output_audio.delta"
    ]
    assert [delta["delta"] for delta in deltas] == ["<4800 bytes>", "<4800 bytes>"]

    # The key was passed on, and is nowhere in the file.
    assert realtime_server.handshakes[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY in str(realtime_server.received)
    assert KEY not in file.read_text()

    with RealtimeServer(time="real") as replaying:
        replaying.script(file)
        again = await converse(replaying.base_url)
        replaying.check()
    assert [event.type for event in again] == [event.type for event in first]
    (item,) = [event.item for event in again if event.type == "conversation.item.done"][:1]
    assert item.id.startswith("mine_")
    assert item.id != next(event.item.id for event in first if event.type == "conversation.item.done")
    assert item.content[0].text == "My key is …, for $5"
    assert again[-1].response.output[0].content[0].transcript == "Yes!"
    sound = [event.delta for event in again if event.type == "response.output_audio.delta"]
    assert [len(delta) for delta in sound] == [6400, 6400]


async def test_audio_can_be_kept(realtime_server: RealtimeServer, tmp_path: Path) -> None:
    realtime_server.script(
        expect("conversation.item.create"), expect("response.create"), respond(audio=tone(100))
    )
    file = tmp_path / "session.jsonl"
    async with recording(realtime_server.url, file, keep_audio=True) as base_url:
        first = await converse(base_url)
    with RealtimeServer(time="real") as replaying:
        replaying.script(file)
        again = await converse(replaying.base_url)
    kind = "response.output_audio.delta"
    (sound,) = [event.delta for event in first if event.type == kind]
    assert [event.delta for event in again if event.type == kind] == [sound]


async def test_credentials_of_tools_and_keys_in_subprotocols(
    realtime_server: RealtimeServer, tmp_path: Path
) -> None:
    file = tmp_path / "session.jsonl"
    tool = {
        "type": "mcp",
        "server_label": "a",
        "server_url": "https://a.example",
        "authorization": "tool-secret",
    }
    update = {"type": "session.update", "session": {"type": "realtime", "tools": [tool]}}
    async with recording(realtime_server.base_url, file) as base_url:
        url = base_url.replace("http", "ws") + "/realtime?model=m&api-key=query-secret"
        offered: Any = ["realtime", "openai-insecure-api-key.protocol-secret"]
        async with plainly(url, subprotocols=offered) as socket:
            assert socket.subprotocol == "realtime"
            await socket.send(json.dumps(update))
            await socket.send("not JSON, but protocol-secret")
            for _ in range(3):
                await socket.recv()
    assert realtime_server.received == [update]
    text = file.read_text()
    assert "-secret" not in text
    (sent, _) = [line["event"] for line in lines_of(file) if line.get("from") == "client"]
    assert sent["session"]["tools"][0]["authorization"] == "…"
    assert "not JSON, but …" in text


async def test_how_connections_end(realtime_server: RealtimeServer, tmp_path: Path) -> None:
    realtime_server.script(
        scene(expect("input_audio_buffer.clear"), close(4001, "that is all")),
        scene(expect("input_audio_buffer.clear"), cut()),
        scene(refuse(429, {"error": {"message": "Slow down."}})),
    )
    file = tmp_path / "session.jsonl"

    async def ends(base_url: str) -> list[tuple[int, str]]:
        found = []
        client = AsyncClient(KEY, base_url)
        for _ in range(2):
            rt = await client.realtime.connect(model="m").enter()
            await rt.input_audio_buffer.clear()
            with pytest.raises(ConnectionClosed) as raised:
                [event async for event in rt]
            found.append((raised.value.code, raised.value.reason))
        with pytest.raises(StatusError) as refused:
            await client.realtime.connect(model="m").enter()
        assert refused.value.status == 429
        assert "Slow down" in str(refused.value)
        return found

    async with recording(realtime_server.base_url, file) as base_url:
        assert await ends(base_url) == [(4001, "that is all"), (1006, "")]
    with RealtimeServer(time="real") as replaying:
        replaying.script(file)
        assert await ends(replaying.base_url) == [(4001, "that is all"), (1006, "")]
        replaying.check()


async def test_a_client_that_hangs_up(realtime_server: RealtimeServer, tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    async with recording(realtime_server.base_url, file) as base_url:
        async with plainly(base_url.replace("http", "ws") + "/realtime") as socket:
            await socket.recv()
            await socket.send('{"type":"input_audio_buffer.clear"}')
            await socket.recv()
            socket.transport.abort()
        async with asyncio.timeout(10):
            while "close" not in lines_of(file)[-1]:
                await asyncio.sleep(0.01)
    assert lines_of(file)[-1]["close"]["code"] == 1006


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    async with recording("http://127.0.0.1:9", tmp_path / "a.jsonl") as base_url:
        with pytest.raises(StatusError, match=r"Nothing listens at 127.0.0.1:9") as raised:
            await AsyncClient(KEY, base_url).realtime.connect(model="m").enter()
    assert raised.value.status == 502
    assert lines_of(tmp_path / "a.jsonl")[-1]["refused"]["status"] == 502


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with raw_peer(elsewhere, accept=False) as server:
        async with recording(server, tmp_path / "a.jsonl") as base_url:
            with pytest.raises(StatusError) as raised:
                await AsyncClient(KEY, base_url).realtime.connect(model="m").enter()
    assert raised.value.status == 302


async def test_a_refused_key_is_not_written_down(realtime_server: RealtimeServer, tmp_path: Path) -> None:
    realtime_server.script(scene(refuse(401, {"error": {"message": f"Wrong key {KEY}."}})))
    async with recording(realtime_server.base_url, tmp_path / "a.jsonl") as base_url:
        with pytest.raises(AuthenticationError):
            await AsyncClient(KEY, base_url).realtime.connect(model="m").enter()
    assert KEY not in (tmp_path / "a.jsonl").read_text()
    assert "Wrong key …." in (tmp_path / "a.jsonl").read_text()


@pytest.mark.parametrize(
    "address", ["api.openai.com", "ftp://a", "wss://", "wss://me:secret@a", "wss://a?x=secret"]
)
def test_addresses_that_cannot_be(tmp_path: Path, address: str) -> None:
    with pytest.raises(ScriptError) as raised:
        Recorder(address, tmp_path / "a.jsonl")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a.jsonl holds no events."),
        ("{", "a.jsonl, line 1 is no line of a recording: Input data was truncated."),
        ('{"t":"x"}', "a.jsonl, line 1 is no line of a recording: Expected `float`, got `str` - at `$.t`."),
        ('{"t":0,"vivavoce":"recording","version":2}', "a.jsonl, line 1: a recording of version 2, and "),
        ('\n{"t":0,"close":{}}', "a.jsonl, line 1 is no line of a recording"),
        ('{"t":0,"close":{}}', "a.jsonl, line 1: 'from' is not what it should be."),
        ("[" * 100_000, "a.jsonl, line 1 is no line of a recording"),
    ],
)
def test_recordings_that_are_none(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(ScriptError) as raised:
        read_script(tmp_path / "a.jsonl")
    assert str(raised.value).startswith(f"{tmp_path}/{sentence}")


async def test_the_events_of_vivavoce_talk_are_replayed_too(tmp_path: Path) -> None:
    journal = [
        {"t": 0.1, "from": "server", "event": {"type": "session.created", "session": {}}},
        {"t": 0.2, "from": "client", "event": {"type": "response.create"}},
        {"t": 0.2, "from": "server", "event": "no JSON"},
        {"t": 0.2, "from": "server", "event": {"type": "response.output_audio.delta", "delta": "<3 bytes>"}},
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in journal))
    with RealtimeServer() as server:
        server.script(tmp_path / "events.jsonl")
        async with plainly(server.url) as socket:
            await server.clock.advance(0.1)
            assert json.loads(await socket.recv())["type"] == "session.created"
            await socket.send('{"type":"response.create"}')
            assert await socket.recv() == "no JSON"
            assert json.loads(await socket.recv())["delta"] == "AAAA"
            await socket.send('{"type":"response.create"}')
            with pytest.raises(WebSocketClosed):
                await socket.recv()


async def test_a_proxy_cut_is_seen_on_both_sides(realtime_server: RealtimeServer, tmp_path: Path) -> None:
    """A recorder that goes away in the middle of a response."""
    realtime_server.script(
        expect("response.create"), respond("one two three", deltas=1), send({"type": "last"})
    )
    async with recording(realtime_server.base_url, tmp_path / "a.jsonl") as base_url:
        rt = await AsyncClient(KEY, base_url).realtime.connect(model="m").enter()
        await rt.response.create()
        async for event in rt:
            if event.type == "last":
                break
    assert [event async for event in rt] == []  # code 1001: the server goes away
    realtime_server.check()
