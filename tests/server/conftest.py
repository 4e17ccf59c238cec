"""A server of the tests' own: real sockets and uvicorn, with sessions that do as they are told."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from uvicorn.server import ServerState

from tests.server.toys import ToyRunner, toy_application
from vivavoce.server.application import RealtimeApplication
from vivavoce.server.config import Config
from vivavoce.server.run import bind, uvicorn_config

ROOT = Path(__file__).parents[2]
INSTANT = """
[engines]
voice_detector = "silence"
transcriber = "deaf"
responder = "parrot"
"""
"""The configuration of a server that needs no models; its tests use the fixture `instant_engines`."""

ENTRY_POINTS = """
[vivavoce.engines.voice_detector]
silence = tests.server.instant:Silence
[vivavoce.engines.transcriber]
deaf = tests.server.instant:Deaf
[vivavoce.engines.responder]
parrot = tests.server.instant:Parrot
"""


@pytest.fixture
def instant_engines(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of these tests find the instant engines, as if pip had installed them."""
    install_instant_engines(tmp_path_factory, monkeypatch)


def install_instant_engines(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for as long as `monkeypatch` lasts."""
    site = tmp_path_factory.mktemp("site")
    info = site / "instant_engines-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: instant_engines\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{ROOT}")
    for name in ("VIVAVOCE_CONFIG", "VIVAVOCE_API_KEYS", "VIVAVOCE_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)


class Served:
    """A running server."""

    def __init__(
        self, application: RealtimeApplication, runners: list[ToyRunner], port: int, state: ServerState
    ) -> None:
        self.application = application
        self.runners = runners
        self.port = port
        self.state = state
        self.url = f"ws://127.0.0.1:{port}/v1/realtime"
        self.http = f"http://127.0.0.1:{port}"


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def serve() -> Serve:
    """`async with serve(config) as served`: a server with toy sessions on a free port of the loopback, or the
    `application` given."""

    @asynccontextmanager
    async def serving(
        config: Config | None = None,
        application: RealtimeApplication | None = None,
        **uvicorn_settings: float,
    ) -> AsyncIterator[Served]:
        runners: list[ToyRunner] = []
        application = application or toy_application(config or Config(), runners)
        listener = bind("127.0.0.1", 0)
        config_of_uvicorn = uvicorn_config(application)
        for name, value in uvicorn_settings.items():
            setattr(config_of_uvicorn, name, value)
        config_of_uvicorn.load()
        state = ServerState()

        def connection() -> asyncio.Protocol:
            return config_of_uvicorn.http_protocol_class(
                config=config_of_uvicorn, server_state=state, app_state={}
            )

        async with application.lifespan():
            # uvicorn's own `Server` would do the same, and take a fifth of a second to end.
            server = await asyncio.get_running_loop().create_server(connection, sock=listener)
            yield Served(application, runners, listener.getsockname()[1], state)
            server.close()
            await application.drain(1)
        for each in list(state.connections):
            each.shutdown()
        if state.tasks:
            await asyncio.wait(set(state.tasks), timeout=5)
        assert not state.tasks

    return serving
