"""The pool's hold on its template process, and on those that are forked from it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Any

import msgspec

from vivavoce.engines.interfaces import EngineError
from vivavoce.engines.workers.template import FAILED, FORK, MAX_REASON_BYTES, NUMBER_BYTES, READY

START_S = 60.0
"""How long an engine may take to load."""
FORK_S = 10.0
STOP_S = 2.0
"""How long it may take to end; then it is ended."""


class Template:
    """A process that has loaded an engine, and forks workers."""

    def __init__(self, module: str, options: Any) -> None:
        self._module = module
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._lifeline = -1

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start it and wait until the engine is loaded. Raises EngineError. To be closed in any case."""
        self._control, control = socket.socketpair()
        self._control.setblocking(False)
        lifeline, self._lifeline = os.pipe()
        try:
            # Forks and execs, which takes a millisecond; asyncio's own way needs a child watcher.
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603
                [
                    # What lies in the working directory is not to be imported (-P), but whatever can be here.
                    *(sys.executable, "-P", "-m", "vivavoce.engines.workers.template"),
                    *(str(control.fileno()), str(lifeline)),
                    *(self._module, msgspec.json.encode(self._options).decode()),
                ],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                pass_fds=[control.fileno(), lifeline],
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        finally:
            control.close()
            os.close(lifeline)
        answer = await self._hear(max(len(READY), len(FAILED) + MAX_REASON_BYTES), START_S)
        if answer.startswith(FAILED):
            raise EngineError(answer[len(FAILED) :].decode(errors="replace"))
        if answer != READY:
            raise EngineError("The engine's worker process does not start.")

    async def fork(self) -> tuple[socket.socket, int]:
        """A new worker: our end of its pipe, and its process number. Raises EngineError: then the template is
        of no more use."""
        assert self._control is not None
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [FORK], [theirs.fileno()])
            number = await self._hear(NUMBER_BYTES, FORK_S)
            if len(number) < NUMBER_BYTES:
                raise EngineError("The engine's worker process cannot be started.")
        except OSError:
            ours.close()
            raise EngineError("The engine's worker process cannot be started.") from None
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        return ours, int.from_bytes(number, "little")

    def hang_up(self) -> None:
        """No more workers: it ends when the last one has."""
        if self._control is not None:
            self._control.close()
            self._control = None

    def kill(self) -> None:
        """End it, but not its workers."""
        self.hang_up()
        if self._process is not None:
            self._process.kill()

    async def aclose(self) -> None:
        """Wait until it has ended, and all of its workers, or end them."""
        self.hang_up()
        try:
            if self._process is not None:
                await self._end(self._process)
        finally:
            # Should this not come so far, the signal ends them.
            if self._lifeline >= 0:
                os.close(self._lifeline)
                self._lifeline = -1

    async def _end(self, process: subprocess.Popen[bytes]) -> None:
        try:
            await asyncio.to_thread(process.wait, STOP_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.wait)

    async def _hear(self, size: int, timeout_s: float) -> bytes:
        assert self._control is not None
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.get_running_loop().sock_recv(self._control, size)
        except (TimeoutError, OSError):
            return b""
