"""The same calls through OpenAI's package and through ours: the requests on the wire are the same. [REST]"""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import openai
import pytest

from tests.client.recording import Asked, Recording, Told, recording
from vivavoce import AzureClient, Client, VivavoceError
from vivavoce.server.tls import CertificateFiles, self_signed

KEY = "sk-0123456789abcdef"
ANSWER = Told(body="v=0\r\n")

MATTER = (
    "authorization",
    "api-key",
    "accept",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "openai-safety-identifier",
    "sec-websocket-protocol",
    "x-mine",
)


def essence(asked: Asked) -> dict[str, Any]:
    """What of a request the server looks at."""
    kind, _, boundary = asked.headers.get("content-type", "").partition(";")
    body: Any = asked.body
    if kind == "application/json" and asked.body:
        body = asked.json
    elif boundary:
        body = asked.parts
    return {
        "method": asked.method,
        "path": asked.path,
        "query": sorted(asked.query),
        "headers": {name: asked.headers[name] for name in MATTER if name in asked.headers},
        "type": kind if asked.body else None,  # of a body that there is not, nobody reads it
        "body": body,
    }


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_VERSION"):
        monkeypatch.delenv(name, raising=False)


SETTINGS: dict[str, Any] = {
    "organization": "org_1",
    "project": "proj_1",
    "default_headers": {"X-Mine": "a"},
    "default_query": {"region": "eu", "debug": True},
    "max_retries": 0,
}
SESSION: dict[str, Any] = {
    "type": "realtime",
    "model": "gpt-realtime",
    "instructions": "Bonjour, ça va?",
    "audio": {"output": {"voice": "marin", "speed": 1.25}, "input": {"turn_detection": None}},
    "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
}
EXTRAS: dict[str, Any] = {
    "extra_headers": {"OpenAI-Safety-Identifier": "hash", "x-mine": "b"},
    "extra_query": {"region": "us", "n": 1},
}

CALLS: dict[str, Any] = {
    "client_secrets": lambda rt: rt.client_secrets.create(session=SESSION),
    "client_secrets, nothing said": lambda rt: rt.client_secrets.create(),
    "client_secrets, all said": lambda rt: rt.client_secrets.create(
        expires_after={"anchor": "created_at", "seconds": 60},
        session={"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}},
        extra_body={"more": {"x": None}},
        **EXTRAS,
    ),
    "translations": lambda rt: rt.translations.client_secrets.create(
        session={"model": "gpt-realtime-translate", "audio": {"output": {"language": "de"}}},
        expires_after={"anchor": "created_at", "seconds": 60},
    ),
    "calls.create": lambda rt: rt.calls.create(sdp="v=0\r\no=ä\r\n"),
    "calls.create, with a session": lambda rt: rt.calls.create(sdp="v=0\r\n", session=SESSION, **EXTRAS),
    "calls.accept": lambda rt: rt.calls.accept("rtc_1", **SESSION),
    "calls.reject": lambda rt: rt.calls.reject("rtc_1"),
    "calls.reject, with a status": lambda rt: rt.calls.reject("rtc_1", status_code=486),
    "calls.refer": lambda rt: rt.calls.refer("rtc_1", target_uri="tel:+14155550123"),
    "calls.hangup": lambda rt: rt.calls.hangup("rtc_1", **EXTRAS),
    "a call with an odd name": lambda rt: rt.calls.hangup("rtc 1/2?3"),
}
BETA: dict[str, Any] = {
    "sessions": lambda rt: rt.sessions.create(
        model="gpt-4o-realtime-preview",
        modalities=["text", "audio"],
        voice="ash",
        temperature=0.7,
        turn_detection={"type": "server_vad"},
        client_secret={"expires_after": {"anchor": "created_at", "seconds": 60}},
    ),
    "sessions, nothing said": lambda rt: rt.sessions.create(),
    "transcription_sessions": lambda rt: rt.transcription_sessions.create(
        input_audio_format="g711_ulaw", input_audio_transcription={"model": "whisper-1"}, **EXTRAS
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Recording]:
    with recording(ANSWER) as running:
        yield running


def last_of(server: Recording, call: Any, client: Any) -> dict[str, Any]:
    before = len(server.asked)
    with client, suppress(openai.OpenAIError, VivavoceError, ValueError):  # the answer matters to nobody here
        call(client)
    assert len(server.asked) == before + 1
    return essence(server.last)


@pytest.mark.parametrize("name", CALLS)
def test_requests(server: Recording, name: str) -> None:
    settings = {"api_key": KEY, "base_url": f"{server.url}/v1", **SETTINGS}

    def call(client: Any) -> None:
        CALLS[name](client.realtime)

    assert last_of(server, call, Client(**settings)) == last_of(server, call, openai.OpenAI(**settings))


@pytest.mark.parametrize("name", BETA)
def test_requests_of_the_beta_dialect(server: Recording, name: str) -> None:
    settings = {"api_key": KEY, "base_url": f"{server.url}/v1/", **SETTINGS}

    def call(client: Any) -> None:
        BETA[name](client.beta.realtime)

    assert last_of(server, call, Client(**settings)) == last_of(server, call, openai.OpenAI(**settings))


@pytest.mark.parametrize(
    "credential",
    [
        {"api_key": "azure-key"},
        {"azure_ad_token": "token"},
        {"azure_ad_token_provider": lambda: "token"},
        {"api_key": lambda: "azure-key"},
    ],
)
@pytest.mark.parametrize("deployment", [None, "deployed"])
@pytest.mark.parametrize("name", ["client_secrets", "calls.create, with a session", "calls.hangup"])
def test_requests_to_azure(server: Recording, credential: Any, deployment: Any, name: str) -> None:
    settings: dict[str, Any] = {
        "azure_endpoint": f"{server.url}/",
        "azure_deployment": deployment,
        "api_version": "2025-04-01-preview",
        **credential,
        **SETTINGS,
    }

    def call(client: Any) -> None:
        CALLS[name](client.realtime)

    assert last_of(server, call, AzureClient(**settings)) == last_of(
        server, call, openai.AzureOpenAI(**settings)
    )


# WebSockets.


@pytest.fixture(scope="module")
def certificate() -> Iterator[CertificateFiles]:
    with self_signed() as files:
        yield files


@pytest.fixture(scope="module")
def trust(certificate: CertificateFiles) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate.certificate))


@pytest.fixture(scope="module")
def secure(certificate: CertificateFiles) -> Iterator[Recording]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.certificate, certificate.key)
    with recording(tls=tls) as running:
        yield running


def of_upgrade(asked: Asked) -> dict[str, Any]:
    """What of an upgrade request the server looks at: it has no body, and no use for `accept`."""
    found = essence(asked)
    found["headers"].pop("accept", None)
    return found


def upgrade(server: Recording, realtime: Any, trust: ssl.SSLContext | None, **arguments: Any) -> Any:
    """The upgrade request of OpenAI's asynchronous client."""

    async def connect() -> None:
        options = {"ssl": trust} if trust else {}
        async with realtime.connect(websocket_connection_options=options, **arguments):
            pass

    asyncio.run(connect())
    return of_upgrade(server.last)


def our_upgrade(
    server: Recording, realtime: Any, trust: ssl.SSLContext | None = None, **arguments: Any
) -> Any:
    """The upgrade request of our client without an event loop."""
    with realtime.connect(websocket_options={"ssl": trust} if trust else {}, **arguments):
        pass
    return of_upgrade(server.last)


@pytest.mark.parametrize(
    "arguments",
    [
        {"model": "gpt-realtime"},
        {"call_id": "rtc_1"},
        {"model": "m", "call_id": "rtc_1", "extra_query": {"call_id": "rtc_2"}},
        {"extra_query": {"intent": "transcription"}},
        {"model": "a b&c=ä", "extra_query": {"region": "us", "model": "other", "debug": False}},
        {"model": "m", "extra_headers": {"X-Mine": "b", "authorization": "Bearer ek_1"}},
    ],
)
@pytest.mark.parametrize("base", ["/v1", "/v1/?tenant=7&region=base"])
def test_connect(server: Recording, base: str, arguments: Any) -> None:
    """[P2, P3]"""
    settings = {"api_key": KEY, "base_url": server.url + base, **SETTINGS}
    theirs = upgrade(server, openai.AsyncOpenAI(**settings).realtime, None, **arguments)
    assert our_upgrade(server, Client(**settings).realtime, **arguments) == theirs


def test_connect_at_another_address(server: Recording) -> None:
    """[P2]"""

    async def key() -> str:
        return KEY

    settings = {
        "base_url": "https://realtime.invalid/v1",
        "websocket_base_url": f"{server.url.replace('http', 'ws')}/other",
        **SETTINGS,
    }
    theirs = upgrade(server, openai.AsyncOpenAI(api_key=key, **settings).realtime, None, model="m")
    assert theirs["path"] == "/other/realtime"
    assert our_upgrade(server, Client(lambda: KEY, **settings).realtime, model="m") == theirs


@pytest.mark.parametrize(
    "arguments",
    [
        {"model": "gpt-4o-realtime-preview"},
        {"model": "a b", "extra_query": {"region": "us", "model": "other"}},
        {"model": "m", "extra_headers": {"openai-beta": "realtime=v2", "X-Mine": "b"}},
    ],
)
def test_connect_in_the_beta_dialect(secure: Recording, trust: ssl.SSLContext, arguments: Any) -> None:
    """[P2, P3]"""
    settings = {"api_key": KEY, "base_url": f"{secure.url}/v1?region=base", **SETTINGS}
    theirs = upgrade(secure, openai.AsyncOpenAI(**settings).beta.realtime, trust, **arguments)
    assert our_upgrade(secure, Client(**settings).beta.realtime, trust, **arguments) == theirs


@pytest.mark.parametrize("credential", [{"api_key": "azure-key"}, {"azure_ad_token": "token"}])
@pytest.mark.parametrize("deployment", [None, "deployed"])
def test_connect_to_azure_in_the_beta_dialect(
    secure: Recording, trust: ssl.SSLContext, credential: Any, deployment: str | None
) -> None:
    """[P4]"""
    settings: dict[str, Any] = {
        "azure_endpoint": secure.url,
        "azure_deployment": deployment,
        "api_version": "2024-10-01-preview",
        **credential,
        **SETTINGS,
    }
    arguments: dict[str, Any] = {"model": "m", "extra_query": {"x": 1}}
    theirs = upgrade(secure, openai.AsyncAzureOpenAI(**settings).beta.realtime, trust, **arguments)
    assert our_upgrade(secure, AzureClient(**settings).beta.realtime, trust, **arguments) == theirs
