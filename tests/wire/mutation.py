"""Valid client events, and what becomes of them when somebody tampers with them."""

import base64
import copy
import json
import random
from collections.abc import Callable
from typing import Any

from tests.wire.peer import Event, a_message, an_update

ITEM_IDS = ("alpha", "bravo", "charlie")
"""The names that items are given, so that events come to speak of the same item."""

LAST_SPOKEN = "@last"
"""Stands for the item in which the assistant spoke last; whoever sends a frame puts its id here."""

AUDIO = base64.b64encode(bytes(4_800)).decode()
"""100 ms of silence: just enough to commit."""

PICTURE = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()

TOOL: Event = {
    "type": "function",
    "name": "set_lights",
    "description": "Switch the lights of a room on or off.",
    "parameters": {
        "type": "object",
        "properties": {"room": {"type": "string", "enum": ["kitchen", "hall"]}, "on": {"type": "boolean"}},
        "required": ["room"],
    },
}


def _conversation(*items: Event) -> list[Event]:
    return [{"type": "conversation.item.create", "item": item} for item in items]


CORPUS: list[Event] = [
    an_update(instructions="Be brief.", output_modalities=["text"], max_output_tokens=200),
    an_update(
        model="gpt-realtime",
        output_modalities=["text"],
        instructions="You are a light switch.",
        tools=[TOOL, TOOL | {"name": "dim"}],
        tool_choice="auto",
        max_output_tokens="inf",
        truncation="auto",
        tracing=None,
        prompt=None,
        include=["item.input_audio_transcription.logprobs"],
        audio={
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "whisper-1", "language": "en", "prompt": "lights"},
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 200,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcmu"}, "voice": "ash", "speed": 1.2},
        },
    ),
    an_update(
        audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}},
        tool_choice={"type": "function", "name": "set_lights"},
    ),
    an_update(audio={"input": {"turn_detection": None, "transcription": None}}, tool_choice="none"),
    an_update(audio={"input": {"format": {"type": "audio/pcma"}}}, tools=[]),
    {"type": "input_audio_buffer.append", "audio": AUDIO},
    {"type": "input_audio_buffer.append", "audio": "AAAA"},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    *(a_message(f"I am {name}.", id=name) for name in ITEM_IDS),
    a_message("Switch the kitchen lights on, please.", status="completed") | {"previous_item_id": "root"},
    a_message("And then?") | {"previous_item_id": "alpha"},
    *_conversation(
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this? Ünïcödé 🎈"},
                {"type": "input_image", "image_url": PICTURE, "detail": "low"},
            ],
        },
        {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": AUDIO}]},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be kind."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I am."}]},
        {"type": "function_call", "name": "set_lights", "call_id": "call_1", "arguments": '{"room":"hall"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": '{"ok":true}'},
        {"type": "mcp_approval_response", "approval_request_id": "x", "approve": True},
    ),
    *({"type": "conversation.item.retrieve", "item_id": name} for name in ITEM_IDS),
    *({"type": "conversation.item.delete", "item_id": name} for name in ITEM_IDS),
    {"type": "conversation.item.truncate", "item_id": "alpha", "content_index": 0, "audio_end_ms": 100},
    {"type": "conversation.item.truncate", "item_id": LAST_SPOKEN, "content_index": 0, "audio_end_ms": 100},
    {"type": "conversation.item.retrieve", "item_id": LAST_SPOKEN},
    {"type": "response.create"},
    {"type": "response.create", "response": {"output_modalities": ["audio"], "max_output_tokens": 60}},
    {
        "type": "response.create",
        "response": {
            "output_modalities": ["text"],
            "instructions": "Answer in one word.",
            "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "ash"}},
            "tools": [TOOL],
            "tool_choice": "required",
            "max_output_tokens": 20,
            "conversation": "auto",
            "metadata": {"topic": "lights"},
        },
    },
    {
        "type": "response.create",
        "response": {
            "conversation": "none",
            "output_modalities": ["text"],
            "input": [
                {"type": "item_reference", "id": "alpha"},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello!"}]},
            ],
        },
    },
    {"type": "response.cancel"},
    {"type": "response.cancel", "response_id": "resp_x"},
    {"type": "session.close"},
    {"type": "session.input_audio_buffer.append", "audio": "AAAA"},
]
"""Every event that a client can send, with every field somewhere."""

JUNK: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    24_000,
    2**31,
    2**63,
    -(2**63) - 1,
    10**40,
    0.5,
    -0.0,
    1e308,
    "",
    " ",
    "alpha",
    "root",
    "audio",
    "inf",
    "auto",
    "\u0000",
    "\ud83c",  # half a character
    "Ünïcödé 🎈 \u202e\u2028",
    "a" * 600,
    "%s%n{0}${jndi:x}'\";--",
    [],
    {},
    [[]],
    [None],
    ["text"],
    ["audio"],
    {"type": "function"},
    {"type": None},
    {"": ""},
    {"__proto__": {"x": 1}},
]

Place = tuple[Any, Any]
"""A container and the key or index of a value in it."""


class Mutator:
    """Makes frames out of the corpus. Equal seeds make equal frames."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._structural: list[Callable[[Event], object]] = [
            self._drop,
            self._replace,
            self._replace,
            self._nudge,
            self._add,
            self._rename,
            self._swap,
            self._graft,
            self._retype,
            self._nest,
            self._repeat,
        ]
        self._bytewise: list[Callable[[bytearray], None]] = [
            self._flip,
            self._cut,
            self._insert,
            self._double,
            self._shorten,
        ]

    def frame(self, name: str) -> str:
        """The next frame; its event is called `name`, if that survives."""
        event = copy.deepcopy(self._random.choice(CORPUS))
        if self._random.random() < 0.8:
            event["event_id"] = name
        if self._random.random() < 0.25:
            return json.dumps(event)  # as it is, so that there is something to talk about
        if self._random.random() < 0.75:
            for _ in range(self._random.choice((1, 1, 1, 2, 3))):
                self._random.choice(self._structural)(event)
            return json.dumps(event, ensure_ascii=self._random.random() < 0.5 or _has_half_characters(event))
        frame = bytearray(json.dumps(event).encode())
        for _ in range(self._random.choice((1, 1, 2, 4))):
            self._random.choice(self._bytewise)(frame)
        return frame.decode("utf-8", "replace")

    # Structure

    def _places(self, event: Event) -> list[Place]:
        places: list[Place] = []
        containers: list[Any] = [event]
        while containers:
            container = containers.pop()
            keys = list(container) if isinstance(container, dict) else range(len(container))
            for key in keys:
                places.append((container, key))
                if isinstance(container[key], dict | list):
                    containers.append(container[key])
        return places or [(event, "type")]

    def _place(self, event: Event) -> Place:
        return self._random.choice(self._places(event))

    def _drop(self, event: Event) -> None:
        container, key = self._place(event)
        if container:
            del container[key]

    def _replace(self, event: Event) -> None:
        container, key = self._place(event)
        container[key] = copy.deepcopy(self._random.choice(JUNK))

    def _nudge(self, event: Event) -> None:
        """A number just beside itself, a text a little longer or shorter."""
        places = self._places(event)
        numbers = [place for place in places if type(_value(place)) in (int, float)]
        container, key = self._random.choice(numbers or places)
        value = _value((container, key))
        match value:
            case bool():
                container[key] = not value
            case int() | float():
                container[key] = value + self._random.choice((-1, 1, 0.5, 10_000))
            case str():
                container[key] = self._random.choice(
                    (value[1:], value[:-1], value + "x", value.upper(), value * 2)
                )
            case _:
                container[key] = [value]

    def _add(self, event: Event) -> None:
        container, _ = self._place(event)
        junk = copy.deepcopy(self._random.choice(JUNK))
        if isinstance(container, dict):
            container[self._random.choice(("bogus", "type", "id", "event_id", "audio", "", "a" * 300))] = junk
        else:
            container.insert(self._random.randrange(len(container) + 1), junk)

    def _rename(self, event: Event) -> None:
        container, key = self._place(event)
        if isinstance(container, dict) and key in container:
            container[key + "s" if self._random.random() < 0.5 else key.upper()] = container.pop(key)

    def _swap(self, event: Event) -> None:
        (one, first), (other, second) = self._place(event), self._place(event)
        if first in _keys(one) and second in _keys(other):
            left, right = copy.deepcopy(one[first]), copy.deepcopy(other[second])
            other[second], one[first] = left, right

    def _graft(self, event: Event) -> None:
        """A branch of another event in place of one of this."""
        container, key = self._place(event)
        donor, branch = self._place(self._random.choice(CORPUS))
        container[key] = copy.deepcopy(donor[branch])

    def _retype(self, event: Event) -> None:
        event["type"] = self._random.choice(CORPUS)["type"]

    def _nest(self, event: Event) -> None:
        container, key = self._place(event)
        value: Any = 1
        for _ in range(self._random.choice((3, 90, 120))):
            value = [value] if self._random.random() < 0.5 else {"x": value}
        container[key] = value

    def _repeat(self, event: Event) -> None:
        container, key = self._place(event)
        value = _value((container, key))
        container[key] = [copy.deepcopy(value) for _ in range(self._random.choice((2, 20)))]

    # Bytes

    def _flip(self, frame: bytearray) -> None:
        for _ in range(self._random.choice((1, 1, 5))):
            if frame:
                frame[self._random.randrange(len(frame))] ^= 1 << self._random.randrange(8)

    def _span(self, frame: bytearray) -> slice:
        start = self._random.randrange(len(frame) + 1)
        return slice(start, start + self._random.choice((1, 2, 8, 64)))

    def _cut(self, frame: bytearray) -> None:
        del frame[self._span(frame)]

    def _insert(self, frame: bytearray) -> None:
        at = self._random.randrange(len(frame) + 1)
        choices = (b'"', b"{", b"}", b"[", b",", b":", b"\\", b"\\u0000", b"\\ud800", b"\x00", b"1e999", b" ")
        frame[at:at] = self._random.choice((*choices, self._random.randbytes(4)))

    def _double(self, frame: bytearray) -> None:
        span = self._span(frame)
        frame[span.start : span.start] = frame[span]

    def _shorten(self, frame: bytearray) -> None:
        del frame[self._random.randrange(len(frame) + 1) :]


def _value(place: Place) -> Any:
    container, key = place
    return container.get(key) if isinstance(container, dict) else container[key]


def _keys(container: Any) -> Any:
    return container if isinstance(container, dict) else range(len(container))


def _has_half_characters(event: Event) -> bool:
    try:
        json.dumps(event, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
