"""One open session over WebSocket: the runner, the transport, and the loop that carries the peer's frames
in."""

import asyncio
import logging
from collections.abc import Callable

from starlette.types import Receive

from vivavoce.protocol import ErrorEvent, errors
from vivavoce.server.frames import MORE
from vivavoce.server.refusals import reason
from vivavoce.server.transport import Runner
from vivavoce.server.websocket import WebSocketTransport
from vivavoce.session.ids import Ids

logger = logging.getLogger(__name__)

CLOSE_GOING_AWAY = 1001
CLOSE_INTERNAL_ERROR = 1011


class Connection:
    """A session and the wire that it hangs on. `run` is its whole life; the other methods end it."""

    __slots__ = (
        "_freeing",
        "_ids",
        "_on_gone",
        "_runner",
        "_transport",
        "gone",
    )

    def __init__(
        self,
        runner: Runner,
        transport: WebSocketTransport,
        ids: Ids,
        *,
        on_gone: Callable[["Connection"], None],
    ) -> None:
        self._runner = runner
        self._transport = transport
        self._ids = ids
        self._on_gone = on_gone
        self._freeing: asyncio.Task[None] | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when nothing of it is left. A future weighs 700 bytes less than an event."""

    async def run(self, receive: Receive) -> None:
        """From the first event to the last. Whoever ends it, and however, everything is freed."""
        writer = self._transport.open()
        listener = asyncio.create_task(self._listen(receive), name="vivavoce listener")
        try:
            await asyncio.wait({listener, writer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Whoever cancels this must not leave half a session behind.
            self._freeing = asyncio.create_task(self._free(listener), name="vivavoce clearing away")
            await asyncio.shield(self._freeing)

    async def say_goodbye(self, patience_s: float) -> None:
        """Let running responses end, for so many seconds at most; then close."""
        try:
            async with asyncio.timeout(patience_s):
                await self._runner.drain()
        except TimeoutError:
            logger.warning(
                "a response did not end within %.1f s; its session is closed all the same", patience_s
            )
        except Exception:  # one session's fault must not keep the others from being closed
            logger.exception("a session failed while it was asked to end")
        await self._transport.close(CLOSE_GOING_AWAY, "the server is going away")

    async def close(self, code: int, reason: str) -> None:
        """Send what is queued, within a bounded time, then close."""
        await self._transport.close(code, reason)

    def hang_up(self) -> None:
        """Drop the connection without another word."""
        self._transport.abort()

    async def _listen(self, receive: Receive) -> None:
        """Hand the peer's frames to the runner, one after another, until the peer is gone."""
        runner, transport = self._runner, self._transport
        try:
            await runner.start()
            while True:
                if transport.behind:
                    await transport.caught_up()
                message = await receive()
                if message["type"] != "websocket.receive":
                    return
                text = message.get("text")
                if text is None:
                    runner.refuse_binary()
                else:
                    await runner.receive(text, more=MORE in message and not transport.behind)
        except Exception:  # the peer is told, the operator reads the log, the other sessions go on
            logger.exception("a session failed")
            error = errors.server_error()
            transport.send(ErrorEvent(event_id=self._ids("event"), error=error))
            await transport.close(CLOSE_INTERNAL_ERROR, reason(error))

    async def _free(self, listener: asyncio.Task[None]) -> None:
        listener.cancel()
        await asyncio.wait({listener})
        try:
            await self._runner.aclose()
            await self._transport.aclose()
        finally:
            self.gone.set_result(None)
            self._on_gone(self)
