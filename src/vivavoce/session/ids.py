"""Identifiers in the protocol's forms."""

from collections.abc import Callable

Ids = Callable[[str], str]
"""Makes a new identifier for a prefix: `ids("item")` -> "item_…"."""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class SequentialIds:
    """Prefix, underscore, 21 base-62 characters: a head of 13 that belongs to the session, then a count of 8.

    The head is handed in (random from a server, fixed from a test), so that equal inputs give equal ids.
    Function calls have 16 characters, as on the wire of the real service (section 0.4 of the reference).
    """

    __slots__ = ("_count", "_head")

    def __init__(self, head: str) -> None:
        if len(head) != 13 or not set(head) <= set(ALPHABET):
            raise ValueError("the head of an id has 13 characters of 0-9A-Za-z")
        self._head = head
        self._count = 0

    def __call__(self, prefix: str) -> str:
        self._count += 1
        if prefix == "call":
            return f"call_{self._head[:8]}{self._count:08d}"
        return f"{prefix}_{self._head}{str(self._count).zfill(8)}"
