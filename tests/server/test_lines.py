"""A session whose transport plays, and those who join it."""

import asyncio
import base64
from collections.abc import AsyncGenerator

import msgspec
import numpy as np
import pytest

from tests.server.scripted import ScriptedTranscriber, Stage, WrittenDown
from vivavoce.protocol import GA_MEDIA, AudioDelta, OutputPart, ResponseEnd, ResponseRequest, TextDelta
from vivavoce.protocol.dialects import GA, dialect
from vivavoce.server.config import Config
from vivavoce.server.random_ids import random_ids
from vivavoce.server.telemetry.telemetry import Telemetry
from vivavoce.server.transport import Line, TransportClosed

RATE = 24000


def audio(seconds: float, level: int) -> bytes:
    samples = np.full(int(seconds * RATE), level, "<i2")
    samples[1::2] *= -1
    return samples.tobytes()


async def greeting(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    yield TextDelta("Hello there.")
    yield AudioDelta(b"\1\0" * 2400, 5)
    yield AudioDelta(b"\2\0" * 2400, 12)
    yield ResponseEnd()


async def endless(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    while True:
        yield TextDelta("on and ")
        yield AudioDelta(b"\1\0" * RATE, 0)


async def speak(stage: Stage, *pieces: bytes) -> None:
    for piece in pieces:
        for start in range(0, len(piece), 960):
            await stage.runner.hear(piece[start : start + 960])


def join(stage: Stage) -> tuple[WrittenDown, Line]:
    speaks = GA(GA_MEDIA)
    transport = WrittenDown(speaks)
    return transport, stage.runner.join(transport, speaks)


def event(kind: str, **fields: object) -> bytes:
    return msgspec.json.encode({"type": kind, **fields})


async def test_what_is_heard_is_answered_and_played() -> None:
    async with Stage(greeting, transcriber=ScriptedTranscriber("good morning"), plays=True) as stage:
        assert stage.runner.play() == b""
        await speak(stage, audio(0.2, 0), audio(0.5, 8000), audio(0.4, 0))
        done = await stage.transport.until("response.done")
        assert done["response"]["status"] == "completed"
        assert "response.output_audio.delta" not in stage.transport.types
        assert "output_audio_buffer.started" in stage.transport.types
        played = [stage.runner.play() for _ in range(10)]
        assert b"".join(played) == b"\1\0" * 2400 + b"\2\0" * 2400
        assert "output_audio_buffer.stopped" not in stage.transport.types
        assert stage.runner.play() == b""
        assert stage.transport.types[-1] == "output_audio_buffer.stopped"


async def test_speech_interrupts_what_is_played() -> None:
    async with Stage(greeting, plays=True) as stage:
        await stage.send(type="response.create")
        await stage.transport.until("response.done")
        assert len(stage.runner.play()) == 960
        await speak(stage, audio(0.2, 8000))
        truncated = await stage.transport.until("conversation.item.truncated")
        assert truncated["audio_end_ms"] == 20
        assert stage.runner.play() == b""


async def test_noise_is_taken_out_of_what_is_heard() -> None:
    async with Stage(greeting, plays=True) as stage:
        await stage.send(
            type="session.update",
            session={
                "type": "realtime",
                "audio": {
                    "input": {
                        "turn_detection": None,
                        "format": {"type": "audio/pcmu"},
                        "noise_reduction": {"type": "near_field"},
                    }
                },
            },
        )
        await speak(stage, audio(0.5, 2000))
        await stage.send(type="input_audio_buffer.commit")
        committed = await stage.transport.until("input_audio_buffer.committed")
        await stage.send(type="conversation.item.retrieve", item_id=committed["item_id"])
        item = (await stage.transport.until("conversation.item.retrieved"))["item"]
        cleaned = base64.b64decode(item["content"][0]["audio"])
        assert len(cleaned) == RATE
        assert cleaned != audio(0.5, 2000)


async def test_a_responder_waits_for_the_ear() -> None:
    async with Stage(endless, plays=True) as stage:
        await stage.send(type="response.create")
        for _ in range(2000):
            await asyncio.sleep(0)
        made = stage.transport.types.count("response.output_audio_transcript.delta")
        for _ in range(500):
            await asyncio.sleep(0)
        assert stage.transport.types.count("response.output_audio_transcript.delta") == made == 121
        for _ in range(60):
            assert len(stage.runner.play()) == 960
        async with asyncio.timeout(5):
            while stage.transport.types.count("response.output_audio_transcript.delta") == made:
                await asyncio.sleep(0)


async def test_a_responder_that_waits_goes_on_when_nobody_wants_to_hear_it() -> None:
    async with Stage(endless, plays=True) as stage:
        await stage.send(type="response.create")
        await stage.transport.until("response.output_audio_transcript.delta", 121)
        for _ in range(100):
            await asyncio.sleep(0)
        await stage.send(type="output_audio_buffer.clear")
        assert stage.transport.types[-2:] == ["output_audio_buffer.cleared", "conversation.item.truncated"]
        await stage.transport.until("response.output_audio_transcript.delta", 200)
        assert stage.runner.play() == b""


async def test_audio_in_an_event_is_refused_whether_noise_is_reduced_or_not() -> None:
    async with Stage(greeting, plays=True) as stage:
        for reduction in (None, {"type": "near_field"}):
            heard = {"noise_reduction": reduction}
            await stage.send(type="session.update", session={"type": "realtime", "audio": {"input": heard}})
            await stage.send(type="input_audio_buffer.append", audio="AAAA")
            assert stage.transport.types[-2:] == ["session.updated", "error"]


async def test_who_joins_sees_what_the_others_see() -> None:
    async with Stage(greeting, plays=True) as stage:
        await stage.send(type="session.update", session={"type": "realtime", "instructions": "Be brief."})
        beside, line = join(stage)
        (created,) = beside.events
        assert created["type"] == "session.created"
        assert created["session"] == stage.transport.events[-1]["session"]
        await stage.runner.receive(event("response.create"), line=line)
        await stage.transport.until("response.done")
        await beside.until("response.done")
        assert beside.events[1:] == stage.transport.events[2:]
        stage.runner.leave(line)
        stage.runner.leave(line)
        n = len(beside.events)
        await stage.send(type="input_audio_buffer.clear")
        assert len(beside.events) == n


async def test_errors_go_to_whom_they_concern() -> None:
    async with Stage(greeting, plays=True) as stage:
        one, first = join(stage)
        other, second = join(stage)
        await stage.runner.receive(event("nope"), line=first)
        await stage.runner.receive(event("response.cancel", event_id="e1"), line=second)
        stage.runner.refuse_binary(second)
        assert one.types == ["session.created", "error"]
        assert other.types == ["session.created", "error", "error"]
        assert other.events[1]["error"]["event_id"] == "e1"
        assert stage.transport.types == ["session.created"]
        await stage.send(type="nope")
        stage.runner.refuse_binary()
        assert stage.transport.types == ["session.created", "error", "error"]
        assert len(one.events) + len(other.events) == 5


async def test_who_joins_before_the_beginning_is_told_once() -> None:
    stage = Stage(greeting, plays=True)
    beside, _ = join(stage)
    assert beside.events == []
    async with stage:
        assert beside.types == ["session.created"]
    with pytest.raises(TransportClosed):
        join(stage)


async def test_a_line_that_is_behind_holds_nobody_up() -> None:
    async with Stage(greeting, plays=True) as stage:
        beside, _ = join(stage)
        beside.writable.clear()
        await stage.send(type="response.create")
        await stage.transport.until("response.done")


async def test_the_server_goes_away_when_the_answer_was_heard() -> None:
    async with Stage(greeting, plays=True) as stage:
        await stage.send(type="response.create")
        draining = asyncio.create_task(stage.runner.drain())
        await stage.transport.until("response.done")
        for _ in range(10):
            assert stage.runner.play()
            await asyncio.sleep(0)
            assert not draining.done()
        await speak(stage, audio(0.2, 8000))
        assert "input_audio_buffer.speech_started" not in stage.transport.types
        assert stage.runner.play() == b""
        await draining
    async with Stage(greeting, plays=True) as stage:
        await stage.send(type="response.create")
        await stage.transport.until("response.done")
        draining = asyncio.create_task(stage.runner.drain())
        await asyncio.sleep(0)
        await stage.runner.aclose()
        await draining


async def test_the_playback_is_a_stage() -> None:
    telemetry = Telemetry(Config())
    assert telemetry.metrics is not None
    async with Stage(greeting, plays=True, telemetry=telemetry) as stage:
        await stage.send(type="response.create")
        await stage.transport.until("response.done")
        for _ in range(11):
            stage.runner.play()
        await stage.send(type="response.create")
        await stage.transport.until("response.done", 2)
    told = telemetry.metrics.text().decode()
    assert 'vivavoce_stage_seconds_count{stage="playback"} 2.0' in told
    assert 'vivavoce_first_output_seconds_count{stage="playback"} 1.0' in told


async def test_two_dialects_in_one_session() -> None:
    ids = random_ids()
    async with Stage(greeting, plays=True, dialect=dialect("beta", ids, media=True)) as stage:
        beside, line = join(stage)
        assert stage.transport.types == ["session.created", "conversation.created"]
        await stage.send(type="response.create")
        await beside.until("response.done")
        await stage.send(type="output_audio_buffer.clear")
        await stage.runner.receive(event("response.cancel"), line=line)
        assert beside.types[-3:] == [
            "output_audio_buffer.cleared",
            "conversation.item.truncated",
            "error",
        ]
        assert stage.transport.types[-1] == "conversation.item.truncated"
        assert "response.audio_transcript.delta" in stage.transport.types
        assert "response.output_audio_transcript.delta" in beside.types
        assert not {"response.audio.delta", "response.output_audio.delta"} & {
            *stage.transport.types,
            *beside.types,
        }


async def test_a_call_that_is_run_from_beside() -> None:
    """As a telephone is, which has no events of its own: whoever joined greets, and sees who breaks in."""
    async with Stage(greeting, plays=True, transcriber=ScriptedTranscriber("wait")) as stage:
        beside, line = join(stage)
        await stage.runner.receive(event("response.create"), line=line)
        await beside.until("response.done")
        for _ in range(11):
            stage.runner.play()
        await stage.runner.receive(event("response.create"), line=line)
        await beside.until("response.done", 2)
        for _ in range(3):
            stage.runner.play()
        await speak(stage, audio(0.3, 8000), audio(0.4, 0))
        await beside.until("response.done", 3)
        told = [
            kind
            for kind in beside.types
            if kind.startswith(("output_audio_buffer.", "input_audio_buffer.speech_"))
            or kind in ("response.created", "response.done", "conversation.item.truncated")
        ]
        assert told == [
            "response.created",
            "output_audio_buffer.started",
            "response.done",
            "output_audio_buffer.stopped",
            "response.created",
            "output_audio_buffer.started",
            "response.done",
            "input_audio_buffer.speech_started",
            "output_audio_buffer.cleared",
            "conversation.item.truncated",
            "input_audio_buffer.speech_stopped",
            "response.created",
            "output_audio_buffer.started",
            "response.done",
        ]
        truncated = await beside.until("conversation.item.truncated")
        assert truncated["audio_end_ms"] == 60
