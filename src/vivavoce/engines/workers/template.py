"""The process that workers are forked from: `python -m vivavoce.engines.workers.template FD MODULE OPTIONS`.

It imports MODULE, calls its `load(options)` once, says that it is ready, and then forks a worker for every
socket that it is handed: the worker runs `serve(loaded, channel)`. What is loaded is shared by all of them.
It ends when its control socket is closed, and so does every worker when its own is; whatever hangs in native
code is killed when the parent dies.
"""

import ctypes
import importlib
import os
import signal
import socket
import sys
from typing import NoReturn

import msgspec

from vivavoce.engines.workers.channel import Channel, ChannelClosed

READY = b"R"
PR_SET_PDEATHSIG = 1


def main() -> None:
    _die_with_parent()
    # The terminal's Ctrl-C is for the parent, which ends its workers when they are no longer needed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nobody waits for workers: the kernel buries them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    module = importlib.import_module(sys.argv[2])
    try:
        loaded = module.load(msgspec.json.decode(sys.argv[3]))
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent is the one to tell it
        control.sendall(b"E" + str(error).encode()[:2000])
        os._exit(1)
    control.sendall(READY)
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not request:
            os._exit(0)
        worker = os.fork()
        if worker == 0:
            control.close()
            _work(module.serve, loaded, descriptors[0])
        os.close(descriptors[0])
        control.sendall(worker.to_bytes(4, "little"))


def _work(serve: object, loaded: object, descriptor: int) -> NoReturn:
    status = 1
    try:
        _die_with_parent()
        assert callable(serve)
        serve(loaded, Channel(socket.socket(fileno=descriptor)))
        status = 0
    except ChannelClosed:
        status = 0
    finally:
        os._exit(status)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
