"""`vivavoce serve` does all that the suite asks of a Realtime server, in both dialects."""

import pytest

from tests.mcp_server import ToolServer
from tests.serving import Server
from vivavoce.conformance import (
    CATALOGUE,
    RULES,
    Dialect,
    Outcome,
    Plan,
    Report,
    Speech,
    Target,
    Transport,
    judge,
)

pytestmark = pytest.mark.timeout(300)

GA = frozenset({Dialect.GA})


@pytest.mark.xdist_group("conformance")
@pytest.mark.parametrize("dialect", Dialect)
async def test_nothing_fails(server: Server, tools: ToolServer, dialect: Dialect) -> None:
    target = Target.at(server.url, api_key=server.key)
    report = await judge(Plan(target, [dialect], speech=Speech.read(None), mcp_url=tools.url, timeout=60))
    assert_good(report, dialect, Transport.WEBSOCKET)
    assert not_run(report) <= UNSEEN


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("conformance-calls")
async def test_nothing_fails_over_webrtc(server: Server, tools: ToolServer) -> None:
    target = Target.at(server.url, api_key=server.key)
    plan = Plan(
        target,
        [Dialect.GA],
        speech=Speech.read(None),
        mcp_url=tools.url,
        timeout=60,
        concurrency=8,
        transport=Transport.WEBRTC,
    )
    report = await judge(plan)
    assert_good(report, Dialect.GA, Transport.WEBRTC)
    apart = {each.id for each in CATALOGUE.checks.values() if each.websocket_only and each.dialects >= GA}
    assert apart <= not_run(report) <= apart | UNSEEN | UNSEEN_IN_CALLS


def assert_good(report: Report, dialect: Dialect, transport: Transport) -> None:
    """All was judged, and nothing is wrong."""
    known = (*CATALOGUE.checks.values(), *RULES.values())
    expected = {each.id for each in known if dialect in each.dialects and each.over(transport)}
    assert {each.id for each in report.verdicts} == expected
    for outcome in (Outcome.FAILED, Outcome.DIFFERS):
        assert {each.id: each.reason for each in report.verdicts if each.outcome is outcome} == {}


def not_run(report: Report) -> set[str]:
    """What was not judged, but for what may be over too soon."""
    unseen = {each.id: each.reason for each in report.verdicts if each.outcome is Outcome.NOT_RUN}
    return {id for id, reason in unseen.items() if not reason.startswith(TOO_FAST)}


TOO_FAST = "The server had said"
"""Why an interruption is not judged: on a busy machine the answer may be there before the suite is."""


UNSEEN = {
    "order.items-in-turn",
    "schema.conversation.item.input-audio-transcription.failed",
    "schema.response.mcp-call.failed",
}
"""What no check of a healthy server brings about: failures, and a call after a message."""

UNSEEN_IN_CALLS = {
    "deltas.audio",
    "schema.response.output-audio.delta",
    "schema.session.closed",
    "schema.session.input-transcript.delta",
    "schema.session.output-audio.delta",
    "schema.session.output-transcript.delta",
}
"""What a call brings nothing about: speech in events, and interpreters."""
