"""One server for all stock clients, as anybody would start it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Server, serving
from tests.stock.story import CONFIG, write_rules

pytest.register_assert_rewrite("tests.stock.browser.talk")


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that speaks plain WebSocket and checks its invariants."""
    folder = Path(tmp_path_factory.mktemp("stock"))
    write_rules(folder)
    with serving(folder, config=CONFIG) as running:
        yield running
