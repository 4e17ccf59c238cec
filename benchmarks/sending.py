"""What a microphone costs: `input_audio_buffer.append` events of 40 ms of audio, from the samples to the
socket, by the official `openai` package, by vivavoce, and by what a user would write with `websockets`,
pybase64 and msgspec alone.

What counts is the processor time of the client's process.
"""

import asyncio
import base64
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pybase64
from websockets.asyncio.client import connect
from websockets.sync.client import connect as connect_now

from benchmarks import measure
from benchmarks.report import Report, Verdict, bars
from vivavoce import AsyncClient, Client

EVENTS = 3_000
TARGET = 4.0
AUDIO = random.Random(24000).randbytes(40 * 48)
"""40 ms of it: 24 kHz, 16 bits."""


def run(*, quick: bool) -> Report:
    measure.pin(measure.CLIENT_CORE)
    command = [sys.executable, "-m", "benchmarks.sink"]
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sink:
            assert sink.stdin is not None
            assert sink.stdout is not None
            port = int(sink.stdout.readline())
            seconds = measure.interleaved(
                {name: _bound(program, port) for name, program in _PROGRAMS.items()}, 3 if quick else 9
            )
            sink.stdin.close()
    finally:
        measure.unpin()
    typical = {name: statistics.median(times) / EVENTS * 1e6 for name, times in seconds.items()}
    report = Report(
        "sending",
        f"Sending {EVENTS:,} appends of 40 ms of audio",
        ["client", "an event", "events a second", "times as fast as openai", "of bare websockets"],
    )
    ratios: dict[str, float] = {}
    for name, us in typical.items():
        row = [name, f"{us:.1f} µs", f"{1e6 / us:,.0f}", "", ""]
        if name.startswith("vivavoce"):
            way = name.partition(", ")[2]
            openai = measure.median_ratio(seconds[f"openai, {way}"], seconds[name])
            bare = measure.median_ratio(seconds[name], seconds[f"websockets + msgspec, {way}"])
            ratios |= {f"{way}, times as fast as openai": openai, f"{way}, of bare websockets": bare}
            row[3:] = f"{openai:.1f}", f"{bare:.2f}"
            report.verdicts.append(Verdict(f"{way}: times as fast as openai", openai, TARGET, at_least=True))
        report.rows.append(row)
    report.figures |= {"us": typical, "ratios": ratios}
    report.notes.append(
        "Processor time from the samples to the kernel, medians of interleaved rounds, client and server "
        "each on a core of its own."
    )
    report.chart_title = "From the samples to the socket, 40 ms of audio"
    report.chart = lambda axes: bars(axes, typical, unit="µs")
    return report


def _bound(program: Callable[[int], float], port: int) -> Callable[[], float]:
    return lambda: program(port)


async def _vivavoce(port: int) -> float:
    client = AsyncClient(base_url=f"http://127.0.0.1:{port}/v1")
    async with client.realtime.connect(model="gpt-realtime") as connection:
        begin = time.process_time()
        for _ in range(EVENTS):
            await connection.input_audio_buffer.append(audio=AUDIO)
        return time.process_time() - begin


def _vivavoce_now(port: int) -> float:
    client = Client(base_url=f"http://127.0.0.1:{port}/v1")
    with client.realtime.connect(model="gpt-realtime") as connection:
        begin = time.process_time()
        for _ in range(EVENTS):
            connection.input_audio_buffer.append(audio=AUDIO)
        return time.process_time() - begin


async def _openai(port: int) -> float:
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1")
    async with client.realtime.connect(model="gpt-realtime") as connection:
        begin = time.process_time()
        for _ in range(EVENTS):
            await connection.input_audio_buffer.append(audio=base64.b64encode(AUDIO).decode())
        return time.process_time() - begin


def _openai_now(port: int) -> float:
    from openai import OpenAI

    client = OpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1")
    with client.realtime.connect(model="gpt-realtime") as connection:
        begin = time.process_time()
        for _ in range(EVENTS):
            connection.input_audio_buffer.append(audio=base64.b64encode(AUDIO).decode())
        return time.process_time() - begin


_encode = msgspec.json.Encoder().encode


def _append() -> bytes:
    return _encode({"type": "input_audio_buffer.append", "audio": pybase64.b64encode_as_string(AUDIO)})


async def _websockets(port: int) -> float:
    async with connect(f"ws://127.0.0.1:{port}/v1/realtime", compression=None) as connection:
        begin = time.process_time()
        for _ in range(EVENTS):
            await connection.send(_append(), text=True)
        return time.process_time() - begin


def _websockets_now(port: int) -> float:
    with connect_now(f"ws://127.0.0.1:{port}/v1/realtime", compression=None) as connection:
        begin = time.process_time()
        for _ in range(EVENTS):
            connection.send(_append(), text=True)
        return time.process_time() - begin


def _run(program: Callable[[int], Any]) -> Callable[[int], float]:
    return lambda port: asyncio.run(program(port))


_PROGRAMS: dict[str, Callable[[int], float]] = {
    "openai, async": _run(_openai),
    "openai, sync": _openai_now,
    "websockets + msgspec, async": _run(_websockets),
    "websockets + msgspec, sync": _websockets_now,
    "vivavoce, async": _run(_vivavoce),
    "vivavoce, sync": _vivavoce_now,
}
