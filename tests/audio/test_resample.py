"""Streams at another rate: as long, the same however they are cut, and the same every time."""

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.audio.resample import FULL, LIVE, Resampler, resample
from vivavoce.audio.samples import to_int16

RATES = [(24000, 16000), (8000, 16000), (22050, 24000), (16000, 24000), (24000, 8000), (44100, 16000)]


def noise(n: int, seed: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(n) * 6000).astype(np.int16)


def tone(hertz: float, rate: int, seconds: float = 1.0, peak: int = 10000) -> np.ndarray:
    return np.rint(np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate) * peak).astype(np.int16)


def in_pieces(resampler: Resampler, samples: np.ndarray, sizes: list[int]) -> np.ndarray:
    pieces, start, turn = [], 0, 0
    while start < len(samples):
        size = sizes[turn % len(sizes)]
        pieces.append(resampler.feed(samples[start : start + size]))
        start, turn = start + size, turn + 1
    return np.concatenate([*pieces, resampler.flush()])


@pytest.mark.parametrize("quality", [LIVE, FULL])
@pytest.mark.parametrize(("before", "after"), RATES)
class TestStreams:
    @pytest.mark.parametrize("n", [1, 159, 960, 24000])
    def test_as_long_as_before(self, before, after, quality, n):
        resampled = in_pieces(Resampler(before, after, quality), noise(n), [480])
        assert resampled.dtype == np.int16
        assert abs(len(resampled) - n * after / before) <= 1

    def test_the_same_in_pieces(self, before, after, quality):
        samples = noise(9000)
        whole = in_pieces(Resampler(before, after, quality), samples, [len(samples)])
        for sizes in ([1, 2, 3], [960], [333, 7], [5000]):
            assert np.array_equal(in_pieces(Resampler(before, after, quality), samples, sizes), whole)

    @pytest.mark.parametrize("n", [0, 1, 2, 7, 159, 960, 4001])
    def test_the_rest_is_the_one_that_soxr_gives(self, before, after, quality, n):
        samples = noise(n)
        stream = soxr.ResampleStream(before, after, 1, dtype="float32", quality=quality)
        expected = stream.resample_chunk(samples.astype(np.float32))
        expected = to_int16(np.concatenate((expected, stream.resample_chunk(expected[:0], last=True))))
        assert np.array_equal(in_pieces(Resampler(before, after, quality), samples, [480]), expected)

    def test_a_tone_stays_what_it_was(self, before, after, quality):
        resampled = in_pieces(Resampler(before, after, quality), tone(440, before), [960])
        inner = slice(after // 10, -after // 10)
        expected = tone(440, after)[: len(resampled)]
        difference = np.abs(resampled[inner].astype(int) - expected[inner])
        assert difference.max() <= (100 if quality == LIVE else 2)

    def test_flush_begins_anew(self, before, after, quality):
        resampler = Resampler(before, after, quality)
        samples = noise(3000)
        first = np.concatenate((resampler.feed(samples), resampler.flush()))
        resampler.feed(noise(777, seed=2))
        resampler.flush()
        assert np.array_equal(np.concatenate((resampler.feed(samples), resampler.flush())), first)


@settings(max_examples=50)
@given(sizes=st.lists(st.integers(0, 2000), min_size=1, max_size=20).filter(any))
def test_the_same_in_any_pieces(sizes):
    samples = noise(6000)
    whole = in_pieces(Resampler(24000, 16000, LIVE), samples, [6000])
    assert np.array_equal(in_pieces(Resampler(24000, 16000, LIVE), samples, sizes), whole)


@pytest.mark.parametrize(("before", "after"), [(24000, 16000), (8000, 16000)])
def test_live_input_does_not_wait(before, after):
    resampler = Resampler(before, after, LIVE)
    fed = ready = 0
    for _ in range(50):
        fed += before // 50
        ready += len(resampler.feed(noise(before // 50)))
        assert fed * after / before - ready <= after / 1000 * 0.25  # a quarter of a millisecond


def test_equal_rates_change_nothing():
    samples = noise(1000)
    resampler = Resampler(16000, 16000)
    assert np.array_equal(resampler.feed(samples), samples)
    assert resampler.flush().shape == (0,)
    assert resampler.flush().dtype == np.int16


def test_what_overshoots_is_clipped():
    loud = np.where(np.arange(4000) // 40 % 2, 32767, -32768).astype(np.int16)
    resampled = resample(loud, 8000, 24000)
    assert resampled.max() == 32767
    assert resampled.min() == -32768
    # Nothing wrapped around: a loud sample's neighbours have its sign.
    assert np.abs(np.diff(resampled.astype(int))).max() < 40000


def test_a_whole_recording():
    recording = resample(tone(1000, 44100), 44100, 24000)
    assert len(recording) == 24000
    assert np.abs(recording[2400:-2400].astype(int) - tone(1000, 24000)[2400:-2400]).max() <= 2


@pytest.mark.parametrize(("before", "after"), [(0, 16000), (16000, 0), (-1, 16000)])
def test_rates_that_are_none(before, after):
    with pytest.raises(ValueError, match="Sample rates are positive"):
        Resampler(before, after)
