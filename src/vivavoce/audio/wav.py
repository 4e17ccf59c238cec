"""WAV files: any format and rate in, 16-bit PCM out.

Read: PCM of 8 to 32 bits, 32- and 64-bit float, A-law and µ-law, plain or as WAVE_FORMAT_EXTENSIBLE, with any
number of channels, chunks in any order, and the unfinished sizes that programs leave behind that write to a
pipe. The layout is that of Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" and of
mmreg.h.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from vivavoce.audio import g711
from vivavoce.audio.samples import Samples, to_int16

MAX_SECONDS = 3600
"""Longer recordings are refused."""
MAX_BYTES = 1 << 30
"""Sound of more bytes is refused: an hour of 48 kHz stereo at 24 bits fits."""
RATES = range(4_000, 192_001)
"""Sample rates that are believed, in Hz."""
CHANNELS = range(1, 65)
"""Numbers of channels that are believed."""

File = str | os.PathLike[str] | BinaryIO


class WavError(ValueError):
    """A WAV file that cannot be read or written. The message is one sentence that names the file and what is
    wrong with it."""

    def __init__(self, source: File, problem: str) -> None:
        """`problem` completes the sentence that begins with the file's name."""
        super().__init__(f"{_name(source)} {problem}.")


class Recording(NamedTuple):
    """What was read."""

    samples: Samples
    """`(n,) int16`, all channels mixed into one."""
    rate: int
    """Hz."""


def read_wav(source: File) -> Recording:
    """Read a file, given by its path or open for reading bytes (it need not be seekable).

    Raises WavError if there is no such file, if it is no WAV file, damaged or without sound, if its format is
    not one of those above, or if it is larger than MAX_SECONDS and MAX_BYTES allow.
    """
    try:
        if not isinstance(source, str | os.PathLike):
            return _read(source, source)
        with open(source, "rb") as file:
            return _read(file, source)
    except FileNotFoundError as error:
        raise WavError(source, "does not exist") from error
    except OSError as error:
        raise WavError(source, f"cannot be read: {error.strerror}") from error


class WavWriter:
    """A WAV file of 16-bit PCM that grows while sound comes in.

    Used as a context manager, or closed by `close`, which writes the sizes into the header. Where the file
    cannot be seeked in, or the program ends before that, the header says 0xFFFFFFFF, which readers take for
    "to the end".
    """

    def __init__(self, target: File, rate: int, channels: int = 1) -> None:
        """`target` is a path, overwritten if it exists, or a file open for writing bytes, which is left open.
        `rate` in Hz. Raises WavError if the file cannot be written."""
        self._target = target
        self._rate = rate
        self._channels = channels
        self._bytes = 0
        self._closed = False
        with _writing(target):
            self._own = isinstance(target, str | os.PathLike)
            self._file = open(target, "wb") if isinstance(target, str | os.PathLike) else target  # noqa: SIM115
            self._start = self._file.tell() if self._file.seekable() else None
            self._file.write(self._header(_UNKNOWN))

    def write(self, samples: Samples) -> None:
        """Append `(n,) int16`, or `(n, channels) int16`. Raises ValueError for another number of channels,
        WavError if the file cannot be written or would grow beyond the 4 GiB that WAV can hold."""
        channels = samples.shape[1] if samples.ndim == 2 else 1
        if channels != self._channels:
            raise ValueError(f"{channels} channels for a file of {self._channels}.")
        if self._bytes + samples.nbytes > _UNKNOWN - _HEADER.size:
            raise WavError(self._target, "would grow beyond the 4 GiB that a WAV file can hold")
        with _writing(self._target):
            self._file.write(samples.astype("<i2", copy=False).tobytes())
        self._bytes += samples.nbytes

    def close(self) -> None:
        """Finish the header. Harmless when repeated. Raises WavError if the file cannot be written."""
        if self._closed:
            return
        self._closed = True
        with _writing(self._target):
            try:
                if self._start is not None:
                    self._file.seek(self._start)
                    self._file.write(self._header(self._bytes))
                    self._file.seek(0, os.SEEK_END)
            finally:
                if self._own:
                    self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _header(self, n_bytes: int) -> bytes:
        frame = 2 * self._channels
        riff = _UNKNOWN if n_bytes == _UNKNOWN else _HEADER.size - 8 + n_bytes
        return _HEADER.pack(
            b"RIFF", riff, b"WAVE",
            b"fmt ", 16, _PCM, self._channels, self._rate, self._rate * frame, frame, 16,
            b"data", n_bytes,
        )  # fmt: skip


def write_wav(target: File, samples: Samples, rate: int) -> None:
    """Write a whole recording, `(n,)` or `(n, channels) int16`. Raises WavError if that cannot be."""
    with WavWriter(target, rate, samples.shape[1] if samples.ndim == 2 else 1) as writer:
        writer.write(samples)


# The layout of files

_HEADER = struct.Struct("<4sI4s 4sIHHIIHH 4sI")
_FORMAT = struct.Struct("<HHIIHH")
_UNKNOWN = 0xFFFFFFFF
_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_WIDTHS = {_PCM: (1, 2, 3, 4), _FLOAT: (4, 8), _ALAW: (1,), _ULAW: (1,)}
"""Bytes a sample in each format that can be read."""
_MEDIA_SUBTYPE = bytes.fromhex("000000001000800000aa00389b71")
"""What follows the format tag in the GUID of an extensible format."""
_MAX_FORMAT_CHUNK = 4096
_READ_AT_ONCE = 1 << 20
_MIX_AT_ONCE = 1 << 18
_LOUDEST = 64.0
"""Float samples beyond 36 dB above full scale, and those that are no numbers, are not believed."""


class _Format(NamedTuple):
    tag: int
    channels: int
    rate: int
    width: int


def _read(file: BinaryIO, source: File) -> Recording:
    magic = file.read(12)
    if not magic:
        raise WavError(source, "is empty")
    if magic[:4] != b"RIFF" or magic[8:] != b"WAVE":
        raise WavError(source, "is not a WAV file")
    total = int.from_bytes(magic[4:8], "little")
    position = 4
    format: _Format | None = None
    data: bytearray | None = None
    while format is None or data is None:
        header = file.read(8)
        if len(header) < 8:
            raise WavError(source, f"is damaged: it has no {'format' if format is None else 'data'} chunk")
        name, size = header[:4], int.from_bytes(header[4:], "little")
        padded = size + size % 2
        position += 8 + padded
        if name == b"fmt ":
            if not _FORMAT.size <= size <= _MAX_FORMAT_CHUNK:
                raise WavError(source, f"is damaged: its format chunk claims to have {size:,} bytes")
            format = _format(_up_to(padded, file), source)
        elif name == b"data":
            # Who writes to a pipe leaves a size of 0, 0xFFFFFFFF or something else too large. 0 is meant if
            # the file's own size promises that something else follows.
            unfinished = size == 0 and (total <= position or total == _UNKNOWN)
            data = _up_to(MAX_BYTES + 1 if unfinished else min(padded, MAX_BYTES + 1), file)
            if len(data) > MAX_BYTES:
                raise WavError(source, f"is too large: sound of {MAX_BYTES >> 20:,} MiB at most can be read")
            if not unfinished:
                del data[size:]
        else:
            _skip(padded, file)
    seconds = len(data) // (format.channels * format.width) / format.rate
    if seconds > MAX_SECONDS:
        raise WavError(source, f"is too long: {MAX_SECONDS // 60} minutes at most can be read")
    if seconds == 0:
        raise WavError(source, "holds no sound")
    return Recording(_mixed(data, format), format.rate)


def _format(chunk: bytearray, source: File) -> _Format:
    if len(chunk) < _FORMAT.size:
        raise WavError(source, "is damaged: it ends within its format chunk")
    tag, channels, rate, _, frame, bits = _FORMAT.unpack_from(chunk)
    if tag == _EXTENSIBLE and chunk[26:40] == _MEDIA_SUBTYPE:
        tag = int.from_bytes(chunk[24:26], "little")
    width = (bits + 7) // 8
    if tag not in _WIDTHS:
        raise WavError(
            source,
            f"has the compressed or unknown format 0x{tag:04x}; PCM, float, A-law and µ-law can be read",
        )
    if rate not in RATES:
        raise WavError(source, f"claims {rate:,} samples a second; {RATES[0]:,} to {RATES[-1]:,} can be read")
    if channels not in CHANNELS:
        raise WavError(source, f"claims {channels:,} channels; {CHANNELS[0]} to {CHANNELS[-1]} can be read")
    if width not in _WIDTHS[tag] or frame != channels * width:
        raise WavError(source, f"is damaged: samples of {bits} bits for {channels} channels in {frame} bytes")
    return _Format(tag, channels, rate, width)


def _mixed(data: bytearray, format: _Format) -> Samples:
    frame = format.channels * format.width
    n = len(data) // frame
    mixed = np.empty(n, np.int16)
    for start in range(0, n, _MIX_AT_ONCE):
        count = min(_MIX_AT_ONCE, n - start)
        piece = np.frombuffer(data, np.uint8, count * frame, start * frame)
        values = _values(piece, format).reshape(count, format.channels)
        mixed[start : start + count] = to_int16(values.mean(axis=1))
    return mixed


def _values(data: npt.NDArray[np.uint8], format: _Format) -> npt.NDArray[np.float64]:
    """The samples of all channels in steps of int16."""
    if format.tag == _ALAW:
        return g711.decode_alaw(data.tobytes()).astype(np.float64)
    if format.tag == _ULAW:
        return g711.decode_ulaw(data.tobytes()).astype(np.float64)
    if format.tag == _FLOAT:
        with np.errstate(invalid="ignore"):
            values = data.view(f"<f{format.width}").astype(np.float64)
        return np.clip(np.nan_to_num(values, copy=False, nan=0.0), -_LOUDEST, _LOUDEST) * 32768
    if format.width == 1:
        return (data - np.float64(128)) * 256
    # What is narrower than 32 bits becomes their upper part.
    wide = np.zeros((len(data) // format.width, 4), np.uint8)
    wide[:, 4 - format.width :] = data.reshape(-1, format.width)
    return wide.view("<i4").ravel() / np.float64(65536)


def _up_to(n: int, file: BinaryIO) -> bytearray:
    """The next n bytes, fewer where the file ends. What a damaged header claims is not allocated
    beforehand."""
    data = bytearray()
    while len(data) < n and (piece := file.read(min(n - len(data), _READ_AT_ONCE))):
        data += piece
    return data


def _skip(n: int, file: BinaryIO) -> None:
    while n > 0 and (piece := file.read(min(n, _READ_AT_ONCE))):
        n -= len(piece)


@contextmanager
def _writing(target: File) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WavError(target, f"cannot be written: {error.strerror}") from error


def _name(source: File) -> str:
    name = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    return os.fspath(name) if isinstance(name, str | os.PathLike) else "The WAV data"
