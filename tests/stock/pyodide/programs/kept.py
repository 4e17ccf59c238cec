"""A connection that is opened in one step and whose end is told in another."""

from typing import Any

from vivavoce import AsyncClient
from vivavoce.client.websocket import OpenAIRealtimeWebSocket

happened: list[list[Any]] = []
connections: list[OpenAIRealtimeWebSocket] = []


async def main(base_url: str = "", key: str = "") -> list[list[Any]]:
    """With an address: connect, and return when the first event has come or nothing can. Without: wait for
    the end, and return all that has happened since."""
    if base_url:
        happened.clear()
        client = AsyncClient(api_key=key, base_url=base_url)
        rt = OpenAIRealtimeWebSocket(model="gpt-realtime", client=client)
        connections[:] = [rt]
        rt.on("error", lambda error: happened.append(["error", error.message, error.error is not None]))
        rt.socket.add_event_listener("close", lambda event: happened.append(["close", event.code]))
        await rt.emitted("event")
        return []
    await connections[0].socket.wait_closed()
    return happened
