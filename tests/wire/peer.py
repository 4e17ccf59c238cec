"""The other end of the wire: a client that sends exactly what it is told to and hides nothing."""

import base64
import json
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.serving import Server

Event = dict[str, Any]

PATIENCE_S = 60.0
"""How long to wait for an event before the server counts as stuck."""

CLIENT_ID = "evt_client_1"


def a_message(text: str, **fields: Any) -> Event:
    """A `conversation.item.create` with what a user typed."""
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    return {"type": "conversation.item.create", "item": item | fields}


def an_update(**session: Any) -> Event:
    return {"type": "session.update", "session": {"type": "realtime"} | session}


class Peer:
    """A connection. Events go and come as dictionaries."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._markers = 0

    def send(self, *events: Event) -> None:
        for event in events:
            self.socket.send(json.dumps(event))

    def send_text(self, frame: str | bytes) -> None:
        """A text frame; bytes need not be UTF-8."""
        self.socket.send(frame, text=True)

    def send_binary(self, frame: bytes) -> None:
        self.socket.send(frame)

    def receive(self) -> Event:
        event = json.loads(self.socket.recv(timeout=PATIENCE_S))
        assert isinstance(event, dict)
        return event

    def until(self, *types: str) -> Event:
        """The next event of these types; those before it are passed over."""
        return self.through(*types)[-1]

    def through(self, *types: str) -> list[Event]:
        """All events up to the next of these types."""
        events = [self.receive()]
        while events[-1]["type"] not in types:
            events.append(self.receive())
        return events

    def answers(self, *events: Event) -> list[Event]:
        """Send these and return everything that comes until the server has dealt with all of them."""
        self.send(*events)
        return self.so_far()

    def so_far(self) -> list[Event]:
        """Everything that comes until the server has dealt with all that was sent."""
        self._markers += 1
        marker = f"evt_marker_{self._markers}"
        self.send({"type": "conversation.item.retrieve", "event_id": marker, "item_id": marker})
        events: list[Event] = []
        while True:
            event = self.receive()
            if event["type"] == "error" and event["error"]["event_id"] == marker:
                return events
            events.append(event)

    def take_turn(self, text: str = "Hello!") -> str:
        """A typed turn, answered in writing: what the assistant said."""
        self.send(a_message(text), {"type": "response.create", "response": {"output_modalities": ["text"]}})
        response = self.until("response.done")["response"]
        self.until("rate_limits.updated")
        assert response["status"] == "completed", response
        answer = response["output"][0]["content"][0]["text"]
        assert isinstance(answer, str)
        assert answer
        return answer

    def speak(self, text: str = "Hello!") -> tuple[str, int]:
        """A typed turn, answered aloud: the id of the assistant's item and its length in milliseconds."""
        self.send(a_message(text), {"type": "response.create", "response": {"output_modalities": ["audio"]}})
        events = self.through("response.done")
        response = events[-1]["response"]
        self.until("rate_limits.updated")
        assert response["status"] == "completed", response
        return response["output"][0]["id"], milliseconds(audio_of(events))

    def close_code(self) -> int:
        """Wait for the server to close the connection."""
        with suppress(ConnectionClosed):
            while True:
                self.socket.recv(timeout=PATIENCE_S)
        code = self.socket.close_code
        assert code is not None
        return code


def audio_of(events: Iterable[Event]) -> bytes:
    """The audio in the deltas among these events."""
    return b"".join(
        base64.b64decode(event["delta"]) for event in events if event["type"] == "response.output_audio.delta"
    )


def milliseconds(pcm: bytes) -> int:
    """Length of 16-bit samples at 24 kHz."""
    return len(pcm) // 48


@contextmanager
def calling(
    server: Server,
    query: str = "?model=gpt-realtime",
    *,
    headers: dict[str, str] | None = None,
    subprotocols: list[str] | None = None,
) -> Iterator[Peer]:
    """A connection whose first event is still to be read. Without `headers` the server's key is presented."""
    trust = ssl.create_default_context(cafile=server.certificate) if server.certificate else None
    with connect(
        server.url + query,
        additional_headers={"Authorization": f"Bearer {server.key}"} if headers is None else headers,
        subprotocols=subprotocols,  # type: ignore[arg-type]
        compression=None,
        max_size=None,
        ssl=trust,
    ) as socket:
        yield Peer(socket)


@contextmanager
def talking(server: Server) -> Iterator[Peer]:
    """A session that is open."""
    with calling(server) as peer:
        assert peer.receive()["type"] == "session.created"
        yield peer
