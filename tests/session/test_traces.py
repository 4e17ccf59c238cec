"""Turns as in sections 3.1 to 3.3, 3.8 and 3.12 of the reference: every event, and every key of it."""

from tests.session.driver import NOW, Driver, Event, base64_of, pcm
from tests.session.expected import SERVER_VAD, Id, event, message, response, session, usage, utterance
from vivavoce.protocol import AudioDelta, ResponseEnd, TextDelta
from vivavoce.session import (
    FeedTranscription,
    FinishTranscription,
    Hear,
    OpenTranscription,
    ResetDetector,
    Respond,
    Send,
    SessionOptions,
    WakeAt,
)


def test_the_session_opens_with_all_of_its_configuration() -> None:
    driver = Driver()
    assert driver.greeting == [event("session.created", session=session())]
    assert driver.others() == [ResetDetector(), WakeAt(NOW + 3600)]


def test_text_turn() -> None:
    """3.1"""
    driver = Driver()
    assert driver.update(output_modalities=["text"]) == [
        event("session.updated", session=session(output_modalities=["text"]))
    ]

    user, assistant, answer = Id("item"), Id("item"), Id("resp")
    content = {"type": "input_text", "text": "Say hi in three words"}
    said = message(user, "user", content)
    assert driver.create({"type": "message", "role": "user", "content": [content]}) == [
        event("conversation.item.added", previous_item_id=None, item=said),
        event("conversation.item.done", previous_item_id=None, item=said),
    ]
    assert driver.others() == []

    assert driver.client("response.create") == [
        event("response.created", response=response(answer, output_modalities=["text"]))
    ]
    assert driver.did(Respond) == driver.others()
    assert driver.request.response_id == answer.value

    begun = message(assistant, "assistant", status="in_progress")
    place = {"response_id": answer, "item_id": assistant, "output_index": 0, "content_index": 0}
    assert driver.produce(str(answer), TextDelta("Hi there"), TextDelta(", friend!")) == [
        event("response.output_item.added", response_id=answer, output_index=0, item=begun),
        event("conversation.item.added", previous_item_id=user, item=begun),
        event("response.content_part.added", **place, part={"type": "text", "text": ""}),
        event("response.output_text.delta", **place, delta="Hi there"),
        event("response.output_text.delta", **place, delta=", friend!"),
    ]

    text = "Hi there, friend!"
    done = message(assistant, "assistant", {"type": "output_text", "text": text})
    assert driver.produce(str(answer), ResponseEnd()) == [
        event("response.output_text.done", **place, text=text),
        event("response.content_part.done", **place, part={"type": "text", "text": text}),
        event("conversation.item.done", previous_item_id=user, item=done),
        event("response.output_item.done", response_id=answer, output_index=0, item=done),
        event(
            "response.done",
            response=response(
                answer,
                "completed",
                output_modalities=["text"],
                output=[done],
                # 21 characters are 6 tokens, and 2 come with the item; 17 are 5.
                usage=usage((8, 0), (5, 0)),
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
    ]
    assert driver.others() == []


def test_audio_turn_with_server_vad() -> None:
    """3.2, transcribed on demand, by a responder that needs the words"""
    driver = Driver()
    assert driver.update(audio={"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}}) == [
        event(
            "session.updated",
            session=session(
                transcription={"model": "gpt-4o-mini-transcribe", "language": None, "prompt": None}
            ),
        )
    ]
    options = driver.session.config.audio.input.transcription

    # Half a second of silence, then speech from 512 ms to 1024 ms, then silence.
    assert driver.append(pcm(512)) == []
    assert driver.others() == [Hear(pcm(512), driver.session.config.audio.input.format)]
    assert driver.hear(*[0.0] * 16) == []

    user, assistant, answer = Id("item"), Id("item"), Id("resp")
    driver.append(pcm(512, 512))
    assert driver.hear(*[1.0] * 16) == [
        event("input_audio_buffer.speech_started", audio_start_ms=212, item_id=user)
    ]
    format = driver.session.config.audio.input.format
    assert driver.others() == [
        OpenTranscription(str(user), options),
        FeedTranscription(str(user), pcm(1024 - 212, 212), format),
    ]

    driver.append(pcm(256, 1024))
    said = utterance(user)
    assert driver.hear(*[0.0] * 7) == [
        event("input_audio_buffer.speech_stopped", audio_end_ms=1248, item_id=user),
        event("input_audio_buffer.committed", previous_item_id=None, item_id=user),
        event("conversation.item.added", previous_item_id=None, item=said),
        event("conversation.item.done", previous_item_id=None, item=said),
        event("response.created", response=response(answer)),
    ]
    # The words are due before the responder can begin.
    assert driver.others() == [
        FeedTranscription(str(user), pcm(224, 1024), format),
        FinishTranscription(str(user)),
    ]

    place: Event = {"item_id": user, "content_index": 0}
    assert driver.transcribe(str(user), "What time is it?") == [
        event("conversation.item.input_audio_transcription.delta", **place, delta="What time is it?"),
        event(
            "conversation.item.input_audio_transcription.completed",
            **place,
            transcript="What time is it?",
            usage={
                "type": "tokens",
                "total_tokens": 15,
                "input_tokens": 11,
                "input_token_details": {"text_tokens": 0, "audio_tokens": 11},
                "output_tokens": 4,
            },
        ),
    ]
    assert driver.did(Respond) == driver.others()
    assert driver.prompt == [utterance(user, "What time is it?")]

    begun = message(assistant, "assistant", status="in_progress")
    place = {"response_id": answer, "item_id": assistant, "output_index": 0, "content_index": 0}
    first, second = pcm(100), pcm(60, 100)
    parts = (TextDelta("The time"), AudioDelta(first, 8), TextDelta(" is noon."), AudioDelta(second, 17))
    assert driver.produce(str(answer), *parts) == [
        event("response.output_item.added", response_id=answer, output_index=0, item=begun),
        event("conversation.item.added", previous_item_id=user, item=begun),
        event("response.content_part.added", **place, part={"type": "audio", "transcript": ""}),
        event("response.output_audio_transcript.delta", **place, delta="The time"),
        event("response.output_audio.delta", **place, delta=base64_of(first)),
        event("response.output_audio_transcript.delta", **place, delta=" is noon."),
        event("response.output_audio.delta", **place, delta=base64_of(second)),
    ]
    transcript = "The time is noon."
    done = message(assistant, "assistant", {"type": "output_audio", "transcript": transcript})
    assert driver.produce(str(answer), ResponseEnd()) == [
        event("response.output_audio.done", **place),
        event("response.output_audio_transcript.done", **place, transcript=transcript),
        event("response.content_part.done", **place, part={"type": "audio", "transcript": transcript}),
        event("conversation.item.done", previous_item_id=user, item=done),
        event("response.output_item.done", response_id=answer, output_index=0, item=done),
        event(
            "response.done",
            response=response(
                answer,
                "completed",
                output=[done],
                # 1036 ms of the user are 11 tokens, 160 ms of the assistant 4, 17 characters 5.
                usage=usage((2, 11), (5, 4)),
            ),
        ),
        event("rate_limits.updated", rate_limits=[]),
    ]


def test_the_next_user_item_follows_the_assistants() -> None:
    driver = Driver()
    driver.talk(500)
    *_, created = driver.talk(300, 0.0)
    answer = created["response"]["id"]
    driver.transcribe(next(iter(driver.session._core.conversation)).id, "Hello?")
    _, added, *_ = driver.produce(answer, TextDelta("Hello."), AudioDelta(pcm(50), 6), ResponseEnd())
    assert added["type"] == "conversation.item.added"
    started, *_ = driver.talk(300)
    stopped, committed, item_added, *_ = driver.talk(300, 0.0)
    user = started["item_id"]
    assert [e["item_id"] for e in (stopped, committed)] == [user, user]
    assert committed["previous_item_id"] == item_added["previous_item_id"] == added["item"]["id"]
    assert item_added["item"]["id"] == user


def test_push_to_talk() -> None:
    """3.3"""
    driver = Driver()
    assert driver.update(audio={"input": {"turn_detection": None}}) == [
        event("session.updated", session=session(turn_detection=None))
    ]
    format = driver.session.config.audio.input.format
    user, answer = Id("item"), Id("resp")
    assert driver.append(pcm(80)) == []
    # The transcriber hears along, though no item is announced yet.
    opened, fed = driver.others()
    assert opened == OpenTranscription(opened.item_id, None)
    assert fed == FeedTranscription(opened.item_id, pcm(80), format)
    assert driver.append(pcm(40, 80)) == []
    said = utterance(user)
    assert driver.commit() == [
        event("input_audio_buffer.committed", previous_item_id=None, item_id=user),
        event("conversation.item.added", previous_item_id=None, item=said),
        event("conversation.item.done", previous_item_id=None, item=said),
    ]
    assert driver.others() == [FinishTranscription(str(user))]
    assert opened.item_id == user.value
    # Nobody asked for a transcript, so none is sent; the responder gets it.
    assert driver.transcribe(str(user), "Hello there.") == []
    assert driver.client("response.create") == [event("response.created", response=response(answer))]
    assert driver.prompt == [utterance(user, "Hello there.")]


def test_image_input() -> None:
    """3.8"""
    driver = Driver(output_modalities=("text",))
    user = Id("item")
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}
    question = {"type": "input_text", "text": "What is this?"}
    said = message(user, "user", image, question)
    assert driver.create({"type": "message", "role": "user", "content": [image, question]}) == [
        event("conversation.item.added", previous_item_id=None, item=said),
        event("conversation.item.done", previous_item_id=None, item=said),
    ]
    answer = driver.respond()
    assert driver.prompt == [said]
    *_, done, _ = driver.produce(answer, TextDelta("A pixel."), ResponseEnd())
    # 13 characters are 4 tokens, and 2 come with the item.
    assert done["response"]["usage"] == usage((6, 0), (2, 0), image=85)


def test_idle_timeout() -> None:
    """3.12"""
    detection = SERVER_VAD | {"idle_timeout_ms": 6000}
    driver = Driver()
    driver.update(audio={"input": {"turn_detection": detection}})
    driver.talk(200, 0.0)
    answer = driver.respond()
    added, *_ = driver.produce(answer, TextDelta("Hello."), AudioDelta(pcm(2000), 6))
    assistant = added["item"]["id"]
    driver.now += 0.5
    *_, last = driver.produce(answer, ResponseEnd())
    assert last["type"] == "rate_limits.updated"
    # Playback began with the first audio, half a second ago, and takes two.
    assert driver.did(WakeAt) == [WakeAt(NOW + 2.0)]

    driver.talk(1500, 0.0)
    assert driver.tick(1.5) == []
    assert driver.others() == [WakeAt(NOW + 8.0)]
    driver.talk(6016, 0.0)
    user, second = Id("item"), Id("resp")
    said = utterance(user)
    assert driver.tick(6.0) == [
        event("input_audio_buffer.timeout_triggered", audio_start_ms=1700, audio_end_ms=7716, item_id=user),
        event("input_audio_buffer.committed", previous_item_id=assistant, item_id=user),
        event("conversation.item.added", previous_item_id=assistant, item=said),
        event("conversation.item.done", previous_item_id=assistant, item=said),
        event("response.created", response=response(second)),
    ]
    format = driver.session.config.audio.input.format
    assert driver.others() == [
        OpenTranscription(str(user), None),
        FeedTranscription(str(user), pcm(6016, 1700), format),
        FinishTranscription(str(user)),
        WakeAt(NOW + 3600),
    ]


def test_an_idle_session_with_no_audio_coming_in_stays_silent() -> None:
    detection = SERVER_VAD | {"idle_timeout_ms": 5000}
    driver = Driver(options=SessionOptions(debug=True, max_seconds=0))
    driver.update(audio={"input": {"turn_detection": detection}})
    driver.produce(driver.respond(), ResponseEnd())
    assert driver.did(WakeAt) == [WakeAt(NOW)]
    assert driver.tick(0) == []
    assert driver.others() == [WakeAt(NOW + 5)]
    assert driver.tick(5) == []
    assert not [effect for effect in driver.effects if isinstance(effect, Send | WakeAt)]
