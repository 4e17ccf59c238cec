"""The server as a Starlette application, to run by itself or to mount into another one."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, WebSocketRoute

from vivavoce.server import config as configuration
from vivavoce.server import console, rest
from vivavoce.server.access import Access
from vivavoce.server.calls.registry import Calls
from vivavoce.server.calls.routes import CallRoutes
from vivavoce.server.client_secrets import ClientSecrets
from vivavoce.server.config import Config
from vivavoce.server.endpoint import Entrance, RealtimeEndpoint
from vivavoce.server.engine_room import EngineRoom
from vivavoce.server.handshake import DOORS
from vivavoce.server.keys import ApiKeys
from vivavoce.server.minting import Mint
from vivavoce.server.models import ModelNames
from vivavoce.server.open_sessions import OpenSessions
from vivavoce.server.opening import Abilities
from vivavoce.server.origins import OriginCheck, Origins
from vivavoce.server.prompts import load_prompts
from vivavoce.server.random_ids import random_ids
from vivavoce.server.telemetry.scrape import telemetry_routes
from vivavoce.server.telemetry.telemetry import Telemetry
from vivavoce.server.transport import MediaRunner


def app(config: Config | None = None) -> "RealtimeApplication":
    """The Realtime API as a Starlette application.

    `config` is what `vivavoce.server.load` reads; without it the configuration is looked for where `vivavoce
    serve` looks. Raises ConfigurationError for an engine or an option that there is not.
    """
    from vivavoce.server.runner import SessionRunner

    config = config or configuration.load()
    return RealtimeApplication(config, EngineRoom(config), SessionRunner)


class RealtimeApplication(Starlette):
    """`GET /v1/realtime` (WebSocket), `GET /v1/models`, `GET /healthz`, `GET /metrics`, and the console at
    `GET /`.

    The engines start and stop with the application's lifespan. A mounted application's lifespan is nobody's
    business but the parent's, which hands it on:

        realtime = vivavoce.server.app()
        api = FastAPI(lifespan=realtime.lifespan)
        api.mount("/", realtime)
    """

    def __init__(self, config: Config, engines: EngineRoom, runner: Callable[..., MediaRunner]) -> None:
        """`runner` makes the runner of a session: a `RunnerFactory` that takes `telemetry` and `mcp`, too."""
        self.config = config
        self.engines = engines
        server = config.server
        self.keys = ApiKeys(server.api_keys, server.key_file)
        access = Access(self.keys, ClientSecrets(server.secret_key))
        models = ModelNames(tuple(config.models))
        ids = random_ids()
        self._prompts = load_prompts(config.session.prompts)
        self.telemetry = Telemetry(config)
        self._sessions = OpenSessions(config, access, engines, self._abilities)
        make = partial(runner, telemetry=self.telemetry, mcp=config.mcp)
        self.calls = Calls(config, self._sessions, engines, make, ids, self.telemetry.metrics)
        self._realtime = RealtimeEndpoint(
            config,
            access,
            models,
            engines,
            make,
            ids,
            self._sessions,
            self.calls,
        )
        super().__init__(
            routes=[
                *CallRoutes(self.calls, access, models, self._sessions, config).routes(),
                *rest.routes(access, models, self.health),
                *Mint(access, models, config.session, ids, self._abilities, beta=server.beta).routes(),
                *self._console_routes(),
                *telemetry_routes(self.telemetry.metrics, None if config.metrics.public else access),
                *(WebSocketRoute(door.path, Entrance(self._realtime, door)) for door in DOORS),
                WebSocketRoute("/{path:path}", rest.UnknownSocket()),
            ],
            middleware=[
                Middleware(OriginCheck, origins=Origins(server.allowed_origins, lambda: self.keys.needed))
            ],
            exception_handlers={HTTPException: rest.refused, Exception: rest.failed},
            lifespan=self.lifespan,
        )

    def _console_routes(self) -> list[BaseRoute]:
        if not self.config.server.console:
            return []
        return console.routes(lambda: self.keys.needed, webrtc=self.config.webrtc.enabled)

    def _abilities(self, model: str | None) -> Abilities:
        return Abilities(
            reasons=self.engines.reasons(model),
            translates=self.engines.translates(model),
            prompts=self._prompts,
        )

    @asynccontextmanager
    async def lifespan(self, _app: Any = None) -> AsyncGenerator[None]:
        """Engines that run from beginning to end. Takes, and ignores, the application whose lifespan it
        is."""
        try:
            await self.start()
            yield
        finally:
            await self.stop()

    async def start(self) -> None:
        """Start the engines: load, fork, warm up. Raises EngineError with a sentence that says what to do."""
        await self.engines.start()
        self.telemetry.start(self.engines.named)
        self._sessions.draining = False

    async def drain(self, timeout_s: float) -> None:
        """Let nobody in any more, let running responses end, and close every session, all within
        `timeout_s`."""
        await self._sessions.drain(timeout_s)

    def hang_up(self) -> None:
        """Drop every connection at once."""
        self._sessions.hang_up()

    async def stop(self) -> None:
        """Close what sessions are left, then the engines. No task or process of this application outlives
        it."""
        await self._sessions.drain(0)
        await self.engines.aclose()
        await self.telemetry.aclose()

    def health(self) -> rest.Health:
        """What `GET /healthz` tells."""
        sessions = len(self._sessions)
        if self._sessions.draining:
            return rest.Health(status="draining", sessions=sessions)
        return rest.Health(status="ok" if self.engines.started else "stopped", sessions=sessions)
