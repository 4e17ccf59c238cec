"""Opus by libopus: what goes in comes out, and what is lost is made up."""

import pytest

from tests.rtc.ends import level, pitch, tone
from vivavoce.rtc import opus

FRAMES = [tone(440, 0.02, at=480 * index) for index in range(50)]


def packets(encoder: opus.Encoder) -> list[bytes]:
    return [encoder.encode(frame) for frame in FRAMES]


def test_a_tone_comes_out_as_it_went_in() -> None:
    decoder = opus.Decoder()
    heard = [decoder.decode(packet) for packet in packets(opus.Encoder())]
    assert {len(pcm) for pcm in heard} == {960}
    assert pitch(b"".join(heard)) == pytest.approx(440, abs=3)
    assert level(b"".join(heard)) == pytest.approx(level(b"".join(FRAMES)), rel=0.1)


def test_a_frame_that_is_lost_is_recovered_from_the_next() -> None:
    encoder, decoder = opus.Encoder(fec=True), opus.Decoder()
    encoder.expect_loss(30)
    sent = packets(encoder)
    heard = b"".join(decoder.decode(packet) for packet in sent[:40])
    recovered = decoder.recover(sent[41], 480)
    assert len(recovered) == 960
    assert level(recovered) > 0.5 * level(heard)


def test_losses_that_come_and_go_are_not_heard() -> None:
    encoder, decoder = opus.Encoder(fec=True), opus.Decoder()
    heard, configurations = b"", []
    for losses in (0, 10, 0):
        encoder.expect_loss(losses)
        sent = packets(encoder)
        configurations.append(sent[-1][0] >> 3)
        heard += b"".join(decoder.decode(packet) for packet in sent)
    # RFC 6716, section 3.1: from 16 on the one codec alone.
    assert [configuration >= 16 for configuration in configurations] == [True, False, True]
    assert pitch(heard) == pytest.approx(440, abs=3)
    for at in range(10, 150):
        assert level(heard[at * 960 : (at + 1) * 960]) == pytest.approx(level(FRAMES[0]), rel=0.2)


def test_a_frame_that_is_lost_is_made_up_of_what_was_heard() -> None:
    decoder = opus.Decoder()
    heard = b"".join(decoder.decode(packet) for packet in packets(opus.Encoder()))
    assert level(decoder.conceal(480)) > 0.1 * level(heard)
    decoder.reset()
    assert level(decoder.conceal(480)) == 0


def test_durations_are_told_without_decoding() -> None:
    assert opus.duration(opus.Encoder().encode(FRAMES[0])) == 480


@pytest.mark.parametrize("broken", [b"", b"\xff", b"\xff" * 2000, b"\x03\xff\x00"])
def test_broken_packets_are_errors(broken: bytes) -> None:
    with pytest.raises(opus.OpusError):
        opus.duration(broken)
    with pytest.raises(opus.OpusError):
        opus.Decoder().decode(broken or b"\xff")


def test_frames_have_one_size() -> None:
    with pytest.raises(opus.OpusError, match="960"):
        opus.Encoder().encode(bytes(959))


def test_a_machine_without_the_codec_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    opus._library.cache_clear()
    try:
        with pytest.raises(opus.OpusMissing, match="install"):
            opus.Encoder()
    finally:
        opus._library.cache_clear()
