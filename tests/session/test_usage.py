"""Tokens by the rules of section 7.4."""

import pytest

from tests.session.driver import Driver, Event, base64_of, g711, pcm
from tests.session.expected import usage
from vivavoce.protocol import (
    AudioDelta,
    AudioPCMA,
    FunctionCallDelta,
    FunctionCallStart,
    OutputPart,
    ResponseEnd,
    ResponseFailure,
    TextDelta,
    TokenCounts,
)
from vivavoce.session import OpenTranscription, SessionOptions, count_characters

ITEM = 2


def used(driver: Driver, *parts: OutputPart, **overrides: object) -> Event:
    """What a response of these parts costs."""
    *_, done, _ = driver.produce(driver.respond(**overrides), *parts, ResponseEnd())
    return dict(done["response"]["usage"])


def consistent(counts: Event) -> bool:
    """The sums that section 7.4 demands."""
    read, written = counts["input_token_details"], counts["output_token_details"]
    cached = read["cached_tokens_details"]
    return bool(
        counts["total_tokens"] == counts["input_tokens"] + counts["output_tokens"]
        and counts["input_tokens"] == read["text_tokens"] + read["audio_tokens"] + read["image_tokens"]
        and counts["output_tokens"] == written["text_tokens"] + written["audio_tokens"]
        and read["cached_tokens"] == sum(cached.values()) <= counts["input_tokens"]
    )


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("x" * 400, 100)])
def test_text_where_no_tokenizer_is_at_hand(text: str, tokens: int) -> None:
    assert count_characters(text) == tokens


def test_nothing_costs_nothing() -> None:
    assert used(Driver()) == usage((0, 0), (0, 0))


@pytest.mark.parametrize(("milliseconds", "tokens"), [(100, 1), (101, 2), (1000, 10), (4550, 46)])
def test_a_user_speaks_ten_tokens_a_second(milliseconds: int, tokens: int) -> None:
    driver = Driver(input={"turn_detection": None})
    driver.speak(pcm(milliseconds), "")
    assert used(driver) == usage((ITEM, tokens), (0, 0))


@pytest.mark.parametrize(("milliseconds", "tokens"), [(50, 1), (51, 2), (1000, 20), (4550, 91)])
def test_the_assistant_speaks_twenty_when_it_speaks_and_when_it_is_read(
    milliseconds: int, tokens: int
) -> None:
    driver = Driver()
    # The sum is rounded, not its pieces.
    pieces = [AudioDelta(pcm(10), 4)] * (milliseconds // 10) + [AudioDelta(pcm(milliseconds % 10), 4)]
    assert used(driver, TextDelta("Word"), *pieces) == usage((0, 0), (1, tokens))
    assert used(driver) == usage((ITEM + 1, tokens), (0, 0))


def test_g711_speaks_no_faster() -> None:
    driver = Driver(output={"format": AudioPCMA()})
    assert used(driver, TextDelta("Word"), AudioDelta(g711(1000), 4)) == usage((0, 0), (1, 20))


def test_all_that_is_read() -> None:
    driver = Driver(instructions="12345678", output_modalities=("text",))
    driver.update(tools=[{"type": "function", "name": "f"}])  # 32 characters in JSON
    driver.say("12345")
    driver.create(
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
            ],
        }
    )
    driver.create({"type": "function_call", "name": "name", "call_id": "c1", "arguments": '{"a":1}'})
    driver.create({"type": "function_call_output", "call_id": "c1", "output": "12345"})
    replayed = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_audio", "transcript": "1"}],
    }
    driver.create(replayed)
    driver.create({**replayed, "content": [{"type": "output_text", "text": "1"}]})
    text = 10 + (ITEM + 2) + ITEM + (ITEM + 1 + 2) + (ITEM + 2) + 2 * (ITEM + 1)
    assert used(driver) == usage((text, 0), (0, 0), image=85 + 765)


def test_a_heard_transcript_is_no_text_of_the_user() -> None:
    driver = Driver(input={"turn_detection": None})
    driver.speak(pcm(1000), "A transcript of many words")
    assert used(driver) == usage((ITEM, 10), (0, 0))


def test_a_truncated_item_costs_what_is_left_of_it() -> None:
    driver = Driver()
    used(driver, TextDelta("Four"), AudioDelta(pcm(500), 4), TextDelta(" more"), AudioDelta(pcm(500), 9))
    fields = {"item_id": driver.last_item, "content_index": 0, "audio_end_ms": 600}
    driver.client("conversation.item.truncate", **fields)
    assert used(driver) == usage((ITEM + 1, 12), (0, 0))


def test_calls_count_with_their_names() -> None:
    parts = (FunctionCallStart("name", "c1"), FunctionCallDelta('{"a"'), FunctionCallDelta(":1}"))
    assert used(Driver(), *parts) == usage((0, 0), (3, 0))


def test_cancelled_responses_cost_what_they_made() -> None:
    driver = Driver()
    driver.say("12345678")
    driver.produce(driver.respond(), TextDelta("Word"), AudioDelta(pcm(1000), 4))
    *_, done, _ = driver.client("response.cancel")
    assert done["response"]["usage"] == usage((ITEM + 2, 0), (1, 20))


def test_a_response_cancelled_before_it_began_read_nothing() -> None:
    driver = Driver(instructions="12345678", input={"turn_detection": None})
    driver.speak(pcm(1000))
    driver.respond()
    done, _ = driver.client("response.cancel")
    assert done["response"]["usage"] == usage((0, 0), (0, 0))


def test_failed_responses_cost_nothing() -> None:
    driver = Driver()
    driver.say("12345678")
    failure = ResponseFailure("server_error", None, "x")
    *_, done, _ = driver.produce(driver.respond(), TextDelta("Word"), AudioDelta(pcm(1000), 4), failure)
    assert done["response"]["usage"] == usage((0, 0), (0, 0))


@pytest.mark.parametrize(("cached", "reported"), [(0, 0), (64, 64), (200, 132)])
def test_a_language_model_that_counts_overrules_the_count_of_text(cached: int, reported: int) -> None:
    driver = Driver(input={"turn_detection": None})
    driver.speak(pcm(1300), "Hello")
    answer = driver.respond()
    ending = ResponseEnd("completed", TokenCounts(input_text=132, output_text=30, cached_text=cached))
    *_, done, _ = driver.produce(answer, TextDelta("Word"), AudioDelta(pcm(4550), 4), ending)
    counts = done["response"]["usage"]
    assert consistent(counts)
    assert counts["input_token_details"] == {
        "text_tokens": 132,
        "audio_tokens": 13,
        "image_tokens": 0,
        "cached_tokens": reported,
        "cached_tokens_details": {"text_tokens": reported, "audio_tokens": 0, "image_tokens": 0},
    }
    assert counts["output_token_details"] == {"text_tokens": 30, "audio_tokens": 91}


def test_a_tokenizer_may_be_handed_in() -> None:
    options = SessionOptions(debug=True, count_tokens=lambda text: len(text.split()))
    driver = Driver(options=options, instructions="Be brief, please.", input={"turn_detection": None})
    driver.update(audio={"input": {"transcription": {"model": "gpt-4o-transcribe"}}})
    item = driver.speak(pcm(100))
    *_, completed = driver.transcribe(item, "five words have been said")
    assert completed["usage"]["output_tokens"] == 5
    assert used(driver, TextDelta("three words here")) == usage((3 + ITEM, 1), (3, 0))


def test_everything_adds_up_over_a_conversation() -> None:
    driver = Driver(instructions="Be brief.", input={"turn_detection": None})
    for turn in range(5):
        driver.speak(pcm(333 * (turn + 1)), "Words and words")
        counts = used(driver, TextDelta("An answer."), AudioDelta(pcm(777), 10))
        assert consistent(counts)
        assert counts["output_token_details"] == {"text_tokens": 3, "audio_tokens": 16}
    content = [{"type": "input_audio", "audio": base64_of(pcm(1000))}]
    raw = {"type": "message", "role": "user", "content": content}
    answer = driver.respond(conversation="none", input=[raw])
    driver.transcribe(driver.did(OpenTranscription)[0].item_id, "Words")
    *_, done, _ = driver.produce(answer, ResponseEnd())
    assert done["response"]["usage"] == usage((3 + ITEM, 10), (0, 0))
