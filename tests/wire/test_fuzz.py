"""A hundred thousand tampered events over real sockets: every one is answered, exactly once, and nothing else
happens: no crash, no session that hangs, no memory that is lost."""

import asyncio
import base64
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.serving import Server, serving
from tests.wire.mutation import LAST_SPOKEN, Mutator
from tests.wire.peer import PATIENCE_S, Peer, an_update, talking

pytestmark = [pytest.mark.xdist_group("fuzz"), pytest.mark.timeout(300)]

EVENTS = 100_000
CONNECTIONS = 4
EVENTS_PER_SESSION = 250
PIPELINED = 50
GROWTH_KILOBYTES = 64 * 1024

CONFIG = """
[session]
debug = true
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(Path(tmp_path_factory.mktemp("fuzz")), config=CONFIG) as running:
        yield running


class ErrorObject(msgspec.Struct, forbid_unknown_fields=True):
    """All five keys are there."""

    type: str
    code: str | None
    message: str
    param: str | None
    event_id: str | None


class Seen(msgspec.Struct):
    """What of an event of the server matters here."""

    type: str
    event_id: str
    item_id: str | None = None
    error: ErrorObject | None = None


_seen = msgspec.json.Decoder(Seen)

EFFECTS = {
    "session.update": ("session.updated",),
    "input_audio_buffer.append": (),
    "input_audio_buffer.commit": (
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ),
    "input_audio_buffer.clear": ("input_audio_buffer.cleared",),
    "conversation.item.create": ("conversation.item.added", "conversation.item.done"),
    "conversation.item.retrieve": ("conversation.item.retrieved",),
    "conversation.item.truncate": ("conversation.item.truncated",),
    "conversation.item.delete": ("conversation.item.deleted",),
    "response.create": ("response.created",),
    "response.cancel": ("response.done",),
}
"""What must follow each event that is accepted."""

ONLY_WHEN_ASKED = {
    "session.updated",
    "input_audio_buffer.cleared",
    "conversation.item.retrieved",
    "conversation.item.truncated",
    "conversation.item.deleted",
}
"""What never happens by itself."""

BASE64 = re.compile("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def parsed(frame: str) -> Any:
    """The frame as JSON, or None. Python is more generous than JSON, and what only it takes is none: its own
    constants, numbers that no float holds, halves of characters."""
    try:
        value = json.loads(frame, parse_constant=_refuse, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)  # type: ignore[return-value]


def judge(frame: str, answers: list[Seen]) -> str:
    """Check what came between a frame and the marker behind it; returns what became of the event."""
    value = parsed(frame)
    event = value if isinstance(value, dict) else {}
    kind = event.get("type")
    name = event.get("event_id")
    errors = [
        each.error
        for each in answers
        if each.error is not None and not _is_about_a_spoken_turn(each.error, kind)
    ]
    types = Counter(each.type for each in answers)
    assert len(errors) <= 1, f"{frame[:500]!r} was refused {len(errors)} times: {errors}"
    asked = [each for each in types.elements() if each in ONLY_WHEN_ASKED]
    if errors:
        assert not asked, f"{frame[:500]!r} was refused and yet had an effect: {asked}"
        assert errors[0].type == "invalid_request_error", errors[0]
        assert value is None or errors[0].code != "invalid_json", f"{frame[:500]!r} is JSON: {errors[0]}"
        quotable = isinstance(name, str) and len(name) <= 512
        assert errors[0].event_id == (name if quotable else None), f"{frame[:500]!r}: {errors[0]}"
        return errors[0].code or "no code"
    assert isinstance(kind, str), f"{frame[:500]!r} was not refused"
    assert kind in EFFECTS, f"{frame[:500]!r} was not refused"
    for effect in EFFECTS[kind]:
        assert types[effect] >= 1, f"{frame[:500]!r} had no effect: {types}"
    assert asked == [each for each in EFFECTS[kind] if each in ONLY_WHEN_ASKED], f"{frame[:500]!r}: {asked}"
    if kind == "input_audio_buffer.append":
        assert event.keys() <= {"type", "event_id", "audio"}, frame[:500]
        assert BASE64.fullmatch(event["audio"]), frame[:500]
        assert base64.b64decode(event["audio"])
    return "accepted"


def _is_about_a_spoken_turn(error: ErrorObject, kind: object) -> bool:
    """Refused by nobody's event: somebody stopped speaking while a response was running."""
    return (
        error.code == "conversation_already_has_active_response"
        and error.event_id is None
        and kind != "response.create"
    )


async def live(socket: ClientConnection, mutator: Mutator, outcomes: Counter[str]) -> None:
    """One session, from beginning to end, all of whose events are tampered with."""
    assert _seen.decode(await socket.recv()).type == "session.created"
    await socket.send(json.dumps(an_update(output_modalities=["text"])))
    await socket.recv()
    spoken = "nobody"
    for first in range(0, EVENTS_PER_SESSION, PIPELINED):
        names = [f"event {number}" for number in range(first, first + PIPELINED)]
        frames = [mutator.frame(name).replace(LAST_SPOKEN, spoken) for name in names]
        for number, frame in enumerate(frames):
            await socket.send(frame)
            marker = f"marker {first + number}"
            await socket.send(
                f'{{"type":"conversation.item.retrieve","event_id":"{marker}","item_id":"{marker}"}}'
            )
        for number, frame in enumerate(frames):
            answers = await until_marker(socket, f"marker {first + number}")
            outcomes[judge(frame, answers)] += 1
            for answer in answers:
                if answer.type == "response.output_audio.done" and answer.item_id:
                    spoken = answer.item_id


async def until_marker(socket: ClientConnection, marker: str) -> list[Seen]:
    answers: list[Seen] = []
    while True:
        event = _seen.decode(await socket.recv())
        if event.error is not None and event.error.event_id == marker:
            assert event.error.code == "item_retrieve_invalid_item_id"
            return answers
        answers.append(event)


async def fuzz(server: Server, seed: int, sessions: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    mutator = Mutator(seed)
    headers = {"Authorization": f"Bearer {server.key}"}
    for _ in range(sessions):
        async with connect(
            server.url + "?model=gpt-realtime",
            additional_headers=headers,
            compression=None,
            max_queue=None,
            max_size=None,
        ) as socket:
            async with asyncio.timeout(PATIENCE_S):
                await live(socket, mutator, outcomes)
    return outcomes


async def campaign(server: Server, first_seed: int, events: int) -> Counter[str]:
    sessions = events // CONNECTIONS // EVENTS_PER_SESSION
    seeds = range(first_seed, first_seed + CONNECTIONS)
    outcomes: Counter[str] = Counter()
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(fuzz(server, seed, sessions)) for seed in seeds]
    for each in running:
        outcomes += each.result()
    assert outcomes.total() == events
    return outcomes


async def test_a_hundred_thousand_tampered_events(server: Server) -> None:
    with talking(server) as bystander:
        outcomes = await campaign(server, 0, EVENTS // 5)
        before = server.resident_kilobytes
        outcomes += await campaign(server, 100, EVENTS - EVENTS // 5)
        assert server.resident_kilobytes - before < GROWTH_KILOBYTES
        assert_untouched(bystander)
    assert "Traceback" not in server.log
    # The mutations neither spare everything nor break everything, and reach all that can be wrong.
    assert EVENTS // 10 < outcomes["accepted"] < EVENTS // 2
    reached = {
        "invalid_json",
        "invalid_event",
        "invalid_value",
        "invalid_type",
        "unknown_parameter",
        "missing_required_parameter",
        "string_above_max_length",
        "integer_above_max_value",
        "integer_below_min_value",
        "item_create_duplicate_item_id",
        "item_create_invalid_previous_item_id",
        "item_delete_invalid_item_id",
        "item_retrieve_invalid_item_id",
        "item_truncate_invalid_item_id",
        "conversation_already_has_active_response",
        "response_cancel_not_active",
        "input_audio_buffer_commit_empty",
    }
    assert reached <= outcomes.keys(), reached - outcomes.keys()


def assert_untouched(bystander: Peer) -> None:
    assert bystander.so_far() == []
    bystander.take_turn()
