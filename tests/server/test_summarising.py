"""Summaries of older turns, as the runner has them written."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable

import pytest

from tests.server.scripted import Answer, Stage
from vivavoce.engines.interfaces import EngineError
from vivavoce.engines.registry import ConfigurationError
from vivavoce.protocol import (
    Message,
    OutputPart,
    ResponseEnd,
    ResponseFailure,
    ResponseRequest,
    TextDelta,
)
from vivavoce.server.config import SessionSettings, parse
from vivavoce.session import Compaction
from vivavoce.session.compaction import HEADING

COMPACTION = Compaction(begin=0.5, keep=0.2, max_tokens=16, instructions="Sum up.")
SETTINGS = SessionSettings(debug=True, compaction=COMPACTION, instructions="")


def answering(summary: Callable[[ResponseRequest], AsyncGenerator[OutputPart, None]]) -> Answer:
    """Answers to turns are short, and summaries are this one."""

    async def answer(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        if request.instructions != "Sum up.":
            yield TextDelta("Yes.")
            yield ResponseEnd()
            return
        async for part in summary(request):
            yield part

    return answer


def stage(summary: Callable[[ResponseRequest], AsyncGenerator[OutputPart, None]]) -> Stage:
    return Stage(answering(summary), settings=SETTINGS, context_tokens=800)


async def turn(stage: Stage, number: int) -> ResponseRequest:
    """The user says something of 100 tokens; what the answer to it was given."""
    content = [{"type": "input_text", "text": f"{number} " + "x" * 390}]
    item = {"type": "message", "role": "user", "content": content}
    await stage.send(type="conversation.item.create", item=item)
    await stage.send(type="response.create", response={"output_modalities": ["text"]})
    await stage.transport.until("response.done", number)
    return [request for request in stage.responder.requests if request.instructions != "Sum up."][-1]


async def settled(stage: Stage) -> None:
    """Let whatever the runner has begun come to its end."""
    async with asyncio.timeout(10):
        while working := stage.runner._live.working:
            await asyncio.wait(working)


async def test_older_turns_are_summed_up_beside_the_conversation() -> None:
    async def summary(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        yield TextDelta("Numbers were ")
        yield TextDelta("named.")
        yield ResponseEnd()

    async with stage(summary) as on:
        for number in range(1, 4):
            await turn(on, number)
            await settled(on)
        before = list(on.transport.types)
        request = await turn(on, 4)
        first = request.items[0]
        assert isinstance(first, Message)
        assert first.role == "system"
        assert [part.text for part in first.content] == [f"{HEADING}Numbers were named."]  # type: ignore[union-attr]
        assert len(request.items) < 7
        assert set(on.transport.types[len(before) :]) == set(before) - {"session.created"}


async def failing(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    yield TextDelta("Num")
    raise EngineError("The model is asleep.")


async def refusing(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    yield ResponseFailure("server_error", None, "The model is asleep.")


async def broken(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    raise ArithmeticError("a bug, on purpose")
    yield ResponseEnd()


async def endless(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    while True:
        yield TextDelta("x" * 10_000)


async def unfinished(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    yield TextDelta("Numbers")


@pytest.mark.parametrize(
    ("summary", "reason"),
    [
        (failing, "The model is asleep."),
        (refusing, "The model is asleep."),
        (broken, "the responder failed"),
        (endless, "The summary is too long."),
        (unfinished, "The summary has no end."),
    ],
)
async def test_without_a_summary_turns_are_dropped(
    summary: Callable[[ResponseRequest], AsyncGenerator[OutputPart, None]],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with stage(summary) as on:
        for number in range(1, 7):
            request = await turn(on, number)
            await settled(on)
        assert not any(isinstance(item, Message) and item.role == "system" for item in request.items)
        assert len(request.items) < 11
        assert on.responder.open == 0
    warnings = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert warnings[0] == f"older turns cannot be summarised and will be dropped: {reason}"
    assert len(warnings) == 3


async def test_a_summary_that_takes_too_long_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def never(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        await asyncio.Event().wait()
        yield ResponseEnd()

    settings = SessionSettings(compaction=COMPACTION, instructions="", engine_timeout_s=0.05)
    async with Stage(answering(never), settings=settings, context_tokens=800) as on:
        for number in range(1, 4):
            await turn(on, number)
        await settled(on)
        assert on.responder.open == 0
    assert "it was not written within 0.05 s" in caplog.text


@pytest.mark.parametrize("end", ["the session's", "a deleted item's"])
async def test_nobody_writes_what_nobody_wants(end: str) -> None:
    began = asyncio.Event()

    async def never(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        began.set()
        await asyncio.Event().wait()
        yield ResponseEnd()

    async with stage(never) as on:
        for number in range(1, 4):
            await turn(on, number)
        async with asyncio.timeout(10):
            await began.wait()
        if end == "a deleted item's":
            first = next(e for e in on.transport.events if e["type"] == "conversation.item.added")
            await on.send(type="conversation.item.delete", item_id=first["item"]["id"])
            await settled(on)
            assert on.responder.open == 0
    assert on.responder.open == 0


def test_the_configuration() -> None:
    assert parse("[session]\ncompaction = true").session.compaction is True
    table = parse("[session.compaction]\nbegin = 0.9\nmax_tokens = 100").session.compaction
    assert table == Compaction(begin=0.9, max_tokens=100)
    for text, complaint in (
        ("compaction = 1", "session.compaction: "),
        ("[session.compaction]\nbegn = 0.9", "session.compaction: object contains unknown field"),
        ("[session.compaction]\nbegin = 0.2", "session.compaction: keep must be less than begin"),
        ("[session.compaction]\nkeep = 0", "session.compaction.keep: "),
    ):
        prefix = "" if text.startswith("[") else "[session]\n"
        with pytest.raises(ConfigurationError) as refused:
            parse(prefix + text)
        assert str(refused.value).startswith(complaint), refused.value
