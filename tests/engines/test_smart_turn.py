"""A model that hears whether a turn is over: what it is given, where it runs, and what is refused."""

import asyncio
import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor
from tests.engines import onnx_file

from vivavoce.audio.wav import read_wav
from vivavoce.engines.interfaces import EngineError, SpokenTurn
from vivavoce.engines.log_mel import log_mel
from vivavoce.engines.registry import make
from vivavoce.engines.smart_turn import SmartTurnDetector, SmartTurnOptions, features


def sigmoid_of_the_mean(path: Path, frames: int = 800) -> Path:
    """A model of Smart Turn's form whose probability is that of the mean of the features."""
    path.write_bytes(
        onnx_file.model(
            [
                onnx_file.node("ReduceMean", ["input_features"], "mean", keepdims=0),
                onnx_file.node("Mul", ["mean", "scale"], "logit"),
                onnx_file.node("Sigmoid", ["logit"], "probability"),
            ],
            [onnx_file.value("input_features", 1, 80, frames)],
            [onnx_file.value("probability")],
            [onnx_file.constant("scale", 10.0)],
        )
    )
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return sigmoid_of_the_mean(tmp_path / "mean.onnx")


def turn(samples: np.ndarray) -> SpokenTurn:
    return SpokenTurn(transcript="", language=None, silence_ms=100, samples=samples)


def noise(n: int, level: float = 3000) -> np.ndarray:
    return (np.random.default_rng(n).standard_normal(n) * level).astype(np.int16)


async def test_its_probability_is_the_models(model: Path, speech: Path) -> None:
    detector = make("turn_detector", "smart_turn", {"model": str(model)})
    await detector.start()
    try:
        assert (detector.sample_rate, detector.audio_ms) == (16000, 8000)
        for samples in (read_wav(speech / "austen-0870.wav").samples, noise(16000), noise(200_000)):
            expected = 1 / (1 + np.exp(-10 * features(samples).mean()))
            assert await detector.finished(turn(samples)) == pytest.approx(expected, abs=1e-4)
    finally:
        await detector.aclose()


async def test_it_works_beside_the_event_loop(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    monkeypatch.setattr(
        "vivavoce.engines.smart_turn.log_mel",
        lambda sound: (threads.append(threading.current_thread()), log_mel(sound))[1],
    )
    detector = SmartTurnDetector(SmartTurnOptions(model=str(model), threads=2))
    await detector.start()
    results = await asyncio.gather(*(detector.finished(turn(noise(16000))) for _ in range(5)))
    assert len(set(results)) == 1
    await detector.aclose()
    await detector.aclose()
    assert len(threads) == 6
    assert threading.main_thread() not in threads
    assert not any(thread.is_alive() for thread in threads)
    with pytest.raises(EngineError, match="not running"):
        await detector.finished(turn(noise(10)))


async def refusal(path: str) -> str:
    with pytest.raises(EngineError) as caught:
        await SmartTurnDetector(SmartTurnOptions(model=path)).start()
    return str(caught.value)


async def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    assert "turn_detector.smart_turn.model" in await refusal("")
    assert "there is no file nowhere.onnx" in await refusal("nowhere.onnx")
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    assert f"{text} is no ONNX file" in await refusal(str(text))
    other = sigmoid_of_the_mean(tmp_path / "short.onnx", 3000)
    assert "1 x 80 x 800" in await refusal(str(other))


@pytest.mark.parametrize("options", [{"threads": 0}, {"model": 1}, {"modle": "x"}])
def test_options_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, SmartTurnOptions)


# What the model is given.


@pytest.mark.parametrize("n", [201, 16000, 128_000])
def test_features_are_whispers(n: int) -> None:
    sound = noise(n).astype(np.float32) / 32768
    expected = FeatureExtractor(chunk_length=8)(sound, padding=0)
    np.testing.assert_allclose(log_mel(sound), expected, atol=1e-4)


def test_a_short_turn_has_silence_in_front(speech: Path) -> None:
    samples = read_wav(speech / "austen-0880.wav").samples
    whole = np.concatenate((np.zeros(128_000 - len(samples), np.int16), samples))
    found = features(samples)
    assert found.shape == (1, 80, 800)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, features(whole))
    sound = whole.astype(np.float64) / 32768
    sound = ((sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)).astype(np.float32)
    np.testing.assert_allclose(found[0], FeatureExtractor()(sound, padding=0), atol=2e-3)


def test_of_a_long_turn_the_end_counts() -> None:
    long = noise(300_000)
    np.testing.assert_array_equal(features(long), features(long[-128_000:]))
    assert not np.array_equal(features(long), features(long[:128_000]))


def test_silence_has_features_too() -> None:
    assert np.isfinite(features(np.zeros(0, np.int16))).all()
