"""Plays the checks against a server and gathers the verdicts."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from vivavoce.conformance.caller import Caller, created
from vivavoce.conformance.check import (
    CATALOGUE,
    Check,
    Dialect,
    Fault,
    Group,
    Needs,
    NotRun,
    Source,
    Transport,
)
from vivavoce.conformance.extract import Extract, around, last
from vivavoce.conformance.monitor import RULES, Finding, Ledger, Monitor, Rule
from vivavoce.conformance.sound import Speech
from vivavoce.conformance.target import Target
from vivavoce.conformance.words import Words
from vivavoce.protocol import VivavoceError

LONGEST_CHECK = 8
"""How many times its patience a check may take in all."""


CALLED_AGAIN = 3
"""How often a check that measures times, or speaks, is played at most over a call: sound that a busy machine
sends late or with holes says nothing about the server. One that is wrong is so each time."""

_RULES_ALONE = {Group.ORDER, Group.SCHEMA, Group.DELTAS, Group.LINKS}
"""The groups that have no checks, but rules."""


class Outcome(Enum):
    PASSED = "passed"
    FAILED = "failed"
    DIFFERS = "differs"
    """What the real service is only believed to do is done otherwise here."""
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Verdict:
    """What became of one check or rule in one dialect."""

    id: str
    title: str
    group: Group
    source: Source
    believed: bool
    dialect: Dialect
    outcome: Outcome
    reason: str = ""
    """Why it was not passed."""
    evidence: Sequence[Extract] = ()
    exchanges: Sequence[str] = ()
    """REST requests and what was answered."""
    seconds: float = 0.0


@dataclass
class Report:
    """What a server is like."""

    target: Target
    started: float
    """Seconds since 1970."""
    verdicts: list[Verdict] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> list[Verdict]:
        """The required checks that failed."""
        return [verdict for verdict in self.verdicts if verdict.outcome is Outcome.FAILED]

    def count(self, outcome: Outcome, group: Group | None = None) -> int:
        """How many verdicts are like that, of a group or of all."""
        return sum(verdict.outcome is outcome and group in (None, verdict.group) for verdict in self.verdicts)


class Unusable(Exception):
    """There is no Realtime server at the URL, or it lets nobody in. The message says what to do."""


@dataclass(frozen=True)
class Plan:
    """What is to be checked, and how."""

    target: Target
    dialects: Sequence[Dialect]
    groups: Sequence[Group] = tuple(Group)
    names: frozenset[str] = frozenset()
    """The checks to play, by their ids; all if there are none. Rules are judged by what these show."""
    speech: Speech | None = None
    mcp_url: str = ""
    """An MCP server that the target may use, whose tools may be called."""
    timeout: float = 20.0
    """Seconds that the server may take to say the next thing."""
    concurrency: int = 4
    """How many checks are played at once."""
    transport: Transport = Transport.WEBSOCKET
    """What carries the sessions that are judged. Calls are judged in the GA dialect alone."""

    def checks(self) -> list[tuple[Check, Dialect]]:
        """The checks to be played, the slow groups first so that they don't hold up the end."""
        chosen = [
            (check, dialect)
            for dialect in self.dialects
            for check in CATALOGUE.checks.values()
            if dialect in check.dialects and check.over(self.transport) and self._wants(check)
        ]
        slow = (Group.VAD, Group.TRANSCRIPTION, Group.TRANSLATION, Group.CANCEL, Group.WEBRTC)
        return sorted(chosen, key=lambda each: each[0].group not in slow)

    def _wants(self, check: Check) -> bool:
        if self.names:
            return check.id in self.names
        # Rules are judged by what all checks show.
        return check.group in self.groups or bool(_RULES_ALONE & set(self.groups))


async def judge(plan: Plan, progress: Callable[[int, int], None] = lambda done, of: None) -> Report:
    """Play all checks of the plan. `progress` is told how many are done, of how many.

    Raises Unusable if no session can be opened in the first of the dialects.
    """
    started, clock = time.time(), time.monotonic()
    report = Report(plan.target, started)
    shut = await _shut_dialects(plan)
    ledgers = {dialect: Ledger(dialect, plan.transport) for dialect in plan.dialects}
    checks = plan.checks()
    turns = asyncio.Semaphore(plan.concurrency)
    done = 0

    async def play(check: Check, dialect: Dialect) -> Verdict:
        nonlocal done
        if dialect in shut:
            verdict = _verdict(check, dialect, Outcome.NOT_RUN, shut[dialect])
        else:
            async with turns:
                verdict = await _play(plan, check, dialect, ledgers[dialect])
        done += 1
        progress(done, len(checks))
        return verdict

    verdicts = await asyncio.gather(*(play(check, dialect) for check, dialect in checks))
    report.verdicts = [verdict for verdict in verdicts if verdict.group in plan.groups]
    for dialect, ledger in ledgers.items():
        rules = [(RULES[id], finding) for id, finding in ledger.findings.items()]
        report.verdicts += [
            _judged(rule, dialect, finding, shut.get(dialect, ""))
            for rule, finding in rules
            if rule.group in plan.groups and (finding.kept or finding.broken or not plan.names)
        ]
    order = {group: number for number, group in enumerate(Group)}
    report.verdicts.sort(key=lambda each: order[each.group])
    report.seconds = time.monotonic() - clock
    return report


async def _shut_dialects(plan: Plan) -> dict[Dialect, str]:
    """The dialects in which no session can be opened, with the reason. The first must be open."""
    shut: dict[Dialect, str] = {}
    for number, dialect in enumerate(plan.dialects):
        caller = _caller(plan, dialect, Ledger(dialect, plan.transport), "")
        try:
            await created(await caller.connect())
        except Fault as fault:
            if number == 0:
                raise Unusable(f"{plan.target.url} opens no session: {fault}") from None
            shut[dialect] = f"The server does not speak the {dialect.value} dialect: {fault}"
        finally:
            await caller.aclose()
    return shut


def _caller(plan: Plan, dialect: Dialect, ledger: Ledger, check_id: str) -> Caller:
    target = plan.target
    words = Words(dialect, plan.transport)
    return Caller(
        target,
        dialect,
        plan.timeout,
        lambda: Monitor(ledger, check_id, words, target.api_key),
        plan.speech,
        plan.mcp_url,
        plan.transport,
    )


async def _play(plan: Plan, check: Check, dialect: Dialect, ledger: Ledger) -> Verdict:
    depends = check.timed or Needs.SPEECH in check.needs
    attempts = CALLED_AGAIN if depends and plan.transport is Transport.WEBRTC else 1
    while True:
        attempts -= 1
        verdict = await _play_once(plan, check, dialect, ledger)
        if not attempts or verdict.outcome in (Outcome.PASSED, Outcome.NOT_RUN):
            return verdict


async def _play_once(plan: Plan, check: Check, dialect: Dialect, ledger: Ledger) -> Verdict:
    if check.websocket_only and plan.transport is Transport.WEBRTC:
        return _verdict(check, dialect, Outcome.NOT_RUN, check.websocket_only)
    missing = _missing(plan, check.needs)
    if missing is not None:
        return _verdict(check, dialect, Outcome.NOT_RUN, f"It needs {missing.value}.")
    caller = _caller(plan, dialect, ledger, check.id)
    started = time.monotonic()
    outcome, reason = Outcome.PASSED, ""
    broken = Outcome.DIFFERS if check.believed else Outcome.FAILED
    try:
        async with asyncio.timeout(plan.timeout * LONGEST_CHECK):
            await check.play(caller)
    except NotRun as why:
        outcome, reason = Outcome.NOT_RUN, str(why)
    except (Fault, VivavoceError) as fault:
        outcome, reason = broken, str(fault)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        # Checks read what came as if it were right; the schema rules tell what is wrong with it.
        outcome, reason = broken, f"What came could not be read: {type(error).__name__}: {error}."
    except TimeoutError:
        outcome, reason = broken, f"It took more than {plan.timeout * LONGEST_CHECK:g} s."
    finally:
        ends = [len(peer.frames) for peer in caller.peers]
        await caller.aclose()
    evidence: list[Extract] = []
    if outcome in (Outcome.FAILED, Outcome.DIFFERS):
        evidence = [last(peer.frames[:end]) for peer, end in zip(caller.peers, ends, strict=True) if end]
    seconds = time.monotonic() - started
    return _verdict(check, dialect, outcome, reason, evidence, caller.exchanges, seconds)


def _missing(plan: Plan, needs: Iterable[Needs]) -> Needs | None:
    """What the plan does not have of what a check needs."""
    have = {
        Needs.KEY: bool(plan.target.api_key),
        Needs.SPEECH: plan.speech is not None,
        Needs.MCP: bool(plan.mcp_url),
    }
    return next((each for each in needs if not have[each]), None)


def _verdict(
    check: Check | Rule,
    dialect: Dialect,
    outcome: Outcome,
    reason: str = "",
    evidence: Sequence[Extract] = (),
    exchanges: Sequence[str] = (),
    seconds: float = 0.0,
) -> Verdict:
    return Verdict(
        check.id,
        check.title,
        check.group,
        check.source,
        check.believed,
        dialect,
        outcome,
        reason,
        evidence,
        exchanges,
        seconds,
    )


def _judged(rule: Rule, dialect: Dialect, finding: Finding, shut: str) -> Verdict:
    if shut:
        return _verdict(rule, dialect, Outcome.NOT_RUN, shut)
    if finding.broken:
        extract = around(finding.frames, finding.number)
        times = f" (broken {finding.broken} times in all)" if finding.broken > 1 else ""
        reason = f"{finding.reason} Seen in the check {finding.check_id}{times}."
        outcome = Outcome.DIFFERS if rule.believed else Outcome.FAILED
        return _verdict(rule, dialect, outcome, reason, [extract])
    if not finding.kept:
        return _verdict(rule, dialect, Outcome.NOT_RUN, "No check gave occasion to see it.")
    return _verdict(rule, dialect, Outcome.PASSED)
