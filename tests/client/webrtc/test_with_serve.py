"""Calls to this project's own server: human speech in, speech out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.client.tools.test_with_serve import ASK, SET, Seen, set_light_brightness
from tests.client.voice.test_with_serve import check, spoken, until
from tests.serving import Server, serving
from vivavoce.audio.wav import read_wav
from vivavoce.client import AsyncClient, BadRequestError, ConnectionClosed, NotFoundError
from vivavoce.client.usage import Usage
from vivavoce.client.voice import ArraySink, ArraySource, PlaybackInterrupted, Voice, WavSink, WavSource
from vivavoce.protocol import (
    ConversationItemRetrieved,
    ConversationItemTruncated,
    InputAudioBufferCommitted,
    Message,
    OutputAudio,
    OutputAudioBufferCleared,
    OutputAudioBufferStarted,
    OutputAudioBufferStopped,
    ResponseDone,
    SessionCreated,
    SessionUpdated,
    decode_audio,
)

MODEL = "gpt-realtime"
STORY = "Say: " + "one two three four five six seven eight nine ten. " * 3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("calls"), config="[session]\ndebug = true\n") as running:
        yield running


@pytest.fixture
async def key(server: Server) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.key, server.base_url) as client:
        yield client


def session(**detection: Any) -> dict[str, Any]:
    return {"model": MODEL, **spoken(**detection)}


async def test_a_person_is_heard_and_answered(key: AsyncClient, speech: Path, tmp_path: Path) -> None:
    told: list[Any] = []
    call = key.realtime.calls.connect(
        session=session(silence_duration_ms=600),
        microphone=WavSource(speech / "austen-0880.wav"),
        speaker=WavSink(tmp_path / "reply.wav"),
    )
    async with call as rt:
        for name in ("playback_started", "playback_finished"):
            rt.voice.on(name, told.append)  # type: ignore[arg-type]
        done = await until(rt, ResponseDone)
        waiting = asyncio.create_task(rt.voice.playback_finished())
        await until(rt, OutputAudioBufferStopped)
        await waiting
        while len(told) < 2:
            await asyncio.sleep(0.01)
    (item,) = done.response.output
    begun, over = told
    assert (begun.item_id, over.item_id) == (item.id, item.id)
    samples, _ = read_wav(tmp_path / "reply.wav")
    assert len(samples) // 24 >= over.audio_end_ms > 300
    assert int(np.abs(samples.astype(np.int32)).max()) > 1000


async def test_asking_in_writing(key: AsyncClient) -> None:
    async with key.realtime.calls.connect(model=MODEL) as rt:
        answer = await rt.ask("Say: good morning")
        assert "good morning" in answer.text.lower()


async def test_functions_and_usage(key: AsyncClient) -> None:
    SET.clear()
    seen, usage = Seen(), Usage()
    async with key.realtime.calls.connect(model=MODEL) as rt:
        async with rt.tools(set_light_brightness) as tools:
            written = {"type": "realtime", "output_modalities": ["text"], "tools": tools.definitions}
            await rt.session.update(session=written)
            await rt.conversation.item.create(item=ASK)
            await rt.response.create()
            async for event in rt:
                usage.feed(event)
                if seen.take(event):
                    break
    seen.check()
    assert usage.responses == 2


async def test_what_was_not_heard_is_truncated_by_the_server(key: AsyncClient, speech: Path) -> None:
    recorded, rate = read_wav(speech / "austen-0880.wav")
    cut: list[PlaybackInterrupted] = []
    sink = ArraySink()
    async with key.realtime.calls.connect(session=session(silence_duration_ms=600)) as rt:
        await until(rt, SessionCreated)
        asking = asyncio.create_task(rt.ask(STORY))
        async with Voice(rt, None, sink) as voice:
            voice.on("playback_interrupted", cut.append)
            done = await until(rt, ResponseDone)
            await asking
            (item,) = done.response.output
            while voice.playback.heard_ms(item.id) < 300:
                await asyncio.sleep(0.02)
            rt.audio.put(ArraySource(recorded, rate)._samples.astype("<i2").tobytes())
            await until(rt, OutputAudioBufferCleared)
            truncated = await until(rt, ConversationItemTruncated)
            await rt.conversation.item.retrieve(item_id=item.id)
            retrieved: ConversationItemRetrieved = await until(rt, ConversationItemRetrieved)
            await voice.playback_finished()
    (interrupted,) = cut
    assert interrupted == (item.id, 0, truncated.audio_end_ms)
    assert isinstance(retrieved.item, Message)
    (part,) = retrieved.item.content
    assert isinstance(part, OutputAudio)
    assert len(decode_audio(str(part.audio), "audio")) // 48 == truncated.audio_end_ms
    assert abs(len(sink.samples) // 24 - truncated.audio_end_ms) < 1000


async def test_push_to_talk(key: AsyncClient, speech: Path) -> None:
    recorded, rate = read_wav(speech / "austen-0880.wav")
    source = ArraySource(recorded, rate)
    call = key.realtime.calls.connect(session=session(), microphone=source, push_to_talk=True)
    async with call as rt:
        await rt.voice.press()
        assert not await rt.voice.release(), "nothing was said, and nothing is committed"
        async with rt.voice.pressed():
            while not source.over:
                await asyncio.sleep(0.02)
        committed = await until(rt, InputAudioBufferCommitted)
        await until(rt, ResponseDone)
        await rt.conversation.item.retrieve(item_id=committed.item_id)
        retrieved = await until(rt, ConversationItemRetrieved)
        await rt.voice.interrupt()
        await until(rt, OutputAudioBufferCleared)
    (part,) = retrieved.item.content
    heard = np.frombuffer(decode_audio(str(part.audio), "audio"), "<i2")
    said = len(recorded) / rate
    assert said - 0.3 < len(heard) / 24_000 < said + 1.5, "all that was said"
    assert int(np.abs(heard[-24_000:].astype(np.int32)).max()) > 1000, "to its last word"


async def test_a_stop_button(key: AsyncClient) -> None:
    async with key.realtime.calls.connect(model=MODEL) as rt:
        asking = asyncio.create_task(rt.ask(STORY))
        started = await until(rt, OutputAudioBufferStarted)
        await asyncio.gather(asking)
        await rt.interrupt()
        cleared = await until(rt, OutputAudioBufferCleared)
        assert cleared.response_id == started.response_id
        await until(rt, ConversationItemTruncated)


async def test_a_client_secret_brings_its_session(server: Server, key: AsyncClient) -> None:
    secret = await key.realtime.client_secrets.create(
        session={"type": "realtime", "model": MODEL, "instructions": "Be brief."}
    )
    async with AsyncClient(secret.value, server.base_url) as bearer, bearer.realtime.calls.connect() as rt:
        created = await until(rt, SessionCreated)
        assert created.session.instructions == "Be brief."


async def test_a_sideband_steers_the_call(key: AsyncClient) -> None:
    async with key.realtime.calls.connect(model=MODEL) as rt:
        await until(rt, SessionCreated)
        assert rt.call_id is not None
        async with key.realtime.connect(call_id=rt.call_id) as sideband:
            await until(sideband, SessionCreated)
            await sideband.session.update(session={"type": "realtime", "instructions": "Be kind."})
            for each in (rt, sideband):
                assert (await until(each, SessionUpdated)).session.instructions == "Be kind."
        answer = await rt.ask("Say: still here")
        assert "still here" in answer.text.lower()
        async with key.realtime.connect(call_id=rt.call_id) as sideband:
            await until(sideband, SessionCreated)
            await rt.hangup()
            assert [event async for event in sideband] == []
        with pytest.raises(NotFoundError):
            await key.realtime.calls.hangup(rt.call_id)


async def test_leaving_hangs_up(key: AsyncClient) -> None:
    async with key.realtime.calls.connect(model=MODEL) as rt:
        call_id = str(rt.call_id)
    async with asyncio.timeout(10):
        with contextlib.suppress(NotFoundError):
            while True:
                async with key.realtime.connect(call_id=call_id) as sideband:
                    with contextlib.suppress(ConnectionClosed):
                        async for _ in sideband:
                            pass
    with pytest.raises(ConnectionClosed):
        await rt.response.create()


async def test_append_is_refused(key: AsyncClient) -> None:
    async with key.realtime.calls.connect(model=MODEL) as rt:
        await until(rt, SessionCreated)
        await rt.input_audio_buffer.append(audio=bytes(4800))
        with pytest.raises(AssertionError, match="track"):
            check(await rt.recv())


async def test_a_session_that_makes_no_sense_is_refused(key: AsyncClient) -> None:
    with pytest.raises(BadRequestError) as refused:
        await key.realtime.calls.connect(session={"type": "realtime", "bogus": 1}).enter()
    assert refused.value.param == "session.bogus"
