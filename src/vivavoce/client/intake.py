"""What comes over an asynchronous connection: for one who listens, and for those who watch."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic

from vivavoce.client.core import ConnectionCore, Event, Watcher
from vivavoce.client.socket import Socket
from vivavoce.protocol import UnknownEvent
from vivavoce.protocol.errors import MalformedEvent

MAX_AHEAD_BYTES = 16 * 2**20
"""Bytes of events that may have been watched without having been listened to. Beyond, watching waits for the
listener."""


class Intake(Generic[Event]):
    """Messages in the order in which they came, each taken once.

    The listener takes them: whoever iterates, calls `recv` or lets handlers be called. A watcher sees each
    event without taking it, either when the listener takes it, or, `while` somebody is `hurried`, as soon as
    it comes: events that were seen before they are taken wait in `ahead`.

    - inbox: messages that nobody has seen, those of the transport.
    - listened: somebody listens now, or has called `recv` before; otherwise what is in `ahead` waits for
      nobody.
    """

    def __init__(self, socket: Socket, core: ConnectionCore[Event]) -> None:
        self.inbox = socket.inbox
        self.ahead: deque[tuple[bytes, Event | UnknownEvent | None]] = deque()
        self.receives = False
        self._iterations = 0
        self._core = core
        self._socket = socket
        self._ahead_bytes = 0
        self._watchers: tuple[Watcher, ...] = ()
        self._hurried = 0
        self._inserted: asyncio.Future[None] | None = None
        self._over: list[Callable[[], None]] = []
        self.revive: Callable[[], asyncio.Task[None] | None] = _nothing
        """Called when the transport is lost: what to wait for until there is another."""
        self.damaged: Callable[[], bool] = _never
        """Called for a message that is no event. Whether it can be forgotten: another transport is coming.
        Otherwise the listener finds out."""
        socket.arrived = self.look

    @property
    def listened(self) -> bool:
        return self.receives or self._iterations > 0

    # Listening.

    async def more(self) -> bool:
        """Wait until there is an event to take. False if there never will be one again.

        Cancelling it loses nothing. Raises AlreadyListening if another task waits already.
        """
        while not (self.ahead or self.inbox):
            if self._socket.lost:
                revival = self.revive()
                if revival is None:
                    self._tell_over()
                    return False
                await self._revived(revival)
                continue
            await self._socket.more()
        return True

    def take(self) -> Event | UnknownEvent:
        """The next event, of which there must be `more`. Raises MalformedEvent for a message that is none."""
        if self.ahead:
            message, event = self._pop_ahead()
            if event is None:
                event = self._core.decode(message)
        else:
            event = self._core.decode(self.inbox.popleft())
            if self._watchers:
                self._show(event)
        self._core.last = event
        return event

    def take_message(self) -> bytes:
        """The next message as it came, of which there must be `more`."""
        if not self.ahead:
            if not self._watchers:
                return self.inbox.popleft()
            self._queue_ahead(self.inbox.popleft())
        return self._pop_ahead()[0]

    @contextmanager
    def iterating(self) -> Iterator[None]:
        """Somebody listens."""
        self._iterations += 1
        try:
            yield
        finally:
            self._iterations -= 1

    async def _revived(self, revival: asyncio.Task[None]) -> None:
        """Wait for another transport, or for an event that comes without one."""
        inserted = self._inserted = asyncio.get_running_loop().create_future()
        await asyncio.wait({revival, inserted}, return_when=asyncio.FIRST_COMPLETED)
        self._inserted = None

    def insert(self, event: Event | UnknownEvent) -> None:
        """An event of the client's own making, behind what has come."""
        self.ahead.append((event.raw, event))  # type: ignore[union-attr]
        self._ahead_bytes += len(self.ahead[-1][0])
        self._show(event)
        if self._inserted is not None and not self._inserted.done():
            self._inserted.set_result(None)

    def insert_message(self, message: bytes) -> None:
        """A message that somebody else has read from the transport."""
        self._queue_ahead(message)

    def look_ahead(self) -> None:
        """See everything that has come."""
        while self.inbox:
            self._queue_ahead(self.inbox.popleft())

    def switch_to(self, socket: Socket) -> None:
        """Go on with another transport, behind what has come over the old one; `look` is to follow."""
        self.look_ahead()
        self._socket = socket
        self.inbox = socket.inbox
        socket.arrived = self.look

    # Watching.

    def watch(self, watcher: Watcher, over: Callable[[], None]) -> None:
        """Show every event from now on to `watcher`; call `over`, perhaps more than once, when no more can
        come."""
        self._watchers = (*self._watchers, watcher)
        self._over.append(over)

    def unwatch(self, watcher: Watcher, over: Callable[[], None]) -> None:
        """Take back what was said to `watch`."""
        watchers = list(self._watchers)
        watchers.remove(watcher)
        self._watchers = tuple(watchers)
        self._over.remove(over)

    def hurry(self) -> None:
        """Show events as soon as they come, from now on."""
        self._hurried += 1

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Show events as soon as they come."""
        self._hurried += 1
        try:
            self.look()
            yield
        finally:
            self._hurried -= 1

    def look(self) -> None:
        """Take note of what has come: messages, or the end."""
        if self._hurried:
            while self.inbox and self._ahead_bytes <= MAX_AHEAD_BYTES:
                self._queue_ahead(self.inbox.popleft())
            if not self.inbox:
                self._socket.drained()
        if self._socket.lost and self.revive() is None and not self.inbox:
            self._tell_over()

    def _tell_over(self) -> None:
        for over in self._over:
            over()

    def _queue_ahead(self, message: bytes) -> None:
        try:
            event = self._core.decode(message)
        except MalformedEvent:
            if self.damaged():
                return
            self.ahead.append((message, None))
        else:
            self.ahead.append((message, event))
            self._show(event)
        self._ahead_bytes += len(message)

    def _pop_ahead(self) -> tuple[bytes, Event | UnknownEvent | None]:
        message, event = self.ahead.popleft()
        self._ahead_bytes -= len(message)
        return message, event

    def _show(self, event: Event | UnknownEvent) -> None:
        self._core.show(event, self._watchers)


def _never() -> bool:
    return False


def _nothing() -> None:
    return None
