"""From the wire's bytes to samples and back, in appends of any size."""

import numpy as np
import pytest

from vivavoce.audio import byte_count, sample_rate
from vivavoce.audio.convert import Incoming, Outgoing
from vivavoce.audio.g711 import encode_alaw, encode_ulaw


def sweep(rate: int, seconds: float = 1.0) -> np.ndarray:
    """A tone that rises from 100 to 3,000 Hz."""
    time = np.arange(int(rate * seconds)) / rate
    return np.rint(12000 * np.sin(2 * np.pi * (100 * time + 1450 * time**2))).astype(np.int16)


def as_bytes(samples: np.ndarray, encoding: str) -> bytes:
    match encoding:
        case "audio/pcm":
            return samples.astype("<i2").tobytes()
        case "audio/pcmu":
            return encode_ulaw(samples)
        case _:
            return encode_alaw(samples)


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Signal to noise of one as a copy of the other, in dB, the ends left out."""
    inner = slice(len(other) // 10, -len(other) // 10)
    difference = one[inner].astype(float) - other[inner]
    return float(10 * np.log10(np.mean(other[inner].astype(float) ** 2) / (np.mean(difference**2) + 1e-9)))


ENCODINGS = [("audio/pcm", 50), ("audio/pcmu", 37), ("audio/pcma", 37)]


@pytest.mark.parametrize(("encoding", "decibels"), ENCODINGS)
@pytest.mark.parametrize("rate", [8000, 16000, 24000])
class TestBothWays:
    def test_outgoing_then_incoming(self, encoding, decibels, rate):
        samples = sweep(rate)
        outgoing = Outgoing(encoding, rate)
        wire = b"".join(outgoing.feed(samples[start : start + 700]) for start in range(0, rate, 700))
        wire += outgoing.flush()
        assert abs(len(wire) - byte_count(1000, encoding)) <= 2
        incoming = Incoming(encoding, rate)
        heard = np.concatenate((incoming.feed(wire), incoming.flush()))
        assert abs(len(heard) - rate) <= 2
        # Live input is resampled coarsely: 8 kHz that become more leave images of the upper frequencies.
        raised = rate > sample_rate(encoding)
        assert similarity(heard[:rate], samples[: len(heard)]) >= (20 if raised else decibels)

    @pytest.mark.parametrize("size", [1, 3, 333, 960, 100_000])
    def test_appends_of_any_size(self, encoding, decibels, rate, size):
        wire = as_bytes(sweep(sample_rate(encoding), 0.2), encoding)
        whole = Incoming(encoding, rate)
        expected = np.concatenate((whole.feed(wire), whole.flush()))
        incoming = Incoming(encoding, rate)
        pieces = [incoming.feed(wire[start : start + size]) for start in range(0, len(wire), size)]
        assert np.array_equal(np.concatenate((*pieces, incoming.flush())), expected)


def test_pcm_at_its_own_rate_is_taken_as_it_is():
    samples = sweep(24000)
    incoming, outgoing = Incoming("audio/pcm", 24000), Outgoing("audio/pcm", 24000)
    assert np.array_equal(incoming.feed(samples.astype("<i2").tobytes()), samples)
    assert outgoing.feed(samples) == samples.astype("<i2").tobytes()
    assert outgoing.flush() == b""


def test_half_a_sample_waits_for_the_other_half():
    incoming = Incoming("audio/pcm", 24000)
    assert incoming.feed(b"\x01").tolist() == []
    assert incoming.feed(b"").tolist() == []
    assert incoming.feed(b"\x02\x03").tolist() == [0x0201]
    assert incoming.feed(b"\x04").tolist() == [0x0403]


def test_half_a_sample_at_the_end_is_dropped():
    incoming = Incoming("audio/pcm", 24000)
    incoming.feed(b"\x01\x02\x03")
    assert incoming.flush().tolist() == []
    assert incoming.feed(b"\x05\x06").tolist() == [0x0605]


@pytest.mark.parametrize("encoding", ["audio/pcm", "audio/pcmu", "audio/pcma"])
def test_nothing_is_nothing(encoding):
    assert Incoming(encoding, 16000).feed(b"").tolist() == []
    assert Outgoing(encoding, 16000).feed(np.zeros(0, np.int16)) == b""


@pytest.mark.parametrize("converter", [Incoming, Outgoing])
def test_an_encoding_that_there_is_not(converter):
    with pytest.raises(ValueError, match="'audio/opus' is not one of the audio encodings"):
        converter("audio/opus", 16000)
