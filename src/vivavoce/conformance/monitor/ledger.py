"""What all connections together say about the rules."""

from collections.abc import Sequence

from vivavoce.conformance.check import Dialect, Transport
from vivavoce.conformance.monitor.rule import RULES, Finding
from vivavoce.conformance.peer import Frame

FRAMES_BEHIND = 1
"""Frames that are kept behind the one that breaks a rule."""


class Ledger:
    """The findings of one dialect over one transport."""

    def __init__(self, dialect: Dialect, transport: Transport = Transport.WEBSOCKET) -> None:
        self.dialect = dialect
        self.findings = {
            id: Finding() for id, rule in RULES.items() if dialect in rule.dialects and rule.over(transport)
        }

    def note(
        self, rule: str, kept: bool, reason: str, check_id: str, frames: Sequence[Frame], number: int
    ) -> None:
        """Enter that a rule was kept or broken at a frame. `reason` is why, if it was broken."""
        finding = self.findings.get(rule)
        if finding is None:
            return  # a rule of the other dialect, or of the other transport
        if kept:
            finding.kept += 1
            return
        finding.broken += 1
        if finding.broken == 1:
            finding.reason = reason
            finding.check_id = check_id
            finding.frames = list(frames[: number + 1 + FRAMES_BEHIND])
            finding.number = number
