"""The data channel: order, sizes, back-pressure, and its end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiortc import RTCSessionDescription

from tests.rtc.ends import LOOPBACK, End, call
from tests.rtc.stock import Stock, Tone, stock, stock_call, stock_offer
from vivavoce.rtc import MessageTooLarge, Peer
from vivavoce.rtc.transport import MAX_CHANNELS

__all__ = ["stock"]


async def test_messages_arrive_in_order_in_both_directions() -> None:
    caller, callee = End(), End()
    async with call(caller, callee) as (calling, called):
        sent = [f"{number} ä 🎙" for number in range(100)]
        for text in sent:
            calling.send(text)
            called.send(text.upper())
        calling.send(b"\x00\xff")
        calling.send("")
        called.send(b"")
        await callee.until(lambda: len(callee.messages) >= 102)
        await caller.until(lambda: len(caller.messages) >= 101)
    assert callee.messages == [*sent, b"\x00\xff", ""]
    assert caller.messages == [*(text.upper() for text in sent), b""]


async def test_what_is_sent_before_the_channel_opens_is_kept() -> None:
    caller, callee = End(), End()
    calling, called = Peer(caller, ice=LOOPBACK), Peer(callee, ice=LOOPBACK)
    calling.send("first")
    called.send("hello")
    assert calling.buffered == 5
    await calling.accept(await called.answer(await calling.offer()))
    calling.send("second")
    await callee.until(lambda: len(callee.messages) == 2)
    await caller.until(lambda: len(caller.messages) == 1)
    assert callee.messages == ["first", "second"]
    assert caller.messages == ["hello"]
    await calling.aclose()
    await called.aclose()


async def test_a_sender_waits_until_the_other_end_has_caught_up() -> None:
    caller, callee = End(), End()
    async with call(caller, callee) as (calling, called):
        for _ in range(20):
            calling.send("ä" * 10_000)
        calling.send("")
        assert calling.buffered == 400_001
        await calling.caught_up(200_000)
        assert 0 < calling.buffered <= 200_000
        await calling.caught_up()
        assert calling.buffered == 0
        await callee.until(lambda: len(callee.messages) == 21)
        called.send("y" * 1_000_000)
        waiting = asyncio.create_task(called.caught_up())
        await calling.aclose()
        await waiting
        assert called.buffered == 0


async def test_a_message_may_be_larger_than_what_the_other_end_announced() -> None:
    caller, callee = End(), End()
    async with _to_one_who_announces(1_000, caller, callee) as calling:
        calling.send("z" * 600_000)
        await callee.until(lambda: bool(callee.messages))
        with pytest.raises(MessageTooLarge, match="4194306 bytes is longer than the 4194304"):
            calling.send("é" * 2_097_153)
        calling.send("after")
        await callee.until(lambda: len(callee.messages) == 2)
    assert callee.messages == ["z" * 600_000, "after"]


@contextlib.asynccontextmanager
async def _to_one_who_announces(size: int, caller: End, callee: End) -> AsyncIterator[Peer]:
    """A call to an end that takes more than it says."""
    calling, called = Peer(caller, ice=LOOPBACK), Peer(callee, ice=LOOPBACK)
    calling.send("y" * 5_000_000)  # before anything is known: dropped with a warning
    answer = await called.answer(await calling.offer())
    lines = [
        f"a=max-message-size:{size}" if line.startswith("a=max-message-size") else line
        for line in answer.splitlines()
    ]
    await calling.accept("\r\n".join(lines))
    await caller.until(lambda: "opened" in caller.log)
    yield calling
    await calling.aclose()
    await called.aclose()


async def test_messages_of_any_size_that_is_announced_arrive() -> None:
    caller, callee = End(), End()
    async with call(caller, callee, max_message_bytes=6_000_000) as (calling, called):
        for data in ("a" * 6_000_000, b"b" * 1_160, b"c" * 1_161, "d"):
            calling.send(data)
            called.send(data)
        await callee.until(lambda: len(callee.messages) == 4)
        await caller.until(lambda: len(caller.messages) == 4)
    assert callee.messages == caller.messages == ["a" * 6_000_000, b"b" * 1_160, b"c" * 1_161, "d"]


async def test_a_message_that_is_longer_than_announced_is_dropped_and_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caller, callee = End(), End()
    async with call(caller, callee, max_message_bytes=300_000) as (calling, _):
        calling.send("before")
        calling.send("x" * 300_000)
        calling.send("y" * 300_001)
        calling.send("z" * 3_000_000)
        calling.send("after")
        await callee.until(lambda: "after" in callee.messages)
        await calling.caught_up()
    assert callee.messages == ["before", "x" * 300_000, "after"]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "A message of more than 300000 bytes was dropped."
    ] * 2


async def test_channels_beyond_the_first_few_are_closed(stock: Stock) -> None:
    connection, end = stock(), End()
    async with stock_call(connection, end, calling=True) as (peer, _tracks, channels):
        first = await asyncio.wait_for(channels.get(), 20)
        heard: asyncio.Queue[str] = asyncio.Queue()
        first.on("message", heard.put_nowait)
        closed: asyncio.Queue[int] = asyncio.Queue()
        more = []
        for number in range(MAX_CHANNELS + 1):
            channel = connection.createDataChannel(f"another {number}")
            channel.on("close", lambda number=number: closed.put_nowait(number))
            more.append(channel)
        assert {await asyncio.wait_for(closed.get(), 20) for _ in range(2)} == {
            MAX_CHANNELS - 1,
            MAX_CHANNELS,
        }
        more[0].send("on another channel")
        await end.until(lambda: end.messages == ["on another channel"])
        peer.send("on the first")
        assert await asyncio.wait_for(heard.get(), 20) == "on the first"


async def test_without_a_data_channel_the_voices_alone_are_carried(stock: Stock) -> None:
    connection, end = stock(), End()
    connection.addTrack(Tone(440))
    peer = Peer(end, ice=LOOPBACK)
    peer.send("before")
    answer = await peer.answer(await stock_offer(connection))
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await end.until(lambda: len(end.pcm) >= 9_600)
    peer.send("after")
    assert peer.buffered == 0
    assert end.log == ["connected"]
    await connection.close()
    await peer.aclose()


async def test_what_is_sent_after_the_channel_was_closed_goes_nowhere(stock: Stock) -> None:
    end = End()
    async with stock_call(stock(), end, calling=True) as (peer, _tracks, channels):
        channel = await asyncio.wait_for(channels.get(), 20)
        closed = asyncio.Event()
        channel.on("close", closed.set)
        channel.close()
        await asyncio.wait_for(closed.wait(), 20)
        peer.send("nobody")
        assert peer.buffered == 0
        assert end.log[:2] == ["connected", "opened"]
