"""The picture of a conversation: who did what when, and how long everybody waited.

Above, the whole conversation: both voices as they sounded, what they said, and a lane for every stage. Below,
one magnified lane chart per turn around the moment that counts: the end of the caller's speech.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LANES = ("caller", "detector", "transcript", "language", "speech", "playback")
"""From top to bottom, as one turn passes through them."""

COLORS = {
    "caller": "#3b6fb6",
    "detector": "#7a9cc6",
    "transcript": "#4f9d8f",
    "language": "#c98a2b",
    "speech": "#b5536b",
    "playback": "#7b5aa6",
}
INK, FAINT, PAPER = "#22262b", "#8a929c", "#ffffff"

BEFORE_S, AFTER_S = 0.35, 0.65
"""What a turn's magnified chart shows around the end of speech."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasted. Times are seconds since the conversation began."""

    lane: str
    start: float
    end: float
    cut: bool = False
    """It was interrupted."""


@dataclass(frozen=True, slots=True)
class Said:
    """Words and when they were heard. `unheard` are those that an interruption left unspoken."""

    who: str
    start: float
    end: float
    text: str
    unheard: str = ""


@dataclass(slots=True)
class Picture:
    """Everything that is drawn."""

    duration: float
    caller: npt.NDArray[np.int16]
    assistant: npt.NDArray[np.int16]
    sample_rate: int
    spans: list[Span] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    turns: list[tuple[str, float]] = field(default_factory=list)
    """Title and end of speech of each turn."""


def draw(picture: Picture, path: Path) -> None:
    """Write the picture as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 9), dpi=120, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.add_gridspec(3, 1, height_ratios=(2.7, 2.0, 2.6))
    voices = figure.add_subplot(rows[0])
    lanes = figure.add_subplot(rows[1], sharex=voices)
    _draw_voices(voices, picture)
    _draw_lanes(lanes, picture.spans, 0.0, picture.duration)
    lanes.set_xlabel("seconds", color=FAINT)
    magnified = rows[2].subgridspec(1, max(len(picture.turns), 1), wspace=0.06)
    for index, (title, ended) in enumerate(picture.turns):
        axes = figure.add_subplot(magnified[index])
        _draw_turn(axes, picture.spans, title, ended, names=index == 0)
    figure.suptitle("A conversation with vivavoce", x=0.01, ha="left", color=INK, fontsize=16, weight="bold")
    figure.savefig(path)


def _draw_voices(axes: "Axes", picture: Picture) -> None:
    for samples, sign, lane in ((picture.caller, 1, "caller"), (picture.assistant, -1, "playback")):
        times, peaks = _envelope(samples, picture.sample_rate)
        axes.fill_between(times, 0, sign * peaks, color=COLORS[lane], linewidth=0)
    axes.axhline(0, color=FAINT, linewidth=0.5)
    axes.set_ylim(-2.7, 2.0)
    axes.set_xlim(0, picture.duration)
    axes.set_yticks((0.5, -0.5), ("caller", "assistant"), color=INK)
    axes.tick_params(length=0, labelbottom=False)
    for said in picture.said:
        caller = said.who == "caller"
        width = max(int((said.end - said.start) / picture.duration * 190), 12)
        text = "\n".join(_lines(said.text, width))
        axes.text(
            said.start,
            1.15 if caller else -1.15,
            text,
            va="bottom" if caller else "top",
            fontsize=7.5,
            color=COLORS["caller" if caller else "playback"],
        )
        if said.unheard:
            unheard = f"unheard: {shorten(said.unheard, 50, placeholder=' …')}"
            axes.text(said.start, -2.2, unheard, va="top", fontsize=7.5, color=FAINT, style="italic")
    _bare(axes)


def _draw_lanes(axes: "Axes", spans: Sequence[Span], start: float, end: float) -> None:
    for span in spans:
        if span.end < start or span.start > end:
            continue
        row = LANES.index(span.lane)
        # A stage of a few milliseconds must still be seen.
        width = max(span.end - span.start, (end - start) / 400)
        axes.barh(row, width, left=span.start, height=0.62, color=COLORS[span.lane], linewidth=0)
        if span.cut:
            axes.plot([span.end], [row], marker="x", color="#c0392b", markersize=7, markeredgewidth=2)
    axes.set_ylim(len(LANES) - 0.4, -0.6)
    axes.set_yticks(range(len(LANES)), LANES, color=INK)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", colors=FAINT)
    axes.grid(axis="x", color="#e6e9ed", linewidth=0.8)
    axes.set_axisbelow(True)
    _bare(axes)


def _draw_turn(axes: "Axes", spans: Sequence[Span], title: str, ended: float, *, names: bool) -> None:
    start, end = -BEFORE_S * 1000, AFTER_S * 1000
    moved = [Span(s.lane, (s.start - ended) * 1000, (s.end - ended) * 1000, s.cut) for s in spans]
    _draw_lanes(axes, moved, start, end)
    axes.axvline(0, color="#c0392b", linewidth=1)
    axes.set_xlim(start, end)
    axes.set_title(title, loc="left", fontsize=9.5, color=INK)
    axes.set_xlabel("ms after the end of speech", color=FAINT, fontsize=8.5)
    if not names:
        axes.set_yticklabels([])


def _envelope(
    samples: npt.NDArray[np.int16], sample_rate: int, per_second: int = 60
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Peaks of the signal, `per_second` of them, 0 to 1 of full scale, with their times."""
    step = sample_rate // per_second
    whole = len(samples) // step * step
    if not whole:
        return np.zeros(1), np.zeros(1)
    peaks = np.abs(samples[:whole].astype(np.float64)).reshape(-1, step).max(axis=1) / 32768
    loudest = peaks.max() or 1.0
    return np.arange(len(peaks)) / per_second, peaks / loudest


def _lines(text: str, width: int) -> list[str]:
    from textwrap import wrap

    lines = wrap(text, width)
    return lines if len(lines) <= 3 else [*lines[:2], lines[2][: width - 2] + " …"]


def _bare(axes: "Axes") -> None:
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
