"""Whose turn it is to speak: what voices of all kinds have in common, without input and output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, TypeAlias

from vivavoce.audio.level import SILENCE_DB
from vivavoce.audio.samples import Samples
from vivavoce.client.floor import Floor
from vivavoce.client.voice.playback import Heard, Part, Playback

MIN_COMMIT_MS = 100
"""A server refuses to make a turn of less."""

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


class Turns(ABC):
    """Takes the server's events and what the microphone hears; gives what is to be sent, and fills a
    playback.

    - playback: where speech waits to be heard.
    - push_to_talk: what is said is sent only between `press` and `release`.

    Events of both dialects are understood: what matters of one is its `type` and its fields.
    """

    def __init__(self, playback: Playback, *, push_to_talk: bool = False) -> None:
        self.playback = playback
        self.input_level_db = SILENCE_DB
        self.speaking: set[Part] = set()
        """Parts that have been spoken and not cut off; whoever plays them takes out what was heard."""
        self.interrupted: list[Heard] = []
        """What was cut off, for whoever wants to know; emptied by them."""
        self._talking = Talking.RELEASED if push_to_talk else Talking.OPEN
        self._floor = Floor("voice")
        self._outbox: list[dict[str, Any]] = []
        self._pressed_ms = 0.0

    @property
    def talking(self) -> Talking:
        return self._talking

    @property
    def responding(self) -> bool:
        """A response of the conversation is in progress."""
        return bool(self._floor.active)

    @property
    def coming(self) -> bool:
        """Of what was announced, some is still played by the server."""
        return False

    def is_named(self, part: Part) -> bool:
        """Whether events of the server speak of it."""
        return True

    @abstractmethod
    def close(self) -> None:
        """Nothing more is to be heard."""

    @abstractmethod
    async def caught_up(self) -> None:
        """Wait until what the microphone heard is nearly all on its way."""

    @abstractmethod
    async def hush(self) -> None:
        """Push to talk: take nothing more from the microphone, and wait until what was taken is on its
        way."""

    @abstractmethod
    def hear(self, samples: Samples) -> None:
        """What the microphone hears, `(n,) int16` at 24 kHz."""

    @abstractmethod
    def feed(self, event: Any) -> bool:
        """An event of the server. Whether it is an error that asking again will mend."""

    @abstractmethod
    def interrupt(self) -> None:
        """Let the assistant fall silent: cancel its response, and let the server know what was heard of
        it."""

    def press(self) -> None:
        """Begin to say something: the assistant falls silent. Raises RuntimeError without push to talk and
        when pressed already."""
        self._become(Talking.PRESSED)
        self.interrupt()
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

    def drain(self) -> list[dict[str, Any]]:
        """What is to be sent now, in order."""
        events = self._outbox + self._floor.drain()
        self._outbox = []
        return events

    def _become(self, talking: Talking) -> None:
        if talking not in _NEXT[self._talking]:
            raise RuntimeError(f"Who talks is {self._talking.value}: it cannot become {talking.value}.")
        self._talking = talking
