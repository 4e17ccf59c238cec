"""Pauses on their way through the turn detector."""

import asyncio
import logging

import numpy as np

from vivavoce.engines.interfaces import EngineError, Samples, SpokenTurn, TurnDetector
from vivavoce.server.runner.conversion import Conversion
from vivavoce.server.runner.live import LiveSession
from vivavoce.session import JudgeTurn

logger = logging.getLogger(__name__)

MAX_AUDIO_MS = 8000
"""No detector gets more of a turn."""

_NOTHING = np.zeros(0, np.int16)


class Judging:
    """Asks whether the speaker has finished, one question at a time: a new one makes the former one void."""

    __slots__ = (
        "_asking",
        "_detector",
        "_live",
    )

    def __init__(self, live: LiveSession, detector: TurnDetector) -> None:
        self._live = live
        self._detector = detector
        self._asking: asyncio.Task[None] | None = None

    def ask(self, question: JudgeTurn) -> None:
        """Somebody has fallen silent."""
        if self._asking is not None:
            self._asking.cancel()
        self._asking = self._live.spawn(self._ask(question), f"vivavoce turn of {question.item_id}")

    async def _ask(self, question: JudgeTurn) -> None:
        live = self._live
        samples = _NOTHING
        if question.audio:
            # Seconds of it: too much work for the event loop.
            samples = await asyncio.to_thread(_samples, question, self._detector.sample_rate)
        turn = SpokenTurn(
            transcript=question.transcript,
            language=question.language,
            silence_ms=question.silence_ms,
            samples=samples,
        )
        try:
            probability = await self._detector.finished(turn)
            if not 0 <= probability <= 1:
                raise EngineError(f"{probability} is no probability.")
        except EngineError as error:
            # The silence decides alone.
            logger.warning("the turn detector could not judge: %s", error)
            return
        except Exception:  # a fault of one engine must not end the session
            logger.exception("the turn detector failed")
            return
        live.conversation.turn_judged(question.item_id, probability, live.now())
        live.carry_out()


def _samples(question: JudgeTurn, sample_rate: int) -> Samples:
    conversion = Conversion(sample_rate)
    pieces = [conversion.feed(clip.audio, clip.format) for clip in question.audio]
    rest = conversion.flush()
    return np.concatenate(pieces if rest is None else [*pieces, rest])
