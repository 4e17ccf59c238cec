"""Silero behind its gate, on speech of people: what it says, when it says it, and what it costs."""

import asyncio
import subprocess
import sys
import textwrap
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.audio.wav import read_wav
from vivavoce.engines.gate import Gate
from vivavoce.engines.interfaces import EngineError
from vivavoce.engines.registry import make
from vivavoce.engines.silero import DRIFT, PREROLL, SETTLED, SileroDetector, SileroOptions, SileroStream

RATE = 16000
FRAME = 512

# Where people speak in the recordings, in ms, by ear and by the envelope: first and last sound.
SPOKEN = {
    "austen-0870": (270, 6850),
    "austen-0880": (250, 2800),
    "austen-0920": (340, 5880),
    "austen-0930": (290, 3000),
    "goforward": (490, 2150),
}


@pytest.fixture(scope="module")
def recordings(speech: Path) -> dict[str, np.ndarray]:
    found = {path.stem: read_wav(path).samples for path in sorted(speech.glob("austen-*.wav"))}
    found["goforward"] = np.fromfile(speech / "goforward-16k-s16le.raw", "<i2").astype(np.int16)
    return found


def started(**options) -> SileroDetector:
    detector = SileroDetector(SileroOptions(**options))
    asyncio.run(detector.start())
    return detector


@pytest.fixture(scope="module")
def detector() -> SileroDetector:
    return started()


@pytest.fixture(scope="module")
def without_gate() -> SileroDetector:
    return started(gate=False)


class Reference:
    """Silero alone: frame by frame, nothing spared, nothing put back."""

    def __init__(self) -> None:
        file = Path(find_spec("faster_whisper").submodule_search_locations[0], "assets", "silero_vad_v6.onnx")
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(file), settings, providers=["CPUExecutionProvider"])

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        h = c = np.zeros((1, 1, 128), np.float32)
        padded = np.concatenate((np.zeros(64), samples / 32768)).astype(np.float32)
        probabilities = []
        for start in range(0, len(samples) - FRAME + 1, FRAME):
            row = padded[start : start + 64 + FRAME].reshape(1, -1)
            probability, h, c = self.session.run(None, {"input": row, "h": h, "c": c})
            probabilities.append(float(probability[0]))
        return np.array(probabilities)


@pytest.fixture(scope="module")
def silero_alone() -> Reference:
    return Reference()


def heard(detector: SileroDetector, samples: np.ndarray, size: int = 4800) -> np.ndarray:
    """The probabilities of a stream that comes in appends of so many samples."""
    stream = detector.stream()
    return np.array(
        [
            probability
            for start in range(0, len(samples), size)
            for probability in stream.feed(samples[start : start + size])
        ]
    )


def spoken(probabilities: np.ndarray, threshold: float = 0.5, silence_ms: int = 500) -> list[tuple[int, int]]:
    """The first and the last frame of each segment that a session with these settings would find."""
    segments: list[tuple[int, int]] = []
    for frame in np.nonzero(probabilities > threshold)[0].tolist():
        if segments and (frame - segments[-1][1]) * 32 <= silence_ms:
            segments[-1] = segments[-1][0], frame
        else:
            segments.append((frame, frame))
    return segments


def noise(kind: str, n: int, seed: int) -> np.ndarray:
    """`(n,) float64` with an RMS of 1."""
    white = np.random.default_rng(seed).standard_normal(n)
    if kind == "white":
        return white
    if kind == "hum":
        time = np.arange(n) / RATE
        hum = sum(np.sin(2 * np.pi * 100 * k * time + k) / k for k in range(1, 9)) + white / 10
        return hum / hum.std()
    spectrum = np.fft.rfft(white)
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20))
    pink = np.fft.irfft(spectrum, n)
    return pink / pink.std()


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * RATE), np.int16)


def in_background(kind: str, decibels: float, samples: np.ndarray, seed: int = 1) -> np.ndarray:
    """Samples with noise so many dB below speech of −24 dBFS, the level of the recordings; it comes up within
    100 ms, because an abrupt hum is a voice to Silero for one frame."""
    if kind == "silence":
        return samples
    level = 32768 * 10 ** ((-24 - decibels) / 20) * np.minimum(np.arange(len(samples)) / 1600, 1)
    return np.clip(np.rint(samples + noise(kind, len(samples), seed) * level), -32768, 32767).astype(np.int16)


class TestSpeech:
    @pytest.mark.parametrize("name", SPOKEN)
    def test_found_where_it_is(self, detector, recordings, name):
        segments = spoken(heard(detector, np.concatenate((recordings[name], silence(1)))))
        begin, end = SPOKEN[name]
        assert len(segments) == 1
        assert abs(segments[0][0] * 32 - begin) <= 100
        assert abs((segments[0][1] + 1) * 32 - end) <= 150

    @pytest.mark.parametrize("name", SPOKEN)
    def test_without_gate_it_is_silero_to_the_last_digit(self, without_gate, silero_alone, recordings, name):
        assert np.abs(heard(without_gate, recordings[name]) - silero_alone(recordings[name])).max() < 1e-5

    @pytest.mark.parametrize("name", SPOKEN)
    def test_with_gate_it_is_too_while_somebody_speaks(self, detector, silero_alone, recordings, name):
        ours, alone = heard(detector, recordings[name]), silero_alone(recordings[name])
        looked = ours > 0
        assert np.abs(ours - alone)[looked].max() < 0.1
        assert alone[~looked].max(initial=0) < 0.1

    def test_found_after_any_silence(self, detector, recordings):
        for seconds in (0, 1, 5, 20, 60):
            begins = int(seconds * RATE / FRAME)
            segments = spoken(
                heard(detector, np.concatenate((silence(seconds), recordings["goforward"], silence(1))))
            )
            assert len(segments) == 1
            assert abs(segments[0][0] - begins - 16) <= 2


class TestNoSpeech:
    @pytest.mark.parametrize("decibels", [-80, -60, -45, -30])
    @pytest.mark.parametrize("kind", ["white", "pink"])
    def test_noise_is_none(self, detector, without_gate, kind, decibels):
        steady = in_background(kind, -24 - decibels, silence(20))
        assert heard(detector, steady).max() < 0.5
        assert heard(without_gate, steady).max() < 0.5

    def test_silence_is_none(self, detector, without_gate):
        assert heard(detector, silence(20)).max() < 0.1
        assert heard(without_gate, silence(20)).max() < 0.1

    def test_noise_after_speech_is_none(self, detector, recordings):
        probabilities = heard(
            detector, in_background("white", 20, np.concatenate((recordings["goforward"], silence(20))))
        )
        assert len(spoken(probabilities)) == 1
        assert probabilities[100:].max() < 0.3


@pytest.fixture(scope="module")
def conversation(recordings: dict[str, np.ndarray]) -> np.ndarray:
    """Speech, quiet, noise that opens the gate, speech, noise: all that a stream may go through, in 17 s."""
    burst = np.rint(noise("pink", RATE // 4, 3) * 900).astype(np.int16)
    parts = [silence(1), recordings["austen-0880"], silence(3), burst, silence(1.5), recordings["goforward"]]
    quiet = np.rint(noise("white", 5 * RATE, 4) * 400).astype(np.int16)
    return np.concatenate([*parts, quiet])


class TestStreams:
    @pytest.mark.parametrize("gate", [True, False])
    @pytest.mark.parametrize("size", [1, 333, 960, 3000, 100_000])
    def test_appends_of_any_size(self, detector, without_gate, conversation, gate, size):
        chosen = detector if gate else without_gate
        cut = conversation if size > 1 else conversation[: 9 * RATE]
        expected = heard(chosen, cut, FRAME)
        assert len(expected) == len(cut) // FRAME
        assert np.abs(heard(chosen, cut, size) - expected).max() < 1e-5

    @settings(max_examples=20, deadline=None)
    @given(sizes=st.lists(st.integers(0, 20_000), min_size=1, max_size=30).filter(any))
    def test_appends_of_all_sizes(self, detector, conversation, sizes):
        stream, probabilities, start, turn = detector.stream(), [], 0, 0
        while start < len(conversation):
            piece = conversation[start : start + sizes[turn % len(sizes)]]
            probabilities += stream.feed(piece)
            start, turn = start + len(piece), turn + 1
        assert np.abs(np.array(probabilities) - heard(detector, conversation)).max() < 1e-5

    def test_streams_know_nothing_of_each_other(self, detector, recordings):
        one, other = detector.stream(), detector.stream()
        ours: list[float] = []
        theirs: list[float] = []
        speech, quiet = recordings["austen-0930"], in_background("white", 10, silence(3))
        for start in range(0, len(speech), 640):
            ours += one.feed(speech[start : start + 640])
            theirs += other.feed(quiet[start : start + 640])
        assert ours == heard(detector, speech).tolist()
        assert theirs == heard(detector, quiet[: len(theirs) * FRAME]).tolist()

    def test_streams_in_threads(self, detector, recordings):
        pieces = [recordings[name][: 2 * RATE] for name in SPOKEN]
        expected = [heard(detector, piece).tolist() for piece in pieces]
        with ThreadPoolExecutor(len(pieces)) as pool:
            for _ in range(3):
                assert [
                    found.tolist() for found in pool.map(lambda piece: heard(detector, piece), pieces)
                ] == expected

    def test_what_was_fed_may_be_overwritten(self, detector, recordings):
        speech = recordings["goforward"]
        stream, buffer, probabilities = detector.stream(), np.zeros(700, np.int16), []
        for start in range(0, len(speech) - 700, 700):
            buffer[:] = speech[start : start + 700]
            probabilities += stream.feed(buffer)
            buffer[:] = 32767
        assert probabilities == heard(detector, speech)[: len(probabilities)].tolist()

    def test_nothing_is_nothing(self, detector):
        assert list(detector.stream().feed(np.zeros(0, np.int16))) == []

    def test_a_stream_is_small(self, detector):
        tracemalloc.start()
        try:
            streams = [detector.stream() for _ in range(50)]
            for stream in streams:
                stream.feed(silence(1)[:-1])
            used, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert used / len(streams) < 19_000  # and 1 kB for webrtcvad, which is not traced


class Counting:
    """Silero that counts the frames that it looks at."""

    def __init__(self, detector: SileroDetector) -> None:
        self.looked = 0
        self._run = detector._run

    def __call__(self, rows, hidden, cell):
        self.looked += len(rows)
        return self._run(rows, hidden, cell)

    def heard(self, samples: np.ndarray) -> np.ndarray:
        stream = SileroStream(self, Gate())
        return np.array(
            [p for start in range(0, len(samples), 640) for p in stream.feed(samples[start : start + 640])]
        )


class TestGate:
    def test_silero_does_not_look_at_silence(self, detector):
        for quiet in (silence(30), in_background("pink", 30, silence(30))):
            counting = Counting(detector)
            probabilities = counting.heard(quiet)
            assert counting.looked <= SETTLED + 10
            assert np.count_nonzero(probabilities) <= SETTLED + 10

    def test_silero_looks_at_no_frame_twice(self, detector, recordings):
        counting = Counting(detector)
        frames = len(counting.heard(np.concatenate([recordings["austen-0930"], silence(0.6)] * 4)))
        assert counting.looked <= frames

    def test_silero_goes_through_what_came_before_when_the_gate_opens(self, detector):
        quiet = silence(5)[: 150 * FRAME]
        burst = np.rint(noise("pink", FRAME, 3) * 3000).astype(np.int16)
        without, counting = Counting(detector), Counting(detector)
        without.heard(quiet)
        probabilities = counting.heard(np.concatenate((quiet, burst)))
        assert counting.looked == without.looked + PREROLL + 1
        assert np.count_nonzero(probabilities[SETTLED + 1 : 150]) == 0
        assert probabilities[150] > 0

    def test_a_gap_shorter_than_that_is_not_noticed(self, detector, without_gate):
        # The gate closes for some frames and opens again: Silero has seen every frame in the end.
        quiet = silence(0.032 * (SETTLED + PREROLL - 2))
        burst = np.rint(noise("pink", 8 * FRAME, 3) * 3000).astype(np.int16)
        counting = Counting(detector)
        samples = np.concatenate((quiet, burst))
        probabilities = counting.heard(samples)
        assert counting.looked == len(samples) // FRAME
        assert np.abs(probabilities - heard(without_gate, samples))[-8:].max() < 1e-5


# (kind of noise, dB below the speech)
BACKGROUNDS = [("silence", 99), ("white", 20), ("white", 5), ("pink", 10), ("hum", 5)]


class TestTimes:
    @pytest.mark.parametrize("background", BACKGROUNDS)
    @pytest.mark.parametrize("gain", [0, -10])
    def test_the_gate_moves_neither_beginnings_nor_ends(
        self, detector, without_gate, silero_alone, recordings, background, gain
    ):
        kind, decibels = background
        for name, speech in recordings.items():
            quiet = np.rint(speech * 10 ** (gain / 20)).astype(np.int16)
            for pause in (0.5, 6.0):
                samples = np.concatenate((silence(pause), quiet, silence(1)))
                samples = in_background(kind, decibels - gain, samples)
                with_gate, without = spoken(heard(detector, samples)), spoken(heard(without_gate, samples))
                alone = spoken(silero_alone(samples))
                assert len(with_gate) == len(without) == len(alone) == 1, name
                assert abs(with_gate[0][0] - without[0][0]) <= (1 if pause < 1 else 2), name
                assert abs(with_gate[0][1] - without[0][1]) <= 1, name
                assert with_gate[0][0] <= alone[0][0] + 1, name

    @pytest.mark.parametrize("name", SPOKEN)
    @pytest.mark.parametrize("background", [("silence", 99), ("hum", 5), ("pink", 10), ("white", 5)])
    def test_long_silence_does_not_make_it_deaf(self, detector, without_gate, recordings, name, background):
        # Silero alone hears nothing of "go forward" after 20 s of such a hum, and of others half a second too
        # late.
        samples = np.concatenate((silence(20), recordings[name], silence(1)))
        samples = in_background(*background, samples)
        begin = 20_000 + SPOKEN[name][0]
        for listener in (detector, without_gate):
            segments = spoken(heard(listener, samples))
            assert len(segments) == 1
            assert -300 <= segments[0][0] * 32 - begin <= 250

    def test_what_silence_did_to_the_state_is_undone(self, without_gate, recordings):
        # Once it is quiet, the state comes round: the same frame of noise is judged the same a period later.
        period = np.rint(noise("hum", DRIFT * FRAME, 5) * 300).astype(np.int16)
        probabilities = heard(without_gate, np.concatenate([recordings["austen-0880"], *[period] * 4]))
        rounds = probabilities[-3 * DRIFT :].reshape(3, DRIFT)
        assert probabilities[-3 * DRIFT :].max() < 0.1
        assert np.abs(rounds[2] - rounds[1])[2:].max() < 0.02


class TestEngine:
    def test_found_by_its_name(self):
        made = make("voice_detector", "silero", {"gate": False})
        assert isinstance(made, SileroDetector)
        assert (made.sample_rate, made.frame_samples) == (16000, 512)

    def test_options_have_defaults(self):
        assert SileroDetector.Options() == SileroOptions(gate=True)
        with pytest.raises(msgspec.ValidationError, match="unknown field `threshold`"):
            msgspec.convert({"threshold": 0.5}, SileroDetector.Options)

    async def test_no_stream_before_the_start_nor_after_the_end(self):
        detector = SileroDetector(SileroOptions())
        with pytest.raises(EngineError, match="not running"):
            detector.stream()
        await detector.start()
        stream = detector.stream()
        await detector.aclose()
        await detector.aclose()
        with pytest.raises(EngineError, match="not running"):
            detector.stream()
        assert len(stream.feed(silence(0.032))) == 1

    @pytest.mark.parametrize(
        ("missing", "sentence"),
        [
            ("onnxruntime", 'needs the package onnxruntime: pip install "vivavoce[server]"'),
            ("webrtcvad", 'needs the package webrtcvad: pip install "vivavoce[server]"'),
            ("faster_whisper", 'needs the package faster_whisper: pip install "vivavoce[server]"'),
        ],
    )
    def test_a_package_that_is_missing(self, missing, sentence):
        program = f"""
            import asyncio, sys
            sys.modules[{missing!r}] = None
            from vivavoce.engines.interfaces import EngineError
            from vivavoce.engines.silero import SileroDetector, SileroOptions
            try:
                asyncio.run(SileroDetector(SileroOptions()).start())
            except EngineError as error:
                print(error)
        """
        assert python(program) == f"The silero engine {sentence}\n"

    def test_a_package_without_the_model(self, tmp_path):
        (tmp_path / "faster_whisper").mkdir()
        (tmp_path / "faster_whisper" / "__init__.py").touch()
        program = f"""
            import asyncio, sys
            sys.path.insert(0, {str(tmp_path)!r})
            from vivavoce.engines.interfaces import EngineError
            from vivavoce.engines.silero import SileroDetector, SileroOptions
            try:
                asyncio.run(SileroDetector(SileroOptions()).start())
            except EngineError as error:
                print(error)
        """
        sentence = (
            'The installed faster_whisper holds no silero_vad_v6.onnx: pip install "faster-whisper>=1.2,<2"'
        )
        assert python(program) == sentence + "\n"

    def test_starting_imports_nothing_heavy_and_says_nothing(self):
        program = """
            import asyncio, sys
            from vivavoce.engines.silero import SileroDetector, SileroOptions
            asyncio.run(SileroDetector(SileroOptions()).start())
            print(sorted({"faster_whisper", "ctranslate2", "torch", "tokenizers"} & set(sys.modules)))
        """
        assert python(program) == "[]\n"


def python(program: str) -> str:
    """What a program prints, on both of its outputs."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout
