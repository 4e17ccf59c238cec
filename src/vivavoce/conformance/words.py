"""The two dialects' names and shapes for the same things, so that a check is written once."""

from typing import Any

from vivavoce.conformance.check import Dialect, Transport

Event = dict[str, Any]

_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}

_SESSION: dict[str, tuple[str, str]] = {
    "modality": ("output_modalities", "modalities"),
    "voice": ("audio.output.voice", "voice"),
    "speed": ("audio.output.speed", "speed"),
    "input_format": ("audio.input.format", "input_audio_format"),
    "output_format": ("audio.output.format", "output_audio_format"),
    "transcription": ("audio.input.transcription", "input_audio_transcription"),
    "noise_reduction": ("audio.input.noise_reduction", "input_audio_noise_reduction"),
    "turn_detection": ("audio.input.turn_detection", "turn_detection"),
    "max_output_tokens": ("max_output_tokens", "max_response_output_tokens"),
}
"""Where a setting stands in a session: in GA and in beta. What is not listed is called the same in both."""

_RESPONSE = _SESSION | {"max_output_tokens": ("max_output_tokens", "max_output_tokens")}
"""The same for `response.create` and the response object."""


class Words:
    """The vocabulary of one dialect, over one transport."""

    def __init__(self, dialect: Dialect, transport: Transport = Transport.WEBSOCKET) -> None:
        self.dialect = dialect
        self.over_webrtc = transport is Transport.WEBRTC
        ga = dialect is Dialect.GA
        self.ga = ga
        self.text = "response.output_text" if ga else "response.text"
        """The family of `….delta` and `….done`; so are the next two."""
        self.audio = "response.output_audio" if ga else "response.audio"
        self.transcript = "response.output_audio_transcript" if ga else "response.audio_transcript"
        self.audio_begins = "output_audio_buffer.started" if self.over_webrtc else f"{self.audio}.delta"
        """The first sign that the assistant is heard."""
        self.added = "conversation.item.added" if ga else "conversation.item.created"
        """An item is in the conversation."""
        self.item_events = ("conversation.item.added", "conversation.item.done") if ga else (self.added,)
        """What a finished item is announced with."""
        self.assistant_text = "output_text" if ga else "text"
        """The type of a part of an assistant's item."""
        self.assistant_audio = "output_audio" if ga else "audio"

    # Sessions

    def update(self, **settings: Any) -> Event:
        """A `session.update` with these settings, which are named as `place` names them."""
        session: Event = {"type": "realtime"} if self.ga else {}
        for name, value in settings.items():
            _put(session, self._name(_SESSION, name), self._value(name, value))
        return {"type": "session.update", "session": session}

    def place(self, setting: str, prefix: str = "session") -> str:
        """The dotted path of a setting, as `param` of an error names it."""
        table = _RESPONSE if prefix == "response" else _SESSION
        return f"{prefix}.{self._name(table, setting)}"

    def get(self, session: Event, setting: str) -> Any:
        """A setting of a session or a response as an event shows it; None if it is not there."""
        value: Any = session
        table = _RESPONSE if session.get("object") == "realtime.response" else _SESSION
        for key in self._name(table, setting).split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def format(self, name: str) -> Any:
        """An audio format, called as the beta dialect calls it, as it stands in a session."""
        if not self.ga:
            return name
        return {"type": _FORMATS[name]} | ({"rate": 24000} if name == "pcm16" else {})

    def modalities(self, modality: str) -> list[str]:
        """What a session or a response is asked for, to answer in `"text"` or in `"audio"`."""
        return [modality] if self.ga or modality == "text" else ["audio", "text"]

    # Responses

    def create(self, **settings: Any) -> Event:
        """A `response.create`."""
        response: Event = {}
        for name, value in settings.items():
            _put(response, self._name(_RESPONSE, name), self._value(name, value))
        return {"type": "response.create", "response": response} if settings else {"type": "response.create"}

    # Items

    def user(self, text: str, **fields: Any) -> Event:
        """A user's message, as an item."""
        return self._message("user", "input_text", text, fields)

    def system(self, text: str, **fields: Any) -> Event:
        """A message of the system."""
        return self._message("system", "input_text", text, fields)

    def assistant(self, text: str, **fields: Any) -> Event:
        """A message of the assistant."""
        return self._message("assistant", self.assistant_text, text, fields)

    def _message(self, role: str, kind: str, text: str, fields: Event) -> Event:
        content = [{"type": kind, "text": text}]
        return {"type": "message", "role": role, "content": content} | fields

    def _name(self, table: dict[str, tuple[str, str]], setting: str) -> str:
        ga, beta = table.get(setting, (setting, setting))
        return ga if self.ga else beta

    def _value(self, name: str, value: Any) -> Any:
        if name == "modality":
            return self.modalities(value)
        if name.endswith("_format") and isinstance(value, str) and value in _FORMATS:
            return self.format(value)
        return value


def item_create(item: Event, previous_item_id: str | None = None) -> Event:
    """A `conversation.item.create`, at the end unless told otherwise."""
    event: Event = {"type": "conversation.item.create", "item": item}
    return event if previous_item_id is None else event | {"previous_item_id": previous_item_id}


def _put(table: Event, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for key in parents:
        table = table.setdefault(key, {})
    table[last] = value
