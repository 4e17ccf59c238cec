"""Conversations of a page that does without any package, as OpenAI's guide to WebRTC has it."""

from tests.serving import Server
from tests.stock.browser.talk import (
    HEARING,
    MANUAL,
    NOTEBOOK,
    SESSION,
    UNANSWERED,
    Sentence,
    Talk,
    answered,
    assert_heard_and_answered,
    assert_interrupted,
    assert_notes_are_taken,
    secret,
)
from tests.stock.story import ASK, STORY

PROGRAM = "guide"


def test_the_session_beside_the_offer(talk: Talk, server: Server, calls: str, said: Sentence) -> None:
    told = talk.begin(url=calls, way="unified", key=server.key, session=SESSION)
    assert told["status"] == 201
    assert told["location"].startswith("/v1/realtime/calls/rtc_")
    assert_heard_and_answered(talk, said)
    assert talk.events[0]["type"] == "session.created"
    assert talk.events[0]["session"]["audio"]["input"]["transcription"]["model"] == "gpt-4o-mini-transcribe"


def test_an_interruption_with_a_client_secret(talk: Talk, server: Server, calls: str) -> None:
    talk.page.evaluate("microphone.install()")
    key = secret(server, UNANSWERED)
    assert talk.begin(url=calls, way="ephemeral", key=key)["status"] == 201
    asked_at = talk.now
    talk.type(ASK)
    talk.until("output_audio_buffer.started")
    talk.hears()
    talk.say("other.wav")
    assert_interrupted(talk, asked_at, STORY)
    assert talk.until("input_audio_buffer.speech_started")


def test_the_button_that_stops_it(talk: Talk, server: Server, calls: str) -> None:
    talk.page.evaluate("microphone.install()")
    talk.begin(url=calls, way="ephemeral", key=secret(server))
    asked_at = talk.now
    talk.type(ASK)
    talk.until("output_audio_buffer.started")
    talk.hears()
    talk.send("output_audio_buffer.clear")
    assert_interrupted(talk, asked_at, STORY)


def test_push_to_talk(talk: Talk, server: Server, calls: str, said: Sentence) -> None:
    talk.page.evaluate("microphone.install()")
    talk.begin(url=calls, way="ephemeral", key=secret(server, MANUAL))
    talk.say("other.wav")  # while nobody presses the button
    talk.send("input_audio_buffer.clear")
    talk.until("input_audio_buffer.cleared")
    talk.say("asked.wav")
    talk.send("input_audio_buffer.commit")
    talk.send("response.create")
    committed = talk.until("input_audio_buffer.committed")
    transcribed = talk.until("conversation.item.input_audio_transcription.completed")
    assert transcribed["item_id"] == committed["item_id"]
    assert said.understood(transcribed["transcript"])
    assert said.understood(answered(talk))
    assert not talk.of("input_audio_buffer.speech_started")
    assert len(talk.of("input_audio_buffer.committed")) == 1


def test_a_tool(talk: Talk, server: Server, calls: str) -> None:
    talk.page.evaluate("microphone.install()")
    talk.begin(url=calls, way="ephemeral", key=secret(server, NOTEBOOK))
    assert_notes_are_taken(talk)


def test_transcription_alone(talk: Talk, server: Server, calls: str, said: Sentence) -> None:
    key = secret(server, {"type": "transcription", "audio": {"input": HEARING}})
    talk.begin(url=calls, way="ephemeral", key=key)
    transcribed = talk.until("conversation.item.input_audio_transcription.completed")
    assert said.understood(transcribed["transcript"])
    assert talk.events[0]["session"]["type"] == "transcription"
    assert not talk.of("response.created")
    talk.hears_nothing(500)
