"""The two commands together, each in its own process: human speech in, understood, answered aloud."""

import asyncio
import signal
from pathlib import Path

import msgspec
import pytest

from tests.cli.running import outcome, start, talk
from vivavoce.audio.wav import read_wav


@pytest.mark.parametrize("how", [(), ("--webrtc",)], ids=["websocket", "webrtc"])
async def test_a_person_is_heard_and_answered(speech: Path, tmp_path: Path, how: tuple[str, ...]) -> None:
    ready, reply = tmp_path / "ready.json", tmp_path / "reply.wav"
    server = await start("serve", "--port", 0, "--ready-file", ready)
    try:
        while not ready.exists():
            assert server.returncode is None, await outcome(server)
            await asyncio.sleep(0.05)
        url = msgspec.json.decode(ready.read_bytes())["url"]
        spoken = await talk("--url", url, *how, "--input", speech / "austen-0880.wav", "--output", reply)
        written = await talk("--url", url, *how, "--text", typed="Good morning!\n")
    finally:
        server.send_signal(signal.SIGTERM)
        ended = await outcome(server)
    assert spoken.code == 0, spoken.err
    assert "young man" in spoken.out.splitlines()[0]
    assert spoken.out.splitlines()[1].startswith("assistant: ")
    assert "first audio" in spoken.out.splitlines()[2]
    samples = read_wav(reply).samples
    assert len(samples) > 24_000, "it takes a second to say"
    assert int(abs(samples.astype("int32")).max()) > 1000
    assert written.code == 0, written.err
    assert written.out.strip()
    assert ended.code == 0, ended.err
