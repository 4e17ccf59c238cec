"""What a voice does about the events of a server, without input and output."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, TypeAlias

import pybase64

from vivavoce.audio.convert import Incoming, Outgoing
from vivavoce.audio.formats import Encoding
from vivavoce.audio.resample import LIVE
from vivavoce.audio.samples import Samples
from vivavoce.client.floor import Floor
from vivavoce.client.voice.level import SILENCE_DB, level_db
from vivavoce.client.voice.playback import RATE, Heard, Part, Playback
from vivavoce.protocol import UnknownEvent

MIN_COMMIT_MS = 100
"""A server refuses to make a turn of less."""

MAX_WAITING_MS = 30 * 60 * 1000
"""How much speech may wait to be heard. An item that would make it more is cut off."""

_MAX_KNOWN = 4096
"""Items that are remembered; older ones are forgotten first."""

BargeIn: TypeAlias = Literal["speech", "server"]
"""When the assistant falls silent: as soon as somebody speaks, or when the server cancels the response."""


class Talking(Enum):
    """Who decides what the server hears."""

    OPEN = "open"
    """The server hears everything."""
    RELEASED = "released"
    """Push to talk: the server hears nothing."""
    PRESSED = "pressed"
    """Push to talk: the server hears what is said."""


_NEXT = {
    Talking.OPEN: frozenset[Talking](),
    Talking.RELEASED: frozenset({Talking.PRESSED}),
    Talking.PRESSED: frozenset({Talking.RELEASED}),
}

_BETA_NAMES = {"pcm16": Encoding.PCM, "g711_ulaw": Encoding.PCMU, "g711_alaw": Encoding.PCMA}


class VoiceCore:
    """Takes the server's events and what the microphone hears; gives what is to be sent, and fills a
    playback.

    - playback: where speech waits to be heard.
    - barge_in: see BargeIn.
    - push_to_talk: what is said is sent only between `press` and `release`.

    Events of both dialects are understood: what matters of one is its `type` and its fields.
    """

    def __init__(
        self, playback: Playback, *, barge_in: BargeIn = "speech", push_to_talk: bool = False
    ) -> None:
        self.playback = playback
        self.input_level_db = SILENCE_DB
        self.speaking: set[Part] = set()
        """Parts that have been spoken and not cut off; whoever plays them takes out what was heard."""
        self.interrupted: list[Heard] = []
        """What was cut off, for whoever wants to know; emptied by them."""
        self._barge_in = barge_in
        self._talking = Talking.RELEASED if push_to_talk else Talking.OPEN
        self._floor = Floor("voice")
        self._outbox: list[dict[str, Any]] = []
        self._interruptible = True
        self._turn_taken = False
        """Somebody has said something since the assistant last began."""
        self._encoder = Outgoing(Encoding.PCM, RATE, LIVE)
        self._input = self._output = Encoding.PCM
        self._formats: dict[str, Encoding] = {}
        """Of responses in progress, where it is another than the session's."""
        self._decoders: dict[Part, Incoming] = {}
        """Of parts that are being spoken."""
        self._spoken_by: OrderedDict[str, str] = OrderedDict()
        """The responses of the items that were spoken."""
        self._silenced: set[str] = set()
        """Responses in progress of which nothing more is to be heard."""
        self._pressed_ms = 0.0

    @property
    def talking(self) -> Talking:
        return self._talking

    @property
    def responding(self) -> bool:
        """A response of the conversation is in progress."""
        return bool(self._floor.active)

    # What is said.

    def hear(self, samples: Samples) -> None:
        """What the microphone hears, `(n,) int16` at 24 kHz."""
        self.input_level_db = level_db(samples)
        if self._talking is Talking.RELEASED:
            return
        audio = self._encoder.feed(samples)
        self._pressed_ms += len(samples) * 1000 / RATE
        if audio:
            event = {"type": "input_audio_buffer.append", "audio": pybase64.b64encode_as_string(audio)}
            self._outbox.append(event)

    def press(self) -> None:
        """Begin to say something: the assistant falls silent. Raises RuntimeError without push to talk and
        when pressed already."""
        self._become(Talking.PRESSED)
        self.interrupt()
        self._encoder = Outgoing(self._input, RATE, LIVE)
        self._pressed_ms = 0.0
        self._outbox.append({"type": "input_audio_buffer.clear"})

    def release(self, response: Mapping[str, Any] | bool = True) -> bool:
        """That was all. Whether it was enough to be a turn: less than MIN_COMMIT_MS is forgotten.

        - response: False to ask for no response; a mapping is what its `response.create` carries.

        Raises RuntimeError when not pressed.
        """
        self._become(Talking.RELEASED)
        enough = self._pressed_ms >= MIN_COMMIT_MS
        if not enough:
            self._outbox.append({"type": "input_audio_buffer.clear"})
            return False
        self._outbox.append({"type": "input_audio_buffer.commit"})
        if response is not False:
            self._floor.ask(None if response is True else response)
        return True

    def interrupt(self) -> None:
        """Let the assistant fall silent: cancel its response, and tell what was heard of it."""
        for response_id in sorted(self._floor.active - self._silenced):
            self._outbox.append({"type": "response.cancel", "response_id": response_id})
        self._fall_silent()

    # What comes.

    def feed(self, event: Any) -> bool:
        """An event of the server. Whether it is an error that asking again will mend."""
        if isinstance(event, UnknownEvent):
            return False
        mended = self._floor.feed(event)
        match event.type:
            case "response.output_audio.delta" | "response.audio.delta":
                self._play(event)
            case "response.output_audio.done" | "response.audio.done":
                self._end(Part(event.item_id, event.content_index))
            case "input_audio_buffer.speech_started":
                if self._barge_in == "speech" and self._interruptible:
                    self._fall_silent()
            case "input_audio_buffer.committed":
                self._turn_taken = True
            case "response.created":
                self._begin(event.response)
            case "response.done":
                self._done(event.response.id, cancelled=event.response.status == "cancelled")
            case "client.response_interrupted":
                self._done(event.response_id, cancelled=False)
            case "session.created" | "session.updated":
                self._follow(event.session)
        return mended

    def drain(self) -> list[dict[str, Any]]:
        """What is to be sent now, in order."""
        events = self._outbox + self._floor.drain()
        self._outbox = []
        return events

    def _become(self, talking: Talking) -> None:
        if talking not in _NEXT[self._talking]:
            raise RuntimeError(f"Who talks is {self._talking.value}: it cannot become {talking.value}.")
        self._talking = talking

    def _play(self, event: Any) -> None:
        part = Part(event.item_id, event.content_index)
        if event.response_id in self._silenced or self.playback.waiting_ms > MAX_WAITING_MS:
            # It was on its way when somebody interrupted; or nobody will ever get to hear it.
            self._note_speaker(part, event.response_id)
            self._tell(self.playback.cut(*part))
            return
        decoder = self._decoders.get(part)
        if decoder is None:
            self.speaking.add(part)
            encoding = self._formats.get(event.response_id, self._output)
            decoder = self._decoders[part] = Incoming(encoding, RATE)
            self._note_speaker(part, event.response_id)
        self._add(part, decoder.feed(pybase64.b64decode(event.delta)))

    def _note_speaker(self, part: Part, response_id: str) -> None:
        self._spoken_by[part.item_id] = response_id
        if len(self._spoken_by) > _MAX_KNOWN:
            self._spoken_by.popitem(last=False)

    def _add(self, part: Part, samples: Samples) -> None:
        self.playback.add(*part, samples.astype("<i2", copy=False).tobytes())

    def _end(self, part: Part) -> None:
        decoder = self._decoders.pop(part, None)
        if decoder is not None:
            self._add(part, decoder.flush())
            self.playback.end(*part)

    def _begin(self, response: Any) -> None:
        encoding = _encoding(response, "output")
        if encoding is not None:
            self._formats[response.id] = encoding
        if response.id not in self._floor.active:
            return
        if self._barge_in == "server" and self._turn_taken:
            # What can still be heard of an earlier one belongs to an earlier turn.
            self._cut_off(self.playback.interrupt())
        self._turn_taken = False

    def _done(self, response_id: str, *, cancelled: bool) -> None:
        items = {item for item, spoken_by in self._spoken_by.items() if spoken_by == response_id}
        if cancelled:
            self._cut_off(self.playback.interrupt(items))
        for part in [part for part in self._decoders if part.item_id in items]:
            self._end(part)
        self._formats.pop(response_id, None)
        self._silenced.discard(response_id)

    def _fall_silent(self) -> None:
        self._cut_off(self.playback.interrupt())
        self._silenced |= self._floor.active

    def _cut_off(self, parts: list[Heard]) -> None:
        for heard in parts:
            self._tell(heard)

    def _tell(self, heard: Heard | None) -> None:
        """Tell the server what was heard of an item."""
        if heard is None:
            return
        self.interrupted.append(heard)
        part = Part(heard.item_id, heard.content_index)
        self._decoders.pop(part, None)
        self.speaking.discard(part)
        if self._floor.belonging.includes_item(heard.item_id, self._spoken_by.get(heard.item_id, "")):
            self._outbox.append({"type": "conversation.item.truncate", **heard._asdict()})

    def _follow(self, session: Any) -> None:
        """Speak and hear as the session says."""
        self._output = _encoding(session, "output") or self._output
        encoding = _encoding(session, "input") or self._input
        if encoding is not self._input:
            self._input = encoding
            self._encoder = Outgoing(encoding, RATE, LIVE)
        detection = _path(session, "audio", "input", "turn_detection") or _path(session, "turn_detection")
        self._interruptible = _path(detection, "interrupt_response") is not False


def _encoding(of: Any, direction: str) -> Encoding | None:
    """The encoding that a session or a response names, in either dialect."""
    name = _path(of, "audio", direction, "format", "type") or _BETA_NAMES.get(
        _path(of, f"{direction}_audio_format")
    )
    return Encoding(name) if name in tuple(Encoding) else None


def _path(of: Any, *names: str) -> Any:
    for name in names:
        of = getattr(of, name, None)
    return of
