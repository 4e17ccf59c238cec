"""Many connections in one process: a thousand callers, each with handlers and 20 events a second of a
realistic mix, on one core.

The server, on the other core, is on time whatever happens, and says in every transcript delta when it was
sent: so a handler knows how late it is.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from typing import Any

from benchmarks import measure, process
from benchmarks.report import Report, Verdict, bars

CONNECTIONS = 1_000
RATE = 20
LATE_MS = 50.0
"""The time between two events of a connection: who is later than that is behind."""

IN_TIME_S = 1.0
"""What is not handled so long after the last event was sent counts as not handled."""

ON_TIME = 99.0
"""Percent of its events that the server must send for the figures to mean what they say."""

_KINDS = (
    "response.output_audio.delta",
    "input_audio_buffer.speech_started",
    "conversation.item.added",
    "response.done",
)


def run(*, quick: bool) -> Report:
    count, seconds = (200, 3.0) if quick else (CONNECTIONS, 10.0)
    found = {name: _measure(name, count, seconds) for name in ("openai", "vivavoce")}
    ours = found["vivavoce"]
    report = Report(
        "connections",
        f"{count:,} connections in one process, {RATE} events a second each",
        ["client", "events handled", "an event", "of a core", "late, median", "late, p99", "memory each"],
        [
            (
                name,
                f"{each['handled_percent']:.1f} %",
                f"{each['us']:.1f} µs",
                f"{each['core_percent']:.0f} %",
                f"{each['late_p50_ms']:.1f} ms",
                f"{each['late_p99_ms']:.1f} ms",
                f"{each['kb']:.0f} kB",
            )
            for name, each in found.items()
        ],
        [
            Verdict("events handled", ours["handled_percent"], 99.9, "%", at_least=True),
            Verdict("of a core", ours["core_percent"], 100.0, "%", digits=0),
            Verdict("late, p99", ours["late_p99_ms"], LATE_MS, "ms"),
        ],
        {"connections": count, "rate": RATE, "found": found},
        [
            f"{seconds:g} s each, client and server each on a core of its own, asyncio's own loop, handlers "
            "by `on` for the five kinds of events. `of a core` is processor time. Events that the client's "
            "sockets had no more room for count as not handled."
        ],
    )
    for name, each in found.items():
        if each["offered_percent"] < ON_TIME:
            report.notes.append(
                f"With {name} the server itself had the machine for {each['offered_percent']:.0f} % of its "
                "events: what is late here is the machine, and several events at a time cost less each."
            )
    report.chart = lambda axes: bars(
        axes, {name: each["core_percent"] for name, each in found.items()}, unit="% of a core"
    )
    return report


def _measure(name: str, count: int, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.drip", str(count), str(RATE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        client = [sys.executable, "-m", "benchmarks.connections", name, port, str(count), str(seconds)]
        with subprocess.Popen(client, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdin is not None
            assert program.stdout is not None
            assert server.stdout.readline() == "ready\n"
            assert program.stdout.readline() == "ready\n"
            server.stdin.write("go\n")
            server.stdin.flush()
            time.sleep(1.0)  # until all is warm
            program.stdin.write("go\n")
            program.stdin.flush()
            said: dict[str, float] = json.loads(program.stdout.readline())
            server.stdin.write("end\n")
            server.stdin.flush()
            sent, refused, talked_s = map(float, server.stdout.readline().split())
            program.stdin.write("end\n")
            program.stdin.flush()
            handled = int(program.stdout.readline())
    us = said["cpu_s"] / max(said["handled"], 1) * 1e6
    return {
        "handled_percent": handled / (sent + refused) * 100,
        "offered_percent": (sent + refused) / (count * RATE * talked_s) * 100,
        "us": us,
        "core_percent": us * count * RATE / 1e6 * 100,
        "late_p50_ms": said["late_p50_ms"],
        "late_p99_ms": said["late_p99_ms"],
        "kb": said["bytes"] / count / 1e3,
        "sent": sent,
        "refused": refused,
    }


# The client, in a process of its own.


class Calls:
    """What the handlers of all connections find."""

    def __init__(self) -> None:
        self.handled = 0
        self.late: list[float] = []

    def listen(self, connection: Any) -> None:
        connection.on("response.output_audio_transcript.delta", self._stamped)
        for kind in _KINDS:
            connection.on(kind, self._other)

    def _stamped(self, event: Any) -> None:
        self.handled += 1
        self.late.append(time.monotonic() - float(event.delta))

    def _other(self, event: Any) -> None:
        self.handled += 1


def _client(name: str, port: str) -> Any:
    url = f"http://127.0.0.1:{port}/v1"
    if name == "openai":
        from openai import AsyncOpenAI

        return AsyncOpenAI(api_key="none", base_url=url)
    from vivavoce import AsyncClient

    return AsyncClient(base_url=url)


async def _call(name: str, port: str, count: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    client, calls = _client(name, port), Calls()
    first = await client.realtime.connect(model="gpt-realtime").enter()  # what it imports is nobody's
    before = process.rss(os.getpid())
    connections = [first]
    for _ in range(count - 1):
        connections.append(await client.realtime.connect(model="gpt-realtime").enter())
    for connection in connections:
        calls.listen(connection)
    tasks = [asyncio.create_task(connection.dispatch_events()) for connection in connections]
    await asyncio.sleep(0)
    size = process.rss(os.getpid()) - before
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    before_them, cpu = calls.handled, time.process_time()
    calls.late = []
    await asyncio.sleep(seconds)
    found = {
        "handled": calls.handled - before_them,
        "cpu_s": time.process_time() - cpu,
        "late_p50_ms": measure.percentile(calls.late, 50) * 1e3,
        "late_p99_ms": measure.percentile(calls.late, 99) * 1e3,
        "bytes": size,
        "tasks": len(tasks),
    }
    print(json.dumps(found), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    await asyncio.sleep(IN_TIME_S)
    print(calls.handled, flush=True)
    os._exit(0)  # a thousand goodbyes are not what is measured


if __name__ == "__main__":
    measure.pin(measure.CLIENT_CORE)
    asyncio.run(_call(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
