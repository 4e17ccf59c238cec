"""session.update: what merges how (section 4.7), what is refused (4.6), and what a field may hold (4.10)."""

from typing import Any

import pytest

from tests.session.driver import Driver, Event, pcm
from tests.session.expected import SERVER_VAD, error, event, session
from vivavoce.protocol import AudioDelta, ResponseEnd, TextDelta
from vivavoce.session import ResetDetector, SessionOptions

TOOL = {"type": "function", "name": "look_up", "description": "d", "parameters": {"type": "object"}}


def updated(driver: Driver, **changes: Any) -> Event:
    """Update, which must work; returns the session as the answer shows it."""
    (answer,) = driver.update(**changes)
    assert answer["type"] == "session.updated", answer
    return dict(answer["session"])


def spoken_to(driver: Driver) -> None:
    """Let the assistant be heard."""
    driver.produce(driver.respond(), TextDelta("Hi."), AudioDelta(pcm(100), 3), ResponseEnd())


# Merging.


def test_m1_absent_keys_stay_and_m6_the_reply_is_whole() -> None:
    driver = Driver(instructions="Be brief.")
    assert driver.update(tools=[TOOL]) == [
        event("session.updated", session=session(instructions="Be brief.", tools=[TOOL]))
    ]
    assert driver.update() == [
        event("session.updated", session=session(instructions="Be brief.", tools=[TOOL]))
    ]


def test_m2_nested_objects_merge_key_by_key() -> None:
    driver = Driver()
    updated(
        driver,
        audio={
            "input": {"transcription": {"model": "whisper-1"}, "format": {"type": "audio/pcmu"}},
            "output": {"voice": "marin", "speed": 1.25, "format": {"type": "audio/pcma"}},
        },
    )
    shown = updated(driver, audio={"input": {"turn_detection": None}})
    assert shown["audio"] == {
        "input": {
            "format": {"type": "audio/pcmu"},
            "transcription": {"model": "whisper-1", "language": None, "prompt": None},
            "noise_reduction": None,
            "turn_detection": None,
        },
        "output": {"format": {"type": "audio/pcma"}, "voice": "marin", "speed": 1.25},
    }
    assert updated(driver, audio={"output": {"speed": 0.5}})["audio"] == shown["audio"] | {
        "output": {"format": {"type": "audio/pcma"}, "voice": "marin", "speed": 0.5}
    }
    assert updated(driver, audio={})["audio"]["output"]["speed"] == 0.5


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        (
            {"audio": {"input": {"turn_detection": SERVER_VAD | {"threshold": 0.9, "prefix_padding_ms": 1}}}},
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 500}}}},
            ("turn_detection", SERVER_VAD | {"silence_duration_ms": 500}),
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}}},
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "create_response": False}}}},
            (
                "turn_detection",
                {
                    "type": "semantic_vad",
                    "eagerness": "auto",
                    "create_response": False,
                    "interrupt_response": True,
                },
            ),
        ),
        (
            {"audio": {"input": {"transcription": {"model": "whisper-1", "language": "en", "prompt": "p"}}}},
            {"audio": {"input": {"transcription": {"model": "gpt-4o-transcribe", "language": "de"}}}},
            ("transcription", {"model": "gpt-4o-transcribe", "language": "de", "prompt": None}),
        ),
        (
            {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}},
            {"audio": {"input": {"noise_reduction": {"type": "far_field"}}}},
            ("noise_reduction", {"type": "far_field"}),
        ),
        (
            {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}},
            {"audio": {"input": {"noise_reduction": None}}},
            ("noise_reduction", None),
        ),
        (
            {"audio": {"input": {"format": {"type": "audio/pcmu"}}}},
            {"audio": {"input": {"format": {"type": "audio/pcm"}}}},
            ("format", {"type": "audio/pcm", "rate": 24000}),
        ),
    ],
)
def test_m3_leaves_of_the_input_are_replaced(first: Event, second: Event, shown: tuple[str, Event]) -> None:
    driver = Driver()
    updated(driver, **first)
    key, value = shown
    assert updated(driver, **second)["audio"]["input"][key] == value


def test_m3_the_choice_of_tools_is_replaced() -> None:
    driver = Driver()
    chosen = {"type": "function", "name": "look_up"}
    assert updated(driver, tool_choice=chosen)["tool_choice"] == chosen
    assert updated(driver, tool_choice="none")["tool_choice"] == "none"


@pytest.mark.parametrize("key", ["transcription", "turn_detection", "noise_reduction"])
def test_m4_null_clears_what_the_input_has(key: str) -> None:
    driver = Driver()
    updated(driver, audio={"input": {"transcription": {"model": "whisper-1"}}})
    assert updated(driver, audio={"input": {key: None}})["audio"]["input"][key] is None


@pytest.mark.parametrize("key", ["tracing", "prompt", "include"])
def test_m4_null_clears_what_the_session_has(key: str) -> None:
    driver = Driver()
    updated(driver, include=["item.input_audio_transcription.logprobs"])
    assert updated(driver, **{key: None})[key] is None


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("session.model", {"model": None}, "a string"),
        ("session.instructions", {"instructions": None}, "a string"),
        ("session.tools", {"tools": None}, "an array of objects"),
        ("session.audio.output.voice", {"audio": {"output": {"voice": None}}}, "one of a string or object"),
    ],
)
def test_m4_null_clears_nothing_else(path: str, body: Event, expected: str) -> None:
    message = f"Invalid type for '{path}': expected {expected}, but got null instead."
    assert Driver().update(**body) == [error("invalid_type", message, path)]


def test_m5_empty_values_clear_and_lists_are_replaced() -> None:
    driver = Driver(instructions="The server's own.")
    other = TOOL | {"name": "other"}
    assert updated(driver, instructions="")["instructions"] == ""
    assert updated(driver, tools=[TOOL])["tools"] == [TOOL]
    assert updated(driver, tools=[other])["tools"] == [other]
    assert updated(driver, tools=[])["tools"] == []


def test_m7_a_response_keeps_the_output_format_that_it_began_with() -> None:
    driver = Driver()
    first = driver.respond()
    updated(driver, audio={"output": {"format": {"type": "audio/pcmu"}, "speed": 1.5}})
    assert driver.request.output_format.type == "audio/pcm"
    *_, done, _ = driver.produce(first, ResponseEnd())
    assert done["response"]["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}
    driver.respond()
    assert (driver.request.output_format.type, driver.request.speed) == ("audio/pcmu", 1.5)


def test_an_update_changes_the_responses_that_follow() -> None:
    driver = Driver()
    updated(
        driver,
        instructions="Be brief.",
        output_modalities=["text"],
        tools=[TOOL],
        tool_choice="required",
        max_output_tokens=17,
        audio={"output": {"voice": "cedar"}},
    )
    created, *_ = driver.client("response.create")
    assert created["response"]["output_modalities"] == ["text"]
    assert created["response"]["max_output_tokens"] == 17
    assert created["response"]["audio"]["output"]["voice"] == "cedar"
    request = driver.request
    assert (request.instructions, request.modality, request.tool_choice) == ("Be brief.", "text", "required")
    assert (request.max_output_tokens, request.voice, request.speed) == (17, "cedar", 1.0)
    assert [tool.name for tool in request.tools if tool.type == "function"] == ["look_up"]


def test_only_a_change_of_turn_detection_resets_the_detector() -> None:
    driver = Driver()
    driver.update(instructions="x", audio={"input": {"turn_detection": {"type": "server_vad"}}})
    assert driver.did(ResetDetector) == []
    driver.update(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
    assert driver.did(ResetDetector) == []
    driver.update(audio={"input": {"turn_detection": None}})
    assert driver.did(ResetDetector) == []
    driver.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    assert driver.did(ResetDetector) == [ResetDetector()]


# What cannot change.


def voice_of(driver: Driver) -> object:
    return driver.session.config.audio.output.voice


def test_the_voice_stays_once_it_was_heard() -> None:
    driver = Driver()
    spoken_to(driver)
    locked = error(
        "cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present."
    )
    assert driver.update(instructions="x", audio={"output": {"voice": "ash"}}) == [locked]
    assert driver.session.config.instructions == ""
    assert updated(driver, audio={"output": {"voice": "alloy", "speed": 1.5}})["audio"]["output"] == {
        "format": {"type": "audio/pcm", "rate": 24000},
        "voice": "alloy",
        "speed": 1.5,
    }
    assert driver.client("response.create", response={"audio": {"output": {"voice": "ash"}}}) == [locked]
    beside = {"conversation": "none", "audio": {"output": {"voice": "ash"}}}
    created, *_ = driver.client("response.create", response=beside)
    assert created["response"]["audio"]["output"]["voice"] == "ash"


def test_what_was_heard_cannot_be_unheard() -> None:
    driver = Driver()
    spoken_to(driver)
    driver.client("conversation.item.truncate", item_id=driver.last_item, content_index=0, audio_end_ms=0)
    driver.client("conversation.item.delete", item_id=driver.last_item)
    (refused,) = driver.update(audio={"output": {"voice": "ash"}})
    assert refused["error"]["code"] == "cannot_update_voice"


def test_the_voice_may_change_before_it_was_heard() -> None:
    driver = Driver(output_modalities=("text",))
    driver.produce(driver.respond(), TextDelta("Hi."), ResponseEnd())
    # Beside the conversation it was heard, but not in it.
    aside = driver.respond(conversation="none", output_modalities=["audio"])
    driver.produce(aside, TextDelta("Hi."), AudioDelta(pcm(100), 3), ResponseEnd())
    assert updated(driver, audio={"output": {"voice": "ash"}})["audio"]["output"]["voice"] == "ash"


def test_the_voice_is_locked_from_the_first_piece_of_audio() -> None:
    driver = Driver()
    answer = driver.respond()
    driver.produce(answer, TextDelta("Hi."))
    updated(driver, audio={"output": {"voice": "ash"}})
    driver.produce(answer, AudioDelta(pcm(10), 3))
    (refused,) = driver.update(audio={"output": {"voice": "alloy"}})
    assert refused["error"]["code"] == "cannot_update_voice"


def test_the_model_stays() -> None:
    driver = Driver()
    assert driver.update(model="gpt-realtime-mini", instructions="x") == [
        error("cannot_update_model", "The model of a session cannot be changed.", "session.model")
    ]
    assert updated(driver, model="gpt-realtime") == session()


def test_tracing_stays_once_it_is_on() -> None:
    driver = Driver()
    assert updated(driver, tracing=None)["tracing"] is None
    named = {"workflow_name": "w", "group_id": "g", "metadata": {"a": 1}}
    assert updated(driver, tracing=named)["tracing"] == named
    locked = error(
        "invalid_value",
        "Invalid 'session.tracing': tracing cannot be modified once it is enabled.",
        "session.tracing",
    )
    assert driver.update(tracing="auto") == [locked]
    assert driver.update(tracing=None) == [locked]
    assert updated(driver, tracing=named)["tracing"] == named


def test_the_type_stays() -> None:
    refused = error(
        "invalid_parameter",
        "Passing a transcription session update event to a realtime session is not allowed.",
        event_id="e1",
    )
    driver = Driver()
    assert driver.client("session.update", event_id="e1", session={"type": "transcription"}) == [refused]


@pytest.mark.parametrize("key", ["id", "object", "expires_at", "client_secret"])
def test_what_the_server_decides_is_unknown_to_an_update(key: str) -> None:
    path = f"session.{key}"
    assert Driver().update(**{key: "x"}) == [
        error("unknown_parameter", f"Unknown parameter: '{path}'.", path)
    ]


def test_the_type_is_required() -> None:
    message = "Missing required parameter: 'session.type'."
    assert Driver().client("session.update", session={"instructions": "x"}) == [
        error("missing_required_parameter", message, "session.type")
    ]


@pytest.mark.parametrize(
    ("body", "option"),
    [
        ({"reasoning": {"effort": "low"}}, "session.reasoning"),
        ({"parallel_tool_calls": True}, "session.parallel_tool_calls"),
        ({"audio": {"output": {"voice": {"id": "voice_1"}}}}, "session.audio.output.voice"),
    ],
)
def test_what_this_server_cannot_do_is_refused(body: Event, option: str) -> None:
    driver = Driver()
    assert driver.update(instructions="x", **body) == [
        error("invalid_value", f"Unsupported option for this model: '{option}'.")
    ]
    assert driver.session.config.instructions == ""


def test_a_model_that_reasons_shows_how_and_can_be_told() -> None:
    driver = Driver(options=SessionOptions(debug=True, reasons=True))
    (created,) = driver.greeting
    assert list(created["session"])[-2:] == ["reasoning", "parallel_tool_calls"]
    assert created["session"]["reasoning"] == {"effort": "low"}
    assert created["session"]["parallel_tool_calls"] is True
    driver.respond(conversation="none")
    assert (driver.request.reasoning, driver.request.parallel_tool_calls) == ("low", True)
    shown = updated(driver, reasoning={"effort": "xhigh"}, parallel_tool_calls=False)
    assert (shown["reasoning"], shown["parallel_tool_calls"]) == ({"effort": "xhigh"}, False)
    driver.respond(conversation="none")
    assert (driver.request.reasoning, driver.request.parallel_tool_calls) == ("xhigh", False)
    driver.respond(conversation="none", reasoning={"effort": "minimal"}, parallel_tool_calls=True)
    assert (driver.request.reasoning, driver.request.parallel_tool_calls) == ("minimal", True)
    driver.respond(conversation="none")
    assert (driver.request.reasoning, driver.request.parallel_tool_calls) == ("xhigh", False)


def test_a_model_that_does_not_reason_shows_nothing_and_is_told_nothing() -> None:
    driver = Driver()
    (created,) = driver.greeting
    assert {"reasoning", "parallel_tool_calls"}.isdisjoint(created["session"])
    driver.respond(conversation="none")
    assert (driver.request.reasoning, driver.request.parallel_tool_calls) == (None, None)
    for option in ({"reasoning": {"effort": "low"}}, {"parallel_tool_calls": False}):
        (name,) = option
        message = f"Unsupported option for this model: 'response.{name}'."
        assert driver.client("response.create", response=option) == [error("invalid_value", message)]


# What a field may hold: what comes of it in a session that speaks the protocol from end to end.


def in_input(**fields: Any) -> Event:
    return {"audio": {"input": fields}}


def in_output(**fields: Any) -> Event:
    return {"audio": {"output": fields}}


def detection(**fields: Any) -> Event:
    return in_input(turn_detection={"type": "server_vad", **fields})


@pytest.mark.parametrize(
    "body",
    [
        {"output_modalities": ["audio"]},
        {"output_modalities": ["text"]},
        *(in_output(voice=voice) for voice in ("alloy", "ballad", "verse", "marin", "cedar")),
        in_output(speed=0.25),
        in_output(speed=1.5),
        {"max_output_tokens": 1},
        {"max_output_tokens": 4096},
        {"max_output_tokens": "inf"},
        in_input(format={"type": "audio/pcm", "rate": 24000}),
        in_input(format={"type": "audio/pcm"}),
        detection(threshold=0.0),
        detection(threshold=1),
        detection(prefix_padding_ms=0, silence_duration_ms=0),
        detection(idle_timeout_ms=5000),
        detection(idle_timeout_ms=30000),
        detection(idle_timeout_ms=None),
        *(
            in_input(turn_detection={"type": "semantic_vad", "eagerness": e})
            for e in ("low", "medium", "high", "auto")
        ),
        in_input(transcription={"model": "whisper-1", "language": "en", "prompt": "a, b"}),
        in_input(transcription={"model": "gpt-transcribe", "languages": ["en"], "keywords": ["x"]}),
        in_input(transcription={"model": "gpt-realtime-whisper", "delay": "xhigh"}),
        {"include": ["item.input_audio_transcription.logprobs"]},
        *({"tool_choice": choice} for choice in ("none", "auto", "required")),
        {"tool_choice": {"type": "function", "name": "look_up"}},
        {"tool_choice": {"type": "mcp", "server_label": "s", "name": "n"}},
        {"tools": [TOOL, {"type": "function", "name": "bare"}]},
        {"truncation": "auto"},
        {"truncation": "disabled"},
        {"tracing": "auto"},
        {"truncation": {"type": "retention_ratio", "retention_ratio": 0.8}},
        {
            "truncation": {
                "type": "retention_ratio",
                "retention_ratio": 0,
                "token_limits": {"post_instructions": 100},
            }
        },
    ],
    ids=str,
)
def test_valid_values_come_back(body: Event) -> None:
    shown = updated(Driver(), **body)
    for key, value in body.items():
        assert contains(shown[key], value)


def contains(shown: Any, given: Any) -> bool:
    """Whether everything given is shown; the defaults of what was left out may be there as well."""
    if isinstance(given, dict):
        return isinstance(shown, dict) and all(contains(shown[key], value) for key, value in given.items())
    return bool(shown == given)


VOICES = "'alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse', 'marin', and 'cedar'"


@pytest.mark.parametrize(
    ("body", "code", "param", "message"),
    [
        (
            {"output_modalities": ["text", "audio"]},
            "invalid_value",
            "output_modalities",
            "Invalid modalities: ['text', 'audio']. Supported combinations are: ['text'] and ['audio'].",
        ),
        (
            in_output(voice="nova"),
            "invalid_value",
            "audio.output.voice",
            f"Invalid value: 'nova'. Supported values are: {VOICES}.",
        ),
        (in_output(speed=0.2), "decimal_below_min_value", "audio.output.speed", ">= 0.25, but got 0.2 "),
        (in_output(speed=1.6), "decimal_above_max_value", "audio.output.speed", "<= 1.5, but got 1.6 "),
        ({"temperature": 0.8}, "unknown_parameter", "temperature", "'session.temperature'"),
        ({"modalities": ["text"]}, "unknown_parameter", "modalities", "'session.modalities'"),
        ({"max_output_tokens": 0}, "integer_below_min_value", "max_output_tokens", ">= 1, but got 0 "),
        ({"max_output_tokens": 4097}, "integer_above_max_value", "max_output_tokens", "<= 4096"),
        (
            in_input(format={"type": "audio/pcm", "rate": 16000}),
            "integer_below_min_value",
            "audio.input.format.rate",
            ">= 24000, but got 16000 ",
        ),
        (
            in_input(format={"type": "audio/pcmu", "rate": 8000}),
            "unknown_parameter",
            "audio.input.format.rate",
            "Unknown parameter",
        ),
        (
            detection(threshold=-0.1),
            "decimal_below_min_value",
            "audio.input.turn_detection.threshold",
            ">= 0",
        ),
        (detection(threshold=1.1), "decimal_above_max_value", "audio.input.turn_detection.threshold", "<= 1"),
        (
            detection(prefix_padding_ms=-1),
            "integer_below_min_value",
            "audio.input.turn_detection.prefix_padding_ms",
            ">= 0, but got -1 ",
        ),
        (
            detection(silence_duration_ms=-1),
            "integer_below_min_value",
            "audio.input.turn_detection.silence_duration_ms",
            ">= 0, but got -1 ",
        ),
        (
            detection(idle_timeout_ms=4999),
            "integer_below_min_value",
            "audio.input.turn_detection.idle_timeout_ms",
            ">= 5000, but got 4999 ",
        ),
        (
            detection(idle_timeout_ms=30001),
            "integer_above_max_value",
            "audio.input.turn_detection.idle_timeout_ms",
            "<= 30000, but got 30001 ",
        ),
        (
            in_input(turn_detection={"type": "semantic_vad", "idle_timeout_ms": 6000}),
            "unknown_parameter",
            "audio.input.turn_detection.idle_timeout_ms",
            "Unknown parameter",
        ),
        (
            in_input(turn_detection={"type": "semantic_vad", "eagerness": "eager"}),
            "invalid_value",
            "audio.input.turn_detection.eagerness",
            "Supported values are: 'low', 'medium', 'high', and 'auto'.",
        ),
        (
            detection(eagerness="low"),
            "unknown_parameter",
            "audio.input.turn_detection.eagerness",
            "Unknown parameter",
        ),
        (
            in_input(turn_detection={"type": "none"}),
            "invalid_value",
            "audio.input.turn_detection.type",
            "Supported values are: 'server_vad' and 'semantic_vad'.",
        ),
        (
            in_input(noise_reduction={"type": "any"}),
            "invalid_value",
            "audio.input.noise_reduction.type",
            "Supported values are: 'near_field' and 'far_field'.",
        ),
        (
            in_input(transcription={"model": "whisper-1", "language": "English"}),
            "invalid_value",
            "audio.input.transcription.language",
            "pattern",
        ),
        (
            in_input(transcription={"model": "gpt-transcribe", "languages": []}),
            "invalid_value",
            "audio.input.transcription.languages",
            "empty array",
        ),
        (
            in_input(transcription={"model": "gpt-realtime-whisper", "delay": "none"}),
            "invalid_value",
            "audio.input.transcription.delay",
            "Supported values are: 'minimal', 'low', 'medium', 'high', and 'xhigh'.",
        ),
        (
            {"include": ["logprobs"]},
            "invalid_value",
            "include[0]",
            "Value must be 'item.input_audio_transcription.logprobs'.",
        ),
        (
            {"tool_choice": "any"},
            "invalid_value",
            "tool_choice",
            "Supported values are: 'none', 'auto', and 'required'.",
        ),
        ({"tool_choice": 1}, "invalid_type", "tool_choice", "but got an integer instead."),
        (
            {"tool_choice": {"type": "function", "function": {"name": "x"}}},
            "missing_required_parameter",
            "tool_choice.name",
            "Missing required parameter: 'session.tool_choice.name'.",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "x"}}]},
            "missing_required_parameter",
            "tools[0].name",
            "Missing required parameter: 'session.tools[0].name'.",
        ),
        ({"tools": [TOOL | {"meta": 1}]}, "unknown_parameter", "tools[0].meta", "'session.tools[0].meta'"),
        (
            {"reasoning": {"effort": "max"}},
            "invalid_value",
            "reasoning.effort",
            "Supported values are: 'minimal', 'low', 'medium', 'high', and 'xhigh'.",
        ),
        (
            {"truncation": {"type": "retention_ratio", "retention_ratio": 1.5}},
            "decimal_above_max_value",
            "truncation.retention_ratio",
            "<= 1",
        ),
        ({"truncation": "never"}, "invalid_value", "truncation", "'auto' and 'disabled'"),
        ({"tracing": "on"}, "invalid_value", "tracing", "Value must be 'auto'."),
    ],
    ids=str,
)
def test_invalid_values_are_refused(body: Event, code: str, param: str, message: str) -> None:
    driver = Driver()
    before = driver.session.config
    (refused,) = driver.client(
        "session.update", event_id="e1", session={"type": "realtime", "instructions": "x", **body}
    )
    details = refused["error"]
    assert refused == error(code, details["message"], f"session.{param}", event_id="e1")
    assert message in details["message"]
    assert driver.session.config == before
    assert driver.others() == []


@pytest.mark.parametrize(
    ("model", "option", "value"),
    [
        ("whisper-1", "languages", ["en"]),
        ("whisper-1", "keywords", ["x"]),
        ("whisper-1", "delay", "low"),
        ("gpt-4o-transcribe-diarize", "prompt", "x"),
        ("gpt-realtime-whisper", "prompt", "x"),
    ],
)
def test_options_that_a_transcription_model_lacks_are_refused(model: str, option: str, value: Any) -> None:
    path = f"session.audio.input.transcription.{option}"
    message = f"Unsupported option for this model: '{path}'."
    (refused,) = Driver().update(**in_input(transcription={"model": model, option: value}))
    assert refused == error("invalid_value", message)
