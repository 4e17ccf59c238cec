"""Utterances on their way through the transcriber."""

import asyncio
import logging

from vivavoce.engines.interfaces import EngineError, Samples, Transcriber, TranscriptionOptions, Utterance
from vivavoce.protocol import AudioFormat, Transcription
from vivavoce.server.runner.conversion import Conversion
from vivavoce.server.runner.live import FAULT, LiveSession
from vivavoce.server.runner.soundness import refuse_unless_sound

logger = logging.getLogger(__name__)


class Understanding:
    """The utterances that are being transcribed, by the item that each belongs to. A transcriber that needs
    `timeout_s` longer than the utterance lasted is given up."""

    __slots__ = (
        "_live",
        "_running",
        "_timeout",
        "_transcriber",
    )

    def __init__(self, live: LiveSession, transcriber: Transcriber, timeout_s: float) -> None:
        self._timeout = timeout_s
        self._live = live
        self._transcriber = transcriber
        self._running: dict[str, _RunningUtterance] = {}

    def open(self, item_id: str, options: Transcription | None) -> None:
        """An utterance begins."""
        live = self._live
        try:
            utterance = self._transcriber.utterance(_wanted(options))
        except EngineError as error:
            live.session.transcription_failed(item_id, str(error), error.code, live.now())
            return
        task = live.spawn(self._transcribe(item_id, utterance), f"vivavoce transcription {item_id}")
        self._running[item_id] = _RunningUtterance(utterance, task, self._transcriber.sample_rate)

    def feed(self, item_id: str, audio: bytes, format: AudioFormat) -> None:
        """More of its audio."""
        if (running := self._running.get(item_id)) is not None:
            running.feed(audio, format)

    def finish(self, item_id: str) -> None:
        """It is over."""
        self._live.stages.transcription_due(item_id)
        if (running := self._running.get(item_id)) is not None:
            running.finish(self._timeout)

    def abandon(self, item_id: str) -> None:
        """Nobody wants its words any more."""
        self._live.stages.transcription_settled(item_id, "abandoned")
        if (running := self._running.pop(item_id, None)) is not None:
            running.task.cancel()
            # A task that is cancelled before it began closes nothing.
            self._live.clear_away(running.utterance.aclose(), f"vivavoce abandon {item_id}")

    async def _transcribe(self, item_id: str, utterance: Utterance) -> None:
        live = self._live
        final, failure, code = None, FAULT.message, None
        try:
            async with self._running[item_id].patience:
                async for transcript in utterance:
                    refuse_unless_sound(transcript)
                    if transcript.final:
                        final = transcript
                    else:
                        live.session.understood(item_id, transcript, live.now())
                        live.carry_out()
        except EngineError as error:
            failure, code = str(error), error.code
        except TimeoutError:
            logger.error("the transcriber said nothing for too long and was given up")
        except Exception:  # a fault of one engine must not end the session
            logger.exception("the transcriber failed")
        finally:
            self._running.pop(item_id, None)
            await utterance.aclose()
        live.stages.transcription_settled(item_id, None if final is not None else code or "failed")
        if final is not None:
            live.session.understood(item_id, final, live.now())
        else:
            live.session.transcription_failed(item_id, failure, code, live.now())
        live.carry_out()


def _wanted(options: Transcription | None) -> TranscriptionOptions:
    if options is None:
        return TranscriptionOptions()
    return TranscriptionOptions(
        model=options.model,
        language=options.language,
        languages=options.languages or (),
        keywords=options.keywords or (),
        prompt=options.prompt,
        live=options.is_live,
        delay=options.delay or None,
    )


class _RunningUtterance:
    """An utterance, the task that waits for its words, and the conversion of its audio."""

    def __init__(self, utterance: Utterance, task: asyncio.Task[None], sample_rate: int) -> None:
        self.utterance = utterance
        self.task = task
        self.patience = asyncio.timeout(None)
        """How long the task waits; entered by itself."""
        self._sample_rate = sample_rate
        self._samples = 0
        self._conversion = Conversion(sample_rate)

    def feed(self, audio: bytes, format: AudioFormat) -> None:
        self._pass_on(self._conversion.feed(audio, format))

    def finish(self, timeout_s: float) -> None:
        """The transcript is due, after as long as the utterance lasted and `timeout_s` on top."""
        rest = self._conversion.flush()
        if rest is not None:
            self._pass_on(rest)
        self.utterance.finish()
        due = asyncio.get_running_loop().time() + timeout_s + self._samples / self._sample_rate
        try:
            self.patience.reschedule(due)
        except RuntimeError:  # the task has not begun
            self.patience = asyncio.timeout_at(due)

    def _pass_on(self, samples: Samples) -> None:
        self._samples += len(samples)
        self.utterance.feed(samples)
