"""`vivavoce serve` does all that the suite asks of a Realtime server."""

import pytest

from tests.serving import Server
from vivavoce.conformance import Dialect, Group, Outcome, Plan, Report, Speech, Target, judge

pytestmark = pytest.mark.xdist_group("conformance")

PENDING = {
    "session.update.noise-reduction",
}
"""Checks of what is not served yet."""


async def judged(server: Server, *dialects: Dialect) -> Report:
    target = Target.at(server.url, api_key=server.key)
    return await judge(Plan(target, dialects, tuple(Group), Speech.read(None), timeout=30))


async def test_ga(server: Server) -> None:
    report = await judged(server, Dialect.GA)
    assert {
        f"{verdict.id}: {verdict.reason}" for verdict in report.failed if verdict.id not in PENDING
    } == set()
    assert report.count(Outcome.PASSED) > 400
