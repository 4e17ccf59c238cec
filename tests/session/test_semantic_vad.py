"""Turns by semantic_vad (section 5.4): when they end, and what interrupts a reply."""

from typing import Any

import pytest

from tests.session.driver import Driver, Event, base64_of, pcm, types
from tests.session.expected import Id, event
from vivavoce.protocol import AudioDelta, ResponseEnd, TextDelta
from vivavoce.session import (
    AbandonTranscription,
    Cancel,
    FinishTranscription,
    JudgeTurn,
    OpenTranscription,
    Respond,
    SessionOptions,
)
from vivavoce.session.backchannels import says_something
from vivavoce.session.eagerness import silence_ticks

STARTED, STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"
TURN = ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
CANCELLED = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]
EAGERNESS = ["low", "medium", "auto", "high"]


def semantic(options: SessionOptions | None = None, **detection: Any) -> Driver:
    driver = Driver(options=options)
    driver.update(audio={"input": {"turn_detection": {"type": "semantic_vad", **detection}}})
    return driver


def judged(driver: Driver, probability: float, item: str | None = None) -> list[Event]:
    driver.session.turn_judged(item or asked(driver).item_id, probability, driver.now)
    return driver.drain()


def asked(driver: Driver) -> JudgeTurn:
    """The latest question of the session's life."""
    return [effect for effect in driver.log if isinstance(effect, JudgeTurn)][-1]


def speaking(driver: Driver, milliseconds: float = 320) -> str:
    """Somebody begins to speak; returns the item's id."""
    started = driver.talk(milliseconds)[0]
    assert started["type"] == STARTED
    return str(started["item_id"])


# When the turn ends.


def waits(driver: Driver) -> int:
    """The milliseconds of silence until the turn ends."""
    for frame in range(1, 400):
        if driver.talk(32, 0.0):
            return frame * 32
    raise AssertionError


@pytest.mark.parametrize(
    ("eagerness", "longest", "shortest"),
    [("low", 8000, 800), ("medium", 4000, 416), ("auto", 4000, 416), ("high", 2016, 224)],
)
def test_the_silence_that_ends_a_turn(eagerness: str, longest: int, shortest: int) -> None:
    """In frames of 32 ms, rounded up."""
    for probability, expected in ((0.0, longest), (1.0, shortest), (-3.0, longest), (9.0, shortest)):
        driver = semantic(eagerness=eagerness, create_response=False)
        speaking(driver)
        driver.talk(96, 0.0)
        assert judged(driver, probability) == []
        assert 96 + waits(driver) == expected


@pytest.mark.parametrize("eagerness", EAGERNESS)
def test_the_surer_the_sooner(eagerness: Any) -> None:
    times = [silence_ticks(eagerness, step / 20) for step in range(21)]
    assert times == sorted(set(times), reverse=True)


def test_without_an_opinion_it_waits_as_for_even_odds() -> None:
    driver = semantic()
    speaking(driver)
    silence = waits(driver)
    assert silence == -(-silence_ticks("auto", 0.5) // 24 // 32) * 32
    assert 800 < silence < 1600


def test_the_turn_ends_at_once_when_it_has_lasted_long_enough() -> None:
    driver = semantic(create_response=False)
    item = speaking(driver, 640)
    driver.talk(640, 0.0)
    assert judged(driver, 0.2) == []
    events = judged(driver, 0.95)
    assert types(events) == [STOPPED, *TURN]
    assert events[0] == event(STOPPED, audio_end_ms=1280, item_id=item)
    (part,) = driver.retrieve(item)["content"]
    assert part["audio"] == base64_of(pcm(1280))


def test_a_pause_does_not_end_the_turn() -> None:
    driver = semantic(create_response=False)
    item = speaking(driver)
    driver.talk(1000, 0.0)
    judged(driver, 0.0)
    assert driver.talk(320) == []
    assert driver.talk(96, 0.0) == []
    judged(driver, 1.0, item)
    stopped, *_ = driver.talk(400, 0.0)
    assert stopped["item_id"] == item


def test_the_beginning_is_kept() -> None:
    driver = semantic(create_response=False)
    driver.talk(640, 0.0)
    (started,) = driver.talk(320)
    assert started == event(STARTED, audio_start_ms=340, item_id=Id("item"))


def test_an_opinion_on_an_earlier_pause_is_none_on_this() -> None:
    driver = semantic(create_response=False)
    item = speaking(driver)
    driver.talk(200, 0.0)
    judged(driver, 1.0)
    driver.talk(64)
    assert judged(driver, 1.0, item) == []
    driver.talk(64, 0.0)
    assert judged(driver, 1.0, item) == []
    assert 64 + waits(driver) > 1000


def test_opinions_on_what_is_no_turn_are_ignored() -> None:
    driver = semantic()
    assert judged(driver, 1.0, "item_x") == []
    item = speaking(driver)
    driver.talk(200, 0.0)
    assert judged(driver, 1.0, "item_x") == []
    driver.client("input_audio_buffer.clear")
    assert judged(driver, 1.0, item) == []
    driver.end()
    assert judged(driver, 1.0, item) == []


# What is asked.


def test_it_asks_at_the_onset_of_silence_and_as_it_goes_on() -> None:
    driver = semantic(eagerness="low", create_response=False)
    item = speaking(driver)
    driver.talk(7000, 0.0)
    assert [ask.silence_ms for ask in driver.did(JudgeTurn)] == [96, 416, 800, 1600]
    judged(driver, 0.0)
    driver.talk(990, 0.0)
    questions = [effect for effect in driver.log if isinstance(effect, JudgeTurn)]
    assert {question.item_id for question in questions} == {item}


def test_it_asks_with_the_words_and_the_language() -> None:
    driver = semantic()
    driver.update(audio={"input": {"transcription": {"model": "gpt-4o-transcribe", "language": "de"}}})
    item = speaking(driver)
    driver.understand(item, "Ich möchte")
    assert driver.did(JudgeTurn) == []
    driver.talk(96, 0.0)
    question = JudgeTurn(item_id=item, transcript="Ich möchte", language="de", silence_ms=96, audio=())
    assert driver.did(JudgeTurn) == [question]
    driver.understand(item, "Ich möchte zahlen")
    (question,) = driver.did(JudgeTurn)
    assert question.transcript == "Ich möchte zahlen"


def test_it_asks_with_the_latest_sound() -> None:
    driver = semantic(SessionOptions(debug=True, judge_audio_ms=500))
    speaking(driver, 384)
    driver.talk(96, 0.0)
    (clip,) = asked(driver).audio
    assert clip.audio == pcm(480)
    driver.talk(320)
    driver.talk(96, 0.0)
    (clip,) = asked(driver).audio
    assert clip.audio == pcm(500, 396)


@pytest.mark.parametrize("detection", [{"type": "server_vad", "silence_duration_ms": 2000}, None])
def test_without_semantics_nothing_is_asked(detection: Event | None) -> None:
    driver = Driver()
    driver.update(audio={"input": {"turn_detection": detection}})
    driver.talk(320)
    driver.talk(1000, 0.0)
    assert not [effect for effect in driver.log if isinstance(effect, JudgeTurn)]


def test_the_mode_may_change_in_a_pause() -> None:
    driver = semantic(create_response=False)
    item = speaking(driver)
    driver.talk(300, 0.0)
    server = {"type": "server_vad", "silence_duration_ms": 320, "create_response": False}
    driver.update(audio={"input": {"turn_detection": server}})
    assert judged(driver, 1.0, item) == []
    assert types(driver.talk(32, 0.0)) == [STOPPED, *TURN]
    item = speaking(driver, 64)
    driver.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "create_response": False}}})
    driver.talk(300, 0.0)
    eager = {"type": "semantic_vad", "eagerness": "high", "create_response": False}
    driver.update(audio={"input": {"turn_detection": eager}})
    assert types(judged(driver, 1.0, item)) == [STOPPED, *TURN]
    item = speaking(driver, 64)
    driver.talk(200, 0.0)
    driver.update(audio={"input": {"turn_detection": None}})
    assert judged(driver, 1.0, item) == []
    assert types(driver.commit()) == TURN


def test_a_responder_that_hears_has_the_words_understood_for_the_turn_alone() -> None:
    driver = semantic(SessionOptions(debug=True, hears_audio=True))
    item = speaking(driver)
    assert OpenTranscription(item, None) in driver.log
    driver.understand(item, "what time is it")
    driver.talk(600, 0.0)
    events = judged(driver, 1.0)
    assert types(events) == [STOPPED, *TURN, "response.created"]
    assert driver.did(AbandonTranscription, FinishTranscription) == [AbandonTranscription(item)]
    assert len(driver.did(Respond)) == 1


# What interrupts a reply.


def replying(options: SessionOptions | None = None, **detection: Any) -> tuple[Driver, str]:
    """A reply is being made, and heard."""
    driver = semantic(options, **detection)
    answer = driver.respond()
    driver.produce(answer, TextDelta("A long story"), AudioDelta(pcm(1000), 12))
    return driver, answer


def goes_on(driver: Driver, answer: str) -> bool:
    return types(driver.produce(answer, TextDelta(" goes on"))) == ["response.output_audio_transcript.delta"]


@pytest.mark.parametrize("words", ["uh-huh", "Okay.", "mm-hm", "mhm", "I see", "yeah, okay", "", "um"])
def test_a_backchannel_lets_the_reply_go_on(words: str) -> None:
    driver, answer = replying()
    events = driver.talk(480)
    assert types(events) == [STARTED]
    item = events[0]["item_id"]
    driver.understand(item, words)
    driver.talk(500, 0.0)
    assert types(judged(driver, 1.0)) == [STOPPED, *TURN]
    assert driver.transcribe(item, words) == []
    assert driver.did(Cancel) == []
    assert goes_on(driver, answer)
    *_, done, _ = driver.produce(answer, ResponseEnd())
    assert done["response"]["status"] == "completed"
    assert driver.retrieve(item)["content"][0]["type"] == "input_audio"


def test_words_interrupt_as_soon_as_they_are_understood() -> None:
    driver, answer = replying()
    item = speaking(driver)
    assert driver.understand(item, "oh") == []
    events = driver.understand(item, "oh wait")
    assert types(events) == CANCELLED
    assert events[-2]["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert driver.did(Cancel) == [Cancel(answer)]
    driver.talk(600, 0.0)
    assert types(judged(driver, 1.0))[-1] == "response.created"


def test_a_second_of_speech_interrupts_without_words() -> None:
    driver, _ = replying()
    assert types(driver.talk(512)) == [STARTED]
    assert driver.talk(200, 0.0) == []
    assert types(driver.talk(480)) == []
    assert types(driver.talk(64)) == CANCELLED
    assert driver.talk(1200) == []


@pytest.mark.parametrize("hears_audio", [False, True])
def test_words_that_are_understood_after_the_turn_interrupt_too(hears_audio: bool) -> None:
    driver, _ = replying(SessionOptions(debug=True, hears_audio=hears_audio))
    item = speaking(driver)
    driver.talk(500, 0.0)
    assert types(judged(driver, 1.0)) == [STOPPED, *TURN]
    assert driver.did(FinishTranscription) == [FinishTranscription(item)]
    assert types(driver.transcribe(item, "stop")) == [*CANCELLED, "response.created"]
    assert driver.request.items[-1].id == item


def test_a_partial_transcript_after_the_turn_will_do() -> None:
    driver, _ = replying()
    item = speaking(driver)
    driver.talk(500, 0.0)
    judged(driver, 1.0)
    assert types(driver.understand(item, "stop")) == [*CANCELLED, "response.created"]
    driver.transcribe(item, "stop it")
    assert driver.request.items[-1].id == item


def test_what_cannot_be_understood_lets_the_reply_go_on() -> None:
    driver, answer = replying()
    item = speaking(driver)
    driver.talk(500, 0.0)
    judged(driver, 1.0)
    assert driver.fail_transcription(item, "The worker died.") == []
    assert goes_on(driver, answer)


@pytest.mark.parametrize("outcome", ["okay", "stop", None])
def test_an_outcome_before_the_end_of_the_turn(outcome: str | None) -> None:
    driver, answer = replying()
    item = speaking(driver)
    if outcome is None:
        driver.fail_transcription(item, "No such language.")
    else:
        driver.transcribe(item, outcome)
    driver.talk(500, 0.0)
    events = types(judged(driver, 1.0))
    if outcome == "stop":
        assert events == [STOPPED, *TURN, "response.created"]
    else:
        assert events == [STOPPED, *TURN]
        assert goes_on(driver, answer)


def test_responses_are_created_only_where_they_are_wanted() -> None:
    driver, _ = replying(create_response=False)
    item = speaking(driver)
    driver.talk(500, 0.0)
    judged(driver, 1.0)
    assert types(driver.transcribe(item, "stop")) == CANCELLED
    assert not driver.session.busy


def test_nothing_interrupts_where_it_is_not_wanted() -> None:
    driver, answer = replying(interrupt_response=False, create_response=False)
    item = speaking(driver, 2000)
    driver.understand(item, "stop")
    driver.talk(600, 0.0)
    judged(driver, 1.0)
    driver.transcribe(item, "stop")
    assert goes_on(driver, answer)


def test_the_flag_is_that_of_the_moment() -> None:
    driver, answer = replying()
    item = speaking(driver)
    no = {"type": "semantic_vad", "interrupt_response": False}
    driver.update(audio={"input": {"turn_detection": no}})
    assert driver.understand(item, "stop") == []
    assert goes_on(driver, answer)


@pytest.mark.parametrize("end", ["commit", "clear", "off", "hang up"])
def test_a_turn_that_the_client_ends_interrupts_nothing(end: str) -> None:
    driver, answer = replying()
    item = speaking(driver)
    match end:
        case "commit":
            assert types(driver.commit()) == TURN
        case "clear":
            driver.client("input_audio_buffer.clear")
        case "off":
            driver.update(audio={"input": {"turn_detection": None}})
        case _:
            driver.end()
    assert "response.done" not in types(driver.transcribe(item, "stop"))
    assert end == "hang up" or goes_on(driver, answer)


def test_words_that_come_after_the_session_are_lost() -> None:
    driver, _ = replying()
    item = speaking(driver)
    driver.talk(500, 0.0)
    judged(driver, 1.0)
    driver.end()
    assert driver.transcribe(item, "stop") == []


def test_an_item_that_is_deleted_interrupts_nothing() -> None:
    driver, answer = replying()
    item = speaking(driver)
    driver.talk(500, 0.0)
    judged(driver, 1.0)
    driver.client("conversation.item.delete", item_id=item)
    assert driver.transcribe(item, "stop") == []
    assert goes_on(driver, answer)


# While the reply is only played.


def played(seconds: float) -> Driver:
    """A reply of ten seconds was made so many seconds ago."""
    driver, answer = replying()
    driver.produce(answer, AudioDelta(pcm(9000), 12), ResponseEnd())
    driver.tick(seconds)
    return driver


def test_a_backchannel_while_the_reply_is_played() -> None:
    driver = played(5)
    item = speaking(driver)
    assert item in driver.session._barge_ins
    driver.talk(500, 0.0)
    assert types(judged(driver, 1.0)) == [STOPPED, *TURN]
    assert driver.transcribe(item, "okay") == []
    assert not driver.session.busy


def test_words_while_the_reply_is_played() -> None:
    driver = played(5)
    item = speaking(driver)
    assert driver.understand(item, "wait") == []
    assert not driver.session._barge_ins
    driver.talk(500, 0.0)
    assert types(judged(driver, 1.0)) == [STOPPED, *TURN, "response.created"]


def test_after_the_playback_a_backchannel_is_an_answer() -> None:
    driver = played(11)
    speaking(driver)
    assert not driver.session._barge_ins
    driver.talk(500, 0.0)
    assert types(judged(driver, 1.0)) == [STOPPED, *TURN, "response.created"]


def test_a_reply_that_has_ended_when_the_turn_does() -> None:
    """Its last words are a question, perhaps."""
    driver = played(9)
    item = speaking(driver)
    driver.understand(item, "okay")
    driver.tick(2)
    driver.talk(500, 0.0)
    assert types(judged(driver, 1.0)) == [STOPPED, *TURN, "response.created"]


@pytest.mark.parametrize(("words", "answered"), [("okay", True), ("stop", True), ("", False), (None, True)])
def test_a_reply_that_has_ended_when_the_words_are_known(words: str | None, answered: bool) -> None:
    driver = played(9)
    item = speaking(driver)
    driver.talk(500, 0.0)
    assert types(judged(driver, 1.0)) == [STOPPED, *TURN]
    driver.tick(2)
    if words is None:
        events = driver.fail_transcription(item, "The worker died.")
    else:
        events = driver.transcribe(item, words)
    assert ("response.created" in types(events)) is answered


def test_a_client_that_stops_the_playback_has_decided() -> None:
    driver = played(5)
    reply = driver.last_item
    item = speaking(driver)
    driver.client("conversation.item.truncate", item_id=reply, content_index=0, audio_end_ms=5000)
    driver.understand(item, "okay")
    driver.talk(500, 0.0)
    assert types(judged(driver, 1.0)) == [STOPPED, *TURN, "response.created"]


@pytest.mark.parametrize("late", [False, True])
def test_a_client_that_stops_the_playback_of_an_unfinished_reply(late: bool) -> None:
    """Nobody hears it: it makes way for the answer to the turn."""
    driver, _ = replying()
    reply = driver.last_item
    item = speaking(driver)
    truncation = {"item_id": reply, "content_index": 0, "audio_end_ms": 500}
    if not late:
        driver.client("conversation.item.truncate", **truncation)
    driver.talk(500, 0.0)
    events = judged(driver, 1.0)
    if late:
        assert types(events) == [STOPPED, *TURN]
        driver.client("conversation.item.truncate", **truncation)
        assert types(driver.transcribe(item, "okay")) == [*CANCELLED, "response.created"]
    else:
        assert types(events) == [STOPPED, *TURN, *CANCELLED, "response.created"]


def test_a_reply_that_was_cancelled_is_not_heard() -> None:
    driver, _ = replying()
    driver.client("response.cancel")
    speaking(driver)
    driver.talk(500, 0.0)
    assert types(judged(driver, 1.0))[-1] == "response.created"


def test_a_response_to_what_was_said_is_not_interrupted_by_it() -> None:
    driver = played(5)
    item = speaking(driver)
    driver.talk(500, 0.0)
    judged(driver, 1.0)
    answer = driver.respond()
    assert driver.transcribe(item, "stop") == []
    assert goes_on_at_last(driver, answer)


def goes_on_at_last(driver: Driver, answer: str) -> bool:
    return "response.output_item.added" in types(driver.produce(answer, TextDelta("Yes")))


# What is a backchannel.


@pytest.mark.parametrize(
    "text", ["", "...", "Uh-huh.", "mm hm", "OK, okay!", "I see, I see", "yeah that's right", "genau", "um"]
)
def test_backchannels(text: str) -> None:
    assert not says_something(text, final=True)


@pytest.mark.parametrize(
    "text", ["no", "stop", "wait", "okay stop", "i", "that's", "yeah but", "right left", "what", "no " * 9]
)
def test_words(text: str) -> None:
    assert says_something(text, final=True)


@pytest.mark.parametrize(
    ("text", "says"), [("i", False), ("i want", True), ("of", False), ("okay that's", False)]
)
def test_half_a_phrase_may_become_a_backchannel(text: str, says: bool) -> None:
    assert says_something(text, final=False) is says


def test_agreeing_at_length_is_speaking() -> None:
    assert says_something("yeah " * 9, final=False)
    assert says_something("yeah " * 5000, final=True)
