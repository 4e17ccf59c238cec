"""What a check is, and where checks are kept.

A check is a coroutine function that plays a caller. It returns when the server did what the rule asks for,
raises Fault when it did not, and NotRun when there was nothing to judge.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vivavoce.conformance.caller import Caller


class Dialect(Enum):
    """The two forms of the protocol that servers speak."""

    GA = "ga"
    BETA = "beta"


class Transport(Enum):
    """What carries the protocol."""

    WEBSOCKET = "websocket"
    WEBRTC = "webrtc"


class Group(Enum):
    """What a check is about. The first word of its id."""

    HANDSHAKE = "handshake"
    SESSION = "session"
    INPUT_AUDIO = "input-audio"
    VAD = "vad"
    ITEMS = "items"
    RESPONSES = "responses"
    CANCEL = "cancel"
    FUNCTIONS = "functions"
    OUT_OF_BAND = "out-of-band"
    TRANSCRIPTION = "transcription"
    TRANSLATION = "translation"
    MCP = "mcp"
    ERRORS = "errors"
    LIMITS = "limits"
    BETA = "beta"
    REST = "rest"
    WEBRTC = "webrtc"
    ORDER = "order"
    SCHEMA = "schema"
    DELTAS = "deltas"
    LINKS = "links"


class Source(Enum):
    """What a rule rests on."""

    REFERENCE = "API reference"
    """The published schemas and their descriptions."""
    GUIDE = "published guides"
    CAPTURE = "traffic of the real service"
    REPORTS = "several reports of the real service"
    CLIENTS = "what the stock clients rely on"
    INFERRED = "inferred from the rules beside it"
    """Nobody outside has seen it. Such checks are believed ones."""


class Needs(Enum):
    """What a check cannot do without."""

    KEY = "a key: a server that asks for none cannot refuse one (--api-key)"
    SPEECH = "a recording of somebody who speaks (--audio)"
    MCP = "an MCP server that the judged server can reach and may use (--mcp)"


HANDSHAKE = "Not applicable over WebRTC: it is about the handshake of a WebSocket."
APPENDS = "Not applicable over WebRTC: sound comes over the track, all the time, and not in events."
NO_DELTAS = "Not applicable over WebRTC: speech comes over the track, and not in deltas."
FORMATS = "Not applicable over WebRTC: the track has its own codec."
INTERPRETERS = "Not judged over WebRTC: calls that interpret have an endpoint of their own."
"""Why some checks have nothing to judge over WebRTC."""


class Fault(Exception):
    """The server broke the rule. The message says what was expected and what came."""


class NotRun(Exception):
    """The server gave no occasion to judge it. The message says why."""


Play = Callable[["Caller"], Awaitable[None]]

BOTH = frozenset(Dialect)
GA = frozenset({Dialect.GA})
BETA = frozenset({Dialect.BETA})


@dataclass(frozen=True)
class Check:
    """A rule of the API and how to find out whether a server keeps it."""

    id: str
    """`group.subject[.detail]`, unique among checks and rules."""
    title: str
    """The rule as a sentence."""
    source: Source
    believed: bool
    """The real service is only believed to do so: a server that does otherwise has not failed."""
    dialects: frozenset[Dialect]
    needs: frozenset[Needs]
    play: Play
    websocket_only: str = ""
    """Why it has nothing to judge over WebRTC."""
    timed: bool = False
    """It measures times, which over a call can be wrong because a machine is busy."""

    @property
    def group(self) -> Group:
        return Group(self.id.partition(".")[0])

    def over(self, transport: Transport) -> bool:
        """Whether it is for this transport at all. Those about calls are for no other."""
        return self.group is not Group.WEBRTC or transport is Transport.WEBRTC


class Catalogue:
    """Checks by their id, in the order in which they were written."""

    def __init__(self) -> None:
        self.checks: dict[str, Check] = {}

    def add(self, check: Check) -> None:
        if not re.fullmatch(r"[a-z-]+(\.[a-z0-9-]+)+", check.id):
            raise ValueError(f"{check.id!r} cannot be the id of a check: write `group.subject`.")
        if check.id in self.checks:
            raise ValueError(f"Two checks are called {check.id!r}.")
        Group(check.id.partition(".")[0])
        self.checks[check.id] = check


CATALOGUE = Catalogue()


def check(
    id: str,
    title: str,
    source: Source,
    *,
    believed: bool = False,
    dialects: frozenset[Dialect] = BOTH,
    needs: Iterable[Needs] = (),
    websocket_only: str = "",
    timed: bool = False,
) -> Callable[[Play], Play]:
    """Enter a coroutine function into the catalogue."""

    def enter(play: Play) -> Play:
        inferred = believed or source is Source.INFERRED
        CATALOGUE.add(
            Check(id, title, source, inferred, dialects, frozenset(needs), play, websocket_only, timed)
        )
        return play

    return enter


def require(condition: object, reason: str) -> None:
    """Raise Fault with this reason unless the condition holds."""
    if not condition:
        raise Fault(reason)


def require_equal(found: object, expected: object, what: str) -> None:
    """Raise Fault unless `what` is as expected."""
    if found != expected or isinstance(found, bool) != isinstance(expected, bool):
        raise Fault(f"{what} is {brief(found)}, expected {brief(expected)}.")


def brief(value: object) -> str:
    """A value as a sentence can hold it."""
    text = json.dumps(sorted(value) if isinstance(value, set) else value, ensure_ascii=False, default=repr)
    return text if len(text) <= 200 else f"{text[:200]}…"
