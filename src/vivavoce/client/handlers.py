"""Who wants to be called for which event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Handler: TypeAlias = Callable[[Any], object]
"""Called with the event. What it returns is awaited if it can be and the connection is an asynchronous
one."""

EVERY_EVENT = "event"
"""The name under which a handler gets all events."""


class Handlers:
    """Functions by the names of the events that they are for.

    Any string is a name. A function that is added twice is called twice.
    """

    def __init__(self) -> None:
        self._entries: dict[str, tuple[tuple[Handler, bool], ...]] = {}
        """Functions in the order in which they came, and whether each is for one event only."""
        self._calls: dict[str, tuple[Handler, ...]] = {}
        """The same without the latter, made once and not for each event."""
        self._passing: set[str] = set()
        """The names that have functions for one event only."""

    def add(self, name: str, handler: Handler, *, once: bool = False) -> None:
        """Let `handler` be called for events of this name, after those that are there already.

        Raises TypeError for what cannot be called.
        """
        if not callable(handler):
            raise TypeError(f"The handler for {name!r} is {handler!r}: it must be a function.")
        self._set(name, (*self._entries.get(name, ()), (handler, once)))

    def remove(self, name: str, handler: Handler) -> None:
        """Take back one registration, the oldest; nothing happens if there is none."""
        entries = self._entries.get(name, ())
        for at, (function, _) in enumerate(entries):
            if function == handler:
                self._set(name, entries[:at] + entries[at + 1 :])
                return

    def take(self, name: str) -> tuple[Handler, ...]:
        """Those to call for an event that has come. Those that wanted one event only are gone then."""
        calls = self._calls.get(name, ())
        if name in self._passing:
            self._set(name, tuple(entry for entry in self._entries[name] if not entry[1]))
        return calls

    def __contains__(self, name: str) -> bool:
        """Whether anybody would be called for events of this name."""
        return bool(self._calls.get(name))

    def expect(self, name: str, arrived: Handler, failed: Handler) -> Callable[[], None]:
        """Call `arrived` with the next event of this name (a list, where it says several things at once), or
        `failed` with an `error` that comes first. What is returned takes it back."""

        def forget() -> None:
            self.remove(name, arrive)
            self.remove("error", fail)

        def arrive(*said: object) -> None:
            forget()
            arrived(said[0] if len(said) == 1 else list(said))

        def fail(event: object) -> None:
            forget()
            failed(event)

        self.add(name, arrive, once=True)
        if name != "error":
            self.add("error", fail, once=True)
        return forget

    def copy(self) -> Handlers:
        """The same registrations, to go their own way."""
        other = Handlers()
        for name, entries in self._entries.items():
            other._set(name, entries)
        return other

    def _set(self, name: str, entries: tuple[tuple[Handler, bool], ...]) -> None:
        self._entries[name] = entries
        self._calls[name] = tuple(handler for handler, _ in entries)
        if any(once for _, once in entries):
            self._passing.add(name)
        else:
            self._passing.discard(name)
