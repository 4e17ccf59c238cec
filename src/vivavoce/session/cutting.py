"""From a stream of speech to utterances: the hearing side of a translation session.

Positions are ticks of the input clock. Nobody says where an utterance ends but the speaker, by a pause: a
longer one at first, and a shorter one when listeners have waited for long.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vivavoce.protocol import AudioPCM, ServerVad
from vivavoce.session.clock import TICKS_PER_MS, size
from vivavoce.session.effects import Hear
from vivavoce.session.input_buffer import Clip, InputBuffer
from vivavoce.session.turn import Offset, Onset, TurnMachine

FORMAT = AudioPCM()
"""What goes into a translation session, always."""
FRAME_TICKS = 200 * TICKS_PER_MS
"""It is taken in frames of this length."""

PADDING_TICKS = 300 * TICKS_PER_MS
"""Audio from before the speech that belongs to an utterance."""
PAUSE_MS = 500
"""A pause that ends an utterance."""
LONG_TICKS = 8_000 * TICKS_PER_MS
SHORT_PAUSE_MS = 160
"""After so long without one, this is a pause, too."""
LONGEST_TICKS = 20_000 * TICKS_PER_MS
"""After so long an utterance is cut wherever it is."""


class Began(NamedTuple):
    """An utterance begins here."""

    at: int


class Ended(NamedTuple):
    """It ends here; what comes next belongs to another one, or to none."""

    at: int


class Cutting:
    """The input that is not part of a whole utterance yet, and where the next one begins or ends."""

    __slots__ = ("_buffer", "_consumed", "_frame_ticks", "_start", "_turn")

    def __init__(self, frame_ms: int) -> None:
        """`frame_ms`: the length of the detector's frames."""
        self._frame_ticks = frame_ms * TICKS_PER_MS
        self._buffer = InputBuffer()
        self._consumed = 0
        """Up to here the input went to the detector."""
        self._turn = TurnMachine(self._frame_ticks)
        self._start = 0
        """Where the utterance that is being spoken begins."""
        self._pause_after(PAUSE_MS)

    @property
    def position(self) -> int:
        """How much input there was."""
        return self._buffer.end

    @property
    def start(self) -> int:
        """From here on the input is held."""
        return self._buffer.start

    @property
    def heard(self) -> int:
        """Up to here the input was judged."""
        return min(self._turn.heard, self._buffer.end)

    @property
    def heard_all(self) -> bool:
        return self._turn.heard >= self._buffer.end

    @property
    def in_utterance(self) -> bool:
        return self._turn.in_turn

    def append(self, audio: bytes) -> Iterator[Hear]:
        """More input: its whole frames, for the detector."""
        self._buffer.append(audio, FORMAT)
        while self._buffer.end - self._consumed >= FRAME_TICKS:
            before, self._consumed = self._consumed, self._consumed + FRAME_TICKS
            yield self._frame(before)

    def flush(self) -> Hear | None:
        """No more input will come: the rest, for the detector, with as much silence behind it as makes the
        detector judge the last of it. None if it has judged everything."""
        if self.heard_all:
            return None
        before, self._consumed = self._consumed, self._buffer.end
        rest = self._frame(before)
        silence = bytes(size(FRAME_TICKS + 2 * self._frame_ticks, FORMAT))
        return Hear(rest.audio + silence, FORMAT)

    def hear(self, probabilities: Sequence[float]) -> Iterator[Began | Ended]:
        """The detector's verdict on the next of its frames; whoever is told acts before asking for more."""
        for probability in probabilities:
            for change in self._turn.frames((probability,), self._buffer.start, self._buffer.end):
                match change:
                    case Onset(at):
                        self._start = max(at - PADDING_TICKS, self._buffer.start)
                        yield Began(self._start)
                    case Offset(at):
                        yield Ended(min(at, self._buffer.end))
                        self._cut()
            if self.in_utterance:
                length = self._turn.heard - self._start
                if length >= LONGEST_TICKS:
                    self._turn.abort()
                    yield Ended(self.heard)
                    self._cut()
                elif length >= LONG_TICKS:
                    self._pause_after(SHORT_PAUSE_MS)
        if not self.in_utterance:
            self._buffer.drop(self._turn.heard - PADDING_TICKS)

    def finish(self) -> Ended | None:
        """What is being spoken, if anything, ends with the input."""
        if not self.in_utterance:
            return None
        self._turn.abort()
        return Ended(self._buffer.end)

    def copy(self, start: int, end: int) -> list[Clip]:
        """The input between these positions."""
        return self._buffer.copy(start, end)

    def _frame(self, start: int) -> Hear:
        return Hear(b"".join(clip.audio for clip in self._buffer.copy(start, self._consumed)), FORMAT)

    def _cut(self) -> None:
        self._buffer.drop(self._turn.heard)
        self._pause_after(PAUSE_MS)

    def _pause_after(self, milliseconds: int) -> None:
        self._turn.configure(ServerVad(silence_duration_ms=milliseconds), self._buffer.end)
