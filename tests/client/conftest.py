"""What clients talk to: a real server whose engines do as they are told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Server, serving
from vivavoce.client import AsyncClient

PACKAGES = Path(__file__).parent / "plugin"

CONFIG = """
[session]
debug = true

[engines]
voice_detector = "candid"
transcriber = "candid"
responder = "candid"
"""


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that checks the protocol's invariants on everything that it sends."""
    with serving(Path(tmp_path_factory.mktemp("client")), config=CONFIG, packages=PACKAGES) as running:
        yield running


@pytest.fixture
def client(server: Server) -> AsyncClient:
    return AsyncClient(api_key=server.key, base_url=server.base_url)
