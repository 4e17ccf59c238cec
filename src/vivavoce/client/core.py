"""A connection without its input and output: what `connection` and `sync_connection` have in common."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Generic, TypeAlias, TypeVar, cast

from vivavoce.client.errors import ConnectionClosed, ErrorReceived, SendQueueFull, UnsendableEvent
from vivavoce.client.handlers import EVERY_EVENT, Handler, Handlers
from vivavoce.client.send_queue import SendQueue
from vivavoce.protocol import ErrorEvent, UnknownEvent, encode
from vivavoce.protocol.base import WireObject

Event = TypeVar("Event", bound=WireObject)
"""What a server sends, in one dialect."""

Outgoing = TypeVar("Outgoing", bound=WireObject)
"""What a client sends."""


Watcher: TypeAlias = Callable[[Any], object]
"""Sees every event. True of an `error` event: it has taken care of it, and nobody else need."""

_REMEMBERED = 16
"""Errors that somebody has taken care of, and that are not yet told to whoever listens."""


class State(Enum):
    """How a connection is."""

    OPEN = "open"
    RECONNECTING = "reconnecting"
    """The transport is lost and a new one is sought: what is sent meanwhile waits in the queue."""
    LEFT = "left"
    """The program has closed it; what had come before can still be read."""
    CLOSED = "closed"
    """It ended, and not because of the program."""


_NEXT: dict[State, frozenset[State]] = {
    State.OPEN: frozenset({State.RECONNECTING, State.LEFT, State.CLOSED}),
    State.RECONNECTING: frozenset({State.OPEN, State.LEFT, State.CLOSED}),
    State.LEFT: frozenset(),
    State.CLOSED: frozenset({State.LEFT}),
}


class ConnectionCore(Generic[Event]):
    """Decoding, handlers, the send queue and the state of one connection.

    - decode: makes an event of a message, in the connection's dialect.
    - handlers, queue: what was registered and sent before there was a connection.
    """

    def __init__(
        self,
        decode: Callable[[str | bytes], Event | UnknownEvent],
        handlers: Handlers | None = None,
        queue: SendQueue | None = None,
    ) -> None:
        self.decode = decode
        self.handlers = Handlers() if handlers is None else handlers
        self.queue = SendQueue() if queue is None else queue
        self.last: Event | UnknownEvent | None = None
        """The latest event. If it is an error and the connection closes, it tells why."""
        self.answered: Callable[[Event | UnknownEvent], bool] = _never
        """Whether an `error` event was raised where it belongs, so that nobody else need look after it."""
        self.looked_after: deque[object] = deque(maxlen=_REMEMBERED)
        """`error` events that a watcher has taken care of."""
        self._state = State.OPEN

    @property
    def state(self) -> State:
        return self._state

    def become(self, state: State) -> None:
        """Change the state. Raises RuntimeError for a change that there is not."""
        if state is self._state:
            return
        if state not in _NEXT[self._state]:
            raise RuntimeError(f"A connection that is {self._state.value} cannot become {state.value}.")
        self._state = state

    # What is sent.

    def hold_back(self, message: bytes) -> bool:
        """Queue the message if there is no transport for it now. Raises SendQueueFull."""
        if self._state is not State.RECONNECTING:
            return False
        self.queue.put(message)
        return True

    def keep(self, message: bytes) -> None:
        """Queue a message that could not be sent, if there is room: its sender is told in any case."""
        if self._state is State.LEFT:
            return
        try:
            self.queue.put(message)
        except SendQueueFull:
            pass

    # What comes.

    def listeners(self, event: Event | UnknownEvent) -> tuple[Handler, ...]:
        """Those to call for an event: the handlers of its type, then those of all events.

        Raises ErrorReceived for an `error` event that nobody listens to.
        """
        name: str = event.type  # type: ignore[union-attr]
        own, every = self.handlers.take(name), self.handlers.take(EVERY_EVENT)
        if name == "error" and not (own or every or self._is_known(event)):
            raise ErrorReceived(cast(ErrorEvent | UnknownEvent, event))
        return own + every if every else own

    def show(self, event: Event | UnknownEvent, watchers: Iterable[Watcher]) -> None:
        """Show an event to those who watch."""
        for watcher in watchers:
            if watcher(event) is True:
                self.looked_after.append(event)

    def _is_known(self, event: Event | UnknownEvent) -> bool:
        return self.answered(event) or any(event is each for each in self.looked_after)

    def ending(
        self, closure: tuple[int, str], last: Event | UnknownEvent | None, unsent: list[str]
    ) -> ConnectionClosed:
        """Why there is nothing more to read or to send.

        - closure: the close code and reason.
        - last: the event that came last.
        - unsent: what waited in the queue.
        """
        error = last.error if isinstance(last, ErrorEvent) else None
        return ConnectionClosed(*closure, error, unsent_messages=unsent)


def _never(event: object) -> bool:
    return False


def encoded(event: WireObject | Mapping[str, Any]) -> bytes:
    """An event of a client as JSON. Raises UnsendableEvent."""
    try:
        return encode(event)  # type: ignore[arg-type]
    except (TypeError, ValueError, RecursionError) as error:
        raise UnsendableEvent(f"The event cannot be written as JSON: {error}.") from error
