"""The official JavaScript client against `vivavoce mock`: what a test in another language does."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.serving import Server
from tests.stock.javascript.test_javascript import GOODBYE, of, program

FUNCTION = """
vivavoce: 1
steps:
  - expect: {type: session.update, session: {tools: [{name: set_light_brightness}]}}
  - expect: {type: conversation.item.create, item: {role: user}}
  - expect: response.create
  - respond: {call: {name: set_light_brightness, arguments: {room: bedroom, brightness: 40}}, name: asked}
  - expect:
      type: conversation.item.create
      item: {type: function_call_output, call_id: $call.asked, output: {$contains: 40 percent}}
  - expect: response.create
  - respond: {audio: {tone_ms: 300}, transcript: Done., every: 0.01}
"""

TEXT = """
vivavoce = 1
[[steps]]
expect = { type = "session.update", session = { modalities = ["text"] } }
[[steps]]
expect = "conversation.item.create"
[[steps]]
expect = "response.create"
[[steps]]
respond = "good morning"
"""


@contextmanager
def mocking(folder: Path, script: str, text: str, status: int) -> Iterator[Server]:
    """`vivavoce mock --tls --once`, which must end with this status."""
    (folder / script).write_text(text)
    command = [sys.executable, "-m", "vivavoce.cli", "mock", script, "--port", "0", "--tls", "--once"]
    process = subprocess.Popen(
        [*command, "--ready-file", "ready.json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                log.append(line)
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(30)
        assert log[0].startswith("vivavoce mock is ready on wss://"), "".join(log)
        where = json.loads((folder / "ready.json").read_text())
        yield Server(process, where["url"], where["base_url"], Path(where["certificate"]))
        assert process.wait(30) == status, "".join(log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join()


def test_a_function(tmp_path: Path) -> None:
    with mocking(tmp_path, "function.yaml", FUNCTION, 0) as server:
        events = program(server, "openai_function.mjs")
    assert not of(events, "error")
    assert of(events, "response.done")[-1]["response"]["output"][0]["content"][0]["transcript"] == "Done."
    assert events[-1] == GOODBYE | {"reason": "done"}


@pytest.mark.parametrize("way", ["ws", "websocket", "azure"])
def test_the_beta_dialect(tmp_path: Path, way: str) -> None:
    with mocking(tmp_path, "text.toml", TEXT, 0) as server:
        events = program(server, "beta_text.mjs", way)
    assert "".join(event["delta"] for event in of(events, "response.text.delta")) == "good morning"
    assert events[-1] == GOODBYE


def test_a_program_that_does_not_follow_the_script(tmp_path: Path) -> None:
    with mocking(tmp_path, "text.toml", TEXT, 1) as server:
        events = program(server, "openai_text.mjs")
    assert events[-1]["type"] == "socket.close"
    assert events[-1]["code"] == 4000
    assert events[-1]["reason"].startswith("The script was not followed: session.update came, but not as")
