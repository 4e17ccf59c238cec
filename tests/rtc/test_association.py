"""Messages put together from fragments that come in any order."""

import random
import struct
from collections.abc import Iterator

import pytest
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport
from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    SCTP_DATA_LAST_FRAG,
    SCTP_DATA_UNORDERED,
    Chunk,
    DataChunk,
    SackChunk,
    serialize_packet,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.rtc.ends import End, call
from vivavoce.rtc import association
from vivavoce.rtc.association import Association, _Stream
from vivavoce.rtc.chunks import PARAMETERS_AT


def fragments(
    messages: list[bytes], *, tsn: int = 2**32 - 5, flags: int = 0, size: int = 3
) -> list[DataChunk]:
    """Messages cut into fragments, as one channel sends them."""
    chunks = []
    for number, message in enumerate(messages):
        for at in range(0, len(message), size):
            chunk = DataChunk(flags=flags)
            chunk.stream_id, chunk.stream_seq, chunk.protocol = 1, number % 65_536, 51
            chunk.tsn, chunk.user_data = tsn % 2**32, message[at : at + size]
            tsn += 1
            if at == 0:
                chunk.flags |= SCTP_DATA_FIRST_FRAG
            if at + size >= len(message):
                chunk.flags |= SCTP_DATA_LAST_FRAG
            chunks.append(chunk)
    return chunks


def feed(stream: _Stream, chunks: list[DataChunk]) -> list[bytes]:
    """What comes of fragments that come one by one."""
    messages = []
    for chunk in chunks:
        stream.add_chunk(chunk)
        messages += [data for _, _, data in stream.pop_messages()]
    return messages


texts = st.lists(st.binary(min_size=1, max_size=20), max_size=8)


@given(messages=texts, data=st.data())
def test_messages_come_whole_and_in_order_whatever_the_order_of_fragments(
    messages: list[bytes], data: st.DataObject
) -> None:
    stream = _Stream(1_000)
    chunks = data.draw(st.permutations(fragments(messages)))
    assert feed(stream, chunks) == messages
    assert stream.pending == 0


@given(messages=texts, data=st.data())
def test_without_order_messages_come_as_they_are_complete(messages: list[bytes], data: st.DataObject) -> None:
    stream = _Stream(1_000)
    chunks = data.draw(st.permutations(fragments(messages, flags=SCTP_DATA_UNORDERED)))
    assert sorted(feed(stream, chunks)) == sorted(messages)
    assert stream.pending == 0


@given(messages=texts, limit=st.integers(1, 20), data=st.data())
def test_what_is_too_long_is_left_out(messages: list[bytes], limit: int, data: st.DataObject) -> None:
    stream = _Stream(limit)
    chunks = data.draw(st.permutations(fragments(messages)))
    assert feed(stream, chunks) == [message for message in messages if len(message) <= limit]
    assert stream.pending == 0


def test_a_long_message_holds_no_more_than_may_be() -> None:
    stream = _Stream(100)
    chunks = fragments([b"x" * 3_000])
    assert feed(stream, chunks[:-1]) == []
    assert stream.pending <= 100


@given(messages=texts, data=st.data())
def test_what_the_other_end_gives_up_is_forgotten(messages: list[bytes], data: st.DataObject) -> None:
    stream = _Stream(1_000)
    chunks = fragments(messages, tsn=10)
    arrived = data.draw(st.lists(st.sampled_from(chunks), unique=True)) if chunks else []
    feed(stream, arrived)
    held = stream.pending
    given_up = data.draw(st.integers(0, 10 + len(chunks)))
    assert stream.prune_chunks(given_up) == held - stream.pending
    assert (
        stream.prune_chunks(10 + len(chunks))
        == stream.pending + (held - stream.pending) - (held - stream.pending)
        or stream.pending == 0
    )
    assert stream.pending == 0


def test_what_waits_without_order_is_limited() -> None:
    stream = _Stream(10**9)
    endless = fragments([b"x" * 2_000_000], flags=SCTP_DATA_UNORDERED, size=1_000)
    assert feed(stream, endless[:-1]) == []
    assert stream.pending <= 262_144


# An end that has the keys, and breaks the protocol.


@pytest.fixture
async def victim() -> Association:
    """An association that believes to be established, with the TSN 99 received last."""
    transport = RTCIceTransport(RTCIceGatherer(iceServers=[]))
    dtls = RTCDtlsTransport(transport, [RTCCertificate.generateCertificate()])
    one = Association(dtls, lambda: None, 100_000)
    one._association_state, one._last_received_tsn, one._remote_port = one.State.ESTABLISHED, 99, 5000
    return one


def packet(victim: Association, kind: int, body: bytes) -> bytes:
    """One chunk, with the checksum and the tag that are right."""
    chunk = Chunk(body=body)
    chunk.type = kind
    tag = 0 if kind == 1 else victim._local_verification_tag
    return serialize_packet(5000, 5000, tag, chunk)


@pytest.mark.parametrize("kind", sorted(PARAMETERS_AT))
async def test_parameters_without_a_length_are_not_read_for_ever(victim: Association, kind: int) -> None:
    fixed = bytes(PARAMETERS_AT[kind] - 4)
    await victim._handle_data(packet(victim, kind, fixed + struct.pack("!HH", 13, 0) + bytes(8)))
    await victim._handle_data(packet(victim, kind, fixed + struct.pack("!HHL", 13, 8, 0) + bytes(4)))


async def test_acknowledgements_of_what_was_never_sent_are_passed_over(victim: Association) -> None:
    sack = SackChunk()
    sack.cumulative_tsn, sack.gaps = victim._last_sacked_tsn, [(1, 65_535)] * 250
    victim._ssthresh = 10_000
    await victim._receive_sack_chunk(sack)
    assert sack.gaps == []


async def test_what_waits_for_a_packet_before_it_is_limited(victim: Association) -> None:
    for number in range(5_000):
        chunk = DataChunk()
        chunk.stream_id, chunk.tsn, chunk.user_data = 1, 101 + 2 * number, b"x"
        await victim._receive_data_chunk(chunk)
    assert len(victim._sack_misordered) <= association._MAX_MISORDERED
    assert victim._inbound_streams[1].pending <= 513 * association._MAX_MISORDERED


async def test_streams_are_limited(victim: Association) -> None:
    for number in range(1_000):
        chunk = DataChunk(flags=SCTP_DATA_FIRST_FRAG)
        chunk.stream_id, chunk.tsn, chunk.user_data = number, 100 + number, b"x"
        await victim._receive_data_chunk(chunk)
    assert len(victim._inbound_streams) == association._MAX_STREAMS


def noise(dice: random.Random) -> Iterator[tuple[int, bytes]]:
    """Chunks of every kind, filled at random or nearly right."""
    for _ in range(300):
        kind = dice.choice([0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 130, 192])
        body = dice.randbytes(dice.randrange(60))
        if kind == 0:
            opening = struct.pack("!BBHLHH", 3, dice.randrange(256), 0, 0, dice.randrange(9), 0)
            body = struct.pack("!LHHL", dice.randrange(90, 300), dice.randrange(5), 0, 50) + opening + body
        yield kind, body


@pytest.mark.parametrize("seed", range(10))
async def test_noise_does_no_harm(victim: Association, seed: int) -> None:
    for kind, body in noise(random.Random(seed)):
        await victim._handle_data(packet(victim, kind, body))
    await victim.stop()


async def test_what_is_sent_while_the_connection_says_goodbye_is_lost() -> None:
    """DTLS says goodbye before it calls itself closed; an answer to the other end may come between."""
    caller, callee = End(), End()
    async with call(caller, callee) as (calling, _):
        assert calling._transport is not None
        calling._transport._dtls._ssl.shutdown()
        await calling._transport._sctp._send_chunk(SackChunk())
