"""The account of what arrives, as it is reported."""

from vivavoce.rtc.arrivals import Arrivals
from vivavoce.rtc.rtp import Packet, Report, Sent


def packet(sequence: int, timestamp: int = 0) -> Packet:
    return Packet(111, sequence % 65_536, timestamp % 2**32, 7, b"")


def arrivals(sequences: list[int]) -> Arrivals:
    account = Arrivals(packet(sequences[0]), 0.0)
    for number, sequence in enumerate(sequences):
        account.came(packet(sequence, 960 * number), 0.02 * number)
    return account


def test_losses_are_told_since_the_beginning_and_since_the_last_report() -> None:
    account = arrivals([10, 11, 13, 14])
    block = account.block(1.0)
    assert (block.ssrc, block.lost, block.fraction_lost, block.highest) == (7, 1, 256 // 5, 14)
    account.came(packet(15), 1.0)
    block = account.block(2.0)
    assert (block.lost, block.fraction_lost) == (1, 0)
    assert account.block(3.0).fraction_lost == 0


def test_repetitions_count_as_what_came() -> None:
    block = arrivals([1, 2, 2, 2, 3]).block(1.0)
    assert (block.lost, block.fraction_lost) == (-2, 0)


def test_sequence_numbers_turn_round() -> None:
    block = arrivals([65_534, 65_535, 1, 0, 2]).block(1.0)
    assert (block.highest, block.lost) == (65_536 + 2, 0)


def test_jitter_is_that_of_the_arrival_times() -> None:
    steady = arrivals(list(range(100)))
    assert steady.block(2.0).jitter == 0
    shaken = Arrivals(packet(0), 0.0)
    for number in range(500):
        shaken.came(packet(number, 960 * number), 0.02 * number + 0.01 * (number % 2))
    assert 440 <= shaken.block(10.0).jitter <= 480  # 10 ms of 48 kHz


def test_a_sender_report_is_answered_with_the_time_since() -> None:
    account = arrivals([1])
    assert account.block(1.0).last_report == 0
    account.told(Report(7, Sent(0x1234_5678_9ABC_DEF0, 0, 0, 0), ()), 1.0)
    account.told(Report(7, None, ()), 1.2)
    block = account.block(1.5)
    assert (block.last_report, block.delay) == (0x5678_9ABC, 32_768)
