"""What events look like on the wire, key by key: the shapes that the tests expect."""

import re
from typing import Any

from tests.session.driver import NOW, Event


class Id:
    """Stands for an identifier in an expected event: the first one met is remembered, the next must equal it.

    The form is that of section 0.4 of the reference.
    """

    def __init__(self, prefix: str) -> None:
        self._form = re.compile(f"{prefix}_[0-9A-Za-z]{{{16 if prefix == 'call' else 21}}}")
        self.value: str | None = None

    def __eq__(self, other: object) -> bool:
        if self.value is None and isinstance(other, str) and self._form.fullmatch(other):
            self.value = other
        return other == self.value

    def __hash__(self) -> int:
        return hash(self._form)

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return f"<{self.value or self._form.pattern}>"


class AnyEventId:
    """Equals every id of a server event."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch("event_[0-9A-Za-z]{21}", other) is not None

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "<event id>"


EVENT_ID = AnyEventId()


def event(type_: str, **fields: Any) -> Event:
    """A server event as it is expected on the wire, whatever its own id."""
    return {"type": type_, "event_id": EVENT_ID, **fields}


def error(
    code: str | None,
    message: str,
    param: str | None = None,
    *,
    event_id: str | None = None,
    type_: str = "invalid_request_error",
) -> Event:
    """The `error` event with all five keys of its object."""
    fields = {"type": type_, "code": code, "message": message, "param": param, "event_id": event_id}
    return event("error", error=fields)


SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
PCM = {"type": "audio/pcm", "rate": 24000}
SESSION, CONVERSATION = Id("sess"), Id("conv")
"""The same in every test: identifiers are counted, and these come first."""


def session(
    *, turn_detection: Event | None = SERVER_VAD, transcription: Event | None = None, **changes: object
) -> Event:
    """The session as section 4.8 shows it."""
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": SESSION,
        "model": "gpt-realtime",
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": int(NOW) + 3600,
        "audio": {
            "input": {
                "format": PCM,
                "transcription": transcription,
                "noise_reduction": None,
                "turn_detection": turn_detection,
            },
            "output": {"format": PCM, "voice": "alloy", "speed": 1.0},
        },
        "include": None,
    } | changes


TRANSCRIPTION_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
}


def transcription_session(
    *, turn_detection: Event | None = TRANSCRIPTION_VAD, transcription: Event | None = None, **changes: object
) -> Event:
    """A session that only transcribes, as section 3.10 shows it."""
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": SESSION,
        "expires_at": int(NOW) + 3600,
        "audio": {
            "input": {
                "format": PCM,
                "transcription": transcription,
                "noise_reduction": None,
                "turn_detection": turn_detection,
            }
        },
        "include": None,
    } | changes


def response(response_id: Id, status: str = "in_progress", **changes: object) -> Event:
    """A response of the default conversation as section 3.1 shows it."""
    return {
        "object": "realtime.response",
        "id": response_id,
        "status": status,
        "status_details": None,
        "output": [],
        "conversation_id": CONVERSATION,
        "output_modalities": ["audio"],
        "max_output_tokens": "inf",
        "audio": {"output": {"format": PCM, "voice": "alloy"}},
        "usage": None,
        "metadata": None,
    } | changes


def usage(read: tuple[int, int], written: tuple[int, int], image: int = 0) -> Event:
    """Text and audio tokens of both directions, as section 7.4 adds them up."""
    return {
        "total_tokens": sum(read) + image + sum(written),
        "input_tokens": sum(read) + image,
        "output_tokens": sum(written),
        "input_token_details": {
            "text_tokens": read[0],
            "audio_tokens": read[1],
            "image_tokens": image,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": written[0], "audio_tokens": written[1]},
    }


def message(item_id: Id | str, role: str, *content: Event, status: str = "completed") -> Event:
    """A message as events show it."""
    return {"id": item_id, "type": "message", "status": status, "role": role, "content": list(content)}


def utterance(item_id: Id | str, transcript: str | None = None) -> Event:
    """A user's spoken message as events show it: no audio, and no transcript before it is known."""
    return message(item_id, "user", {"type": "input_audio", "transcript": transcript})


def function_call(
    item_id: Id | str, call_id: Id | str, name: str, arguments: str, status: str = "completed"
) -> Event:
    """A function call as events show it."""
    return {
        "id": item_id,
        "type": "function_call",
        "status": status,
        "name": name,
        "call_id": call_id,
        "arguments": arguments,
    }
