"""The suite can fail: each of the faults is caught by the check, or the rule, that is meant for it."""

import asyncio
import re

import pytest

from tests.conformance.faults import PLANTED, Planted
from tests.conformance.faulty import faulty, misprinting
from tests.mcp_server import ToolServer
from tests.serving import Server
from vivavoce.conformance import CATALOGUE, Dialect, Group, Outcome, Plan, Report, Speech, Target, judge

pytestmark = pytest.mark.xdist_group("conformance")

SLOW = [name for name, planted in PLANTED.items() if planted.slow]
QUICK = [name for name in PLANTED if name not in SLOW]
PATIENCE_S = 5
"""How long the suite waits for an event that will not come."""


async def judged(
    url: str, server: Server, tools: ToolServer, dialect: Dialect, played: tuple[str, ...], timeout: float
) -> Report:
    assert set(played) <= set(CATALOGUE.checks)
    target = Target.at(url, api_key=server.key)
    speech = Speech.read(None)
    plan = Plan(target, [dialect], speech=speech, mcp_url=tools.url, timeout=timeout, names=frozenset(played))
    return await judge(plan)


async def assert_caught(server: Server, tools: ToolServer, planted: Planted, timeout: float) -> None:
    """The fault is caught by whom it should, for the right reason, and by nobody who should not."""
    async with faulty(server, planted.fault) as url:
        played = planted.play or (planted.caught,)
        report = await judged(url, server, tools, planted.dialect, played, timeout)
    bad = {each.id: each for each in report.verdicts if each.outcome in (Outcome.FAILED, Outcome.DIFFERS)}
    assert bad.keys() == {planted.caught} | planted.also, {id: each.reason for id, each in bad.items()}
    assert re.search(planted.reason, bad[planted.caught].reason)
    assert bad[planted.caught].evidence


@pytest.mark.parametrize("name", QUICK)
async def test_a_fault_is_caught(server: Server, tools: ToolServer, name: str) -> None:
    await assert_caught(server, tools, PLANTED[name], 60)


async def test_missing_events_are_caught(server: Server, tools: ToolServer) -> None:
    """All at once, because each takes as long as the suite waits."""
    caught = [assert_caught(server, tools, PLANTED[name], PATIENCE_S) for name in SLOW]
    results = await asyncio.gather(*caught, return_exceptions=True)
    assert {name: result for name, result in zip(SLOW, results, strict=True) if result is not None} == {}


@pytest.mark.parametrize(
    ("right", "wrong", "caught", "reason", "dialect"),
    [
        (b'"ek_', b'"sk_', "rest.secrets.made", "does not begin", Dialect.GA),
        (b'"type":"realtime"', b'"type":"realtimE"', "rest.secrets.made", "not told", Dialect.GA),
        (
            b'"param":"session.bogus"',
            b'"param":"session.wrong"',
            "rest.secrets.unknown-key",
            "session.wrong",
            Dialect.GA,
        ),
        (b"HTTP/1.1 401", b"HTTP/1.1 403", "rest.secrets.bad-key", "but 403 came", Dialect.GA),
        (
            b'"client_secret"',
            b'"client_secreT"',
            "rest.sessions.made",
            "There is no client_secret",
            Dialect.BETA,
        ),
    ],
)
async def test_a_misprint_in_an_answer_is_caught(
    server: Server, tools: ToolServer, right: bytes, wrong: bytes, caught: str, reason: str, dialect: Dialect
) -> None:
    async with misprinting(server, right, wrong) as url:
        report = await judged(url, server, tools, dialect, (caught,), 60)
    verdict = next(each for each in report.verdicts if each.id == caught)
    assert verdict.outcome is Outcome.FAILED
    assert reason in verdict.reason
    assert verdict.exchanges


def test_every_group_has_a_fault() -> None:
    planted = {planted.caught.partition(".")[0] for planted in PLANTED.values()}
    elsewhere = {"rest", "webrtc"}
    assert planted | elsewhere == {group.value for group in Group}
