"""A WebSocket beside a call: it hears all events of the session, and may say any (9.5)."""

from vivavoce.protocol.dialects import Dialect
from vivavoce.server.calls.call import Call, CallState
from vivavoce.server.transport import Line, Transport, TransportClosed


class Sideband:
    """A call's session as a connection sees it that joined: a `Runner`. Its end leaves the call alone."""

    def __init__(self, call: Call, transport: Transport, dialect: Dialect) -> None:
        self._call = call
        self._transport = transport
        self._dialect = dialect
        self._line: Line | None = None

    async def start(self) -> None:
        """Join; the first event is `session.created` with the session as it is now."""
        try:
            if self._call.state is CallState.OPEN:
                self._line = self._call.runner.join(self._transport, self._dialect)
        except TransportClosed:
            pass  # the end of the call closes this connection

    async def receive(self, data: str | bytes, *, more: bool = False) -> None:
        """One text frame: it waits its turn among what else goes into the session."""
        await self._call.intake.hand_in(data, self._line)

    def refuse_binary(self) -> None:
        self._call.intake.put(b"", self._line)

    async def drain(self) -> None:
        """The call is drained, not the connections beside it."""

    async def aclose(self) -> None:
        """Leave the call."""
        if self._line is not None:
            self._call.runner.leave(self._line)
            self._line = None
