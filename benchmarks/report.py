"""What a section found: tables for people, JSON for programs, charts for both."""

import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks import measure

OUT = Path("bench-out")

INK, PALE, OURS, THEIRS, GOOD, BAD = "#22303c", "#c9d3da", "#1f77b4", "#b0b8bf", "#2e8b57", "#c0392b"


@dataclass(frozen=True)
class Verdict:
    """One promise and what came of it."""

    what: str
    measured: float
    target: float
    unit: str = ""
    at_least: bool = False
    """Whether more is better."""
    target_text: str = ""
    digits: int = 1

    @property
    def met(self) -> bool:
        return self.measured >= self.target if self.at_least else self.measured <= self.target

    @property
    def shown(self) -> str:
        return f"{self.measured:,.{self.digits}f} {self.unit}".strip()

    @property
    def wanted(self) -> str:
        bound = "at least" if self.at_least else "at most"
        return self.target_text or f"{bound} {self.target:,g} {self.unit}".strip()


@dataclass
class Report:
    """The result of one section."""

    section: str
    title: str
    columns: Sequence[str] = ()
    rows: list[Sequence[str]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    chart: Callable[[Axes], None] | None = None
    chart_title: str = ""
    """If it is another than that of the table."""

    def show(self, console: Console) -> None:
        if self.rows:
            table = Table(title=escape(self.title), title_justify="left", title_style="bold")
            for index, column in enumerate(self.columns):
                table.add_column(column, justify="left" if index == 0 else "right")
            for row in self.rows:
                table.add_row(*row)
            console.print(table)
        for note in self.notes:
            console.print(f"[dim]{escape(note)}[/]")
        console.print()

    def write(self) -> None:
        """`bench-out/<section>.json`, and `.png` if there is something to draw."""
        OUT.mkdir(exist_ok=True)
        found = {
            "section": self.section,
            "title": self.title,
            "at": time.strftime("%Y-%m-%d %H:%M:%S %z"),
            "machine": machine(),
            "verdicts": [
                {
                    "what": each.what,
                    "measured": each.measured,
                    "target": each.target,
                    "unit": each.unit,
                    "at_least": each.at_least,
                    "met": each.met,
                }
                for each in self.verdicts
            ],
            "table": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
            "figures": self.figures,
            "notes": self.notes,
        }
        (OUT / f"{self.section}.json").write_text(json.dumps(found, indent=2) + "\n")
        if self.chart is not None:
            figure, axes = pyplot.subplots(figsize=(8, 4.2), layout="constrained")
            axes.set_title(
                self.chart_title or self.title, loc="left", color=INK, fontsize=12, fontweight="bold"
            )
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
            for side in ("bottom", "left"):
                axes.spines[side].set_color(PALE)
            axes.tick_params(colors=INK)
            self.chart(axes)
            figure.savefig(OUT / f"{self.section}.png", dpi=140)
            pyplot.close(figure)


def summary(reports: Sequence[Report]) -> Table:
    """All promises of a run."""
    table = Table(title="Promises", title_justify="left", title_style="bold")
    for column in ("section", "what", "target", "measured", ""):
        table.add_column(column, justify="right" if column == "measured" else "left")
    for report in reports:
        for verdict in report.verdicts:
            sign = "[green]met[/]" if verdict.met else "[red]missed[/]"
            table.add_row(report.section, verdict.what, verdict.wanted, verdict.shown, sign)
    return table


def machine() -> dict[str, Any]:
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": len(measure.CORES),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "load": round(measure.load(), 2),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def bars(
    axes: Axes,
    values: dict[str, float],
    *,
    unit: str,
    ours: str | tuple[str, ...] = "vivavoce",
    digits: int = 1,
    log: bool = False,
) -> None:
    """Horizontal bars, the first on top, each with its value; those whose name begins with `ours` stand
    out."""
    names = list(values)[::-1]
    colours = [OURS if name.startswith(ours) else THEIRS for name in names]
    drawn = axes.barh(names, [values[name] for name in names], color=colours)
    axes.bar_label(drawn, [f"{values[name]:,.{digits}f} {unit}" for name in names], padding=4, color=INK)
    if log:
        axes.set_xscale("log")
        axes.set_xlim(min(values.values()) / 3, max(values.values()) * 6)
    else:
        axes.set_xlim(0, max(values.values()) * 1.2)
    axes.set_xlabel(unit, color=INK)
