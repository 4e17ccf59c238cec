"""Every way in which a connection can fail to come about, and what is said about it."""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import traceback
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

import vivavoce.client
from tests.client.peer import SESSION_CREATED, as_json, handshake_answer, peer, raw_peer
from vivavoce import AsyncClient, Client, StatusError, VivavoceError
from vivavoce.client import (
    AsyncConnect,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConnectError,
    ConnectionRefused,
    ConnectTimeout,
    HandshakeFailed,
    HostNotFound,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    TLSFailure,
    WebSocketOptions,
)
from vivavoce.protocol import SessionCreated
from vivavoce.server.tls import CertificateFiles, self_signed

KEY = "sk-very-secret-key-of-mine"


async def attempt(base_url: str, options: WebSocketOptions | None = None, **more: Any) -> VivavoceError:
    """The exception of an attempt to connect, after a look for the key in everything that could be printed of
    it."""
    with pytest.raises(VivavoceError) as failed:
        await (
            AsyncClient(api_key=KEY, base_url=base_url)
            .realtime.connect(websocket_options=options, **more)
            .enter()
        )
    printed = (
        "".join(traceback.format_exception(failed.value)) + repr(failed.value) + repr(vars(failed.value))
    )
    assert KEY not in printed
    sentence = str(failed.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return failed.value


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_nothing_listens(host: str) -> None:
    where = f"{host}:{free_port()}"
    error = await attempt(f"ws://{where}/v1")
    assert isinstance(error, ConnectionRefused)
    assert str(error) == (
        f"Nothing listens at {where} (connection refused): start the server, or check base_url."
    )
    assert isinstance(error, ConnectError)
    assert isinstance(error, OSError)


async def test_unreachable_address() -> None:
    error = await attempt("ws://255.255.255.255:9/v1")
    assert isinstance(error, ConnectionRefused)
    assert "255.255.255.255:9 cannot be reached (" in str(error)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".invalid"])
async def test_unknown_host(host: str) -> None:
    error = await attempt(f"https://{host}/v1")
    assert isinstance(error, HostNotFound)
    assert str(error) == f"The host name {host} cannot be resolved: check base_url and the network."


async def test_no_answer() -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_peer(ignore, accept=False) as url:
        error = await attempt(url, {"open_timeout": 0.05})
    assert isinstance(error, ConnectTimeout)
    assert "did not answer in time" in str(error)


async def test_cancelling_the_handshake() -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_peer(ignore, accept=False) as url:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await AsyncClient(KEY, url).realtime.connect().enter()


# Answers that are refusals.

ERROR_BODY = as_json(
    {"error": {"message": "Not you.", "type": "invalid_request_error", "code": "nope", "param": "model"}}
)


def refusal(status: int, body: str = "", **headers: str) -> Any:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        fields = Headers({"Content-Length": str(len(body.encode())), **headers})
        return Response(status, HTTPStatus(status).phrase, fields, body.encode())

    return refuse


async def never(websocket: ServerConnection) -> None:
    raise AssertionError("the handshake was refused")


@pytest.mark.parametrize(
    ("status", "kind", "remedy"),
    [
        (400, BadRequestError, "check base_url and the query parameters"),
        (401, AuthenticationError, "check api_key"),
        (403, PermissionDeniedError, "check what api_key may do"),
        (404, NotFoundError, "check base_url, the model and the call"),
        (429, RateLimitError, "wait, or check the quota"),
        (500, ServerError, "try again in a while"),
        (503, ServerError, "try again in a while"),
    ],
)
async def test_refused_with_a_status(status: int, kind: type[StatusError], remedy: str) -> None:
    refuse = refusal(status, ERROR_BODY, **{"x-request-id": "req_7"})
    async with peer(never, process_request=refuse) as url:
        error = await attempt(url)
    assert type(error) is kind
    where = url.removeprefix("http://").removesuffix("/v1")
    phrase = HTTPStatus(status).phrase
    assert str(error) == f"{where} refused the connection with HTTP {status} {phrase}: Not you ({remedy})."
    assert isinstance(error, StatusError)
    assert (error.status, error.type, error.code, error.param) == (
        status,
        "invalid_request_error",
        "nope",
        "model",
    )
    assert error.request_id == "req_7"
    assert error.body == ERROR_BODY


@pytest.mark.parametrize(
    "body", ["", "<html>Go away</html>", '{"error": "no"}', '{"error": {"message": 7}}', "[[["]
)
async def test_refused_without_an_error_object(body: str) -> None:
    async with peer(never, process_request=refusal(404, body)) as url:
        error = await attempt(url)
    assert isinstance(error, NotFoundError)
    assert "HTTP 404 Not Found (check" in str(error)
    assert (error.type, error.code, error.param, error.request_id) == (None, None, None, None)
    assert error.body == body


async def test_a_body_that_quotes_the_key_is_masked() -> None:
    body = as_json({"error": {"message": f"Incorrect API key provided: {KEY}."}})
    async with peer(never, process_request=refusal(401, body)) as url:
        error = await attempt(url, extra_headers={"x-trace": "", "API-Key": ""})
    assert "Incorrect API key provided: … (check api_key)" in str(error)


async def test_redirects_are_not_followed() -> None:
    """The key must not travel to another origin, nor over an insecure connection."""

    async def elsewhere(websocket: ServerConnection) -> None:
        reached.append(websocket)

    reached: list[ServerConnection] = []
    async with peer(elsewhere) as other:
        target = f"{other.replace('http', 'ws')}/realtime?x={KEY}"
        async with peer(never, process_request=refusal(307, Location=target)) as url:
            error = await attempt(url)
    assert isinstance(error, StatusError)
    host = other.removeprefix("http://").removesuffix("/v1")
    assert f"HTTP 307 Temporary Redirect (it redirects to {host}; set base_url" in str(error)
    assert reached == []


async def test_status_that_has_no_name() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 499 Tired\r\nContent-Length: 3\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(b"no.")

    async with raw_peer(refuse, accept=False) as url:
        error = await attempt(url)
    assert isinstance(error, StatusError)
    assert "with HTTP 499 (check" in str(error)
    assert error.body == "no."


# Answers of something else than a Realtime server.


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: AAAA\r\n\r\n",
    ],
    ids=["nothing", "SSH", "another upgrade", "a wrong answer to the key"],
)
async def test_no_websocket_server(answer: bytes) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async with raw_peer(reply, accept=False) as url:
        error = await attempt(url)
    assert isinstance(error, HandshakeFailed)
    assert "does not answer as a WebSocket server (" in str(error)


async def test_a_proxy_that_refuses() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"CONNECT 127.0.0.1:9 HTTP/1.1")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    async with raw_peer(refuse, accept=False) as url:
        error = await attempt("ws://127.0.0.1:9/v1", {"proxy": url.removesuffix("/v1")})
    assert isinstance(error, HandshakeFailed)
    assert "proxy" in str(error)


async def test_through_a_proxy() -> None:
    """A tunnel: the handshake and the key pass through it untouched."""

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        request = await reader.readuntil(b"\r\n\r\n")
        seen.append(request)
        writer.write(handshake_answer(request))
        await reader.read()

    seen: list[bytes] = []
    async with raw_peer(tunnel, accept=False) as url:
        proxied = AsyncClient(KEY, "http://realtime.invalid/v1").realtime.connect(
            websocket_options={"proxy": url.removesuffix("/v1"), "close_timeout": 0.05}
        )
        async with proxied:
            pass
    assert seen[0].startswith(b"GET /v1/realtime HTTP/1.1\r\nHost: realtime.invalid\r\n")


@pytest.mark.parametrize(
    "options",
    [{"compression": "brotli"}, {"subprotocols": ["no spaces allowed"]}, {"proxy": "gopher://x"}],
    ids=lambda options: next(iter(options)),
)
async def test_options_that_make_no_sense(options: Any) -> None:
    error = await attempt("ws://127.0.0.1:9/v1", options)
    assert isinstance(error, (ConfigurationError, HandshakeFailed))


async def test_an_ssl_context_without_tls() -> None:
    error = await attempt("ws://127.0.0.1:9/v1", {"ssl": ssl.create_default_context()})
    assert isinstance(error, ConfigurationError)
    assert "ssl" in str(error)


@pytest.mark.parametrize("kind", [AsyncClient, Client])
async def test_a_server_that_repeats_a_key_from_a_subprotocol(kind: type[AsyncClient | Client]) -> None:
    refuse = refusal(401, f"No, {KEY}!")
    async with peer(never, process_request=refuse) as url:
        connecting = kind("", url).realtime.connect(
            websocket_options={"subprotocols": ["realtime", f"openai-insecure-api-key.{KEY}"]}
        )
        with pytest.raises(AuthenticationError) as refused:
            await (
                connecting.enter()
                if isinstance(connecting, AsyncConnect)
                else asyncio.to_thread(connecting.enter)
            )
    assert refused.value.body == "No, …!"


# TLS.


@pytest.fixture(scope="module")
def certificate() -> Iterator[CertificateFiles]:
    with self_signed() as files:
        yield files


@pytest.fixture
def tls(certificate: CertificateFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context


async def greet(websocket: ServerConnection) -> None:
    await websocket.send(as_json(SESSION_CREATED))
    await websocket.wait_closed()


async def test_over_tls_with_a_certificate_of_its_own(
    tls: ssl.SSLContext, certificate: CertificateFiles
) -> None:
    trust = ssl.create_default_context(cafile=str(certificate.certificate))
    async with peer(greet, tls=tls) as url:
        for scheme in ("https", "wss"):
            client = AsyncClient(KEY, url.replace("https", scheme))
            async with client.realtime.connect(websocket_options={"ssl": trust}) as rt:
                assert isinstance(await rt.recv(), SessionCreated)


async def test_a_certificate_that_nobody_trusts(tls: ssl.SSLContext) -> None:
    async with peer(never, tls=tls) as url:
        error = await attempt(url)
    assert isinstance(error, TLSFailure)
    assert "is not trusted (self-signed certificate): if it is your own" in str(error)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["complaint", "silence"])
async def test_tls_where_the_server_speaks_plain_http(answer: bytes) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(answer)

    async with raw_peer(reply, accept=False) as url:
        error = await attempt(url.replace("http", "https"))
    assert isinstance(error, TLSFailure)
    assert "if the server speaks plain HTTP, begin base_url with http:// or ws://." in str(error)


async def test_plain_http_where_the_server_speaks_tls(tls: ssl.SSLContext) -> None:
    async with peer(never, tls=tls) as url:
        error = await attempt(url.replace("https", "http"))
    assert isinstance(error, (HandshakeFailed, ConnectionRefused))


# Importing.


def modules_after(statement: str) -> set[str]:
    """What is loaded after this, in an interpreter that nobody measures: to measure is to import."""
    script = f"import sys\n{statement}\nprint(*sys.modules)"
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=unmeasured
    )
    return set(run.stdout.split())


def test_importing_the_client_imports_nothing_heavy() -> None:
    loaded = modules_after("from vivavoce import AsyncClient; AsyncClient(api_key='x')")
    heavy = {"msgspec", "websockets", "httpx", "asyncio", "ssl", "numpy", "typing", "vivavoce.protocol"}
    assert not loaded & heavy


def test_clients_of_every_kind_and_their_requests_import_httpx_at_the_first_request() -> None:
    azure = "AzureClient(azure_endpoint='https://x', api_key='x')"
    statement = f"from vivavoce import AzureClient, Client; c = {azure}; Client('x').webhooks"
    assert not modules_after(f"from vivavoce import AzureClient; {azure}") & {"msgspec", "httpx", "typing"}
    loaded = modules_after(
        f"{statement}; c.realtime.client_secrets; c.beta.realtime.sessions; c.http; c.close()"
    )
    assert "vivavoce.client.http" in loaded
    assert "httpx" not in loaded


def test_connecting_needs_no_http_client() -> None:
    loaded = modules_after("from vivavoce import AsyncClient; AsyncClient('x').realtime.connect(model='m')")
    assert "websockets" in loaded
    assert not loaded & {"httpx", "numpy", "vivavoce.session", "vivavoce.server", "vivavoce.engines"}


@pytest.mark.parametrize("module", [vivavoce, vivavoce.client], ids=["vivavoce", "client"])
def test_every_public_name_is_there(module: ModuleType) -> None:
    assert set(module.__all__) <= set(dir(module))
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = module.nothing


def test_the_room_keeps_to_its_dependencies() -> None:
    """The base install has only these."""
    names = modules_after("import vivavoce.client as m\nfor n in m.__all__: getattr(m, n)")
    site = {name.partition(".")[0] for name in names if not name.startswith(("_", "vivavoce"))}
    foreign = {name for name in site if _is_third_party(name)}
    assert foreign <= {"msgspec", "pybase64", "websockets", "httpx", "typing_extensions"}


def _is_third_party(name: str) -> bool:
    return name not in sys.stdlib_module_names and any(
        Path(folder, name).exists() or Path(folder, f"{name}.py").exists()
        for folder in sys.path
        if folder.endswith("site-packages") and os.path.isdir(folder)
    )
