"""A session's transport over WebSocket: one event is one text frame, and media travels inside events.

Memory is bounded by who waits, not by what is thrown away: responders wait in `ready` while more than
`buffer_bytes` are queued, the peer's own events wait in `caught_up` at four times as much (the replies to
them cannot be held back otherwise), and a peer that takes nothing at all for `write_timeout_s` is given up.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from starlette.types import Send

from vivavoce.protocol import ServerEvent
from vivavoce.protocol.dialects import Dialect
from vivavoce.server.transport import TransportClosed

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT_S = 5.0
"""How long `close` waits for the peer to take what is still queued."""

FRAMES_AT_ONCE = 32
"""After that many frames the writer lets other connections have a turn."""

BURST_BYTES = 65536
"""About as much is handed over in one burst: what TCP takes from a peer that reads."""

REPLIES_FACTOR = 4


class WebSocketTransport:
    """The outgoing half of an accepted WebSocket.

    `send` is the connection's ASGI send, and `dialect` writes its events. `abort` drops the connection
    without waiting for the peer, `unsent` tells how many bytes wait below ASGI and `send_texts` sends several
    messages at once; they are None where the web server doesn't offer them.
    """

    def __init__(
        self,
        send: Send,
        *,
        dialect: Dialect,
        buffer_bytes: int,
        write_timeout_s: float,
        abort: Callable[[], None] | None = None,
        unsent: Callable[[], int] | None = None,
        send_texts: Callable[[Sequence[bytes]], Awaitable[None]] | None = None,
    ) -> None:
        self._send = send
        self._dialect = dialect
        self._send_texts = send_texts or self._send_one_by_one
        self._limit = buffer_bytes
        self._write_timeout = write_timeout_s
        self._abort_connection = abort
        self._unsent = unsent
        self._frames: deque[bytes] = deque()
        self._buffered = 0
        self._closing: tuple[int, str] | None = None
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once nothing will be written any more."""
        self._writer: asyncio.Task[None] | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._writing = False
        self._progress_at = 0.0
        self._unsent_before = 0

    @property
    def buffered(self) -> int:
        """Bytes queued here."""
        return self._buffered

    def open(self) -> asyncio.Task[None]:
        """Start writing. The task is done when nothing will be written any more."""
        self._writer = asyncio.create_task(self._write(), name="vivavoce writer")
        return self._writer

    def send(self, event: ServerEvent) -> None:
        if self._closing is not None or self.ended.done():
            return
        for frame in self._dialect.encode(event):
            self._frames.append(frame)
            self._buffered += len(frame)
        if self._buffered >= self._limit:
            self._room.clear()
        self._work.set()

    async def ready(self) -> None:
        while self._buffered >= self._limit and not self._over:
            await self._room.wait()
        if self._over:
            raise TransportClosed("the connection is closed")

    @property
    def behind(self) -> bool:
        """Whether the peer has to take replies to its own events before it is given more of them."""
        return self._buffered >= REPLIES_FACTOR * self._limit and not self._over

    async def caught_up(self) -> None:
        """Return once the peer is not behind any more."""
        while self.behind:
            await self._room.wait()

    async def close(self, code: int, reason: str) -> None:
        if self._closing is None:
            self._closing = (code, reason)
            self._work.set()
            self._room.set()
        try:
            async with asyncio.timeout(min(FLUSH_TIMEOUT_S, self._write_timeout)):
                await asyncio.wait({self.ended})
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """Drop the connection and whatever is queued."""
        if self._abort_connection is not None:
            self._abort_connection()
        if self._writer is not None:
            self._writer.cancel()
        self._end()

    async def aclose(self) -> None:
        """Free everything; nothing is sent any more."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait({self._writer})
        self._end()

    @property
    def _over(self) -> bool:
        return self._closing is not None or self.ended.done()

    async def _write(self) -> None:
        """Write what is queued, as it comes, until the connection is closed from either side."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                written = 0
                self._begin_writing(loop)
                while self._frames:
                    burst = self._burst(FRAMES_AT_ONCE - written)
                    await self._send_texts(burst)
                    for frame in burst:
                        self._frames.popleft()
                        self._buffered -= len(frame)
                    if self._buffered <= self._limit // 2:
                        self._room.set()
                    self._progress_at = loop.time()
                    written += len(burst)
                    if written == FRAMES_AT_ONCE:
                        written = 0
                        await asyncio.sleep(0)
                if self._closing is not None:
                    code, reason = self._closing
                    await self._send({"type": "websocket.close", "code": code, "reason": reason})
                    return
                self._writing = False
                self._work.clear()
                await self._work.wait()
        except OSError:
            logger.debug("the peer is gone; %d bytes were not sent", self._buffered)
        finally:
            self._end()

    def _burst(self, most: int) -> list[bytes]:
        """The next frames, so many at most."""
        burst: list[bytes] = []
        size = 0
        for frame in self._frames:
            burst.append(frame)
            size += len(frame)
            if len(burst) == most or size >= BURST_BYTES:
                break
        return burst

    async def _send_one_by_one(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            await self._send({"type": "websocket.send", "text": frame.decode()})

    def _begin_writing(self, loop: asyncio.AbstractEventLoop) -> None:
        self._writing = True
        self._progress_at = loop.time()
        if self._watchdog is None:
            self._watchdog = loop.call_later(self._write_timeout / 4, self._watch, loop)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up a peer that takes nothing. One timer serves many writes: it lapses only when it finds
        none."""
        self._watchdog = None
        if not self._writing:
            return
        if self._unsent is not None and (unsent := self._unsent()) != self._unsent_before:
            self._unsent_before = unsent
            self._progress_at = loop.time()
        if loop.time() - self._progress_at >= self._write_timeout:
            logger.warning("closing a connection whose peer has read nothing for %g s", self._write_timeout)
            self.abort()
            return
        self._watchdog = loop.call_later(self._write_timeout / 4, self._watch, loop)

    def _end(self) -> None:
        self._writing = False
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        self._frames.clear()
        self._buffered = 0
        self._room.set()
        if not self.ended.done():
            self.ended.set_result(None)
