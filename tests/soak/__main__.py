"""Run the soak: `python -m tests.soak [--minutes 30] [--sessions 50] [--calls 10] [--seed 1]`.

A server with engines that work and engines that go wrong, callers who hold random conversations with it,
vanish, freeze and send nonsense, and somebody who kills worker processes. Prints its figures; exit code 1 if
memory grows, something stays behind, an event is not answered or a rule of the protocol is broken.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.faults.conftest import PACKAGES, Held
from tests.faults.test_callers import workers
from tests.serving import Server, serving
from tests.soak.callers import Soaked, Tally
from tests.soak.calls import SoakedCall
from vivavoce.conformance.sound import Speech
from vivavoce.conformance.target import Target

CONFIG = """
[server]
write_timeout_s = 20

[session]
engine_timeout_s = 3

[webrtc]
consent_timeout_s = 25
offers_per_minute = 0

[models."steady"]
[models."faulty"]
voice_detector = "faulty"
transcriber = "faulty"
language_model = "faulty"
synthesizer = "faulty"

[transcriber.pocketsphinx]
workers = 4
[synthesizer.espeak]
workers = 4
"""

SAMPLE_S = 5.0
GROWTH = 1.10
"""Memory at the end, against that after the first quarter."""
GROWTH_MB = 24
"""So much more is no growth: the allocator's habits."""
COMPLAINTS = ("a session failed", "a call failed", "could not be", "never retrieved", "Exception in")
"""What the log must not say."""
KILL_EVERY_S = 20.0
"""A worker process of the engines is killed that often."""


@dataclass(frozen=True)
class Sample:
    seconds: float
    resident_mb: float
    held: Held


async def soak(
    server: Server, minutes: float, sessions: int, calls: int, seed: int
) -> tuple[Tally, list[Sample], Held]:
    """Let them talk. Returns what they did, what the server held meanwhile, and what it held before."""
    tally, stopped, samples = Tally(), asyncio.Event(), list[Sample]()
    before = Held(server)
    speech = Speech.read(None)
    callers = [
        (Soaked if number < sessions else SoakedCall)(
            Target.at(server.url, model="faulty" if number % 2 else "steady", api_key=server.key),
            speech,
            seed * 10_000 + number,
            tally,
        )
        for number in range(sessions + calls)
    ]
    chance = random.Random(seed)
    began = time.monotonic()

    async def watch() -> None:
        killed = began
        while True:
            await asyncio.sleep(SAMPLE_S)
            now = time.monotonic()
            held = await asyncio.to_thread(Held, server)
            samples.append(Sample(now - began, server.resident_kilobytes / 1024, held))
            if now - killed > KILL_EVERY_S:
                killed = now
                victim = chance.choice(sorted(workers(server)))
                tally.acts["kill a worker"] += 1
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    watching = asyncio.create_task(watch())
    talking = [asyncio.create_task(caller.run(stopped)) for caller in callers]
    done, _ = await asyncio.wait(
        [*talking, watching], timeout=minutes * 60, return_when=asyncio.FIRST_EXCEPTION
    )
    stopped.set()
    for task in done:
        task.result()
    await asyncio.gather(*talking)
    watching.cancel()
    await asyncio.wait([watching])
    return tally, samples, before


async def left_behind(server: Server, before: Held) -> list[str]:
    """What the server still holds that it did not hold before, after a while."""
    until = time.monotonic() + 60
    while True:
        held = Held(server)
        if held.sessions == 0 and held.tasks <= before.tasks and held.files <= before.files + 4:
            return []
        if time.monotonic() > until:
            return [f"left behind: {held}, before: {before}"]
        await asyncio.sleep(0.5)


def growth(samples: list[Sample]) -> list[str]:
    """Whether memory grew once everything was warm."""
    if len(samples) < 12:
        return []
    quarter = len(samples) // 4
    early = median(sample.resident_mb for sample in samples[quarter : 2 * quarter])
    late = median(sample.resident_mb for sample in samples[-quarter:])
    if late > early * GROWTH and late > early + GROWTH_MB:
        return [f"memory grew from {early:.0f} to {late:.0f} MB"]
    return []


def report(tally: Tally, samples: list[Sample], problems: list[str]) -> None:
    sizes = [sample.resident_mb for sample in samples] or [0.0]
    course = sizes[:: max(1, len(sizes) // 12)]
    kept = sum(f.kept for ledger in tally.ledgers.values() for f in ledger.findings.values())
    print(f"sessions            {tally.sessions}")
    print(f"acts                {', '.join(f'{n} {act}' for act, n in tally.acts.most_common())}")
    print(f"events received     {tally.events}")
    print(f"responses           {', '.join(f'{n} {status}' for status, n in tally.responses.most_common())}")
    print(f"rules looked at     {kept} times")
    held = [sample.held for sample in samples]
    for name in ("sessions", "tasks", "files"):
        numbers = [getattr(each, name) for each in held] or [0]
        print(f"{name:20}{', '.join(map(str, numbers[:: max(1, len(numbers) // 12)]))}; most {max(numbers)}")
    print(f"memory, MB          {', '.join(f'{size:.0f}' for size in course)}; most {max(sizes):.0f}")
    for problem in problems:
        print(f"FAILED              {problem}")
    if not problems:
        print("Everything was answered, nothing is left, no rule was broken.")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        with serving(Path(folder), config=CONFIG, packages=PACKAGES, failures=True) as server:
            tally, samples, before = asyncio.run(
                soak(server, wanted.minutes, wanted.sessions, wanted.calls, wanted.seed)
            )
            problems = [*tally.failures, *tally.broken, *growth(samples)]
            problems += asyncio.run(left_behind(server, before))
            log = server.log
    for line in log.splitlines():
        if any(complaint in line for complaint in COMPLAINTS):
            problems.append(f"the log says: {line}")
    report(tally, samples, problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
