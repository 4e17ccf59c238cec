"""A connection that breaks off is made anew."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import websockets.exceptions
import websockets.protocol

from vivavoce.client.async_socket import WebSocket, open_websocket
from vivavoce.client.core import State
from vivavoce.client.errors import ConnectError, ConnectionClosed, StatusError
from vivavoce.client.kept import Sent
from vivavoce.client.mirror import APPEND, Mirror
from vivavoce.client.opening import WebSocketOptions
from vivavoce.client.reconnecting import Reconnected, ReconnectingEvent, RecoveryPolicy
from vivavoce.client.restoring import Restoration, Stage, resent_audio_ms
from vivavoce.client.rotating import Rotation
from vivavoce.client.socket import nobody
from vivavoce.protocol.errors import MalformedEvent

if TYPE_CHECKING:
    from vivavoce.client.connection import AsyncConnection
    from vivavoce.client.realtime import Address

RECOVERABLE = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1015})
"""The close codes after which it makes sense to connect again."""

GARBLED = frozenset({1002, 1007})
"""Those after which a session can be restored as well: bytes were damaged on the way."""

RESTORE_TIMEOUT = 30.0
"""Seconds that a server may take to answer what a session is restored with."""


class Recovery:
    """Making one connection anew whenever it breaks off.

    - address, options: how it was opened.
    - extra_query: what the program added to the address.
    - query: the whole query that an extra query makes.
    """

    def __init__(
        self,
        policy: RecoveryPolicy,
        address: "Address",
        options: WebSocketOptions,
        extra_query: Mapping[str, object],
        query: Callable[[Mapping[str, object]], Mapping[str, object]],
    ) -> None:
        self._policy = policy
        self._address = address
        self._options = options
        self._extra_query = extra_query
        self._query = query
        self._connection: AsyncConnection[Any, Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._given_up = False
        self.mirror = Mirror() if policy.mode == "restore" else None
        self._rotation = Rotation(self._may_rotate, self._rotate_soon)
        self._leaving: set[asyncio.Task[None]] = set()
        """Old connections being closed."""
        self._damages = 0
        self.failure: BaseException | None = None
        """Why it was given up, if there is something to say of it."""

    def serve(self, connection: "AsyncConnection[Any, Any]") -> None:
        """Look after this connection."""
        self._connection = connection
        if self.mirror is not None:
            connection._intake.watch(self._see, nobody)
            connection._intake.damaged = self._damaged
            connection._intake.hurry()

    def _see(self, event: Any) -> None:
        assert self.mirror is not None
        self.mirror.received(event)
        self._rotation.see(event)

    def _damaged(self) -> bool:
        """A message that is no event came. If that is not the rule, it was damaged, and what else is?"""
        assert self._connection is not None
        self._damages += 1
        if self._damages > self._policy.max_retries:
            return False
        _websocket_of(self._connection).transport.abort()
        return True

    async def transmit(self, message: bytes) -> None:
        """Send an event and have its effect watched for. Raises the ConnectionClosed of `websockets` if the
        connection is closed already; what is lost later is sent again."""
        assert self.mirror is not None
        assert self._connection is not None
        websocket = _websocket_of(self._connection)
        if websocket.protocol.state is not websockets.protocol.State.OPEN:
            await websocket.send_text(message)
        with suppress(websockets.exceptions.ConnectionClosed, OSError):
            await websocket.send_text(self.mirror.sent(message))

    async def holds_back(self) -> bool:
        """Whether what is to be sent over a connection that is closing should wait for the next one."""
        if self.mirror is None:
            return False
        assert self._connection is not None
        websocket = _websocket_of(self._connection)
        if websocket.protocol.state is websockets.protocol.State.OPEN:
            return False
        await websocket.wait_closed()
        return self.revive() is not None

    def unsettled(self) -> list[str]:
        """The events whose effect was not seen, audio aside."""
        log = self.mirror.log if self.mirror is not None else []
        return [entry.message.decode(errors="replace") for entry in log if entry.kind != APPEND]

    def revive(self) -> asyncio.Task[None] | None:
        """What to wait for if the transport is gone and another is sought; None if there is nothing to wait
        for."""
        if self._task is not None and not self._task.done():
            return self._task
        assert self._connection is not None
        core, websocket = self._connection._core, _websocket_of(self._connection)
        if self._given_up or core.state is not State.OPEN:
            return None
        if not websocket.lost or not self._recoverable(websocket):
            return None
        return self._begin(self._run(self._connection))

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Work on another transport. What is sent meanwhile waits."""
        assert self._connection is not None
        self._connection._core.become(State.RECONNECTING)
        self._task = asyncio.get_running_loop().create_task(work)
        self._task.add_done_callback(self._finished)
        return self._task

    def _recoverable(self, websocket: WebSocket) -> bool:
        code = websocket.closure()[0]
        return code in RECOVERABLE or (self.mirror is not None and code in GARBLED)

    async def stop(self) -> None:
        """The program leaves the connection."""
        self._given_up = True
        self._rotation.stop()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._leaving:
            await asyncio.wait(self._leaving)

    def _finished(self, task: asyncio.Task[None]) -> None:
        assert self._connection is not None
        self._connection._intake.look()

    async def _run(self, connection: "AsyncConnection[Any, Any]") -> None:
        try:
            await self._attempt(connection)
        except Exception as error:  # noqa: BLE001 - whatever the program's functions raise is told by the end
            self.failure = error
        if connection._core.state is State.RECONNECTING:
            self._given_up = True
            connection._core.become(State.CLOSED)

    async def _attempt(self, connection: "AsyncConnection[Any, Any]") -> None:
        close_code = connection._socket.closure()[0]
        for attempt in range(1, self._policy.max_retries + 1):
            self._settle(connection)
            delay = self._policy.delay(attempt)
            if not self._announced(attempt, delay, close_code):
                break
            await asyncio.sleep(delay)
            try:
                websocket = await open_websocket(*await self._address.resolve(), self._options)
            except (ConnectError, StatusError) as error:
                self.failure = error
                continue
            if await self._switch(connection, websocket, close_code, attempt):
                self.failure = None
                return

    def _announced(self, attempt: int, delay: float, close_code: int) -> bool:
        """Tell the program of an attempt. Whether it is to be made."""
        if self._policy.on_reconnecting is None:
            return True
        event = ReconnectingEvent(
            attempt=attempt,
            max_attempts=self._policy.max_retries,
            delay=delay,
            close_code=close_code,
            extra_query=self._extra_query,
            extra_headers=self._address.headers,
        )
        overrides = self._policy.on_reconnecting(event) or {}
        if overrides.get("abort"):
            return False
        if "extra_query" in overrides:
            self._extra_query = overrides["extra_query"]
            self._address.query = self._query(self._extra_query)
        if "extra_headers" in overrides:
            self._address.headers = overrides["extra_headers"]
        return True

    def _settle(self, connection: "AsyncConnection[Any, Any]") -> None:
        """Nothing more comes over the old transport: see the last of it, and end what was in progress."""
        if self.mirror is not None:
            connection._intake.look_ahead()
            for event in self.mirror.interrupted():
                connection._intake.insert(event)

    async def _switch(
        self, connection: "AsyncConnection[Any, Any]", websocket: WebSocket, close_code: int, attempt: int
    ) -> bool:
        """Go on with this transport, and send what waits. Whether it lasted that long."""
        resent: list[bytes] = []
        try:
            if self.mirror is None:
                connection._switch_to(websocket)
                connection._renewed(restored=False)
            else:
                restoration, passed = await self._restore(connection, websocket)
                pending = restoration.pending()
                made = _reconnected(restoration, pending, close_code, attempt)
                resent = self._adopt(connection, websocket, restoration, passed, pending, made)
            await self._catch_up(connection, websocket, resent)
        except (ConnectionClosed, websockets.exceptions.ConnectionClosed, OSError) as closed:
            self.failure = closed
            if websocket.lost and not self._recoverable(websocket):
                raise
            websocket.transport.abort()
            return False
        except BaseException:
            websocket.transport.abort()
            raise
        # Nothing came between: the queue is empty, and what is sent from now on goes out directly.
        connection._core.become(State.OPEN)
        return True

    def _adopt(
        self,
        connection: "AsyncConnection[Any, Any]",
        websocket: WebSocket,
        restoration: Restoration,
        passed: list[bytes],
        pending: list[Sent],
        made: Reconnected | None,
    ) -> list[bytes]:
        """Go on with the session that was restored. What is to be sent first."""
        self.mirror = restoration.mirror
        connection._switch_to(websocket)
        connection._renewed(restored=True)
        if made is not None:
            connection._intake.insert(made)
        for message in passed:
            connection._intake.insert_message(message)
        assert self.mirror.session is not None
        self._rotation.renewed(self.mirror.session.expires_at - time.time())
        return self.mirror.adopt(pending)

    async def _catch_up(
        self, connection: "AsyncConnection[Any, Any]", websocket: WebSocket, resent: list[bytes]
    ) -> None:
        """Let what has come over a new transport be seen, and send what waits."""
        connection._intake.look()
        for message in resent:
            await websocket.send_text(message)
        await connection.flush()

    # Rotation.

    def _may_rotate(self) -> bool:
        assert self._connection is not None
        assert self.mirror is not None
        return self.mirror.idle and self._connection._core.state is State.OPEN

    def _rotate_soon(self) -> None:
        assert self._connection is not None
        self._begin(self._rotate(self._connection))

    async def _rotate(self, connection: "AsyncConnection[Any, Any]") -> None:
        """Replace the session by one that is the same, without a word of it."""
        assert self.mirror is not None
        old, changes = _websocket_of(connection), self.mirror.changes
        websocket = None
        try:
            websocket = await open_websocket(*await self._address.resolve(), self._options)
            restoration, passed = await self._restore(connection, websocket)
            connection._intake.look_ahead()
            if self.mirror.idle and self.mirror.changes == changes and not old.lost:
                made = _reconnected(restoration, [], 1000, 0) if _differs(restoration) else None
                pending = restoration.pending()
                resent = self._adopt(connection, websocket, restoration, passed, pending, made)
                self._leave(old)
                websocket = None
                await self._catch_up(connection, _websocket_of(connection), resent)
            else:
                self._rotation.again()
        except Exception as error:  # noqa: BLE001 - as above
            self.failure = error
            self._rotation.again()  # the old session still serves; when it ends, recovery does its work
        finally:
            if websocket is not None:
                websocket.transport.abort()
        with suppress(ConnectionClosed):
            await connection.flush()
        connection._core.become(State.OPEN)

    def _leave(self, websocket: WebSocket) -> None:
        websocket.arrived = nobody
        task = asyncio.get_running_loop().create_task(websocket.close())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _restore(
        self, connection: "AsyncConnection[Any, Any]", websocket: WebSocket
    ) -> tuple[Restoration, list[bytes]]:
        """Make the new session the same. What else came meanwhile.

        Raises ConnectionClosed, and TimeoutError, which is an OSError.
        """
        assert self.mirror is not None
        restoration = Restoration(self.mirror)
        passed: list[bytes] = []
        async with asyncio.timeout(RESTORE_TIMEOUT):
            while restoration.stage is not Stage.DONE:
                while not websocket.inbox:
                    if websocket.lost:
                        raise connection._core.ending(websocket.closure(), restoration.error, [])
                    await websocket.more()
                message = websocket.inbox.popleft()
                try:
                    own = restoration.receive(connection._core.decode(message))
                except MalformedEvent:
                    own = False
                if not own:
                    passed.append(message)
                while restoration.outgoing:
                    await websocket.send_text(restoration.outgoing.popleft())
        return restoration, passed


def _websocket_of(connection: "AsyncConnection[Any, Any]") -> WebSocket:
    """What carries a connection that recovers: nothing else can."""
    return cast(WebSocket, connection._socket)


def _reconnected(restoration: Restoration, pending: list[Sent], close_code: int, attempt: int) -> Reconnected:
    assert restoration.mirror.session is not None
    return Reconnected(
        session=restoration.mirror.session,
        close_code=close_code,
        attempts=attempt,
        session_restored=restoration.session_restored,
        restored_items=tuple(restoration.restored),
        lost_items=tuple(restoration.lost),
        events_resent=sum(entry.kind != APPEND for entry in pending),
        audio_resent_ms=resent_audio_ms(pending),
    )


def _differs(restoration: Restoration) -> bool:
    return bool(restoration.lost) or not restoration.session_restored
