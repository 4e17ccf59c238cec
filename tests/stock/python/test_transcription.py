"""Transcription with the official Python client, against a server in a process of its own."""

import base64
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.serving import Server
from tests.stock.python.call import Call, calling
from tests.stock.speech import pieces, recording

pytestmark = [
    pytest.mark.xdist_group("stock"),
    # The package opens its synchronous connections in a way that the newest `websockets` advises against.
    pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"),
]

KIND = "conversation.item.input_audio_transcription."


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, server: Server) -> Iterator[Call]:
    """A session that only transcribes."""
    with calling(request.param, server, extra_query={"intent": "transcription"}) as open_call:
        assert open_call.heard[0].session.type == "transcription"
        yield open_call


def update(call: Call, **heard: Any) -> Any:
    """Change how the session hears; the session as it is then."""
    call.do(
        call.connection.session.update(
            session={
                "type": "transcription",
                "audio": {"input": heard},
                "include": ["item.input_audio_transcription.logprobs"],
            }
        )
    )
    return call.until("session.updated").session


def speak(call: Call, audio: bytes) -> None:
    for piece in pieces(audio):
        call.do(call.connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode()))


def test_turns(call: Call, speech: Path) -> None:
    session = update(call, transcription={"model": "gpt-4o-transcribe", "language": "en"})
    assert session.audio.input.turn_detection.silence_duration_ms == 200
    assert session.audio.input.transcription.model == "gpt-4o-transcribe"
    speak(call, recording(speech / "austen-0880.wav"))
    events = call.through(KIND + "completed")
    assert [each.type for each in events[:5]] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert {each.type for each in events[5:]} == {KIND + "delta", KIND + "completed"}
    assert "young man" in events[-1].transcript
    assert "".join(each.delta for each in events[5:-1]) == events[-1].transcript
    assert events[-1].usage.type == "tokens"


def test_live(call: Call, speech: Path) -> None:
    session = update(call, transcription={"model": "gpt-realtime-whisper", "delay": "low"})
    assert session.audio.input.turn_detection is None
    speak(call, recording(speech / "austen-0880.wav"))
    first = call.until(KIND + "delta")
    call.do(call.connection.input_audio_buffer.commit())
    events = call.through(KIND + "completed")
    assert events[-1].item_id == first.item_id
    assert events[-1].transcript.startswith(first.delta)
    assert "young man" in events[-1].transcript


def test_no_responses(call: Call) -> None:
    call.do(call.connection.response.create(event_id="wrong"))
    assert call.until("error").error.event_id == "wrong"


def test_by_a_client_secret(server: Server, speech: Path) -> None:
    """A program that must not have the key gets a secret, in which all is settled: a live model, by hand."""
    session: Any = {
        "type": "transcription",
        "audio": {"input": {"transcription": {"model": "gpt-live-transcribe", "languages": ["en", "fr"]}}},
    }
    with OpenAI(api_key=server.key, base_url=server.base_url) as client:
        secret = client.realtime.client_secrets.create(session=session)
    assert secret.session.type == "transcription"
    bearer = dataclasses.replace(server, key=secret.value)
    with calling("sync", bearer, extra_query={"intent": "transcription"}) as call:
        heard = call.heard[0].session.audio.input
        assert (heard.transcription.model, heard.turn_detection) == ("gpt-live-transcribe", None)
        speak(call, recording(speech / "austen-0880.wav"))
        call.do(call.connection.input_audio_buffer.commit())
        assert "young man" in call.until(KIND + "completed").transcript


def test_a_language_that_nobody_knows(call: Call, speech: Path) -> None:
    update(call, transcription={"model": "whisper-1", "language": "fr"}, turn_detection=None)
    speak(call, recording(speech / "austen-0880.wav"))
    call.do(call.connection.input_audio_buffer.commit())
    assert "'fr'" in call.until(KIND + "failed").error.message
    update(call, transcription={"model": "whisper-1", "language": "en"}, turn_detection=None)
    speak(call, recording(speech / "austen-0880.wav"))
    call.do(call.connection.input_audio_buffer.commit())
    delta, completed = call.through(KIND + "completed")[-2:]
    assert delta.delta == completed.transcript
    assert "".join(each.token for each in completed.logprobs) == completed.transcript
    assert completed.logprobs == delta.logprobs
    assert completed.usage.type == "duration"
