"""The speaking side of a translation session: utterances in the order in which they were said, their words,
and what becomes of them in another language."""

from collections import deque
from collections.abc import Callable

import pybase64

from vivavoce.protocol import (
    AudioDelta,
    Error,
    ErrorEvent,
    OutputPart,
    ResponseEnd,
    ResponseFailure,
    SessionInputTranscriptDelta,
    SessionOutputAudioDelta,
    SessionOutputTranscriptDelta,
    TextDelta,
    TokenCounts,
    Transcript,
    TranscriptionError,
    TranslationSession,
)
from vivavoce.session import limits
from vivavoce.session.clock import milliseconds, ticks
from vivavoce.session.cutting import FORMAT
from vivavoce.session.effects import AbandonTranscription, Cancel, Effect, FinishTranscription, Respond
from vivavoce.session.interpretation import (
    Exchange,
    Interpretation,
    InterpretationEvent,
    InterpretationState,
    joint,
    request,
)
from vivavoce.session.options import SessionOptions
from vivavoce.session.playout import FRAME_BYTES, Speech, Track
from vivavoce.session.transcription import Outcome, TranscriptionEvent, TranscriptionState
from vivavoce.session.usage import as_counted, output_audio_tokens, text_read, usage

REMEMBERED = 4
"""So many utterances and their translations are shown to the language model before the next."""


class Interpreting:
    """The utterances that are not translated yet, in order; the last may still be being spoken.

    One is translated at a time, while those after it are transcribed. `do` takes effects, `emit` makes and
    sends events.
    """

    __slots__ = (
        "_do",
        "_emit",
        "_options",
        "_past",
        "_queue",
        "_speech",
        "_told_words",
        "_track",
        "_wrote_words",
        "config",
    )

    def __init__(
        self,
        config: TranslationSession,
        options: SessionOptions,
        do: Callable[[Effect], None],
        emit: Callable[..., None],
    ) -> None:
        self.config = config
        self._options = options
        self._do = do
        self._emit = emit
        self._queue: deque[Interpretation] = deque()
        self._past: deque[Exchange] = deque(maxlen=REMEMBERED)
        self._told_words = False
        self._wrote_words = False
        self._speech = Speech()
        """What waits to be played, where the transport plays."""
        self._track = Track()

    @property
    def _language(self) -> str:
        language = self.config.audio.output.language
        assert isinstance(language, str)  # what a session begins with has one, and no update takes it away
        return language

    @property
    def idle(self) -> bool:
        """Whether everything that was said is translated."""
        return not self._queue

    @property
    def has_speech(self) -> bool:
        """Whether any waits to be played."""
        return self._speech.n_bytes > 0

    @property
    def unplayed_ms(self) -> int:
        """How much speech waits to be played."""
        return milliseconds(ticks(self._speech.n_bytes, FORMAT))

    def play(self) -> bytes:
        """The next frame of speech. What is shorter waits for the rest of it, if there may be more."""
        if self._speech.n_bytes < FRAME_BYTES and self._translating is not None:
            return b""
        return self._speech.take(FRAME_BYTES)

    @property
    def speaking(self) -> Interpretation | None:
        """The utterance that is being spoken."""
        last = self._queue[-1] if self._queue else None
        return last if last is not None and last.end is None else None

    @property
    def oldest(self) -> int | None:
        """Where the first of the utterances that are not translated yet begins."""
        return self._queue[0].start if self._queue else None

    # What goes in

    def begin(self, utterance: Interpretation) -> None:
        """Somebody begins to speak."""
        self._queue.append(utterance)

    def end(self) -> None:
        """The utterance that was being spoken is over: its words are due."""
        utterance = self.speaking
        assert utterance is not None
        utterance.end = utterance.fed
        if utterance.transcription.fire(TranscriptionEvent.COMMITTED) is TranscriptionState.DUE:
            self._do(FinishTranscription(utterance.id))

    def understood(self, item_id: str, transcript: Transcript) -> None:
        """The transcriber understood more; ignored if nobody waits for it any more."""
        utterance = self._awaited(item_id)
        if utterance is not None:
            utterance.transcription.understand(transcript)
            if transcript.final:
                self._settle(utterance, transcript)
            self._tell_words()

    def failed(self, item_id: str, error: TranscriptionError) -> None:
        """The transcriber gives an utterance up; ignored if nobody waits for it any more."""
        utterance = self._awaited(item_id)
        if utterance is not None:
            self._settle(utterance, error)
            self._tell_words()

    def produced(self, response_id: str, part: OutputPart, now: float) -> None:
        """A part of a translation; ignored if it is over. It is made of text and speech: whatever else the
        responder says is not for the client."""
        utterance = self._translating
        if utterance is None or utterance.id != response_id:
            return
        match part:
            case TextDelta(text=text) if text:
                self._write(utterance, text)
                self._stop_if_endless(utterance, now)
            case AudioDelta(audio=audio) if audio:
                self._speak(utterance, audio)
                self._stop_if_endless(utterance, now)
            case ResponseEnd(reason=reason, tokens=tokens):
                if reason != "completed":
                    self.refuse(limits.translation_cut())
                self._finish(utterance, tokens, now)
            case ResponseFailure(type=type_, code=code, message=message):
                self.refuse(Error(type=type_, code=code, message=message))
                self._finish(utterance, None, now)
            case _:
                pass

    def give_up(self) -> None:
        """The session is over: nothing is waited for any more, nor played."""
        self._speech.clear()
        while self._queue:
            utterance = self._queue.popleft()
            if utterance.transcription.outcome is None:
                self._do(AbandonTranscription(utterance.id))
            elif utterance.state is InterpretationState.TRANSLATING:
                self._do(Cancel(utterance.id))

    def refuse(self, error: Error) -> None:
        """Tell the client that something went wrong."""
        self._emit(ErrorEvent, error=error)

    # Words

    def _awaited(self, item_id: str) -> Interpretation | None:
        """The utterance, if its transcript is still to come."""
        for utterance in self._queue:
            if utterance.id == item_id:
                return utterance if utterance.transcription.outcome is None else None
        return None

    def _settle(self, utterance: Interpretation, outcome: Outcome) -> None:
        utterance.transcription.outcome = outcome
        utterance.transcription.fire(TranscriptionEvent.SETTLED)

    def _tell_words(self) -> None:
        """Tell what stands of the transcripts, if the client wants them: of an utterance nothing before those
        that were said before it are complete."""
        if self.config.audio.input.transcription is None:
            return
        for utterance in self._queue:
            transcription = utterance.transcription
            if transcription.heard is not None:
                begins = not transcription.told
                delta, _ = transcription.tell()
                if delta:
                    between = joint(delta) if begins and self._told_words else ""
                    self._told_words = True
                    self._emit(
                        SessionInputTranscriptDelta, delta=between + delta, elapsed_ms=utterance.elapsed_ms
                    )
            if transcription.outcome is None:
                return

    # Translations

    @property
    def _translating(self) -> Interpretation | None:
        first = self._queue[0] if self._queue else None
        return first if first is not None and first.state is InterpretationState.TRANSLATING else None

    def advance(self, now: float) -> None:
        """Have the next utterance translated, if its words are here and the one before it is over."""
        while self._queue and self._translating is None:
            utterance = self._queue[0]
            if utterance.transcription.state is not TranscriptionState.OVER or self._ask(utterance, now):
                return
            utterance.fire(InterpretationEvent.SKIPPED)
            self._queue.popleft()

    def _ask(self, utterance: Interpretation, now: float) -> bool:
        """Ask for its translation, if it has words and the client's key may."""
        outcome = utterance.transcription.outcome
        if isinstance(outcome, TranscriptionError):
            self.refuse(_as_error(outcome))
            return False
        assert utterance.transcription.heard is not None
        utterance.said = utterance.transcription.heard.text.strip()
        if not utterance.said:
            return False
        asked = request(
            utterance.said,
            self._past,
            response_id=utterance.id,
            model=self.config.model,
            language=self._language,
            voice=self._options.voice,
        )
        count = self._options.count_tokens
        said = [text for exchange in self._past for text in exchange]
        utterance.reads = text_read([asked.instructions, *said, utterance.said], count)
        refusal = self._options.admit(utterance.reads.text_tokens, now)
        if refusal is not None:
            self.refuse(refusal)
            return False
        utterance.fire(InterpretationEvent.ASKED)
        self._do(Respond(asked))
        return True

    def _write(self, utterance: Interpretation, text: str) -> None:
        between = joint(text) if not utterance.written and self._wrote_words else ""
        self._wrote_words = True
        utterance.written.append(text)
        utterance.characters += len(text)
        self._emit(SessionOutputTranscriptDelta, delta=between + text, elapsed_ms=utterance.elapsed_ms)

    def _speak(self, utterance: Interpretation, audio: bytes) -> None:
        utterance.ticks_spoken += ticks(len(audio), FORMAT)
        if self._options.plays:
            self._speech.put(self._track, audio)
            return
        self._emit(
            SessionOutputAudioDelta,
            delta=pybase64.b64encode_as_string(audio),
            elapsed_ms=utterance.elapsed_ms,
        )

    def _stop_if_endless(self, utterance: Interpretation, now: float) -> None:
        """A responder that never ends must not keep the next utterances waiting."""
        written = utterance.characters // 4 + output_audio_tokens(utterance.ticks_spoken)
        if written > self._options.max_response_tokens:
            self._do(Cancel(utterance.id))
            self.refuse(limits.translation_cut())
            self._finish(utterance, None, now)

    def _finish(self, utterance: Interpretation, counted: TokenCounts | None, now: float) -> None:
        """It is over, and costs what it cost."""
        translated = "".join(utterance.written).strip()
        if translated:
            self._past.append(Exchange(utterance.said, translated))
        read, written = utterance.reads, self._options.count_tokens(translated)
        if counted is not None:
            read, written = as_counted(read, counted), counted.output_text
        self._options.meter(usage(read, written, output_audio_tokens(utterance.ticks_spoken)), now)
        utterance.fire(InterpretationEvent.ENDED)
        self._track = Track()
        self._queue.popleft()
        self.advance(now)


def _as_error(error: TranscriptionError) -> Error:
    """The same, told by itself: there is no item that it could belong to."""
    return Error(type=error.type or "", code=error.code or None, message=error.message or "")
