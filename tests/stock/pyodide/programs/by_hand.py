"""The socket of the page and the events of the protocol, and nothing else of the client."""

import asyncio
import json
import sys
from typing import Any

from vivavoce.client import ConfigurationError, ConnectionClosed
from vivavoce.client.browser_socket import BrowserSocket, subprotocols


class Inbox:
    """Keeps what happens to a socket."""

    def __init__(self) -> None:
        self.happened: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def opened(self) -> None:
        self.happened.put_nowait({"type": "socket.open"})

    def received(self, message: str | bytes) -> None:
        self.happened.put_nowait(json.loads(message))

    def failed(self, reason: str) -> None:
        self.happened.put_nowait({"type": "socket.error", "reason": reason})

    def closed(self, code: int, reason: str) -> None:
        self.happened.put_nowait({"type": "socket.close", "code": code, "reason": reason})


def attempt(call: Any, *arguments: Any) -> str:
    """What a call raised, by name and in words."""
    try:
        call(*arguments)
    except (ConfigurationError, ConnectionClosed, ConnectionError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


async def main(url: str, key: str, beta: bool = False, close_at: str = "session.created") -> dict[str, Any]:
    """Connect, close at an event, and tell what came and what each misuse raised."""
    inbox = Inbox()
    socket = BrowserSocket(url, subprotocols(key, beta=beta), inbox)
    misuse = [attempt(socket.send, "{}")]
    events: list[dict[str, Any]] = []
    while not events or events[-1]["type"] != "socket.close":
        events.append(await inbox.happened.get())
        if events[-1]["type"] == close_at:
            misuse += [attempt(socket.close, 1001), attempt(socket.close, 1000, "ä" * 62)]
            socket.close(4999, "enough")
            misuse.append(attempt(socket.send, "{}"))
    misuse.append(attempt(socket.send, "{}"))
    socket.close()
    return {
        "url": socket.url,
        "events": events,
        "misuse": misuse,
        "modules": [name for name in ("websockets", "httpx", "numpy") if name in sys.modules],
    }
