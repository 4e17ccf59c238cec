"""Who listens to a session: the peer that it was opened for, and whoever has joined since."""

import asyncio

from vivavoce.protocol import ErrorEvent, ServerEvent
from vivavoce.server.transport import Line


class Lines:
    """All lines of a session; the first is there from its beginning to its end.

    What a session sends goes to all of them, except that an error goes to the line alone whose event it
    answers. Nobody waits for a line that is behind: its transport drops what it cannot send, or itself.
    """

    __slots__ = ("_beside", "asking", "main")

    def __init__(self, main: Line) -> None:
        self.main = main
        self._beside: list[Line] = []
        self.asking: Line | None = None
        """Whose event is being answered; None while the session speaks by itself."""

    @property
    def alone(self) -> bool:
        """Whether there is only the first."""
        return not self._beside

    def join(self, line: Line) -> None:
        self._beside.append(line)

    def leave(self, line: Line) -> None:
        """Nothing is sent to it any more; nothing happens if it is gone already."""
        if line in self._beside:
            self._beside.remove(line)

    def send(self, event: ServerEvent) -> None:
        """Send an event to whom it concerns."""
        if self.asking is not None and isinstance(event, ErrorEvent):
            self.asking.transport.send(event)
            return
        self.main.transport.send(event)
        for line in self._beside:
            line.transport.send(event)

    async def close(self, code: int, reason: str) -> None:
        """The session is over: close all of them."""
        lines = (self.main, *self._beside)
        await asyncio.gather(*(line.transport.close(code, reason) for line in lines))
