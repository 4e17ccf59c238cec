"""Sources and sinks without a sound card."""

import io
from pathlib import Path

import numpy as np
import pytest

from vivavoce.audio.wav import WavError, read_wav, write_wav
from vivavoce.client.voice import ArraySink, ArraySource, Playback, WavSink, WavSource, level_db

TONE = np.resize(np.repeat(np.array([8000, -8000], np.int16), 27), 24_000)


async def all_of(source: ArraySource) -> np.ndarray:
    return np.concatenate([frame async for frame in source])


async def test_a_file_is_given_in_frames_of_40_ms(tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", TONE[:2400], 24_000)
    source = WavSource(tmp_path / "in.wav", silence=False, paced=False)
    assert not source.over
    frames = [frame async for frame in source]
    assert source.over
    assert [len(frame) for frame in frames] == [960, 960, 960]
    assert np.array_equal(np.concatenate(frames), np.pad(TONE[:2400], (0, 480)))


async def test_silence_follows_without_end() -> None:
    frames = []
    async for frame in ArraySource(TONE[:960], paced=False):
        frames.append(frame)
        if len(frames) == 5:
            break
    assert [bool(frame.any()) for frame in frames] == [True, False, False, False, False]


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
async def test_rates_are_converted(rate: int) -> None:
    heard = await all_of(ArraySource(np.resize(TONE, rate), rate, silence=False, paced=False))
    assert 24_000 <= len(heard) < 24_960


@pytest.mark.parametrize(
    "audio",
    [
        TONE[:960],
        (TONE[:960] / 32768).astype(np.float32),
        TONE[:960] / 32768.0,
        np.stack([TONE[:960], TONE[:960]], axis=1),
        np.stack([TONE[:960] / 16384.0, np.zeros(960)], axis=1),
    ],
)
async def test_arrays_of_every_kind(audio: np.ndarray) -> None:
    assert np.array_equal(await all_of(ArraySource(audio, silence=False, paced=False)), TONE[:960])


@pytest.mark.parametrize("audio", [np.zeros(4, np.int32), np.zeros((2, 2, 2), np.int16), np.zeros(3, "U1")])
def test_arrays_that_are_no_sound(audio: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Sound is"):
        ArraySource(audio)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(WavError, match="does not exist"):
        WavSource(tmp_path / "missing.wav")


async def test_what_is_heard_is_written_without_pauses(tmp_path: Path) -> None:
    kept, written = ArraySink(), WavSink(tmp_path / "out.wav")
    for sink in (kept, written):
        playback = Playback()
        sink.open(playback)
        playback.add("a", 0, TONE[:4800].tobytes())
        playback.add("b", 0, TONE[:2400].tobytes())
        sink.finish()
        await sink.close()
    expected = np.concatenate([TONE[:4800], TONE[:2400]])
    assert np.array_equal(kept.samples, expected)
    samples, rate = read_wav(tmp_path / "out.wav")
    assert rate == 24_000
    assert np.array_equal(samples, expected)


async def test_a_sink_that_was_never_opened_can_be_closed() -> None:
    sink = WavSink(io.BytesIO())
    sink.finish()
    await sink.close()
    assert len(ArraySink().samples) == 0


def test_levels() -> None:
    assert level_db(np.zeros(10, np.int16)) == level_db(np.zeros(0, np.int16)) == -96
    assert level_db(np.full(10, -32768, np.int16)) == pytest.approx(0)
    assert level_db(np.full(10, 16384, np.int16)) == pytest.approx(-6.02, abs=0.01)
