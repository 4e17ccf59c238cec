"""The beta dialect's words for audio formats."""

from typing import Literal

from vivavoce.protocol.formats import AudioFormat, AudioPCM, AudioPCMA, AudioPCMU

FormatName = Literal["pcm16", "g711_ulaw", "g711_alaw"]
"""16-bit samples at 24 kHz, or G.711 at 8 kHz."""

_GA: dict[FormatName, AudioFormat] = {
    "pcm16": AudioPCM(),
    "g711_ulaw": AudioPCMU(),
    "g711_alaw": AudioPCMA(),
}
_NAMES: dict[str, FormatName] = {format.type: name for name, format in _GA.items()}


def to_ga(name: FormatName) -> AudioFormat:
    """What a client of the beta dialect means."""
    return _GA[name]


def name_of(format: AudioFormat) -> FormatName:
    """The beta dialect's word for it."""
    return _NAMES[format.type]
