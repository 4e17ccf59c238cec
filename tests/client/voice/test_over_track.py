"""What a voice does about a call, event by event and frame by frame."""

import asyncio
from typing import Any

import numpy as np
import pytest

from tests.client.voice.test_core import FRAME, created, done, event
from vivavoce.client.voice.over_track import (
    CUSHION_MS,
    LATE_MS,
    MAX_BEHIND_MS,
    MAX_LATE_MS,
    PATIENCE_MS,
    TAIL_MS,
    TrackCore,
)
from vivavoce.client.voice.playback import BYTES_PER_MS, Heard, Part, Playback
from vivavoce.client.webrtc.track import Track

LOUD = np.full(480, 8000, "<i2").tobytes()
"""20 ms."""
QUIET = bytes(960)


class Call:
    """A voice over a track, with what it tells."""

    def __init__(self, **options: Any) -> None:
        self.started: list[Part] = []
        self.finished: list[Heard] = []
        self.track = Track()
        self.playback = Playback(self.started.append, self.finished.append)
        self.core = TrackCore(self.playback, self.track, **options)

    def feed(self, *events: Any) -> None:
        for each in events:
            self.core.feed(each)

    def hear(self, milliseconds: int, frame: bytes = LOUD) -> None:
        """So much comes, and is played at once."""
        for _ in range(milliseconds // 20):
            self.track.heard(frame)
            self.playback.take(20 * BYTES_PER_MS)

    def play(self, milliseconds: int = 1000) -> None:
        """What waits is played."""
        self.playback.take(milliseconds * BYTES_PER_MS)

    def named(self) -> list[Part]:
        """The parts that were heard and that events spoke of."""
        return [part for part in self.started if self.core.is_named(part)]


def part_added(item: str = "item_1", response: str = "resp_1", kind: str = "audio") -> Any:
    at = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
    part = {"type": kind, "transcript": ""} if kind == "audio" else {"type": kind, "text": ""}
    return event("response.content_part.added", **at, part=part)


def buffer(what: str, response: str = "resp_1") -> Any:
    return event(f"output_audio_buffer.{what}", response_id=response)


def truncated(item: str, end: int) -> Any:
    return event("conversation.item.truncated", item_id=item, content_index=0, audio_end_ms=end)


def test_what_comes_is_booked_under_the_item_that_is_being_heard() -> None:
    call = Call()
    call.feed(created(), part_added(), buffer("started"))
    assert call.core.speaking == {Part("item_1", 0)}
    call.hear(100, QUIET)
    call.hear(400)
    call.feed(done())
    assert call.playback.unheard() == {"item_1"}
    call.feed(buffer("stopped"))
    call.hear(100)
    call.hear(200, QUIET)
    call.play()
    assert call.named() == [Part("item_1", 0)]
    (finished,) = call.finished
    assert finished[:2] == ("item_1", 0)
    assert 500 <= finished.audio_end_ms <= 500 + TAIL_MS
    assert call.playback.unheard() == set()


def test_pauses_within_speech_are_kept() -> None:
    call = Call()
    call.feed(created(), part_added(), buffer("started"))
    for frame in (LOUD, QUIET, LOUD):
        call.hear(100, frame)
    call.play()
    assert call.playback.heard_ms("item_1") == 300


def test_silence_between_responses_is_not_played() -> None:
    call = Call()
    for _ in range(50):
        call.track.heard(QUIET)
    assert call.playback.waiting_ms == 0


def test_sound_before_its_event_is_heard_all_the_same() -> None:
    call = Call()
    call.track.heard(LOUD)
    assert call.playback.waiting_ms == CUSHION_MS + 20
    call.feed(created(), part_added(), buffer("started"))
    call.track.heard(LOUD)
    call.play()
    assert call.playback.heard_ms("item_1") == 20
    assert call.named() == [Part("item_1", 0)]


def test_what_the_server_dropped_falls_silent_and_is_told_as_the_server_counts() -> None:
    call = Call()
    call.feed(created(), part_added(), buffer("started"))
    call.hear(300)
    call.feed(buffer("cleared"), truncated("item_1", 260), done(status="cancelled"))
    assert call.playback.waiting_ms == 0
    assert call.core.interrupted == [Heard("item_1", 0, 260)]
    assert call.core.speaking == set()
    call.track.heard(LOUD)  # it was on its way
    assert call.playback.waiting_ms == 0
    call.track.heard(QUIET)
    call.feed(created("resp_2"), part_added("item_2", "resp_2"), buffer("started", "resp_2"))
    call.track.heard(LOUD)
    call.play()
    assert call.named() == [Part("item_1", 0), Part("item_2", 0)]


def test_a_truncation_of_something_else_is_not_ours() -> None:
    call = Call()
    call.feed(truncated("item_9", 100))
    assert call.core.interrupted == []


def test_interrupting_cancels_and_clears() -> None:
    call = Call()
    call.feed(created(), part_added(), buffer("started"))
    call.hear(100)
    call.core.interrupt()
    assert call.core.drain() == [
        {"type": "response.cancel", "response_id": "resp_1"},
        {"type": "output_audio_buffer.clear"},
    ]
    for _ in range((PATIENCE_MS - LATE_MS) // 20):
        call.track.heard(LOUD)
    assert call.playback.waiting_ms == 0
    call.feed(done(status="cancelled"), buffer("cleared"))
    call.core.interrupt()
    assert call.core.drain() == []


def test_a_response_that_is_done_but_still_heard_is_cleared_alone() -> None:
    call = Call()
    call.feed(created(), part_added(), buffer("started"), done())
    call.core.interrupt()
    assert call.core.drain() == [{"type": "output_audio_buffer.clear"}]


def test_what_never_began_is_not_waited_for() -> None:
    call = Call()
    call.feed(created(), part_added(), done(status="failed"))
    assert call.core.speaking == set()
    call.feed(created("resp_2"), part_added("item_2", "resp_2"), done("resp_2"))
    assert call.core.speaking == {Part("item_2", 0)}  # the one before it may still be heard


def test_text_is_not_spoken() -> None:
    call = Call()
    call.feed(created(), part_added(kind="text"))
    assert call.core.speaking == set()


def test_the_next_response_ends_the_tail_of_the_last() -> None:
    call = Call()
    call.feed(created(), part_added(), buffer("started"))
    call.hear(100)
    call.feed(buffer("stopped"), done(), created("resp_2"), part_added("item_2", "resp_2"))
    call.feed(buffer("started", "resp_2"))
    call.play()
    assert [heard.item_id for heard in call.finished] == ["item_1"]


def test_clocks_that_differ_shorten_pauses() -> None:
    call = Call()
    call.feed(created(), part_added(), buffer("started"))
    while call.playback.waiting_ms <= MAX_LATE_MS:
        call.track.heard(LOUD)
    waiting = call.playback.waiting_ms
    call.track.heard(QUIET)
    assert call.playback.waiting_ms == waiting
    for _ in range(MAX_BEHIND_MS // 10):
        call.track.heard(LOUD)
    assert call.playback.waiting_ms <= MAX_BEHIND_MS + 20
    for _ in range(MAX_BEHIND_MS // 10):
        call.core.hear(FRAME)
    assert call.track.waiting_ms <= MAX_BEHIND_MS


def test_the_microphone_is_put_on_the_track() -> None:
    call = Call()
    call.core.hear(FRAME)
    assert call.track.waiting_ms == 40
    assert call.core.input_level_db > -20
    assert call.core.drain() == []


async def test_push_to_talk() -> None:
    call = Call(push_to_talk=True)
    call.core.hear(FRAME)
    assert call.track.waiting_ms == 0
    call.core.press()
    assert call.core.drain() == [{"type": "input_audio_buffer.clear"}]
    for _ in range(3):
        call.core.hear(FRAME)
    hushing = asyncio.create_task(call.core.hush())
    await asyncio.sleep(0)
    call.core.hear(FRAME)
    assert call.track.waiting_ms == 120
    while call.track.waiting_ms:
        assert not hushing.done()
        call.track.next_audio()
        await asyncio.sleep(0)
    await hushing
    assert call.core.release()
    kinds = [each["type"] for each in call.core.drain()]
    assert kinds == ["input_audio_buffer.commit", "response.create"]


async def test_too_short_a_press_is_forgotten() -> None:
    call = Call(push_to_talk=True)
    call.core.press()
    call.core.hear(FRAME)
    assert not call.core.release()
    assert [each["type"] for each in call.core.drain()] == ["input_audio_buffer.clear"] * 2
    with pytest.raises(RuntimeError):
        call.core.release()


def test_a_closed_voice_lets_go_of_the_track() -> None:
    call = Call()
    call.core.close()
    call.track.heard(LOUD)
    assert call.playback.waiting_ms == 0
