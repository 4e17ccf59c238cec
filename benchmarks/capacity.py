"""How many sessions one core can listen to.

Callers stream their microphones in appends of 40 ms, 24 kHz, in real time; half of what they send is speech.
Everything is real (uvicorn, WebSocket, JSON, base64, resampling, session, Silero behind its gate) but the
transcriber and the responder, which need no time; every turn is answered with a second of speech. The number
grows until some append, of any session, is heard more than 100 ms after it was due to leave its microphone.

Once more with callers who say nothing at all. Then py-spy looks a thousand times a second at what the server
does with four fifths of its capacity in use.
"""

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from benchmarks import audio, callers, measure, process
from benchmarks.callers import Callers
from benchmarks.report import INK, Report, Verdict

TARGET = 400
SILENT_TARGET = 1000
LAG_MS = 100.0
OWN_SHARE_TARGET = 50.0
"""Percent of the busy time that the server's own part may take: everything but voice detection."""

FIRST_LOOK = 60
"""Sessions of the run that promises how many there may be."""
WARM_UP_S = 1.5

SHARES = {
    "voice detection": ("onnxruntime", "engines/silero", "engines/gate", "webrtcvad"),
    "resampling": ("soxr", "vivavoce/audio"),
    "JSON": ("protocol/codec.py:decode_client_event", "protocol/codec.py:encode", "msgspec"),
    "base64": ("protocol/codec.py:decode_audio", "pybase64"),
    "session": ("vivavoce/session", "vivavoce/protocol"),
    "runner": ("vivavoce/server/runner", "benchmarks"),
    "WebSocket": ("vivavoce/server", "websockets", "uvicorn"),
    "event loop, sockets": ("asyncio", "uvloop"),
}
"""What counts as what: the innermost frame that is recognised decides. C code without frames of its own
counts as the function that calls it."""


def run(*, quick: bool) -> Report:
    seconds = 2.5 if quick else 4.0
    measure.pin(measure.CLIENT_CORE)
    try:
        speech = callers.appends(audio.half_speech())
        talking = _search(speech, seconds)
        silent = _search(callers.appends(audio.silence(8)), seconds)
        shares, looks = _shares(speech, talking.sessions * 4 // 5, seconds)
    finally:
        measure.unpin()
    own = 100 - shares.get("voice detection", 0.0)
    report = Report(
        "capacity",
        "Sessions on one core",
        [
            "microphones",
            "sessions",
            "lag p99",
            "lag max",
            "stall p99",
            "core busy",
            "an append",
            "callers late p99",
        ],
    )
    for name, found in (("half speech, half silence", talking), ("silent", silent)):
        report.rows.append(
            (
                name,
                f"{found.sessions}",
                f"{found.server['lag_ms']['p99']:.0f} ms",
                f"{found.server['lag_ms']['max']:.0f} ms",
                f"{found.server['stall_ms']['p99']:.0f} ms",
                f"{found.busy:.0%}",
                f"{found.append_us:.0f} µs",
                f"{found.late_ms:.1f} ms",
            )
        )
        report.figures[name] = found.figures()
    report.figures["shares_percent"] = shares
    report.verdicts = [
        Verdict("sessions, half speech", talking.sessions, TARGET, at_least=True, digits=0),
        Verdict("sessions, silent", silent.sessions, SILENT_TARGET, at_least=True, digits=0),
    ]
    if looks:
        report.verdicts.append(
            Verdict("time outside of voice detection", own, OWN_SHARE_TARGET, "%", digits=0)
        )
        parts = ", ".join(f"{name} {share:.0f} %" for name, share in shares.items())
        report.notes.append(f"Where the time goes ({looks:,} looks of py-spy): {parts}.")
        report.chart_title = "Where the time of a busy server goes"
        report.chart = lambda axes: _draw(axes, shares)
    else:
        report.notes.append("Shares of the time were not measured: py-spy is missing or may not look.")
    report.notes.append(
        f"Speech: {audio.who_speaks()}. Lag: from when an append was due to leave the microphone to when it "
        "was heard, the callers' own lateness included; the table shows the last number of sessions that "
        "held."
    )
    return report


@dataclass
class Found:
    """One number of sessions, and what came of it."""

    sessions: int
    server: dict[str, Any]
    late_ms: float

    @property
    def held(self) -> bool:
        return bool(self.server["lag_ms"]["max"] <= LAG_MS)

    @property
    def busy(self) -> float:
        return float(self.server["cpu_s"] / self.server["wall_s"])

    @property
    def append_us(self) -> float:
        return float(self.server["cpu_s"] / self.server["appends"] * 1e6)

    def figures(self) -> dict[str, Any]:
        return {
            "sessions": self.sessions,
            "server": self.server,
            "callers_late_ms_p99": self.late_ms,
            "append_us": self.append_us,
        }


def _search(frames: list[bytes], seconds: float) -> Found:
    """The largest number of sessions that held, to an eighth: upwards or downwards from what a first look
    promises."""
    look = _try(frames, FIRST_LOOK, seconds / 2)
    promised = FIRST_LOOK / look.busy
    step = max(10, round(promised / 8, -1))
    sessions = round(promised, -1)
    found = _try(frames, int(sessions), seconds)
    if found.held:
        while (further := _try(frames, int(sessions + step), seconds)).held:
            found, sessions = further, sessions + step
        return found
    while not found.held and sessions > step:
        sessions -= step
        found = _try(frames, int(sessions), seconds)
    return found


def _try(frames: list[bytes], sessions: int, seconds: float) -> Found:
    with process.serving("--detector", "silero") as server:
        line = Callers(server.port, sessions, frames)
        line.stream(WARM_UP_S)
        line.lateness.clear()
        server.ask("reset")
        line.stream(seconds)
        found = Found(sessions, server.ask("report"), measure.percentile(line.lateness, 99) * 1e3)
        line.close()
    return found


def _shares(frames: list[bytes], sessions: int, seconds: float) -> tuple[dict[str, float], int]:
    """Percent of the server's busy time by kind of work, and from how many looks that is known."""
    spy = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if spy is None:
        return {}, 0
    with (
        process.serving("--detector", "silero", "--no-probe") as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        line = Callers(server.port, sessions, frames)
        line.stream(WARM_UP_S)
        file = Path(folder, "stacks")
        command = [
            spy,
            "record",
            "--pid",
            str(server.pid),
            "--duration",
            str(round(seconds)),
            "--rate",
            "1000",
        ]
        options = ["--nonblocking", "--format", "raw", "--output", str(file)]
        looking = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while looking.poll() is None:
            line.stream(0.2)
        line.close()
        stacks = file.read_text().splitlines() if file.exists() else []
    counts: Counter[str] = Counter()
    for stack in stacks:
        frames_of, _, looks = stack.rpartition(" ")
        counts[_kind(frames_of.split(";"))] += int(looks)
    looks = counts.total()
    return {name: count / looks * 100 for name, count in counts.most_common()}, looks


def _kind(stack: list[str]) -> str:
    for entry in reversed(stack):
        function, _, rest = entry.partition(" (")
        name = f"{rest.rpartition(':')[0] or rest.rstrip(')')}:{function.rpartition('.')[2]}"
        for kind, parts in SHARES.items():
            if any(part in name for part in parts):
                return kind
    return "other"


def _draw(axes: Axes, shares: dict[str, float]) -> None:
    names = list(shares)[::-1]
    colours = ["#1f77b4" if name == "voice detection" else "#7fb2d9" for name in names]
    drawn = axes.barh(names, [shares[name] for name in names], color=colours)
    axes.bar_label(drawn, [f"{shares[name]:.0f} %" for name in names], padding=4, color=INK)
    axes.set_xlabel("% of the server's busy time, half speech, half silence", color=INK)
