"""The connection to an MCP server, against real ones in processes of their own."""

import asyncio
import json
import os
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from tests.mcp_server import ToolServer, tool_server
from vivavoce.protocol import (
    McpError,
    McpHttpError,
    McpProtocolError,
    McpTool,
    McpToolExecutionError,
)
from vivavoce.server.config import McpSettings
from vivavoce.server.mcp.errors import ToolError
from vivavoce.server.mcp.link import Link
from vivavoce.server.mcp.reach import Reach
from vivavoce.server.tls import self_signed

HOME = McpSettings(allow_private=True, allow_http=True)


def answered(status: str, body: str, *headers: str) -> bytes:
    """An HTTP answer."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


NOT_FOUND = answered("404 Not Found", "")
JSON = "Content-Type: application/json"
INVALID_REQUEST = '{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"No"}}'


@asynccontextmanager
async def http_server(
    visits: list[bytes], context: ssl.SSLContext | None = None, answer: bytes = NOT_FOUND
) -> AsyncIterator[int]:
    """A server that gives everybody this answer, and notes who came. Yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            visits.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture(scope="module")
def modern() -> Iterator[ToolServer]:
    with tool_server() as server:
        yield server


@pytest.fixture(scope="module")
def legacy() -> Iterator[ToolServer]:
    with tool_server("--legacy") as server:
        yield server


@pytest.fixture(params=["modern", "legacy"])
def server(request: pytest.FixtureRequest) -> ToolServer:
    """One of each of the protocol's eras."""
    found: ToolServer = request.getfixturevalue(request.param)
    return found


@asynccontextmanager
async def linked(
    url: str,
    settings: McpSettings = HOME,
    *,
    reach: Reach | None = None,
    changed: Callable[[], None] = lambda: None,
    **definition: Any,
) -> AsyncIterator[Link]:
    """A connection; no task of it is left at the end."""
    before = asyncio.all_tasks()
    link = Link(
        McpTool(server_label="tools", server_url=url, **definition),
        settings,
        reach or Reach(settings),
        changed,
    )
    try:
        yield link
    finally:
        await link.aclose()
        async with asyncio.timeout(30):  # the garbage collector may have found a generator to be closed
            while not asyncio.all_tasks() <= before:
                await asyncio.sleep(0.01)


async def failure(link: Link, name: str | None = None, arguments: str = "{}") -> McpError:
    """Why a call fails, or the listing."""
    with pytest.raises(ToolError) as failed:
        await (link.tools() if name is None else link.call(name, arguments))
    return failed.value.error


async def test_tools_are_listed(server: ToolServer) -> None:
    async with linked(server.url) as link:
        tools = {tool.name: tool for tool in await link.tools()}
    assert {"search", "add", "what is running"} <= set(tools)
    assert json.loads(msgspec.json.encode(tools["search"])) == {
        "name": "search",
        "description": "Searches the documents.",
        "input_schema": {
            "type": "object",
            "title": "searchArguments",
            "properties": {"q": {"title": "Q", "type": "string"}},
            "required": ["q"],
        },
        "annotations": {"readOnlyHint": True},
    }


async def test_calls(server: ToolServer) -> None:
    async with linked(server.url) as link:
        assert await link.call("search", '{"q": "cats"}') == "Found cats."
        assert json.loads(await link.call("add", '{"a": 1, "b": 2}')) == {"sum": 3}
        assert await link.call("picture", "") == "Look:\n[image]"
        assert await link.call("huge", '{"size": 100000}') == "x" * 100_000


async def test_calls_that_fail(server: ToolServer) -> None:
    async with linked(server.url, authorization="geheim") as link:
        failed = await failure(link, "fail")
        assert isinstance(failed, McpToolExecutionError)
        assert "fail" in failed.message
        assert await failure(link, "refuse") == McpProtocolError(code=-32001, message="not for you, …")
        unknown = await failure(link, "nope")
        assert isinstance(unknown, McpToolExecutionError | McpProtocolError)
        assert "nope" in unknown.message
        for arguments in ("[", "[1]", '"x"', "[" * 100_000):
            error = await failure(link, "search", arguments)
            assert isinstance(error, McpProtocolError)
            assert (error.code, "not a JSON object" in error.message) == (-32602, True)
        assert await link.call("search", '{"q": "after"}') == "Found after."


async def test_the_server_is_told_who_calls(modern: ToolServer) -> None:
    async with linked(modern.url, authorization="token", headers={"X-Key": "key"}) as link:
        assert await link.call("whoami", "{}") == "Bearer token key"


async def test_a_key_that_is_missing() -> None:
    with tool_server("--key", "right") as server:
        async with linked(server.url, authorization="wrong") as link:
            unauthorized = McpHttpError(code=401, message="The MCP server answered 401 Unauthorized.")
            assert await failure(link) == unauthorized
            assert await failure(link, "search") == unauthorized
        async with linked(server.url, authorization="right") as link:
            assert await link.call("search", '{"q": "x"}') == "Found x."


async def test_a_tool_that_hangs_is_given_up_and_told(server: ToolServer) -> None:
    settings = McpSettings(allow_private=True, allow_http=True, call_timeout_s=1)
    async with linked(server.url, settings) as link:
        await link.tools()
        assert await failure(link, "hang") == McpHttpError(
            code=504, message="The MCP server did not answer within 1 seconds."
        )
        async with asyncio.timeout(10):
            while await link.call("what is running", "{}") != "nothing":
                await asyncio.sleep(0.05)


async def test_an_answer_that_is_too_long(server: ToolServer) -> None:
    settings = McpSettings(allow_private=True, allow_http=True, max_bytes=65536)
    async with linked(server.url, settings) as link:
        error = await failure(link, "huge", '{"size": 70000}')
        assert isinstance(error, McpToolExecutionError)
        assert "longer than" in error.message or "exceed" in error.message
        assert await link.call("huge", '{"size": 1000}') == "x" * 1000


async def test_no_more_tools_than_are_allowed(modern: ToolServer) -> None:
    settings = McpSettings(allow_private=True, allow_http=True, max_tools=2)
    async with linked(modern.url, settings) as link:
        assert len(await link.tools()) == 2


async def test_no_more_calls_at_a_time_than_are_allowed(modern: ToolServer) -> None:
    settings = McpSettings(allow_private=True, allow_http=True, max_calls=2)
    async with linked(modern.url, settings) as link:
        calls = [link.call("slow", '{"seconds": 0.2}') for _ in range(6)]
        assert max(map(int, await asyncio.gather(*calls))) <= 2


async def test_a_server_tells_that_its_tools_have_changed() -> None:
    for options in ((), ("--legacy",)):
        with tool_server(*options) as server:
            told = asyncio.Event()
            async with linked(server.url, changed=told.set) as link:
                before = await link.tools()
                # The stream over which it tells opens beside the answers.
                async with asyncio.timeout(20):
                    while not told.is_set():
                        await link.call("change", "{}")
                        await asyncio.sleep(0.1)
                assert len(await link.tools()) == len(before) + 1


async def test_redirects_to_elsewhere_are_not_followed() -> None:
    visits: list[bytes] = []
    async with http_server(visits) as port:
        answer = answered("307 Over there", "", f"Location: http://127.0.0.1:{port}/mcp")
        async with http_server([], answer=answer) as door:
            async with linked(f"http://127.0.0.1:{door}/mcp") as link:
                error = await failure(link)
    assert error == McpHttpError(code=307, message="The MCP server answered 307 Temporary Redirect.")
    assert visits == []


async def test_a_server_that_is_not_there() -> None:
    async with http_server([]) as port:
        pass
    async with linked(f"http://127.0.0.1:{port}/mcp") as link:
        gone = McpHttpError(code=502, message="The MCP server could not be reached.")
        assert await failure(link) == gone
        assert await failure(link, "search") == gone
    async with linked("http://nobody.invalid/mcp") as link:
        assert await failure(link) == gone


async def test_a_private_address_behind_a_name() -> None:
    visits: list[bytes] = []
    async with http_server(visits) as port:
        async with linked(f"http://127.1:{port}/mcp", McpSettings(allow_http=True)) as link:
            error = await failure(link)
    assert error == McpHttpError(
        code=502, message="This server does not reach loopback, link-local or private addresses."
    )
    assert visits == []


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """The name is resolved once: here it would not resolve at all a second time."""

    class Resolved(Reach):
        async def addresses(self, scheme: str, host: str, port: int) -> list[str]:
            assert host == "mcp.invalid"
            return ["127.0.0.1"]

    visits: list[bytes] = []
    async with http_server(visits) as port:
        async with linked(f"http://mcp.invalid:{port}/mcp", reach=Resolved(HOME)) as link:
            await failure(link)
    assert visits
    assert all(f"Host: mcp.invalid:{port}".lower().encode() in visit.lower() for visit in visits)


async def test_certificates_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    visits: list[bytes] = []
    with self_signed() as files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        names: list[str | None] = []
        context.sni_callback = lambda _, name, __: names.append(name)
        async with http_server(visits, context) as port:
            async with linked(f"https://localhost:{port}/mcp") as link:
                error = await failure(link)
                assert error == McpHttpError(code=502, message="The MCP server's certificate is not valid.")
            assert visits == []
            monkeypatch.setenv("SSL_CERT_FILE", str(files.certificate))
            async with linked(f"https://localhost:{port}/mcp") as link:
                assert isinstance(error := await failure(link), McpHttpError)
                assert error.code == 404
            assert visits
            assert set(names) == {"localhost"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (answered("503 No", ""), (503, "The MCP server answered 503 Service Unavailable.")),
        (answered("599 No", ""), (599, "The MCP server answered 599 an error.")),
        (b"nonsense\r\n\r\n", (502, "The MCP server could not be reached.")),
        (b"", (502, "The MCP server could not be reached.")),
        (
            answered("200 OK", "{}", JSON, "Content-Encoding: gzip"),
            (502, "The MCP server compresses its answers."),
        ),
        (answered("200 OK", "{}", JSON)[:-1], (502, "The MCP server broke off its answer.")),
        (answered("400 Bad", INVALID_REQUEST, JSON), (-32600, "No")),
        (answered("200 OK", "Hi", "Content-Type: text/html"), None),
        (answered("200 OK", "{}", JSON), None),
        (answered("202 Accepted", ""), None),
    ],
)
async def test_servers_that_talk_nonsense(answer: bytes, error: tuple[int, str] | None) -> None:
    async with http_server([], answer=answer) as port:
        async with linked(f"http://127.0.0.1:{port}/mcp") as link:
            found = await failure(link)
    assert isinstance(found, McpHttpError | McpProtocolError)
    if error is None:
        assert isinstance(found, McpProtocolError)
    else:
        assert (found.code, found.message) == error


async def test_a_server_that_dies_in_a_call_and_comes_back(server: ToolServer) -> None:
    options = ["--legacy"] if server.legacy else []
    with tool_server(*options) as mortal:
        async with linked(mortal.url) as link:
            call = asyncio.create_task(failure(link, "hang"))
            async with asyncio.timeout(20):
                while await link.call("what is running", "{}") != "hang":
                    await asyncio.sleep(0.05)
            mortal.kill()
            error = await call
            assert isinstance(error, McpHttpError)
            assert error.code == 502
            assert await failure(link, "search") == McpHttpError(
                code=502, message="The MCP server could not be reached."
            )
            with tool_server(*options, port=mortal.port):
                assert await link.call("search", '{"q": "again"}') == "Found again."


async def test_a_server_that_does_not_hear_the_farewell() -> None:
    with tool_server("--legacy") as server:
        async with linked(server.url) as link:
            await link.tools()
            os.killpg(server.process.pid, signal.SIGSTOP)
            async with asyncio.timeout(30):
                await link.aclose()


async def test_what_is_closed_tells_its_server(legacy: ToolServer) -> None:
    async with linked(legacy.url) as link:
        await link.tools()
        call = asyncio.create_task(link.call("hang", "{}"))
        async with asyncio.timeout(20):
            while await link.call("what is running", "{}") != "hang":
                await asyncio.sleep(0.05)
        call.cancel()
        await asyncio.wait({call})
    async with linked(legacy.url) as link:
        async with asyncio.timeout(20):
            while await link.call("what is running", "{}") != "nothing":
                await asyncio.sleep(0.05)
