"""What a session needs of the wire that it hangs on, and what a transport needs of the session that it
serves."""

from typing import Protocol

from vivavoce.protocol import ServerEvent, VivavoceError
from vivavoce.protocol.dialects import Dialect
from vivavoce.server.engine_room import Combination
from vivavoce.server.opening import Opening


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


class Line:
    """One listener of a session, who may speak as well: a transport, and the dialect in which it speaks."""

    __slots__ = ("dialect", "transport")

    def __init__(self, transport: Transport, dialect: Dialect) -> None:
        self.transport = transport
        self.dialect = dialect


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
        """The server is going away: return when no response is running or played any more, and begin none."""

    async def aclose(self) -> None:
        """The peer is gone or the session is over: free everything. Safe to call more than once."""


class MediaRunner(Runner, Protocol):
    """One conversation whose speech travels beside the events, in real time, and which others may join."""

    async def receive(self, data: str | bytes, *, more: bool = False, line: Line | None = None) -> None:
        """One text frame of the peer, or of somebody who has joined."""

    def refuse_binary(self, line: Line | None = None) -> None:
        """The peer sent a binary frame, or somebody who has joined."""

    async def hear(self, audio: bytes) -> None:
        """The next audio of the speaker, 24 kHz PCM, any number of samples."""

    def play(self) -> bytes:
        """The next speech to be played, at most 20 ms of 24 kHz PCM; nothing if nothing waits. To be asked
        every 20 ms."""

    def join(self, transport: Transport, dialect: Dialect) -> Line:
        """Somebody joins: they are told of the session, then of everything that happens, and may send events
        of their own. Raises TransportClosed if the session is over."""

    def leave(self, line: Line) -> None:
        """Somebody who had joined is gone; more than once is once."""


class RunnerFactory(Protocol):
    """Makes the runner of one session. `plays`: its audio comes and goes beside the events."""

    def __call__(
        self,
        *,
        opening: Opening,
        engines: Combination,
        transport: Transport,
        dialect: Dialect,
        plays: bool = False,
    ) -> MediaRunner: ...
