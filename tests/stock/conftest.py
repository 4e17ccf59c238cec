"""One server for all stock clients, as anybody would start it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Server, serving
from tests.stock.story import CONFIG, write_rules

pytest.register_assert_rewrite("tests.stock.browser.talk")

APART = tuple(Path(__file__).parent / folder for folder in ("browser", "javascript", "pyodide"))


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that speaks plain WebSocket and checks its invariants."""
    folder = Path(tmp_path_factory.mktemp("stock"))
    write_rules(folder)
    with serving(folder, config=CONFIG) as running:
        yield running


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What needs node, what npm installs or a browser is collected when it is asked for by name."""
    if collection_path not in APART:
        return None
    asked = (Path(config.invocation_params.dir, each.split("::")[0]).resolve() for each in config.args)
    return None if any(path.is_relative_to(collection_path) for path in asked) else True
