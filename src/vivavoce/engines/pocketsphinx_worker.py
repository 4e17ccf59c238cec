"""PocketSphinx, in a worker process: it holds the GIL while it listens.

A job is one utterance: its messages are PCM16 samples at 16 kHz, the last is None. Answers are `[text,
final]`.
"""

import os
import warnings
from typing import Any

import numpy as np

from vivavoce.engines.workers.channel import GivenUp, Job, JobFailed

RATE = 16000
STEP_BYTES = RATE // 10 * 2
"""Audio between two updates of the cepstral mean. Counted from the beginning of the utterance: it does not
matter in which pieces the audio comes."""

SPEECH_MEAN = "41.00,-5.29,-0.12,5.09,2.48,-4.07,-1.37,-1.78,-5.08,-2.05,-6.45,-1.42,1.17"
"""Cepstral mean of read English speech: where every utterance begins, so that what was said before does not
matter. Of 61 words that people say, 14 are misunderstood with it and an update after every step, 21 without
updates, 16 with updates from the library's own beginning (40,3,-1)."""

SETTLE_STEPS = 150
MAX_STEPS = 300
"""The decoder remembers (100 to 200 kB a second) and at the end thinks over (7 to 10 ms a second) all that it
has heard. So a long utterance is settled in stretches: after the first quiet step from 15 s on, or after
30 s."""

QUIET = 0.15
"""A step is quiet if its mean amplitude is less than so much of the stretch's."""


def load(options: Any) -> "Listener":
    try:
        from pocketsphinx import Decoder
    except ModuleNotFoundError:
        raise JobFailed(
            'The transcriber "pocketsphinx" needs its package: pip install "vivavoce[offline]"'
        ) from None
    return Listener(
        Decoder(fwdflat=False, maxhmmpf=options["max_active"], loglevel="FATAL", logfn=os.devnull)
    )


def run(listener: "Listener", job: Job) -> None:
    """Listen to one utterance."""
    listener.begin()
    early = bytearray()
    told = ""
    while (audio := job.receive()) is not None:
        early += audio
        while len(early) >= STEP_BYTES:
            listener.hear(bytes(early[:STEP_BYTES]))
            del early[:STEP_BYTES]
            if job.given_up:
                raise GivenUp
        text = listener.text()
        if text != told:
            told = text
            job.send([text, False])
    if early:
        listener.hear(bytes(early))
    job.send([listener.end(), True])


class Listener:
    """A decoder and the utterance that it is in."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self._listening = False
        self._settled: list[str] = []
        self._steps = 0
        self._level = 0.0

    def begin(self) -> None:
        """A new utterance; of the one before nothing is left."""
        if self._listening:
            self._decoder.end_utt()
        with warnings.catch_warnings():
            # It is said to be unnecessary. But without it scores depend on what was heard before.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._decoder.start_stream()
        self._decoder.set_cmn(SPEECH_MEAN)
        self._settled = []
        self._begin_stretch()

    def hear(self, audio: bytes) -> None:
        """One step, or what is left at the end."""
        self._decoder.process_raw(audio)
        self._decoder.get_cmn(update=True)
        level = float(np.abs(np.frombuffer(audio, "<i2").astype(np.int32)).mean())
        self._steps += 1
        self._level += (level - self._level) / self._steps
        if self._steps >= MAX_STEPS or (self._steps >= SETTLE_STEPS and level <= QUIET * self._level):
            self._end_stretch()
            self._begin_stretch()

    def text(self) -> str:
        """What is understood so far."""
        return " ".join([*self._settled, *self._words()])

    def end(self) -> str:
        """The words of the whole utterance."""
        self._end_stretch()
        return " ".join(self._settled)

    def _begin_stretch(self) -> None:
        self._steps = 0
        self._level = 0.0
        self._decoder.start_utt()
        self._listening = True

    def _end_stretch(self) -> None:
        self._listening = False
        self._decoder.end_utt()
        self._settled += self._words()

    def _words(self) -> list[str]:
        hypothesis = self._decoder.hyp()
        words = hypothesis.hypstr.split() if hypothesis is not None else []
        return [word for word in words if word[0] not in "<[+"]
