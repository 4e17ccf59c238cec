"""The voice that goes out: one packet of RTP every 20 ms, on a fixed schedule."""

import asyncio
import secrets
from collections.abc import Callable

from vivavoce.rtc import opus, rtp

FRAME_S = 0.02
TICKS = 960
"""Of Opus's RTP clock (48 kHz) in one frame."""


class Outbound:
    """Asks for 20 ms at a time, encodes them and sends them."""

    def __init__(self, next_audio: Callable[[], bytes], send: Callable[[bytes], None]) -> None:
        self._next_audio = next_audio
        self._send = send
        self._encoder = opus.Encoder()
        self.ssrc = secrets.randbits(32)
        self.payload_type = 111
        # The lower half: SRTP (RFC 3711, section 3.3.1) guesses how often a sequence number turned round,
        # and guesses wrong if it does so within the first packets and some of those get lost.
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(32)
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begins to send."""
        self._due = asyncio.get_running_loop().time()
        self._tick()

    def stop(self) -> None:
        """Sends nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        # After a stall the schedule begins anew: what was missed is not sent in a burst.
        self._due = max(self._due + FRAME_S, loop.time())
        self._timer = loop.call_at(self._due, self._tick)
        pcm = self._next_audio()
        packet = rtp.Packet(
            self.payload_type,
            self._sequence,
            self._timestamp,
            self.ssrc,
            self._encoder.encode(pcm.ljust(opus.FRAME_BYTES, b"\0")),
        )
        self._sequence = (self._sequence + 1) % 65_536
        self._timestamp = (self._timestamp + TICKS) % 2**32
        self._send(rtp.write(packet))
