"""Calls with aiortc's own connection at the other end, which calls or is called."""

import asyncio

import pytest
from aiortc import MediaStreamTrack

from tests.rtc.ends import End, level, pitch, tone
from tests.rtc.stock import Stock, stock, stock_call

__all__ = ["stock"]


async def _listen(track: MediaStreamTrack, seconds: float) -> bytes:
    """What a stock track plays, at 24 kHz mono."""
    pcm = b""
    while len(pcm) < seconds * 48_000:
        frame = await track.recv()
        samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
        pcm += samples[::2, 0].tobytes()
    return pcm


@pytest.mark.parametrize("calling", [True, False], ids=["stock calls", "stock answers"])
async def test_a_stock_connection_is_heard_and_hears(stock: Stock, calling: bool) -> None:
    end = End(hertz=1000)
    async with stock_call(stock(), end, calling=calling) as (peer, tracks, channels):
        channel = await asyncio.wait_for(channels.get(), 20)
        assert channel.label == ("my-own-label" if calling else "events")
        echoed: asyncio.Queue[str | bytes] = asyncio.Queue()
        channel.on("message", echoed.put_nowait)
        channel.send("one")
        channel.send(b"\x01\x02")
        await end.until(lambda: len(end.messages) == 2)
        assert end.messages == ["one", b"\x01\x02"]
        peer.send("two")
        assert await asyncio.wait_for(echoed.get(), 20) == "two"
        await end.until(lambda: len(end.pcm) >= 48_000)
        assert pitch(end.pcm) == pytest.approx(440, abs=3)
        assert level(end.pcm) == pytest.approx(level(tone(440, 1)), rel=0.2)
        heard = await asyncio.wait_for(_listen(tracks[0], 1.2), 20)
        assert pitch(heard) == pytest.approx(1000, abs=3)
        assert level(heard) == pytest.approx(level(tone(1000, 1)), rel=0.2)
    assert end.log[:2] == ["connected", "opened"]
