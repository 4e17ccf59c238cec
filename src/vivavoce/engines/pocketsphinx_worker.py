"""PocketSphinx, in a worker process: it holds the GIL while it listens.

A job is one utterance. It is opened with the patience of its `Agreement`, None for one that settles nothing
before it must; its messages are PCM16 samples at 16 kHz, the last is None. Answers are `[settled, current,
standing, final]`: the words that were settled since the last answer, those of the stretch that is not
settled, how many of these stand, and whether it is the last answer. Words are `Heard`, in frames of 10 ms.
"""

import os
import warnings
from typing import Any

import numpy as np

from vivavoce.engines.agreement import Agreement, Heard
from vivavoce.engines.workers.channel import GivenUp, Job, JobFailed

RATE = 16000
STEP_FRAMES = 10
STEP_BYTES = STEP_FRAMES * RATE // 100 * 2
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
    listener.begin(job.opening)
    early = bytearray()
    told: list[Any] = [[], 0]
    while (audio := job.receive()) is not None:
        early += audio
        while len(early) >= STEP_BYTES:
            listener.hear(bytes(early[:STEP_BYTES]))
            del early[:STEP_BYTES]
            if job.given_up:
                raise GivenUp
        settled, (current, standing) = listener.take_settled(), listener.current()
        telling = [[word.text for word in current], standing]
        if settled or telling != told:
            told = telling
            job.send([settled, current, standing, False])
    if early:
        listener.hear(bytes(early))
    listener.end()
    job.send([listener.take_settled(), [], 0, True])


class Listener:
    """A decoder and the utterance that it is in."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self._listening = False
        self._settled: list[Heard] = []
        self._patience: int | None = None
        self._agreement: Agreement | None = None
        self._heard = 0
        """Frames in the stretches that are settled."""
        self._steps = 0
        self._level = 0.0

    def begin(self, patience: int | None) -> None:
        """A new utterance; of the one before nothing is left. `patience`: see `Agreement`."""
        if self._listening:
            self._decoder.end_utt()
        with warnings.catch_warnings():
            # It is said to be unnecessary. But without it scores depend on what was heard before.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._decoder.start_stream()
        self._decoder.set_cmn(SPEECH_MEAN)
        self._settled = []
        self._patience = patience
        self._heard = self._steps = 0
        self._begin_stretch()

    def hear(self, audio: bytes) -> None:
        """One step, or what is left at the end."""
        self._decoder.process_raw(audio)
        self._decoder.get_cmn(update=True)
        level = float(np.abs(np.frombuffer(audio, "<i2").astype(np.int32)).mean())
        self._steps += 1
        self._level += (level - self._level) / self._steps
        if self._agreement is not None:
            self._agreement.observe(self._words(), self._heard + self._steps * STEP_FRAMES)
        if self._steps >= MAX_STEPS or (self._steps >= SETTLE_STEPS and level <= QUIET * self._level):
            self._end_stretch()
            self._begin_stretch()

    def take_settled(self) -> list[Heard]:
        """The words of the stretches that are settled, each once."""
        settled, self._settled = self._settled, []
        return settled

    def current(self) -> tuple[list[Heard], int]:
        """What is understood so far of the stretch that is not settled, and how many words of it stand."""
        if self._agreement is None:
            return self._words(), 0
        return self._agreement.joined(self._words()), len(self._agreement.standing)

    def end(self) -> None:
        """The utterance is over: all of it is settled."""
        self._end_stretch()

    def _begin_stretch(self) -> None:
        self._agreement = None if self._patience is None else Agreement(self._patience)
        self._heard += self._steps * STEP_FRAMES
        self._steps = 0
        self._level = 0.0
        self._decoder.start_utt()
        self._listening = True

    def _end_stretch(self) -> None:
        self._listening = False
        self._decoder.end_utt()
        words = self._words()
        self._settled += words if self._agreement is None else self._agreement.joined(words)

    def _words(self) -> list[Heard]:
        """The hypothesis of the stretch. At its end, when the decoder has thought over all that it heard, it
        knows how probable each word is."""
        words = []
        for each in self._decoder.seg() or ():
            if each.word[0] not in "<[+":
                text = each.word.partition("(")[0]  # "was(2)" is another way to say "was"
                start, end = self._heard + each.start_frame, self._heard + each.end_frame + 1
                words.append(Heard(text, start, end, None if self._listening else each.prob))
        return words
