"""Responses as in sections 3.4 to 3.7 and 3.14 of the reference: every event, and every key of it."""

import pytest

from tests.session.driver import Driver, Event, base64_of, pcm
from tests.session.expected import Id, event, function_call, message, response, usage, utterance
from vivavoce.protocol import (
    AudioDelta,
    AudioPCM,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    OutputPart,
    ResponseEnd,
    ResponseFailure,
    TextDelta,
)
from vivavoce.session import (
    Cancel,
    FeedTranscription,
    Hear,
    OpenTranscription,
)

CANCELLED = {"type": "cancelled", "reason": "client_cancelled"}
INTERRUPTED = {"type": "cancelled", "reason": "turn_detected"}


def audio_item(item_id: Id, transcript: str, status: str = "completed") -> Event:
    return message(item_id, "assistant", {"type": "output_audio", "transcript": transcript}, status=status)


def text_item(item_id: Id, text: str, status: str = "completed") -> Event:
    return message(item_id, "assistant", {"type": "output_text", "text": text}, status=status)


def test_interruption() -> None:
    """3.4"""
    driver = Driver()
    answer, assistant, user, second = driver.respond(), Id("item"), Id("item"), Id("resp")
    driver.produce(answer, TextDelta("It is a long"), TextDelta(" story"), AudioDelta(pcm(2000), 12))
    assistant.value = driver.last_item
    place = {"response_id": answer, "item_id": assistant, "output_index": 0, "content_index": 0}

    partial = "It is a long story"
    incomplete = audio_item(assistant, partial, "incomplete")
    assert driver.talk(40) == [
        event("input_audio_buffer.speech_started", audio_start_ms=0, item_id=user),
        event("response.output_audio.done", **place),
        event("response.output_audio_transcript.done", **place, transcript=partial),
        event("response.content_part.done", **place, part={"type": "audio", "transcript": partial}),
        event("conversation.item.done", previous_item_id=None, item=incomplete),
        event("response.output_item.done", response_id=answer, output_index=0, item=incomplete),
        event(
            "response.done",
            response=response(
                answer,
                "cancelled",
                status_details=INTERRUPTED,
                output=[incomplete],
                usage=usage((0, 0), (5, 40)),
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
    ]
    assert driver.others() == [
        Hear(pcm(40), AudioPCM()),
        OpenTranscription(str(user), None),
        Cancel(answer),
        FeedTranscription(str(user), pcm(32), AudioPCM()),
    ]

    played = {"item_id": str(assistant), "content_index": 0, "audio_end_ms": 1500}
    assert driver.client("conversation.item.truncate", **played) == [
        event("conversation.item.truncated", item_id=assistant, content_index=0, audio_end_ms=1500)
    ]

    said = utterance(user)
    driver.talk(280)
    assert driver.talk(300, 0.0) == [
        event("input_audio_buffer.speech_stopped", audio_end_ms=544, item_id=user),
        event("input_audio_buffer.committed", previous_item_id=assistant, item_id=user),
        event("conversation.item.added", previous_item_id=assistant, item=said),
        event("conversation.item.done", previous_item_id=assistant, item=said),
        event("response.created", response=response(second)),
    ]
    # Late parts of the first response have no effect.
    assert driver.produce(answer, TextDelta("!"), AudioDelta(pcm(20), 13), ResponseEnd()) == []
    assert driver.effects == []


def test_speech_after_the_response_interrupts_only_its_playback() -> None:
    """3.4: the response is done, but the client may still be playing it."""
    driver = Driver()
    answer = driver.respond()
    driver.produce(answer, TextDelta("Hello there."), AudioDelta(pcm(2000), 12), ResponseEnd())
    assert driver.talk(40) == [
        event("input_audio_buffer.speech_started", audio_start_ms=0, item_id=Id("item"))
    ]
    assert driver.did(Cancel) == []


def test_cancel_by_the_client() -> None:
    """3.5"""
    driver = Driver(output_modalities=("text",))
    answer, assistant = driver.respond(), Id("item")
    driver.produce(answer, TextDelta("One, "), TextDelta("two"))
    assistant.value = driver.last_item
    place = {"response_id": answer, "item_id": assistant, "output_index": 0, "content_index": 0}
    incomplete = text_item(assistant, "One, two", "incomplete")
    assert driver.client("response.cancel") == [
        event("response.output_text.done", **place, text="One, two"),
        event("response.content_part.done", **place, part={"type": "text", "text": "One, two"}),
        event("conversation.item.done", previous_item_id=None, item=incomplete),
        event("response.output_item.done", response_id=answer, output_index=0, item=incomplete),
        event(
            "response.done",
            response=response(
                answer,
                "cancelled",
                status_details=CANCELLED,
                output=[incomplete],
                output_modalities=["text"],
                usage=usage((0, 0), (2, 0)),
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
    ]
    assert driver.others() == [Cancel(answer)]


def test_cancel_before_anything_was_said() -> None:
    """3.5: what was never opened is not closed."""
    driver = Driver()
    answer = driver.respond()
    assert driver.client("response.cancel") == [
        event(
            "response.done",
            response=response(answer, "cancelled", status_details=CANCELLED, usage=usage((0, 0), (0, 0))),
        ),
        event("rate_limits.updated", rate_limits=[]),
    ]


def test_cancel_in_a_function_call() -> None:
    """3.5"""
    driver = Driver()
    answer, call, call_id = driver.respond(), Id("item"), Id("call")
    driver.produce(answer, FunctionCallStart("get_weather"), FunctionCallDelta('{"city'))
    call.value = driver.last_item
    incomplete = function_call(call, call_id, "get_weather", '{"city', "incomplete")
    place = {"response_id": answer, "item_id": call, "output_index": 0, "call_id": call_id}
    assert driver.client("response.cancel", response_id=answer) == [
        event("response.function_call_arguments.done", **place, name="get_weather", arguments='{"city'),
        event("conversation.item.done", previous_item_id=None, item=incomplete),
        event("response.output_item.done", response_id=answer, output_index=0, item=incomplete),
        event(
            "response.done",
            response=response(
                answer,
                "cancelled",
                status_details=CANCELLED,
                output=[incomplete],
                usage=usage((0, 0), (5, 0)),
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
    ]


def test_function_call_round_trip() -> None:
    """3.6"""
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    driver = Driver(output_modalities=("text",))
    driver.update(tools=[tool])
    user = driver.say("Weather in Oslo?")
    answer, call = driver.respond(), Id("item")
    assert driver.request.tools == driver.session.config.tools

    begun = function_call(call, "call_1", "get_weather", "", "in_progress")
    place = {"response_id": answer, "item_id": call, "output_index": 0, "call_id": "call_1"}
    assert driver.produce(
        answer,
        FunctionCallStart("get_weather", "call_1"),
        FunctionCallDelta('{"city":'),
        FunctionCallDelta('"Oslo"}'),
    ) == [
        event("response.output_item.added", response_id=answer, output_index=0, item=begun),
        event("conversation.item.added", previous_item_id=user, item=begun),
        event("response.function_call_arguments.delta", **place, delta='{"city":'),
        event("response.function_call_arguments.delta", **place, delta='"Oslo"}'),
    ]
    arguments = '{"city":"Oslo"}'
    done = function_call(call, "call_1", "get_weather", arguments)
    assert driver.produce(answer, FunctionCallEnd(), ResponseEnd()) == [
        event("response.function_call_arguments.done", **place, name="get_weather", arguments=arguments),
        event("conversation.item.done", previous_item_id=user, item=done),
        event("response.output_item.done", response_id=answer, output_index=0, item=done),
        event(
            "response.done",
            response=response(
                answer,
                "completed",
                output=[done],
                output_modalities=["text"],
                # 73 characters of tools are 19 tokens, 16 of the question 4 and 2, 26 of the call 7.
                usage=usage((25, 0), (7, 0)),
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
    ]

    output = Id("item")
    returned: Event = {
        "id": output,
        "type": "function_call_output",
        "status": "completed",
        "call_id": "call_1",
        "output": "rain",
    }
    assert driver.create({"type": "function_call_output", "call_id": "call_1", "output": "rain"}) == [
        event("conversation.item.added", previous_item_id=call, item=returned),
        event("conversation.item.done", previous_item_id=call, item=returned),
    ]
    second = Id("resp")
    assert driver.client("response.create") == [
        event("response.created", response=response(second, output_modalities=["text"]))
    ]
    assert [item["type"] for item in driver.prompt] == ["message", "function_call", "function_call_output"]
    assert driver.prompt[1:] == [done, returned]


def test_a_spoken_preamble_and_two_calls_in_one_response() -> None:
    """3.6 and 7.3: each item is closed before the next opens."""
    driver = Driver()
    answer, spoken, first, second = driver.respond(), Id("item"), Id("item"), Id("item")
    events = driver.produce(
        answer,
        TextDelta("One moment."),
        AudioDelta(pcm(500), 11),
        FunctionCallStart("a", "call_a"),
        FunctionCallDelta("{}"),
        FunctionCallEnd(),
        FunctionCallStart("b", "call_b"),
        FunctionCallEnd(),
        ResponseEnd(),
    )
    said = audio_item(spoken, "One moment.")
    call_a, call_b = function_call(first, "call_a", "a", "{}"), function_call(second, "call_b", "b", "")
    whole = {"response_id": answer, "output_index": 0}
    part = {"response_id": answer, "item_id": spoken, "output_index": 0, "content_index": 0}
    in_a = {"response_id": answer, "item_id": first, "output_index": 1, "call_id": "call_a"}
    in_b = {"response_id": answer, "item_id": second, "output_index": 2, "call_id": "call_b"}
    begun = message(spoken, "assistant", status="in_progress")
    begun_a = function_call(first, "call_a", "a", "", "in_progress")
    begun_b = function_call(second, "call_b", "b", "", "in_progress")
    assert events == [
        event("response.output_item.added", **whole, item=begun),
        event("conversation.item.added", previous_item_id=None, item=begun),
        event("response.content_part.added", **part, part={"type": "audio", "transcript": ""}),
        event("response.output_audio_transcript.delta", **part, delta="One moment."),
        event("response.output_audio.delta", **part, delta=base64_of(pcm(500))),
        event("response.output_audio.done", **part),
        event("response.output_audio_transcript.done", **part, transcript="One moment."),
        event("response.content_part.done", **part, part={"type": "audio", "transcript": "One moment."}),
        event("conversation.item.done", previous_item_id=None, item=said),
        event("response.output_item.done", **whole, item=said),
        event("response.output_item.added", response_id=answer, output_index=1, item=begun_a),
        event("conversation.item.added", previous_item_id=spoken, item=begun_a),
        event("response.function_call_arguments.delta", **in_a, delta="{}"),
        event("response.function_call_arguments.done", **in_a, name="a", arguments="{}"),
        event("conversation.item.done", previous_item_id=spoken, item=call_a),
        event("response.output_item.done", response_id=answer, output_index=1, item=call_a),
        event("response.output_item.added", response_id=answer, output_index=2, item=begun_b),
        event("conversation.item.added", previous_item_id=first, item=begun_b),
        event("response.function_call_arguments.done", **in_b, name="b", arguments=""),
        event("conversation.item.done", previous_item_id=first, item=call_b),
        event("response.output_item.done", response_id=answer, output_index=2, item=call_b),
        event(
            "response.done",
            response=response(
                answer,
                "completed",
                output=[said, call_a, call_b],
                # 11 characters are 3 tokens, "a{}" and "b" 1 each, half a second 10.
                usage=usage((0, 0), (5, 10)),
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
    ]


def test_out_of_band_response() -> None:
    """3.7"""
    driver = Driver()
    answer, spoken = Id("resp"), Id("item")
    referred = driver.say("I want my money back!")
    driver.say("Not part of it.")
    raw = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Classify that."}]}
    overrides = {
        "conversation": "none",
        "metadata": {"topic": "classification"},
        "output_modalities": ["text"],
        "instructions": "One word.",
        "tools": [],
        "input": [{"type": "item_reference", "id": referred}, raw],
    }
    beside = {
        "conversation_id": None,
        "output_modalities": ["text"],
        "metadata": {"topic": "classification"},
    }
    assert driver.client("response.create", response=overrides) == [
        event("response.created", response=response(answer, **beside))
    ]
    assert [item["content"][0]["text"] for item in driver.prompt] == [
        "I want my money back!",
        "Classify that.",
    ]
    assert driver.request.instructions == "One word."
    assert driver.request.modality == "text"
    begun = message(spoken, "assistant", status="in_progress")
    done = text_item(spoken, "refund")
    place = {"response_id": answer, "item_id": spoken, "output_index": 0, "content_index": 0}
    assert driver.produce(str(answer), TextDelta("refund"), ResponseEnd()) == [
        event("response.output_item.added", response_id=answer, output_index=0, item=begun),
        event("response.content_part.added", **place, part={"type": "text", "text": ""}),
        event("response.output_text.delta", **place, delta="refund"),
        event("response.output_text.done", **place, text="refund"),
        event("response.content_part.done", **place, part={"type": "text", "text": "refund"}),
        event("response.output_item.done", response_id=answer, output_index=0, item=done),
        event(
            "response.done",
            response=response(
                answer,
                "completed",
                output=[done],
                # 9 characters of instructions are 3 tokens, 21 are 6 and 2, 14 are 4 and 2.
                usage=usage((17, 0), (2, 0)),
                **beside,
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
    ]
    (missing,) = driver.client("conversation.item.retrieve", item_id=str(spoken))
    assert missing["error"]["code"] == "item_retrieve_invalid_item_id"


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_incomplete_response(reason: str) -> None:
    """3.14"""
    driver = Driver(output_modalities=("text",))
    answer, assistant = driver.respond(), Id("item")
    driver.produce(answer, TextDelta("Once upon"))
    assistant.value = driver.last_item
    incomplete = text_item(assistant, "Once upon", "incomplete")
    place = {"response_id": answer, "item_id": assistant, "output_index": 0, "content_index": 0}
    ending: OutputPart = ResponseEnd(reason)  # type: ignore[arg-type]
    assert driver.produce(answer, ending) == [
        event("response.output_text.done", **place, text="Once upon"),
        event("response.content_part.done", **place, part={"type": "text", "text": "Once upon"}),
        event("conversation.item.done", previous_item_id=None, item=incomplete),
        event("response.output_item.done", response_id=answer, output_index=0, item=incomplete),
        event(
            "response.done",
            response=response(
                answer,
                "incomplete",
                status_details={"type": "incomplete", "reason": reason},
                output=[incomplete],
                output_modalities=["text"],
                usage=usage((0, 0), (3, 0)),
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
    ]
    assert driver.others() == []


def test_failed_response() -> None:
    """3.14"""
    driver = Driver()
    driver.say("Hello")
    answer = driver.respond()
    failure = ResponseFailure("tokens", "rate_limit_exceeded", "Rate limit reached for gpt-realtime.")
    assert driver.produce(answer, failure) == [
        event(
            "response.done",
            response=response(
                answer,
                "failed",
                status_details={
                    "type": "failed",
                    "error": {
                        "type": "tokens",
                        "code": "rate_limit_exceeded",
                        "message": "Rate limit reached for gpt-realtime.",
                    },
                },
                usage=usage((0, 0), (0, 0)),
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
    ]
    assert driver.others() == []


def test_failed_in_the_middle_of_speech() -> None:
    """3.14 and 7.2: what was opened is closed, incomplete."""
    driver = Driver()
    answer, assistant = driver.respond(), Id("item")
    driver.produce(answer, TextDelta("Well"), AudioDelta(pcm(100), 4))
    assistant.value = driver.last_item
    incomplete = audio_item(assistant, "Well", "incomplete")
    place = {"response_id": answer, "item_id": assistant, "output_index": 0, "content_index": 0}
    error = {"type": "server_error", "code": None, "message": "The voice is gone."}
    assert driver.produce(answer, ResponseFailure("server_error", None, "The voice is gone.")) == [
        event("response.output_audio.done", **place),
        event("response.output_audio_transcript.done", **place, transcript="Well"),
        event("response.content_part.done", **place, part={"type": "audio", "transcript": "Well"}),
        event("conversation.item.done", previous_item_id=None, item=incomplete),
        event("response.output_item.done", response_id=answer, output_index=0, item=incomplete),
        event(
            "response.done",
            response=response(
                answer,
                "failed",
                status_details={"type": "failed", "error": error},
                output=[incomplete],
                usage=usage((0, 0), (0, 0)),
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
    ]
    assert driver.others() == []
