"""Handlers for events: who is called when what comes."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Self, TypeVar

from vivavoce.client.handlers import Handler, Handlers

Function = TypeVar("Function", bound=Callable[..., object])


class Listening:
    """What has handlers for events.

        rt.on("response.output_text.delta", print_text)

        @rt.on("response.done")
        def count(event): ...

    The names are those of the server's events; `"event"` stands for all of them. Any handler for `"error"`
    says that errors are looked after.
    """

    _handlers: Handlers

    def _on(self, name: str, handler: Handler | None = None) -> Any:
        """Call `handler` for every event of this name. As a decorator without `handler`."""
        return self._register(name, handler, once=False)

    def _once(self, name: str, handler: Handler | None = None) -> Any:
        """Call `handler` for the next event of this name. As a decorator without `handler`."""
        return self._register(name, handler, once=True)

    if not TYPE_CHECKING:  # whoever listens says which event has which class: see `overloads`
        on = _on
        once = _once

    def off(self, name: str, handler: Handler) -> Self:
        """Take back one registration of `handler`, the oldest. Does nothing if there is none."""
        self._handlers.remove(name, handler)
        return self

    def _register(self, name: str, handler: Handler | None, *, once: bool) -> Any:
        if handler is None:

            def register(function: Function) -> Function:
                self._add(name, function, once=once)
                return function

            return register
        self._add(name, handler, once=once)
        return self

    def _add(self, name: str, handler: Handler, *, once: bool) -> None:
        self._handlers.add(name, handler, once=once)


def refuse_coroutine(name: str, handler: Handler) -> None:
    """Raises TypeError for what nobody here could await: there is no event loop."""
    if iscoroutinefunction(handler):
        raise TypeError(
            f"The handler for {name!r} is a coroutine function: without an event loop nobody would run it. "
            "Use AsyncClient, or a plain function."
        )
