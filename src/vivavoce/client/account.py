"""Who calls which server: what a client holds before it is asked for anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from vivavoce.client.endpoint import DEFAULT_BASE_URL, USER_AGENT, Endpoint, merged
from vivavoce.client.errors import ConfigurationError, KeyFunctionFailed

Key: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""An API key or token, or a function that is called for one before every connection and request."""


class ClientLike(Protocol):
    """What is accepted wherever a client is: a client of this package, or of another one."""

    @property
    def api_key(self) -> Any: ...

    @property
    def base_url(self) -> Any: ...


class Azure(NamedTuple):
    """What only Azure's servers want to know."""

    api_version: str | None = None
    """`2024-10-01-preview` or the like: wanted by the beta dialect, and used by REST where it is given. None
    for the stable API, which has no versions."""
    deployment: str | None = None
    """The name that a model was given there, used where a call names none."""


class Account:
    """A server's address, the key to it, and what goes with every request. It never changes.

    - base_url: what comes before `/realtime`, as http, https, ws or wss URL; None is OpenAI's.
    - key: see Key. None if there is none, empty if none is to be sent.
    - key_header: how the key is sent: as a bearer token or as it is.
    - websocket_base_url: stands for `base_url` where a WebSocket is opened.
    - organization, project: sent as `OpenAI-Organization` and `OpenAI-Project`.
    - default_headers, default_query: sent with every request. The headers win over all of the above.
    - azure: for servers of Azure: its Azure.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        key: Key | None = None,
        key_header: Literal["Authorization", "api-key"] = "Authorization",
        websocket_base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        azure: tuple[str | None, str | None] | None = None,
    ) -> None:
        self.base_url = base_url or DEFAULT_BASE_URL
        self.websocket_base_url = websocket_base_url
        self.key_header = key_header
        self.organization = organization
        self.project = project
        self.default_headers = dict(default_headers or {})
        self.default_query = dict(default_query or {})
        self.azure = None if azure is None else Azure(*azure)
        self.key = key.strip() if isinstance(key, str) else key  # a key from a file ends with a line break

    @property
    def has_key_function(self) -> bool:
        """Whether the key has to be asked for."""
        return callable(self.key)

    async def fetch_key(self) -> str | None:
        """The key for one connection or request.

        Raises KeyFunctionFailed where the key's function does, and ConfigurationError if it returns something
        else than a key.
        """
        key = self._ask()
        if not isinstance(key, str | None):
            try:
                key = await key
            except Exception as error:
                raise _failed(error) from error
        return self._checked(key)

    def fetch_key_now(self) -> str | None:
        """The same without waiting. Raises ConfigurationError for an async function."""
        key = self._ask()
        if not isinstance(key, str | None):
            if hasattr(key, "close"):
                key.close()
            raise ConfigurationError(
                "The function for the API key is asynchronous: use AsyncClient, or pass a plain function."
            )
        return self._checked(key)

    def endpoint(self, key: str | None, *, websocket: bool = False) -> Endpoint:
        """The address and the headers of every request that is made with this key.

        - websocket: for the opening of a WebSocket.

        Raises ConfigurationError for settings that cannot work.
        """
        headers = {"User-Agent": USER_AGENT, **self.introduction(key)}
        if self.organization:
            headers["OpenAI-Organization"] = self.organization
        if self.project:
            headers["OpenAI-Project"] = self.project
        return Endpoint(
            (websocket and self.websocket_base_url) or self.base_url,
            merged(headers, self.default_headers),
            query=self.default_query,
            anonymous=key == "",
            variable="OPENAI_API_KEY" if self.azure is None else "AZURE_OPENAI_API_KEY",
        )

    def introduction(self, key: str | None) -> dict[str, str]:
        """The header that a key is sent in."""
        if not key:
            return {}
        return {self.key_header: key if self.key_header == "api-key" else f"Bearer {key}"}

    def __repr__(self) -> str:
        return f"Account({self.shown_url!r}, key={self.shown_key})"

    @property
    def shown_key(self) -> str:
        """Whether there is a key, but not which."""
        return "…" if self.key else repr(self.key)

    @property
    def shown_url(self) -> str:
        """The base URL without what could be secret in it."""
        return self.base_url.partition("?")[0].rpartition("@")[2]

    def _ask(self) -> str | Awaitable[str] | None:
        if not callable(self.key):
            return self.key
        try:
            answer: object = self.key()
        except Exception as error:
            raise _failed(error) from error
        if isinstance(answer, str) or hasattr(answer, "__await__"):
            return answer
        raise _no_key(answer)

    def _checked(self, key: object) -> str | None:
        if not callable(self.key):
            return self.key
        if not isinstance(key, str) or not key.strip():
            raise _no_key(key)
        return key.strip()


def _failed(error: Exception) -> KeyFunctionFailed:
    return KeyFunctionFailed(
        f"The function for the API key raised {type(error).__name__}: nothing was sent. "
        "The exception that this one was raised from tells why."
    )


def _no_key(answer: object) -> ConfigurationError:
    kind = "an empty string" if isinstance(answer, str) else f"a value of the type {type(answer).__name__}"
    return ConfigurationError(f"The function for the API key returned {kind}: let it return the key.")


def account_of(client: ClientLike | Account) -> Account:
    """What a client is about: one of this package, or any object with `api_key` and `base_url`, such as
    `openai.OpenAI`, `openai.AsyncOpenAI` and its Azure clients.

    Raises ConfigurationError for an object that has neither.
    """
    if isinstance(client, Account):
        return client
    own = getattr(client, "account", None)
    if isinstance(own, Account):
        return own
    if not hasattr(client, "api_key") or not hasattr(client, "base_url"):
        raise ConfigurationError(
            f"A value of the type {type(client).__name__} is no client: it has no api_key and base_url."
        )
    return _account_of_another(client)


def _account_of_another(client: Any) -> Account:
    def look(*names: str) -> Any:
        return next((value for name in names if (value := getattr(client, name, None)) is not None), None)

    azure = None
    key: Any = look("_api_key_provider") or client.api_key
    as_it_is = False
    if look("_api_version") is not None:
        azure = Azure(str(look("_api_version")), look("_azure_deployment"))
        token = look("_azure_ad_token", "_azure_ad_token_provider")
        key, as_it_is = (key, True) if token is None else (token, False)
    websocket_base_url = look("websocket_base_url")
    base_url = str(client.base_url)
    if azure is not None and azure.deployment:
        # The client writes the deployment into the address, where requests of this API have no place for it.
        base_url = base_url.partition("/deployments/")[0]
    query = look("_custom_query") or {}
    return Account(
        base_url=base_url,
        key=key,
        key_header="api-key" if as_it_is else "Authorization",
        websocket_base_url=None if websocket_base_url is None else str(websocket_base_url),
        organization=look("organization"),
        project=look("project"),
        default_headers={
            name: value for name, value in (look("_custom_headers") or {}).items() if isinstance(value, str)
        },
        default_query={
            name: value for name, value in query.items() if azure is None or name != "api-version"
        },
        azure=azure,
    )
