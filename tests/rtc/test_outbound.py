"""The voice that goes out: timestamps, markers, silence."""

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


def test_error_correction_takes_bytes_where_packets_get_lost() -> None:
    voice = outbound(fec=True)
    speech = b"".join(tone(hertz, 0.005, level=0.2) for hertz in (180, 320, 510, 230))

    def size() -> int:
        said(voice, 20, pcm=speech)
        return sum(len(packet.payload) for packet in said(voice, 50, pcm=speech))

    clean = size()
    voice.reported(rtp.Reception(voice.ssrc, 80, 0, 0, 0, 0, 0))
    lossy = size()
    assert lossy != clean
    decoder = opus.Decoder()
    sent = said(voice, 30, pcm=speech)
    for packet in sent[:20]:
        decoder.decode(packet.payload)
    assert any(decoder.recover(sent[21].payload, 480))


def test_what_was_sent_is_told() -> None:
    voice = outbound()
    packets = said(voice, 3)
    sent = voice.sent()
    assert sent.packets == 3
    assert sent.octets == sum(len(packet.payload) for packet in packets)
    assert sent.timestamp == (packets[-1].timestamp + 960) % 2**32
