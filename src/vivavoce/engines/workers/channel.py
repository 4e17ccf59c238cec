"""A worker's end of the pipe."""

import select
import socket
from typing import Any

from vivavoce.engines.workers.frames import Frame, Kind, pack, unpack


class ChannelClosed(Exception):
    """The pool is gone: so should the worker be."""


class Channel:
    """Blocking, for one thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def receive(self) -> Frame:
        """The next frame, as soon as there is one. Raises ChannelClosed."""
        return unpack(self._read(int.from_bytes(self._read(4), "little")))

    def waiting(self) -> bool:
        """Whether `receive` would return at once."""
        return bool(select.select([self._connection], [], [], 0)[0])

    def send(self, job: int, message: Any) -> None:
        """Raises ChannelClosed. Blocks while the pool does not keep up."""
        self._write(Frame(Kind.DATA, job, message))

    def done(self, job: int) -> None:
        self._write(Frame(Kind.DONE, job))

    def fail(self, job: int, reason: str) -> None:
        """`reason` is shown to users of the API."""
        self._write(Frame(Kind.FAILED, job, reason))

    def _write(self, frame: Frame) -> None:
        try:
            self._connection.sendall(pack(frame))
        except OSError:
            raise ChannelClosed from None

    def _read(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            try:
                more = self._connection.recv(size - len(received))
            except OSError:
                raise ChannelClosed from None
            if not more:
                raise ChannelClosed
            received += more
        return bytes(received)
