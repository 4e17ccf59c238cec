"""The asynchronous side: a number of worker processes, one job at a time each, the next in line when one is
free."""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from contextlib import suppress
from typing import Any, cast

import msgspec

from vivavoce.engines.interfaces import EngineError
from vivavoce.engines.workers.frames import MAX_FRAME_BYTES, Frame, Kind, pack, unpack
from vivavoce.engines.workers.template import READY

logger = logging.getLogger(__name__)

START_S = 60.0
STOP_S = 5.0
GIVE_UP_S = 5.0
"""How long a worker may go on with a job that was given up."""

AHEAD = 8
"""Messages that a worker may be ahead of whoever takes them; then it waits."""


class Job:
    """One stream of messages to a worker and back. Made by `WorkerPool.job`."""

    def __init__(self, pool: "WorkerPool", number: int, opening: Any) -> None:
        self._pool = pool
        self._number = number
        self._unsent: list[Frame] = [Frame(Kind.OPEN, number, opening)]
        self._worker: _Worker | None = None
        self._received: deque[Any] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._failure: EngineError | None = None

    def send(self, message: Any) -> None:
        """Never blocks: what the worker cannot take yet is kept."""
        frame = Frame(Kind.DATA, self._number, message)
        if self._ended:
            return
        if self._worker is None:
            self._unsent.append(frame)
        else:
            self._worker.write(frame)

    async def receive(self, timeout_s: float | None = None) -> Any:
        """The worker's next message, None at the end. Raises EngineError if the job failed, its worker died,
        or nothing came for `timeout_s`: then the worker is replaced."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._received and not self._ended:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            self.hang()
        if self._received:
            message = self._received.popleft()
            if self._worker is not None and len(self._received) <= AHEAD // 2:
                self._worker.resume()
            return message
        if self._failure is not None:
            raise self._failure
        return None

    def hang(self) -> None:
        """Nothing will come any more, whoever decides it: the job fails and its worker is replaced."""
        self._pool.hung(self)

    async def aclose(self) -> None:
        """Give the job up, and its worker back."""
        self._pool.give_up(self)

    # The pool's side.

    @property
    def number(self) -> int:
        return self._number

    @property
    def worker(self) -> "_Worker | None":
        return self._worker

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def behind(self) -> bool:
        """More has come than was taken."""
        return len(self._received) >= AHEAD

    def start(self, worker: "_Worker") -> None:
        self._worker = worker
        for frame in self._unsent:
            worker.write(frame)
        self._unsent.clear()

    def deliver(self, message: Any) -> None:
        self._received.append(message)
        self._news.set()

    def end(self, failure: EngineError | None = None) -> None:
        self._ended = True
        self._failure = failure
        self._unsent.clear()
        self._news.set()


class WorkerPool:
    """Worker processes that run `module` (see `template` for what it has to have).

    - options: what its `load` gets, anything that JSON can hold.
    - workers: how many processes.
    - max_queue: how many jobs may wait for one.
    """

    def __init__(self, module: str, options: Any, *, workers: int, max_queue: int) -> None:
        self._module = module
        self._options = options
        self._size = workers
        self._max_queue = max_queue
        self._template: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._forking = asyncio.Lock()
        self._workers: set[_Worker] = set()
        self._idle: deque[_Worker] = deque()
        self._waiting: deque[Job] = deque()
        self._replacing: set[asyncio.Task[None]] = set()
        self._jobs = 0
        self._open = False

    async def start(self) -> None:
        """Load the engine and fork the workers. Raises EngineError."""
        await self._start_template()
        self._open = True
        for _ in range(self._size):
            await self._fork()

    async def aclose(self) -> None:
        """End every process; jobs that are still running fail."""
        self._open = False
        for task in self._replacing:
            task.cancel()
        for job in list(self._waiting):
            job.end(EngineError("The server is going away."))
        self._waiting.clear()
        for worker in list(self._workers):
            worker.close()
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._template is not None:
            template, self._template = self._template, None
            try:
                await asyncio.to_thread(template.wait, STOP_S)
            except subprocess.TimeoutExpired:
                template.kill()
                await asyncio.to_thread(template.wait)

    def job(self, opening: Any) -> Job:
        """Begin a job; it runs as soon as a worker is free. Raises EngineError when too many wait already."""
        if not self._open:
            raise EngineError("The engine is not running.")
        if len(self._waiting) >= self._max_queue:
            raise EngineError("The server is busy: too many requests are waiting for this engine.")
        self._jobs += 1
        job = Job(self, self._jobs, opening)
        self._waiting.append(job)
        self._place()
        return job

    # What jobs and workers report.

    def hung(self, job: Job) -> None:
        """Nothing comes from the job's worker any more: replace it."""
        if job.ended:
            return
        logger.warning("a worker of %s hangs and is replaced", self._module)
        failure = EngineError("The engine did not answer in time.")
        if job.worker is not None:
            job.worker.kill()
        elif job in self._waiting:
            self._waiting.remove(job)
        job.end(failure)

    def give_up(self, job: Job) -> None:
        if job.ended:
            return
        job.end()
        if job.worker is None:
            self._waiting.remove(job)
        else:
            job.worker.write(Frame(Kind.CLOSE, job.number))
            job.worker.resume()
            asyncio.get_running_loop().call_later(GIVE_UP_S, self._expect_freed, job)

    def _expect_freed(self, job: Job) -> None:
        """A worker that still works on what nobody wants does not listen: replace it."""
        if job.worker is not None and job.worker.job is job:
            job.worker.kill()

    def freed(self, worker: "_Worker") -> None:
        """The worker is done with its job."""
        self._idle.append(worker)
        self._place()

    def lost(self, worker: "_Worker") -> None:
        """The worker's process is gone."""
        self._workers.discard(worker)
        with suppress(ValueError):
            self._idle.remove(worker)
        if worker.job is not None and not worker.job.ended:
            worker.job.end(EngineError("The engine's worker process died."))
        if self._open:
            logger.warning("a worker of %s died and is replaced", self._module)
            task = asyncio.get_running_loop().create_task(self._replace())
            self._replacing.add(task)
            task.add_done_callback(self._replacing.discard)

    def _place(self) -> None:
        while self._waiting and self._idle:
            worker, job = self._idle.popleft(), self._waiting.popleft()
            worker.job = job
            job.start(worker)

    # Processes.

    async def _start_template(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # Forks and execs, which takes a millisecond; asyncio's own way needs a child watcher.
            self._template = subprocess.Popen(  # noqa: ASYNC220, S603
                [
                    *(sys.executable, "-m", "vivavoce.engines.workers.template"),
                    *(str(theirs.fileno()), self._module, msgspec.json.encode(self._options).decode()),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        ours.setblocking(False)
        self._control = ours
        answer = await self._hear_template(2001)
        if answer != READY:
            await self.aclose()
            raise EngineError(
                answer[1:].decode(errors="replace") or "The engine's worker process does not start."
            )

    async def _hear_template(self, size: int) -> bytes:
        assert self._control is not None
        try:
            async with asyncio.timeout(START_S):
                return await asyncio.get_running_loop().sock_recv(self._control, size)
        except (TimeoutError, OSError):
            return b""

    async def _fork(self) -> None:
        async with self._forking:
            if not self._open:
                return
            assert self._control is not None
            ours, theirs = socket.socketpair()
            with theirs:
                socket.send_fds(self._control, [b"F"], [theirs.fileno()])
            number = await self._hear_template(4)
            if len(number) < 4:
                ours.close()
                raise EngineError("The engine's worker process cannot be started.")
            ours.setblocking(False)
            loop = asyncio.get_running_loop()
            _, worker = await loop.create_unix_connection(
                lambda: _Worker(self, int.from_bytes(number, "little")), sock=ours
            )
        self._workers.add(worker)
        self.freed(worker)

    async def _replace(self) -> None:
        try:
            if self._template is not None and self._template.poll() is not None:
                if self._control is not None:
                    self._control.close()
                await self._start_template()
            await self._fork()
        except (EngineError, OSError) as error:
            logger.error("a worker of %s cannot be replaced: %s", self._module, error)


class _Worker(asyncio.Protocol):
    """One process, as the pool sees it."""

    def __init__(self, pool: WorkerPool, process: int) -> None:
        self._pool = pool
        self._process = process
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self.job: Job | None = None

    def write(self, frame: Frame) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(pack(frame))

    def resume(self) -> None:
        """Read on, after the job has taken some of what came."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)

    def close(self) -> None:
        """End it: it stops when it sees the pipe closed, or is killed if it is busy."""
        self.kill()
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 4:
            size = int.from_bytes(self._buffer[:4], "little")
            if size > MAX_FRAME_BYTES:
                self.close()
                return
            if len(self._buffer) < 4 + size:
                break
            frame = unpack(bytes(self._buffer[4 : 4 + size]))
            del self._buffer[: 4 + size]
            self._receive(frame)
        if self.job is not None and self.job.behind and not self.job.ended and not self._paused:
            assert self._transport is not None
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.kill()
        self._pool.lost(self)

    def _receive(self, frame: Frame) -> None:
        job = self.job
        if job is None or frame.job != job.number:
            return
        if frame.kind is Kind.DATA:
            if not job.ended:
                job.deliver(frame.message)
            return
        if not job.ended:
            job.end(EngineError(str(frame.message)) if frame.kind is Kind.FAILED else None)
        self.job = None
        self._pool.freed(self)
