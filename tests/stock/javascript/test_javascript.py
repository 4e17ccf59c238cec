"""The official JavaScript clients, as npm installs them, against a server with a certificate of its own. Each
program beside this file is what a user would write; only the key, the URL and the certificate come from here.

`make javascript` installs the packages and runs this; `npm ci` in this folder does the first part.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import Server, serving
from tests.stock.order import Order
from tests.stock.speech import recording
from tests.stock.story import CONFIG, write_rules

Event = dict[str, Any]
Run = Callable[..., list[Event]]

HERE = Path(__file__).parent
OURS = ("socket.", "client.", "tool.", "agent.")
"""What the programs print beside the events of the server."""
GOODBYE = {"type": "socket.close", "code": 1000, "reason": "OK"}


@pytest.fixture(scope="module")
def secure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path(tmp_path_factory.mktemp("stock-javascript"))
    write_rules(folder)
    with serving(folder, "--tls-self-signed", config=CONFIG) as running:
        yield running


def program(server: Server, name: str, *arguments: str) -> list[Event]:
    """Run a program to its end and return what it printed."""
    assert (HERE / "node_modules").is_dir(), f"The packages are missing: run `npm ci` in {HERE}."
    environment = os.environ | {
        "OPENAI_API_KEY": server.key,
        "OPENAI_BASE_URL": server.base_url,
        "REALTIME_URL": f"{server.url}?model=gpt-realtime",
        "NODE_EXTRA_CA_CERTS": str(server.certificate),
    }
    done = subprocess.run(
        ["node", name, *arguments],
        cwd=HERE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def run(secure_server: Server) -> Run:
    """Run a program to its end and return what it printed, of which the server's events are in order."""

    def run_program(name: str, *arguments: str) -> list[Event]:
        events = program(secure_server, name, *arguments)
        order = Order()
        for event in events:
            if not event["type"].startswith(OURS):
                order.see(event)
        return events

    return run_program


@pytest.fixture(scope="module")
def samples(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with a person's speech."""
    file = Path(tmp_path_factory.mktemp("speech")) / "samples.raw"
    file.write_bytes(recording(speech / "austen-0880.wav"))
    return str(file)


def of(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event["type"] == kind]


class TestOpenAIRealtimeWS:
    def test_text(self, run: Run) -> None:
        events = run("openai_text.mjs")
        (done,) = of(events, "response.done")
        assert done["response"]["status"] == "completed"
        assert done["response"]["output"][0]["content"] == [{"type": "output_text", "text": "good morning"}]
        assert events[-1] == GOODBYE
        assert not of(events, "error")

    def test_audio(self, run: Run, samples: str) -> None:
        events = run("openai_audio.mjs", samples)
        started, stopped, committed = (
            of(events, f"input_audio_buffer.{step}")[0]
            for step in ("speech_started", "speech_stopped", "committed")
        )
        assert started["item_id"] == stopped["item_id"] == committed["item_id"]
        (transcribed,) = of(events, "conversation.item.input_audio_transcription.completed")
        assert "young man" in transcribed["transcript"].lower()
        (done,) = of(events, "response.done")
        assert "young man" in done["response"]["output"][0]["content"][0]["transcript"].lower()
        assert of(events, "response.output_audio.delta")
        assert events[-1] == GOODBYE

    def test_function(self, run: Run) -> None:
        events = run("openai_function.mjs")
        (arguments,) = of(events, "response.function_call_arguments.done")
        assert arguments["name"] == "set_light_brightness"
        assert json.loads(arguments["arguments"]) == {"room": "bedroom", "brightness": 40}
        called, answered = of(events, "response.done")
        assert called["response"]["output"][0]["type"] == "function_call"
        assert "40 percent" in answered["response"]["output"][0]["content"][0]["transcript"]
        assert events[-1] == GOODBYE | {"reason": "done"}

    def test_errors(self, run: Run) -> None:
        events = run("openai_errors.mjs")
        first, second = of(events, "client.error")
        assert first["name"] == second["name"] == "OpenAIRealtimeError"
        assert first["error"]["code"] == "invalid_value"
        assert first["error"]["event_id"] == "first"
        assert second["error"]["param"] == "session.voice"
        assert second["message"].startswith("Unknown parameter: 'session.voice'. code=unknown_parameter")
        (done,) = of(events, "response.done")
        assert done["response"]["output"][0]["content"][0]["text"] == "that was wrong"

    def test_a_wrong_key(self, run: Run, secure_server: Server) -> None:
        done = run("openai_refused.mjs")
        assert [event["type"] for event in done] == ["error", "client.error", "socket.close"]
        assert done[1]["code"] == "invalid_api_key"
        assert (done[2]["code"], done[2]["reason"]) == (3000, "invalid_request_error.invalid_api_key")


class TestOpenAIRealtimeWebSocket:
    def test_a_page_with_a_client_secret(self, run: Run) -> None:
        events = run("openai_secret.mjs")
        told, created = of(events, "client.secret")[0]["session"], of(events, "session.created")[0]["session"]
        assert created["model"] == told["model"] == "gpt-realtime-mini"  # and not what the URL says
        assert created["instructions"] == told["instructions"] == "Be brief."
        (done,) = of(events, "response.done")
        assert done["response"]["output"][0]["content"] == [{"type": "output_text", "text": "good morning"}]
        assert events[-1] == GOODBYE


class TestAzure:
    def test_the_ga_dialect(self, run: Run) -> None:
        events = run("azure_ga.mjs")
        assert events[0]["session"]["model"] == "gpt-4o-realtime-preview"
        (done,) = of(events, "response.done")
        assert done["response"]["output"][0]["content"] == [{"type": "output_text", "text": "good morning"}]
        assert events[-1] == GOODBYE


class TestBeta:
    """`openai/beta/realtime`, over either kind of socket, and at Azure's preview address."""

    @pytest.mark.parametrize("way", ["ws", "websocket", "azure"])
    def test_text(self, secure_server: Server, way: str) -> None:
        events = program(secure_server, "beta_text.mjs", way)
        assert [event["type"] for event in events if event["type"] != "response.text.delta"] == [
            "session.created",
            "conversation.created",
            "session.updated",
            "conversation.item.created",
            "response.created",
            "response.output_item.added",
            "conversation.item.created",
            "response.content_part.added",
            "response.text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
            "socket.close",
        ]
        assert "".join(event["delta"] for event in of(events, "response.text.delta")) == "good morning"
        response = of(events, "response.done")[0]["response"]
        assert (response["modalities"], response["temperature"]) == (["text"], 0.7)
        assert response["output"][0]["content"] == [{"type": "text", "text": "good morning"}]
        assert response["conversation_id"] == events[1]["conversation"]["id"]
        assert events[-1] == GOODBYE

    @pytest.mark.parametrize("way", ["ws", "azure"])
    def test_audio(self, secure_server: Server, samples: str, way: str) -> None:
        events = program(secure_server, "beta_audio.mjs", way, samples)
        assert not of(events, "client.error")
        (transcribed,) = of(events, "conversation.item.input_audio_transcription.completed")
        assert "young man" in transcribed["transcript"].lower()
        assert of(events, "response.audio.delta")
        response = of(events, "response.done")[0]["response"]
        assert response["voice"] == "ash"
        (part,) = response["output"][0]["content"]
        assert part["type"] == "audio"
        assert "young man" in part["transcript"].lower()
        assert events[-1] == GOODBYE


class TestAgents:
    def test_a_tool(self, run: Run) -> None:
        events = run("agents_tool.mjs")
        assert not of(events, "error")
        assert not of(events, "client.error")
        assert of(events, "tool.executed") == [{"type": "tool.executed", "room": "bedroom", "brightness": 40}]
        end = of(events, "agent.end")[-1]
        assert "40 percent" in end["output"]
        assert end["spoken"] > 24_000
        asked, called, answered = end["history"]
        assert (asked["role"], asked["status"]) == ("user", "completed")
        assert asked["content"][0]["text"].startswith("Set the brightness")
        assert (called["type"], called["name"]) == ("function_call", "set_light_brightness")
        assert called["status"] == "completed"
        assert "40 percent" in called["output"]
        assert (answered["role"], answered["status"]) == ("assistant", "completed")
        assert "40 percent" in answered["content"][0]["transcript"]
        # Everything that the package asked for by itself is granted, and shown.
        session = of(events, "session.updated")[-1]["session"]
        assert session["tracing"] == "auto"
        assert session["instructions"] == "You look after the house."
        assert session["audio"]["input"]["turn_detection"]["type"] == "semantic_vad"
        assert session["audio"]["input"]["transcription"]["model"] == "gpt-4o-mini-transcribe"
        assert session["tools"][0]["name"] == "set_light_brightness"

    def test_speech(self, run: Run, samples: str) -> None:
        events = run("agents_audio.mjs", samples)
        assert not of(events, "error")
        assert not of(events, "client.error")
        heard, answered = of(events, "agent.end")[-1]["history"]
        assert heard["role"] == "user"
        assert "young man" in heard["content"][0]["transcript"].lower()
        assert answered["role"] == "assistant"
        assert "young man" in answered["content"][0]["transcript"].lower()
