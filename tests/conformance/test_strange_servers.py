"""Servers that are none: the suite says so, and ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from vivavoce.conformance import Dialect, Group, Outcome, Plan, Report, Target, Unusable, judge

PLAYED = frozenset(
    ("items.create.announced", "items.delete.twice", "responses.text.order", "cancel.idle", "errors.not-json")
)
Handler = Callable[[ServerConnection], Awaitable[None]]
CREATED = json.dumps({"type": "session.created", "event_id": "event_1", "session": {"id": "sess_1"}})


@asynccontextmanager
async def strange(handler: Handler) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def judged(handler: Handler) -> Report:
    async with strange(handler) as url:
        plan = Plan(Target.at(url), [Dialect.GA], names=PLAYED, timeout=1)
        return await judge(plan)


async def silent(socket: ServerConnection) -> None:
    await socket.wait_closed()


async def busy(socket: ServerConnection) -> None:
    await socket.close(1013, "try again later")


async def rubbish(socket: ServerConnection) -> None:
    await socket.send("hello")
    await socket.wait_closed()


async def refusing(socket: ServerConnection) -> None:
    await socket.send(json.dumps({"type": "error", "event_id": "event_1", "error": {"code": "no_room"}}))


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (silent, "nothing came"),
        (busy, "1013 try again later"),
        (rubbish, "nothing came"),
        (refusing, "no_room"),
    ],
)
async def test_who_opens_no_session_is_no_server(handler: Handler, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        await judged(handler)


async def dead(socket: ServerConnection) -> None:
    await socket.send(CREATED)
    await socket.wait_closed()


async def parrot(socket: ServerConnection) -> None:
    await socket.send(CREATED)
    async for frame in socket:
        await socket.send(frame)


async def babbling(socket: ServerConnection) -> None:
    await socket.send(CREATED)
    while True:
        await socket.send("[]")
        await socket.send(json.dumps({"type": "response.done", "response": 5, "event_id": []}))
        await asyncio.sleep(0.05)


async def vanishing(socket: ServerConnection) -> None:
    await socket.send(CREATED)
    await socket.recv()
    socket.transport.abort()


@pytest.mark.parametrize("handler", [dead, parrot, babbling, vanishing])
async def test_a_server_that_does_nothing_right_fails(handler: Handler) -> None:
    report = await judged(handler)
    assert report.failed
    checks = [each for each in report.verdicts if each.id in PLAYED]
    assert {each.outcome for each in checks} <= {Outcome.FAILED, Outcome.DIFFERS}
    assert all(each.reason for each in checks)
    assert all(each.evidence for each in checks)


async def test_a_dialect_that_is_shut_off_is_not_judged() -> None:
    async def modern(socket: ServerConnection) -> None:
        assert socket.request is not None
        if "OpenAI-Beta" in socket.request.headers:
            error = {"type": "invalid_request_error", "code": "beta_api_shape_disabled"}
            await socket.send(json.dumps({"type": "error", "event_id": "event_1", "error": error}))
            return
        await dead(socket)

    async with strange(modern) as url:
        plan = Plan(Target.at(url), list(Dialect), [Group.BETA, Group.HANDSHAKE], timeout=1)
        report = await judge(plan)
    beta = [each for each in report.verdicts if each.dialect is Dialect.BETA]
    assert {each.outcome for each in beta} == {Outcome.NOT_RUN}
    assert all("beta_api_shape_disabled" in each.reason for each in beta)
