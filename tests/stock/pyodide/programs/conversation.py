"""A typed conversation. What comes is returned as JSON, and what happens to the socket beside it."""

import json
import sys
from typing import Any

from vivavoce import AsyncClient
from vivavoce.client.beta.websocket import OpenAIRealtimeWebSocket as Beta
from vivavoce.client.websocket import OpenAIRealtimeWebSocket as GA


async def main(base_url: str, key: str, beta: bool = False, anyway: bool = False) -> dict[str, Any]:
    client = AsyncClient(api_key=key, base_url=base_url)
    rt = (Beta if beta else GA)(model="gpt-realtime", client=client, dangerously_allow_browser=anyway)
    events: list[dict[str, Any]] = []
    happened: list[list[Any]] = []
    text_only = {"modalities": ["text"]} if beta else {"type": "realtime", "output_modalities": ["text"]}
    said = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Please say good morning"}],
    }

    rt.on("event", lambda event: events.append(json.loads(event.raw)))
    rt.on("error", lambda error: happened.append(["error", error.message, repr(error.__cause__)]))

    def ask(_: object) -> None:
        rt.send({"type": "conversation.item.create", "item": said})
        rt.send({"type": "response.create"})

    rt.on("session.created", lambda _: rt.send({"type": "session.update", "session": text_only}))
    rt.on("session.updated", ask)
    rt.on("rate_limits.updated", lambda _: rt.close())
    for name in ("open", "close"):
        rt.socket.add_event_listener(
            name, lambda event: happened.append([event.type, event.code, event.reason, rt.socket.protocol])
        )
    rt.send({"type": "response.create"})  # too early
    await rt.socket.wait_closed()
    rt.send({"type": "response.create"})  # too late
    return {
        "url": rt.url,
        "shown": repr(rt.socket),
        "ready_state": rt.socket.ready_state,
        "buffered_amount": rt.socket.buffered_amount,
        "events": events,
        "happened": happened,
        "modules": [name for name in ("websockets", "httpx", "numpy") if name in sys.modules],
        "platform": sys.platform,
    }
