"""Speech that the transport plays in real time: when it is told, and what of it was heard (section 9.2 of the
reference)."""

import base64
from typing import Any

import pytest

from tests.session.driver import NOISE, Driver, Event, base64_of, pcm, types
from tests.session.expected import error, event
from vivavoce.protocol import (
    GA_MEDIA,
    AudioDelta,
    AudioPCM,
    AudioPCMU,
    InvalidEvent,
    MessageEnd,
    ResponseEnd,
    SemanticVad,
    ServerVad,
    TextDelta,
    Transcription,
    decode_client_event,
)
from vivavoce.session import (
    Effect,
    FeedTranscription,
    FinishTranscription,
    OpenTranscription,
    SessionOptions,
    WakeAt,
)
from vivavoce.session.playout import FRAME_BYTES, Speech, Track

STARTED, STOPPED, CLEARED = (f"output_audio_buffer.{each}" for each in ("started", "stopped", "cleared"))
TRUNCATED = "conversation.item.truncated"
CLOSING = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]
OPENING = ["response.output_item.added", "conversation.item.added", "response.content_part.added"]
HAND = {"turn_detection": None}


class Call(Driver):
    """A session whose transport plays."""

    def __init__(self, *, options: dict[str, Any] | None = None, **session: Any) -> None:
        super().__init__(options=SessionOptions(debug=True, plays=True, **(options or {})), **session)
        self.played = b""

    def play(self, milliseconds: float) -> list[Event]:
        """What is said while so much is asked for."""
        log: list[Effect] = []
        events = []
        for _ in range(round(milliseconds / 20)):
            audio = self.session.play(self.now)
            assert len(audio) <= 960
            self.played += audio
            self.now += 0.02
            events += self.drain()
            log += self.effects
        self.effects = log
        return events

    def append(self, audio: bytes) -> list[Event]:
        """The speaker is heard beside the events."""
        self.session.heard(audio, self.now)
        return self.drain()

    def frame(self, text: str) -> list[Event]:
        try:
            self.session.receive(decode_client_event(text, GA_MEDIA), self.now)
        except InvalidEvent as invalid:
            self.session.refuse(invalid.error)
        return self.drain()

    def clear(self) -> list[Event]:
        return self.client("output_audio_buffer.clear")

    def cancel(self) -> list[Event]:
        return self.client("response.cancel")


def heard(call: Call, item: str) -> str:
    """The transcript of what history holds."""
    return str(call.retrieve(item)["content"][0]["transcript"])


def test_a_reply_is_played_to_its_end() -> None:
    call = Call(input=HAND)
    answer = call.respond()
    events = call.produce(answer, TextDelta("Hello "), AudioDelta(pcm(100), 6), TextDelta("there."))
    assert types(events) == [
        *OPENING,
        "response.output_audio_transcript.delta",
        STARTED,
        "response.output_audio_transcript.delta",
    ]
    assert events[4] == event(STARTED, response_id=answer)
    assert types(call.produce(answer, AudioDelta(pcm(100, 100), 12), ResponseEnd())) == CLOSING
    assert call.play(200) == []
    assert call.session.playing
    assert call.play(20) == [event(STOPPED, response_id=answer)]
    assert not call.session.playing
    assert call.play(100) == []
    assert call.played == pcm(200)
    assert heard(call, call.last_item) == "Hello there."


def test_speech_that_comes_before_its_words() -> None:
    call = Call(input=HAND)
    events = call.produce(call.respond(), AudioDelta(pcm(100), 0), TextDelta("Hello"))
    assert types(events) == [*OPENING, STARTED, "response.output_audio_transcript.delta"]


def test_nothing_is_told_of_text() -> None:
    call = Call(input=HAND, output_modalities=["text"])
    answer = call.respond()
    events = call.produce(answer, TextDelta("Hello"), AudioDelta(pcm(100), 5), ResponseEnd())
    assert not [kind for kind in types(events) if kind.startswith("output_audio_buffer")]
    assert call.play(200) == []
    assert call.played == b""


def test_a_responder_that_is_slower_than_the_ear() -> None:
    call = Call(input=HAND)
    answer = call.respond()
    call.produce(answer, TextDelta("One two"), AudioDelta(pcm(50), 3))
    assert call.play(100) == []
    assert call.played == pcm(40)  # what is no whole frame waits for the rest of it
    call.produce(answer, AudioDelta(pcm(40, 50), 7))
    assert call.play(100) == []
    assert call.played == pcm(80)
    call.produce(answer, MessageEnd())
    assert call.play(20) == []
    assert call.played == pcm(90)
    call.produce(answer, ResponseEnd())
    assert call.play(20) == [event(STOPPED, response_id=answer)]


def test_samples_in_two_halves() -> None:
    call = Call(input=HAND)
    parts = [AudioDelta(NOISE[a:b], 0) for a, b in ((0, 1), (1, 961), (961, 962), (962, 1001), (1001, 1003))]
    call.produce(call.respond(), *parts, ResponseEnd())
    call.play(100)
    assert call.played == NOISE[:1002]


def interrupted(call: Call, *, played_ms: float, done: bool = False) -> tuple[str, str, list[Event]]:
    """Somebody breaks in when so much of a reply was played; its id, its item's, and the events."""
    answer = call.respond()
    call.produce(answer, TextDelta("Once upon a time"), *(AudioDelta(pcm(250, 250 * n), m) for n, m in MARKS))
    if done:
        call.produce(answer, ResponseEnd())
    call.play(played_ms)
    item = call.last_item
    return answer, item, call.talk(40)


MARKS = [(0, 4), (1, 9), (2, 11), (3, 16)]


def test_speech_interrupts_what_is_made_and_played() -> None:
    call = Call()
    answer, item, events = interrupted(call, played_ms=600)
    assert types(events) == ["input_audio_buffer.speech_started", CLEARED, TRUNCATED, *CLOSING]
    assert events[1:3] == [
        event(CLEARED, response_id=answer),
        event(TRUNCATED, item_id=item, content_index=0, audio_end_ms=600),
    ]
    done = events[-2]["response"]
    assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert done["output"][0]["content"][0]["transcript"] == "Once upon a time"
    assert heard(call, item) == "Once upon"
    assert call.play(100) == []
    assert call.played == pcm(600)


def test_speech_interrupts_what_is_only_played() -> None:
    call = Call()
    answer, item, events = interrupted(call, played_ms=260, done=True)
    assert events[1:] == [
        event(CLEARED, response_id=answer),
        event(TRUNCATED, item_id=item, content_index=0, audio_end_ms=260),
    ]
    assert heard(call, item) == "Once"
    assert call.play(100) == []


def test_speech_after_the_end_interrupts_nothing() -> None:
    call = Call()
    _, item, events = interrupted(call, played_ms=1020, done=True)
    assert types(events) == ["input_audio_buffer.speech_started"]
    assert heard(call, item) == "Once upon a time"


def test_words_that_are_ahead_of_their_speech_were_not_heard() -> None:
    call = Call()
    answer = call.respond()
    call.produce(answer, TextDelta("Once upon a time"), AudioDelta(pcm(100), 4))
    call.play(200)
    item = call.last_item
    assert types(call.talk(40))[1:3] == [CLEARED, TRUNCATED]
    assert heard(call, item) == "Once"


def test_a_reply_of_which_nothing_is_spoken_yet_was_not_heard() -> None:
    call = Call()
    call.produce(call.respond(), TextDelta("Once upon a time"))
    item = call.last_item
    events = call.talk(40)
    assert types(events) == ["input_audio_buffer.speech_started", TRUNCATED, *CLOSING]
    assert events[1] == event(TRUNCATED, item_id=item, content_index=0, audio_end_ms=0)
    assert heard(call, item) == ""


def test_a_client_that_wants_silence() -> None:
    """The stop button: cancel, then clear."""
    call = Call(input=HAND)
    answer = call.respond()
    call.produce(answer, TextDelta("Once upon a time"), AudioDelta(pcm(1000), 16))
    item = call.last_item
    call.play(100)
    assert types(call.cancel()) == CLOSING
    assert call.play(100) == []
    assert call.played == pcm(200)  # neither event stops the playback
    assert call.clear() == [
        event(CLEARED, response_id=answer),
        event(TRUNCATED, item_id=item, content_index=0, audio_end_ms=200),
    ]
    assert call.clear() == []
    assert call.play(100) == []
    assert heard(call, item) == ""


def test_audio_is_not_appended() -> None:
    call = Call(input=HAND)
    message = "Audio cannot be appended here: the session hears the audio track of the call. Send it there."
    refused = call.client("input_audio_buffer.append", audio="AAAA", event_id="e1")
    assert refused == [error("invalid_value", message, "type", event_id="e1")]


def test_push_to_talk() -> None:
    """9.4: pressed, `clear`; let go, `commit`. What nobody wants to say costs no transcription."""
    call = Call(input=HAND)
    call.append(pcm(500))
    assert call.effects == []
    assert types(call.client("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    call.append(pcm(300, 500))
    assert [type(effect) for effect in call.effects] == [OpenTranscription, FeedTranscription]
    committed = call.commit()
    assert types(committed)[:3] == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    item = call.last_item
    call.transcribe(item, "Hello")
    call.respond()
    assert [said["content"][0]["transcript"] for said in call.prompt] == ["Hello"]
    (part,) = call.retrieve(item)["content"]
    assert part["audio"] == base64_of(pcm(300, 500))
    call.append(pcm(500))
    assert call.effects == []


def test_a_commit_without_a_clear() -> None:
    """All is heard since the last one, two minutes at most."""
    call = Call(input=HAND)
    call.append(pcm(700))
    committed = call.commit()
    assert types(committed)[0] == "input_audio_buffer.committed"
    assert [type(effect) for effect in call.others()] == [
        OpenTranscription,
        FeedTranscription,
        FinishTranscription,
    ]
    for _ in range(10):
        call.append(pcm(20_000))
    assert call.session._listening.n_bytes < 135_000 * 48
    call.commit()
    (part,) = call.retrieve(call.last_item)["content"]
    assert 120_000 * 48 <= len(base64.b64decode(part["audio"])) < 135_000 * 48


def test_live_words_by_hand() -> None:
    call = Call(input={**HAND, "transcription": Transcription(model="gpt-realtime-whisper")})
    call.append(pcm(100))
    assert [type(effect) for effect in call.effects] == [OpenTranscription, FeedTranscription]


def test_a_buffer_that_is_full_says_so_once() -> None:
    call = Call(input=HAND, options={"max_buffer_ms": 1000})
    call.client("input_audio_buffer.clear")
    told = [call.append(pcm(500, 500 * n)) for n in range(6)]
    full = "The input audio buffer is full: it holds at most 1 seconds. Commit or clear it first."
    assert told == [[], [], [], [error("invalid_value", full, "audio")], [], []]
    assert types(call.commit())[0] == "input_audio_buffer.committed"
    assert len(call.append(pcm(100))) == 0


# One response after the other.


def test_the_next_response_waits_for_the_end_of_the_last() -> None:
    call = Call(input=HAND)
    first = call.respond()
    call.produce(first, TextDelta("One"), AudioDelta(pcm(50), 3), ResponseEnd())
    second = call.respond()
    events = call.produce(second, TextDelta("Two"), AudioDelta(pcm(50, 50), 3), ResponseEnd())
    assert STARTED not in types(events)
    assert call.play(60) == []
    assert call.play(20) == [event(STOPPED, response_id=first), event(STARTED, response_id=second)]
    assert call.play(60) == [event(STOPPED, response_id=second)]
    assert call.played == pcm(100)


def test_speech_interrupts_what_waits_too() -> None:
    call = Call(input={"turn_detection": ServerVad(create_response=False)})
    first = call.respond()
    call.produce(first, TextDelta("One"), AudioDelta(pcm(500), 3), ResponseEnd())
    one = call.last_item
    second = call.respond()
    call.produce(second, TextDelta("Two"), AudioDelta(pcm(500), 3))
    two = call.last_item
    call.play(100)
    events = call.talk(40)
    assert events[1:4] == [
        event(CLEARED, response_id=first),
        event(TRUNCATED, item_id=one, content_index=0, audio_end_ms=100),
        event(TRUNCATED, item_id=two, content_index=0, audio_end_ms=0),
    ]
    assert types(events[4:]) == CLOSING
    assert (heard(call, one), heard(call, two)) == ("", "")


def test_items_of_one_response_are_cut_one_by_one() -> None:
    call = Call()
    answer = call.respond()
    call.produce(answer, TextDelta("One"), AudioDelta(pcm(100), 3), MessageEnd())
    one = call.last_item
    call.produce(
        answer, TextDelta("Two three"), AudioDelta(pcm(100), 3), AudioDelta(pcm(100), 9), MessageEnd()
    )
    two = call.last_item
    call.produce(answer, TextDelta("Four"), AudioDelta(pcm(100), 4), ResponseEnd())
    three = call.last_item
    call.play(220)
    assert call.talk(40)[1:] == [
        event(CLEARED, response_id=answer),
        event(TRUNCATED, item_id=two, content_index=0, audio_end_ms=120),
        event(TRUNCATED, item_id=three, content_index=0, audio_end_ms=0),
    ]
    assert [heard(call, item) for item in (one, two, three)] == ["One", "Two", ""]


def test_what_is_said_beside_the_conversation_is_played_and_not_interrupted() -> None:
    call = Call()
    beside = call.respond(conversation="none")
    call.produce(beside, TextDelta("Please hold."), AudioDelta(pcm(100), 12), ResponseEnd())
    answer = call.respond()
    call.produce(answer, TextDelta("One"), AudioDelta(pcm(100), 3))
    item = call.last_item
    call.play(40)
    events = call.talk(40)
    assert types(events) == ["input_audio_buffer.speech_started", TRUNCATED, *CLOSING]
    assert events[1] == event(TRUNCATED, item_id=item, content_index=0, audio_end_ms=0)
    assert call.play(80) == [event(STOPPED, response_id=beside)]
    assert call.played == pcm(100)
    loud = call.respond(conversation="none")
    call.produce(loud, AudioDelta(pcm(100), 0), ResponseEnd())
    assert call.clear() == [event(CLEARED, response_id=loud)]  # there is no item that could be truncated


# Silence while the response goes on.


def test_a_response_that_was_silenced_is_not_heard_again() -> None:
    call = Call(input=HAND)
    answer = call.respond()
    call.produce(answer, TextDelta("One two"), AudioDelta(pcm(100), 3))
    one = call.last_item
    call.play(40)
    assert types(call.clear()) == [CLEARED, TRUNCATED]
    assert call.produce(answer, AudioDelta(pcm(100), 7)) == []
    assert types(call.produce(answer, MessageEnd())) == CLOSING[:-2]
    events = call.produce(answer, TextDelta("Three"), AudioDelta(pcm(100), 5), AudioDelta(pcm(100), 5))
    two = call.last_item
    assert types(events) == [*OPENING, "response.output_audio_transcript.delta", TRUNCATED]
    assert events[-1] == event(TRUNCATED, item_id=two, content_index=0, audio_end_ms=0)
    assert types(call.produce(answer, ResponseEnd())) == CLOSING
    assert call.play(100) == []
    assert call.played == pcm(40)
    assert (heard(call, one), heard(call, two)) == ("", "")
    again = call.respond()
    assert STARTED in types(call.produce(again, AudioDelta(pcm(100), 0)))


def test_the_client_truncates_what_is_played() -> None:
    """The sound goes on, and what was cut stays cut."""
    call = Call()
    answer = call.respond()
    call.produce(answer, TextDelta("One two"), AudioDelta(pcm(500), 3), AudioDelta(pcm(500, 500), 7))
    item = call.last_item
    call.play(100)
    call.client("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=500)
    assert call.play(500) == []
    events = call.talk(40)
    assert types(events) == ["input_audio_buffer.speech_started", CLEARED, *CLOSING]
    assert heard(call, item) == "One"
    assert call.played == pcm(600)


def test_the_client_deletes_what_is_played() -> None:
    call = Call()
    call.produce(call.respond(), TextDelta("One"), AudioDelta(pcm(500), 3), ResponseEnd())
    call.client("conversation.item.delete", item_id=call.last_item)
    assert call.play(100) == []
    assert types(call.talk(40)) == ["input_audio_buffer.speech_started", CLEARED]


def test_who_must_not_interrupt() -> None:
    call = Call(input={"turn_detection": ServerVad(interrupt_response=False, create_response=False)})
    answer = call.respond()
    call.produce(answer, TextDelta("One"), AudioDelta(pcm(500), 3), ResponseEnd())
    assert types(call.talk(40)) == ["input_audio_buffer.speech_started"]
    assert call.play(520) == [event(STOPPED, response_id=answer)]


def test_a_reply_goes_on_for_a_backchannel_until_it_was_played() -> None:
    call = Call(input={"turn_detection": SemanticVad()})
    answer = call.respond()
    call.produce(answer, TextDelta("One two"), AudioDelta(pcm(500), 7), ResponseEnd())
    call.now += 60  # however long the transport takes to play it
    call.play(100)
    started, *_ = call.talk(200)
    assert call.understand(started["item_id"], "okay") == []
    assert call.play(100) == []
    assert types(call.understand(started["item_id"], "okay but wait")) == [CLEARED, TRUNCATED]


def test_a_reply_that_was_played_is_over_for_a_backchannel() -> None:
    call = Call(input={"turn_detection": SemanticVad(eagerness="high")})
    call.produce(call.respond(), TextDelta("One two"), AudioDelta(pcm(5000), 7), ResponseEnd())
    assert types(call.clear()) == [CLEARED, TRUNCATED]
    call.talk(200)
    assert "response.created" in types(call.talk(2100, 0.0))


def test_nobody_is_idle_while_something_plays() -> None:
    """3.12: the time counts from the end of the playback, however late that is."""
    call = Call(input={"turn_detection": ServerVad(idle_timeout_ms=5000)})
    call.talk(100, 0.0)
    call.produce(call.respond(), TextDelta("One"), AudioDelta(pcm(200), 3), ResponseEnd())
    call.tick(30)
    call.talk(1000, 0.0)
    assert STOPPED in types(call.play(220))
    assert call.did(WakeAt) == [WakeAt(pytest.approx(call.now - 0.02 + 5))]
    call.talk(2000, 0.0)
    assert call.tick(4.9) == []
    timeout, *_ = call.tick(0.1)
    assert timeout["type"] == "input_audio_buffer.timeout_triggered"
    assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (1100, 3100)


def test_time_counts_from_a_text_at_once() -> None:
    call = Call(input={"turn_detection": ServerVad(idle_timeout_ms=5000)}, output_modalities=["text"])
    call.talk(100, 0.0)
    call.produce(call.respond(), TextDelta("One"), ResponseEnd())
    call.tick(0)
    call.talk(100, 0.0)
    assert types(call.tick(5))[0] == "input_audio_buffer.timeout_triggered"


def test_the_format_is_the_transports() -> None:
    output = {"format": AudioPCMU()}
    call = Call(input={**HAND, "format": AudioPCMU()}, output=output)
    created, *_ = call.client("response.create")
    assert created["response"]["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert call.greeting[0]["session"]["audio"]["output"]["format"] == {"type": "audio/pcmu"}
    assert call.request.output_format == AudioPCM()


def test_the_end_is_the_end() -> None:
    call = Call(input=HAND, options={"max_seconds": 60})
    call.produce(call.respond(), TextDelta("One"), AudioDelta(pcm(500), 3))
    call.play(100)
    assert types(call.tick(60)) == [*CLOSING, "error"]
    assert not call.session.playing
    assert call.play(100) == []
    assert call.append(pcm(100)) == []
    assert call.played == pcm(100)


def test_a_session_whose_transport_does_not_play() -> None:
    driver = Driver(input=HAND)
    driver.produce(driver.respond(), AudioDelta(pcm(100), 0), ResponseEnd())
    assert not driver.session.playing
    assert driver.session.play(driver.now) == b""
    (refused,) = driver.client("output_audio_buffer.clear")
    assert (refused["error"]["code"], refused["error"]["param"]) == ("invalid_value", "type")


def test_what_a_call_takes_is_told() -> None:
    call = Call(input=HAND)
    (refused,) = call.client("session.close")
    assert "'output_audio_buffer.clear'" in refused["error"]["message"]
    assert "'input_audio_buffer.append'" not in refused["error"]["message"]


def test_a_session_that_only_transcribes() -> None:
    call = Call(kind="transcription", input={"transcription": Transcription(model="whisper-1")})
    call.talk(300)
    *_, done = call.talk(700, 0.0)
    assert done["type"] == "conversation.item.done"
    assert types(call.transcribe(done["item"]["id"], "Hello"))[-1].endswith(".completed")
    assert call.clear() == []


def test_minutes_of_speech_are_handed_out_at_a_steady_price() -> None:
    """Each piece of a long answer is looked at once, whatever its length."""
    speech, track = Speech(), Track()
    speech.put(track, bytes(48_000 * 600))
    assert sum(len(speech.take(FRAME_BYTES)) for _ in range(30_000)) == 48_000 * 600
    assert (speech.n_bytes, speech.take(FRAME_BYTES)) == (0, b"")
