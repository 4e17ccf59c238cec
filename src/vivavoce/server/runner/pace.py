"""How far ahead of the ear a responder may be, where the transport plays in real time."""

import asyncio

from vivavoce.server.transport import Transport
from vivavoce.session import Interpreter, Session

MOST_UNPLAYED_MS = 120_000
"""With so much speech waiting to be played (6 MB), no more is taken from responders: they wait, as they would
for a client that does not read."""


class Pace:
    """What a responder waits for: the transport, and the speech that is not played yet."""

    __slots__ = ("_played", "_session", "_transport")

    def __init__(self, session: Session | Interpreter, transport: Transport) -> None:
        self._session = session
        self._transport = transport
        self._played: asyncio.Event | None = None
        """Set when something has changed for whoever waits; None while nobody does."""

    async def ready(self) -> None:
        """Return once there is room for more. Raises TransportClosed."""
        await self._transport.ready()
        while self._session.unplayed_ms > MOST_UNPLAYED_MS:
            await self._change()

    async def played_out(self) -> None:
        """Return once nothing is left to be played."""
        while self._session.playing:
            await self._change()

    def played(self) -> None:
        """Some of what waited has been played, or will not be."""
        if self._played is not None:
            self._played.set()
            self._played = None

    async def _change(self) -> None:
        if self._played is None:
            self._played = asyncio.Event()
        await self._played.wait()
