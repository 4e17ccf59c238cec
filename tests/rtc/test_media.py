"""Both voices on one clock: pace, stalls, reports and losses, between two ends without a network."""

import asyncio
import itertools
import math
import random
import time
from collections.abc import Callable

import pytest

from tests.rtc.ends import End, level, pitch, tone
from vivavoce.rtc import opus, rtp, sdp
from vivavoce.rtc.media import FRAME_S, Media


class Wire:
    """Carries one end's packets to the other, but for those that `lose` says."""

    def __init__(self, to: Media, lose: Callable[[], bool] = lambda: False) -> None:
        self._to = to
        self._lose = lose
        self.packets: list[tuple[float, rtp.Packet]] = []
        self.reports: list[rtp.Report] = []
        self.control: list[bytes] = []

    def send_media(self, packet: bytes) -> None:
        self.packets.append((asyncio.get_running_loop().time(), rtp.parse(packet)))
        if not self._lose():
            self._to.media(packet)

    def send_control(self, packet: bytes) -> None:
        self.control.append(packet)
        self.reports += rtp.parse_reports(packet)
        self._to.control(packet)


def media(end: End, voice: sdp.Voice | None = None) -> Media:
    one = Media(end.heard, end.next_audio, "name")
    one.negotiated(voice or sdp.Voice(payload_type=111, fec=True))
    return one


async def test_losses_are_heard_as_little_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vivavoce.rtc.media._REPORTS_S", 0.3)
    speaker, listener = End(hertz=440), End()
    one, other = media(speaker), media(listener)
    dice = random.Random(3)
    there, back = Wire(other, lose=lambda: dice.random() < 0.2), Wire(one)
    one.begin(there)
    other.begin(back)
    await listener.until(lambda: len(listener.pcm) >= 80 * 960)
    one.end()
    other.end()
    assert pitch(listener.pcm) == pytest.approx(440, abs=3)
    assert level(listener.pcm) == pytest.approx(level(tone(440, 1)), rel=0.3)
    counts = other.reception.packets
    assert counts.missing > 0
    assert counts.late == counts.foreign == counts.excess == 0
    told = [block for report in back.reports for block in report.receptions]
    assert told[-1].ssrc == one.ssrc
    assert 0 < told[-1].lost <= 0.5 * len(there.packets)
    assert told[-1].last_report != 0
    sent = [report.sent for report in there.reports if report.sent is not None]
    assert 0 < sent[0].packets <= len(there.packets)
    assert sent[0].ntp == pytest.approx(rtp.ntp(time.time()), abs=60 * 2**32)
    assert there.control[-1] == rtp.write_bye(one.ssrc)


async def test_the_pace_does_not_drift() -> None:
    speaker = End(hertz=440)
    one = media(speaker)
    wire = Wire(media(End()))
    begin = math.ceil(asyncio.get_running_loop().time() / FRAME_S) * FRAME_S
    one.begin(wire)
    await speaker.until(lambda: len(wire.packets) >= 50)
    one.end()
    first = wire.packets[0][1]
    for at, packet in wire.packets:
        # Never before its time: what was late is no reason for the next one to be later, or early.
        assert at >= begin + (packet.timestamp - first.timestamp) % 2**32 / 48_000 - 0.002


async def test_all_voices_speak_at_the_same_moments() -> None:
    voices = [media(End(hertz=440)) for _ in range(5)]
    for one in voices:
        one.begin(Wire(media(End())))
        await asyncio.sleep(0.013)
    dues = [one._due for one in voices]
    for one in voices:
        one.end()
    for due in dues:
        frames = (due - dues[0]) / FRAME_S
        assert frames == pytest.approx(round(frames), abs=1e-6)


async def test_a_stall_is_not_made_up_for_by_a_burst() -> None:
    speaker = End(hertz=440)
    one = media(speaker)
    wire = Wire(media(End()))
    one.begin(wire)
    await asyncio.sleep(0.1)
    before = len(wire.packets)
    time.sleep(0.5)
    await asyncio.sleep(0.1)
    one.end()
    after = wire.packets[before:]
    assert len(after) <= 12
    skipped = (after[0][1].timestamp - wire.packets[before - 1][1].timestamp) % 2**32
    assert skipped >= 0.4 * 48_000
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(after)]
    assert min(gaps) > 0.009


async def test_nothing_is_sent_to_an_end_that_wishes_to_hear_nothing() -> None:
    speaker = End(hertz=440)
    one = media(speaker, sdp.Voice(payload_type=111, direction=sdp.Direction.SEND))
    wire = Wire(media(End()))
    one.begin(wire)
    await speaker.until(lambda: speaker.asked >= 5)
    one.end()
    assert wire.packets == []


async def test_what_goes_wrong_with_who_is_asked_does_not_stop_the_clock() -> None:
    errors: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: errors.append(str(what["exception"])))
    asked = 0

    def next_audio() -> bytes:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise RuntimeError("no audio")
        return bytes(opus.FRAME_BYTES)

    one = Media(lambda pcm: None, next_audio, "name")
    one.begin(Wire(media(End())))
    async with asyncio.timeout(20):
        while asked < 5:
            await asyncio.sleep(0.01)
    one.end()
    assert errors == ["no audio"]


async def test_who_is_asked_may_end_it() -> None:
    heard: list[bytes] = []

    def next_audio() -> bytes:
        one.end()
        return bytes(opus.FRAME_BYTES)

    one = Media(heard.append, next_audio, "name")
    wire = Wire(media(End()))
    one.begin(wire)
    await asyncio.sleep(0.1)
    assert (wire.packets, heard) == ([], [])
    assert wire.control == [rtp.write_bye(one.ssrc)]


def test_broken_reports_are_passed_over() -> None:
    async def receive() -> int:
        one = media(End())
        one.control(b"\x80\xc8\x00\x09")
        return one.reception.refused.malformed

    assert asyncio.run(receive()) == 1
