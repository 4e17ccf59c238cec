"""How long a program waits for its client: fresh interpreters that import it, and that then make their first
call.

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

CLOCK = "import time; begin = time.perf_counter()\n{}\nprint(time.perf_counter() - begin)"

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
    contestants = {name: partial(_fresh, code) for name, code in (IMPORTS | FIRST_CALLS).items()}
    measure.pin(measure.CLIENT_CORE)
    try:
        seconds = measure.interleaved(contestants, 3 if quick else 11)
    finally:
        measure.unpin()
    typical = {name: statistics.median(times) * 1e3 for name, times in seconds.items()}
    ratio = measure.median_ratio(seconds["from vivavoce import AsyncClient"], seconds["import openai"])
    call = measure.median_ratio(seconds["vivavoce, to the first call"], seconds["openai, to the first call"])
    report = Report(
        "import_time",
        "Time to import the client",
        ["in a fresh interpreter", "median", "best"],
        [(name, f"{typical[name]:.1f} ms", f"{min(times) * 1e3:.1f} ms") for name, times in seconds.items()],
        [Verdict("import, times that of openai", ratio, TARGET, digits=3)],
        {"ms": typical, "import_ratio": ratio, "first_call_ratio": call},
        [
            f"To the first call vivavoce takes {call:.2f} times as long as openai. "
            "Interpreters take turns on one core; byte code and files are warm; the interpreter's own start "
            "is not counted."
        ],
    )
    report.chart = lambda axes: bars(axes, typical, unit="ms", ours=("vivavoce", "from vivavoce"))
    return report


def _fresh(code: str) -> float:
    """Seconds that an interpreter of its own says it took."""
    done = subprocess.run(
        [sys.executable, "-c", CLOCK.format(code)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)
