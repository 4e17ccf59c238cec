"""What a process that is measured knows about itself, and how it is asked.

Each line on its standard input is a command; it answers with a line of JSON:

    reset    begin to measure anew
    report   what was measured since
    collect  free what is garbage
"""

import asyncio
import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import measure

PROBE_S = 0.005
"""How often the probe looks whether the event loop still turns."""


class Measured:
    """What happened since the last reset."""

    def __init__(self) -> None:
        self._probing: asyncio.Task[None] | None = None
        self.reset()

    def reset(self) -> None:
        self.stalls: list[float] = []
        """For every look of the probe, seconds by which it came late."""
        self._cpu = time.process_time()
        self._waited = _waited_s()
        self._wall = time.monotonic()

    def report(self) -> dict[str, Any]:
        return {
            "cpu_s": time.process_time() - self._cpu,
            "wall_s": time.monotonic() - self._wall,
            "waited_s": _waited_s() - self._waited,
            "stall_ms": distribution(self.stalls),
            "tasks": len(asyncio.all_tasks()),
        }

    def serve(self, port: int, *, probe: bool = True) -> None:
        """Say that the process is ready, on which port, and obey from now on. On the running event loop."""
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._obey)
        if probe:
            self._probing = asyncio.create_task(self._probe())
        _say({"port": port, "pid": os.getpid()})

    async def _probe(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PROBE_S
            await asyncio.sleep(PROBE_S)
            self.stalls.append(loop.time() - due)

    def _obey(self) -> None:
        command = os.read(sys.stdin.fileno(), 100).decode().strip()
        if not command:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        elif command == "reset":
            self.reset()
            _say({})
        elif command == "collect":
            _say({"found": gc.collect()})
        else:
            _say(self.report())


def distribution(seconds: list[float]) -> dict[str, float]:
    """In milliseconds."""
    if not seconds:
        return {}
    ms = [value * 1e3 for value in seconds]
    return {
        "p50": measure.percentile(ms, 50),
        "p99": measure.percentile(ms, 99),
        "p99.9": measure.percentile(ms, 99.9),
        "max": max(ms),
    }


def _waited_s() -> float:
    """Seconds for which this process's first thread was ready to run and others had its core."""
    return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)
