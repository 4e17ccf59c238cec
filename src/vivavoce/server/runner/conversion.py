"""Input audio on its way to an engine."""

from vivavoce.audio.convert import Incoming
from vivavoce.engines.interfaces import Samples
from vivavoce.protocol import AudioFormat


class Conversion:
    """From a session's input format to the rate of one engine: resampling goes on where the last piece
    ended."""

    __slots__ = (
        "_format",
        "_incoming",
        "_sample_rate",
    )

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._format: AudioFormat | None = None
        self._incoming: Incoming | None = None

    def feed(self, audio: bytes, format: AudioFormat) -> Samples:
        if self._incoming is None or format != self._format:
            self._format = format
            self._incoming = Incoming(format.type, self._sample_rate)
        return self._incoming.feed(audio)

    def flush(self) -> Samples | None:
        """What is left at the end; None if there was nothing at all."""
        return None if self._incoming is None else self._incoming.flush()
