"""Truncation: history keeps what was heard, cut at a word (section 2.8 of the reference)."""

import pytest

from tests.session.driver import Driver, Event, base64_of, g711, pcm
from tests.session.expected import error, event, message
from vivavoce.protocol import AudioDelta, AudioPCMU, FunctionCallStart, ResponseEnd, TextDelta

STORY = "Once upon a time, there was a king."
ENDS = (4, 9, 11, 17, 23, 27, 29, 35)
"""How many characters of the story are spoken after each piece of 100 ms: one word each."""


def told(driver: Driver) -> str:
    """Let the assistant tell the story; returns the item's id."""
    answer = driver.respond()
    driver.produce(answer, TextDelta(STORY), *pieces(), ResponseEnd())
    return driver.last_item


def pieces(first: int = 0, last: int = len(ENDS)) -> list[AudioDelta]:
    return [AudioDelta(pcm(100, 100 * n), ENDS[n]) for n in range(first, last)]


def truncate(driver: Driver, item: str, end_ms: int, **fields: object) -> list[Event]:
    return driver.client(
        "conversation.item.truncate",
        **{"item_id": item, "content_index": 0, "audio_end_ms": end_ms, **fields},
    )


def kept(driver: Driver, item: str) -> tuple[str, str]:
    """The transcript and the audio that `retrieve` shows."""
    (part,) = driver.retrieve(item)["content"]
    assert (part["type"], part["format"]) == ("output_audio", "pcm16")
    return part["transcript"], part["audio"]


def prompted(driver: Driver) -> list[str]:
    """What the next response sees of the assistant's messages."""
    aside = driver.respond(conversation="none")
    driver.client("response.cancel", response_id=aside)
    spoken = [item for item in driver.prompt if item.get("role") == "assistant"]
    for item in spoken:
        assert set(item["content"][0]) == {"type", "transcript"}
    return [item["content"][0]["transcript"] for item in spoken]


@pytest.mark.parametrize(
    ("end_ms", "words"),
    [
        (0, ""),
        (1, ""),
        (99, ""),
        (100, "Once"),
        (199, "Once"),
        (200, "Once upon"),
        (300, "Once upon a"),
        (450, "Once upon a time,"),
        (799, "Once upon a time, there was a"),
        (800, STORY),
    ],
)
def test_the_words_that_were_heard_are_kept(end_ms: int, words: str) -> None:
    driver = Driver()
    item = told(driver)
    assert truncate(driver, item, end_ms, event_id="e1") == [
        event("conversation.item.truncated", item_id=item, content_index=0, audio_end_ms=end_ms)
    ]
    assert driver.others() == []
    assert kept(driver, item) == (words, base64_of(pcm(end_ms)))
    assert prompted(driver) == [words]
    shown = driver.retrieve(item)
    assert (shown["status"], shown["role"]) == ("completed", "assistant")


@pytest.mark.parametrize(
    ("text", "spoken", "words"),
    [
        ("Hello there", 8, "Hello"),
        ("Hello there", 5, "Hello"),
        ("Hello there", 6, "Hello"),
        ("Hello, there", 5, "Hello"),
        ("Hello", 3, ""),
        ("it's mine", 3, ""),
        ("well-known", 5, "well-"),
        ("3.14 is pi", 2, "3."),
        ("naïve café", 8, "naïve"),
        ("你好，世界", 1, "你"),
        ("你好，世界", 4, "你好，世"),
        ("one 二三", 5, "one 二"),
        ("Hello", 0, ""),
        ("Hello", -3, ""),
        ("Hello", 99, "Hello"),
    ],
)
def test_no_word_is_kept_in_part(text: str, spoken: int, words: str) -> None:
    driver = Driver()
    driver.produce(
        driver.respond(),
        TextDelta(text),
        AudioDelta(pcm(100), spoken),
        AudioDelta(pcm(100, 100), 99),
        ResponseEnd(),
    )
    truncate(driver, driver.last_item, 150)
    assert kept(driver, driver.last_item) == (words, base64_of(pcm(150)))


def test_what_was_spoken_is_not_unspoken() -> None:
    driver = Driver()
    parts = (AudioDelta(pcm(100), 5), AudioDelta(pcm(100), 2), AudioDelta(pcm(100), 5))
    driver.produce(driver.respond(), TextDelta("Hello there"), *parts, ResponseEnd())
    truncate(driver, driver.last_item, 250)
    assert kept(driver, driver.last_item)[0] == "Hello"


def test_the_end_of_the_words_may_come_without_sound() -> None:
    driver = Driver()
    parts = (AudioDelta(pcm(100), 5), AudioDelta(b"", 11))
    driver.produce(driver.respond(), TextDelta("Hello there"), *parts, ResponseEnd())
    truncate(driver, driver.last_item, 100)
    assert kept(driver, driver.last_item) == ("Hello there", base64_of(pcm(100)))


def test_words_end_with_the_millisecond_in_which_they_end() -> None:
    """Clients count whole milliseconds; the rest of one must not cost them a word."""
    driver = Driver()
    driver.produce(driver.respond(), TextDelta("Hi"), AudioDelta(pcm(100.5), 2), ResponseEnd())
    assert truncate(driver, driver.last_item, 100)[0]["type"] == "conversation.item.truncated"
    assert kept(driver, driver.last_item) == ("Hi", base64_of(pcm(100)))


def test_truncated_twice() -> None:
    driver = Driver()
    item = told(driver)
    assert prompted(driver) == [STORY]
    truncate(driver, item, 450)
    assert prompted(driver) == ["Once upon a time,"]
    assert truncate(driver, item, 451) == [
        error("invalid_value", "Audio content of 450ms is already shorter than 451ms")
    ]
    truncate(driver, item, 450)
    assert kept(driver, item) == ("Once upon a time,", base64_of(pcm(450)))
    truncate(driver, item, 210)
    assert prompted(driver) == ["Once upon"]
    assert kept(driver, item) == ("Once upon", base64_of(pcm(210)))
    truncate(driver, item, 0)
    assert truncate(driver, item, 0)[0]["type"] == "conversation.item.truncated"
    assert truncate(driver, item, 1) == [
        error("invalid_value", "Audio content of 0ms is already shorter than 1ms")
    ]
    assert kept(driver, item) == ("", "")


def test_beyond_the_audio() -> None:
    driver = Driver(output={"format": AudioPCMU()})
    driver.produce(driver.respond(), TextDelta("Hi"), AudioDelta(g711(3700), 2), ResponseEnd())
    item = driver.last_item
    assert truncate(driver, item, 3760, event_id="e1") == [
        error("invalid_value", "Audio content of 3700ms is already shorter than 3760ms", event_id="e1")
    ]
    truncate(driver, item, 1234)
    (part,) = driver.retrieve(item)["content"]
    assert (part["audio"], part["format"]) == (base64_of(g711(1234)), "g711_ulaw")


# While it is being spoken.


def test_truncated_while_streaming() -> None:
    """2.8: generation goes on, but what comes after the cut was not heard."""
    driver = Driver()
    answer = driver.respond()
    driver.produce(answer, TextDelta(STORY), *pieces(0, 4))
    item = driver.last_item
    assert truncate(driver, item, 401) == [
        error("invalid_value", "Audio content of 400ms is already shorter than 401ms")
    ]
    assert len(truncate(driver, item, 250)) == 1
    assert kept(driver, item) == ("Once upon", base64_of(pcm(250)))
    events = driver.produce(answer, *pieces(4), ResponseEnd())
    # The events show what was sent …
    deltas = [e["delta"] for e in events if e["type"] == "response.output_audio.delta"]
    assert deltas == [base64_of(pcm(100, 100 * n)) for n in range(4, 8)]
    done = message(item, "assistant", {"type": "output_audio", "transcript": STORY})
    assert [e["item"] for e in events if "item" in e] == [done, done]
    # … and the conversation keeps what was heard.
    assert kept(driver, item) == ("Once upon", base64_of(pcm(250)))
    assert prompted(driver) == ["Once upon"]
    assert driver.retrieve(item)["status"] == "completed"


def test_truncated_while_streaming_with_more_words_to_come() -> None:
    driver = Driver()
    answer = driver.respond()
    driver.produce(answer, TextDelta("One. "), AudioDelta(pcm(100), 5))
    item = driver.last_item
    truncate(driver, item, 100)
    driver.produce(answer, TextDelta("Two."), AudioDelta(pcm(100), 9), ResponseEnd())
    assert kept(driver, item) == ("One.", base64_of(pcm(100)))
    assert prompted(driver) == ["One."]


def test_truncated_after_an_interruption() -> None:
    driver = Driver()
    answer = driver.respond()
    driver.produce(answer, TextDelta(STORY), *pieces())
    item = driver.last_item
    driver.talk(64)
    assert prompted(driver) == [STORY]
    truncate(driver, item, 333)
    assert prompted(driver) == ["Once upon a"]
    assert driver.retrieve(item)["status"] == "incomplete"
    driver.client("input_audio_buffer.clear")
    driver.say("Go on")
    driver.respond()
    assert [item["content"][0].get("transcript") for item in driver.prompt] == ["Once upon a", None]


def test_truncated_in_a_response_that_still_waits_to_begin() -> None:
    """What its responder will see is what was heard when it begins."""
    driver = Driver(input={"turn_detection": None})
    item = told(driver)
    utterance = driver.speak(pcm(200))
    driver.respond()
    truncate(driver, item, 100)
    driver.transcribe(utterance, "Stop")
    assert [part["content"][0]["transcript"] for part in driver.prompt] == ["Once", "Stop"]


# What cannot be truncated.

NOT_TRUNCATABLE = error(None, "Only model output audio messages can be truncated", event_id="e1")


def test_only_the_assistants_audio_can_be_truncated() -> None:
    driver = Driver(input={"turn_detection": None})
    user, spoken = driver.say("Hello"), driver.speak(pcm(200), "Hello")
    driver.produce(driver.respond(output_modalities=["text"]), TextDelta("Hi"), ResponseEnd())
    text = driver.last_item
    driver.produce(driver.respond(), FunctionCallStart("f", "c1"), ResponseEnd())
    call = driver.last_item
    replayed, *_ = driver.create(
        {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": "Hi"}]}
    )
    for item in (user, spoken, text, call, replayed["item"]["id"]):
        assert truncate(driver, item, 0, event_id="e1") == [NOT_TRUNCATABLE]


def test_not_before_there_is_audio() -> None:
    driver = Driver()
    answer = driver.respond()
    driver.produce(answer, TextDelta("Hi"))
    assert truncate(driver, driver.last_item, 0, event_id="e1") == [NOT_TRUNCATABLE]
    driver.produce(answer, AudioDelta(b"", 2))
    assert truncate(driver, driver.last_item, 0, event_id="e1") == [NOT_TRUNCATABLE]
    driver.produce(answer, AudioDelta(pcm(10), 2))
    assert truncate(driver, driver.last_item, 0)[0]["type"] == "conversation.item.truncated"


def test_only_the_part_that_is_there() -> None:
    driver = Driver()
    item = told(driver)
    assert truncate(driver, item, 0, content_index=1, event_id="e1") == [
        error(
            "invalid_value",
            "Invalid 'content_index': the item has no content part 1.",
            "content_index",
            event_id="e1",
        )
    ]
    assert kept(driver, item)[0] == STORY


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"audio_end_ms": -1}, "audio_end_ms"), ({"content_index": -1}, "content_index")],
)
def test_nothing_negative(fields: Event, param: str) -> None:
    driver = Driver()
    item = told(driver)
    (refused,) = truncate(driver, item, 0, **fields)
    assert (refused["error"]["code"], refused["error"]["param"]) == ("integer_below_min_value", param)


def test_speech_beside_the_conversation_cannot_be_truncated() -> None:
    driver = Driver()
    aside = driver.respond(conversation="none")
    added, *_ = driver.produce(aside, TextDelta("Hi"), AudioDelta(pcm(100), 2), ResponseEnd())
    item = added["item"]["id"]
    assert truncate(driver, item, 0) == [
        error(
            "item_truncate_invalid_item_id",
            f"Error truncating item: the item with id '{item}' does not exist.",
        )
    ]


def test_a_refused_truncation_changes_nothing() -> None:
    driver = Driver()
    item = told(driver)
    assert truncate(driver, item, 801)[0]["type"] == "error"
    assert driver.others() == []
    assert kept(driver, item) == (STORY, base64_of(pcm(800)))
