"""Numbers for Prometheus: `GET /metrics`."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase

from vivavoce.server.telemetry.durations import Durations
from vivavoce.server.telemetry.stages import Stage

CONTENT_TYPE = CONTENT_TYPE_LATEST

M = TypeVar("M", bound=MetricWrapperBase)

PROBE_S = 0.05
"""How often it is looked whether the event loop still turns."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LIFETIMES = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400)

MAX_CODES = 100
"""So many different error codes are told apart; engines may invent some, and each costs memory."""


class Metrics:
    """The numbers of one server. As a sink of stages it counts them; the rest is read when asked for."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._open = _ByLabel(
            Gauge("vivavoce_sessions", "Sessions that are open.", ["kind"], registry=registry)
        )
        self._sessions = _ByLabel(
            Histogram(
                "vivavoce_session_seconds",
                "How long sessions lasted.",
                ["kind"],
                buckets=_LIFETIMES,
                registry=registry,
            )
        )
        self._calls = Gauge("vivavoce_calls", "Calls over WebRTC that are going on.", registry=registry)
        self._ended_calls = Counter(
            "vivavoce_calls_ended", "Calls over WebRTC, by why they ended.", ["reason"], registry=registry
        )
        self._unheard = Counter(
            "vivavoce_call_unheard_seconds",
            "Sound of calls that was not heard because the server was behind.",
            registry=registry,
        )
        self._turns = Counter("vivavoce_turns", "Turns that were taken.", registry=registry)
        self._responses = _ByLabel(
            Counter("vivavoce_responses", "Responses, by how they ended.", ["status"], registry=registry)
        )
        self._tokens = _ByLabel(
            Counter(
                "vivavoce_tokens", "Tokens that responses read and wrote.", ["direction"], registry=registry
            )
        )
        self._stages = Durations(
            "vivavoce_stage_seconds",
            "How long each stage of a turn lasted.",
            "stage",
            _SECONDS,
            registry,
        )
        self._first_outputs = Durations(
            "vivavoce_first_output_seconds",
            "How long until the first output of a stage; of a turn: from the end of speech to sound.",
            "stage",
            _SECONDS,
            registry,
        )
        self._errors = _ByLabel(
            Counter(
                "vivavoce_errors", "Errors that clients were told of, by code.", ["code"], registry=registry
            )
        )
        self._failures = _ByLabel(
            Counter("vivavoce_stage_failures", "Stages that failed.", ["stage"], registry=registry)
        )
        self._stalls = Histogram(
            "vivavoce_event_loop_stall_seconds",
            "By how much the event loop came late.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._tasks = Gauge("vivavoce_tasks", "Tasks on the event loop.", registry=registry)
        ProcessCollector(registry=registry)
        self._queues = Gauge(
            "vivavoce_engine_queue_length", "Jobs that wait for an engine.", ["engine"], registry=registry
        )

    def watch_queues(self, engines: Mapping[str, Any]) -> None:
        """Show how many jobs wait for each of these engines that has a queue (an attribute
        `queue_length`)."""
        for name, engine in engines.items():
            if hasattr(engine, "queue_length"):
                self._queues.labels(name).set_function(partial(getattr, engine, "queue_length"))

    async def watch_loop(self) -> None:
        """Measure by how much the event loop comes late, until cancelled."""
        loop = asyncio.get_running_loop()
        self._tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
        while True:
            due = loop.time() + PROBE_S
            await asyncio.sleep(PROBE_S)
            self._stalls.observe(max(0.0, loop.time() - due))

    def text(self) -> bytes:
        """Everything, in Prometheus's text format."""
        return generate_latest(self._registry)

    def call_began(self) -> None:
        """A call over WebRTC was offered."""
        self._calls.inc()

    def call_ended(self, reason: str, unheard_s: float) -> None:
        """A call is over; so many seconds of its sound were not heard."""
        self._calls.dec()
        self._ended_calls.labels(reason).inc()
        self._unheard.inc(unheard_s)

    # As a sink

    def began(self, stage: Stage) -> None:
        if stage.name == "session":
            self._open[stage.attributes["kind"]].inc()

    def ended(self, stage: Stage) -> None:
        lasted = _lasted(stage)
        if stage.name == "session":
            kind = stage.attributes["kind"]
            self._open[kind].dec()
            self._sessions[kind].observe(lasted)
            return
        if stage.error is not None:
            self._failures[stage.name].inc()
        match stage.name:
            case "turn":
                self._turns.inc()
                spoken = stage.attributes.get("speech_ended_at")
                if spoken is not None and stage.first_output_at is not None:
                    self._first_outputs.observe("turn", max(0.0, stage.first_output_at - spoken))
                return
            case "response":
                self._responses[stage.attributes.get("status", "failed")].inc()
                self._tokens["input"].inc(stage.attributes.get("input_tokens", 0))
                self._tokens["output"].inc(stage.attributes.get("output_tokens", 0))
        self._stages.observe(stage.name, lasted)
        if stage.first_output_at is not None:
            self._first_outputs.observe(stage.name, max(0.0, stage.first_output_at - stage.begun_at))

    def error(self, code: str) -> None:
        if code not in self._errors and len(self._errors) >= MAX_CODES:
            code = "other"
        self._errors[code].inc()

    def session(self, session: Any) -> None:
        """What a session is configured to is no number."""


class _ByLabel(dict[str, M]):
    """A metric by the value of its only label, made when it is asked for first: `labels` would look for it
    under a lock, and costs as much as to count."""

    def __init__(self, metric: M) -> None:
        self._metric = metric

    def __missing__(self, value: str) -> M:
        child = self[value] = self._metric.labels(value)
        return child


def _lasted(stage: Stage) -> float:
    assert stage.ended_at is not None
    return max(0.0, stage.ended_at - stage.begun_at)
