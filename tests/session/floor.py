"""Who has the floor: a model of what interrupts a reply and what is answered, written from section 5.4 of the
reference and docs/turn-detection.md. It shares no code with the session."""

import copy

from tests.session.driver import Event
from tests.session.ear import Ear

BACKCHANNELS = ("", "okay")
"""Those that the games say."""


class Floor:
    """Whether a reply goes on, and who has spoken over it so far without interrupting it."""

    def __init__(self, ear: Ear | None = None) -> None:
        self.ear = ear
        """Who knows what is heard; None where it must be guessed."""
        self.interrupted = False
        """Whether somebody broke in, in what is being tried out."""
        self.silenced = False
        """Whether the client wants to hear no more of the response in progress."""
        self.now = 0.0
        self.detection: Event | None = None
        self.active = False
        self.until = 0.0
        """When the last reply is played to its end."""
        self.cut_short = False
        self.undecided: dict[str, str] = {}
        """Items of which nothing is known yet: speaking, or said."""
        self.begun: float | None = None
        self.ticks = 0
        self.actions: list[str] = []
        """What must follow from what is being told."""

    @property
    def goes_on(self) -> bool:
        if self.ear is not None:
            waits = self.ear.in_conversation and not self.interrupted
            return bool(waits) or (self.active and not self.silenced)
        return not self.cut_short and (self.active or self.now < self.until)

    # What the session says

    def created(self) -> None:
        self.active, self.cut_short, self.begun, self.ticks = True, False, None, 0
        self.silenced = False
        self.undecided = {item: state for item, state in self.undecided.items() if state == "speaking"}

    def audio(self, ticks: int) -> None:
        self.begun = self.now if self.begun is None else self.begun
        self.ticks += ticks

    def done(self, *, cancelled: bool) -> None:
        self.active = False
        begun = self.now if self.begun is None else self.begun
        self.until = max(self.now, begun + self.ticks / 24000)
        self.cut_short |= cancelled

    def forget(self, item_id: str | None) -> None:
        """The client has decided about it."""
        self.undecided.pop(item_id or "", None)

    def copy(self) -> "Floor":
        """The same, of which something may be tried out."""
        after = copy.copy(self)
        after.undecided = dict(self.undecided)
        after.actions = []
        return after

    # What it is told

    def hears(self, told: list[tuple[str, str]], early: set[str]) -> "Floor":
        """Turns begin, last and end; of these items the words are known already. Returns the floor as it must
        be then."""
        after = self.copy()
        for what, item_id in told:
            after._hear(what, item_id, item_id in early)
        return after

    def understands(self, item_id: str, text: str | None, *, final: bool) -> "Floor":
        """There are words of an item, or will never be any."""
        after = self.copy()
        said = after.undecided.get(item_id) == "said"
        evidence = text is not None and text.lower().strip(".") not in BACKCHANNELS
        if evidence and item_id in after.undecided:
            after._prove(item_id)
            if said:
                after._answer()
        elif said and final:
            del after.undecided[item_id]
            if text != "" and not after.goes_on:
                after._interrupt_if_wanted()
                after._answer()
        return after

    def _hear(self, what: str, item_id: str, early: bool) -> None:
        assert self.detection is not None
        if what == "started" and self.detection.get("interrupt_response"):
            if self.detection["type"] == "semantic_vad" and self.goes_on:
                self.undecided[item_id] = "speaking"
            else:
                self._interrupt()
        elif what == "sustained":
            self._prove(item_id)
        elif what == "stopped":
            if item_id not in self.undecided or not self.goes_on:
                self._prove(item_id)
                self._answer()
            elif early:
                self.forget(item_id)
            else:
                self.undecided[item_id] = "said"

    def _prove(self, item_id: str) -> None:
        if self.undecided.pop(item_id, None):
            self._interrupt_if_wanted()

    def _interrupt_if_wanted(self) -> None:
        if (self.detection or {}).get("interrupt_response"):
            self._interrupt()

    def _interrupt(self) -> None:
        if self.active:
            self.actions.append("cancelled")
        self.active, self.cut_short, self.interrupted = False, True, True

    def _answer(self) -> None:
        if (self.detection or {}).get("create_response"):
            self.actions.append("refused" if self.active else "created")
            if not self.active:
                self.created()


def actions(events: list[Event]) -> list[str]:
    """What of this the session did."""
    found = []
    for event in events:
        if event["type"] == "response.created":
            found.append("created")
        elif event["type"] == "error":
            found.append("refused")
        elif event["type"] == "response.done":
            details = event["response"]["status_details"] or {}
            found += ["cancelled"] * (details.get("reason") == "turn_detected")
    return found
