"""The runner: effects carried out, results fed back, an engine's fault kept to its response."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable

import numpy as np
import pytest

from tests.server.scripted import ScriptedTranscriber, Stage
from vivavoce.engines.interfaces import EngineError
from vivavoce.protocol import AudioDelta, OutputPart, ResponseEnd, ResponseRequest, TextDelta
from vivavoce.server.config import SessionSettings

RATE = 24000


def audio(seconds: float, level: int) -> str:
    samples = np.full(int(seconds * RATE), level, "<i2")
    samples[1::2] *= -1
    return base64.b64encode(samples.tobytes()).decode()


def pieces(seconds: float, level: int) -> list[str]:
    return [audio(0.04, level)] * round(seconds / 0.04)


async def greeting(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    yield TextDelta("Hello ")
    yield AudioDelta(b"\1\0" * 2400, 5)
    yield TextDelta("there.")
    yield AudioDelta(b"\1\0" * 2400, 12)
    yield ResponseEnd()


async def endless(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    while True:
        yield TextDelta("on and ")
        yield AudioDelta(b"\1\0" * 2400, 0)
        await asyncio.sleep(0.001)


async def speak(stage: Stage, seconds: float = 0.5) -> None:
    for text in [*pieces(0.2, 0), *pieces(seconds, 8000), *pieces(0.4, 0)]:
        await stage.send(type="input_audio_buffer.append", audio=text)


async def test_a_spoken_turn_is_heard_understood_and_answered() -> None:
    async with Stage(greeting, transcriber=ScriptedTranscriber("good morning")) as stage:
        await speak(stage)
        done = await stage.transport.until("response.done")
        [request] = stage.responder.requests
        assert request.items[0].content[0].transcript == "good morning"
        assert done["response"]["status"] == "completed"
        assert done["response"]["output"][0]["content"] == [
            {"type": "output_audio", "transcript": "Hello there."}
        ]
        heard = stage.transcriber.utterances[0]
        started = await stage.transport.until("input_audio_buffer.speech_started")
        stopped = await stage.transport.until("input_audio_buffer.speech_stopped")
        milliseconds = stopped["audio_end_ms"] - started["audio_start_ms"]
        assert heard.samples == pytest.approx(milliseconds * 16, abs=16)
        assert heard.closed


async def test_a_long_append_is_judged_like_a_short_one() -> None:
    async with Stage(greeting) as stage:
        long = base64.b64encode(
            b"".join(map(base64.b64decode, [audio(0.2, 0), audio(0.5, 8000), audio(2.0, 0)]))
        ).decode()
        await stage.send(type="input_audio_buffer.append", audio=long)
        whole = (await stage.transport.until("input_audio_buffer.speech_stopped"))["audio_end_ms"]
    async with Stage(greeting) as stage:
        await speak(stage)
        assert (await stage.transport.until("input_audio_buffer.speech_stopped"))["audio_end_ms"] == whole


TURN = [*pieces(0.2, 0), *pieces(0.5, 8000), *pieces(0.4, 0), *pieces(0.3, 8000), *pieces(0.4, 0)]


async def heard_together(more: Callable[[int], bool]) -> tuple[list[str], list[object], int]:
    """The events of TURN, where turns begin and end, and how often the detector was asked."""
    async with Stage(greeting) as stage:
        for n, text in enumerate(TURN):
            await stage.send(more=more(n), type="input_audio_buffer.append", audio=text)
        await stage.transport.until("response.done", 2)
        ends = [event.get("audio_start_ms", event.get("audio_end_ms")) for event in stage.transport.events]
        return stage.transport.types, [end for end in ends if end is not None], stage.detector.feeds


async def test_appends_that_wait_are_heard_together_and_mean_the_same() -> None:
    types, ends, feeds = await heard_together(lambda n: False)
    assert feeds == len(TURN)
    assert ends == [0, 928, 928, 1632]
    for more in (lambda n: n % 2 == 0, lambda n: n % 5 != 4, lambda n: n + 1 < len(TURN)):
        joined_types, joined_ends, joined_feeds = await heard_together(more)
        assert joined_feeds < feeds
        assert joined_ends == ends
        assert sorted(joined_types) == sorted(types)


async def test_no_more_than_some_appends_are_heard_together() -> None:
    async with Stage(greeting) as stage:
        for _ in range(20):
            await stage.send(more=True, type="input_audio_buffer.append", audio=audio(0.04, 0))
        assert stage.detector.feeds == 2
    async with Stage(greeting) as stage:
        for _ in range(4):
            await stage.send(more=True, type="input_audio_buffer.append", audio=audio(0.4, 0))
        await stage.send(type="input_audio_buffer.append", audio=audio(0.4, 0))
        assert stage.detector.feeds == 5


async def test_what_was_said_is_heard_before_what_comes_after_it() -> None:
    async with Stage(greeting) as stage:
        for text in [*pieces(0.2, 0), *pieces(0.4, 8000)]:
            await stage.send(more=True, type="input_audio_buffer.append", audio=text)
        await stage.send(more=True, type="input_audio_buffer.commit")
        assert stage.transport.types[1:4] == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.committed",
            "conversation.item.added",
        ]
        for text in [*pieces(0.2, 0), *pieces(0.2, 8000)]:
            await stage.send(more=True, type="input_audio_buffer.append", audio=text)
        await stage.send(more=True, type="no such thing")
        assert stage.transport.types[-2:] == ["input_audio_buffer.speech_started", "error"]


async def test_audio_of_two_formats_is_not_joined() -> None:
    async with Stage(greeting) as stage:
        await stage.send(more=True, type="input_audio_buffer.append", audio=audio(0.1, 0))
        update = {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}
        await stage.send(more=True, type="session.update", session=update)
        telephone = base64.b64encode(b"\x00" * 4000).decode()
        await stage.send(more=True, type="input_audio_buffer.append", audio=telephone)
        await stage.send(more=False, type="input_audio_buffer.append", audio=telephone)
        assert stage.detector.feeds == 2
        started = await stage.transport.until("input_audio_buffer.speech_started")
        assert started["audio_start_ms"] == 0


async def test_telephone_audio_is_heard() -> None:
    async with Stage(greeting) as stage:
        await stage.send(
            type="session.update",
            session={"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}},
        )
        for byte, seconds in ((0xFF, 0.2), (0x00, 0.4), (0xFF, 0.6)):
            data = base64.b64encode(bytes([byte]) * int(8000 * seconds)).decode()
            await stage.send(type="input_audio_buffer.append", audio=data)
        started = await stage.transport.until("input_audio_buffer.speech_started")
        assert started["audio_start_ms"] == 0
        await stage.transport.until("response.done")


async def test_speech_interrupts_and_the_engine_is_closed() -> None:
    async with Stage(endless) as stage:
        await speak(stage)
        await stage.transport.until("response.output_audio.delta", 3)
        for text in pieces(0.2, 8000):
            await stage.send(type="input_audio_buffer.append", audio=text)
        done = await stage.transport.until("response.done")
        assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        async with asyncio.timeout(5):
            while stage.responder.open:
                await asyncio.sleep(0)
        sent = len(stage.transport.events)
        await asyncio.sleep(0.02)
        assert len(stage.transport.events) == sent


async def test_the_output_limit_ends_the_engine_too() -> None:
    async with Stage(endless) as stage:
        await stage.send(type="response.create", response={"max_output_tokens": 20})
        done = await stage.transport.until("response.done")
        assert done["response"]["status"] == "incomplete"
        assert done["response"]["usage"]["output_tokens"] <= 20
        async with asyncio.timeout(5):
            while stage.responder.open:
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("fault", "message", "code"),
    [
        (
            EngineError("The voice 'x' is unknown.", code="unknown_voice"),
            "The voice 'x' is unknown.",
            "unknown_voice",
        ),
        (ZeroDivisionError("secret"), "The server had an error", "internal_error"),
    ],
)
async def test_a_failing_responder_fails_its_response_alone(fault, message, code) -> None:
    async def failing(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        if len(stage.responder.requests) == 1:
            yield TextDelta("Well")
            raise fault
        async for part in greeting(request):
            yield part

    async with Stage(failing) as stage:
        await stage.send(type="response.create")
        done = await stage.transport.until("response.done")
        assert done["response"]["status"] == "failed"
        error = done["response"]["status_details"]["error"]
        assert error["message"].startswith(message)
        assert "secret" not in error["message"]
        assert error["code"] == code
        await stage.send(type="response.create")
        assert (await stage.transport.until("response.done", 2))["response"]["status"] == "completed"


async def test_a_responder_that_just_stops_has_failed() -> None:
    async def mute(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        yield TextDelta("Well")

    async with Stage(mute) as stage:
        await stage.send(type="response.create")
        assert (await stage.transport.until("response.done"))["response"]["status"] == "failed"


async def test_words_are_told_as_they_become_certain() -> None:
    async with Stage(greeting, transcriber=ScriptedTranscriber("good morning")) as stage:
        transcription = {"model": "gpt-4o-transcribe"}
        await stage.send(
            type="session.update",
            session={"type": "realtime", "audio": {"input": {"transcription": transcription}}},
        )
        await speak(stage)
        kind = "conversation.item.input_audio_transcription."
        completed = await stage.transport.until(f"{kind}completed")
        deltas = [e["delta"] for e in stage.transport.events if e["type"] == f"{kind}delta"]
        assert (deltas, completed["transcript"]) == (["good", " morning"], "good morning")


async def test_a_session_that_only_transcribes() -> None:
    async with Stage(
        greeting, transcriber=ScriptedTranscriber("good morning"), kind="transcription"
    ) as stage:
        created = await stage.transport.until("session.created")
        assert created["session"]["type"] == "transcription"
        assert "model" not in created["session"]
        transcription = {"model": "gpt-4o-transcribe", "prompt": "Greetings"}
        await stage.send(
            type="session.update",
            session={"type": "transcription", "audio": {"input": {"transcription": transcription}}},
        )
        await speak(stage)
        kind = "conversation.item.input_audio_transcription."
        assert (await stage.transport.until(f"{kind}completed"))["transcript"] == "good morning"
        assert stage.transcriber.options.prompt == "Greetings"
        assert stage.transport.types == [
            "session.created",
            "session.updated",
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            f"{kind}delta",
            f"{kind}delta",
            f"{kind}completed",
        ]
        assert not stage.responder.requests


async def test_a_live_model_is_told_while_somebody_speaks() -> None:
    async with Stage(
        greeting, transcriber=ScriptedTranscriber("good morning"), kind="transcription"
    ) as stage:
        transcription = {"model": "gpt-realtime-whisper", "delay": "low"}
        await stage.send(
            type="session.update",
            session={"type": "transcription", "audio": {"input": {"transcription": transcription}}},
        )
        await stage.send(type="input_audio_buffer.append", audio=audio(0.2, 8000))
        kind = "conversation.item.input_audio_transcription."
        told = await stage.transport.until(f"{kind}delta")
        assert stage.transcriber.options.delay == "low"
        await stage.send(type="input_audio_buffer.commit")
        completed = await stage.transport.until(f"{kind}completed")
        assert (told["delta"], told["item_id"]) == ("good", completed["item_id"])
        assert completed["transcript"] == "good morning"


@pytest.mark.parametrize("fault", [EngineError("The worker died."), ZeroDivisionError("secret")])
async def test_a_failing_transcriber_fails_the_transcription_and_the_answer(fault) -> None:
    async with Stage(greeting, transcriber=ScriptedTranscriber(fault, "again")) as stage:
        await stage.send(
            type="session.update",
            session={"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}},
        )
        await speak(stage)
        failed = await stage.transport.until("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["type"] == "transcription_error"
        assert "secret" not in failed["error"]["message"]
        assert (await stage.transport.until("response.done"))["response"]["status"] == "failed"
        await speak(stage)
        completed = await stage.transport.until("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "again"
        assert (await stage.transport.until("response.done", 2))["response"]["status"] == "completed"


async def test_a_transcriber_that_refuses_the_language_fails_the_transcription() -> None:
    async with Stage(greeting) as stage:
        transcription = {"model": "whisper-1", "language": "xx"}
        await stage.send(
            type="session.update",
            session={"type": "realtime", "audio": {"input": {"transcription": transcription}}},
        )
        await speak(stage)
        failed = await stage.transport.until("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["message"] == "This transcriber knows no language 'xx'."


async def test_a_clear_gives_up_the_utterance() -> None:
    async with Stage(greeting) as stage:
        for text in [*pieces(0.2, 0), *pieces(0.4, 8000)]:
            await stage.send(type="input_audio_buffer.append", audio=text)
        await stage.transport.until("input_audio_buffer.speech_started")
        await stage.send(type="input_audio_buffer.clear")
        async with asyncio.timeout(5):
            while not stage.transcriber.utterances[0].closed:
                await asyncio.sleep(0)


async def test_a_responder_that_hears_gets_the_audio() -> None:
    async with Stage(greeting, hears_audio=True) as stage:
        await speak(stage)
        await stage.transport.until("response.done")
        [request] = stage.responder.requests
        assert len(base64.b64decode(request.items[0].content[0].audio)) > RATE // 2
        assert not stage.transcriber.utterances


async def test_a_peer_that_reads_slowly_slows_its_own_response_down() -> None:
    async with Stage(endless) as stage:
        stage.transport.writable.clear()
        await stage.send(type="response.create")
        await stage.transport.until("response.output_audio_transcript.delta")
        await asyncio.sleep(0.05)
        assert stage.transport.types.count("response.output_audio_transcript.delta") == 1
        stage.transport.writable.set()
        await stage.transport.until("response.output_audio_transcript.delta", 5)


async def test_a_peer_that_is_gone_ends_the_answer() -> None:
    async with Stage(endless) as stage:
        stage.transport.gone = True
        await stage.send(type="response.create")
        async with asyncio.timeout(5):
            while not stage.responder.requests or stage.responder.open:
                await asyncio.sleep(0)


async def test_a_binary_frame_and_broken_json_are_refused_and_the_session_goes_on() -> None:
    async with Stage(greeting) as stage:
        stage.runner.refuse_binary()
        await stage.runner.receive(b"{")
        codes = [event["error"]["code"] for event in stage.transport.events if event["type"] == "error"]
        assert codes == ["invalid_event", "invalid_json"]
        await stage.send(type="response.create")
        await stage.transport.until("response.done")


async def test_a_session_ends_when_its_time_is_over() -> None:
    settings = SessionSettings(max_minutes=0.001, debug=True)
    async with Stage(endless, settings=settings) as stage:
        await stage.send(type="response.create")
        await stage.transport.until_closed()
        assert stage.transport.closed == (1001, "invalid_request_error.session_expired")
        assert stage.transport.types[-3:] == ["response.done", "rate_limits.updated", "error"]


async def test_draining_waits_for_the_answer_and_reads_no_more() -> None:
    let_go = asyncio.Event()

    async def slow(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        yield TextDelta("Wait")
        await let_go.wait()
        yield ResponseEnd()

    async with Stage(slow) as stage:
        await stage.send(type="response.create")
        draining = asyncio.create_task(stage.runner.drain())
        await stage.transport.until("response.output_audio_transcript.delta")
        await stage.send(type="conversation.item.retrieve", item_id="x")
        assert not draining.done()
        assert "error" not in stage.transport.types
        let_go.set()
        await draining
        assert stage.transport.types[-2] == "response.done"


async def test_nothing_is_left_of_a_closed_session() -> None:
    before = asyncio.all_tasks()
    async with Stage(endless) as stage:
        await stage.send(type="response.create")
        await stage.send(type="response.create", response={"conversation": "none"})
        for text in [*pieces(0.2, 0), *pieces(0.4, 8000)]:
            await stage.send(type="input_audio_buffer.append", audio=text)
        await stage.transport.until("response.output_audio.delta", 3)
    await stage.runner.aclose()
    assert asyncio.all_tasks() == before
    assert not stage.responder.open
    assert all(utterance.closed for utterance in stage.transcriber.utterances)
