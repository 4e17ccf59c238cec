"""The suite can fail over WebRTC, too: each fault in a call is caught by whom it is meant for."""

import asyncio
import re
from dataclasses import dataclass

import pytest

from tests.conformance.faults import put
from tests.conformance.faulty import Event, Said, change, drop, later, repeat
from tests.conformance.faulty_calls import (
    CallFault,
    behind,
    faulty_calls,
    noise_after,
    without_beta_header,
)
from tests.serving import Server
from vivavoce.conformance import CATALOGUE, Dialect, Outcome, Plan, Speech, Target, Transport, judge

pytestmark = pytest.mark.xdist_group("conformance-calls")

STARTED = "output_audio_buffer.started"
STOPPED = "output_audio_buffer.stopped"
CLEARED = "output_audio_buffer.cleared"
TRUNCATED = "conversation.item.truncated"

PATIENCE_S = 5
"""How long the suite waits for an event that will not come."""

AT_ONCE = 6


@dataclass(frozen=True)
class Planted:
    """A fault, and how the suite answers: see `faults.Planted`."""

    fault: CallFault
    caught: str
    reason: str
    play: tuple[str, ...] = ()
    also: frozenset[str] = frozenset()
    slow: bool = False


def a_delta(event: Event, memory: Event) -> Said:
    if event["type"] != "response.content_part.added":
        return [event]
    places = ("response_id", "item_id", "output_index", "content_index")
    delta = {"type": "response.output_audio.delta", "event_id": "event_0", "delta": "AAAA"}
    return [event, delta | {name: event[name] for name in places}]


def stops_when_done(event: Event, memory: Event) -> Said:
    """All of an answer is said to have been heard when all of it was made."""
    if event["type"] == STOPPED:
        return []
    if event["type"] == STARTED:
        memory["heard"] = event
    if event["type"] == "response.done" and "heard" in memory:
        return [event, memory["heard"] | {"type": STOPPED, "event_id": "event_0"}]
    return [event]


def an_append_is_lost(event: Event, memory: Event) -> Said:
    return [] if event.get("type") == "input_audio_buffer.append" else [event]


PLANTED = {
    "started is missing": Planted(
        CallFault(drop(STARTED)),
        "webrtc.buffer.order",
        "The order is",
        also=frozenset({"webrtc.stopped-or-cleared"}),
    ),
    "started comes twice": Planted(
        CallFault(repeat(STARTED)), "webrtc.started-once", "started twice", ("webrtc.heard",)
    ),
    "stopped comes before the response is done": Planted(
        CallFault(later("response.done", STOPPED)),
        "webrtc.stopped-after-done",
        "before it was done",
        ("webrtc.buffer.order",),
        also=frozenset({"webrtc.buffer.order", "order.rate-limits"}),
    ),
    "stopped comes too soon": Planted(CallFault(stops_when_done), "webrtc.buffer.pace", "were played in"),
    "speech comes in events as well": Planted(
        CallFault(a_delta), "webrtc.no-audio-deltas", "delta came", ("webrtc.heard",)
    ),
    "a written answer is said to be heard": Planted(
        CallFault(behind("response.content_part.added", {"type": STARTED})),
        "webrtc.buffer.text",
        "What was told is",
        also=frozenset({"webrtc.started-once"}),
    ),
    "what was cleared stops as well": Planted(
        CallFault(behind(CLEARED, {"type": STOPPED})),
        "webrtc.stopped-or-cleared",
        "or had ended",
        ("webrtc.clear",),
        also=frozenset({"webrtc.clear"}),
    ),
    "a clear is not told": Planted(CallFault(drop(CLEARED)), "webrtc.clear", "nothing came", slow=True),
    "a clear does not truncate": Planted(
        CallFault(drop(TRUNCATED)), "webrtc.clear.kept", "nothing came", slow=True
    ),
    "a clear silences nothing": Planted(CallFault(noise_after(CLEARED)), "webrtc.clear", "heard for 5 s"),
    "an interruption is said to be later": Planted(
        CallFault(change(TRUNCATED, put(audio_end_ms=60_000))), "webrtc.barge-in", "truncated at 60000 ms"
    ),
    "an append is swallowed": Planted(
        CallFault(client=an_append_is_lost), "webrtc.append", "was not refused"
    ),
    "the status is another": Planted(
        CallFault(answer=lambda status, headers: (200, headers)), "webrtc.answer", "status is 200"
    ),
    "the call is not named": Planted(
        CallFault(answer=lambda status, headers: (status, {"content-type": headers["content-type"]})),
        "webrtc.answer",
        'Location is ""',
    ),
    "the answer is called a text": Planted(
        CallFault(answer=lambda status, headers: (status, headers | {"content-type": "text/plain"})),
        "webrtc.answer",
        "content type is",
    ),
    "the beta header is not seen": Planted(
        CallFault(headers=without_beta_header), "webrtc.refused.beta-header", "but 201 came"
    ),
    "the session is another": Planted(
        CallFault(change("session.created", lambda event: event["session"].update(instructions="?"))),
        "webrtc.created",
        "The instructions is",
    ),
    "the answer is not heard": Planted(CallFault(mute=True), "webrtc.heard", "0 ms of sound", slow=True),
    "the caller is not heard": Planted(CallFault(deaf=True), "webrtc.push-to-talk", "is silent"),
    "it is never silent": Planted(CallFault(noisy=True), "webrtc.idle", "of sound were heard"),
    "hanging up ends nothing": Planted(CallFault(clings=True), "webrtc.hangup", "was not closed", slow=True),
}


async def caught(server: Server, planted: Planted, turns: asyncio.Semaphore) -> None:
    played = planted.play or (planted.caught,)
    assert set(played) <= set(CATALOGUE.checks)
    async with turns, faulty_calls(server, planted.fault) as url:
        plan = Plan(
            Target.at(url, api_key=server.key),
            [Dialect.GA],
            speech=Speech.read(None),
            timeout=PATIENCE_S if planted.slow else 60,
            names=frozenset(played),
            transport=Transport.WEBRTC,
        )
        report = await judge(plan)
    bad = {each.id: each for each in report.verdicts if each.outcome in (Outcome.FAILED, Outcome.DIFFERS)}
    assert bad.keys() == {planted.caught} | planted.also, {id: each.reason for id, each in bad.items()}
    assert re.search(planted.reason, bad[planted.caught].reason), bad[planted.caught].reason
    assert bad[planted.caught].evidence or bad[planted.caught].exchanges


async def test_every_fault_is_caught(server: Server) -> None:
    """Some at a time, because most of a call is waiting."""
    turns = asyncio.Semaphore(AT_ONCE)
    results = await asyncio.gather(
        *(caught(server, each, turns) for each in PLANTED.values()), return_exceptions=True
    )
    wrong = {name: str(result) for name, result in zip(PLANTED, results, strict=True) if result is not None}
    assert wrong == {}


async def test_without_a_fault_nothing_is_caught(server: Server) -> None:
    """What stands between does no harm of its own."""
    async with faulty_calls(server, CallFault()) as url:
        names = frozenset({each.play[0] if each.play else each.caught for each in PLANTED.values()})
        target = Target.at(url, api_key=server.key)
        plan = Plan(
            target,
            [Dialect.GA],
            speech=Speech.read(None),
            timeout=60,
            names=names,
            concurrency=AT_ONCE,
            transport=Transport.WEBRTC,
        )
        report = await judge(plan)
    assert {each.id: each.reason for each in report.verdicts if each.outcome is not Outcome.PASSED} == {}
