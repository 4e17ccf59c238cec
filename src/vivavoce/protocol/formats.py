"""Audio formats: what the bytes of a session's input and output mean."""

from typing import Annotated

from vivavoce.protocol.base import TaggedObject, limits


class AudioPCM(TaggedObject, frozen=True, kw_only=True, tag="audio/pcm"):
    """16-bit signed little-endian samples, one channel."""

    rate: Annotated[int, limits(minimum=24000, maximum=24000)] = 24000
    """Samples per second; 24000 is the only rate of the protocol."""


class AudioPCMU(TaggedObject, frozen=True, kw_only=True, tag="audio/pcmu"):
    """G.711 µ-law, one byte per sample, 8000 samples per second."""


class AudioPCMA(TaggedObject, frozen=True, kw_only=True, tag="audio/pcma"):
    """G.711 A-law, one byte per sample, 8000 samples per second."""


AudioFormat = AudioPCM | AudioPCMU | AudioPCMA
"""The format of a session's input or output audio. Unstated, it is `AudioPCM()`."""
