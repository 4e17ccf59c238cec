"""How long a program waits for its client, and what it weighs: fresh interpreters that import it, and that
then make their first call.

What vivavoce does not import at once it imports when the first connection is opened, so that is measured,
too: both clients call a port of this machine where nobody listens.
"""

import statistics
import subprocess
import sys
from functools import partial

from benchmarks import measure
from benchmarks.report import Report, Verdict, bars

TARGET = 0.1

CLOCK = """
import resource, time
def pages():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1])
before, begin = pages(), time.perf_counter()
{}
print(time.perf_counter() - begin, (pages() - before) * resource.getpagesize())
"""
"""Prints seconds, and bytes that became resident meanwhile."""

IMPORTS = {
    "import openai": "import openai",
    "from openai import AsyncOpenAI": "from openai import AsyncOpenAI",
    "from vivavoce import AsyncClient": "from vivavoce import AsyncClient",
}
CALL = """
import asyncio
async def call():
    try:
        await {}.realtime.connect(model="gpt-realtime").enter()
    except {}:
        pass
    else:
        raise SystemExit("somebody listens on port 9")
asyncio.run(call())
"""
FIRST_CALLS = {
    "openai, to the first call": "from openai import AsyncOpenAI"
    + CALL.format('AsyncOpenAI(api_key="none", base_url="http://127.0.0.1:9/v1")', "OSError"),
    "vivavoce, to the first call": "from vivavoce import AsyncClient, ConnectError"
    + CALL.format('AsyncClient(base_url="http://127.0.0.1:9/v1")', "ConnectError"),
}


def run(*, quick: bool) -> Report:
    kept: dict[str, list[float]] = {}
    contestants = {
        name: partial(_fresh, code, kept.setdefault(name, []))
        for name, code in (IMPORTS | FIRST_CALLS).items()
    }
    measure.pin(measure.CLIENT_CORE)
    try:
        seconds = measure.interleaved(contestants, 3 if quick else 11)
    finally:
        measure.unpin()
    typical = {name: statistics.median(times) * 1e3 for name, times in seconds.items()}
    weights = {name: statistics.median(sizes) / 1e6 for name, sizes in kept.items()}
    ratio = measure.median_ratio(seconds["from vivavoce import AsyncClient"], seconds["import openai"])
    call = measure.median_ratio(seconds["vivavoce, to the first call"], seconds["openai, to the first call"])
    weight = weights["from vivavoce import AsyncClient"] / weights["import openai"]
    heavier = weights["vivavoce, to the first call"] / weights["openai, to the first call"]
    report = Report(
        "import_time",
        "Time and memory to import the client",
        ["in a fresh interpreter", "median", "best", "memory"],
        [
            (name, f"{typical[name]:.1f} ms", f"{min(times) * 1e3:.1f} ms", f"{weights[name]:.1f} MB")
            for name, times in seconds.items()
        ],
        [
            Verdict("import, times that of openai", ratio, TARGET, digits=3),
            Verdict("memory of the import, times that of openai", weight, TARGET, digits=3),
        ],
        {
            "ms": typical,
            "mb": weights,
            "import_ratio": ratio,
            "first_call_ratio": call,
            "memory_ratio": weight,
            "first_call_memory_ratio": heavier,
        },
        [
            f"To the first call vivavoce takes {call:.2f} times as long as openai, and {heavier:.2f} times "
            "its memory. Interpreters take turns on one core; byte code and files are warm; the interpreter "
            "itself is not counted."
        ],
    )
    report.chart = lambda axes: bars(axes, typical, unit="ms", ours=("vivavoce", "from vivavoce"))
    return report


def _fresh(code: str, kept: list[float]) -> float:
    """Seconds that an interpreter of its own says it took. What it says of its memory goes to `kept`."""
    done = subprocess.run(
        [sys.executable, "-c", CLOCK.format(code)], capture_output=True, text=True, check=True
    )
    seconds, size = done.stdout.split()
    kept.append(float(size))
    return float(seconds)
