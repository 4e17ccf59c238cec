"""From the socket to the body of the loop: 20,000 events of a realistic mix out of a server in its own
process, read by the official `openai` package's connection, by vivavoce's, and by what a user would write
with `websockets` and msgspec alone.
"""

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
from websockets.asyncio.client import connect

from benchmarks import measure
from benchmarks.callers import frame, handshake
from benchmarks.report import Report, Verdict, bars
from vivavoce import AsyncClient
from vivavoce.protocol import ServerEvent

EVENTS = 20_000
TARGET = 5.0


def run(*, quick: bool) -> Report:
    rounds = 2 if quick else 5
    measure.pin(measure.CLIENT_CORE)
    try:
        with _flood(EVENTS) as (port, size):
            programs = {
                "openai": _openai,
                "websockets + msgspec": _websockets,
                "vivavoce": _vivavoce,
                "nothing but the socket": partial(_socket, size=size),
            }
            seconds = measure.interleaved(
                {name: partial(_round, program, port) for name, program in programs.items()}, rounds
            )
    finally:
        measure.unpin()
    typical = {name: statistics.median(times) / EVENTS * 1e6 for name, times in seconds.items()}
    ratios = {name: measure.median_ratio(seconds["openai"], times) for name, times in seconds.items()}
    report = Report(
        "socket_to_loop",
        f"Socket to loop body: {EVENTS:,} events, 60 % audio deltas, 35 % transcript deltas",
        ["client", "an event", "events a second", "times as fast as openai"],
        [(name, f"{us:.1f} µs", f"{1e6 / us:,.0f}", f"{ratios[name]:.1f}") for name, us in typical.items()],
        [Verdict("times as fast as openai", ratios["vivavoce"], TARGET, at_least=True)],
        {"us": typical, "times_as_fast_as_openai": ratios},
        [
            "Medians of interleaved rounds, client and server each on a core of its own, asyncio's own loop. "
            "The last row reads the bytes and does nothing with them: what the server and the kernel need."
        ],
    )
    report.chart_title = "From the socket to the loop body, an event"
    report.chart = lambda axes: bars(axes, typical, unit="µs")
    return report


@contextmanager
def _flood(count: int) -> Iterator[tuple[int, int]]:
    """The port of a server for this many events, and their bytes."""
    command = [sys.executable, "-m", "benchmarks.flood", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port, size = server.stdout.readline().split()
        yield int(port), int(size)
        server.stdin.close()


def _round(program: Callable[[int], Coroutine[Any, Any, float]], port: int) -> float:
    return asyncio.run(program(port))


async def _openai(port: int) -> float:
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1")
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.response.create()
        begin = time.perf_counter()
        count = 0
        async for event in connection:
            count += 1
            if event.type == "response.done" and count == EVENTS:
                break
        return time.perf_counter() - begin


async def _vivavoce(port: int) -> float:
    client = AsyncClient(base_url=f"http://127.0.0.1:{port}/v1")
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.response.create()
        begin = time.perf_counter()
        count = 0
        async for event in connection:
            count += 1
            if event.type == "response.done" and count == EVENTS:
                break
        return time.perf_counter() - begin


_decode = msgspec.json.Decoder(ServerEvent).decode


async def _websockets(port: int) -> float:
    async with connect(f"ws://127.0.0.1:{port}/v1/realtime", compression=None) as connection:
        await connection.send("{}")
        begin = time.perf_counter()
        count = 0
        async for message in connection:
            event = _decode(message)
            count += 1
            if event.type == "response.done" and count == EVENTS:
                break
        return time.perf_counter() - begin


async def _socket(port: int, size: int) -> float:
    loop = asyncio.get_running_loop()
    with socket.create_connection(("127.0.0.1", port)) as raw:
        handshake(raw, "/v1/realtime")
        raw.setblocking(False)
        raw.send(frame(b"{}"))
        buffer = bytearray(256 * 1024)
        begin = time.perf_counter()
        while size > 0:
            size -= await loop.sock_recv_into(raw, buffer)
        return time.perf_counter() - begin
