"""The input audio buffer: what was appended, where it lies on the input clock, and what is cut out of it."""

from typing import NamedTuple

from vivavoce.protocol import AudioFormat
from vivavoce.session.clock import size, ticks


class Clip(NamedTuple):
    """A run of audio in one format."""

    audio: bytes
    format: AudioFormat

    @property
    def ticks(self) -> int:
        return ticks(len(self.audio), self.format)


class InputBuffer:
    """Audio between append and commit.

    `start` and `end` are positions on the input clock: the first tick that is still held, and the first that
    has not arrived. Audio keeps the format in which it came, so a change of format in the middle makes a
    second run.
    """

    __slots__ = ("_formats", "_runs", "end", "start")

    def __init__(self) -> None:
        self.start = 0
        self.end = 0
        self._runs: list[bytearray] = []
        self._formats: list[AudioFormat] = []

    @property
    def held(self) -> int:
        """Ticks in the buffer."""
        return self.end - self.start

    def append(self, audio: bytes, format: AudioFormat) -> None:
        if not self._runs or self._formats[-1] != format:
            self._runs.append(bytearray())
            self._formats.append(format)
        run = self._runs[-1]
        before = ticks(len(run), format)
        run += audio
        self.end += ticks(len(run), format) - before

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
        for run, format in zip(self._runs, self._formats, strict=True):
            length = ticks(len(run), format)
            low, high = max(start - position, 0), min(end - position, length)
            if low < high:
                clips.append(Clip(bytes(run[size(low, format) : size(high, format)]), format))
            position += length
        return clips

    def drop(self, until: int) -> None:
        """Forget what lies before `until`. Half a sample at the end stays for the next append."""
        until = min(until, self.end)
        while self.start < until:
            run, format = self._runs[0], self._formats[0]
            length = ticks(len(run), format)
            if length <= until - self.start and len(self._runs) > 1:
                del self._runs[0], self._formats[0]
                self.start += length
            else:
                del run[: size(until - self.start, format)]
                self.start = until

    def clear(self) -> None:
        """Forget everything that was appended, half a sample included; the clock goes on."""
        self._runs.clear()
        self._formats.clear()
        self.start = self.end
