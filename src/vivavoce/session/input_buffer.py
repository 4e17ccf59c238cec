"""The input audio buffer: what was appended, where it lies on the input clock, and what is cut out of it."""

from collections import deque
from typing import NamedTuple

from vivavoce.protocol import AudioFormat, AudioPCM
from vivavoce.session.clock import size, ticks

_SMALL = 512
"""Bytes below which a piece is not worth an object of its own: somebody may send one sample at a time."""


class Clip(NamedTuple):
    """A run of whole samples in one format."""

    audio: bytes
    format: AudioFormat

    @property
    def ticks(self) -> int:
        return ticks(len(self.audio), self.format)


class InputBuffer:
    """Audio between append and commit.

    `start` and `end` are positions on the input clock: the first tick that is still held, and the first that
    has not arrived. Audio keeps the format in which it came, so a change of format in the middle makes a
    second run. A position inside a sample means the sample's beginning, wherever it is used, so that cuts
    neither lose a sample nor take it twice.
    """

    __slots__ = ("_half", "_runs", "end", "n_bytes", "start")

    def __init__(self) -> None:
        self.start = 0
        self.end = 0
        self.n_bytes = 0
        """Bytes in the buffer."""
        self._runs: list[_Run] = []
        self._half = b""
        """Half a PCM sample, which the next append completes."""

    @property
    def held(self) -> int:
        """Ticks in the buffer."""
        return self.end - self.start

    def append(self, audio: bytes, format: AudioFormat) -> bytes:
        """Add audio; returns the whole samples that it completed."""
        if not self._runs or self._runs[-1].format != format:
            self._runs.append(_Run(format))
            self._half = b""
        if self._half:
            audio, self._half = self._half + audio, b""
        if len(audio) % 2 and isinstance(format, AudioPCM):
            audio, self._half = audio[:-1], audio[-1:]
        self._runs[-1].append(audio)
        self.n_bytes += len(audio)
        self.end += ticks(len(audio), format)
        return audio

    def cut(self, start: int, end: int) -> list[Clip]:
        """Take out [start, end): what lies before it is dropped, what comes after stays."""
        self.drop(start)
        clips = self.copy(start, end)
        self.drop(end)
        return clips

    def copy(self, start: int, end: int) -> list[Clip]:
        """What lies in [start, end), as far as it is held; it stays in the buffer."""
        clips = []
        position = self.start
        for run in self._runs:
            format, length = run.format, ticks(run.n_bytes, run.format)
            low, high = max(start - position, 0), min(end - position, length)
            if low < high and (audio := run.copy(size(low, format), size(high, format))):
                clips.append(Clip(audio, format))
            position += length
        return clips

    def drop(self, until: int) -> None:
        """Forget what lies before `until`."""
        until = min(until, self.end)
        while self.start < until:
            run = self._runs[0]
            length = ticks(run.n_bytes, run.format)
            if length <= until - self.start and len(self._runs) > 1:
                del self._runs[0]
                self.n_bytes -= run.n_bytes
                self.start += length
            else:
                dropped = size(until - self.start, run.format)
                run.drop(dropped)
                self.n_bytes -= dropped
                self.start += ticks(dropped, run.format)
                break

    def clear(self) -> None:
        """Forget everything that was appended, half a sample included; the clock goes on."""
        self._runs.clear()
        self.n_bytes = 0
        self._half = b""
        self.start = self.end


class _Run:
    """Bytes in one format, kept in the pieces in which they came: those of long ago are dropped and new ones
    added without moving the rest."""

    __slots__ = ("_dropped", "_pieces", "format", "n_bytes")

    def __init__(self, format: AudioFormat) -> None:
        self.format = format
        self.n_bytes = 0
        self._pieces: deque[bytes] = deque()
        self._dropped = 0
        """So many bytes at the beginning of the first piece are gone."""

    def append(self, audio: bytes) -> None:
        if self._pieces and len(self._pieces[-1]) < _SMALL:
            self._pieces[-1] += audio
        elif audio:
            self._pieces.append(audio)
        self.n_bytes += len(audio)

    def copy(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`, which lie within the run."""
        found = []
        over = self.n_bytes  # what is wanted most are the latest, so begin there
        for piece in reversed(self._pieces):
            begin = over - len(piece)
            if begin < end:
                found.append(piece[max(start - begin, 0) : end - begin])
            if begin <= start:
                break
            over = begin
        found.reverse()
        return found[0] if len(found) == 1 else b"".join(found)

    def drop(self, count: int) -> None:
        """Forget the first bytes."""
        self.n_bytes -= count
        self._dropped += count
        while self._pieces and self._dropped >= len(self._pieces[0]):
            self._dropped -= len(self._pieces.popleft())
