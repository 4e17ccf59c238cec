"""Which words of a growing hypothesis stand: those on which hypothesis after hypothesis agrees.

A decoder that listens while somebody speaks thinks again with every piece of sound, and once more at the end.
Whoever shows words before the end must stay by them, so the transcript's beginning is settled by agreement,
and what the decoder says later is joined to it where the words lie in time.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

TOLERANCE = 12
"""Frames by which the limits of a word may move from one hypothesis to the next while it stays the same."""
UNFINISHED = 30
"""A word that ended less than so many frames ago may still become a longer one."""
SLACK = 3
"""Frames by which a word may overlap the last one that stands and still follow it, if the most of it lies
behind."""


class Heard(NamedTuple):
    """A word of a hypothesis, in frames from the beginning of the utterance."""

    text: str
    start: int
    end: int
    probability: float | None = None
    """That it was said, 0 to 1; None if the decoder does not know yet."""

    def is_same(self, other: "Heard") -> bool:
        """Whether it is the same word at the same place."""
        return (
            self.text == other.text
            and abs(self.start - other.start) <= TOLERANCE
            and abs(self.end - other.end) <= TOLERANCE
        )


class Agreement:
    """The words of one utterance that stand. `patience`: so many hypotheses in a row must agree on a word."""

    def __init__(self, patience: int) -> None:
        self._earlier: deque[Sequence[Heard]] = deque(maxlen=patience - 1)
        self._patience = patience
        self.standing: list[Heard] = []

    def observe(self, hypothesis: Sequence[Heard], now: int) -> None:
        """Take the next hypothesis, of all sound up to the frame `now`."""
        if len(self._earlier) == self._patience - 1:
            for word in self._beyond(hypothesis):
                if word.end > now - UNFINISHED or not self._is_agreed(word):
                    break
                self.standing.append(word)
        self._earlier.append(hypothesis)

    def joined(self, hypothesis: Sequence[Heard]) -> list[Heard]:
        """What stands and what the hypothesis says beyond it; a word that stands takes its probability from
        there, if it is found there."""
        stands = []
        for word in self.standing:
            found = next((each for each in hypothesis if each.is_same(word)), None)
            stands.append(word._replace(probability=None if found is None else found.probability))
        return [*stands, *self._beyond(hypothesis)]

    def _beyond(self, hypothesis: Sequence[Heard]) -> list[Heard]:
        if not self.standing:
            return list(hypothesis)
        end = self.standing[-1].end
        return [word for word in hypothesis if word.start >= end - SLACK and word.start + word.end > 2 * end]

    def _is_agreed(self, word: Heard) -> bool:
        return all(any(each.is_same(word) for each in earlier) for earlier in self._earlier)
