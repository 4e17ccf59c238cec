"""Microphone and speaker of a machine whose PortAudio is made of files."""

import asyncio
import sys
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.serving import serving
from vivavoce.audio.resample import resample
from vivavoce.audio.wav import read_wav
from vivavoce.client import AsyncClient
from vivavoce.client.voice import DeviceError, Microphone, Playback, PlaybackFinished, Speaker, Voice
from vivavoce.protocol import ErrorEvent, ResponseDone, SessionUpdated

STAND_IN = Path(__file__).parents[2] / "cli" / "sound_card"

Machine = Callable[..., Path]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Makes a machine whose devices take one rate only; what its speaker plays goes to the file returned."""

    def make(rate: int, heard: np.ndarray, missing: str = "") -> Path:
        (tmp_path / "in.raw").write_bytes(heard.tobytes())
        monkeypatch.syspath_prepend(str(STAND_IN))
        monkeypatch.setenv("SOUND_RATE", str(rate))
        monkeypatch.setenv("SOUND_IN", str(tmp_path / "in.raw"))
        monkeypatch.setenv("SOUND_OUT", str(tmp_path / "out.raw"))
        monkeypatch.setenv("SOUND_MISSING", missing)
        return tmp_path / "out.raw"

    real = sys.modules.pop("sounddevice", None)
    yield make
    sys.modules.pop("sounddevice", None)
    if real is not None:
        sys.modules["sounddevice"] = real


@pytest.mark.parametrize("rate", [48_000])
async def test_a_conversation_by_sound_card(
    rate: int, machine: Machine, speech: Path, tmp_path: Path
) -> None:
    recorded, recorded_rate = read_wav(speech / "austen-0880.wav")
    out = machine(rate, resample(recorded, recorded_rate, rate))
    finished: list[PlaybackFinished] = []
    session = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 600}}},
    }
    with serving(tmp_path) as server:
        async with AsyncClient(server.key, server.base_url).realtime.connect(model="gpt-realtime") as rt:
            await rt.session.update(session=session)
            while not isinstance(await rt.recv(), SessionUpdated):
                pass
            async with Voice(rt, Microphone(), Speaker()) as voice:
                voice.on("playback_finished", finished.append)
                loudest = -96.0
                async for event in rt:
                    assert not isinstance(event, ErrorEvent), event
                    loudest = max(loudest, voice.input_level_db)
                    if isinstance(event, ResponseDone):
                        break
                await voice.playback_finished()
                await asyncio.sleep(0.1)
    (over,) = finished
    played = np.array(array("h", out.read_bytes()))
    sounding = np.flatnonzero(played)
    seconds = (sounding[-1] - sounding[0]) / rate
    assert seconds == pytest.approx(over.audio_end_ms / 1000, abs=0.25), "to its end, without pauses"
    assert loudest > -50


async def test_a_speaker_plays_what_waits_and_nothing_else(machine: Machine) -> None:
    out = machine(24_000, np.zeros(0, np.int16))
    playback, speaker = Playback(), Speaker()
    assert speaker.latency_s == 0.02
    sound = np.arange(1, 2401, dtype=np.int16)
    playback.add("a", 0, sound.tobytes())
    speaker.open(playback)
    while playback.waiting_ms:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    await speaker.close()
    played = np.array(array("h", out.read_bytes()))
    assert np.array_equal(played[played != 0], sound)


async def test_who_does_not_keep_up_with_the_microphone_loses_the_oldest(machine: Machine) -> None:
    machine(24_000, np.ones(24_000, np.int16))
    microphone = Microphone()
    for _ in range(600):
        microphone._take(np.full(480, 7, np.int16))
    assert len(microphone._captured) == 500, "10 s"
    microphone.close()


@pytest.mark.parametrize(("kind", "device"), [("input", Microphone), ("output", Speaker)])
async def test_a_machine_without_a_device(
    kind: str, device: type[Microphone] | type[Speaker], machine: Machine
) -> None:
    machine(24_000, np.zeros(0, np.int16), kind)
    with pytest.raises(DeviceError, match=r"can be used .*: connect one, or use a recording"):
        device()
