"""The WebSocket endpoints: who is let in, and the farewell when the server goes away.

A plain ASGI application rather than Starlette's WebSocket class, which adds to the cost of every frame.
"""

import asyncio
import logging
import time
from dataclasses import replace
from typing import Protocol

from starlette.types import Receive, Scope, Send

from vivavoce.protocol import GA_TRANSLATION, GA_WEBSOCKET, ErrorEvent, InvalidEvent, encode
from vivavoce.protocol.dialects import Dialect, dialect
from vivavoce.server.access import Access
from vivavoce.server.config import Config
from vivavoce.server.connection import Connection
from vivavoce.server.engine_room import Combination, EngineRoom
from vivavoce.server.handshake import (
    CLOSE_REQUEST,
    Admitted,
    Denied,
    Door,
    Refused,
    chosen_subprotocol,
    judge,
)
from vivavoce.server.models import ModelNames
from vivavoce.server.opening import AbilitiesOf, Opening, opening
from vivavoce.server.refusals import deny, full, not_started, reason, shutting_down
from vivavoce.server.transport import Runner, Transport
from vivavoce.server.uvicorn_protocol import EXTENSION
from vivavoce.server.websocket import WebSocketTransport
from vivavoce.session.ids import Ids

logger = logging.getLogger(__name__)

CLOSE_TRY_AGAIN_LATER = 1013

FAREWELL_S = 1.0
"""What is kept of the time to drain for closing the connections themselves."""

CLEARING_S = 5.0
"""How long a session whose connection is gone may take to free what it holds."""


class RunnerFactory(Protocol):
    """Makes the runner of one session."""

    def __call__(
        self, *, opening: Opening, engines: Combination, transport: Transport, dialect: Dialect
    ) -> Runner: ...


class RealtimeEndpoint:
    """Lets callers in, and has the list of who is inside."""

    def __init__(
        self,
        config: Config,
        access: Access,
        models: ModelNames,
        engines: EngineRoom,
        runner: RunnerFactory,
        ids: Ids,
        abilities: AbilitiesOf,
    ) -> None:
        self._abilities = abilities
        self._config = config
        self._access = access
        self._models = models
        self._engines = engines
        self._runner = runner
        self._ids = ids
        self._connections: set[Connection] = set()
        self.draining = False

    @property
    def sessions(self) -> int:
        """How many are open now."""
        return len(self._connections)

    async def enter(self, door: Door, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket to this door, from its request to its end."""
        await receive()  # websocket.connect
        if self.draining:
            await deny(scope, receive, send, 503, shutting_down())
            return
        if not self._engines.started:
            logger.error(not_started().message)
            await deny(scope, receive, send, 503, not_started())
            return
        beta = self._config.server.beta
        verdict = judge(scope, door, self._access, self._models, beta=beta, now=time.time())
        if isinstance(verdict, Denied):
            await deny(scope, receive, send, verdict.status, verdict.error)
            return
        await send({"type": "websocket.accept", "subprotocol": chosen_subprotocol(scope)})
        if isinstance(verdict, Refused):
            await self._refuse(verdict, send)
            return
        opens = self._open(verdict)
        if isinstance(opens, Refused):
            await self._refuse(opens, send)
            return
        await self._connect(opens, self._dialect(verdict), scope, send).run(receive)

    async def drain(self, timeout_s: float) -> None:
        """Let nobody in, let running responses end, close every connection with 1001; all within
        `timeout_s`."""
        self.draining = True
        connections = list(self._connections)
        if not connections:
            return
        logger.info("waiting for %d sessions to end their responses", len(connections))
        patience = max(timeout_s - FAREWELL_S, timeout_s / 2)
        farewells = [asyncio.create_task(each.say_goodbye(patience)) for each in connections]
        _, late = await asyncio.wait(farewells, timeout=timeout_s)
        for farewell in late:
            farewell.cancel()
        await asyncio.wait(farewells)
        self.hang_up()
        _, stuck = await asyncio.wait([each.gone for each in connections], timeout=CLEARING_S)
        if stuck:
            logger.error("%d sessions could not be cleared away", len(stuck))

    def hang_up(self) -> None:
        """Drop every connection that is left, without another word."""
        self.draining = True
        for connection in list(self._connections):
            connection.hang_up()

    @property
    def _full(self) -> bool:
        limit = self._config.server.max_sessions
        return limit > 0 and self.sessions >= limit

    def _open(self, admitted: Admitted) -> Opening | Refused:
        """What the session of a caller who may come in begins with, if there is room for it and the key may
        have one more."""
        if self._full:
            return Refused(full(self._config.server.max_sessions), CLOSE_TRY_AGAIN_LATER)
        allowance = self._access.allowance(admitted.who)
        if error := allowance.full:
            return Refused(error, CLOSE_TRY_AGAIN_LATER)
        settings = self._config.session
        settings = replace(settings, max_minutes=allowance.minutes(settings.max_minutes))
        try:
            abilities = self._abilities(admitted.model)
            return opening(settings, admitted.kind, admitted.model, admitted.params, allowance, abilities)
        except InvalidEvent as invalid:
            return Refused(invalid.error, CLOSE_REQUEST)

    async def _refuse(self, refused: Refused, send: Send) -> None:
        event = ErrorEvent(event_id=self._ids("event"), error=refused.error)
        await send({"type": "websocket.send", "text": encode(event).decode()})
        await send({"type": "websocket.close", "code": refused.close_code, "reason": reason(refused.error)})

    def _dialect(self, admitted: Admitted) -> Dialect:
        accepts = GA_TRANSLATION if admitted.kind == "translation" else GA_WEBSOCKET
        return dialect(admitted.dialect, self._ids, accepts=accepts, extras=admitted.extras)

    def _connect(self, opens: Opening, speaks: Dialect, scope: Scope, send: Send) -> Connection:
        transport = WebSocketTransport(
            send,
            dialect=speaks,
            buffer_bytes=self._config.server.write_buffer_bytes,
            write_timeout_s=self._config.server.write_timeout_s,
            **scope.get("extensions", {}).get(EXTENSION, {}),
        )
        engines = self._engines.combination(opens.model)
        runner = self._runner(opening=opens, engines=engines, transport=transport, dialect=speaks)

        def gone(connection: Connection) -> None:
            self._connections.discard(connection)
            opens.allowance.sessions -= 1

        connection = Connection(runner, transport, self._ids, on_gone=gone)
        self._connections.add(connection)
        opens.allowance.sessions += 1
        return connection


class Entrance:
    """The ASGI application of one door."""

    def __init__(self, endpoint: RealtimeEndpoint, door: Door) -> None:
        self._endpoint = endpoint
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._endpoint.enter(self._door, scope, receive, send)
