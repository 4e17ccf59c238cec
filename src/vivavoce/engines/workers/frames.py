"""What goes over the pipe between a pool and a worker: msgpack behind a length of four bytes."""

from enum import IntEnum
from typing import Any

import msgspec

MAX_FRAME_BYTES = 16 * 2**20

_encoder = msgspec.msgpack.Encoder()


class Kind(IntEnum):
    """Of a frame. From the pool: OPEN, DATA, CLOSE. From the worker: DATA, DONE, FAILED."""

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


def pack(frame: Frame) -> bytes:
    body = _encoder.encode(frame)
    return len(body).to_bytes(4, "little") + body


def unpack(body: bytes) -> Frame:
    return _decoder.decode(body)
