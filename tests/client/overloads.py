"""Writes `src/vivavoce/client/overloads.py` from the tables of events: `python -m tests.client.overloads`."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from vivavoce.client import overloads
from vivavoce.client.reconnecting import Reconnected, ResponseInterrupted
from vivavoce.protocol import ServerEvent
from vivavoce.protocol.beta import server_events as beta

HEAD = '''\
"""Which class the events of each name have, for type checkers and editors. Nothing imports it at run time.

Written by `python -m tests.client.overloads`: change it there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol, TypeVar, overload

from vivavoce import protocol as ga
from vivavoce.client import reconnecting
from vivavoce.client.emitter import OpenAIRealtimeError
from vivavoce.protocol import UnknownEvent
from vivavoce.protocol.beta import server_events as beta

Event = TypeVar("Event")
Result = TypeVar("Result")
Who = TypeVar("Who", covariant=True)


class Registers(Protocol[Event]):
    """A decorator for functions that take an event of this class."""

    def __call__(self, function: Callable[[Event], Result], /) -> Callable[[Event], Result]: ...
'''

FILE = Path(str(overloads.__file__))

UNKNOWN = "UnknownEvent"


OWN = (Reconnected, ResponseInterrupted)
"""Events that connections make themselves."""


def table(union: Any, home: str, everything: str, error: str) -> dict[str, str]:
    """Names and classes."""
    names = {"event": f"{everything} | {UNKNOWN}"}
    for kind in get_args(union):
        where = home if kind.__module__.startswith(f"vivavoce.protocol.{home}.") else "ga"
        names[kind.type] = f"{where}.{kind.__name__}"
    return names | {"error": error}


def on(name: str, doc: str, events: dict[str, str]) -> Iterator[str]:
    yield f'\n\nclass {name}(Protocol[Who]):\n    """{doc}"""\n'
    for event, kind in events.items():
        given = f'self, name: Literal["{event}"]'
        yield f"\n    @overload\n    def __call__({given}, handler: Callable[[{kind}], object]) -> Who: ...\n"
        yield f"\n    @overload\n    def __call__({given}) -> Registers[{kind}]: ...\n"
    given = f"self, name: str, handler: Callable[[{UNKNOWN}], object]"
    yield f"\n    @overload\n    def __call__({given}) -> Who: ...\n"
    yield "\n    @overload\n    def __call__(self, name: str) -> Registers[Any]: ...\n"


def emitted(name: str, doc: str, events: dict[str, str], result: str, more: str = "") -> Iterator[str]:
    yield f'\n\nclass {name}(Protocol):\n    """{doc}"""\n'
    for event, kind in events.items():
        returns = result.format(kind)
        yield f'\n    @overload\n    def __call__(self, name: Literal["{event}"]{more}) -> {returns}: ...\n'
    yield f"\n    @overload\n    def __call__(self, name: str{more}) -> {result.format('Any')}: ...\n"


def text() -> str:
    """What the file is to hold, not formatted yet."""
    own = table(ServerEvent, "ga", "ga.ServerEvent", "ga.ErrorEvent")
    own |= {kind.type: f"reconnecting.{kind.__name__}" for kind in OWN}
    ga = table(ServerEvent, "ga", "ga.ServerEvent", "OpenAIRealtimeError")
    older = table(beta.ServerEvent, "beta", "beta.ServerEvent", "OpenAIRealtimeError")
    timeout = ", timeout: float | None = None"
    return "".join(
        [
            HEAD,
            *on("On", "`on` and `once` of connections.", own),
            *emitted("AsyncEmitted", "`emitted` of asynchronous connections.", own, "Awaitable[{}]"),
            *emitted("Emitted", "`emitted` of connections without an event loop.", own, "{}", timeout),
            *on("EmitterOn", "`on` and `once` of the emitter classes.", ga),
            *emitted("EmitterEmitted", "`emitted` of the emitter classes.", ga, "asyncio.Future[{}]"),
            *on("BetaEmitterOn", "`on` and `once` of the emitter classes of the beta dialect.", older),
            *emitted(
                "BetaEmitterEmitted",
                "`emitted` of the emitter classes of the beta dialect.",
                older,
                "asyncio.Future[{}]",
            ),
        ]
    )


def formatted() -> str:
    """The same as it stands in the file."""
    command = ["ruff", "format", "--stdin-filename", str(FILE), "-"]
    return subprocess.run(command, input=text(), capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    FILE.write_text(formatted())
