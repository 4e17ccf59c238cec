"""Spans of a session, as a real OTLP receiver gets them."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pybase64

from tests.server.scripted import ScriptedTranscriber, Stage
from tests.server.telemetry.receiver import Receiver, attributes, receiving
from vivavoce.protocol import (
    AudioDelta,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    OutputPart,
    ResponseEnd,
    ResponseFailure,
    ResponseRequest,
    TextDelta,
)
from vivavoce.server.config import Config, TracingSettings
from vivavoce.server.telemetry.telemetry import Telemetry


async def spoken(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    yield TextDelta("Good day.")
    yield AudioDelta(bytes(4800), 9)
    yield ResponseEnd()


async def calling(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    yield FunctionCallStart("weather", "call_1")
    yield FunctionCallDelta("{}")
    yield FunctionCallEnd()
    yield ResponseEnd()


async def failing(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    yield ResponseFailure("server_error", "overloaded", "Too much.")


@asynccontextmanager
async def traced(receiver: Receiver, answer, **settings) -> AsyncIterator[Stage]:
    """A stage whose spans are all with the receiver when it is left."""
    telemetry = Telemetry(Config(tracing=TracingSettings(endpoint=receiver.url, **settings)))
    telemetry.start({})
    try:
        async with Stage(
            answer, telemetry=telemetry, transcriber=ScriptedTranscriber("what time is it")
        ) as stage:
            yield stage
    finally:
        await telemetry.aclose()


async def trace_by(stage: Stage, tracing: object) -> None:
    await stage.send(type="session.update", session={"type": "realtime", "tracing": tracing})


async def say_something(stage: Stage) -> None:
    loud = (np.sin(np.arange(12_000) / 10) * 20_000).astype("<i2")
    for piece in (loud, np.zeros(24_000, "<i2")):
        await stage.send(type="input_audio_buffer.append", audio=pybase64.b64encode(piece.tobytes()).decode())
    await stage.transport.until("response.done")


async def test_a_spoken_turn_is_a_tree_of_spans():
    with receiving() as receiver:
        async with traced(receiver, spoken, headers={"x-key": "abc"}, service_name="butler") as stage:
            await trace_by(stage, {"workflow_name": "desk", "group_id": "g1", "metadata": {"room": "12"}})
            await say_something(stage)
            session_id = stage.transport.events[0]["session"]["id"]
            done = stage.transport.events[stage.transport.types.index("response.done")]["response"]
    assert receiver.services == {"butler"}
    assert {headers["x-key"] for headers in receiver.headers} == {"abc"}
    session, turn, response = (receiver.one(name) for name in ("session", "turn", "response"))
    assert len({span.trace_id for span in receiver.spans}) == 1
    assert session.parent_span_id == b""
    assert turn.parent_span_id == session.span_id
    assert receiver.one("transcription").parent_span_id == turn.span_id
    assert response.parent_span_id == turn.span_id
    assert receiver.one("language").parent_span_id == response.span_id
    assert receiver.one("speech").parent_span_id == response.span_id
    for span in receiver.spans:
        told = attributes(span)
        assert told["workflow_name"] == "desk"
        assert told["group_id"] == "g1"
        assert told["metadata.room"] == "12"
        assert told["gen_ai.conversation.id"] == session_id
        assert span.start_time_unix_nano <= span.end_time_unix_nano
    told = attributes(response)
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.provider.name"] == "vivavoce"
    assert told["gen_ai.response.id"] == done["id"]
    assert told["gen_ai.usage.input_tokens"] == done["usage"]["input_tokens"]
    assert told["gen_ai.usage.output_tokens"] == done["usage"]["output_tokens"]
    assert attributes(receiver.one("language"))["gen_ai.request.model"] == "gpt-realtime"
    assert [event.name for event in turn.events] == ["first_output"]


async def test_what_was_said_is_not_in_the_spans():
    with receiving() as receiver:
        async with traced(receiver, spoken, all_sessions=True) as stage:
            await say_something(stage)
    everything = " ".join(str(span) for span in receiver.spans)
    assert "Good day" not in everything
    assert "what time" not in everything


async def test_a_function_is_a_span_from_its_call_to_its_output():
    with receiving() as receiver:
        async with traced(receiver, calling, all_sessions=True) as stage:
            await stage.send(type="response.create")
            await stage.transport.until("response.done")
            await stage.send(
                type="conversation.item.create",
                item={"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
            )
    tool = receiver.one("execute_tool weather")
    assert attributes(tool)["gen_ai.operation.name"] == "execute_tool"
    assert attributes(tool)["gen_ai.tool.name"] == "weather"
    assert attributes(tool)["gen_ai.tool.call.id"] == "call_1"
    assert tool.status.code == 0


async def test_failures_are_marked():
    with receiving() as receiver:
        async with traced(receiver, failing, all_sessions=True) as stage:
            await stage.send(type="response.create")
            await stage.transport.until("response.done")
            await stage.send(type="nonsense")
    response = receiver.one("response")
    assert response.status.code == 2
    assert attributes(response)["error.type"] == "overloaded"
    assert attributes(receiver.one("session"))["workflow_name"] == "Realtime session"
    assert [event.name for event in receiver.one("session").events] == ["error"]


async def test_what_is_under_way_ends_with_the_session():
    with receiving() as receiver:
        async with traced(receiver, calling, all_sessions=True) as stage:
            await stage.send(type="response.create")
            await stage.transport.until("response.done")
    tool = receiver.one("execute_tool weather")
    assert attributes(tool)["error.type"] == "session_ended"
    assert {span.name for span in receiver.spans} >= {"session", "turn", "response", "language"}


async def test_a_session_that_nobody_wants_traced_leaves_no_span():
    with receiving() as receiver:
        async with traced(receiver, spoken) as stage:
            await say_something(stage)
    assert receiver.spans == []


async def test_auto_traces_with_the_default_name():
    with receiving() as receiver:
        async with traced(receiver, spoken) as stage:
            await trace_by(stage, "auto")
            await say_something(stage)
    assert attributes(receiver.one("turn"))["workflow_name"] == "Realtime session"


async def test_a_receiver_that_is_gone_hurts_no_session():
    with receiving() as receiver:
        pass
    async with traced(receiver, spoken, all_sessions=True, timeout_s=0.5) as stage:
        await say_something(stage)
    assert "response.output_audio.done" in stage.transport.types
