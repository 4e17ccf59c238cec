"""Noise reduction on the way in: what comes out of it, sample by sample, and what the session is told."""

import base64
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server.scripted import ScriptedTranscriber, Stage
from vivavoce.audio.convert import Incoming, Outgoing
from vivavoce.audio.wav import read_wav
from vivavoce.engines.webrtc_noise import WebRTCNoiseReducer, WebRTCOptions
from vivavoce.protocol import AudioFormat, AudioPCM, AudioPCMA, AudioPCMU, OutputPart, ResponseRequest
from vivavoce.server.runner.cleaning import INLINE_BYTES, Cleaning

FORMATS: list[AudioFormat] = [AudioPCM(), AudioPCMU(), AudioPCMA()]
ENGINE = WebRTCNoiseReducer(WebRTCOptions())


@pytest.fixture(autouse=True)
async def running() -> AsyncGenerator[None, None]:
    await ENGINE.start()
    yield
    await ENGINE.aclose()


def cleaning(format: AudioFormat) -> Cleaning:
    return Cleaning(ENGINE, "near_field", format)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    format=st.sampled_from(FORMATS),
    steps=st.lists(st.tuples(st.integers(0, 3000), st.sampled_from([False, False, True])), max_size=10),
)
def test_exactly_as_many_samples_come_out_as_went_in(
    format: AudioFormat, steps: list[tuple[int, bool]]
) -> None:
    cleaner = cleaning(format)
    width = 2 if format == AudioPCM() else 1
    went = came = 0
    for size, flush in steps:
        ready = cleaner.feed(b"\x11" * size)
        assert len(ready) % width == 0
        went, came = went + size, came + len(ready)
        assert came <= went
        assert went - came < 0.03 * 24000 * width + 2
        if flush:
            came += len(cleaner.flush())
            assert came == went // width * width
            assert cleaner.flush() == b""


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.type)
def test_half_a_sample_waits_for_the_other_half(format: AudioFormat) -> None:
    cleaner = cleaning(format)
    whole = np.random.default_rng(1).integers(0, 256, 9601, np.uint8).tobytes()
    parts = [cleaner.feed(whole[:333]), cleaner.flush(), cleaner.feed(whole[333:]), cleaner.flush()]
    again = cleaning(format)
    even = 332 if format == AudioPCM() else 333
    assert b"".join(parts) == b"".join(
        [again.feed(whole[:even]), again.flush(), again.feed(whole[even:]), again.flush()]
    )


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.type)
def test_speech_with_noise_comes_out_cleaner(format: AudioFormat, speech: Path) -> None:
    silence = np.zeros(16000, np.int16)
    talk = np.concatenate((silence, read_wav(speech / "austen-0920.wav").samples, silence))
    noise = np.random.default_rng(2).standard_normal(len(talk)) * talk[16000:-16000].std() / 10**0.5
    noisy = np.clip(talk + noise, -32768, 32767).astype(np.int16)
    outgoing = Outgoing(format.type, 16000)
    wire = outgoing.feed(noisy) + outgoing.flush()
    cleaner = cleaning(format)
    clean = b"".join(cleaner.feed(wire[start : start + 1920]) for start in range(0, len(wire), 1920))
    clean += cleaner.flush()
    assert len(clean) == len(wire)
    assert snr_db(clean, format) > snr_db(wire, format) + 5


def snr_db(audio: bytes, format: AudioFormat) -> float:
    samples = Incoming(format.type, 16000).feed(audio).astype(np.float64)
    noise = np.mean(samples[-14000:-2000] ** 2)
    return float(10 * np.log10(np.mean(samples[16000:-16000] ** 2) / noise))


# With a session.


async def silent(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    return
    yield


def noisy(n: int, loudness: int = 6000) -> bytes:
    return (np.random.default_rng(n).standard_normal(n) * loudness).astype("<i2").tobytes()


async def append(stage: Stage, audio: bytes) -> None:
    await stage.send(type="input_audio_buffer.append", audio=base64.b64encode(audio).decode())


async def update(stage: Stage, **input: Any) -> None:
    session = {"type": "realtime", "audio": {"input": {"turn_detection": None, **input}}}
    await stage.send(type="session.update", session=session)


async def committed(stage: Stage) -> list[bytes]:
    """The audio of the item that a commit makes."""
    await stage.send(type="input_audio_buffer.commit")
    item = stage.transport.events[-1]["item"]["id"]
    await stage.send(type="conversation.item.retrieve", item_id=item)
    return [base64.b64decode(part["audio"]) for part in stage.transport.events[-1]["item"]["content"]]


async def test_what_is_kept_is_clean_and_whole() -> None:
    async with Stage(silent) as stage:
        await update(stage, noise_reduction={"type": "far_field"})
        assert stage.transport.events[-1]["type"] == "session.updated"
        sound = noisy(48_000)
        for start in range(0, len(sound), 1001):
            await append(stage, sound[start : start + 1001])
        (kept,) = await committed(stage)
        assert len(kept) == len(sound)
        assert np.frombuffer(kept, "<i2")[24000:].std() < np.frombuffer(sound, "<i2").std() / 5
        # The transcriber heard the same.
        assert abs(stage.transcriber.utterances[0].samples - 32_000) <= 1


async def test_long_appends_are_cleaned_beside_the_event_loop() -> None:
    async with Stage(silent) as stage:
        await update(stage, noise_reduction={"type": "near_field"})
        sound = noisy(INLINE_BYTES * 3)
        await append(stage, sound)
        (kept,) = await committed(stage)
        assert len(kept) == len(sound)


async def test_a_change_of_format_or_field_loses_no_sample() -> None:
    async with Stage(silent) as stage:
        await update(stage, noise_reduction={"type": "near_field"})
        await append(stage, noisy(5000))
        await update(stage, noise_reduction={"type": "far_field"})
        await append(stage, noisy(5001))
        await update(stage, noise_reduction={"type": "far_field"}, format={"type": "audio/pcmu"})
        await append(stage, bytes(range(256)) * 10)
        await update(stage, noise_reduction=None)
        await append(stage, bytes(range(256)))
        pcm, law = await committed(stage)
        assert len(pcm) == 2 * 10_001
        assert len(law) == 11 * 256
        assert law.endswith(bytes(range(256)))


async def test_what_is_cleared_is_gone_with_what_was_held_back() -> None:
    async with Stage(silent) as stage:
        await update(stage, noise_reduction={"type": "near_field"})
        await append(stage, noisy(4805))
        await stage.send(type="input_audio_buffer.clear")
        await append(stage, noisy(4801))
        (kept,) = await committed(stage)
        assert len(kept) == 2 * 4801


async def test_what_is_no_audio_is_refused_as_ever() -> None:
    async with Stage(silent) as stage:
        await update(stage, noise_reduction={"type": "near_field"})
        await stage.send(type="input_audio_buffer.append", audio="???", event_id="mine")
        error = stage.transport.events[-1]["error"]
        assert (error["code"], error["event_id"]) == ("invalid_value", "mine")


async def test_the_voice_detector_hears_it_clean() -> None:
    """What is loud for a moment and then goes on as a noise is no speech for long."""
    async with Stage(silent, transcriber=ScriptedTranscriber("")) as stage:
        await update(stage, noise_reduction={"type": "far_field"}, turn_detection={"type": "server_vad"})
        sound = noisy(72_000, 1500)
        for start in range(0, len(sound), 1920):
            await append(stage, sound[start : start + 1920])
        stopped = [e for e in stage.transport.events if e["type"].endswith("speech_stopped")]
        assert stopped, json.dumps([e["type"] for e in stage.transport.events])
