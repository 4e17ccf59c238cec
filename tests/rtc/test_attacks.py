"""What a hostile other end, or a stranger who finds the port, may do: nothing that others would notice."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator, Iterator

import pytest
from aioice import stun
from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    SCTP_DATA_LAST_FRAG,
    SCTP_DATA_UNORDERED,
    WEBRTC_BINARY,
    WEBRTC_DCEP,
    WEBRTC_STRING,
    DataChunk,
    ForwardTsnChunk,
    HeartbeatChunk,
    ReconfigChunk,
    SackChunk,
    StreamResetOutgoingParam,
    crc32c,
    tsn_plus_one,
)

from tests.rtc.ends import LOOPBACK, End, call
from vivavoce.rtc import IceSettings, Peer
from vivavoce.rtc.association import Association
from vivavoce.rtc.chunks import are_sound
from vivavoce.rtc.ice_connection import IceConnection

WHOLE = SCTP_DATA_FIRST_FRAG | SCTP_DATA_LAST_FRAG


def association(peer: Peer) -> Association:
    assert peer._transport is not None
    return peer._transport._sctp


def ice(peer: Peer) -> IceConnection:
    assert peer._transport is not None
    return peer._transport._ice


class Attacker:
    """One end of a call whose packets are written by hand."""

    def __init__(self, peer: Peer) -> None:
        self.sctp = association(peer)
        self._tsn = self.sctp._local_tsn
        assert peer._channel is not None
        assert peer._channel.id is not None
        self.channel = peer._channel.id
        self.sequence = self.sctp._outbound_stream_seq[self.channel]
        """Of the next message on the channel."""

    async def send(self, *chunks: object) -> None:
        """One packet with these chunks."""
        head = struct.pack(
            "!HHL", self.sctp._local_port, self.sctp._remote_port, self.sctp._remote_verification_tag
        )
        body = b"".join(each if isinstance(each, bytes) else bytes(each) for each in chunks)  # type: ignore[call-overload]
        checksum = struct.pack("<L", crc32c(head + bytes(4) + body))
        await self.sctp.transport._send_data(head + checksum + body)
        await asyncio.sleep(0)

    def data(
        self,
        stream: int,
        data: bytes,
        *,
        protocol: int = WEBRTC_STRING,
        flags: int = WHOLE,
        sequence: int = 0,
        skip: int = 0,
    ) -> DataChunk:
        """The next fragment; `skip`: so many TSNs are left out before it."""
        chunk = DataChunk(flags=flags)
        chunk.tsn = self._tsn = (self._tsn + skip) % 2**32
        chunk.stream_id, chunk.stream_seq, chunk.protocol = stream, sequence, protocol
        chunk.user_data = data
        self._tsn = self.sctp._local_tsn = tsn_plus_one(self._tsn)
        return chunk

    def message(self, data: bytes, *, protocol: int = WEBRTC_STRING) -> DataChunk:
        """The next message on the channel, which takes part in the conversation."""
        self.sequence += 1
        return self.data(self.channel, data, sequence=self.sequence - 1, protocol=protocol)


@contextlib.asynccontextmanager
async def attacked(
    *, max_message_bytes: int | None = None
) -> AsyncIterator[tuple[Attacker, Association, End]]:
    """The attacker, what they attack, and who listens there. In the end the voice must still be heard."""
    caller, callee = End(hertz=440), End()
    async with call(caller, callee, max_message_bytes=max_message_bytes) as (calling, called):
        calling.send("before")
        await callee.until(lambda: "before" in callee.messages)
        yield Attacker(calling), association(called), callee
        heard = len(callee.pcm)
        await callee.until(lambda: len(callee.pcm) > heard + 9_600)
        assert callee.log == ["connected", "opened"]


def bombs(victim: Association) -> Iterator[tuple[str, bytes]]:
    """Chunks that keep a simple reader busy for seconds, or for ever."""
    sack = SackChunk()
    sack.cumulative_tsn, sack.advertised_rwnd = victim._last_sacked_tsn, 100_000
    sack.gaps = [(0, 65_535)] * 280
    yield "acknowledges 18 million chunks", bytes(sack)
    sack.gaps = [(1, 65_535), (0, 65_535)] * 140
    yield "acknowledges what was never sent", bytes(sack)
    endless = struct.pack("!HH", 1, 0) + bytes(8)
    yield "a parameter without length", struct.pack("!BBH", 4, 0, 4 + len(endless)) + endless
    yield "the same where streams are closed", struct.pack("!BBH", 130, 0, 4 + len(endless)) + endless
    yield "the same at the beginning", struct.pack("!BBH", 1, 0, 20 + len(endless)) + bytes(16) + endless


async def test_packets_of_few_bytes_make_no_work_without_end() -> None:
    async with attacked() as (attacker, victim, callee):
        for _, bomb in list(bombs(victim)):
            for _ in range(20):
                await attacker.send(bomb)
        await attacker.send(attacker.message(b"still here"))
        await callee.until(lambda: "still here" in callee.messages)


def test_packets_that_ask_for_many_answers_are_not_read() -> None:
    head = bytes(12)
    beat = bytes(HeartbeatChunk(body=struct.pack("!HH", 1, 8) + b"beat"))
    assert are_sound(head + beat)
    assert not are_sound(head + 100 * beat)
    resets = ReconfigChunk()
    resets.params = [(13, bytes(StreamResetOutgoingParam(1, 1, 1, [0])))] * 2
    assert are_sound(head + bytes(resets))
    resets.params *= 10
    assert not are_sound(head + bytes(resets))


def test_packets_of_all_stacks_are_read() -> None:
    """An INIT of usrsctp, as Firefox and older Chromium send it, and data with a receipt."""
    init = bytes.fromhex(
        "010000568f1d2b7300500000ffffffffd1c4c8f8c000000480080009c00fc1808200000080020024"
        "a9f5d8e1f3e9a2b0c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4800400060001000080030006c1800000"
    )
    assert are_sound(bytes(12) + init)
    sack, data = SackChunk(), DataChunk(flags=WHOLE)
    data.user_data = b"{}"
    assert are_sound(bytes(12) + bytes(sack) + bytes(data))
    assert are_sound(bytes(12))


async def test_streams_and_channels_without_number_are_forgotten() -> None:
    async with attacked() as (attacker, victim, _):
        opening = struct.pack("!BBHLHH", 3, 0, 0, 0, 1, 0) + b"x"
        for stream in range(2, 402, 2):
            await attacker.send(attacker.data(stream, opening, protocol=WEBRTC_DCEP))
        for stream in range(1_000, 3_000, 20):
            await attacker.send(*(attacker.data(stream + n, b"x", flags=2) for n in range(20)))
        forward = ForwardTsnChunk()
        forward.cumulative_tsn = attacker.data(0, b"").tsn
        for stream in range(5_000, 25_000, 250):
            forward.streams = [(stream + n, 0) for n in range(250)]
            forward.cumulative_tsn = tsn_plus_one(forward.cumulative_tsn)
            await attacker.send(forward)
        last = forward.cumulative_tsn
        async with asyncio.timeout(30):
            while victim._last_received_tsn != last:
                await asyncio.sleep(0.01)
        assert len(victim._inbound_streams) <= 32
        assert len(victim._data_channels) <= 32


async def test_fragments_that_wait_for_others_are_limited() -> None:
    async with attacked() as (attacker, victim, _):
        for _ in range(300):
            await attacker.send(*(attacker.data(0, b"x", flags=0, skip=1) for _ in range(20)))
        async with asyncio.timeout(30):
            while len(victim._sack_misordered) < 2_000:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert len(victim._sack_misordered) <= 2_048


async def test_fragments_count_with_what_they_take() -> None:
    """A fragment of one byte takes half a kilobyte."""
    async with attacked(max_message_bytes=50_000) as (attacker, victim, _):
        for _ in range(150):
            await attacker.send(*(attacker.data(0, b"x", flags=0) for _ in range(20)))
        async with asyncio.timeout(30):
            while victim._advertised_rwnd > 1_000:
                await asyncio.sleep(0.01)
        waiting = sum(len(stream._later) for stream in victim._inbound_streams.values())  # type: ignore[attr-defined]
        assert waiting <= 1_048_576 // 512


async def test_fragments_without_order_are_limited() -> None:
    async with attacked() as (attacker, victim, _):
        for _ in range(100):
            await attacker.send(*(attacker.data(0, b"x", flags=SCTP_DATA_UNORDERED) for _ in range(20)))
        stream = victim._inbound_streams[0]
        assert len(stream._unordered.reassembly) <= 256  # type: ignore[attr-defined]


async def test_text_that_is_none_is_told_as_bytes() -> None:
    async with attacked() as (attacker, _, callee):
        await attacker.send(attacker.message(b"\xff\xfe"), attacker.message(b"next"))
        await callee.until(lambda: "next" in callee.messages)
        assert callee.messages == ["before", b"\xff\xfe", "next"]


async def test_records_of_one_datagram_are_all_read() -> None:
    """Nothing piles up behind the first."""
    async with attacked() as (attacker, _, callee):
        dtls = attacker.sctp.transport
        together: list[bytes] = []

        async def keep(data: bytes) -> None:
            together.append(data)

        send, dtls.transport._send = dtls.transport._send, keep  # type: ignore[method-assign]
        for n in range(1, 6):
            await attacker.send(attacker.message(str(n).encode(), protocol=WEBRTC_BINARY))
        dtls.transport._send = send  # type: ignore[method-assign]
        await send(b"".join(together))
        await callee.until(lambda: b"5" in callee.messages)
        assert callee.messages == ["before", *(str(n).encode() for n in range(1, 6))]


async def test_sources_without_number_are_not_kept() -> None:
    caller, callee = End(hertz=440), End()
    dice = random.Random(3)
    async with call(caller, callee) as (calling, called):
        await callee.until(lambda: len(callee.pcm) > 9_600)
        assert calling._transport is not None
        assert called._transport is not None
        for n in range(2_000):
            packet = struct.pack("!BBHII", 0x80, 111, n, n, dice.getrandbits(32)) + b"\xf8"
            calling._transport.send_media(packet)
            if n % 20 == 0:
                await asyncio.sleep(0)
        heard = len(callee.pcm)
        await callee.until(lambda: len(callee.pcm) > heard + 9_600)
        assert len(called._transport._dtls._sources) <= 64


# Strangers, and those who know the passwords.


def alert() -> bytes:
    """A plain DTLS record: "handshake failure", which nobody has to sign."""
    return bytes.fromhex("15fefd000000000000000000020228")


async def test_strangers_cannot_end_a_handshake() -> None:
    caller, callee = End(), End()
    calling, called = Peer(caller, ice=LOOPBACK), Peer(callee, ice=LOOPBACK)
    try:
        answer = await called.answer(await calling.offer())
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            for peer in (calling, called):
                candidate = ice(peer)._protocols[0].local_candidate
                for _ in range(20):
                    stranger.sendto(alert(), (candidate.host, candidate.port))
            await asyncio.sleep(0.05)
            await calling.accept(answer)
            await callee.until(lambda: "connected" in callee.log)
            await caller.until(lambda: "connected" in caller.log)
    finally:
        await calling.aclose()
        await called.aclose()


async def test_what_strangers_send_is_not_kept() -> None:
    peer = Peer(End(), ice=LOOPBACK)
    try:
        await peer.offer()
        candidate = ice(peer)._protocols[0].local_candidate
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            for first in range(256):
                stranger.sendto(bytes([first]) + bytes(20_000), (candidate.host, candidate.port))
                await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        assert ice(peer)._queue.qsize() == 0
    finally:
        await peer.aclose()


async def test_an_end_that_always_claims_the_other_role_is_asked_a_few_times() -> None:
    peer = Peer(End(), ice=LOOPBACK)
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as victim:
        victim.setblocking(False)
        victim.bind(("127.0.0.1", 0))
        other = Peer(End(), ice=LOOPBACK)
        lines = [line for line in (await other.offer()).splitlines() if not line.startswith("a=candidate")]
        host, port = victim.getsockname()
        offer = "\r\n".join([*lines, ""]).replace(
            "a=rtcp-mux\r\n", f"a=rtcp-mux\r\na=candidate:1 1 udp 1 {host} {port} typ host\r\n"
        )
        await peer.answer(offer)
        password = ice(other).local_password.encode()
        asked = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while asked < 100:
                    data, address = await loop.sock_recvfrom(victim, 2_048)
                    asked += 1
                    request = stun.parse_message(data)
                    answer = stun.Message(stun.Method.BINDING, stun.Class.ERROR, request.transaction_id)
                    answer.attributes["ERROR-CODE"] = (487, "Role Conflict")
                    answer.add_message_integrity(password)
                    await loop.sock_sendto(victim, bytes(answer), address)
        assert 1 < asked <= 8
        await other.aclose()
        await peer.aclose()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "169.254.169.254", "fe80::1"])
async def test_a_machine_does_not_ask_itself_on_behalf_of_others(host: str) -> None:
    connection = IceConnection(IceSettings(addresses=("127.0.0.1",)), controlling=False)
    await connection.gather_candidates()
    assert connection.may_try(host) is ("127." in host or host == "::1")
    connection._protocols[0].local_candidate.host = "192.0.2.1"
    assert not connection.may_try(host)
    assert connection.may_try("192.0.2.2")
    await connection.close()


async def test_pairs_are_limited() -> None:
    peer = Peer(End(), ice=IceSettings(addresses=("127.0.0.1",) * 8))
    other = Peer(End(), ice=LOOPBACK)
    offer = await other.offer()
    many = "".join(f"a=candidate:1 1 udp 1 192.0.2.{n} 5000 typ host\r\n" for n in range(1, 60))
    await peer.answer(offer.replace("a=rtcp-mux\r\n", f"a=rtcp-mux\r\n{many}"))
    await asyncio.sleep(0.05)
    assert 100 <= len(ice(peer)._check_list) < 108
    await other.aclose()
    await peer.aclose()
