"""Somebody speaks while a reply goes on: to break in, to agree, or by accident?

With `semantic_vad` a reply is interrupted on evidence: words that are no backchannel, or a second of speech.
Speech that ends before there is any leaves the reply alone until its words are known.
"""

from enum import Enum, auto

from vivavoce.session.machine import Machine


class BargeInState(Enum):
    SPEAKING = auto()
    """Nothing is known yet of what is being said."""
    SAID = auto()
    """It was short, and is an item by now; its words are due."""
    DECIDED = auto()


class BargeInEvent(Enum):
    ENDED = auto()
    """The turn is over."""
    PROVEN = auto()
    """It interrupts the reply."""
    DISMISSED = auto()
    """It does not, or is no longer asked."""


BARGE_IN_TABLE = {
    (BargeInState.SPEAKING, BargeInEvent.ENDED): BargeInState.SAID,
    (BargeInState.SPEAKING, BargeInEvent.PROVEN): BargeInState.DECIDED,
    (BargeInState.SPEAKING, BargeInEvent.DISMISSED): BargeInState.DECIDED,
    (BargeInState.SAID, BargeInEvent.PROVEN): BargeInState.DECIDED,
    (BargeInState.SAID, BargeInEvent.DISMISSED): BargeInState.DECIDED,
}


class BargeIns:
    """The undecided ones of a session, by the item that each is or will be."""

    __slots__ = ("_undecided",)

    def __init__(self) -> None:
        self._undecided: dict[str, Machine[BargeInState, BargeInEvent]] = {}

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._undecided

    def __bool__(self) -> bool:
        return bool(self._undecided)

    def begin(self, item_id: str) -> None:
        """Somebody speaks while a reply goes on."""
        self._undecided[item_id] = Machine(BargeInState.SPEAKING, BARGE_IN_TABLE)

    def end(self, item_id: str) -> None:
        """The turn is over."""
        self._undecided[item_id].fire(BargeInEvent.ENDED)

    def was_said(self, item_id: str) -> bool:
        """Whether the turn is over, and only its words are missing."""
        machine = self._undecided.get(item_id)
        return machine is not None and machine.state is BargeInState.SAID

    def prove(self, item_id: str) -> None:
        """It interrupts."""
        self._undecided.pop(item_id).fire(BargeInEvent.PROVEN)

    def dismiss(self, item_id: str) -> None:
        """It does not interrupt; nothing happens if that was decided before."""
        machine = self._undecided.pop(item_id, None)
        if machine is not None:
            machine.fire(BargeInEvent.DISMISSED)

    def dismiss_said(self) -> None:
        """Whatever was said is being answered now."""
        for item_id in [item_id for item_id in self._undecided if self.was_said(item_id)]:
            self.dismiss(item_id)
