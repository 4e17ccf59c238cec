"""What a caller says: speech, silence, and the pieces in which a microphone delivers them."""

from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path

import pybase64

from vivavoce.audio.convert import Outgoing
from vivavoce.audio.formats import Encoding, byte_count, sample_rate
from vivavoce.audio.samples import Samples
from vivavoce.audio.wav import read_wav
from vivavoce.conformance.words import Event

LONGEST_S = 15
"""Seconds of a recording that are used."""
PIECE_MS = 40
"""Length of one append."""

_ENCODINGS = {"pcm16": Encoding.PCM, "g711_ulaw": Encoding.PCMU, "g711_alaw": Encoding.PCMA}
_SILENT = {"pcm16": b"\x00", "g711_ulaw": b"\xff", "g711_alaw": b"\xd5"}


class Speech:
    """A recording of somebody who speaks."""

    def __init__(self, samples: Samples, rate: int) -> None:
        self._samples = samples[: LONGEST_S * rate]
        self._rate = rate

    @classmethod
    def read(cls, path: Path | None) -> "Speech":
        """A WAV file, or the recording that comes with the package. Raises WavError."""
        if path is not None:
            return cls(*read_wav(path))
        with as_file(files(__package__).joinpath("speech.wav")) as shipped:
            return cls(*read_wav(shipped))

    @property
    def seconds(self) -> float:
        return len(self._samples) / self._rate

    def audio(self, format: str = "pcm16") -> bytes:
        """The recording in an input format, named as the beta dialect names it."""
        stream = Outgoing(_ENCODINGS[format], self._rate)
        return stream.feed(self._samples) + stream.flush()


def silence(milliseconds: float, format: str = "pcm16") -> bytes:
    """Silence of this length."""
    encoding = _ENCODINGS[format]
    width = 2 if encoding is Encoding.PCM else 1
    return _SILENT[format] * (round(sample_rate(encoding) * milliseconds / 1000) * width)


def milliseconds(audio: bytes, format: str = "pcm16") -> float:
    """How long audio of this format lasts."""
    return 1000 * len(audio) / byte_count(1000, _ENCODINGS[format])


def append(audio: bytes) -> Event:
    """One `input_audio_buffer.append`."""
    return {"type": "input_audio_buffer.append", "audio": pybase64.b64encode(audio).decode()}


def appends(audio: bytes, format: str = "pcm16") -> Iterator[Event]:
    """The audio as a microphone would deliver it."""
    size = byte_count(PIECE_MS, _ENCODINGS[format])
    for start in range(0, len(audio), size):
        yield append(audio[start : start + size])
