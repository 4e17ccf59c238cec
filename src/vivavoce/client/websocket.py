"""`OpenAIRealtimeWebSocket`: a connection for programs that come from a browser's WebSocket.

    rt = OpenAIRealtimeWebSocket(model="gpt-realtime")
    rt.socket.add_event_listener("open", lambda event: rt.send({"type": "response.create"}))
    rt.on("response.output_text.delta", lambda event: print(event.delta, end=""))
    rt.on("response.done", lambda event: rt.close())
    await rt.socket.wait_closed()

The key travels as a subprotocol, for a browser's WebSocket can send no headers. Nothing that is imported here
needs `websockets` or `httpx`. The beta dialect's is in `vivavoce.client.beta.websocket`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from vivavoce.client.account import Account, ClientLike, account_of
from vivavoce.client.browser_socket import in_browser
from vivavoce.client.clients import AsyncClient
from vivavoce.client.emitter import OpenAIRealtimeEmitter, OpenAIRealtimeError, static_key
from vivavoce.client.errors import ConfigurationError
from vivavoce.client.ga_emitter import GAEmitter
from vivavoce.client.live_socket import WebSocketTarget
from vivavoce.client.urls import (
    BuildURL,
    Target,
    azure_target,
    emitter_key,
    header_credentials,
    shown_url,
    subprotocols,
)

if TYPE_CHECKING:
    from vivavoce.client.opening import WebSocketOptions

__all__ = ["OpenAIRealtimeError", "OpenAIRealtimeWebSocket"]

IN_BROWSER = (
    "It looks like you're running in a browser-like environment.\n\nThis is disabled by default, as it risks "
    "exposing your secret API credentials to attackers.\n\nYou can avoid this error by creating an ephemeral "
    "session token:\nhttps://platform.openai.com/docs/api-reference/realtime-sessions\n\nIf nobody else "
    "can use this page, pass dangerously_allow_browser=True.\n"
)

NO_HEADERS = (
    "Azure OpenAI Realtime credentials require a WebSocket transport that supports request headers, which a "
    "browser's does not: connect through a server of your own."
)


class RealtimeWebSocket(OpenAIRealtimeEmitter):
    """What the classes of both dialects have in common.

    - socket: the WebSocket: `rt.socket.add_event_listener("open", …)`, `"message"`, `"error"` and `"close"`.
    """

    socket: WebSocketTarget

    def _connect(
        self,
        account: Account,
        key: str | None,
        url: str,
        options: WebSocketOptions | None,
        *,
        dangerously_allow_browser: bool,
        beta: bool,
    ) -> None:
        """Begin to connect."""
        allowed = dangerously_allow_browser or (key or "").startswith("ek_")
        if in_browser() and not allowed:
            raise ConfigurationError(IN_BROWSER)
        if in_browser() and account.azure is not None:
            raise ConfigurationError(NO_HEADERS)
        if in_browser() and options:
            raise ConfigurationError("A page's WebSocket takes no options: leave `options` out.")
        emitter_key(account, key)
        headers = header_credentials(account, key)
        if account.azure is None:  # the key is among the subprotocols
            headers = account.endpoint("", websocket=True).headers()
        self.url = shown_url(account, url)
        settings: WebSocketOptions = {
            "ping_interval": None,
            "subprotocols": subprotocols(account, key, beta=beta),
            **(options or {}),
        }
        self.socket = WebSocketTarget(
            url,
            headers,
            settings,
            url=self.url,
            on_message=self._receive,
            on_error=lambda error: self._on_error(None, str(error)),
            rest=self._let_others_run,
        )

    def _send_text(self, message: bytes) -> None:
        self.socket.send(message)

    def _close_socket(self, code: int, reason: str) -> None:
        self.socket.close(code, reason)


class OpenAIRealtimeWebSocket(RealtimeWebSocket, GAEmitter):
    """A Realtime connection that opens by itself and tells events.

    - model, call_id, intent: exactly one of them: whom to talk to, a call in progress to join, or
      `"transcription"` for a session that only transcribes.
    - client: whose address and key to use; absent, `AsyncClient()`. If its key is a function, use `create`.
    - dangerously_allow_browser: use a key in a browser that is no client secret (`ek_…`), where everybody who
      sees the page can take it.
    - build_realtime_url: makes the URL from the client and the target; it must be a wss URL, and gets no
      parameters added. The key is sent there.
    - options: see WebSocketOptions; not in a browser.

    There is no reconnection. Raises ConfigurationError for settings that cannot work.
    """

    def __init__(
        self,
        *,
        model: str | None = None,
        call_id: str | None = None,
        intent: str | None = None,
        client: ClientLike | None = None,
        dangerously_allow_browser: bool = False,
        build_realtime_url: BuildURL | None = None,
        options: WebSocketOptions | None = None,
    ) -> None:
        client = AsyncClient() if client is None else client
        key = static_key(account_of(client))
        target = Target(model, call_id, intent)
        self._begin(client, key, target, build_realtime_url, options, dangerously_allow_browser)

    @classmethod
    async def create(
        cls,
        client: ClientLike,
        *,
        model: str | None = None,
        call_id: str | None = None,
        intent: str | None = None,
        dangerously_allow_browser: bool = False,
        build_realtime_url: BuildURL | None = None,
        options: WebSocketOptions | None = None,
    ) -> Self:
        """The same after asking for the client's key. Raises KeyFunctionFailed where its function does."""
        key = await account_of(client).fetch_key()
        target = Target(model, call_id, intent)
        rt = cls.__new__(cls)
        rt._begin(client, key, target, build_realtime_url, options, dangerously_allow_browser)
        return rt

    @classmethod
    async def azure(
        cls,
        client: ClientLike,
        *,
        deployment_name: str | None = None,
        call_id: str | None = None,
        intent: str | None = None,
        dangerously_allow_browser: bool = False,
        build_realtime_url: BuildURL | None = None,
        options: WebSocketOptions | None = None,
    ) -> Self:
        """A connection to a resource of Azure, with the key in a header and never in the URL: to the client's
        own deployment unless something is named."""
        account = account_of(client)
        target = azure_target(account, deployment_name=deployment_name, call_id=call_id, intent=intent)
        key = emitter_key(account, await account.fetch_key())
        rt = cls.__new__(cls)
        rt._begin(client, key, target, build_realtime_url, options, dangerously_allow_browser)
        return rt

    def _begin(
        self,
        client: ClientLike,
        key: str | None,
        target: Target,
        build_realtime_url: BuildURL | None,
        options: WebSocketOptions | None,
        dangerously_allow_browser: bool,
    ) -> None:
        super().__init__()
        account = account_of(client)
        url = self._address(client, target, build_realtime_url)
        self._connect(
            account, key, url, options, dangerously_allow_browser=dangerously_allow_browser, beta=False
        )
