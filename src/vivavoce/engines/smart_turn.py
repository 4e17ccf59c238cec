"""An ONNX model that hears whether a speaker has finished: Smart Turn v3, or any with the same form.

The model takes `input_features`, `(1, 80, 800) float32`: Whisper's features of the turn's last 8 s at 16 kHz,
with silence in front where it is shorter, brought to mean 0 and variance 1. It gives one number, the
probability that the turn is complete. Models are not part of this package: pipecat-ai publishes them under
the BSD licence.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np
import numpy.typing as npt

from vivavoce.engines.interfaces import EngineError, Samples, SpokenTurn
from vivavoce.engines.log_mel import BANDS, HOP, RATE, log_mel

WINDOW_MS = 8000
_INPUT = (1, BANDS, WINDOW_MS * RATE // 1000 // HOP)
_INSTALL = 'pip install "vivavoce[server]"'


class SmartTurnOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the turn detector `smart_turn`."""

    model: str = ""
    """The ONNX file; relative to the working directory. There is no default."""
    threads: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    """So many turns are judged at a time, each on one core; others wait."""


class SmartTurnDetector:
    """Judges by the sound alone, the melody of the last words above all."""

    Options: ClassVar[type[msgspec.Struct]] = SmartTurnOptions
    sample_rate: int = RATE
    audio_ms: int = WINDOW_MS

    def __init__(self, options: SmartTurnOptions) -> None:
        self._options = options
        self._threads: ThreadPoolExecutor | None = None
        self._session: Any = None
        self._input = ""

    async def start(self) -> None:
        """Load the model and run it once. Raises EngineError if it is missing or of another form."""
        if not self._options.model:
            raise EngineError(
                "The smart_turn engine needs a model: name its ONNX file as turn_detector.smart_turn.model."
            )
        self._threads = ThreadPoolExecutor(self._options.threads, "vivavoce-smart-turn")
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._load)
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Let go of the model, after the judgements that are being made."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)
        self._session = None

    async def finished(self, turn: SpokenTurn) -> float:
        """See `TurnDetector.finished`. About 50 ms of work in a thread."""
        if self._threads is None:
            raise EngineError("The smart_turn engine is not running.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._judge, turn.samples)

    def _load(self) -> None:
        path = self._options.model
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineError(f"The smart_turn engine needs the package {error.name}: {_INSTALL}") from error
        if not Path(path).is_file():
            raise EngineError(f"The smart_turn engine cannot find its model: there is no file {path}")
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # a class of its own for each reason
            raise EngineError(
                f"The smart_turn engine cannot read its model: {path} is no ONNX file"
            ) from error
        inputs = session.get_inputs()
        if len(inputs) != 1 or not _fits(inputs[0].shape):
            raise EngineError(
                f"The smart_turn engine does not know how to use {path}: it wants a model with one input of "
                f"{' x '.join(map(str, _INPUT))} numbers, as Smart Turn v3 has."
            )
        self._session, self._input = session, inputs[0].name
        self._judge(np.zeros(0, np.int16))

    def _judge(self, samples: Samples) -> float:
        outputs = self._session.run(None, {self._input: features(samples)})
        return float(np.clip(np.asarray(outputs[0]).ravel()[0], 0, 1))


def features(samples: Samples) -> npt.NDArray[np.float32]:
    """What the model takes, `(1, 80, 800)`, of `(n,) int16` at 16 kHz."""
    n = WINDOW_MS * RATE // 1000
    latest = samples[-n:]
    sound = np.zeros(n, np.float32)
    sound[n - len(latest) :] = latest
    sound /= 32768
    sound -= sound.mean()
    sound /= np.sqrt(sound.var() + 1e-7)
    return log_mel(sound)[np.newaxis].astype(np.float32)


def _fits(shape: Any) -> bool:
    """Whether an input of this shape, in which names stand for any length, takes the features."""
    pairs = zip(shape, _INPUT, strict=False)
    return len(shape) == len(_INPUT) and all(not isinstance(a, int) or a == b for a, b in pairs)
