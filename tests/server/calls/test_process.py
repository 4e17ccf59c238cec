"""Calls to `vivavoce serve`, as anybody would start it."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.server.calls.caller import Caller
from tests.server.calls.test_offers import bearer
from tests.server.conftest import INSTANT
from tests.serving import serving

pytestmark = pytest.mark.usefixtures("instant_engines")

TEXT = {"type": "realtime", "model": "gpt-realtime", "output_modalities": ["text"]}


async def test_without_a_word_of_configuration(tmp_path: Path):
    with serving(tmp_path, config=INSTANT) as server:
        async with Caller(server.base_url.removesuffix("/v1")) as caller:
            await caller.call(TEXT, **bearer(server.key))
            caller.ask("hello there")
            done = await caller.until("response.done")
            assert done["response"]["output"][0]["content"][0]["text"] == "hello there"
    assert "the media of calls arrives at 127.0.0.1" in server.log
    assert server.key not in server.log


async def test_it_is_told_to_stop(tmp_path: Path):
    with serving(tmp_path, config=INSTANT) as server:
        async with Caller(server.base_url.removesuffix("/v1")) as caller:
            await caller.call(TEXT, **bearer(server.key))
            caller.ask("count to 20")
            await caller.until("response.output_text.delta")
            server.process.send_signal(signal.SIGTERM)
            done = await caller.until("response.done")
            assert done["response"]["status"] == "completed"
            await caller.until_lost()
        await asyncio.to_thread(server.process.wait, 20)
    assert server.process.returncode == 0
