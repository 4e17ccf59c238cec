"""The report for CI."""

import re
from xml.etree import ElementTree

from vivavoce.conformance.check import Dialect, Group
from vivavoce.conformance.run import Outcome, Report, Verdict

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML does not allow."""


def as_junit(report: Report) -> str:
    """JUnit XML: a suite for each group and dialect. What the real service is only believed to do otherwise
    counts as skipped."""
    root = ElementTree.Element("testsuites", name="vivavoce conform")
    for dialect in Dialect:
        for group in Group:
            verdicts = [each for each in report.verdicts if each.group is group and each.dialect is dialect]
            if verdicts:
                root.append(_suite(f"{dialect.value}.{group.value}", verdicts))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(name: str, verdicts: list[Verdict]) -> ElementTree.Element:
    failures = sum(verdict.outcome is Outcome.FAILED for verdict in verdicts)
    skipped = sum(verdict.outcome in (Outcome.DIFFERS, Outcome.NOT_RUN) for verdict in verdicts)
    suite = ElementTree.Element(
        "testsuite",
        name=name,
        tests=str(len(verdicts)),
        failures=str(failures),
        errors="0",
        skipped=str(skipped),
        time=f"{sum(verdict.seconds for verdict in verdicts):.3f}",
    )
    for verdict in verdicts:
        case = ElementTree.SubElement(
            suite, "testcase", classname=name, name=verdict.id, time=f"{verdict.seconds:.3f}"
        )
        if verdict.outcome is Outcome.FAILED:
            failure = ElementTree.SubElement(case, "failure", message=_clean(verdict.reason))
            failure.text = _clean("\n".join(_lines(verdict)))
        elif verdict.outcome is not Outcome.PASSED:
            ElementTree.SubElement(case, "skipped", message=_clean(verdict.reason))
    return suite


def _lines(verdict: Verdict) -> list[str]:
    lines = [verdict.title, f"rests on: {verdict.source.value}"]
    for extract in verdict.evidence:
        lines += [f"{frame.at:7.3f} {'->' if frame.sent else '<-'} {frame.text}" for frame in extract.frames]
    return [*lines, *verdict.exchanges]


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
