"""Keys from functions, clients of Azure, and clients of other packages."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import openai
import pytest

from tests.client.peer import peer
from tests.client.test_clients import Seen, no_settings
from vivavoce import AsyncAzureClient, AsyncClient, AzureClient, Client
from vivavoce.client import ConfigurationError, KeyFunctionFailed, account_of
from vivavoce.client.realtime import AsyncRealtime
from vivavoce.client.urls import handshake

__all__ = ["no_settings"]  # a fixture


@pytest.fixture(autouse=True)
def no_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("API_KEY", "ENDPOINT", "AD_TOKEN")
    for name in [*(f"AZURE_OPENAI_{name}" for name in names), "OPENAI_API_VERSION", "OPENAI_WEBHOOK_SECRET"]:
        monkeypatch.delenv(name, raising=False)


def sent(client: Any) -> dict[str, str]:
    """The headers of a connection, with names in lower case."""
    account = account_of(client)
    headers = handshake(account, account.fetch_key_now()).headers
    return {name.lower(): value for name, value in headers.items()}


# Keys that a function gives.


def counting() -> Callable[[], str]:
    keys = iter(["sk-1\n", "sk-2"])
    return lambda: next(keys)


def counting_slowly() -> Callable[[], Awaitable[str]]:
    keys = counting()

    async def key() -> str:
        return keys()

    return key


@pytest.mark.parametrize("function", [counting, counting_slowly])
async def test_the_key_is_asked_for_before_every_connection(function: Callable[[], Any]) -> None:
    """[P3]"""
    seen = Seen()
    async with peer(seen) as url:
        client = AsyncClient(function(), url)
        for key in ("sk-1", "sk-2"):
            async with client.realtime.connect(model="m"):
                pass
            assert seen.headers["Authorization"] == f"Bearer {key}"


class VaultIsClosed(Exception):
    pass


def raises() -> str:
    raise VaultIsClosed("sk-secret")


async def raises_later() -> str:
    raise VaultIsClosed("sk-secret")


@pytest.mark.parametrize("function", [raises, raises_later])
async def test_a_key_function_that_raises(function: Any) -> None:
    client = AsyncClient(function, "http://127.0.0.1:9")
    with pytest.raises(KeyFunctionFailed, match="VaultIsClosed: nothing was sent") as failed:
        await client.realtime.connect(model="m").enter()
    assert isinstance(failed.value.__cause__, VaultIsClosed)
    assert "sk-secret" not in str(failed.value)


@pytest.mark.parametrize(("answer", "kind"), [(None, "NoneType"), ("", "empty"), (b"sk-secret", "bytes")])
async def test_a_key_function_that_returns_no_key(answer: Any, kind: str) -> None:
    async def later() -> Any:
        return answer

    for function in (lambda: answer, later):
        with pytest.raises(ConfigurationError, match=kind) as refused:
            await AsyncClient(function).realtime.connect(model="m").enter()
        assert "secret" not in str(refused.value)


def test_an_async_function_needs_an_async_client() -> None:
    client = Client(counting_slowly())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="use AsyncClient"):
        client.endpoint()


@pytest.mark.parametrize("client", [Client("sk-secret"), AsyncClient(lambda: "sk-secret"), Client("")])
def test_no_key_is_shown(client: Any) -> None:
    assert "secret" not in repr(client) + repr(client.account) + repr(client.webhooks)
    assert ("…" in repr(client)) is (client.api_key != "")


# Azure.


def test_azure_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://res.openai.azure.com/")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key")
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-01-preview")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    client = AzureClient()
    assert client.base_url == "https://res.openai.azure.com/openai"
    assert account_of(client).azure == ("2024-10-01-preview", None)
    headers = sent(client)
    assert headers["api-key"] == "azure-key"
    assert "authorization" not in headers
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "token")
    headers = sent(AzureClient())
    assert headers["authorization"] == "Bearer token"
    assert "api-key" not in headers
    assert sent(AzureClient(api_key="given"))["api-key"] == "given"


@pytest.mark.parametrize(
    ("arguments", "header", "value"),
    [
        ({"api_key": "k"}, "api-key", "k"),
        ({"api_key": lambda: "k"}, "api-key", "k"),
        ({"azure_ad_token": "t"}, "authorization", "Bearer t"),
        ({"azure_ad_token_provider": lambda: "t"}, "authorization", "Bearer t"),
    ],
)
def test_credentials_of_azure(arguments: Any, header: str, value: str) -> None:
    """[P4]"""
    headers = sent(AzureClient(azure_endpoint="https://res.invalid", **arguments))
    assert headers[header] == value
    assert not headers.keys() & ({"api-key", "authorization"} - {header})


@pytest.mark.parametrize("kind", [AzureClient, AsyncAzureClient])
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"azure_endpoint": "https://x", "api_key": "secret", "azure_ad_token": "secret"}, "more than one"),
        ({"azure_endpoint": "https://x", "base_url": "https://y"}, "pass one of them"),
        ({"api_key": "secret"}, "no endpoint of Azure"),
    ],
)
def test_azure_settings_that_contradict(kind: Any, arguments: Any, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as refused:
        kind(**arguments)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("client", "variable"),
    [
        (AzureClient(base_url="https://res.invalid/openai"), "AZURE_OPENAI_API_KEY"),
        (Client(base_url="https://api.invalid/v1"), "OPENAI_API_KEY"),
    ],
)
def test_a_key_that_is_missing(client: Client, variable: str) -> None:
    with pytest.raises(ConfigurationError, match=f"pass api_key or set {variable} "):
        client.endpoint().headers()


async def test_azure_asks_for_its_token_before_every_connection() -> None:
    seen = Seen()
    async with peer(seen) as url:
        client = AsyncAzureClient(azure_endpoint=url, azure_ad_token_provider=counting_slowly())
        for token in ("sk-1", "sk-2"):
            async with client.realtime.connect(model="deployed"):
                pass
            assert seen.headers["Authorization"] == f"Bearer {token}"
    assert (seen.path, seen.query) == ("/v1/openai/v1/realtime", {"model": "deployed"})


# Clients of other packages.


async def test_any_object_with_a_key_and_an_address_is_a_client() -> None:
    seen = Seen()
    async with peer(seen) as url:
        async with AsyncRealtime(SimpleNamespace(api_key="sk-1", base_url=url)).connect(model="m"):
            pass
    assert (seen.path, seen.query) == ("/v1/realtime", {"model": "m"})
    assert seen.headers["Authorization"] == "Bearer sk-1"


@pytest.mark.parametrize("kind", [openai.OpenAI, openai.AsyncOpenAI])
def test_a_client_of_the_openai_package(kind: Any) -> None:
    other = kind(
        api_key="sk-1",
        base_url="http://127.0.0.1:9/v1?tenant=7",
        organization="org_1",
        project="proj_1",
        webhook_secret="whsec_MDEy",
        default_headers={"X-Mine": "a"},
        default_query={"region": "eu"},
    )
    client = AsyncClient.of(other)
    url, _ = handshake(client.account, client.account.fetch_key_now(), query={"model": "m"})
    assert url == "ws://127.0.0.1:9/v1/realtime?region=eu&tenant=7&model=m"
    headers = sent(client)
    assert headers["authorization"] == "Bearer sk-1"
    assert headers["openai-organization"] == "org_1"
    assert headers["openai-project"] == "proj_1"
    assert headers["x-mine"] == "a"
    assert headers["user-agent"].startswith("vivavoce/")
    assert client.webhook_secret == "whsec_MDEy"
    assert Client.of(client).account is client.account
    assert AsyncClient.of(client) is client


def test_its_function_for_the_key_is_asked_each_time() -> None:
    other = openai.OpenAI(api_key=counting(), base_url="http://127.0.0.1:9/v1")
    assert [sent(other)["authorization"] for _ in range(2)] == ["Bearer sk-1", "Bearer sk-2"]


@pytest.mark.parametrize(
    ("arguments", "header", "value"),
    [
        ({"api_key": "k"}, "api-key", "k"),
        ({"azure_ad_token": "t"}, "authorization", "Bearer t"),
        ({"azure_ad_token_provider": lambda: "t"}, "authorization", "Bearer t"),
    ],
)
def test_its_client_of_azure(arguments: Any, header: str, value: str) -> None:
    other = openai.AzureOpenAI(
        azure_endpoint="https://res.invalid",
        azure_deployment="deployed",
        api_version="2024-10-01-preview",
        **arguments,
    )
    account = account_of(other)
    key = account.fetch_key_now()
    assert handshake(account, key).url == "wss://res.invalid/openai/v1/realtime?model=deployed"
    assert handshake(account, key, query={"model": "x"}, beta=True).url == (
        "wss://res.invalid/openai/realtime?api-version=2024-10-01-preview&deployment=deployed"
    )
    headers = sent(other)
    assert headers[header] == value
    assert not headers.keys() & ({"api-key", "authorization"} - {header})


@pytest.mark.parametrize("thing", [None, "sk-secret", object(), SimpleNamespace(api_key="sk-secret")])
def test_what_is_no_client(thing: Any) -> None:
    with pytest.raises(ConfigurationError, match="is no client") as refused:
        account_of(thing)
    assert "secret" not in str(refused.value)
