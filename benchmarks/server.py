"""The server that is measured, in a process and on a core of its own.

    python -m benchmarks.server [--detector loudness|silero] [--no-probe]

Everything is the server's own (uvicorn, WebSocket, JSON, runner, session) but the engines, which need no
time; the voice detector can be the real one. Each line on its standard input is a command; it answers with a
line of JSON:

    reset    begin to measure anew
    report   what was measured since
    collect  free what is garbage
"""

import argparse
import asyncio
import gc
import json
import os
import sys
import time
from typing import Any

from benchmarks import measure
from benchmarks.engines import InstantResponder, InstantTranscriber, LoudnessDetector
from vivavoce.engines.interfaces import VoiceDetector
from vivavoce.engines.registry import make
from vivavoce.server.application import RealtimeApplication
from vivavoce.server.config import Config, ServerSettings
from vivavoce.server.engine_room import Combination
from vivavoce.server.run import Listening, run
from vivavoce.server.runner import SessionRunner

APPEND_S = 0.040
PROBE_S = 0.005
"""How often the probe looks whether the event loop still turns."""

_DUE = '{"type":"session.update","event_id":"due '
_APPEND = '{"type":"input_audio_buffer.append"'


class Measured:
    """What happened since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.lags: list[float] = []
        """For every append, seconds from when it was due to leave the microphone to when it was heard."""
        self.stalls: list[float] = []
        """For every look of the probe, seconds by which it came late."""
        self._cpu = time.process_time()
        self._wall = time.monotonic()

    def report(self) -> dict[str, Any]:
        return {
            "cpu_s": time.process_time() - self._cpu,
            "wall_s": time.monotonic() - self._wall,
            "appends": len(self.lags),
            "lag_ms": _distribution(self.lags),
            "stall_ms": _distribution(self.stalls),
        }


MEASURED = Measured()


class MeasuredRunner(SessionRunner):
    """The runner, and a clock beside it."""

    _first_due = 0.0
    _appends = 0
    _heard = 0

    async def receive(self, data: str | bytes, *, more: bool = False) -> None:
        await super().receive(data, more=more)
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

    def __init__(self, detector: VoiceDetector) -> None:
        self._combination = Combination(
            noise_reducer=make("noise_reducer", "webrtc"),
            voice_detector=detector,
            turn_detector=make("turn_detector", "sentence"),
            transcriber=InstantTranscriber(),
            diarizer=make("diarizer", "spectral"),
            responder=InstantResponder(),
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
    parser.add_argument("--no-probe", action="store_true")
    arguments = parser.parse_args()
    measure.pin(measure.SERVER_CORE)
    detector: Any = LoudnessDetector()
    if arguments.detector == "silero":
        detector = make("voice_detector", "silero", {}, "benchmarks")
    engines: Any = Engines(detector)
    application = RealtimeApplication(Config(server=ServerSettings(port=0)), engines, MeasuredRunner)
    tasks = []

    def ready(listening: Listening) -> None:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _obey)
        if not arguments.no_probe:
            tasks.append(asyncio.create_task(_probe()))
        _say({"port": listening.port, "pid": os.getpid()})

    sys.exit(run(application, ready=ready))


async def _probe() -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + PROBE_S
        await asyncio.sleep(PROBE_S)
        MEASURED.stalls.append(loop.time() - due)


def _obey() -> None:
    command = os.read(sys.stdin.fileno(), 100).decode().strip()
    if not command:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
    elif command == "reset":
        MEASURED.reset()
        _say({})
    elif command == "collect":
        _say({"found": gc.collect()})
    else:
        _say(MEASURED.report())


def _distribution(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    ms = [value * 1e3 for value in seconds]
    return {
        "p50": measure.percentile(ms, 50),
        "p99": measure.percentile(ms, 99),
        "p99.9": measure.percentile(ms, 99.9),
        "max": max(ms),
    }


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
