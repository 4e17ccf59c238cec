"""STUN and TURN with coturn on loopback."""

import asyncio
import time

import msgspec
import pytest

from tests.rtc.ends import LOOPBACK, End, call, level, pitch, tone
from tests.rtc.turnserver import CREDENTIAL, TurnServer, free_port, turn
from vivavoce.rtc import IceServer, IceSettings, NoCandidates, Peer

__all__ = ["turn"]


def kinds(sdp: str) -> set[str]:
    """The types of candidates in a description."""
    return {line.split()[7] for line in sdp.splitlines() if line.startswith("a=candidate:")}


async def offered(settings: IceSettings) -> str:
    peer = Peer(End(), ice=settings)
    try:
        return await peer.offer()
    finally:
        await peer.aclose()


def relaying(server: TurnServer, transport: str = "udp") -> IceSettings:
    return IceSettings(servers=(server.url(transport=transport),), relay_only=True, connect_s=20)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_calls_go_through_a_turn_server_alone(turn: TurnServer, transport: str) -> None:
    caller, callee = End(hertz=440), End(hertz=1000)
    ice = relaying(turn, transport)
    async with call(caller, callee, ice=ice) as (calling, called):
        calling.send("through the relay")
        called.send("x" * 100_000)
        await callee.until(lambda: callee.messages == ["through the relay"])
        await caller.until(lambda: caller.messages == ["x" * 100_000])
        await caller.until(lambda: len(caller.pcm) >= 48_000)
        await callee.until(lambda: len(callee.pcm) >= 48_000)
    assert pitch(callee.pcm) == pytest.approx(440, abs=3)
    assert pitch(caller.pcm) == pytest.approx(1000, abs=3)
    assert level(callee.pcm) == pytest.approx(level(tone(440, 1)), rel=0.2)
    assert CREDENTIAL not in repr(ice)


async def test_an_end_that_is_not_relayed_reaches_one_that_is(turn: TurnServer) -> None:
    caller, callee = End(), End(hertz=440)
    calling, called = Peer(caller, ice=LOOPBACK), Peer(callee, ice=relaying(turn))
    answer = await called.answer(await calling.offer())
    assert kinds(answer) == {"relay"}
    assert "127.0.0.1" not in answer.partition("a=candidate")[2].partition("raddr")[2].partition("\r\n")[0]
    await calling.accept(answer)
    await caller.until(lambda: "opened" in caller.log)
    await caller.until(lambda: len(caller.pcm) >= 24_000)
    await calling.aclose()
    await called.aclose()
    assert pitch(caller.pcm) == pytest.approx(440, abs=3)


async def test_all_kinds_of_candidates_are_told(turn: TurnServer) -> None:
    told = kinds(await offered(msgspec.structs.replace(LOOPBACK, servers=(turn.url("stun"), turn.url()))))
    # coturn sees the very address that this machine has, so its view of it is told as well.
    assert told == {"host", "srflx", "relay"}


async def test_a_relay_that_refuses_is_no_way_out(turn: TurnServer) -> None:
    wrong = IceServer(url=turn.url().url, username="caller", credential="wrong")
    with pytest.raises(NoCandidates, match="No TURN server gave a relay address"):
        await offered(IceSettings(servers=(wrong,), relay_only=True))
    assert kinds(await offered(msgspec.structs.replace(LOOPBACK, servers=(wrong,)))) == {"host"}


async def test_servers_that_do_not_answer_are_waited_for_no_longer_than_set() -> None:
    nobody = IceServer(url=f"stun:127.0.0.1:{free_port()}")
    settings = msgspec.structs.replace(LOOPBACK, servers=(nobody,), gather_s=0.3)
    begin = time.monotonic()
    assert kinds(await offered(settings)) == {"host"}
    assert time.monotonic() - begin >= 0.25


async def test_relays_are_given_back(turn: TurnServer) -> None:
    async with call(End(), End(), ice=relaying(turn)):
        pass
    # Tasks of the relay end with its deletion.
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.02)
    assert turn.log.count("refreshed, realm=<vivavoce>, username=<caller>, lifetime=0") >= 2


async def test_a_relay_is_given_back_when_nobody_waits_for_the_answer_any_more(turn: TurnServer) -> None:
    nobody = IceServer(url=f"stun:127.0.0.1:{free_port()}")
    before = turn.log.count("lifetime=0")
    settings = msgspec.structs.replace(LOOPBACK, servers=(nobody, turn.url()), gather_s=30)
    peer = Peer(End(), ice=settings)
    allocated = turn.log.count("ALLOCATE processed, success")
    offering = asyncio.create_task(peer.offer())
    async with asyncio.timeout(20):
        while turn.log.count("ALLOCATE processed, success") == allocated:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    offering.cancel()
    await asyncio.gather(offering, return_exceptions=True)
    await peer.aclose()
    async with asyncio.timeout(10):
        while turn.log.count("lifetime=0") == before or len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.02)
