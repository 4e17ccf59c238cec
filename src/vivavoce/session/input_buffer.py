"""The input audio buffer: what was appended, where it lies on the input clock, and what is cut out of it."""

from typing import NamedTuple

from vivavoce.protocol import AudioFormat, AudioPCM
from vivavoce.session.clock import size, ticks


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

    __slots__ = ("_formats", "_half", "_runs", "end", "start")

    def __init__(self) -> None:
        self.start = 0
        self.end = 0
        self._runs: list[bytearray] = []
        self._formats: list[AudioFormat] = []
        self._half = b""
        """Half a PCM sample, which the next append completes."""

    @property
    def held(self) -> int:
        """Ticks in the buffer."""
        return self.end - self.start

    @property
    def n_bytes(self) -> int:
        """Bytes in the buffer."""
        return sum(map(len, self._runs))

    def append(self, audio: bytes, format: AudioFormat) -> bytes:
        """Add audio; returns the whole samples that it completed."""
        if not self._runs or self._formats[-1] != format:
            self._runs.append(bytearray())
            self._formats.append(format)
            self._half = b""
        if self._half:
            audio, self._half = self._half + audio, b""
        if len(audio) % 2 and isinstance(format, AudioPCM):
            audio, self._half = audio[:-1], audio[-1:]
        self._runs[-1] += audio
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
        for run, format in zip(self._runs, self._formats, strict=True):
            length = ticks(len(run), format)
            low, high = max(start - position, 0), min(end - position, length)
            if low < high and (audio := bytes(run[size(low, format) : size(high, format)])):
                clips.append(Clip(audio, format))
            position += length
        return clips

    def drop(self, until: int) -> None:
        """Forget what lies before `until`."""
        until = min(until, self.end)
        while self.start < until:
            run, format = self._runs[0], self._formats[0]
            length = ticks(len(run), format)
            if length <= until - self.start and len(self._runs) > 1:
                del self._runs[0], self._formats[0]
                self.start += length
            else:
                dropped = size(until - self.start, format)
                del run[:dropped]
                self.start += ticks(dropped, format)
                break

    def clear(self) -> None:
        """Forget everything that was appended, half a sample included; the clock goes on."""
        self._runs.clear()
        self._formats.clear()
        self._half = b""
        self.start = self.end
