"""Input audio on its way through the voice detector."""

import asyncio

from vivavoce.engines.interfaces import VoiceDetector, VoiceStream
from vivavoce.protocol import AudioFormat
from vivavoce.server.runner.conversion import Conversion
from vivavoce.server.runner.live import LiveSession
from vivavoce.session import Hear

INLINE_FRAMES = 16
"""Up to so many detector frames (about 1 ms of work) are judged on the event loop: handing them to a thread
would cost more than the work. Longer appends go to a thread."""

APPENDS_AT_ONCE = 8
"""So many appends that wait already are heard together, which costs half as much as one by one: a server that
falls behind catches up."""
JOINED_BYTES = 16 * 1024
"""No more are joined once they hold so much."""


class Hearing:
    """What of the input the detector has not judged yet, and the detector's memory of the rest."""

    __slots__ = (
        "_detector",
        "_ear",
        "_live",
        "_unheard",
    )

    def __init__(self, live: LiveSession, detector: VoiceDetector) -> None:
        self._live = live
        self._detector = detector
        self._ear = _Ear(detector)
        self._unheard: list[Hear] = []  # an empty deque would weigh 700 bytes in every session

    def put(self, heard: Hear) -> None:
        """More audio, to be judged by the next `catch_up`."""
        self._unheard.append(heard)

    def reset(self) -> None:
        """The next audio begins a new stream."""
        self._ear = _Ear(self._detector)

    def forget(self) -> None:
        """What waits will not be judged any more."""
        self._unheard.clear()

    @property
    def waiting(self) -> bool:
        """Whether anything is left to be judged."""
        return bool(self._unheard)

    @property
    def full(self) -> bool:
        """Whether so much waits that it should be judged now."""
        return len(self._unheard) >= APPENDS_AT_ONCE

    async def catch_up(self) -> None:
        """Let the detector judge all that it has not heard yet."""
        live = self._live
        while self._unheard:
            audio, format = self._next()
            samples = self._ear.conversion.feed(audio, format)
            if len(samples) <= INLINE_FRAMES * self._detector.frame_samples:
                probabilities = self._ear.stream.feed(samples)
            else:
                probabilities = await asyncio.to_thread(self._ear.stream.feed, samples)
            if probabilities:
                live.session.speech(probabilities, live.now())
                live.carry_out()

    def _next(self) -> tuple[bytes, AudioFormat]:
        """The next audio, of several appends if they are short and alike."""
        first = self._unheard.pop(0)
        if not self._unheard:
            return first.audio, first.format
        pieces, size = [first.audio], len(first.audio)
        while self._unheard and size < JOINED_BYTES and self._unheard[0].format == first.format:
            pieces.append(self._unheard.pop(0).audio)
            size += len(pieces[-1])
        return b"".join(pieces), first.format


class _Ear:
    """The detector's memory of the input, and the conversion that leads to it."""

    __slots__ = (
        "conversion",
        "stream",
    )

    def __init__(self, detector: VoiceDetector) -> None:
        self.stream: VoiceStream = detector.stream()
        self.conversion = Conversion(detector.sample_rate)
