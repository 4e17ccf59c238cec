"""Spans for OpenTelemetry, with its GenAI semantic conventions: one trace a session that is traced.

A session is traced when its `tracing` says so (behaviour reference, 3.17), or when the configuration traces
all. The words that are said are not in the spans, only their measures.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from vivavoce.engines.registry import ConfigurationError
from vivavoce.protocol import RealtimeSession, TracingConfig
from vivavoce.server.config import TracingSettings
from vivavoce.server.telemetry.stages import Stage
from vivavoce.version import __version__

try:
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode
except ImportError:
    raise ConfigurationError(
        'tracing.endpoint: traces need OpenTelemetry: pip install "vivavoce[tracing]"'
    ) from None

DEFAULT_WORKFLOW = "Realtime session"
"""The name of a trace whose client asked for no other."""

MAX_ATTRIBUTES = 64
MAX_CHARACTERS = 1000
"""What a client may write into its trace: so many entries of `metadata`, of so many characters each."""

_OPERATIONS = {"response": "chat", "language": "chat", "tool": "execute_tool", "session": "invoke_agent"}
"""`gen_ai.operation.name`; stages that the conventions do not know have none."""


class Tracing:
    """The way out for the spans of one server."""

    def __init__(self, settings: TracingSettings) -> None:
        assert settings.endpoint is not None
        self._all = settings.all_sessions
        resource = Resource.create({"service.name": settings.service_name, "service.version": __version__})
        # Its own exit hook would wait for an endpoint that is gone; `aclose` does it in time.
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(
            endpoint=settings.endpoint, headers=dict(settings.headers), timeout=settings.timeout_s
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("vivavoce", __version__)

    def session(self, session_id: str) -> "SessionTrace":
        """A sink for the stages of one session."""
        return SessionTrace(self._tracer, session_id, always=self._all)

    async def aclose(self) -> None:
        """Send what has not been sent, within the time that the settings give an export."""
        await asyncio.to_thread(self._provider.shutdown)


class SessionTrace:
    """The spans of one session. Until the session is traced, stages leave nothing behind."""

    def __init__(self, tracer: trace.Tracer, session_id: str, *, always: bool) -> None:
        self._tracer = tracer
        self._session_id = session_id
        self._labels: Mapping[str, Any] | None = _labels("auto") if always else None
        """Attributes of every span; None as long as the session is not traced."""
        self._spans: dict[int, Span] = {}
        self._root: Stage | None = None

    def session(self, session: Any) -> None:
        if isinstance(session, RealtimeSession) and session.tracing is not None:
            self._labels = _labels(session.tracing)
            if self._root is not None and id(self._root) not in self._spans:
                self._open(self._root)

    def began(self, stage: Stage) -> None:
        if stage.parent is None:
            self._root = stage
        if self._labels is not None:
            self._open(stage)

    def ended(self, stage: Stage) -> None:
        span = self._spans.pop(id(stage), None)
        if span is None:
            return
        span.update_name(_name(stage))
        for name, value in _attributes(stage):
            span.set_attribute(name, value)
        if stage.first_output_at is not None:
            span.add_event("first_output", timestamp=_nanoseconds(stage.first_output_at))
        if stage.error is not None:
            span.set_attribute("error.type", stage.error)
            span.set_status(Status(StatusCode.ERROR, stage.error))
        assert stage.ended_at is not None
        span.end(end_time=_nanoseconds(max(stage.ended_at, stage.begun_at)))

    def error(self, code: str) -> None:
        span = self._spans.get(id(self._root))
        if span is not None:
            span.add_event("error", {"error.type": code})

    def _open(self, stage: Stage) -> None:
        parent = self._spans.get(id(stage.parent)) if stage.parent is not None else None
        context = trace.set_span_in_context(parent, Context()) if parent is not None else Context()
        span = self._tracer.start_span(
            _name(stage),
            context,
            kind=SpanKind.SERVER if stage.parent is None else SpanKind.INTERNAL,
            start_time=_nanoseconds(stage.begun_at),
        )
        span.set_attributes({"gen_ai.conversation.id": self._session_id, **(self._labels or {})})
        if stage.name in _OPERATIONS:
            span.set_attribute("gen_ai.operation.name", _OPERATIONS[stage.name])
            span.set_attribute("gen_ai.provider.name", "vivavoce")
        self._spans[id(stage)] = span


_CONVENTIONS: dict[str, str] = {
    "model": "gen_ai.request.model",
    "response_id": "gen_ai.response.id",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "tool": "gen_ai.tool.name",
    "call_id": "gen_ai.tool.call.id",
    "kind": "vivavoce.session.kind",
    "item_id": "vivavoce.item.id",
    "server_label": "vivavoce.tool.server_label",
    "status": "vivavoce.response.status",
    "cleared": "vivavoce.playback.cleared",
}
"""What the attributes of stages are called in spans."""


def _attributes(stage: Stage) -> list[tuple[str, Any]]:
    return [(_CONVENTIONS[key], value) for key, value in stage.attributes.items() if key in _CONVENTIONS]


def _name(stage: Stage) -> str:
    return f"execute_tool {stage.attributes['tool']}" if "tool" in stage.attributes else stage.name


def _labels(tracing: str | TracingConfig) -> dict[str, Any]:
    """What the client wants its trace to be found by."""
    if not isinstance(tracing, TracingConfig):
        return {"workflow_name": DEFAULT_WORKFLOW}
    labels: dict[str, Any] = {"workflow_name": tracing.workflow_name or DEFAULT_WORKFLOW}
    if tracing.group_id:
        labels["group_id"] = tracing.group_id
    for key, value in list((tracing.metadata or {}).items())[:MAX_ATTRIBUTES]:
        plain = isinstance(value, str | bool | int | float)
        labels[f"metadata.{key[:MAX_CHARACTERS]}"] = value if plain else str(value)
    return {key: v[:MAX_CHARACTERS] if isinstance(v, str) else v for key, v in labels.items()}


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
