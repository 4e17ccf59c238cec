"""What an operator pays before the first word: the size of a fresh installation, the time until it serves,
and whether the first caller waits longer than the tenth.

`pip install ".[server,offline]"` into an environment of its own, then `vivavoce serve` from there with the
engines that it comes with.
"""

import asyncio
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks import audio
from benchmarks.callers import RATE
from benchmarks.report import Report, Verdict, bars
from vivavoce import AsyncClient
from vivavoce.client import AsyncRealtimeConnection
from vivavoce.protocol import ErrorEvent, ResponseDone, ResponseOutputAudioDelta

ROOT = Path(__file__).resolve().parents[1]

SIZE_TARGET_MB = 500.0
READY_TARGET_S = 2.0
FIRST_TURN_TARGET = 1.5
"""Times the median of the other turns: what the noise of a machine explains."""

TURNS = 10
COMES_WITH_VENV = ("pip", "setuptools", "_distutils_hack", "pkg_resources", "distutils-precedence.pth")


def run(*, quick: bool) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        python = _install(Path(folder, "venv"))
        sizes = _sizes(python)
        starts = [_start(python, Path(folder)) for _ in range(3 if quick else 7)]
        with _serving(python, Path(folder)) as (base_url, _):
            typed = asyncio.run(_turns(base_url, _typed_turn))
        with _serving(python, Path(folder)) as (base_url, _):
            spoken = asyncio.run(_turns(base_url, partial(_spoken_turn, audio.one_sentence())))
    size = sum(sizes.values()) / 1e6
    ready = statistics.median(starts)
    report = Report(
        "footprint",
        'pip install "vivavoce[server,offline]", vivavoce serve',
        ["what", "", "of which"],
        [
            (
                "site-packages",
                f"{size:.0f} MB",
                ", ".join(f"{name} {count / 1e6:.0f}" for name, count in sizes.most_common(5)),
            ),
            ("ready to answer", f"{ready:.2f} s", f"first start {starts[0]:.2f} s, best {min(starts):.2f} s"),
        ],
        [
            Verdict("size of site-packages", size, SIZE_TARGET_MB, "MB", digits=0),
            Verdict("ready to answer", ready, READY_TARGET_S, "s", digits=2),
        ],
        {"bytes": dict(sizes), "ready_s": starts},
    )
    for kind, turns in (("typed", typed), ("spoken", spoken)):
        others = statistics.median(turns[1:])
        report.rows.append(
            (
                f"{kind} turn to first audio",
                f"first {turns[0] * 1e3:.0f} ms",
                f"tenth {turns[-1] * 1e3:.0f} ms, median of the others {others * 1e3:.0f} ms",
            )
        )
        what = f"first {kind} turn, times the others"
        report.verdicts.append(Verdict(what, turns[0] / others, FIRST_TURN_TARGET, digits=2))
        report.figures[f"{kind}_turns_s"] = turns
    report.notes.append(
        "Sizes are those of files, without pip and setuptools. Ready: from the start of the process to the "
        f"answer of /healthz, {len(starts)} starts. Every turn is of a new session; the spoken one is timed "
        "from the end of the caller's speech, which is sent at once."
    )
    report.chart_title = "The largest packages of the server and its offline engines"
    report.chart = lambda axes: bars(
        axes, {name: count / 1e6 for name, count in sizes.most_common(10)}, unit="MB", digits=0
    )
    return report


def _install(folder: Path) -> Path:
    """A fresh environment with the server and its offline engines; the path of its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, f"{ROOT}[server,offline]"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the installation failed: {done.stderr}")
    return python


def _sizes(python: Path) -> Counter[str]:
    """Bytes by what lies at the top of site-packages."""
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip())
    sizes: Counter[str] = Counter()
    for path in site.rglob("*"):
        if path.is_file() and not path.is_symlink():
            top = path.relative_to(site).parts[0].split("-")[0].removesuffix(".libs")
            if top not in COMES_WITH_VENV:
                sizes[top] += path.stat().st_size
    return sizes


@contextmanager
def _serving(python: Path, folder: Path) -> Iterator[tuple[str, float]]:
    """`vivavoce serve` of this environment: its base URL, and after how many seconds it was ready."""
    ready = folder / "ready.json"
    command = [str(python.with_name("vivavoce")), "serve", "--port", "0", "--ready-file", str(ready)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VIVAVOCE_")}
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        if not process.stdout.readline():
            raise RuntimeError(f"vivavoce serve did not start: {process.stderr.read()}")
        base_url = json.loads(ready.read_text())["base_url"]
        httpx.get(base_url.removesuffix("/v1") + "/healthz").raise_for_status()
        yield base_url, time.perf_counter() - begin
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def _start(python: Path, folder: Path) -> float:
    with _serving(python, folder) as (_, seconds):
        return seconds


Turn = Callable[[AsyncRealtimeConnection], Coroutine[Any, Any, float]]


async def _turns(base_url: str, turn: Turn) -> list[float]:
    """Seconds to the first audio, each turn in a session of its own."""
    client = AsyncClient(api_key="", base_url=base_url)
    found = []
    for _ in range(TURNS):
        async with client.realtime.connect(model="gpt-realtime") as rt:
            found.append(await turn(rt))
    return found


async def _typed_turn(rt: AsyncRealtimeConnection) -> float:
    content = [{"type": "input_text", "text": "Hello! What can you do?"}]
    await rt.conversation.item.create(item={"type": "message", "role": "user", "content": content})
    begin = time.perf_counter()
    await rt.response.create()
    return await _first_audio(rt) - begin


async def _spoken_turn(sentence: audio.Samples, rt: AsyncRealtimeConnection) -> float:
    detection = {"type": "server_vad", "silence_duration_ms": 700}  # longer than the pauses of a reader
    await rt.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": detection}}})
    for samples in (sentence, audio.silence(1.5)):
        for at in range(0, len(samples), RATE // 10):
            await rt.input_audio_buffer.append(audio=samples[at : at + RATE // 10].tobytes())
    begin = time.perf_counter()
    return await _first_audio(rt) - begin


async def _first_audio(rt: AsyncRealtimeConnection) -> float:
    """When the first audio of the answer came; returns once the answer is over."""
    came: float | None = None
    async for event in rt:
        match event:
            case ResponseOutputAudioDelta() if came is None:
                came = time.perf_counter()
            case ResponseDone(response=response) if came is None:
                raise RuntimeError(f"the server answered without a sound: {response}")
            case ResponseDone():
                return came
            case ErrorEvent(error=error):
                raise RuntimeError(f"the server refused: {error}")
    raise RuntimeError("the server hung up")
