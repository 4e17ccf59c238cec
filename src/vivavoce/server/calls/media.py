"""A call's way to hear its session: one event is one text message on the data channel, and speech leaves on
the track, asked for in real time (9.1).

Memory is bounded as over WebSocket: by who waits, not by what is thrown away.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from vivavoce.protocol import ErrorEvent, ServerEvent, errors
from vivavoce.protocol.dialects import Dialect
from vivavoce.rtc import MessageTooLarge
from vivavoce.server.transport import TransportClosed
from vivavoce.server.websocket import FLUSH_TIMEOUT_S, REPLIES_FACTOR

logger = logging.getLogger(__name__)


class DataChannel(Protocol):
    """The part of a `Peer` that events leave on."""

    def send(self, text: str | bytes) -> None:
        """One text message, in order."""

    @property
    def buffered(self) -> int:
        """Bytes that the other end has not taken yet."""

    async def caught_up(self, most: int = 0) -> None:
        """Return once so many are left at most, or the other end is gone."""


class MediaTransport:
    """The outgoing half of a call.

    - dialect: writes the events.
    - buffer_bytes: how much may wait for the peer before responders wait, too.
    - write_timeout_s, give_up: what becomes of a peer that takes nothing at all for so long.
    """

    def __init__(
        self,
        peer: DataChannel,
        *,
        dialect: Dialect,
        buffer_bytes: int,
        write_timeout_s: float,
        give_up: Callable[[], None],
    ) -> None:
        self._peer = peer
        self._dialect = dialect
        self._limit = buffer_bytes
        self._write_timeout = write_timeout_s
        self._give_up = give_up
        self._closing = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once nothing will be sent any more."""
        self._watchdog: asyncio.TimerHandle | None = None
        self._sent = 0
        self._taken = 0
        self._progress_at = 0.0

    def send(self, event: ServerEvent) -> None:
        if self._over:
            return
        for message in self._dialect.encode(event):
            try:
                self._peer.send(message.decode())
            except MessageTooLarge as refusal:
                # No response or item is lost with it: the session has them, and the client is told.
                error = errors.event_too_large(event.type, str(refusal))
                self.send(ErrorEvent(event_id=event.event_id or "", error=error))
            else:
                self._sent += len(message)
        if self._watchdog is None:
            loop = asyncio.get_running_loop()
            self._progress_at = loop.time()
            self._taken = self._sent - self._peer.buffered
            self._watchdog = loop.call_later(self._write_timeout / 4, self._watch, loop)

    async def ready(self) -> None:
        while self._peer.buffered >= self._limit and not self._over:
            await self._caught_up(self._limit // 2)
        if self._over:
            raise TransportClosed("the call is over")

    @property
    def behind(self) -> bool:
        """Whether the peer has to take replies to its own events before it is given more of them."""
        return self._peer.buffered >= REPLIES_FACTOR * self._limit and not self._over

    async def caught_up(self) -> None:
        """Return once the peer is not behind any more."""
        while self.behind:
            await self._caught_up(self._limit // 2)

    async def close(self, code: int, reason: str) -> None:
        """Let the peer take what was sent, within a bounded time. A call has no close code, and no reason."""
        if not self._closing:
            self._closing = True
            try:
                async with asyncio.timeout(min(FLUSH_TIMEOUT_S, self._write_timeout)):
                    while self._peer.buffered and not self.ended.done():
                        await self._caught_up(0)
            except TimeoutError:
                logger.debug("%d bytes were not taken by the peer of a call", self._peer.buffered)
            finally:
                self.abort()
        await asyncio.wait({self.ended})

    def abort(self) -> None:
        """Send nothing any more."""
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        if not self.ended.done():
            self.ended.set_result(None)

    @property
    def _over(self) -> bool:
        return self._closing or self.ended.done()

    async def _caught_up(self, most: int) -> None:
        """Wait for the peer, or for the end of the call."""
        waiting = asyncio.ensure_future(self._peer.caught_up(most))
        try:
            await asyncio.wait({waiting, self.ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up a peer that takes nothing. One timer serves many events: it lapses when none waits."""
        self._watchdog = None
        buffered = self._peer.buffered
        if not buffered:
            return
        if (taken := self._sent - buffered) != self._taken:
            self._taken = taken
            self._progress_at = loop.time()
        if loop.time() - self._progress_at >= self._write_timeout:
            logger.warning("ending a call whose peer has taken nothing for %g s", self._write_timeout)
            self._give_up()
            return
        self._watchdog = loop.call_later(self._write_timeout / 4, self._watch, loop)
