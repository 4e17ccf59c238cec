"""The report for programs."""

import json
from typing import Any

from vivavoce.conformance.extract import Extract
from vivavoce.conformance.peer import Frame
from vivavoce.conformance.run import Outcome, Report, Verdict
from vivavoce.version import __version__


def as_json(report: Report) -> str:
    """The whole report. `outcome` is one of `passed`, `failed`, `differs` and `not run`."""
    counts = {outcome.value: report.count(outcome) for outcome in Outcome}
    whole = {
        "suite": f"vivavoce {__version__}",
        "url": report.target.url,
        "model": report.target.model,
        "started": report.started,
        "seconds": round(report.seconds, 3),
        "counts": counts,
        "checks": [_verdict(verdict) for verdict in report.verdicts],
    }
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.id,
        "title": verdict.title,
        "group": verdict.group.value,
        "dialect": verdict.dialect.value,
        "required": not verdict.believed,
        "rests_on": verdict.source.value,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "seconds": round(verdict.seconds, 3),
        "connections": [_extract(extract) for extract in verdict.evidence],
        "exchanges": list(verdict.exchanges),
    }


def _extract(extract: Extract) -> dict[str, Any]:
    return {
        "skipped": extract.skipped,
        "culprit": extract.culprit,
        "frames": [_frame(frame) for frame in extract.frames],
    }


def _frame(frame: Frame) -> dict[str, Any]:
    return {"at": round(frame.at, 3), "sent": frame.sent, "text": frame.text}
