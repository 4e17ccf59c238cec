"""Speech on its way to the wire: which words each piece of it finishes, in pieces that suit a listener.

Whoever interrupts an answer must find in the conversation the words that were heard, no more. So the pieces
end where words end, as far as the synthesizer tells, also after the resampling has moved the samples."""

from collections import deque

import numpy as np

from vivavoce.audio.convert import Outgoing
from vivavoce.audio.formats import byte_count, bytes_per_sample, sample_rate
from vivavoce.audio.samples import Samples
from vivavoce.protocol.formats import AudioFormat
from vivavoce.protocol.generation import AudioDelta

_LEAST_MS = 100
"""A shorter piece waits for more, unless it ends with a word or is the first of all."""
_MOST_MS = 400
"""A longer one is cut: whoever interrupts has less to throw away, and no message becomes big."""
_KEPT_MS = 40
"""As much is kept back where no word ends, lest what remains of the word be a mere scrap."""
_BREATH_MS = 10


class SpokenAudio:
    """The audio of one message."""

    def __init__(self, format_: AudioFormat, rate: int) -> None:
        """`format_` is that of the wire, `rate` in Hz that of the samples."""
        encoding = format_.type
        self._outgoing = Outgoing(encoding, rate)
        self._rates = rate, sample_rate(encoding)
        self._width = bytes_per_sample(encoding)
        self._least = byte_count(_LEAST_MS, encoding)
        self._most = byte_count(_MOST_MS, encoding)
        self._kept = byte_count(_KEPT_MS, encoding)
        self._taken = 0
        """Samples taken."""
        self._given = 0
        """Bytes given out."""
        self._waiting = bytearray()
        self._marks: deque[tuple[int, int]] = deque()
        """Words that end in what was not given out yet: after how many bytes, and how many characters are
        spoken."""
        self._heard = 0
        """Characters spoken with all that was taken."""
        self._spoken = 0
        """Characters spoken with all that was given out."""
        self._told = 0
        """What the last piece that was given out said of that."""

    def feed(self, samples: Samples, spoken: int) -> list[AudioDelta]:
        """Take more of the speech, at the end of which `spoken` characters of the message are spoken."""
        self._taken += len(samples)
        self._waiting += self._outgoing.feed(samples)
        if spoken > self._heard:
            self._heard = spoken
            from_rate, to_rate = self._rates
            self._marks.append((self._taken * to_rate // from_rate * self._width, spoken))
        return self._give()

    def finish(self, length: int) -> list[AudioDelta]:
        """The message is over and `length` characters long. With the last piece all of them are spoken,
        also the marks and the code that nobody hears. A message without any speech has no pieces."""
        self._waiting += self._outgoing.flush()
        if not self._waiting and self._given and self._told < length:
            # All was given out before anybody knew that it was the last: draw a breath.
            from_rate, _ = self._rates
            breath = np.zeros(from_rate * _BREATH_MS // 1000, np.int16)
            self._waiting += self._outgoing.feed(breath) + self._outgoing.flush()
        end = self._given + len(self._waiting)
        self._marks = deque((at if at < end - self._kept else end, spoken) for at, spoken in self._marks)
        pieces = self._give()
        while self._waiting:
            pieces.append(self._piece(min(len(self._waiting), self._most)))
        if pieces:
            pieces[-1] = AudioDelta(pieces[-1].audio, length)
        return pieces

    def _give(self) -> list[AudioDelta]:
        """The pieces that are ready."""
        pieces: list[AudioDelta] = []
        while True:
            while self._marks and self._marks[0][0] <= self._given:
                self._spoken = self._marks.popleft()[1]
            size = len(self._waiting)
            if self._marks and self._marks[0][0] <= self._given + size:
                size = self._marks[0][0] - self._given
            elif self._given and size >= self._least + self._kept:
                size -= self._kept
            elif self._given or not size:
                return pieces
            pieces.append(self._piece(min(size, self._most)))

    def _piece(self, size: int) -> AudioDelta:
        """The next bytes, with the words that end with them."""
        audio = bytes(self._waiting[:size])
        del self._waiting[:size]
        self._given += size
        while self._marks and self._marks[0][0] <= self._given:
            self._spoken = self._marks.popleft()[1]
        self._told = self._spoken
        return AudioDelta(audio, self._spoken)
