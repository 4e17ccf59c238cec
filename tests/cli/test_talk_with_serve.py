"""The two commands together, each in its own process: human speech in, understood, answered aloud."""

import asyncio
import signal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.cli.running import outcome, start, talk
from tests.cli.test_sound_card import machine
from vivavoce.audio.resample import resample
from vivavoce.audio.wav import read_wav

HOW = pytest.mark.parametrize("how", [(), ("--webrtc",)], ids=["websocket", "webrtc"])


async def url_of(server: asyncio.subprocess.Process, ready: Path) -> str:
    """Where a server is, once it is ready."""
    while not ready.exists():
        assert server.returncode is None, await outcome(server)
        await asyncio.sleep(0.05)
    url: str = msgspec.json.decode(ready.read_bytes())["url"]
    return url


@HOW
async def test_a_person_is_heard_and_answered(speech: Path, tmp_path: Path, how: tuple[str, ...]) -> None:
    ready, reply = tmp_path / "ready.json", tmp_path / "reply.wav"
    server = await start("serve", "--port", 0, "--ready-file", ready)
    try:
        url = await url_of(server, ready)
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


@HOW
async def test_microphone_and_speaker(speech: Path, tmp_path: Path, how: tuple[str, ...]) -> None:
    """On a machine whose PortAudio is made of files."""
    card = machine(tmp_path)
    samples, rate = read_wav(speech / "austen-0880.wav")
    (tmp_path / "in.raw").write_bytes(resample(samples, rate, 24_000).astype("<i2").tobytes())
    ready, played = tmp_path / "ready.json", tmp_path / "out.raw"
    server = await start("serve", "--port", 0, "--ready-file", ready)
    try:
        process = await start("talk", "--url", await url_of(server, ready), *how, **card)
        async with asyncio.timeout(60):
            while not played.exists() or loud_s(played) < 0.5:
                assert process.returncode is None, await outcome(process)
                await asyncio.sleep(0.1)
        process.send_signal(signal.SIGINT)
        talked = await outcome(process)
    finally:
        server.send_signal(signal.SIGTERM)
        await outcome(server)
    assert talked.code == 0, talked.err
    assert "young man" in talked.out.splitlines()[0]
    assert talked.out.splitlines()[1].startswith("assistant: ")


def loud_s(played: Path) -> float:
    """How much of what the sound card played, at 24 kHz, was loud."""
    samples = np.frombuffer(played.read_bytes()[: played.stat().st_size // 2 * 2], "<i2").astype(np.int32)
    return float(np.count_nonzero(np.abs(samples) > 500)) / 24_000
