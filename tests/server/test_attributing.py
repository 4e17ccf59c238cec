"""Speakers at work: each utterance in its turn, and a diarizer that fails alone."""

import asyncio
import logging

import pytest

from tests.server.scripted import ScriptedDiarizer, ScriptedTranscriber, Stage
from tests.server.test_runner import audio, greeting
from vivavoce.engines.interfaces import EngineError, SpeakerTurn
from vivavoce.server.config import SessionSettings
from vivavoce.server.opening import SessionKind
from vivavoce.server.runner import attributing

PREFIX = "conversation.item.input_audio_transcription."
TURN = SpeakerTurn(0.0, 0.5, "spk_1")


async def ask(stage: Stage, kind: str = "realtime") -> None:
    detection = {"transcription": {"model": "gpt-4o-transcribe-diarize"}, "turn_detection": None}
    await stage.send(type="session.update", session={"type": kind, "audio": {"input": detection}})


async def utter(stage: Stage, seconds: float = 0.5) -> None:
    await stage.send(type="input_audio_buffer.append", audio=audio(seconds, 5000))
    await stage.send(type="input_audio_buffer.commit")


@pytest.mark.parametrize("kind", ["realtime", "transcription"])
async def test_segments_come_before_the_transcript_is_complete(kind: SessionKind) -> None:
    diarizer = ScriptedDiarizer([TURN, SpeakerTurn(0.5, 1.0, "spk_2")])
    transcriber = ScriptedTranscriber("yes no")
    async with Stage(greeting, transcriber=transcriber, diarizer=diarizer, kind=kind) as stage:
        await ask(stage, kind)
        await utter(stage, 1.0)
        completed = await stage.transport.until(PREFIX + "completed")
        assert completed["transcript"] == "yes no"
        found = [event for event in stage.transport.events if event["type"] == PREFIX + "segment"]
        assert [(event["id"], event["speaker"], event["text"]) for event in found] == [
            ("seg_0001", "spk_1", "yes"),
            ("seg_0002", "spk_2", "no"),
        ]
        assert diarizer.samples == [pytest.approx(16000, abs=2)]


@pytest.mark.parametrize(
    ("fault", "level", "message"),
    [
        (EngineError("It is deaf today."), logging.WARNING, "It is deaf today."),
        (ArithmeticError("a bug, on purpose"), logging.ERROR, "the diarizer failed"),
        ([SpeakerTurn(2.0, 1.0, "spk_1")], logging.ERROR, "the diarizer failed"),
        (["nobody"], logging.ERROR, "the diarizer failed"),
    ],
)
async def test_a_failing_diarizer_costs_the_segments_alone(fault, level, message, caplog) -> None:
    diarizer = ScriptedDiarizer(fault, [TURN])
    async with Stage(greeting, diarizer=diarizer) as stage:
        await ask(stage)
        await utter(stage)
        await stage.transport.until(PREFIX + "completed")
        assert PREFIX + "segment" not in stage.transport.types
        assert [(record.levelno, message in record.getMessage()) for record in caplog.records] == [
            (level, True)
        ]
        await utter(stage)
        await stage.transport.until(PREFIX + "segment")
        await stage.transport.until(PREFIX + "completed", 2)


async def test_utterances_wait_for_each_other_and_not_without_end(monkeypatch, caplog) -> None:
    monkeypatch.setattr(attributing, "MOST_WAITING", 2)
    diarizer = ScriptedDiarizer(*[[TURN]] * 4)
    diarizer.go_on.clear()
    async with Stage(greeting, diarizer=diarizer) as stage:
        await ask(stage)
        await utter(stage)
        await asyncio.sleep(0)
        for _ in range(3):
            await utter(stage)
        # The last finds no place and is complete without segments, before all others.
        last = await stage.transport.until("input_audio_buffer.committed", 4)
        completed = await stage.transport.until(PREFIX + "completed")
        assert completed["item_id"] == last["item_id"]
        assert "is not looked at" in caplog.text
        assert len(diarizer.samples) == 1
        diarizer.go_on.set()
        await stage.transport.until(PREFIX + "completed", 4)
        assert stage.transport.types.count(PREFIX + "segment") == 3


async def test_a_diarizer_that_hangs_is_given_up(caplog) -> None:
    diarizer = ScriptedDiarizer([TURN], [TURN])
    diarizer.go_on.clear()
    settings = SessionSettings(debug=True, engine_timeout_s=0.05)
    async with Stage(greeting, diarizer=diarizer, settings=settings) as stage:
        await ask(stage)
        await utter(stage, 0.2)
        await stage.transport.until(PREFIX + "completed")
        assert "was given up" in caplog.text
        assert PREFIX + "segment" not in stage.transport.types


async def test_nothing_is_left_of_a_diarization_when_the_session_ends() -> None:
    diarizer = ScriptedDiarizer([TURN])
    diarizer.go_on.clear()
    before = asyncio.all_tasks()
    async with Stage(greeting, diarizer=diarizer) as stage:
        await ask(stage)
        await utter(stage)
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
