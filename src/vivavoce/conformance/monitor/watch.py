"""The monitor of a connection: looks at every event that a server sends."""

from vivavoce.conformance.check import Dialect, brief
from vivavoce.conformance.monitor import beta_shapes, ga_shapes
from vivavoce.conformance.monitor import rule as rules
from vivavoce.conformance.monitor.conversation import Conversation
from vivavoce.conformance.monitor.ledger import Ledger
from vivavoce.conformance.monitor.playout import Playout
from vivavoce.conformance.monitor.responses import Responses
from vivavoce.conformance.monitor.speech import Speech
from vivavoce.conformance.peer import ASIDE, Frame
from vivavoce.conformance.words import Event, Words

_CREATED = ("session.created", "transcription_session.created")
_TRANSCRIPTION = "conversation.item.input_audio_transcription."
_SHORTEST_KEY = 8
"""Characters that a key must have for its presence in a text to say something."""


class Monitor:
    """Sees the frames of one connection and enters into the ledger what they say about the rules."""

    def __init__(self, ledger: Ledger, check_id: str, words: Words, secret: str) -> None:
        self._ledger = ledger
        self._check_id = check_id
        self._secret = secret if len(secret) >= _SHORTEST_KEY else ""
        ga = ledger.dialect is Dialect.GA
        self._shapes = ga_shapes.EVENTS if ga else beta_shapes.EVENTS
        self._conversation = Conversation(words, self._note)
        self._responses = Responses(words, self._conversation, self._note)
        self._speech = Speech(words, self._conversation, self._note)
        self._playout = Playout(words, self._note)
        self._event_ids: set[str] = set()
        self._first = True
        self._metered = 0
        self._number = 0
        self.frames: list[Frame] = []
        """The frames of the connection, which the peer records."""

    @property
    def unfinished(self) -> list[str]:
        """The responses that have not ended."""
        return list(self._responses.open)

    @property
    def items(self) -> list[str]:
        """The ids of the conversation's items, in their order, as the events told them."""
        return list(self._conversation.items)

    def broken(self, reason: str, number: int) -> None:
        self._number = number
        self._note(rules.FRAMES, False, reason)

    def received(self, event: object, text: str, number: int) -> None:
        self._number = number
        kind = event.get("type") if isinstance(event, dict) else None
        if not isinstance(event, dict) or not isinstance(kind, str):
            self._note(rules.FRAMES, False, f"A frame is no object with a `type` but {brief(event)}.")
            return
        self._note(rules.FRAMES, True, "")
        if self._secret:
            self._note(rules.KEY_CONCEALED, self._secret not in text, f"{kind} shows the key.")
        self._see_shape(kind, event)
        self._see_session(kind, event)
        self._playout.see(kind, event)
        if kind.startswith(_TRANSCRIPTION):
            self._conversation.transcribed(kind.removeprefix(_TRANSCRIPTION), event)
        if kind.startswith((*ASIDE, "conversation.created")):
            return
        # In this order: what was committed is known before its item comes, and an item before its parts.
        self._speech.see(kind, event)
        if kind != "input_audio_buffer.committed":
            self._conversation.see(kind, event)
        if kind.startswith("response."):
            self._responses.see(kind, event)

    def finish(self) -> None:
        """No more events were waited for: what has not ended now never will."""
        for response_id in self._responses.open:
            self._note(rules.RESPONSE_ENDS, False, f"response.done of {response_id} never came.")

    def _see_shape(self, kind: str, event: Event) -> None:
        shape = self._shapes.get(kind)
        self._note(rules.KNOWN_TYPES, shape is not None, f"The type {kind} is not published.")
        if shape is None:
            return
        problems = list(shape.problems(event, ""))
        wrong = [problem for problem in problems if not problem.extra]
        extra = [problem.path for problem in problems if problem.extra]
        reason = "; ".join(map(str, wrong[:3]))
        self._note(rules.SHAPES[kind], not wrong, f"{kind}: {reason}.")
        self._note(rules.KNOWN_KEYS, not extra, f"{kind} has {', '.join(extra)}.")

    def _see_session(self, kind: str, event: Event) -> None:
        event_id = event.get("event_id")
        if isinstance(event_id, str):
            fresh = event_id not in self._event_ids
            self._note(rules.EVENT_IDS, fresh, f"The event_id {event_id} was used before.")
            self._event_ids.add(event_id)
        if kind in _CREATED:
            self._note(rules.FIRST_EVENT, self._first, f"{kind} came again, or not first.")
        elif self._first:
            self._note(rules.FIRST_EVENT, kind == "error", f"{kind} came first.")
        self._first = False
        if kind == "rate_limits.updated":
            self._metered += 1
            ended = len(self._responses.finished)
            reason = f"It came {self._metered} times, but {ended} responses have ended."
            self._note(rules.RATE_LIMITS, self._metered <= ended, reason)

    def _note(self, rule: str, kept: bool, reason: str) -> None:
        self._ledger.note(rule, kept, reason, self._check_id, self.frames, self._number)
