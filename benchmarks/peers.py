"""Callers over WebRTC, as cheaply as Python can: one thread, what they say encoded beforehand, and what they
hear timed but not decoded.

A caller is a microphone: it sends a packet of 20 ms of Opus on time, whatever comes back. When a packet came
is known from the kernel, so that a caller that is late itself does not make what it hears late.
"""

import asyncio
import fcntl
import struct
from collections.abc import Sequence

import httpx
import numpy as np
import numpy.typing as npt

from vivavoce.rtc import LOOPBACK, IceSettings, Peer, opus, rtp, sdp
from vivavoce.rtc.inbound import Refused
from vivavoce.rtc.jitter import Counts
from vivavoce.rtc.media import FRAME_S, Reception, Way
from vivavoce.rtc.outbound import TICKS

PATH = "/v1/realtime/calls?model=gpt-realtime"
CONNECT_S = 20.0
TOGETHER = 8
"""Calls that are begun at the same time, where nobody looks at how long that takes."""

_SIOCGSTAMPNS = 0x8907
_TIMESPEC = struct.Struct("qq")


def encoded(samples: npt.NDArray[np.int16]) -> list[bytes]:
    """What a microphone hears, `(n,) int16` at 24 kHz, in packets of 20 ms of Opus, coded as browsers code
    voices: in the dearer way, of which this end makes use only where packets get lost."""
    encoder = opus.Encoder(fec=True)
    encoder.expect_loss(1)
    frames = len(samples) // opus.FRAME_SAMPLES
    return [
        encoder.encode(frame.tobytes())
        for frame in samples[: frames * opus.FRAME_SAMPLES].reshape(frames, opus.FRAME_SAMPLES)
    ]


class Voices:
    """In the place of a Peer's media: what was recorded is said, and what is heard is timed."""

    def __init__(self, said: Sequence[bytes], offset: int) -> None:
        self.ssrc = 1 + offset
        self.arrivals: list[tuple[float, int]] = []
        """When each packet came, in seconds on the wall clock, and its timestamp in ticks of 48 kHz."""
        self.sent = 0
        self.lateness: list[float] = []
        """Seconds by which packets left later than they were due."""
        self._said, self._offset = said, offset
        self._payload_type = 111
        self._way: Way | None = None
        self._socket = -1
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    @property
    def reception(self) -> Reception:
        return Reception(Counts(), Refused())

    def negotiated(self, voice: sdp.Voice) -> None:
        self._payload_type = voice.payload_type

    def begin(self, way: Way) -> None:
        self._way = way
        pair = way._ice._nominated[1]  # type: ignore[attr-defined]  # the socket, nobody else has it
        self._socket = pair.protocol.transport.get_extra_info("socket").fileno()
        self._stamp()
        self._due = asyncio.get_running_loop().time()
        self._say()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._way = None

    def media(self, data: bytes) -> None:
        if (at := self._stamp()) is not None:
            self.arrivals.append((at, int.from_bytes(data[4:8])))

    def control(self, data: bytes) -> None:
        """Reports are nothing to a recording."""

    def _say(self) -> None:
        assert self._way is not None
        loop = asyncio.get_running_loop()
        self.lateness.append(loop.time() - self._due)
        payload = self._said[(self._offset + self.sent) % len(self._said)]
        packet = rtp.Packet(
            self._payload_type, self.sent & 0xFFFF, self.sent * TICKS & 0xFFFFFFFF, self.ssrc, payload
        )
        self._way.send_media(rtp.write(packet))
        self.sent += 1
        self._due += FRAME_S
        self._timer = loop.call_at(self._due, self._say)

    def _stamp(self) -> float | None:
        """When the kernel got the datagram that was read last; None when it is asked for the first time."""
        try:
            stamp = fcntl.ioctl(self._socket, _SIOCGSTAMPNS, bytes(_TIMESPEC.size))
        except FileNotFoundError:
            return None
        seconds, nanoseconds = _TIMESPEC.unpack(stamp)
        return float(seconds + nanoseconds / 1e9)


class Caller:
    """One call."""

    def __init__(self, said: Sequence[bytes], offset: int) -> None:
        self.voices = Voices(said, offset)
        self.events = 0
        """That came on the data channel."""
        self.lost_because: str | None = None
        self._peer = Peer(self, ice=IceSettings(addresses=(LOOPBACK,), connect_s=CONNECT_S))
        self._peer._media = self.voices  # type: ignore[assignment]
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def call(self, client: httpx.AsyncClient) -> None:
        """Return when the data channel is open."""
        offer = await self._peer.offer()
        try:
            answer = await client.post(PATH, content=offer, headers={"Content-Type": "application/sdp"})
        except httpx.TransportError as failed:
            raise ConnectionError("the offer was not answered") from failed
        answer.raise_for_status()
        await self._peer.accept(answer.text)
        await asyncio.wait({self._opened}, timeout=CONNECT_S)
        if not self._opened.done() or self.lost_because:
            raise ConnectionError(f"no call came about: {self.lost_because or 'it took too long'}")

    async def hang_up(self) -> None:
        await self._peer.aclose()

    # What the peer tells: rtc.PeerEvents.

    def connected(self) -> None:
        """Not yet enough."""

    def opened(self) -> None:
        self._opened.set_result(None)

    def received(self, data: str | bytes) -> None:
        self.events += 1
        if '"type":"error"' in data[:200]:  # type: ignore[operator]
            self.lost_because = str(data)

    def heard(self, pcm: bytes) -> None:
        """Nothing is decoded."""

    def next_audio(self) -> bytes:
        return b""

    def lost(self, reason: str) -> None:
        self.lost_because = reason
        if not self._opened.done():
            self._opened.set_result(None)


class Callers:
    """All the callers of one run."""

    def __init__(self, port: int, said: Sequence[bytes]) -> None:
        self.all: list[Caller] = []
        self._said = said
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=CONNECT_S)

    async def join(self, count: int, *, together: int = TOGETHER) -> None:
        """Begin so many calls; each is at another place of what they say."""
        for begun in range(0, count, together):
            batch = [
                Caller(self._said, len(self._said) * index // count)
                for index in range(begun, min(begun + together, count))
            ]
            self.all += batch
            await asyncio.gather(*(each.call(self._client) for each in batch))

    def check(self) -> None:
        """ConnectionError if some call is no more, or the server complained."""
        for each in self.all:
            if each.lost_because:
                raise ConnectionError(each.lost_because)

    def forget(self) -> None:
        """Measure anew."""
        for each in self.all:
            each.voices.arrivals.clear()
            each.voices.lateness.clear()

    @property
    def lateness(self) -> list[float]:
        return [late for each in self.all for late in each.voices.lateness]

    @property
    def jitter(self) -> list[float]:
        """For each packet that came, by how many seconds the time since the one before differs from that in
        their timestamps (RFC 3550, section 6.4.1, D)."""
        return [
            abs((now - then) - ((tick - before) & 0xFFFFFFFF) / 48_000)
            for each in self.all
            for (then, before), (now, tick) in zip(
                each.voices.arrivals, each.voices.arrivals[1:], strict=False
            )
        ]

    @property
    def packets(self) -> int:
        """How many came."""
        return sum(len(each.voices.arrivals) for each in self.all)

    async def hang_up(self) -> None:
        await asyncio.gather(*(each.hang_up() for each in self.all))
        self.all.clear()

    async def aclose(self) -> None:
        await self.hang_up()
        await self._client.aclose()
