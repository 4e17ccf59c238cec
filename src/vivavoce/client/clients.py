"""What holds the key and the address of a server."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # what `typing` says, without the cost of importing it

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any, Self

    import httpx

    from vivavoce.client.account import Account, ClientLike, Key
    from vivavoce.client.beta.realtime import AsyncBeta, Beta
    from vivavoce.client.endpoint import Endpoint
    from vivavoce.client.http import AsyncHTTP, SyncHTTP
    from vivavoce.client.realtime import AsyncRealtime, Realtime
    from vivavoce.client.webhooks import Webhooks


class BaseClient:
    """What all clients have in common."""

    def __init__(
        self,
        api_key: Key | None = None,
        base_url: str | None = None,
        *,
        organization: str | None = None,
        project: str | None = None,
        webhook_secret: str | None = None,
        websocket_base_url: str | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        http_client: httpx.Client | httpx.AsyncClient | None = None,
    ) -> None:
        self._settings: dict[str, Any] = {
            "base_url": _setting(base_url, "OPENAI_BASE_URL"),
            "key": api_key if callable(api_key) else _setting(api_key, "OPENAI_API_KEY"),
            "websocket_base_url": websocket_base_url,
            "organization": _setting(organization, "OPENAI_ORG_ID"),
            "project": _setting(project, "OPENAI_PROJECT_ID"),
            "default_headers": default_headers,
            "default_query": default_query,
        }
        self._sending: dict[str, Any] = {"timeout": timeout, "max_retries": max_retries, "given": http_client}
        self.webhook_secret = _setting(webhook_secret, "OPENAI_WEBHOOK_SECRET")
        self._account: Account | None = None

    @property
    def account(self) -> Account:
        """The address, and the key to it."""
        if self._account is None:
            from vivavoce.client.account import Account

            self._account = Account(**self._settings)
        return self._account

    @property
    def api_key(self) -> Key | None:
        """The key as it was given: a string, a function, or None."""
        return self.account.key

    @property
    def base_url(self) -> str:
        """What comes before `/realtime`."""
        return self.account.base_url

    def endpoint(self) -> Endpoint:
        """The address and the headers of every request. Asks for the key. Raises ConfigurationError."""
        return self.account.endpoint(self.account.fetch_key_now())

    @property
    def webhooks(self) -> Webhooks:
        """What the server posts to a program's own URL."""
        from vivavoce.client.webhooks import Webhooks

        return Webhooks(self.webhook_secret)

    @classmethod
    def of(cls, client: ClientLike) -> Self:
        """A client for what another one is for: `openai.OpenAI`, `openai.AsyncAzureOpenAI`, or any object
        with `api_key` and `base_url`.

        Its key or function for keys, address, organisation, project, and the headers and parameters that it
        was told to send always are taken over. A client of this class is returned as it is. Raises
        ConfigurationError for an object that is no client.
        """
        if isinstance(client, cls):
            return client
        from vivavoce.client.account import account_of

        made = cls.__new__(cls)
        BaseClient.__init__(made, webhook_secret=getattr(client, "webhook_secret", None))
        made._account = account_of(client)
        return made

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.account.shown_url!r}, api_key={self.account.shown_key})"


class Client(BaseClient):
    """A Realtime server as a program without an event loop sees it.

    - api_key: sent as a bearer token; absent, `OPENAI_API_KEY`. A function is called for the key before every
      connection and request. An empty one sends none, for servers that need none; none at all will do for a
      server on this machine.
    - base_url: what comes before `/realtime`, as http, https, ws or wss URL; absent, `OPENAI_BASE_URL`, then
      OpenAI's.
    - organization, project: sent as `OpenAI-Organization` and `OpenAI-Project`; absent, `OPENAI_ORG_ID` and
      `OPENAI_PROJECT_ID`.
    - webhook_secret: what `webhooks` checks signatures with; absent, `OPENAI_WEBHOOK_SECRET`.
    - websocket_base_url: stands for `base_url` where a WebSocket is opened.
    - default_headers, default_query: sent with every request. The headers win over all of the above.
    - timeout: seconds for one attempt of a request, 60 if absent; `math.inf` for no limit. Connections have
      limits of their own: see WebSocketOptions.
    - max_retries: how often a request is tried again after 408, 409, 429, 5xx and where no answer came, 2 if
      absent.
    - http_client: an `httpx.Client` that sends the requests instead of one of our own: for certificates,
      proxies and the like. Whoever made it closes it; its timeouts count unless `timeout` is given.

    Making one does no I/O; settings that cannot work raise ConfigurationError when they are first used. What
    is kept open for further requests is closed by `close()`, or by leaving the context of `with`.
    """

    _http: SyncHTTP | None = None

    @property
    def http(self) -> SyncHTTP:
        """Sends requests."""
        if self._http is None:
            from vivavoce.client.http import SyncHTTP

            self._http = SyncHTTP(self.account, **self._sending)
        return self._http

    def close(self) -> None:
        """Close what is kept open for further requests. Connections are not: they are closed by
        themselves."""
        if self._http is not None:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def realtime(self) -> Realtime:
        """The Realtime API."""
        from vivavoce.client.realtime import Realtime

        return Realtime(self)

    @property
    def beta(self) -> Beta:
        """The Realtime API in the beta dialect."""
        from vivavoce.client.beta.realtime import Beta, Realtime

        return Beta(Realtime(self))


class AsyncClient(BaseClient):
    """A Realtime server as an asynchronous program sees it: see Client. A function for the key may be
    asynchronous; one that is not must not block. `http_client` is an `httpx.AsyncClient`, and the context
    that of `async with`."""

    _http: AsyncHTTP | None = None

    @property
    def http(self) -> AsyncHTTP:
        """Sends requests."""
        if self._http is None:
            from vivavoce.client.http import AsyncHTTP

            self._http = AsyncHTTP(self.account, **self._sending)
        return self._http

    async def close(self) -> None:
        """Close what is kept open for further requests. Connections are not: they are closed by
        themselves."""
        if self._http is not None:
            await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def realtime(self) -> AsyncRealtime:
        """The Realtime API."""
        from vivavoce.client.realtime import AsyncRealtime

        return AsyncRealtime(self)

    @property
    def beta(self) -> AsyncBeta:
        """The Realtime API in the beta dialect."""
        from vivavoce.client.beta.realtime import AsyncBeta, AsyncRealtime

        return AsyncBeta(AsyncRealtime(self))


class _AzureBase(BaseClient):
    def __init__(
        self,
        *,
        azure_endpoint: str | None = None,
        azure_deployment: str | None = None,
        api_version: str | None = None,
        api_key: Key | None = None,
        azure_ad_token: str | None = None,
        azure_ad_token_provider: Key | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        webhook_secret: str | None = None,
        websocket_base_url: str | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        http_client: httpx.Client | httpx.AsyncClient | None = None,
    ) -> None:
        given = [each for each in (api_key, azure_ad_token, azure_ad_token_provider) if each is not None]
        if len(given) > 1:
            raise _configuration_error(
                "There is more than one credential: pass one of api_key, azure_ad_token and "
                "azure_ad_token_provider."
            )
        key = azure_ad_token or azure_ad_token_provider
        if not given:
            key = _setting(None, "AZURE_OPENAI_AD_TOKEN")
        super().__init__(
            "",
            _azure_base_url(azure_endpoint, base_url),
            organization=organization,
            project=project,
            webhook_secret=webhook_secret,
            websocket_base_url=websocket_base_url,
            default_headers=default_headers,
            default_query=default_query,
            timeout=timeout,
            max_retries=max_retries,
            http_client=http_client,
        )
        self._settings |= {
            "key": key or (api_key if callable(api_key) else _setting(api_key, "AZURE_OPENAI_API_KEY")),
            "key_header": "Authorization" if key else "api-key",
            "azure": (_setting(api_version, "OPENAI_API_VERSION"), azure_deployment),
        }


class AzureClient(_AzureBase, Client):
    """A resource of Azure OpenAI as a program without an event loop sees it.

    - azure_endpoint: `https://RESOURCE.openai.azure.com`; absent, `AZURE_OPENAI_ENDPOINT`.
    - azure_deployment: the name that a model was given there, for calls that name none.
    - api_version: absent, `OPENAI_API_VERSION`. The stable API needs none; the preview, which speaks the beta
      dialect, does.
    - api_key: sent as `api-key`; absent, `AZURE_OPENAI_API_KEY`. May be a function.
    - azure_ad_token: a token of Microsoft Entra instead, sent as a bearer token; absent,
      `AZURE_OPENAI_AD_TOKEN`, which wins over a key from the environment.
    - azure_ad_token_provider: a function that is called for the token before every connection and request.
    - base_url: the whole address up to and including `/openai`, instead of `azure_endpoint`.

    The others are those of Client. Raises ConfigurationError where there is no endpoint, or two of what there
    can be one of.
    """


class AsyncAzureClient(_AzureBase, AsyncClient):
    """A resource of Azure OpenAI as an asynchronous program sees it: see AzureClient."""


def _azure_base_url(azure_endpoint: str | None, base_url: str | None) -> str:
    if base_url is not None and azure_endpoint is not None:
        raise _configuration_error("base_url and azure_endpoint are both set: pass one of them.")
    endpoint = _setting(azure_endpoint, "AZURE_OPENAI_ENDPOINT")
    if base_url is None and not endpoint:
        raise _configuration_error(
            "There is no endpoint of Azure: pass azure_endpoint or base_url, or set AZURE_OPENAI_ENDPOINT."
        )
    return base_url or f"{(endpoint or '').rstrip('/')}/openai"


def _configuration_error(message: str) -> Exception:
    from vivavoce.client.errors import ConfigurationError

    return ConfigurationError(message)


def _setting(given: str | None, variable: str) -> str | None:
    # A key that came out of a file often has a line break behind it.
    return given.strip() if given is not None else (os.environ.get(variable, "").strip() or None)
