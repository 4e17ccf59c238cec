"""The examples run against a real server, as they stand."""

import os
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.serving import Server, serving
from tests.stock.speech import recording as samples_of

EXAMPLES = Path(__file__).parents[2] / "examples"

ANSWER = "Once there was a voice. It spoke, and somebody listened."

RULES = f"""
[[rule]]
hears = '^say '
says = '{ANSWER}'
"""

CONFIG = """
[session]
debug = true

[language_model.pattern]
rules = "rules.toml"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path(tmp_path_factory.mktemp("examples"))
    (folder / "rules.toml").write_text(RULES)
    with serving(folder, config=CONFIG) as running:
        yield running


def run(server: Server, name: str, *arguments: str) -> str:
    """What an example prints."""
    address = urlsplit(server.base_url)
    environment = os.environ | {
        "OPENAI_API_KEY": server.key,
        "OPENAI_BASE_URL": server.base_url,
        "AZURE_OPENAI_ENDPOINT": f"{address.scheme}://{address.netloc}",
        "AZURE_OPENAI_API_KEY": server.key,
    }
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert server.key not in done.stdout
    return done.stdout


@pytest.mark.parametrize(
    "name", ["realtime/ws.py", "realtime/websocket.py", "azure/realtime/ws.py", "azure/realtime/websocket.py"]
)
def test_what_is_translated_from_javascript(server: Server, name: str) -> None:
    lines = run(server, name).splitlines()
    assert lines[0] == "Connection opened!"
    assert lines[1].startswith("Session created! RealtimeSession(")
    assert "model='gpt-realtime'" in lines[1]
    assert lines[2:] == ["", ANSWER, "", "Connection closed!"]


@pytest.mark.parametrize("name", ["realtime/text.py", "realtime/text_sync.py"])
def test_what_is_translated_from_python(server: Server, name: str) -> None:
    assert run(server, name) == f"{ANSWER}\n"


def test_transcription(server: Server, speech: Path, tmp_path: Path) -> None:
    heard = run(server, "realtime/transcription.py", str(at_24_khz(speech / "austen-0880.wav", tmp_path)))
    assert len(heard.split()) > 3


def test_a_call(server: Server, speech: Path, tmp_path: Path) -> None:
    reply = tmp_path / "reply.wav"
    lines = run(server, "realtime/webrtc.py", str(speech / "austen-0880.wav"), str(reply)).splitlines()
    assert lines[0].startswith("Call rtc_")
    assert sorted(line.partition(":")[0] for line in lines[1:3]) == ["assistant", "you"]
    assert lines[3:] == ["Call ended."]
    with wave.open(str(reply)) as heard:
        assert heard.getnframes() > 12_000


def at_24_khz(recording: Path, folder: Path) -> Path:
    """The same as the example wants it."""
    file = folder / "speech.wav"
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(24000)
        out.writeframes(samples_of(recording))
    return file


def test_all_examples_are_run() -> None:
    found = {str(file.relative_to(EXAMPLES)) for file in EXAMPLES.rglob("*.py")}
    own = {name for name in found if name.startswith(("realtime/", "azure/"))}
    assert own == {
        *(f"{folder}realtime/{name}.py" for folder in ("", "azure/") for name in ("ws", "websocket")),
        *(f"realtime/{name}.py" for name in ("text", "text_sync", "transcription", "webrtc")),
    }
    readme = (EXAMPLES / "README.md").read_text()
    assert all(Path(name).name in readme for name in own)
