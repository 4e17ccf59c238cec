"""Events of a server that calls functions, and a connection that notes what is sent."""

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import Any

import msgspec

from vivavoce.protocol import ServerEvent, UnknownEvent, decode_server_event, encode

_NUMBERS = count(1)


def event(kind: str, **fields: Any) -> ServerEvent | UnknownEvent:
    """An event as it would come from a server."""
    decoded = decode_server_event(
        msgspec.json.encode({"type": kind, "event_id": f"event_{next(_NUMBERS)}", **fields})
    )
    assert not isinstance(decoded, UnknownEvent), kind
    return decoded


def created(response: str = "resp_1", conversation: str | None = "conv_1") -> Any:
    return event(
        "response.created",
        response={"id": response, "status": "in_progress", "conversation_id": conversation},
    )


def done(response: str = "resp_1", status: str = "completed", conversation: str | None = "conv_1") -> Any:
    return event(
        "response.done", response={"id": response, "status": status, "conversation_id": conversation}
    )


def call(
    name: str,
    arguments: str = "{}",
    *,
    call_id: str,
    index: int = 0,
    response: str = "resp_1",
    status: str = "completed",
) -> list[Any]:
    """A function call from its beginning to its end."""
    item = {"type": "function_call", "id": f"item_{call_id}", "name": name, "call_id": call_id}
    at = {"response_id": response, "output_index": index}
    begun = {**item, "status": "in_progress", "arguments": ""}
    return [
        event("response.output_item.added", **at, item=begun),
        event("response.output_item.done", **at, item={**item, "status": status, "arguments": arguments}),
    ]


def confirmed(call_id: str) -> Any:
    item = {"type": "function_call_output", "id": f"out_{call_id}", "call_id": call_id, "output": ""}
    return event("conversation.item.added", item=item)


def refused(event_id: str | None, code: str = "conversation_already_has_active_response") -> Any:
    error = {"type": "invalid_request_error", "code": code, "message": "No.", "event_id": event_id}
    return event("error", error=error)


class Wire:
    """Notes what is sent, as JSON would carry it."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.news = asyncio.Event()

    async def send(self, event: Mapping[str, Any]) -> None:
        self.note(event)
        self.news.set()

    def note(self, event: Mapping[str, Any]) -> None:
        self.sent.append(msgspec.json.decode(encode(event)))  # type: ignore[arg-type]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.sent]

    def outputs(self) -> dict[str, str]:
        """The outputs by their calls, in the order in which they were sent."""
        items = [event["item"] for event in self.sent if event["type"] == "conversation.item.create"]
        return {item["call_id"]: item["output"] for item in items}
