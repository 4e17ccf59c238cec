"""The guide of the client does what it says, and names what there is."""

import re
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import vivavoce.client
import vivavoce.client.emitter
import vivavoce.protocol
from vivavoce.testing import RealtimeServer, expect, respond

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "client" / "index.md").read_text()
README = (ROOT / "README.md").read_text()
MIGRATION = (ROOT / "docs" / "client" / "migration.md").read_text()


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


async def run(program: str, **names: Any) -> None:
    """Run what may `await` at its outermost level."""
    scope: dict[str, Any] = dict(names)
    exec("async def main():\n" + textwrap.indent(program, "    "), scope)
    await scope["main"]()


def first_call(page: str) -> str:
    return next(block for block in blocks(page) if "AsyncClient(base_url=" in block)


@pytest.mark.parametrize("page", [GUIDE, README], ids=["guide", "readme"])
async def test_the_first_example(
    page: str, realtime_server: RealtimeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    realtime_server.script(expect("session.update"), expect("response.create"), respond(text="Good morning."))
    program = first_call(page).replace("http://127.0.0.1:8000/v1", realtime_server.base_url)
    await run(program)
    assert capsys.readouterr().out == "Good morning."


async def test_the_handlers(realtime_server: RealtimeServer, capsys: pytest.CaptureFixture[str]) -> None:
    realtime_server.script(expect("response.create"), respond(text="Good morning."))
    (handlers,) = (block for block in blocks(GUIDE) if "dispatch_events" in block)
    begin = handlers.index("@rt.on")
    program = (
        "from vivavoce import AsyncClient\n"
        "from vivavoce.protocol import ResponseOutputTextDelta\n"
        f"async with AsyncClient(base_url={realtime_server.base_url!r}).realtime.connect(model='m') as rt:\n"
        "    await rt.response.create()\n"
        "    @rt.on('response.done')\n"
        "    async def leave(event): await rt.close()\n" + textwrap.indent(handlers[begin:], "    ")
    )
    await run(program)
    assert capsys.readouterr().out == "Good morning.completed\n"


def test_every_exception_of_the_guide_exists():
    table = GUIDE[GUIDE.index("| exception |") :].partition("\n\n")[0]
    for name in re.findall(r"`([A-Z]\w+)`", table):
        exception = getattr(vivavoce.client, name, None) or getattr(vivavoce.protocol, name)
        assert issubclass(exception, vivavoce.protocol.VivavoceError), name


def test_every_class_that_takes_the_place_of_another_exists():
    rows = re.findall(r"^\|([^|]*)\|([^|]*)\|$", MIGRATION, re.MULTILINE)
    assert len(rows) > 40
    names = {name for _, ours in rows for name in re.findall(r"\b([A-Z][a-z]+[A-Z]\w+)\b", ours)}
    assert {"AsyncClient", "ConnectionClosed", "UnknownEvent"} <= names
    homes = (vivavoce.client, vivavoce.protocol)
    for name in names - {"OpenAIRealtimeWS", "OpenAIRealtimeWebSocket", "OpenAIRealtimeError"}:
        assert any(hasattr(home, name) for home in homes), name
    assert vivavoce.client.emitter.OpenAIRealtimeError


def test_every_example_is_listed():
    listed = set(re.findall(r"`((?:realtime|azure)/\S+\.py)`", GUIDE))
    assert listed == {str(each.relative_to(ROOT / "examples")) for each in (ROOT / "examples").rglob("*.py")}


def test_every_object_of_the_reference_exists():
    page = (ROOT / "docs" / "client" / "reference.md").read_text()
    paths = re.findall(r"^::: (\S+)((?:\n    .*)*)", page, re.MULTILINE)
    assert len(paths) > 10
    for path, options in paths:
        home, _, name = path.rpartition(".")
        if name[0].islower():
            found = import_module(path)
            for member in re.findall(r"\w+", (re.findall(r"members: \[(.*)\]", options) or [""])[0]):
                assert hasattr(found, member), (path, member)
        else:
            assert hasattr(import_module(home), name), path
