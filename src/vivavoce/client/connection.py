"""An open connection to a Realtime server, for programs on asyncio."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator, Mapping
from contextlib import contextmanager
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, Unpack

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
from vivavoce.client.intake import Intake
from vivavoce.client.listening import Listening
from vivavoce.client.reconnecting import Reconnected, ResponseInterrupted
from vivavoce.client.recovering import Recovery
from vivavoce.client.responding import AsyncAsking, AsyncConversing
from vivavoce.client.socket import Socket
from vivavoce.protocol import ClientEvent, ServerEvent, UnknownEvent

if TYPE_CHECKING:
    from vivavoce.client.overloads import AsyncEmitted, On
    from vivavoce.client.tools.async_runner import AsyncToolRunner
    from vivavoce.client.tools.running import RunnerOptions

Sending: TypeAlias = Coroutine[Any, Any, None]


def _nothing() -> None:
    """Nobody wants to know when it is over."""


class AsyncConnection(Generic[Event, Outgoing]):
    """Reading and writing, whatever the dialect."""

    def __init__(self, socket: Socket, core: ConnectionCore[Event], recovery: Recovery | None = None) -> None:
        self._socket = socket
        self._core = core
        self._intake = Intake(socket, core)
        self._recovery = recovery
        if recovery is not None:
            recovery.serve(self)
            self._intake.revive = recovery.revive
        self._flushing = asyncio.Lock()

    async def __aiter__(self) -> AsyncIterator[Event | UnknownEvent]:
        intake = self._intake
        with intake.iterating():
            while intake.inbox or await intake.more():
                yield intake.take()
        closed = self._ended()
        if not (self._core.state is State.LEFT or closed.normal):
            raise closed from self._recovery_failure()

    def events(self) -> AsyncIterator[Event | UnknownEvent | Reconnected | ResponseInterrupted]:
        """The same as iterating the connection, for type checkers: with the two events that a client makes
        itself where the connection recovers (`recovery="restore"`)."""
        return self.__aiter__()

    async def recv(self) -> Event | UnknownEvent:
        """The next event. Cancelling it loses nothing.

        Raises ConnectionClosed when there will be none any more, and MalformedEvent for a message that is no
        event.
        """
        self._intake.receives = True
        return await self._next()

    async def recv_bytes(self) -> bytes:
        """The next message as it came. Cancelling it loses nothing. Raises ConnectionClosed."""
        self._intake.receives = True
        if not await self._intake.more():
            raise self._ended() from self._recovery_failure()
        return self._intake.take_message()

    def parse_event(self, message: str | bytes) -> Event | UnknownEvent:
        """The event of a message from `recv_bytes`. Raises MalformedEvent for a message that is no event."""
        self._core.last = event = self._core.decode(message)
        return event

    async def send(self, event: Outgoing | Mapping[str, Any]) -> None:
        """Send an event, a struct of `vivavoce.protocol` or the like as a dict; waits while the server does
        not keep up.

        Raises UnsendableEvent for what JSON cannot hold, and ConnectionClosed.
        """
        message = encoded(event)
        try:
            await self.send_raw(message)
        except ConnectionClosed:
            self._core.keep(message)
            raise

    async def send_raw(self, message: str | bytes) -> None:
        """Send a text message as it is. Raises ConnectionClosed."""
        data = message.encode() if isinstance(message, str) else message
        recovery = self._recovery
        if recovery is not None and await recovery.holds_back():
            self._core.queue.put(data)
        elif not self._core.hold_back(data):
            await self._transmit(data)

    def watch(self, watcher: Watcher, over: Callable[[], None] = _nothing) -> Callable[[], None]:
        """Show every event to `watcher` right before whoever listens gets it, and call `over`, perhaps more
        than once, when no more can come. An `error` event of which `watcher` says True is looked after. What
        is returned takes it back, once."""
        self._intake.watch(watcher, over)
        return lambda: self._intake.unwatch(watcher, over)

    def tools(self, *functions: Callable[..., Any], **options: "Unpack[RunnerOptions]") -> "AsyncToolRunner":
        """Let the model call these functions, inside the context that is returned: see AsyncToolRunner.

        async with rt.tools(weather, book) as tools:
            await rt.session.update(session={"type": "realtime", "tools": tools.definitions})
        """
        from vivavoce.client.tools.async_runner import AsyncToolRunner

        return AsyncToolRunner(self, functions, **options)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection; does nothing if it is closed. Events that have come can still be read."""
        self._core.become(State.LEFT)
        if self._recovery is not None:
            await self._recovery.stop()
        await self._socket.close(code, reason)

    async def flush(self) -> None:
        """Send what waits in the queue, in order; two at a time do it one after the other.

        Raises ConnectionClosed. The message that failed and those behind it are then still in the queue.
        """
        async with self._flushing:
            while (message := self._core.queue.first()) is not None:
                await self._transmit(message)
                self._core.queue.sent(message)

    async def _next(self) -> Event | UnknownEvent:
        if not await self._intake.more():
            raise self._ended() from self._recovery_failure()
        return self._intake.take()

    async def _transmit(self, message: bytes) -> None:
        recovery = self._recovery
        try:
            if recovery is None or recovery.mirror is None:
                await self._socket.send_text(message)
            else:
                await recovery.transmit(message)
        except (WebSocketClosed, OSError):
            raise self._ending(self._core.last) from None

    def _ending(self, last: Event | UnknownEvent | None) -> ConnectionClosed:
        return self._core.ending(self._socket.closure(), last, [])

    def _switch_to(self, socket: Socket) -> None:
        """Go on with another transport."""
        self._socket = socket
        self._intake.switch_to(socket)

    def _renewed(self, *, restored: bool) -> None:
        """The session is another one, like the old if `restored`."""

    def _recovery_failure(self) -> BaseException | None:
        return self._recovery.failure if self._recovery is not None else None

    def _ended(self) -> ConnectionClosed:
        """Nothing more will come."""
        if self._core.state is not State.LEFT:
            self._core.become(State.CLOSED)
        unsent = self._recovery.unsettled() if self._recovery is not None else []
        unsent += self._core.queue.drain()
        return self._core.ending(self._socket.closure(), self._core.last, unsent)


class AsyncRealtimeConnection(AsyncConnection[ServerEvent, ClientEvent], Listening, AsyncAsking):
    """Events from the server by iteration, events to the server by one method each.

        async for event in rt:
            match event:
                case ResponseOutputTextDelta(delta=text): ...
                case ErrorEvent(error=error): ...

    Iteration ends when the connection is closed on purpose, by either side, and raises ConnectionClosed when
    it breaks. An `error` event is an event like the others. What this version does not know comes as
    UnknownEvent. One task listens; any number may send.

    Or by handlers, which `dispatch_events` calls:

        @rt.on("response.output_text.delta")
        def show(event: ResponseOutputTextDelta) -> None: ...

        await rt.dispatch_events()

    `respond`, `ask` and `say` wait for whole answers, whether somebody listens or not.

    - session, input_audio_buffer, output_audio_buffer, conversation, response: what can be sent, as
      `rt.conversation.item.create(item=…)` for `conversation.item.create`.
    """

    def __init__(
        self, socket: Socket, core: ConnectionCore[ServerEvent], recovery: Recovery | None = None
    ) -> None:
        super().__init__(socket, core, recovery)
        self._handlers = core.handlers
        self._conversing = AsyncConversing(self)
        core.answered = self._conversing.answered
        self._dispatching: asyncio.Future[None] | None = None
        """Done when whoever dispatches events ceases to."""
        self.session: SessionEvents[Sending] = SessionEvents(self.send)
        self.input_audio_buffer: InputAudioBufferEvents[Sending] = InputAudioBufferEvents(self.send)
        self.output_audio_buffer: OutputAudioBufferEvents[Sending] = OutputAudioBufferEvents(self.send)
        self.conversation: ConversationEvents[Sending] = ConversationEvents(self.send)
        self.response: ResponseEvents[Sending] = ResponseEvents(self.send)

    def _renewed(self, *, restored: bool) -> None:
        self._conversing.responses.renewed(restored=restored)

    async def dispatch_events(self) -> None:
        """Call the handlers of every event that comes, until the connection ends: those of the event's type,
        then those of `"event"`, in the order in which they were registered. Coroutines are awaited, and the
        next event waits meanwhile.

        What a handler raises comes out here; the events behind can still be read. Raises ErrorReceived for an
        `error` event without handlers, and ConnectionClosed when the connection breaks.
        """
        while self._dispatching is not None:
            await asyncio.shield(self._dispatching)
        with self._dispatcher():
            async for event in self:
                await self._dispatch(event)

    def _emitted(self, name: str) -> Awaitable[ServerEvent | UnknownEvent]:
        """The next event of this name, to be awaited. Its handlers are called as well.

        While no task is in `dispatch_events`, waiting does what that does. Raises ErrorReceived if an `error`
        event comes first, and ConnectionClosed if none comes any more.
        """
        return _Emitted(self, name)

    if TYPE_CHECKING:

        @property
        def on(self) -> On[Self]:
            """Call a function for every event of a name: `rt.on(name, function)`, or as a decorator."""

        @property
        def once(self) -> On[Self]:
            """Call a function for the next event of a name: `rt.once(name, function)`, or as a decorator."""

        @property
        def emitted(self) -> AsyncEmitted:
            """The next event of a name, to be awaited; its handlers are called as well.

            While no task is in `dispatch_events`, waiting does what that does. Raises ErrorReceived if an
            `error` event comes first, and ConnectionClosed if none comes any more.
            """

    else:
        emitted = _emitted

    async def _dispatch(self, event: ServerEvent | UnknownEvent) -> None:
        for handler in self._core.listeners(event):
            result = handler(event)
            if result is not None and isawaitable(result):
                await result

    @contextmanager
    def _dispatcher(self) -> Iterator[None]:
        """Be the one who dispatches events."""
        self._dispatching = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            self._dispatching.set_result(None)
            self._dispatching = None

    async def _dispatch_ahead(self) -> None:
        """Call the handlers of events that have been seen already, if there is nobody to take them."""
        if self._dispatching is None and not self._intake.listened:
            with self._dispatcher():
                while self._intake.ahead and not self._intake.listened:
                    await self._dispatch(self._intake.take())

    async def _dispatch_until(self, arrival: asyncio.Future[ServerEvent | UnknownEvent]) -> None:
        while not arrival.done():
            if self._dispatching is not None:
                await asyncio.wait((arrival, self._dispatching), return_when=asyncio.FIRST_COMPLETED)
                continue
            with self._dispatcher():
                while not arrival.done():
                    await self._dispatch(await self._next())


class _Emitted(Awaitable[ServerEvent | UnknownEvent]):
    """An event to come."""

    def __init__(self, connection: AsyncRealtimeConnection, name: str) -> None:
        self._connection = connection
        arrival: asyncio.Future[ServerEvent | UnknownEvent] = asyncio.get_running_loop().create_future()
        self._arrival = arrival
        self._forget = connection._handlers.expect(
            name, arrival.set_result, lambda event: arrival.set_exception(ErrorReceived(event))
        )

    def __await__(self) -> Generator[Any, Any, ServerEvent | UnknownEvent]:
        try:
            yield from self._connection._dispatch_until(self._arrival).__await__()
        finally:
            self._forget()
        return self._arrival.result()
