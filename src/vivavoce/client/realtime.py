"""`client.realtime`: opening connections."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from vivavoce.client.connection import AsyncRealtimeConnection
from vivavoce.client.opening import WebSocketOptions, open_websocket

if TYPE_CHECKING:
    from vivavoce.client.clients import AsyncClient


class AsyncRealtime:
    """The Realtime API of a server."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    def connect(
        self,
        *,
        model: str | None = None,
        call_id: str | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        websocket_options: WebSocketOptions | None = None,
    ) -> AsyncConnect:
        """A connection about to be opened: enter it with `async with`, or call its `enter()`.

        - model: whom to talk to.
        - call_id: a call in progress to join, instead of a model.
        - extra_query, extra_headers: sent with the handshake; they win over everything else.
        - websocket_options: see WebSocketOptions.
        """
        query: dict[str, object] = {} if model is None else {"model": model}
        query.update(extra_query or {})
        if call_id is not None:
            query["call_id"] = call_id
        return AsyncConnect(self._client, query, extra_headers or {}, websocket_options or {})


class AsyncConnect:
    """A connection about to be opened. Leaving the context closes it."""

    def __init__(
        self,
        client: AsyncClient,
        query: Mapping[str, object],
        headers: Mapping[str, str],
        websocket_options: WebSocketOptions,
    ) -> None:
        self._client = client
        self._query = query
        self._headers = headers
        self._options = websocket_options
        self._connection: AsyncRealtimeConnection | None = None

    async def enter(self) -> AsyncRealtimeConnection:
        """Open the connection, which the caller then has to close.

        Raises ConnectError where there is no server, StatusError where it refuses, ConfigurationError for
        settings that cannot work.
        """
        endpoint = self._client.endpoint()
        url = endpoint.websocket_url("/realtime", self._query)
        self._connection = AsyncRealtimeConnection(
            await open_websocket(url, endpoint.headers(self._headers), self._options)
        )
        return self._connection

    async def __aenter__(self) -> AsyncRealtimeConnection:
        return await self.enter()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._connection is not None
        await self._connection.close()
