"""Many callers in one thread, as cheaply as Python can: plain sockets, frames masked once, no asyncio.

A caller is a microphone: it sends an append every 40 ms, on time, whatever comes back. What comes back is
told apart by the first bytes of each event and handed to `heard`, with the time at which it was read.
"""

import base64
import gc
import heapq
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

APPEND_MS = 40
RATE = 24_000

_MASK = bytes((0x37, 0xFA, 0x21, 0x3D))
_TYPE = b'{"type":"'


def handshake(raw: socket.socket, path: str) -> None:
    """Open a WebSocket on a connected socket, blocking."""
    key = base64.b64encode(os.urandom(16)).decode()
    raw.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += raw.recv(1)  # one by one: what follows is the first event
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise ConnectionError(answer.decode())


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """A client's frame: final, masked."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
    elif length < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
    mask = np.frombuffer((_MASK * (length // 4 + 1))[:length], np.uint8)
    return head + _MASK + (np.frombuffer(payload, np.uint8) ^ mask).tobytes()


def appends(samples: npt.NDArray[np.int16]) -> list[bytes]:
    """Frames for this microphone's audio, `(n,) int16` at 24 kHz, 40 ms each; what is left over at the end is
    dropped."""
    step = RATE * APPEND_MS // 1000
    pieces = [samples[at : at + step].tobytes() for at in range(0, len(samples) - step + 1, step)]
    return [
        frame(b'{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(piece) + b'"}')
        for piece in pieces
    ]


@dataclass(eq=False)
class Caller:
    """One session. `sent` counts its appends, `first_due` is when the first is due (monotonic seconds)."""

    index: int
    socket: socket.socket
    frames: Sequence[bytes]
    """What its microphone hears, over and over."""
    offset: int = 0
    """Where in the frames it begins."""
    first_due: float = 0.0
    sent: int = 0
    sent_at: list[float] = field(default_factory=list)
    """When each append was sent."""
    unsent: bytes = b""
    came: bytearray = field(default_factory=bytearray)

    def due(self, append: int) -> float:
        """When an append leaves the microphone: when its last sample was recorded."""
        return self.first_due + append * APPEND_MS / 1000


Heard = Callable[[Caller, str, bytes, float], None]
"""Called with the caller, the event's type, the event and the time when it was read."""


def _unheard(caller: Caller, kind: str, event: bytes, at: float) -> None:
    """Nobody is interested."""


class Callers:
    """All the callers of one run. Not more than one thread may use it."""

    def __init__(self, port: int, count: int, frames: Sequence[bytes] = (), heard: Heard = _unheard) -> None:
        """Open `count` sessions, one after another. They begin at different places of `frames`."""
        self.heard = heard
        self.lateness: list[float] = []
        """Seconds by which appends left later than they were due."""
        self._poll = select.epoll()
        self._by_fd: dict[int, Caller] = {}
        self.all: list[Caller] = []
        for index in range(count):
            raw = socket.create_connection(("127.0.0.1", port))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            handshake(raw, "/v1/realtime?model=gpt-realtime")
            raw.setblocking(False)
            caller = Caller(index, raw, frames, offset=len(frames) * index // max(count, 1))
            self.all.append(caller)
            self._by_fd[raw.fileno()] = caller
            self._poll.register(raw, select.EPOLLIN)
            self.listen(0)

    def say(self, caller: Caller, message: bytes) -> None:
        """Send one frame, or queue it behind what the server has not taken yet."""
        if not caller.unsent:
            try:
                taken = caller.socket.send(message)
            except BlockingIOError:
                taken = 0
            if taken == len(message):
                return
            message = message[taken:]
            self._poll.modify(caller.socket, select.EPOLLIN | select.EPOLLOUT)
        caller.unsent += message

    def stream(self, seconds: float) -> None:
        """Let all microphones run for so long. Their appends are spread evenly over each 40 ms."""
        begin = time.monotonic() + 0.05
        queue: list[tuple[float, int]] = []
        for caller in self.all:
            first = begin + caller.index / len(self.all) * APPEND_MS / 1000
            caller.first_due = first - caller.sent * APPEND_MS / 1000
            queue.append((first, caller.index))
            self.say(
                caller,
                frame(
                    f'{{"type":"session.update","event_id":"due {caller.first_due:.6f}",'
                    '"session":{"type":"realtime"}}'.encode()
                ),
            )
        heapq.heapify(queue)
        end = begin + seconds
        gc.collect()
        gc.disable()
        try:
            while queue and queue[0][0] < end:
                while (now := time.monotonic()) >= queue[0][0]:
                    due, index = queue[0]
                    caller = self.all[index]
                    self.say(caller, caller.frames[(caller.offset + caller.sent) % len(caller.frames)])
                    caller.sent += 1
                    caller.sent_at.append(now)
                    self.lateness.append(now - due)
                    heapq.heapreplace(queue, (caller.due(caller.sent), index))
                self.listen(max(queue[0][0] - time.monotonic(), 0))
        finally:
            gc.enable()

    def listen(self, seconds: float) -> None:
        """Wait so long for anything, and take what comes."""
        for fd, what in self._poll.poll(seconds):
            caller = self._by_fd[fd]
            if what & select.EPOLLOUT and caller.unsent:
                pending, caller.unsent = caller.unsent, b""
                self._poll.modify(caller.socket, select.EPOLLIN)
                self.say(caller, pending)
            if what & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                self._take(caller)

    def listen_for(self, seconds: float) -> None:
        """Take what comes, for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.listen(left)

    def close(self) -> None:
        """Hang up, all at once."""
        for caller in self.all:
            self._poll.unregister(caller.socket)
            caller.socket.close()
        self._poll.close()

    def _take(self, caller: Caller) -> None:
        data = caller.socket.recv(1 << 18)
        at = time.monotonic()
        if not data:
            raise ConnectionError(f"the server closed session {caller.index}")
        came = caller.came
        came += data
        position, end = 0, len(came)
        while end - position >= 2:
            length, start = came[position + 1], position + 2
            if length == 126:
                length, start = int.from_bytes(came[start : start + 2]), start + 2
            elif length == 127:
                length, start = int.from_bytes(came[start : start + 8]), start + 8
            if start + length > end:
                break
            opcode = came[position] & 15
            position = start + length
            if opcode == 1:
                kind_at = start + len(_TYPE)
                kind = came[kind_at : came.index(b'"', kind_at)].decode()
                if kind == "error":
                    raise ConnectionError(came[start:position].decode())
                self.heard(caller, kind, came[start:position], at)
            elif opcode == 9:
                self.say(caller, frame(bytes(came[start:position]), 10))
            elif opcode == 8:
                raise ConnectionError(
                    f"the server closed session {caller.index}: {came[start + 2 : position]!r}"
                )
        del came[:position]
