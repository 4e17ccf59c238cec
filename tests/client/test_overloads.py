"""Type checkers know the class of every event by its name."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from tests.client.overloads import FILE, text
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
    assert names(table) == {"event", *(kind.type for kind in get_args(ServerEvent))}


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


def checked(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "program.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.timeout(240)
def test_a_type_checker_knows_what_is_right_and_what_is_wrong(tmp_path: Path) -> None:
    wrong = "\n".join(f"    {line}" for line in WRONG.values())
    program = (
        RIGHT
        + """

def created(event: SessionCreated) -> None: ...


async def wrong() -> None:
    ws = OpenAIRealtimeWS(model="m")
    rt = await AsyncClient().realtime.connect().enter()
"""
    )
    begin = len(program.splitlines())
    found = checked(f"{program}{wrong}\n", tmp_path)
    complaints = [line for line in found.stdout.splitlines() if ": error:" in line]
    lines = {int(line.split(":")[1]) for line in complaints}
    assert all(line > begin for line in lines), found.stdout
    expected = {begin + 1 + wrong[: wrong.index(line)].count("\n") for line in WRONG.values()}
    missed = {line for line in expected if not lines & {line, line + 1}}
    assert not missed, f"{found.stdout}\nnot seen: lines {missed}"
