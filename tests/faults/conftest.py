"""One server whose engines go wrong when they are asked to, and a session that must never notice anything."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serving import Server, serving
from tests.wire.peer import Peer, talking

PACKAGES = Path(__file__).parent / "plugin"

CONFIG = """
[server]
write_timeout_s = 2

[session]
debug = true
engine_timeout_s = 1

[engines]
voice_detector = "faulty"
transcriber = "faulty"
language_model = "faulty"
synthesizer = "faulty"
"""


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path(tmp_path_factory.mktemp("faults"))
    with serving(folder, config=CONFIG, packages=PACKAGES, failures=True) as running:
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


class Held:
    """What the server holds, as its metrics tell."""

    def __init__(self, server: Server) -> None:
        url = server.base_url.removesuffix("/v1") + "/metrics"
        text = httpx.get(url, headers={"Authorization": f"Bearer {server.key}"}, timeout=60).text
        numbers: Counter[str] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                numbers[sample.name] += sample.value
        self.sessions = int(numbers["vivavoce_sessions"])
        self.tasks = int(numbers["vivavoce_tasks"])
        self.files = int(numbers["process_open_fds"])

    def __repr__(self) -> str:
        return f"{self.sessions} sessions, {self.tasks} tasks, {self.files} files"
