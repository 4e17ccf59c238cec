"""Both ends of calls that tests make: on 127.0.0.1, with a tone as the voice."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable

import numpy as np

from vivavoce.rtc import IceSettings, Peer

LOOPBACK = IceSettings(addresses=("127.0.0.1",), connect_s=20)


def tone(hertz: float, seconds: float, *, at: int = 0, level: float = 0.3) -> bytes:
    """A sine at 24 kHz from sample `at` on, mono int16."""
    samples = np.arange(at, at + round(seconds * 24_000))
    return (np.sin(2 * math.pi * hertz * samples / 24_000) * level * 32_767).astype("<i2").tobytes()


def pitch(pcm: bytes) -> float:
    """The strongest frequency of the last half second, in Hz."""
    samples = np.frombuffer(pcm, "<i2")[-12_000:].astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * 24_000 / len(samples)


def level(pcm: bytes) -> float:
    """Root mean square of the last half second, of full scale."""
    samples = np.frombuffer(pcm, "<i2")[-12_000:].astype(float) / 32_768
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0


class End:
    """One end's events, written down. It says a tone of `hertz`, and nothing while `hertz` is 0."""

    def __init__(self, hertz: float = 0) -> None:
        self.hertz = hertz
        self.log: list[str] = []
        self.messages: list[str | bytes] = []
        self.pcm = b""
        self.asked = 0
        self._changed = asyncio.Event()

    def connected(self) -> None:
        self._note("connected")

    def opened(self) -> None:
        self._note("opened")

    def lost(self, reason: str) -> None:
        self._note(f"lost: {reason}")

    def received(self, data: str | bytes) -> None:
        self.messages.append(data)
        self._changed.set()

    def heard(self, pcm: bytes) -> None:
        assert pcm
        assert len(pcm) % 960 == 0
        self.pcm += pcm
        self._changed.set()

    def next_audio(self) -> bytes:
        self.asked += 1
        return tone(self.hertz, 0.02, at=480 * self.asked) if self.hertz else b""

    async def until(self, met: Callable[[], bool]) -> None:
        """Waits until something that is written down here makes `met` true."""
        async with asyncio.timeout(30):
            while not met():
                self._changed.clear()
                await self._changed.wait()

    def _note(self, line: str) -> None:
        self.log.append(line)
        self._changed.set()


@contextlib.asynccontextmanager
async def call(
    caller: End, callee: End, *, ice: IceSettings = LOOPBACK, max_message_bytes: int | None = None
) -> AsyncIterator[tuple[Peer, Peer]]:
    """Two Peers that are connected, with the data channel open."""
    limits = {} if max_message_bytes is None else {"max_message_bytes": max_message_bytes}
    calling, called = Peer(caller, ice=ice, **limits), Peer(callee, ice=ice, **limits)
    try:
        await calling.accept(await called.answer(await calling.offer()))
        await caller.until(lambda: "opened" in caller.log)
        await callee.until(lambda: "opened" in callee.log)
        yield calling, called
    finally:
        await calling.aclose()
        await called.aclose()
