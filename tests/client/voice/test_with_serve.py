"""A voice in a conversation with a real server: human speech in, speech out."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.serving import Server, serving
from vivavoce.audio.wav import read_wav
from vivavoce.client import AsyncClient
from vivavoce.client.voice import (
    ArraySink,
    ArraySource,
    PlaybackFinished,
    PlaybackInterrupted,
    PlaybackStarted,
    Voice,
    WavSink,
    WavSource,
)
from vivavoce.protocol import (
    ConversationItemRetrieved,
    ConversationItemTruncated,
    ErrorEvent,
    InputAudioBufferCommitted,
    Message,
    OutputAudio,
    ResponseDone,
    ServerEvent,
    SessionUpdated,
    UnknownEvent,
    decode_audio,
)

STORY = "response"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("voice"), config="[session]\ndebug = true\n") as running:
        yield running


def client(server: Server) -> AsyncClient:
    return AsyncClient(server.key, server.base_url)


def spoken(**detection: Any) -> dict[str, Any]:
    """A session by voice; without `detection` turns are ended by hand."""
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "audio": {"input": {"turn_detection": {"type": "server_vad", **detection} if detection else None}},
    }


def check(event: ServerEvent | UnknownEvent) -> ServerEvent | UnknownEvent:
    if isinstance(event, ErrorEvent):
        raise AssertionError(event.error.message)
    return event


async def until(rt: Any, kind: type) -> Any:
    async for event in rt:
        if isinstance(check(event), kind):
            return event
    raise AssertionError(f"no {kind.__name__} came")


async def test_a_person_is_heard_and_answered(server: Server, speech: Path, tmp_path: Path) -> None:
    """By voice detection; the answer is heard to its end before the call is."""
    told: list[Any] = []
    source = WavSource(speech / "austen-0880.wav")
    async with client(server).realtime.connect(model="gpt-realtime") as rt:
        await rt.session.update(session=spoken(silence_duration_ms=600))
        await until(rt, SessionUpdated)
        async with Voice(rt, source, WavSink(tmp_path / "reply.wav")) as voice:
            voice.on("playback_started", told.append)

            @voice.on("playback_finished")
            async def note(event: PlaybackFinished) -> None:
                told.append(event)

            done = await until(rt, ResponseDone)
            assert voice.playback.waiting_ms > 0, "it comes faster than it is heard"
            await voice.playback_finished()
    (item,) = done.response.output
    begun, over = told
    assert begun == PlaybackStarted(item.id, 0)
    assert (over.item_id, over.content_index) == (item.id, 0)
    samples, rate = read_wav(tmp_path / "reply.wav")
    assert rate == 24_000
    assert len(samples) // 24 == over.audio_end_ms > 300


async def test_what_was_not_heard_is_gone_from_the_server_too(server: Server, speech: Path) -> None:
    """Somebody interrupts when the response is done and mostly unheard: audio_end_ms is what the sink got."""
    sink = ArraySink()
    cut: list[PlaybackInterrupted] = []
    recorded, rate = read_wav(speech / "austen-0880.wav")
    async with client(server).realtime.connect(model="gpt-realtime") as rt:
        await rt.session.update(session=spoken(silence_duration_ms=600))
        await until(rt, SessionUpdated)
        async with Voice(rt, None, sink) as voice:
            voice.on("playback_interrupted", cut.append)
            say = "Say: " + "one two three four five six seven eight nine ten. " * 3
            content = [{"type": "input_text", "text": say}]
            await rt.conversation.item.create(item={"type": "message", "role": "user", "content": content})
            await rt.response.create()
            done = await until(rt, ResponseDone)
            (item,) = done.response.output
            while voice.playback.heard_ms(item.id) < 300:
                await asyncio.sleep(0.02)

            async def speak() -> None:
                async for frame in ArraySource(recorded, rate):
                    await rt.input_audio_buffer.append(audio=frame.tobytes())

            speaking = asyncio.create_task(speak())
            truncated = await until(rt, ConversationItemTruncated)
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
            await rt.conversation.item.retrieve(item_id=item.id)
            retrieved: ConversationItemRetrieved = await until(rt, ConversationItemRetrieved)
    (interrupted,) = cut
    assert truncated.audio_end_ms == interrupted.audio_end_ms == len(sink.samples) // 24
    assert isinstance(retrieved.item, Message)
    (part,) = retrieved.item.content
    assert isinstance(part, OutputAudio)
    kept = decode_audio(str(part.audio), "audio")
    assert len(kept) // 48 == truncated.audio_end_ms


async def test_push_to_talk(server: Server, speech: Path) -> None:
    recorded, rate = read_wav(speech / "austen-0880.wav")
    source = ArraySource(recorded, rate)
    async with client(server).realtime.connect(model="gpt-realtime") as rt:
        await rt.session.update(session=spoken())
        await until(rt, SessionUpdated)
        async with Voice(rt, source, None, push_to_talk=True) as voice:
            await voice.press()
            assert not await voice.release(), "nothing was said, and nothing is committed"
            async with voice.pressed():
                while not source.over:
                    await asyncio.sleep(0.02)
            committed = await until(rt, InputAudioBufferCommitted)
            done = await until(rt, ResponseDone)
            assert done.response.status == "completed"
            await rt.conversation.item.retrieve(item_id=committed.item_id)
            retrieved = await until(rt, ConversationItemRetrieved)
            await voice.interrupt()
            truncated = await until(rt, ConversationItemTruncated)
    (part,) = retrieved.item.content
    heard = np.frombuffer(decode_audio(str(part.audio), "audio"), "<i2")
    assert len(heard) / 24_000 == pytest.approx(len(recorded) / rate, abs=0.5), "all that was said"
    assert truncated.item_id == done.response.output[0].id


async def test_leaving_ends_both_directions(server: Server, tmp_path: Path) -> None:
    source = ArraySource(np.zeros(2400, np.int16))
    async with client(server).realtime.connect(model="gpt-realtime") as rt:
        async with Voice(rt, source, WavSink(tmp_path / "out.wav")) as voice:
            with pytest.raises(ValueError, match="no event 'finished'"):
                voice.on("finished", print)  # type: ignore[arg-type]
            with pytest.raises(RuntimeError, match="open"):
                await voice.press()
            await voice.playback_finished()
    assert (tmp_path / "out.wav").stat().st_size == 44


async def test_a_source_that_fails_comes_out(server: Server) -> None:
    async def broken() -> Any:
        yield np.zeros(960, np.int16)
        raise OSError("the microphone fell off")

    async with client(server).realtime.connect(model="gpt-realtime") as rt:
        voice = Voice(rt, broken(), None)
        await voice.__aenter__()
        await asyncio.sleep(0.1)
        with pytest.raises(OSError, match="fell off"):
            await voice.__aexit__(None, None, None)
