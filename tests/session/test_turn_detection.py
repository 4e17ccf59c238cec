"""Turns by server_vad (sections 5.2 and 5.3), interruption, and the idle timer (3.12)."""

from typing import Any

import pytest

from tests.session.driver import NOW, Driver, Event, base64_of, pcm, types
from tests.session.expected import SERVER_VAD, Id, error, event
from vivavoce.protocol import AudioDelta, ResponseEnd, TextDelta
from vivavoce.session import Cancel, SessionOptions, WakeAt

TURN = ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]


def detecting(**detection: Any) -> Driver:
    """A session with these settings of server_vad."""
    driver = Driver()
    driver.update(audio={"input": {"turn_detection": {"type": "server_vad", **detection}}})
    return driver


# Where turns begin and end.


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.99])
def test_speech_is_what_exceeds_the_threshold(threshold: float) -> None:
    driver = detecting(threshold=threshold)
    driver.append(pcm(128))
    assert driver.hear(threshold, threshold) == []
    assert types(driver.hear(threshold + 0.005)) == ["input_audio_buffer.speech_started"]


def test_nothing_exceeds_a_threshold_of_one() -> None:
    driver = detecting(threshold=1.0)
    assert driver.talk(500, 1.0) == []


@pytest.mark.parametrize(("padding", "begins"), [(0, 640), (100, 540), (300, 340), (640, 0), (5000, 0)])
def test_the_turn_begins_before_the_speech(padding: int, begins: int) -> None:
    driver = detecting(prefix_padding_ms=padding)
    driver.talk(640, 0.0)
    (started,) = driver.talk(160)
    assert started["audio_start_ms"] == begins
    committed, *_ = driver.commit()
    (part,) = driver.retrieve(committed["item_id"])["content"]
    assert part["audio"] == base64_of(pcm(800 - begins, begins))


@pytest.mark.parametrize(
    ("silence", "frames"), [(0, 1), (32, 1), (33, 2), (200, 7), (224, 7), (225, 8), (500, 16)]
)
def test_silence_ends_the_turn(silence: int, frames: int) -> None:
    driver = detecting(silence_duration_ms=silence)
    driver.append(pcm(1024))
    driver.hear(1.0, 1.0)
    for _ in range(frames - 1):
        assert driver.hear(0.0) == []
    stopped, *_ = driver.hear(0.0)
    assert (stopped["type"], stopped["audio_end_ms"]) == (
        "input_audio_buffer.speech_stopped",
        64 + frames * 32,
    )


def test_a_pause_within_the_turn_does_not_end_it() -> None:
    driver = Driver()
    driver.append(pcm(2000))
    assert types(driver.hear(1.0, *[0.0] * 6, 1.0, *[0.0] * 6, 1.0)) == ["input_audio_buffer.speech_started"]
    stopped, *_ = driver.hear(*[0.0] * 7)
    assert stopped["audio_end_ms"] == (1 + 6 + 1 + 6 + 1 + 7) * 32


def test_two_turns_in_one_verdict() -> None:
    driver = detecting(create_response=False)
    driver.append(pcm(2000))
    one = ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *TURN]
    assert types(driver.hear(1.0, *[0.0] * 7, 1.0, *[0.0] * 7)) == [*one, *one]


@pytest.mark.parametrize("frame_ms", [10, 20, 32])
def test_the_detector_says_how_long_a_frame_is(frame_ms: int) -> None:
    driver = Driver(options=SessionOptions(debug=True, frame_ms=frame_ms))
    driver.append(pcm(1600))
    (started,) = driver.hear(*[0.0] * 40, 1.0)
    assert started["audio_start_ms"] == 40 * frame_ms - 300


def test_settings_may_change_in_a_turn_without_ending_it() -> None:
    driver = Driver()
    driver.append(pcm(2000))
    (started,) = driver.hear(1.0, 0.0, 0.0)
    driver.update(instructions="x")
    changed = {"type": "server_vad", "silence_duration_ms": 320}
    driver.update(audio={"input": {"turn_detection": changed}})
    assert driver.hear(*[0.0] * 7) == []
    stopped, *_ = driver.hear(0.0)
    assert (stopped["item_id"], stopped["audio_end_ms"]) == (started["item_id"], 11 * 32)


# What follows from a turn.


def test_create_response_false() -> None:
    driver = detecting(create_response=False)
    driver.talk(320)
    assert types(driver.talk(320, 0.0)) == ["input_audio_buffer.speech_stopped", *TURN]
    assert types(driver.client("response.create")) == ["response.created"]


def test_a_response_to_a_turn_goes_by_the_session() -> None:
    driver = Driver(instructions="Be brief.", output={"voice": "sage"})
    driver.talk(320)
    *_, created = driver.talk(320, 0.0)
    assert created["response"]["metadata"] is None
    assert created["response"]["audio"]["output"]["voice"] == "sage"
    driver.transcribe(driver.last_item, "Hello")
    assert (driver.request.instructions, driver.request.voice) == ("Be brief.", "sage")


def test_interrupt_response_false_lets_the_response_finish() -> None:
    """3.4: the turn's own response may not begin while it runs."""
    driver = detecting(interrupt_response=False)
    answer = driver.respond()
    driver.produce(answer, TextDelta("A story"), AudioDelta(pcm(1000), 7))
    assert types(driver.talk(320)) == ["input_audio_buffer.speech_started"]
    assert driver.did(Cancel) == []
    *turn, refused = driver.talk(320, 0.0)
    assert types(turn) == ["input_audio_buffer.speech_stopped", *TURN]
    assert refused == error(
        "conversation_already_has_active_response",
        f"Conversation already has an active response in progress: {answer}. "
        "Wait until the response is finished before creating a new one.",
        event_id=None,
    )
    *_, done, _ = driver.produce(answer, ResponseEnd())
    assert done["response"]["status"] == "completed"


def test_both_flags_false_only_report() -> None:
    driver = detecting(interrupt_response=False, create_response=False)
    answer = driver.respond()
    driver.produce(answer, TextDelta("A story"))
    driver.talk(320)
    assert types(driver.talk(320, 0.0)) == ["input_audio_buffer.speech_stopped", *TURN]
    assert types(driver.produce(answer, TextDelta(" goes on"))) == ["response.output_audio_transcript.delta"]


def test_a_response_that_still_waits_for_the_words_is_interrupted() -> None:
    driver = Driver()
    driver.talk(320)
    *_, created = driver.talk(320, 0.0)
    first = created["response"]["id"]
    started, done, _ = driver.talk(64)
    assert started["type"] == "input_audio_buffer.speech_started"
    assert (done["response"]["id"], done["response"]["status"]) == (first, "cancelled")
    assert done["response"]["output"] == []
    assert driver.did(Cancel) == []  # nobody was asked yet


def test_responses_beside_the_conversation_are_not_interrupted() -> None:
    driver = Driver()
    aside = driver.respond(conversation="none")
    driver.produce(aside, TextDelta("Positive"))
    answer = driver.respond()
    events = driver.talk(64)
    assert types(events) == ["input_audio_buffer.speech_started", "response.done", "rate_limits.updated"]
    assert events[1]["response"]["id"] == answer
    assert driver.did(Cancel) == [Cancel(answer)]
    *_, done, _ = driver.produce(aside, ResponseEnd())
    assert done["response"]["status"] == "completed"


def test_manual_mode_knows_no_interruption() -> None:
    driver = Driver(input={"turn_detection": None})
    answer = driver.respond()
    assert driver.append(pcm(500)) == []
    assert driver.hear(*[1.0] * 15) == []
    assert driver.session.busy
    *_, done, _ = driver.produce(answer, ResponseEnd())
    assert done["response"]["status"] == "completed"


# The idle timer.


def idle(timeout_ms: int = 5000, **detection: Any) -> Driver:
    """A session with an idle timer, in which the assistant has just said nothing at all."""
    driver = Driver(options=SessionOptions(debug=True, max_seconds=0))
    detection = SERVER_VAD | {"idle_timeout_ms": timeout_ms, **detection}
    driver.update(audio={"input": {"turn_detection": detection}})
    driver.produce(driver.respond(), ResponseEnd())
    driver.tick(0)
    return driver


def timed_out(events: list[Event]) -> bool:
    return "input_audio_buffer.timeout_triggered" in types(events)


def test_it_waits_for_the_playback_and_the_timeout() -> None:
    driver = Driver(options=SessionOptions(debug=True, max_seconds=0))
    driver.update(audio={"input": {"turn_detection": SERVER_VAD | {"idle_timeout_ms": 5000}}})
    answer = driver.respond()
    driver.produce(answer, TextDelta("Hi"), AudioDelta(pcm(2000), 2), ResponseEnd())
    assert driver.did(WakeAt) == [WakeAt(NOW + 2)]
    driver.talk(8000, 0.0)
    assert driver.tick(1.9) == []
    assert driver.tick(0.1) == []
    assert driver.did(WakeAt) == [WakeAt(NOW + 7)]
    driver.talk(1000, 0.0)
    assert driver.tick(4.9) == []
    assert timed_out(driver.tick(0.1))


def test_playback_that_ended_before_the_response_did_costs_no_time() -> None:
    driver = Driver(options=SessionOptions(debug=True, max_seconds=0))
    driver.update(audio={"input": {"turn_detection": SERVER_VAD | {"idle_timeout_ms": 5000}}})
    answer = driver.respond()
    driver.produce(answer, TextDelta("Hi"), AudioDelta(pcm(200), 2))
    driver.now += 3
    driver.produce(answer, ResponseEnd())
    assert driver.did(WakeAt) == [WakeAt(NOW + 3)]


def test_it_is_not_armed_before_the_first_response() -> None:
    driver = Driver(options=SessionOptions(debug=True, max_seconds=0))
    driver.update(audio={"input": {"turn_detection": SERVER_VAD | {"idle_timeout_ms": 5000}}})
    driver.talk(1000, 0.0)
    assert driver.tick(60) == []
    assert driver.did(WakeAt) == []


def test_it_is_armed_again_by_each_response() -> None:
    driver = idle()
    driver.talk(1000, 0.0)
    *_, created = driver.tick(5)
    assert created["type"] == "response.created"
    driver.transcribe(driver.last_item, "")
    driver.produce(created["response"]["id"], ResponseEnd())
    driver.tick(0)
    driver.talk(1000, 0.0)
    assert timed_out(driver.tick(5))


def test_speech_disarms_it() -> None:
    driver = idle(create_response=False)
    driver.talk(64)
    driver.talk(1000, 0.0)
    assert driver.tick(60) == []


def test_an_interruption_does_not_arm_it_while_somebody_speaks() -> None:
    driver = idle()
    answer = driver.respond()
    driver.produce(answer, TextDelta("A story"), AudioDelta(pcm(100), 7))
    driver.talk(64)
    driver.talk(6000)
    assert driver.tick(60) == []
    assert driver.did(WakeAt) == []


def test_a_response_that_ends_while_somebody_speaks_does_not_arm_it() -> None:
    driver = idle(interrupt_response=False)
    answer = driver.respond()
    driver.talk(64)
    driver.produce(answer, ResponseEnd())
    driver.talk(1000)
    assert driver.tick(60) == []


def test_a_response_beside_the_conversation_neither_disarms_nor_arms_it() -> None:
    driver = idle()
    driver.tick(2)
    driver.produce(driver.respond(conversation="none"), ResponseEnd())
    driver.talk(1000, 0.0)
    assert timed_out(driver.tick(3))
    driver.client("response.cancel")
    driver.talk(64)
    driver.produce(driver.respond(conversation="none"), ResponseEnd())
    assert driver.did(WakeAt) == []


@pytest.mark.parametrize(
    "detection", [None, {"type": "semantic_vad"}, SERVER_VAD], ids=["none", "semantic", "no timeout"]
)
def test_an_update_may_switch_it_off(detection: Event | None) -> None:
    driver = idle()
    driver.update(audio={"input": {"turn_detection": detection}})
    driver.append(pcm(1000))
    assert driver.tick(60) == []


def test_it_commits_without_a_response_where_none_is_wanted() -> None:
    driver = idle(create_response=False)
    driver.talk(1024, 0.0)
    assert types(driver.tick(5)) == ["input_audio_buffer.timeout_triggered", *TURN]


def test_the_silence_is_kept_for_it() -> None:
    driver = Driver(options=SessionOptions(debug=True, max_seconds=0, retained_silence_ms=100))
    driver.update(audio={"input": {"turn_detection": SERVER_VAD | {"idle_timeout_ms": 5000}}})
    driver.produce(driver.respond(), ResponseEnd())
    driver.talk(512, 0.0)
    driver.tick(0)
    driver.talk(5008, 0.0)
    triggered, *_ = driver.tick(5)
    item = triggered["item_id"]
    assert triggered == event(
        "input_audio_buffer.timeout_triggered", audio_start_ms=512, audio_end_ms=5520, item_id=Id("item")
    )
    (part,) = driver.retrieve(item)["content"]
    assert part["audio"] == base64_of(pcm(5008, 512))
