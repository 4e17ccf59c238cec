"""`vivavoce mock`, as a process of its own."""

import json
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from tests.cli.running import outcome, start

SCRIPT = """
vivavoce: 1
steps:
  - expect: {type: response.create, response: {output_modalities: [text]}}
  - respond: Hello there
"""
ASK = '{"type":"response.create","response":{"output_modalities":["text"]}}'


@asynccontextmanager
async def mocking(
    folder: Path, *options: str, script: str = SCRIPT
) -> AsyncIterator[tuple[Any, dict[str, Any]]]:
    (folder / "script.yaml").write_text(SCRIPT)
    ready = folder / "ready.json"
    process = await start(
        "mock", folder / "script.yaml", "--port", 0, "--ready-file", ready, *options, PYTHONUNBUFFERED="1"
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.startswith("vivavoce mock is ready on ws"), (
            line + (await process.communicate())[1].decode()
        )
        yield process, json.loads(ready.read_text())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def say(url: str, event: str, **options: Any) -> list[str]:
    kinds = []
    async with connect(url, **options) as socket:
        await socket.send(event)
        async for message in socket:
            kinds.append(json.loads(message)["type"])
            if kinds[-1] == "response.done":
                break
    return kinds


async def test_a_script_that_is_followed(tmp_path: Path) -> None:
    async with mocking(tmp_path, "--once") as (process, where):
        assert (await say(where["url"], ASK))[-1] == "response.done"
        ended = await outcome(process)
    assert ended.code == 0, ended.err
    lines = ["#" + line.partition("#")[2] for line in ended.out.splitlines()]
    assert lines[0] == "#1  ← connects to /v1/realtime (ga)"
    assert '#1  ← response.create {"response":{"output_modalities":["text"]}}' in lines
    assert '#1  · respond with the text "Hello there"' in lines
    assert any(line.startswith("#1  → response.done ") for line in lines)
    assert not (tmp_path / "ready.json").exists()


async def test_a_script_that_is_not_followed(tmp_path: Path) -> None:
    async with mocking(tmp_path, "--once") as (process, where):
        with pytest.raises(ConnectionClosedError) as raised:
            await say(where["url"], '{"type":"response.create"}')
        ended = await outcome(process)
    assert raised.value.rcvd is not None
    assert raised.value.rcvd.code == 4000
    assert ended.code == 1
    assert "response.create came, but not as step 1 (steps[0]) expects it:" in ended.err
    assert '- expected: {"output_modalities":["text"]}' in ended.err
    assert "+ came:     nothing" in ended.err


async def test_over_tls_until_it_is_told_to_stop(tmp_path: Path) -> None:
    async with mocking(tmp_path, "--tls") as (process, where):
        trust = ssl.create_default_context(cafile=where["certificate"])
        for _ in range(2):
            assert (await say(where["url"], ASK, ssl=trust))[0] == "session.created"
        process.send_signal(signal.SIGTERM)
        ended = await outcome(process)
    assert ended.code == 0, ended.err


async def test_stopped_before_anybody_came(tmp_path: Path) -> None:
    async with mocking(tmp_path) as (process, _):
        process.send_signal(signal.SIGINT)
        ended = await outcome(process)
    assert ended.code == 1
    assert "The script has scenes for 1 connection, but nobody came." in ended.err


async def test_bad_scripts_and_ports(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("vivavoce: 1\nsteps: [{wiat: 1}]")
    ended = await outcome(await start("mock", tmp_path / "bad.yaml"))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"vivavoce mock: {tmp_path}/bad.yaml: steps[0]: one of expect, send, ")
    async with mocking(tmp_path) as (_, where):
        ended = await outcome(await start("mock", tmp_path / "script.yaml", "--port", where["port"]))
    assert ended.code == 1
    assert "cannot be served" in ended.err
