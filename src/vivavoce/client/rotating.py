"""A new session in time before the server ends the old one."""

import asyncio
import time
from collections.abc import Callable

from vivavoce.protocol import SessionCreated, SessionUpdated

LONGEST_MARGIN_S = 60.0
"""How long before its end a session is to be replaced, at most: a quarter of its life if that is less."""

_PATIENCE_S = 5.0
"""How long to wait after an attempt that failed."""


class Rotation:
    """When a session is to be replaced: some time before it expires, as soon as nothing is under way.

    - idle: whether nothing is.
    - rotate: replaces it.
    """

    def __init__(self, idle: Callable[[], bool], rotate: Callable[[], None]) -> None:
        self._idle = idle
        self._rotate = rotate
        self._timer: asyncio.TimerHandle | None = None
        self._due = False

    def see(self, event: object) -> None:
        """Take note of an event of the server."""
        match event:
            case SessionCreated(session=session) | SessionUpdated(session=session):
                self.plan(session.expires_at - time.time())
            case _ if self._due:
                self._try()

    def plan(self, lifetime: float) -> None:
        """The session ends in so many seconds; 0 or less says nothing."""
        if lifetime > 0 and self._timer is None:
            self._after(lifetime - min(LONGEST_MARGIN_S, lifetime / 4))

    def again(self) -> None:
        """It did not work: try again in a while."""
        self._after(_PATIENCE_S)

    def renewed(self, lifetime: float) -> None:
        """There is another session, which ends in so many seconds."""
        self.stop()
        self.plan(lifetime)

    def stop(self) -> None:
        self._due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _after(self, seconds: float) -> None:
        self.stop()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._is_due)

    def _is_due(self) -> None:
        self._due = True
        self._try()

    def _try(self) -> None:
        if self._idle():
            self._due = False
            self._rotate()
