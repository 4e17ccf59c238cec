"""Bytes, milliseconds and rates of the wire's encodings."""

import subprocess
import sys

import pytest

from vivavoce.audio import Encoding, byte_count, bytes_per_sample, bytes_per_second, duration_ms, sample_rate


@pytest.mark.parametrize(
    ("encoding", "rate", "width", "second"),
    [("audio/pcm", 24000, 2, 48000), ("audio/pcmu", 8000, 1, 8000), ("audio/pcma", 8000, 1, 8000)],
)
def test_rates_and_widths(encoding, rate, width, second):
    assert sample_rate(encoding) == sample_rate(Encoding(encoding)) == rate
    assert bytes_per_sample(encoding) == width
    assert bytes_per_second(encoding) == second


def test_milliseconds_are_whole_and_never_say_too_much():
    assert duration_ms(0, "audio/pcm") == 0
    assert duration_ms(47, "audio/pcm") == 0
    assert duration_ms(48, "audio/pcm") == 1
    assert duration_ms(4800, Encoding.PCM) == 100
    assert duration_ms(4847, Encoding.PCM) == 100
    assert duration_ms(160, "audio/pcmu") == duration_ms(167, "audio/pcma") == 20


@pytest.mark.parametrize("encoding", list(Encoding))
def test_milliseconds_to_bytes_and_back(encoding):
    for ms in (0, 1, 7, 20, 1000, 86_400_000):
        assert duration_ms(byte_count(ms, encoding), encoding) == ms
        assert byte_count(ms, encoding) % bytes_per_sample(encoding) == 0


@pytest.mark.parametrize("function", [sample_rate, bytes_per_sample, bytes_per_second])
def test_an_encoding_that_there_is_not(function):
    with pytest.raises(
        ValueError, match=r"'audio/opus' is not one of .* audio/pcm, audio/pcmu, audio/pcma\."
    ):
        function("audio/opus")


def test_the_room_needs_no_numpy():
    program = "import sys, vivavoce.audio; sys.exit('numpy' in sys.modules or 'soxr' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
