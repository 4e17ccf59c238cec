"""An MCP server of the tests' own, in a process of its own: `python -m tests.mcp_server [options]`.

It listens on a free port of 127.0.0.1 and prints the port. `--legacy` speaks the older protocol alone, with
its handshake; `--key KEY` wants that key as a bearer token; `--redirect URL` sends everybody elsewhere.
"""

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

READY = "listening on "


@dataclass
class ToolServer:
    """A running server."""

    process: subprocess.Popen[str]
    port: int
    legacy: bool

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def tool(self, **fields: object) -> dict[str, object]:
        """The definition that brings its tools."""
        return {"type": "mcp", "server_label": "tools", "server_url": self.url} | fields

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def tool_server(*options: str, port: int = 0) -> Iterator[ToolServer]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.mcp_server", "--port", str(port), *options],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout as lines:
        line = next((line for line in lines if line.startswith(READY)), "")
        assert line, "the MCP server did not start"
        server = ToolServer(process, int(line.removeprefix(READY)), "--legacy" in options)
        try:
            yield server
        finally:
            server.kill()


def main() -> None:
    import uvicorn
    from mcp import MCPError
    from mcp.server import MCPServer
    from mcp.server.mcpserver import Context, Image
    from mcp_types import ToolAnnotations

    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--legacy", action="store_true")
    parser.add_argument("--key")
    options = parser.parse_args()
    server = MCPServer("tests", log_level="ERROR")
    running: set[str] = set()

    @server.tool(annotations=ToolAnnotations(read_only_hint=True), structured_output=False)
    def search(q: str) -> str:
        """Searches the documents."""
        return f"Found {q}."

    @server.tool()
    def add(a: int, b: int) -> dict[str, int]:
        """Adds two numbers."""
        return {"sum": a + b}

    @server.tool(structured_output=False)
    def fail() -> str:
        """Fails."""
        raise ValueError("out of paper")

    @server.tool(structured_output=False)
    def refuse() -> str:
        """Refuses."""
        raise MCPError(-32001, "not for you, geheim")

    @server.tool(structured_output=False)
    async def hang() -> str:
        """Never ends."""
        running.add("hang")
        try:
            await asyncio.sleep(3600)
        finally:
            running.discard("hang")
        return ""

    @server.tool(structured_output=False)
    async def slow(seconds: float) -> str:
        """Takes its time, and tells how many are at it."""
        mark = f"slow {len(running)}"
        running.add(mark)
        most = len(running)
        await asyncio.sleep(seconds)
        running.discard(mark)
        return str(most)

    @server.tool(name="what is running", structured_output=False)
    def what_is_running() -> str:
        return ",".join(sorted(running)) or "nothing"

    @server.tool(structured_output=False)
    def huge(size: int) -> str:
        """Says a lot."""
        return "x" * size

    @server.tool(structured_output=False)
    def picture() -> list[object]:
        """Shows something."""
        return ["Look:", Image(data=b"\x89PNG", format="png")]

    @server.tool(structured_output=False)
    def whoami(ctx: Context) -> str:
        """Tells who calls."""
        headers = ctx.request_context.request.headers
        return f"{headers.get('authorization')} {headers.get('x-key')}"

    @server.tool(structured_output=False)
    async def change(ctx: Context) -> str:
        """Brings another tool."""

        def another() -> str:
            """Is new."""
            return "new"

        server.add_tool(another, name="another", structured_output=False)
        await ctx.notify_tools_changed()
        if options.legacy:
            await ctx.session.send_tool_list_changed()
        return "changed"

    application = server.streamable_http_app()

    async def door(scope, receive, send):  # type: ignore[no-untyped-def]
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if options.key and headers.get(b"authorization") != f"Bearer {options.key}".encode():
            content = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 401, "headers": content})
            await send({"type": "http.response.body", "body": b'{"error":"invalid_token"}'})
        elif options.legacy and headers.get(b"mcp-method") == b"server/discover":
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b"Not Found"})
        else:
            await application(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", options.port))
    print(f"{READY}{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(door, log_level="error", lifespan="on")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
