"""The beta half of the official Python client, which OpenAI itself answers no longer, and the Azure classes.

Every event is read twice: by the connection itself, as any program has it, and by the package's beta types in
strict mode.
"""

import asyncio
import base64
import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from openai.types.beta.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.exceptions import InvalidStatus

from tests.protocol.beta.test_official_types import NOT_IN_THE_PACKAGE
from tests.protocol.test_official_types import unknown_keys
from tests.serving import Server
from tests.stock.python.test_conversations import LIGHTS, types_of
from tests.stock.speech import pieces, recording

pytestmark = [
    pytest.mark.xdist_group("stock"),
    # The package opens its synchronous connections in a way that the newest `websockets` advises against.
    pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"),
]

MODEL = "gpt-4o-realtime-preview"
API_VERSION = "2025-04-01-preview"

STRICT: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)


def azure_options(server: Server, path: str = "/openai") -> dict[str, Any]:
    """What a client of Azure is given in place of its endpoint: the package itself would insist on TLS."""
    return {
        "azure_endpoint": server.base_url.removesuffix("/v1"),
        "websocket_base_url": server.url.removesuffix("/v1/realtime") + path,
        "api_key": server.key,
        "api_version": API_VERSION,
    }


def openai_options(server: Server) -> dict[str, Any]:
    return {"websocket_base_url": server.url.removesuffix("/realtime"), "api_key": server.key}


CLIENTS: dict[str, Callable[[Server], Any]] = {
    "OpenAI": lambda server: OpenAI(**openai_options(server)),
    "AsyncOpenAI": lambda server: AsyncOpenAI(**openai_options(server)),
    "AzureOpenAI": lambda server: AzureOpenAI(**azure_options(server)),
    "AsyncAzureOpenAI": lambda server: AsyncAzureOpenAI(**azure_options(server)),
}


class Call:
    """An open connection of the beta dialect. `do` performs what its methods return."""

    def __init__(self, connection: Any, do: Callable[[Any], Any]) -> None:
        self.connection = connection
        self.do = do

    def receive(self) -> Any:
        raw = self.do(self.connection.recv_bytes())
        event = self.connection.parse_event(raw)
        strict = STRICT.validate_json(raw, strict=True)
        assert type(event) is type(strict)
        assert set(unknown_keys(strict)) <= NOT_IN_THE_PACKAGE
        return event

    def through(self, kind: str) -> list[Any]:
        """All events up to the next of this type. Nothing may be wrong before."""
        events: list[Any] = []
        while not events or events[-1].type != kind:
            events.append(self.receive())
            assert events[-1].type != "error" or kind == "error", events[-1].error
        return events

    def until(self, kind: str) -> Any:
        return self.through(kind)[-1]

    def say(self, text: str) -> None:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        self.do(self.connection.conversation.item.create(item=item))


@contextmanager
def calling(client: Any, connect: Callable[[], Any]) -> Iterator[Call]:
    """A connection of any of the clients, asynchronous or not."""
    with asyncio.Runner() as runner:

        async def patiently(work: Any) -> Any:
            async with asyncio.timeout(60):
                return await work

        def do(work: Any) -> Any:
            return runner.run(patiently(work)) if inspect.isawaitable(work) else work

        connection = do(connect().enter())
        try:
            yield Call(connection, do)
        finally:
            do(connection.close())
            do(client.close())


@pytest.fixture(params=CLIENTS)
def call(request: pytest.FixtureRequest, server: Server) -> Iterator[Call]:
    client = CLIENTS[request.param](server)
    with calling(client, lambda: client.beta.realtime.connect(model=MODEL)) as open_call:
        created = open_call.receive()
        assert created.type == "session.created"
        assert created.session.model == MODEL
        assert created.session.modalities == ["text", "audio"]
        assert created.session.input_audio_format == "pcm16"
        conversation = open_call.receive()
        assert conversation.type == "conversation.created"
        assert conversation.conversation.id.startswith("conv_")
        yield open_call


def test_text_turn(call: Call) -> None:
    call.do(call.connection.session.update(session={"modalities": ["text"], "temperature": 0.7}))
    session = call.until("session.updated").session
    assert (session.modalities, session.temperature) == (["text"], 0.7)
    call.say("Please say good morning")
    call.do(call.connection.response.create())
    events = call.through("rate_limits.updated")
    assert types_of(events) == [
        "conversation.item.created",
        "response.created",
        "response.output_item.added",
        "conversation.item.created",
        "response.content_part.added",
        "response.text.delta",
        "response.text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert "".join(each.delta for each in events if each.type == "response.text.delta") == "good morning"
    response = events[-2].response
    assert response.status == "completed"
    assert response.temperature == 0.7
    assert response.output[0].object == "realtime.item"
    assert response.output[0].content[0].type == "text"
    assert response.output[0].content[0].text == "good morning"
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_audio_turn(call: Call, speech: Path) -> None:
    """A person speaks; the server hears when the person is done, understands, and answers aloud."""
    transcription = {"model": "whisper-1", "language": "en"}
    call.do(call.connection.session.update(session={"input_audio_transcription": transcription}))
    assert call.until("session.updated").session.input_audio_transcription.language == "en"
    for piece in pieces(recording(speech / "austen-0880.wav")):
        call.do(call.connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode()))
    events = call.through("rate_limits.updated")
    assert types_of(events)[:4] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.created",
    ]
    (completed,) = [each for each in events if each.type.endswith("transcription.completed")]
    assert "young man" in completed.transcript.lower()
    spoken = b"".join(base64.b64decode(each.delta) for each in events if each.type == "response.audio.delta")
    assert len(spoken) > 24_000
    (transcript,) = [each.transcript for each in events if each.type == "response.audio_transcript.done"]
    assert events[-2].response.output[0].content[0].transcript == transcript


def test_function(call: Call) -> None:
    call.do(call.connection.session.update(session={"tools": [LIGHTS], "modalities": ["text"]}))
    assert call.until("session.updated").session.tools[0].name == "set_light_brightness"
    call.say("Set the brightness of the bedroom lights to 40, please.")
    call.do(call.connection.response.create())
    arguments = call.until("response.function_call_arguments.done")
    assert json.loads(arguments.arguments) == {"room": "bedroom", "brightness": 40}
    (called,) = call.until("response.done").response.output
    assert (called.type, called.name, called.call_id) == (
        "function_call",
        "set_light_brightness",
        arguments.call_id,
    )
    call.until("rate_limits.updated")
    output = {"type": "function_call_output", "call_id": called.call_id, "output": "40 percent"}
    call.do(call.connection.conversation.item.create(item=output))
    assert call.until("conversation.item.created").item.object == "realtime.item"
    call.do(call.connection.response.create())
    assert "40 percent" in call.until("response.text.done").text


def test_items_and_errors(call: Call) -> None:
    call.say("Hello")
    item = call.until("conversation.item.created").item
    call.do(call.connection.conversation.item.retrieve(item_id=item.id))
    assert call.until("conversation.item.retrieved").item.content[0].text == "Hello"
    call.do(call.connection.conversation.item.delete(item_id=item.id))
    assert call.until("conversation.item.deleted").item_id == item.id
    call.do(call.connection.session.update(session={"temperature": 0.1}, event_id="too_cold"))
    error = call.until("error").error
    assert (error.code, error.param, error.event_id) == (
        "decimal_below_min_value",
        "session.temperature",
        "too_cold",
    )
    call.do(call.connection.transcription_session.update(session={"input_audio_format": "pcm16"}))
    assert call.until("error").error.code == "invalid_parameter"
    call.do(call.connection.input_audio_buffer.clear())
    call.until("input_audio_buffer.cleared")
    call.do(call.connection.response.cancel())
    assert call.until("error").error.code == "response_cancel_not_active"


@pytest.mark.parametrize("kind", [OpenAI, AzureOpenAI, AsyncOpenAI, AsyncAzureOpenAI])
def test_the_ga_dialect_at_azures_address(kind: Any, server: Server) -> None:
    """Both ways that Azure's documentation shows: the plain client with Azure's address, or Azure's own."""
    options = azure_options(server, "/openai/v1")
    if kind in (OpenAI, AsyncOpenAI):
        options = {name: options[name] for name in ("websocket_base_url", "api_key")}
    client = kind(**options)
    with calling(client, lambda: client.realtime.connect(model="gpt-realtime")) as ga:
        created = ga.connection.parse_event(ga.do(ga.connection.recv_bytes()))
        assert created.type == "session.created"
        assert created.session.type == "realtime"
        assert created.session.model == "gpt-realtime"


def test_a_wrong_key_at_azures_address(server: Server) -> None:
    client = AzureOpenAI(**azure_options(server) | {"api_key": "wrong"})
    with client, pytest.raises(InvalidStatus) as refused:
        client.beta.realtime.connect(model=MODEL).enter()
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("name", ["OpenAI", "AsyncOpenAI"])
def test_transcription_session(name: str, server: Server, speech: Path) -> None:
    """The package insists on a model, which such a session has not: an empty one."""
    client = CLIENTS[name](server)
    query = {"intent": "transcription"}
    with calling(client, lambda: client.beta.realtime.connect(model="", extra_query=query)) as call:
        created = call.connection.parse_event(call.do(call.connection.recv_bytes()))
        assert created.type == "transcription_session.created"
        transcription = {"model": "whisper-1", "language": "en"}
        call.do(
            call.connection.transcription_session.update(session={"input_audio_transcription": transcription})
        )
        updated = call.connection.parse_event(call.do(call.connection.recv_bytes()))
        assert updated.type == "transcription_session.updated"
        assert updated.session.input_audio_transcription.language == "en"
        for piece in pieces(recording(speech / "austen-0880.wav")):
            call.do(call.connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode()))
        completed = call.until("conversation.item.input_audio_transcription.completed")
        assert "young man" in completed.transcript.lower()
