"""Responses: overrides (section 7.5), cancelling (3.5), several at a time (7.6), limits, and what responders
may do wrong."""

from typing import Any

import pytest

from tests.session.driver import NOW, Driver, Event, base64_of, g711, pcm, types
from tests.session.expected import Id, error, event, function_call, message, response, usage
from vivavoce.protocol import (
    AudioDelta,
    AudioPCMA,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    FunctionTool,
    MessageEnd,
    OutputPart,
    RateLimit,
    ResponseEnd,
    ResponseFailure,
    TextDelta,
    Usage,
)
from vivavoce.session import (
    AbandonTranscription,
    Cancel,
    FinishTranscription,
    OpenTranscription,
    Respond,
    SessionOptions,
    WakeAt,
)

TOOL = {"type": "function", "name": "look_up"}
CANCELLED = {"type": "cancelled", "reason": "client_cancelled"}
EXHAUSTED = {"type": "incomplete", "reason": "max_output_tokens"}


def said(text: str) -> Event:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def texts(driver: Driver) -> list[str]:
    """The texts of the last request."""
    return [item["content"][0]["text"] for item in driver.prompt]


def done_of(events: list[Event]) -> Event:
    (done,) = [sent["response"] for sent in events if sent["type"] == "response.done"]
    return dict(done)


# Overrides.


@pytest.mark.parametrize("fields", [{}, {"response": {}}, {"response": None}])
def test_without_overrides_the_response_is_as_the_session(fields: Event) -> None:
    driver = Driver(instructions="Be brief.", tools=(FunctionTool(name="look_up"),))
    driver.say("Hello")
    answer = Id("resp")
    assert driver.client("response.create", **fields) == [
        event("response.created", response=response(answer))
    ]
    request = driver.request
    assert (request.response_id, request.model, request.instructions) == (answer, "gpt-realtime", "Be brief.")
    assert (request.tools, request.tool_choice) == ((FunctionTool(name="look_up"),), "auto")
    assert (request.modality, request.voice, request.speed) == ("audio", "alloy", 1.0)
    assert (request.input_format, request.output_format) == (
        driver.session.config.audio.input.format,
        driver.session.config.audio.output.format,
    )
    assert (request.max_output_tokens, request.metadata) == ("inf", None)
    assert texts(driver) == ["Hello"]


def test_overrides_hold_for_one_response() -> None:
    driver = Driver(instructions="Be brief.", output={"voice": "ash"})
    before = driver.session.config
    overrides: Event = {
        "instructions": "Be long.",
        "output_modalities": ["text"],
        "audio": {"output": {"voice": "cedar", "format": {"type": "audio/pcma"}}},
        "tools": [TOOL],
        "tool_choice": {"type": "function", "name": "look_up"},
        "max_output_tokens": 20,
        "metadata": {"topic": "t"},
    }
    created, *_ = driver.client("response.create", response=overrides)
    effective = {
        "output_modalities": ["text"],
        "max_output_tokens": 20,
        "audio": {"output": {"format": {"type": "audio/pcma"}, "voice": "cedar"}},
        "metadata": {"topic": "t"},
    }
    answer = Id("resp")
    assert created == event("response.created", response=response(answer, **effective))
    request = driver.request
    assert (request.instructions, request.modality, request.voice) == ("Be long.", "text", "cedar")
    assert (request.output_format, request.max_output_tokens) == (AudioPCMA(), 20)
    assert (request.tools, request.metadata) == ((FunctionTool(name="look_up"),), {"topic": "t"})
    assert request.tool_choice != "auto"
    # 46 characters of instructions and tools are 12 tokens.
    assert done_of(driver.produce(str(answer), ResponseEnd())) == response(
        answer, "completed", usage=usage((12, 0), (0, 0)), **effective
    )
    assert driver.session.config == before
    driver.respond()
    assert (driver.request.instructions, driver.request.voice, driver.request.tools) == (
        "Be brief.",
        "ash",
        (),
    )


def test_tools_may_be_taken_away_for_one_response() -> None:
    driver = Driver(tools=(FunctionTool(name="look_up"),))
    driver.respond(tools=[])
    assert driver.request.tools == ()


@pytest.mark.parametrize(
    ("overrides", "code", "param", "message_"),
    [
        (
            {"reasoning": {"effort": "low"}},
            "invalid_value",
            None,
            "Unsupported option for this model: 'response.reasoning'.",
        ),
        (
            {"audio": {"output": {"voice": {"id": "voice_1"}}}},
            "invalid_value",
            None,
            "Unsupported option for this model: 'response.audio.output.voice'.",
        ),
        ({"speed": 1.0}, "unknown_parameter", "response.speed", "Unknown parameter: 'response.speed'."),
        (
            {"audio": {"input": {}}},
            "unknown_parameter",
            "response.audio.input",
            "Unknown parameter: 'response.audio.input'.",
        ),
        ({"truncation": "auto"}, "unknown_parameter", "response.truncation", None),
        ({"tracing": None}, "unknown_parameter", "response.tracing", None),
        ({"temperature": 0.8}, "unknown_parameter", "response.temperature", None),
        (
            {"output_modalities": ["audio", "text"]},
            "invalid_value",
            "response.output_modalities",
            "Invalid modalities: ['audio', 'text']. Supported combinations are: ['text'] and ['audio'].",
        ),
        ({"metadata": {"a": 1}}, "invalid_type", "response.metadata.a", None),
        ({"metadata": {"a": "x" * 513}}, "string_above_max_length", "response.metadata.a", None),
        ({"conversation": "other"}, "invalid_value", "response.conversation", None),
        (
            {"input": [{"type": "item_reference", "id": "gone"}]},
            "invalid_value",
            "response.input[0].id",
            "Invalid 'response.input[0].id': the item with id 'gone' does not exist.",
        ),
    ],
    ids=str,
)
def test_bad_overrides(overrides: Event, code: str, param: str | None, message_: str | None) -> None:
    driver = Driver()
    (refused,) = driver.client("response.create", event_id="e1", response=overrides)
    details = refused["error"]
    assert refused == error(code, details["message"], param, event_id="e1")
    assert message_ in (None, details["message"])
    assert driver.others() == []
    assert not driver.session.busy


# The context.


def test_the_conversation_is_the_context_and_no_input_is_none() -> None:
    driver = Driver()
    driver.say("One")
    driver.say("Two")
    driver.respond(conversation="none")
    assert texts(driver) == ["One", "Two"]
    driver.respond(conversation="none", input=[])
    assert driver.prompt == []


def test_input_replaces_the_context_but_the_output_enters_the_conversation() -> None:
    driver = Driver(output_modalities=("text",))
    first = driver.say("One")
    answer = driver.respond(input=[said("Only this")])
    assert texts(driver) == ["Only this"]
    added = driver.produce(answer, TextDelta("Yes"))[1]
    assert (added["type"], added["previous_item_id"]) == ("conversation.item.added", first)
    driver.produce(answer, ResponseEnd())
    driver.respond()
    assert texts(driver) == ["One", "Yes"]


def test_references_and_raw_items_in_the_order_given() -> None:
    driver = Driver()
    one, two = driver.say("One"), driver.say("Two")
    references = [{"type": "item_reference", "id": two}, said("Raw"), {"type": "item_reference", "id": one}]
    driver.respond(conversation="none", input=references)
    assert texts(driver) == ["Two", "Raw", "One"]


def test_a_deleted_item_cannot_be_referred_to() -> None:
    driver = Driver()
    one = driver.say("One")
    driver.client("conversation.item.delete", item_id=one)
    (refused,) = driver.client("response.create", response={"input": [{"type": "item_reference", "id": one}]})
    assert refused["error"]["param"] == "response.input[0].id"


def test_a_raw_item_may_have_the_name_of_another() -> None:
    """It enters no conversation, so its id names nothing."""
    driver = Driver(input={"turn_detection": None})
    pending = driver.speak(pcm(200))
    raw = {
        "type": "message",
        "id": pending,
        "role": "user",
        "content": [{"type": "input_audio", "audio": base64_of(pcm(100, 500))}],
    }
    aside = driver.respond(conversation="none", input=[raw])
    (opened,) = driver.did(OpenTranscription)
    assert opened.item_id != pending
    answer = driver.respond()
    driver.transcribe(pending, "The item's own words")
    assert (driver.request.response_id, driver.prompt[0]["content"][0]["transcript"]) == (
        answer,
        "The item's own words",
    )
    driver.transcribe(opened.item_id, "Other words")
    assert (driver.request.response_id, driver.prompt[0]["content"][0]["transcript"]) == (
        aside,
        "Other words",
    )


def test_the_request_is_a_snapshot() -> None:
    driver = Driver()
    one = driver.say("One")
    driver.produce(driver.respond(), TextDelta("Two words"), AudioDelta(pcm(500), 9), ResponseEnd())
    spoken = driver.last_item
    answer = driver.respond()
    request, before = driver.request, driver.prompt
    driver.client("conversation.item.delete", item_id=one)
    driver.client("conversation.item.truncate", item_id=spoken, content_index=0, audio_end_ms=0)
    driver.update(instructions="Changed", tools=[TOOL], audio={"output": {"speed": 0.5}})
    driver.say("Three")
    assert driver.request is request
    assert driver.prompt == before
    assert (request.instructions, request.tools, request.speed) == ("", (), 1.0)
    # What it read is what it is charged for: 2 for each item, 1 and 3 for their words, 10 for the sound.
    assert done_of(driver.produce(answer, ResponseEnd()))["usage"] == usage((8, 10), (0, 0))


def test_a_responder_that_hears_gets_the_audio_at_once() -> None:
    driver = Driver(options=SessionOptions(debug=True, hears_audio=True), input={"turn_detection": None})
    driver.append(pcm(200))
    assert driver.others() == []
    item = driver.commit()[0]["item_id"]
    assert driver.others() == []
    driver.update(audio={"input": {"format": {"type": "audio/pcmu"}}})
    driver.append(g711(100))
    driver.commit()
    driver.respond()
    first, second = driver.prompt
    assert first == message(
        item,
        "user",
        {
            "type": "input_audio",
            "audio": base64_of(pcm(200)),
            "transcript": "",
            "format": {"type": "audio/pcm", "rate": 24000},
        },
    )
    assert second["content"][0]["audio"] == base64_of(g711(100))
    assert second["content"][0]["format"] == {"type": "audio/pcmu"}


# Cancel.


@pytest.mark.parametrize("fields", [{}, {"response_id": "resp_x"}, {"response_id": ""}])
def test_nothing_to_cancel(fields: Event) -> None:
    driver = Driver()
    refused = error(
        "response_cancel_not_active", "Cancellation failed: no active response found", event_id="e1"
    )
    assert driver.client("response.cancel", event_id="e1", **fields) == [refused]
    driver.produce(driver.respond(), ResponseEnd())
    assert driver.client("response.cancel", event_id="e1", **fields) == [refused]


def test_a_finished_response_cannot_be_cancelled() -> None:
    driver = Driver()
    answer = driver.respond()
    driver.produce(answer, ResponseEnd())
    driver.respond()
    (refused,) = driver.client("response.cancel", response_id=answer)
    assert refused["error"]["code"] == "response_cancel_not_active"
    assert driver.session.busy


def test_cancel_without_an_id_leaves_those_beside_the_conversation() -> None:
    driver = Driver()
    aside, answer = driver.respond(conversation="none"), driver.respond()
    assert done_of(driver.client("response.cancel"))["id"] == answer
    assert driver.client("response.cancel")[0]["type"] == "error"
    ended = done_of(driver.client("response.cancel", response_id=aside))
    assert (ended["id"], ended["conversation_id"], ended["status_details"]) == (aside, None, CANCELLED)
    assert driver.others() == [Cancel(aside)]


def test_parts_that_come_late_are_ignored() -> None:
    driver = Driver()
    answer = driver.respond()
    driver.client("response.cancel")
    late: list[OutputPart] = [
        TextDelta("x"),
        AudioDelta(pcm(10), 1),
        MessageEnd(),
        FunctionCallStart("f"),
        FunctionCallDelta("{}"),
        FunctionCallEnd(),
        ResponseEnd(),
        ResponseFailure("server_error", None, "x"),
    ]
    assert driver.produce(answer, *late) == []
    assert driver.produce("resp_unknown", *late) == []
    assert driver.effects == []


def test_parts_of_a_response_that_nobody_was_asked_for_yet_are_ignored() -> None:
    driver = Driver(input={"turn_detection": None})
    item = driver.speak(pcm(200))
    answer = driver.respond()
    assert driver.did(Respond) == []
    assert driver.produce(answer, TextDelta("x"), ResponseEnd()) == []
    driver.transcribe(item, "Hello")
    assert len(driver.did(Respond)) == 1


def test_words_that_only_a_cancelled_response_waited_for_are_given_up() -> None:
    driver = Driver()
    content = [{"type": "input_audio", "audio": base64_of(pcm(200))}]
    raw = {"type": "message", "role": "user", "content": content}
    aside = driver.respond(conversation="none", input=[raw])
    opened, *_ = driver.did(OpenTranscription)
    driver.client("response.cancel", response_id=aside)
    assert driver.others() == [AbandonTranscription(opened.item_id)]


def test_words_of_a_deleted_item_are_given_up_with_the_last_response_that_waits_for_them() -> None:
    driver = Driver(input={"turn_detection": None})
    item = driver.speak(pcm(200))
    answer, aside = driver.respond(), driver.respond(conversation="none")
    driver.client("conversation.item.delete", item_id=item)
    assert driver.others() == []
    driver.client("response.cancel", response_id=answer)
    assert driver.others() == []
    driver.client("response.cancel", response_id=aside)
    assert driver.others() == [AbandonTranscription(item)]


# Several at a time.


def test_one_response_at_a_time_in_the_conversation() -> None:
    driver = Driver()
    answer = driver.respond()
    assert driver.client("response.create", event_id="e1") == [
        error(
            "conversation_already_has_active_response",
            f"Conversation already has an active response in progress: {answer}. "
            "Wait until the response is finished before creating a new one.",
            event_id="e1",
        )
    ]
    assert driver.others() == []
    assert types(driver.produce(answer, ResponseEnd())) == ["response.done", "rate_limits.updated"]
    assert types(driver.client("response.create")) == ["response.created"]


def test_a_response_created_between_the_call_and_its_end_is_refused() -> None:
    """3.6: strict, as the service may be."""
    driver = Driver()
    answer = driver.respond()
    driver.produce(answer, FunctionCallStart("f", "c1"), FunctionCallEnd())
    driver.create({"type": "function_call_output", "call_id": "c1", "output": "x"})
    assert types(driver.client("response.create")) == ["error"]
    driver.produce(answer, ResponseEnd())
    assert types(driver.client("response.create")) == ["response.created"]


def test_responses_beside_the_conversation_run_in_parallel() -> None:
    driver = Driver(output_modalities=("text",))
    first, second = driver.respond(conversation="none"), driver.respond(conversation="none")
    answer = driver.respond()
    third = driver.respond(conversation="none")
    for response_id in (third, answer, first, second):
        (delta,) = [e for e in driver.produce(response_id, TextDelta("x")) if "delta" in e]
        assert (delta["response_id"], delta["output_index"]) == (response_id, 0)
    for response_id in (second, first, answer, third):
        ended = done_of(driver.produce(response_id, TextDelta("y"), ResponseEnd()))
        assert ended["id"] == response_id
        assert ended["output"][0]["content"][0]["text"] == "xy"
    assert len(driver.session._core.conversation) == 1


def test_there_is_a_limit_beside_the_conversation() -> None:
    driver = Driver(options=SessionOptions(debug=True, max_parallel_responses=2))
    first = driver.respond(conversation="none")
    driver.respond(conversation="none")
    assert driver.client("response.create", response={"conversation": "none"}) == [
        error(
            "invalid_value",
            "Too many responses at a time: at most 2 may run beside the conversation.",
            "response.conversation",
        )
    ]
    driver.respond()
    driver.produce(first, ResponseEnd())
    driver.respond(conversation="none")


# Several output items.


def test_several_messages() -> None:
    driver = Driver(output_modalities=("text",))
    answer, one, two = driver.respond(), Id("item"), Id("item")
    events = driver.produce(
        answer, TextDelta("One."), MessageEnd(), MessageEnd(), TextDelta("Two."), ResponseEnd()
    )
    ended = done_of(events)
    assert ended["output"] == [
        message(one, "assistant", {"type": "output_text", "text": "One."}),
        message(two, "assistant", {"type": "output_text", "text": "Two."}),
    ]
    assert [e["output_index"] for e in events if "output_index" in e] == [0] * 6 + [1] * 6


def test_speech_goes_on_after_a_call_in_an_item_of_its_own() -> None:
    driver = Driver()
    answer = driver.respond()
    ended = done_of(
        driver.produce(
            answer,
            TextDelta("A"),
            AudioDelta(pcm(20), 1),
            FunctionCallStart("f", "c1"),
            FunctionCallDelta("{"),
            TextDelta("B"),
            AudioDelta(pcm(20), 1),
            ResponseEnd(),
        )
    )
    assert ended["output"] == [
        message(Id("item"), "assistant", {"type": "output_audio", "transcript": "A"}),
        function_call(Id("item"), "c1", "f", "{"),
        message(Id("item"), "assistant", {"type": "output_audio", "transcript": "B"}),
    ]


def test_an_answer_without_words_or_sound() -> None:
    driver = Driver()
    answer = driver.respond()
    driver.produce(answer, AudioDelta(pcm(20), 0))
    ended = done_of(driver.produce(answer, ResponseEnd()))
    assert ended["output"][0]["content"] == [{"type": "output_audio", "transcript": ""}]
    assert done_of(driver.produce(driver.respond(), ResponseEnd()))["output"] == []
    events = driver.produce(driver.respond(), TextDelta("Only words"), ResponseEnd())
    assert "response.output_audio.done" in types(events)


# What responders may do wrong.


def test_speech_has_no_place_in_an_answer_of_text() -> None:
    driver = Driver(output_modalities=("text",))
    answer = driver.respond()
    assert driver.produce(answer, AudioDelta(pcm(100), 0)) == []
    driver.produce(answer, TextDelta("Hi"))
    assert driver.produce(answer, AudioDelta(pcm(100), 2)) == []
    ended = done_of(driver.produce(answer, ResponseEnd()))
    assert ended["output"][0]["content"] == [{"type": "output_text", "text": "Hi"}]
    assert ended["usage"]["output_token_details"]["audio_tokens"] == 0


def test_arguments_have_no_place_outside_of_a_call() -> None:
    driver = Driver()
    answer = driver.respond()
    assert driver.produce(answer, FunctionCallDelta("{}"), FunctionCallEnd()) == []
    driver.produce(answer, TextDelta("Hi"))
    assert driver.produce(answer, FunctionCallDelta("{}"), FunctionCallEnd()) == []
    driver.produce(answer, FunctionCallStart("f", "c1"), FunctionCallEnd())
    assert driver.produce(answer, FunctionCallDelta("{}"), FunctionCallEnd(), MessageEnd()) == []


def test_empty_pieces_are_not_sent() -> None:
    driver = Driver()
    answer = driver.respond()
    assert driver.produce(answer, TextDelta(""), AudioDelta(b"", 0)) == []
    driver.produce(answer, FunctionCallStart("f", "c1"))
    assert driver.produce(answer, FunctionCallDelta("")) == []
    assert driver.produce(answer, AudioDelta(b"", 5)) == []


# Limits.


def test_a_response_stops_at_its_limit() -> None:
    driver = Driver(output_modalities=("text",))
    answer = driver.respond(max_output_tokens=3)
    driver.produce(answer, TextDelta("Twelve chars"))
    events = driver.produce(answer, TextDelta("!"))
    assert types(events) == [
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    ended = done_of(events)
    assert (ended["status"], ended["status_details"]) == ("incomplete", EXHAUSTED)
    assert ended["output"][0]["content"][0]["text"] == "Twelve chars"
    assert ended["output"][0]["status"] == "incomplete"
    assert ended["usage"]["output_tokens"] == 3
    # Whoever answers does not know that it is over.
    assert driver.others() == [Cancel(answer)]


@pytest.mark.parametrize(
    ("parts", "limit", "fits"),
    [
        ([TextDelta("12345678")], 2, True),
        ([TextDelta("123456789")], 2, False),
        ([TextDelta("1234"), MessageEnd(), TextDelta("1")], 2, True),
        ([TextDelta("1234"), MessageEnd(), TextDelta("12345")], 2, False),
        ([TextDelta("1234"), AudioDelta(pcm(50), 4)], 2, True),
        ([TextDelta("1234"), AudioDelta(pcm(51), 4)], 2, False),
        ([TextDelta("1234"), AudioDelta(pcm(25), 4), AudioDelta(pcm(25), 4)], 2, True),
        ([FunctionCallStart("name", "c"), FunctionCallDelta("1234")], 2, True),
        ([FunctionCallStart("name", "c"), FunctionCallDelta("12345")], 2, False),
        ([FunctionCallStart("names", "c")], 1, False),
        ([TextDelta("1"), FunctionCallStart("name", "c")], 2, True),
        ([TextDelta("1"), FunctionCallStart("name", "c")], 1, False),
        ([FunctionCallStart("name", "c"), TextDelta("1")], 1, False),
        ([FunctionCallStart("n", "c"), TextDelta("1"), TextDelta("2")], 2, True),
    ],
)
def test_what_counts_towards_the_limit(parts: list[OutputPart], limit: int, fits: bool) -> None:
    driver = Driver()
    answer = driver.respond(max_output_tokens=limit)
    ended = done_of(driver.produce(answer, *parts, ResponseEnd()))
    assert ended["status"] == ("completed" if fits else "incomplete")
    assert ended["usage"]["output_tokens"] <= limit


def test_limits_are_reported_after_each_response() -> None:
    metered: list[tuple[int, float]] = []

    def meter(used: Usage, now: float) -> tuple[RateLimit, ...]:
        metered.append((used.total_tokens, now))
        return (RateLimit(name="tokens", limit=100, remaining=100 - used.total_tokens, reset_seconds=1.5),)

    driver = Driver(options=SessionOptions(debug=True, meter=meter), output_modalities=("text",))
    answer = driver.respond()
    driver.now += 2
    *_, limits = driver.produce(answer, TextDelta("1234"), ResponseEnd())
    assert limits == event(
        "rate_limits.updated",
        rate_limits=[{"name": "tokens", "limit": 100, "remaining": 99, "reset_seconds": 1.5}],
    )
    driver.produce(driver.respond(), ResponseFailure("server_error", None, "x"))
    assert metered == [(1, NOW + 2), (0, NOW + 2)]


# Waiting for what was said.


def test_a_response_waits_until_all_that_was_said_is_understood() -> None:
    driver = Driver(input={"turn_detection": None})
    one, two = driver.speak(pcm(200)), driver.speak(pcm(200, 200))
    driver.say("And this")
    answer = Id("resp")
    assert driver.client("response.create") == [event("response.created", response=response(answer))]
    driver.transcribe(two, "Two")
    assert driver.did(Respond) == []
    driver.transcribe(one, "One")
    assert [effect.request.response_id for effect in driver.did(Respond)] == [answer]
    assert [item["content"][0].get("transcript") for item in driver.prompt] == ["One", "Two", None]


def test_several_responses_wait_for_the_same_words() -> None:
    driver = Driver(input={"turn_detection": None})
    item = driver.speak(pcm(200))
    waiting = [driver.respond(), driver.respond(conversation="none"), driver.respond(conversation="none")]
    driver.respond(conversation="none", input=[])
    assert len(driver.did(Respond)) == 1
    driver.transcribe(item, "Hello")
    assert [effect.request.response_id for effect in driver.did(Respond)] == waiting


def test_a_response_cannot_answer_what_was_not_understood() -> None:
    driver = Driver(input={"turn_detection": None})
    item = driver.speak(pcm(200))
    answer = driver.respond()
    ended = done_of(driver.fail_transcription(item, "The worker died.", "worker_died"))
    failure = {
        "type": "server_error",
        "code": None,
        "message": "What was said could not be transcribed, so there is nothing to answer.",
    }
    assert ended == response(
        answer,
        "failed",
        status_details={"type": "failed", "error": failure},
        usage=usage((0, 0), (0, 0)),
    )
    assert driver.did(Respond, Cancel) == []


def test_the_session_goes_on_after_what_was_not_understood() -> None:
    driver = Driver(input={"turn_detection": None})
    lost = driver.speak(pcm(200))
    driver.fail_transcription(lost, "The worker died.")
    created, ended, _ = driver.client("response.create")
    assert (created["type"], ended["response"]["status"]) == ("response.created", "failed")
    # What is said next is answered, in whatever form it comes.
    driver.say("I mean this")
    driver.produce(driver.respond(), ResponseEnd())
    assert [item["content"][0].get("transcript") for item in driver.prompt] == ["", None]
    item = driver.speak(pcm(200, 200), "and this")
    driver.respond()
    assert driver.prompt[-1] == message(item, "user", {"type": "input_audio", "transcript": "and this"})


def test_a_failed_response_after_the_wait_arms_the_idle_timer() -> None:
    driver = Driver(options=SessionOptions(debug=True, max_seconds=0))
    driver.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}})
    driver.talk(320)
    driver.talk(320, 0.0)
    item = driver.last_item
    assert FinishTranscription(item) in driver.effects
    driver.fail_transcription(item, "The worker died.")
    assert driver.did(WakeAt) == [WakeAt(NOW)]


def test_a_responder_that_hears_does_not_care_for_a_lost_transcript() -> None:
    driver = Driver(options=SessionOptions(debug=True, hears_audio=True), input={"turn_detection": None})
    driver.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    item = driver.speak(pcm(200))
    driver.fail_transcription(item, "The worker died.")
    driver.respond()
    assert len(driver.did(Respond)) == 1


def test_metadata_comes_back_in_both_ends() -> None:
    driver = Driver()
    metadata: dict[str, Any] = {f"key{n}": "v" * 512 for n in range(16)}
    created, *_ = driver.client("response.create", response={"metadata": metadata})
    assert created["response"]["metadata"] == metadata
    assert done_of(driver.client("response.cancel"))["metadata"] == metadata
