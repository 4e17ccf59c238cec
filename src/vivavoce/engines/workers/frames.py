"""What goes over the pipe between a pool and a worker: msgpack behind a length of four bytes."""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import msgspec

MAX_FRAME_BYTES = 16 * 2**20
"""No engine says so much at once: whoever announces more has lost its way."""

_PREFIX = 4

_encoder = msgspec.msgpack.Encoder()


class Kind(IntEnum):
    """Of a frame. The pool sends OPEN, then DATA, and CLOSE if it gives the job up; the worker sends DATA,
    then DONE or FAILED, exactly one for every OPEN."""

    OPEN = 0
    DATA = 1
    CLOSE = 2
    DONE = 3
    FAILED = 4


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """A message of one job."""

    kind: Kind
    job: int
    message: Any = None


_decoder = msgspec.msgpack.Decoder(Frame)


class InvalidFrame(Exception):
    """These are not a worker's words."""


def pack(frame: Frame) -> bytes:
    body = _encoder.encode(frame)
    return len(body).to_bytes(_PREFIX, "little") + body


class FrameBuffer:
    """Bytes in, frames out."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Frame, int]]:
        """Every frame that these bytes complete, and how many bytes it came in. Raises InvalidFrame."""
        received = self._received
        received += data
        while len(received) >= _PREFIX:
            size = int.from_bytes(received[:_PREFIX], "little")
            if size > MAX_FRAME_BYTES:
                raise InvalidFrame(f"A frame of {size} bytes.")
            end = _PREFIX + size
            if len(received) < end:
                return
            body = bytes(received[_PREFIX:end])
            del received[:end]
            try:
                frame = _decoder.decode(body)
            except msgspec.MsgspecError as error:
                raise InvalidFrame(str(error)) from None
            yield frame, end
