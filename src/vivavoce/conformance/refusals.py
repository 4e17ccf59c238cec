"""Events that every server must refuse, each with the code and the `param` of its refusal."""

from collections.abc import Callable
from typing import Any, NamedTuple

from vivavoce.conformance.check import APPENDS, BETA, BOTH, GA, Dialect, Source
from vivavoce.conformance.steering import WEATHER
from vivavoce.conformance.words import Event, Words, item_create

UNKNOWN = "unknown_parameter"
MISSING = "missing_required_parameter"
MISTYPED = "invalid_type"
INVALID = "invalid_value"


class Case(NamedTuple):
    """An event that must be refused, and with what."""

    id: str
    title: str
    event: Callable[[Words], Event]
    code: str
    param: Callable[[Words], str] | str | None = None
    source: Source = Source.CAPTURE
    believed: bool = False
    dialects: frozenset[Dialect] = BOTH
    websocket_only: str = ""


def update(**settings: Any) -> Callable[[Words], Event]:
    return lambda words: words.update(**settings)


def create(**settings: Any) -> Callable[[Words], Event]:
    return lambda words: words.create(**settings)


def event(kind: str, **fields: Any) -> Callable[[Words], Event]:
    return lambda words: {"type": kind} | fields


def item(**fields: Any) -> Callable[[Words], Event]:
    return lambda words: item_create(fields)


def said(role: str, *content: Any) -> Callable[[Words], Event]:
    return item(type="message", role=role, content=list(content))


def detection(**fields: Any) -> Callable[[Words], Event]:
    return update(turn_detection={"type": "server_vad"} | fields)


def place(setting: str, rest: str = "", prefix: str = "session") -> Callable[[Words], str]:
    return lambda words: words.place(setting, prefix) + rest


_APPEND = "input_audio_buffer.append"
_TRUNCATE = "conversation.item.truncate"

CASES = (
    # The event itself.
    Case("type.unknown", "An event of an unknown type is refused.", event("nope"), INVALID, "type"),
    Case("type.missing", "An event without a type is refused.", lambda words: {"item": {}}, "invalid_event"),
    Case(
        "type.of-server",
        "A server's event is refused when a client sends it.",
        event("response.done"),
        INVALID,
        "type",
    ),
    Case(
        "type.of-webrtc",
        "`output_audio_buffer.clear` is refused over WebSocket.",
        event("output_audio_buffer.clear"),
        INVALID,
        "type",
        Source.REFERENCE,
        websocket_only="Not applicable over WebRTC: there it is known.",
    ),
    Case(
        "type.of-beta",
        "`transcription_session.update` is refused in GA.",
        event("transcription_session.update", session={}),
        INVALID,
        "type",
        dialects=GA,
    ),
    # Keys that nobody knows.
    Case(
        "unknown.session",
        "An unknown key of a session is refused.",
        update(bogus=1),
        UNKNOWN,
        "session.bogus",
    ),
    Case(
        "unknown.event",
        "An unknown key of an event is refused.",
        event("input_audio_buffer.clear", bogus=1),
        UNKNOWN,
        "bogus",
    ),
    Case(
        "unknown.nested",
        "An unknown key deep in a session is refused with its path.",
        detection(bogus=1),
        UNKNOWN,
        place("turn_detection", ".bogus"),
    ),
    Case(
        "unknown.tool",
        "An unknown key of a tool is refused with its place in the list.",
        update(tools=[WEATHER, WEATHER | {"name": "other", "meta": 1}]),
        UNKNOWN,
        "session.tools[1].meta",
        Source.REPORTS,
    ),
    Case(
        "unknown.item",
        "An unknown key of an item is refused.",
        lambda words: item_create(words.user("x", bogus=1)),
        UNKNOWN,
        "item.bogus",
    ),
    Case(
        "unknown.response",
        "An unknown key of a response is refused.",
        create(bogus=1),
        UNKNOWN,
        "response.bogus",
    ),
    Case(
        "unknown.beta-modalities",
        "The beta dialect's `modalities` are unknown to GA.",
        lambda words: {"type": "session.update", "session": {"type": "realtime", "modalities": ["text"]}},
        UNKNOWN,
        "session.modalities",
        Source.REPORTS,
        dialects=GA,
    ),
    Case(
        "unknown.beta-temperature",
        "The beta dialect's `temperature` is unknown to GA.",
        update(temperature=0.8),
        UNKNOWN,
        "session.temperature",
        Source.REPORTS,
        dialects=GA,
    ),
    Case(
        "unknown.beta-voice",
        "The beta dialect's `voice` is unknown to GA.",
        lambda words: {"type": "session.update", "session": {"type": "realtime", "voice": "alloy"}},
        UNKNOWN,
        "session.voice",
        Source.REPORTS,
        dialects=GA,
    ),
    Case(
        "unknown.ga-modalities",
        "GA's `output_modalities` are unknown to the beta dialect.",
        update(output_modalities=["text"]),
        UNKNOWN,
        "session.output_modalities",
        Source.INFERRED,
        dialects=BETA,
    ),
    Case(
        "unknown.ga-audio",
        "GA's `audio` is unknown to the beta dialect.",
        update(audio={"output": {"voice": "alloy"}}),
        UNKNOWN,
        "session.audio",
        Source.INFERRED,
        dialects=BETA,
    ),
    Case(
        "unknown.ga-type",
        "A beta session has no `type`.",
        update(type="realtime"),
        UNKNOWN,
        "session.type",
        Source.INFERRED,
        dialects=BETA,
    ),
    Case(
        "unknown.session-id",
        "The id of a session cannot be set.",
        update(id="sess_mine"),
        UNKNOWN,
        "session.id",
        Source.INFERRED,
    ),
    Case(
        "unknown.response-truncation",
        "A response has no `truncation`.",
        create(truncation="auto"),
        UNKNOWN,
        "response.truncation",
        Source.REFERENCE,
        believed=True,
    ),
    # Keys that are missing.
    Case(
        "missing.session",
        "`session.update` without a session is refused.",
        event("session.update"),
        MISSING,
        "session",
    ),
    Case(
        "missing.session-type",
        "A GA session update must name the session's type.",
        lambda words: {"type": "session.update", "session": {"instructions": "x"}},
        MISSING,
        "session.type",
        dialects=GA,
    ),
    Case(
        "missing.audio",
        "`input_audio_buffer.append` without audio is refused.",
        event(_APPEND),
        MISSING,
        "audio",
        Source.REFERENCE,
        websocket_only=APPENDS,
    ),
    Case(
        "missing.item",
        "`conversation.item.create` without an item is refused.",
        event("conversation.item.create"),
        MISSING,
        "item",
        Source.REFERENCE,
    ),
    Case(
        "missing.item-type",
        "An item without a type is refused.",
        item(role="user", content=[]),
        MISSING,
        "item.type",
        Source.REPORTS,
    ),
    Case(
        "missing.content",
        "A message without content is refused.",
        item(type="message", role="user"),
        MISSING,
        "item.content",
        Source.REFERENCE,
        believed=True,
    ),
    Case(
        "missing.text",
        "A part without its text is refused.",
        said("user", {"type": "input_text"}),
        MISSING,
        "item.content[0].text",
        Source.REFERENCE,
    ),
    Case(
        "missing.call-id",
        "The output of a function must name its call.",
        item(type="function_call_output", output="1"),
        MISSING,
        "item.call_id",
        Source.REFERENCE,
    ),
    Case(
        "missing.delete-id",
        "A deletion must name its item.",
        event("conversation.item.delete"),
        MISSING,
        "item_id",
        Source.REFERENCE,
    ),
    Case(
        "missing.retrieve-id",
        "A retrieval must name its item.",
        event("conversation.item.retrieve"),
        MISSING,
        "item_id",
        Source.REFERENCE,
    ),
    Case(
        "missing.truncate-end",
        "A truncation must name its end.",
        event(_TRUNCATE, item_id="x", content_index=0),
        MISSING,
        "audio_end_ms",
        Source.REFERENCE,
    ),
    Case(
        "missing.tool-name",
        "A function must have a name.",
        update(tools=[{"type": "function"}]),
        MISSING,
        "session.tools[0].name",
        Source.REFERENCE,
    ),
    Case(
        "missing.tool-choice-name",
        "The nesting of chat completions is refused in `tool_choice`.",
        update(tool_choice={"type": "function", "function": {"name": "x"}}),
        MISSING,
        "session.tool_choice.name",
        Source.REPORTS,
    ),
    Case(
        "missing.transcription-model",
        "Transcription must name its model.",
        update(transcription={"language": "en"}),
        MISSING,
        place("transcription", ".model"),
        Source.REFERENCE,
        believed=True,
    ),
    # Values of another type.
    Case(
        "mistyped.session",
        "A session that is no object is refused.",
        event("session.update", session="x"),
        MISTYPED,
        "session",
        Source.REPORTS,
    ),
    Case(
        "mistyped.instructions",
        "Instructions that are no text are refused.",
        update(instructions=5),
        MISTYPED,
        "session.instructions",
        Source.REPORTS,
    ),
    Case(
        "mistyped.tools-null",
        "Tools cannot be null.",
        update(tools=None),
        MISTYPED,
        "session.tools",
        Source.INFERRED,
    ),
    Case(
        "mistyped.content",
        "Content that is no list is refused.",
        item(type="message", role="user", content="x"),
        MISTYPED,
        "item.content",
        Source.REPORTS,
    ),
    Case(
        "mistyped.text",
        "A text that is a number is refused.",
        said("user", {"type": "input_text", "text": 5}),
        MISTYPED,
        "item.content[0].text",
        Source.REPORTS,
    ),
    Case(
        "mistyped.flag",
        "A flag that is a number is refused.",
        detection(create_response=1),
        MISTYPED,
        place("turn_detection", ".create_response"),
        Source.REPORTS,
    ),
    Case(
        "mistyped.audio",
        "Audio that is no text is refused.",
        event(_APPEND, audio=5),
        MISTYPED,
        "audio",
        Source.REPORTS,
        websocket_only=APPENDS,
    ),
    Case(
        "mistyped.metadata",
        "Metadata hold texts only.",
        create(metadata={"topic": 5}),
        MISTYPED,
        "response.metadata.topic",
        Source.REFERENCE,
    ),
    Case(
        "mistyped.arguments",
        "The arguments of a call are a text.",
        item(type="function_call", name="f", call_id="c", arguments={}),
        MISTYPED,
        "item.arguments",
        Source.REFERENCE,
    ),
    # Values outside of what there is to choose.
    Case(
        "value.session-type",
        "A session of an unknown type is refused.",
        lambda words: {"type": "session.update", "session": {"type": "session"}},
        INVALID,
        "session.type",
        Source.REPORTS,
        dialects=GA,
    ),
    Case(
        "value.modalities",
        "Text and audio together are refused in GA.",
        update(output_modalities=["text", "audio"]),
        INVALID,
        "session.output_modalities",
        Source.REPORTS,
        dialects=GA,
    ),
    Case(
        "value.modalities-beta",
        "Audio without text is refused in the beta dialect.",
        lambda words: {"type": "session.update", "session": {"modalities": ["audio"]}},
        INVALID,
        "session.modalities",
        Source.REPORTS,
        dialects=BETA,
    ),
    Case(
        "value.voice",
        "An unknown voice is refused.",
        update(voice="nobody"),
        INVALID,
        place("voice"),
        Source.REFERENCE,
    ),
    Case(
        "value.detection",
        "An unknown kind of turn detection is refused.",
        update(turn_detection={"type": "none"}),
        INVALID,
        place("turn_detection", ".type"),
        Source.REFERENCE,
    ),
    Case(
        "value.eagerness",
        "An unknown eagerness is refused.",
        update(turn_detection={"type": "semantic_vad", "eagerness": "very"}),
        INVALID,
        place("turn_detection", ".eagerness"),
        Source.REFERENCE,
    ),
    Case(
        "value.noise-reduction",
        "An unknown kind of noise reduction is refused.",
        update(noise_reduction={"type": "loud"}),
        INVALID,
        place("noise_reduction", ".type"),
        Source.REFERENCE,
    ),
    Case(
        "value.format",
        "An unknown input format is refused.",
        lambda words: words.update(input_format={"type": "audio/mp3"} if words.ga else "mp3"),
        INVALID,
        lambda words: words.place("input_format") + (".type" if words.ga else ""),
        Source.REFERENCE,
    ),
    Case(
        "value.tool-choice",
        "An unknown tool choice is refused.",
        update(tool_choice="sometimes"),
        INVALID,
        "session.tool_choice",
        Source.REFERENCE,
    ),
    Case("value.role", "An unknown role is refused.", said("robot"), INVALID, "item.role", Source.REFERENCE),
    Case(
        "value.item-type",
        "An unknown kind of item is refused.",
        item(type="memo"),
        INVALID,
        "item.type",
        Source.REFERENCE,
    ),
    Case(
        "value.conversation",
        "An unknown conversation is refused.",
        create(conversation="mine"),
        INVALID,
        "response.conversation",
        Source.REFERENCE,
    ),
    Case(
        "value.include",
        "An unknown extra is refused.",
        update(include=["everything"]),
        INVALID,
        "session.include[0]",
        Source.REFERENCE,
    ),
    Case(
        "value.user-text",
        "A user's `text` must be `input_text`.",
        said("user", {"type": "text", "text": "x"}),
        INVALID,
        "item.content[0].type",
        Source.REPORTS,
        dialects=GA,
    ),
    Case(
        "value.system-audio",
        "The system cannot speak aloud.",
        said("system", {"type": "input_audio", "audio": "AAAA"}),
        INVALID,
        "item.content[0].type",
        Source.REPORTS,
    ),
    Case(
        "value.assistant-text",
        "The assistant's text must be called as the dialect calls it.",
        said("assistant", {"type": "input_text", "text": "x"}),
        INVALID,
        "item.content[0].type",
        Source.REPORTS,
    ),
    Case(
        "value.audio",
        "Audio that is not base64 is refused.",
        event(_APPEND, audio="!!!!"),
        INVALID,
        "audio",
        Source.REPORTS,
        websocket_only=APPENDS,
    ),
    Case(
        "value.audio-empty",
        "Empty audio is refused.",
        event(_APPEND, audio=""),
        INVALID,
        "audio",
        Source.REPORTS,
        websocket_only=APPENDS,
    ),
    Case(
        "value.item-audio",
        "An item's audio that is not base64 is refused.",
        said("user", {"type": "input_audio", "audio": "!!!!"}),
        INVALID,
        "item.content[0].audio",
        Source.REPORTS,
    ),
    # Numbers out of range.
    Case(
        "range.rate",
        "A sample rate below 24,000 Hz is refused.",
        update(input_format={"type": "audio/pcm", "rate": 16000}),
        "integer_below_min_value",
        place("input_format", ".rate"),
        dialects=GA,
    ),
    Case(
        "range.max-tokens-low",
        "A limit of no tokens is refused.",
        update(max_output_tokens=0),
        "integer_below_min_value",
        place("max_output_tokens"),
        Source.INFERRED,
    ),
    Case(
        "range.max-tokens-high",
        "A limit of more than 4,096 tokens is refused.",
        update(max_output_tokens=4097),
        "integer_above_max_value",
        place("max_output_tokens"),
        Source.INFERRED,
    ),
    Case(
        "range.speed-low",
        "A speed below 0.25 is refused.",
        update(speed=0.2),
        "decimal_below_min_value",
        place("speed"),
        Source.INFERRED,
    ),
    Case(
        "range.speed-high",
        "A speed above 1.5 is refused.",
        update(speed=1.6),
        "decimal_above_max_value",
        place("speed"),
        Source.INFERRED,
    ),
    Case(
        "range.threshold",
        "A threshold above 1 is refused.",
        detection(threshold=1.5),
        "decimal_above_max_value",
        place("turn_detection", ".threshold"),
        Source.INFERRED,
    ),
    Case(
        "range.silence",
        "A negative length of silence is refused.",
        detection(silence_duration_ms=-1),
        "integer_below_min_value",
        place("turn_detection", ".silence_duration_ms"),
        Source.INFERRED,
    ),
    Case(
        "range.temperature",
        "A temperature below 0.6 is refused.",
        update(temperature=0.5),
        "decimal_below_min_value",
        "session.temperature",
        Source.REPORTS,
        dialects=BETA,
    ),
    Case(
        "range.idle-timeout",
        "An idle timeout below 5 s is refused.",
        detection(idle_timeout_ms=4999),
        "integer_below_min_value",
        place("turn_detection", ".idle_timeout_ms"),
        Source.INFERRED,
        dialects=GA,
    ),
    # What the session knows better.
    Case(
        "state.transcription",
        "A realtime session cannot become one of transcription.",
        lambda words: {"type": "session.update", "session": {"type": "transcription"}},
        "invalid_parameter",
        None,
        Source.REPORTS,
        dialects=GA,
    ),
    Case(
        "state.transcription-beta",
        "`transcription_session.update` is refused in a conversation.",
        event("transcription_session.update", session={}),
        "invalid_parameter",
        None,
        Source.REPORTS,
        dialects=BETA,
    ),
    Case(
        "state.call",
        "The output of an unknown call is refused.",
        item(type="function_call_output", call_id="call_nobody", output="1"),
        "invalid_tool_call_id",
        "item.call_id",
        Source.INFERRED,
    ),
    Case(
        "state.reference",
        "A reference to an unknown item is refused.",
        create(input=[{"type": "item_reference", "id": "nobody"}]),
        INVALID,
        "response.input[0].id",
        Source.INFERRED,
    ),
)
