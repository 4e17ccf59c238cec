"""A transcription endpoint that refuses, times out, breaks off or talks rubbish, behind a real server."""

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endpoint import Exchange, an_endpoint
from tests.faults.conftest import CONFIG, PACKAGES
from tests.serving import Server, serving
from tests.wire.peer import Peer, an_update, talking

pytestmark = pytest.mark.xdist_group("faults")

ENDPOINT = """
[transcriber.openai]
base_url = "{url}"
connect_timeout_s = 1
timeout_s = 1
word_timeout_s = 1
retries = 1
retry_delay_s = 0.01
"""
KIND = "conversation.item.input_audio_transcription."
NOISE = base64.b64encode(bytes(range(256)) * 50).decode()


async def play(exchange: Exchange) -> None:
    """Do what the prompt says."""
    wish = re.search(rb'name="prompt"\r\n\r\n([a-z ]+)', exchange.content)
    match wish.group(1) if wish else b"":
        case b"refuse":
            await exchange.status(401, {"error": {"message": "wrong key sk-very-secret"}})
        case b"busy":
            await exchange.status(429, {"error": {"message": "too many"}})
        case b"wait":
            await asyncio.sleep(60)
        case b"pause":
            await exchange.stream({"type": "transcript.text.delta", "delta": "All"}, end="")
            await asyncio.sleep(60)
        case b"cut":
            await exchange.stream({"type": "transcript.text.delta", "delta": "All"}, end="")
        case b"abort":
            await exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n{")
        case b"rubbish":
            await exchange.stream("data: {not json}\n\n")
        case b"html":
            await exchange.status(200, "<html>Please sign in</html>")
        case _:
            await exchange.stream(
                {"type": "transcript.text.delta", "delta": "All"},
                {"type": "transcript.text.done", "text": "All is well."},
            )


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with an_endpoint(play) as url:
        config = CONFIG.replace('transcriber = "faulty"', 'transcriber = "openai"') + ENDPOINT.format(url=url)
        # What the endpoint's own limits are for must not be done by the runner's.
        config = config.replace("engine_timeout_s = 1", "engine_timeout_s = 30")
        folder = Path(tmp_path_factory.mktemp("hearing"))
        with serving(folder, config=config, packages=PACKAGES) as server:
            yield server


def listen(peer: Peer, wish: str) -> None:
    """Say something that the endpoint is to deal with in this way."""
    heard = {"turn_detection": None, "transcription": {"model": "gpt-4o-transcribe", "prompt": wish}}
    peer.send(
        an_update(audio={"input": heard}, output_modalities=["text"]),
        {"type": "input_audio_buffer.append", "audio": NOISE},
        {"type": "input_audio_buffer.commit"},
        {"type": "response.create"},
    )


@pytest.mark.parametrize("wish", ["refuse", "busy", "wait", "pause", "cut", "abort", "rubbish", "html"])
def test_the_transcription_fails_and_the_session_goes_on(hearing: Server, wish: str) -> None:
    with talking(hearing) as peer:
        listen(peer, wish)
        events = peer.through("response.done")
        (failed,) = [event for event in events if event["type"] == KIND + "failed"]
        assert failed["error"]["type"] == "transcription_error"
        assert failed["error"]["message"].startswith("The transcription endpoint ")
        assert "very-secret" not in json.dumps(events) + hearing.log
        assert "error" not in [event["type"] for event in events]
        assert events[-1]["response"]["status"] == "failed"
        peer.until("rate_limits.updated")
        listen(peer, "as you should")
        events = peer.through("response.done")
        told = [
            event.get("delta", event.get("transcript")) for event in events if event["type"].startswith(KIND)
        ]
        assert told == ["All", " is well.", "All is well."]
        assert events[-1]["response"]["status"] == "completed"
