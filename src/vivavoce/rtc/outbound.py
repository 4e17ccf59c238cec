"""The voice that goes out: frames of 20 ms become packets of RTP."""

import math
import secrets
import time

from vivavoce.rtc import opus, rtp

TICKS = 960
"""Of Opus's RTP clock (48 kHz) in one frame."""
SIGN_OF_LIFE = 20
"""Of so many frames of silence one is sent even to those who wish for none: every 0.4 s, as Opus has it."""
FADING = 5
"""Frames of silence that are encoded as such after a sound, so that it does not ring on at the other end."""
_ONE_FRAME = 0xFC
"""Of the first byte all but the code for the number of frames, which is 0 for one."""
_MEMORY = 0.7
"""How much of the losses in one report are expected in the next."""
_LEAST_LOSS = 0.5
"""Percent below which there is none."""


class Outbound:
    """Encodes one stream.

    While there is nothing to say, packets of one byte say so, and the other end hears no loss; where it
    wishes so (`dtx`), most of them are not sent. What is silence is known here; the codec would have to guess
    it, and takes steady sounds for silence too.
    """

    def __init__(self) -> None:
        self.ssrc = secrets.randbits(32)
        self.payload_type = 111
        # The lower half: SRTP (RFC 3711, section 3.3.1) guesses how often a sequence number turned round,
        # and guesses wrong if it does so within the first packets and some of those get lost.
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(32)
        self._packets = self._octets = 0
        self._resumes = True
        self._encoder = opus.Encoder()
        self._fec = self._dtx = False
        self._loss = 0.0
        """Percent of packets that get lost on the way, as far as is known."""
        self._silent = 0
        """Frames of silence since the last sound."""
        self._empty = b""
        """A packet in which there is nothing (RFC 6716, section 3.1): what the last one was, but no frame."""

    def negotiated(self, payload_type: int, *, fec: bool, dtx: bool) -> None:
        """What the other end wishes: its number for Opus, in-band error correction, no packets in silence."""
        self.payload_type = payload_type
        self._fec, self._dtx = fec, dtx
        self._encoder = opus.Encoder(fec=fec)

    def frame(self, pcm: bytes, *, missed: int = 0) -> bytes | None:
        """The packet for the next 20 ms, None where nothing needs to be sent.

        `pcm`: at most 960 bytes; what is missing is silence. `missed`: frames whose time went by unused.
        """
        timestamp = (self._timestamp + missed * TICKS) & 0xFFFFFFFF
        self._timestamp = (timestamp + TICKS) & 0xFFFFFFFF
        self._silent = 0 if pcm else self._silent + 1
        if self._silent <= FADING:
            payload = self._encoder.encode(pcm.ljust(opus.FRAME_BYTES, b"\0"))
            self._empty = bytes([payload[0] & _ONE_FRAME])
        elif self._dtx and self._silent % SIGN_OF_LIFE:
            self._resumes = True
            return None
        else:
            payload = self._empty
        marker = bool(pcm) and (self._resumes or missed > 0)
        self._resumes = self._resumes and not marker
        packet = rtp.Packet(self.payload_type, self._sequence, timestamp, self.ssrc, payload, marker)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._packets += 1
        self._octets += len(payload)
        return rtp.write(packet)

    def reported(self, reception: rtp.Reception) -> None:
        """The other end told how the stream arrives: correction is worth its bytes where packets get lost."""
        if not self._fec:
            return
        # A report covers some seconds; losses that were are likely to come again.
        loss = max(reception.fraction_lost * 100 / 256, self._loss * _MEMORY)
        self._loss = loss if loss >= _LEAST_LOSS else 0.0
        self._encoder.expect_loss(min(100, math.ceil(self._loss)))

    def sent(self) -> rtp.Sent:
        """What to report of the stream."""
        return rtp.Sent(rtp.ntp(time.time()), self._timestamp, self._packets, self._octets)
