"""The examples of the pages on clients do what the pages say."""

import ast
import asyncio
import inspect
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import httpx
import numpy as np
import pytest

from tests.client.recording import recording
from tests.client.test_webhooks import BODY, SECRET, headers
from tests.serving import Server, serving
from vivavoce import AsyncClient
from vivavoce.client.voice import ArraySink, ArraySource
from vivavoce.protocol import SessionUpdated

PAGES = Path(__file__).parents[2] / "docs" / "client"


def examples(page: str) -> list[CodeType]:
    """The Python of a page, ready to run."""
    blocks = re.findall(r"```python\n(.*?)```", (PAGES / f"{page}.md").read_text(), re.DOTALL)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return [compile(block, f"{page}.md[{number}]", "exec", flags) for number, block in enumerate(blocks)]


async def run(example: CodeType) -> dict[str, Any]:
    """What an example leaves behind."""
    names: dict[str, Any] = {}
    running = eval(example, names)
    if inspect.isawaitable(running):
        await running
    return names


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest.fixture
def settings(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", server.key)


async def test_connecting(settings: None, capsys: pytest.CaptureFixture[str]) -> None:
    first, vault, other, _ = examples("connect")
    await run(first)
    assert capsys.readouterr().out.startswith("sess_")
    client = (await run(vault))["client"]
    assert await client.account.fetch_key() == "sk-…"
    client = (await run(other))["client"]
    assert isinstance(client, AsyncClient)
    assert client.base_url.startswith("http://127.0.0.1")


async def test_azure(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", server.key)
    first, _ = examples("azure")
    names = await run(first)
    url, _ = await names["connecting"]._address.resolve()
    assert url == "wss://RESOURCE.openai.azure.com/openai/v1/realtime?model=my-realtime"


async def test_requests(settings: None, capsys: pytest.CaptureFixture[str]) -> None:
    secret, refused, own = examples("rest")
    names = await run(secret)
    assert names["secret"].value.startswith("ek_")
    assert int(capsys.readouterr().out) <= time.time() + 60
    await run(refused)
    assert capsys.readouterr().out == "400 unknown_parameter session.voyce\n"
    client = (await run(own))["client"]
    assert (await client.realtime.client_secrets.create()).value.startswith("ek_")
    await client._sending["given"].aclose()


async def test_calls(server: Server, settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _, push_to_talk, echo, join, ice = examples("webrtc")
    names = {
        name: value for each in (push_to_talk, echo, join, ice) for name, value in (await run(each)).items()
    }
    hum = (8000 * np.sin(2 * np.pi * 300 * np.arange(96_000) / 24_000)).astype(np.int16)
    async with AsyncClient() as client:
        speaker = ArraySink()
        await names["push_to_talk"](client, ArraySource(hum), speaker)
        assert len(speaker.samples) > 0, "an answer was heard"
        async with client.realtime.calls.connect(model="gpt-realtime") as rt:
            echoing = asyncio.create_task(names["echo"](rt))
            await names["join"](client, rt.call_id)
            async for event in rt:
                if isinstance(event, SessionUpdated):
                    assert event.session.instructions == "Say goodbye."
                    break
        await echoing
    assert names["ice"].ports == (40000, 40100)


async def test_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    (example,) = examples("webhooks")
    with recording() as telephone:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{telephone.url}/v1")
        names = await run(example)
        transport = httpx.ASGITransport(app=names["app"])
        async with httpx.AsyncClient(transport=transport, base_url="http://hook") as poster:
            answer = await poster.post("/hook", content=BODY, headers=headers())
            assert answer.status_code == 200
            refused = await poster.post("/hook", content=BODY, headers=headers(webhook_signature="v1,AAAA"))
            assert refused.status_code == 400
            assert "does not match" in refused.text
        await names["client"].close()
    (accepted,) = telephone.asked
    assert accepted.path == "/v1/realtime/calls/rtc_479a275623b54bdb9b6fbae2f7cbd408/accept"
    assert accepted.json == {"type": "realtime", "model": "gpt-realtime", "instructions": "Be polite."}
