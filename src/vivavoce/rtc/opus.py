"""The Opus codec (RFC 6716) at 24 kHz mono, by libopus.

Opus resamples by itself: whatever rate the other end works at, this one encodes and decodes at the rate of
the API's audio. The library is the one that PyAV's wheel carries, which aiortc needs anyway; where PyAV was
built against the system's libraries, it is the system's.

A call takes some tens of microseconds, so it holds the interpreter's lock: giving it up and waiting for it
again would cost more, up to 5 ms where another thread computes.
"""

import ctypes
import ctypes.util
import importlib.util
from functools import cache
from pathlib import Path

from vivavoce.protocol.errors import VivavoceError
from vivavoce.rtc.errors import OpusMissing

RATE = 24_000
"""Samples per second of the PCM that goes in and comes out: mono int16, little-endian."""
FRAME_SAMPLES = 480
"""Samples of one frame of 20 ms."""
FRAME_BYTES = 2 * FRAME_SAMPLES
MAX_SAMPLES = 2_880
"""Samples of the longest packet that Opus knows: 120 ms."""
MAX_PACKET_BYTES = 1_275 * 6 + 13
"""The longest packet: six frames of 20 ms with 1,275 bytes each, and their lengths."""

_APPLICATION_VOIP = 2048
_SET_BITRATE, _SET_COMPLEXITY, _SET_INBAND_FEC = 4002, 4010, 4012
_SET_PACKET_LOSS, _SET_SIGNAL, _RESET_STATE = 4014, 4024, 4028
_SIGNAL_VOICE, _SIGNAL_MUSIC = 3001, 3002

BITRATE = 40_000
"""Bits per second: transparent for one voice at 24 kHz."""
COMPLEXITY = 5
"""Of 0 to 10. 10 takes a third more time, and makes no difference that one voice at this rate shows."""


class OpusError(VivavoceError):
    """libopus refused: the packet is broken, or an argument is out of range."""


class Encoder:
    """Turns frames of 20 ms into packets.

    `fec`: where packets get lost, each carries a coarse copy of the frame before.

    Of Opus's two codecs it is the one of transforms, which Opus itself takes for music: at this bitrate it
    comes nearer to the spectrum of a voice than the one made for voices at low bitrates, in a third of the
    time. Only the latter knows the coarse copy.
    """

    def __init__(self, *, fec: bool = False) -> None:
        self._lib = _library()
        self._fec = fec
        error = ctypes.c_int()
        self._state = self._lib.opus_encoder_create(RATE, 1, _APPLICATION_VOIP, ctypes.byref(error))
        _check(self._lib, error.value)
        self._packet = ctypes.create_string_buffer(_PACKET_ROOM)
        self._control(_SET_BITRATE, BITRATE)
        self._control(_SET_COMPLEXITY, COMPLEXITY)
        self._control(_SET_INBAND_FEC, int(fec))
        self._control(_SET_SIGNAL, _SIGNAL_MUSIC)

    def encode(self, pcm: bytes) -> bytes:
        """The packet of one frame. `pcm`: 20 ms, 960 bytes."""
        if len(pcm) != FRAME_BYTES:
            raise OpusError(f"A frame has {FRAME_BYTES} bytes, not {len(pcm)}.")
        size = self._lib.opus_encode(self._state, pcm, FRAME_SAMPLES, self._packet, _PACKET_ROOM)
        _check(self._lib, size)
        return self._packet.raw[:size]

    def expect_loss(self, percent: int) -> None:
        """Tells how many packets of a hundred get lost: `fec` spends no bytes where none do."""
        self._control(_SET_PACKET_LOSS, percent)
        self._control(_SET_SIGNAL, _SIGNAL_VOICE if self._fec and percent else _SIGNAL_MUSIC)

    def _control(self, request: int, value: int) -> None:
        _check(self._lib, self._lib.opus_encoder_ctl(self._state, request, ctypes.c_int(value)))

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._lib.opus_encoder_destroy(self._state)


class Decoder:
    """Turns packets into samples, and makes up those of packets that never came."""

    def __init__(self) -> None:
        self._lib = _library()
        error = ctypes.c_int()
        self._state = self._lib.opus_decoder_create(RATE, 1, ctypes.byref(error))
        _check(self._lib, error.value)
        self._pcm = ctypes.create_string_buffer(2 * MAX_SAMPLES)

    def decode(self, packet: bytes) -> bytes:
        """The samples of a packet, 2.5 to 120 ms of them."""
        return self._decode(packet, MAX_SAMPLES, 0)

    def recover(self, packet: bytes, samples: int) -> bytes:
        """The `samples` before those of `packet`, from the copy that it carries; made up if it has none."""
        return self._decode(packet, samples, 1)

    def conceal(self, samples: int) -> bytes:
        """Makes up `samples`, a multiple of 60 (2.5 ms), from what was heard before."""
        return self._decode(None, samples, 0)

    def reset(self) -> None:
        """Forgets what was heard: the next packet is of another stream."""
        _check(self._lib, self._lib.opus_decoder_ctl(self._state, _RESET_STATE))

    def _decode(self, packet: bytes | None, samples: int, fec: int) -> bytes:
        size = 0 if packet is None else len(packet)
        count = self._lib.opus_decode(self._state, packet, size, self._pcm, samples, fec)
        _check(self._lib, count)
        return ctypes.string_at(self._pcm, 2 * count)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._lib.opus_decoder_destroy(self._state)


def duration(packet: bytes) -> int:
    """Samples at 24 kHz that a packet stands for; OpusError if it is none."""
    lib = _library()
    count: int = lib.opus_packet_get_nb_samples(packet, len(packet), RATE)
    _check(lib, count)
    return count


_PACKET_ROOM = 1_500
"""Bytes for one encoded frame: more than 40 kbit/s ever need, less than a datagram holds."""


def _check(lib: ctypes.PyDLL, code: int) -> None:
    if code < 0:
        raise OpusError(f"libopus: {lib.opus_strerror(code).decode()}.")


@cache
def _library() -> ctypes.PyDLL:
    path = _path()
    if path is None:
        raise OpusMissing(
            "WebRTC needs the Opus codec: reinstall PyAV from its wheel (pip install --force-reinstall av), "
            "or install libopus by the system's package manager (Debian: libopus0)."
        )
    lib = ctypes.PyDLL(path)
    pointer, integer, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    for name, result, arguments in (
        ("opus_encoder_create", pointer, [integer, integer, integer, pointer]),
        ("opus_encoder_destroy", None, [pointer]),
        ("opus_encoder_ctl", integer, [pointer, integer]),
        ("opus_encode", integer, [pointer, text, integer, pointer, integer]),
        ("opus_decoder_create", pointer, [integer, integer, pointer]),
        ("opus_decoder_destroy", None, [pointer]),
        ("opus_decoder_ctl", integer, [pointer, integer]),
        ("opus_decode", integer, [pointer, text, integer, pointer, integer, integer]),
        ("opus_packet_get_nb_samples", integer, [text, integer, integer]),
        ("opus_strerror", text, [integer]),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


def _path() -> str | None:
    spec = importlib.util.find_spec("av")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        for folder in (package.with_name("av.libs"), package / ".dylibs"):
            for found in sorted(folder.glob("libopus[-.]*")):
                return str(found)
    return ctypes.util.find_library("opus")
