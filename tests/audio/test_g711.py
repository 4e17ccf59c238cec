"""G.711 against the standard's own numbers and against formulas written in another way."""

from bisect import bisect_right
from itertools import pairwise

import numpy as np
import pytest

from vivavoce.audio.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw

EVERY_BYTE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)


def ulaw_decisions() -> list[int]:
    """Table 2a of G.711: where the intervals of positive µ-law begin, and where the last one ends, in 16-bit
    steps (four to one of the standard's). One interval of 1 around zero, 15 of 2, then 16 each of 4, 8, …
    256."""
    decisions = [0, 1]
    for intervals, size in [(15, 2), *((16, 4 << segment) for segment in range(7))]:
        decisions += [decisions[-1] + size * (place + 1) for place in range(intervals)]
    return [4 * decision for decision in decisions]


def alaw_decisions() -> list[int]:
    """Table 1a of G.711: the same for positive A-law, in 16-bit steps (eight to one of the standard's). 32
    intervals of 2, then 16 each of 4, 8, … 128."""
    decisions = [0]
    for intervals, size in [(32, 2), *((16, 4 << segment) for segment in range(6))]:
        decisions += [decisions[-1] + size * (place + 1) for place in range(intervals)]
    return [8 * decision for decision in decisions]


def middles(decisions: list[int]) -> list[int]:
    """The value of each interval: its middle."""
    return [(begin + end) // 2 for begin, end in pairwise(decisions)]


ULAW_VALUES = [0, *middles(ulaw_decisions()[1:])]  # the first interval reaches below zero as well
ALAW_VALUES = middles(alaw_decisions())


class TestValues:
    def test_tables_end_where_the_standard_ends(self):
        assert ulaw_decisions()[-1] == 4 * 8159
        assert alaw_decisions()[-1] == 8 * 4096
        assert len(ULAW_VALUES) == len(ALAW_VALUES) == 128

    @pytest.mark.parametrize(
        ("decode", "known"),
        [
            # Code words as they travel, from the tables' own columns of values: 8031, 4191, 3999, 33, 30, 2,
            # 0 and 4032, 2112, 2016, 66, 63, 31, 1.
            (decode_ulaw, {0x80: 32124, 0x8F: 16764, 0x90: 15996, 0xEF: 132, 0xF0: 120, 0xFE: 8, 0xFF: 0}),
            (decode_alaw, {0xAA: 32256, 0xA5: 16896, 0xBA: 16128, 0xF5: 528, 0xCA: 504, 0xDA: 248, 0xD5: 8}),
        ],
    )
    def test_known_code_words(self, decode, known):
        assert {code: int(decode(bytes([code]))[0]) for code in known} == known
        assert {code: -int(decode(bytes([code & 0x7F]))[0]) for code in known} == known

    def test_every_byte(self):
        # The highest bit says plus. µ-law counts inwards, A-law outwards with every other bit inverted.
        ulaw = [-ULAW_VALUES[127 - code] for code in range(128)]
        assert decode_ulaw(EVERY_BYTE).tolist() == ulaw + [-value for value in ulaw]
        alaw = [-ALAW_VALUES[code ^ 0x55] for code in range(128)]
        assert decode_alaw(EVERY_BYTE).tolist() == alaw + [-value for value in alaw]

    @pytest.mark.parametrize(
        ("decisions", "values", "encode", "decode"),
        [
            (ulaw_decisions(), ULAW_VALUES, encode_ulaw, decode_ulaw),
            (alaw_decisions(), ALAW_VALUES, encode_alaw, decode_alaw),
        ],
        ids=["ulaw", "alaw"],
    )
    def test_every_sample_gets_the_value_of_its_interval(self, decisions, values, encode, decode):
        def value(sample: int) -> int:
            # A negative sample lies in the interval of its one's complement; beyond the last there is no
            # other.
            interval = min(bisect_right(decisions, sample if sample >= 0 else ~sample), 128) - 1
            return values[interval] if sample >= 0 else -values[interval]

        assert decode(encode(EVERY_SAMPLE)).tolist() == [value(sample) for sample in range(-32768, 32768)]

    def test_signs_survive_even_around_zero(self):
        assert encode_ulaw(np.array([0, 3, -1, -4], np.int16)) == b"\xff\xff\x7f\x7f"
        assert encode_alaw(np.array([0, 15, -1, -16], np.int16)) == b"\xd5\xd5\x55\x55"


class TestConversions:
    @pytest.mark.parametrize(
        ("encode", "decode"), [(encode_ulaw, decode_ulaw), (encode_alaw, decode_alaw)], ids=["ulaw", "alaw"]
    )
    def test_what_was_decoded_is_encoded_as_before(self, encode, decode):
        again = encode(decode(EVERY_BYTE))
        # µ-law has two zeros; the one with the minus sign is not a number.
        assert again == EVERY_BYTE.replace(b"\x7f", b"\xff") if encode is encode_ulaw else EVERY_BYTE

    @pytest.mark.parametrize("function", [decode_ulaw, decode_alaw])
    def test_nothing_is_nothing(self, function):
        assert function(b"").shape == (0,)
        assert function(b"").dtype == np.int16

    def test_samples_that_lie_apart_in_memory(self):
        apart = EVERY_SAMPLE[::7]
        assert encode_ulaw(apart) == encode_ulaw(apart.copy())
        assert encode_alaw(apart) == encode_alaw(apart.copy())
