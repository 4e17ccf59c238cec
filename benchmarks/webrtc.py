"""What calls over WebRTC cost.

Callers say recorded sentences, each followed by as much silence, in packets of 20 ms of Opus; the assistant
answers each with the longest of them, until it is interrupted. Everything is real (ICE, DTLS, SRTP, SCTP,
Opus, session, Silero behind its gate) but the transcriber and the responder, which need no time.

Beside it, in turn and with the same callers, aiortc's own connections that echo what they hear, without a
session, a detector or a word of their own. How many calls there may be is then stepped up until the event
loop stalls for too long, or packets are missing.
"""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from matplotlib.axes import Axes

from benchmarks import audio, measure, peers, process
from benchmarks.peers import Callers
from benchmarks.report import Report, Verdict, bars

FEW, MANY = 10, 20
COST_TARGET = 1.5
STALL_TARGET_MS = 40.0
JITTER_TARGET_MS = 5.0
ANSWER_TARGET_MS = 50.0
GROWTH_TARGET_MB = 1.0

ENOUGH = 0.995
"""Of the packets that a call is due."""
CALLED_AT_ONCE = 10
WARM_UP_S = 4.0
"""Until the first answers are being spoken."""

OURS, ECHO = "vivavoce", "aiortc's echo"
_CONTESTANTS: dict[str, tuple[str, tuple[str, ...]]] = {
    OURS: ("benchmarks.server", ("--detector", "silero", "--talkative")),
    ECHO: ("benchmarks.echo", ()),
}


@dataclass
class Run:
    """One number of calls to one server, and what came of it."""

    name: str
    calls: int
    server: dict[str, Any]
    jitter_ms: float
    """Of the server's packets, p99."""
    late_ms: float
    """Of the callers' own packets, p99."""
    packets: float
    """That came, of those that a call is due."""

    @property
    def percent(self) -> float:
        """Of a core, for one call."""
        return float(self.server["cpu_s"] / self.server["wall_s"] / self.calls * 100)

    @property
    def stall_ms(self) -> float:
        """The longest."""
        return float(self.server["stall_ms"]["max"])

    @property
    def held(self) -> bool:
        """Whether everybody could be heard and be spoken to."""
        return self.stall_ms <= STALL_TARGET_MS and self.packets >= ENOUGH

    def row(self) -> tuple[str, ...]:
        return (
            self.name,
            f"{self.calls}",
            f"{self.percent:.2f} %",
            f"{self.server['stall_ms']['p99']:.0f} ms",
            f"{self.stall_ms:.0f} ms",
            f"{self.jitter_ms:.1f} ms",
            f"{self.packets:.1%}",
            f"{self.late_ms:.1f} ms",
            f"{self.server['waited_s'] / self.server['wall_s']:.0%}",
        )


@dataclass
class Memory:
    """Bytes of one call."""

    idle: float
    talking: float
    talked_s: float


@dataclass
class Growth:
    """What calls leave behind."""

    calls: int
    """In each half."""
    sizes: list[int]
    """Bytes before, half way and at the end."""
    descriptors: int
    tasks: int


def run(*, quick: bool) -> Report:
    seconds = 4.0 if quick else 6.0
    rounds = 1 if quick else 3
    few: dict[str, list[Run]] = {OURS: [], ECHO: []}
    measure.pin(measure.CLIENT_CORE)
    try:
        one = _talk(OURS, 1, seconds)
        for _ in range(rounds):
            for name, runs in few.items():
                runs.append(_talk(name, FEW, seconds))
        many = [_talk(OURS, MANY, seconds) for _ in range(rounds)]
        cheapest = {name: min(runs, key=lambda each: each.percent) for name, runs in few.items()}
        most = {name: _most(each, seconds / 2) for name, each in cheapest.items()}
        memory = asyncio.run(_memory(4.0 if quick else 15.0))
        growth = asyncio.run(_growth(40 if quick else 250))
    finally:
        measure.unpin()
    report = Report(
        "webrtc",
        "Calls over WebRTC on one core",
        [
            "",
            "calls",
            "of a core, each",
            "stall p99",
            "stall max",
            "jitter p99",
            "packets",
            "callers late p99",
            "waited for core",
        ],
        [each.row() for each in (one, *few[OURS], *few[ECHO], *many, *most.values())],
        _verdicts(few, one, min(many, key=lambda each: each.stall_ms), most[OURS], growth),
        {
            "runs": [asdict(each) for each in (one, *few[OURS], *few[ECHO], *many)],
            "most": {name: asdict(each) for name, each in most.items()},
            "memory": asdict(memory),
            "growth": asdict(growth),
        },
    )
    sizes = [f"{size / 1e6:.1f} MB after {n * growth.calls}" for n, size in enumerate(growth.sizes)]
    report.notes = [
        f"Speech: {audio.who_speaks()}. Promises about {MANY} calls are those of the round in which the "
        "event loop stalled least. Jitter: by how much the time between two packets differs from that in "
        "their timestamps, by the kernel's clock when they came to the caller's socket. Offer to answer: in "
        "the server, from HTTP request to response. The last rows are the largest numbers with all packets, "
        f"and with stalls of at most {STALL_TARGET_MS:.0f} ms.",
        f"Memory: {memory.idle / 1e3:.0f} kB for a call that says nothing yet, "
        f"{memory.talking / 1e6:.2f} MB for one that has talked for {memory.talked_s:g} s, with the audio of "
        f"its turns, 48 kB for each second. {CALLED_AT_ONCE} at a time came and went: {', '.join(sizes)}.",
    ]
    report.chart_title = f"Percent of a core for one of {FEW} calls"
    report.chart = lambda axes: _draw(axes, cheapest)
    return report


def _verdicts(few: dict[str, list[Run]], one: Run, many: Run, most: Run, growth: Growth) -> list[Verdict]:
    ratio = measure.median_ratio([each.percent for each in few[OURS]], [each.percent for each in few[ECHO]])
    grown = (growth.sizes[-1] - growth.sizes[-2]) / 1e6
    return [
        Verdict("processor time of a call, times aiortc's echo", ratio, COST_TARGET, digits=2),
        Verdict("calls on a core", most.calls, MANY, at_least=True, digits=0),
        Verdict(f"longest stall, {MANY} calls", many.stall_ms, STALL_TARGET_MS, "ms", digits=0),
        Verdict("sender jitter p99, 1 call", one.jitter_ms, JITTER_TARGET_MS, "ms"),
        Verdict(f"sender jitter p99, {MANY} calls", many.jitter_ms, JITTER_TARGET_MS, "ms"),
        Verdict("offer to answer, first call", many.server["answers_ms"][0], ANSWER_TARGET_MS, "ms"),
        Verdict(f"offer to answer, call {MANY}", many.server["answers_ms"][-1], ANSWER_TARGET_MS, "ms"),
        Verdict(f"growth in the last {growth.calls} calls", grown, GROWTH_TARGET_MB, "MB", digits=2),
        Verdict("descriptors left behind", growth.descriptors, 0, digits=0),
        Verdict("tasks left behind", growth.tasks, 0, digits=0),
    ]


def _most(few: Run, seconds: float) -> Run:
    """The largest number of calls that held, to a tenth: upwards from two thirds of what a few promise. The
    few if not even these hold."""
    calls, step = round(67 / few.percent), max(1, round(10 / few.percent))
    most = few
    while (found := _try(few.name, calls, seconds)) and found.held:
        most, calls = found, calls + step
    return most


def _try(name: str, calls: int, seconds: float) -> Run | None:
    """None if so many calls cannot even be made."""
    try:
        return _talk(name, calls, seconds)
    except ConnectionError:
        return None


def _talk(name: str, calls: int, seconds: float) -> Run:
    module, options = _CONTESTANTS[name]
    with process.serving(*options, module=module) as server:
        return asyncio.run(_talking(server, name, calls, seconds))


async def _talking(server: process.Server, name: str, calls: int, seconds: float) -> Run:
    callers = Callers(server.port, peers.encoded(audio.half_speech()))
    try:
        await callers.join(calls, together=1)
        await asyncio.sleep(WARM_UP_S)
        callers.forget()
        server.ask("reset")
        await asyncio.sleep(seconds)
        report = server.ask("report")
        callers.check()
        return Run(
            name,
            calls,
            report,
            measure.percentile(callers.jitter, 99) * 1e3,
            measure.percentile(callers.lateness, 99) * 1e3,
            callers.packets / (report["wall_s"] * calls * 50),
        )
    finally:
        await callers.aclose()


async def _memory(seconds: float) -> Memory:
    """Of calls that come and say nothing at first."""
    module, options = _CONTESTANTS[OURS]
    with process.serving(*options, "--no-probe", module=module) as server:
        await _come_and_go(server, CALLED_AT_ONCE)
        empty = await _settled(server)
        quiet = Callers(server.port, peers.encoded(audio.silence(2)))
        await quiet.join(MANY)
        idle = (await _settled(server) - empty) / MANY
        await quiet.aclose()
    with process.serving(*options, "--no-probe", module=module) as server:
        await _come_and_go(server, CALLED_AT_ONCE)
        empty = await _settled(server)
        callers = Callers(server.port, peers.encoded(audio.half_speech()))
        await callers.join(MANY)
        await asyncio.sleep(seconds)
        talking = (await _settled(server) - empty) / MANY
        await callers.aclose()
    return Memory(idle, talking, seconds)


async def _growth(calls: int) -> Growth:
    """What twice as many calls leave behind."""
    module, options = _CONTESTANTS[OURS]
    with process.serving(*options, "--no-probe", module=module) as server:
        await _come_and_go(server, CALLED_AT_ONCE)
        sizes = [await _settled(server)]
        before = server.descriptors(), server.ask("report")["tasks"]
        for _ in range(2):
            for _ in range(calls // CALLED_AT_ONCE):
                await _come_and_go(server, CALLED_AT_ONCE)
            sizes.append(await _settled(server))
        return Growth(
            calls, sizes, server.descriptors() - before[0], server.ask("report")["tasks"] - before[1]
        )


async def _come_and_go(server: process.Server, count: int) -> None:
    callers = Callers(server.port, peers.encoded(audio.one_sentence()))
    await callers.join(count, together=count)
    await asyncio.sleep(0.4)
    await callers.aclose()


async def _settled(server: process.Server) -> int:
    """Bytes resident once the server has cleared away what is gone."""
    await asyncio.sleep(1.5)
    server.ask("collect")
    return server.rss()


def _draw(axes: Axes, runs: dict[str, Run]) -> None:
    bars(axes, {name: each.percent for name, each in runs.items()}, unit="% of a core", digits=2)
