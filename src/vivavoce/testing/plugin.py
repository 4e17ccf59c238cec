"""The pytest plugin: the fixtures `realtime_server` and `vivavoce_server`.

pytest loads it wherever vivavoce is installed, so it imports nothing before a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from vivavoce.testing.serving import Serving
    from vivavoce.testing.threaded import RealtimeServer

MARKER = (
    "realtime_server(time='virtual' or 'real', tls=an SSLContext): how the fixture of this name is started"
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def realtime_server(request: pytest.FixtureRequest) -> Iterator[RealtimeServer]:
    """A scripted Realtime server for this test, on a free port of this machine. At the test's end the script
    must have been followed."""
    from vivavoce.testing.report import ScriptNotFollowed
    from vivavoce.testing.threaded import RealtimeServer

    marker = request.node.get_closest_marker("realtime_server")
    with RealtimeServer(**(marker.kwargs if marker else {})) as server:
        yield server
        try:
            server.check()
        except ScriptNotFollowed as reason:
            pytest.fail(str(reason), pytrace=False)


@pytest.fixture(scope="session")
def vivavoce_server_options() -> Sequence[str]:
    """The options of `vivavoce serve` for `vivavoce_server`: override it to add some, as a configuration."""
    return ()


@pytest.fixture(scope="session")
def vivavoce_server(
    vivavoce_server_options: Sequence[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """The real server, `vivavoce serve`, in a process of its own on a free port of this machine, for all
    tests of the session. Tests that use it are skipped where the extra `server` is not installed."""
    if not all(find_spec(package) for package in ("starlette", "uvicorn", "onnxruntime")):
        pytest.skip('vivavoce_server needs the server: pip install "vivavoce[server,offline]"')
    from vivavoce.testing.serving import Serving, serving

    folder = tmp_path_factory.mktemp("vivavoce-server")
    with serving(folder, *vivavoce_server_options, kind=Serving) as server:
        yield server
