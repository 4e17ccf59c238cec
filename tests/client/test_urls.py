"""Where connections are opened, and with what. Numbers in brackets are those of the behaviours to keep."""

from typing import Any

import pytest

from vivavoce.client import ConfigurationError
from vivavoce.client.account import Account, Azure
from vivavoce.client.urls import (
    Target,
    azure_target,
    beta_realtime_url,
    custom_realtime_url,
    emitter_key,
    handshake,
    header_credentials,
    realtime_url,
    shown_url,
    subprotocols,
)

OPENAI = Account(base_url="https://example.com/v1", key="sk-1", organization="org_1", project="proj_1")
AZURE = Account(
    base_url="https://res.invalid/openai",
    key="k",
    key_header="api-key",
    azure=Azure("2024-10-01-preview", "own"),
)
ENTRA = Account(base_url="https://res.invalid/openai", key="t", azure=Azure("2024-10-01-preview"))


def base(url: str) -> Account:
    return Account(base_url=url, key="sk-1")


# connect


@pytest.mark.parametrize(
    ("account", "arguments", "url"),
    [
        (OPENAI, {"query": {"model": "m"}}, "wss://example.com/v1/realtime?model=m"),
        (
            OPENAI,
            {"query": {"intent": "transcription"}},
            "wss://example.com/v1/realtime?intent=transcription",
        ),
        (OPENAI, {"query": {"call_id": "rtc_1"}}, "wss://example.com/v1/realtime?call_id=rtc_1"),
        (OPENAI, {}, "wss://example.com/v1/realtime"),
        (base("http://example.com/v1"), {"query": {"model": "m"}}, "ws://example.com/v1/realtime?model=m"),
        (
            base("http://example.com/v1"),
            {"query": {"model": "m"}, "beta": True},
            "wss://example.com/v1/realtime?model=m",
        ),
        (
            base("http://127.0.0.1:8000"),
            {"query": {"model": "m"}, "beta": True},
            "ws://127.0.0.1:8000/realtime?model=m",
        ),
        (
            OPENAI,
            {"query": {"model": "m", "a": None, "b": [1, "2"], "c": True}},
            "wss://example.com/v1/realtime?model=m&a=&b=1&b=2&c=true",
        ),
        (
            Account(base_url="https://a.invalid/v1", websocket_base_url="wss://b.invalid/x/?k=1"),
            {"query": {"model": "m"}, "headers": {"authorization": "Bearer sk"}},
            "wss://b.invalid/x/realtime?k=1&model=m",
        ),
        (
            OPENAI,
            {"query": {"model": "m"}, "path": "/realtime/translations"},
            "wss://example.com/v1/realtime/translations?model=m",
        ),
    ],
)
def test_connect(account: Account, arguments: Any, url: str) -> None:
    """[P1, P2]"""
    assert handshake(account, "sk-1", **arguments).url == url


def test_parameters_of_every_request_lose_against_those_of_the_call() -> None:
    """[P2]"""
    account = Account(base_url="https://x.invalid?b=base&c=base&d=base", default_query={"a": "1", "b": "1"})
    url = handshake(account, "sk", query={"c": "call", "model": "other"}).url
    assert url == "wss://x.invalid/realtime?a=1&b=base&c=call&d=base&model=other"


def test_connect_in_the_beta_dialect() -> None:
    """[P3]"""
    assert handshake(OPENAI, "sk", beta=True).headers["OpenAI-Beta"] == "realtime=v1"
    other = {"openai-beta": "realtime=v2"}
    headers = handshake(OPENAI, "sk", headers=other, beta=True).headers
    assert {name: value for name, value in headers.items() if name.lower() == "openai-beta"} == other
    assert "OpenAI-Beta" not in handshake(OPENAI, "sk").headers


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ({"query": {"model": "m"}}, "wss://res.invalid/openai/v1/realtime?model=m"),
        ({}, "wss://res.invalid/openai/v1/realtime?model=own"),
        ({"query": {"call_id": "rtc_1"}}, "wss://res.invalid/openai/v1/realtime?call_id=rtc_1"),
        ({"query": {"intent": "transcription"}}, "wss://res.invalid/openai/v1/realtime?intent=transcription"),
        (
            {"query": {"model": "m"}, "beta": True},
            "wss://res.invalid/openai/realtime?api-version=2024-10-01-preview&deployment=own",
        ),
        (
            {"query": {"model": "m", "x": 1, "deployment": "theirs"}, "beta": True},
            "wss://res.invalid/openai/realtime?x=1&deployment=own&api-version=2024-10-01-preview",
        ),
    ],
)
def test_connect_at_azure(arguments: Any, url: str) -> None:
    """[P4]"""
    assert handshake(AZURE, "k", **arguments).url == url


def test_what_azure_s_beta_dialect_wants() -> None:
    """[P4]"""
    with pytest.raises(ConfigurationError, match="`model` is required for Azure Realtime API"):
        handshake(AZURE, "k", beta=True)
    with pytest.raises(ConfigurationError, match="pass api_version"):
        handshake(Account(azure=Azure()), "k", query={"model": "m"}, beta=True)


def test_a_handshake_shows_its_host_only() -> None:
    assert repr(handshake(OPENAI, "sk-secret", query={"k": "secret"})) == "Handshake('example.com')"


# The emitter classes.


@pytest.mark.parametrize(
    ("url", "target", "opened"),
    [
        ("https://example.com/v1", Target(model="m"), "wss://example.com/v1/realtime?model=m"),
        ("http://example.com/v1/", Target(model="m"), "wss://example.com/v1/realtime?model=m"),
        ("http://localhost:8000/v1", Target(model="m"), "ws://localhost:8000/v1/realtime?model=m"),
        (
            "https://example.com/v1?model=x&intent=y&call_id=z&tenant=7#top",
            Target(call_id="rtc_1"),
            "wss://example.com/v1/realtime?call_id=rtc_1&tenant=7",
        ),
        (
            "https://example.com",
            Target(intent="transcription"),
            "wss://example.com/realtime?intent=transcription",
        ),
    ],
)
def test_the_address_of_a_session(url: str, target: Target, opened: str) -> None:
    """[E14]"""
    assert realtime_url(base(url), target) == opened


@pytest.mark.parametrize(
    "target",
    [
        Target(),
        Target(model=""),
        Target(call_id=""),
        Target(intent="conversation"),
        Target(intent=""),
        Target(model="m", call_id="rtc_1"),
        Target(model="m", intent="transcription"),
        Target(model="", call_id="rtc_1"),
    ],
)
def test_exactly_one_target(target: Target) -> None:
    """[E14]"""
    complaint = (
        "Pass exactly one of `model`, `call_id`, or transcription `intent` when opening a Realtime Web"
    )
    with pytest.raises(ConfigurationError, match=complaint):
        realtime_url(OPENAI, target)
    with pytest.raises(ConfigurationError, match=complaint):
        custom_realtime_url(OPENAI, target, lambda *_: pytest.fail("asked for a URL"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "query"), [(Target(model="m"), "model=m"), (Target(call_id="rtc_1"), "call_id=rtc_1")]
)
def test_the_address_of_a_session_in_the_beta_dialect(target: Target, query: str) -> None:
    """[E15]"""
    for address in ("https://example.com/v1/", "http://example.com/v1"):
        assert beta_realtime_url(base(address), target) == f"wss://example.com/v1/realtime?{query}"


@pytest.mark.parametrize(
    "target", [Target(), Target(model=""), Target(model="m", call_id="r"), Target(intent="transcription")]
)
def test_exactly_one_target_in_the_beta_dialect(target: Target) -> None:
    """[E15]"""
    with pytest.raises(ConfigurationError, match="Pass exactly one of `model` or `call_id` when opening"):
        beta_realtime_url(OPENAI, target)


def test_an_address_of_one_s_own() -> None:
    """[E16]"""
    seen: list[Any] = []

    def build(client: Any, target: Target) -> str:
        seen.append((client, target))
        return "wss://proxy.invalid/x?y=1"

    assert custom_realtime_url(OPENAI, Target(model="m"), build) == "wss://proxy.invalid/x?y=1"  # type: ignore[arg-type]
    assert seen == [(OPENAI, Target(model="m"))]
    for url in ("https://proxy.invalid", "ws://proxy.invalid", "proxy"):
        with pytest.raises(ConfigurationError, match=r"Custom .* must use the wss: protocol\."):
            custom_realtime_url(OPENAI, Target(model="m"), lambda *_, url=url: url)  # type: ignore[arg-type,misc]


def test_the_key_in_a_header() -> None:
    """[E17]"""
    headers = header_credentials(OPENAI, "sk-1", {"authorization": "theirs", "X-A": "1"})
    assert headers["Authorization"] == "Bearer sk-1"
    assert "authorization" not in headers
    assert headers["X-A"] == "1"
    assert (headers["OpenAI-Organization"], headers["OpenAI-Project"]) == ("org_1", "proj_1")
    assert "OpenAI-Beta" not in headers
    beta = header_credentials(OPENAI, "sk-1", {"openai-beta": "theirs"}, beta=True)
    assert beta["OpenAI-Beta"] == "realtime=v1"
    assert "openai-beta" not in beta
    assert header_credentials(AZURE, "k")["api-key"] == "k"
    assert header_credentials(ENTRA, "t")["Authorization"] == "Bearer t"


def test_the_key_in_a_subprotocol() -> None:
    """[E18]"""
    assert subprotocols(base("https://x"), "ek_1") == ["realtime", "openai-insecure-api-key.ek_1"]
    assert subprotocols(OPENAI, "ek_1", beta=True) == [
        "realtime",
        "openai-insecure-api-key.ek_1",
        "openai-organization.org_1",
        "openai-project.proj_1",
        "openai-beta.realtime-v1",
    ]
    assert subprotocols(AZURE, "k") == ["realtime"]


@pytest.mark.parametrize(
    "address",
    [
        "https://res.invalid/openai",
        "https://res.invalid//openai//",
        "https://res.invalid/openai/v1",
        "https://res.invalid/openai/v1/?api-version=1&api-key=secret",
        "http://res.invalid/openai",
    ],
)
def test_azure_s_address(address: str) -> None:
    """[E20]"""
    account = Account(base_url=address, key="k", azure=Azure("2024-10-01-preview"))
    assert realtime_url(account, Target(model="d")) == "wss://res.invalid/openai/v1/realtime?model=d"
    assert realtime_url(account, Target(call_id="rtc_1")).endswith("/openai/v1/realtime?call_id=rtc_1")


def test_whom_a_connection_to_azure_is_for() -> None:
    """[E20]"""
    assert azure_target(AZURE) == Target(model="own")
    assert azure_target(AZURE, deployment_name="d") == Target(model="d")
    assert azure_target(AZURE, call_id="rtc_1") == Target(call_id="rtc_1")
    assert azure_target(AZURE, intent="transcription") == Target(intent="transcription")
    with pytest.raises(ConfigurationError, match=r"No deployment name provided"):
        azure_target(ENTRA)
    for arguments in (
        {"deployment_name": "d", "call_id": "rtc_1"},
        {"call_id": "rtc_1", "intent": "transcription"},
        {"intent": "conversation"},
    ):
        with pytest.raises(
            ConfigurationError, match=r"`deployment_name`, `call_id`, or .* an Azure Realtime"
        ):
            azure_target(AZURE, **arguments)


@pytest.mark.parametrize("key", [None, ""])
def test_azure_needs_a_key(key: str | None) -> None:
    """[E20]"""
    with pytest.raises(ConfigurationError, match="Azure OpenAI Realtime requires an API key"):
        emitter_key(AZURE, key)
    assert emitter_key(AZURE, "k") == "k"
    assert emitter_key(OPENAI, key) == ""


def test_azure_s_address_in_the_beta_dialect() -> None:
    """[E21]"""
    url = beta_realtime_url(AZURE, Target(model="d"))
    assert url == "wss://res.invalid/openai/realtime?api-version=2024-10-01-preview&deployment=d"
    with pytest.raises(ConfigurationError, match="Azure `call_id` connections require the stable Realtime"):
        beta_realtime_url(AZURE, Target(call_id="rtc_1"))


def test_what_a_program_sees_of_azure_s_address() -> None:
    """[E22]"""
    url = "wss://res.invalid/openai/v1/realtime?model=d"
    assert shown_url(AZURE, url) == f"{url}&api-key=%3CREDACTED%3E"
    assert shown_url(ENTRA, url) == f"{url}&Authorization=%3CREDACTED%3E"
    assert shown_url(OPENAI, url) == url
    shown = shown_url(AZURE, f"{url}&API-key=secret&authorization=secret")
    assert shown == f"{url}&api-key=%3CREDACTED%3E&Authorization=%3CREDACTED%3E"
