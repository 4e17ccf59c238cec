"""What a mirror keeps: events without an effect yet, and items."""

import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from vivavoce.protocol import Item


class Sent(msgspec.Struct, kw_only=True):
    """A client's event whose effect has not been seen, or audio that has not become an item."""

    kind: str
    message: bytes
    event: dict[str, Any]
    audio: bytes = b""
    start_ms: float = 0.0
    """Where its audio lies in all audio of the session, and where it ends."""
    end_ms: float = 0.0


class KeptItem(msgspec.Struct, kw_only=True):
    """An item of the conversation."""

    item: Item | None
    """As the server showed it last: without audio. None: the audio buffer has become it, and it was not shown
    yet."""
    own: dict[str, Any] | None = None
    """As the client sent it."""
    own_bytes: int = 0
    speech: bytes = b""
    """What the user said, in the input format."""
    transcript: str | None = None
    """What was understood of it."""
    done: bool = True
    shown: set[str] = msgspec.field(default_factory=set)
    """The types of the events that have told of it: each is to come once."""
    words: list[str] = msgspec.field(default_factory=list)
    """What has come of the assistant's text or transcript while it is not done."""
    spoken_ms: float = 0.0
    """How much of the assistant's speech has come."""
    heard_ms: int | None = None
    """How much of it was heard, if it was truncated."""

    @property
    def size(self) -> int:
        """Bytes that could be forgotten."""
        return len(self.speech) + self.own_bytes

    def forget(self) -> None:
        self.speech, self.own, self.own_bytes = b"", None, 0


def named(kind: str, event: dict[str, Any], message: bytes) -> bytes:
    """The event with an id, and its item with one; as it is if it has them."""
    nameless = False
    if not event.get("event_id"):
        event["event_id"] = f"event_{secrets.token_hex(12)}"
        nameless = True
    item = event.get("item")
    if kind == "conversation.item.create":
        if not isinstance(item, dict):
            event["item"] = {}  # the server will say what is wrong with it
            return message
        if not item.get("id"):
            item["id"] = f"item_{secrets.token_hex(12)}"
            nameless = True
    return msgspec.json.encode(event) if nameless else message


def merge(into: dict[str, Any], patch: Mapping[str, Any]) -> None:
    """What a session.update changes of what is set: `audio` and its parts are patched, all else replaced."""
    for name, value in patch.items():
        if name in ("audio", "input", "output") and isinstance(value, dict):
            inner = into.setdefault(name, {})
            merge(inner, value)
        else:
            into[name] = value
