"""From the socket to the body of the loop, or to a handler: 20,000 events of a realistic mix out of a server
in its own process, read by the official `openai` package's connections, by vivavoce's, and by what a user
would write with `websockets` and msgspec alone.

What counts is the processor time of the client's process, all its threads together.
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
from websockets.sync.client import connect as connect_now

from benchmarks import measure
from benchmarks.callers import frame, handshake
from benchmarks.report import Report, Verdict, bars
from vivavoce import AsyncClient, Client
from vivavoce.protocol import ServerEvent

EVENTS = 20_000
TARGET = 6.0
BARE_TARGET = 1.25

KINDS = (
    "response.output_audio.delta",
    "response.output_audio_transcript.delta",
    "input_audio_buffer.speech_started",
    "conversation.item.added",
    "response.done",
)
"""The events of the mix: each has a handler."""


def run(*, quick: bool) -> Report:
    measure.pin(measure.CLIENT_CORE)
    try:
        with _flood(EVENTS) as (port, size):
            seconds = measure.interleaved(
                {name: partial(program, port) for name, program in _PROGRAMS.items()}
                | {"nothing but the socket": lambda: asyncio.run(_socket(port, size))},
                2 if quick else 5,
            )
    finally:
        measure.unpin()
    typical = {name: statistics.median(times) / EVENTS * 1e6 for name, times in seconds.items()}
    report = Report(
        "socket_to_loop",
        f"Socket to the program: {EVENTS:,} events, 60 % audio deltas, 35 % transcript deltas",
        ["client", "an event", "events a second", "times as fast as openai", "of bare websockets"],
    )
    ratios: dict[str, float] = {}
    for name, us in typical.items():
        way = name.partition(", ")[2]
        row = [name, f"{us:.1f} µs", f"{1e6 / us:,.0f}", "", ""]
        if name.startswith("vivavoce"):
            openai = measure.median_ratio(seconds[f"openai, {way}"], seconds[name])
            bare = measure.median_ratio(
                seconds[name], seconds[f"websockets + msgspec, {way.partition(' ')[0]}"]
            )
            ratios |= {f"{way}, times as fast as openai": openai, f"{way}, of bare websockets": bare}
            row[3:] = f"{openai:.1f}", f"{bare:.2f}"
            report.verdicts += (
                Verdict(f"{way}: times as fast as openai", openai, TARGET, at_least=True),
                Verdict(f"{way}: times websockets and msgspec", bare, BARE_TARGET, digits=2),
            )
        report.rows.append(row)
    report.figures |= {"us": typical, "ratios": ratios}
    report.notes.append(
        "Processor time, medians of interleaved rounds, client and server each on a core of its own, "
        "asyncio's own loop. The last row reads the bytes and does nothing with them: what the kernel needs."
    )
    report.chart_title = "From the socket to the program, an event"
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


class Counted:
    """Handlers that count, and the processor time from when this was made until they have seen all."""

    def __init__(self, connection: Any) -> None:
        self.seconds = float("nan")
        self._count = 0
        self._begin = time.process_time()
        for kind in KINDS:
            connection.on(kind, self._took)

    def _took(self, event: Any) -> None:
        self._count += 1
        if self._count == EVENTS:
            self.seconds = time.process_time() - self._begin


async def _iterate(connection: Any) -> float:
    begin = time.process_time()
    count = 0
    async for event in connection:
        count += 1
        if event.type == "response.done" and count == EVENTS:
            break
    return time.process_time() - begin


def _iterate_now(connection: Any) -> float:
    begin = time.process_time()
    for count, event in enumerate(connection, 1):
        if event.type == "response.done" and count == EVENTS:
            break
    return time.process_time() - begin


async def _dispatch(connection: Any) -> float:
    counted = Counted(connection)
    await connection.dispatch_events()
    return counted.seconds


def _dispatch_now(connection: Any) -> float:
    counted = Counted(connection)
    connection.dispatch_events()
    return counted.seconds


def _async(package: Callable[[int], Any], read: Callable[[Any], Coroutine[Any, Any, float]]) -> Any:
    async def program(port: int) -> float:
        async with package(port).realtime.connect(model="gpt-realtime") as connection:
            await connection.response.create()
            return await read(connection)

    return lambda port: asyncio.run(program(port))


def _sync(package: Callable[[int], Any], read: Callable[[Any], float]) -> Any:
    def program(port: int) -> float:
        with package(port).realtime.connect(model="gpt-realtime") as connection:
            connection.response.create()
            return read(connection)

    return program


def _vivavoce(port: int) -> Any:
    return AsyncClient(base_url=f"http://127.0.0.1:{port}/v1")


def _vivavoce_now(port: int) -> Any:
    return Client(base_url=f"http://127.0.0.1:{port}/v1")


def _openai(port: int) -> Any:
    from openai import AsyncOpenAI

    return AsyncOpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1")


def _openai_now(port: int) -> Any:
    from openai import OpenAI

    return OpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1")


_decode = msgspec.json.Decoder(ServerEvent).decode


async def _websockets(port: int) -> float:
    async with connect(f"ws://127.0.0.1:{port}/v1/realtime", compression=None) as connection:
        await connection.send("{}")
        begin = time.process_time()
        count = 0
        async for message in connection:
            event = _decode(message)
            count += 1
            if event.type == "response.done" and count == EVENTS:
                break
        return time.process_time() - begin


def _websockets_now(port: int) -> float:
    with connect_now(f"ws://127.0.0.1:{port}/v1/realtime", compression=None) as connection:
        connection.send("{}")
        begin = time.process_time()
        for count, message in enumerate(connection, 1):
            event = _decode(message)
            if event.type == "response.done" and count == EVENTS:
                break
        return time.process_time() - begin


async def _socket(port: int, size: int) -> float:
    loop = asyncio.get_running_loop()
    with socket.create_connection(("127.0.0.1", port)) as raw:
        handshake(raw, "/v1/realtime")
        raw.setblocking(False)
        raw.send(frame(b"{}"))
        buffer = bytearray(256 * 1024)
        begin = time.process_time()
        while size > 0:
            size -= await loop.sock_recv_into(raw, buffer)
        return time.process_time() - begin


_PROGRAMS: dict[str, Callable[[int], float]] = {
    "openai, async": _async(_openai, _iterate),
    "openai, async handlers": _async(_openai, _dispatch),
    "openai, sync": _sync(_openai_now, _iterate_now),
    "openai, sync handlers": _sync(_openai_now, _dispatch_now),
    "websockets + msgspec, async": lambda port: asyncio.run(_websockets(port)),
    "websockets + msgspec, sync": _websockets_now,
    "vivavoce, async": _async(_vivavoce, _iterate),
    "vivavoce, async handlers": _async(_vivavoce, _dispatch),
    "vivavoce, sync": _sync(_vivavoce_now, _iterate_now),
    "vivavoce, sync handlers": _sync(_vivavoce_now, _dispatch_now),
}
