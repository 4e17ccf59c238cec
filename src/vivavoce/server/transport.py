"""What a session needs of the wire that it hangs on, and what a transport needs of the session that it
serves."""

from typing import Protocol

from vivavoce.protocol import ServerEvent, VivavoceError


class TransportClosed(VivavoceError):
    """The peer is gone, or the connection is being closed: nothing more will be sent."""


class Transport(Protocol):
    """One peer's way to hear what the session says. All methods run on the event loop's thread."""

    def send(self, event: ServerEvent) -> None:
        """Queue one event, in order; never blocks. Drops it silently only after `close`, or when the peer is
        gone."""

    async def ready(self) -> None:
        """Return once the outgoing buffer is below its limit, so that whoever produces much produces no
        faster than the peer listens. Raises TransportClosed."""

    async def close(self, code: int, reason: str) -> None:
        """Send what is queued (within a bounded time), then close with this code and reason; more than once
        is once."""


class Outlet(Protocol):
    """Where what a session says goes."""

    async def ready(self) -> None:
        """Return once more may be said. Raises TransportClosed."""


class Runner(Protocol):
    """One conversation, as the transport that carries it sees it."""

    async def start(self) -> None:
        """Begin: the peer is told about the session."""

    async def receive(self, data: str | bytes, *, more: bool = False) -> None:
        """One text frame of the peer. `more`: the next one has come already, and is handed in at once."""

    def refuse_binary(self) -> None:
        """The peer sent a binary frame."""

    async def drain(self) -> None:
        """The server is going away: return when no response is running any more, and begin none."""

    async def aclose(self) -> None:
        """The peer is gone or the session is over: free everything. Safe to call more than once."""
