"""`OpenAIRealtimeWS`: a connection for programs that come from JavaScript's package `ws`.

    rt = OpenAIRealtimeWS(model="gpt-realtime")
    rt.socket.on("open", lambda: rt.send({"type": "response.create"}))
    rt.on("response.output_text.delta", lambda event: print(event.delta, end=""))
    rt.on("response.done", lambda event: rt.close())
    await rt.socket.wait_closed()

The beta dialect's is in `vivavoce.client.beta.ws`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from vivavoce.client.account import Account, ClientLike, account_of
from vivavoce.client.clients import AsyncClient
from vivavoce.client.emitter import OpenAIRealtimeEmitter, OpenAIRealtimeError, static_key
from vivavoce.client.ga_emitter import GAEmitter
from vivavoce.client.live_socket import EmitterSocket
from vivavoce.client.opening import WebSocketOptions
from vivavoce.client.urls import (
    BuildURL,
    Target,
    azure_target,
    emitter_key,
    header_credentials,
    shown_url,
)

__all__ = ["OpenAIRealtimeError", "OpenAIRealtimeWS", "WSOptions"]


class WSOptions(WebSocketOptions, total=False):
    """How the connection is made and kept."""

    headers: Mapping[str, str]
    """Sent with the handshake. The key's own header wins over them."""


class RealtimeWS(OpenAIRealtimeEmitter):
    """What the classes of both dialects have in common.

    - socket: the WebSocket: `rt.socket.on("open", …)`, `"message"`, `"error"` and `"close"`.
    """

    socket: EmitterSocket

    def _connect(
        self, account: Account, key: str | None, url: str, options: WSOptions | None, *, beta: bool
    ) -> None:
        """Begin to connect."""
        settings: WebSocketOptions = {"ping_interval": None, **_without_headers(options or {})}
        emitter_key(account, key)
        headers = header_credentials(account, key, (options or {}).get("headers"), beta=beta)
        self.url = shown_url(account, url)
        self.socket = EmitterSocket(
            url,
            headers,
            settings,
            url=self.url,
            on_message=self._receive,
            on_error=lambda error: self._on_error(None, str(error), error),
            rest=self._let_others_run,
        )

    def _send_text(self, message: bytes) -> None:
        self.socket.send(message)

    def _close_socket(self, code: int, reason: str) -> None:
        self.socket.close(code, reason)


class OpenAIRealtimeWS(RealtimeWS, GAEmitter):
    """A Realtime connection that opens by itself and tells events.

    - model, call_id, intent: exactly one of them: whom to talk to, a call in progress to join, or
      `"transcription"` for a session that only transcribes.
    - client: whose address and key to use; absent, `AsyncClient()`. If its key is a function, use `create`.
    - build_realtime_url: makes the URL from the client and the target; it must be a wss URL, and gets no
      parameters added. The key is sent there.
    - options: see WSOptions.

    There is no reconnection. Raises ConfigurationError for settings that cannot work.
    """

    def __init__(
        self,
        *,
        model: str | None = None,
        call_id: str | None = None,
        intent: str | None = None,
        client: ClientLike | None = None,
        build_realtime_url: BuildURL | None = None,
        options: WSOptions | None = None,
    ) -> None:
        client = AsyncClient() if client is None else client
        key = static_key(account_of(client))
        self._begin(client, key, Target(model, call_id, intent), build_realtime_url, options)

    @classmethod
    async def create(
        cls,
        client: ClientLike,
        *,
        model: str | None = None,
        call_id: str | None = None,
        intent: str | None = None,
        build_realtime_url: BuildURL | None = None,
        options: WSOptions | None = None,
    ) -> Self:
        """The same after asking for the client's key. Raises KeyFunctionFailed where its function does."""
        key = await account_of(client).fetch_key()
        rt = cls.__new__(cls)
        rt._begin(client, key, Target(model, call_id, intent), build_realtime_url, options)
        return rt

    @classmethod
    async def azure(
        cls,
        client: ClientLike,
        *,
        deployment_name: str | None = None,
        call_id: str | None = None,
        intent: str | None = None,
        build_realtime_url: BuildURL | None = None,
        options: WSOptions | None = None,
    ) -> Self:
        """A connection to a resource of Azure: to the client's own deployment unless something is named."""
        account = account_of(client)
        target = azure_target(account, deployment_name=deployment_name, call_id=call_id, intent=intent)
        key = emitter_key(account, await account.fetch_key())
        rt = cls.__new__(cls)
        rt._begin(client, key, target, build_realtime_url, options)
        return rt

    def _begin(
        self,
        client: ClientLike,
        key: str | None,
        target: Target,
        build_realtime_url: BuildURL | None,
        options: WSOptions | None,
    ) -> None:
        super().__init__()
        account = account_of(client)
        url = self._address(client, target, build_realtime_url)
        self._connect(account, key, url, options, beta=False)


def _without_headers(options: WSOptions) -> WebSocketOptions:
    settings = options.copy()
    settings.pop("headers", None)
    return settings
