"""The jitter buffer: whatever a network does to packets, what comes out is what the timestamps say."""

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.rtc import jitter
from vivavoce.rtc.jitter import Conceal, JitterBuffer, Piece, Play, Recover, Restart, Silence
from vivavoce.rtc.rtp import Packet

FRAME = 960


def packet(number: int, *, ticks: int = FRAME, ssrc: int = 1, first: int = 0, begin: int = 0) -> Packet:
    """The packet with this number of a stream that began with sequence `first` and timestamp `begin`."""
    return Packet(
        payload_type=111,
        sequence=(first + number) % 65_536,
        timestamp=(begin + number * ticks) % 2**32,
        ssrc=ssrc,
        payload=str(number).encode(),
    )


def length(pieces: Iterable[Piece], ticks: int = FRAME) -> int:
    """Ticks of some pieces, where each packet has `ticks`."""
    total = 0
    for piece in pieces:
        if isinstance(piece, Play):
            total += ticks - piece.skip
        elif not isinstance(piece, Restart):
            total += piece.ticks
    return total


class Line(msgspec.Struct):
    """A jitter buffer with packets of 20 ms on their way to it, and what came out."""

    buffer: JitterBuffer = msgspec.field(default_factory=lambda: JitterBuffer(0.0))
    pieces: list[Piece] = msgspec.field(default_factory=list)

    def come(self, number: int, at: float | None = None, **how: int) -> list[Piece]:
        """A packet comes, at its own time if no other is given."""
        new = self.buffer.add(packet(number, **how), FRAME, 0.02 * number if at is None else at)
        self.pieces += new
        return new

    def tick(self, at: float) -> list[Piece]:
        new = self.buffer.tick(at)
        self.pieces += new
        return new


def started(packets: int = 1) -> Line:
    """A line on which some packets came on time."""
    line = Line()
    for number in range(packets):
        line.come(number)
        line.tick(0.02 * number)
    return line


def test_packets_in_order_are_played_at_once() -> None:
    line = Line()
    assert line.come(0) == [Restart(), Play(b"0")]
    for number in range(1, 100):
        assert line.come(number) == [Play(str(number).encode())]
        assert line.tick(0.02 * number) == []


def test_packets_that_change_places_are_played_in_order() -> None:
    line = started()
    assert line.come(2, at=0.040) == []
    assert line.come(3, at=0.060) == []
    assert line.come(1, at=0.075) == [Play(b"1"), Play(b"2"), Play(b"3")]
    assert line.buffer.counts == jitter.Counts(played=4)


def test_a_packet_that_does_not_come_is_recovered_from_the_next() -> None:
    line = started()
    line.come(2, at=0.040)
    assert line.tick(0.099) == []
    assert line.tick(0.101) == [Recover(b"2", FRAME), Play(b"2")]
    assert line.come(1, at=0.110) == []
    assert line.buffer.counts == jitter.Counts(played=2, missing=1, late=1)


def test_many_packets_that_do_not_come_are_made_up_until_silence() -> None:
    line = started()
    line.come(9, at=0.18)
    # Made up for 60 ms, then silent; the last of them from what the next packet carries.
    assert line.tick(0.25) == [Conceal(2880), Silence(4 * FRAME), Recover(b"9", FRAME), Play(b"9")]


def test_silence_that_is_not_sent_is_filled_without_waiting() -> None:
    line = started()
    resumed = Packet(111, 1, 5 * FRAME, 1, b"resumed")
    assert line.buffer.add(resumed, FRAME, 0.1) == [Conceal(2880), Silence(FRAME), Play(b"resumed")]
    assert line.buffer.counts.missing == 0


def test_packets_that_come_twice_are_played_once() -> None:
    line = started()
    assert line.come(0, at=0.001) == []
    line.come(2, at=0.040)
    assert line.come(2, at=0.041) == []
    assert line.come(1, at=0.042) == [Play(b"1"), Play(b"2")]
    assert line.buffer.counts == jitter.Counts(played=3, late=2)


def test_the_stream_goes_on_when_packets_stop_and_does_not_double_when_they_return() -> None:
    line = started()
    for tick in range(1, 51):
        line.tick(0.02 * tick)
    # One second later the clock is followed, 60 ms behind.
    assert length(line.pieces) == FRAME + 47 * FRAME - FRAME + FRAME
    assert line.pieces[2:] == [Conceal(FRAME)] * 3 + [Silence(FRAME)] * 44
    late = [line.come(number, at=1.0) for number in range(1, 48)]
    assert late == [[]] * 47
    assert line.come(48, at=1.0) == [Play(b"48")]
    line.come(49, at=1.0)
    line.come(50, at=1.0)
    assert length(line.pieces) == 51 * FRAME


def test_a_network_that_fails_for_two_seconds_is_silence_for_two_seconds() -> None:
    line = started(10)
    for number in range(10, 110):
        line.tick(0.02 * number)
    resumed = []
    for number in range(110, 120):
        resumed += line.come(number)
        resumed += line.tick(0.02 * number + 0.001)
    # What comes first waits once, in case that something before it is late; all after it is there at once.
    assert [piece for piece in resumed if isinstance(piece, Play)] == [
        Play(str(number).encode()) for number in range(110, 120)
    ]
    assert length(line.pieces) == 120 * FRAME
    assert line.come(120) == [Play(b"120")]
    assert line.buffer.counts.late == 0


def test_before_anything_comes_there_is_silence_by_the_clock() -> None:
    line = Line()
    for tick in range(51):
        line.tick(0.02 * tick)
    assert line.pieces == [Silence(FRAME)] * 47


def test_a_delay_that_stays_is_taken_on() -> None:
    line = started(10)
    for tick in range(10, 20):
        line.tick(0.02 * tick)
    played = []
    for number in range(10, 30):
        played += line.come(number, at=0.02 * number + 0.2)
        line.tick(0.02 * number + 0.2)
    assert line.buffer.counts.late <= 11
    assert played[-1] == Play(b"29")
    assert line.come(30, at=0.02 * 30 + 0.2) == [Play(b"30")]


@pytest.mark.parametrize("jump", [10**6, -(10**6), 2**31 - 1])
def test_a_timestamp_that_jumps_is_bounded(jump: int) -> None:
    line = started(10)
    for number in range(10, 40):
        moved = msgspec.structs.replace(packet(number), timestamp=(number * FRAME + jump) % 2**32)
        line.pieces += line.buffer.add(moved, FRAME, 0.02 * number)
        line.tick(0.02 * number)
    assert line.pieces[-1] == Play(b"39")
    assert 40 * FRAME - 12 * FRAME <= length(line.pieces) <= 52 * FRAME


def test_another_source_takes_over_when_the_first_is_silent() -> None:
    line = started(10)
    assert line.come(500, at=0.2, ssrc=2) == []
    assert line.buffer.counts.foreign == 1
    line.tick(0.25)
    taken = line.come(510, at=0.5, ssrc=2)
    assert taken == [Restart(), Play(b"510")]
    assert line.come(511, at=0.52, ssrc=2) == [Play(b"511")]


def test_a_stall_of_this_end_costs_nothing() -> None:
    line = started(10)
    assert line.tick(4.0) == []
    for number in range(10, 200):
        assert line.come(number, at=4.0) == [Play(str(number).encode())]


def test_more_sound_than_time_is_not_taken() -> None:
    line = Line()
    for number in range(10_000):
        line.come(number, at=0.0001 * number)
    assert length(line.pieces) <= 6.1 * 48_000
    assert line.buffer.counts.excess > 9_500


def test_what_waits_behind_a_hole_is_limited() -> None:
    line = started()
    for number in range(2, 100):
        line.buffer.add(packet(number, ticks=120), 120, 0.02)
    assert len(line.buffer._held) <= jitter.MAX_HELD


@given(
    ticks=st.sampled_from([480, 960, 1920, 2880]),
    first=st.integers(0, 65_535),
    begin=st.integers(0, 2**32 - 1),
    fates=st.lists(
        st.tuples(
            st.sampled_from(["comes", "comes", "comes", "lost", "twice"]),
            st.floats(0, 0.055),
            st.floats(0, 0.055),
        ),
        min_size=2,
        max_size=60,
    ),
)
def test_what_comes_out_is_what_the_timestamps_say(
    ticks: int, first: int, begin: int, fates: list[tuple[str, float, float]]
) -> None:
    arrivals: list[tuple[float, int]] = []
    for number, (fate, delay, again) in enumerate(fates):
        sent = number * ticks / 48_000
        if fate != "lost" or number == 0:
            arrivals.append((sent + (delay if number else 0.0), number))
        if fate == "twice" and number:
            arrivals.append((sent + again, number))
    arrivals.sort()
    buffer = JitterBuffer(0.0)
    pieces: list[Piece] = []
    clock = 0.02
    for at, number in arrivals:
        while clock <= at:
            pieces += buffer.tick(clock)
            clock += 0.02
        pieces += buffer.add(packet(number, ticks=ticks, first=first, begin=begin), ticks, at)
    pieces += buffer.tick(arrivals[-1][0] + 0.0601)

    delivered = {number for _, number in arrivals}
    while not isinstance(pieces[-1], Play):
        pieces.pop()  # the clock, after the last packet
    position, played = 0, []
    for piece in pieces:
        if isinstance(piece, Play):
            number = int(piece.payload)
            assert position - piece.skip == number * ticks
            played.append(number)
        position += length([piece], ticks)
        if isinstance(piece, Conceal | Recover):
            assert piece.ticks % 120 == 0
    assert position == (max(delivered) + 1) * ticks
    assert played == sorted(delivered)
