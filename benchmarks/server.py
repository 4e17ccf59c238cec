"""The server that is measured, in a process and on a core of its own.

    python -m benchmarks.server [--detector loudness|silero] [--talkative] [--no-probe]

Everything is the server's own (uvicorn, WebSocket, JSON, runner, session) but the engines, which need no
time; the voice detector can be the real one. It obeys as `benchmarks.measured` says.
"""

import argparse
import sys
import time
from typing import Any

from starlette.types import Receive, Scope, Send

from benchmarks import audio, measure
from benchmarks.engines import InstantResponder, InstantTranscriber, LoudnessDetector
from benchmarks.measured import Measured, distribution
from vivavoce.engines.interfaces import VoiceDetector
from vivavoce.engines.registry import make
from vivavoce.server.application import RealtimeApplication
from vivavoce.server.config import Config, ServerSettings, WebRTCSettings
from vivavoce.server.engine_room import Combination
from vivavoce.server.run import Listening, run
from vivavoce.server.runner import SessionRunner
from vivavoce.server.transport import Line

APPEND_S = 0.040

_DUE = '{"type":"session.update","event_id":"due '
_APPEND = '{"type":"input_audio_buffer.append"'


class Appends(Measured):
    """And how late the microphones were heard."""

    def __init__(self) -> None:
        self.answers: list[float] = []
        """For every request over HTTP since the server began, seconds from its arrival to its answer."""
        super().__init__()

    def reset(self) -> None:
        super().reset()
        self.lags: list[float] = []
        """For every append, seconds from when it was due to leave the microphone to when it was heard."""

    def report(self) -> dict[str, Any]:
        return super().report() | {
            "appends": len(self.lags),
            "lag_ms": distribution(self.lags),
            "answers_ms": [seconds * 1e3 for seconds in self.answers],
        }


MEASURED = Appends()


class MeasuredApplication(RealtimeApplication):
    """The application, and a clock at its door."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begin = time.monotonic()
        await super().__call__(scope, receive, send)
        if scope["type"] == "http":
            MEASURED.answers.append(time.monotonic() - begin)


class MeasuredRunner(SessionRunner):
    """The runner, and a clock beside it."""

    _first_due = 0.0
    _appends = 0
    _heard = 0

    async def receive(self, data: str | bytes, *, more: bool = False, line: Line | None = None) -> None:
        await super().receive(data, more=more, line=line)
        if data.startswith(_APPEND):  # type: ignore[arg-type]
            self._appends += 1
            if not self._hearing.waiting:
                now = time.monotonic()
                while self._heard < self._appends:
                    MEASURED.lags.append(now - self._first_due - self._heard * APPEND_S)
                    self._heard += 1
        elif data.startswith(_DUE):  # type: ignore[arg-type]
            self._first_due = float(data[len(_DUE) : data.index('"', len(_DUE))])  # type: ignore[arg-type]


class Engines:
    """One combination for all models."""

    def __init__(self, detector: VoiceDetector, responder: InstantResponder) -> None:
        self._combination = Combination(
            noise_reducer=make("noise_reducer", "webrtc"),
            voice_detector=detector,
            turn_detector=make("turn_detector", "sentence"),
            transcriber=InstantTranscriber(),
            diarizer=make("diarizer", "spectral"),
            responder=responder,
        )
        self.named = {"instant": self._combination.responder}
        self.started = False

    def combination(self, model: str | None) -> Combination:
        return self._combination

    def reasons(self, model: str | None) -> bool:
        return False

    def translates(self, model: str | None) -> bool:
        return False

    async def start(self) -> None:
        await self._combination.voice_detector.start()
        self.started = True

    async def aclose(self) -> None:
        await self._combination.voice_detector.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server")
    parser.add_argument("--detector", choices=("loudness", "silero"), default="loudness")
    parser.add_argument("--talkative", action="store_true", help="answer with a long recorded sentence")
    parser.add_argument("--no-probe", action="store_true")
    arguments = parser.parse_args()
    measure.pin(measure.SERVER_CORE)
    detector: Any = LoudnessDetector()
    if arguments.detector == "silero":
        detector = make("voice_detector", "silero", {}, "benchmarks")
    responder = InstantResponder(max(audio.sentences(), key=len) if arguments.talkative else None)
    engines: Any = Engines(detector, responder)
    config = Config(server=ServerSettings(port=0), webrtc=WebRTCSettings(offers_per_minute=0))
    application = MeasuredApplication(config, engines, MeasuredRunner)

    def ready(listening: Listening) -> None:
        MEASURED.serve(listening.port, probe=not arguments.no_probe)

    sys.exit(run(application, ready=ready))


if __name__ == "__main__":
    main()
