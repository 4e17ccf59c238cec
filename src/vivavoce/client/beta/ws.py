"""`OpenAIRealtimeWS` of the beta dialect: see `vivavoce.client.ws`."""

from __future__ import annotations

from typing import Self

from vivavoce.client.account import ClientLike, account_of
from vivavoce.client.beta.emitter import BetaEmitter
from vivavoce.client.clients import AsyncClient
from vivavoce.client.emitter import OpenAIRealtimeError, static_key
from vivavoce.client.urls import Target, azure_target, beta_realtime_url, emitter_key
from vivavoce.client.ws import RealtimeWS, WSOptions

__all__ = ["OpenAIRealtimeError", "OpenAIRealtimeWS", "WSOptions"]


class OpenAIRealtimeWS(RealtimeWS, BetaEmitter):
    """A Realtime connection in the beta dialect that opens by itself and tells events.

    - model, call_id: exactly one of them: whom to talk to, or a call in progress to join.
    - client: whose address and key to use; absent, `AsyncClient()`. If its key is a function, use `create`.
    - options: see WSOptions.

    There is no reconnection. Raises ConfigurationError for settings that cannot work.
    """

    def __init__(
        self,
        *,
        model: str | None = None,
        call_id: str | None = None,
        client: ClientLike | None = None,
        options: WSOptions | None = None,
    ) -> None:
        client = AsyncClient() if client is None else client
        key = static_key(account_of(client))
        self._begin(client, key, Target(model, call_id), options)

    @classmethod
    async def create(
        cls,
        client: ClientLike,
        *,
        model: str | None = None,
        call_id: str | None = None,
        options: WSOptions | None = None,
    ) -> Self:
        """The same after asking for the client's key. Raises KeyFunctionFailed where its function does."""
        key = await account_of(client).fetch_key()
        rt = cls.__new__(cls)
        rt._begin(client, key, Target(model, call_id), options)
        return rt

    @classmethod
    async def azure(
        cls,
        client: ClientLike,
        *,
        deployment_name: str | None = None,
        options: WSOptions | None = None,
    ) -> Self:
        """A connection to a resource of Azure: to the client's own deployment unless another is named."""
        account = account_of(client)
        target = azure_target(account, deployment_name=deployment_name)
        key = emitter_key(account, await account.fetch_key())
        rt = cls.__new__(cls)
        rt._begin(client, key, target, options)
        return rt

    def _begin(
        self,
        client: ClientLike,
        key: str | None,
        target: Target,
        options: WSOptions | None,
    ) -> None:
        super().__init__()
        account = account_of(client)
        url = beta_realtime_url(account, target)
        self._connect(account, key, url, options, beta=True)
