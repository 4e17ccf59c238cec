"""A histogram of durations for Prometheus that costs little to feed."""

import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector


class Durations(Collector):
    """What `prometheus_client.Histogram` is with one label, for whoever counts on one thread: that one takes
    two locks and ten calls for each duration, and there are eight in a turn."""

    def __init__(
        self, name: str, documentation: str, label: str, bounds: Sequence[float], registry: CollectorRegistry
    ) -> None:
        """`bounds` are the upper ends of the buckets, in seconds and in order, without infinity."""
        self._name = name
        self._documentation = documentation
        self._label = label
        self._bounds = bounds
        self._found: dict[str, _Found] = {}
        registry.register(self)

    def observe(self, value: str, seconds: float) -> None:
        """It took so long, under this value of the label."""
        found = self._found.get(value)
        if found is None:
            found = self._found[value] = _Found(len(self._bounds) + 1)
        found.counts[bisect_left(self._bounds, seconds)] += 1
        found.total += seconds

    def describe(self) -> Iterable[HistogramMetricFamily]:
        """The name alone: the registry wants to know what it has."""
        return (HistogramMetricFamily(self._name, self._documentation, labels=[self._label]),)

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """All that was counted, as the registry asks for it."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=[self._label])
        ends = [*map(str, self._bounds), "+Inf"]
        for value, found in self._found.items():
            buckets = list(zip(ends, accumulate(found.counts), strict=True))
            family.add_metric([value], buckets, found.total)
            family.add_sample(f"{self._name}_created", {self._label: value}, found.created)
        return (family,)


class _Found:
    """The durations under one value of the label."""

    __slots__ = ("counts", "created", "total")

    def __init__(self, n_buckets: int) -> None:
        self.counts = [0] * n_buckets
        self.total = 0.0
        self.created = time.time()
