"""How a Realtime server is judged: checks that play callers against it, rules that hold on every connection,
and a scorecard. It works on bare frames, so that no client hides a fault.

    from vivavoce.conformance import Dialect, Plan, Target, judge

    report = await judge(Plan(Target.at("ws://localhost:8000"), [Dialect.GA]))
    for verdict in report.failed:
        print(verdict.id, verdict.reason)

Needs what the command line needs: `pip install "vivavoce[conformance]"`.
"""

from vivavoce.conformance import checks as checks  # fills the catalogue
from vivavoce.conformance.check import (
    CATALOGUE,
    Check,
    Dialect,
    Fault,
    Group,
    NotRun,
    Source,
    Transport,
    check,
)
from vivavoce.conformance.extract import Extract
from vivavoce.conformance.monitor import RULES, Rule
from vivavoce.conformance.run import Outcome, Plan, Report, Unusable, Verdict, judge
from vivavoce.conformance.sound import Speech
from vivavoce.conformance.target import Target

__all__ = [
    "CATALOGUE",
    "RULES",
    "Check",
    "Dialect",
    "Extract",
    "Fault",
    "Group",
    "NotRun",
    "Outcome",
    "Plan",
    "Report",
    "Rule",
    "Source",
    "Speech",
    "Target",
    "Transport",
    "Unusable",
    "Verdict",
    "check",
    "judge",
]
