"""Puts what arrives over a network back in order, without I/O: packets and the clock in, pieces of sound out.

A packet that comes in order is handed on at once: nothing is held back in case that something comes late.
Held back is only what comes after a hole, for as long as the missing packet may still come (`HOLD_S`). The
stream never stops: where no packets come, because the other end sends none in silence or because the network
fails, silence comes by the clock, `LAG_S` behind, so that packets which are late by less than that still find
their place.

Positions are ticks of Opus's RTP clock (48 kHz). Whatever is lost, late, repeated or out of order: the ticks
that come out are those that the timestamps say. Only where timestamps jump beyond what the clock explains, or
where another source takes over, the stream goes on without filling the difference.
"""

from collections.abc import Iterator

import msgspec

from vivavoce.rtc.rtp import Packet

TICKS_PER_SECOND = 48_000
FRAME_TICKS = 960
HOLD_S = 0.060
"""How long a missing packet is waited for when packets after it are there."""
LAG_S = 0.060
"""How far silence by the clock stays behind it: the delay at which a packet becomes useless."""
CONCEAL_TICKS = 2_880
"""How much is made up after the last packet (60 ms); then comes silence."""
JUMP_S = 0.200
"""How far ahead of the clock a timestamp may be, before it is taken as a new count."""
OVERDUE_S = 0.200
"""How long packets may all be late before it is the network, or the count, that has changed. For as long a
source must be silent before another one may take its place."""
MAX_HELD = 64
"""Packets that wait behind a hole."""

_ALIGNMENT = 120
"""Ticks of 2.5 ms: what Opus makes up is a multiple of them."""
_CREDIT_TICKS = 5 * TICKS_PER_SECOND
_CREDIT_RATE = 1.02 * TICKS_PER_SECOND
"""Sound may come faster than time by as much as clocks differ, and in advance by five seconds."""


class Play(msgspec.Struct, frozen=True, gc=False):
    """A packet whose turn it is. The first `skip` ticks of it were filled otherwise."""

    payload: bytes
    skip: int = 0


class Recover(msgspec.Struct, frozen=True, gc=False):
    """A hole before `payload`, which may carry a copy of what was lost."""

    payload: bytes
    ticks: int


class Conceal(msgspec.Struct, frozen=True, gc=False):
    """A hole: to be made up of what was heard before. A multiple of 2.5 ms."""

    ticks: int


class Silence(msgspec.Struct, frozen=True, gc=False):
    """Nothing came for long."""

    ticks: int


class Restart(msgspec.Struct, frozen=True, gc=False):
    """What follows is of another source: what was heard before says nothing about it."""


Piece = Play | Recover | Conceal | Silence | Restart


class Counts(msgspec.Struct):
    """What happened to packets."""

    played: int = 0
    late: int = 0
    """Came after their turn, or twice."""
    missing: int = 0
    """Holes that were given up and made up."""
    foreign: int = 0
    """Of another source than the one that is heard."""
    excess: int = 0
    """Beyond what time allows."""


class _Held(msgspec.Struct):
    """A packet that waits for its turn."""

    packet: Packet
    ticks: int
    arrived: float


class JitterBuffer:
    """One stream. Times are seconds of any clock that only goes forward; `now` is its begin."""

    def __init__(self, now: float) -> None:
        self.counts = Counts()
        self._source: int | None = None
        self._next = 0
        """The timestamp of what comes out next."""
        self._played = 0
        """The sequence number of the last packet that came out."""
        self._highest = 0
        self._held: list[_Held] = []
        """Sorted by timestamp."""
        self._reached = (0, now)
        """A timestamp, and when the network had brought everything before it."""
        self._made_up = CONCEAL_TICKS
        """Ticks since the last packet that came out."""
        self._last_packet = self._last_tick = now
        self._overdue: float | None = None
        """Since when all packets have been late."""
        self._credit, self._credited = float(_CREDIT_TICKS), now

    @property
    def source(self) -> int | None:
        """The SSRC of the source that is heard."""
        return self._source

    def add(self, packet: Packet, ticks: int, now: float) -> list[Piece]:
        """A packet with `ticks` of sound has come; the pieces whose turn it is now."""
        pieces: list[Piece] = []
        if not self._afford(now):
            self.counts.excess += 1
            return pieces
        if packet.ssrc != self._source:
            if self._source is not None and now - self._last_packet < OVERDUE_S:
                self.counts.foreign += 1
                return pieces
            pieces += self._take_over(packet, now)
        self._last_packet = now
        newest = _later(packet.sequence, self._highest)
        if newest:
            self._highest = packet.sequence
        ahead = _ticks_between(self._next, packet.timestamp)
        if ahead + ticks <= 0:
            if not (newest and self._is_overdue(now)):
                self.counts.late += 1
                return pieces
            pieces += self._jump(packet, now)
        elif ahead > self._owed(now) + JUMP_S * TICKS_PER_SECOND:
            pieces += self._jump(packet, now)
        self._overdue = None
        self._hold(_Held(packet, ticks, now))
        pieces += self._release(now)
        return pieces

    def tick(self, now: float) -> list[Piece]:
        """Time went by; the pieces whose turn it is now. To be called about every 20 ms."""
        stalled = now - self._last_tick - LAG_S
        self._last_tick = now
        if stalled > 0:
            # It was this end that did nothing: what the other sent meanwhile waits in the socket.
            position, then = self._reached
            self._reached = (position, min(now, then + stalled))
        pieces = list(self._release(now))
        owed = self._owed(now)
        while not self._held and owed >= LAG_S * TICKS_PER_SECOND + FRAME_TICKS:
            pieces += self._fill(FRAME_TICKS)
            owed -= FRAME_TICKS
        return pieces

    def _release(self, now: float) -> Iterator[Piece]:
        """What is held and needs to wait no longer."""
        while self._held:
            first = self._held[0]
            gap = _ticks_between(self._next, first.packet.timestamp)
            lost = first.packet.sequence != (self._played + 1) % 65_536
            if gap > 0 and lost and len(self._held) < MAX_HELD and now < self._deadline():
                return
            del self._held[0]
            if gap + first.ticks <= 0:
                self.counts.late += 1
                continue
            if gap > 0:
                yield from self._bridge(gap, first, lost=lost)
                gap = 0
            yield Play(first.packet.payload, -gap)
            self.counts.played += 1
            self._advance(first.ticks + gap)
            self._played = first.packet.sequence
            self._made_up = 0
            self._reached = (self._next, first.arrived)

    def _deadline(self) -> float:
        return min(held.arrived for held in self._held) + HOLD_S

    def _bridge(self, gap: int, after: _Held, *, lost: bool) -> Iterator[Piece]:
        """Fills a hole, its end from the packet after it if one was lost."""
        if not lost:
            yield from self._fill(gap)
            return
        self.counts.missing += 1
        last = min(gap - gap % _ALIGNMENT, after.ticks)
        yield from self._fill(gap - last)
        if last:
            yield Recover(after.packet.payload, last)
            self._advance(last)

    def _fill(self, ticks: int) -> Iterator[Piece]:
        made_up = min(ticks, max(0, CONCEAL_TICKS - self._made_up))
        made_up -= made_up % _ALIGNMENT
        if made_up:
            yield Conceal(made_up)
        if ticks > made_up:
            yield Silence(ticks - made_up)
        self._made_up += ticks
        self._advance(ticks)

    def _hold(self, new: _Held) -> None:
        """Puts a packet in its place among those that wait."""
        at = len(self._held)
        while at and _ticks_between(self._held[at - 1].packet.timestamp, new.packet.timestamp) <= 0:
            at -= 1
            if self._held[at].packet.timestamp == new.packet.timestamp:
                self.counts.late += 1
                return
        self._held.insert(at, new)

    def _take_over(self, packet: Packet, now: float) -> Iterator[Piece]:
        self._source = packet.ssrc
        self._played = self._highest = (packet.sequence - 1) % 65_536
        yield from self._jump(packet, now)
        yield Restart()

    def _jump(self, packet: Packet, now: float) -> Iterator[Piece]:
        """Counts on from a packet. What still waited is played before, without its holes."""
        for held in self._held:
            yield Play(held.packet.payload)
            self.counts.played += 1
        self._held.clear()
        self._next = packet.timestamp
        self._reached = (self._next, now)

    def _is_overdue(self, now: float) -> bool:
        if self._overdue is None:
            self._overdue = now
        return now - self._overdue >= OVERDUE_S

    def _owed(self, now: float) -> float:
        """Ticks between what came out and what the other end must have said by now."""
        position, then = self._reached
        return _ticks_between(self._next, position) + (now - then) * TICKS_PER_SECOND

    def _advance(self, ticks: int) -> None:
        self._next = (self._next + ticks) & 0xFFFFFFFF
        self._credit -= ticks

    def _afford(self, now: float) -> bool:
        self._credit = min(_CREDIT_TICKS, self._credit + (now - self._credited) * _CREDIT_RATE)
        self._credited = now
        return self._credit > 0


def _ticks_between(one: int, other: int) -> int:
    """From one timestamp to another, the shorter way round."""
    return ((other - one + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def _later(sequence: int, than: int) -> bool:
    return 0 < (sequence - than) % 65_536 < 32_768
