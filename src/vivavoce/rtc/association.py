"""SCTP of one connection, for messages of any size; reaches into aiortc as `transport` does."""

import logging
import struct
from collections.abc import Callable, Iterator

from aiortc import RTCDataChannel, RTCDtlsTransport, RTCSctpTransport
from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    SCTP_DATA_LAST_FRAG,
    SCTP_DATA_UNORDERED,
    WEBRTC_DCEP,
    Chunk,
    DataChunk,
    InboundStream,
    SackChunk,
    tsn_plus_one,
)
from aiortc.utils import uint16_add, uint32_gte

logger = logging.getLogger(__name__)

_MAX_FLIGHT = 98_304
"""Bytes of messages on their way at once: what buffers of sockets hold, so that no burst overflows them."""
_MAX_UNORDERED = 262_144
"""Bytes that wait on a channel that keeps no order."""
_MAX_MISORDERED = 2_048
"""Packets that wait for one before them."""
_MAX_STREAMS = 64
"""On which something may come in; each data channel has one."""
_PARAMETERS = {1: 20, 2: 20, 4: 4, 5: 4, 6: 4, 9: 4, 130: 4}
"""Where parameters begin, in the chunks that have some (RFC 9260, section 3.3; RFC 6525)."""
_CHUNK = struct.Struct("!BBH")
_PARAMETER = struct.Struct("!HH")


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
        if not _is_sound(data):
            return
        try:
            await super()._handle_data(data)
        except (AssertionError, ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error):
            return  # the other end broke the protocol: as if the packet had never come

    def _can_take(self, chunk: DataChunk) -> bool:
        """Whether there is room for a chunk; it is lost otherwise, and sent again."""
        if len(chunk.user_data) > self._advertised_rwnd:
            return False
        if chunk.stream_id not in self._inbound_streams and len(self._inbound_streams) >= _MAX_STREAMS:
            return False
        in_order = self._last_received_tsn is not None and chunk.tsn == tsn_plus_one(self._last_received_tsn)
        return in_order or len(self._sack_misordered) < _MAX_MISORDERED

    def _get_inbound_stream(self, stream_id: int) -> InboundStream:
        stream = self._inbound_streams.get(stream_id)
        if stream is None:
            stream = self._inbound_streams[stream_id] = _Stream(self._max_message_bytes)
        return stream

    async def _receive_data_chunk(self, chunk: DataChunk) -> None:
        self._sack_needed = True
        if not self._can_take(chunk) or self._mark_received(chunk.tsn):
            return
        stream = self._get_inbound_stream(chunk.stream_id)
        assert isinstance(stream, _Stream)
        before = stream.pending
        stream.add_chunk(chunk)
        messages = list(stream.pop_messages())
        self._advertised_rwnd += before - stream.pending
        for message in messages:
            await self._receive(*message)
        await self._reset_deferred_streams()

    async def _send_chunk(self, chunk: Chunk) -> None:
        try:
            await super()._send_chunk(chunk)
        except ConnectionError:
            return  # the connection is over, which is told elsewhere: as if the packet had been lost

    def _data_channel_send(self, channel: RTCDataChannel, data: bytes | str) -> None:
        super()._data_channel_send(channel, data)
        self.unacknowledged += len(self._data_channel_queue[-1][2])

    async def _receive_sack_chunk(self, chunk: SackChunk) -> None:
        # What reaches beyond all that is on its way is looked through by number, for as long as it takes.
        chunk.gaps = [gap for gap in chunk.gaps if gap[0] <= gap[1] <= len(self._sent_queue)]
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
        self._parts: list[bytes] = []
        self._size = 0
        """Bytes of the message that is being put together, dropped ones included."""
        self._next: int | None = None
        """The TSN of the fragment that it needs; None between messages."""
        self._unordered = InboundStream()
        self._unordered_size = 0
        self.pending = 0
        """Bytes that wait for the rest of their message."""

    def add_chunk(self, chunk: DataChunk) -> None:
        if chunk.flags & SCTP_DATA_UNORDERED:
            if self._unordered_size + len(chunk.user_data) > _MAX_UNORDERED:
                self._forget_unordered()
            self._unordered_size += len(chunk.user_data)
            self._unordered.add_chunk(chunk)
        elif chunk.flags & SCTP_DATA_FIRST_FRAG:
            self._replace(self._first, chunk.stream_seq, chunk)
        else:
            self._replace(self._later, chunk.tsn, chunk)
        self.pending += len(chunk.user_data)

    def pop_messages(self) -> Iterator[tuple[int, int, bytes]]:
        if self._unordered.reassembly:
            for message in self._unordered.pop_messages():
                self.pending -= len(message[2])
                self._unordered_size -= len(message[2])
                yield message
        while (chunk := self._take()) is not None:
            self._size += len(chunk.user_data)
            self._parts.append(chunk.user_data)
            if self._size > self._max:
                self._drop_parts()
            if not chunk.flags & SCTP_DATA_LAST_FRAG:
                self._next = tsn_plus_one(chunk.tsn)
                continue
            message = (chunk.stream_id, chunk.protocol, b"".join(self._parts))
            whole = self._size <= self._max
            self.pending -= len(message[2])
            self._parts, self._size, self._next = [], 0, None
            self.sequence_number = uint16_add(self.sequence_number, 1)
            if whole:
                yield message
            else:
                logger.warning("A message of more than %d bytes was dropped.", self._max)

    def prune_chunks(self, tsn: int) -> int:
        """Forgets what the other end gave up sending, up to a TSN; the bytes that became free."""
        before = self.pending
        if self._next is not None and uint32_gte(tsn, self._next):
            self._drop_parts()
            self._size, self._next = 0, None
        for waiting in (self._first, self._later):
            for key in [key for key, chunk in waiting.items() if uint32_gte(tsn, chunk.tsn)]:
                self.pending -= len(waiting.pop(key).user_data)
        freed = self._unordered.prune_chunks(tsn)
        self.pending -= freed
        self._unordered_size -= freed
        return before - self.pending

    def _take(self) -> DataChunk | None:
        if self._next is None:
            return self._first.pop(self.sequence_number, None)
        return self._later.pop(self._next, None)

    def _replace(self, waiting: dict[int, DataChunk], key: int, chunk: DataChunk) -> None:
        old = waiting.get(key)
        if old is not None:
            self.pending -= len(old.user_data)
        waiting[key] = chunk

    def _drop_parts(self) -> None:
        self.pending -= sum(map(len, self._parts))
        self._parts = []

    def _forget_unordered(self) -> None:
        self.pending -= self._unordered_size
        self._unordered, self._unordered_size = InboundStream(), 0


def _is_sound(data: bytes) -> bool:
    """Whether all parameters have a length that leads on: aiortc would read one of length 0 for ever."""
    at = 12
    while at + 4 <= len(data):
        kind, _, length = _CHUNK.unpack_from(data, at)
        if length < 4:
            return False
        end = min(at + length, len(data))
        if kind in _PARAMETERS:
            parameter = at + _PARAMETERS[kind]
            while parameter + 4 <= end:
                size = _PARAMETER.unpack_from(data, parameter)[1]
                if size < 4:
                    return False
                parameter += size + -size % 4
        at += length + -length % 4
    return True
