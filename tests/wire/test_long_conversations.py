"""What a language model is given of a conversation, from the client's socket to the endpoint's."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.serving import Server, serving
from tests.wire.peer import Event, Peer, a_message, an_update, calling, talking

PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+k"
    "cQAAAABJRU5ErkJggg=="
)
NO_ROOM = "context_length_exceeded"


class Endpoint:
    """A chat-completions endpoint on this machine, which answers "Fine." and writes down what it was asked.
    A summary it calls a summary."""

    def __init__(self) -> None:
        self.asked: list[Event] = []
        endpoint = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send("application/json", b'{"data":[]}')

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.asked.append(body)
                text = "All was well." if body["messages"][0]["content"] == "Sum up." else "Fine."
                chunks: list[Any] = [
                    {"choices": [{"delta": {"content": text}}]},
                    {"choices": [{"delta": {}, "finish_reason": "stop"}]},
                ]
                events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]
                self._send("text/event-stream", "".join(events).encode())

            def _send(self, kind: str, content: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    @contextmanager
    def running(self) -> Iterator[None]:
        serving = threading.Thread(target=self._server.serve_forever)
        serving.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            serving.join()

    @property
    def messages(self) -> list[Event]:
        """What it was told last."""
        return list(self.asked[-1]["messages"])


CONFIG = """
[session]
debug = true
instructions = ""
max_minutes = 0
prompts = "prompts"

[session.compaction]
begin = 0.8
keep = 0.3
max_tokens = 20
instructions = "Sum up."

[engines]
language_model = "chat"

[language_model.chat]
base_url = "{url}"
context_tokens = 1200
reasoning = true
"""

CLERK = """
instructions = "You are {{name}}, a clerk of {{town}}."

[variables]
town = "Bonn"

[[tools]]
type = "function"
name = "opening_hours"
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    there = Endpoint()
    with there.running():
        yield there


@pytest.fixture(scope="module")
def chatting(endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose language model is that endpoint."""
    folder = Path(tmp_path_factory.mktemp("chatting"))
    (folder / "prompts").mkdir()
    (folder / "prompts" / "pmpt_clerk.toml").write_text(CLERK)
    with serving(folder, config=CONFIG.replace("{url}", endpoint.url)) as running:
        yield running


@pytest.fixture
def peer(chatting: Server) -> Iterator[Peer]:
    with talking(chatting) as fresh:
        fresh.answers(an_update(output_modalities=["text"], audio={"input": {"turn_detection": None}}))
        yield fresh


def answered(peer: Peer, **response: object) -> Event:
    peer.send({"type": "response.create", "response": response})
    done = peer.until("response.done")["response"]
    peer.until("rate_limits.updated")
    return dict(done)


def test_a_picture_reaches_the_model(peer: Peer, endpoint: Endpoint) -> None:
    content = [
        {"type": "input_image", "image_url": PICTURE, "detail": "low"},
        {"type": "input_text", "text": "What is this?"},
    ]
    item = {"type": "message", "role": "user", "content": content}
    added, done = peer.answers({"type": "conversation.item.create", "item": item})
    assert added["item"]["content"] == done["item"]["content"] == content
    response = answered(peer)
    assert endpoint.messages == [
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
                {"type": "text", "text": "What is this?"},
            ],
        }
    ]
    details = response["usage"]["input_token_details"]
    assert (details["image_tokens"], details["text_tokens"]) == (85, 6)


def test_a_template_and_its_variables(peer: Peer, endpoint: Endpoint) -> None:
    prompt = {"id": "pmpt_clerk", "variables": {"name": "Anna"}}
    (updated,) = peer.answers(an_update(prompt=prompt))
    assert (updated["session"]["prompt"], updated["session"]["instructions"]) == (prompt, "")
    assert updated["session"]["tools"] == []
    answered(peer)
    assert endpoint.messages[0] == {"role": "system", "content": "You are Anna, a clerk of Bonn."}
    assert endpoint.asked[-1]["tools"][0]["function"]["name"] == "opening_hours"
    (refused,) = peer.answers(an_update(prompt={"id": "pmpt_gone"}, instructions="x"))
    assert refused["error"]["param"] == "session.prompt.id"
    answered(peer, prompt=prompt | {"variables": {"name": "Ben", "town": "Köln"}})
    assert endpoint.messages[0]["content"] == "You are Ben, a clerk of Köln."


def test_a_model_that_reasons_is_told_how_hard(chatting: Server, endpoint: Endpoint) -> None:
    with calling(chatting) as peer:
        session = peer.receive()["session"]
        assert (session["reasoning"], session["parallel_tool_calls"]) == ({"effort": "low"}, True)
        assert session["expires_at"] == 0  # max_minutes = 0: it has no end
        tool = {"type": "function", "name": "f"}
        peer.answers(an_update(reasoning={"effort": "high"}, tools=[tool], output_modalities=["text"]))
        answered(peer)
        asked = endpoint.asked[-1]
        assert (asked["reasoning_effort"], asked["parallel_tool_calls"]) == ("high", True)
        answered(peer, reasoning={"effort": "minimal"}, parallel_tool_calls=False)
        asked = endpoint.asked[-1]
        assert (asked["reasoning_effort"], asked["parallel_tool_calls"]) == ("minimal", False)


def hundred(number: int) -> Event:
    """Something that costs 100 tokens: 98, and 2 for the item."""
    return a_message(f"{number:03d} " + "x" * 388)


def numbers(messages: list[Event]) -> list[int]:
    return [int(message["content"][:3]) for message in messages if message["content"][:3].isdigit()]


def test_a_conversation_that_is_too_long(peer: Peer, endpoint: Endpoint) -> None:
    """Half of the window is for the answer, so that six messages fit."""
    items = []
    for number in range(8):
        _, done = peer.answers(hundred(number))
        items.append(done["item"]["id"])
    peer.answers(an_update(truncation="disabled"))
    response = answered(peer)
    assert (response["status"], response["output"]) == ("failed", [])
    assert response["status_details"]["error"]["code"] == NO_ROOM
    assert "it takes 800 tokens, and at most 600 fit" in response["status_details"]["error"]["message"]
    peer.answers(an_update(truncation="auto"))
    response = answered(peer, conversation="none")
    assert numbers(endpoint.messages) == [2, 3, 4, 5, 6, 7]
    assert response["usage"]["input_tokens"] == 600
    ratio = {"type": "retention_ratio", "retention_ratio": 0.5}
    peer.answers(an_update(truncation=ratio))
    answered(peer, conversation="none")
    assert numbers(endpoint.messages) == [5, 6, 7]
    peer.send({"type": "conversation.item.retrieve", "item_id": items[0]})
    assert peer.until("conversation.item.retrieved")["item"]["content"][0]["text"].startswith("000")


def test_older_turns_become_a_summary(peer: Peer, endpoint: Endpoint) -> None:
    for number in range(5):
        peer.answers(hundred(number))
    answered(peer)
    deadline = time.monotonic() + 30
    while endpoint.messages[0]["content"] != "Sum up.":
        assert time.monotonic() < deadline, "no summary was asked for"
        time.sleep(0.02)
    asked = endpoint.asked[-1]
    assert asked["max_tokens"] == 20
    assert asked["messages"][1]["content"].startswith("User: 000 xxx")
    while True:
        answered(peer, conversation="none")
        if "All was well." in str(endpoint.messages[0]["content"]):
            break
        assert time.monotonic() < deadline, "the summary is not used"
    summary, *rest = endpoint.messages
    assert summary["role"] == "system"
    # 500 tokens and the answer of 4: down to 180, so that one message is left beside the answer.
    assert numbers(rest) == [4]
    assert rest[-1] == {"role": "assistant", "content": "Fine."}


def test_responses_beside_each_other(peer: Peer) -> None:
    """Each has its own context, its own labels, and its own events."""
    _, done = peer.answers(a_message("Hello"))
    referred = {"type": "item_reference", "id": done["item"]["id"]}
    inputs: list[list[Event]] = [[], [referred], [referred, a_message("And?")["item"]], [referred] * 4]
    for number, context in enumerate(inputs):
        response = {"conversation": "none", "metadata": {"number": str(number)}, "input": context}
        peer.send({"type": "response.create", "response": response})
    events: list[Event] = []
    while sum(event["type"] == "response.done" for event in events) < len(inputs):
        events.append(peer.receive())
    created = [e["response"] for e in events if e["type"] == "response.created"]
    finished = {e["response"]["id"]: e["response"] for e in events if e["type"] == "response.done"}
    assert [each["metadata"]["number"] for each in created] == ["0", "1", "2", "3"]
    assert [finished[each["id"]]["metadata"] for each in created] == [each["metadata"] for each in created]
    assert all(each["conversation_id"] is None for each in finished.values())
    read = [finished[each["id"]]["usage"]["input_tokens"] for each in created]
    assert read == [0, 4, 7, 16]
    assert not any(event["type"].startswith("conversation.item") for event in events)
    for response in finished.values():
        own = [event for event in events if event.get("response_id") == response["id"]]
        deltas = "".join(event["delta"] for event in own if event["type"].endswith("text.delta"))
        assert deltas == response["output"][0]["content"][0]["text"] == "Fine."
    peer.answers({"type": "conversation.item.delete", "item_id": referred["id"]})
    (refused,) = peer.answers({"type": "response.create", "response": {"input": [referred]}})
    assert (refused["error"]["code"], refused["error"]["param"]) == ("invalid_value", "response.input[0].id")


def test_a_session_has_an_end(tmp_path: Path) -> None:
    with serving(tmp_path, "--max-session-minutes", "0.02") as server, calling(server) as peer:
        opened = time.time()
        session = peer.receive()["session"]
        assert session["expires_at"] == pytest.approx(opened + 1.2, abs=30)
        assert peer.until("error")["error"]["code"] == "session_expired"
        assert time.time() >= session["expires_at"]
        assert peer.close_code() == 1001
