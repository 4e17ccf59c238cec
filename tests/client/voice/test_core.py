"""What a voice sends and plays, event by event."""

from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pybase64
import pytest

from vivavoce.audio import g711
from vivavoce.client.voice.core import Talking, VoiceCore
from vivavoce.client.voice.playback import BYTES_PER_MS, Heard, Playback
from vivavoce.protocol import UnknownEvent, decode_server_event

FRAME = np.full(960, 8000, np.int16)
"""40 ms."""


def event(kind: str, **fields: Any) -> Any:
    decoded = decode_server_event(msgspec.json.encode({"type": kind, "event_id": "event_1", **fields}))
    assert not isinstance(decoded, UnknownEvent), kind
    return decoded


def created(response: str = "resp_1", conversation: str | None = "conv_1", **fields: Any) -> Any:
    about = {"id": response, "status": "in_progress", "conversation_id": conversation, **fields}
    return event("response.created", response=about)


def done(response: str = "resp_1", status: str = "completed") -> Any:
    return event("response.done", response={"id": response, "status": status, "conversation_id": "conv_1"})


def delta(audio: bytes, item: str = "item_1", response: str = "resp_1") -> Any:
    at = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
    return event("response.output_audio.delta", **at, delta=pybase64.b64encode_as_string(audio))


def audio_done(item: str = "item_1", response: str = "resp_1") -> Any:
    at = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
    return event("response.output_audio.done", **at)


def started() -> Any:
    return event("input_audio_buffer.speech_started", audio_start_ms=0, item_id="user_1")


def session(**audio: Any) -> Any:
    about = {"type": "realtime", "id": "s", "model": "m", "audio": audio}
    return event("session.updated", session=about)


def ms(milliseconds: int) -> bytes:
    return b"\1\2" * (milliseconds * BYTES_PER_MS // 2)


def truncate(item: str, end: int) -> dict[str, Any]:
    at = {"item_id": item, "content_index": 0, "audio_end_ms": end}
    return {"type": "conversation.item.truncate", **at}


def fed(core: VoiceCore, *events: Any) -> list[dict[str, Any]]:
    for each in events:
        core.feed(each)
    return core.drain()


def test_speech_waits_to_be_heard_in_order() -> None:
    core = VoiceCore(Playback())
    assert fed(core, created(), delta(ms(10)), delta(b"\3\4\5"), delta(b"\6"), audio_done(), done()) == []
    assert core.playback.take(10_000) == ms(10) + b"\3\4\5\6", "samples may be cut in two"


def test_an_interruption_tells_what_was_really_heard() -> None:
    core = VoiceCore(Playback())
    fed(core, created(), delta(ms(100)))
    core.playback.take(len(ms(30)) + 46)
    assert fed(core, started()) == [truncate("item_1", 30)]
    assert core.interrupted == [Heard("item_1", 0, 30)]
    assert fed(core, done(status="cancelled")) == [], "once"
    assert core.playback.take(10) == b""


def test_also_when_the_response_was_done_before() -> None:
    core = VoiceCore(Playback())
    fed(core, created(), delta(ms(100)), audio_done(), done())
    core.playback.take(len(ms(60)))
    assert fed(core, started()) == [truncate("item_1", 60)]


def test_what_was_heard_to_its_end_is_left_alone() -> None:
    core = VoiceCore(Playback())
    fed(core, created(), delta(ms(100)), audio_done(), done())
    core.playback.take(len(ms(100)))
    assert fed(core, started()) == []


def test_what_was_on_its_way_when_somebody_spoke_is_cut_off() -> None:
    core = VoiceCore(Playback())
    fed(core, created(), delta(ms(20)))
    core.playback.take(len(ms(20)))
    assert fed(core, started()) == [], "all that has come was heard"
    assert fed(core, delta(ms(20)), delta(ms(20))) == [truncate("item_1", 20)]
    assert fed(core, delta(ms(20), "item_2")) == [truncate("item_2", 0)]
    assert fed(core, done(status="cancelled"), created("resp_2")) == []
    fed(core, delta(ms(5), "item_3", "resp_2"))
    assert core.playback.take(10_000) == ms(5)


def test_a_session_that_lets_nobody_interrupt() -> None:
    core = VoiceCore(Playback())
    detection = {"type": "server_vad", "interrupt_response": False}
    fed(core, session(input={"turn_detection": detection}), created(), delta(ms(20)))
    assert fed(core, started()) == []
    assert core.playback.unheard() == {"item_1"}
    fed(core, session(input={"turn_detection": {"type": "server_vad"}}))
    assert fed(core, started()) == [truncate("item_1", 0)]


def test_the_server_may_decide_who_interrupts() -> None:
    core = VoiceCore(Playback(), barge_in="server")
    fed(core, created(), delta(ms(20)))
    assert fed(core, started()) == []
    assert fed(core, done(status="cancelled")) == [truncate("item_1", 0)]

    fed(core, created("resp_2"), delta(ms(20), "item_2", "resp_2"), done("resp_2"))
    assert fed(core, started(), created("resp_3"), done("resp_3")) == [], "nobody has said anything"
    committed = event("input_audio_buffer.committed", item_id="user_2", previous_item_id="item_2")
    assert fed(core, committed, created("resp_4")) == [truncate("item_2", 0)]


def test_a_response_that_the_program_cancels_falls_silent() -> None:
    core = VoiceCore(Playback())
    other = [created("resp_0"), delta(ms(10), "item_0", "resp_0"), done("resp_0")]
    fed(core, *other, created(), delta(ms(20)))
    assert fed(core, done(status="cancelled")) == [truncate("item_1", 0)]
    assert core.playback.unheard() == {"item_0"}


def test_interrupting_by_hand() -> None:
    core = VoiceCore(Playback())
    fed(core, created(), delta(ms(20)))
    core.interrupt()
    core.interrupt()
    cancel = {"type": "response.cancel", "response_id": "resp_1"}
    assert core.drain() == [cancel, truncate("item_1", 0)]


def test_what_is_spoken_beside_the_conversation_is_not_truncated() -> None:
    core = VoiceCore(Playback())
    fed(core, created("resp_1", None), delta(ms(20)), done())
    assert fed(core, started()) == []
    assert core.playback.take(100) == b""
    fed(core, created("resp_2", None), delta(ms(20), "item_2", "resp_2"))
    item = {"type": "message", "id": "item_2", "role": "assistant", "content": []}
    fed(core, event("conversation.item.added", item=item))
    assert fed(core, started()) == [truncate("item_2", 0)], "a server that never names the conversation"


def test_the_end_of_a_part_is_known_without_its_event() -> None:
    finished: list[Heard] = []
    core = VoiceCore(Playback(finished=finished.append))
    fed(core, created(), delta(ms(20)), done())
    core.playback.take(len(ms(20)))
    assert finished == [Heard("item_1", 0, 20)]


@pytest.mark.parametrize("name", ["audio/pcmu", "audio/pcma"])
def test_telephone_formats(name: str) -> None:
    core = VoiceCore(Playback())
    format = {"type": name}
    fed(core, session(input={"format": format, "turn_detection": None}, output={"format": format}))
    encode = g711.encode_ulaw if name == "audio/pcmu" else g711.encode_alaw
    fed(core, created(), delta(encode(np.full(800, 5000, np.int16))), audio_done(), done())
    heard = np.frombuffer(core.playback.take(1 << 20), "<i2")
    assert abs(len(heard) - 2400) <= 3, "100 ms at 24 kHz"
    assert np.median(heard) == pytest.approx(5000, rel=0.05)
    core.hear(FRAME)
    (append,) = core.drain()
    assert len(pybase64.b64decode(append["audio"])) == pytest.approx(320, abs=8), "40 ms at 8 kHz"


def test_a_response_in_a_format_of_its_own() -> None:
    core = VoiceCore(Playback())
    fed(core, created(audio={"output": {"format": {"type": "audio/pcmu"}}}), delta(bytes(80)), audio_done())
    assert len(core.playback.take(10_000)) == pytest.approx(480, abs=6), "10 ms at 24 kHz"


def test_what_the_microphone_hears_is_sent() -> None:
    core = VoiceCore(Playback())
    core.hear(FRAME)
    (append,) = core.drain()
    assert append["type"] == "input_audio_buffer.append"
    assert pybase64.b64decode(append["audio"]) == FRAME.tobytes()
    assert core.input_level_db == pytest.approx(20 * np.log10(8000 / 32768))
    assert core.talking is Talking.OPEN


def types(events: list[dict[str, Any]]) -> list[str]:
    return [each["type"].removeprefix("input_audio_buffer.") for each in events]


def test_push_to_talk() -> None:
    core = VoiceCore(Playback(), push_to_talk=True)
    core.hear(FRAME)
    assert core.drain() == [], "not pressed"
    core.press()
    for _ in range(3):
        core.hear(FRAME)
    assert core.release()
    core.hear(FRAME)
    assert types(core.drain()) == ["clear", "append", "append", "append", "commit", "response.create"]


def test_a_short_press_is_forgotten() -> None:
    core = VoiceCore(Playback(), push_to_talk=True)
    core.press()
    core.hear(FRAME)
    core.hear(FRAME)
    assert not core.release()
    assert types(core.drain()) == ["clear", "append", "append", "clear"]
    core.press()
    core.hear(np.zeros(2400, np.int16))
    assert core.release(response=False)
    assert types(core.drain()) == ["clear", "append", "commit"], "100 ms are enough"


def test_a_press_interrupts_and_asks_when_the_server_is_free() -> None:
    core = VoiceCore(Playback(), push_to_talk=True)
    fed(core, created(), delta(ms(50)))
    core.playback.take(len(ms(10)))
    core.press()
    for _ in range(3):
        core.hear(FRAME)
    core.release({"metadata": {"by": "hand"}})
    sent = core.drain()
    assert types(sent)[:3] == ["response.cancel", "conversation.item.truncate", "clear"]
    assert sent[1] == truncate("item_1", 10)
    assert types(sent)[-1] == "commit", "resp_1 is not done"
    (ask,) = fed(core, done(status="cancelled"))
    assert ask["response"] == {"metadata": {"by": "hand"}}


def test_presses_that_make_no_sense() -> None:
    with pytest.raises(RuntimeError, match="open"):
        VoiceCore(Playback()).press()
    core = VoiceCore(Playback(), push_to_talk=True)
    with pytest.raises(RuntimeError, match="released"):
        core.release()
    core.press()
    with pytest.raises(RuntimeError, match="pressed"):
        core.press()


def test_events_in_a_strange_shape_are_left_alone() -> None:
    core = VoiceCore(Playback())
    core.feed(UnknownEvent(type="response.output_audio.delta", raw=b"{}"))
    assert core.drain() == []


def test_a_response_that_a_lost_connection_interrupted_is_heard_as_far_as_it_came() -> None:
    finished: list[Heard] = []
    core = VoiceCore(Playback(finished=finished.append))
    fed(core, created(), delta(ms(20)))
    fed(core, SimpleNamespace(type="client.response_interrupted", response_id="resp_1"))
    assert not core.responding
    core.playback.take(len(ms(20)))
    assert finished == [Heard("item_1", 0, 20)]


def test_what_nobody_will_ever_get_to_hear_is_cut_off() -> None:
    core = VoiceCore(Playback())
    fed(core, created())
    hour = [delta(ms(60_000), f"item_{minute}") for minute in range(40)]
    sent = fed(core, *hour)
    assert core.playback.waiting_ms == 31 * 60_000
    assert sent == [truncate(f"item_{minute}", 0) for minute in range(31, 40)]
