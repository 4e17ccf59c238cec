"""A worker's end of the pipe."""

import socket
from collections import deque
from typing import Any

from vivavoce.engines.workers.frames import Frame, FrameBuffer, Kind, pack

_READ_BYTES = 2**16


class ChannelClosed(Exception):
    """The pool is gone: so should the worker be."""


class GivenUp(Exception):
    """Nobody wants the job's result any more."""


class JobFailed(Exception):
    """The job cannot be done. The message is fit for users of the API."""


class Channel:
    """Blocking, for one thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = FrameBuffer()
        self._frames: deque[Frame] = deque()
        self._given_up = 0

    def next_job(self) -> "Job":
        """Wait for work. Raises ChannelClosed."""
        while (frame := self.receive()).kind is not Kind.OPEN:
            # Left over from the job before, given up while it ended.
            pass
        return Job(self, frame.job, frame.message)

    def receive(self) -> Frame:
        """The next frame, as soon as there is one. Raises ChannelClosed."""
        while not self._frames:
            self._take(0)
        return self._frames.popleft()

    def given_up(self, job: int) -> bool:
        """Whether the pool has closed the job, also behind messages that were not received yet."""
        try:
            while True:
                self._take(socket.MSG_DONTWAIT)
        except BlockingIOError:
            return self._given_up == job

    def send(self, frame: Frame) -> None:
        """Raises ChannelClosed. Blocks while the pool does not keep up."""
        try:
            self._connection.sendall(pack(frame))
        except OSError:
            raise ChannelClosed from None

    def _take(self, flags: int) -> None:
        try:
            data = self._connection.recv(_READ_BYTES, flags)
        except BlockingIOError:
            raise
        except OSError:
            raise ChannelClosed from None
        if not data:
            raise ChannelClosed
        for frame, _ in self._buffer.feed(data):
            if frame.kind is Kind.CLOSE:
                self._given_up = frame.job
            self._frames.append(frame)


class Job:
    """One job, as its worker sees it."""

    def __init__(self, channel: Channel, number: int, opening: Any) -> None:
        self._channel = channel
        self._number = number
        self.opening = opening
        """What the job was opened with."""

    @property
    def given_up(self) -> bool:
        """Whether it can be left at once. Costs a system call. Raises ChannelClosed."""
        return self._channel.given_up(self._number)

    def receive(self) -> Any:
        """The next message. Raises GivenUp, ChannelClosed."""
        if self.given_up:
            raise GivenUp
        frame = self._channel.receive()
        if frame.kind is Kind.CLOSE:
            raise GivenUp
        return frame.message

    def send(self, message: Any) -> None:
        """Raises ChannelClosed. Blocks while the pool does not keep up."""
        self._channel.send(Frame(Kind.DATA, self._number, message))

    def done(self) -> None:
        self._channel.send(Frame(Kind.DONE, self._number))

    def fail(self, reason: str, details: str = "") -> None:
        """`reason` is for users of the API, `details` for the log."""
        self._channel.send(Frame(Kind.FAILED, self._number, [reason, details]))
