"""A state that is stored and a table that says which events move it where."""

from collections.abc import Mapping
from enum import Enum
from typing import Generic, TypeVar

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Enum)


class TransitionError(AssertionError):
    """An event came in a state that has no place for it: a fault of this program, never of a peer."""


class Machine(Generic[S, E]):
    """One state machine: the current `state`, moved by `fire` along `table`."""

    __slots__ = ("_table", "state")

    def __init__(self, state: S, table: Mapping[tuple[S, E], S]) -> None:
        self.state = state
        self._table = table

    def fire(self, event: E) -> S:
        """Move to the state that the table names; raises TransitionError for a pair that it does not know."""
        try:
            self.state = self._table[self.state, event]
        except KeyError:
            raise TransitionError(f"{event} in state {self.state}") from None
        return self.state
