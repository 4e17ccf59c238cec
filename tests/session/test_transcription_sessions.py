"""Sessions that only transcribe: section 3.10 of the reference key by key, and 5.6."""

import json

import pytest

from tests.session.driver import Driver, base64_of, pcm, types
from tests.session.expected import (
    SERVER_VAD,
    TRANSCRIPTION_VAD,
    Id,
    error,
    event,
    transcription_session,
    utterance,
)
from vivavoce.protocol import Transcript
from vivavoce.session import (
    AbandonTranscription,
    FeedTranscription,
    FinishTranscription,
    OpenTranscription,
    SessionOptions,
)

LIVE = ["gpt-realtime-whisper", "gpt-live-transcribe"]
PREFIX = "conversation.item.input_audio_transcription."
ASKED = {"model": "gpt-4o-mini-transcribe", "language": None, "prompt": None}


def transcription(**driving: object) -> Driver:
    return Driver(kind="transcription", **driving)  # type: ignore[arg-type]


def test_the_trace() -> None:
    driver = transcription()
    assert driver.greeting == [event("session.created", session=transcription_session())]
    heard = {"transcription": {"model": "gpt-4o-mini-transcribe"}, "turn_detection": {"type": "server_vad"}}
    shown = transcription_session(transcription=ASKED)
    assert driver.update(audio={"input": heard}) == [event("session.updated", session=shown)]
    item = Id("item")
    assert driver.talk(1000) == [event("input_audio_buffer.speech_started", audio_start_ms=0, item_id=item)]
    assert driver.talk(400, 0.0) == [
        event("input_audio_buffer.speech_stopped", audio_end_ms=1216, item_id=item),
        event("input_audio_buffer.committed", previous_item_id=None, item_id=item),
        event("conversation.item.added", previous_item_id=None, item=utterance(item)),
        event("conversation.item.done", previous_item_id=None, item=utterance(item)),
    ]
    place = {"item_id": item, "content_index": 0}
    assert driver.understand(str(item), "Hello", 5) == [event(PREFIX + "delta", **place, delta="Hello")]
    assert driver.transcribe(str(item), "Hello there") == [
        event(PREFIX + "delta", **place, delta=" there"),
        event(
            PREFIX + "completed",
            **place,
            transcript="Hello there",
            usage={
                "type": "tokens",
                "total_tokens": 16,
                "input_tokens": 13,
                "input_token_details": {"text_tokens": 0, "audio_tokens": 13},
                "output_tokens": 3,
            },
        ),
    ]
    assert driver.tick(3599) == []


def test_it_ends_in_time_like_any_other() -> None:
    driver = transcription()
    assert types(driver.tick(3600)) == ["error"]
    assert driver.session.closed


def test_without_a_model_items_appear_and_nothing_is_transcribed() -> None:
    driver = transcription()
    driver.talk(320)
    assert types(driver.talk(320, 0.0)) == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    content = [{"type": "input_audio", "audio": base64_of(pcm(100))}]
    driver.create({"type": "message", "role": "user", "content": content})
    asked = OpenTranscription | FeedTranscription | FinishTranscription
    assert not [effect for effect in driver.log if isinstance(effect, asked)]


def test_manual_turns() -> None:
    driver = transcription(input={"turn_detection": None})
    driver.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    (refused,) = driver.commit()
    assert refused["error"]["code"] == "input_audio_buffer_commit_empty"
    item = driver.speak(pcm(500))
    done = driver.transcribe(item, "Hello")[-1]
    assert done["usage"] == {"type": "duration", "seconds": 0.5}
    driver.append(pcm(500, 500))
    assert types(driver.client("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert len(driver.did(AbandonTranscription)) == 1


def test_a_turn_in_progress_ended_by_hand() -> None:
    driver = transcription(input={"turn_detection": None})
    driver.update(audio={"input": {"turn_detection": {"type": "server_vad", "create_response": True}}})
    (started,) = driver.talk(320)
    assert types(driver.commit()) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert driver.last_item == started["item_id"]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (None, None),
        ({"type": "server_vad"}, TRANSCRIPTION_VAD),
        (
            {**SERVER_VAD, "idle_timeout_ms": 5000, "silence_duration_ms": 700},
            TRANSCRIPTION_VAD | {"silence_duration_ms": 700},
        ),
        (
            {"type": "semantic_vad", "eagerness": "high", "create_response": True},
            {"type": "semantic_vad", "eagerness": "high"},
        ),
    ],
)
def test_turn_detection_is_shown_without_what_concerns_responses(
    asked: dict[str, object] | None, shown: dict[str, object] | None
) -> None:
    (updated,) = transcription().update(audio={"input": {"turn_detection": asked}})
    assert updated["session"]["audio"]["input"]["turn_detection"] == shown


def test_what_is_left_out_stays() -> None:
    driver = transcription()
    driver.update(audio={"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}})
    include = ["item.input_audio_transcription.logprobs"]
    (updated,) = driver.update(include=include)
    assert updated["session"] == transcription_session(transcription=ASKED, include=include)
    (updated,) = driver.update(include=None, audio={"input": {"transcription": None}})
    assert updated["session"] == transcription_session()


def test_events_of_the_other_kind() -> None:
    driver = transcription()
    sent = {"type": "session.update", "event_id": "c1", "session": {"type": "realtime"}}
    message = "Passing a realtime session update event to a transcription session is not allowed."
    assert driver.frame(json.dumps(sent)) == [error("invalid_parameter", message, event_id="c1")]
    driver = Driver()
    sent["session"] = {"type": "transcription"}
    message = "Passing a transcription session update event to a realtime session is not allowed."
    assert driver.frame(json.dumps(sent)) == [error("invalid_parameter", message, event_id="c1")]


@pytest.mark.parametrize("kind", ["response.create", "response.cancel"])
def test_there_are_no_responses(kind: str) -> None:
    driver = transcription()
    message = "Cannot create a response on a transcription session"
    assert driver.client(kind, event_id="c1") == [error("invalid_parameter", message, event_id="c1")]
    assert driver.others() == []


def test_a_conversations_options_are_unknown() -> None:
    (refused,) = transcription().update(instructions="Be kind.")
    assert refused["error"]["code"] == "unknown_parameter"
    assert refused["error"]["param"] == "session.instructions"


def test_items_may_be_made_and_unmade() -> None:
    driver = transcription()
    item = driver.say("Names: Mr Darcy")
    assert driver.retrieve(item)["content"] == [{"type": "input_text", "text": "Names: Mr Darcy"}]
    assert types(driver.client("conversation.item.delete", item_id=item)) == ["conversation.item.deleted"]


def test_the_idle_timer_never_runs() -> None:
    """It counts from the end of a response, and there is none."""
    driver = transcription()
    driver.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}})
    driver.talk(320)
    driver.talk(320, 0.0)
    assert driver.tick(31) == []


# Live models.


@pytest.mark.parametrize("model", LIVE)
def test_a_live_model_hears_without_turns(model: str) -> None:
    driver = transcription()
    (updated,) = driver.update(audio={"input": {"transcription": {"model": model}}})
    assert updated["session"]["audio"]["input"]["turn_detection"] is None
    driver.append(pcm(300))
    item = driver.did(OpenTranscription)[0].item_id
    assert driver.understand(item, "Hello my", 5)[0]["delta"] == "Hello"
    driver.append(pcm(300, 300))
    assert driver.understand(item, "Hello my dear", 8)[0]["delta"] == " my"
    assert types(driver.commit()) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    more, done = driver.transcribe(item, "Hello my deer")
    assert (more["delta"], done["transcript"], done["item_id"]) == (" deer", "Hello my deer", item)


@pytest.mark.parametrize("model", LIVE)
def test_turn_detection_for_a_live_model(model: str) -> None:
    message = "Turn detection is not supported for this transcription model."
    refused = error("invalid_value", message, "session.audio.input.turn_detection")
    live = {"transcription": {"model": model}}
    driver = transcription()
    both = {**live, "turn_detection": {"type": "server_vad"}}
    include = ["item.input_audio_transcription.logprobs"]
    assert driver.update(audio={"input": both}, include=include) == [refused]
    (unchanged,) = driver.update()
    assert unchanged["session"] == transcription_session()
    driver.update(audio={"input": live})
    assert driver.update(audio={"input": {"turn_detection": {"type": "semantic_vad"}}}) == [refused]
    (kept,) = driver.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    assert kept["session"]["audio"]["input"]["turn_detection"] is None
    assert types(driver.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})) == [
        "session.updated"
    ]


def test_a_conversation_may_have_turns_with_a_live_model() -> None:
    """The words of each turn are then told while it lasts, under the id that `speech_started` announced."""
    driver = Driver()
    driver.update(audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}})
    (started,) = driver.talk(320)
    assert driver.understand(started["item_id"], "Hello", 5) == [
        event(PREFIX + "delta", item_id=started["item_id"], content_index=0, delta="Hello")
    ]
    assert types(driver.talk(320, 0.0))[:4] == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]


# What the engine is told, and what it tells.


def test_the_transcriber_is_told_what_was_asked() -> None:
    driver = transcription(input={"turn_detection": None})
    asked = {
        "model": "gpt-transcribe",
        "languages": ["en", "de"],
        "keywords": ["Darcy"],
        "prompt": "A novel",
    }
    driver.update(audio={"input": {"transcription": asked}})
    item = driver.speak(pcm(200))
    options = next(e.options for e in driver.log if isinstance(e, OpenTranscription))
    assert options is not None
    assert (options.model, options.languages, options.keywords, options.prompt) == (
        "gpt-transcribe",
        ("en", "de"),
        ("Darcy",),
        "A novel",
    )
    final = Transcript("Guten Tag", final=True, languages=("de",))
    driver.session.understood(item, final, driver.now)
    assert driver.drain()[-1]["languages"] == [{"code": "de"}]


def test_a_failure_is_an_event_and_the_session_goes_on() -> None:
    driver = transcription(input={"turn_detection": None}, options=SessionOptions(debug=True))
    driver.update(audio={"input": {"transcription": {"model": "gpt-4o-transcribe", "language": "xx"}}})
    one = driver.speak(pcm(200))
    details = {"type": "transcription_error", "code": "audio_unintelligible", "message": "No.", "param": None}
    assert driver.fail_transcription(one, "No.") == [
        event(PREFIX + "failed", item_id=one, content_index=0, error=details)
    ]
    two = driver.speak(pcm(200, 200))
    assert types(driver.transcribe(two, "Hello")) == [PREFIX + "delta", PREFIX + "completed"]
