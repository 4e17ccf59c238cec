"""Whole connections: between two Peers, and with aiortc's own connection at the other end."""

import asyncio
import contextlib
import gc
import os
import random
import socket
import threading
from collections.abc import AsyncIterator, Callable
from fractions import Fraction

import av
import numpy as np
import pytest
from aioice import stun
from aiortc import MediaStreamTrack, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

from tests.rtc.ends import LOOPBACK, End, call, level, pitch, stock, stock_answer, stock_offer, tone
from vivavoce.protocol.errors import VivavoceError
from vivavoce.rtc import IceSettings, InvalidAnswer, InvalidOffer, MessageTooLarge, Peer
from vivavoce.rtc.transport import MAX_CHANNELS

__all__ = ["stock"]

Stock = Callable[[], RTCPeerConnection]


async def test_two_peers_hear_each_other() -> None:
    caller, callee = End(hertz=440), End(hertz=1000)
    async with call(caller, callee):
        await caller.until(lambda: len(caller.pcm) >= 48_000)
        await callee.until(lambda: len(callee.pcm) >= 48_000)
        assert caller.log == callee.log == ["connected", "opened"]
    assert pitch(callee.pcm) == pytest.approx(440, abs=3)
    assert pitch(caller.pcm) == pytest.approx(1000, abs=3)
    said = level(tone(440, 1))
    assert level(callee.pcm) == pytest.approx(said, rel=0.2)
    assert level(caller.pcm) == pytest.approx(said, rel=0.2)


async def test_silence_is_heard_where_nothing_is_said() -> None:
    caller, callee = End(), End()
    async with call(caller, callee):
        await callee.until(lambda: len(callee.pcm) >= 24_000)
    assert level(callee.pcm) < 0.001


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
    async with _stock_call(connection, end, calling=True) as (peer, _tracks, channels):
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
    async with _stock_call(stock(), end, calling=True) as (peer, _tracks, channels):
        channel = await asyncio.wait_for(channels.get(), 20)
        closed = asyncio.Event()
        channel.on("close", closed.set)
        channel.close()
        await asyncio.wait_for(closed.wait(), 20)
        peer.send("nobody")
        assert peer.buffered == 0
        assert end.log[:2] == ["connected", "opened"]


async def test_the_other_end_that_closes_is_lost_once() -> None:
    caller, callee = End(), End()
    async with call(caller, callee) as (calling, called):
        await calling.aclose()
        await callee.until(lambda: len(callee.log) > 2)
        assert callee.log == ["connected", "opened", "lost: closed by the other end"]
        asked = callee.asked
        called.send("nobody hears this")
        await asyncio.sleep(0.1)
        assert callee.asked == asked
        assert not callee.messages
    assert callee.log == ["connected", "opened", "lost: closed by the other end"]
    assert caller.log == ["connected", "opened"]


async def test_what_was_sent_before_the_end_arrives() -> None:
    caller, callee = End(), End()
    async with call(caller, callee) as (calling, _called):
        sent = [str(number) * 2_000 for number in range(20)]
        for text in sent:
            calling.send(text)
        await calling.aclose()
        await callee.until(lambda: len(callee.log) > 2)
    assert callee.messages == sent


async def test_an_end_that_does_not_answer_any_more_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vivavoce.rtc.peer.GOODBYE_S", 0.1)
    caller, callee = End(), End()
    async with call(caller, callee) as (calling, called):
        transport = called._transport
        assert transport is not None
        for protocol in transport._ice._protocols:
            protocol.transport.abort()
        calling.send("nobody takes this")
        await asyncio.wait_for(calling.aclose(), 20)
    assert not callee.messages


async def test_what_is_on_its_way_when_the_other_end_closes_is_lost_in_silence() -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
    caller, callee = End(), End()
    async with call(caller, callee) as (calling, called):
        called.send("x" * 2_000_000)
        transport = calling._transport
        assert transport is not None
        await transport._dtls.stop()  # not first SCTP, which would end what is on its way
        await callee.until(lambda: len(callee.log) > 2)
        assert called.buffered == 0
        await asyncio.sleep(1.5)  # the time after which SCTP sends again
        gc.collect()
    assert not failures


async def test_a_peer_that_nobody_connects_to_is_lost() -> None:
    offering, answering = End(), End()
    hurried = IceSettings(addresses=("127.0.0.1",), connect_s=0.3)
    calling, called = Peer(offering, ice=hurried), Peer(answering, ice=hurried)
    await called.answer(await calling.offer())
    await answering.until(lambda: bool(answering.log))
    assert answering.log == ["lost: no connection came about within 0.3 s"]
    await calling.aclose()
    await called.aclose()
    assert offering.log == []


async def test_a_peer_that_vanishes_is_lost_when_its_consent_expires() -> None:
    caller, callee = End(), End()
    ice = IceSettings(addresses=("127.0.0.1",), consent_s=1.5)
    async with call(caller, callee, ice=ice) as (calling, _called):
        transport = calling._transport
        assert transport is not None
        for protocol in transport._ice._protocols:
            protocol.transport.abort()  # as if the machine had gone: no goodbye
        await callee.until(lambda: len(callee.log) > 2)
    assert callee.log[2] == "lost: the other end no longer answers"


async def test_packets_of_strangers_do_no_harm() -> None:
    caller, callee = End(hertz=440), End()
    dice = random.Random(5)
    errors: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    async with call(caller, callee) as (calling, called):
        assert called._transport is not None
        port = called._transport._ice._protocols[0].local_candidate.port
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            for first in (None, *range(256)):
                noise = b"" if first is None else bytes([first]) + dice.randbytes(dice.randrange(1400))
                stranger.sendto(noise, ("127.0.0.1", port))
            for attributes in (
                b"",
                b"\x00\x06\x00\x04abcd",
                b"\x80\x28\x00\x04abcd",
                b"\x00\x20\x00\x01abcd",
            ):
                header = b"\x00\x01" + len(attributes).to_bytes(2) + b"\x21\x12\xa4\x42" + dice.randbytes(12)
                stranger.sendto(header + attributes, ("127.0.0.1", port))
        calling.send("still here")
        await callee.until(lambda: callee.messages == ["still here"])
        before = len(callee.pcm)
        await callee.until(lambda: len(callee.pcm) >= before + 24_000)
        assert callee.log == ["connected", "opened"]
    assert pitch(callee.pcm) == pytest.approx(440, abs=3)
    assert errors == []


async def test_an_end_that_checks_from_everywhere_is_answered_from_few_places() -> None:
    caller, callee = End(), End()
    async with call(caller, callee) as (calling, called), contextlib.AsyncExitStack() as stack:
        assert calling._transport is not None
        assert called._transport is not None
        theirs, ours = calling._transport._ice, called._transport._ice
        for _ in range(150):
            request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
            request.attributes["USERNAME"] = f"{ours.local_username}:{theirs.local_username}"
            request.attributes["PRIORITY"] = 1
            request.attributes["ICE-CONTROLLING"] = 1
            request.add_message_integrity(ours.local_password.encode())
            one = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            one.sendto(bytes(request), ("127.0.0.1", ours._protocols[0].local_candidate.port))
        calling.send("still here")
        await callee.until(lambda: callee.messages == ["still here"])
        async with asyncio.timeout(20):
            while len(ours._remote_candidates) < 100:
                await asyncio.sleep(0.02)
        calling.send("and still")
        await callee.until(lambda: len(callee.messages) == 2)
        assert len(ours._remote_candidates) == 100


async def test_a_certificate_that_is_not_the_described_one_is_refused() -> None:
    caller, callee = End(), End()
    calling, called = Peer(caller, ice=LOOPBACK), Peer(callee, ice=LOOPBACK)
    offer = await calling.offer()
    lines = [
        f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}" if line.startswith("a=fingerprint") else line
        for line in offer.splitlines()
    ]
    await calling.accept(await called.answer("\r\n".join(lines)))
    await callee.until(lambda: bool(callee.log))
    assert callee.log[0].startswith("lost: the DTLS handshake failed")
    await calling.aclose()
    await called.aclose()


async def test_nothing_is_left_of_a_closed_connection() -> None:
    async with call(End(), End()) as (calling, called):
        calling.send("x")
    for _ in range(3):
        await asyncio.sleep(0)
    before = _left()
    for _ in range(3):
        async with call(End(440), End(440)) as (calling, called):
            calling.send("x" * 100_000)
            called.send("y" * 100_000)
        unanswered = Peer(End(), ice=LOOPBACK)
        await unanswered.offer()
        await unanswered.aclose()
        await unanswered.aclose()
        await Peer(End(), ice=LOOPBACK).aclose()
        with contextlib.suppress(InvalidOffer):
            refusing = Peer(End(), ice=LOOPBACK)
            await refusing.answer("v=0\r\n")
        await refusing.aclose()
    for _ in range(3):
        await asyncio.sleep(0)
    assert _left() == before


def _left() -> tuple[int, int, int]:
    gc.collect()
    return len(asyncio.all_tasks()), threading.active_count(), len(os.listdir("/proc/self/fd"))


async def test_a_peer_holds_one_connection() -> None:
    peer = Peer(End(), ice=LOOPBACK)
    offer = await peer.offer()
    with pytest.raises(VivavoceError, match="one connection"):
        await peer.offer()
    with pytest.raises(VivavoceError, match="one connection"):
        await peer.answer(offer)
    await peer.aclose()
    fresh = Peer(End(), ice=LOOPBACK)
    other = Peer(End(), ice=LOOPBACK)
    with pytest.raises(VivavoceError, match="no offer"):
        await fresh.accept(await other.answer(offer))
    await fresh.aclose()
    await other.aclose()


async def test_an_answer_must_fit_the_offer() -> None:
    peer, other = Peer(End(), ice=LOOPBACK), Peer(End(), ice=LOOPBACK)
    answer = await other.answer(await peer.offer())
    with pytest.raises(InvalidAnswer, match="actpass"):
        await peer.accept(answer.replace("a=setup:active", "a=setup:actpass"))
    with pytest.raises(InvalidAnswer, match="m-lines"):
        await peer.accept(answer.partition("m=application")[0])
    await peer.accept(answer)
    await peer.aclose()
    await other.aclose()


# With aiortc's own connection at the other end.


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


async def _listen(track: MediaStreamTrack, seconds: float) -> bytes:
    """What a stock track plays, at 24 kHz mono."""
    pcm = b""
    while len(pcm) < seconds * 48_000:
        frame = await track.recv()
        samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
        pcm += samples[::2, 0].tobytes()
    return pcm


@contextlib.asynccontextmanager
async def _stock_call(
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


@pytest.mark.parametrize("calling", [True, False], ids=["stock calls", "stock answers"])
async def test_a_stock_connection_is_heard_and_hears(stock: Stock, calling: bool) -> None:
    end = End(hertz=1000)
    async with _stock_call(stock(), end, calling=calling) as (peer, tracks, channels):
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
