"""A WebSocket beside a call: it hears all events of the session, and may say any (9.5)."""

import logging

from vivavoce.protocol import ServerEvent
from vivavoce.protocol.dialects import Dialect
from vivavoce.server.calls.call import Call, CallState
from vivavoce.server.transport import Line, TransportClosed
from vivavoce.server.websocket import WebSocketTransport

logger = logging.getLogger(__name__)

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""So much may wait for one that reads slowly: more than two of the longest events. A call waits for no
sideband, so that one with more to read is given up."""


class Sideband:
    """A call's session as a connection sees it that joined: a `Runner`. Its end leaves the call alone.

    It is a `Transport`, too: the one on which the session's events leave.
    """

    def __init__(self, call: Call, transport: WebSocketTransport, dialect: Dialect) -> None:
        self._call = call
        self._transport = transport
        self._dialect = dialect
        self._line: Line | None = None

    # What the connection needs: Runner.

    async def start(self) -> None:
        """Join; the first event is `session.created` with the session as it is now."""
        try:
            if self._call.state is CallState.OPEN:
                self._line = self._call.runner.join(self, self._dialect)
        except TransportClosed:
            pass  # the end of the call closes this connection

    async def receive(self, data: str | bytes, *, more: bool = False) -> None:
        """One text frame: it waits its turn among what else goes into the session."""
        await self._call.intake.hand_in(data, self._line)

    def refuse_binary(self) -> None:
        self._call.runner.refuse_binary(self._line)

    async def drain(self) -> None:
        """The call is drained, not the connections beside it."""

    async def aclose(self) -> None:
        """Leave the call."""
        if self._line is not None:
            self._call.runner.leave(self._line)
            self._line = None

    # What the session needs: Transport.

    def send(self, event: ServerEvent) -> None:
        if self._transport.buffered < MAX_WAITING_BYTES:
            self._transport.send(event)
        else:
            logger.warning("giving up a WebSocket beside call %s: it does not read", self._call.id)
            self._transport.abort()

    async def ready(self) -> None:
        await self._transport.ready()

    async def close(self, code: int, reason: str) -> None:
        await self._transport.close(code, reason)
