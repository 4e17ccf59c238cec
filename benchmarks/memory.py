"""What a session weighs: the server's resident memory with none, with many that say nothing yet, with many
that talk, and after thousands that came and went."""

import time

from matplotlib.axes import Axes

from benchmarks import audio, callers, measure, process
from benchmarks.callers import Callers
from benchmarks.report import BAD, INK, OURS, Report, Verdict

IDLE_TARGET_KB = 200.0
TALKING_TARGET_MB = 2.0
GROWTH_TARGET_MB = 1.0

TALKING = 100
AT_ONCE = 50


def run(*, quick: bool) -> Report:
    idle_count = 200 if quick else 1000
    thousand = 200 if quick else 1000
    talk_s = 5.0 if quick else 15.0
    frames = callers.appends(audio.half_speech())
    measure.pin(measure.CLIENT_CORE)
    try:
        with process.serving("--detector", "silero", "--no-probe") as server:
            _come_and_go(server, 2, frames)  # what the first sessions load is nobody's
            empty = _settled(server)
            line = Callers(server.port, idle_count)
            idle = (_settled(server) - empty) / idle_count
            line.close()
        with process.serving("--detector", "silero", "--no-probe") as server:
            _come_and_go(server, 2, frames)
            empty = _settled(server)
            line = Callers(server.port, TALKING, frames)
            line.stream(talk_s)
            talking = (_settled(server) - empty) / TALKING
            line.close()
        with process.serving("--detector", "silero", "--no-probe") as server:
            growth = [_settled(server)]
            for _ in range(3):
                for _ in range(thousand // AT_ONCE):
                    _come_and_go(server, AT_ONCE, frames)
                growth.append(_settled(server))
    finally:
        measure.unpin()
    grown = growth[3] - growth[2]
    report = Report(
        "memory",
        "Memory of the server",
        ["what", "resident"],
        [
            ("a session that says nothing yet", f"{idle / 1e3:.0f} kB"),
            (f"a session that has talked for {talk_s:g} s", f"{talking / 1e6:.2f} MB"),
            ("the server before its first session", f"{growth[0] / 1e6:.1f} MB"),
            *(
                (f"after {n * thousand:,} sessions came and went", f"{size / 1e6:.1f} MB")
                for n, size in enumerate(growth[1:], 1)
            ),
        ],
        [
            Verdict("idle session", idle / 1e3, IDLE_TARGET_KB, "kB", digits=0),
            Verdict("talking session", talking / 1e6, TALKING_TARGET_MB, "MB", digits=2),
            Verdict("growth in the third thousand sessions", grown / 1e6, GROWTH_TARGET_MB, "MB", digits=2),
        ],
        {"idle_bytes": idle, "talking_bytes": talking, "after_thousands_bytes": growth},
        [
            f"Resident memory of the server's process, {idle_count} idle and {TALKING} talking sessions; "
            f"{AT_ONCE} at a time come, say 0.4 s and go. A talking session keeps the audio of its turns, "
            "48 kB for each second, as the conversation does."
        ],
    )
    report.chart = lambda axes: _draw(axes, growth, thousand)
    return report


def _come_and_go(server: process.Server, count: int, frames: list[bytes]) -> None:
    line = Callers(server.port, count, frames)
    line.stream(0.4)
    line.close()


def _settled(server: process.Server) -> int:
    """Bytes resident once the server has cleared away what is gone."""
    time.sleep(0.5)
    server.ask("collect")
    return server.rss()


def _draw(axes: Axes, growth: list[int], thousand: int) -> None:
    counts = [n * thousand for n in range(len(growth))]
    axes.plot(counts, [size / 1e6 for size in growth], color=OURS, marker="o", lw=2)
    axes.axhline(growth[2] / 1e6 + GROWTH_TARGET_MB, color=BAD, lw=1, ls="--", label="limit for the last")
    axes.set_ylim(0, max(growth) / 1e6 * 1.2)
    axes.set_xticks(counts)
    axes.set_xlabel("sessions that came and went", color=INK)
    axes.set_ylabel("MB resident", color=INK)
    axes.legend(frameon=False, loc="lower right")
