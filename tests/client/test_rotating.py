"""A session that the server ends: another one takes its place before, and nobody notices."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import CONFIG, PACKAGES
from tests.client.test_restoring import connect, message
from tests.serving import serving
from vivavoce.client.rotating import Rotation


async def test_a_conversation_outlives_the_sessions_of_its_server(tmp_path: Path) -> None:
    # Sessions of four seconds.
    config = CONFIG.replace("[session]", "[session]\nmax_minutes = 0.0667")
    with serving(tmp_path, config=config, packages=PACKAGES) as server:
        seen: list[Any] = []

        async def listen() -> None:
            async for event in rt:
                seen.append(event)

        async with connect(server, server.base_url) as rt:
            listening = asyncio.create_task(listen())
            await rt.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            await rt.conversation.item.create(item=message("remember", "fact"))
            first = rt._socket
            while rt._socket is first or rt._core.state.value != "open":
                await asyncio.sleep(0.05)
            assert not first.lost or first.closure()[0] == 1000
            instructions_and_known = json.loads((await rt.ask("tell")).text)
        await listening
        assert ["fact", "remember"] in instructions_and_known[1]
        types = [event.type for event in seen]
        assert types.count("session.created") == types.count("session.updated") == 1
        assert "error" not in types
        assert not any(name.startswith("client.") for name in types)
        assert types.count("conversation.item.added") == 3


async def test_not_in_the_middle_of_something() -> None:
    idle = False
    rotated = asyncio.Event()
    rotation = Rotation(lambda: idle, rotated.set)
    rotation.plan(0.01)
    await asyncio.sleep(0.05)
    assert not rotated.is_set()
    idle = True
    rotation.see(None)
    assert rotated.is_set()
    rotated.clear()
    rotation.see(None)
    assert not rotated.is_set()


async def test_a_rotation_that_is_stopped_does_not_come() -> None:
    rotated = asyncio.Event()
    rotation = Rotation(lambda: True, rotated.set)
    for lifetime in (0.0, -5.0):
        rotation.plan(lifetime)
    rotation.plan(0.01)
    rotation.stop()
    rotation.plan(1e9)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(rotated.wait(), 0.05)
    rotation.stop()
