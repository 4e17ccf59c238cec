"""Type checkers know the class of every event by its name."""

import ast
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.client.overloads import FILE, OWN, text
from vivavoce.protocol import ServerEvent
from vivavoce.protocol.beta.server_events import ServerEvent as BetaServerEvent


def names(table: str) -> set[str]:
    """The names that it has overloads for."""
    classes = {node.name: node for node in ast.parse(FILE.read_text()).body if isinstance(node, ast.ClassDef)}
    return {
        node.slice.value
        for node in ast.walk(classes[table])
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and getattr(node.value, "id", "") == "Literal"
    }


@pytest.mark.parametrize("table", ["On", "AsyncEmitted", "Emitted", "EmitterOn", "EmitterEmitted"])
def test_every_event_has_its_overload(table: str) -> None:
    own = () if table.startswith("Emitter") else OWN
    assert names(table) == {"event", *(kind.type for kind in (*get_args(ServerEvent), *own))}


@pytest.mark.parametrize("table", ["BetaEmitterOn", "BetaEmitterEmitted"])
def test_every_event_of_the_beta_dialect_has_its_overload(table: str) -> None:
    assert names(table) == {"event", *(kind.type for kind in get_args(BetaServerEvent))}


def test_the_file_is_what_the_tables_make_of_it() -> None:
    def squeezed(source: str) -> str:
        return "".join(source.replace(",", "").split())

    assert squeezed(FILE.read_text()) == squeezed(text()), "run python -m tests.client.overloads"


def test_it_is_not_imported_at_run_time() -> None:
    program = (
        "import sys, vivavoce.client.ws, vivavoce.client.connection, vivavoce.client.sync_connection;"
        "print('vivavoce.client.overloads' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


CACHE = Path(__file__).parents[2] / ".mypy_cache" / "programs"
"""Kept from run to run, beside that of the package itself."""

RIGHT = """
from vivavoce import AsyncClient, Client
from vivavoce.client.beta.ws import OpenAIRealtimeWS as BetaWS
from vivavoce.client.websocket import OpenAIRealtimeError, OpenAIRealtimeWebSocket
from vivavoce.client.ws import OpenAIRealtimeWS
from vivavoce.protocol import ErrorEvent, ResponseDone, ServerEvent, SessionCreated, UnknownEvent


async def slow(event: ResponseDone) -> None: ...


async def asynchronous() -> None:
    manager = AsyncClient().realtime.connect(model="m").on("error", print)
    async with manager as rt:
        rt.on("response.output_text.delta", lambda event: print(event.delta.upper()))
        rt.on("event", print).once("response.done", slow)
        rt.on("response.smell.delta", lambda event: print(event.raw))

        @rt.on("session.created")
        def created(event: SessionCreated) -> int:
            return len(event.session.id)

        @rt.on("event")
        def every(event: ServerEvent | UnknownEvent) -> None:
            print(event.type, event.raw)

        rt.on("client.reconnected", lambda event: print(event.restored_items))
        done = await rt.emitted("response.done")
        print(done.response.status)
        rt.off("response.done", slow)


def synchronous() -> None:
    with Client().realtime.connect(model="m") as rt:
        rt.on("error", lambda event: print(event.error.code))
        print(rt.emitted("session.updated", timeout=1.0).session.id)
        error: ErrorEvent = rt.emitted("error")
        print(error)


async def emitters() -> None:
    ws = OpenAIRealtimeWS(model="m")
    ws.on("error", lambda error: print(error.message)).on("response.done", slow)
    ws.socket.on("open", lambda: print("open"))
    print((await ws.emitted("session.created")).session.id)
    native = OpenAIRealtimeWebSocket(model="m")

    @native.once("error")
    def failed(error: OpenAIRealtimeError) -> None:
        print(error.event_id)

    beta = BetaWS(model="m")
    beta.on("response.text.delta", lambda event: print(event.delta.upper()))
    print((await beta.emitted("session.created")).session.voice)
"""

WRONG = {
    "another event's class": 'rt.on("response.done", created)',
    "a field that it does not have": 'rt.on("response.done", lambda event: print(event.delta))',
    "a decorator on another class": 'rt.on("response.done")(created)',
    "an emitter's error": 'ws.on("error", lambda error: print(error.event))',
    "what is awaited": '(await rt.emitted("session.created")).response',
}


def matching(module: str, events: Iterable[type[Any]]) -> str:
    """A program that has a branch for every event, and knows that there is no other."""
    branches = "".join(
        f"        case {module if kind.__module__.startswith(BETA) else 'protocol'}.{kind.__name__}():\n"
        f"            return event.event_id\n"
        for kind in events
    )
    return f"""

def told_{module}(event: {module}.ServerEvent | protocol.UnknownEvent) -> str | UnsetType:
    match event:
{branches}        case protocol.UnknownEvent(type=name):
            return name
        case _:
            assert_never(event)
"""


BETA = "vivavoce.protocol.beta."

IMPORTS = """
from typing import assert_never

from msgspec import UnsetType

from vivavoce import protocol
from vivavoce.protocol.beta import server_events as beta
"""


WRONG_HEAD = (
    RIGHT
    + """

def created(event: SessionCreated) -> None: ...


async def wrong() -> None:
    ws = OpenAIRealtimeWS(model="m")
    rt = await AsyncClient().realtime.connect().enter()
"""
)


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What a type checker says about programs, by program: all in one run, which takes a while."""
    events, older = get_args(ServerEvent), get_args(BetaServerEvent)
    programs = {
        "right": RIGHT,
        "wrong": WRONG_HEAD + "".join(f"    {line}\n" for line in WRONG.values()),
        "complete": IMPORTS + matching("protocol", events) + matching("beta", older),
        "incomplete": IMPORTS + matching("protocol", events[1:]),
    }
    folder = Path(tmp_path_factory.mktemp("programs"))
    for name, program in programs.items():
        (folder / f"{name}.py").write_text(program)
    files = [f"{name}.py" for name in programs]
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(CACHE), *files]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert found.returncode == 1, found.stdout + found.stderr
    errors = [line for line in found.stdout.splitlines() if ": error: " in line]
    return {name: [line for line in errors if line.startswith(f"{name}.py:")] for name in programs}


@pytest.mark.timeout(240)
def test_a_type_checker_knows_what_is_right(complaints: dict[str, list[str]]) -> None:
    assert complaints["right"] == []


def test_a_type_checker_knows_what_is_wrong(complaints: dict[str, list[str]]) -> None:
    begin = len(WRONG_HEAD.splitlines())
    lines = [int(line.split(":")[1]) for line in complaints["wrong"]]
    assert sorted(lines) == list(range(begin + 1, begin + 1 + len(WRONG))), complaints["wrong"]


def test_a_match_can_be_complete(complaints: dict[str, list[str]]) -> None:
    assert complaints["complete"] == []
    (missing,) = complaints["incomplete"]
    assert 'incompatible type "ErrorEvent"' in missing
