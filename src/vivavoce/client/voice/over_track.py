"""What a voice does about a call, whose sound travels beside its events, without input and output.

The server plays its speech in real time and knows what was heard, so nothing is truncated from here. What
comes over the track waits only for the sound card, and is booked under the item that the events say is being
heard. Events and sound come by different ways: the one may be some tenths of a second ahead of the other.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import numpy as np

from vivavoce.audio.level import level_db
from vivavoce.audio.samples import Samples
from vivavoce.client.voice.playback import BYTES_PER_MS, RATE, Heard, Part, Playback
from vivavoce.client.voice.turns import Talking, Turns
from vivavoce.client.webrtc.track import Track
from vivavoce.protocol import UnknownEvent

QUIET = 32
"""No sample of a frame that counts as a pause is further from zero than this."""

CUSHION_MS = 60
"""Waits before speech is heard, so that it does not stutter when the next piece comes late."""

MAX_LATE_MS = 200
"""When more than this waits, on either side, because two clocks differ, pauses are shortened."""

MAX_BEHIND_MS = 2000
"""More than this never waits to be heard."""

ON_ITS_WAY_MS = 150
"""For so long what was sent is on its way to the server's input buffer, while events overtake it."""

TAIL_MS = 300
"""For so long after the server has played all of it, what is loud still belongs to a response."""

EARLIEST_MS = 100
"""Before that, a pause is one within it."""

LATE_MS = 200
"""For so long after the server has dropped a response, what is loud still belongs to it."""

PATIENCE_MS = 1000
"""For so long after it was asked to, the server may go on speaking, unheard."""

_MAX_KNOWN = 4096
"""Responses that are remembered; older ones are forgotten first."""

_UNNAMED = "track:"
"""Sound that no event speaks of is booked under items of which this is the beginning of the id."""


class TrackCore(Turns):
    """A voice of which both directions travel over a call's track: see Turns.

    It listens to the track until `close`.
    """

    def __init__(self, playback: Playback, track: Track, *, push_to_talk: bool = False) -> None:
        super().__init__(playback, push_to_talk=push_to_talk)
        self._track = track
        self._hushed = False
        self._parts: OrderedDict[str, Part] = OrderedDict()
        """What the responses say aloud."""
        self._coming: set[Part] = set()
        """Of which not all has come."""
        self._begun: set[str] = set()
        """The responses that were, at least in part, heard."""
        self._sounding: Part | None = None
        self._unnamed = 0
        self._leading = False
        """Nothing of what sounds was loud yet."""
        self._tail_ms = 0
        self._muted_ms = 0
        track.listen(self._take)

    def close(self) -> None:
        self._track.unlisten(self._take)

    @property
    def coming(self) -> bool:
        return bool(self._coming)

    def is_named(self, part: Part) -> bool:
        return not part.item_id.startswith(_UNNAMED)

    # What is said.

    def hear(self, samples: Samples) -> None:
        self.input_level_db = level_db(samples)
        if self._talking is Talking.RELEASED or self._hushed:
            return
        self._pressed_ms += len(samples) * 1000 / RATE
        if self._track.waiting_ms <= MAX_LATE_MS or not _quiet(samples):
            self._track.put(samples.astype("<i2", copy=False).tobytes())
            self._track.keep(MAX_BEHIND_MS)

    async def caught_up(self) -> None:
        await self._track.drain(CUSHION_MS)

    async def hush(self) -> None:
        self._hushed = True
        await self._track.drain()
        await asyncio.sleep(ON_ITS_WAY_MS / 1000)

    def press(self) -> None:
        super().press()
        self._hushed = False

    def interrupt(self) -> None:
        for response_id in sorted(self._floor.active):
            self._outbox.append({"type": "response.cancel", "response_id": response_id})
        if self.speaking:
            self._outbox.append({"type": "output_audio_buffer.clear"})
            self.speaking.clear()
            self._coming.clear()
            self._fall_silent(PATIENCE_MS)

    # What comes.

    def feed(self, event: Any) -> bool:
        if isinstance(event, UnknownEvent):
            return False
        mended = self._floor.feed(event)
        match event.type:
            case "response.content_part.added" if event.part.type == "audio":
                self._say(event.response_id, Part(event.item_id, event.content_index))
            case "output_audio_buffer.started":
                self._begin(event.response_id)
            case "output_audio_buffer.stopped":
                self._tail_ms = TAIL_MS
            case "output_audio_buffer.cleared":
                self._drop(self._part_of(event.response_id))
                self._fall_silent(LATE_MS)
            case "conversation.item.truncated":
                part = Part(event.item_id, event.content_index)
                if part in self._parts.values():
                    self._drop(part)
                    self.interrupted.append(Heard(*part, event.audio_end_ms))
            case "response.done" if event.response.status != "completed":
                self._done(event.response.id)
        return mended

    def _say(self, response_id: str, part: Part) -> None:
        self._parts[response_id] = part
        self.speaking.add(part)
        self._coming.add(part)
        if len(self._parts) > _MAX_KNOWN:
            forgotten, _ = self._parts.popitem(last=False)
            self._begun.discard(forgotten)

    def _begin(self, response_id: str) -> None:
        self._finish()
        self._begun.add(response_id)
        self._sounding = self._part_of(response_id)
        self._leading = True
        self._muted_ms = 0

    def _done(self, response_id: str) -> None:
        """What was not begun will not be."""
        if response_id not in self._begun:
            self._drop(self._part_of(response_id))

    def _drop(self, part: Part) -> None:
        """Nothing more of it will be heard."""
        self.speaking.discard(part)
        self._coming.discard(part)

    def _part_of(self, response_id: str) -> Part:
        return self._parts.get(response_id) or self._nameless()

    def _nameless(self) -> Part:
        return Part(f"{_UNNAMED}{self._unnamed}", 0)

    def _fall_silent(self, muted_ms: int) -> None:
        self.playback.interrupt()
        self._unnamed += 1  # what was cut off stays so
        self._sounding = None
        self._tail_ms = 0
        self._muted_ms = muted_ms

    def _finish(self) -> None:
        """All of what sounds has come."""
        if self._sounding is not None:
            self.playback.end(*self._sounding)
            self._coming.discard(self._sounding)
        self._sounding = None
        self._tail_ms = 0

    # The track.

    def _take(self, pcm: bytes) -> None:
        milliseconds = len(pcm) // BYTES_PER_MS
        quiet = _quiet(np.frombuffer(pcm, "<i2"))
        if self._muted_ms > 0:
            self._muted_ms -= milliseconds
            if self._muted_ms <= LATE_MS and quiet:
                self._muted_ms = 0
            return
        if not quiet:
            self._leading = False
        if self._is_heard(quiet):
            self._play(pcm)
        if self._tail_ms > 0:
            self._tail_ms -= milliseconds
            if self._tail_ms <= (TAIL_MS - EARLIEST_MS if quiet else 0):
                self._finish()

    def _is_heard(self, quiet: bool) -> bool:
        waiting = self.playback.waiting_ms
        if quiet and (self._sounding is None or self._leading or waiting > MAX_LATE_MS):
            return False
        return waiting <= MAX_BEHIND_MS

    def _play(self, pcm: bytes) -> None:
        if self.playback.waiting_ms == 0:
            self.playback.add(*self._nameless(), bytes(CUSHION_MS * BYTES_PER_MS))
        self.playback.add(*(self._sounding or self._nameless()), pcm)


def _quiet(samples: Samples) -> bool:
    return not len(samples) or int(np.abs(samples.astype(np.int32)).max()) <= QUIET
