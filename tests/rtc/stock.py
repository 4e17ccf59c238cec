"""aiortc's own connections, as the other end of calls."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)

from tests.rtc.ends import LOOPBACK, End
from vivavoce.rtc import Peer

Stock = Callable[[], RTCPeerConnection]


@pytest.fixture
def stock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], RTCPeerConnection]]:
    """Makes aiortc's own connections, on loopback."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    return lambda: RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def stock_offer(connection: RTCPeerConnection) -> str:
    """The offer of a stock connection, with its candidates."""
    await connection.setLocalDescription(await connection.createOffer())
    return connection.localDescription.sdp


async def stock_answer(connection: RTCPeerConnection, offer: str) -> str:
    """A stock connection's answer."""
    await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    await connection.setLocalDescription(await connection.createAnswer())
    return connection.localDescription.sdp


class Tone(MediaStreamTrack):
    """A tone at 48 kHz, paced like a microphone."""

    kind = "audio"

    def __init__(self, hertz: float) -> None:
        super().__init__()
        self._hertz = hertz
        self._count = 0
        self._begin = 0.0

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        self._begin = self._begin or loop.time()
        await asyncio.sleep(max(0.0, self._begin + 0.02 * self._count - loop.time()))
        at = np.arange(960 * self._count, 960 * (self._count + 1))
        wave = (np.sin(2 * np.pi * self._hertz * at / 48_000) * 0.3 * 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 960 * self._count, Fraction(1, 48_000)
        self._count += 1
        return frame


@contextlib.asynccontextmanager
async def stock_call(
    connection: RTCPeerConnection, end: End, *, calling: bool
) -> AsyncIterator[tuple[Peer, list[MediaStreamTrack], asyncio.Queue[RTCDataChannel]]]:
    peer = Peer(end, ice=LOOPBACK)
    tracks: list[MediaStreamTrack] = []
    channels: asyncio.Queue[RTCDataChannel] = asyncio.Queue()
    connection.on("track", tracks.append)
    connection.on("datachannel", channels.put_nowait)
    connection.addTrack(Tone(440))
    try:
        if calling:
            channel = connection.createDataChannel("my-own-label")
            channel.on("open", lambda: channels.put_nowait(channel))
            answer = await peer.answer(await stock_offer(connection))
            await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        else:
            await peer.accept(await stock_answer(connection, await peer.offer("events")))
        yield peer, tracks, channels
    finally:
        await connection.close()
        await peer.aclose()
