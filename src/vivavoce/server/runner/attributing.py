"""Utterances on their way through the diarizer."""

import asyncio
import logging

import numpy as np

from vivavoce.engines.interfaces import Diarization, Diarizer, EngineError, Samples, SpeakerTurn
from vivavoce.server.runner.conversion import Conversion
from vivavoce.server.runner.live import LiveSession
from vivavoce.server.runner.soundness import refuse_unless_sound
from vivavoce.session import Diarize

logger = logging.getLogger(__name__)

MOST_WAITING = 64
"""Utterances that may wait for the diarizer; of one that comes then nobody finds out who spoke in it."""


class Attributing:
    """The utterances of which it is being found out who speaks in them: one after another, because each
    teaches the diarizer who is there. A diarizer that needs `timeout_s` longer than the utterance lasted is
    given up."""

    __slots__ = (
        "_diarizer",
        "_live",
        "_stream",
        "_timeout",
        "_waiting",
        "_working",
    )

    def __init__(self, live: LiveSession, diarizer: Diarizer, timeout_s: float) -> None:
        self._timeout = timeout_s
        self._live = live
        self._diarizer = diarizer
        self._stream: Diarization | None = None
        self._waiting: list[Diarize] = []  # an empty deque would weigh 700 bytes in every session
        self._working: asyncio.Task[None] | None = None

    def put(self, utterance: Diarize) -> None:
        """One more."""
        if len(self._waiting) >= MOST_WAITING:
            logger.warning("%d utterances wait for the diarizer: one more is not looked at", MOST_WAITING)
            self._live.conversation.diarized(utterance.item_id, None, self._live.now())
            return
        self._waiting.append(utterance)
        if self._working is None or self._working.done():
            self._working = self._live.spawn(self._work(), "vivavoce diarization")

    async def _work(self) -> None:
        live = self._live
        while self._waiting:
            utterance = self._waiting.pop(0)
            turns: list[SpeakerTurn] | None = None
            try:
                if self._stream is None:
                    self._stream = self._diarizer.stream()
                samples = self._samples(utterance)
                async with asyncio.timeout(self._timeout + len(samples) / self._diarizer.sample_rate):
                    brought = list(await self._stream.turns(samples))
                for turn in brought:
                    refuse_unless_sound(turn)
                turns = brought
            except EngineError as error:
                logger.warning("nobody can tell who speaks in an utterance: %s", error)
            except TimeoutError:
                logger.error("the diarizer said nothing for too long and was given up")
                self._stream = None
            except Exception:  # a fault of one engine must not end the session
                logger.exception("the diarizer failed")
            live.conversation.diarized(utterance.item_id, turns, live.now())
            live.carry_out()

    def _samples(self, utterance: Diarize) -> Samples:
        """The utterance at the diarizer's rate."""
        conversion = Conversion(self._diarizer.sample_rate)
        pieces = [conversion.feed(clip.audio, clip.format) for clip in utterance.clips]
        rest = conversion.flush()
        return np.concatenate(pieces if rest is None else [*pieces, rest])
