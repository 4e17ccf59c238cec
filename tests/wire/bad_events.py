"""Events that no server may accept, each with the refusal that the API answers.

The sentences are written out here rather than taken from the code: they are what clients read.
"""

from typing import Any, NamedTuple

from tests.wire.peer import Event, a_message, an_update


class Refusal(NamedTuple):
    """The `error` object of an `error` event, without the client's `event_id`."""

    code: str | None
    message: str
    param: str | None = None
    type: str = "invalid_request_error"

    def naming(self, event_id: str | None) -> Event:
        """The whole object: all five keys."""
        return self._asdict() | {"event_id": event_id}


def unknown(param: str) -> Refusal:
    return Refusal("unknown_parameter", f"Unknown parameter: '{param}'.", param)


def missing(param: str) -> Refusal:
    return Refusal("missing_required_parameter", f"Missing required parameter: '{param}'.", param)


def mistyped(param: str, expected: str, found: str) -> Refusal:
    message = f"Invalid type for '{param}': expected {expected}, but got {found} instead."
    return Refusal("invalid_type", message, param)


def unsupported(param: str, value: str, remedy: str) -> Refusal:
    return Refusal("invalid_value", f"Invalid value: '{value}'. {remedy}", param)


def low(kind: str, param: str, minimum: object, value: object) -> Refusal:
    message = (
        f"Invalid '{param}': {kind} below minimum value. "
        f"Expected a value >= {minimum}, but got {value} instead."
    )
    return Refusal(f"{kind}_below_min_value", message, param)


def high(kind: str, param: str, maximum: object, value: object) -> Refusal:
    message = (
        f"Invalid '{param}': {kind} above maximum value. "
        f"Expected a value <= {maximum}, but got {value} instead."
    )
    return Refusal(f"{kind}_above_max_value", message, param)


def many(param: str, maximum: int, length: int) -> Refusal:
    message = (
        f"Invalid '{param}': array too long. "
        f"Expected an array with maximum length {maximum}, but got an array with length {length} instead."
    )
    return Refusal("array_above_max_length", message, param)


def long(param: str, maximum: int, length: int) -> Refusal:
    message = (
        f"Invalid '{param}': string too long. "
        f"Expected a string with maximum length {maximum}, but got a string with length {length} instead."
    )
    return Refusal("string_above_max_length", message, param)


def bad_audio(param: str, found: str) -> Refusal:
    message = f"Invalid '{param}'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got {found}."
    return Refusal("invalid_value", message, param)


TYPES = (
    "Supported values are: 'session.update', 'session.close', 'input_audio_buffer.append', "
    "'session.input_audio_buffer.append', 'input_audio_buffer.commit', 'input_audio_buffer.clear', "
    "'conversation.item.create', 'conversation.item.truncate', 'conversation.item.delete', "
    "'conversation.item.retrieve', 'response.create', and 'response.cancel'."
)
TYPES_OF_CONVERSATIONS = (
    "Supported values are: 'session.update', 'input_audio_buffer.append', 'input_audio_buffer.commit', "
    "'input_audio_buffer.clear', 'conversation.item.create', 'conversation.item.truncate', "
    "'conversation.item.delete', 'conversation.item.retrieve', 'response.create', and 'response.cancel'."
)
VOICES = (
    "Supported values are: 'alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse', 'marin', "
    "and 'cedar'."
)

TOOL: Event = {"type": "function", "name": "lights", "parameters": {"type": "object", "properties": {}}}


def item(**fields: Any) -> Event:
    return {"type": "conversation.item.create", "item": fields}


def said(role: str, *content: Any) -> Event:
    return item(type="message", role=role, content=list(content))


def response(**fields: Any) -> Event:
    return {"type": "response.create", "response": fields}


def detection(**fields: Any) -> Event:
    return an_update(audio={"input": {"turn_detection": {"type": "server_vad"} | fields}})


def truncation(**fields: Any) -> Event:
    whole = {"item_id": "nobody", "content_index": 0, "audio_end_ms": 100} | fields
    return {"type": "conversation.item.truncate"} | {k: v for k, v in whole.items() if v is not ...}


_DETECTION = "session.audio.input.turn_detection"

BAD_EVENTS: dict[str, tuple[Event, Refusal]] = {
    # The type.
    "no type": ({"item": {}}, Refusal("invalid_event", "The 'type' field is missing.")),
    "empty object": ({}, Refusal("invalid_event", "The 'type' field is missing.")),
    "type null": ({"type": None}, mistyped("type", "a string", "null")),
    "type number": ({"type": 7}, mistyped("type", "a string", "an integer")),
    "unknown type": ({"type": "nope"}, unsupported("type", "nope", TYPES)),
    "type in capitals": ({"type": "Response.Create"}, unsupported("type", "Response.Create", TYPES)),
    "type of the server": ({"type": "response.done"}, unsupported("type", "response.done", TYPES)),
    "type of WebRTC": (
        {"type": "output_audio_buffer.clear"},
        unsupported("type", "output_audio_buffer.clear", TYPES),
    ),
    "type of the beta": (
        {"type": "transcription_session.update", "session": {}},
        unsupported("type", "transcription_session.update", TYPES),
    ),
    "type of translations": (
        {"type": "session.close"},
        unsupported("type", "session.close", TYPES_OF_CONVERSATIONS),
    ),
    "append of translations": (
        {"type": "session.input_audio_buffer.append", "audio": "AAAA"},
        unsupported("type", "session.input_audio_buffer.append", TYPES_OF_CONVERSATIONS),
    ),
    # Keys that nobody knows, at every depth.
    "unknown key of an event": ({"type": "input_audio_buffer.commit", "bogus": 1}, unknown("bogus")),
    "unknown key of an append": (
        {"type": "input_audio_buffer.append", "audio": "AAAA", "bogus": 1},
        unknown("bogus"),
    ),
    "unknown key of a session": (an_update(bogus_field=1), unknown("session.bogus_field")),
    "unknown key of the input": (an_update(audio={"input": {"x": 1}}), unknown("session.audio.input.x")),
    "unknown key of turn detection": (detection(bogus=True), unknown(f"{_DETECTION}.bogus")),
    "eagerness without semantics": (detection(eagerness="low"), unknown(f"{_DETECTION}.eagerness")),
    "idle timeout with semantics": (
        an_update(audio={"input": {"turn_detection": {"type": "semantic_vad", "idle_timeout_ms": 6000}}}),
        unknown(f"{_DETECTION}.idle_timeout_ms"),
    ),
    "unknown key of a tool": (
        an_update(tools=[TOOL, TOOL | {"meta": 1}]),
        unknown("session.tools[1].meta"),
    ),
    "unknown key of an item": (a_message("x", bogus=1), unknown("item.bogus")),
    "unknown key of a part": (
        said("user", {"type": "input_text", "text": "x"}, {"type": "input_text", "text": "x", "bogus": 1}),
        unknown("item.content[1].bogus"),
    ),
    "unknown key of a response": (response(bogus=1), unknown("response.bogus")),
    "unknown key in an input of a response": (
        response(input=[{"type": "item_reference", "id": "x", "bogus": 1}]),
        unknown("response.input[0].bogus"),
    ),
    "model of a response": (response(model="gpt-realtime"), unknown("response.model")),
    "input audio of a response": (response(audio={"input": {}}), unknown("response.audio.input")),
    "truncation of a response": (response(truncation="auto"), unknown("response.truncation")),
    "tracing of a response": (response(tracing="auto"), unknown("response.tracing")),
    "speed of a response": (
        response(audio={"output": {"speed": 1.0}}),
        unknown("response.audio.output.speed"),
    ),
    "id of a session": (an_update(id="sess_x"), unknown("session.id")),
    "expiry of a session": (an_update(expires_at=1), unknown("session.expires_at")),
    "beta modalities": (an_update(modalities=["text"]), unknown("session.modalities")),
    "beta voice": (an_update(voice="alloy"), unknown("session.voice")),
    "beta temperature": (an_update(temperature=0.8), unknown("session.temperature")),
    # Keys that are missing.
    "no session": ({"type": "session.update"}, missing("session")),
    "no session type": ({"type": "session.update", "session": {}}, missing("session.type")),
    "no audio": ({"type": "input_audio_buffer.append"}, missing("audio")),
    "no item": ({"type": "conversation.item.create"}, missing("item")),
    "no item type": (item(role="user", content=[]), missing("item.type")),
    "no role": (item(type="message", content=[]), missing("item.role")),
    "no content": (item(type="message", role="user"), missing("item.content")),
    "no part type": (said("user", {"text": "x"}), missing("item.content[0].type")),
    "no text": (said("user", {"type": "input_text"}), missing("item.content[0].text")),
    "no audio in a part": (said("user", {"type": "input_audio"}), missing("item.content[0].audio")),
    "no call id": (item(type="function_call_output", output="1"), missing("item.call_id")),
    "no output": (item(type="function_call_output", call_id="call_x"), missing("item.output")),
    "no arguments": (item(type="function_call", name="f", call_id="c"), missing("item.arguments")),
    "no item to truncate": (truncation(item_id=...), missing("item_id")),
    "no content index": (truncation(content_index=...), missing("content_index")),
    "no end of the audio": (truncation(audio_end_ms=...), missing("audio_end_ms")),
    "no item to delete": ({"type": "conversation.item.delete"}, missing("item_id")),
    "no item to retrieve": ({"type": "conversation.item.retrieve"}, missing("item_id")),
    "no tool type": (an_update(tools=[{"name": "f"}]), missing("session.tools[0].type")),
    "no tool name": (an_update(tools=[{"type": "function"}]), missing("session.tools[0].name")),
    "no detection type": (
        an_update(audio={"input": {"turn_detection": {"threshold": 0.5}}}),
        missing(f"{_DETECTION}.type"),
    ),
    "no transcription model": (
        an_update(audio={"input": {"transcription": {"language": "en"}}}),
        missing("session.audio.input.transcription.model"),
    ),
    "tools as chat completions nest them": (
        an_update(tools=[{"type": "function", "function": {"name": "lights", "parameters": {}}}]),
        missing("session.tools[0].name"),
    ),
    "tool choice as chat completions nest it": (
        an_update(tool_choice={"type": "function", "function": {"name": "lights"}}),
        missing("session.tool_choice.name"),
    ),
    "no id of a reference": (response(input=[{"type": "item_reference"}]), missing("response.input[0].id")),
    # Values of another type.
    "session as text": (
        {"type": "session.update", "session": "realtime"},
        mistyped("session", "an object", "a string"),
    ),
    "session as list": (
        {"type": "session.update", "session": []},
        mistyped("session", "an object", "an array"),
    ),
    "instructions null": (an_update(instructions=None), mistyped("session.instructions", "a string", "null")),
    "tools null": (an_update(tools=None), mistyped("session.tools", "an array of objects", "null")),
    "tool as text": (an_update(tools=["f"]), mistyped("session.tools[0]", "an object", "a string")),
    "flag as number": (
        detection(create_response=1),
        mistyped(f"{_DETECTION}.create_response", "a boolean", "an integer"),
    ),
    "threshold as text": (
        detection(threshold="0.5"),
        mistyped(f"{_DETECTION}.threshold", "a decimal", "a string"),
    ),
    "padding as decimal": (
        detection(prefix_padding_ms=300.5),
        mistyped(f"{_DETECTION}.prefix_padding_ms", "an integer", "a decimal number"),
    ),
    "audio as number": (
        {"type": "input_audio_buffer.append", "audio": 5},
        mistyped("audio", "a string", "an integer"),
    ),
    "audio null": (
        {"type": "input_audio_buffer.append", "audio": None},
        mistyped("audio", "a string", "null"),
    ),
    "item as text": (
        {"type": "conversation.item.create", "item": "x"},
        mistyped("item", "an object", "a string"),
    ),
    "content as text": (
        item(type="message", role="user", content="hello"),
        mistyped("item.content", "an array of objects", "a string"),
    ),
    "part as text": (said("user", "hello"), mistyped("item.content[0]", "an object", "a string")),
    "text as number": (
        said("user", {"type": "input_text", "text": 5}),
        mistyped("item.content[0].text", "a string", "an integer"),
    ),
    "arguments as object": (
        item(type="function_call", name="f", call_id="c", arguments={}),
        mistyped("item.arguments", "a string", "an object"),
    ),
    "previous item as number": (
        a_message("x") | {"previous_item_id": 4},
        mistyped("previous_item_id", "a string", "an integer"),
    ),
    "item id as list": (
        {"type": "conversation.item.delete", "item_id": ["x"]},
        mistyped("item_id", "a string", "an array"),
    ),
    "end as text": (truncation(audio_end_ms="100"), mistyped("audio_end_ms", "an integer", "a string")),
    "end as decimal": (
        truncation(audio_end_ms=1.5),
        mistyped("audio_end_ms", "an integer", "a decimal number"),
    ),
    "index as boolean": (
        truncation(content_index=False),
        mistyped("content_index", "an integer", "a boolean"),
    ),
    "response as text": (
        {"type": "response.create", "response": "now"},
        mistyped("response", "an object", "a string"),
    ),
    "metadata value as number": (
        response(metadata={"topic": 5}),
        mistyped("response.metadata.topic", "a string", "an integer"),
    ),
    # Values outside of what there is to choose.
    "session of another kind": (
        {"type": "session.update", "session": {"type": "session"}},
        unsupported("session.type", "session", "Supported values are: 'realtime' and 'transcription'."),
    ),
    "both modalities": (
        an_update(output_modalities=["text", "audio"]),
        Refusal(
            "invalid_value",
            "Invalid modalities: ['text', 'audio']. Supported combinations are: ['text'] and ['audio'].",
            "session.output_modalities",
        ),
    ),
    "no modality": (
        response(output_modalities=[]),
        Refusal(
            "invalid_value",
            "Invalid modalities: []. Supported combinations are: ['text'] and ['audio'].",
            "response.output_modalities",
        ),
    ),
    "unknown voice": (
        an_update(audio={"output": {"voice": "nobody"}}),
        unsupported("session.audio.output.voice", "nobody", VOICES),
    ),
    "unknown voice of a response": (
        response(audio={"output": {"voice": "nobody"}}),
        unsupported("response.audio.output.voice", "nobody", VOICES),
    ),
    "unknown format": (
        an_update(audio={"input": {"format": {"type": "audio/mp3"}}}),
        unsupported(
            "session.audio.input.format.type",
            "audio/mp3",
            "Supported values are: 'audio/pcm', 'audio/pcmu', and 'audio/pcma'.",
        ),
    ),
    "unknown detection": (
        an_update(audio={"input": {"turn_detection": {"type": "none"}}}),
        unsupported(f"{_DETECTION}.type", "none", "Supported values are: 'server_vad' and 'semantic_vad'."),
    ),
    "unknown eagerness": (
        an_update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "very"}}}),
        unsupported(
            f"{_DETECTION}.eagerness", "very", "Supported values are: 'low', 'medium', 'high', and 'auto'."
        ),
    ),
    "unknown noise reduction": (
        an_update(audio={"input": {"noise_reduction": {"type": "loud"}}}),
        unsupported(
            "session.audio.input.noise_reduction.type",
            "loud",
            "Supported values are: 'near_field' and 'far_field'.",
        ),
    ),
    "unknown tool choice": (
        an_update(tool_choice="sometimes"),
        unsupported(
            "session.tool_choice", "sometimes", "Supported values are: 'none', 'auto', and 'required'."
        ),
    ),
    "unknown role": (
        said("robot"),
        unsupported("item.role", "robot", "Supported values are: 'system', 'user', and 'assistant'."),
    ),
    "unknown item type": (
        item(type="memo"),
        unsupported(
            "item.type",
            "memo",
            "Supported values are: 'message', 'function_call', 'function_call_output', 'mcp_list_tools', "
            "'mcp_call', 'mcp_approval_request', and 'mcp_approval_response'.",
        ),
    ),
    "unknown conversation": (
        response(conversation="mine"),
        unsupported("response.conversation", "mine", "Supported values are: 'auto' and 'none'."),
    ),
    "unknown extra": (
        an_update(include=["everything"]),
        unsupported(
            "session.include[0]", "everything", "Value must be 'item.input_audio_transcription.logprobs'."
        ),
    ),
    "beta text of a user": (
        said("user", {"type": "text", "text": "x"}),
        unsupported("item.content[0].type", "text", "Supported values are: 'input_text' and 'input_audio'."),
    ),
    "beta text of the assistant": (
        said("assistant", {"type": "text", "text": "x"}),
        unsupported("item.content[0].type", "text", "Value must be 'output_text'."),
    ),
    "speech of the system": (
        said("system", {"type": "input_audio", "audio": "AAAA"}),
        unsupported("item.content[0].type", "input_audio", "Value must be 'input_text'."),
    ),
    "text limit as a word": (
        response(max_output_tokens="many"),
        unsupported("response.max_output_tokens", "many", "Value must be 'inf'."),
    ),
    # Numbers out of range.
    "rate 16000": (
        an_update(audio={"input": {"format": {"type": "audio/pcm", "rate": 16000}}}),
        low("integer", "session.audio.input.format.rate", 24000, 16000),
    ),
    "rate 48000": (
        an_update(audio={"output": {"format": {"type": "audio/pcm", "rate": 48000}}}),
        high("integer", "session.audio.output.format.rate", 24000, 48000),
    ),
    "no output tokens": (
        an_update(max_output_tokens=0),
        low("integer", "session.max_output_tokens", 1, 0),
    ),
    "too many output tokens": (
        response(max_output_tokens=4097),
        high("integer", "response.max_output_tokens", 4096, 4097),
    ),
    "threshold below 0": (detection(threshold=-0.1), low("decimal", f"{_DETECTION}.threshold", 0, -0.1)),
    "threshold above 1": (detection(threshold=1.5), high("decimal", f"{_DETECTION}.threshold", 1, 1.5)),
    "negative padding": (
        detection(prefix_padding_ms=-1),
        low("integer", f"{_DETECTION}.prefix_padding_ms", 0, -1),
    ),
    "negative silence": (
        detection(silence_duration_ms=-200),
        low("integer", f"{_DETECTION}.silence_duration_ms", 0, -200),
    ),
    "idle timeout too short": (
        detection(idle_timeout_ms=4999),
        low("integer", f"{_DETECTION}.idle_timeout_ms", 5000, 4999),
    ),
    "idle timeout too long": (
        detection(idle_timeout_ms=30001),
        high("integer", f"{_DETECTION}.idle_timeout_ms", 30000, 30001),
    ),
    "too slow": (
        an_update(audio={"output": {"speed": 0.2}}),
        low("decimal", "session.audio.output.speed", 0.25, 0.2),
    ),
    "too fast": (
        an_update(audio={"output": {"speed": 1.6}}),
        high("decimal", "session.audio.output.speed", 1.5, 1.6),
    ),
    "negative end": (truncation(audio_end_ms=-1), low("integer", "audio_end_ms", 0, -1)),
    "negative index": (truncation(content_index=-1), low("integer", "content_index", 0, -1)),
    "huge end": (
        truncation(audio_end_ms=10**30),
        high("integer", "audio_end_ms", 2**63 - 1, "a huge number"),
    ),
    # Sound and pictures that are none.
    "empty audio": (
        {"type": "input_audio_buffer.append", "audio": ""},
        bad_audio("audio", "empty bytes"),
    ),
    "bad base64": (
        {"type": "input_audio_buffer.append", "audio": "!!!!"},
        bad_audio("audio", "an invalid value"),
    ),
    "unpadded base64": (
        {"type": "input_audio_buffer.append", "audio": "AAAAA"},
        bad_audio("audio", "an invalid value"),
    ),
    "base64 for URLs": (
        {"type": "input_audio_buffer.append", "audio": "__--"},
        bad_audio("audio", "an invalid value"),
    ),
    "base64 with a line end": (
        {"type": "input_audio_buffer.append", "audio": "AAAA\nAAAA"},
        bad_audio("audio", "an invalid value"),
    ),
    "empty audio in an item": (
        said("user", {"type": "input_audio", "audio": ""}),
        bad_audio("item.content[0].audio", "empty bytes"),
    ),
    "bad base64 in an item": (
        said("user", {"type": "input_text", "text": "x"}, {"type": "input_audio", "audio": "a b c"}),
        bad_audio("item.content[1].audio", "an invalid value"),
    ),
    "bad base64 in an input of a response": (
        response(
            input=[{"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "#"}]}]
        ),
        bad_audio("response.input[0].content[0].audio", "an invalid value"),
    ),
    "audio of the assistant": (
        said("assistant", {"type": "output_audio", "audio": "AAAA", "transcript": "x"}),
        Refusal(
            "invalid_value",
            "Invalid 'item.content[0].audio'. Assistant messages cannot be created with audio.",
            "item.content[0].audio",
        ),
    ),
    "picture by URL": (
        said("user", {"type": "input_image", "image_url": "https://example.com/cat.png"}),
        Refusal(
            "invalid_value",
            "Invalid 'item.content[0].image_url'. Expected a base64-encoded data URL with a PNG or JPEG "
            "image (for example 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU=') but got an invalid value.",
            "item.content[0].image_url",
        ),
    ),
    # Too much of it.
    "text too long": (a_message("a" * 256_001), long("item.content[0].text", 256_000, 256_001)),
    "item id too long": (a_message("x", id="i" * 513), long("item.id", 512, 513)),
    "metadata with 17 keys": (
        response(metadata={f"key{number}": "" for number in range(17)}),
        Refusal(
            "object_above_max_properties",
            "Invalid 'response.metadata': too many properties. Expected an object with at most 16 "
            "properties, but got an object with 17 properties instead.",
            "response.metadata",
        ),
    ),
    "129 tools": (
        an_update(tools=[TOOL | {"name": f"f{number}"} for number in range(129)]),
        many("session.tools", 128, 129),
    ),
    "129 tools of a response": (
        response(tools=[TOOL | {"name": f"f{number}"} for number in range(129)]),
        many("response.tools", 128, 129),
    ),
    "1001 parts": (
        said("user", *[{"type": "input_text", "text": ""}] * 1001),
        many("item.content", 1000, 1001),
    ),
    "metadata key too long": (
        response(metadata={"k" * 65: ""}),
        long(f"response.metadata.{'k' * 65}", 64, 65),
    ),
    "metadata value too long": (
        response(metadata={"topic": "v" * 513}),
        long("response.metadata.topic", 512, 513),
    ),
    "function name too long": (
        an_update(tools=[TOOL | {"name": "f" * 65}]),
        long("session.tools[0].name", 64, 65),
    ),
    "function without a name": (
        an_update(tools=[TOOL | {"name": ""}]),
        Refusal(
            "invalid_value",
            "Invalid 'session.tools[0].name': empty string. "
            "Expected a string with minimum length 1, but got an empty string instead.",
            "session.tools[0].name",
        ),
    ),
    "function name with blanks": (
        an_update(tools=[TOOL | {"name": "switch lights"}]),
        Refusal(
            "invalid_value",
            "Invalid 'session.tools[0].name': string does not match pattern. "
            "Expected a string that matches the pattern '^[A-Za-z0-9_-]+$'.",
            "session.tools[0].name",
        ),
    ),
    # What the session knows better.
    "transcription session": (
        {"type": "session.update", "session": {"type": "transcription"}},
        Refusal(
            "invalid_parameter",
            "Passing a transcription session update event to a realtime session is not allowed.",
        ),
    ),
    "another model": (
        an_update(model="gpt-realtime-mini"),
        Refusal("cannot_update_model", "The model of a session cannot be changed.", "session.model"),
    ),
    "nothing to commit": (
        {"type": "input_audio_buffer.commit"},
        Refusal(
            "input_audio_buffer_commit_empty",
            "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
            "but buffer only has 0.00ms of audio.",
        ),
    ),
    "nothing to cancel": (
        {"type": "response.cancel"},
        Refusal("response_cancel_not_active", "Cancellation failed: no active response found"),
    ),
    "unknown response to cancel": (
        {"type": "response.cancel", "response_id": "resp_nobody"},
        Refusal("response_cancel_not_active", "Cancellation failed: no active response found"),
    ),
    "unknown item to delete": (
        {"type": "conversation.item.delete", "item_id": "yo"},
        Refusal("item_delete_invalid_item_id", "Error deleting item: the item with id 'yo' does not exist."),
    ),
    "unknown item to retrieve": (
        {"type": "conversation.item.retrieve", "item_id": "yo"},
        Refusal(
            "item_retrieve_invalid_item_id", "Error retrieving item: the item with id 'yo' does not exist."
        ),
    ),
    "unknown item to truncate": (
        truncation(item_id="yo"),
        Refusal(
            "item_truncate_invalid_item_id", "Error truncating item: the item with id 'yo' does not exist."
        ),
    ),
    "unknown previous item": (
        a_message("x") | {"previous_item_id": "yo"},
        Refusal(
            "item_create_invalid_previous_item_id",
            "Error adding item: the previous item with id 'yo' does not exist.",
        ),
    ),
    "unknown call": (
        item(type="function_call_output", call_id="call_x", output="1"),
        Refusal("invalid_tool_call_id", "Tool call ID 'call_x' not found in conversation.", "item.call_id"),
    ),
    "unknown reference": (
        response(input=[{"type": "item_reference", "id": "yo"}]),
        Refusal(
            "invalid_value",
            "Invalid 'response.input[0].id': the item with id 'yo' does not exist.",
            "response.input[0].id",
        ),
    ),
}
"""By a name of what is wrong: the event, and the refusal."""
