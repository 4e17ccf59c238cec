"""`vivavoce serve` as a process: what it prints, how it starts, and how it ends."""

import asyncio
import json
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.server.conftest import INSTANT
from tests.serving import API_KEY, Server, serving

SERVE = [sys.executable, "-m", "vivavoce.cli", "serve"]
BEARER = {"Authorization": f"Bearer {API_KEY}"}
MODEL = "?model=gpt-realtime"
pytestmark = pytest.mark.usefixtures("instant_engines")


def refused(folder: Path, *options: str, config: str = INSTANT) -> tuple[int, str]:
    """The exit status and the sentence of a server that does not start."""
    (folder / "vivavoce.toml").write_text(config)
    command = [*SERVE, *options]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stderr


async def talk(server: Server, text: str, *, wait: bool = True, **options) -> ClientConnection:
    """A connection on which this text was said; unless told not to wait, the answer has come."""
    ws = await connect(server.url + MODEL, additional_headers=BEARER, max_size=None, **options)
    assert json.loads(await ws.recv())["type"] == "session.created"
    session = {"type": "realtime", "output_modalities": ["text"]}
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await ws.send(json.dumps({"type": "session.update", "session": session}))
    await ws.send(json.dumps({"type": "conversation.item.create", "item": item}))
    await ws.send(json.dumps({"type": "response.create"}))
    if wait:
        await until(ws, "response.done")
    return ws


async def read_out(ws: ClientConnection) -> None:
    """Read what comes until the connection ends."""
    with suppress(ConnectionClosed):
        while True:
            await ws.recv()


async def until(ws: ClientConnection, type_: str) -> dict:
    while True:
        event = json.loads(await ws.recv())
        assert event["type"] != "error", event
        if event["type"] == type_:
            return event


async def test_a_text_turn(tmp_path: Path):
    with serving(tmp_path, config=INSTANT) as server:
        ws = await talk(server, "hello there", wait=False)
        done = await until(ws, "response.done")
        await ws.close()
    assert done["response"]["status"] == "completed"
    assert done["response"]["output"][0]["content"] == [{"type": "output_text", "text": "hello there"}]


async def test_what_it_tells_programs(tmp_path: Path):
    with serving(tmp_path, config=INSTANT) as server:
        listening = json.loads((tmp_path / "ready.json").read_text())
        assert server.log == f"vivavoce is ready on {listening['url']}\n"
        port = listening["port"]
        assert listening == {
            "url": f"ws://127.0.0.1:{port}/v1/realtime",
            "base_url": f"http://127.0.0.1:{port}/v1",
            "port": port,
            "pid": server.process.pid,
            "certificate": None,
        }
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").json()["status"] == "ok"
    assert not (tmp_path / "ready.json").exists()


async def test_what_it_shows_people(tmp_path: Path):
    """At a terminal it says what is in use and how to come to it, and never a key."""
    (tmp_path / "vivavoce.toml").write_text(INSTANT)
    ours, theirs = os.openpty()
    command = [*SERVE, "--port", "0", "--api-key", API_KEY]
    environment = os.environ | {"COLUMNS": "120", "TERM": "xterm"}
    process = subprocess.Popen(command, cwd=tmp_path, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    while b"Ctrl+C" not in shown:
        shown += os.read(ours, 65536)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    os.close(ours)
    text = shown.decode()
    ready = re.search(r"vivavoce is ready on ws://(127\.0\.0\.1:\d+)/v1/realtime", text)
    assert ready is not None
    assert f"http://{ready[1]}/ - open it in a browser" in text
    assert "webrtc → silence → sentence → deaf → spectral → parrot" in text
    assert 'OpenAI(base_url="http://127.0.0.1:' in text
    assert API_KEY not in text


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
async def test_responses_end_before_the_server(tmp_path: Path, signal_: signal.Signals):
    with serving(tmp_path, config=INSTANT) as server:
        busy = await talk(server, "count to 100", wait=False)
        idle = await talk(server, "hello")
        await until(busy, "response.output_text.delta")
        server.process.send_signal(signal_)
        await read_out(idle)
        assert (idle.close_code, idle.close_reason) == (1001, "the server is going away")
        with pytest.raises(InvalidStatus) as caught:
            await connect(server.url + MODEL, additional_headers=BEARER)
        assert caught.value.response.status_code == 503
        health = httpx.get(server.base_url.removesuffix("/v1") + "/healthz")
        assert (health.status_code, health.json()["status"]) == (503, "draining")
        done = await until(busy, "response.done")
        assert done["response"]["status"] == "completed"
        await read_out(busy)
        assert busy.close_code == 1001
        assert await asyncio.to_thread(server.process.wait, 10) == 0


async def test_a_response_without_end_is_cut_off(tmp_path: Path):
    with serving(tmp_path, "--drain-timeout", "0.5", config=INSTANT) as server:
        ws = await talk(server, "count to 1000000", wait=False)
        await until(ws, "response.output_text.delta")
        server.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        await read_out(ws)
        assert ws.close_code == 1001
        assert await asyncio.to_thread(server.process.wait, 10) == 0
        assert time.monotonic() - began < 5


async def test_a_second_signal_does_not_wait(tmp_path: Path):
    (tmp_path / "vivavoce.toml").write_text(INSTANT)
    command = [*SERVE, "--port", "0", "--drain-timeout", "600"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    async with connect(url + MODEL) as ws:
        await ws.recv()
        item = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "count to 99999"}],
        }
        await ws.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await ws.send(json.dumps({"type": "response.create"}))
        await until(ws, "response.output_audio_transcript.delta")
        process.send_signal(signal.SIGTERM)
        while httpx.get(url.replace("ws:", "http:").replace("/v1/realtime", "/healthz")).status_code == 200:
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        await read_out(ws)
        assert ws.close_code == 1006
    assert await asyncio.to_thread(process.wait, 10) == 128 + signal.SIGTERM
    _, log = process.communicate()
    assert "Traceback" not in log
    assert "stopping at once" in log


async def test_a_peer_that_never_says_goodbye_does_not_hold_the_server_up(tmp_path: Path):
    """It reads nothing, not even the close: a socket and a half-spoken WebSocket."""
    with serving(tmp_path, "--drain-timeout", "1", config=INSTANT) as server:
        ws = await talk(server, "be long: 2000", wait=False, max_queue=1, close_timeout=0.1)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.process.wait, 20) == 0
        assert time.monotonic() - began < 8
        await ws.close()


async def test_a_peer_that_stops_reading_costs_no_memory(tmp_path: Path):
    """It asks for 250 MB that it never takes."""
    config = INSTANT + "[server]\nwrite_timeout_s = 1\n"
    with serving(tmp_path, config=config) as server:
        health = server.base_url.removesuffix("/v1") + "/healthz"
        await (await talk(server, "be long: 10")).close()
        before = server.resident_kilobytes
        ws = await talk(server, "hello", max_queue=1, close_timeout=0.1)
        content = [{"type": "input_text", "text": "x" * 250_000}]
        item = {"type": "message", "id": "long", "role": "user", "content": content}
        await ws.send(json.dumps({"type": "conversation.item.create", "item": item}))
        for _ in range(1000):
            await ws.send(json.dumps({"type": "conversation.item.retrieve", "item_id": "long"}))
        while httpx.get(health).json()["sessions"]:
            assert server.resident_kilobytes - before < 64_000
            await asyncio.sleep(0.05)
        assert "has read nothing for 1 s" in server.log
        await ws.close()


async def test_the_port_is_free_again_at_once(tmp_path: Path):
    with serving(tmp_path, config=INSTANT) as first:
        port = first.url.split(":")[2].split("/")[0]
        await (await talk(first, "hello")).close()
    with serving(tmp_path, "--port", port, config=INSTANT) as second:
        assert second.url == first.url


async def test_flags_override_the_file(tmp_path: Path):
    config = INSTANT + "[server]\nhost = '192.0.2.1'\nport = 1\n[session]\nmax_minutes = 1\n"
    with serving(tmp_path, "--host", "127.0.0.1", "--max-session-minutes", "30", config=config) as server:
        ws = await connect(server.url + MODEL, additional_headers=BEARER)
        session = json.loads(await ws.recv())["session"]
        await ws.close()
    assert 29 * 60 < session["expires_at"] - time.time() <= 30 * 60


async def test_keys_from_everywhere_count(tmp_path: Path):
    config = INSTANT + "[server]\napi_keys = ['from-the-file']\n"
    with serving(tmp_path, "--api-key", "from-the-flag", config=config) as server:
        for key, status in {"from-the-file": 200, "from-the-flag": 200, API_KEY: 200, "other": 401}.items():
            answer = httpx.get(server.base_url + "/models", headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == status


async def test_a_certificate_of_its_own(tmp_path: Path):
    with serving(tmp_path, "--tls-self-signed", config=INSTANT) as server:
        assert server.url.startswith("wss://127.0.0.1:")
        assert server.certificate is not None
        folder = server.certificate.parent
        assert [each.name for each in folder.iterdir()] == ["certificate.pem"]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        trusting = ssl.create_default_context(cafile=str(server.certificate))
        for host in ("127.0.0.1", "localhost"):
            url = server.url.replace("127.0.0.1", host) + MODEL
            async with connect(url, ssl=trusting, additional_headers=BEARER) as ws:
                assert json.loads(await ws.recv())["type"] == "session.created"
        health = server.base_url.removesuffix("/v1") + "/healthz"
        assert httpx.get(health, verify=trusting).json()["status"] == "ok"
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(server.url + MODEL, additional_headers=BEARER)
    assert not folder.exists()


async def test_a_certificate_of_the_operators(tmp_path: Path):
    from vivavoce.server.tls import self_signed

    with self_signed("127.0.0.1") as files:
        options = ["--tls-cert", str(files.certificate), "--tls-key", str(files.key)]
        with serving(tmp_path, *options, config=INSTANT) as server:
            assert server.certificate is None
            trusting = ssl.create_default_context(cafile=str(files.certificate))
            async with connect(server.url + MODEL, ssl=trusting, additional_headers=BEARER) as ws:
                assert json.loads(await ws.recv())["type"] == "session.created"


def test_other_addresses_need_a_key(tmp_path: Path):
    status, sentence = refused(tmp_path, "--host", "0.0.0.0", "--port", "0")
    assert status == 1
    assert sentence == (
        "vivavoce serve: serving on 0.0.0.0 without an API key would let anybody in: set one with --api-key, "
        "VIVAVOCE_API_KEYS, server.api_keys or server.key_file, or serve this machine alone on 127.0.0.1.\n"
    )


def test_a_port_in_use(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, sentence = refused(tmp_path, "--port", str(port))
    assert status == 1
    assert sentence.startswith(f"vivavoce serve: cannot serve on 127.0.0.1:{port}: Address already in use.")


@pytest.mark.parametrize(
    ("options", "config", "sentence"),
    [
        (
            [],
            INSTANT.replace("parrot", "carrot"),
            'vivavoce.toml: engines.responder: there is no responder named "carrot"; did',
        ),
        (
            [],
            INSTANT + "[responder.parrot]\nspeed = 1",
            'vivavoce.toml: responder.parrot.speed: "parrot" has no such',
        ),
        (
            [],
            INSTANT + "[server]\nprot = 1",
            'vivavoce.toml: server.prot: there is no such key; did you mean "port"?',
        ),
        (["--config", "absent.toml"], "", "absent.toml: it cannot be read: No such file or directory."),
        (
            [],
            INSTANT + "[server]\nkey_file = 'keys.toml'",
            "keys.toml: it cannot be read: No such file or directory.",
        ),
        (["--api-key", "a b"], INSTANT, "--api-key: a key is printable ASCII without blanks, and not empty."),
        (["--host", "no.invalid", "--api-key", "k"], INSTANT, "cannot serve on no.invalid: "),
        (
            [],
            INSTANT + "[responder.parrot]\ncannot_start = true",
            "The instant engine cannot start: it was told not to.",
        ),
        (
            ["--tls-cert", "absent.pem", "--tls-key", "absent.pem"],
            INSTANT,
            "the TLS certificate absent.pem cannot be used with the key absent.pem: No such file",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_sentence(tmp_path: Path, options, config, sentence):
    status, said = refused(tmp_path, "--port", "0", *options, config=config)
    assert status == 1
    assert said.startswith(f"vivavoce serve: {sentence}")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--tls-cert", "c.pem"],
        ["--tls-key", "k.pem"],
        ["--tls-cert", "c.pem", "--tls-key", "k.pem", "--tls-self-signed"],
    ],
)
def test_flags_that_contradict_each_other(tmp_path: Path, options):
    status, said = refused(tmp_path, *options)
    assert status == 2
    assert "--tls-" in said
