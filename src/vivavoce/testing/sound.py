"""What responses sound like, as bytes in a session's format."""

import array
import math
import sys

from vivavoce.audio import Encoding, byte_count, bytes_per_second
from vivavoce.testing.script import MAX_AUDIO_MS, ScriptError, Sound

_LOUDNESS = 8192
"""A quarter of full scale."""
_SILENT = {Encoding.PCM: b"\0", Encoding.PCMU: b"\xff", Encoding.PCMA: b"\xd5"}


def render(sound: Sound, encoding: str) -> bytes:
    """The sound in this encoding. Raises ScriptError for a recording that cannot be had.

    Silence, and tones in PCM, need nothing but the standard library.
    """
    if sound.file is not None:
        return _recorded(sound, encoding)
    if not sound.hz:
        return _SILENT[Encoding(encoding)] * byte_count(sound.ms, encoding)
    if encoding == Encoding.PCM:
        return _tone(sound, 24000).tobytes()
    return _compressed(_tone(sound, 8000).tobytes(), encoding)


def pieces(data: bytes, ms: int, encoding: str) -> list[bytes]:
    """The sound in pieces of so many milliseconds; the last may be shorter."""
    size = byte_count(ms, encoding)
    return [data[start : start + size] for start in range(0, len(data), size)]


def _tone(sound: Sound, rate: int) -> "array.array[int]":
    step = 2 * math.pi * sound.hz / rate
    samples = array.array(
        "h", (round(_LOUDNESS * math.sin(step * n)) for n in range(sound.ms * rate // 1000))
    )
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _compressed(pcm: bytes, encoding: str) -> bytes:
    try:
        import numpy as np

        from vivavoce.audio import g711
    except ImportError:
        raise ScriptError(
            f'A tone as {encoding} needs numpy: pip install "vivavoce[testing]", or let it be silence.'
        ) from None
    samples = np.frombuffer(pcm, "<i2").astype(np.int16)
    return g711.encode_ulaw(samples) if encoding == Encoding.PCMU else g711.encode_alaw(samples)


def _recorded(sound: Sound, encoding: str) -> bytes:
    try:
        from vivavoce.audio.convert import Outgoing
        from vivavoce.audio.wav import WavError, read_wav
    except ImportError:
        raise ScriptError(
            f'{sound.file}: WAV files need numpy and soxr: pip install "vivavoce[testing]".'
        ) from None
    assert sound.file is not None
    try:
        recording = read_wav(sound.file)
    except WavError as error:
        raise ScriptError(str(error)) from None
    conversion = Outgoing(encoding, recording.rate)
    data = conversion.feed(recording.samples) + conversion.flush()
    if len(data) > bytes_per_second(encoding) * MAX_AUDIO_MS // 1000:
        raise ScriptError(f"{sound.file} is too long: {MAX_AUDIO_MS // 60000} minutes at most are sent.")
    return data
