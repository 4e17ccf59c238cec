"""The suite can fail: each of the faults is caught by the check, or the rule, that is meant for it."""

import re

import pytest

from tests.conformance.faults import PLANTED
from tests.conformance.faulty import faulty
from tests.serving import Server
from vivavoce.conformance import CATALOGUE, Outcome, Plan, Speech, Target, judge

pytestmark = pytest.mark.xdist_group("conformance")


@pytest.mark.parametrize("name", PLANTED)
async def test_a_fault_is_caught(server: Server, name: str) -> None:
    planted = PLANTED[name]
    played = planted.play or (planted.caught,)
    assert set(played) <= set(CATALOGUE.checks)
    timeout = 2 if planted.slow else 60
    async with faulty(server, planted.fault) as url:
        target = Target.at(url, api_key=server.key)
        plan = Plan(
            target, [planted.dialect], speech=Speech.read(None), timeout=timeout, names=frozenset(played)
        )
        report = await judge(plan)
    bad = {each.id: each for each in report.verdicts if each.outcome in (Outcome.FAILED, Outcome.DIFFERS)}
    assert bad.keys() == {planted.caught} | planted.also, {id: each.reason for id, each in bad.items()}
    assert re.search(planted.reason, bad[planted.caught].reason)
    assert bad[planted.caught].evidence
