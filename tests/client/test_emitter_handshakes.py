"""Where the emitter classes connect to and how they introduce themselves, as a server sees it. Numbers in
brackets are those of the behaviours to keep."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import openai
import pytest
from websockets.asyncio.server import ServerConnection
from websockets.typing import Subprotocol

from tests.client.emitters import NATIVE, WS, EmitterClass, all_emitters, name_of
from tests.client.peer import peer, raw_peer
from vivavoce import AsyncClient
from vivavoce.client import AsyncAzureClient, ConfigurationError, KeyFunctionFailed, browser_socket
from vivavoce.client.beta.websocket import OpenAIRealtimeWebSocket as BetaWebSocket
from vivavoce.client.beta.ws import OpenAIRealtimeWS as BetaWS
from vivavoce.client.websocket import OpenAIRealtimeWebSocket
from vivavoce.client.ws import OpenAIRealtimeWS

GA: tuple[EmitterClass, ...] = (OpenAIRealtimeWS, OpenAIRealtimeWebSocket)
BETA: tuple[EmitterClass, ...] = (BetaWS, BetaWebSocket)

only_ga = pytest.mark.parametrize("emitter", GA, ids=name_of)
only_beta = pytest.mark.parametrize("emitter", BETA, ids=name_of)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)


class Seen:
    """The handshake of the last connection."""

    def __init__(self) -> None:
        self.path = ""
        self.query: dict[str, str] = {}
        self.headers: Any = {}
        self.protocols: list[str] = []

    async def __call__(self, websocket: ServerConnection) -> None:
        assert websocket.request is not None
        parts = urlsplit(websocket.request.path)
        self.path, self.query = parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))
        self.headers = websocket.request.headers
        self.protocols = [
            each.strip() for each in self.headers.get("Sec-WebSocket-Protocol", "").split(",") if each
        ]


async def handshake(make: Callable[[str], Any | Awaitable[Any]]) -> Seen:
    """What a server sees of a connection that `make` opens to it."""
    seen = Seen()
    async with peer(seen, subprotocols=[Subprotocol("realtime")], select_subprotocol=_no_matter) as url:
        rt = make(url)
        if isinstance(rt, Awaitable):
            rt = await rt
        errors: list[Any] = []
        rt.on("error", errors.append)
        await rt.socket.wait_closed()
    assert errors == []
    return seen


def _no_matter(websocket: ServerConnection, offered: Any) -> Subprotocol | None:
    return Subprotocol("realtime") if "realtime" in offered else None


def to(url: str, **options: Any) -> AsyncClient:
    return AsyncClient("sk-test", url, **options)


@only_ga
@pytest.mark.parametrize(
    ("target", "query"),
    [
        ({"model": "gpt-realtime"}, {"model": "gpt-realtime"}),
        ({"call_id": "rtc_1"}, {"call_id": "rtc_1"}),
        ({"intent": "transcription"}, {"intent": "transcription"}),
    ],
)
async def test_targets(emitter: EmitterClass, target: Any, query: Any) -> None:
    """[E14]"""
    seen = await handshake(lambda url: emitter(client=to(url), **target))
    assert (seen.path, seen.query) == ("/v1/realtime", query)


@only_ga
@pytest.mark.parametrize(
    "target",
    [
        {},
        {"model": ""},
        {"call_id": ""},
        {"intent": ""},
        {"intent": "conversation"},
        {"model": "m", "call_id": "c"},
        {"model": "m", "intent": "transcription"},
        {"model": "", "call_id": "c"},
    ],
)
async def test_targets_that_are_not_exactly_one(emitter: EmitterClass, target: Any) -> None:
    """[E14]"""
    with pytest.raises(ConfigurationError, match=r"Pass exactly one of `model`, `call_id`, or transcription"):
        emitter(client=to("http://127.0.0.1:1/v1"), **target)


@only_beta
async def test_targets_of_the_beta_dialect(emitter: EmitterClass) -> None:
    """[E15]"""
    seen = await handshake(lambda url: emitter(client=to(f"{url}/?call_id=old&kept=1"), model="m"))
    assert (seen.path, seen.query) == ("/v1/realtime", {"kept": "1", "model": "m"})
    seen = await handshake(lambda url: emitter(client=to(url), call_id="c"))
    assert seen.query == {"call_id": "c"}
    for target in ({}, {"model": ""}, {"model": "m", "call_id": "c"}):
        with pytest.raises(ConfigurationError, match=r"^Pass exactly one of `model` or `call_id` when"):
            emitter(client=to("http://127.0.0.1:1/v1"), **target)


@all_emitters
async def test_far_away_it_is_always_wss(emitter: EmitterClass) -> None:
    """[E15]"""
    rt = emitter(client=to("http://api.example/v1"), model="m")
    rt.on("error", lambda _: None)
    assert rt.url == "wss://api.example/v1/realtime?model=m"
    rt.close()
    await rt.socket.wait_closed()


@only_ga
async def test_a_url_of_the_programs_own(emitter: EmitterClass) -> None:
    """[E16]"""
    given: list[Any] = []
    client = to("http://127.0.0.1:1/v1")

    def build(*said: Any) -> str:
        given.extend(said)
        return given_url

    given_url = "http://127.0.0.1:1/x"
    with pytest.raises(ConfigurationError, match="Pass exactly one"):
        emitter(client=client, model="m", call_id="c", build_realtime_url=build)
    assert given == [], "the target is looked at first"
    with pytest.raises(ConfigurationError, match="must use the wss: protocol"):
        emitter(client=client, model="m", build_realtime_url=build)
    assert given[0] is client
    assert given[1].model == "m"

    def make(url: str) -> Any:
        nonlocal given_url
        given_url = url.replace("http", "ws").replace("/v1", "/elsewhere?own=1")
        return emitter.create(client, call_id="c", build_realtime_url=build)  # type: ignore[call-arg]

    seen = await handshake(make)
    assert (seen.path, seen.query) == ("/elsewhere", {"own": "1"})


@pytest.mark.parametrize("emitter", WS, ids=name_of)
async def test_headers(emitter: EmitterClass) -> None:
    """[E17]"""
    options = {"headers": {"X-Own": "1", "authorization": "Bearer mine", "OpenAI-Beta": "other"}}
    seen = await handshake(lambda url: emitter(client=to(url), model="m", options=options))
    assert seen.headers["X-Own"] == "1"
    assert seen.headers.get_all("Authorization") == ["Bearer sk-test"]
    assert seen.headers.get_all("OpenAI-Beta") == (["realtime=v1"] if emitter in BETA else ["other"])
    assert seen.protocols == []


@all_emitters
async def test_a_redirect_is_not_followed(emitter: EmitterClass) -> None:
    """[E17]"""
    reached: list[bytes] = []
    errors: list[Any] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.readline())

    async with raw_peer(listen, accept=False) as elsewhere:

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            target = elsewhere.replace("http", "ws").encode()
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % target)

        async with raw_peer(redirect, accept=False) as url:
            rt = emitter(client=to(url), model="m")
            rt.on("error", errors.append)
            await rt.socket.wait_closed()
    assert reached == []
    assert ["HTTP 302" in error.message for error in errors] == [True]


@pytest.mark.parametrize("emitter", NATIVE, ids=name_of)
async def test_subprotocols(emitter: EmitterClass) -> None:
    """[E18]"""
    seen = await handshake(lambda url: emitter(client=to(url), model="m"))
    beta = ["openai-beta.realtime-v1"] if emitter in BETA else []
    assert seen.protocols == ["realtime", "openai-insecure-api-key.sk-test", *beta]
    assert "Authorization" not in seen.headers
    assert "OpenAI-Beta" not in seen.headers
    seen = await handshake(
        lambda url: emitter(client=to(url, organization="org_1", project="proj_1"), model="m")
    )
    assert seen.protocols[2:4] == ["openai-organization.org_1", "openai-project.proj_1"]


@pytest.mark.parametrize("emitter", NATIVE, ids=name_of)
async def test_a_browser_gets_no_full_key(emitter: EmitterClass, monkeypatch: pytest.MonkeyPatch) -> None:
    """[E18]"""
    monkeypatch.setattr(browser_socket, "PLATFORM", "emscripten")
    with pytest.raises(ConfigurationError, match="in a browser-like environment"):
        emitter(client=to("http://127.0.0.1:1/v1"), model="m")
    with pytest.raises(ConfigurationError, match="in a browser-like environment"):
        await emitter.create(to("http://127.0.0.1:1/v1"), model="m")


@all_emitters
async def test_a_function_for_the_key(emitter: EmitterClass) -> None:
    """[E19]"""
    keys = iter(["sk-1", "sk-2"])

    async def fetch() -> str:
        return next(keys)

    def client(url: str) -> AsyncClient:
        return AsyncClient(fetch, url)

    with pytest.raises(ConfigurationError) as refused:
        emitter(client=client("http://127.0.0.1:1/v1"), model="m")
    assert str(refused.value) == (
        "Cannot open Realtime WebSocket with a function-based api_key.\n"
        "Use the .create() method so that the key is resolved before connecting."
    )
    for key in ("sk-1", "sk-2"):
        seen = await handshake(lambda url: emitter.create(client(url), model="m"))
        sent = [seen.headers.get("Authorization", ""), *seen.protocols]
        assert any(each.endswith(key) for each in sent)


@all_emitters
async def test_a_function_for_the_key_that_raises(emitter: EmitterClass) -> None:
    def fail() -> str:
        raise LookupError("sk-secret")

    with pytest.raises(KeyFunctionFailed, match="LookupError") as failed:
        await emitter.create(AsyncClient(fail, "http://127.0.0.1:1/v1"), model="m")
    assert "sk-secret" not in str(failed.value)


@all_emitters
async def test_no_key_at_all(emitter: EmitterClass) -> None:
    with pytest.raises(ConfigurationError, match="There is no API key"):
        emitter(model="m")
    seen = await handshake(lambda url: emitter(client=AsyncClient(None, url), model="m"))
    assert "Authorization" not in seen.headers
    assert not any("key" in protocol for protocol in seen.protocols)


# Azure.


def azure(url: str, **options: Any) -> AsyncAzureClient:
    options = options or {"api_key": "azure-key"}
    return AsyncAzureClient(base_url=url.replace("/v1", "//openai"), azure_deployment="dep", **options)


@only_ga
@pytest.mark.parametrize(
    ("target", "query"),
    [
        ({}, {"model": "dep"}),
        ({"deployment_name": "other"}, {"model": "other"}),
        ({"call_id": "rtc_1"}, {"call_id": "rtc_1"}),
        ({"intent": "transcription"}, {"intent": "transcription"}),
    ],
)
async def test_azure(emitter: EmitterClass, target: Any, query: Any) -> None:
    """[E20]"""
    seen = await handshake(lambda url: emitter.azure(azure(url), **target))
    assert (seen.path, seen.query) == ("/openai/v1/realtime", query)
    assert seen.headers["api-key"] == "azure-key"
    assert "Authorization" not in seen.headers


@only_ga
async def test_azure_with_tokens(emitter: EmitterClass) -> None:
    """[E20]"""

    async def token() -> str:
        return "entra"

    seen = await handshake(lambda url: emitter.azure(azure(url, azure_ad_token_provider=token)))
    assert seen.headers["Authorization"] == "Bearer entra"
    assert "api-key" not in seen.headers


@only_ga
async def test_azures_refusals(emitter: EmitterClass) -> None:
    """[E20]"""
    client = azure("http://127.0.0.1:1/v1")
    with pytest.raises(ConfigurationError, match="Pass exactly one of `deployment_name`, `call_id`, or"):
        await emitter.azure(client, deployment_name="d", call_id="c")  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="No deployment name provided"):
        await emitter.azure(client, deployment_name="")
    with pytest.raises(ConfigurationError, match="Azure OpenAI Realtime requires an API key"):
        await emitter.azure(azure("http://127.0.0.1:1/v1", api_key=""))


@only_beta
async def test_azure_in_the_beta_dialect(emitter: EmitterClass) -> None:
    """[E21]"""

    def client(url: str) -> AsyncAzureClient:
        return azure(url, api_key="azure-key", api_version="2024-10-01-preview")

    seen = await handshake(lambda url: emitter.azure(client(url.replace("/v1", "/x")), deployment_name="d"))
    assert seen.path.endswith("/realtime")
    assert seen.query == {"api-version": "2024-10-01-preview", "deployment": "d"}
    assert seen.headers["api-key"] == "azure-key"
    with pytest.raises(ConfigurationError, match="`call_id` connections require the stable"):
        emitter(client=client("http://127.0.0.1:1/v1"), call_id="c")


@pytest.mark.parametrize("emitter", NATIVE, ids=name_of)
async def test_azures_credentials_are_in_no_url(
    emitter: EmitterClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[E22]"""
    urls: list[str] = []

    def make(url: str, **credential: Any) -> Any:
        client = azure(url, api_version="v", **credential)

        async def opened() -> Any:
            rt = await emitter.azure(client)
            urls.append(rt.url)
            return rt

        return opened()

    seen = await handshake(lambda url: make(url, api_key="azure-key"))
    assert "azure-key" not in str(seen.query)
    assert seen.protocols[0] == "realtime"
    assert not any("key" in protocol for protocol in seen.protocols)
    await handshake(lambda url: make(url, azure_ad_token="entra"))
    assert "api-key=%3CREDACTED%3E" in urls[0]
    assert "Authorization=%3CREDACTED%3E" in urls[1]
    monkeypatch.setattr(browser_socket, "PLATFORM", "emscripten")
    with pytest.raises(ConfigurationError, match="supports request headers"):
        await emitter.azure(
            azure("http://127.0.0.1:1/v1", api_key="k", api_version="v"), dangerously_allow_browser=True
        )


@all_emitters
async def test_clients_of_the_official_package_are_welcome(emitter: EmitterClass) -> None:
    async with openai.AsyncOpenAI(api_key="sk-official") as client:

        def make(url: str) -> Any:
            return emitter(client=client.with_options(base_url=url), model="m")

        seen = await handshake(make)
    sent = [seen.headers.get("Authorization", ""), *seen.protocols]
    assert any(each.endswith("sk-official") for each in sent)


def test_the_websocket_needs_neither_websockets_nor_httpx() -> None:
    program = (
        "import sys, vivavoce.client.websocket, vivavoce.client.beta.websocket;"
        "print(sorted({'websockets', 'httpx', 'numpy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
