"""Rounds, percentiles and cores: how everything here is measured."""

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

CORES = sorted(os.sched_getaffinity(0))

SERVER_CORE = CORES[-1]
"""Servers that are measured have this core to themselves."""
CLIENT_CORE = CORES[0]
"""Whoever loads them runs here. The same one where there is only one."""


def pin(core: int) -> None:
    """Keep this process, and what it starts from here on, on one core."""
    os.sched_setaffinity(0, {core})


def unpin() -> None:
    os.sched_setaffinity(0, CORES)


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time of one call, with the garbage collector out of the way."""
    gc.collect()
    gc.disable()
    try:
        begin = time.process_time()
        work()
        return time.process_time() - begin
    finally:
        gc.enable()


def interleaved(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each contestant returns in each round. They take turns, in a new order every round, so that what
    else the machine does hits all alike. One round before the first does not count."""
    results: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(-1, rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            value = contestants[name]()
            if turn >= 0:
                results[name].append(value)
    return results


def median_ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """The median over the rounds of how many times as long the one took as the other did in the same
    round."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that at least so many percent do not exceed; nan of none."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]


class Others:
    """What share of the machine other programs use while something is measured."""

    def __init__(self) -> None:
        self._begin = self._now()

    def percent(self) -> float:
        """Of all cores, since this was made. Our processes count as ours once they have ended."""
        begin, now = self._begin, self._now()
        wall, busy, own = (after - before for before, after in zip(begin, now, strict=True))
        return max(0.0, busy - own) / (wall * len(CORES)) * 100

    def _now(self) -> tuple[float, float, float]:
        """Seconds on the clock, of all cores at work, and of these those for us."""
        with open("/proc/stat") as stat:
            user, nice, system = (int(ticks) for ticks in stat.readline().split()[1:4])
        times = os.times()
        return time.monotonic(), (user + nice + system) / os.sysconf("SC_CLK_TCK"), sum(times[:4])


def load() -> float:
    """How many processes have wanted a core in the last minute, on average."""
    return os.getloadavg()[0]
