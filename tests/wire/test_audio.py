"""Sound over real sockets: G.711 in both directions, the pace of the voice, and the idle timer."""

import base64
import time
from pathlib import Path

import numpy as np
import pytest
import soxr

from tests.stock.speech import pieces, recording
from tests.wire.peer import Event, Peer, an_update, audio_of, milliseconds
from vivavoce.audio.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it sleeps all day."
SAY = f'Say "{SENTENCE}"'
LAWS = {
    "audio/pcmu": ("g711_ulaw", encode_ulaw, decode_ulaw),
    "audio/pcma": ("g711_alaw", encode_alaw, decode_alaw),
}


def silent(**output: object) -> Event:
    """Nobody listens, and the assistant has one thing to say."""
    return an_update(instructions=SAY, audio={"input": {"turn_detection": None}, "output": output})


def spoken(peer: Peer, **response: object) -> tuple[Event, bytes]:
    """A response, and what was heard of it."""
    peer.send({"type": "response.create", "response": response})
    events = peer.through("response.done")
    done = events[-1]["response"]
    peer.until("rate_limits.updated")
    assert done["status"] == "completed", done
    return done, audio_of(events)


def retrieved(peer: Peer, item_id: str) -> Event:
    peer.send({"type": "conversation.item.retrieve", "item_id": item_id})
    return dict(peer.until("conversation.item.retrieved")["item"])


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


@pytest.mark.parametrize("law", LAWS)
def test_the_assistant_speaks_g711(peer: Peer, law: str) -> None:
    name, _, decode = LAWS[law]
    peer.answers(silent())
    _, plain = spoken(peer, conversation="none")
    (updated,) = peer.answers(an_update(audio={"output": {"format": {"type": law}}}))
    assert updated["session"]["audio"]["output"]["format"] == {"type": law}
    done, audio = spoken(peer)
    assert done["audio"]["output"]["format"] == {"type": law}
    # One byte a sample, 8 to the millisecond: the same sentence lasts as long, and is as loud.
    assert len(audio) / 8 == pytest.approx(milliseconds(plain), rel=0.02)
    assert loudness(decode(audio)) == pytest.approx(loudness(np.frombuffer(plain, "<i2")), rel=0.15)
    (part,) = retrieved(peer, done["output"][0]["id"])["content"]
    assert (part["format"], part["transcript"]) == (name, SENTENCE)
    assert base64.b64decode(part["audio"]) == audio
    assert done["usage"]["output_token_details"]["audio_tokens"] == -(-len(audio) // 400)
    # And a response may have another format than its session.
    done, audio = spoken(peer, audio={"output": {"format": {"type": "audio/pcm"}}})
    assert done["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert milliseconds(audio) == pytest.approx(milliseconds(plain), rel=0.02)


@pytest.mark.parametrize("law", LAWS)
def test_a_user_speaks_g711(peer: Peer, law: str, speech: Path) -> None:
    name, encode, _ = LAWS[law]
    samples = np.frombuffer(recording(speech / "austen-0870.wav"), "<i2")[: 24_000 * 3]
    samples = np.concatenate([samples, np.zeros(24_000, np.int16)])
    audio = encode(soxr.resample(samples, 24_000, 8_000).astype(np.int16))
    detection = {"type": "server_vad", "create_response": False}
    peer.answers(an_update(audio={"input": {"format": {"type": law}, "turn_detection": detection}}))
    for piece in pieces(audio, 20):  # 960 bytes: 120 ms
        peer.send({"type": "input_audio_buffer.append", "audio": base64.b64encode(piece).decode()})
    started = peer.until("input_audio_buffer.speech_started")
    stopped = peer.until("input_audio_buffer.speech_stopped")
    added = peer.until("conversation.item.added")["item"]
    assert added["id"] == started["item_id"]
    assert 0 <= started["audio_start_ms"] < stopped["audio_end_ms"] <= len(audio) / 8
    (part,) = retrieved(peer, added["id"])["content"]
    assert part["format"] == name
    kept = base64.b64decode(part["audio"])
    assert len(kept) == 8 * (stopped["audio_end_ms"] - started["audio_start_ms"])
    assert kept in audio


def test_the_pace_of_the_voice(peer: Peer) -> None:
    lengths = {}
    for speed in (0.25, 0.5, 1.0, 1.5):
        (updated,) = peer.answers(silent(speed=speed))
        assert updated["session"]["audio"]["output"]["speed"] == speed
        _, audio = spoken(peer)
        lengths[speed] = milliseconds(audio)
    for speed, length in lengths.items():
        assert length == pytest.approx(lengths[1.0] / speed, rel=0.1)


def test_a_new_pace_is_that_of_the_next_response(peer: Peer) -> None:
    peer.answers(silent())
    _, plain = spoken(peer)
    peer.send(
        {"type": "response.create"}, an_update(audio={"output": {"speed": 0.5}}), {"type": "response.create"}
    )
    events = peer.through("response.done")
    assert "session.updated" in [event["type"] for event in events]
    assert milliseconds(audio_of(events)) == pytest.approx(milliseconds(plain), rel=0.02)
    peer.so_far()
    _, slow = spoken(peer)
    assert milliseconds(slow) == pytest.approx(2 * milliseconds(plain), rel=0.1)


def test_nobody_answers_for_too_long(peer: Peer) -> None:
    """The deadline is a matter of wall time, the span that is reported one of the audio that came."""
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    peer.answers(an_update(instructions='Say "Hello."', audio={"input": {"turn_detection": detection}}))
    done, audio = spoken(peer)
    begun = time.monotonic()
    silence = {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(4800)).decode()}
    appended = 0
    events: list[Event] = []
    while not any(event["type"] == "input_audio_buffer.timeout_triggered" for event in events):
        assert time.monotonic() - begun < 30, "the timer never fired"
        peer.send(silence)
        appended += 100
        time.sleep(0.1)
        events += peer.so_far()
    assert time.monotonic() - begun >= 5.0 + milliseconds(audio) / 1000 - 0.5
    kinds = [event["type"] for event in events]
    first = kinds.index("input_audio_buffer.timeout_triggered")
    if "response.created" not in kinds:
        events += peer.through("response.created")
        kinds = [event["type"] for event in events]
    assert kinds[first : first + 4] == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    triggered = events[first]
    assert events[first + 1]["item_id"] == events[first + 2]["item"]["id"] == triggered["item_id"]
    assert events[first + 1]["previous_item_id"] == done["output"][0]["id"]
    assert 0 <= triggered["audio_start_ms"] < triggered["audio_end_ms"] <= appended
    (part,) = retrieved(peer, triggered["item_id"])["content"]
    length = milliseconds(base64.b64decode(part["audio"]))
    assert length == triggered["audio_end_ms"] - triggered["audio_start_ms"]
