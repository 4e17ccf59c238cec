"""Speech that the transport plays in real time: when it is told, and what of it was heard (section 9.2 of the
reference)."""

from typing import Any

from tests.session.driver import NOISE, Driver, Event, base64_of, pcm, types
from tests.session.expected import error, event
from vivavoce.protocol import GA_MEDIA, AudioDelta, MessageEnd, ResponseEnd, TextDelta, decode_client_event
from vivavoce.session import SessionOptions

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

    def __init__(self, **options: Any) -> None:
        options, session = options.pop("options", {}), options
        super().__init__(options=SessionOptions(debug=True, plays=True, **options), **session)
        self.played = b""

    def play(self, milliseconds: float) -> list[Event]:
        """What is said while so much is asked for."""
        events = []
        for _ in range(round(milliseconds / 20)):
            audio = self.session.play(self.now)
            assert len(audio) <= 960
            self.played += audio
            self.now += 0.02
            events += self.drain()
        return events

    def append(self, audio: bytes) -> list[Event]:
        """The speaker is heard beside the events."""
        self.session.heard(audio, self.now)
        return self.drain()

    def frame(self, text: str) -> list[Event]:
        self.session.receive(decode_client_event(text, GA_MEDIA), self.now)
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
    call = Call(input=HAND)
    call.append(pcm(500))
    assert types(call.client("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    call.append(pcm(300, 500))
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
