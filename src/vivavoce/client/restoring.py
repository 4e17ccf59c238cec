"""Making a new session the same as one that is lost. No input, no output."""

import secrets
from collections import deque
from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec
import pybase64

from vivavoce.client.kept import KeptItem, Sent
from vivavoce.client.mirror import APPEND, Mirror
from vivavoce.client.reconnecting import LostItem
from vivavoce.protocol import (
    MAX_AUDIO_BYTES,
    ConversationCreated,
    ConversationItemAdded,
    ConversationItemCreated,
    ConversationItemDone,
    ErrorEvent,
    FunctionCall,
    McpListTools,
    Message,
    RealtimeSession,
    SessionCreated,
    SessionUpdated,
    TranscriptionSession,
)

_AUDIO = ("audio", "input"), ("audio", "output")
_SETTABLE = (
    *(
        (name,)
        for name in (
            "output_modalities",
            "instructions",
            "tools",
            "tool_choice",
            "max_output_tokens",
            "tracing",
            "truncation",
            "prompt",
            "include",
            "reasoning",
            "parallel_tool_calls",
        )
    ),
    *((*_AUDIO[0], name) for name in ("format", "transcription", "noise_reduction", "turn_detection")),
    *((*_AUDIO[1], name) for name in ("format", "voice", "speed", "language")),
)
"""What a session.update may set, each as a whole."""

_CLEARABLE = frozenset({"tracing", "prompt", "include", "transcription", "noise_reduction", "turn_detection"})
"""What of it may be null."""

_ABSENT = object()


class Stage(Enum):
    """How far a restoration is."""

    GREETING = "greeting"
    """The server has not said session.created."""
    CONFIGURING = "configuring"
    FILLING = "filling"
    """The items are on their way."""
    DONE = "done"


_NEXT: dict[Stage, frozenset[Stage]] = {
    Stage.GREETING: frozenset({Stage.CONFIGURING, Stage.FILLING}),
    Stage.CONFIGURING: frozenset({Stage.FILLING}),
    Stage.FILLING: frozenset({Stage.DONE}),
    Stage.DONE: frozenset(),
}


class Restoration:
    """One attempt to make a new session the same.

    - mirror: of the new session.
    - outgoing: what is to be sent now.
    - restored, lost: items that are there again, and those that cannot be.
    - session_restored: whether the server has taken the configuration.
    """

    def __init__(self, old: Mirror) -> None:
        self._old = old
        self.mirror = Mirror()
        self.mirror.asked = old.asked
        self.outgoing: deque[bytes] = deque()
        self.restored: list[str] = []
        self.lost: list[LostItem] = []
        self.session_restored = True
        self.error: ErrorEvent | None = None
        """What the server said instead of session.created."""
        self._stage = Stage.GREETING
        self._update_id = f"event_{secrets.token_hex(12)}"
        self._showing: list[tuple[str, str]] = []
        """What the program learns of items by the events of the restoration that are not its own."""
        self._creating: dict[str, str] = {}
        """The items under way, and the ids of the events with which they are created."""

    @property
    def stage(self) -> Stage:
        return self._stage

    def _become(self, stage: Stage) -> None:
        if stage not in _NEXT[self._stage]:
            raise RuntimeError(f"A restoration that is {self._stage.value} cannot become {stage.value}.")
        self._stage = stage

    def receive(self, event: object) -> bool:
        """Take note of an event of the new session. Whether it is one of the restoration's own."""
        self.mirror.received(event)
        match self._stage, event:
            case _, ConversationCreated():
                return True
            case Stage.GREETING, SessionCreated():
                self._configure()
            case Stage.GREETING, ErrorEvent():
                self.error = event
            case Stage.CONFIGURING, SessionUpdated():
                self._fill()
            case Stage.CONFIGURING, ErrorEvent() if event.error.event_id == self._update_id:
                self.session_restored = False
                self._fill()
            case Stage.FILLING, _:
                return self._filled(event)
            case _:
                return False
        return True

    def _configure(self) -> None:
        assert self.mirror.session is not None
        patch = session_patch(self._old.session, self._old.asked, self.mirror.session)
        if patch is None:
            self._fill()
        else:
            self._become(Stage.CONFIGURING)
            self._send({"type": "session.update", "event_id": self._update_id, "session": patch})

    def _fill(self) -> None:
        self._become(Stage.FILLING)
        previous = "root"
        for item_id, kept in self._old.items.items():
            if isinstance(kept.item, McpListTools):
                continue  # the server asks for the tools itself
            item = restored_item(item_id, kept, self._old)
            if isinstance(item, str):
                self.lost.append(LostItem(item_id=item_id, reason=item))
                continue
            event_id = f"event_{secrets.token_hex(12)}"
            self._creating[item_id] = event_id
            self._send(
                {
                    "type": "conversation.item.create",
                    "event_id": event_id,
                    "previous_item_id": previous,
                    "item": item,
                }
            )
            previous = item_id
        self._finish()

    def _filled(self, event: object) -> bool:
        match event:
            case ConversationItemAdded(item=item) if item.id in self._creating:
                return self._was_shown(str(item.id), event.type)
            case ConversationItemDone(item=item) | ConversationItemCreated(item=item) if (
                item.id in self._creating
            ):
                item_id = str(item.id)
                was_shown = self._was_shown(item_id, event.type)
                del self._creating[item_id]
                self.restored.append(item_id)
                self.mirror.keep(item_id, self._old.items[item_id])
                self._finish()
                return was_shown
            case ErrorEvent(error=error) if error.event_id in self._creating.values():
                item_id = next(
                    each for each, event_id in self._creating.items() if event_id == error.event_id
                )
                del self._creating[item_id]
                self.lost.append(LostItem(item_id=item_id, reason=error.message))
            case _:
                return False
        self._finish()
        return True

    def _was_shown(self, item_id: str, kind: str) -> bool:
        """Whether the program knows this of the item already; it does from now on."""
        shown = self._old.items[item_id].shown
        self._showing.append((item_id, kind))
        return kind in shown

    def _finish(self) -> None:
        if not self._creating:
            self._become(Stage.DONE)

    def _send(self, event: Mapping[str, Any]) -> None:
        self.outgoing.append(msgspec.json.encode(event))

    def pending(self) -> list[Sent]:
        """What is to be sent again once it is done, in order: the old session has shown no effect of it."""
        assert self._stage is Stage.DONE
        for item_id, kind in self._showing:
            self._old.items[item_id].shown.add(kind)
        created = {entry.event["item"].get("id") for entry in self._old.log if "item" in entry.event}
        known = created | set(self.mirror.items)
        pending = [
            msgspec.structs.replace(entry)
            for entry in self._old.log
            if "item_id" not in entry.event or self._applies(entry, known)
        ]
        if self._old.owed and not any(entry.kind == "response.create" for entry in pending):
            event = {"type": "response.create", "event_id": f"event_{secrets.token_hex(12)}"}
            pending.insert(
                0, Sent(kind="response.create", message=msgspec.json.encode(event), event=dict(event))
            )
        return pending

    def _applies(self, entry: Sent, known: set[Any]) -> bool:
        """Whether an event about an item makes sense any more. Speech is there as text now, which cannot be
        truncated; that was done when it was restored."""
        return entry.kind != "conversation.item.truncate" and entry.event["item_id"] in known


def resent_audio_ms(entries: list[Sent]) -> int:
    """How long the audio of these events is, in milliseconds."""
    return round(sum(entry.end_ms - entry.start_ms for entry in entries if entry.kind == APPEND))


def session_patch(old: object, asked: Mapping[str, Any], new: object) -> dict[str, Any] | None:
    """What a session.update has to set in a new session for it to be like the old; None if it is.

    - asked: what the client has set in the old one, which is preferred to what the server showed of it.
    """
    if old is None:
        return None
    was, now = msgspec.to_builtins(old), msgspec.to_builtins(new)
    patch: dict[str, Any] = {}
    for path in _SETTABLE:
        value = _at(was, path)
        if value is _ABSENT or value == _at(now, path):
            continue
        own = _at(asked, path)
        value = _stated(value) if own is _ABSENT else own
        if value is None and path[-1] not in _CLEARABLE:
            continue
        inner = patch
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = value
    if not patch:
        return None
    match old:
        case RealtimeSession():
            return {"type": "realtime", **patch}
        case TranscriptionSession():
            return {"type": "transcription", **patch}
        case _:
            return patch


def _at(values: object, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(values, Mapping) or name not in values:
            return _ABSENT
        values = values[name]
    return values


def _stated(value: Any) -> Any:
    """Without what is null inside, which a server shows and need not accept."""
    if isinstance(value, dict):
        return {name: _stated(inner) for name, inner in value.items() if inner is not None}
    return [_stated(inner) for inner in value] if isinstance(value, list) else value


def restored_item(item_id: str, kept: KeptItem, old: Mirror) -> dict[str, Any] | str:
    """The item with which a new session gets an old one's, or why it cannot."""
    item = kept.item
    if kept.own is not None:
        return kept.own
    if item is None or (isinstance(item, Message) and item.role == "user"):
        return _user_message(item_id, kept)
    if isinstance(item, Message) and item.role == "assistant":
        text = _assistant_text(item_id, kept, old)
        if not text:
            return "Nothing of it was heard."
        content = [{"type": "output_text", "text": text}]
        return {"id": item_id, "type": "message", "role": "assistant", "content": content}
    if isinstance(item, FunctionCall) and not kept.done:
        return "The call was not finished."
    fields = _stated(msgspec.to_builtins(item))
    return {name: value for name, value in fields.items() if name not in ("object", "status")}


def _user_message(item_id: str, kept: KeptItem) -> dict[str, Any] | str:
    message: dict[str, Any] = {"id": item_id, "type": "message", "role": "user"}
    content = _stated(msgspec.to_builtins(kept.item.content)) if isinstance(kept.item, Message) else []
    if content and all(part["type"] != "input_audio" for part in content):
        return {**message, "content": content}
    if 0 < len(kept.speech) <= MAX_AUDIO_BYTES:
        speech = {"type": "input_audio", "audio": pybase64.b64encode_as_string(kept.speech)}
        if kept.transcript:
            speech["transcript"] = kept.transcript
        return {**message, "content": [speech]}
    if kept.transcript:
        return {**message, "content": [{"type": "input_text", "text": kept.transcript}]}
    return "Its audio is not kept here, and it was not transcribed."


def _assistant_text(item_id: str, kept: KeptItem, old: Mirror) -> str:
    """What the assistant said, as far as it was heard."""
    text = "".join(kept.words)
    if kept.done and isinstance(kept.item, Message):
        parts = (
            getattr(part, "text", None) or getattr(part, "transcript", None) for part in kept.item.content
        )
        text = "".join(part for part in parts if isinstance(part, str)) or text
    heard_ms = kept.heard_ms
    for entry in old.log:
        if entry.kind == "conversation.item.truncate" and entry.event.get("item_id") == item_id:
            heard_ms = entry.event.get("audio_end_ms")
    if not isinstance(heard_ms, int) or not kept.spoken_ms or heard_ms >= kept.spoken_ms:
        return text
    # Nobody tells how far in the words that is: as far as in the sound, nearly.
    heard = text[: round(len(text) * heard_ms / kept.spoken_ms)]
    return heard.rpartition(" ")[0] if heard != text else text
