"""A WebSocket server that takes what it is sent and says nothing: `python -m benchmarks.sink`.

It finds where each frame ends and throws it away, one connection at a time, until its input ends.
"""

import os
import socket
import sys
import threading

from benchmarks import measure
from benchmarks.accept import accept, frame, opcodes

CLOSE = 8


def main() -> None:
    measure.pin(measure.SERVER_CORE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        sys.stdin.read()
        os._exit(0)


def _serve(listener: socket.socket) -> None:
    while True:
        with accept(listener) as raw:
            for opcode in opcodes(raw):
                if opcode == CLOSE:
                    raw.sendall(frame(b"\x03\xe8", CLOSE))
                    break


if __name__ == "__main__":
    main()
