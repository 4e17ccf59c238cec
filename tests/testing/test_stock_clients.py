"""The scripted server, as the official Python package meets it, in both dialects."""

import base64
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.beta.realtime import RealtimeServerEvent as BetaServerEvent
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from vivavoce.testing import RealtimeServer, expect, finish, respond, speech, tone, wait

# The package opens its synchronous connections in a way that the newest `websockets` advises against.
pytestmark = pytest.mark.filterwarnings(
    "ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"
)

GA: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
BETA: TypeAdapter[Any] = TypeAdapter(BetaServerEvent)


async def test_a_conversation_asynchronously(realtime_server: RealtimeServer) -> None:
    realtime_server.script(
        expect("session.update", session={"audio": {"output": {"voice": "ash"}}}),
        expect("response.create"),
        respond(call=("weather", '{"city":"Rome"}'), name="asked"),
        expect("conversation.item.create", item={"type": "function_call_output", "call_id": "$call.asked"}),
        expect("response.create"),
        wait(30),
        respond(audio=tone(150), transcript="It is sunny.", every=0.5),
    )
    client = AsyncOpenAI(api_key="any", base_url=realtime_server.base_url)
    events, sound = [], b""
    async with client, client.realtime.connect(model="gpt-realtime") as connection:
        voice: Any = {"type": "realtime", "audio": {"output": {"voice": "ash"}}}
        await connection.session.update(session=voice)
        await connection.response.create()
        async for event in connection:
            events.append(event)
            if event.type == "response.function_call_arguments.done":
                output: Any = {"type": "function_call_output", "call_id": event.call_id, "output": "sun"}
                await connection.conversation.item.create(item=output)
            elif event.type == "response.output_audio.delta":
                sound += base64.b64decode(event.delta)
            elif event.type == "response.done":
                assert event.response.output
                if event.response.output[0].type == "message":
                    break
                await connection.response.create()
                await realtime_server.expect("conversation.item.create")
                await realtime_server.expect("response.create")
                await realtime_server.clock.advance(60)
    assert len(sound) == 7200
    for event in events:
        GA.validate_python(event.to_dict(), strict=True)


def test_an_interruption_synchronously(realtime_server: RealtimeServer) -> None:
    realtime_server.script(
        expect("response.create"),
        respond(audio=tone(1000), transcript="Once upon a time", deltas=4),
        speech(start_ms=300),
        finish("cancelled", reason="turn_detected"),
        speech("Stop!", end_ms=900),
    )
    client = OpenAI(api_key="any", base_url=realtime_server.base_url)
    kinds: list[str] = []
    with client, client.realtime.connect(model="gpt-realtime") as connection:
        connection.response.create()
        for event in connection:
            kinds.append(event.type)
            GA.validate_python(event.to_dict(), strict=True)
            if event.type == "response.done":
                assert event.response.status == "cancelled"
                assert event.response.output
                assert event.response.output[0].content[0].transcript == "Once upon "  # type: ignore[union-attr, index]
            if event.type == "conversation.item.input_audio_transcription.completed":
                assert event.transcript == "Stop!"
                break
    heard = kinds.index("input_audio_buffer.speech_started")
    assert kinds[heard + 1 :] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]


async def test_the_beta_dialect(realtime_server: RealtimeServer) -> None:
    realtime_server.script(
        expect("session.update", session={"modalities": ["text"], "temperature": 0.7}),
        expect("conversation.item.create"),
        expect("response.create"),
        respond("Hello there"),
    )
    address = realtime_server.url.removesuffix("/realtime")
    client = AsyncOpenAI(api_key="any", websocket_base_url=address)
    events = []
    async with client, client.beta.realtime.connect(model="gpt-4o-realtime-preview") as connection:
        await connection.session.update(session={"modalities": ["text"], "temperature": 0.7})
        item: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
        await connection.conversation.item.create(item=item)
        await connection.response.create()
        async for event in connection:
            events.append(event)
            if event.type == "response.done":
                break
    assert [event.type for event in events] == [
        "session.created",
        "conversation.created",
        "session.updated",
        "conversation.item.created",
        "response.created",
        "response.output_item.added",
        "conversation.item.created",
        "response.content_part.added",
        "response.text.delta",
        "response.text.delta",
        "response.text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    assert events[2].to_dict()["session"]["temperature"] == 0.7  # type: ignore[index]
    assert realtime_server.handshakes[0].dialect == "beta"
    for event in events:
        if event.type != "conversation.created":
            BETA.validate_python(event.to_dict(), strict=True)
