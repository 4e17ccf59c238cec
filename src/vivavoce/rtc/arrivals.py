"""How a stream arrives, counted as RFC 3550 (appendix A) wants it reported to its sender."""

from vivavoce.rtc.rtp import Packet, Reception, Report

_CLOCK = 48_000
_MID_32_BITS = 16


class Arrivals:
    """The account of one source. Times are seconds of any clock that only goes forward."""

    def __init__(self, packet: Packet, now: float) -> None:
        self.ssrc = packet.ssrc
        self._first = self._highest = packet.sequence
        self._turns = 0
        self._count = 0
        self._reported = (0, 0)
        """Packets expected and come, as of the last report."""
        self._jitter = 0.0
        self._transit = now * _CLOCK - packet.timestamp
        self._sender_report: tuple[int, float] | None = None

    def came(self, packet: Packet, now: float) -> None:
        """Counts a packet, in whatever order it comes."""
        self._count += 1
        step = (packet.sequence - self._highest) & 0xFFFF
        if 0 < step < 0x8000:
            if packet.sequence < self._highest:
                self._turns += 1
            self._highest = packet.sequence
        transit = now * _CLOCK - packet.timestamp
        change = abs(transit - self._transit)
        self._transit = transit
        if change < _CLOCK:  # more is a timestamp that turned round or jumped, not a delay
            self._jitter += (change - self._jitter) / 16

    def told(self, report: Report, now: float) -> None:
        """The source's own report has come."""
        if report.sent is not None:
            self._sender_report = ((report.sent.ntp >> _MID_32_BITS) & 0xFFFFFFFF, now)

    def block(self, now: float) -> Reception:
        """What to report; the share of losses is that since the last call."""
        highest = self._turns << 16 | self._highest
        expected = highest - self._first + 1
        before_expected, before_count = self._reported
        self._reported = (expected, self._count)
        due = expected - before_expected
        lost = due - (self._count - before_count)
        last_report, delay = 0, 0
        if self._sender_report is not None:
            last_report, then = self._sender_report
            delay = int((now - then) * 65_536)
        return Reception(
            ssrc=self.ssrc,
            fraction_lost=min(255, lost * 256 // due) if due > 0 and lost > 0 else 0,
            lost=expected - self._count,
            highest=highest,
            jitter=int(self._jitter),
            last_report=last_report,
            delay=delay,
        )
