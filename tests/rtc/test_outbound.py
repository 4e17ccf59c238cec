"""The voice that goes out: timestamps, markers, silence."""

import numpy as np
import pytest

from tests.rtc.ends import level, pitch, tone
from vivavoce.rtc import opus, rtp
from vivavoce.rtc.outbound import Outbound


def outbound(*, fec: bool = False, dtx: bool = False) -> Outbound:
    voice = Outbound()
    voice.negotiated(109, fec=fec, dtx=dtx)
    return voice


def said(voice: Outbound, frames: int, *, pcm: bytes = b"") -> list[rtp.Packet]:
    written = [voice.frame(pcm) for _ in range(frames)]
    return [rtp.parse(data) for data in written if data is not None]


def test_packets_count_on_without_a_gap() -> None:
    voice = outbound()
    packets = said(voice, 100, pcm=tone(440, 0.02))
    first = packets[0]
    assert first.payload_type == 109
    assert first.ssrc == voice.ssrc
    assert first.sequence < 2**15
    for number, packet in enumerate(packets):
        assert packet.sequence == first.sequence + number
        assert packet.timestamp == (first.timestamp + 960 * number) % 2**32
        assert packet.marker == (number == 0)
        assert opus.duration(packet.payload) == 480


def test_silence_is_a_byte_where_it_must_be_sent() -> None:
    voice = outbound()
    packets = said(voice, 100)
    assert len(packets) == 100
    assert {len(packet.payload) for packet in packets[6:]} == {1}
    assert {opus.duration(packet.payload) for packet in packets} == {480}
    decoder = opus.Decoder()
    heard = b"".join(
        decoder.decode(packet.payload) for packet in [*packets, *said(voice, 9, pcm=tone(440, 0.02))]
    )
    assert level(heard[: 100 * 960]) < 0.001
    assert level(heard[100 * 960 :]) > 0.1


def test_a_sound_that_breaks_off_does_not_ring_on() -> None:
    voice, decoder = outbound(), opus.Decoder()
    packets = [*said(voice, 50, pcm=tone(400, 0.02)), *said(voice, 50)]
    heard = b"".join(decoder.decode(packet.payload) for packet in packets)
    assert level(heard[: 50 * 960]) > 0.15
    assert level(heard[53 * 960 : 60 * 960]) < 0.005
    assert level(heard) < 0.001


def test_a_steady_tone_is_no_silence() -> None:
    voice, decoder = outbound(dtx=True), opus.Decoder()
    packets = [packet for at in range(150) for packet in said(voice, 1, pcm=tone(440, 0.02, at=480 * at))]
    assert len(packets) == 150
    heard = b"".join(decoder.decode(packet.payload) for packet in packets)
    assert pitch(heard) == pytest.approx(440, abs=3)
    assert level(heard) == pytest.approx(level(tone(440, 1)), rel=0.1)


def test_silence_is_not_sent_to_those_who_wish_so_and_its_end_is_marked() -> None:
    voice = outbound(dtx=True)
    said(voice, 20, pcm=tone(440, 0.02))
    silence = said(voice, 200)
    assert len(silence) == 5 + 10
    resumed = said(voice, 2, pcm=tone(440, 0.02))
    assert [packet.marker for packet in resumed] == [True, False]
    assert resumed[0].sequence == (silence[-1].sequence + 1) % 65_536
    assert resumed[1].sequence == (resumed[0].sequence + 1) % 65_536
    assert resumed[1].timestamp == (resumed[0].timestamp + 960) % 2**32
    assert (resumed[0].timestamp - silence[-1].timestamp) % 2**32 in range(960, 21 * 960, 960)


def test_time_that_went_by_unused_shows_in_the_timestamp() -> None:
    voice = outbound()
    before = said(voice, 1, pcm=tone(440, 0.02))[0]
    data = voice.frame(tone(440, 0.02), missed=7)
    assert data is not None
    after = rtp.parse(data)
    assert (after.timestamp - before.timestamp) % 2**32 == 8 * 960
    assert after.marker


def lost(voice: Outbound, fraction: int) -> None:
    """The other end reports how many of 256 packets did not come."""
    voice.reported(rtp.Reception(voice.ssrc, fraction, 0, 0, 0, 0, 0))


def hole(voice: Outbound) -> float:
    """How far from what was said is what is heard in the place of a packet that got lost, of full scale.

    The voice says vowels: 140 Hz with overtones that change.
    """
    decoder, reference = opus.Decoder(), opus.Decoder()
    off = []
    for number in range(60):
        at, strength = 480 * number, 0.1 + 0.1 * (number // 5 % 2)
        parts = [tone(140 * k, 0.02, at=at, level=strength / k) for k in range(1, 8 - number // 4 % 3)]
        pcm = np.sum([np.frombuffer(part, "<i2") for part in parts], axis=0).astype("<i2").tobytes()
        packet = said(voice, 1, pcm=pcm)[0].payload
        wanted, last = reference.decode(packet), number % 6
        if last == 4:
            missed = wanted
        elif last == 5:
            heard = np.frombuffer(decoder.recover(packet, 480), "<i2").astype(float)
            off.append(float(np.sqrt(np.mean((heard - np.frombuffer(missed, "<i2")) ** 2))) / 32_768)
            decoder.decode(packet)
        else:
            decoder.decode(packet)
    return float(np.median(off))


def test_losses_that_are_reported_turn_error_correction_on_and_their_end_turns_it_off() -> None:
    voice = outbound(fec=True)
    without = hole(voice)
    lost(voice, 40)
    with_it = hole(voice)
    assert with_it < 0.7 * without
    lost(voice, 0)
    assert hole(voice) < 0.7 * without
    for _ in range(20):
        lost(voice, 0)
    assert hole(voice) > 1.2 * with_it


def test_no_error_correction_is_sent_to_those_who_do_not_ask_for_it() -> None:
    voice = outbound(fec=False)
    before = hole(voice)
    lost(voice, 40)
    assert hole(voice) > 0.8 * before


def test_what_was_sent_is_told() -> None:
    voice = outbound()
    packets = said(voice, 3)
    sent = voice.sent()
    assert sent.packets == 3
    assert sent.octets == sum(len(packet.payload) for packet in packets)
    assert sent.timestamp == (packets[-1].timestamp + 960) % 2**32
