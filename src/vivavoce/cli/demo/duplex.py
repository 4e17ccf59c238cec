"""A sound card that does not exist: both directions of a conversation on one clock.

At every tick the caller's next samples go out and the assistant's next samples are heard, at the pace at
which they would sound. What went either way is kept: that is the recording.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import numpy as np

from vivavoce.audio.samples import Samples
from vivavoce.client.voice.playback import RATE, Playback

TICK_S = 0.04
TICK_SAMPLES = int(RATE * TICK_S)


class Stretch(NamedTuple):
    """A time during which somebody was heard, seconds since the conversation began."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


class Duplex:
    """`send` takes what the microphone heard in one tick, 24 kHz PCM16; `playback` is what waits to be
    heard."""

    def __init__(
        self, send: Callable[[bytes], Awaitable[None]], playback: Playback, clock: Callable[[], float]
    ) -> None:
        self._send = send
        self._playback = playback
        self._clock = clock
        self._began = clock()
        self._speech: deque[Samples] = deque()
        self._caller: list[Samples] = []
        # What the speaker takes in one tick sounds in the next.
        self._assistant: list[Samples] = [np.zeros(TICK_SAMPLES, np.int16)]
        self._ticked = asyncio.Event()
        self.spoken: list[Stretch] = []
        """When the caller spoke."""
        self.heard: list[Stretch] = []
        """When the assistant was heard."""

    @property
    def began(self) -> float:
        """When the first sample was heard, by the clock."""
        return self._began

    @property
    def seconds(self) -> float:
        """How much has sounded so far."""
        return len(self._caller) * TICK_S

    def tracks(self) -> tuple[Samples, Samples]:
        """The caller and the assistant, `(n,) int16` at 24 kHz, as they sounded."""
        nothing = np.zeros(0, np.int16)
        assistant = self._assistant[: len(self._caller)]
        return np.concatenate([nothing, *self._caller]), np.concatenate([nothing, *assistant])

    def speak(self, samples: Samples) -> None:
        """Let the caller say this after what it is saying. `(n,) int16` at 24 kHz."""
        padded = np.pad(samples, (0, -len(samples) % TICK_SAMPLES))
        self._speech.extend(np.split(padded, len(padded) // TICK_SAMPLES))

    async def quiet(self, seconds: float) -> None:
        """Return when the caller has said everything and this much more has passed."""
        while self._speech:
            await self.tick()
        until = self.seconds + seconds
        while self.seconds < until:
            await self.tick()

    async def tick(self) -> None:
        """Return after the next tick."""
        self._ticked.clear()
        await self._ticked.wait()

    async def run(self) -> None:
        """Sound, until cancelled."""
        self._began = self._clock()
        while True:
            await asyncio.sleep(self._began + self.seconds + TICK_S - self._clock())
            start = self.seconds
            said = self._speech.popleft() if self._speech else None
            sounding = np.frombuffer(self._playback.take(TICK_SAMPLES * 2), "<i2")
            self._caller.append(said if said is not None else np.zeros(TICK_SAMPLES, np.int16))
            self._assistant.append(np.pad(sounding, (0, TICK_SAMPLES - len(sounding))))
            if said is not None:
                _extend(self.spoken, start, start + TICK_S)
            if len(sounding):
                _extend(self.heard, start + TICK_S, start + TICK_S + len(sounding) / RATE)
            self._ticked.set()
            await self._send(self._caller[-1].astype("<i2").tobytes())


def _extend(stretches: list[Stretch], start: float, end: float) -> None:
    if stretches and start - stretches[-1].end < TICK_S / 2:
        stretches[-1] = Stretch(stretches[-1].start, end)
    else:
        stretches.append(Stretch(start, end))
