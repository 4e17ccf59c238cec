"""The WebSocket endpoints: who is let in.

A plain ASGI application rather than Starlette's WebSocket class, which adds to the cost of every frame.
"""

import time

from starlette.types import Receive, Scope, Send

from vivavoce.protocol import GA_TRANSLATION, GA_WEBSOCKET, ErrorEvent, encode, errors
from vivavoce.protocol.dialects import GA, Dialect, dialect
from vivavoce.server.access import Access
from vivavoce.server.admission import Admitted, Refused
from vivavoce.server.calls.call import CLOSE_CALL_ENDED, CallState
from vivavoce.server.calls.registry import Calls, Owner
from vivavoce.server.calls.sideband import Sideband
from vivavoce.server.config import Config
from vivavoce.server.connection import Connection
from vivavoce.server.engine_room import EngineRoom
from vivavoce.server.handshake import Denied, Door, Joins, chosen_subprotocol, judge
from vivavoce.server.models import ModelNames
from vivavoce.server.open_sessions import OpenSessions
from vivavoce.server.opening import Opening
from vivavoce.server.refusals import deny, reason, too_many_sidebands
from vivavoce.server.transport import RunnerFactory
from vivavoce.server.uvicorn_protocol import EXTENSION
from vivavoce.server.websocket import WebSocketTransport
from vivavoce.session.ids import Ids


class RealtimeEndpoint:
    """Lets callers in."""

    def __init__(
        self,
        config: Config,
        access: Access,
        models: ModelNames,
        engines: EngineRoom,
        runner: RunnerFactory,
        ids: Ids,
        sessions: OpenSessions,
        calls: Calls,
    ) -> None:
        self._config = config
        self._access = access
        self._models = models
        self._engines = engines
        self._runner = runner
        self._ids = ids
        self._sessions = sessions
        self._calls = calls

    async def enter(self, door: Door, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket to this door, from its request to its end."""
        await receive()  # websocket.connect
        if closed := self._sessions.closed:
            await deny(scope, receive, send, 503, closed)
            return
        beta = self._config.server.beta
        verdict = judge(scope, door, self._access, self._models, beta=beta, now=time.time())
        if isinstance(verdict, Denied):
            await deny(scope, receive, send, verdict.status, verdict.error)
            return
        if isinstance(verdict, Joins):
            await self._join(verdict, scope, receive, send)
            return
        await send({"type": "websocket.accept", "subprotocol": chosen_subprotocol(scope)})
        if isinstance(verdict, Refused):
            await self._refuse(verdict, send)
            return
        opens = self._sessions.opening(verdict)
        if isinstance(opens, Refused):
            await self._refuse(opens, send)
            return
        await self._connect(opens, self._dialect(verdict), scope, send).run(receive)

    async def _join(self, joins: Joins, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket beside a call."""
        call = self._calls.joinable(joins.call_id, Owner.of(joins.caller, joins.key))
        if call is None:
            await deny(scope, receive, send, 404, errors.call_not_found())
            return
        limit = call.limits.max_sidebands
        if len(call.sidebands) + call.joining >= limit:
            await deny(scope, receive, send, 429, too_many_sidebands(limit))
            return
        call.joining += 1
        try:
            await send({"type": "websocket.accept", "subprotocol": chosen_subprotocol(scope)})
        finally:
            call.joining -= 1
        if call.state is CallState.ENDED:  # meanwhile
            await send({"type": "websocket.close", "code": CLOSE_CALL_ENDED, "reason": "the call has ended"})
            return
        speaks = GA(call.accepts)
        transport = self._transport(speaks, scope, send)
        sideband = Connection(
            Sideband(call, transport, speaks), transport, self._ids, on_gone=call.sidebands.discard
        )
        call.sidebands.add(sideband)
        await sideband.run(receive)

    async def _refuse(self, refused: Refused, send: Send) -> None:
        event = ErrorEvent(event_id=self._ids("event"), error=refused.error)
        await send({"type": "websocket.send", "text": encode(event).decode()})
        await send({"type": "websocket.close", "code": refused.close_code, "reason": reason(refused.error)})

    def _dialect(self, admitted: Admitted) -> Dialect:
        accepts = GA_TRANSLATION if admitted.kind == "translation" else GA_WEBSOCKET
        return dialect(admitted.dialect, self._ids, accepts=accepts, extras=admitted.extras)

    def _connect(self, opens: Opening, speaks: Dialect, scope: Scope, send: Send) -> Connection:
        transport = self._transport(speaks, scope, send)
        engines = self._engines.combination(opens.model)
        runner = self._runner(opening=opens, engines=engines, transport=transport, dialect=speaks)

        connection = Connection(runner, transport, self._ids, on_gone=self._sessions.remove)
        self._sessions.add(connection, opens.allowance)
        return connection

    def _transport(self, speaks: Dialect, scope: Scope, send: Send) -> WebSocketTransport:
        return WebSocketTransport(
            send,
            dialect=speaks,
            buffer_bytes=self._config.server.write_buffer_bytes,
            write_timeout_s=self._config.server.write_timeout_s,
            **scope.get("extensions", {}).get(EXTENSION, {}),
        )


class Entrance:
    """The ASGI application of one door."""

    def __init__(self, endpoint: RealtimeEndpoint, door: Door) -> None:
        self._endpoint = endpoint
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._endpoint.enter(self._door, scope, receive, send)
