"""The server as it comes: no configuration, no key to a model, nothing to download."""

import json
import subprocess
import sys
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

from tests.serving import API_KEY, Server, serving


def calling(server: Server, model: str = "gpt-realtime") -> ClientConnection:
    return connect(
        f"{server.url}?model={model}",
        additional_headers={"Authorization": f"Bearer {API_KEY}"},
        max_size=None,
    )


def say(ws: ClientConnection, text: str) -> list[dict]:
    """Say it in writing; the events up to `response.done`."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    ws.send(json.dumps({"type": "conversation.item.create", "item": item}))
    ws.send(json.dumps({"type": "response.create"}))
    events = []
    while not events or events[-1]["type"] != "response.done":
        events.append(json.loads(ws.recv(timeout=30)))
    return events


def test_a_typed_turn_is_answered_in_writing_and_aloud(tmp_path: Path):
    with serving(tmp_path) as server, calling(server) as ws:
        created = json.loads(ws.recv())
        assert created["type"] == "session.created"
        assert created["session"]["model"] == "gpt-realtime"
        assert created["session"]["instructions"].startswith("You are a helpful voice assistant.")
        aloud = say(ws, "Who are you?")
        assert aloud[-1]["response"]["status"] == "completed"
        assert "program" in aloud[-1]["response"]["output"][0]["content"][0]["transcript"]
        assert any(event["type"] == "response.output_audio.delta" for event in aloud)
        session = {"type": "realtime", "output_modalities": ["text"]}
        ws.send(json.dumps({"type": "session.update", "session": session}))
        written = say(ws, "Who are you?")
        assert "program" in written[-1]["response"]["output"][0]["content"][0]["text"]
        assert not any("audio" in event["type"] for event in written)


def test_models_of_their_own(tmp_path: Path):
    config = """
        [session]
        voice = "marin"
        instructions = "Be brief."
        [models.butler]
        [models.cook]
        language_model = "second"
        [language_model.second]
        engine = "pattern"
    """
    with serving(tmp_path, config=config) as server:
        for model in ("butler", "cook"):
            with calling(server, model) as ws:
                session = json.loads(ws.recv())["session"]
                assert session["model"] == model
                assert session["instructions"] == "Be brief."
                assert session["audio"]["output"]["voice"] == "marin"
                assert say(ws, "hello")[-1]["response"]["status"] == "completed"
        with calling(server) as ws:
            assert json.loads(ws.recv())["error"]["code"] == "invalid_model"


def test_no_worker_outlives_a_server_that_was_killed(tmp_path: Path):
    """Workers hold the server's output open: it ends when the last of them has."""
    command = [sys.executable, "-m", "vivavoce.cli", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"vivavoce is ready on ")
        process.kill()
        assert process.stdout.read() == b""
