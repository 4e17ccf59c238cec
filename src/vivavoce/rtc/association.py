"""SCTP of one connection, for messages of any size; reaches into aiortc as `transport` does."""

import logging
import struct
from collections.abc import Callable, Iterable, Iterator

from aiortc import RTCDataChannel, RTCDtlsTransport, RTCSctpTransport
from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    SCTP_DATA_LAST_FRAG,
    SCTP_DATA_UNORDERED,
    SCTP_TSN_MODULO,
    WEBRTC_BINARY,
    WEBRTC_DCEP,
    WEBRTC_STRING,
    Chunk,
    DataChunk,
    InboundStream,
    SackChunk,
    tsn_plus_one,
)
from aiortc.utils import uint16_add, uint32_gt, uint32_gte
from OpenSSL import SSL

from vivavoce.rtc.chunks import are_sound

logger = logging.getLogger(__name__)

_MAX_FLIGHT = 98_304
"""Bytes of messages on their way at once: what buffers of sockets hold, so that no burst overflows them."""
_MAX_UNORDERED = 262_144
"""Bytes that wait on a channel that keeps no order."""
_MAX_UNORDERED_CHUNKS = 256
"""And fragments: all of them are looked through whenever one comes."""
_MAX_STREAMS = 32
"""That the other end may use, which needs no more than one. What comes on others is taken and forgotten."""
_MAX_MISORDERED = 2_048
"""Fragments that may wait for one that is missing; all of them are looked through whenever one comes. Those
beyond are lost, and come again."""
_CHUNK_BYTES = 512
"""What a fragment that waits takes beside its data."""


class Association(RTCSctpTransport):
    """SCTP, with room for messages of the size that is announced, and an account of what was not taken."""

    def __init__(
        self, dtls: RTCDtlsTransport, acknowledged: Callable[[], None], max_message_bytes: int
    ) -> None:
        super().__init__(dtls)
        self._max_message_bytes = max_message_bytes
        self._advertised_rwnd = max(self._advertised_rwnd, 2 * max_message_bytes)
        self._acknowledged = acknowledged
        self.unacknowledged = 0

    async def _handle_data(self, data: bytes) -> None:
        if not are_sound(data):
            return
        try:
            await super()._handle_data(data)
        except (AssertionError, ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error):
            return  # the other end broke the protocol: as if the packet had never come

    def _get_inbound_stream(self, stream_id: int) -> InboundStream:
        stream = self._inbound_streams.get(stream_id)
        if stream is None:
            stream = _Stream(self._max_message_bytes)
            if self._is_welcome(stream_id):
                self._inbound_streams[stream_id] = stream
        return stream

    def _is_welcome(self, stream_id: int) -> bool:
        """Whether one more stream may begin. Channels that are not closed yet at both ends count, too."""
        channels = self._data_channels
        known = stream_id in channels or len(channels) < _MAX_STREAMS
        return known and len(self._inbound_streams) < _MAX_STREAMS

    def _mark_received(self, tsn: int) -> bool:
        last, ahead = self._last_received_tsn, self._sack_misordered
        assert last is not None, "data comes after the beginning of the association"
        if uint32_gte(last, tsn) or tsn in ahead:
            self._sack_duplicates.append(tsn)
            return True
        following = tsn_plus_one(last)
        if tsn != following:
            if len(ahead) < _MAX_MISORDERED:
                ahead.add(tsn)
                return False
            return True
        while True:
            self._last_received_tsn, following = following, tsn_plus_one(following)
            if following not in ahead:
                return False
            ahead.remove(following)

    async def _receive_data_chunk(self, chunk: DataChunk) -> None:
        self._sack_needed = True
        if len(chunk.user_data) + _CHUNK_BYTES > self._advertised_rwnd or self._mark_received(chunk.tsn):
            return
        stream = self._get_inbound_stream(chunk.stream_id)
        if self._inbound_streams.get(chunk.stream_id) is not stream:
            return
        assert isinstance(stream, _Stream)
        before = stream.pending
        stream.add_chunk(chunk)
        messages = list(stream.pop_messages())
        self._advertised_rwnd += before - stream.pending
        for message in messages:
            await self._receive(*message)
        await self._reset_deferred_streams()

    async def _receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        if pp_id == WEBRTC_STRING and not _is_text(data):
            pp_id = WEBRTC_BINARY  # the listener is to know that there was something
        await super()._receive(stream_id, pp_id, data)

    async def _send_chunk(self, chunk: Chunk) -> None:
        try:
            await super()._send_chunk(chunk)
        except (ConnectionError, SSL.Error):
            # The connection is over, or about to be: DTLS says goodbye before it calls itself closed. That is
            # told elsewhere; here it is as if the packet had been lost.
            return

    def _data_channel_send(self, channel: RTCDataChannel, data: bytes | str) -> None:
        super()._data_channel_send(channel, data)
        self.unacknowledged += len(self._data_channel_queue[-1][2])

    async def _receive_sack_chunk(self, chunk: SackChunk) -> None:
        newest = self._sent_queue[-1].tsn if self._sent_queue else self._last_sacked_tsn
        if uint32_gt(self._advanced_peer_ack_tsn, newest):
            newest = self._advanced_peer_ack_tsn
        if uint32_gt(chunk.cumulative_tsn, newest):
            return  # it takes what was never sent
        chunk.gaps = list(_in_order(chunk.gaps, (newest - chunk.cumulative_tsn) % SCTP_TSN_MODULO))
        taken = 0
        for sent in self._sent_queue:
            if not uint32_gte(chunk.cumulative_tsn, sent.tsn):
                break
            if sent.protocol != WEBRTC_DCEP:
                taken += len(sent.user_data)
        self._cwnd = min(self._cwnd, _MAX_FLIGHT)
        await super()._receive_sack_chunk(chunk)
        if taken:
            self.unacknowledged -= taken
            self._acknowledged()


class _Stream(InboundStream):
    """The fragments of one channel's messages. aiortc's own looks through all of them whenever one comes.

    Messages that are longer than what was announced are dropped as they come in.
    """

    def __init__(self, max_message_bytes: int) -> None:
        super().__init__()
        self._max = max_message_bytes
        self._first: dict[int, DataChunk] = {}
        """The beginnings of messages, by their place in the stream."""
        self._later: dict[int, DataChunk] = {}
        """All other fragments, by their TSN."""
        self._whole = bytearray()
        """The message that is being put together, as far as it came."""
        self._size = 0
        """Bytes of the message that is being put together, dropped ones included."""
        self._next: int | None = None
        """The TSN of the fragment that it needs; None between messages."""
        self._unordered = InboundStream()
        self._unordered_size = 0
        self.pending = 0
        """Bytes that wait for the rest of their message."""

    def add_chunk(self, chunk: DataChunk) -> None:
        size = len(chunk.user_data)
        if chunk.flags & SCTP_DATA_UNORDERED:
            full = len(self._unordered.reassembly) == _MAX_UNORDERED_CHUNKS
            if full or self._unordered_size + size > _MAX_UNORDERED:
                self._forget_unordered()
            self._unordered.add_chunk(chunk)
            self._unordered_size += size
            self.pending += size
        elif chunk.flags & SCTP_DATA_FIRST_FRAG:
            self._hold(self._first, chunk.stream_seq, chunk)
        else:
            self._hold(self._later, chunk.tsn, chunk)

    def pop_messages(self) -> Iterator[tuple[int, int, bytes]]:
        if self._unordered.reassembly:
            for message in self._unordered.pop_messages():
                self.pending -= len(message[2])
                self._unordered_size -= len(message[2])
                yield message
        while (chunk := self._take()) is not None:
            self._size += len(chunk.user_data)
            if self._size <= self._max:
                self._whole += chunk.user_data
                self.pending += len(chunk.user_data)
            else:
                self._forget_whole()
            if not chunk.flags & SCTP_DATA_LAST_FRAG:
                self._next = tsn_plus_one(chunk.tsn)
                continue
            size, data = self._size, bytes(self._whole)
            self._forget_whole()
            self._size, self._next = 0, None
            self.sequence_number = uint16_add(self.sequence_number, 1)
            if size <= self._max:
                yield chunk.stream_id, chunk.protocol, data
            else:
                logger.warning("A message of more than %d bytes was dropped.", self._max)

    def prune_chunks(self, tsn: int) -> int:
        """Forgets what the other end gave up sending, up to a TSN; the bytes that became free."""
        before = self.pending
        if self._next is not None and uint32_gte(tsn, self._next):
            self._forget_whole()
            self._size, self._next = 0, None
        for waiting in (self._first, self._later):
            for key in [key for key, chunk in waiting.items() if uint32_gte(tsn, chunk.tsn)]:
                self._release(waiting, key)
        freed = self._unordered.prune_chunks(tsn)
        self.pending -= freed
        self._unordered_size -= freed
        return before - self.pending

    def _hold(self, waiting: dict[int, DataChunk], key: int, chunk: DataChunk) -> None:
        self._release(waiting, key)
        waiting[key] = chunk
        self.pending += len(chunk.user_data) + _CHUNK_BYTES

    def _release(self, waiting: dict[int, DataChunk], key: int) -> DataChunk | None:
        chunk = waiting.pop(key, None)
        if chunk is not None:
            self.pending -= len(chunk.user_data) + _CHUNK_BYTES
        return chunk

    def _take(self) -> DataChunk | None:
        """The fragment that is needed next, if it has come."""
        if self._next is None:
            return self._release(self._first, self.sequence_number)
        return self._release(self._later, self._next)

    def _forget_whole(self) -> None:
        self.pending -= len(self._whole)
        self._whole = bytearray()

    def _forget_unordered(self) -> None:
        self.pending -= self._unordered_size
        self._unordered, self._unordered_size = InboundStream(), 0


def _in_order(gaps: Iterable[tuple[int, int]], most: int) -> Iterator[tuple[int, int]]:
    """The blocks of an acknowledgement that follow each other and lie within what was sent (RFC 9260, section
    3.3.4): aiortc counts through all that they name."""
    reached = 0
    for first, last in gaps:
        if reached < first <= last <= most:
            reached = last
            yield first, last


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
