"""Durations are counted as prometheus_client counts them."""

import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from vivavoce.server.telemetry.durations import Durations

BOUNDS = (0.001, 0.25, 0.5, 1.0, 30.0)
observations = st.lists(
    st.tuples(
        st.sampled_from(["turn", "speech", 'a "label"']),
        st.sampled_from([*BOUNDS, 0.0, math.inf]) | st.floats(0, 60),
    )
)


def told(registry: CollectorRegistry) -> list[str]:
    """The page, without when each number began."""
    lines = generate_latest(registry).decode().splitlines()
    return [line.partition("}")[0] if "_created{" in line else line for line in lines]


@given(observations)
def test_they_are_told_as_a_histogram_tells_them(observed: list[tuple[str, float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    durations = Durations("test_seconds", "How long.", "stage", BOUNDS, ours)
    histogram = Histogram("test_seconds", "How long.", ["stage"], buckets=BOUNDS, registry=theirs)
    for stage, seconds in observed:
        durations.observe(stage, seconds)
        histogram.labels(stage).observe(seconds)
    assert told(ours) == told(theirs)
