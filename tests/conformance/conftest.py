"""What the suite is run against: this project's own server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mcp_server import ToolServer, tool_server
from tests.serving import Server, serving

CONFIG = """
[session]
debug = true

[models.gpt-realtime]

[mcp]
allowed_hosts = ["127.0.0.1", "conformance.invalid"]
allow_private = true
allow_http = true
"""


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that checks the protocol's invariants on everything that it sends, and knows one model."""
    with serving(Path(tmp_path_factory.mktemp("conformance")), config=CONFIG) as running:
        yield running


@pytest.fixture(scope="package")
def tools() -> Iterator[ToolServer]:
    """An MCP server with tools."""
    with tool_server() as running:
        yield running
