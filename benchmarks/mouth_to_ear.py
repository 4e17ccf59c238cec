"""How long an answer takes from the mouth to the ear, over WebRTC in Chromium.

A page says bursts of noise into a call, and its server, whose engines need no time, answers each with a hum.
Both are recorded in the page on one clock, sample by sample: from the last sample of a burst to the first of
the hum, less the window of silence that ends a turn. In it are both ways of the browser (encoding, its jitter
buffer, decoding), those of the server, the voice detector's frame of 32 ms and the 20 ms at which speech is
sent.

Beside it, in the same browser: between two connections of one page, which is what the browser's ends take.
"""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from playwright.sync_api import Browser
from tests.browser import chromium, installed, serving_files, visiting

from benchmarks import measure, process
from benchmarks.report import BAD, INK, OURS, PALE, THEIRS, Report, Verdict
from benchmarks.turn_latency import FRAME_MS, WINDOW_MS

PAGE = Path(__file__).parent / "page"
TARGET_MS = 150.0

SESSION = {
    "type": "realtime",
    "model": "gpt-realtime",
    "audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": WINDOW_MS}}},
}


def run(*, quick: bool) -> Report:
    report = Report("mouth_to_ear", "From mouth to ear in Chromium", ["", "turns", "p50", "p90", "p99"])
    if not installed():
        report.notes.append("Left out: there is no Chromium. Install the package `chromium`.")
        return report
    bursts = 10 if quick else 50
    with serving_files(PAGE) as origin, chromium() as browser:
        alone = _in_a_page(browser, origin, "bursts => alone(bursts)", bursts)
        with process.serving("--detector", "loudness") as server:
            url = f"http://127.0.0.1:{server.port}/v1/realtime/calls"
            told = _in_a_page(browser, origin, "given => called(...given)", [url, SESSION, bursts])
        version = browser.version
    found, waited_ms = told["found"], told["waited"]
    steps = {
        "speech_stopped arrives": [each["stopped"] - WINDOW_MS for each in found],
        "output_audio_buffer.started arrives": [each["started"] - WINDOW_MS for each in found],
        "the answer is heard": [each["heard"] - WINDOW_MS for each in found],
        "the browser alone, from one end of a page to the other": alone,
    }
    for name, values in steps.items():
        figures = {f"p{p}": measure.percentile(values, p) for p in (50, 90, 99)}
        report.rows.append((name, f"{len(values)}", *(f"{value:.0f} ms" for value in figures.values())))
        report.figures[name] = figures
    heard = measure.percentile(steps["the answer is heard"], 50)
    report.verdicts = [Verdict("answer heard beyond the window of silence, p50", heard, TARGET_MS, "ms")]
    report.figures["lost"] = {"called": bursts - len(found), "alone": bursts - len(alone)}
    report.figures["jitter_buffer_ms"] = waited_ms
    report.notes.append(
        f"From the last sample of speech, less the window of silence of {WINDOW_MS} ms; the voice detector "
        f"looks at frames of {FRAME_MS} ms. What the server sent waited in the jitter buffer of Chromium "
        f"{version} for {waited_ms:.0f} ms on average."
    )
    report.chart = lambda axes: _draw(axes, steps)
    return report


def _in_a_page(browser: Browser, origin: str, program: str, given: Any) -> Any:
    """What a program of the page returns."""
    with visiting(browser) as visit:
        visit.page.goto(f"{origin}/page.html")
        visit.page.wait_for_function("'called' in globalThis")
        return visit.page.evaluate(program, given)


def _draw(axes: Axes, steps: dict[str, list[float]]) -> None:
    for (name, values), colour in zip(steps.items(), (PALE, INK, OURS, THEIRS), strict=True):
        ordered = np.sort(values)
        shares = np.arange(1, len(ordered) + 1) / len(ordered) * 100
        axes.step(ordered, shares, color=colour, label=name, lw=2)
    axes.axvline(TARGET_MS, color=BAD, lw=1, ls="--", label="target")
    axes.set_xlabel("ms after the end of speech, less the window of silence", color=INK)
    axes.set_ylabel("% of turns", color=INK)
    axes.legend(frameon=False, loc="lower right")
