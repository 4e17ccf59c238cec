"""The voice that comes in: samples as many as the clock says, whatever happens to the packets."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rtc.ends import level, pitch, tone
from vivavoce.rtc import jitter, opus, rtp
from vivavoce.rtc.inbound import Inbound, Refused


class Heard:
    """What an Inbound handed on."""

    def __init__(self) -> None:
        self.pcm = b""
        self.inbound = Inbound(self._heard)
        self.inbound.payload_types = frozenset({111})
        self.inbound.begin(0.0)

    def _heard(self, pcm: bytes) -> None:
        assert pcm
        assert len(pcm) % 960 == 0
        self.pcm += pcm


def packets(count: int, *, fec: bool = False) -> list[bytes]:
    """A tone of 440 Hz, encoded."""
    encoder = opus.Encoder(fec=fec)
    encoder.expect_loss(20)
    return [
        rtp.write(rtp.Packet(111, number, 960 * number, 7, encoder.encode(tone(440, 0.02, at=480 * number))))
        for number in range(count)
    ]


def test_a_tone_is_heard_through_losses_as_long_as_it_was() -> None:
    heard, dice = Heard(), random.Random(1)
    for number, data in enumerate(packets(200, fec=True)):
        if dice.random() > 0.2 or number in (0, 199):
            heard.inbound.media(data, 0.02 * number)
        heard.inbound.tick(0.02 * number + 0.001)
    heard.inbound.tick(0.02 * 199 + 0.0601)
    assert len(heard.pcm) == 200 * 960
    assert pitch(heard.pcm) == pytest.approx(440, abs=3)
    assert level(heard.pcm) == pytest.approx(level(tone(440, 1)), rel=0.25)


def test_what_no_packet_fills_is_silent() -> None:
    heard = Heard()
    for number, data in enumerate(packets(50)):
        heard.inbound.media(data, 0.02 * number)
        heard.inbound.tick(0.02 * number)
    for number in range(50, 150):
        heard.inbound.tick(0.02 * number)
    assert len(heard.pcm) == (150 - 3) * 960
    assert level(heard.pcm) == 0


def test_packets_that_are_none_of_the_voice_are_passed_over_and_counted() -> None:
    heard, (first, second) = Heard(), packets(2)
    heard.inbound.media(first, 0.0)
    foreign = rtp.write(rtp.Packet(0, 1, 960, 7, b"\x00" * 160))
    for data in (b"", b"\x80", b"\x00" * 40, foreign, second[:12], second[:12] + b"\xff" * 1200):
        heard.inbound.media(data, 0.01)
    heard.inbound.media(second, 0.02)
    assert len(heard.pcm) == 2 * 960
    assert heard.inbound.refused == Refused(malformed=5, unknown=1)
    assert heard.inbound.counts == jitter.Counts(played=2)


@pytest.mark.parametrize("milliseconds", [2.5, 5, 10, 40, 60])
def test_packets_of_any_length_are_heard_in_frames_of_20_ms(milliseconds: float) -> None:
    # Opus tells the length of a packet in its first byte (RFC 6716, section 3.1); the rest may be empty.
    toc = {2.5: 16 << 3, 5: 17 << 3, 10: 18 << 3, 40: 2 << 3, 60: 3 << 3}[milliseconds]
    heard, ticks = Heard(), int(milliseconds * 48)
    for number in range(48):
        heard.inbound.media(rtp.write(rtp.Packet(111, number, ticks * number, 7, bytes([toc]))), 0.0)
    assert len(heard.pcm) == 48 * int(milliseconds * 48)


@given(noise=st.lists(st.binary(min_size=1, max_size=60), max_size=20), data=st.data())
def test_noise_in_packets_that_are_well_formed_does_no_harm(noise: list[bytes], data: st.DataObject) -> None:
    heard = Heard()
    now = 0.0
    for payload in noise:
        now += data.draw(st.floats(0, 0.5))
        heard.inbound.media(
            rtp.write(
                rtp.Packet(
                    111,
                    data.draw(st.integers(0, 65_535)),
                    data.draw(st.integers(0, 2**32 - 1)),
                    data.draw(st.sampled_from([1, 2])),
                    payload,
                )
            ),
            now,
        )
        heard.inbound.tick(now)
    assert len(heard.pcm) <= (now + 6) * 48_000


def test_a_burst_after_a_stall_of_this_end_is_heard_whole() -> None:
    heard, sent = Heard(), packets(60)
    for number in range(10):
        heard.inbound.media(sent[number], 0.02 * number)
        heard.inbound.tick(0.02 * number)
    heard.inbound.tick(1.2)
    for data in sent[10:]:
        heard.inbound.media(data, 1.2)
    assert len(heard.pcm) == 60 * 960
