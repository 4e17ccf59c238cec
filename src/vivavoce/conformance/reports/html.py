"""The report for people: one page that needs nothing but itself."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from time import gmtime, strftime

from vivavoce.conformance.check import Group
from vivavoce.conformance.extract import Extract
from vivavoce.conformance.run import Outcome, Report, Verdict
from vivavoce.version import __version__

_MEANINGS = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.DIFFERS: "differs from what is believed",
    Outcome.NOT_RUN: "not run",
}


def as_html(report: Report) -> str:
    """The page. It follows the reader's choice of light or dark."""
    style = files(__package__).joinpath("page.css").read_text()
    title = f"Realtime conformance of {report.target.host}"
    parts = [_head(report), _table(report)]
    for outcome, heading in (
        (Outcome.FAILED, "Failed"),
        (Outcome.DIFFERS, "Otherwise than the real service is believed to do"),
    ):
        verdicts = [verdict for verdict in report.verdicts if verdict.outcome is outcome]
        if verdicts:
            parts.append(f"<h2>{heading}</h2>")
            parts += [_details(verdict, open=outcome is Outcome.FAILED) for verdict in verdicts]
    parts += [_group(report, group) for group in Group]
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n"
        f"<main>\n{''.join(part + chr(10) for part in parts if part)}</main>\n</html>\n"
    )


def _head(report: Report) -> str:
    passed, failed = report.count(Outcome.PASSED), report.count(Outcome.FAILED)
    judged = passed + failed
    share = passed / judged if judged else 0.0
    # Never 100 % with a failure.
    percent = f"{int(share * 1000) / 10:g}&#8239;%"
    when = strftime("%Y-%m-%d %H:%M UTC", gmtime(report.started))
    dialects = " and ".join(sorted({verdict.dialect.value for verdict in report.verdicts}))
    mood = "bad" if failed or not judged else "good"
    legend = "".join(
        f'<span class="{_name(outcome)}">{meaning}</span>' for outcome, meaning in _MEANINGS.items()
    )
    return (
        f"<h1>{escape(report.target.url)}</h1>"
        f'<p class="faint">Realtime conformance, dialect {escape(dialects)}, model '
        f"{escape(report.target.model)}, {when}, {report.seconds:.1f} s, vivavoce {__version__}</p>"
        f'<div class="score {mood}"><strong>{percent}</strong>'
        f"<span>{passed} of {judged} checks passed</span></div>"
        f"{_bar([report.count(outcome) for outcome in Outcome])}<nav>{legend}</nav>"
    )


def _table(report: Report) -> str:
    heads = "".join(f"<th>{outcome.value}</th>" for outcome in Outcome)
    rows = []
    for group in Group:
        counts = [report.count(outcome, group) for outcome in Outcome]
        if any(counts):
            cells = "".join(f'<td class="{"" if count else "zero"}">{count}</td>' for count in counts)
            link = f'<a href="#{group.value}">{group.value}</a>'
            rows.append(f"<tr><td>{link}</td>{cells}<td>{_bar(counts)}</td></tr>")
    return (
        '<h2>Groups</h2><div class="wide"><table><thead><tr><th>group</th>'
        f"{heads}<th></th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _bar(counts: Sequence[int]) -> str:
    pieces = "".join(
        f'<i class="{_name(outcome)}" style="flex:{count}" title="{count} {outcome.value}"></i>'
        for outcome, count in zip(Outcome, counts, strict=True)
        if count
    )
    return f'<div class="bar">{pieces}</div>'


def _group(report: Report, group: Group) -> str:
    verdicts = [verdict for verdict in report.verdicts if verdict.group is group]
    if not verdicts:
        return ""
    both = len({verdict.dialect for verdict in report.verdicts}) > 1
    rows = "".join(_details(verdict, open=False, dialect=both) for verdict in verdicts)
    return f'<h2 id="{group.value}">{group.value}</h2>{rows}'


def _details(verdict: Verdict, *, open: bool, dialect: bool = True) -> str:
    told = [verdict.outcome.value] if verdict.outcome is not Outcome.PASSED else []
    told += ["believed"] if verdict.believed else []
    told += [verdict.dialect.value] if dialect else []
    reason = f'<p class="reason">{escape(verdict.reason)}</p>' if verdict.reason else ""
    exchanges = "".join(f"<pre>{escape(exchange)}</pre>" for exchange in verdict.exchanges)
    return (
        f'<details class="{_name(verdict.outcome)}"{" open" if open else ""}>'
        f"<summary><code>{escape(verdict.id)}</code>"
        f'<span class="faint">{escape(", ".join(told))}</span></summary>'
        f'<div class="body"><p>{_prose(verdict.title)}</p>{reason}'
        f'<p class="faint">Rests on: {verdict.source.value}.</p>'
        f"{''.join(map(_frames, verdict.evidence))}{exchanges}</div></details>"
    )


def _frames(extract: Extract) -> str:
    lines = [f"<span>… {extract.skipped} frames before</span>"] if extract.skipped else []
    for number, frame in enumerate(extract.frames):
        kind = "culprit" if number == extract.culprit else "sent" if frame.sent else ""
        arrow = "→" if frame.sent else "←"
        lines.append(f'<span class="{kind}">{frame.at:7.3f} {arrow} {escape(frame.text)}</span>')
    return f"<pre>{chr(10).join(lines)}</pre>"


def _prose(title: str) -> str:
    """A title, in which names between backquotes become code."""
    pieces = escape(title).split("`")
    return "".join(f"<code>{each}</code>" if number % 2 else each for number, each in enumerate(pieces))


def _name(outcome: Outcome) -> str:
    return outcome.value.replace(" ", "-")
