"""Both voices of a connection, on one clock: what is heard, what is said, and the reports about both."""

import asyncio
import math
import random
from collections.abc import Callable
from typing import Protocol

import msgspec

from vivavoce.rtc import rtp, sdp
from vivavoce.rtc.inbound import Inbound, Refused
from vivavoce.rtc.jitter import Counts
from vivavoce.rtc.outbound import Outbound

FRAME_S = 0.02
STALL_S = 0.1
"""Behind its schedule by less, the voice catches up; by more, the schedule begins anew."""
_CATCHING_UP_S = 0.01
"""Between frames that are behind: fast enough to catch up, and no burst."""
_REPORTS_S = 2.0
"""Between reports, on average (RFC 3550, section 6.2, varies it by half)."""


class Way(Protocol):
    """Where packets go."""

    def send_media(self, packet: bytes) -> None: ...

    def send_control(self, packet: bytes) -> None: ...


class Reception(msgspec.Struct, frozen=True):
    """How the other end's voice has arrived so far."""

    packets: Counts
    refused: Refused


class Media:
    """Both voices. `next_audio` is asked every 20 ms from `begin` on, `heard` is told what was heard."""

    def __init__(self, heard: Callable[[bytes], None], next_audio: Callable[[], bytes], name: str) -> None:
        self._next_audio = next_audio
        self._name = name
        self._inbound = Inbound(heard)
        self._outbound = Outbound()
        self._way: Way | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sends = True
        self._due = self._report_due = 0.0

    @property
    def ssrc(self) -> int:
        """The name of the voice that goes out, among the packets."""
        return self._outbound.ssrc

    @property
    def reception(self) -> Reception:
        """How the other end's voice has arrived so far."""
        return Reception(self._inbound.counts, self._inbound.refused)

    def negotiated(self, voice: sdp.Voice) -> None:
        """What the other end's description says of its own voice and wishes of this one.

        Where this end made the offer, an answer may name Opus by another number: then it sends by that of the
        offer (RFC 3264, section 5.1), or, if it is careless, by its own.
        """
        self._inbound.payload_types = frozenset({voice.payload_type, sdp.PAYLOAD_TYPE})
        self._outbound.negotiated(voice.payload_type, fec=voice.fec, dtx=voice.dtx)
        self._sends = voice.direction.receives

    def begin(self, way: Way) -> None:
        """Media can flow."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._way = way
        # All voices of an event loop speak at the same moments: it wakes up once for them.
        self._due = math.ceil(now / FRAME_S) * FRAME_S
        self._report_due = now + _REPORTS_S * random.uniform(0.25, 0.75)
        self._inbound.begin(now)
        self._timer = loop.call_at(self._due, self._frame)

    def end(self) -> None:
        """Nothing is said and heard any more; the other end is told."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._way is not None:
            self._way.send_control(rtp.write_bye(self.ssrc))
            self._way = None

    def media(self, data: bytes) -> None:
        """One packet of RTP has come."""
        if self._way is not None:
            self._inbound.media(data, asyncio.get_running_loop().time())

    def control(self, data: bytes) -> None:
        """One compound packet of RTCP has come."""
        now = asyncio.get_running_loop().time()
        arrivals = self._inbound.arrivals
        try:
            for report in rtp.parse_reports(data):
                if arrivals is not None and report.ssrc == arrivals.ssrc:
                    arrivals.told(report, now)
                for reception in report.receptions:
                    if reception.ssrc == self.ssrc:
                        self._outbound.reported(reception)
        except rtp.MalformedPacket:
            self._inbound.refused.malformed += 1

    def _frame(self) -> None:
        """One step of the clock."""
        way = self._way
        assert way is not None, "the clock stands still otherwise"
        loop = asyncio.get_running_loop()
        now = loop.time()
        missed = int((now - self._due) / FRAME_S) if now - self._due > STALL_S else 0
        self._due += FRAME_S * (1 + missed)
        # Before all else: whatever goes wrong below, the clock goes on.
        self._timer = loop.call_at(max(self._due, now + _CATCHING_UP_S), self._frame)
        packet = self._outbound.frame(self._next_audio(), missed=missed)
        if self._way is None:
            return  # whoever was asked ended it
        if packet is not None and self._sends:
            way.send_media(packet)
        self._inbound.tick(now)
        if now >= self._report_due and self._way is not None:
            self._report_due = now + _REPORTS_S * random.uniform(0.5, 1.5)
            way.send_control(rtp.write_report(self._report(now), self._name))

    def _report(self, now: float) -> rtp.Report:
        arrivals = self._inbound.arrivals
        return rtp.Report(
            self.ssrc,
            self._outbound.sent() if self._sends else None,
            () if arrivals is None else (arrivals.block(now),),
        )
