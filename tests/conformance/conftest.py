"""What the suite is run against: this project's own server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endpoint import Exchange, an_endpoint
from tests.mcp_server import ToolServer, tool_server
from tests.serving import Server, serving

CONFIG = """
[session]
debug = true

[models.gpt-realtime]

[models.gpt-realtime-translate]
language_model = "chat"

[language_model.chat]
base_url = "{endpoint}"

[mcp]
allowed_hosts = ["127.0.0.1", "conformance.invalid"]
allow_private = true
allow_http = true
"""


async def interpreter(exchange: Exchange) -> None:
    """A language model that knows one sentence of Spanish."""
    choice = {"index": 0, "delta": {"content": "Buenos días."}}
    await exchange.stream(
        {"choices": [choice]}, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    )


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that checks the protocol's invariants on everything that it sends. It knows two models: one to
    talk to, and one that interprets."""
    folder = Path(tmp_path_factory.mktemp("conformance"))
    with an_endpoint(interpreter) as url, serving(folder, config=CONFIG.format(endpoint=url)) as running:
        yield running


@pytest.fixture(scope="package")
def tools() -> Iterator[ToolServer]:
    """An MCP server with tools."""
    with tool_server() as running:
        yield running
