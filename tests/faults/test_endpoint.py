"""A language-model endpoint that refuses, times out, breaks off or talks rubbish, behind a real server."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endpoint import Exchange, an_endpoint
from tests.faults.conftest import CONFIG, PACKAGES
from tests.serving import Server, serving
from tests.wire.peer import Peer, a_message, talking

pytestmark = pytest.mark.xdist_group("faults")

CHAT = """
[language_model.chat]
base_url = "{url}"
connect_timeout_s = 1
first_token_timeout_s = 1
token_timeout_s = 1
retries = 1
retry_delay_s = 0.01
"""


def chunk(text: str) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


async def play(exchange: Exchange) -> None:
    """Do what the latest message says."""
    match exchange.body["messages"][-1]["content"]:
        case "refuse":
            await exchange.status(401, {"error": {"message": "wrong key sk-very-secret"}})
        case "busy":
            await exchange.status(429, {"error": {"message": "too many"}})
        case "broken":
            await exchange.status(500, "oops")
        case "wait":
            await asyncio.sleep(60)
        case "pause":
            await exchange.stream(chunk("Let me think "), end="")
            await asyncio.sleep(60)
        case "cut":
            await exchange.stream(chunk("I was about to "), end="")
        case "abort":
            await exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\ndata: ")
        case "rubbish":
            await exchange.stream("data: {not json}\n\n")
        case "no http":
            await exchange.send("hello to you, too\r\n\r\n")
        case "html":
            await exchange.status(200, "<html>Please sign in</html>")
        case _:
            await exchange.stream(chunk("All is well."), END)


@pytest.fixture(scope="module")
def chatting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with an_endpoint(play) as url:
        config = CONFIG.replace('language_model = "faulty"', 'language_model = "chat"') + CHAT.format(url=url)
        folder = Path(tmp_path_factory.mktemp("chat"))
        with serving(folder, config=config, packages=PACKAGES) as server:
            yield server


@pytest.fixture(scope="module")
def neighbour(chatting: Server) -> Iterator[Peer]:
    """Another session, open all the while."""
    with talking(chatting) as peer:
        yield peer


@pytest.mark.parametrize(
    ("wish", "begun"),
    [
        ("refuse", False),
        ("busy", False),
        ("broken", False),
        ("wait", False),
        ("no http", False),
        ("html", False),
        ("abort", False),
        ("rubbish", False),
        ("pause", True),
        ("cut", True),
    ],
)
def test_the_response_fails_and_the_session_goes_on(
    chatting: Server, neighbour: Peer, wish: str, begun: bool
) -> None:
    with talking(chatting) as peer:
        peer.send(a_message(wish), {"type": "response.create", "response": {"output_modalities": ["text"]}})
        events = peer.through("response.done")
        response = events[-1]["response"]
        assert response["status"] == "failed"
        error = response["status_details"]["error"]
        assert error["type"] in ("server_error", "invalid_request_error", "tokens")
        assert error["message"]
        assert "very-secret" not in json.dumps(events) + chatting.log
        assert bool(response["output"]) is begun
        assert [item["status"] for item in response["output"]] == ["incomplete"] * begun
        peer.until("rate_limits.updated")
        assert peer.take_turn() == "All is well."
    neighbour.take_turn()
