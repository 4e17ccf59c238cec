"""The report in the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vivavoce.conformance.check import CATALOGUE, Check, Dialect, Group
from vivavoce.conformance.extract import Extract
from vivavoce.conformance.monitor import RULES, Rule
from vivavoce.conformance.peer import Frame
from vivavoce.conformance.run import Outcome, Report, Verdict

_SIGNS = {
    Outcome.PASSED: ("✓", "green"),
    Outcome.FAILED: ("✗", "bold red"),
    Outcome.DIFFERS: ("≠", "yellow"),
    Outcome.NOT_RUN: ("–", "dim"),
}

_LINE = 160
"""Characters of a frame that are shown at least, whatever the width of the terminal."""


def show(report: Report, console: Console, *, frames: bool = True) -> None:
    """The scorecard, and then every failure with its reason and its frames."""
    console.print()
    console.print(_scores(report))
    console.print()
    for outcome, heading in (
        (Outcome.FAILED, "Failed"),
        (Outcome.DIFFERS, "Otherwise than the real service is believed to do (no failure)"),
    ):
        verdicts = [verdict for verdict in report.verdicts if verdict.outcome is outcome]
        if verdicts:
            console.print(Text(heading, style="bold"))
            console.print()
        for verdict in verdicts:
            _show_verdict(verdict, console, frames=frames)
    _show_not_run(report, console)
    _show_sum(report, console)


def show_list(console: Console, groups: list[Group]) -> None:
    """All checks and rules of these groups, with what they rest on."""
    entries: list[Check | Rule] = [*CATALOGUE.checks.values(), *RULES.values()]
    for group in groups:
        for entry in entries:
            if entry.group is not group:
                continue
            notes = [entry.source.value]
            notes += [dialect.value for dialect in entry.dialects if len(entry.dialects) < len(Dialect)]
            notes += ["believed"] if entry.believed else []
            console.print(Text.assemble((entry.id, "bold"), ("  " + ", ".join(notes), "dim")), soft_wrap=True)
            console.print(Text(f"    {entry.title}"), soft_wrap=True)
    console.print(Text(f"{sum(entry.group in groups for entry in entries)} in all", style="dim"))


def _scores(report: Report) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("group")
    for outcome in Outcome:
        table.add_column(outcome.value, justify="right")
    for group in Group:
        counts = [report.count(outcome, group) for outcome in Outcome]
        if any(counts):
            table.add_row(group.value, *map(_cell, Outcome, counts))
    table.add_section()
    table.add_row("all", *(_cell(outcome, report.count(outcome)) for outcome in Outcome), style="bold")
    return table


def _cell(outcome: Outcome, count: int) -> Text:
    return Text(str(count), style=_SIGNS[outcome][1]) if count else Text("·", style="dim")


def _show_verdict(verdict: Verdict, console: Console, *, frames: bool) -> None:
    sign, style = _SIGNS[verdict.outcome]
    console.print(Text.assemble((f"{sign} {verdict.id}", style), ("  " + verdict.dialect.value, "dim")))
    console.print(Text(f"  {verdict.title}", style="italic"))
    console.print(Text(f"  {verdict.reason}"))
    console.print(Text(f"  rests on: {verdict.source.value}", style="dim"))
    if frames:
        for extract in verdict.evidence:
            _show_extract(extract, console)
        for exchange in verdict.exchanges:
            console.print(Text(f"    {exchange}", style="dim"))
    console.print()


def _show_extract(extract: Extract, console: Console) -> None:
    if extract.skipped:
        console.print(Text(f"    … {extract.skipped} frames before", style="dim"))
    for number, frame in enumerate(extract.frames):
        style = "red" if number == extract.culprit else "dim"
        line = _line(frame)
        room = max(console.width, _LINE)
        shown = line if len(line) <= room or number == extract.culprit else f"{line[: room - 1]}…"
        console.print(Text(shown, style=style), soft_wrap=True)


def _line(frame: Frame) -> str:
    return f"    {frame.at:7.3f} {'→' if frame.sent else '←'} {frame.text}"


def _show_not_run(report: Report, console: Console) -> None:
    reasons: dict[str, int] = {}
    for verdict in report.verdicts:
        if verdict.outcome is Outcome.NOT_RUN:
            reasons[verdict.reason] = reasons.get(verdict.reason, 0) + 1
    for reason, count in reasons.items():
        console.print(Text(f"– not run: {count}. {reason}", style="dim"))


def _show_sum(report: Report, console: Console) -> None:
    passed, failed = report.count(Outcome.PASSED), report.count(Outcome.FAILED)
    judged = passed + failed
    score = f"{passed} of {judged} checks passed ({passed / judged:.1%})" if judged else "nothing was judged"
    style = "bold red" if failed else "bold green" if judged else "bold yellow"
    line = f"{report.target.url}: {score}, in {report.seconds:.1f} s."
    console.print(Text(line, style=style), soft_wrap=True)
