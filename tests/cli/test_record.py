"""`vivavoce record`, as a process of its own."""

import json
import signal
from pathlib import Path

from tests.cli.running import outcome, start
from vivavoce import AsyncClient
from vivavoce.testing import RealtimeServer, expect, respond


async def test_a_session_is_written_down(realtime_server: RealtimeServer, tmp_path: Path) -> None:
    realtime_server.script(expect("response.create"), respond("Hello"))
    out, ready = tmp_path / "session.jsonl", tmp_path / "ready.json"
    process = await start(
        "record", realtime_server.base_url, "--port", 0, "--out", out, "--ready-file", ready
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert line.startswith("vivavoce record is ready on ws://127.0.0.1:")
    base_url = line.split()[-1].replace("ws:", "http:").removesuffix("/realtime")
    async with AsyncClient("sk-0123456789abcdef", base_url).realtime.connect(model="m") as rt:
        await rt.response.create()
        async for event in rt:
            if event.type == "response.done":
                break
    process.send_signal(signal.SIGINT)
    ended = await outcome(process)
    assert ended.code == 0, ended.err
    assert "#1  → response.done " in ended.out
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert lines[-1]["close"] == {"from": "client", "code": 1000, "reason": ""}
    assert not ready.exists()


async def test_what_cannot_be(tmp_path: Path) -> None:
    ended = await outcome(await start("record", "nowhere", "--out", tmp_path / "a.jsonl"))
    assert ended.code == 1
    assert ended.err.startswith("vivavoce record: 'nowhere' is no address of a server")
    ended = await outcome(await start("record", "wss://a.example", "--out", tmp_path / "no" / "a.jsonl"))
    assert ended.code == 1
    assert ended.err == f"vivavoce record: {tmp_path}/no/a.jsonl cannot be used: No such file or directory.\n"
