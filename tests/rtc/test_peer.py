"""Whole connections between two Peers: their voices, how they end, and what is left of them."""

import asyncio
import contextlib
import gc
import os
import threading
import weakref
from typing import Any

import pytest

from tests.rtc.ends import LOOPBACK, End, call, level, pitch, tone
from vivavoce.protocol.errors import VivavoceError
from vivavoce.rtc import IceSettings, InvalidAnswer, InvalidOffer, Peer


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


async def test_who_answers_late_is_not_lost() -> None:
    """Consent is a matter of whether the other end answers, not of how soon (RFC 7675, section 5.1)."""
    caller, callee = End(), End()
    ice = IceSettings(addresses=("127.0.0.1",), consent_s=3)
    async with call(caller, callee, ice=ice) as (calling, _called):
        transport = calling._transport
        assert transport is not None
        for protocol in transport._ice._protocols:
            protocol.transport = _Late(protocol.transport)
        await asyncio.sleep(4.5)
        assert callee.log == caller.log == ["connected", "opened"]


class _Late:
    """A socket whose datagrams leave late: later than aioice waits for an answer."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def sendto(self, data: bytes, addr: tuple[str, int]) -> None:
        asyncio.get_running_loop().call_later(0.8, self._send, data, addr)

    def _send(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self._socket.is_closing():
            self._socket.sendto(data, addr)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


async def test_nothing_is_left_of_a_closed_connection() -> None:
    async with call(End(), End()) as (calling, called):
        calling.send("x")
    for _ in range(3):
        await asyncio.sleep(0)
    before = _left()
    for turn in range(5):
        async with call(End(440), End(440)) as (calling, called):
            calling.send("x" * 100_000)
            called.send("y" * 100_000)
        unanswered = Peer(End(), ice=LOOPBACK)
        await unanswered.offer()
        await unanswered.aclose()
        await unanswered.aclose()
        await Peer(End(), ice=LOOPBACK).aclose()
        hasty, answering = Peer(End(), ice=LOOPBACK), Peer(End(), ice=LOOPBACK)
        await hasty.accept(await answering.answer(await hasty.offer()))
        await asyncio.sleep(0.01 * turn)  # while they connect
        await hasty.aclose()
        await answering.aclose()
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


async def test_an_answer_may_name_the_codec_by_another_number() -> None:
    caller, callee = End(hertz=440), End(hertz=1000)
    calling, called = Peer(caller, ice=LOOPBACK), Peer(callee, ice=LOOPBACK)
    answer = await called.answer(await calling.offer())
    for ours in ("SAVPF 111", "rtpmap:111", "fmtp:111"):
        answer = answer.replace(ours, ours.replace("111", "96"))
    # The one who answered listens for its own number, too: as if it had said so.
    called._media._inbound.payload_types = frozenset({96})
    await calling.accept(answer)
    await caller.until(lambda: len(caller.pcm) >= 24_000)
    await callee.until(lambda: len(callee.pcm) >= 24_000)
    await calling.aclose()
    await called.aclose()
    assert pitch(caller.pcm) == pytest.approx(1000, abs=3)
    assert pitch(callee.pcm) == pytest.approx(440, abs=3)


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


async def test_what_a_connection_holds_outside_of_python_is_freed_when_it_ends() -> None:
    held = []
    gc.disable()
    try:
        async with call(End(), End()) as peers:
            for peer in peers:
                assert peer._transport is not None
                dtls = peer._transport._dtls
                held += [weakref.ref(each) for each in (dtls._ssl, dtls._rx_srtp, dtls._tx_srtp)]
            del dtls
            assert len(held) == 6
            assert None not in [each() for each in held]
        assert [each() for each in held] == [None] * 6
    finally:
        gc.enable()
