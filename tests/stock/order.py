"""What a client may rely on when it looks at the stream of server events, and at nothing else: the rules of
the conformance suite, and those of a call about what is heard."""

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
        self._playing: str | None = None
        self._heard: set[str] = set()
        self._done: set[str] = set()

    def see(self, event: Event) -> None:
        kind: str = event["type"]
        if kind.startswith("output_audio_buffer."):
            self._play(kind, event["response_id"])
            return
        if kind == "response.done":
            self._done.add(event["response"]["id"])
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

    def _play(self, kind: str, response_id: str) -> None:
        """A response begins to be heard once, and is heard to its end or cut off, one after the other."""
        if kind == "output_audio_buffer.started":
            assert self._playing is None
            assert response_id not in self._heard
            self._playing = response_id
            self._heard.add(response_id)
        else:
            assert self._playing == response_id
            assert kind == "output_audio_buffer.cleared" or response_id in self._done
            self._playing = None

    def _assert_kept(self) -> None:
        broken = {id: finding.reason for id, finding in self._ledger.findings.items() if finding.broken}
        assert not broken, broken
