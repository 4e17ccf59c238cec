"""Who said what, over a real socket: recordings and eSpeak, heard by PocketSphinx and told apart."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from websockets.sync.client import connect

from tests.serving import API_KEY, serving
from tests.stock.speech import pieces, recording
from vivavoce.audio.resample import resample
from vivavoce.engines.espeak import ESpeakOptions, ESpeakSynthesizer

PREFIX = "conversation.item.input_audio_transcription."
HEARD = {"transcription": {"model": "gpt-4o-transcribe-diarize"}, "turn_detection": None}


@pytest.fixture
async def robot() -> bytes:
    """A sentence of eSpeak's, 24 kHz, about as loud as the recordings."""

    async def text() -> AsyncIterator[str]:
        yield "The train leaves at seven in the morning, and it comes back at eight in the evening."

    synthesizer = ESpeakSynthesizer(ESpeakOptions(workers=1))
    await synthesizer.start()
    try:
        spoken = [piece.samples async for piece in synthesizer.speak(text(), "verse", 0.8)]
    finally:
        await synthesizer.aclose()
    return bytes((resample(np.concatenate(spoken), 22_050, 24_000) // 3).astype("<i2").tobytes())


def test_two_voices(tmp_path: Path, speech: Path, robot: bytes):
    first = recording(speech / "austen-0920.wav", silence_ms=300)
    last = recording(speech / "austen-0930.wav", silence_ms=300)
    url = "?intent=transcription"
    headers = {"Authorization": f"Bearer {API_KEY}"}
    with serving(tmp_path) as server, connect(server.url + url, additional_headers=headers) as ws:
        session = {"type": "transcription", "audio": {"input": HEARD}}
        ws.send(json.dumps({"type": "session.update", "session": session}))
        for piece in pieces(first + robot + last, 200):
            audio = base64.b64encode(piece).decode()
            ws.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        ws.send(json.dumps({"type": "input_audio_buffer.commit"}))
        events = []
        while not events or events[-1]["type"] != PREFIX + "completed":
            events.append(json.loads(ws.recv(timeout=60)))
    segments = [event for event in events if event["type"] == PREFIX + "segment"]
    completed = events[-1]
    assert [event["id"] for event in segments] == [f"seg_{n:04d}" for n in range(1, len(segments) + 1)]
    assert {event["item_id"] for event in segments} == {completed["item_id"]}
    assert " ".join(event["text"] for event in segments) == completed["transcript"]
    # Times are those of the item, and whoever speaks at a time is the one who spoke then.
    robot_starts, robot_ends = len(first) / 48_000, len(first + robot) / 48_000
    attributed = {"spk_1": 0.0, "spk_2": 0.0}
    for event in segments:
        assert 0 <= event["start"] <= event["end"] <= len(first + robot + last) / 48_000
        common = min(robot_ends, event["end"]) - max(robot_starts, event["start"])
        attributed[event["speaker"]] += max(0.0, common)
    assert segments[0]["speaker"] == segments[-1]["speaker"] == "spk_1"
    assert attributed["spk_2"] > 0.9 * sum(attributed.values())
    assert "respectable" in segments[0]["text"]
