"""How far ahead of the ear a responder may be, where the transport plays in real time."""

import asyncio

from vivavoce.server.transport import Transport
from vivavoce.session import Interpreter, Session

MOST_UNPLAYED_MS = 120_000
"""With so much speech waiting to be played (6 MB), no more is taken from responders: they wait, as they would
for a client that does not read."""


class Pace:
    """What a responder waits for: the transport, and the speech that is not played yet."""

    __slots__ = ("_room", "_session", "_transport")

    def __init__(self, session: Session | Interpreter, transport: Transport) -> None:
        self._session = session
        self._transport = transport
        self._room: asyncio.Event | None = None
        """Set when there is room again; None while there is."""

    async def ready(self) -> None:
        """Return once there is room for more. Raises TransportClosed."""
        await self._transport.ready()
        while self._session.unplayed_ms > MOST_UNPLAYED_MS:
            if self._room is None:
                self._room = asyncio.Event()
            await self._room.wait()

    def played(self) -> None:
        """Some of what waited has been played, or will not be."""
        if self._room is not None and self._session.unplayed_ms <= MOST_UNPLAYED_MS:
            self._room.set()
            self._room = None
