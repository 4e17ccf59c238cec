"""The metrics and traces of one server, and who is told of what."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vivavoce.server.config import Config
from vivavoce.server.telemetry.metrics import Metrics
from vivavoce.server.telemetry.stages import SessionStages, Sink

if TYPE_CHECKING:
    from vivavoce.server.telemetry.traces import Tracing


class Telemetry:
    """What `[metrics]` and `[tracing]` ask for. Raises ConfigurationError if traces are asked for and
    OpenTelemetry is not installed."""

    def __init__(self, config: Config) -> None:
        self.metrics = Metrics() if config.metrics.enabled else None
        self._settings = config.tracing
        self._tracing: Tracing | None = None
        self._probe: asyncio.Task[None] | None = None
        if self._settings.endpoint is not None:
            _tracing()

    def session(
        self, session_id: str, kind: str, model: str | None, now: Callable[[], float]
    ) -> SessionStages:
        """Begin to watch a session. `now` is its clock, in unix seconds."""
        sinks: list[Sink] = []
        if self.metrics is not None:
            sinks.append(self.metrics)
        if self._tracing is not None:
            sinks.append(self._tracing.session(session_id))
        return SessionStages(kind, model, sinks, now)

    def start(self, engines: Mapping[str, Any]) -> None:
        """Begin to watch the event loop, and those engines, by their names, that have queues."""
        if self._settings.endpoint is not None:
            self._tracing = _tracing()(self._settings)
        if self.metrics is not None:
            self.metrics.watch_queues(engines)
            self._probe = asyncio.create_task(self.metrics.watch_loop(), name="vivavoce loop probe")

    async def aclose(self) -> None:
        """Stop watching, and send what has not been sent."""
        if self._probe is not None:
            self._probe.cancel()
            with suppress(asyncio.CancelledError):
                await self._probe
            self._probe = None
        if self._tracing is not None:
            await self._tracing.aclose()
            self._tracing = None


def _tracing() -> "type[Tracing]":
    """Imported only where it is wanted: OpenTelemetry is an extra."""
    from vivavoce.server.telemetry.traces import Tracing

    return Tracing
