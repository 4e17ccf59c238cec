"""Messages from a TCP stream, fast.

`websockets` does the handshake, TLS, proxies, keepalive and the closing handshake. For a stream of thousands
of events it is too general: it runs a coroutine and makes several objects for each frame. Nearly every frame
of a Realtime server is a whole, uncompressed text message, and those are cut out of what was read right here,
all of a TCP read at once. Everything else (control frames, fragments, binary and compressed messages,
whatever breaks the protocol) goes to `websockets`, one whole frame at a time.

Nothing here waits or writes: `async_socket` and `sync_socket` are the ways to run it.
"""

from abc import ABC, abstractmethod
from collections import deque

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from vivavoce.client.errors import NORMAL_CODES

READ_AHEAD = 4 * 2**20
"""Bytes that may wait for the program before reading pauses: about a minute of speech."""

MAX_SIZE = 64 * 2**20
"""Bytes of the largest message taken, unless the program says otherwise."""

_WHOLE_TEXT = 0x81
"""First byte of a frame that is a whole text message: FIN, no reserved bits, opcode TEXT."""

_NONE = -1
"""No first byte at all."""


class FrameCutter(ABC):
    """What a client reads. `inbox` holds the messages that have come and nobody has taken, oldest first."""

    protocol: ClientProtocol

    def _begin(self, max_size: int | None) -> None:
        self.inbox: deque[bytes] = deque()
        self._max_size = max_size
        self._head = b""  # the last bytes of the handshake's answer, or the beginning of a frame's header
        self._body: list[bytes] = []  # what has come of a frame whose length is known,
        self._missing = 0  # what has not,
        self._is_text = False  # and whether the former is the payload of a whole text message
        self._aligned = True  # False: the server broke the protocol, and frames are no longer told apart
        self._fragments: bytearray | None = None
        self._held = 0  # bytes read since the inbox was last found empty

    def closure(self) -> tuple[int, str]:
        """The close code and reason of a connection that is closed: the server's, or else our own
        complaint."""
        received, sent = self.protocol.close_rcvd, self.protocol.close_sent
        complained = sent is not None and sent.code not in NORMAL_CODES
        if received is not None and not (complained and received.code in NORMAL_CODES):
            return int(received.code), received.reason
        if sent is not None and complained:
            return int(sent.code), sent.reason
        return 1006, ""

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self.protocol.state is State.OPEN

    @property
    def has_failed(self) -> bool:
        """Whether this side had to end the connection: the server broke the protocol, or sent too much."""
        sent = self.protocol.close_sent
        return sent is not None and sent.code not in NORMAL_CODES and not self.protocol.close_rcvd_then_sent

    @abstractmethod
    def _pass_on(self, data: bytes) -> None:
        """Hand to `websockets` what is not cut out here."""

    def _cut(self, data: bytes) -> None:
        """Take what was read off the socket."""
        if self._aligned and self.protocol.state is State.CONNECTING:
            data = self._finish_handshake(data)
            if not data:
                return
        self._held += len(data)
        if self._aligned:
            self._receive_frames(data)
        else:
            self._pass_on(data)

    def _take(self, frame: Frame) -> None:
        """Take a data frame that `websockets` has understood."""
        if self.protocol.state is not State.OPEN:
            return
        if frame.fin and self._fragments is None:
            self.inbox.append(bytes(frame.data))
            return
        self._fragments = self._fragments or bytearray()
        self._fragments += frame.data
        if frame.fin:
            self.inbox.append(bytes(self._fragments))
            self._fragments = None

    def _finish_handshake(self, data: bytes) -> bytes:
        """Hand the server's answer to `websockets`; return the frames that came right behind it."""
        joined = self._head + data
        end = joined.find(b"\r\n\r\n")
        if end < 0:
            self._head = joined[-3:]
            self._pass_on(data)
            return b""
        behind = end + 4 - len(self._head)
        self._head = b""
        self._pass_on(data[:behind])
        self._aligned = self.protocol.state is State.OPEN
        return data[behind:]

    def _receive_frames(self, data: bytes) -> None:
        position = 0
        if self._missing:
            if len(data) < self._missing:
                self._body.append(data)
                self._missing -= len(data)
                return
            position, self._missing = self._missing, 0
            self._body.append(data[:position])
            frame = b"".join(self._body)
            self._body.clear()
            if self._is_text:
                self.inbox.append(frame)
            else:
                self._pass_on(frame)
        elif self._head:
            data = self._head + data
            self._head = b""
        end = len(data)
        fast = self._fast_byte()
        while end - position >= 2:
            length = data[position + 1]
            start = position + 2
            if length == 126:
                if end - start < 2:
                    break
                length = data[start] << 8 | data[start + 1]
                start += 2
            elif length == 127:
                if end - start < 8:
                    break
                length = int.from_bytes(data[start : start + 8])
                start += 8
            elif length > 127:  # masked, which a server must not do
                self._aligned = False
            if self._max_size is not None and length > self._max_size:
                self._aligned = False
            if not self._aligned:
                self._pass_on(data[position:])
                return
            after = start + length
            is_text = data[position] == fast
            if after > end:
                self._body.append(data[start if is_text else position :])
                self._missing = after - end
                self._is_text = is_text
                return
            if is_text:
                self.inbox.append(data[start:after])
            else:
                self._pass_on(data[position:after])
                fast = self._fast_byte()
            position = after
        self._head = data[position:]

    def _fast_byte(self) -> int:
        """The first byte of the frames that may be taken as they are."""
        return _WHOLE_TEXT if self._fragments is None and self.protocol.state is State.OPEN else _NONE


DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
"""The frames of messages; the others are control frames."""
