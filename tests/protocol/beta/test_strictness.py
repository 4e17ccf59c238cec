"""What the beta dialect takes and refuses, in its own words and with its own paths."""

import json
from typing import Any

import pytest

from tests.protocol.beta.speaking import read, refusal
from tests.protocol.test_errors import (
    bad_audio,
    create,
    error,
    message,
    missing,
    respond,
    too_high,
    too_long,
    too_low,
    unknown,
    wrong_type,
    wrong_value,
)
from tests.protocol.values import SOME_AUDIO, SOME_IMAGE
from vivavoce.protocol import Error, InvalidEvent, decode_body
from vivavoce.protocol.beta import SessionBody, TranscriptionSessionBody


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": session}


def transcribe(**session: Any) -> dict[str, Any]:
    return {"type": "transcription_session.update", "session": session}


VAD = {"type": "server_vad"}
TOOL = {"type": "function", "name": "get_weather"}
FORMATS = "Supported values are: 'pcm16', 'g711_ulaw', and 'g711_alaw'."
VOICES = (
    "Supported values are: 'alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse', 'marin', "
    "and 'cedar'."
)
EVENTS = (
    "Supported values are: 'session.update', 'transcription_session.update', 'input_audio_buffer.append', "
    "'input_audio_buffer.commit', 'input_audio_buffer.clear', 'conversation.item.create', "
    "'conversation.item.truncate', 'conversation.item.delete', 'conversation.item.retrieve', "
    "'response.create', and 'response.cancel'."
)


def combinations(param: str, sent: str) -> Error:
    text = f"Invalid modalities: {sent}. Supported combinations are: ['text'] and ['audio', 'text']."
    return error("invalid_value", text, param)


REFUSED: dict[str, tuple[Any, Error]] = {
    # the frame
    "no JSON": (
        "{",
        error("invalid_json", "Invalid event: failed to parse JSON value. Input data was truncated.", None),
    ),
    "no type": ({"session": {}}, error("invalid_event", "The 'type' field is missing.", None)),
    "unknown type": ({"type": "nope"}, wrong_value("type", "nope", EVENTS)),
    "translation": ({"type": "session.close"}, wrong_value("type", "session.close", EVENTS)),
    "WebRTC": (
        {"type": "output_audio_buffer.clear"},
        wrong_value("type", "output_audio_buffer.clear", EVENTS),
    ),
    # the words of the GA dialect
    "type of a session": (update(type="realtime"), unknown("session.type")),
    "GA modalities": (update(output_modalities=["text"]), unknown("session.output_modalities")),
    "GA audio": (update(audio={"output": {"voice": "ash"}}), unknown("session.audio")),
    "GA limit": (update(max_output_tokens=1), unknown("session.max_output_tokens")),
    "GA reasoning": (update(reasoning={"effort": "low"}), unknown("session.reasoning")),
    "GA parallel calls": (update(parallel_tool_calls=True), unknown("session.parallel_tool_calls")),
    "truncation of an update": (update(truncation="auto"), unknown("session.truncation")),
    "GA modalities of a response": (
        respond(output_modalities=["text"]),
        unknown("response.output_modalities"),
    ),
    "GA audio of a response": (respond(audio={}), unknown("response.audio")),
    "GA idle timeout": (
        update(turn_detection={**VAD, "idle_timeout_ms": 6000}),
        unknown("session.turn_detection.idle_timeout_ms"),
    ),
    "GA format": (
        update(input_audio_format={"type": "audio/pcm", "rate": 24000}),
        wrong_type("session.input_audio_format", "a string", "an object"),
    ),
    "GA text": (
        message("assistant", {"type": "output_text", "text": "hi"}),
        wrong_value("item.content[0].type", "output_text", "Value must be 'text'."),
    ),
    "GA image": (
        message("user", {"type": "input_image", "image_url": SOME_IMAGE}),
        wrong_value(
            "item.content[0].type", "input_image", "Supported values are: 'input_text' and 'input_audio'."
        ),
    ),
    "GA tool": (
        update(tools=[TOOL, {"type": "mcp", "server_label": "docs"}]),
        wrong_value("session.tools[1].type", "mcp", "Value must be 'function'."),
    ),
    "GA item": (
        create(type="mcp_approval_response", approval_request_id="a", approve=True),
        wrong_value(
            "item.type",
            "mcp_approval_response",
            "Supported values are: 'message', 'function_call', and 'function_call_output'.",
        ),
    ),
    # what only servers say
    "id": (update(id="sess_1"), unknown("session.id")),
    "object": (update(object="realtime.session"), unknown("session.object")),
    "expiry": (update(expires_at=1), unknown("session.expires_at")),
    # unknown keys
    "unknown key": (update(bogus_field=1), unknown("session.bogus_field")),
    "unknown key of an event": ({"type": "response.cancel", "now": True}, unknown("now")),
    "unknown key of a tool": (update(tools=[{**TOOL, "meta": 1}]), unknown("session.tools[0].meta")),
    "unknown key of a secret": (update(client_secret={"name": "x"}), unknown("session.client_secret.name")),
    "speed of a response": (respond(speed=1.0), unknown("response.speed")),
    "input format of a response": (
        respond(input_audio_format="pcm16"),
        unknown("response.input_audio_format"),
    ),
    "truncation of a response": (respond(truncation="auto"), unknown("response.truncation")),
    "tracing of a response": (respond(tracing="auto"), unknown("response.tracing")),
    "instructions for a transcriber": (transcribe(instructions="x"), unknown("session.instructions")),
    "model for a transcriber": (
        transcribe(model="whisper-1"),
        error("invalid_model", "You must not provide a model parameter for transcription sessions.", None),
    ),
    # what must be there
    "no session": ({"type": "session.update"}, missing("session")),
    "no session to transcribe": ({"type": "transcription_session.update"}, missing("session")),
    "no type of turn detection": (update(turn_detection={}), missing("session.turn_detection.type")),
    "no name of a tool": (update(tools=[{"type": "function"}]), missing("session.tools[0].name")),
    "tool choice of chat completions": (
        update(tool_choice={"type": "function", "function": {"name": "f"}}),
        missing("session.tool_choice.name"),
    ),
    "no transcription model": (
        update(input_audio_transcription={"language": "en"}),
        missing("session.input_audio_transcription.model"),
    ),
    "no item": ({"type": "conversation.item.create"}, missing("item")),
    "no role": (create(type="message", content=[]), missing("item.role")),
    "no content": (create(type="message", role="user"), missing("item.content")),
    "no text": (message("assistant", {"type": "text"}), missing("item.content[0].text")),
    "no audio": (message("user", {"type": "input_audio"}), missing("item.content[0].audio")),
    # values
    "audio alone": (update(modalities=["audio"]), combinations("session.modalities", "['audio']")),
    "no modality": (update(modalities=[]), combinations("session.modalities", "[]")),
    "text twice": (
        update(modalities=["text", "text"]),
        combinations("session.modalities", "['text', 'text']"),
    ),
    "audio alone in a response": (
        respond(modalities=["audio"]),
        combinations("response.modalities", "['audio']"),
    ),
    "another modality": (
        update(modalities=["video"]),
        wrong_value("session.modalities[0]", "video", "Supported values are: 'text' and 'audio'."),
    ),
    "cold": (update(temperature=0.5), too_low("session.temperature", "0.6", "0.5", "decimal")),
    "hot": (update(temperature=1.3), too_high("session.temperature", "1.2", "1.3", "decimal")),
    "no temperature": (update(temperature=None), wrong_type("session.temperature", "a decimal", "null")),
    "cold response": (respond(temperature=0.5), too_low("response.temperature", "0.6", "0.5", "decimal")),
    "slow": (update(speed=0.2), too_low("session.speed", "0.25", "0.2", "decimal")),
    "no tokens": (
        update(max_response_output_tokens=0),
        too_low("session.max_response_output_tokens", "1", "0"),
    ),
    "too many tokens": (
        update(max_response_output_tokens=4097),
        too_high("session.max_response_output_tokens", "4096", "4097"),
    ),
    "too many tokens of a response": (
        respond(max_output_tokens=4097),
        too_high("response.max_output_tokens", "4096", "4097"),
    ),
    "two limits": (
        respond(max_output_tokens=10, max_response_output_tokens=10),
        error(
            "invalid_value",
            "Invalid 'response': "
            "only one of 'max_response_output_tokens' and 'max_output_tokens' may be set.",
            "response",
        ),
    ),
    "unknown voice": (update(voice="fable"), wrong_value("session.voice", "fable", VOICES)),
    "unknown voice of a response": (respond(voice="fable"), wrong_value("response.voice", "fable", VOICES)),
    "unknown format": (
        update(output_audio_format="mp3"),
        wrong_value("session.output_audio_format", "mp3", FORMATS),
    ),
    "unknown detector": (
        update(turn_detection={"type": "nose"}),
        wrong_value(
            "session.turn_detection.type", "nose", "Supported values are: 'server_vad' and 'semantic_vad'."
        ),
    ),
    "threshold": (
        transcribe(turn_detection={**VAD, "threshold": 1.5}),
        too_high("session.turn_detection.threshold", "1", "1.5", "decimal"),
    ),
    "negative silence": (
        update(turn_detection={**VAD, "silence_duration_ms": -1}),
        too_low("session.turn_detection.silence_duration_ms", "0", "-1"),
    ),
    "unknown noise": (
        update(input_audio_noise_reduction={"type": "mid_field"}),
        wrong_value(
            "session.input_audio_noise_reduction.type",
            "mid_field",
            "Supported values are: 'near_field' and 'far_field'.",
        ),
    ),
    "unknown extra": (
        transcribe(include=["words"]),
        wrong_value(
            "session.include[0]", "words", "Value must be 'item.input_audio_transcription.logprobs'."
        ),
    ),
    # items
    "user with text": (
        message("user", {"type": "text", "text": "hi"}),
        wrong_value("item.content[0].type", "text", "Supported values are: 'input_text' and 'input_audio'."),
    ),
    "assistant with input": (
        message("assistant", {"type": "input_text", "text": "hi"}),
        wrong_value("item.content[0].type", "input_text", "Value must be 'text'."),
    ),
    "assistant with audio": (
        message("assistant", {"type": "audio", "transcript": "hi"}),
        wrong_value("item.content[0].type", "audio", "Value must be 'text'."),
    ),
    "system with audio": (
        message("system", {"type": "input_audio", "audio": SOME_AUDIO}),
        wrong_value("item.content[0].type", "input_audio", "Supported values are: 'input_text' and 'text'."),
    ),
    "long text": (
        message("assistant", {"type": "text", "text": "x" * 256_001}),
        too_long("item.content[0].text", 256_000, 256_001),
    ),
    "no base64": (
        message("user", {"type": "input_audio", "audio": "?"}),
        bad_audio("item.content[0].audio", "an invalid value"),
    ),
    "bad text in the input": (
        respond(
            input=[{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": ""}]}]
        ),
        wrong_value("response.input[0].content[0].type", "output_text", "Value must be 'text'."),
    ),
    "nothing to refer to": (respond(input=[{"type": "item_reference"}]), missing("response.input[0].id")),
}


@pytest.mark.parametrize(("event", "expected"), REFUSED.values(), ids=REFUSED)
def test_refused(event: Any, expected: Error) -> None:
    assert refusal(event) == expected


def test_the_error_names_the_event() -> None:
    assert refusal({**update(temperature=2), "event_id": "evt_1"}).event_id == "evt_1"
    assert refusal({**transcribe(bogus=2), "event_id": "evt_2"}).event_id == "evt_2"
    assert refusal(update(temperature=2)).event_id is None


ACCEPTED: dict[str, Any] = {
    "nothing": update(),
    "modalities": update(modalities=["text"]),
    "modalities in any order": update(modalities=["audio", "text"]),
    "limits": update(temperature=0.6, speed=1.5, max_response_output_tokens=4096),
    "other limits": update(temperature=1.2, speed=0.25, max_response_output_tokens="inf"),
    "what is turned off": update(
        turn_detection=None,
        input_audio_transcription=None,
        input_audio_noise_reduction=None,
        tracing=None,
        prompt=None,
        include=None,
        client_secret=None,
    ),
    "formats": update(input_audio_format="g711_ulaw", output_audio_format="g711_alaw"),
    "server VAD": update(
        turn_detection={
            "type": "server_vad",
            "threshold": 0.4,
            "prefix_padding_ms": 100,
            "silence_duration_ms": 500,
            "create_response": False,
            "interrupt_response": False,
        }
    ),
    "semantic VAD": update(
        turn_detection={
            "type": "semantic_vad",
            "eagerness": "high",
            "create_response": False,
            "interrupt_response": True,
        }
    ),
    "transcription": update(
        input_audio_transcription={"model": "gpt-4o-transcribe", "language": "en", "prompt": "names"}
    ),
    "tools": update(
        tools=[{**TOOL, "description": "Weather.", "parameters": {"type": "object"}}],
        tool_choice={"type": "function", "name": "get_weather"},
    ),
    "tool choice": update(tool_choice="required"),
    "tracing": update(tracing={"workflow_name": "w", "group_id": "g", "metadata": {"a": 1}}),
    "prompt": update(prompt={"id": "pmpt_1", "variables": {"name": "Jane"}}),
    "secret as the schema has it": update(client_secret={"value": "ek_1", "expires_at": 1}),
    "secret as the package has it": update(
        client_secret={"expires_after": {"anchor": "created_at", "seconds": 60}}
    ),
    "transcriber": transcribe(
        modalities=["text", "audio"],
        input_audio_format="pcm16",
        input_audio_transcription={"model": "whisper-1", "language": None, "prompt": ""},
        turn_detection={**VAD, "create_response": True, "interrupt_response": True},
        input_audio_noise_reduction={"type": "near_field"},
        include=["item.input_audio_transcription.logprobs"],
        client_secret={"expires_at": {"anchor": "created_at", "seconds": 600}},
    ),
    "transcriber by hand": transcribe(turn_detection=None),
    "system text": message("system", {"type": "input_text", "text": "a"}, {"type": "text", "text": "b"}),
    "user": message(
        "user", {"type": "input_text", "text": "a"}, {"type": "input_audio", "audio": SOME_AUDIO}
    ),
    "assistant": message("assistant", {"type": "text", "text": "a"}),
    "an item as it was shown": create(
        id="item_1",
        object="realtime.item",
        type="message",
        status="completed",
        role="assistant",
        content=[{"type": "text", "text": "a"}],
    ),
    "call": create(type="function_call", name="f", call_id="c", arguments="{}"),
    "output": create(type="function_call_output", object="realtime.item", call_id="c", output=""),
    "plain response": {"type": "response.create"},
    "empty response": respond(),
    "null response": {"type": "response.create", "response": None},
    "response": respond(
        modalities=["audio", "text"],
        instructions="Be brief.",
        voice="verse",
        output_audio_format="g711_ulaw",
        tools=[TOOL],
        tool_choice="none",
        temperature=0.9,
        max_response_output_tokens=100,
        conversation="none",
        metadata={"topic": "x"},
        input=[
            {"type": "item_reference", "id": "item_1"},
            {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]},
        ],
    ),
    "response with the other word": respond(max_output_tokens="inf"),
    "append": {"type": "input_audio_buffer.append", "audio": SOME_AUDIO},
}


@pytest.mark.parametrize("event", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(event: dict[str, Any]) -> None:
    name = event["type"]
    expected = "session.update" if name == "transcription_session.update" else name
    assert read({**event, "event_id": "evt_1"}).type == expected
    assert read({**event, "event_id": "evt_1"}).event_id == "evt_1"


BODIES: dict[str, tuple[type[Any], Any, Error]] = {
    "unknown key": (SessionBody, {"max_output_tokens": 1}, unknown("max_output_tokens")),
    "type": (SessionBody, {"type": "realtime"}, unknown("type")),
    "chat tool choice": (
        SessionBody,
        {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        missing("tool_choice.name"),
    ),
    "modalities": (SessionBody, {"modalities": ["audio"]}, combinations("modalities", "['audio']")),
    "temperature": (SessionBody, {"temperature": 0.5}, too_low("temperature", "0.6", "0.5", "decimal")),
    "short life": (
        SessionBody,
        {"client_secret": {"expires_after": {"anchor": "created_at", "seconds": 9}}},
        too_low("client_secret.expires_after.seconds", "10", "9"),
    ),
    "long life": (
        TranscriptionSessionBody,
        {"client_secret": {"expires_at": {"seconds": 7201}}},
        too_high("client_secret.expires_at.seconds", "7200", "7201"),
    ),
    "anchor": (
        SessionBody,
        {"client_secret": {"expires_after": {"anchor": "now"}}},
        wrong_value("client_secret.expires_after.anchor", "now", "Value must be 'created_at'."),
    ),
    "model": (
        TranscriptionSessionBody,
        {"model": "whisper-1"},
        error("invalid_model", "You must not provide a model parameter for transcription sessions.", None),
    ),
    "voice of a transcriber": (TranscriptionSessionBody, {"voice": "ash"}, unknown("voice")),
}


@pytest.mark.parametrize(("kind", "body", "expected"), BODIES.values(), ids=BODIES)
def test_bodies(kind: type[Any], body: Any, expected: Error) -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode_body(json.dumps(body), kind)
    assert caught.value.error == expected
