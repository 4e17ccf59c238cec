"""Who is inside: all sessions that are open, over whatever carries them, and whether there is room for one
more; and the farewell when the server goes away."""

import asyncio
import logging
from dataclasses import replace
from typing import Protocol

from vivavoce.protocol import Error, InvalidEvent
from vivavoce.server.access import Access
from vivavoce.server.admission import CLOSE_REQUEST, CLOSE_TRY_AGAIN_LATER, Admitted, Refused
from vivavoce.server.config import Config
from vivavoce.server.engine_room import EngineRoom
from vivavoce.server.limits import Allowance
from vivavoce.server.opening import AbilitiesOf, Opening, opening
from vivavoce.server.refusals import full, not_started, shutting_down

logger = logging.getLogger(__name__)

FAREWELL_S = 1.0
"""What is kept of the time to drain for closing the connections themselves."""

CLEARING_S = 5.0
"""How long a session whose connection is gone may take to free what it holds."""


class OpenSession(Protocol):
    """A session and what carries it, as a server sees it that goes away."""

    gone: asyncio.Future[None]
    """Done when nothing of it is left."""

    async def say_goodbye(self, patience_s: float) -> None:
        """Let running responses end, for so many seconds at most; then close."""

    def hang_up(self) -> None:
        """Drop the connection without another word."""


class OpenSessions:
    """The list of who is inside."""

    def __init__(self, config: Config, access: Access, engines: EngineRoom, abilities: AbilitiesOf) -> None:
        self._config = config
        self._access = access
        self._engines = engines
        self._abilities = abilities
        self._inside: dict[OpenSession, Allowance] = {}
        self.draining = False

    def __len__(self) -> int:
        """How many are open now."""
        return len(self._inside)

    @property
    def closed(self) -> Error | None:
        """Why nobody is let in now, if nobody is."""
        if self.draining:
            return shutting_down()
        if not self._engines.started:
            logger.error(not_started().message)
            return not_started()
        return None

    def opening(self, admitted: Admitted) -> Opening | Refused:
        """What the session of a caller who may come in begins with, if there is room for it and the key may
        have one more."""
        if closed := self.closed:  # it may have closed while a caller's request was still coming in
            return Refused(closed, CLOSE_TRY_AGAIN_LATER, 503)
        limit = self._config.server.max_sessions
        if limit and len(self) >= limit:
            return Refused(full(limit), CLOSE_TRY_AGAIN_LATER, 503)
        allowance = self._access.allowance(admitted.who)
        if error := allowance.full:
            return Refused(error, CLOSE_TRY_AGAIN_LATER, 429)
        settings = self._config.session
        settings = replace(settings, max_minutes=allowance.minutes(settings.max_minutes))
        try:
            abilities = self._abilities(admitted.model)
            return opening(
                settings,
                admitted.kind,
                admitted.model,
                admitted.params,
                allowance,
                abilities,
                admitted.over,
            )
        except InvalidEvent as invalid:
            return Refused(invalid.error, CLOSE_REQUEST)

    def add(self, session: OpenSession, allowance: Allowance) -> None:
        """One more is open, at the expense of this allowance, until it is removed."""
        self._inside[session] = allowance
        allowance.sessions += 1

    def remove(self, session: OpenSession) -> None:
        """It is gone."""
        self._inside.pop(session).sessions -= 1

    async def drain(self, timeout_s: float) -> None:
        """Let nobody in, let running responses end, close everything; all within `timeout_s`."""
        self.draining = True
        sessions = list(self._inside)
        if not sessions:
            return
        logger.info("waiting for %d sessions to end their responses", len(sessions))
        patience = max(timeout_s - FAREWELL_S, timeout_s / 2)
        farewells = [asyncio.create_task(each.say_goodbye(patience)) for each in sessions]
        _, late = await asyncio.wait(farewells, timeout=timeout_s)
        for farewell in late:
            farewell.cancel()
        await asyncio.wait(farewells)
        self.hang_up()
        _, stuck = await asyncio.wait([each.gone for each in sessions], timeout=CLEARING_S)
        if stuck:
            logger.error("%d sessions could not be cleared away", len(stuck))

    def hang_up(self) -> None:
        """Drop whatever is left, without another word."""
        self.draining = True
        for session in list(self._inside):
            session.hang_up()
