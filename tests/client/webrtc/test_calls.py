"""Calls to a server made of stock aiortc: what is posted, what travels, how it ends."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from tests.client.peer import error_event, text_delta
from tests.client.webrtc.answering import CALL_ID, Answering, answering, parts
from vivavoce.client import (
    AsyncAzureClient,
    AsyncClient,
    AuthenticationError,
    Client,
    ConfigurationError,
    ConnectionClosed,
    ConnectTimeout,
    HandshakeFailed,
)
from vivavoce.client.voice import ArraySink, ArraySource, PlaybackFinished
from vivavoce.client.webrtc.track import Track
from vivavoce.protocol import ResponseOutputTextDelta, SessionCreated
from vivavoce.rtc import IceSettings

LOOPBACK = IceSettings(consent_s=2)


@pytest.fixture
async def server() -> AsyncIterator[tuple[Answering, str]]:
    async with answering() as running:
        yield running


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_events_travel_both_ways(server: tuple[Answering, str]) -> None:
    one, url = server
    async with AsyncClient("sk-1", url) as client:
        connecting = client.realtime.calls.connect(model="gpt-realtime", ice=LOOPBACK)
        connecting.send({"type": "input_audio_buffer.clear"})
        async with connecting as rt:
            assert rt.call_id == CALL_ID
            assert isinstance(await rt.recv(), SessionCreated)
            assert (await one.received.get())["type"] == "input_audio_buffer.clear"
            await rt.session.update(session={"type": "realtime", "instructions": "Grüße"})
            assert (await one.received.get())["session"]["instructions"] == "Grüße"
            one.tell(text_delta("Hello"))
            event = await rt.recv()
            assert isinstance(event, ResponseOutputTextDelta)
            assert event.delta == "Hello"
    path, headers, body = one.requests[0]
    assert (path, headers["authorization"]) == ("/v1/realtime/calls", "Bearer sk-1")
    form = parts(headers["content-type"], body)
    assert json.loads(form["session"]) == {"type": "realtime", "model": "gpt-realtime"}
    assert form["sdp"].startswith("v=0\r\n")
    assert "webrtc-datachannel" in form["sdp"]


async def test_a_client_secret_needs_no_session(server: tuple[Answering, str]) -> None:
    one, url = server
    async with AsyncClient("ek_1", url) as client, client.realtime.calls.connect(ice=LOOPBACK):
        pass
    _, headers, body = one.requests[0]
    assert headers["content-type"] == "application/sdp"
    assert body.startswith(b"v=0\r\n")


async def test_session_and_model_are_one(server: tuple[Answering, str]) -> None:
    one, url = server
    async with AsyncClient("sk-1", url) as client:
        connecting = client.realtime.calls.connect(
            model="m", session={"type": "realtime", "instructions": "Hi"}, extra_headers={"X-It": "is"}
        )
        async with connecting:
            pass
    _, headers, body = one.requests[0]
    session = json.loads(parts(headers["content-type"], body)["session"])
    assert session == {"type": "realtime", "model": "m", "instructions": "Hi"}
    assert headers["x-it"] == "is"


async def test_azure_has_its_own_path_and_deployment(server: tuple[Answering, str]) -> None:
    one, url = server
    endpoint = url.removesuffix("/v1")
    client = AsyncAzureClient(azure_endpoint=endpoint, api_key="key", azure_deployment="mine")
    async with client, client.realtime.calls.connect(extra_query={"webrtcfilter": "on"}):
        pass
    path, headers, body = one.requests[0]
    assert path == "/openai/v1/realtime/calls?webrtcfilter=on"
    assert headers["api-key"] == "key"
    assert json.loads(parts(headers["content-type"], body)["session"])["model"] == "mine"


async def test_sound_travels_both_ways(server: tuple[Answering, str]) -> None:
    one, url = server
    hum = (8000 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype("<i2").tobytes()
    async with AsyncClient("sk-1", url) as client:
        async with client.realtime.calls.connect(model="m", ice=LOOPBACK) as rt:
            await rt.audio.send(hum)
            await until(lambda: one.heard_level > 4000)
            await rt.audio.drain()
            assert rt.audio.sent_ms == 1000
            one.voice.loud = True
            loudest = 0
            async for pcm in rt.audio:
                assert len(pcm) == 960
                loudest = int(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)).max())
                if loudest > 4000:
                    break
            assert rt.audio.heard_ms > 0


async def test_what_the_server_ends_is_over_in_order(server: tuple[Answering, str]) -> None:
    one, url = server
    async with AsyncClient("sk-1", url) as client:
        async with client.realtime.calls.connect(model="m", ice=LOOPBACK) as rt:
            assert isinstance(await rt.recv(), SessionCreated)
            hearing = asyncio.create_task(count(rt.audio))
            one.tell(text_delta("Goodbye"))
            assert isinstance(await rt.recv(), ResponseOutputTextDelta)
            await one.hang_up()
            assert [event async for event in rt] == []
            with pytest.raises(ConnectionClosed) as closed:
                await rt.recv()
            assert closed.value.normal
            with pytest.raises(ConnectionClosed):
                await rt.response.create()
            await rt.audio.send(b"\0\0")
            assert await hearing >= 0


async def count(track: Track) -> int:
    return len([pcm async for pcm in track])


async def test_hangup_asks_the_server(server: tuple[Answering, str]) -> None:
    one, url = server
    async with AsyncClient("sk-1", url) as client:
        async with client.realtime.calls.connect(model="m", ice=LOOPBACK) as rt:
            await rt.hangup()
            assert [event.type async for event in rt] == ["session.created"]
    assert one.requests[-1][0] == f"/v1/realtime/calls/{CALL_ID}/hangup"


async def test_a_call_without_a_name_cannot_be_hung_up_by_it(server: tuple[Answering, str]) -> None:
    one, url = server
    one.location = ""
    async with AsyncClient("sk-1", url) as client:
        async with client.realtime.calls.connect(model="m", ice=LOOPBACK) as rt:
            assert rt.call_id is None
            with pytest.raises(ConfigurationError, match="close"):
                await rt.hangup()


async def test_a_server_that_vanishes_breaks_the_call(server: tuple[Answering, str]) -> None:
    one, url = server
    async with AsyncClient("sk-1", url) as client:
        async with client.realtime.calls.connect(model="m", ice=IceSettings(consent_s=1)) as rt:
            assert isinstance(await rt.recv(), SessionCreated)
            assert one.call is not None
            for transceiver in one.call.getTransceivers():
                await transceiver.sender.transport.transport._connection.close()
            with pytest.raises(ConnectionClosed) as closed:
                async for _ in rt:
                    pass
            assert not closed.value.normal
            assert "no longer answers" in str(closed.value)


async def test_a_microphone_and_a_speaker(server: tuple[Answering, str]) -> None:
    one, url = server
    at = {
        "response_id": "resp_1",
        "item_id": "item_1",
        "output_index": 0,
        "content_index": 0,
        "event_id": "e",
    }
    hum = (8000 * np.sin(2 * np.pi * 300 * np.arange(96_000) / 24_000)).astype(np.int16)
    speaker = ArraySink()
    async with AsyncClient("sk-1", url) as client:
        call = client.realtime.calls.connect(model="m", microphone=ArraySource(hum), speaker=speaker)
        async with call as rt:
            finished: list[PlaybackFinished] = []
            rt.voice.on("playback_finished", finished.append)
            listening = asyncio.create_task(rt.dispatch_events())
            await until(lambda: one.heard_level > 4000)
            assert rt.voice.input_level_db > -20
            part = {"type": "audio", "transcript": ""}
            one.tell(
                {"type": "response.content_part.added", **at, "part": part},
                {"type": "output_audio_buffer.started", "event_id": "e", "response_id": "resp_1"},
            )
            one.voice.loud = True
            await until(lambda: rt.voice.playback.heard_ms("item_1") >= 200)
            one.voice.loud = False
            one.tell({"type": "output_audio_buffer.stopped", "event_id": "e", "response_id": "resp_1"})
            await rt.voice.playback_finished()
            await until(lambda: finished)
            assert finished[0].audio_end_ms >= 200
        await listening
    assert int(np.abs(speaker.samples.astype(np.int32)).max()) > 4000


async def test_interrupting_without_a_voice(server: tuple[Answering, str]) -> None:
    one, url = server
    response = {
        "id": "resp_1",
        "object": "realtime.response",
        "status": "in_progress",
        "conversation_id": "c",
    }
    async with AsyncClient("sk-1", url) as client:
        async with client.realtime.calls.connect(model="m") as rt:
            with pytest.raises(ConfigurationError, match="microphone="):
                _ = rt.voice
            one.tell({"type": "response.created", "event_id": "e", "response": response})
            assert [(await rt.recv()).type for _ in range(2)] == ["session.created", "response.created"]
            await rt.interrupt()
            kinds = [(await one.received.get())["type"] for _ in range(2)]
            assert kinds == ["response.cancel", "output_audio_buffer.clear"]


async def test_a_refusal_is_an_error(server: tuple[Answering, str]) -> None:
    one, url = server
    one.status, one.body = 401, lambda _: json.dumps({"error": error_event("No.")["error"]})
    async with AsyncClient("sk-1", url) as client:
        with pytest.raises(AuthenticationError, match="No"):
            await client.realtime.calls.connect(model="m").enter()


async def test_an_answer_that_is_none_is_an_error(server: tuple[Answering, str]) -> None:
    one, url = server
    one.body = lambda sdp: sdp.replace("m=application", "m=video")
    async with AsyncClient("sk-1", url) as client:
        with pytest.raises(HandshakeFailed, match="cannot be used"):
            await client.realtime.calls.connect(model="m").enter()


async def test_a_call_whose_media_finds_no_way(server: tuple[Answering, str]) -> None:
    one, url = server
    one.deaf = True
    async with AsyncClient("sk-1", url) as client:
        with pytest.raises((ConnectTimeout, HandshakeFailed), match=f"took the call {CALL_ID}, but.*UDP"):
            await client.realtime.calls.connect(model="m", open_timeout=1).enter()


async def test_no_recovery() -> None:
    with pytest.raises(ConfigurationError, match="leave out recovery"):
        AsyncClient("sk-1").realtime.calls.connect(model="m", recovery="restore")  # type: ignore[arg-type]


def test_calls_need_an_event_loop() -> None:
    with pytest.raises(ConfigurationError, match="AsyncClient"):
        Client("sk-1").realtime.calls.connect(model="m")


def test_without_the_extra_it_says_which() -> None:
    script = (
        "import sys; sys.modules['aiortc'] = None\n"
        "from vivavoce.client import AsyncClient, ConfigurationError\n"
        "try: AsyncClient('x').realtime.calls.connect(model='m')\n"
        "except ConfigurationError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert 'pip install "vivavoce[webrtc]"' in said
