"""The server's side of plain WebSockets: the handshake, and frames."""

import re
import socket
import struct
from collections.abc import Iterator

from websockets.utils import accept_key

_KEY = re.compile(rb"(?i)^sec-websocket-key: *(\S+) *\r$", re.MULTILINE)


def accept(listener: socket.socket) -> socket.socket:
    """The next connection, its handshake answered, blocking."""
    raw, _ = listener.accept()
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        request += raw.recv(65536)
    key = _KEY.search(request)
    if key is None:
        raise ConnectionError("no WebSocket key")
    raw.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_key(key[1].decode()).encode() + b"\r\n\r\n"
    )
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return raw


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """A server's frame: final, not masked."""
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", 0x80 | opcode, length) + payload
    if length < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 126, length) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, length) + payload


def opcodes(raw: socket.socket) -> Iterator[int]:
    """Of the frames that a client sends, until it hangs up. What is in them is thrown away."""
    with raw.makefile("rb", buffering=256 * 1024) as stream:
        while len(head := stream.read(2)) == 2:
            length = head[1] & 0x7F
            if length == 126:
                length = int.from_bytes(stream.read(2))
            elif length == 127:
                length = int.from_bytes(stream.read(8))
            stream.read(4 + length)
            yield head[0] & 0x0F
