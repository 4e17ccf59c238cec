"""Text messages straight from the TCP stream, and into it.

Nearly all that a session's peer sends is of one kind: whole text frames with 20 to 100 ms of sound, fifty a
second. Those are cut out of the stream here, and reading goes on while a little of them waits for the
session; uvicorn would step a parser for each, and stop and start reading around it. Every other frame goes
through `websockets` as it came.

What the session says comes in bursts. It is framed here and handed to the kernel by the burst, not by the
message.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.utils import ClientDisconnected
from websockets.frames import CloseCode
from websockets.http11 import Request
from websockets.protocol import State

from vivavoce.server.uvicorn_protocol import EXTENSION, AbortableWebSocket

try:
    from websockets.speedups import apply_mask
except ImportError:  # where no compiled wheel fits
    from websockets.utils import apply_mask

READ_AHEAD = 256 * 1024
"""Characters that may wait for the session before reading pauses: four seconds of speech."""

MORE = "vivavoce.more"
"""A key that is in a `websocket.receive` message if the next message has come already."""

_WHOLE_TEXT = 0x81
"""First byte of a frame that is a whole text message: FIN, no reserved bits, opcode TEXT."""

_NONE = -1
"""No first byte at all."""


class StreamedWebSocket(AbortableWebSocket):
    """One connection, whose text messages take the short way."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue = _Inbox()
        self._max_size = self.config.ws_max_size
        self._aligned = False
        """Whether it is known where frames begin: from the end of the handshake until the peer breaks the
        protocol."""
        self._head = b""  # the beginning of a frame's header
        self._body: list[bytes] = []  # what has come of a whole text message,
        self._mask = b""  # its masking key
        self._missing = (
            0  # and what has not; also of any other frame, whose pieces are passed on as they come
        )
        self._fragmented = False  # the last frame of a message in several is still to come
        self._held = 0  # characters read since the queue was last empty

    def data_received(self, data: bytes) -> None:
        if self._aligned:
            self._receive_frames(data)
            return
        super().data_received(data)
        # uvicorn hands the request over in one piece, and by itself.
        if self.handshake_initiated and not self.close_sent and self.conn.parser_exc is None:
            self._aligned = data.find(b"\r\n\r\n") == len(data) - 4

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            cast(dict[str, Any], self.scope["extensions"])[EXTENSION]["send_texts"] = self.send_texts

    async def send_texts(self, texts: Sequence[bytes]) -> None:
        """Send messages, given in UTF-8, with a single system call. Waits while too much is under way; raises
        ClientDisconnected when the connection is closed or closing."""
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.conn.state is not State.OPEN:
            raise ClientDisconnected
        pieces: list[bytes] = []
        for text in texts:
            pieces += (_header(len(text)), text)
        self.transport.writelines(pieces)

    async def receive(self) -> ASGIReceiveEvent:
        message = await self.queue.get()
        if not self.queue.empty():
            cast(dict[str, Any], message)[MORE] = True
            return message
        self._held = 0
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        return message

    def _receive_frames(self, data: bytes) -> None:
        position = 0
        if self._missing:
            position = min(self._missing, len(data))
            self._missing -= position
            self._continue_frame(data[:position])
        elif self._head:
            data = self._head + data
            self._head = b""
        end = len(data)
        fast = self._fast_byte()
        while end - position >= 2:
            first, length = data[position], data[position + 1] - 128
            start = position + 6
            if length == 126:
                start += 2
                if start > end:
                    break
                length = data[position + 2] << 8 | data[position + 3]
            elif length == 127:
                start += 8
                if start > end:
                    break
                length = int.from_bytes(data[position + 2 : position + 10])
            if length < 0 or (self._max_size is not None and length > self._max_size):
                # Not masked, or too long: `websockets` tells the peer.
                self._aligned = False
                super().data_received(data[position:])
                return
            if start > end:
                break
            after = start + length
            if first == fast:
                mask = data[start - 4 : start]
                if after > end:
                    self._body.append(data[start:])
                    self._mask = mask
                elif not self._receive_text(data[start:after], mask):
                    fast = _NONE
            else:
                self._pass_on(first, data[position:after])
                fast = self._fast_byte()
            if after > end:
                self._missing = after - end
                return
            position = after
        self._head = data[position:]

    def _continue_frame(self, piece: bytes) -> None:
        """More of the frame whose end is missing, or was until now."""
        if not self._body:
            super().data_received(piece)
            return
        self._body.append(piece)
        if not self._missing:
            payload = b"".join(self._body)
            self._body.clear()
            self._receive_text(payload, self._mask)

    def _pass_on(self, first: int, frame: bytes) -> None:
        """A frame, or its beginning, that is no whole text message."""
        opcode, final = first & 15, first & 128
        if opcode < 8:  # control frames may come in between
            self._fragmented = not final
        super().data_received(frame)

    def _receive_text(self, payload: bytes, mask: bytes) -> bool:
        """A text message; False if it is none. What comes after the application's close is dropped."""
        if self.close_sent:
            return True
        try:
            text = apply_mask(payload, mask).decode()
        except UnicodeDecodeError:
            self.conn.send_close(CloseCode.INVALID_DATA)
            self.handle_parser_exception()
            return False
        self.queue.put_nowait({"type": "websocket.receive", "text": text})
        self._held += len(text)
        if self._held > READ_AHEAD and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()
        return True

    def _fast_byte(self) -> int:
        """The first byte of the frames that may be taken as they are."""
        return _WHOLE_TEXT if self.conn.state is State.OPEN and not self._fragmented else _NONE


def _header(length: int) -> bytes:
    """What comes before a whole text message from a server."""
    if length < 126:
        return bytes((_WHOLE_TEXT, length))
    if length < 65536:
        return bytes((_WHOLE_TEXT, 126, length >> 8, length & 255))
    return bytes((_WHOLE_TEXT, 127)) + length.to_bytes(8)


class _Inbox(asyncio.Queue[ASGIReceiveEvent]):
    """A queue with a single reader, which is all that ASGI has."""

    def __init__(self) -> None:
        super().__init__()
        self._messages: deque[ASGIReceiveEvent] = deque()
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        return not self._messages

    def put_nowait(self, item: ASGIReceiveEvent) -> None:
        self._messages.append(item)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> ASGIReceiveEvent:
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._messages.popleft()
