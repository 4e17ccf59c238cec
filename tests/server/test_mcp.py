"""Tools of MCP servers from end to end: a server process, an MCP server process, and clients."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import ClientConnection, connect

from tests.mcp_server import ToolServer, tool_server
from tests.server.conftest import INSTANT, install_instant_engines
from tests.server.scripted import Answer, Stage
from tests.serving import API_KEY, Server, serving
from vivavoce.protocol import (
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallOutput,
    FunctionCallStart,
    FunctionTool,
    OutputPart,
    ResponseEnd,
    ResponseRequest,
    TextDelta,
)
from vivavoce.server.config import McpSettings

CONFIG = (
    INSTANT.replace('"parrot"', '"cascade"')
    + """
[session]
debug = true
[mcp]
allowed_hosts = ["127.0.0.1"]
allow_private = true
allow_http = true
call_timeout_s = 20
"""
)
HOME = McpSettings(allow_private=True, allow_http=True)
Event = dict[str, Any]


@pytest.fixture(scope="module")
def tools() -> Iterator[ToolServer]:
    with tool_server() as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        install_instant_engines(tmp_path_factory, patch)
        with serving(tmp_path_factory.mktemp("mcp"), config=CONFIG) as running:
            yield running


class Caller:
    """A client over a bare WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.seen: list[Event] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def update(self, **session: Any) -> None:
        await self.send(
            "session.update", session={"type": "realtime", "output_modalities": ["text"], **session}
        )

    async def say(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        await self.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )
        await self.send("response.create")

    async def until(self, kind: str) -> Event:
        """The next event of this kind."""
        async with asyncio.timeout(60):
            while True:
                event: Event = json.loads(await self._socket.recv())
                assert event["type"] != "error", event
                self.seen.append(event)
                if event["type"] == kind:
                    return event

    async def listed(self) -> Event:
        """The list of tools, when it is complete."""
        while True:
            item: Event = (await self.until("conversation.item.done"))["item"]
            if item["type"] == "mcp_list_tools":
                return item

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.seen]


@asynccontextmanager
async def calling(server: Server, key: str = API_KEY) -> AsyncIterator[Caller]:
    headers = {"Authorization": f"Bearer {key}"}
    async with connect(server.url + "?model=gpt-realtime", additional_headers=headers) as socket:
        yield Caller(socket)


async def test_a_conversation_that_looks_something_up(server: Server, tools: ToolServer) -> None:
    async with calling(server) as caller:
        await caller.update(tools=[tools.tool(require_approval="never", authorization="geheim")])
        updated = await caller.until("session.updated")
        assert updated["session"]["tools"] == [tools.tool(require_approval="never")]
        assert {"search", "add"} <= {tool["name"] for tool in (await caller.listed())["tools"]}
        caller.seen.clear()
        await caller.say("Search for cats")
        first = await caller.until("response.done")
        (call,) = first["response"]["output"]
        assert (call["type"], call["name"], call["output"]) == ("mcp_call", "search", None)
        done = await caller.until("conversation.item.done")
        assert done["item"] == {**call, "output": f"Found {json.loads(call['arguments'])['q']}."}
        answer = await caller.until("response.done")
        (message,) = answer["response"]["output"]
        assert "Found" in message["content"][0]["text"]
        order = caller.kinds()
        assert [kind for kind in order if "mcp" in kind or kind == "response.done"] == [
            "response.mcp_call_arguments.delta",
            "response.mcp_call_arguments.done",
            "response.done",
            "response.mcp_call.in_progress",
            "response.mcp_call.completed",
            "response.done",
        ]
    assert "geheim" not in server.log


async def test_approval_and_refusal_over_the_official_client(server: Server, tools: ToolServer) -> None:
    client = AsyncOpenAI(base_url=server.base_url, api_key=API_KEY)
    async with client.realtime.connect(model="gpt-realtime") as connection:

        async def until(kind: str) -> Any:
            async with asyncio.timeout(60):
                while (event := await connection.recv()).type != kind:
                    assert event.type != "error", event
            return event

        async def asked(text: str) -> Any:
            """The request for approval that this text leads to."""
            content = [{"type": "input_text", "text": text}]
            await connection.conversation.item.create(
                item={"type": "message", "role": "user", "content": content}  # type: ignore[misc]
            )
            await connection.response.create()
            (item,) = (await until("response.done")).response.output
            assert item.type == "mcp_approval_request"
            return item

        tool = tools.tool(allowed_tools=["search"])
        session = {"type": "realtime", "output_modalities": ["text"], "tools": [tool]}
        await connection.session.update(session=session)  # type: ignore[arg-type]
        await until("mcp_list_tools.completed")

        request = await asked("Search for dogs")
        granted = {
            "type": "mcp_approval_response",
            "id": "yes",
            "approval_request_id": request.id,
            "approve": True,
        }
        await connection.conversation.item.create(item=granted)  # type: ignore[arg-type]
        await connection.response.create()
        (call,) = (await until("response.done")).response.output
        assert (call.type, call.approval_request_id) == ("mcp_call", request.id)
        await until("response.mcp_call.completed")
        assert (await until("conversation.item.done")).item.output.startswith("Found")
        assert "Found" in (await until("response.done")).response.output[0].content[0].text

        request = await asked("Search for birds")
        refused = {
            **granted,
            "id": "no",
            "approval_request_id": request.id,
            "approve": False,
            "reason": "no birds",
        }
        await connection.conversation.item.create(item=refused)  # type: ignore[arg-type]
        await connection.response.create()
        assert "no birds" in (await until("response.done")).response.output[0].content[0].text
    await client.close()


async def test_a_client_secret_brings_tools_and_does_not_show_their_keys(server: Server) -> None:
    with tool_server("--key", "geheim") as guarded:
        tool = guarded.tool(authorization="geheim", headers={"X-Key": "auch geheim"})
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with httpx.AsyncClient(headers=headers, timeout=60) as client:
            session = {"type": "realtime", "model": "gpt-realtime", "tools": [tool]}
            made = await client.post(f"{server.base_url}/realtime/client_secrets", json={"session": session})
        assert made.json()["session"]["tools"] == [guarded.tool()]
        assert "geheim" not in made.text
        async with calling(server, made.json()["value"]) as caller:
            created = await caller.until("session.created")
            assert created["session"]["tools"] == [guarded.tool()]
            assert (await caller.listed())["tools"]


async def test_a_server_that_cannot_be_reached_and_one_that_may_not(
    server: Server, tools: ToolServer
) -> None:
    async with calling(server) as caller:
        await caller.update(tools=[tools.tool(server_url="http://127.0.0.1:1/mcp")])
        await caller.until("mcp_list_tools.failed")
        assert (await caller.until("conversation.item.done"))["item"]["tools"] == []
        await caller.say("Hello")
        assert (await caller.until("response.done"))["response"]["status"] == "completed"
        await caller.update(tools=[tools.tool(server_url="https://elsewhere.example/mcp")])
        with pytest.raises(AssertionError, match="does not allow this host"):
            await caller.until("session.updated")
    assert (
        "the MCP server at 127.0.0.1 did not tell its tools: The MCP server could not be reached."
        in server.log
    )


# The runner alone, with a responder that follows a script.


def answering(*names: str) -> Answer:
    """Call these tools in the first response; say something in all others."""
    asked: list[str] = list(names)

    async def answer(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        calls, asked[:] = tuple(asked), []
        for name in calls:
            yield FunctionCallStart(name)
            yield FunctionCallDelta("{}")
            yield FunctionCallEnd()
        if not calls:
            yield TextDelta("Well.")
        yield ResponseEnd()

    return answer


@asynccontextmanager
async def on_stage(tools: ToolServer, *names: str, settings: McpSettings = HOME) -> AsyncIterator[Stage]:
    """A session that has the tools, and whose responder calls these. No task of it is left at the end."""
    before = asyncio.all_tasks()
    async with Stage(answering(*names), mcp=settings) as stage:
        session = {"type": "realtime", "tools": [tools.tool(require_approval="never")]}
        await stage.send(type="session.update", session=session)
        await stage.transport.until("mcp_list_tools.completed")
        yield stage
    assert asyncio.all_tasks() <= before


async def test_the_end_of_a_session_in_a_call(tools: ToolServer) -> None:
    async with on_stage(tools, "hang", "slow") as stage:
        await stage.send(type="response.create")
        await stage.transport.until("response.mcp_call.failed")  # it lacks an argument
        assert stage.transport.types.count("response.mcp_call.in_progress") == 2
    assert stage.transport.types[-2:] == ["response.mcp_call.failed", "conversation.item.done"]
    async with on_stage(tools, "what_is_running") as stage:
        await stage.send(type="response.create")
        await stage.transport.until("response.done", 2)
        (output,) = [e for e in stage.responder.requests[-1].items if isinstance(e, FunctionCallOutput)]
        assert output.output == "nothing"


async def test_the_end_of_a_session_in_a_listing() -> None:
    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()  # and never a word
        finally:
            writer.close()

    server = await asyncio.start_server(stuck, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
        before = asyncio.all_tasks()
        async with Stage(answering(), mcp=HOME) as stage:
            tool = {"type": "mcp", "server_label": "tools", "server_url": url}
            await stage.send(type="session.update", session={"type": "realtime", "tools": [tool]})
            await stage.transport.until("mcp_list_tools.in_progress")
            await asyncio.sleep(0.1)
        assert "mcp_list_tools.failed" in stage.transport.types
        assert not [task for task in asyncio.all_tasks() - before if "stuck" not in repr(task)]


async def test_a_server_that_is_defined_anew(tools: ToolServer) -> None:
    with tool_server("--key", "right") as guarded:
        async with on_stage(tools) as stage:
            session = {"type": "realtime", "tools": [guarded.tool(authorization="wrong")]}
            await stage.send(type="session.update", session=session)
            await stage.transport.until("mcp_list_tools.failed")
            session = {"type": "realtime", "tools": [guarded.tool(authorization="right")]}
            await stage.send(type="session.update", session=session)
            await stage.transport.until("mcp_list_tools.completed", 2)


async def test_a_server_whose_tools_change_is_asked_again() -> None:
    with tool_server() as server:
        async with on_stage(server) as stage:
            asked = 0
            # The stream over which it tells opens beside the answers: what it tells before is lost.
            while stage.transport.types.count("mcp_list_tools.in_progress") < 2:
                stage.responder.answer = answering("change")
                await stage.send(type="response.create")
                asked += 2
                await stage.transport.until("response.done", asked)
            await stage.transport.until("mcp_list_tools.completed", 2)
            await stage.send(type="response.create")
            await stage.transport.until("response.done", asked + 1)
        names = [tool.name for tool in stage.responder.requests[-1].tools if isinstance(tool, FunctionTool)]
        assert "another" in names
