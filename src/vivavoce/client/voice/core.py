"""What a voice does about the events of a server that carry its speech, without input and output."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pybase64

from vivavoce.audio.convert import Incoming, Outgoing
from vivavoce.audio.formats import Encoding
from vivavoce.audio.level import level_db
from vivavoce.audio.resample import LIVE
from vivavoce.audio.samples import Samples
from vivavoce.client.voice.playback import RATE, Heard, Part, Playback
from vivavoce.client.voice.turns import BargeIn, Talking, Turns
from vivavoce.protocol import UnknownEvent

MAX_WAITING_MS = 30 * 60 * 1000
"""How much speech may wait to be heard. An item that would make it more is cut off."""

_MAX_KNOWN = 4096
"""Items that are remembered; older ones are forgotten first."""

_BETA_NAMES = {"pcm16": Encoding.PCM, "g711_ulaw": Encoding.PCMU, "g711_alaw": Encoding.PCMA}


class VoiceCore(Turns):
    """A voice of which both directions travel in events: see Turns.

    - barge_in: see BargeIn.
    """

    def __init__(
        self, playback: Playback, *, barge_in: BargeIn = "speech", push_to_talk: bool = False
    ) -> None:
        super().__init__(playback, push_to_talk=push_to_talk)
        self._barge_in = barge_in
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

    # What is said.

    def hear(self, samples: Samples) -> None:
        self.input_level_db = level_db(samples)
        if self._talking is Talking.RELEASED:
            return
        audio = self._encoder.feed(samples)
        self._pressed_ms += len(samples) * 1000 / RATE
        if audio:
            event = {"type": "input_audio_buffer.append", "audio": pybase64.b64encode_as_string(audio)}
            self._outbox.append(event)

    def press(self) -> None:
        super().press()
        self._encoder = Outgoing(self._input, RATE, LIVE)

    def interrupt(self) -> None:
        for response_id in sorted(self._floor.active - self._silenced):
            self._outbox.append({"type": "response.cancel", "response_id": response_id})
        self._fall_silent()

    async def caught_up(self) -> None:
        """Whoever sends the events waits."""

    async def hush(self) -> None:
        """Events do not overtake each other."""

    def close(self) -> None:
        """Nothing is held."""

    # What comes.

    def feed(self, event: Any) -> bool:
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
