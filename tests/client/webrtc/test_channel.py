"""What carries the messages of a call, without the call."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from vivavoce.client.errors import AlreadyListening
from vivavoce.client.webrtc import channel
from vivavoce.client.webrtc.channel import ChannelSocket, PeerReports
from vivavoce.client.webrtc.track import Track
from vivavoce.rtc import CLOSED_BY_PEER, NO_ANSWER


@pytest.fixture
async def socket() -> AsyncIterator[ChannelSocket]:
    made = ChannelSocket(Track())
    yield made
    await made.close()


async def test_messages_wait_in_their_order(socket: ChannelSocket) -> None:
    told = PeerReports(socket)
    told.connected()
    told.opened()
    assert await socket.opening is None
    waiting = asyncio.create_task(socket.more())
    await asyncio.sleep(0)
    with pytest.raises(AlreadyListening):
        await socket.more()
    told.received("one")
    told.received(b"two")
    assert await waiting
    assert list(socket.inbox) == [b"one", b"two"]


@pytest.mark.parametrize(("reason", "code"), [(CLOSED_BY_PEER, 1000), (NO_ANSWER, 1006)])
async def test_how_it_ended_is_told(socket: ChannelSocket, reason: str, code: int) -> None:
    told = PeerReports(socket)
    told.opened()
    told.received("last")
    told.lost(reason)
    told.received("too late")
    assert socket.lost
    assert socket.closure() == (code, reason)
    assert await socket.more()
    socket.inbox.clear()
    assert not await socket.more()
    with pytest.raises(ConnectionResetError):
        await socket.send_text(b"{}")
    assert [pcm async for pcm in socket.audio] == []


async def test_one_that_never_opens_says_why(socket: ChannelSocket) -> None:
    PeerReports(socket).lost("no connection came about")
    assert await socket.opening == "no connection came about"


async def test_a_program_that_reads_nothing_loses_the_call(
    socket: ChannelSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "MAX_UNREAD_BYTES", 10)
    told = PeerReports(socket)
    told.opened()
    for _ in range(3):  # what was taken does not count
        told.received("12345678")
        assert await socket.more()
        socket.inbox.popleft()
    told.received("12345678")
    assert not socket.lost
    told.received("12345678")
    assert socket.lost
    assert socket.closure() == (4009, "16 bytes wait")


async def test_sound_goes_through(socket: ChannelSocket) -> None:
    told = PeerReports(socket)
    heard: list[bytes] = []
    socket.audio.listen(heard.append)
    told.heard(bytes(960))
    socket.audio.put(bytes(4800))
    assert heard == [bytes(960)]
    assert told.next_audio() == bytes(960)
