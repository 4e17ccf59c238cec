"""Functions that run beside a conversation, on asyncio and in threads."""

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from tests.client.tools.events import Wire, call, created, done
from vivavoce.client import ConnectionClosed
from vivavoce.client.tools import AsyncToolRunner, Call, ToolError, ToolRunner, tool

VOICE = contextvars.ContextVar("VOICE", default="nobody")


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@tool
async def greet(name: str) -> str:
    """Greet."""
    await asyncio.sleep(0)
    return f"Hello, {name}."


@tool
def fail(how: str) -> None:
    """Fail."""
    match how:
        case "said":
            raise ToolError("The kitchen is closed.")
        case "exit":
            raise SystemExit(3)
        case "stop":
            raise StopIteration
        case "timeout":
            raise TimeoutError("mine")
    raise ConnectionError("sk-secret is not valid for postgres://me:password@host")


@tool
async def fail_later(how: str) -> None:
    """Fail."""
    if how == "cancelled":
        raise asyncio.CancelledError
    fail(how)


@tool
def anything(kind: str) -> Any:
    """Return something."""
    return {
        "none": None,
        "text": "plain",
        "object": {"a": [1, None]},
        "number": 2.5,
        "lock": threading.Lock(),
        "much": "x" * (1 << 21),
    }[kind]


@tool
def whose() -> str:
    """Tell a context variable."""
    return VOICE.get()


TOOLS = [add, greet, fail, fail_later, anything, whose]

Outputs = Callable[..., Any]


async def run_async(*calls: tuple[str, str], **options: Any) -> Wire:
    wire = Wire()
    async with AsyncToolRunner(wire, TOOLS, **options) as tools:
        tools.feed(created())
        for index, (name, arguments) in enumerate(calls):
            for event in call(name, arguments, call_id=str(index), index=index):
                tools.feed(event)
        tools.feed(done())
        await tools.settled()
    return wire


async def run_sync(*calls: tuple[str, str], **options: Any) -> Wire:
    wire = Wire()

    class Connection:
        def send(self, event: Any) -> None:
            wire.note(event)

    with ToolRunner(Connection(), TOOLS, **options) as tools:
        tools.feed(created())
        for index, (name, arguments) in enumerate(calls):
            for event in call(name, arguments, call_id=str(index), index=index):
                tools.feed(event)
        tools.feed(done())
        assert await asyncio.to_thread(tools.settled, 30)
    return wire


both = pytest.mark.parametrize("run", [run_async, run_sync])


@both
async def test_sync_and_async_functions_answer_in_order(run: Outputs) -> None:
    wire = await run(("greet", '{"name":"Ada"}'), ("add", '{"a":2,"b":3}'))
    assert wire.outputs() == {"0": "Hello, Ada.", "1": "5"}
    assert wire.types == ["conversation.item.create", "conversation.item.create", "response.create"]


@both
async def test_results_become_text(run: Outputs) -> None:
    kinds = ("none", "text", "object", "number", "lock", "much")
    outputs = (await run(*(("anything", f'{{"kind":"{kind}"}}') for kind in kinds))).outputs()
    assert list(outputs.values())[:4] == ["", "plain", '{"a":[1,null]}', "2.5"]
    assert outputs["4"] == '{"error":"The function returned a lock, which is not JSON."}'
    assert outputs["5"] == '{"error":"The function returned 2,097,152 characters; 1,048,576 can be sent."}'


@both
@pytest.mark.parametrize("name", ["fail", "fail_later"])
async def test_failures_are_told_without_secrets(
    run: Outputs, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    outputs = (await run((name, '{"how":"said"}'), (name, '{"how":"badly"}'))).outputs()
    assert outputs["0"] == '{"error":"The kitchen is closed."}'
    assert outputs["1"] == f'{{"error":"{name} failed (ConnectionError)."}}'
    (record,) = [each for each in caplog.records if each.name == "vivavoce.client.tools"]
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"The tool {name} failed."
    assert record.exc_info is not None, "whoever runs the program must learn why"


@both
async def test_a_function_cannot_end_the_program(run: Outputs) -> None:
    outputs = (
        await run(
            ("fail", '{"how":"exit"}'),
            ("fail", '{"how":"timeout"}'),
            ("fail", '{"how":"stop"}'),
            ("fail_later", '{"how":"cancelled"}'),
        )
    ).outputs()
    assert outputs["0"] == '{"error":"fail failed (RuntimeError)."}'
    assert outputs["1"] == '{"error":"fail failed (TimeoutError)."}', "it is not ours"
    assert outputs["2"].startswith('{"error":"fail failed (')
    assert outputs["3"].startswith('{"error":"fail_later failed (')


@both
async def test_what_the_model_gets_wrong(run: Outputs, caplog: pytest.LogCaptureFixture) -> None:
    outputs = (await run(("sub", "{}"), ("add", '{"a":1}'), ("add", '{"a":'))).outputs()
    said = [msgspec.json.decode(output)["error"] for output in outputs.values()]
    assert said[0] == ("There is no function sub. There are: add, greet, fail, fail_later, anything, whose.")
    assert said[1] == "The arguments do not fit add: Object missing required field `b`."
    assert said[2].startswith("The arguments of add are not valid JSON: ")
    assert not caplog.records, "nothing is wrong with the program"


@both
async def test_failures_may_be_told_in_other_words(run: Outputs, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[tuple[Call, Exception]] = []

    def explain(failed: Call, error: Exception) -> str | None:
        seen.append((failed, error))
        if len(seen) == 3:
            raise ValueError("on_error itself")
        return "Ask the waiter." if len(seen) == 1 else None

    badly = ("fail", '{"how":"badly"}')
    outputs = (await run(badly, badly, badly, on_error=explain, max_parallel=1)).outputs()
    assert list(outputs.values()) == ["Ask the waiter.", *['{"error":"fail failed (ConnectionError)."}'] * 2]
    assert isinstance(seen[0][1], ConnectionError)
    assert seen[0][0].call_id == "0"
    assert [each.getMessage() for each in caplog.records] == ["on_error failed for the tool fail."]


@both
async def test_context_variables_reach_functions(run: Outputs) -> None:
    VOICE.set("marin")
    assert (await run(("whose", ""))).outputs() == {"0": "marin"}


@asynccontextmanager
async def runner(kind: str, wire: Wire, tools: list[Any], **options: Any) -> Any:
    """Either runner, as one."""
    if kind == "async":
        async with AsyncToolRunner(wire, tools, **options) as running:
            yield running, running.settled
        return

    class Connection:
        def send(self, event: Any) -> None:
            wire.note(event)

    with ToolRunner(Connection(), tools, **options) as threads:
        yield threads, lambda: asyncio.to_thread(threads.settled, 30)


kinds = pytest.mark.parametrize("kind", ["async", "sync"])


@kinds
async def test_a_function_that_takes_too_long(kind: str) -> None:
    """It is given up, its thread goes on, and what it returns then is dropped."""
    free = threading.Event()
    ended = threading.Event()

    def hang() -> str:
        free.wait(30)
        ended.set()
        return "too late"

    async def sleep() -> None:
        await asyncio.sleep(30)

    wire = Wire()
    tools = [tool(hang, timeout=0.1), sleep]
    async with runner(kind, wire, tools, timeout=0.2) as (running, settled):
        for event in [created(), *call("hang", call_id="a"), *call("sleep", call_id="b", index=1), done()]:
            running.feed(event)
        await settled()
        free.set()
        assert await asyncio.to_thread(ended.wait, 30)
        await settled()
    assert wire.outputs() == {
        "a": '{"error":"hang took longer than 0.1 s."}',
        "b": '{"error":"sleep took longer than 0.2 s."}',
    }
    assert wire.types[-1] == "response.create"


@kinds
async def test_so_many_run_at_a_time(kind: str) -> None:
    lock = threading.Lock()
    now: list[int] = [0, 0]

    def work() -> None:
        with lock:
            now[0] += 1
            now[1] = max(now)
        time.sleep(0.01)
        with lock:
            now[0] -= 1

    wire = Wire()
    async with runner(kind, wire, [work], max_parallel=3) as (running, settled):
        running.feed(created())
        for index in range(12):
            for event in call("work", call_id=str(index), index=index):
                running.feed(event)
        running.feed(done())
        await settled()
    assert len(wire.outputs()) == 12
    assert now[1] == 3


@kinds
async def test_too_many_calls_are_refused(kind: str) -> None:
    free = threading.Event()

    def wait() -> None:
        free.wait(30)

    wire = Wire()
    async with runner(kind, wire, [wait]) as (running, settled):
        running.feed(created())
        for index in range(260):
            for event in call("wait", call_id=str(index), index=index):
                running.feed(event)
        free.set()
        await settled()
    outputs = list(wire.outputs().values())
    assert outputs[:256] == [""] * 256
    assert all("Try again later" in output for output in outputs[256:])
    assert len(outputs) == 260


async def test_leaving_cancels_what_runs() -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    wire = Wire()
    async with AsyncToolRunner(wire, [work]) as tools:
        for event in [created(), *call("work", call_id="a"), done()]:
            tools.feed(event)
        await asyncio.sleep(0)
    assert cancelled.is_set()
    assert wire.sent == []
    with pytest.raises(RuntimeError, match="async with"):
        tools.feed(created())


async def test_feeding_does_not_wait_for_functions() -> None:
    free = threading.Event()
    wire = Wire()
    async with AsyncToolRunner(wire, [tool(lambda: free.wait(30), name="wait")]) as tools:
        for event in [created(), *call("wait", call_id="a"), done(), created("resp_2")]:
            tools.feed(event)
        assert wire.sent == []
        free.set()
        await tools.settled()
    assert wire.outputs() == {"a": "true"}


class Broken:
    """A connection that is none any more."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def send(self, event: Any) -> None:
        raise self.error


class BrokenSync(Broken):
    def send(self, event: Any) -> None:  # type: ignore[override]
        raise self.error


@kinds
async def test_a_connection_that_is_closed_is_not_news(kind: str) -> None:
    """Whoever listens to it learns that."""
    await greet_over(kind, ConnectionClosed(1006))


@kinds
async def test_anything_else_that_sending_raises_comes_out(kind: str) -> None:
    with pytest.raises(OSError, match="no wire"):
        await greet_over(kind, OSError("no wire"))


async def greet_over(kind: str, error: Exception) -> None:
    events = [created(), *call("greet", '{"name":"Ada"}', call_id="a"), done()]
    if kind == "async":
        async with AsyncToolRunner(Broken(error), [greet]) as tools:
            for event in events:
                tools.feed(event)
            await tools.settled()
        return
    with ToolRunner(BrokenSync(error), [greet]) as threads:
        for event in events:
            threads.feed(event)
        assert await asyncio.to_thread(threads.settled, 30)


def test_one_call_at_least() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ToolRunner(BrokenSync(OSError()), [greet], max_parallel=0)
