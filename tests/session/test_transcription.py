"""Transcripts of what the user said: whenever they come, and whoever wants them (sections 3.2, 3.10, 7.4)."""

import pytest

from tests.session.driver import Driver, Event, base64_of, pcm, types
from tests.session.expected import error, event, utterance
from vivavoce.protocol import ResponseEnd, TextDelta, TokenLogprob, Transcript
from vivavoce.session import (
    AbandonTranscription,
    FeedTranscription,
    FinishTranscription,
    OpenTranscription,
    Respond,
    SessionOptions,
)

DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"
FAILED = "conversation.item.input_audio_transcription.failed"


def transcribing(model: str = "gpt-4o-transcribe", **driving: object) -> Driver:
    """A session by hand whose client wants transcripts."""
    driver = Driver(input={"turn_detection": None}, **driving)  # type: ignore[arg-type]
    driver.update(audio={"input": {"transcription": {"model": model}}})
    return driver


def delta(item: str, text: str, **fields: object) -> Event:
    return event(DELTA, item_id=item, content_index=0, delta=text, **fields)


def completed(item: str, text: str, usage: Event | None = None) -> list[Event]:
    tokens = -(-len(text) // 4)
    usage = usage or {
        "type": "tokens",
        "total_tokens": 2 + tokens,
        "input_tokens": 2,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 2},
        "output_tokens": tokens,
    }
    place = {"item_id": item, "content_index": 0}
    return [*([delta(item, text)] if text else []), event(COMPLETED, **place, transcript=text, usage=usage)]


def failed(item: str, message: str, code: str = "audio_unintelligible") -> Event:
    details = {"type": "transcription_error", "code": code, "message": message, "param": None}
    return event(FAILED, item_id=item, content_index=0, error=details)


# When it comes.


def test_before_the_response() -> None:
    driver = transcribing()
    item = driver.speak(pcm(200))
    assert driver.transcribe(item, "Hello there.") == completed(item, "Hello there.")
    driver.respond()
    assert driver.prompt == [utterance(item, "Hello there.")]
    assert driver.retrieve(item)["content"][0]["transcript"] == "Hello there."


def test_while_the_response_waits_for_it() -> None:
    driver = transcribing()
    item = driver.speak(pcm(200))
    driver.respond()
    assert driver.transcribe(item, "Hello there.") == completed(item, "Hello there.")
    assert len(driver.did(Respond)) == 1


def test_while_a_response_that_hears_is_speaking_and_after_it() -> None:
    driver = transcribing(options=SessionOptions(debug=True, hears_audio=True))
    one, two = driver.speak(pcm(200)), driver.speak(pcm(200, 200))
    answer = driver.respond()
    driver.produce(answer, TextDelta("Hi"))
    assert driver.transcribe(two, "Two") == completed(two, "Two")
    assert types(driver.produce(answer, TextDelta("."))) == ["response.output_audio_transcript.delta"]
    driver.produce(answer, ResponseEnd())
    assert driver.transcribe(one, "One") == completed(one, "One")


def test_an_empty_one_has_no_delta() -> None:
    driver = transcribing()
    item = driver.speak(pcm(200))
    assert driver.transcribe(item, "") == completed(item, "")
    driver.respond()
    assert driver.prompt == [utterance(item, "")]


def test_in_any_order() -> None:
    driver = transcribing()
    one, two = driver.speak(pcm(200)), driver.speak(pcm(200, 200))
    assert driver.transcribe(two, "Two") == completed(two, "Two")
    assert driver.transcribe(one, "One") == completed(one, "One")


def test_only_once() -> None:
    driver = transcribing()
    item = driver.speak(pcm(200), "Hello")
    assert driver.transcribe(item, "Again") == []
    assert driver.fail_transcription(item, "Late") == []
    assert driver.retrieve(item)["content"][0]["transcript"] == "Hello"
    assert driver.transcribe("item_unknown", "Nobody's") == []


@pytest.mark.parametrize("text", ["Early", ""])
def test_before_the_speaker_has_finished(text: str) -> None:
    driver = transcribing()
    driver.append(pcm(150))
    opened, _ = driver.others()
    assert driver.transcribe(opened.item_id, text) == []
    assert driver.transcribe(opened.item_id, "Another") == []
    driver.append(pcm(50, 150))
    assert driver.others() == []  # the transcriber listens no more
    *_, done = driver.commit()[:3]
    assert done["item"] == utterance(opened.item_id)
    assert driver.others() == []
    driver.respond()
    assert driver.prompt == [utterance(opened.item_id, text)]


def test_before_the_speaker_has_finished_it_is_told_with_the_item() -> None:
    driver = transcribing()
    driver.append(pcm(200))
    item = driver.others()[0].item_id
    driver.transcribe(item, "Early")
    assert driver.commit()[3:] == completed(item, "Early")


def test_after_the_item_was_deleted() -> None:
    driver = transcribing()
    item = driver.speak(pcm(200))
    driver.client("conversation.item.delete", item_id=item)
    assert driver.others() == [AbandonTranscription(item)]
    assert driver.transcribe(item, "Hello") == []
    assert driver.fail_transcription(item, "Late") == []


def test_after_the_item_was_deleted_while_a_response_waits_for_it() -> None:
    """The response still gets the words; the client, who has no such item any more, does not."""
    driver = transcribing()
    item = driver.speak(pcm(200))
    answer = driver.respond()
    driver.client("conversation.item.delete", item_id=item)
    assert driver.others() == []
    refused, *_ = driver.create({"id": item, "type": "message", "role": "user", "content": []})
    assert refused["error"]["code"] == "item_create_duplicate_item_id"
    assert driver.transcribe(item, "Hello") == []
    assert driver.request.response_id == answer
    assert driver.prompt == [utterance(item, "Hello")]


def test_after_a_clear() -> None:
    driver = transcribing()
    driver.append(pcm(200))
    item = driver.others()[0].item_id
    driver.client("input_audio_buffer.clear")
    assert driver.others() == [AbandonTranscription(item)]
    assert driver.transcribe(item, "Hello") == []


def test_after_the_session() -> None:
    driver = transcribing()
    one = driver.speak(pcm(200))
    driver.append(pcm(200, 200))
    two = driver.others()[0].item_id
    driver.end()
    assert driver.others() == [AbandonTranscription(two), AbandonTranscription(one)]
    assert driver.transcribe(one, "Hello") == []
    assert driver.fail_transcription(two, "x") == []


# While it comes.


def test_deltas_as_the_transcript_becomes_stable() -> None:
    driver = transcribing()
    item = driver.speak(pcm(200))
    assert driver.understand(item, "What thyme") == []
    assert driver.understand(item, "What time is", 4) == [delta(item, "What")]
    assert driver.understand(item, "What time is it", 4) == []
    assert driver.understand(item, "What time is it", 12) == [delta(item, " time is")]
    assert driver.transcribe(item, "What time is it now?") == [
        delta(item, " it now?"),
        completed(item, "What time is it now?")[-1],
    ]
    assert driver.retrieve(item)["content"][0]["transcript"] == "What time is it now?"


def test_what_stood_at_the_commit_is_told_at_once() -> None:
    driver = transcribing()
    driver.append(pcm(200))
    item = driver.others()[0].item_id
    assert driver.understand(item, "What time", 4) == []
    events = driver.commit()
    assert types(events)[:3] == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert events[3:] == [delta(item, "What")]
    assert driver.transcribe(item, "What") == completed(item, "What")[1:]


def test_whisper_tells_all_at_once() -> None:
    driver = transcribing("whisper-1")
    item = driver.speak(pcm(200))
    assert driver.understand(item, "What time", 9) == []
    usage = {"type": "duration", "seconds": 0.2}
    assert driver.transcribe(item, "What time") == completed(item, "What time", usage)


@pytest.mark.parametrize("model", ["gpt-realtime-whisper", "gpt-live-transcribe"])
def test_live_models_tell_words_while_they_are_spoken(model: str) -> None:
    driver = transcribing(model)
    driver.append(pcm(200))
    item = driver.others()[0].item_id
    assert driver.understand(item, "What time", 4) == [delta(item, "What")]
    driver.append(pcm(200, 200))
    assert driver.understand(item, "What time is", 9) == [delta(item, " time")]
    assert types(driver.commit())[3:] == []
    assert driver.transcribe(item, "What time is it")[0] == delta(item, " is it")


def test_live_words_that_were_cleared_belong_to_nothing() -> None:
    driver = transcribing("gpt-realtime-whisper")
    driver.append(pcm(200))
    item = driver.others()[0].item_id
    driver.understand(item, "What", 4)
    driver.client("input_audio_buffer.clear")
    assert driver.understand(item, "What time", 9) == []
    another = driver.speak(pcm(200, 200))
    assert another != item
    assert driver.transcribe(another, "Hello")[0] == delta(another, "Hello")


def test_what_was_told_stands_even_if_the_transcriber_thinks_again() -> None:
    driver = transcribing()
    item = driver.speak(pcm(200))
    driver.understand(item, "I want to", 9)
    events = driver.transcribe(item, "I want two apples")
    assert events[0] == delta(item, "o apples")
    assert events[1]["transcript"] == "I want too apples"
    driver.respond()
    assert driver.prompt == [utterance(item, events[-1]["transcript"])]


def test_deltas_end_with_the_item() -> None:
    driver = transcribing()
    item = driver.speak(pcm(200))
    driver.respond()
    assert driver.understand(item, "What time", 4) == [delta(item, "What")]
    driver.client("conversation.item.delete", item_id=item)
    assert driver.understand(item, "What time", 9) == []
    assert driver.transcribe(item, "What time is it") == []
    assert driver.prompt == [utterance(item, "What time is it")]


def test_a_failure_after_some_words() -> None:
    driver = transcribing()
    item = driver.speak(pcm(200))
    driver.understand(item, "What time", 4)
    assert driver.fail_transcription(item, "The worker died.") == [failed(item, "The worker died.")]


# How sure it is.


def sure(*tokens: str) -> tuple[TokenLogprob, ...]:
    return tuple(TokenLogprob(token, -0.5 * (n + 1)) for n, token in enumerate(tokens))


def test_log_probabilities_where_they_are_asked_for() -> None:
    driver = transcribing(include=("item.input_audio_transcription.logprobs",))
    item = driver.speak(pcm(200))
    so_far = Transcript("What time", stable=4, logprobs=sure("What", " time"))
    driver.session.understood(item, so_far, driver.now)
    what = {"token": "What", "logprob": -0.5, "bytes": [87, 104, 97, 116]}
    cafe = {"token": " café", "logprob": -1.0, "bytes": [32, 99, 97, 102, 195, 169]}
    assert driver.drain() == [delta(item, "What", logprobs=[what])]
    final = Transcript("What café", final=True, logprobs=sure("What", " café"))
    driver.session.understood(item, final, driver.now)
    more, done = driver.drain()
    assert more == delta(item, " café", logprobs=[cafe])
    assert done["logprobs"] == [what, cafe]


def test_log_probabilities_that_nobody_knows_are_null() -> None:
    driver = transcribing(include=("item.input_audio_transcription.logprobs",))
    item = driver.speak(pcm(200))
    events = driver.transcribe(item, "Hello")
    assert [sent["logprobs"] for sent in events] == [None, None]


def test_log_probabilities_that_nobody_asked_for() -> None:
    driver = transcribing()
    item = driver.speak(pcm(200))
    final = Transcript("What", final=True, logprobs=sure("What"))
    driver.session.understood(item, final, driver.now)
    assert driver.drain() == completed(item, "What")


# Which language.


@pytest.mark.parametrize(
    ("model", "heard", "told"),
    [
        ("gpt-transcribe", ("en", "de"), {"languages": [{"code": "en"}, {"code": "de"}]}),
        ("gpt-transcribe", (), {}),
        ("gpt-4o-transcribe", ("en",), {}),
    ],
)
def test_languages(model: str, heard: tuple[str, ...], told: Event) -> None:
    driver = transcribing(model)
    item = driver.speak(pcm(200))
    driver.session.understood(item, Transcript("Hello", final=True, languages=heard), driver.now)
    (one, done) = completed(item, "Hello")
    assert driver.drain() == [one, {**done, **told}]


# When there is none.


@pytest.mark.parametrize(("given", "code"), [(None, "audio_unintelligible"), ("busy", "busy")])
def test_failed(given: str | None, code: str) -> None:
    driver = transcribing()
    item = driver.speak(pcm(200))
    assert driver.fail_transcription(item, "Too noisy.", given) == [failed(item, "Too noisy.", code)]
    assert driver.retrieve(item)["content"][0]["transcript"] is None
    assert driver.transcribe(item, "Late") == []


def test_failed_while_somebody_still_speaks_is_told_with_the_item() -> None:
    driver = transcribing()
    driver.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    (started,) = driver.talk(320)
    item = started["item_id"]
    assert driver.fail_transcription(item, "The worker died.") == []
    assert driver.fail_transcription(item, "Twice.") == []
    assert driver.transcribe(item, "After all") == []
    events = driver.talk(320, 0.0)
    assert events[4] == failed(item, "The worker died.")
    assert types(events[5:]) == ["response.created", "response.done", "rate_limits.updated"]
    assert events[6]["response"]["status"] == "failed"


def test_failed_without_anybody_having_asked_is_not_told() -> None:
    driver = Driver(input={"turn_detection": None})
    item = driver.speak(pcm(200))
    assert driver.fail_transcription(item, "Too noisy.") == []


# Who wants it.


def test_nobody_wants_it_of_a_responder_that_hears() -> None:
    driver = Driver(options=SessionOptions(debug=True, hears_audio=True))
    driver.talk(320)
    driver.talk(320, 0.0)
    driver.create(
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_audio", "audio": base64_of(pcm(100))}],
        }
    )
    transcribed = OpenTranscription | FeedTranscription | FinishTranscription
    assert not [effect for effect in driver.log if isinstance(effect, transcribed)]


def test_asked_for_in_the_middle_of_an_utterance() -> None:
    driver = Driver(options=SessionOptions(debug=True, hears_audio=True), input={"turn_detection": None})
    driver.append(pcm(150))
    driver.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    driver.append(pcm(50, 150))
    assert driver.others() == []
    item = driver.commit()[0]["item_id"]
    format = driver.session.config.audio.input.format
    assert driver.others() == [
        OpenTranscription(item, driver.session.config.audio.input.transcription),
        FeedTranscription(item, pcm(200), format),
        FinishTranscription(item),
    ]


def test_no_longer_asked_for_in_the_middle_of_an_utterance() -> None:
    driver = transcribing(options=SessionOptions(debug=True, hears_audio=True))
    driver.append(pcm(200))
    item = driver.others()[0].item_id
    driver.update(audio={"input": {"transcription": None}})
    driver.commit()
    assert driver.others() == [AbandonTranscription(item)]
    # Where the responder needs the words, it is the client that does not get them.
    driver = transcribing()
    driver.append(pcm(200))
    driver.update(audio={"input": {"transcription": None}})
    item = driver.commit()[0]["item_id"]
    assert driver.others() == [FinishTranscription(item)]
    assert driver.transcribe(item, "Hello") == []


def test_the_transcriber_is_told_what_was_asked() -> None:
    driver = Driver(input={"turn_detection": None})
    asked = {"model": "gpt-4o-transcribe", "language": "de", "prompt": "Namen"}
    driver.update(audio={"input": {"transcription": asked}})
    driver.append(pcm(100))
    options = driver.did(OpenTranscription)[0].options
    assert (options.model, options.language, options.prompt) == ("gpt-4o-transcribe", "de", "Namen")


def test_whisper_is_counted_by_the_second() -> None:
    driver = transcribing("whisper-1")
    item = driver.speak(pcm(1234))
    usage = {"type": "duration", "seconds": 1.234}
    assert driver.transcribe(item, "Hello") == completed(item, "Hello", usage)


def test_a_transcript_is_not_a_change_of_the_item_that_events_show() -> None:
    """3.2: no further item event is sent."""
    driver = transcribing()
    item = driver.speak(pcm(200))
    assert types(driver.transcribe(item, "Hello")) == [DELTA, COMPLETED]
    assert driver.client("conversation.item.retrieve", item_id="x")[0] == error(
        "item_retrieve_invalid_item_id", "Error retrieving item: the item with id 'x' does not exist."
    )
