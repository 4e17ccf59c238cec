"""A call over WebRTC as the suite makes it: bare messages on the data channel, sound on the track."""

import array
import asyncio
import time
from collections.abc import AsyncIterator

from vivavoce.client.webrtc.channel import ChannelSocket
from vivavoce.client.webrtc.connecting import on_this_machine
from vivavoce.client.webrtc.track import BYTES_PER_MS, FRAME_MS, Track
from vivavoce.conformance.check import Fault

ON_ITS_WAY_S = 0.2
"""For so long after it was sent, sound may be on its way into the server's buffer; messages overtake it."""

LOUD = 300
"""A frame with a sample further from zero than this is no silence."""

LONGEST_HEARD_S = 180
"""Of what is heard, this much is kept."""


class TimedTrack(Track):
    """A track that knows when what was put last went out."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[float] = []
        """When each frame of it did, on the monotonic clock."""

    def next_audio(self) -> bytes:
        frame = super().next_audio()
        if frame:
            self.sent.append(time.monotonic())
        return frame


class CallWire(ChannelSocket):
    """A `Wire`.

    - call_id: as the `Location` of the answer names it.
    """

    def __init__(self, *, here: bool) -> None:
        self._track = TimedTrack()
        super().__init__(self._track, on_this_machine() if here else None)
        self.call_id = ""
        self.how = "open a call"
        self.heard: list[tuple[float, bool]] = []
        """When each 20 ms came (seconds on the monotonic clock), and whether they were loud."""
        self._frames: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._over = asyncio.Event()
        self._reason: str | None = None
        self.audio.listen(self._hear)

    @property
    def close_code(self) -> int | None:
        return self.closure()[0] if self._over.is_set() else None

    @property
    def close_reason(self) -> str | None:
        return self._reason

    async def send(self, message: str | bytes, *, text: bool = True) -> None:
        await super().send(message.decode() if text and isinstance(message, bytes) else message)

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while (message := await self._frames.get()) is not None:
            yield message

    async def wait_closed(self) -> None:
        await self._over.wait()

    async def wait_open(self, patience: float) -> None:
        """Return when the channel is open. Raises Fault if it never is."""
        try:
            async with asyncio.timeout(patience):
                reason = await asyncio.shield(self.opening)
        except TimeoutError:
            reason = f"the data channel did not open within {patience:g} s"
        if reason is not None:
            raise Fault(f"The call was answered, but {reason}.")

    # Sound.

    def sent_at(self, milliseconds: float) -> float:
        """Where in the server's input, in milliseconds, this much of what was said last is, or nearly so: the
        server counts from the opening of the channel, and pauses as well."""
        frame = min(int(milliseconds / FRAME_MS), len(self._track.sent) - 1)
        at = self._track.sent[frame] - self.audio.spoken_at(0)
        return at * 1000 + milliseconds - frame * FRAME_MS

    async def say(self, pcm: bytes) -> None:
        """Send sound (16 bits, 24 kHz) at the pace of speech; returns when the server has it."""
        self._track.sent.clear()
        self.audio.put(pcm)
        await self.audio.drain()
        await asyncio.sleep(ON_ITS_WAY_S)

    def loud_ms(self, since: float = 0.0) -> int:
        """How much of what was heard since then was loud."""
        return FRAME_MS * sum(loud for at, loud in self.heard if at >= since)

    def _hear(self, pcm: bytes) -> None:
        size = FRAME_MS * BYTES_PER_MS
        for start in range(0, len(pcm), size):
            self.heard.append((time.monotonic(), is_loud(pcm[start : start + size])))
        del self.heard[: -LONGEST_HEARD_S * 1000 // FRAME_MS]

    # What the peer tells.

    def received(self, data: str | bytes) -> None:
        self._frames.put_nowait(data)

    def _tell(self) -> None:
        super()._tell()
        if self.lost and not self._over.is_set():
            self._reason = self.closure()[1]
            self._over.set()
            self._frames.put_nowait(None)


def is_loud(pcm: bytes) -> bool:
    """Whether something is to be heard in it."""
    return max(map(abs, array.array("h", pcm)), default=0) > LOUD
