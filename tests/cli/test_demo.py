"""`vivavoce demo`, run as a person runs it; and its parts where a run shows too little of them."""

import asyncio
import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vivavoce.audio.wav import write_wav
from vivavoce.cli.demo.duplex import TICK_SAMPLES, Duplex, Stretch
from vivavoce.cli.demo.server import ServerDidNotStart, server
from vivavoce.cli.demo.timeline import Picture, Said, Span, draw
from vivavoce.client.voice.playback import RATE, Playback


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vivavoce.cli", "demo", "--output", "out", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110)


def rms(samples) -> float:
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


def test_a_conversation_from_beginning_to_end(tmp_path):
    result = run(tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    said = " ".join(result.stdout.split())
    assert "caller are you human assistant I am a program" in said
    assert 'function move_door({"action":"open"}) assistant Door is open.' in said
    assert "… interrupted" in said
    assert "✓ The answer had" in said
    assert "Milliseconds after the end of speech" in said

    lines = [json.loads(line) for line in (tmp_path / "out/events.jsonl").read_text().splitlines()]
    events = [line["event"] for line in lines]
    kinds = [event["type"] for event in events]
    assert [line["t"] for line in lines] == sorted(line["t"] for line in lines)
    assert {line["from"] for line in lines} == {"client", "server"}
    assert kinds.count("input_audio_buffer.speech_started") == 4
    assert kinds.count("response.done") == 5
    assert "error" not in kinds
    [truncate] = [event for event in events if event["type"] == "conversation.item.truncate"]
    assert 6000 <= truncate["audio_end_ms"] <= 8000

    with wave.open(str(tmp_path / "out/conversation.wav")) as recording:
        assert (recording.getnchannels(), recording.getframerate()) == (2, RATE)
        samples = np.frombuffer(recording.readframes(recording.getnframes()), "<i2").reshape(-1, 2)
    assert 20 < len(samples) / RATE < 60
    assert rms(samples[:, 0]) > 200
    assert rms(samples[:, 1]) > 200
    with Image.open(tmp_path / "out/timeline.png") as picture:
        assert picture.size == (1920, 1080)
        assert len(picture.convert("RGB").getcolors(2**20)) > 50


def test_a_question_of_ones_own(tmp_path, speech):
    result = run(tmp_path, "--audio", str(speech / "austen-0880.wav"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "young man" in result.stdout


def test_a_damaged_recording_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "question.wav").write_bytes(b"RIFF")
    result = run(tmp_path, "--audio", "question.wav")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "question.wav" in result.stderr


async def test_a_server_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ServerDidNotStart):
        async with server():
            pass


async def test_both_directions_lie_on_one_clock():
    sent = []

    async def send(audio: bytes) -> None:
        sent.append(audio)

    now = 0.0
    playback = Playback()
    duplex = Duplex(send, playback, lambda: now)
    sounding = asyncio.create_task(duplex.run())
    try:
        await asyncio.sleep(0)
        duplex.speak(np.full(TICK_SAMPLES + 1, 1000, np.int16))
        playback.add("item", 0, np.full(TICK_SAMPLES // 2, 500, "<i2").tobytes())
        quiet = asyncio.create_task(duplex.quiet(0.04))
        while not quiet.done():
            now += 0.04
            await asyncio.sleep(0.05)
    finally:
        sounding.cancel()
    caller, assistant = duplex.tracks()
    assert len(caller) == len(assistant)
    assert np.count_nonzero(caller) == TICK_SAMPLES + 1
    assert np.count_nonzero(assistant) == TICK_SAMPLES // 2
    assert np.flatnonzero(assistant)[0] == TICK_SAMPLES
    assert b"".join(sent)[: caller.nbytes] == caller.tobytes()
    assert duplex.spoken == [Stretch(0.0, pytest.approx(0.08))]
    assert duplex.heard == [Stretch(pytest.approx(0.04), pytest.approx(0.06))]


def test_a_picture_of_nothing_is_a_picture(tmp_path):
    nothing = np.zeros(10, np.int16)
    draw(Picture(1.0, nothing, nothing, RATE), tmp_path / "empty.png")
    long = " ".join(["word"] * 100)
    spans = [Span("playback", 0.0, 0.5, cut=True)]
    said = [Said("assistant", 0.0, 0.5, long, unheard=long), Said("caller", 0.0, 0.1, long)]
    draw(Picture(1.0, nothing, nothing, RATE, spans, said, [("1 turn", 0.2)]), tmp_path / "full.png")
    for name in ("empty.png", "full.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.size == (1920, 1080)


def test_any_rate_of_recording_is_taken(tmp_path):
    from vivavoce.cli.demo.command import _read

    write_wav(tmp_path / "question.wav", np.zeros(8000, np.int16), 8000)
    assert len(_read(tmp_path / "question.wav")) == RATE
