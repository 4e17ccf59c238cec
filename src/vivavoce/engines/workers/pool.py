"""The asynchronous side: a number of worker processes, one job at a time each, the next in line when one is
free."""

import asyncio
import logging
import os
import signal
from collections import deque
from contextlib import suppress
from typing import Any, cast

from vivavoce.engines.interfaces import EngineError
from vivavoce.engines.workers.frames import Frame, FrameBuffer, InvalidFrame, Kind, pack
from vivavoce.engines.workers.process import Template

logger = logging.getLogger(__name__)

GIVE_UP_S = 5.0
"""How long a worker may go on with a job that was given up."""

AHEAD_BYTES = 2**20
"""How far a worker may be ahead of whoever takes its messages; then it waits. Speech of 20 s fits in."""

PAUSE_S = 0.1
MAX_PAUSE_S = 5.0
"""Between attempts to replace a worker when those before did no job: doubled each time, up to the longest."""


class Job:
    """One stream of messages to a worker and back. Made by `WorkerPool.job`."""

    def __init__(self, pool: "WorkerPool", number: int, opening: Any) -> None:
        self._pool = pool
        self._news = asyncio.Event()
        self._failure: EngineError | None = None
        self._received: deque[tuple[Any, int]] = deque()
        self._held = 0
        self.number = number
        self.unsent = deque([Frame(Kind.OPEN, number, opening)])
        """What the worker could not take yet."""
        self.worker: _Worker | None = None
        """Who works on it, or did; None while it waits."""
        self.ended = False

    def send(self, message: Any) -> None:
        """Never blocks: what the worker cannot take yet is kept."""
        if self.ended:
            return
        self.unsent.append(Frame(Kind.DATA, self.number, message))
        if self.worker is not None:
            self.worker.flush()

    async def receive(self, timeout_s: float | None = None) -> Any:
        """The worker's next message, None at the end. Raises EngineError if the job failed, its worker died,
        or nothing came for `timeout_s`: then the worker is replaced."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._received and not self.ended:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            self.hang()
        if self._received:
            message, size = self._received.popleft()
            self._held -= size
            if self.worker is not None and self._held <= AHEAD_BYTES // 2:
                self.worker.resume()
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
        self._received.clear()

    # The pool's side.

    @property
    def behind(self) -> bool:
        """Far more has come than was taken."""
        return self._held >= AHEAD_BYTES

    def deliver(self, message: Any, size: int) -> None:
        self._received.append((message, size))
        self._held += size
        self._news.set()

    def end(self, failure: EngineError | None = None) -> None:
        self.ended = True
        self._failure = failure
        self.unsent.clear()
        self._news.set()


class WorkerPool:
    """Worker processes that run `module` (see the package for what it has to have).

    - options: what its `load` gets, anything that JSON can hold.
    - workers: how many processes.
    - max_queue: how many jobs may wait for one.
    """

    def __init__(self, module: str, options: Any, *, workers: int, max_queue: int) -> None:
        self._module = module
        self._options = options
        self._size = workers
        self._max_queue = max_queue
        self._template: Template | None = None
        self._former: list[Template] = []
        """Templates that died before their workers."""
        self._forking = asyncio.Lock()
        self._workers: set[_Worker] = set()
        self._idle: deque[_Worker] = deque()
        self._waiting: deque[Job] = deque()
        self._replacing: set[asyncio.Task[None]] = set()
        self._pause = 0.0
        self._jobs = 0
        self._open = False

    @property
    def queue_length(self) -> int:
        """Jobs that wait for a worker."""
        return len(self._waiting)

    async def start(self) -> None:
        """Load the engine and fork the workers. Raises EngineError."""
        self._open = True
        try:
            for _ in range(self._size):
                await self._fork()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """End every process; jobs that are still running fail."""
        self._open = False
        for task in self._replacing:
            task.cancel()
        if self._replacing:
            await asyncio.wait(self._replacing)
        failure = EngineError("The server is going away.")
        while self._waiting:
            self._waiting.popleft().end(failure)
        workers = list(self._workers)
        for worker in workers:
            if worker.job is not None and not worker.job.ended:
                worker.job.end(failure)
            worker.close()
        if workers:
            await asyncio.wait([worker.gone for worker in workers])
        templates = [*self._former, *([self._template] if self._template else [])]
        self._template, self._former = None, []
        await asyncio.gather(*(template.aclose() for template in templates))

    def job(self, opening: Any, *, may_wait: bool = False) -> Job:
        """Begin a job; it runs as soon as a worker is free. Raises EngineError when too many wait already,
        unless it is a part of what was begun before and `may_wait` among any number."""
        if not self._open:
            raise EngineError("The engine is not running.")
        if len(self._waiting) >= self._max_queue and not may_wait:
            raise EngineError(_BUSY)
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
        if job.worker is None:
            self._waiting.remove(job)
            job.end(EngineError(_BUSY))
            return
        logger.warning("a worker of %s hangs and is replaced", self._module)
        job.end(EngineError("The engine did not answer in time."))
        job.worker.close()

    def give_up(self, job: Job) -> None:
        if job.ended:
            return
        job.end()
        if job.worker is None:
            self._waiting.remove(job)
        else:
            job.worker.abandon()

    def freed(self, worker: "_Worker") -> None:
        """The worker is done with its job, or new."""
        self._idle.append(worker)
        self._place()

    def proven(self) -> None:
        """A job was done: the engine works."""
        self._pause = 0.0

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
            self._idle.popleft().begin(self._waiting.popleft())

    # Processes.

    async def _fork(self) -> None:
        """One more worker, and a template if there is none that can fork one. Raises EngineError."""
        async with self._forking:
            if self._template is not None and not self._template.alive:
                self._former.append(self._template)
                self._template = None
            if self._template is None:
                template = Template(self._module, self._options)
                try:
                    await template.start()
                except BaseException:
                    await template.aclose()
                    raise
                self._template = template
            try:
                connection, process = await self._template.fork()
            except EngineError:
                self._template.kill()
                self._former.append(self._template)
                self._template = None
                raise
            worker = _Worker(self, self._template, process)
            try:
                # The one way that uvloop takes a socket pair.
                await asyncio.get_running_loop().create_unix_connection(lambda: worker, sock=connection)
            except BaseException:
                connection.close()
                raise
        self._workers.add(worker)
        self.freed(worker)

    async def _replace(self) -> None:
        while True:
            pause, self._pause = self._pause, min(max(PAUSE_S, 2 * self._pause), MAX_PAUSE_S)
            await asyncio.sleep(pause)
            await self._bury()
            try:
                return await self._fork()
            except (EngineError, OSError) as error:
                logger.error("a worker of %s cannot be replaced yet: %s", self._module, error)
                if not self._workers:
                    while self._waiting:
                        self._waiting.popleft().end(EngineError(str(error)))

    async def _bury(self) -> None:
        """Forget the templates that died, and whose workers did."""
        needed = {worker.template for worker in self._workers}
        dead = [template for template in self._former if template not in needed]
        self._former = [template for template in self._former if template in needed]
        for template in dead:
            await template.aclose()


_BUSY = "The server is busy: too many requests are waiting for this engine. Try again later."


class _Worker(asyncio.Protocol):
    """One process, as the pool sees it."""

    def __init__(self, pool: WorkerPool, template: Template, process: int) -> None:
        self.template = template
        self._pool = pool
        self._process = process
        self._buffer = FrameBuffer()
        self._transport: asyncio.Transport | None = None
        self._congested = False
        self._paused = False
        self._patience: asyncio.TimerHandle | None = None
        self.job: Job | None = None
        self.gone = asyncio.get_running_loop().create_future()
        """Done when the connection is."""

    def begin(self, job: Job) -> None:
        self.job = job
        job.worker = self
        self.flush()

    def flush(self) -> None:
        """Send what the job has, as far as the worker can take it."""
        if self.job is None or self._transport is None:
            return
        while self.job.unsent and not self._congested:
            self._transport.write(pack(self.job.unsent.popleft()))

    def abandon(self) -> None:
        """Let go of the job. A worker that still works on what nobody wants does not listen: replace it."""
        if self.job is not None and self._transport is not None:
            self._transport.write(pack(Frame(Kind.CLOSE, self.job.number)))
            self.resume()
            self._patience = asyncio.get_running_loop().call_later(GIVE_UP_S, self.close)

    def resume(self) -> None:
        """Read on, after the job has taken some of what came."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        """End it. One without a job sees that the pipe is closed; one with a job may not look."""
        if self._transport is None:
            return
        if self.job is not None:
            # It has not closed its end, so this number is still its own.
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
        self._transport.abort()
        self._transport = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for frame, size in self._buffer.feed(data):
                self._receive(frame, size)
        except InvalidFrame as error:
            logger.error("a worker sends what is no message: %s", error)
            self.close()
            return
        if self.job is not None and self.job.behind and not self.job.ended and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._congested = True

    def resume_writing(self) -> None:
        self._congested = False
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._stop_waiting()
        self._pool.lost(self)
        self.gone.set_result(None)

    def _receive(self, frame: Frame, size: int) -> None:
        job = self.job
        if job is None or frame.job != job.number:
            return
        if frame.kind is Kind.DATA:
            if not job.ended:
                job.deliver(frame.message, size)
            return
        if not job.ended:
            job.end(self._failure(frame.message) if frame.kind is Kind.FAILED else None)
        self.job = None
        self._stop_waiting()
        self._pool.proven()
        self._pool.freed(self)

    def _failure(self, message: Any) -> EngineError:
        reason, details = message
        if details:
            logger.error("a worker's job failed:\n%s", details)
        return EngineError(reason)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
