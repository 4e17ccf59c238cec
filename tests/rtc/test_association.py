"""Messages put together from fragments that come in any order."""

from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    SCTP_DATA_LAST_FRAG,
    SCTP_DATA_UNORDERED,
    DataChunk,
)
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.rtc.association import _Stream


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
