"""What people do with the official Python client, asynchronous and not, against a server in a process of its
own."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from websockets.exceptions import ConnectionClosedError

from tests.serving import Server
from tests.stock.python.call import MODEL, Call, calling
from tests.stock.speech import BYTES_PER_MS, pieces, recording
from tests.stock.story import ASK, STORY

pytestmark = [
    pytest.mark.xdist_group("stock"),
    # The package opens its synchronous connections in a way that the newest `websockets` advises against.
    pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"),
]

LIGHTS: dict[str, Any] = {
    "type": "function",
    "name": "set_light_brightness",
    "description": "Sets the brightness of the lights in a room.",
    "parameters": {
        "type": "object",
        "properties": {
            "room": {"type": "string", "enum": ["kitchen", "bedroom"]},
            "brightness": {"type": "integer", "minimum": 0, "maximum": 100},
        },
        "required": ["room", "brightness"],
    },
}


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, server: Server) -> Iterator[Call]:
    with calling(request.param, server) as open_call:
        yield open_call


def update(call: Call, **session: Any) -> Any:
    """Change the session; the session as it is then."""
    call.do(call.connection.session.update(session={"type": "realtime"} | session))
    return call.until("session.updated").session


def speak(call: Call, audio: bytes) -> None:
    for piece in pieces(audio):
        call.do(call.connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode()))


def begin_story(call: Call) -> None:
    """Let the assistant tell so much that it is still at it when the next event arrives; wait for the first
    three seconds."""
    call.say(ASK)
    call.do(call.connection.response.create())
    heard = 0
    while heard < 3_000 * BYTES_PER_MS:
        heard += len(audio_of([call.until("response.output_audio.delta")]))


def audio_of(events: list[Any]) -> bytes:
    return b"".join(
        base64.b64decode(each.delta) for each in events if each.type == "response.output_audio.delta"
    )


def types_of(events: list[Any]) -> list[str]:
    """The types in order, runs of the same type once."""
    kinds: list[str] = []
    for each in events:
        if not kinds or kinds[-1] != each.type:
            kinds.append(each.type)
    return kinds


def test_text_turn(call: Call) -> None:
    session = update(call, output_modalities=["text"])
    assert session.output_modalities == ["text"]
    call.say("Please say good morning")
    call.do(call.connection.response.create())
    events = call.through("rate_limits.updated")
    assert types_of(events) == [
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    response = events[-2].response
    assert response.status == "completed"
    assert response.output[0].content[0].text == "good morning"
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_audio_turn(call: Call, speech: Path) -> None:
    """A person speaks; the server hears when the person is done, understands, and answers aloud."""
    audio = recording(speech / "austen-0880.wav")
    update(call, audio={"input": {"transcription": {"model": "whisper-1", "language": "en"}}})
    speak(call, audio)
    events = call.through("rate_limits.updated")
    assert types_of(events)[:5] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    started, stopped, committed = events[:3]
    assert 0 <= started.audio_start_ms < stopped.audio_end_ms <= len(audio) // BYTES_PER_MS
    assert started.item_id == stopped.item_id == committed.item_id
    (completed,) = [
        each for each in events if each.type == "conversation.item.input_audio_transcription.completed"
    ]
    assert "young man" in completed.transcript.lower()
    response = events[-2].response
    assert response.status == "completed"
    # What was understood is what is answered, and the answer is spoken.
    assert "young man" in response.output[0].content[0].transcript.lower()
    assert len(audio_of(events)) > 1_000 * BYTES_PER_MS
    assert response.usage.input_token_details.audio_tokens > 0
    assert response.usage.output_token_details.audio_tokens > 0


def test_two_spoken_turns(call: Call, speech: Path) -> None:
    """The input clock goes on, and the second turn stands behind the first answer."""
    first, second = (recording(speech / f"austen-{number}.wav") for number in ("0880", "0930"))
    speak(call, first)
    call.until("response.done")
    speak(call, second)
    started = call.until("input_audio_buffer.speech_started")
    assert started.audio_start_ms >= len(first) // BYTES_PER_MS - 1_000
    assert call.until("response.done").response.status == "completed"
    assert len(call.order.items) == 4


def test_push_to_talk(call: Call, speech: Path) -> None:
    update(call, audio={"input": {"turn_detection": None}}, output_modalities=["text"])
    speak(call, recording(speech / "austen-0880.wav"))
    assert call.catch_up() == []
    call.do(call.connection.input_audio_buffer.commit())
    call.do(call.connection.response.create())
    events = call.through("response.done")
    assert types_of(events)[:4] == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    assert "young man" in events[-1].response.output[0].content[0].text.lower()


def test_function_call(call: Call) -> None:
    update(call, tools=[LIGHTS], output_modalities=["text"])
    call.say("Set the brightness of the bedroom lights to 40, please.")
    call.do(call.connection.response.create())
    events = call.through("response.done")
    assert types_of(events)[2:] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    (function_call,) = events[-1].response.output
    assert function_call.type == "function_call"
    assert function_call.name == "set_light_brightness"
    assert json.loads(function_call.arguments) == {"room": "bedroom", "brightness": 40}
    output = {
        "type": "function_call_output",
        "call_id": function_call.call_id,
        "output": json.dumps({"result": "The bedroom lights are at 40 percent."}),
    }
    call.do(call.connection.conversation.item.create(item=output))
    call.do(call.connection.response.create())
    response = call.until("response.done").response
    assert response.status == "completed"
    assert "40 percent" in response.output[0].content[0].text


def test_cancel(call: Call) -> None:
    begin_story(call)
    call.do(call.connection.response.cancel())
    events = call.through("rate_limits.updated")
    assert types_of(events)[-7:] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    response = events[-2].response
    assert response.status == "cancelled"
    assert response.status_details.reason == "client_cancelled"
    assert response.output[0].status == "incomplete"
    call.do(call.connection.response.cancel())
    assert call.until("error").error.code == "response_cancel_not_active"
    call.say("Hello!")
    call.do(call.connection.response.create())
    assert call.until("response.done").response.status == "completed"


def test_interruption_and_truncation(call: Call, speech: Path) -> None:
    """Somebody speaks into a long answer; then the conversation holds what was heard of it, and no more."""
    begin_story(call)
    speak(call, recording(speech / "austen-0880.wav"))
    events = call.through("input_audio_buffer.speech_started")
    assert "response.done" not in types_of(events)
    closing = call.through("response.done")
    assert types_of(closing) == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    response = closing[-1].response
    assert response.status == "cancelled"
    assert response.status_details.reason == "turn_detected"
    (item,) = response.output
    assert item.status == "incomplete"
    said = item.content[0].transcript
    assert STORY.startswith(said.rstrip())
    # The caller heard two seconds of it.
    call.do(call.connection.conversation.item.truncate(item_id=item.id, content_index=0, audio_end_ms=2_000))
    assert call.until("conversation.item.truncated").audio_end_ms == 2_000
    call.do(call.connection.conversation.item.retrieve(item_id=item.id))
    kept = call.until("conversation.item.retrieved").item.content[0]
    assert said.startswith(kept.transcript)
    assert 0 < len(kept.transcript) < len(said)
    assert len(base64.b64decode(kept.audio)) == 2_000 * BYTES_PER_MS
    # The second utterance is answered all the same.
    answers = [each.response for each in call.heard if each.type == "response.done"]
    answer = answers[1] if len(answers) > 1 else call.until("response.done").response
    assert answer.status == "completed"
    # What the model sees of the truncated answer: it repeats it.
    references = [{"type": "item_reference", "id": item.id}]
    question = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "What did you say?"}],
    }
    call.do(
        call.connection.response.create(
            response={
                "conversation": "none",
                "output_modalities": ["text"],
                "input": [*references, question],
            }
        )
    )
    repeated = call.until("response.done").response.output[0].content[0].text
    assert repeated == kept.transcript


def test_errors_are_typed_and_the_session_goes_on(call: Call) -> None:
    call.do(call.connection.send({"type": "nope", "event_id": "mine"}))
    error = call.until("error").error
    assert (error.type, error.code, error.param) == ("invalid_request_error", "invalid_value", "type")
    assert error.event_id == "mine"
    call.do(
        call.connection.session.update(session={"type": "realtime", "audio": {"output": {"voice": "me"}}})
    )
    assert call.until("error").error.param == "session.audio.output.voice"
    call.do(call.connection.input_audio_buffer.append(audio="not audio"))
    assert call.until("error").error.message.endswith("but got an invalid value.")
    call.do(call.connection.input_audio_buffer.commit())
    assert call.until("error").error.code == "input_audio_buffer_commit_empty"
    call.do(call.connection.conversation.item.delete(item_id="nobody"))
    assert call.until("error").error.code == "item_delete_invalid_item_id"
    call.do(call.connection.send_raw("{"))
    assert call.until("error").error.code == "invalid_json"
    call.say("Hello!")
    call.do(call.connection.response.create())
    call.do(call.connection.response.create(event_id="too soon"))
    refused = call.until("error").error
    assert (refused.code, refused.event_id) == ("conversation_already_has_active_response", "too soon")
    assert [each.type for each in call.heard].count("response.created") == 1
    done = [each for each in call.heard if each.type == "response.done"]
    assert (done[0] if done else call.until("response.done")).response.status == "completed"


def test_out_of_band_response(call: Call) -> None:
    call.say("Hello!")
    call.do(
        call.connection.response.create(
            response={
                "conversation": "none",
                "metadata": {"topic": "classification"},
                "output_modalities": ["text"],
                "instructions": "Classify what was said.",
                "input": [
                    {
                        "type": "message",
                        "role": "user",
                        "content": [{"type": "input_text", "text": "Say apples and pears"}],
                    }
                ],
            }
        )
    )
    events = call.through("response.done")
    response = events[-1].response
    assert response.conversation_id is None
    assert response.metadata == {"topic": "classification"}
    assert response.output[0].content[0].text == "apples and pears"
    assert types_of(events)[2:] == [
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    assert len(call.order.items) == 1
    call.do(call.connection.conversation.item.retrieve(item_id=response.output[0].id))
    assert call.until("error").error.code == "item_retrieve_invalid_item_id"


def test_items_are_put_where_they_belong(call: Call) -> None:
    def put(name: str, after: str | None = None) -> None:
        content = [{"type": "input_text", "text": name}]
        item = {"type": "message", "role": "user", "id": name, "content": content}
        placed = {} if after is None else {"previous_item_id": after}
        call.do(call.connection.conversation.item.create(item=item, **placed))
        call.until("conversation.item.done")

    put("alpha")
    put("bravo")
    put("charlie", "alpha")
    put("first", "root")
    assert call.order.items == ["first", "alpha", "charlie", "bravo"]
    call.do(call.connection.conversation.item.delete(item_id="alpha"))
    call.until("conversation.item.deleted")
    put("delta")
    assert call.order.items == ["first", "charlie", "bravo", "delta"]


def test_a_wrong_key(server: Server) -> None:
    client = OpenAI(api_key="sk-wrong", base_url=server.base_url)
    with client, client.realtime.connect(model=MODEL) as connection:
        event: Any = connection.recv()
        assert event.type == "error"
        assert event.error.code == "invalid_api_key"
        with pytest.raises(ConnectionClosedError) as closed:
            connection.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
        3000,
        "invalid_request_error.invalid_api_key",
    )


def test_the_models_are_listed(server: Server) -> None:
    with OpenAI(api_key=server.key, base_url=server.base_url) as client:
        assert MODEL in [each.id for each in client.models.list()]
