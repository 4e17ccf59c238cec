"""A connection that breaks off is made anew."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vivavoce.client.async_socket import WebSocket, open_websocket
from vivavoce.client.core import State
from vivavoce.client.errors import ConnectError, ConnectionClosed, StatusError
from vivavoce.client.opening import WebSocketOptions
from vivavoce.client.reconnecting import ReconnectingEvent, RecoveryPolicy

if TYPE_CHECKING:
    from vivavoce.client.connection import AsyncConnection
    from vivavoce.client.realtime import Address

RECOVERABLE = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1015})
"""The close codes after which it makes sense to connect again."""


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
        self.failure: BaseException | None = None
        """Why it was given up, if there is something to say of it."""

    def serve(self, connection: "AsyncConnection[Any, Any]") -> None:
        """Look after this connection."""
        self._connection = connection

    def revive(self) -> asyncio.Task[None] | None:
        """The transport is gone. What to wait for until there is another; None if there will be none."""
        if self._task is not None and not self._task.done():
            return self._task
        assert self._connection is not None
        core, websocket = self._connection._core, self._connection._websocket
        if self._given_up or core.state is not State.OPEN or websocket.closure()[0] not in RECOVERABLE:
            return None
        core.become(State.RECONNECTING)
        self._task = asyncio.get_running_loop().create_task(self._run(self._connection))
        self._task.add_done_callback(self._finished)
        return self._task

    async def stop(self) -> None:
        """The program leaves the connection."""
        self._given_up = True
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
            await asyncio.wait({self._task})

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
        close_code = connection._websocket.closure()[0]
        for attempt in range(1, self._policy.max_retries + 1):
            delay = self._policy.delay(attempt)
            if not self._announced(attempt, delay, close_code):
                break
            await asyncio.sleep(delay)
            try:
                websocket = await open_websocket(*await self._address.resolve(), self._options)
            except (ConnectError, StatusError) as error:
                self.failure = error
                continue
            if await self._switch(connection, websocket):
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

    async def _switch(self, connection: "AsyncConnection[Any, Any]", websocket: WebSocket) -> bool:
        """Go on with this transport, and send what waits. Whether it lasted that long."""
        connection._switch_to(websocket)
        try:
            await connection.flush()
        except ConnectionClosed as closed:
            self.failure = closed
            return False
        # Nothing came between: the queue is empty, and what is sent from now on goes out directly.
        connection._core.become(State.OPEN)
        return True
