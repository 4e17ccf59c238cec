"""Which calls are to be run, and what is to be said about them when, without running or sending anything."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NamedTuple

from vivavoce.client.floor import Floor

_MAX_KNOWN = 4096
"""Calls that are remembered so that none is run twice; older ones are forgotten first."""


class Call(NamedTuple):
    """The model wants a function called."""

    call_id: str
    name: str
    arguments: str
    """JSON text."""
    response_id: str


class _State(Enum):
    WRITTEN = auto()
    """The model still writes its arguments."""
    RUNNING = auto()
    ANSWERED = auto()
    """It has an output, which waits for those before it."""
    OVER = auto()
    """Its output was sent, or there will never be one."""


_NEXT = {
    _State.WRITTEN: frozenset({_State.RUNNING, _State.OVER}),
    _State.RUNNING: frozenset({_State.ANSWERED}),
    _State.ANSWERED: frozenset({_State.OVER}),
    _State.OVER: frozenset[_State](),
}


@dataclass(slots=True)
class _Entry:
    """A call in the order of its response."""

    call_id: str
    state: _State = _State.WRITTEN
    output: str = ""

    def become(self, state: _State) -> None:
        if state not in _NEXT[self.state]:
            raise RuntimeError(f"A call that is {self.state.name} cannot become {state.name}.")
        self.state = state


@dataclass(slots=True)
class _Batch:
    """The calls of one response."""

    entries: dict[int, _Entry] = field(default_factory=dict)
    """By their `output_index`."""
    done: bool = False
    """The response is over."""
    cancelled: bool = False
    """Somebody has interrupted it, and will be answered anyway."""
    wanted: bool = False
    """Of some call it is to be heard what the model makes of it."""


class Ledger:
    """The calls of a conversation, in order.

    `feed` takes the server's events; `calls` gives what is to be run then; `answer` takes what came out of
    it; `drain` gives the events that are to be sent. The outputs of a response are sent in the order of its
    calls, and one `response.create` when all are and no response is in progress. Events of both dialects are
    understood.

    - follow_up: whether a response is to follow; a mapping is the `response` of its `response.create`.
    """

    def __init__(self, follow_up: Mapping[str, Any] | bool = True) -> None:
        self._follow_up = follow_up
        self._batches: dict[str, _Batch] = {}
        self._calls: deque[Call] = deque()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._outbox: list[dict[str, Any]] = []
        self._floor = Floor("tools")
        self._unconfirmed: set[str] = set()
        """Calls whose outputs the server has not yet put into the conversation."""

    def feed(self, event: Any) -> bool:
        """What the server said. Whether it is an error that asking again will mend."""
        mended = self._floor.feed(event)
        match event.type:
            case "response.output_item.added" if event.item.type == "function_call":
                self._entry(event)
            case "response.output_item.done" if event.item.type == "function_call":
                self._begin(event)
            case "response.created" if not self._unconfirmed:
                if self._floor.belonging.includes_response(event.response.id):
                    # Whoever asked for it: it has read all outputs.
                    self._floor.withdraw()
            case "response.done":
                self._end(event.response.id, cancelled=event.response.status == "cancelled")
            case "client.response_interrupted":
                self._end(event.response_id, cancelled=False)
            case "session.created":
                # Another session than before, if there was one: nothing more comes of the responses of that.
                for response_id in tuple(self._batches):
                    self._end(response_id, cancelled=True)
            case "conversation.item.added" | "conversation.item.created":
                if event.item.type == "function_call_output":
                    self._unconfirmed.discard(event.item.call_id)
        return mended

    def calls(self) -> list[Call]:
        """What is to be run now."""
        calls = list(self._calls)
        self._calls.clear()
        return calls

    def answer(self, call: Call, output: str, *, follow_up: bool = True) -> None:
        """What came out of a call, and whether the model is to say something about it."""
        batch = self._batches[call.response_id]
        entry = next(entry for entry in batch.entries.values() if entry.call_id == call.call_id)
        entry.become(_State.ANSWERED)
        entry.output = output
        batch.wanted = batch.wanted or follow_up
        self._settle(call.response_id, batch)

    def drain(self) -> list[dict[str, Any]]:
        """What is to be sent now, in order."""
        events = self._outbox + self._floor.drain()
        self._outbox = []
        return events

    def _entry(self, event: Any) -> _Entry:
        batch = self._batches.setdefault(event.response_id, _Batch())
        return batch.entries.setdefault(event.output_index, _Entry(event.item.call_id))

    def _begin(self, event: Any) -> None:
        entry, item = self._entry(event), event.item
        if entry.state is not _State.WRITTEN:
            return
        whole = item.status != "incomplete"
        ours = self._floor.belonging.includes_item(item.id, event.response_id)
        if not whole or not ours or item.call_id in self._known:
            entry.become(_State.OVER)
            return
        entry.become(_State.RUNNING)
        self._known[item.call_id] = None
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)
        self._calls.append(Call(item.call_id, item.name, item.arguments, event.response_id))

    def _end(self, response_id: str, *, cancelled: bool) -> None:
        batch = self._batches.get(response_id)
        if batch is None:
            return
        batch.done = True
        batch.cancelled = cancelled
        for entry in batch.entries.values():
            if entry.state is _State.WRITTEN:
                entry.become(_State.OVER)
        self._settle(response_id, batch)

    def _settle(self, response_id: str, batch: _Batch) -> None:
        """Send the outputs whose turn it is, and ask for a response after the last."""
        for _, entry in sorted(batch.entries.items()):
            if entry.state is _State.ANSWERED:
                entry.become(_State.OVER)
                self._unconfirmed.add(entry.call_id)
                item = {"type": "function_call_output", "call_id": entry.call_id, "output": entry.output}
                self._outbox.append({"type": "conversation.item.create", "item": item})
            elif entry.state is not _State.OVER:
                return
        if not batch.done:
            return
        del self._batches[response_id]
        if batch.wanted and not batch.cancelled and self._follow_up is not False:
            self._floor.ask(None if self._follow_up is True else self._follow_up)
