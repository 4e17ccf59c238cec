"""An open connection to a Realtime server, for programs without an event loop."""

from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, Self, Unpack

from websockets.exceptions import ConnectionClosed as WebSocketClosed

from vivavoce.client.core import ConnectionCore, Event, Outgoing, State, Watcher, encoded
from vivavoce.client.errors import ConnectionClosed, ErrorReceived
from vivavoce.client.events import (
    ConversationEvents,
    InputAudioBufferEvents,
    OutputAudioBufferEvents,
    ResponseEvents,
    SessionEvents,
)
from vivavoce.client.handlers import Handler
from vivavoce.client.listening import Listening, refuse_coroutine
from vivavoce.client.sync_responding import Asking, Conversing
from vivavoce.client.sync_socket import SyncWebSocket
from vivavoce.protocol import ClientEvent, ServerEvent, UnknownEvent

if TYPE_CHECKING:
    from vivavoce.client.overloads import Emitted, On
    from vivavoce.client.tools.running import RunnerOptions
    from vivavoce.client.tools.sync_runner import ToolRunner


class Connection(Generic[Event, Outgoing]):
    """Reading and writing, whatever the dialect."""

    def __init__(self, websocket: SyncWebSocket, core: ConnectionCore[Event]) -> None:
        self._websocket = websocket
        self._core = core
        self._watchers: tuple[Watcher, ...] = ()
        self._flushing = Lock()

    def __iter__(self) -> Iterator[Event | UnknownEvent]:
        decode = self._core.decode
        inbox = self._websocket.inbox
        take = inbox.popleft
        event: Event | UnknownEvent | None = None
        while inbox or self._websocket.more():
            event = decode(take())
            if self._watchers:
                self._show(event)
            yield event
        self._core.last = event or self._core.last
        closed = self._ended()
        if not (self._core.state is State.LEFT or closed.normal):
            raise closed

    def recv(self, timeout: float | None = None) -> Event | UnknownEvent:
        """The next event.

        - timeout: seconds to wait for it; None, for ever.

        Raises ConnectionClosed when there will be none any more, MalformedEvent for a message that is no
        event, and TimeoutError.
        """
        return self.parse_event(self.recv_bytes(timeout))

    def recv_bytes(self, timeout: float | None = None) -> bytes:
        """The next message as it came. Raises ConnectionClosed and TimeoutError."""
        if not self._websocket.more(timeout):
            raise self._ended()
        return self._websocket.inbox.popleft()

    def parse_event(self, message: str | bytes) -> Event | UnknownEvent:
        """The event of a message from `recv_bytes`. Raises MalformedEvent for a message that is no event."""
        self._core.last = event = self._core.decode(message)
        self._show(event)
        return event

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Show every event to `watcher` right before whoever listens gets it. An `error` event of which it
        says True is looked after. What is returned takes it back, once."""
        self._watchers = (*self._watchers, watcher)

        def unwatch() -> None:
            watchers = list(self._watchers)
            watchers.remove(watcher)
            self._watchers = tuple(watchers)

        return unwatch

    def tools(self, *functions: Callable[..., Any], **options: "Unpack[RunnerOptions]") -> "ToolRunner":
        """Let the model call these functions, inside the context that is returned: see ToolRunner.

        with rt.tools(weather, book) as tools:
            rt.session.update(session={"type": "realtime", "tools": tools.definitions})
        """
        from vivavoce.client.tools.sync_runner import ToolRunner

        return ToolRunner(self, functions, **options)

    def _show(self, event: Event | UnknownEvent) -> None:
        self._core.show(event, self._watchers)

    def send(self, event: Outgoing | Mapping[str, Any]) -> None:
        """Send an event, a struct of `vivavoce.protocol` or the like as a dict; waits while the server does
        not keep up. Any thread may.

        Raises UnsendableEvent for what JSON cannot hold, and ConnectionClosed.
        """
        message = encoded(event)
        try:
            self.send_raw(message)
        except ConnectionClosed:
            self._core.keep(message)
            raise

    def send_raw(self, message: str | bytes) -> None:
        """Send a text message as it is. Raises ConnectionClosed."""
        data = message.encode() if isinstance(message, str) else message
        if not self._core.hold_back(data):
            self._transmit(data)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection; does nothing if it is closed. Events that have come can still be read."""
        self._core.become(State.LEFT)
        self._websocket.close(code, reason)

    def flush(self) -> None:
        """Send what waits in the queue, in order; two at a time do it one after the other.

        Raises ConnectionClosed. The message that failed and those behind it are then still in the queue.
        """
        with self._flushing:
            while (message := self._core.queue.first()) is not None:
                self._transmit(message)
                self._core.queue.sent(message)

    def _transmit(self, message: bytes) -> None:
        try:
            self._websocket.send_text(message)
        except (WebSocketClosed, OSError):
            raise self._core.ending(self._websocket.closure(), self._core.last, []) from None

    def _ended(self) -> ConnectionClosed:
        """Nothing more will come."""
        if self._core.state is not State.LEFT:
            self._core.become(State.CLOSED)
        return self._core.ending(self._websocket.closure(), self._core.last, self._core.queue.drain())


class RealtimeConnection(Connection[ServerEvent, ClientEvent], Listening, Asking):
    """Events from the server by iteration, events to the server by one method each.

        for event in rt:
            match event:
                case ResponseOutputTextDelta(delta=text): ...
                case ErrorEvent(error=error): ...

    Iteration ends when the connection is closed on purpose, by either side, and raises ConnectionClosed when
    it breaks. An `error` event is an event like the others. What this version does not know comes as
    UnknownEvent. One thread listens; any number may send.

    Or by handlers, which `dispatch_events` calls, in the thread that it is called in:

        @rt.on("response.output_text.delta")
        def show(event: ResponseOutputTextDelta) -> None: ...

        rt.dispatch_events()

    `respond`, `ask` and `say` wait for whole answers, in a thread that listens by that.

    - session, input_audio_buffer, output_audio_buffer, conversation, response: what can be sent, as
      `rt.conversation.item.create(item=…)` for `conversation.item.create`.
    """

    def __init__(self, websocket: SyncWebSocket, core: ConnectionCore[ServerEvent]) -> None:
        super().__init__(websocket, core)
        self._handlers = core.handlers
        self._conversing = Conversing(self)
        core.answered = self._conversing.responses.was_answered
        self.session: SessionEvents[None] = SessionEvents(self.send)
        self.input_audio_buffer: InputAudioBufferEvents[None] = InputAudioBufferEvents(self.send)
        self.output_audio_buffer: OutputAudioBufferEvents[None] = OutputAudioBufferEvents(self.send)
        self.conversation: ConversationEvents[None] = ConversationEvents(self.send)
        self.response: ResponseEvents[None] = ResponseEvents(self.send)

    def dispatch_events(self) -> None:
        """Call the handlers of every event that comes, until the connection ends: those of the event's type,
        then those of `"event"`, in the order in which they were registered.

        What a handler raises comes out here; the events behind can still be read. Raises ErrorReceived for an
        `error` event without handlers, and ConnectionClosed when the connection breaks.
        """
        for event in self:
            self._dispatch(event)

    def _emitted(self, name: str, timeout: float | None = None) -> ServerEvent | UnknownEvent:
        """Wait for the next event of this name, and call the handlers of what comes meanwhile.

        - timeout: seconds to wait for it; None, for ever.

        Raises ErrorReceived if an `error` event comes first, ConnectionClosed if none comes any more, and
        TimeoutError.
        """
        arrived: list[ServerEvent | UnknownEvent] = []
        failed: list[ErrorReceived] = []
        forget = self._handlers.expect(
            name, arrived.append, lambda event: failed.append(ErrorReceived(event))
        )
        deadline = None if timeout is None else monotonic() + timeout
        try:
            while not arrived:
                self._dispatch(self.recv(None if deadline is None else max(0.0, deadline - monotonic())))
                if failed:
                    raise failed[0]
        finally:
            forget()
        return arrived[0]

    if TYPE_CHECKING:

        @property
        def on(self) -> On[Self]:
            """Call a function for every event of a name: `rt.on(name, function)`, or as a decorator."""

        @property
        def once(self) -> On[Self]:
            """Call a function for the next event of a name: `rt.once(name, function)`, or as a decorator."""

        @property
        def emitted(self) -> Emitted:
            """Wait for the next event of a name, at most `timeout` seconds; the handlers of what comes are
            called meanwhile.

            Raises ErrorReceived if an `error` event comes first, ConnectionClosed if none comes any more, and
            TimeoutError.
            """

    else:
        emitted = _emitted

    def _dispatch(self, event: ServerEvent | UnknownEvent) -> None:
        for handler in self._core.listeners(event):
            handler(event)

    def _add(self, name: str, handler: Handler, *, once: bool) -> None:
        refuse_coroutine(name, handler)
        super()._add(name, handler, once=once)
