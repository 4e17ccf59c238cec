"""Engines that hang, die, are slow, bring rubbish or never end: what the client is told, and what is left."""

import base64
import time

import numpy as np
import pytest

from tests.faults.conftest import Held
from tests.faults.plugin.faulty import RAISING, RAMBLING
from tests.serving import Server
from tests.wire.peer import Event, Peer, a_message, an_update, talking

pytestmark = pytest.mark.xdist_group("faults")

FAULT = "The server had an error while processing your request. Sorry about that!"


def respond(peer: Peer, text: str, modality: str = "text") -> tuple[Event, list[Event]]:
    """What becomes of an answer to this text: the finished response and all its events."""
    peer.send(a_message(text), {"type": "response.create", "response": {"output_modalities": [modality]}})
    events = peer.through("response.done")
    peer.until("rate_limits.updated")
    return events[-1]["response"], events


def failure(response: Event) -> tuple[str, str | None, str]:
    assert response["status"] == "failed", response
    error = response["status_details"]["error"]
    return error["type"], error.get("code"), error["message"]


def settled(server: Server, sessions: int) -> Held:
    """What the server holds once it has no more sessions than these."""
    until = time.monotonic() + 30
    while (held := Held(server)).sessions > sessions:
        assert time.monotonic() < until, held
        time.sleep(0.05)
    return held


@pytest.fixture(autouse=True)
def nothing_is_left(server: Server, bystander: Peer) -> object:
    """Whatever a test does to its sessions, afterwards nothing of them is there, and nobody else noticed."""
    bystander.take_turn()
    before = settled(server, 1)
    yield
    bystander.take_turn()
    after = settled(server, 1)
    until = time.monotonic() + 30
    while (after.tasks > before.tasks or after.files > before.files) and time.monotonic() < until:
        time.sleep(0.1)
        after = Held(server)
    assert after.tasks <= before.tasks, (before, after)
    assert after.files <= before.files, (before, after)


@pytest.mark.parametrize("fault", ["hang", "raise", "silent", "nothing", "object", "number", "surrogate"])
@pytest.mark.parametrize("modality", ["text", "audio"])
def test_a_language_model_that_goes_wrong(server: Server, fault: str, modality: str) -> None:
    with talking(server) as peer:
        response, events = respond(peer, fault, modality)
        assert failure(response) == ("server_error", "internal_error", FAULT)
        assert response["usage"]["total_tokens"] == 0
        kinds = [event["type"] for event in events]
        assert kinds.index("response.output_item.done") < kinds.index("response.done")
        assert response["output"][0]["status"] == "incomplete"
        assert "secret" not in str(events)
        peer.take_turn()
    assert "secret details" in server.log or fault != "raise"


def test_a_language_model_that_refuses(peer: Peer) -> None:
    response, _ = respond(peer, "refuse")
    assert failure(response) == ("server_error", "out_of_order", "The model is out of order.")
    peer.take_turn()


def test_parts_without_a_place_are_left_out(peer: Peer) -> None:
    response, _ = respond(peer, "misplaced")
    assert response["status"] == "completed"
    assert response["output"][0]["content"] == [{"type": "output_text", "text": "Well, misplaced."}]


def test_what_comes_after_the_end_is_left_out(peer: Peer) -> None:
    response, _ = respond(peer, "late")
    assert response["status"] == "completed"
    assert response["output"][0]["content"][0]["text"] == "Well, "
    assert peer.so_far() == []


def test_a_slow_language_model_is_waited_for(peer: Peer) -> None:
    """Longer in all than an engine may be silent."""
    response, _ = respond(peer, "slow")
    assert response["status"] == "completed"


def test_an_answer_without_end_can_be_cancelled(peer: Peer) -> None:
    peer.send(a_message("endless"), {"type": "response.create", "response": {"output_modalities": ["text"]}})
    peer.until("response.output_text.delta")
    peer.send({"type": "response.cancel"})
    assert peer.until("response.done")["response"]["status"] == "cancelled"
    peer.until("rate_limits.updated")
    peer.take_turn()


@pytest.mark.parametrize("modality", ["text", "audio"])
def test_an_answer_without_end_is_ended(peer: Peer, modality: str) -> None:
    response, _ = respond(peer, "endless" if modality == "text" else "drone", modality)
    assert response["status"] == "incomplete"
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    peer.take_turn()


@pytest.mark.parametrize("fault", ["mute", "croak", "noise", "stop short"])
def test_a_synthesizer_that_goes_wrong(peer: Peer, fault: str) -> None:
    response, events = respond(peer, fault, "audio")
    assert failure(response) == ("server_error", "internal_error", FAULT)
    assert "secret" not in str(events)
    peer.take_turn()


def say(peer: Peer, prompt: str) -> None:
    """Half a second of speech and a second of silence, transcribed as the prompt says."""
    transcription = {"model": "gpt-4o-transcribe", "prompt": prompt}
    peer.send(an_update(audio={"input": {"transcription": transcription}}, output_modalities=["text"]))
    peer.until("session.updated")
    loud = (np.sin(np.arange(12_000) / 10) * 20_000).astype("<i2")
    peer.send(appended(loud), appended(np.zeros(24_000, "<i2")))


def appended(samples: np.ndarray) -> Event:
    return {"type": "input_audio_buffer.append", "audio": base64.b64encode(samples.tobytes()).decode()}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("hang", FAULT),
        ("raise early", FAULT),
        ("raise", FAULT),
        ("silent", FAULT),
        ("object", FAULT),
        ("number", FAULT),
        ("surrogate", FAULT),
        ("refuse", "The transcriber is out of order."),
        ("refuse at once", "The transcriber is out of order."),
    ],
)
def test_a_transcriber_that_goes_wrong(peer: Peer, fault: str, message: str) -> None:
    say(peer, fault)
    events = peer.through("rate_limits.updated")
    (failed,) = [e for e in events if e["type"] == "conversation.item.input_audio_transcription.failed"]
    assert failed["error"]["message"] == message
    (done,) = [e for e in events if e["type"] == "response.done"]
    assert failure(done["response"])[0] == "server_error"
    assert not [event for event in events if event["type"] == "error"]
    peer.take_turn()


def test_a_transcriber_that_works(peer: Peer) -> None:
    say(peer, "good morning")
    events = peer.through("rate_limits.updated")
    (heard,) = [e for e in events if e["type"] == "conversation.item.input_audio_transcription.completed"]
    assert heard["transcript"] == "good morning"
    (done,) = [e for e in events if e["type"] == "response.done"]
    assert done["response"]["status"] == "completed"


@pytest.mark.parametrize("value", [RAISING, RAMBLING])
def test_a_detector_that_goes_wrong_costs_its_own_session_alone(server: Server, value: int) -> None:
    with talking(server) as peer:
        peer.send(an_update(audio={"input": {"turn_detection": {"type": "server_vad"}}}))
        peer.send(appended(np.full(24_000, value, "<i2")))
        error = peer.until("error")["error"]
        assert error["type"] == "server_error"
        assert "secret" not in str(error)
        assert peer.close_code() == 1011
