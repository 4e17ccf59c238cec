"""Translation sessions, event by event (section 2.13)."""

import json

import msgspec
import pytest

from tests.session.driver import HEAD, NOW, Event, pcm, types
from tests.session.interpreting import Interpreted, sound, texts
from vivavoce.protocol import (
    AudioDelta,
    AudioPCM,
    Error,
    FunctionCallStart,
    MessageEnd,
    ResponseEnd,
    ResponseFailure,
    TextDelta,
    TokenCounts,
    Transcription,
    Usage,
)
from vivavoce.session import (
    AbandonTranscription,
    Cancel,
    Close,
    FeedTranscription,
    FinishTranscription,
    Hear,
    Interpreter,
    OpenTranscription,
    Respond,
    Send,
    SequentialIds,
    SessionOptions,
    WakeAt,
)
from vivavoce.session.interpretation import LANGUAGES, instructions, joint

IN, OUT, SOUND = (
    "session.input_transcript.delta",
    "session.output_transcript.delta",
    "session.output_audio.delta",
)


# Beginning and settings.


def test_hello() -> None:
    session = Interpreted()
    (created,) = session.greeting
    assert created["type"] == "session.created"
    shown = created["session"]
    assert shown["type"] == "translation"
    assert shown["model"] == "gpt-realtime-translate"
    assert shown["audio"] == {
        "input": {"transcription": None, "noise_reduction": None},
        "output": {"language": "en"},
    }


def test_updates() -> None:
    session = Interpreted()
    (updated,) = session.update(output={"language": "es"})
    assert updated["type"] == "session.updated"
    assert updated["session"]["audio"]["output"] == {"language": "es"}
    (updated,) = session.update(input={"transcription": {"model": "whisper-1", "language": "en"}})
    assert updated["session"]["audio"] == {
        "input": {"transcription": {"model": "whisper-1", "language": "en"}, "noise_reduction": None},
        "output": {"language": "es"},
    }
    (updated,) = session.update(input={"transcription": None})
    assert updated["session"]["audio"]["input"]["transcription"] is None


@pytest.mark.parametrize(
    ("patch", "code", "param"),
    [
        ({"model": "other"}, "unknown_parameter", "session.model"),
        ({"type": "realtime"}, "unknown_parameter", "session.type"),
        ({"instructions": "Hi"}, "unknown_parameter", "session.instructions"),
        ({"audio": {"output": {"voice": "ash"}}}, "unknown_parameter", "session.audio.output.voice"),
        (
            {"audio": {"output": {"language": "a b"}}},
            "invalid_value",
            "session.audio.output.language",
        ),
        ({"audio": {"input": {"noise_reduction": {"type": "x"}}}}, "invalid_value", None),
    ],
)
def test_what_cannot_be_changed(patch: Event, code: str, param: str | None) -> None:
    session = Interpreted()
    before = session.session.config
    (refused,) = session.client("session.update", session=patch, event_id="mine")
    assert refused["error"]["code"] == code
    assert refused["error"]["event_id"] == "mine"
    assert param is None or refused["error"]["param"] == param
    assert session.session.config == before


@pytest.mark.parametrize("kind", ["input_audio_buffer.append", "response.create", "nonsense"])
def test_events_of_other_sessions(kind: str) -> None:
    (refused,) = Interpreted().client(kind, audio="AAAA", event_id="e")
    assert refused["error"]["message"] == (
        f"Invalid value: '{kind}'. Supported values are: 'session.update', "
        "'session.input_audio_buffer.append', and 'session.close'."
    )
    assert (refused["error"]["code"], refused["error"]["param"]) == ("invalid_value", "type")
    assert refused["error"]["event_id"] == "e"


def test_no_audio() -> None:
    session = Interpreted()
    (refused,) = session.client("session.input_audio_buffer.append", audio="")
    assert refused["error"]["param"] == "audio"
    (refused,) = session.client("session.input_audio_buffer.append", audio="?")
    assert refused["error"]["param"] == "audio"


# Input.


def test_audio_is_taken_in_frames_of_200_ms() -> None:
    session = Interpreted()
    assert session.append(pcm(150)) == []
    assert session.did(Hear) == []
    session.append(pcm(60, 150))
    (frame,) = session.did(Hear)
    assert (frame.audio, frame.format) == (pcm(200), AudioPCM())
    session.append(pcm(590, 210))
    assert [effect.audio for effect in session.did(Hear)] == [pcm(200, start) for start in (200, 400, 600)]


def test_half_a_sample_waits_for_its_other_half() -> None:
    session = Interpreted()
    audio = pcm(400)
    for start in range(0, len(audio), 333):
        session.append(audio[start : start + 333])
    assert b"".join(effect.audio for effect in session.done(Hear)) == audio


def test_an_utterance_has_its_audio_and_what_came_just_before() -> None:
    session = Interpreted()
    session.talk(800, 0.0)
    session.talk(1600)
    session.talk(800, 0.0)
    (utterance,) = session.utterances
    assert session.finished == [utterance]
    heard = session.fed(utterance)
    start = session.appended.index(heard)
    assert start == (800 - 300) * 48
    # The pause that ended it belongs to it.
    assert len(heard) // 48 == 300 + 1600 + 512


def test_a_long_utterance_ends_at_a_shorter_pause() -> None:
    session = Interpreted()
    session.talk(8000)
    session.talk(200, 0.0)
    assert len(session.finished) == 1


def test_without_any_pause_it_is_cut_and_nothing_is_lost() -> None:
    session = Interpreted()
    session.talk(50_000)
    assert len(session.utterances) == 3
    session.close()
    session.judge(0.0)
    assert len(session.finished) == 3
    assert b"".join(session.fed(each) for each in session.utterances) == session.appended


def test_a_short_pause_ends_nothing() -> None:
    session = Interpreted()
    session.talk(2000)
    session.talk(400, 0.0)
    session.talk(2000)
    assert len(session.utterances) == 1
    assert session.finished == []


def test_too_far_behind() -> None:
    session = Interpreted(max_buffer_ms=5_000)
    session.say(4000)
    session.talk(400, 0.0)
    (refused,) = session.append(pcm(200))
    assert refused["error"]["code"] == "invalid_value"
    assert "5 seconds behind" in refused["error"]["message"]
    (utterance,) = session.utterances
    session.understand(utterance, "")
    assert session.append(pcm(200)) == []


# From words to words.


def test_a_translation() -> None:
    session = Interpreted()
    session.update(output={"language": "es"})
    utterance = session.say(1000)
    assert session.did(FinishTranscription)
    assert session.understand(utterance, "good morning") == []
    (asked,) = session.did(Respond)
    request = asked.request
    assert request.response_id == utterance
    assert request.model == "gpt-realtime-translate"
    assert request.instructions == instructions("es")
    assert "into Spanish (es)" in request.instructions
    assert json.loads(msgspec.json.encode(request.items)) == [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "good morning"}]}
    ]
    assert (request.modality, request.voice, request.language) == ("audio", "alloy", "es")
    assert (request.output_format, request.tools) == (AudioPCM(), ())
    events = session.produce(
        utterance, TextDelta("Buenos "), AudioDelta(pcm(100), 7), TextDelta("días"), AudioDelta(pcm(50), 11)
    )
    assert types(events) == [OUT, SOUND, OUT, SOUND]
    assert texts(events, "output_transcript") == "Buenos días"
    assert sound(events) == pcm(100) + pcm(50)
    first = events[1]
    assert (first["sample_rate"], first["channels"], first["format"]) == (24000, 1, "pcm16")
    # 1000 ms of speech and a pause of 512: eight frames.
    assert {event["elapsed_ms"] for event in events} == {1600}
    assert session.produce(utterance, MessageEnd(), ResponseEnd()) == []
    assert not session.session.busy


def test_what_was_said_before_is_shown_and_forgotten() -> None:
    session = Interpreted()
    for number in range(7):
        utterance = session.say(500)
        session.understand(utterance, f"said {number}")
        session.translate(utterance, f"dicho {number}")
    items = [(item.role, item.content[0].text) for item in session.requests[-1].items]
    expected = []
    for number in (2, 3, 4, 5):
        expected += [("user", f"said {number}"), ("assistant", f"dicho {number}")]
    assert items == [*expected, ("user", "said 6")]


def test_the_next_utterance_is_transcribed_while_the_first_is_spoken_and_waits_its_turn() -> None:
    session = Interpreted()
    one = session.say()
    session.understand(one, "one")
    session.produce(one, TextDelta("uno"))
    two = session.say()
    assert session.finished == [one, two]
    assert session.understand(two, "two") == []
    assert session.did(Respond) == []
    three = session.say()
    events = session.produce(one, AudioDelta(pcm(100), 3), ResponseEnd())
    assert types(events) == [SOUND]
    (asked,) = session.did(Respond)
    assert asked.request.response_id == two
    # Whoever is not understood yet is waited for.
    session.translate(two, "dos")
    assert session.did(Respond) == []
    session.understand(three, "three")
    assert len(session.did(Respond)) == 1


def test_words_that_come_out_of_order_are_translated_in_order() -> None:
    session = Interpreted()
    one, two = session.say(), session.say()
    session.understand(two, "two")
    assert session.did(Respond) == []
    session.understand(one, "one")
    events = session.translate(one, "uno") + session.translate(two, "dos")
    assert texts(events, "output_transcript") == "uno dos"


def test_new_speech_interrupts_nothing() -> None:
    session = Interpreted()
    one = session.say()
    session.understand(one, "one")
    session.produce(one, TextDelta("uno"))
    session.talk(3000)
    assert session.did(Cancel) == []
    assert types(session.produce(one, AudioDelta(pcm(100), 3))) == [SOUND]


def test_silence_and_noise_are_not_translated() -> None:
    session = Interpreted()
    utterance = session.say()
    assert session.understand(utterance, "  ") == []
    assert session.done(Respond) == []
    assert not session.session.busy


def test_calls_and_foreign_parts_are_not_for_the_client() -> None:
    session = Interpreted()
    utterance = session.say()
    session.understand(utterance, "hello")
    assert session.produce(utterance, FunctionCallStart("f"), TextDelta(""), AudioDelta(b"", 0)) == []
    assert session.produce("resp_other", TextDelta("x"), ResponseEnd()) == []
    assert session.session.busy


# The words that were heard.


def test_words_are_told_as_they_become_stable() -> None:
    session = Interpreted(words=True)
    session.talk(1000)
    (utterance,) = session.utterances
    (opened,) = session.done(OpenTranscription)
    assert opened.options == Transcription(model="gpt-realtime-whisper")
    (told,) = session.understand(utterance, "good mourning", 4, final=False)
    assert (told["type"], told["delta"], told["elapsed_ms"]) == (IN, "good", 1000)
    session.talk(800, 0.0)
    (told,) = session.understand(utterance, "good morning")
    assert (told["delta"], told["elapsed_ms"]) == (" morning", 1600)


def test_words_keep_their_order_and_a_blank_between_utterances() -> None:
    session = Interpreted(words=True)
    one, two = session.say(), session.say()
    assert session.understand(two, "Two of them", 3, final=False) == []
    events = session.understand(one, "One")
    assert [event["delta"] for event in events] == ["One", " Two"]
    assert texts(session.understand(two, "Two of them"), "input_transcript") == " of them"


def test_words_behind_a_failure() -> None:
    session = Interpreted(words=True)
    one, two = session.say(), session.say()
    session.understand(two, "two")
    events = session.misunderstand(one)
    assert types(events) == [IN, "error"]


def test_words_are_not_told_unless_wanted() -> None:
    session = Interpreted()
    utterance = session.say()
    assert session.done(OpenTranscription)[0].options is None
    assert session.understand(utterance, "hello", 5, final=False) == []
    assert session.understand(utterance, "hello") == []
    session.update(input={"transcription": {"model": "whisper-1", "language": "de"}})
    session.say()
    assert session.done(OpenTranscription)[1].options == Transcription(model="whisper-1", language="de")


@pytest.mark.parametrize(
    ("text", "between"), [("word", " "), (" word", ""), ("", ""), ("翻訳", ""), ("¿Qué?", " ")]
)
def test_what_stands_between_utterances(text: str, between: str) -> None:
    assert joint(text) == between


def test_every_language_has_a_name_or_a_code() -> None:
    assert "into German (de-AT)" in instructions("de-AT")
    assert "into the language with the code gsw" in instructions("gsw")
    assert all(name in instructions(code) for code, name in LANGUAGES.items())


# Failures.


def test_a_failed_transcription_is_told_in_its_turn() -> None:
    session = Interpreted()
    one, two = session.say(), session.say()
    assert session.misunderstand(two, "Too quiet.") == []
    session.understand(one, "one")
    events = session.translate(one, "uno")
    assert types(events) == [OUT, SOUND, "error"]
    assert events[-1]["error"]["type"] == "transcription_error"
    assert events[-1]["error"]["message"] == "Too quiet."
    assert not session.session.busy


def test_a_transcriber_that_fails_before_the_utterance_is_over() -> None:
    session = Interpreted()
    session.talk(1000)
    (utterance,) = session.utterances
    assert session.misunderstand(utterance, "No.") == []
    session.talk(400)
    assert session.did(FeedTranscription) == []
    assert types(session.talk(800, 0.0)) == ["error"]
    assert session.finished == []


def test_a_failed_translation_costs_its_utterance_alone() -> None:
    session = Interpreted()
    one, two = session.say(), session.say()
    session.understand(one, "one")
    session.understand(two, "two")
    failure = ResponseFailure("server_error", "endpoint_down", "It is down.")
    (told,) = session.produce(one, failure)
    assert told["error"]["code"] == "endpoint_down"
    assert session.produce(one, TextDelta("late")) == []
    assert texts(session.translate(two, "dos"), "output_transcript") == "dos"
    assert len(session.requests[-1].items) == 1


def test_a_translation_that_is_cut() -> None:
    session = Interpreted()
    utterance = session.say()
    session.understand(utterance, "one")
    events = session.produce(utterance, TextDelta("un"), ResponseEnd("max_output_tokens"))
    assert types(events) == [OUT, "error"]
    assert "cut short" in events[-1]["error"]["message"]


@pytest.mark.parametrize("part", [TextDelta("x" * 500), AudioDelta(b"\0\0" * 24_000, 0)])
def test_a_responder_that_never_ends(part: TextDelta | AudioDelta) -> None:
    session = Interpreted(max_response_tokens=100)
    one, two = session.say(), session.say()
    session.understand(one, "one")
    session.understand(two, "two")
    events = session.produce(one, *[part] * 20)
    assert types(events)[-1] == "error"
    assert session.did(Cancel) == [Cancel(one)]
    assert session.did(Respond)[0].request.response_id == two


def test_a_key_that_may_no_more() -> None:
    reads: list[int] = []

    def admit(tokens: int, now: float) -> Error | None:
        reads.append(tokens)
        error = Error(type="tokens", code="rate_limit_exceeded", message="No more.")
        return error if len(reads) > 1 else None

    session = Interpreted(admit=admit)
    one, two = session.say(), session.say()
    session.understand(one, "one")
    session.understand(two, "two")
    events = session.translate(one, "uno")
    assert events[-1]["error"]["code"] == "rate_limit_exceeded"
    assert not session.session.busy
    assert reads[1] > reads[0] > 100


def test_what_it_costs() -> None:
    used: list[Usage] = []
    session = Interpreted(meter=lambda usage, now: used.append(usage) or ())
    one, two = session.say(), session.say()
    session.understand(one, "one")
    session.translate(one, "uno dos")
    assert used[0].output_token_details.text_tokens == 2
    assert used[0].output_token_details.audio_tokens == 2
    session.understand(two, "two")
    session.produce(two, ResponseEnd(tokens=TokenCounts(input_text=77, output_text=5)))
    assert (used[1].input_tokens, used[1].output_tokens) == (77, 5)


# The end.


def test_close_without_a_word() -> None:
    session = Interpreted()
    assert types(session.close()) == ["session.closed"]
    assert session.effects[-1] == Close(1000, "")
    assert session.session.closed
    assert session.append(pcm(200)) == []


def test_close_finishes_what_is_being_said() -> None:
    session = Interpreted(words=True)
    session.talk(1000)
    session.append(pcm(150, 1000))
    assert session.close() == []
    (rest,) = session.did(Hear)
    assert rest.audio.startswith(pcm(150, 1000))
    assert not any(rest.audio[150 * 48 :])
    assert session.judge(1.0) == []
    (utterance,) = session.finished
    assert session.fed(utterance) == session.appended
    assert types(session.understand(utterance, "hello")) == [IN]
    events = session.translate(utterance, "hola")
    assert types(events) == [OUT, SOUND, "session.closed"]
    assert session.effects[-1] == Close(1000, "")


def test_close_hears_what_begins_with_the_last_of_the_input() -> None:
    session = Interpreted()
    session.append(pcm(190))
    session.close()
    session.hear(0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0)
    (utterance,) = session.finished
    assert session.fed(utterance) == pcm(190)
    assert session.understand(utterance, "") != []
    assert session.session.closed


def test_close_after_silence() -> None:
    session = Interpreted()
    session.talk(1000, 0.0)
    session.close()
    assert types(session.judge(0.0)) == ["session.closed"]


def test_close_waits_for_all_that_is_under_way() -> None:
    session = Interpreted()
    one, two = session.say(), session.say()
    session.understand(one, "one")
    session.produce(one, TextDelta("uno"))
    session.close()
    assert session.judge(0.0) == []
    session.understand(two, "two")
    assert session.produce(one, ResponseEnd()) == []
    assert types(session.translate(two, "dos")) == [OUT, SOUND, "session.closed"]


def test_nothing_can_be_sent_after_close() -> None:
    session = Interpreted()
    session.say()
    session.close()
    for refused in (session.append(pcm(200)), session.close(), session.update(output={"language": "de"})):
        assert [event["error"]["param"] for event in refused] == ["type"]
        assert "closing" in refused[0]["error"]["message"]
    assert session.session.config.audio.output.language == "en"


def test_expiry() -> None:
    session = Interpreted(max_seconds=60)
    assert session.done(WakeAt) == [WakeAt(session.now + 60)]
    one = session.say()
    session.talk(400)
    session.understand(one, "one")
    assert session.tick(59) == []
    (expired,) = session.tick(1)
    assert expired["error"]["code"] == "session_expired"
    assert expired["error"]["message"] == "Your session hit the maximum duration of 1 minutes."
    assert session.did(Cancel, AbandonTranscription, Close) == [
        Cancel(one),
        AbandonTranscription(session.utterances[1]),
        Close(1001, "invalid_request_error.session_expired"),
    ]
    assert session.produce(one, TextDelta("late")) == []
    assert session.tick(1) == []


def test_no_expiry() -> None:
    session = Interpreted(max_seconds=0)
    assert session.done(WakeAt) == []
    assert session.tick(1e9) == []


def test_a_peer_that_is_gone() -> None:
    session = Interpreted()
    one, two = session.say(), session.say()
    session.understand(one, "one")
    session.talk(400)
    session.session.end(session.now)
    assert session.drain() == []
    assert session.effects == [
        Cancel(one),
        AbandonTranscription(two),
        AbandonTranscription(session.utterances[2]),
    ]
    session.session.end(session.now)
    assert session.understand(two, "two") == []
    assert session.hear(1.0) == []
    assert session.effects == []


def test_a_session_that_never_began() -> None:
    config = Interpreted().session.config
    session = Interpreter(config, ids=SequentialIds(HEAD), options=SessionOptions())
    session.end(NOW)
    assert session.closed
    assert session.effects() == []


def test_every_event_has_an_id_of_its_own() -> None:
    session = Interpreted(words=True)
    utterance = session.say()
    session.understand(utterance, "one")
    session.translate(utterance, "uno")
    session.close()
    session.judge(0.0)
    ids = [effect.event.event_id for effect in session.done(Send)]
    assert len(set(ids)) == len(ids) == 5
    assert all(each.startswith("event_") for each in ids)


# Where the transport plays.


def test_a_translation_is_played() -> None:
    session = Interpreted(plays=True)
    assert (session.session.playing, session.play()) == (False, (b"", []))
    utterance = session.say()
    session.understand(utterance, "Guten Tag")
    events = session.produce(utterance, TextDelta("Good day"), AudioDelta(pcm(50), 8))
    assert types(events) == [OUT]
    assert session.play() == (pcm(20), [])
    assert session.play() == (pcm(20, 20), [])
    assert session.play() == (b"", [])  # what is no whole frame waits for the rest of it
    assert session.session.playing
    session.produce(utterance, ResponseEnd())
    assert session.play() == (pcm(10, 40), [])
    assert not session.session.playing


def test_a_session_ends_when_the_last_word_was_heard() -> None:
    session = Interpreted(plays=True)
    utterance = session.say()
    session.close()
    session.judge(0.0)
    session.understand(utterance, "Guten Tag")
    assert types(session.produce(utterance, AudioDelta(pcm(40), 0), ResponseEnd())) == []
    assert session.play() == (pcm(20), [])
    audio, events = session.play()
    assert (audio, types(events)) == (pcm(20, 20), ["session.closed"])
    assert session.did(Close) == [Close(1000, "")]
    assert session.play() == (b"", [])


def test_a_session_that_is_over_plays_nothing() -> None:
    session = Interpreted(plays=True, max_seconds=60)
    utterance = session.say()
    session.understand(utterance, "Guten Tag")
    session.produce(utterance, AudioDelta(pcm(400), 0))
    assert types(session.tick(60)) == ["error"]
    assert session.play() == (b"", [])
    assert session.append(pcm(1000)) == []
    assert session.effects == []


def test_audio_of_a_call_is_not_appended() -> None:
    session = Interpreted(plays=True)
    (refused,) = session.client("session.input_audio_buffer.append", audio="AAAA")
    assert (refused["error"]["code"], refused["error"]["param"]) == ("invalid_value", "type")


def test_a_call_whose_translation_is_behind_is_told_once() -> None:
    session = Interpreted(plays=True, max_buffer_ms=1000)
    utterance = session.say(600)
    told = [session.append(pcm(200)) for _ in range(5)]
    assert types([event for events in told for event in events]) == ["error"]
    session.understand(utterance, "")
    assert session.append(pcm(200)) == []
