"""Where a Realtime WebSocket is opened, and with what in its opening handshake. Nothing here does I/O.

Two families of clients are served, whose rules differ: `connect` (of this package and of OpenAI's for Python)
takes what it is given, the emitter classes (of this package and of OpenAI's for JavaScript) insist on exactly
one target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from vivavoce.client.account import Account, ClientLike
from vivavoce.client.endpoint import KEY_SUBPROTOCOL, Endpoint, merged
from vivavoce.client.errors import ConfigurationError

BETA_HEADER = {"OpenAI-Beta": "realtime=v1"}
"""What selects the beta dialect where headers can be sent."""

BETA_SUBPROTOCOL = "openai-beta.realtime-v1"
"""What selects it where they cannot."""

BuildURL = Callable[[ClientLike, "Target"], str]


class Handshake(NamedTuple):
    """How a WebSocket is opened. The headers hold the key."""

    url: str
    headers: dict[str, str]

    def __repr__(self) -> str:
        return f"Handshake({urlsplit(self.url).netloc!r})"


class Target(NamedTuple):
    """Whom a connection is for: exactly one of a model, a call in progress, and transcription."""

    model: str | None = None
    call_id: str | None = None
    intent: str | None = None


# What `connect` does.


def handshake(
    account: Account,
    key: str | None,
    path: str = "/realtime",
    query: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    beta: bool = False,
) -> Handshake:
    """How `connect` opens a connection.

    - key: what the account's `fetch_key` gave.
    - path: behind the base URL.
    - query, headers: of this connection; they win over everything else.
    - beta: in the beta dialect, which at Azure has an address of its own.

    Raises ConfigurationError for settings that cannot work.
    """
    endpoint = account.endpoint(key, websocket=True)
    sent = endpoint.headers(BETA_HEADER if beta else {}, headers or {})
    asked = dict(query or {})
    if account.azure is None:
        return Handshake(endpoint.websocket_url(path, asked, encrypt=beta), sent)
    if beta:
        return Handshake(_azure_beta_url(account, endpoint, asked), sent)
    if account.azure.deployment and not asked.keys() & set(Target._fields):
        asked = {"model": account.azure.deployment, **asked}
    return Handshake(endpoint.azure_url(path, asked), sent)


def _azure_beta_url(account: Account, endpoint: Endpoint, query: dict[str, object]) -> str:
    assert account.azure is not None
    model = query.pop("model", None)
    if not model:
        raise ConfigurationError("`model` is required for Azure Realtime API: pass the name of a deployment.")
    query["api-version"] = azure_version(account)
    query["deployment"] = account.azure.deployment or model
    return endpoint.websocket_url("/realtime", query, encrypt=True)


def azure_version(account: Account) -> str:
    """The version of Azure's API. Raises ConfigurationError if none was set."""
    if account.azure is None or not account.azure.api_version:
        raise ConfigurationError(
            "Azure wants to know the version of its API here: pass api_version or set OPENAI_API_VERSION."
        )
    return account.azure.api_version


# What the emitter classes do.


def realtime_url(account: Account, target: Target) -> str:
    """The address of a session in the GA dialect.

    Raises ConfigurationError unless the target is exactly one.
    """
    endpoint = account.endpoint("", websocket=True)
    query = _only(target)
    if account.azure is not None:
        return endpoint.azure_url("/realtime", query)
    return endpoint.websocket_url("/realtime", query, encrypt=True, instead_of=Target._fields)


def custom_realtime_url(client: ClientLike, target: Target, build: BuildURL) -> str:
    """The address that the program's own function makes, as it is.

    Raises ConfigurationError unless the target is exactly one and the address wss.
    """
    _only(target)
    url = build(client, target)
    parts = urlsplit(url)
    if parts.scheme != "wss" and not (parts.scheme == "ws" and _here(url)):
        raise ConfigurationError("Custom Realtime WebSocket URLs must use the wss: protocol.")
    return url


def beta_realtime_url(account: Account, target: Target) -> str:
    """The address of a session in the beta dialect, which knows models and, but not at Azure, calls.

    Raises ConfigurationError unless the target is exactly one.
    """
    if bool(target.model) == bool(target.call_id) or target.intent is not None:
        raise ConfigurationError(
            "Pass exactly one of `model` or `call_id` when opening a Realtime WebSocket."
        )
    endpoint = account.endpoint("", websocket=True)
    if account.azure is None:
        query: dict[str, object] = {"model": target.model} if target.model else {"call_id": target.call_id}
        return endpoint.websocket_url("/realtime", query, encrypt=True, instead_of=Target._fields)
    if target.call_id:
        raise ConfigurationError("Azure `call_id` connections require the stable Realtime helpers.")
    query = {"api-version": azure_version(account), "deployment": target.model}
    return endpoint.websocket_url("/realtime", query, encrypt=True)


def azure_target(
    account: Account,
    *,
    deployment_name: str | None = None,
    call_id: str | None = None,
    intent: str | None = None,
) -> Target:
    """Whom a connection to Azure is for: the client's own deployment if nothing else is named.

    Raises ConfigurationError if there is none, or more than one.
    """
    given = [value for value in (deployment_name, call_id, intent) if value is not None]
    if len(given) > 1 or intent not in (None, "transcription"):
        raise ConfigurationError(
            "Pass exactly one of `deployment_name`, `call_id`, or transcription `intent` when opening an "
            "Azure Realtime WebSocket."
        )
    if call_id is not None or intent is not None:
        return Target(call_id=call_id, intent=intent)
    model = deployment_name if deployment_name is not None else account.azure and account.azure.deployment
    if not model:
        raise ConfigurationError("No deployment name provided")
    return Target(model=model)


def emitter_key(account: Account, key: str | None) -> str:
    """The key that an emitter class sends, which has to have one. Raises ConfigurationError."""
    if key:
        return key
    if account.azure is not None:
        raise ConfigurationError("Azure OpenAI Realtime requires an API key")
    return ""


def header_credentials(
    account: Account, key: str | None, headers: Mapping[str, str] | None = None, *, beta: bool = False
) -> dict[str, str]:
    """The headers where headers can be sent: the caller's, and the key on top of them."""
    own = {**account.introduction(key), **(BETA_HEADER if beta else {})}
    return account.endpoint(key, websocket=True).headers(headers or {}, own)


def subprotocols(account: Account, key: str | None, *, beta: bool = False) -> list[str]:
    """The subprotocols where headers cannot be sent: they hold the key, except at Azure."""
    offered = ["realtime"]
    if account.azure is None:
        if key:
            offered.append(KEY_SUBPROTOCOL + key)
        if account.organization:
            offered.append(f"openai-organization.{account.organization}")
        if account.project:
            offered.append(f"openai-project.{account.project}")
    if beta:
        offered.append(BETA_SUBPROTOCOL)
    return offered


def shown_url(account: Account, url: str) -> str:
    """The URL as a program may see it: at Azure it tells how the key was sent, and never which one."""
    if account.azure is None:
        return url
    parts = urlsplit(url)
    kept = [
        pair for pair in parts.query.split("&") if pair and _name(pair) not in ("api-key", "authorization")
    ]
    named = {_name(pair) for pair in parts.query.split("&")}
    if account.key_header == "api-key" or "api-key" in named:
        kept.append("api-key=%3CREDACTED%3E")
    if account.key_header == "Authorization" or "authorization" in named:
        kept.append("Authorization=%3CREDACTED%3E")
    return parts._replace(query="&".join(kept)).geturl()


def _name(pair: str) -> str:
    return pair.partition("=")[0].lower()


def _only(target: Target) -> dict[str, object]:
    given = {name: value for name, value in target._asdict().items() if value is not None}
    if len(given) != 1 or not all(given.values()) or target.intent not in (None, "transcription"):
        raise ConfigurationError(
            "Pass exactly one of `model`, `call_id`, or transcription `intent` when opening a Realtime "
            "WebSocket."
        )
    return given


def _here(url: str) -> bool:
    return Endpoint(url, merged({}), anonymous=True).on_this_machine
