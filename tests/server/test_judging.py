"""Semantic turns in a running session: who is asked, with what, and what follows."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest

from tests.server.scripted import ScriptedTranscriber, Stage
from vivavoce.audio.convert import Outgoing
from vivavoce.audio.wav import read_wav
from vivavoce.engines.interfaces import EngineError, SpokenTurn
from vivavoce.engines.registry import make
from vivavoce.engines.sentence import SentenceDetector, SentenceOptions
from vivavoce.protocol import AudioDelta, OutputPart, ResponseEnd, ResponseRequest, TextDelta

RATE = 24000


class Remembering(SentenceDetector):
    """The real one, and what it said."""

    def __init__(self) -> None:
        super().__init__(SentenceOptions())
        self.judged: list[tuple[str, float]] = []

    async def finished(self, turn: SpokenTurn) -> float:
        probability = await super().finished(turn)
        self.judged.append((turn.transcript, probability))
        return probability


async def endless(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    while True:
        yield TextDelta("on and ")
        yield AudioDelta(b"\1\0" * 2400, 0)
        await asyncio.sleep(0.001)


async def brief(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    yield TextDelta("Yes.")
    yield ResponseEnd()


async def sound(stage: Stage, seconds: float, level: int) -> None:
    samples = np.full(int(0.04 * RATE), level, "<i2")
    samples[1::2] *= -1
    text = base64.b64encode(samples.tobytes()).decode()
    for _ in range(round(seconds / 0.04)):
        await stage.send(type="input_audio_buffer.append", audio=text)
        await asyncio.sleep(0)


async def until_judged(stage: Stage, times: int = 1) -> None:
    """Sound needs no time here: let the turn detector speak before more of it comes."""
    while len(stage.turn_detector.asked) < times:
        await asyncio.sleep(0.001)
    for _ in range(3):
        await asyncio.sleep(0)


async def semantic(stage: Stage, **detection: object) -> None:
    turn_detection = {"type": "semantic_vad", **detection}
    transcription = {"model": "gpt-4o-transcribe", "language": "en"}
    given = {"turn_detection": turn_detection, "transcription": transcription}
    await stage.send(type="session.update", session={"type": "realtime", "audio": {"input": given}})


def kinds(stage: Stage) -> list[str]:
    return [event["type"] for event in stage.transport.events]


@pytest.mark.parametrize(("probability", "ends"), [(1.0, True), (0.0, False)])
async def test_the_detector_decides(probability: float, ends: bool) -> None:
    async with Stage(brief, transcriber=ScriptedTranscriber("what time is it")) as stage:
        await semantic(stage)
        stage.turn_detector.script = [probability] * 9
        await sound(stage, 0.4, 8000)
        await sound(stage, 0.2, 0)
        await until_judged(stage)
        await sound(stage, 0.4, 0)
        assert ("input_audio_buffer.speech_stopped" in kinds(stage)) is ends
        turn = stage.turn_detector.asked[0]
        assert (turn.transcript, turn.language) == ("what time is it", "en")
        assert turn.silence_ms == 96
        assert 0.45 * 16000 < len(turn.samples) < 0.65 * 16000
        assert np.abs(turn.samples).max() > 5000


async def test_of_a_long_turn_it_hears_eight_seconds() -> None:
    async with Stage(brief) as stage:
        await semantic(stage)
        await sound(stage, 9, 8000)
        await sound(stage, 0.2, 0)
        await until_judged(stage)
        assert len(stage.turn_detector.asked[0].samples) == 8 * 16000


@pytest.mark.parametrize(
    "fault", [EngineError("It has a headache."), ZeroDivisionError(), float("nan"), -1.0, None]
)
async def test_without_its_opinion_the_silence_decides(
    fault: Exception | float | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with Stage(brief) as stage:
        await semantic(stage, eagerness="high")
        stage.turn_detector.script = [fault] * 9
        await sound(stage, 0.4, 8000)
        await sound(stage, 0.2, 0)
        await until_judged(stage)
        assert "the turn detector" in caplog.text
        await sound(stage, 0.8, 0)
        await stage.transport.until("response.done")


async def test_words_interrupt_a_reply_and_a_backchannel_does_not() -> None:
    transcriber = ScriptedTranscriber("tell me a story", "uh-huh", "no stop")
    async with Stage(endless, transcriber=transcriber) as stage:
        await semantic(stage, eagerness="high")
        stage.turn_detector.script = [1.0] * 99
        await sound(stage, 0.4, 8000)
        await sound(stage, 0.2, 0)
        await until_judged(stage)
        await sound(stage, 0.2, 0)
        await stage.transport.until("response.output_audio.delta")
        asked = len(stage.turn_detector.asked)
        await sound(stage, 0.4, 8000)
        await sound(stage, 0.2, 0)
        await until_judged(stage, asked + 1)
        await sound(stage, 0.2, 0)
        while kinds(stage).count("conversation.item.input_audio_transcription.completed") < 2:
            await asyncio.sleep(0.001)
        assert kinds(stage).count("input_audio_buffer.committed") == 2
        assert "response.done" not in kinds(stage)
        await sound(stage, 0.4, 8000)
        done = await stage.transport.until("response.done")
        assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}


async def test_with_real_engines_a_pause_in_a_sentence_ends_no_turn(speech: Path) -> None:
    """He was not an … ill disposed young man."""
    samples = read_wav(speech / "austen-0880.wav").samples
    quiet = (np.random.default_rng(1).standard_normal(16000) * 8).astype(np.int16)
    detector, transcriber = (
        make("voice_detector", "silero"),
        make("transcriber", "pocketsphinx", {"workers": 1}),
    )
    await asyncio.gather(detector.start(), transcriber.start())
    turns = Remembering()
    try:
        async with Stage(brief, detector=detector, turn_detector=turns, transcriber=transcriber) as stage:
            await semantic(stage)
            await play(stage, samples[: 1300 * 16], quiet[:3200])
            await believed(turns, "an", at_most=0.2)
            await play(stage, quiet, quiet)
            assert "input_audio_buffer.speech_stopped" not in kinds(stage)
            await play(stage, samples[1300 * 16 :], quiet[:3200])
            await believed(turns, "man", at_least=0.7)
            await play(stage, quiet)
            stopped = await stage.transport.until("input_audio_buffer.speech_stopped")
            assert stopped["audio_end_ms"] < 2980 + 2200 + 1200
            await stage.transport.until("response.done")
            assert kinds(stage).count("input_audio_buffer.speech_started") == 1
    finally:
        await asyncio.gather(detector.aclose(), transcriber.aclose())


async def play(stage: Stage, *pieces: np.ndarray) -> None:
    outgoing = Outgoing("audio/pcm", 16000)
    audio = outgoing.feed(np.concatenate(pieces)) + outgoing.flush()
    for start in range(0, len(audio), 1920):
        text = base64.b64encode(audio[start : start + 1920]).decode()
        await stage.send(type="input_audio_buffer.append", audio=text)
        await asyncio.sleep(0)


async def believed(turns: Remembering, last: str, *, at_least: float = 0, at_most: float = 1) -> None:
    """Wait until the detector knows the words up to this one, and says so."""
    async with asyncio.timeout(30):
        while not (turns.judged and turns.judged[-1][0].endswith(last)):
            await asyncio.sleep(0.01)
    assert at_least <= turns.judged[-1][1] <= at_most
    for _ in range(3):
        await asyncio.sleep(0)
