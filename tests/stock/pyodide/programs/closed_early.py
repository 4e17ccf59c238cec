"""A connection that is closed in the moment in which it opens: the page knows, and nobody else yet."""

from typing import Any

from vivavoce import AsyncClient
from vivavoce.client.browser_socket import WebSocket
from vivavoce.client.websocket import OpenAIRealtimeWebSocket


async def main(base_url: str, key: str) -> list[str]:
    happened: list[str] = []
    open_it = WebSocket._on_open

    def open_and_close(websocket: WebSocket, event: Any) -> None:
        open_it(websocket, event)
        rt.close()

    WebSocket._on_open = open_and_close  # type: ignore[method-assign]
    try:
        rt = OpenAIRealtimeWebSocket(model="gpt-realtime", client=AsyncClient(api_key=key, base_url=base_url))
        rt.on("error", lambda error: happened.append(error.message))
        for name in ("open", "close"):
            rt.socket.add_event_listener(name, lambda event: happened.append(event.type))
        await rt.socket.wait_closed()
    finally:
        WebSocket._on_open = open_it  # type: ignore[method-assign]
    return happened
