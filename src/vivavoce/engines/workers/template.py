"""The process that workers are forked from: `python -m vivavoce.engines.workers.template CONTROL LIFELINE
MODULE OPTIONS`.

It imports MODULE, calls its `load(options)` once, says that it is ready, and then forks a worker for every
socket that it is handed. What is loaded is shared by all of them. A worker calls `run(loaded, job)` for one
job after another.

It ends when CONTROL, a socket, is closed, and each worker when its own is. Whatever hangs in native code when
the parent dies is ended by the kernel: nothing is ever written to LIFELINE, a pipe, but when its other end is
closed the whole process group gets a signal.
"""

import fcntl
import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import Any, NoReturn

import msgspec

from vivavoce.engines.workers.channel import Channel, ChannelClosed, GivenUp, JobFailed

READY = b"R"
FAILED = b"E"
FORK = b"F"
NUMBER_BYTES = 4
MAX_REASON_BYTES = 2000


def main() -> None:
    """Serve until the parent has had enough."""
    # The terminal's Ctrl-C and the supervisor's SIGTERM are for the parent, which ends its workers when they
    # are no longer needed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Nobody asks how workers ended: the kernel buries them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    _end_with_parent(int(sys.argv[2]))
    try:
        module = importlib.import_module(sys.argv[3])
        loaded = module.load(msgspec.json.decode(sys.argv[4]))
    except JobFailed as error:
        _refuse(control, str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent is the one to tell it
        traceback.print_exc()
        _refuse(control, f"The engine's worker process does not start: {type(error).__name__}: {error}")
    # What is here now is never garbage: no collection shall touch its pages, which the workers share.
    gc.collect()
    gc.freeze()
    try:
        control.sendall(READY)
        _fork_on_demand(control, module.run, loaded)
    except OSError:
        # The parent has left without waiting for the answer.
        pass
    try:
        # Returns when the last worker is gone, by failing: see SIGCHLD.
        os.wait()
    except ChildProcessError:
        os._exit(0)


def _fork_on_demand(control: socket.socket, run: Any, loaded: Any) -> None:
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, len(FORK), 1)
        if not request:
            return
        worker = os.fork()
        if worker == 0:
            control.close()
            _work(run, loaded, Channel(socket.socket(fileno=descriptors[0])))
        os.close(descriptors[0])
        control.sendall(worker.to_bytes(NUMBER_BYTES, "little"))


def _refuse(control: socket.socket, reason: str) -> NoReturn:
    with suppress(OSError):
        control.sendall(FAILED + reason.encode(errors="replace")[:MAX_REASON_BYTES])
    os._exit(1)


def _work(run: Any, loaded: Any, channel: Channel) -> NoReturn:
    """One job after another. What goes wrong in one does not concern the next."""
    status = 1
    try:
        while True:
            job = channel.next_job()
            try:
                run(loaded, job)
            except GivenUp:
                job.done()
            except JobFailed as error:
                job.fail(str(error))
            except ChannelClosed:
                raise
            except Exception:  # noqa: BLE001 - reported to the pool, which logs it
                job.fail("The engine failed.", traceback.format_exc())
            else:
                job.done()
    except ChannelClosed:
        status = 0
    except BaseException:  # noqa: BLE001 - a fault of the channel itself
        traceback.print_exc()
    finally:
        os._exit(status)


def _end_with_parent(lifeline: int) -> None:
    if os.getpgrp() != os.getpid():
        # Its end would take others along.
        raise SystemExit("The template of worker processes must lead a process group.")
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        # Too late for a signal.
        os._exit(0)


if __name__ == "__main__":
    main()
