"""What the page does to samples, and how exactly it knows which of them were heard."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.console.page import Console
from tests.stock.story import ASK

RESAMPLE = """async ([from, to, samples, piece]) => {
  const { Resampler } = await import('./console/worklets/resampler.js');
  const resampler = new Resampler(from, to);
  const made = [];
  for (let at = 0; at < samples.length; at += piece) {
    made.push(...resampler.push(Float32Array.from(samples.slice(at, at + piece))));
  }
  return [...made, ...resampler.flush()];
}"""
"""All at once, in pieces as they come."""


def resampled(visit: Console, source: int, target: int, samples: np.ndarray, piece: int = 128) -> np.ndarray:
    made = visit.page.evaluate(RESAMPLE, [source, target, samples.tolist(), piece])
    return np.array(made)


def tone(hertz: float, rate: int, seconds: float = 0.25) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize(
    ("source", "target"), [(48_000, 24_000), (44_100, 24_000), (24_000, 48_000), (24_000, 44_100)]
)
def test_a_tone_comes_through_another_rate(visit: Console, source: int, target: int) -> None:
    made = resampled(visit, source, target, tone(1_000, source))
    expected = tone(1_000, target)
    assert abs(len(made) - len(expected)) <= 1
    inside = slice(200, min(len(made), len(expected)) - 200)
    noise = made[inside] - expected[inside]
    assert 10 * np.log10(np.mean(noise**2) / np.mean(expected[inside] ** 2)) < -45


def test_what_a_rate_cannot_hold_is_left_out(visit: Console) -> None:
    made = resampled(visit, 48_000, 24_000, tone(16_000, 48_000))
    assert np.abs(made[200:-200]).max() < 0.005


def test_the_pieces_make_no_difference(visit: Console) -> None:
    samples = tone(440, 48_000, 0.05)
    whole = resampled(visit, 48_000, 24_000, samples, len(samples))
    for piece in (1, 7, 128):
        assert np.allclose(resampled(visit, 48_000, 24_000, samples, piece), whole)


def test_what_was_heard_is_known_exactly(page: Console, tmp_path: Path) -> None:
    page.choose("WebSocket")
    page.write(ASK)
    page.hears()
    page.page.wait_for_timeout(1500)
    page.page.keyboard.press("Escape")
    page.hears_nothing()
    expect(page.entries("assistant").locator("del")).to_be_visible()
    _, assistant = page.recording(tmp_path)
    loud = np.flatnonzero(np.abs(assistant) > 50)
    played_ms = (loud[-1] - loud[0]) / 24
    told = next(
        line["event"]["audio_end_ms"]
        for line in page.log(tmp_path)
        if line["event"]["type"] == "conversation.item.truncate"
    )
    # The loudspeaker is a little behind, and speech begins and may end with a moment of silence.
    assert played_ms - 250 < told < played_ms + 250
