"""`client.realtime`: opening connections."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from copy import copy
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from vivavoce.client.account import ClientLike, account_of
from vivavoce.client.core import ConnectionCore, encoded
from vivavoce.client.errors import ConfigurationError, ConnectionClosed
from vivavoce.client.handlers import Handler, Handlers
from vivavoce.client.listening import Listening, refuse_coroutine
from vivavoce.client.opening import WebSocketOptions
from vivavoce.client.reconnecting import OnReconnecting, RecoveryMode, RecoveryPolicy
from vivavoce.client.resources import AsyncResources, Resources
from vivavoce.client.send_queue import MAX_QUEUE_BYTES, SendQueue
from vivavoce.client.urls import Handshake, handshake
from vivavoce.protocol import ClientEvent, decode_server_event

if TYPE_CHECKING:
    from vivavoce.client.connection import AsyncRealtimeConnection
    from vivavoce.client.overloads import On
    from vivavoce.client.recovering import Recovery
    from vivavoce.client.sync_connection import RealtimeConnection

_logger = logging.getLogger("vivavoce.client")

UNSENT = "What was sent before the connection was open has not reached the server: %s"


class Address:
    """What a handshake says: asked for anew for every connection, as keys change.

    - client: of this package or another: see `account_of`.
    - path: behind the base URL.
    - query, headers: of this connection; they win over those of the client.
    - beta: for the beta dialect.
    """

    def __init__(
        self,
        client: ClientLike,
        path: str,
        query: Mapping[str, object],
        headers: Mapping[str, str],
        *,
        beta: bool = False,
    ) -> None:
        self.account = account_of(client)
        self.path = path
        self.query = query
        self.headers = headers
        self.beta = beta

    async def resolve(self) -> Handshake:
        """The URL and the headers, with the key of the moment.

        Raises ConfigurationError for settings that cannot work, KeyFunctionFailed where the function for the
        key does.
        """
        return self._with(await self.account.fetch_key())

    def resolve_now(self) -> Handshake:
        """The same without an event loop."""
        return self._with(self.account.fetch_key_now())

    def _with(self, key: str | None) -> Handshake:
        return handshake(self.account, key, self.path, self.query, self.headers, beta=self.beta)


def _query(
    model: str | None, call_id: str | None, intent: str | None, extra: Mapping[str, object] | None
) -> dict[str, object]:
    query: dict[str, object] = {} if model is None else {"model": model}
    if intent is not None:
        query["intent"] = intent
    query.update(extra or {})
    if call_id is not None:
        query["call_id"] = call_id
    return query


class AsyncRealtime(AsyncResources):
    """The Realtime API of a server."""

    def connect(
        self,
        *,
        model: str | None = None,
        call_id: str | None = None,
        intent: Literal["transcription"] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        websocket_options: WebSocketOptions | None = None,
        max_queue_size: int = MAX_QUEUE_BYTES,
        recovery: RecoveryMode | None = None,
        on_reconnecting: OnReconnecting | None = None,
        max_retries: int = 5,
        initial_delay: float = 0.5,
        max_delay: float = 8.0,
    ) -> AsyncConnect:
        """A connection about to be opened: enter it with `async with`, or call its `enter()`.

        - model: whom to talk to.
        - call_id: a call in progress to join, instead of a model.
        - intent: "transcription" for a session that only transcribes, instead of a model.
        - extra_query, extra_headers: sent with the handshake; they win over everything else.
        - websocket_options: see WebSocketOptions.
        - max_queue_size: bytes of events that may wait for a connection.
        - recovery: what happens when the connection breaks off. "restore": it is made anew, and the session
          the same. "reconnect": it is made anew, the session is another one. "off": iteration ends. Absent,
          "reconnect" where there is `on_reconnecting`.
        - on_reconnecting: called before each attempt; what it returns can change the address, or abort.
        - max_retries, initial_delay, max_delay: attempts, and seconds between them, which double.
        """
        address = Address(
            self._client, "/realtime", _query(model, call_id, intent, extra_query), extra_headers or {}
        )
        policy = RecoveryPolicy(
            mode=recovery or ("off" if on_reconnecting is None else "reconnect"),
            on_reconnecting=on_reconnecting,
            max_retries=max_retries,
            initial_delay=initial_delay,
            max_delay=max_delay,
        )
        if policy.mode == "restore" and call_id is not None:
            raise ConfigurationError(
                'The session of a call lives on when this connection is lost: use recovery="reconnect".'
            )
        options = websocket_options or {}
        if policy.mode == "off":
            return AsyncConnect(address, options, max_queue_size)

        def recover() -> Recovery:
            from vivavoce.client.recovering import Recovery

            return Recovery(
                policy,
                copy(address),
                options,
                dict(extra_query or {}),
                lambda extra: _query(model, call_id, intent, extra),
            )

        return AsyncConnect(address, options, max_queue_size, recover)


class Realtime(Resources):
    """The Realtime API of a server, for programs without an event loop."""

    def connect(
        self,
        *,
        model: str | None = None,
        call_id: str | None = None,
        intent: Literal["transcription"] | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        websocket_options: WebSocketOptions | None = None,
        max_queue_size: int = MAX_QUEUE_BYTES,
        recovery: RecoveryMode = "off",
    ) -> Connect:
        """A connection about to be opened: enter it with `with`, or call its `enter()`.

        - model: whom to talk to.
        - call_id: a call in progress to join, instead of a model.
        - intent: "transcription" for a session that only transcribes, instead of a model.
        - extra_query, extra_headers: sent with the handshake; they win over everything else.
        - websocket_options: see WebSocketOptions.
        - max_queue_size: bytes of events that may wait for a connection.
        - recovery: "off"; anything else takes an AsyncClient.
        """
        if recovery != "off":
            raise ConfigurationError(
                "Recovery needs an event loop, which looks after the connection meanwhile: use AsyncClient."
            )
        address = Address(
            self._client, "/realtime", _query(model, call_id, intent, extra_query), extra_headers or {}
        )
        return Connect(address, websocket_options or {}, max_queue_size)


class Connecting(Listening):
    """A connection about to be opened. Handlers that are registered and events that are sent now are for the
    connection."""

    def __init__(self, max_queue_size: int) -> None:
        self._handlers = Handlers()
        self._queue = SendQueue(max_queue_size)
        self._max_queue_size = max_queue_size

    def send(self, event: ClientEvent | Mapping[str, Any]) -> None:
        """Let this event be sent as soon as the connection is open.

        Raises UnsendableEvent for what JSON cannot hold, and SendQueueFull.
        """
        self._queue.put(encoded(event))

    if TYPE_CHECKING:

        @property
        def on(self) -> On[Self]:
            """Call a function for every event of a name: `rt.on(name, function)`, or as a decorator."""

        @property
        def once(self) -> On[Self]:
            """Call a function for the next event of a name: `rt.once(name, function)`, or as a decorator."""

    def _core(self) -> ConnectionCore[Any]:
        """What the connection begins with. What waits in the queue is for this one alone."""
        queue, self._queue = self._queue, SendQueue(self._max_queue_size)
        return ConnectionCore(decode_server_event, self._handlers.copy(), queue)


class AsyncConnect(Connecting):
    """A connection about to be opened. Leaving the context closes it.

    Handlers that are registered and events that are sent before it is entered are for the connection.
    """

    _connection: AsyncRealtimeConnection

    def __init__(
        self,
        address: Address,
        websocket_options: WebSocketOptions,
        max_queue_size: int,
        recover: Callable[[], Recovery] | None = None,
    ) -> None:
        super().__init__(max_queue_size)
        self._address = address
        self._options = websocket_options
        self._recover = recover

    async def enter(self) -> AsyncRealtimeConnection:
        """Open the connection, which the caller then has to close.

        Raises ConnectError where there is no server, StatusError where it refuses, ConfigurationError for
        settings that cannot work, KeyFunctionFailed where the function for the key does.
        """
        from vivavoce.client.async_socket import open_websocket
        from vivavoce.client.connection import AsyncRealtimeConnection

        websocket = await open_websocket(*await self._address.resolve(), self._options)
        recovery = self._recover() if self._recover is not None else None
        self._connection = AsyncRealtimeConnection(websocket, self._core(), recovery)
        try:
            await self._connection.flush()
        except ConnectionClosed as closed:
            _logger.warning(UNSENT, closed)
        return self._connection

    async def __aenter__(self) -> AsyncRealtimeConnection:
        return await self.enter()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connection.close()


class Connect(Connecting):
    """A connection about to be opened. Leaving the context closes it.

    Handlers that are registered and events that are sent before it is entered are for the connection.
    """

    _connection: RealtimeConnection

    def __init__(self, address: Address, websocket_options: WebSocketOptions, max_queue_size: int) -> None:
        super().__init__(max_queue_size)
        self._address = address
        self._options = websocket_options

    def enter(self) -> RealtimeConnection:
        """Open the connection, which the caller then has to close.

        Raises ConnectError where there is no server, StatusError where it refuses, ConfigurationError for
        settings that cannot work, KeyFunctionFailed where the function for the key does.
        """
        from vivavoce.client.sync_connection import RealtimeConnection
        from vivavoce.client.sync_socket import open_websocket

        websocket = open_websocket(*self._address.resolve_now(), self._options)
        self._connection = RealtimeConnection(websocket, self._core())
        try:
            self._connection.flush()
        except ConnectionClosed as closed:
            _logger.warning(UNSENT, closed)
        return self._connection

    def __enter__(self) -> RealtimeConnection:
        return self.enter()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()

    def _add(self, name: str, handler: Handler, *, once: bool) -> None:
        refuse_coroutine(name, handler)
        super()._add(name, handler, once=once)
