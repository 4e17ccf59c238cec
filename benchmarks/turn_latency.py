"""How soon the server hears that somebody has finished, and how soon it answers.

The engines need no time, so that all of it is the server's: sockets, WebSocket, JSON, base64, resampling, the
session and its runner. Speech is noise that begins and ends at known samples, so that both ends of a turn are
known exactly:

- heard: from the append that holds the last sample of speech to `speech_stopped`, less the window of silence
  that ends a turn. The detector looks at frames of 32 ms and audio comes in appends of 40 ms, so up to 72 ms
  of waiting are in the nature of it.
- answered: from the append that completes the window of silence to the first audio delta.

Once more with the real voice detector and people's speech, where only the answer can be timed.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from benchmarks import audio, callers, measure, process
from benchmarks.callers import APPEND_MS, RATE, Caller, Callers, frame
from benchmarks.report import BAD, INK, OURS, PALE, Report, Verdict

FRAME_MS = 32
WINDOW_MS = 10 * FRAME_MS
"""The window of silence: whole frames, so that rounding it up adds nothing."""
RESAMPLER_MS = 0.25
"""What the resampler on the way to the detector may hold back."""

ANSWER_TARGET_MS = 5.0
HEARD_TARGET_MS = float(FRAME_MS + APPEND_MS)
STALL_TARGET_MS = 10.0

WARM_UP_S = 1.5


def run(*, quick: bool) -> Report:
    seconds = 4.0 if quick else 12.0
    pattern = Pattern()
    noise = callers.appends(pattern.samples)
    measure.pin(measure.CLIENT_CORE)
    try:
        runs = {
            "1 session": _measure(1, noise, pattern, "loudness", 2 * seconds),
            "100 sessions": _measure(100, noise, pattern, "loudness", seconds),
            "100 sessions, Silero": _measure(
                100, callers.appends(audio.half_speech()), None, "silero", seconds
            ),
        }
    finally:
        measure.unpin()
    report = Report(
        "turn_latency",
        "Latency of a turn, engines instant",
        [
            "",
            "turns",
            "heard p50",
            "heard p99",
            "answered p50",
            "answered p99",
            "stall p99",
            "stall max",
            "core",
        ],
    )
    for name, found in runs.items():
        heard = [_ms(found.heard, percent) for percent in (50, 99)] if found.heard else ["–", "–"]
        stall = found.server["stall_ms"]
        report.rows.append(
            (
                name,
                f"{len(found.answered)}",
                *heard,
                _ms(found.answered, 50, 2),
                _ms(found.answered, 99, 2),
                f"{stall['p99']:.1f} ms",
                f"{stall['max']:.1f} ms",
                f"{found.server['cpu_s'] / found.server['wall_s']:.0%}",
            )
        )
        report.figures[name] = {
            "heard_ms": {f"p{p}": measure.percentile(found.heard, p) for p in (50, 99)},
            "answered_ms": {f"p{p}": measure.percentile(found.answered, p) for p in (50, 90, 99, 100)},
            "server": found.server,
            "callers_late_ms_p99": found.late_ms,
        }
    many = runs["100 sessions"]
    report.verdicts = [
        Verdict(
            "heard, p99, 1 session", measure.percentile(runs["1 session"].heard, 99), HEARD_TARGET_MS, "ms"
        ),
        Verdict("heard, p99, 100 sessions", measure.percentile(many.heard, 99), HEARD_TARGET_MS, "ms"),
        Verdict("answered, p99, 100 sessions", measure.percentile(many.answered, 99), ANSWER_TARGET_MS, "ms"),
        Verdict("event loop stall, p99, 100 sessions", many.server["stall_ms"]["p99"], STALL_TARGET_MS, "ms"),
    ]
    report.notes.append(
        f"Server and callers on a core each; appends of {APPEND_MS} ms in real time; the window of silence "
        f"is {WINDOW_MS} ms; speech in the last row: {audio.who_speaks()}. uvloop's timers, and so the probe "
        "for stalls, count whole milliseconds."
    )
    report.chart = lambda axes: _draw(axes, {name: found.answered for name, found in runs.items()})
    return report


class Pattern:
    """Bursts of noise and silences of odd lengths, ten seconds of it, always the same."""

    def __init__(self) -> None:
        rng = np.random.default_rng(40)
        pieces: list[np.ndarray] = []
        self.ends: list[float] = []
        """Where each burst ends, in ms."""
        at = 0
        total = RATE * 10
        while True:
            silence, burst = (int(rng.integers(*span)) * RATE // 1000 for span in ((480, 640), (160, 320)))
            silence, burst = silence + int(rng.integers(24)), burst + int(rng.integers(24))
            if at + silence + burst + RATE // 2 > total:
                break
            pieces += [np.zeros(silence), rng.choice((-8000, 8000), burst)]
            at += silence + burst
            self.ends.append(at * 1000 / RATE)
        pieces.append(np.zeros(total - at))
        self.samples = np.concatenate(pieces).astype(np.int16)
        self.ms = total * 1000 // RATE

    def last_end(self, ms: float) -> float:
        """Where the last burst before this moment ended, on a clock on which the pattern goes on for ever."""
        begin = ms // self.ms * self.ms
        found = [begin + end for end in self.ends if begin + end <= ms]
        return found[-1] if found else begin - self.ms + self.ends[-1]


@dataclass
class Found:
    heard: list[float] = field(default_factory=list)
    """ms, one for each turn."""
    answered: list[float] = field(default_factory=list)
    server: dict[str, Any] = field(default_factory=dict)
    late_ms: float = 0.0


def _measure(
    count: int, frames: list[bytes], pattern: Pattern | None, detector: str, seconds: float
) -> Found:
    found = Found()
    begun: list[int] = []
    """How many appends each caller had sent when the measuring began."""
    completed: dict[int, float] = {}
    """When the append was sent that ended the turn that is being answered, by caller."""

    def heard(caller: Caller, kind: str, event: bytes, at: float) -> None:
        if kind == "input_audio_buffer.speech_stopped":
            end_ms = json.loads(event)["audio_end_ms"]
            completed[caller.index] = caller.sent_at[_append_at(end_ms + RESAMPLER_MS)]
            if pattern is not None and begun:
                began = caller.offset * APPEND_MS
                spoken = _append_at(pattern.last_end(began + end_ms) - began)
                if spoken >= begun[caller.index]:
                    found.heard.append((at - caller.sent_at[spoken]) * 1e3 - WINDOW_MS)
        elif kind == "response.output_audio.delta" and caller.index in completed:
            found.answered.append((at - completed.pop(caller.index)) * 1e3)

    with process.serving("--detector", detector) as server:
        line = Callers(server.port, count, frames, heard)
        detection = {"type": "server_vad", "silence_duration_ms": WINDOW_MS}
        session = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
        for caller in line.all:
            line.say(caller, frame(json.dumps({"type": "session.update", "session": session}).encode()))
        line.stream(WARM_UP_S)
        completed.clear()
        found.answered.clear()
        line.lateness.clear()
        server.ask("reset")
        begun += [caller.sent for caller in line.all]
        line.stream(seconds)
        found.server = server.ask("report")
        found.late_ms = measure.percentile(line.lateness, 99) * 1e3
        line.close()
    return found


def _append_at(ms: float) -> int:
    """The append that brings the sample before this moment of the input clock."""
    return max(0, int(-(-ms // APPEND_MS)) - 1)


def _ms(values: list[float], percent: float, digits: int = 1) -> str:
    return f"{measure.percentile(values, percent):.{digits}f} ms"


def _draw(axes: Axes, runs: dict[str, list[float]]) -> None:
    for (name, values), colour in zip(runs.items(), (PALE, OURS, INK), strict=True):
        ordered = np.sort(values)
        axes.step(
            ordered, np.arange(1, len(ordered) + 1) / len(ordered) * 100, color=colour, label=name, lw=2
        )
    axes.axvline(ANSWER_TARGET_MS, color=BAD, lw=1, ls="--", label="target for 99 %")
    axes.set_xscale("log")
    axes.set_xlabel("ms from the append that ends the silence to the first audio delta", color=INK)
    axes.set_ylabel("% of turns", color=INK)
    axes.legend(frameon=False, loc="lower right")
