"""What a client may rely on when it looks at the stream of server events, and at nothing else: the rules of
the conformance suite."""

import json
from typing import Any

from vivavoce.conformance import Dialect
from vivavoce.conformance.monitor import Ledger, Monitor
from vivavoce.conformance.peer import Frame
from vivavoce.conformance.words import Words

Event = dict[str, Any]


class Order:
    """Sees every event in order and fails at the first that breaks a rule."""

    def __init__(self) -> None:
        self._ledger = Ledger(Dialect.GA)
        self._monitor = Monitor(self._ledger, "this client", Words(Dialect.GA), "")

    def see(self, event: Event) -> None:
        text = json.dumps(event)
        self._monitor.frames.append(Frame(0.0, False, text))
        self._monitor.received(event, text, len(self._monitor.frames) - 1)
        self._assert_kept()

    def finish(self) -> None:
        """No event will come any more that was not asked for."""
        self._monitor.finish()
        self._assert_kept()

    @property
    def items(self) -> list[str]:
        """The default conversation as the events tell it."""
        return self._monitor.items

    def _assert_kept(self) -> None:
        broken = {id: finding.reason for id, finding in self._ledger.findings.items() if finding.broken}
        assert not broken, broken
