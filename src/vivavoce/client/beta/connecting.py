"""Opening connections in the beta dialect."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from vivavoce.client.account import ClientLike
from vivavoce.client.opening import WebSocketOptions
from vivavoce.client.realtime import Address

if TYPE_CHECKING:
    from vivavoce.client.beta.connection import AsyncBetaConnection
    from vivavoce.client.beta.sync_connection import BetaConnection


def address_of(
    client: ClientLike,
    model: str,
    extra_query: Mapping[str, object] | None,
    extra_headers: Mapping[str, str] | None,
) -> Address:
    """Where a connection of the beta dialect goes."""
    query = {"model": model, **(extra_query or {})}
    return Address(client, "/realtime", query, extra_headers or {}, beta=True)


class AsyncBetaConnect:
    """A connection about to be opened. Leaving the context closes it."""

    _connection: AsyncBetaConnection

    def __init__(self, address: Address, websocket_options: WebSocketOptions) -> None:
        self._address = address
        self._options = websocket_options

    async def enter(self) -> AsyncBetaConnection:
        """Open the connection, which the caller then has to close.

        Raises ConnectError where there is no server, StatusError where it refuses, ConfigurationError for
        settings that cannot work, KeyFunctionFailed where the function for the key does.
        """
        from vivavoce.client.async_socket import open_websocket
        from vivavoce.client.beta.connection import AsyncBetaConnection

        self._connection = AsyncBetaConnection(
            await open_websocket(*await self._address.resolve(), self._options)
        )
        return self._connection

    async def __aenter__(self) -> AsyncBetaConnection:
        return await self.enter()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connection.close()


class BetaConnect:
    """A connection about to be opened. Leaving the context closes it."""

    _connection: BetaConnection

    def __init__(self, address: Address, websocket_options: WebSocketOptions) -> None:
        self._address = address
        self._options = websocket_options

    def enter(self) -> BetaConnection:
        """Open the connection, which the caller then has to close.

        Raises ConnectError where there is no server, StatusError where it refuses, ConfigurationError for
        settings that cannot work, KeyFunctionFailed where the function for the key does.
        """
        from vivavoce.client.beta.sync_connection import BetaConnection
        from vivavoce.client.sync_socket import open_websocket

        self._connection = BetaConnection(open_websocket(*self._address.resolve_now(), self._options))
        return self._connection

    def __enter__(self) -> BetaConnection:
        return self.enter()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()
