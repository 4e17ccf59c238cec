"""Noise reduction: less noise, the same speech in the same place, and as many samples as before."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.audio.wav import read_wav
from vivavoce.engines.interfaces import EngineError, NoiseReducer
from vivavoce.engines.registry import make
from vivavoce.engines.webrtc_noise import WebRTCNoiseReducer, WebRTCOptions

RATE = 16000


@pytest.fixture
async def reducer() -> AsyncIterator[NoiseReducer]:
    made = make("noise_reducer", "webrtc")
    await made.start()
    yield made
    await made.aclose()


@pytest.fixture(scope="module")
def talk(speech: Path) -> tuple[np.ndarray, np.ndarray]:
    """Sentences with a second of silence around each, and where nobody speaks."""
    pieces = [np.zeros(RATE, np.int16)]
    for path in sorted(speech.glob("austen-*.wav")):
        pieces += [read_wav(path).samples, np.zeros(RATE, np.int16)]
    samples = np.concatenate(pieces).astype(np.float64)
    silent = samples == 0
    silent[:RATE] = False  # while the filter learns
    return samples, silent


def rushing(n: int, loudness: float) -> np.ndarray:
    """Noise of a fan: mostly low."""
    noise = np.convolve(np.random.default_rng(3).standard_normal(n), np.ones(20) / 20, "same")
    return noise * (loudness / noise.std())


def snr_db(samples: np.ndarray, silent: np.ndarray) -> float:
    noise = np.mean(samples[silent].astype(np.float64) ** 2)
    both = np.mean(samples[~silent].astype(np.float64) ** 2)
    return float(10 * np.log10((both - noise) / noise))


@pytest.mark.parametrize("snr", [0, 10, 20])
@pytest.mark.parametrize(("field", "gain_db"), [("near_field", 6), ("far_field", 10)])
def test_the_noise_is_less(
    reducer: NoiseReducer, talk: tuple[np.ndarray, np.ndarray], field: str, gain_db: float, snr: int
) -> None:
    samples, silent = talk
    loudness = samples[~silent].std() / 10 ** (snr / 20)
    noisy = np.clip(samples + rushing(len(samples), loudness), -32768, 32767).astype(np.int16)
    stream = reducer.stream(field)  # type: ignore[arg-type]
    clean = np.concatenate((stream.feed(noisy), stream.flush()))
    assert len(clean) == len(noisy)
    assert snr_db(clean, silent) > snr_db(noisy, silent) + gain_db


def test_speech_stays_where_it_was(reducer: NoiseReducer, talk: tuple[np.ndarray, np.ndarray]) -> None:
    samples, _ = talk
    stream = reducer.stream("near_field")
    clean = np.concatenate((stream.feed(samples.astype(np.int16)), stream.flush())).astype(np.float64)
    shifts = range(-200, 201, 4)
    likeness = [np.dot(samples[1000:-1000], clean[1000 + d : len(clean) - 1000 + d]) for d in shifts]
    assert abs(shifts[int(np.argmax(likeness))]) <= 8  # half a millisecond
    assert max(likeness) / np.linalg.norm(samples) / np.linalg.norm(clean) > 0.6


@settings(max_examples=60, deadline=None, derandomize=True)
@given(pieces=st.lists(st.tuples(st.integers(0, 700), st.sampled_from([False, False, True])), max_size=12))
def test_as_many_samples_come_out_as_went_in(pieces: list[tuple[int, bool]]) -> None:
    reduction = started().stream("far_field")
    went = came = 0
    for n, flush in pieces:
        came += len(reduction.feed(np.full(n, 100, np.int16)))
        went += n
        assert went - 256 < came <= went
        if flush:
            came += len(reduction.flush())
            assert came == went
    assert came + len(reduction.flush()) == went
    assert len(reduction.flush()) == 0


def test_however_the_stream_is_cut(talk: tuple[np.ndarray, np.ndarray]) -> None:
    samples = talk[0].astype(np.int16)
    whole, cut = started().stream("near_field"), started().stream("near_field")
    pieces = np.split(samples, np.cumsum(np.random.default_rng(1).integers(0, 999, 300)))
    parts = [cut.feed(piece) for piece in pieces]
    np.testing.assert_array_equal(np.concatenate(parts), whole.feed(samples))
    np.testing.assert_array_equal(cut.flush(), whole.flush())


def test_streams_do_not_share_what_they_learn(talk: tuple[np.ndarray, np.ndarray]) -> None:
    samples = talk[0].astype(np.int16)
    reducer = started()
    first = reducer.stream("near_field")
    first.feed(rushing(RATE, 3000).astype(np.int16))
    np.testing.assert_array_equal(
        reducer.stream("near_field").feed(samples), started().stream("near_field").feed(samples)
    )


async def test_it_must_be_running() -> None:
    reducer = WebRTCNoiseReducer(WebRTCOptions())
    with pytest.raises(EngineError, match="not running"):
        reducer.stream("near_field")
    await reducer.start()
    stream = reducer.stream("near_field")
    await reducer.aclose()
    assert len(stream.feed(np.zeros(480, np.int16))) == 384
    with pytest.raises(EngineError, match="not running"):
        reducer.stream("near_field")


def started() -> WebRTCNoiseReducer:
    """A reducer without an event loop."""
    reducer = WebRTCNoiseReducer(WebRTCOptions())
    coroutine = reducer.start()
    with pytest.raises(StopIteration):
        coroutine.send(None)
    return reducer
