"""PocketSphinx, in a worker process: it holds the GIL while it listens.

A job is one utterance: its messages are PCM16 samples at 16 kHz, the last is None. Answers are `[text,
final]`.
"""

import os
from typing import Any

from vivavoce.engines.workers.channel import Channel
from vivavoce.engines.workers.frames import Kind

RATE = 16000
STEP_BYTES = RATE // 5 * 2
"""Audio between two looks at what was understood so far, and between two updates of the cepstral mean."""

MIN_BYTES = RATE // 10 * 2
"""Less than 100 ms holds no word."""

SPEECH_MEAN = "41.00,-5.29,-0.12,5.09,2.48,-4.07,-1.37,-1.78,-5.08,-2.05,-6.45,-1.42,1.17"
"""Cepstral mean of read English speech: where every utterance begins, so that what was said before does not
matter."""


def load(options: Any) -> "Listener":
    try:
        from pocketsphinx import Decoder
    except ModuleNotFoundError:
        raise RuntimeError(
            'The transcriber "pocketsphinx" needs its package: pip install "vivavoce[offline]"'
        ) from None
    # The library writes to standard error, whatever it is told.
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)
    return Listener(Decoder(fwdflat=False, maxhmmpf=options["max_active"], loglevel="FATAL"))


def serve(listener: "Listener", channel: Channel) -> None:
    """Listen to one utterance after another."""
    while True:
        frame = channel.receive()
        if frame.kind is Kind.OPEN:
            listener.begin()
        elif frame.kind is Kind.CLOSE:
            listener.end()
            channel.done(frame.job)
        elif frame.message is None:
            channel.send(frame.job, [listener.end(), True])
            channel.done(frame.job)
        elif (text := listener.hear(frame.message)) is not None:
            channel.send(frame.job, [text, False])


class Listener:
    """A decoder and the utterance that it is in."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self._listening = False
        self._early = b""
        self._heard = 0
        self._text = ""

    def begin(self) -> None:
        self._decoder.start_stream()
        self._decoder.set_cmn(SPEECH_MEAN)
        self._early = b""
        self._heard = 0
        self._text = ""

    def hear(self, audio: bytes) -> str | None:
        """What is understood so far, if that has changed."""
        self._early += audio
        if len(self._early) < (STEP_BYTES if self._listening else MIN_BYTES):
            return None
        self._process()
        text = self._hypothesis()
        if text == self._text:
            return None
        self._text = text
        return text

    def end(self) -> str:
        """The words of the whole utterance."""
        if not self._listening:
            return ""
        self._process()
        self._decoder.end_utt()
        self._listening = False
        return self._hypothesis()

    def _process(self) -> None:
        if not self._listening:
            self._decoder.start_utt()
            self._listening = True
        audio, self._early = self._early, b""
        for start in range(0, len(audio), STEP_BYTES):
            self._decoder.process_raw(audio[start : start + STEP_BYTES])
            self._decoder.get_cmn(update=True)

    def _hypothesis(self) -> str:
        hypothesis = self._decoder.hyp()
        words = hypothesis.hypstr.split() if hypothesis is not None else []
        return " ".join(word for word in words if word[0] not in "<[+")
