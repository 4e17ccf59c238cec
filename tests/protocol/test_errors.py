"""Every sentence that a bad client reads, word for word, with its code, its `param` and its `event_id`."""

import json
from typing import Any

import pytest

from tests.protocol.values import SOME_AUDIO, SOME_IMAGE
from vivavoce.protocol import (
    GA_MEDIA,
    GA_TRANSLATION,
    GA_WEBSOCKET,
    Accepts,
    CallRefer,
    CallReject,
    ClientSecretRequest,
    Error,
    ErrorBody,
    InputAudioBufferAppend,
    InvalidEvent,
    RealtimeSessionParams,
    VivavoceError,
    decode_audio,
    decode_body,
    decode_client_event,
    encode,
    errors,
)


def refusal(event: Any, accepts: Accepts = GA_WEBSOCKET) -> Error:
    """The error that an event is answered with."""
    data = event if isinstance(event, (str, bytes)) else json.dumps(event)
    with pytest.raises(InvalidEvent) as caught:
        decode_client_event(data, accepts)
    assert isinstance(caught.value, VivavoceError)
    assert str(caught.value) == caught.value.error.message
    return caught.value.error


def error(code: str | None, message: str, param: str | None, event_id: str | None = None) -> Error:
    return Error(type="invalid_request_error", code=code, message=message, param=param, event_id=event_id)


def realtime(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def audio_input(**fields: Any) -> dict[str, Any]:
    return realtime(audio={"input": fields})


def audio_output(**fields: Any) -> dict[str, Any]:
    return realtime(audio={"output": fields})


def create(**item: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": item}


def message(role: str, *content: Any) -> dict[str, Any]:
    return create(type="message", role=role, content=list(content))


def respond(**response: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": response}


def too_low(param: str, minimum: str, value: str, kind: str = "integer") -> Error:
    wanted = f"Expected a value >= {minimum}, but got {value} instead."
    text = f"Invalid '{param}': {kind} below minimum value. {wanted}"
    return error(f"{kind}_below_min_value", text, param)


def too_high(param: str, maximum: str, value: str, kind: str = "integer") -> Error:
    wanted = f"Expected a value <= {maximum}, but got {value} instead."
    text = f"Invalid '{param}': {kind} above maximum value. {wanted}"
    return error(f"{kind}_above_max_value", text, param)


def too_long(param: str, maximum: int, length: int) -> Error:
    text = (
        f"Invalid '{param}': string too long. Expected a string with maximum length {maximum}, "
        f"but got a string with length {length} instead."
    )
    return error("string_above_max_length", text, param)


def missing(param: str) -> Error:
    return error("missing_required_parameter", f"Missing required parameter: '{param}'.", param)


def unknown(param: str) -> Error:
    return error("unknown_parameter", f"Unknown parameter: '{param}'.", param)


def wrong_type(param: str, expected: str, found: str) -> Error:
    text = f"Invalid type for '{param}': expected {expected}, but got {found} instead."
    return error("invalid_type", text, param)


def wrong_value(param: str, value: str, remedy: str) -> Error:
    return error("invalid_value", f"Invalid value: '{value}'. {remedy}", param)


def bad_audio(param: str, found: str) -> Error:
    text = f"Invalid '{param}'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got {found}."
    return error("invalid_value", text, param)


def unsupported(param: str) -> Error:
    return error("invalid_value", f"Unsupported option for this model: '{param}'.", None)


VOICES = (
    "Supported values are: 'alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse', 'marin', "
    "and 'cedar'."
)
ITEMS = (
    "Supported values are: 'message', 'function_call', 'function_call_output', 'mcp_list_tools', 'mcp_call', "
    "'mcp_approval_request', and 'mcp_approval_response'."
)
EFFORTS = "Supported values are: 'minimal', 'low', 'medium', 'high', and 'xhigh'."
TOOL = {"type": "function", "name": "get_weather"}
MCP = {"type": "mcp", "server_label": "docs", "server_url": "https://example.com/mcp"}
VAD = "session.audio.input.turn_detection"
IMAGE = (
    "Invalid 'item.content[0].image_url'. Expected a base64-encoded data URL with a PNG or JPEG image "
    "(for example 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU=') but got an invalid value."
)
DEEP: Any = 1
for _ in range(120):
    DEEP = [DEEP]

REFUSED: dict[str, tuple[Any, Error]] = {
    # the keys of an event
    "unknown key": ({"type": "response.cancel", "now": True}, unknown("now")),
    "unknown key of a session": (realtime(bogus_field=1), unknown("session.bogus_field")),
    "unknown key below": (audio_input(volume=11), unknown("session.audio.input.volume")),
    "unknown key of an append": (
        {"type": "input_audio_buffer.append", "audio": "AAAA", "rate": 24000},
        unknown("rate"),
    ),
    "unknown key in a list": (
        realtime(tools=[TOOL, {**TOOL, "meta": {}}]),
        unknown("session.tools[1].meta"),
    ),
    "beta key": (realtime(modalities=["text"]), unknown("session.modalities")),
    "temperature": (realtime(temperature=0.8), unknown("session.temperature")),
    "read-only id": (realtime(id="sess_1"), unknown("session.id")),
    "read-only object": (realtime(object="realtime.session"), unknown("session.object")),
    "read-only expiry": (realtime(expires_at=1), unknown("session.expires_at")),
    "speed of a response": (
        respond(audio={"output": {"speed": 1.0}}),
        unknown("response.audio.output.speed"),
    ),
    "input of a response": (respond(audio={"input": {}}), unknown("response.audio.input")),
    "truncation of a response": (respond(truncation="auto"), unknown("response.truncation")),
    "tracing of a response": (respond(tracing="auto"), unknown("response.tracing")),
    "idle timeout of semantic vad": (
        audio_input(turn_detection={"type": "semantic_vad", "idle_timeout_ms": 6000}),
        unknown(f"{VAD}.idle_timeout_ms"),
    ),
    "eagerness of server vad": (
        audio_input(turn_detection={"type": "server_vad", "eagerness": "low"}),
        unknown(f"{VAD}.eagerness"),
    ),
    "rate of µ-law": (
        audio_input(format={"type": "audio/pcmu", "rate": 8000}),
        unknown("session.audio.input.format.rate"),
    ),
    "format of content": (
        message("user", {"type": "input_audio", "audio": SOME_AUDIO, "format": "pcm16"}),
        unknown("item.content[0].format"),
    ),
    "key of a filter": (
        realtime(tools=[{**MCP, "require_approval": {"always": {"names": ["x"]}}}]),
        unknown("session.tools[0].require_approval.always.names"),
    ),
    "key of a custom voice": (
        audio_output(voice={"id": "voice_1", "pitch": 1}),
        unknown("session.audio.output.voice.pitch"),
    ),
    "model of a transcription session": (
        {"type": "session.update", "session": {"type": "transcription", "model": "whisper-1"}},
        error("invalid_model", "You must not provide a model parameter for transcription sessions.", None),
    ),
    # what must be there
    "no session": ({"type": "session.update"}, missing("session")),
    "no type of session": ({"type": "session.update", "session": {}}, missing("session.type")),
    "type before anything else": (
        {"type": "session.update", "session": {"bogus": 1}},
        missing("session.type"),
    ),
    "no audio": ({"type": "input_audio_buffer.append"}, missing("audio")),
    "no item": ({"type": "conversation.item.create"}, missing("item")),
    "no type of item": (create(role="user"), missing("item.type")),
    "no role": (create(type="message", content=[]), missing("item.role")),
    "no content": (create(type="message", role="user"), missing("item.content")),
    "no type of content": (message("user", {"text": "hi"}), missing("item.content[0].type")),
    "no text": (message("user", {"type": "input_text"}), missing("item.content[0].text")),
    "no audio in content": (
        message("user", {"type": "input_audio", "transcript": "hi"}),
        missing("item.content[0].audio"),
    ),
    "no transcript": (
        message("assistant", {"type": "output_audio"}),
        missing("item.content[0].transcript"),
    ),
    "no image": (message("user", {"type": "input_image"}), missing("item.content[0].image_url")),
    "no arguments": (create(type="function_call", name="f"), missing("item.arguments")),
    "no output": (create(type="function_call_output", call_id="c"), missing("item.output")),
    "no item to delete": ({"type": "conversation.item.delete"}, missing("item_id")),
    "no item to retrieve": ({"type": "conversation.item.retrieve"}, missing("item_id")),
    "no end to truncate to": (
        {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0},
        missing("audio_end_ms"),
    ),
    "tool of chat completions": (
        realtime(tools=[{"type": "function", "function": {"name": "f"}}]),
        missing("session.tools[0].name"),
    ),
    "tool choice of chat completions": (
        realtime(tool_choice={"type": "function", "function": {"name": "f"}}),
        missing("session.tool_choice.name"),
    ),
    "no type of tool": (realtime(tools=[{"name": "f"}]), missing("session.tools[0].type")),
    "no type of turn detection": (audio_input(turn_detection={}), missing(f"{VAD}.type")),
    "no type of format": (audio_input(format={}), missing("session.audio.input.format.type")),
    "no transcription model": (
        audio_input(transcription={"language": "en"}),
        missing("session.audio.input.transcription.model"),
    ),
    "no type of noise reduction": (
        audio_input(noise_reduction={}),
        missing("session.audio.input.noise_reduction.type"),
    ),
    "no ratio": (
        realtime(truncation={"type": "retention_ratio"}),
        missing("session.truncation.retention_ratio"),
    ),
    "no id of a prompt": (realtime(prompt={"version": "1"}), missing("session.prompt.id")),
    "no id of a reference": (respond(input=[{"type": "item_reference"}]), missing("response.input[0].id")),
    # kinds of values
    "text for a list of objects": (
        create(type="message", role="user", content="hi"),
        wrong_type("item.content", "an array of objects", "a string"),
    ),
    "text for an object in a list": (
        message("user", "hi"),
        wrong_type("item.content[0]", "an object", "a string"),
    ),
    "number for a text": (
        message("user", {"type": "input_text", "text": 7}),
        wrong_type("item.content[0].text", "a string", "an integer"),
    ),
    "number for a type": (
        message("user", {"type": 7}),
        wrong_type("item.content[0].type", "a string", "an integer"),
    ),
    "number for the audio": (
        {"type": "input_audio_buffer.append", "audio": 0},
        wrong_type("audio", "a string", "an integer"),
    ),
    "number for the event's name": (
        {"type": "response.cancel", "event_id": 7},
        wrong_type("event_id", "a string", "an integer"),
    ),
    "list for a session": (
        {"type": "session.update", "session": []},
        wrong_type("session", "an object", "an array"),
    ),
    "decimal for an integer": (
        {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 1.5},
        wrong_type("audio_end_ms", "an integer", "a decimal number"),
    ),
    "boolean for an integer": (
        {"type": "conversation.item.truncate", "item_id": "a", "content_index": True, "audio_end_ms": 0},
        wrong_type("content_index", "an integer", "a boolean"),
    ),
    "text for a decimal": (
        audio_output(speed="fast"),
        wrong_type("session.audio.output.speed", "a decimal", "a string"),
    ),
    "text for a boolean": (
        audio_input(turn_detection={"type": "server_vad", "create_response": "no"}),
        wrong_type(f"{VAD}.create_response", "a boolean", "a string"),
    ),
    "null for a model": (realtime(model=None), wrong_type("session.model", "a string", "null")),
    "null for instructions": (
        realtime(instructions=None),
        wrong_type("session.instructions", "a string", "null"),
    ),
    "null for tools": (
        realtime(tools=None),
        wrong_type("session.tools", "an array of objects", "null"),
    ),
    "null for a voice": (
        audio_output(voice=None),
        wrong_type("session.audio.output.voice", "one of a string or object", "null"),
    ),
    "number for a tool choice": (
        realtime(tool_choice=1),
        wrong_type("session.tool_choice", "one of a string or object", "an integer"),
    ),
    "decimal for a token limit": (
        realtime(max_output_tokens=1.5),
        wrong_type("session.max_output_tokens", "one of an integer or string", "a decimal number"),
    ),
    "number for allowed tools": (
        realtime(tools=[{**MCP, "allowed_tools": 1}]),
        wrong_type("session.tools[0].allowed_tools", "one of an array of strings or object", "an integer"),
    ),
    "text for parameters": (
        realtime(tools=[{**TOOL, "parameters": "{}"}]),
        wrong_type("session.tools[0].parameters", "an object", "a string"),
    ),
    "number in metadata": (
        respond(metadata={"turn": 1}),
        wrong_type("response.metadata.turn", "a string", "an integer"),
    ),
    # values of a list
    "session of another kind": (
        {"type": "session.update", "session": {"type": "session"}},
        wrong_value("session.type", "session", "Supported values are: 'realtime' and 'transcription'."),
    ),
    "both modalities": (
        realtime(output_modalities=["text", "audio"]),
        error(
            "invalid_value",
            "Invalid modalities: ['text', 'audio']. Supported combinations are: ['text'] and ['audio'].",
            "session.output_modalities",
        ),
    ),
    "no modality": (
        respond(output_modalities=[]),
        error(
            "invalid_value",
            "Invalid modalities: []. Supported combinations are: ['text'] and ['audio'].",
            "response.output_modalities",
        ),
    ),
    "another modality": (
        realtime(output_modalities=["video"]),
        wrong_value("session.output_modalities[0]", "video", "Supported values are: 'text' and 'audio'."),
    ),
    "voice": (audio_output(voice="fable"), wrong_value("session.audio.output.voice", "fable", VOICES)),
    "voice of a response": (
        respond(audio={"output": {"voice": "fable"}}),
        wrong_value("response.audio.output.voice", "fable", VOICES),
    ),
    "token limit in words": (
        realtime(max_output_tokens="many"),
        wrong_value("session.max_output_tokens", "many", "Value must be 'inf'."),
    ),
    "turn detection": (
        audio_input(turn_detection={"type": "none"}),
        wrong_value(f"{VAD}.type", "none", "Supported values are: 'server_vad' and 'semantic_vad'."),
    ),
    "eagerness": (
        audio_input(turn_detection={"type": "semantic_vad", "eagerness": "wild"}),
        wrong_value(f"{VAD}.eagerness", "wild", "Supported values are: 'low', 'medium', 'high', and 'auto'."),
    ),
    "noise reduction": (
        audio_input(noise_reduction={"type": "total"}),
        wrong_value(
            "session.audio.input.noise_reduction.type",
            "total",
            "Supported values are: 'near_field' and 'far_field'.",
        ),
    ),
    "include": (
        realtime(include=["item.audio"]),
        wrong_value(
            "session.include[0]", "item.audio", "Value must be 'item.input_audio_transcription.logprobs'."
        ),
    ),
    "tool choice": (
        realtime(tool_choice="maybe"),
        wrong_value("session.tool_choice", "maybe", "Supported values are: 'none', 'auto', and 'required'."),
    ),
    "tool choice of another kind": (
        realtime(tool_choice={"type": "custom"}),
        wrong_value("session.tool_choice.type", "custom", "Supported values are: 'function' and 'mcp'."),
    ),
    "effort": (
        realtime(reasoning={"effort": "none"}),
        wrong_value("session.reasoning.effort", "none", EFFORTS),
    ),
    "truncation": (
        realtime(truncation="never"),
        wrong_value("session.truncation", "never", "Supported values are: 'auto' and 'disabled'."),
    ),
    "truncation of another kind": (
        realtime(truncation={"type": "last"}),
        wrong_value("session.truncation.type", "last", "Value must be 'retention_ratio'."),
    ),
    "tracing": (realtime(tracing="on"), wrong_value("session.tracing", "on", "Value must be 'auto'.")),
    "format": (
        audio_input(format={"type": "audio/opus"}),
        wrong_value(
            "session.audio.input.format.type",
            "audio/opus",
            "Supported values are: 'audio/pcm', 'audio/pcmu', and 'audio/pcma'.",
        ),
    ),
    "conversation": (
        respond(conversation="other"),
        wrong_value("response.conversation", "other", "Supported values are: 'auto' and 'none'."),
    ),
    "item": (create(type="thought"), wrong_value("item.type", "thought", ITEMS)),
    "reference outside a response": (
        create(type="item_reference", id="a"),
        wrong_value("item.type", "item_reference", ITEMS),
    ),
    "role": (
        message("tool"),
        wrong_value("item.role", "tool", "Supported values are: 'system', 'user', and 'assistant'."),
    ),
    "detail": (
        message("user", {"type": "input_image", "image_url": SOME_IMAGE, "detail": "all"}),
        wrong_value("item.content[0].detail", "all", "Supported values are: 'auto', 'low', and 'high'."),
    ),
    "delay": (
        audio_input(transcription={"model": "gpt-realtime-whisper", "delay": "none"}),
        wrong_value("session.audio.input.transcription.delay", "none", EFFORTS),
    ),
    # content of each role
    **{
        f"{kind} of the user": (
            message("user", {"type": kind, "text": "hi"}),
            wrong_value(
                "item.content[0].type", kind, "Supported values are: 'input_text' and 'input_audio'."
            ),
        )
        for kind in ("text", "output_text", "output_audio")
    },
    **{
        f"{kind} of the assistant": (
            message("assistant", {"type": kind, "text": "hi"}),
            wrong_value("item.content[0].type", kind, "Value must be 'output_text'."),
        )
        for kind in ("text", "input_text", "input_audio", "input_image")
    },
    **{
        f"{kind} of the system": (
            message("system", {"type": kind, "text": "hi"}),
            wrong_value("item.content[0].type", kind, "Value must be 'input_text'."),
        )
        for kind in ("text", "output_text", "input_audio")
    },
    "content in the input of a response": (
        respond(
            input=[
                {"type": "item_reference", "id": "a"},
                {"type": "message", "role": "user", "content": [{"type": "text", "text": "hi"}]},
            ]
        ),
        wrong_value(
            "response.input[1].content[0].type",
            "text",
            "Supported values are: 'input_text' and 'input_audio'.",
        ),
    ),
    "second part": (
        message("user", {"type": "input_text", "text": "hi"}, {"type": "output_text", "text": "hi"}),
        wrong_value(
            "item.content[1].type", "output_text", "Supported values are: 'input_text' and 'input_audio'."
        ),
    ),
    # numbers
    "rate too low": (
        audio_input(format={"type": "audio/pcm", "rate": 16000}),
        too_low("session.audio.input.format.rate", "24000", "16000"),
    ),
    "rate too high": (
        audio_output(format={"type": "audio/pcm", "rate": 48000}),
        too_high("session.audio.output.format.rate", "24000", "48000"),
    ),
    "speed too low": (
        audio_output(speed=0.2),
        too_low("session.audio.output.speed", "0.25", "0.2", "decimal"),
    ),
    "speed too high": (
        audio_output(speed=2),
        too_high("session.audio.output.speed", "1.5", "2", "decimal"),
    ),
    "no tokens": (realtime(max_output_tokens=0), too_low("session.max_output_tokens", "1", "0")),
    "too many tokens": (
        respond(max_output_tokens=4097),
        too_high("response.max_output_tokens", "4096", "4097"),
    ),
    "threshold too low": (
        audio_input(turn_detection={"type": "server_vad", "threshold": -0.1}),
        too_low(f"{VAD}.threshold", "0", "-0.1", "decimal"),
    ),
    "threshold too high": (
        audio_input(turn_detection={"type": "server_vad", "threshold": 1.01}),
        too_high(f"{VAD}.threshold", "1", "1.01", "decimal"),
    ),
    "negative padding": (
        audio_input(turn_detection={"type": "server_vad", "prefix_padding_ms": -1}),
        too_low(f"{VAD}.prefix_padding_ms", "0", "-1"),
    ),
    "negative silence": (
        audio_input(turn_detection={"type": "server_vad", "silence_duration_ms": -200}),
        too_low(f"{VAD}.silence_duration_ms", "0", "-200"),
    ),
    "timeout too short": (
        audio_input(turn_detection={"type": "server_vad", "idle_timeout_ms": 4999}),
        too_low(f"{VAD}.idle_timeout_ms", "5000", "4999"),
    ),
    "timeout too long": (
        audio_input(turn_detection={"type": "server_vad", "idle_timeout_ms": 30001}),
        too_high(f"{VAD}.idle_timeout_ms", "30000", "30001"),
    ),
    "ratio too high": (
        realtime(truncation={"type": "retention_ratio", "retention_ratio": 1.5}),
        too_high("session.truncation.retention_ratio", "1", "1.5", "decimal"),
    ),
    "negative limit": (
        realtime(
            truncation={
                "type": "retention_ratio",
                "retention_ratio": 1,
                "token_limits": {"post_instructions": -1},
            }
        ),
        too_low("session.truncation.token_limits.post_instructions", "0", "-1"),
    ),
    "negative end": (
        {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": -1},
        too_low("audio_end_ms", "0", "-1"),
    ),
    "negative index": (
        {"type": "conversation.item.truncate", "item_id": "a", "content_index": -1, "audio_end_ms": 0},
        too_low("content_index", "0", "-1"),
    ),
    "huge number": (
        audio_input(turn_detection={"type": "server_vad", "silence_duration_ms": 10**30}),
        too_high(f"{VAD}.silence_duration_ms", str(2**63 - 1), "a huge number"),
    ),
    "huge number in a schema": (
        realtime(tools=[{**TOOL, "parameters": {"maximum": 10**30}}]),
        too_high("session.tools[0].parameters.maximum", str(2**63 - 1), "a huge number"),
    ),
    # lengths
    "huge picture": (
        message(
            "user",
            {"type": "input_image", "image_url": "data:image/png;base64," + "A" * (20 * 2**20 - 21)},
        ),
        too_long("item.content[0].image_url", 20 * 2**20, 20 * 2**20 + 1),
    ),
    "long text": (
        message("user", {"type": "input_text", "text": "a" * 256_001}),
        too_long("item.content[0].text", 256_000, 256_001),
    ),
    "long name of an event": (
        {"type": "response.cancel", "event_id": "a" * 513},
        too_long("event_id", 512, 513),
    ),
    "long name of an append": (
        {"type": "input_audio_buffer.append", "audio": "AAAA", "event_id": "a" * 513},
        too_long("event_id", 512, 513),
    ),
    "long id": (
        create(type="message", id="a" * 513, role="user", content=[]),
        too_long("item.id", 512, 513),
    ),
    "long append": (
        {"type": "input_audio_buffer.append", "audio": "A" * 20_971_524},
        too_long("audio", 20_971_520, 20_971_524),
    ),
    "long key": (respond(metadata={"k" * 65: "v"}), too_long(f"response.metadata.{'k' * 65}", 64, 65)),
    "long value": (respond(metadata={"k": "v" * 513}), too_long("response.metadata.k", 512, 513)),
    "much metadata": (
        respond(metadata={str(n): "" for n in range(17)}),
        error(
            "object_above_max_properties",
            "Invalid 'response.metadata': too many properties. "
            "Expected an object with at most 16 properties, but got an object with 17 properties instead.",
            "response.metadata",
        ),
    ),
    "long name of a function": (
        realtime(tools=[{"type": "function", "name": "f" * 65}]),
        too_long("session.tools[0].name", 64, 65),
    ),
    "no name of a function": (
        realtime(tools=[{"type": "function", "name": ""}]),
        error(
            "invalid_value",
            "Invalid 'session.tools[0].name': empty string. "
            "Expected a string with minimum length 1, but got an empty string instead.",
            "session.tools[0].name",
        ),
    ),
    "odd name of a function": (
        realtime(tools=[{"type": "function", "name": "get weather"}]),
        error(
            "invalid_value",
            "Invalid 'session.tools[0].name': string does not match pattern. "
            "Expected a string that matches the pattern '^[A-Za-z0-9_-]+$'.",
            "session.tools[0].name",
        ),
    ),
    "language": (
        audio_input(transcription={"model": "whisper-1", "language": "English"}),
        error(
            "invalid_value",
            "Invalid 'session.audio.input.transcription.language': string does not match pattern. "
            "Expected a string that matches the pattern '^[a-z]{2,3}$'.",
            "session.audio.input.transcription.language",
        ),
    ),
    "no languages": (
        audio_input(transcription={"model": "gpt-transcribe", "languages": []}),
        error(
            "invalid_value",
            "Invalid 'session.audio.input.transcription.languages': empty array. "
            "Expected an array with minimum length 1, but got an empty array instead.",
            "session.audio.input.transcription.languages",
        ),
    ),
    "deep schema": (
        realtime(tools=[{**TOOL, "parameters": {"a": DEEP}}]),
        error(
            "invalid_value",
            "Invalid 'session.tools[0].parameters.a': nested too deeply. Expected at most 100 levels.",
            "session.tools[0].parameters.a",
        ),
    ),
    # sound and pictures
    "audio that is none": (
        message("user", {"type": "input_audio", "audio": "not base64!"}),
        bad_audio("item.content[0].audio", "an invalid value"),
    ),
    "empty audio": (
        message("user", {"type": "input_audio", "audio": ""}),
        bad_audio("item.content[0].audio", "empty bytes"),
    ),
    "assistant's audio": (
        message("assistant", {"type": "output_audio", "transcript": "hi", "audio": SOME_AUDIO}),
        error(
            "invalid_value",
            "Invalid 'item.content[0].audio'. Assistant messages cannot be created with audio.",
            "item.content[0].audio",
        ),
    ),
    **{
        f"picture: {url[:22]}": (
            message("user", {"type": "input_image", "image_url": url}),
            error("invalid_value", IMAGE, "item.content[0].image_url"),
        )
        for url in (
            "https://example.com/cat.png",
            "data:image/gif;base64,R0lGODlh",
            "data:image/png;base64,",
            "data:image/jpeg;base64,***",
            "cat.png",
        )
    },
    # what must agree
    "two places of a server": (
        realtime(tools=[{**MCP, "connector_id": "connector_gmail"}]),
        error(
            "invalid_value",
            "Invalid 'session.tools[0]': only one of 'server_url' and 'connector_id' may be set.",
            "session.tools[0]",
        ),
    ),
    "two authorizations": (
        realtime(tools=[{**MCP, "authorization": "token", "headers": {"authorization": "token"}}]),
        error(
            "invalid_value",
            "Invalid 'session.tools[0]': only one of 'authorization' and 'headers.Authorization' may be set.",
            "session.tools[0]",
        ),
    ),
    "the same server twice": (
        respond(tools=[MCP, TOOL, MCP]),
        error(
            "invalid_value",
            "Duplicate MCP server label: 'docs'. Each MCP tool must have its own 'server_label'.",
            "response.tools[2].server_label",
        ),
    ),
    **{
        f"{option} of {model}": (
            audio_input(transcription={"model": model, option: value}),
            unsupported(f"session.audio.input.transcription.{option}"),
        )
        for option, model, value in (
            ("languages", "whisper-1", ["en"]),
            ("keywords", "gpt-4o-transcribe", ["vivavoce"]),
            ("delay", "gpt-4o-transcribe", "low"),
            ("prompt", "gpt-4o-transcribe-diarize", "meeting"),
            ("prompt", "gpt-realtime-whisper", "meeting"),
        )
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    event, expected = REFUSED[case]
    assert refusal(event) == expected


@pytest.mark.parametrize("case", REFUSED)
def test_the_error_names_the_event(case: str) -> None:
    event, expected = REFUSED[case]
    if "event_id" not in event:
        assert refusal(event | {"event_id": "client_evt_7"}).event_id == "client_evt_7"
    assert expected.event_id is None


# Frames that are no events.


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("{", "Input data was truncated."),
        ("", "Input data was truncated."),
        ("hello", "JSON is malformed: "),
        ('{"type":"response.cancel"}}', "JSON is malformed: "),
        ('{"type":"response.cancel","event_id":NaN}', "JSON is malformed: "),
        (b'{"type":"\xff"}', "The text is not valid UTF-8."),
        ('{"type":"\ud800"}', "The text is not valid UTF-8."),
        ('{"type":"response.cancel","a":' + "[" * 100_000, "The value is nested too deeply."),
        ('{"type":"response.cancel","a":1e999}', "Number out of range."),
    ],
)
def test_no_json(frame: str | bytes, reason: str) -> None:
    answer = refusal(frame)
    assert answer == error("invalid_json", answer.message, None)
    assert answer.message.startswith(f"Invalid event: failed to parse JSON value. {reason}")
    assert answer.message.endswith(".")
    assert "$" not in answer.message


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        ("[]", "an array"),
        ("7", "an integer"),
        ("1.5", "a decimal number"),
        ('"hi"', "a string"),
        ("null", "null"),
        ("true", "a boolean"),
    ],
)
def test_no_object(frame: str, found: str) -> None:
    text = f"Expected a JSON object, but got {found} instead."
    assert refusal(frame) == error("invalid_event", text, None)


def test_no_type() -> None:
    expected = error("invalid_event", "The 'type' field is missing.", None, "event_567")
    assert refusal({"event_id": "event_567"}) == expected


def test_type_is_no_text() -> None:
    assert refusal({"type": 7}) == wrong_type("type", "a string", "an integer")


def test_unknown_type_lists_those_of_the_service_in_its_order() -> None:
    assert refusal({"type": "nope", "event_id": "x"}) == error(
        "invalid_value",
        "Invalid value: 'nope'. Supported values are: 'session.update', 'session.close', "
        "'input_audio_buffer.append', 'session.input_audio_buffer.append', 'input_audio_buffer.commit', "
        "'input_audio_buffer.clear', 'conversation.item.create', 'conversation.item.truncate', "
        "'conversation.item.delete', 'conversation.item.retrieve', 'response.create', and 'response.cancel'.",
        "type",
        "x",
    )


def test_what_a_connection_takes_depends_on_its_kind() -> None:
    clear = {"type": "output_audio_buffer.clear"}
    assert refusal(clear).param == "type"
    assert decode_client_event(json.dumps(clear), GA_MEDIA).type == "output_audio_buffer.clear"
    append = {"type": "input_audio_buffer.append", "audio": "AAAA"}
    assert isinstance(decode_client_event(json.dumps(append)), InputAudioBufferAppend)
    assert refusal(append, GA_TRANSLATION) == error(
        "invalid_value",
        "Invalid value: 'input_audio_buffer.append'. Supported values are: 'session.update', "
        "'session.input_audio_buffer.append', and 'session.close'.",
        "type",
    )
    update = {"type": "session.update", "session": {"type": "translation"}}
    assert refusal(update, GA_TRANSLATION) == unknown("session.type")


def test_a_name_that_is_too_long_is_not_quoted() -> None:
    assert refusal({"type": "nope", "event_id": "a" * 512}).event_id == "a" * 512
    assert refusal({"type": "nope", "event_id": "a" * 513}).event_id is None
    assert refusal({"type": "nope", "event_id": ["a"]}).event_id is None


def test_long_words_of_the_client_are_not_quoted_in_full() -> None:
    event = {"type": "nope" * 10_000, "event_id": "e"}
    assert len(refusal(event).message) < 1000
    assert len(refusal(realtime(**{"k" * 10_000: 1})).message) < 300
    assert len(refusal(realtime(output_modalities=["text"] * 10_000)).message) < 500


ACCEPTED: dict[str, Any] = {
    "null for what it turns off": realtime(
        tracing=None,
        prompt=None,
        include=None,
        audio={"input": {"turn_detection": None, "transcription": None, "noise_reduction": None}},
    ),
    "patches": realtime(audio={"input": {}, "output": {}}),
    "empty texts and lists": realtime(instructions="", tools=[]),
    "what the service echoes": audio_input(
        transcription={"model": "whisper-1", "language": None, "prompt": None},
        format={"type": "audio/pcm", "rate": 24000},
        turn_detection={
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 200,
            "idle_timeout_ms": None,
            "create_response": True,
            "interrupt_response": True,
        },
    ),
    "custom voice": audio_output(voice={"id": "voice_1234"}, speed=1.5, format={"type": "audio/pcma"}),
    "tools": realtime(
        tools=[
            {"type": "function", "name": "f", "description": "", "parameters": {"type": "object"}},
            {"type": "mcp", "server_label": "a"},
            {**MCP, "allowed_tools": ["x"], "require_approval": "never", "headers": {"a": "b"}},
        ],
        tool_choice={"type": "mcp", "server_label": "a", "name": None},
    ),
    "reasoning model": realtime(reasoning={"effort": "xhigh"}, parallel_tool_calls=False),
    "truncation": realtime(
        truncation={
            "type": "retention_ratio",
            "retention_ratio": 0.8,
            "token_limits": {"post_instructions": 8000},
        }
    ),
    "tracing": realtime(tracing={"workflow_name": "w", "group_id": "g", "metadata": {"a": [1]}}),
    "prompt": realtime(
        prompt={
            "id": "pmpt_1",
            "version": "2",
            "variables": {
                "name": "Ada",
                "photo": {"type": "input_image", "detail": "low", "file_id": "file_1"},
                "text": {"type": "input_text", "text": "hi", "prompt_cache_breakpoint": {"mode": "explicit"}},
                "file": {"type": "input_file", "filename": "a.pdf"},
            },
        }
    ),
    "transcription session": {
        "type": "session.update",
        "session": {
            "type": "transcription",
            "audio": {"input": {"transcription": {"model": "any model", "language": "en", "prompt": "x"}}},
            "include": ["item.input_audio_transcription.logprobs"],
        },
    },
    "item at the end": {**message("system", {"type": "input_text", "text": ""}), "previous_item_id": ""},
    "item at the end, in other words": {**message("user"), "previous_item_id": None},
    "item with all it has": create(
        type="message", id="yo", object="realtime.item", status="in_progress", role="user", content=[]
    ),
    "spoken answer from a log": message("assistant", {"type": "output_audio", "transcript": "Hello"}),
    "picture": message("user", {"type": "input_image", "image_url": SOME_IMAGE, "detail": "high"}),
    "photo": message("user", {"type": "input_image", "image_url": "data:image/jpeg;base64,/9j/"}),
    "speech": message("user", {"type": "input_audio", "audio": SOME_AUDIO, "transcript": None}),
    "call without an id": create(type="function_call", name="f", arguments="{}"),
    "empty output": create(type="function_call_output", call_id="c", output=""),
    "approval without an id": create(
        type="mcp_approval_response", approval_request_id="r", approve=False, reason=None
    ),
    "traffic from a log": create(
        type="mcp_call",
        server_label="a",
        name="f",
        arguments="{}",
        error={"type": "http_error", "code": 500, "message": ""},
    ),
    "tools from a log": create(
        type="mcp_list_tools",
        server_label="a",
        tools=[
            {"name": "f", "description": None, "input_schema": {"minimum": -(2**63)}, "annotations": None}
        ],
    ),
    "plain response": {"type": "response.create"},
    "response of nothing": {"type": "response.create", "response": None},
    "response of no difference": respond(),
    "response beside the conversation": respond(
        conversation="none", metadata={str(n): "v" * 512 for n in range(16)}, input=[], tools=[]
    ),
    "response of the longest": respond(max_output_tokens="inf", tool_choice="required"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(case: str) -> None:
    event = ACCEPTED[case]
    assert json.loads(encode(decode_client_event(json.dumps(event)))) == event


# Bodies of REST requests.


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (
            {"session": {"type": "realtime", "max_response_output_tokens": 1}},
            ClientSecretRequest,
            unknown("session.max_response_output_tokens"),
        ),
        ({"session": {}}, ClientSecretRequest, missing("session.type")),
        (
            {"expires_after": {"seconds": 9}},
            ClientSecretRequest,
            too_low("expires_after.seconds", "10", "9"),
        ),
        (
            {"expires_after": {"seconds": 7201}},
            ClientSecretRequest,
            too_high("expires_after.seconds", "7200", "7201"),
        ),
        (
            {"expires_after": {"anchor": "last_used_at"}},
            ClientSecretRequest,
            wrong_value("expires_after.anchor", "last_used_at", "Value must be 'created_at'."),
        ),
        (
            {"session": {"type": "transcription", "model": "whisper-1"}},
            ClientSecretRequest,
            error(
                "invalid_model", "You must not provide a model parameter for transcription sessions.", None
            ),
        ),
        ({"model": "gpt-realtime"}, RealtimeSessionParams, missing("type")),
        (
            {"type": "transcription"},
            RealtimeSessionParams,
            wrong_value("type", "transcription", "Value must be 'realtime'."),
        ),
        (
            {"type": "realtime", "tool_choice": {"type": "function", "function": {"name": "f"}}},
            RealtimeSessionParams,
            missing("tool_choice.name"),
        ),
        ({}, CallRefer, missing("target_uri")),
        ({"target_uri": "tel:+1", "hurry": True}, CallRefer, unknown("hurry")),
        ({"status_code": 299}, CallReject, too_low("status_code", "300", "299")),
        ([], CallReject, error("invalid_event", "Expected a JSON object, but got an array instead.", None)),
    ],
)
def test_bodies(body: Any, kind: type[Any], expected: Error) -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode_body(json.dumps(body), kind)
    assert caught.value.error == expected


def test_answer_of_rest() -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode_body(b'{"status_code":"busy"}', CallReject)
    assert json.loads(encode(ErrorBody.of(caught.value.error))) == {
        "error": {
            "message": "Invalid type for 'status_code': expected an integer, but got a string instead.",
            "type": "invalid_request_error",
            "param": "status_code",
            "code": "invalid_type",
        }
    }


# Audio.


def test_audio() -> None:
    assert decode_audio(SOME_AUDIO, "audio") == bytes(range(64))


@pytest.mark.parametrize("text", ["A", "AA=A", "AAA*", "AAAA\n", "µ-law", "AAAA===="])
def test_audio_that_is_none(text: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode_audio(text, "audio")
    assert caught.value.error == bad_audio("audio", "an invalid value")


def test_no_audio() -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode_audio("", "audio")
    assert caught.value.error == bad_audio("audio", "empty bytes")


def test_the_largest_append_is_accepted() -> None:
    largest = {"type": "input_audio_buffer.append", "audio": "A" * 20_971_520}
    event = decode_client_event(json.dumps(largest))
    assert isinstance(event, InputAudioBufferAppend)
    assert len(decode_audio(event.audio, "audio")) == 15 * 2**20


# Errors that depend on more than the event: session, transports and REST build them from these functions.

STATE: list[tuple[Error, str | None, str, str | None]] = [
    (
        errors.binary_frame(),
        "invalid_event",
        "Expected a text WebSocket message; binary frames are not supported.",
        None,
    ),
    (
        errors.wrong_session_type("transcription", "realtime", event_id="e"),
        "invalid_parameter",
        "Passing a transcription session update event to a realtime session is not allowed.",
        None,
    ),
    (
        errors.wrong_session_type("realtime", "transcription", event_id="e"),
        "invalid_parameter",
        "Passing a realtime session update event to a transcription session is not allowed.",
        None,
    ),
    (
        errors.voice_locked(event_id="e"),
        "cannot_update_voice",
        "Cannot update a conversation's voice if assistant audio is present.",
        None,
    ),
    (
        errors.model_locked(event_id="e"),
        "cannot_update_model",
        "The model of a session cannot be changed.",
        "session.model",
    ),
    (
        errors.tracing_locked(event_id="e"),
        "invalid_value",
        "Invalid 'session.tracing': tracing cannot be modified once it is enabled.",
        "session.tracing",
    ),
    (
        errors.turn_detection_unsupported(event_id="e"),
        "invalid_value",
        "Turn detection is not supported for this transcription model.",
        "session.audio.input.turn_detection",
    ),
    (
        errors.unsupported_option("session.reasoning", event_id="e"),
        "invalid_value",
        "Unsupported option for this model: 'session.reasoning'.",
        None,
    ),
    (
        errors.no_responses_here(event_id="e"),
        "invalid_parameter",
        "Cannot create a response on a transcription session",
        None,
    ),
    (
        errors.session_expired(60),
        "session_expired",
        "Your session hit the maximum duration of 60 minutes.",
        None,
    ),
    (
        errors.commit_empty(0, event_id="e"),
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        "but buffer only has 0.00ms of audio.",
        None,
    ),
    (
        errors.commit_empty(96.004, event_id="e"),
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        "but buffer only has 96.00ms of audio.",
        None,
    ),
    (
        errors.item_not_found("deleting", "yo", event_id="e"),
        "item_delete_invalid_item_id",
        "Error deleting item: the item with id 'yo' does not exist.",
        None,
    ),
    (
        errors.item_not_found("retrieving", "x", event_id="e"),
        "item_retrieve_invalid_item_id",
        "Error retrieving item: the item with id 'x' does not exist.",
        None,
    ),
    (
        errors.item_not_found("truncating", "x", event_id="e"),
        "item_truncate_invalid_item_id",
        "Error truncating item: the item with id 'x' does not exist.",
        None,
    ),
    (
        errors.duplicate_item("x", event_id="e"),
        "item_create_duplicate_item_id",
        "Error adding item: an item with id 'x' already exists.",
        None,
    ),
    (
        errors.unknown_previous_item("x", event_id="e"),
        "item_create_invalid_previous_item_id",
        "Error adding item: the previous item with id 'x' does not exist.",
        None,
    ),
    (
        errors.unknown_tool_call("call_x", event_id="e"),
        "invalid_tool_call_id",
        "Tool call ID 'call_x' not found in conversation.",
        "item.call_id",
    ),
    (
        errors.unknown_item_reference("response.input[0].id", "x", event_id="e"),
        "invalid_value",
        "Invalid 'response.input[0].id': the item with id 'x' does not exist.",
        "response.input[0].id",
    ),
    (
        errors.not_truncatable(event_id="e"),
        None,
        "Only model output audio messages can be truncated",
        None,
    ),
    (
        errors.truncate_beyond(3700, 3760, event_id="e"),
        "invalid_value",
        "Audio content of 3700ms is already shorter than 3760ms",
        None,
    ),
    (
        errors.unknown_content_index(1, event_id="e"),
        "invalid_value",
        "Invalid 'content_index': the item has no content part 1.",
        "content_index",
    ),
    (
        errors.active_response("resp_X", event_id="e"),
        "conversation_already_has_active_response",
        "Conversation already has an active response in progress: resp_X. "
        "Wait until the response is finished before creating a new one.",
        None,
    ),
    (
        errors.cancel_not_active(event_id="e"),
        "response_cancel_not_active",
        "Cancellation failed: no active response found",
        None,
    ),
    (
        errors.undefined_server("session.tools[0]", event_id="e"),
        "invalid_value",
        "Invalid 'session.tools[0]': "
        "exactly one of 'server_url', 'connector_id', and 'tunnel_id' must be set.",
        "session.tools[0]",
    ),
    (
        errors.invalid_api_key("sk-a***wxyz"),
        "invalid_api_key",
        "Incorrect API key provided: sk-a***wxyz. "
        "You can find your API key at https://platform.openai.com/account/api-keys.",
        None,
    ),
    (errors.missing_authentication(), None, "Missing bearer or basic authentication in header", None),
    (
        errors.missing_model("api.openai.com"),
        "missing_model",
        "You must provide a model parameter, "
        "for example wss://api.openai.com/v1/realtime?model=gpt-realtime-1.5",
        None,
    ),
    (
        errors.invalid_model("gpt-nope"),
        "invalid_model",
        'Model "gpt-nope" is not supported in realtime mode.',
        None,
    ),
    (
        errors.beta_disabled(),
        "beta_api_shape_disabled",
        "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.",
        None,
    ),
    (
        errors.api_version_mismatch("beta", "ga"),
        "api_version_mismatch",
        "API version mismatch. You cannot start a Realtime beta session with a GA client secret.",
        None,
    ),
    (
        errors.api_version_mismatch("ga", "beta"),
        "api_version_mismatch",
        "API version mismatch. You cannot start a Realtime GA session with a beta client secret.",
        None,
    ),
    (
        errors.call_not_found(),
        "call_id_not_found",
        "No session found for the provided call_id",
        None,
    ),
]


@pytest.mark.parametrize(("built", "code", "text", "param"), STATE, ids=[row[2][:50] for row in STATE])
def test_state(built: Error, code: str | None, text: str, param: str | None) -> None:
    assert built.event_id in (None, "e")
    assert built == error(code, text, param, built.event_id)
    assert set(json.loads(encode(built))) == {"type", "code", "message", "param", "event_id"}


def test_other_classes_of_errors() -> None:
    assert errors.server_error(event_id="e") == Error(
        type="server_error",
        code="internal_error",
        message="The server had an error while processing your request. Sorry about that!",
        event_id="e",
    )
    assert errors.transcription_failed() == Error(
        type="transcription_error",
        code="audio_unintelligible",
        message="The audio could not be transcribed.",
    )


def test_keys_are_masked() -> None:
    assert errors.mask_key("sk-proj-0123456789abcdefghij") == "sk-p********************ghij"
    assert errors.mask_key("secret") == "******"
    assert errors.mask_key("x" * 400) == "xxxx************************xxxx"
