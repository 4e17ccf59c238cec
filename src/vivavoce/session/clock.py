"""Time as the input audio tells it: ticks of 1/24000 s, counted from samples and never from a clock.

Both rates of the protocol divide the tick evenly (24 kHz: one tick a sample; 8 kHz: three), so positions are
exact integers whatever the format is, and also when it changes in the middle of a session.
"""

from vivavoce.protocol import AudioFormat, AudioPCM

TICKS_PER_MS = 24


def ticks(n_bytes: int, format: AudioFormat) -> int:
    """How long that many bytes of whole samples last, in ticks."""
    return n_bytes // 2 if isinstance(format, AudioPCM) else n_bytes * 3


def size(n_ticks: int, format: AudioFormat) -> int:
    """How many bytes last that long, rounded down to whole samples."""
    return n_ticks * 2 if isinstance(format, AudioPCM) else n_ticks // 3


def milliseconds(n_ticks: int) -> int:
    return n_ticks // TICKS_PER_MS


def format_name(format: AudioFormat) -> str:
    """The short name that audio content parts carry in `format`."""
    return {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}[format.type]
