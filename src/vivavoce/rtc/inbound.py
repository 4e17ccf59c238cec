"""The voice that comes in: packets of RTP become samples, in order."""

from collections.abc import Callable

from vivavoce.rtc import opus, rtp

RTP_PER_SAMPLE = 2
"""Ticks of Opus's RTP clock (48 kHz) in one sample at 24 kHz."""


class Inbound:
    """Decodes one stream. `heard` is called with multiples of 20 ms."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard
        self._decoder = opus.Decoder()
        self._rest = b""
        self._sequence: int | None = None
        self.payload_type = -1
        """Of Opus, as negotiated; packets of all others are passed over."""

    def media(self, data: bytes) -> None:
        """One packet of RTP, as it came."""
        try:
            packet = rtp.parse(data)
            if packet.payload_type != self.payload_type or not packet.payload:
                return
            if self._sequence is not None and (packet.sequence - self._sequence) % 65_536 >= 32_768:
                return  # late: what follows it was heard already
            pcm = self._decoder.decode(packet.payload)
        except (rtp.MalformedPacket, opus.OpusError):
            return
        self._sequence = (packet.sequence + 1) % 65_536
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % opus.FRAME_BYTES
        self._rest = pcm[whole:]
        if whole:
            self._heard(pcm[:whole])
