"""What every test on the wire talks to: one server, and a session that must never notice anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Server, serving
from tests.wire.peer import Peer, talking

CONFIG = """
[session]
debug = true
"""


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that checks the protocol's invariants on everything that it sends."""
    with serving(Path(tmp_path_factory.mktemp("wire")), config=CONFIG) as running:
        yield running


@pytest.fixture(scope="package")
def bystander(server: Server) -> Iterator[Peer]:
    """Another session on the same server, open all the while."""
    with talking(server) as peer:
        yield peer


@pytest.fixture
def peer(server: Server) -> Iterator[Peer]:
    """A fresh session."""
    with talking(server) as fresh:
        yield fresh
