"""What a client tells a server before the first event. Numbers in brackets are those of the behaviours to
keep."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers

from tests.client.peer import peer
from vivavoce import AsyncClient, __version__
from vivavoce.client import ConfigurationError


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)


class Seen:
    path = ""
    query: Mapping[str, str] = {}
    headers = Headers()

    async def __call__(self, websocket: ServerConnection) -> None:
        assert websocket.request is not None
        parts = urlsplit(websocket.request.path)
        self.path, self.query = parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))
        self.headers = websocket.request.headers


async def test_key_and_address_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen()
    async with peer(seen) as url:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-environment\n")
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_ORG_ID", "org_1")
        monkeypatch.setenv("OPENAI_PROJECT_ID", "proj_1")
        async with AsyncClient().realtime.connect(model="gpt-realtime"):
            pass
    assert seen.path == "/v1/realtime"
    assert seen.query == {"model": "gpt-realtime"}
    assert seen.headers["Authorization"] == "Bearer sk-environment"
    assert seen.headers["OpenAI-Organization"] == "org_1"
    assert seen.headers["OpenAI-Project"] == "proj_1"
    assert seen.headers["User-Agent"].startswith(f"vivavoce/{__version__} Python/")


async def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen()
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "of the environment")
    async with peer(seen) as url:
        client = AsyncClient("sk-given", url, organization="org_2", project="proj_2")
        async with client.realtime.connect():
            pass
    assert seen.headers["Authorization"] == "Bearer sk-given"
    assert seen.headers["OpenAI-Organization"] == "org_2"
    assert seen.headers["OpenAI-Project"] == "proj_2"


async def test_headers_of_the_call_win_over_those_of_the_client() -> None:
    """[P3]"""
    seen = Seen()
    async with peer(seen) as url:
        client = AsyncClient(
            "sk-1", url, default_headers={"x-a": "client", "x-b": "client", "user-agent": "mine"}
        )
        async with client.realtime.connect(extra_headers={"X-B": "call", "authorization": "Bearer ek_1"}):
            pass
    assert seen.headers.get_all("x-a") == ["client"]
    assert seen.headers.get_all("x-b") == ["call"]
    assert seen.headers.get_all("user-agent") == ["mine"]
    assert seen.headers.get_all("authorization") == ["Bearer ek_1"]


@pytest.mark.parametrize(
    ("base", "arguments", "path", "query"),
    [
        ("", {"model": "m"}, "/realtime", {"model": "m"}),
        ("/v1/", {"model": "m"}, "/v1/realtime", {"model": "m"}),
        ("/a/b?tenant=7&model=x", {"model": "m"}, "/a/b/realtime", {"tenant": "7", "model": "m"}),
        ("/v1", {"extra_query": {"intent": "transcription"}}, "/v1/realtime", {"intent": "transcription"}),
        ("/v1", {"model": "m", "extra_query": {"model": "other"}}, "/v1/realtime", {"model": "other"}),
        (
            "/v1",
            {"call_id": "rtc_1", "extra_query": {"call_id": "rtc_2", "debug": True, "n": 1}},
            "/v1/realtime",
            {"call_id": "rtc_1", "debug": "true", "n": "1"},
        ),
        ("/v1", {"model": "a b&c=ä"}, "/v1/realtime", {"model": "a b&c=ä"}),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_the_url(scheme: str, base: str, arguments: Any, path: str, query: Mapping[str, str]) -> None:
    """[P2]"""
    seen = Seen()
    async with peer(seen) as url:
        address = url.removesuffix("/v1").replace("http", scheme)
        async with AsyncClient("sk", address + base).realtime.connect(**arguments):
            pass
    assert (seen.path, seen.query) == (path, query)


async def test_a_subprotocol() -> None:
    async def behave(websocket: ServerConnection) -> None:
        chosen.append(websocket.subprotocol)

    chosen: list[str | None] = []
    async with peer(behave, subprotocols=["realtime"]) as url:
        client = AsyncClient("", url)
        offers = ["realtime", "openai-insecure-api-key.sk-1"]
        async with client.realtime.connect(websocket_options={"subprotocols": offers}):
            pass
    assert chosen == ["realtime"]


# Keys.


@pytest.mark.parametrize("key", [None, ""])
async def test_a_server_on_this_machine_needs_no_key(key: str | None) -> None:
    seen = Seen()
    async with peer(seen) as url:
        async with AsyncClient(key, url).realtime.connect():
            pass
    assert "Authorization" not in seen.headers


@pytest.mark.parametrize(
    "base_url", [None, "https://realtime.invalid/v1", "ws://192.0.2.1:8000/v1", "https://localhost.invalid"]
)
async def test_any_other_server_wants_one(base_url: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"There is no API key for .*: pass api_key or set OPENAI"):
        await AsyncClient(base_url=base_url).realtime.connect(model="m").enter()


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        (AsyncClient("", "https://realtime.invalid/v1"), {}),
        (AsyncClient("sk", "https://realtime.invalid/v1"), {}),
        (AsyncClient(base_url="https://realtime.invalid", default_headers={"API-Key": "k"}), {}),
        (AsyncClient(base_url="https://realtime.invalid"), {"authorization": "Bearer k"}),
    ],
)
def test_what_counts_as_a_key(client: AsyncClient, headers: dict[str, str]) -> None:
    client.endpoint().headers(headers)


# Settings that cannot work.


@pytest.mark.parametrize(
    ("base_url", "complaint"),
    [
        ("localhost:8000", "must begin with"),
        ("ftp://example.com", "must begin with"),
        ("https://", "must begin with"),
        ("https:///v1", "must begin with"),
        ("http://[::1", "is not a URL"),
        ("http://host:99999", "is not a URL"),
        ("http://host:http", "is not a URL"),
        ("https://me:secret@host/v1", "leave them out"),
        ("gopher://host?api-key=secret", "must begin with"),
    ],
)
def test_base_urls_that_cannot_be_used(base_url: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as refused:
        AsyncClient("sk", base_url).endpoint()
    assert "secret" not in str(refused.value)
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"api_key": "sk-secret\nX-Evil: 1"}, "header Authorization holds a line break"),
        ({"default_headers": {"X-Note": "secret\r\n"}}, "header X-Note holds"),
        ({"default_headers": {"X-Note": "secret 语"}}, "header X-Note holds"),
        ({"default_headers": {"X Note:": "secret"}}, "'X Note:' cannot be the name of a header"),
        ({"default_headers": {"": "secret"}}, "'' cannot be the name of a header"),
    ],
)
def test_headers_that_http_forbids(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as refused:
        AsyncClient(**{"api_key": "sk", "base_url": "https://x.invalid", **arguments}).endpoint()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "client",
    [
        AsyncClient("sk-secret", "https://example.com/v1?api-key=secret"),
        AsyncClient("sk-secret", "https://me:secret@example.com/v1"),
        AsyncClient(base_url="https://example.com/v1"),
    ],
)
def test_no_secret_is_shown(client: AsyncClient) -> None:
    assert "example.com/v1" in repr(client)
    assert "secret" not in repr(client)


def test_an_endpoint_shows_its_host_only() -> None:
    assert (
        repr(AsyncClient("sk-secret", "https://example.com/v1?k=secret").endpoint())
        == "Endpoint('example.com')"
    )
