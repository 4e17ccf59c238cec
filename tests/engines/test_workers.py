"""Worker processes that do their work, and that do not: real processes, really killed."""

import asyncio
import functools
import inspect
import logging
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from vivavoce.engines.interfaces import EngineError
from vivavoce.engines.workers import pool as pool_module
from vivavoce.engines.workers import process as process_module
from vivavoce.engines.workers.frames import MAX_FRAME_BYTES, Frame, FrameBuffer, InvalidFrame, Kind, pack
from vivavoce.engines.workers.pool import AHEAD_BYTES, Job, WorkerPool

PATIENCE_S = 20


def on_both_loops(test):
    """Run a test on asyncio's event loop and on uvloop's."""

    @functools.wraps(test)
    def both(run, **fixtures) -> None:
        run(test(**fixtures))

    parameters = [inspect.Parameter("run", inspect.Parameter.KEYWORD_ONLY)]
    both.__signature__ = inspect.Signature([*inspect.signature(test).parameters.values(), *parameters])
    del both.__wrapped__
    return pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])(both)


@asynccontextmanager
async def pool_of(workers: int, *, max_queue: int = 1000, options=None) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool("odd_worker", options, workers=workers, max_queue=max_queue)
    await pool.start()
    try:
        yield pool
    finally:
        await pool.aclose()


async def answer(job: Job):
    """The next message, or a failure of the test."""
    async with asyncio.timeout(PATIENCE_S):
        return await job.receive()


async def pids(pool: WorkerPool) -> tuple[int, int]:
    """Of a worker and of its template."""
    job = pool.job("pids")
    worker, template = await answer(job)
    assert await answer(job) is None
    return worker, template


async def echoes(pool: WorkerPool, message) -> bool:
    job = pool.job("echo")
    job.send(message)
    said = await answer(job)
    await job.aclose()
    return said == message


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)


def state(process: int) -> tuple[str, int] | None:
    """How it is, and its process group."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[2])


def members(group: int) -> list[int]:
    """The living processes of a group."""
    found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [
        process for process in found if (known := state(process)) and known[0] != "Z" and known[1] == group
    ]


def zombies() -> list[int]:
    """Children of this process that nobody waited for."""
    me = os.getpid()
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal() and (known := state(int(path.name))) and known[0] == "Z":
            parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == me:
                found.append(int(path.name))
    return found


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def descriptors_at_rest() -> int:
    """With what a loop opens once and keeps."""
    async with pool_of(1):
        pass
    return descriptors()


# Jobs.


@on_both_loops
async def test_messages_go_both_ways_in_order():
    async with pool_of(1) as pool:
        job = pool.job("echo")
        for message in (1, "two", b"three", [4.0, None], {"five": True}):
            job.send(message)
            assert await answer(job) == message
        job.send(None)
        assert await answer(job) is None
        assert await answer(job) is None


@on_both_loops
async def test_jobs_begin_in_the_order_in_which_they_came():
    async with pool_of(1) as pool:
        first = pool.job("echo")
        done: list[int] = []

        async def one(number: int, job: Job) -> None:
            await answer(job)
            done.append(number)

        others = [pool.job("pids") for _ in range(20)]
        async with asyncio.TaskGroup() as group:
            for number, job in reversed(list(enumerate(others))):
                group.create_task(one(number, job))
            await asyncio.sleep(0)
            assert done == []
            await first.aclose()
        assert done == list(range(20))


@on_both_loops
async def test_jobs_run_side_by_side_in_processes_of_their_own():
    async with pool_of(3) as pool:
        jobs = [pool.job("echo") for _ in range(3)]
        for number, job in enumerate(jobs):
            job.send(number)
        assert [await answer(job) for job in reversed(jobs)] == [2, 1, 0]
        for job in jobs:
            await job.aclose()
        workers = set()
        async with asyncio.timeout(PATIENCE_S):
            while len(workers) < 3:
                workers.add((await pids(pool))[0])


@on_both_loops
async def test_the_queue_is_bounded_but_not_for_what_has_begun():
    async with pool_of(1, max_queue=2) as pool:
        running, *waiting = [pool.job("echo") for _ in range(3)]
        with pytest.raises(EngineError, match="busy"):
            pool.job("echo")
        begun = pool.job("pids", may_wait=True)
        await waiting[0].aclose()
        await waiting[1].aclose()
        assert await echoes_after(running, pool)
        assert await answer(begun)


async def echoes_after(running: Job, pool: WorkerPool) -> bool:
    job = pool.job("echo")
    await running.aclose()
    job.send("here")
    said = await answer(job)
    await job.aclose()
    return said == "here"


@on_both_loops
async def test_a_job_that_is_given_up_frees_its_worker():
    async with pool_of(1) as pool:
        before = await pids(pool)
        for opening in ("until given up", "echo", ["flood", 1000, 10_000]):
            job = pool.job(opening)
            if opening != "echo":
                await answer(job)
            await job.aclose()
            await job.aclose()
            job.send("too late")
            assert await answer(job) is None
            assert await pids(pool) == before


@on_both_loops
async def test_what_a_worker_has_not_taken_goes_with_the_job():
    """A minute of audio in front of a slow worker is not worked off when nobody wants the result."""
    async with pool_of(1) as pool:
        before = await pids(pool)
        job = pool.job(["stall", 0.2])
        await answer(job)
        for _ in range(1000):
            job.send(bytes(50_000))
        kept = sum(len(frame.message) for frame in job.unsent)
        assert kept > 45_000_000, "the transport took more than its share"
        await job.aclose()
        assert not job.unsent
        assert await pids(pool) == before


@on_both_loops
async def test_what_was_sent_while_waiting_arrives():
    async with pool_of(1) as pool:
        first, second = pool.job("echo"), pool.job("echo")
        sent = [bytes([number]) * 30_000 for number in range(100)]
        for message in sent:
            second.send(message)
        await first.aclose()
        assert [await answer(second) for _ in sent] == sent
        await second.aclose()


@on_both_loops
async def test_a_worker_is_never_far_ahead_of_whoever_listens():
    async with pool_of(1) as pool:
        size = 100_000
        job = pool.job(["flood", 200, size])
        await until(lambda: job.behind)
        for _ in range(50):
            await asyncio.sleep(0.002)
        assert job._held < AHEAD_BYTES + 10 * size
        for number in range(200):
            assert (await answer(job))[0] == number
        assert await answer(job) is None


# Failures.


@on_both_loops
async def test_an_exception_fails_its_job_alone(caplog):
    async with pool_of(1) as pool:
        before = await pids(pool)
        job = pool.job("raise")
        assert await answer(job) == "first"
        with pytest.raises(EngineError, match=r"^The engine failed\.$"):
            await answer(job)
        assert "ZeroDivisionError: the secret of the engine" in caplog.text
        with pytest.raises(EngineError, match=r"^The text is too long\.$"):
            await answer(pool.job("refuse"))
        assert await pids(pool) == before


@pytest.mark.parametrize("opening", ["crash", "exit", ["garbage", b"\xff" * 8], ["garbage", b"\1\0\0\0\x05"]])
@on_both_loops
async def test_a_worker_that_dies_is_replaced(opening, capfd):
    async with pool_of(2) as pool:
        other = pool.job("echo")
        job = pool.job(opening)
        if opening == "crash":
            assert await answer(job) == "last words"
        with pytest.raises(EngineError, match="worker process died"):
            await answer(job)
        other.send("still here")
        assert await answer(other) == "still here"
        assert await echoes(pool, "a new one")
        await other.aclose()
        _, template = await pids(pool)
        await until(lambda: len(members(template)) == 3)


@on_both_loops
async def test_a_worker_that_is_killed_takes_one_job_along():
    async with pool_of(2) as pool:
        job, other = pool.job("echo"), pool.job("echo")
        waiting = pool.job("pids")
        victim = job.worker._process
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(EngineError, match="worker process died"):
            await answer(job)
        assert (await answer(waiting))[0] not in (victim, other.worker._process)
        other.send(1)
        assert await answer(other) == 1


@on_both_loops
async def test_workers_outlive_their_template():
    async with pool_of(2) as pool:
        job = pool.job("echo")
        worker, template = await pids(pool)
        os.kill(template, signal.SIGKILL)
        await until(lambda: state(template)[0] == "Z")
        job.send("I am")
        assert await answer(job) == "I am"
        assert await echoes(pool, "so am I")
        # Two deaths at once need one new template.
        os.kill(worker, signal.SIGKILL)
        os.kill(job.worker._process, signal.SIGKILL)
        with pytest.raises(EngineError, match="worker process died"):
            await answer(job)
        await until(lambda: worker not in {known._process for known in pool._workers})
        new = {await pids(pool) for _ in range(4)}
        parents = {parent for _, parent in new}
        assert len(parents) == 1
        assert parents != {template}
        assert members(template) == []
    assert members(parents.pop()) == []


@on_both_loops
async def test_a_job_without_an_answer_is_ended_and_its_worker_replaced():
    async with pool_of(1) as pool:
        worker, _ = await pids(pool)
        job = pool.job(["stall", 60])
        assert await job.receive(PATIENCE_S) == "begun"
        with pytest.raises(EngineError, match="did not answer in time"):
            await job.receive(0.05)
        assert (await pids(pool))[0] != worker
        await until(lambda: state(worker) is None)


@on_both_loops
async def test_a_worker_that_hangs_before_somebody_who_does_not_listen_is_replaced():
    async with pool_of(1) as pool:
        worker, _ = await pids(pool)
        job = pool.job(["flood", 1000, 100_000])
        await until(lambda: job.behind)
        job.hang()
        job.hang()
        assert (await pids(pool))[0] != worker


@on_both_loops
async def test_a_job_that_waits_too_long_kills_nobody():
    async with pool_of(1) as pool:
        running, waiting = pool.job("echo"), pool.job("echo")
        with pytest.raises(EngineError, match="busy"):
            await waiting.receive(0.01)
        assert await echoes_after(running, pool)


@on_both_loops
async def test_a_worker_that_does_not_let_go_is_replaced(monkeypatch):
    monkeypatch.setattr(pool_module, "GIVE_UP_S", 0.05)
    async with pool_of(1) as pool:
        worker, _ = await pids(pool)
        job = pool.job(["stall", 60])
        await answer(job)
        await job.aclose()
        assert (await pids(pool))[0] != worker


@on_both_loops
async def test_workers_that_cannot_be_replaced_fail_the_jobs_and_are_tried_again(tmp_path, caplog):
    model = tmp_path / "loaded"
    async with pool_of(1, options={"once": str(model)}) as pool:
        worker, template = await pids(pool)
        os.kill(template, signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
        await until(lambda: not members(template))
        job = pool.job("pids")
        # It may have been given to the worker before its death was noticed.
        with pytest.raises(EngineError, match=r"model is gone|process died"):
            await answer(job)
        await until(lambda: "cannot be replaced yet: The model is gone." in caplog.text)
        model.unlink()
        while True:
            try:
                assert await pids(pool) != (worker, template)
                break
            except EngineError:
                model.unlink(missing_ok=True)


@on_both_loops
async def test_a_template_that_stands_still_is_replaced(monkeypatch):
    monkeypatch.setattr(process_module, "FORK_S", 0.1)
    before = await descriptors_at_rest()
    async with pool_of(1) as pool:
        worker, template = await pids(pool)
        os.kill(template, signal.SIGSTOP)
        os.kill(worker, signal.SIGKILL)
        await until(lambda: not pool._workers)
        with pytest.raises(EngineError, match="cannot be started"):
            await answer(pool.job("echo"))
        monkeypatch.undo()
        assert (await pids(pool))[1] != template
    assert members(template) == []
    assert descriptors() == before


# Beginning and end.


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"refuse": "Install it."}, r"^Install it\.$"),
        ({"raise": "odd"}, r"does not start: ValueError: odd$"),
        ({"exit": 3}, r"does not start\.$"),
    ],
)
@on_both_loops
async def test_an_engine_that_does_not_load_says_why_and_leaves_nothing(options, reason, capfd):
    before = await descriptors_at_rest()
    pool = WorkerPool("odd_worker", options, workers=2, max_queue=1)
    with pytest.raises(EngineError, match=reason):
        await pool.start()
    with pytest.raises(EngineError, match="not running"):
        pool.job("pids")
    await pool.aclose()
    assert descriptors() == before
    assert zombies() == []


@on_both_loops
async def test_a_module_that_is_not_there_is_named(capfd):
    pool = WorkerPool("no_such_engine", None, workers=1, max_queue=1)
    with pytest.raises(EngineError, match="no_such_engine"):
        await pool.start()


@on_both_loops
async def test_a_start_that_is_cancelled_leaves_nothing():
    before = await descriptors_at_rest()
    pool = WorkerPool("odd_worker", None, workers=2, max_queue=1)
    start = asyncio.create_task(pool.start())
    await asyncio.sleep(0.01)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert zombies() == []
    assert descriptors() == before


@on_both_loops
async def test_closing_ends_processes_and_jobs():
    async with pool_of(2) as pool:
        _, template = await pids(pool)
        hanging, listening, waiting = pool.job(["stall", 60]), pool.job("echo"), pool.job("echo")
        await answer(hanging)
        assert len(members(template)) == 3
    assert members(template) == []
    assert zombies() == []
    for job in (hanging, listening, waiting):
        with pytest.raises(EngineError, match="going away"):
            await answer(job)
    with pytest.raises(EngineError, match="not running"):
        pool.job("echo")
    await pool.aclose()


@on_both_loops
async def test_closing_ends_what_stands_still(monkeypatch):
    monkeypatch.setattr(process_module, "STOP_S", 0.1)
    async with pool_of(2) as pool:
        worker, template = await pids(pool)
        os.kill(worker, signal.SIGSTOP)
    assert zombies() == []
    await until(lambda: members(template) == [])


@on_both_loops
async def test_closing_while_a_worker_is_being_replaced():
    before = await descriptors_at_rest()
    async with pool_of(2) as pool:
        worker, template = await pids(pool)
        os.kill(worker, signal.SIGKILL)
        await until(lambda: state(worker) is None)
        await asyncio.sleep(0)
    assert members(template) == []
    assert descriptors() == before


@on_both_loops
async def test_nothing_leaks_over_many_rounds():
    before = await descriptors_at_rest()
    for _ in range(25):
        async with pool_of(1) as pool:
            assert await echoes(pool, 1)
    assert descriptors() == before
    assert zombies() == []


@on_both_loops
async def test_two_hundred_jobs_left_at_any_point():
    chance = random.Random(5)
    openings = ["echo", "echo", ["flood", 20, 30_000], "until given up", "raise", "crash", "pids"]
    logging.getLogger("vivavoce.engines.workers.pool").setLevel(logging.CRITICAL)
    before = await descriptors_at_rest()

    async def one(opening) -> None:
        await asyncio.sleep(chance.random() * 2)
        job = pool.job(opening)
        try:
            async with asyncio.timeout(chance.random() * 0.3):
                for number in range(20):
                    if opening == "echo":
                        job.send(number)
                    if await job.receive() is None:
                        return
        except (EngineError, TimeoutError):
            pass
        finally:
            await job.aclose()

    try:
        async with pool_of(3) as pool:
            inside = descriptors()
            async with asyncio.timeout(60):
                await asyncio.gather(*(one(chance.choice(openings)) for _ in range(200)))
            assert all([await echoes(pool, number) for number in range(6)])
            await until(lambda: descriptors() == inside)
            _, template = await pids(pool)
            assert len(members(template)) == 4
    finally:
        logging.getLogger("vivavoce.engines.workers.pool").setLevel(logging.NOTSET)
    assert descriptors() == before
    assert members(template) == []


@on_both_loops
async def test_signals_for_the_parent_do_not_reach_workers():
    async with pool_of(1) as pool:
        worker, template = await pids(pool)
        for process in (worker, template):
            assert os.getpgid(process) == template != os.getpgrp()
            os.kill(process, signal.SIGINT)
            os.kill(process, signal.SIGTERM)
        assert await pids(pool) == (worker, template)


PARENT = """
    import asyncio
    from vivavoce.engines.workers.pool import WorkerPool

    async def main():
        pool = WorkerPool("odd_worker", None, workers=3, max_queue=10)
        await pool.start()
        busy, listening, pids = pool.job(["stall", 600]), pool.job("echo"), pool.job("pids")
        await busy.receive()
        print((await pids.receive())[1], flush=True)
        await asyncio.sleep(600)

    asyncio.run(main())
"""


def test_no_worker_outlives_a_parent_that_is_killed():
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        template = int(parent.stdout.readline())
        assert len(members(template)) == 4
        parent.kill()
    deadline = time.monotonic() + PATIENCE_S
    while members(template):
        assert time.monotonic() < deadline, "orphans"
        time.sleep(0.01)


# Frames.


def test_frames_survive_any_cut():
    frames = [Frame(Kind.OPEN, 1, ["a", b"b"]), Frame(Kind.DATA, 2**40, None), Frame(Kind.DONE, 3)]
    stream = b"".join(map(pack, frames))
    for step in (1, 3, 1000):
        buffer = FrameBuffer()
        pieces = [stream[start : start + step] for start in range(0, len(stream), step)]
        found = [found for piece in pieces for found in buffer.feed(piece)]
        assert [frame for frame, _ in found] == frames
        assert sum(size for _, size in found) == len(stream)


@pytest.mark.parametrize(
    "data", [(MAX_FRAME_BYTES + 1).to_bytes(4, "little"), b"\1\0\0\0\xc1", b"\3\0\0\0\x93\x09\1"]
)
def test_what_is_no_frame_is_refused(data):
    with pytest.raises(InvalidFrame):
        list(FrameBuffer().feed(data))
