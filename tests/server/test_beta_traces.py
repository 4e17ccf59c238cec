"""The traces of the behaviour reference, section 3, as a client of the beta dialect sees them: frame by frame
and key by key, through a real socket. The engines are scripted, the session and the server are not."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.server.scripted import ScriptedResponder, combination
from tests.server.test_runner import audio, pieces
from tests.server.toys import ToyEngines
from vivavoce.protocol import (
    AudioDelta,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallOutput,
    FunctionCallStart,
    OutputPart,
    ResponseEnd,
    ResponseRequest,
    TextDelta,
    TokenCounts,
)
from vivavoce.server.application import RealtimeApplication
from vivavoce.server.config import Config, SessionSettings
from vivavoce.server.engine_room import Combination
from vivavoce.server.runner import SessionRunner

Event = dict[str, object]

SAMPLES = b"\1\0" * 2400

BETA = {"OpenAI-Beta": "realtime=v1"}


async def answer(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    """Whatever the last item asks for."""
    last = request.items[-1] if request.items else None
    if request.tools and not isinstance(last, FunctionCallOutput):
        yield FunctionCallStart("get_weather", "call_1")
        yield FunctionCallDelta('{"city":')
        yield FunctionCallDelta('"Rome"}')
        yield FunctionCallEnd()
    elif "forever" in request.instructions:
        while True:
            yield TextDelta("on ")
            yield AudioDelta(SAMPLES, 0)
            await asyncio.sleep(0.005)
    elif request.modality == "text":
        yield TextDelta("Hi ")
        yield TextDelta("there")
    else:
        yield TextDelta("Hello.")
        yield AudioDelta(SAMPLES, 6)
    yield ResponseEnd(tokens=TokenCounts(input_text=10, output_text=5))


class Engines(ToyEngines):
    """Scripted engines for every model."""

    def __init__(self) -> None:
        super().__init__()
        self.responder = ScriptedResponder(answer)
        self._combination = combination(self.responder)

    def combination(self, model: str | None) -> Combination:  # type: ignore[override]
        return self._combination


class Peer:
    """A client that keeps what it is told. Identifiers of the server are called by the order of their
    coming: `item_1`, `resp_2`, …"""

    def __init__(self, socket: ClientConnection, requests: list[ResponseRequest]) -> None:
        self._socket = socket
        self.requests = requests
        """What the responder was asked for."""
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    async def send(self, kind: str, **fields: object) -> None:
        text = json.dumps({"type": kind, **fields})
        for real, name in self._names.items():
            text = text.replace(name, real)
        await self._socket.send(text)

    async def receive(self) -> Event:
        """The next event, without its `event_id`, which every event has."""
        async with asyncio.timeout(20):
            text = await self._socket.recv()
        event = json.loads(re.sub(r'"(item|resp|conv|sess)_[0-9A-Za-z]{21}"', self._name, str(text)))
        assert re.fullmatch(r"event_[0-9A-Za-z]{21}", event.pop("event_id"))
        return event

    async def through(self, kind: str) -> list[Event]:
        """All events up to the next of this type."""
        events = [await self.receive()]
        while events[-1]["type"] != kind:
            events.append(await self.receive())
        return events

    async def opened(self) -> Event:
        """The session, when the server has said hello."""
        created, _ = await self.through("conversation.created")
        return created["session"]  # type: ignore[return-value]

    async def update(self, **session: object) -> Event:
        await self.send("session.update", session=session)
        updated = await self.receive()
        assert updated["type"] == "session.updated", updated
        return updated["session"]  # type: ignore[return-value]

    async def say(self, text: str) -> Event:
        content = [{"type": "input_text", "text": text}]
        await self.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )
        return await self.receive()

    async def speak(self) -> None:
        for piece in [*pieces(0.2, 0), *pieces(0.5, 8000), *pieces(0.4, 0)]:
            await self.send("input_audio_buffer.append", audio=piece)

    def _name(self, found: re.Match[str]) -> str:
        if found[0] not in self._names:
            self._counts[found[1]] = self._counts.get(found[1], 0) + 1
            self._names[found[0]] = f'"{found[1]}_{self._counts[found[1]]}"'
        return self._names[found[0]]


@pytest.fixture
def call(serve):
    """`async with call() as peer`: a connection of the beta dialect."""

    @asynccontextmanager
    async def calling(query: str = "?model=gpt-4o-realtime-preview") -> AsyncIterator[Peer]:
        settings = SessionSettings(instructions="Be kind.", max_minutes=0, debug=True)
        engines = Engines()
        application = RealtimeApplication(Config(session=settings), engines, SessionRunner)
        async with serve(application=application) as served:
            async with connect(served.url + query, additional_headers=BETA) as socket:
                yield Peer(socket, engines.responder.requests)

    return calling


SESSION: Event = {
    "object": "realtime.session",
    "id": "sess_1",
    "model": "gpt-4o-realtime-preview",
    "modalities": ["text", "audio"],
    "instructions": "Be kind.",
    "voice": "alloy",
    "input_audio_format": "pcm16",
    "output_audio_format": "pcm16",
    "input_audio_transcription": None,
    "input_audio_noise_reduction": None,
    "turn_detection": {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "create_response": True,
        "interrupt_response": True,
    },
    "tools": [],
    "tool_choice": "auto",
    "temperature": 0.8,
    "max_response_output_tokens": "inf",
    "speed": 1.0,
    "tracing": None,
    "prompt": None,
    "expires_at": 0,
    "include": None,
    "client_secret": None,
}

RESPONSE: Event = {
    "object": "realtime.response",
    "id": "resp_1",
    "status": "in_progress",
    "status_details": None,
    "output": [],
    "conversation_id": "conv_1",
    "modalities": ["text", "audio"],
    "voice": "alloy",
    "output_audio_format": "pcm16",
    "temperature": 0.8,
    "max_output_tokens": "inf",
    "usage": None,
    "metadata": None,
}


def usage(event: Event) -> Event:
    """The usage of a `response.done`, which is checked here: every kind of token, but images."""
    used = event["response"].pop("usage")  # type: ignore[attr-defined]
    assert set(used) == {
        "total_tokens",
        "input_tokens",
        "output_tokens",
        "input_token_details",
        "output_token_details",
    }
    assert used["total_tokens"] == used["input_tokens"] + used["output_tokens"]
    for each in (used["input_token_details"], used["input_token_details"].get("cached_tokens_details", {})):
        assert "image_tokens" not in each
    return used


def message(item: str, role: str, status: str, *content: Event) -> Event:
    return {
        "id": item,
        "object": "realtime.item",
        "type": "message",
        "status": status,
        "role": role,
        "content": list(content),
    }


def place(item: str, response: str = "resp_1") -> Event:
    return {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}


def rate_limits() -> Event:
    return {"type": "rate_limits.updated", "rate_limits": []}


async def test_hello(call) -> None:
    async with call() as peer:
        created, conversation = await peer.through("conversation.created")
        assert created == {"type": "session.created", "session": SESSION}
        assert list(created["session"]) == list(SESSION)
        assert conversation == {
            "type": "conversation.created",
            "conversation": {"id": "conv_1", "object": "realtime.conversation"},
        }


async def test_a_text_turn(call) -> None:
    async with call() as peer:
        await peer.opened()
        assert await peer.update(modalities=["text"]) == SESSION | {"modalities": ["text"]}
        asked = message("item_1", "user", "completed", {"type": "input_text", "text": "Hello"})
        assert await peer.say("Hello") == {
            "type": "conversation.item.created",
            "previous_item_id": None,
            "item": asked,
        }
        await peer.send("response.create")
        events = await peer.through("rate_limits.updated")
        used = usage(events[-2])
        assert used["output_tokens"] == 5
        begun = message("item_2", "assistant", "in_progress")
        told = message("item_2", "assistant", "completed", {"type": "text", "text": "Hi there"})
        response = RESPONSE | {"modalities": ["text"]}
        completed = {name: value for name, value in response.items() if name != "usage"} | {
            "status": "completed",
            "output": [told],
        }
        at = place("item_2")
        assert events == [
            {"type": "response.created", "response": response},
            {
                "type": "response.output_item.added",
                "response_id": "resp_1",
                "output_index": 0,
                "item": begun,
            },
            {"type": "conversation.item.created", "previous_item_id": "item_1", "item": begun},
            {"type": "response.content_part.added", **at, "part": {"type": "text", "text": ""}},
            {"type": "response.text.delta", **at, "delta": "Hi "},
            {"type": "response.text.delta", **at, "delta": "there"},
            {"type": "response.text.done", **at, "text": "Hi there"},
            {"type": "response.content_part.done", **at, "part": {"type": "text", "text": "Hi there"}},
            {
                "type": "response.output_item.done",
                "response_id": "resp_1",
                "output_index": 0,
                "item": told,
            },
            {"type": "response.done", "response": completed},
            rate_limits(),
        ]


async def test_a_spoken_turn(call) -> None:
    async with call() as peer:
        await peer.opened()
        transcription = {"model": "whisper-1", "language": None, "prompt": None}
        updated = await peer.update(input_audio_transcription={"model": "whisper-1"})
        assert updated["input_audio_transcription"] == transcription
        await peer.speak()
        events = await peer.through("rate_limits.updated")
        transcribed = [event for event in events if "transcription" in str(event["type"])]
        assert [event["type"] for event in transcribed][-1] == (
            "conversation.item.input_audio_transcription.completed"
        )
        assert all("obfuscation" not in event for event in events)
        assert transcribed[-1]["transcript"] == "words"
        assert {event["item_id"] for event in transcribed} == {"item_1"}
        events = [event for event in events if event not in transcribed]
        usage(events[-2])
        started, stopped = events[0], events[1]
        assert set(started) == {"type", "audio_start_ms", "item_id"}
        assert set(stopped) == {"type", "audio_end_ms", "item_id"}
        heard = message("item_1", "user", "completed", {"type": "input_audio", "transcript": None})
        begun = message("item_2", "assistant", "in_progress")
        told = message("item_2", "assistant", "completed", {"type": "audio", "transcript": "Hello."})
        at = place("item_2")
        completed = {name: value for name, value in RESPONSE.items() if name != "usage"} | {
            "status": "completed",
            "output": [told],
        }
        (delta,) = [event for event in events if event["type"] == "response.audio.delta"]
        assert events == [
            {
                "type": "input_audio_buffer.speech_started",
                "audio_start_ms": started["audio_start_ms"],
                "item_id": "item_1",
            },
            {
                "type": "input_audio_buffer.speech_stopped",
                "audio_end_ms": stopped["audio_end_ms"],
                "item_id": "item_1",
            },
            {"type": "input_audio_buffer.committed", "previous_item_id": None, "item_id": "item_1"},
            {"type": "conversation.item.created", "previous_item_id": None, "item": heard},
            {"type": "response.created", "response": RESPONSE},
            {
                "type": "response.output_item.added",
                "response_id": "resp_1",
                "output_index": 0,
                "item": begun,
            },
            {"type": "conversation.item.created", "previous_item_id": "item_1", "item": begun},
            {"type": "response.content_part.added", **at, "part": {"type": "audio", "transcript": ""}},
            {"type": "response.audio_transcript.delta", **at, "delta": "Hello."},
            {"type": "response.audio.delta", **at, "delta": delta["delta"]},
            {"type": "response.audio.done", **at},
            {"type": "response.audio_transcript.done", **at, "transcript": "Hello."},
            {"type": "response.content_part.done", **at, "part": {"type": "audio", "transcript": "Hello."}},
            {
                "type": "response.output_item.done",
                "response_id": "resp_1",
                "output_index": 0,
                "item": told,
            },
            {"type": "response.done", "response": completed},
            rate_limits(),
        ]
        await peer.send("conversation.item.retrieve", item_id="no such item", event_id="evt_1")
        refused = await peer.receive()
        assert refused == {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "code": "item_retrieve_invalid_item_id",
                "message": "Error retrieving item: the item with id 'no such item' does not exist.",
                "param": None,
                "event_id": "evt_1",
            },
        }


async def test_push_to_talk(call) -> None:
    async with call() as peer:
        await peer.opened()
        assert (await peer.update(turn_detection=None))["turn_detection"] is None
        await peer.send("input_audio_buffer.append", audio=audio(0.5, 8000))
        await peer.send("input_audio_buffer.commit")
        committed, created = await peer.through("conversation.item.created")
        assert committed == {
            "type": "input_audio_buffer.committed",
            "previous_item_id": None,
            "item_id": "item_1",
        }
        assert created["item"] == message(
            "item_1", "user", "completed", {"type": "input_audio", "transcript": None}
        )
        await peer.send("response.create")
        events = await peer.through("rate_limits.updated")
        assert events[0]["type"] == "response.created"
        assert events[-2]["response"]["status"] == "completed"
        await peer.send("input_audio_buffer.clear")
        assert await peer.receive() == {"type": "input_audio_buffer.cleared"}


async def test_cancel(call) -> None:
    async with call() as peer:
        await peer.opened()
        await peer.send("response.create", response={"instructions": "Go on forever."})
        events = await peer.through("response.audio.delta")
        await peer.send("response.cancel")
        events += await peer.through("rate_limits.updated")
        said = "".join(
            str(each["delta"]) for each in events if each["type"] == "response.audio_transcript.delta"
        )
        usage(events[-2])
        cut = message("item_1", "assistant", "incomplete", {"type": "audio", "transcript": said})
        at = place("item_1")
        ended = {name: value for name, value in RESPONSE.items() if name != "usage"} | {
            "status": "cancelled",
            "status_details": {"type": "cancelled", "reason": "client_cancelled"},
            "output": [cut],
        }
        assert events[-6:] == [
            {"type": "response.audio.done", **at},
            {"type": "response.audio_transcript.done", **at, "transcript": said},
            {"type": "response.content_part.done", **at, "part": {"type": "audio", "transcript": said}},
            {
                "type": "response.output_item.done",
                "response_id": "resp_1",
                "output_index": 0,
                "item": cut,
            },
            {"type": "response.done", "response": ended},
            rate_limits(),
        ]
        await peer.send("conversation.item.truncate", item_id="", content_index=0, audio_end_ms=0)
        assert (await peer.receive())["error"]["code"] == "item_truncate_invalid_item_id"
        await peer.send("response.cancel")
        assert (await peer.receive())["error"]["code"] == "response_cancel_not_active"


async def test_an_interruption(call) -> None:
    async with call() as peer:
        await peer.opened()
        await peer.send("response.create", response={"instructions": "Go on forever."})
        events = await peer.through("response.audio.delta")
        for piece in [*pieces(0.2, 0), *pieces(0.5, 8000)]:
            await peer.send("input_audio_buffer.append", audio=piece)
        events += await peer.through("rate_limits.updated")
        kinds = [event["type"] for event in events]
        begun = kinds.index("input_audio_buffer.speech_started")
        assert events[begun]["item_id"] == "item_2"
        said = "".join(
            str(each["delta"]) for each in events if each["type"] == "response.audio_transcript.delta"
        )
        cut = message("item_1", "assistant", "incomplete", {"type": "audio", "transcript": said})
        at = place("item_1")
        usage(events[-2])
        assert events[begun + 1 : -2] == [
            {"type": "response.audio.done", **at},
            {"type": "response.audio_transcript.done", **at, "transcript": said},
            {"type": "response.content_part.done", **at, "part": {"type": "audio", "transcript": said}},
            {
                "type": "response.output_item.done",
                "response_id": "resp_1",
                "output_index": 0,
                "item": cut,
            },
        ]
        cancelled = events[-2]["response"]
        assert cancelled["status"] == "cancelled"
        assert cancelled["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert cancelled["output"] == [cut]
        retained = {"item_id": "item_1", "content_index": 0, "audio_end_ms": 50}
        await peer.send("conversation.item.truncate", **retained)
        truncated = await peer.receive()
        assert truncated == {"type": "conversation.item.truncated", **retained}


async def test_a_function_call_and_its_output(call) -> None:
    async with call() as peer:
        await peer.opened()
        tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
        updated = await peer.update(tools=[tool], tool_choice="required", modalities=["text"])
        assert updated["tools"] == [tool]
        assert updated["tool_choice"] == "required"
        await peer.say("What is the weather in Rome?")
        await peer.send("response.create")
        events = await peer.through("rate_limits.updated")
        usage(events[-2])

        def called(status: str, arguments: str) -> Event:
            return {
                "id": "item_2",
                "object": "realtime.item",
                "type": "function_call",
                "status": status,
                "name": "get_weather",
                "call_id": "call_1",
                "arguments": arguments,
            }

        whole = '{"city":"Rome"}'
        at = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0, "call_id": "call_1"}
        assert events[1:-2] == [
            {
                "type": "response.output_item.added",
                "response_id": "resp_1",
                "output_index": 0,
                "item": called("in_progress", ""),
            },
            {
                "type": "conversation.item.created",
                "previous_item_id": "item_1",
                "item": called("in_progress", ""),
            },
            {"type": "response.function_call_arguments.delta", **at, "delta": '{"city":'},
            {"type": "response.function_call_arguments.delta", **at, "delta": '"Rome"}'},
            {"type": "response.function_call_arguments.done", **at, "arguments": whole},
            {
                "type": "response.output_item.done",
                "response_id": "resp_1",
                "output_index": 0,
                "item": called("completed", whole),
            },
        ]
        assert events[-2]["response"]["output"] == [called("completed", whole)]
        await peer.send(
            "conversation.item.create",
            item={"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
        )
        assert await peer.receive() == {
            "type": "conversation.item.created",
            "previous_item_id": "item_2",
            "item": {
                "id": "item_3",
                "object": "realtime.item",
                "type": "function_call_output",
                "status": "completed",
                "call_id": "call_1",
                "output": "sunny",
            },
        }
        await peer.send("response.create")
        (done,) = [
            event for event in await peer.through("rate_limits.updated") if event["type"] == "response.done"
        ]
        assert done["response"]["output"][0]["content"] == [{"type": "text", "text": "Hi there"}]


async def test_a_response_of_its_own_kind(call) -> None:
    async with call() as peer:
        await peer.opened()
        await peer.say("Hello")
        asked = {
            "conversation": "none",
            "modalities": ["text"],
            "voice": "ash",
            "output_audio_format": "g711_ulaw",
            "temperature": 1.1,
            "max_response_output_tokens": 77,
            "metadata": {"topic": "greeting"},
            "input": [{"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}],
        }
        await peer.send("response.create", response=asked)
        events = await peer.through("rate_limits.updated")
        assert "conversation.item.created" not in [event["type"] for event in events]
        expected = {
            "conversation_id": None,
            "modalities": ["text"],
            "voice": "ash",
            "output_audio_format": "g711_ulaw",
            "temperature": 1.1,
            "max_output_tokens": 77,
            "metadata": {"topic": "greeting"},
        }
        assert events[0] == {"type": "response.created", "response": RESPONSE | expected}
        assert expected.items() <= events[-2]["response"].items()
        (request,) = peer.requests
        assert (request.temperature, request.max_output_tokens, request.voice) == (1.1, 77, "ash")


async def test_the_model_is_told_the_temperature(call) -> None:
    async with call() as peer:
        await peer.opened()
        for session, shown, told in (({}, 0.8, None), ({"temperature": 0.7}, 0.7, 0.7), ({}, 0.7, 0.7)):
            assert (await peer.update(**session))["temperature"] == shown
            await peer.send("response.create")
            events = await peer.through("rate_limits.updated")
            assert events[0]["response"]["temperature"] == events[-2]["response"]["temperature"] == shown
            assert peer.requests[-1].temperature == told


async def test_the_words_of_the_other_dialect_change_nothing(call) -> None:
    async with call() as peer:
        await peer.opened()
        for session, param in (
            ({"type": "realtime", "voice": "ash"}, "session.type"),
            ({"output_modalities": ["text"]}, "session.output_modalities"),
            ({"temperature": 0.1, "voice": "ash"}, "session.temperature"),
            ({"modalities": ["audio"]}, "session.modalities"),
            ({"model": "another"}, "session.model"),
        ):
            await peer.send("session.update", event_id="evt_1", session=session)
            refused = await peer.receive()
            assert refused["type"] == "error"
            assert refused["error"]["param"] == param
            assert refused["error"]["event_id"] == "evt_1"
        assert await peer.update() == SESSION


async def test_an_update_for_a_transcriber_is_refused(call) -> None:
    async with call() as peer:
        await peer.opened()
        await peer.send("transcription_session.update", session={"input_audio_format": "pcm16"})
        refused = await peer.receive()
        assert refused["error"] == {
            "type": "invalid_request_error",
            "code": "invalid_parameter",
            "message": "Passing a transcription session update event to a realtime session is not allowed.",
            "param": None,
            "event_id": None,
        }


async def test_a_session_names_the_fields_of_the_dialect(call) -> None:
    async with call() as peer:
        await peer.opened()
        await peer.send("session.update", session={"voice": {"id": "voice_1"}})
        refused = await peer.receive()
        assert refused["error"]["message"] == "Unsupported option for this model: 'session.voice'."


# Transcription sessions.

TRANSCRIBER: Event = {
    "object": "realtime.transcription_session",
    "id": "sess_1",
    "input_audio_format": "pcm16",
    "input_audio_transcription": None,
    "input_audio_noise_reduction": None,
    "turn_detection": {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
    },
    "include": None,
    "expires_at": 0,
    "client_secret": None,
}


async def test_a_transcription_session(call) -> None:
    async with call("?intent=transcription") as peer:
        created = await peer.receive()
        assert created == {"type": "transcription_session.created", "session": TRANSCRIBER}
        assert list(created["session"]) == list(TRANSCRIBER)
        transcription = {"model": "gpt-4o-transcribe", "language": "en", "prompt": "greetings"}
        await peer.send(
            "transcription_session.update",
            session={
                "input_audio_transcription": transcription,
                "turn_detection": {"type": "server_vad", "create_response": True, "interrupt_response": True},
            },
        )
        assert await peer.receive() == {
            "type": "transcription_session.updated",
            "session": TRANSCRIBER | {"input_audio_transcription": transcription},
        }
        await peer.speak()
        completed = "conversation.item.input_audio_transcription.completed"
        events = await peer.through(completed)
        deltas = [event for event in events if event["type"] == completed.replace("completed", "delta")]
        assert "".join(str(event["delta"]) for event in deltas) == "words"
        assert all(set(event) == {"type", "item_id", "content_index", "delta"} for event in deltas)
        rest = [event for event in events if event not in deltas]
        assert [event["type"] for event in rest] == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.created",
            completed,
        ]
        assert rest[3]["item"] == message(
            "item_1", "user", "completed", {"type": "input_audio", "transcript": None}
        )
        assert rest[4].items() >= {"item_id": "item_1", "content_index": 0, "transcript": "words"}.items()
        assert rest[4]["usage"]


async def test_what_a_transcription_session_refuses(call) -> None:
    async with call("?intent=transcription") as peer:
        await peer.receive()
        await peer.send("session.update", session={"voice": "ash"})
        assert (await peer.receive())["error"] == {
            "type": "invalid_request_error",
            "code": "invalid_parameter",
            "message": "Passing a realtime session update event to a transcription session is not allowed.",
            "param": None,
            "event_id": None,
        }
        await peer.send("transcription_session.update", session={"voice": "ash"})
        assert (await peer.receive())["error"]["param"] == "session.voice"
        await peer.send("response.create")
        assert (await peer.receive())["error"]["code"] == "invalid_parameter"
        await peer.send(
            "transcription_session.update",
            session={
                "input_audio_transcription": {"model": "gpt-realtime-whisper"},
                "turn_detection": {"type": "server_vad"},
            },
        )
        refused = await peer.receive()
        assert refused["error"]["code"] == "invalid_value"
        assert refused["error"]["param"] == "session.turn_detection"
        await peer.send("transcription_session.update", session={})
        assert (await peer.receive())["session"] == TRANSCRIBER
