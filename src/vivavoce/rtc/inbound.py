"""The voice that comes in: packets of RTP become samples, in order, without holes and without end."""

from collections.abc import Callable

import msgspec

from vivavoce.rtc import opus, rtp
from vivavoce.rtc.arrivals import Arrivals
from vivavoce.rtc.jitter import Conceal, Counts, JitterBuffer, Piece, Play, Recover, Restart

_TICKS = 2
"""Of Opus's RTP clock (48 kHz) in one sample at 24 kHz."""
_CONCEAL_SAMPLES = 1_440
"""Made up at a time: 60 ms."""


class Refused(msgspec.Struct):
    """Packets that were passed over before their turn could come."""

    malformed: int = 0
    """No RTP, or no Opus in it."""
    unknown: int = 0
    """Of a payload type that was not negotiated."""


class Inbound:
    """Decodes one stream. `heard` is called with multiples of 20 ms, from `begin` on at the pace of time."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard
        self._decoder = opus.Decoder()
        self._buffer: JitterBuffer | None = None
        self._pcm = bytearray()
        """Less than 20 ms that wait for the rest of their frame."""
        self._odd_tick = 0
        self.payload_types = frozenset[int]()
        """Of Opus, as negotiated."""
        self.refused = Refused()
        self.arrivals: Arrivals | None = None
        """The account of the source that is heard; None before anything came."""

    @property
    def counts(self) -> Counts:
        """What happened to packets."""
        return Counts() if self._buffer is None else self._buffer.counts

    def begin(self, now: float) -> None:
        """From now on there is sound or silence without end. Times are those of the event loop's clock."""
        self._buffer = JitterBuffer(now)

    def media(self, data: bytes, now: float) -> None:
        """One packet of RTP has come."""
        if self._buffer is None:
            return
        try:
            packet = rtp.parse(data)
            if packet.payload_type not in self.payload_types:
                self.refused.unknown += 1
                return
            samples = opus.duration(packet.payload)
        except (rtp.MalformedPacket, opus.OpusError):
            self.refused.malformed += 1
            return
        arrivals = self.arrivals
        pieces = self._buffer.add(packet, samples * _TICKS, now)
        if arrivals is None or (arrivals.ssrc != packet.ssrc and self._buffer.source == packet.ssrc):
            arrivals = self.arrivals = Arrivals(packet, now)
        if arrivals.ssrc == packet.ssrc:
            arrivals.came(packet, now)
        self._play(pieces)

    def tick(self, now: float) -> None:
        """Time went by: to be called about every 20 ms."""
        if self._buffer is not None:
            self._play(self._buffer.tick(now))

    def _play(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            match piece:
                case Play(payload, skip):
                    self._decode(payload, skip)
                case Recover(payload, ticks):
                    self._pcm += self._recovered(payload, ticks // _TICKS)
                case Conceal(ticks):
                    self._pcm += self._concealed(ticks // _TICKS)
                case Restart():
                    self._decoder.reset()
                case _:
                    self._odd_tick += piece.ticks
                    self._pcm += bytes(2 * (self._odd_tick // _TICKS))
                    self._odd_tick %= _TICKS
        whole = len(self._pcm) - len(self._pcm) % opus.FRAME_BYTES
        if whole:
            pcm = bytes(self._pcm[:whole])
            del self._pcm[:whole]
            self._heard(pcm)

    def _decode(self, payload: bytes, skip: int) -> None:
        try:
            pcm = self._decoder.decode(payload)
        except opus.OpusError:
            # Its frames are broken inside, though its length was told: as if it had not come.
            self.refused.malformed += 1
            pcm = self._concealed(opus.duration(payload))
        self._pcm += pcm[2 * (skip // _TICKS) :] if skip else pcm

    def _recovered(self, payload: bytes, samples: int) -> bytes:
        try:
            return self._decoder.recover(payload, samples)
        except opus.OpusError:
            return self._concealed(samples)

    def _concealed(self, samples: int) -> bytes:
        pcm = b""
        while samples > 0:
            pcm += self._decoder.conceal(min(samples, _CONCEAL_SAMPLES))
            samples -= _CONCEAL_SAMPLES
        return pcm
