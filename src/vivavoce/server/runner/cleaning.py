"""Input audio on its way through the noise reducer, before the session sees it."""

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np
import pybase64

from vivavoce.audio.convert import Incoming, Outgoing
from vivavoce.audio.formats import bytes_per_sample, sample_rate
from vivavoce.audio.resample import LIVE
from vivavoce.engines.interfaces import NoiseReducer
from vivavoce.protocol import (
    AudioFormat,
    InputAudioBufferAppend,
    InvalidEvent,
    SessionInputAudioBufferAppend,
    decode_audio,
)

INLINE_BYTES = 24_000
"""Up to so much (half a second, about 1 ms of work) is cleaned on the event loop, more in a thread."""

Append = InputAudioBufferAppend | SessionInputAudioBufferAppend
"""How a kind of session is given its audio."""

Field = Literal["near_field", "far_field"]


class Cleaning:
    """The noise reducer's memory of the input of one session, in one format.

    As many samples come out as go in, in the same format, up to 20 ms later: what is held back comes with
    `rest`, which is due before whatever acts on the buffer as a whole. The session's clock so counts what it
    would have counted without.
    """

    def __init__(self, reducer: NoiseReducer, field: Field, format: AudioFormat) -> None:
        self.key = (field, format)
        """What it was made for."""
        self._stream = reducer.stream(field)
        self._incoming = Incoming(format.type, reducer.sample_rate)
        self._outgoing = Outgoing(format.type, reducer.sample_rate, LIVE)
        self._width = bytes_per_sample(format.type)
        self._silence = Outgoing(format.type, sample_rate(format.type)).feed(np.zeros(1, np.int16))
        self._half = b""
        self._owed = 0
        """So many bytes have gone in and not come out."""
        self._ready = b""

    async def clean(self, append: Append) -> Append | None:
        """The event with what is ready of the audio; None if nothing is. One that holds no audio is as it
        was, for the session to refuse."""
        try:
            audio = decode_audio(append.audio, "audio")
        except InvalidEvent:
            return append
        audio = await self.cleaned(audio)
        if not audio:
            return None
        return msgspec.structs.replace(append, audio=pybase64.b64encode_as_string(audio))

    async def cleaned(self, audio: bytes) -> bytes:
        """What is ready of the audio; see `feed`."""
        if len(audio) > INLINE_BYTES:
            return await asyncio.to_thread(self.feed, audio)
        return self.feed(audio)

    def rest(self, append: Callable[..., Append]) -> Append | None:
        """What was held back, as such an event; None if nothing was."""
        audio = self.flush()
        return append(audio=pybase64.b64encode_as_string(audio)) if audio else None

    def feed(self, audio: bytes) -> bytes:
        """Take any number of bytes, return the samples that are ready. Half a sample waits for the other
        half."""
        if self._half:
            audio, self._half = self._half + audio, b""
        if odd := len(audio) % self._width:
            audio, self._half = audio[:-odd], audio[-odd:]
        self._owed += len(audio)
        clean = self._stream.feed(self._incoming.feed(audio))
        return self._give(self._outgoing.feed(clean))

    def flush(self) -> bytes:
        """All samples that have gone in and not come out. What is fed next goes on."""
        if not self._owed:
            return b""
        last = np.concatenate((self._stream.feed(self._incoming.flush()), self._stream.flush()))
        end = self._outgoing.feed(last) + self._outgoing.flush()
        given = self._give(end)
        # Resampling rounds the length, by one sample at each step.
        missing = (given[-self._width :] or self._silence) * (self._owed // self._width)
        self._owed, self._ready = 0, b""
        return given + missing

    def _give(self, audio: bytes) -> bytes:
        """What may come out now: never more than has gone in."""
        audio = self._ready + audio
        audio, self._ready = audio[: self._owed], audio[self._owed :]
        self._owed -= len(audio)
        return audio
