"""The hearing side of a session: input audio, turns, the user's items and their transcripts."""

from collections.abc import Iterator
from enum import Enum, auto

from vivavoce.protocol import (
    AudioFormat,
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    InputAudio,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
    InvalidEvent,
    Message,
    ServerVad,
    TranscriptionError,
    TurnDetection,
    errors,
)
from vivavoce.session import limits
from vivavoce.session.clock import TICKS_PER_MS, milliseconds
from vivavoce.session.conversation import StoredItem, Understanding
from vivavoce.session.core import Core
from vivavoce.session.effects import (
    AbandonTranscription,
    FeedTranscription,
    FinishTranscription,
    Hear,
    OpenTranscription,
    ResetDetector,
)
from vivavoce.session.input_buffer import Clip, InputBuffer
from vivavoce.session.transcription import (
    InputTranscription,
    TranscriptionEvent,
    TranscriptionState,
    Utterance,
)
from vivavoce.session.turn import SEMANTIC_PREFIX_MS, Offset, Onset, TurnDetector, TurnState
from vivavoce.session.usage import transcription_usage

MIN_COMMIT_TICKS = 100 * TICKS_PER_MS


class Turn(Enum):
    """What a run of frames told about the speaker."""

    BEGAN = auto()
    ENDED = auto()


class Listening:
    """From appended audio to understood items. Positions and spans are ticks of the input clock."""

    __slots__ = ("_buffer", "_core", "_transcriptions", "_turn", "_utterance")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._buffer = InputBuffer()
        self._turn = TurnDetector(core.options.frame_ms * TICKS_PER_MS)
        self._utterance: Utterance | None = None
        self._transcriptions: dict[str, InputTranscription] = {}

    @property
    def position(self) -> int:
        """The input clock: how much audio has come since the session began."""
        return self._buffer.end

    @property
    def in_turn(self) -> bool:
        """Whether the detector hears somebody speak."""
        return self._turn.state is TurnState.SPEECH

    def configure(self, detection: TurnDetection | None) -> None:
        """Detect turns by these settings from here on; a segment in progress is not reset."""
        if self._turn.state is TurnState.OFF and detection is not None:
            self._abandon_utterance()
        if self._turn.configure(detection, self._buffer.end):
            self._core.do(ResetDetector())

    # Input audio

    def append(self, audio: bytes, format: AudioFormat) -> None:
        """More input audio; with turn detection on it goes to the detector. Raises InvalidEvent when it is
        too much."""
        limit = self._core.options.max_buffer_ms
        if self._buffer.held > limit * TICKS_PER_MS:
            raise InvalidEvent(limits.input_buffer_full(limit))
        self._buffer.append(audio, format)
        if self._turn.state is not TurnState.OFF:
            self._core.do(Hear(audio, format))
            return
        if self._utterance is None:
            self._open_utterance(self._core.ids("item"), self._buffer.start)
        self._feed(self._buffer.end)

    def commit(self) -> None:
        """The client says that the turn is over. Raises InvalidEvent when there is too little audio."""
        start = self._buffer.start if self._utterance is None else self._utterance.start
        length = self._buffer.end - start
        if length < MIN_COMMIT_TICKS:
            raise InvalidEvent(errors.commit_empty(length / TICKS_PER_MS))
        self._turn.abort()
        self._commit(start, self._buffer.end)

    def clear(self) -> None:
        """Forget the buffer and the segment in progress."""
        self._buffer.clear()
        self._turn.abort()
        self._abandon_utterance()
        self._core.emit(InputAudioBufferCleared)

    # Turns

    def hear(self, probabilities: list[float], keep_from: int | None) -> Iterator[Turn]:
        """Judge the next frames; the caller acts on each turn's beginning and end before it asks for the
        next.

        Silence from `keep_from` on stays in the buffer; None: only as much as the options say.
        """
        if self._turn.state is TurnState.OFF:
            return
        for change in self._turn.frames(probabilities):
            match change:
                case Onset(at):
                    self._speech_started(at)
                    yield Turn.BEGAN
                case Offset(at):
                    self._speech_stopped(at)
                    yield Turn.ENDED
        self._feed(self._turn.heard)
        self._forget_silence(keep_from)

    def commit_silence(self, since: int) -> bool:
        """Nobody has spoken since then: make that silence the user's item. False if no audio came at all."""
        start, end = max(since, self._buffer.start), self._buffer.end
        if start >= end:
            return False
        item_id = self._core.ids("item")
        self._core.emit(
            InputAudioBufferTimeoutTriggered,
            audio_start_ms=milliseconds(start),
            audio_end_ms=milliseconds(end),
            item_id=item_id,
        )
        self._open_utterance(item_id, start)
        self._commit(start, end)
        return True

    def _speech_started(self, at: int) -> None:
        self._abandon_utterance()
        detection = self._core.config.audio.input.turn_detection
        padding = detection.prefix_padding_ms if isinstance(detection, ServerVad) else SEMANTIC_PREFIX_MS
        start = max(at - padding * TICKS_PER_MS, self._buffer.start)
        item_id = self._core.ids("item")
        self._core.emit(InputAudioBufferSpeechStarted, audio_start_ms=milliseconds(start), item_id=item_id)
        self._open_utterance(item_id, start)

    def _speech_stopped(self, at: int) -> None:
        assert self._utterance is not None
        end = min(at, self._buffer.end)
        self._core.emit(
            InputAudioBufferSpeechStopped,
            audio_end_ms=milliseconds(end),
            item_id=self._utterance.item_id,
        )
        self._commit(self._utterance.start, end)

    def _forget_silence(self, keep_from: int | None) -> None:
        """While nobody speaks only the latest audio is kept, so that silence costs no memory."""
        if self._utterance is not None:
            return
        keep = self._core.options.retained_silence_ms * TICKS_PER_MS
        floor = self._turn.heard - keep
        if keep_from is not None:
            floor = min(floor, keep_from)
        # In strides, not on every append: moving the rest of the buffer costs more than keeping it.
        if floor - self._buffer.start > keep // 4:
            self._buffer.drop(floor)

    # Utterances and items

    def _open_utterance(self, item_id: str, start: int) -> None:
        self._utterance = Utterance(item_id, start)
        self._open_transcription(item_id)

    def _feed(self, until: int) -> None:
        """Let the transcriber have the utterance's audio up to there."""
        utterance = self._utterance
        if utterance is None:
            return
        until = min(until, self._buffer.end)
        if until > utterance.fed:
            if utterance.item_id in self._transcriptions:
                self._feed_clips(utterance.item_id, self._buffer.copy(utterance.fed, until))
            utterance.fed = until

    def _abandon_utterance(self) -> None:
        if self._utterance is not None:
            self.abandon(self._utterance.item_id)
            self._utterance = None

    def _commit(self, start: int, end: int) -> None:
        """Cut [start, end) out of the buffer and make it the user's next item."""
        if self._utterance is not None:
            self._feed(end)
            item_id, self._utterance = self._utterance.item_id, None
        else:
            item_id = self._core.ids("item")
        clips = self._buffer.cut(start, end)
        if item_id not in self._transcriptions:
            self._open_transcription(item_id)
            self._feed_clips(item_id, clips)
        item = Message(
            id=item_id,
            status="completed",
            role="user",
            content=tuple(InputAudio(transcript=None) for _ in clips),
        )
        stored = StoredItem(item, clips=dict(enumerate(clips)))
        previous = self._core.conversation.last_id
        self._core.emit(InputAudioBufferCommitted, previous_item_id=previous, item_id=item_id)
        self._core.add_item(stored)
        self._finish_transcription(stored, public=True)

    # Transcripts

    def understand(self, stored: StoredItem) -> None:
        """Have an item's audio transcribed for the responder, which came with the item and not by the
        buffer."""
        if stored.clips and not self._core.options.hears_audio:
            self._open_transcription(stored.id)
            self._feed_clips(stored.id, list(stored.clips.values()))
            self._finish_transcription(stored, public=False)

    def transcribed(self, item_id: str, text: str) -> None:
        """The final transcript of an utterance; ignored if nobody waits for it any more."""
        transcription = self._transcriptions.get(item_id)
        if transcription is None or transcription.state is not TranscriptionState.DUE:
            return
        del self._transcriptions[item_id]
        transcription.fire(TranscriptionEvent.COMPLETED)
        stored, options = transcription.stored, transcription.options
        assert stored is not None
        stored.heard = text
        if stored.understanding is Understanding.PENDING:
            stored.understanding = Understanding.DONE
        if options is None:
            return
        stored.transcribe(text)
        if text:
            self._core.emit(
                ConversationItemInputAudioTranscriptionDelta, item_id=item_id, content_index=0, delta=text
            )
        self._core.emit(
            ConversationItemInputAudioTranscriptionCompleted,
            item_id=item_id,
            content_index=0,
            transcript=text,
            usage=transcription_usage(
                options.model, stored.input_ticks, text, self._core.options.count_tokens
            ),
        )

    def transcription_failed(self, item_id: str, message: str, code: str | None) -> None:
        """An utterance cannot be transcribed: told as soon as its item exists."""
        transcription = self._transcriptions.get(item_id)
        if transcription is None:
            return
        transcription.failure = (message, code)
        if transcription.fire(TranscriptionEvent.FAILED) is TranscriptionState.FAILED:
            self._tell_failure(item_id, transcription)

    def abandon(self, item_id: str) -> None:
        """Nobody wants this item's transcript any more."""
        transcription = self._transcriptions.pop(item_id, None)
        if transcription is not None:
            transcription.fire(TranscriptionEvent.ABANDONED)
            self._core.do(AbandonTranscription(item_id))

    def expects(self, item_id: str) -> bool:
        """Whether this id was given to an utterance that is still on its way."""
        return item_id in self._transcriptions or (
            self._utterance is not None and self._utterance.item_id == item_id
        )

    def end(self) -> None:
        """The session is over: nothing is waited for any more."""
        self._abandon_utterance()
        for item_id in list(self._transcriptions):
            self.abandon(item_id)

    def _open_transcription(self, item_id: str) -> None:
        options = self._core.config.audio.input.transcription
        if options is not None or not self._core.options.hears_audio:
            self._transcriptions[item_id] = InputTranscription()
            self._core.do(OpenTranscription(item_id, options))

    def _feed_clips(self, item_id: str, clips: list[Clip]) -> None:
        if item_id in self._transcriptions:
            for clip in clips:
                self._core.do(FeedTranscription(item_id, clip.audio, clip.format))

    def _finish_transcription(self, stored: StoredItem, *, public: bool) -> None:
        transcription = self._transcriptions.get(stored.id)
        if transcription is None:
            return
        transcription.stored = stored
        transcription.options = self._core.config.audio.input.transcription if public else None
        if not self._core.options.hears_audio:
            stored.understanding = Understanding.PENDING
        if transcription.fire(TranscriptionEvent.COMMITTED) is TranscriptionState.DUE:
            self._core.do(FinishTranscription(stored.id))
        else:
            self._tell_failure(stored.id, transcription)

    def _tell_failure(self, item_id: str, transcription: InputTranscription) -> None:
        del self._transcriptions[item_id]
        stored = transcription.stored
        assert stored is not None
        stored.understanding = Understanding.FAILED
        if transcription.options is not None:
            message, code = transcription.failure
            self._core.emit(
                ConversationItemInputAudioTranscriptionFailed,
                item_id=item_id,
                content_index=0,
                error=TranscriptionError(
                    type="transcription_error",
                    code=code or "audio_unintelligible",
                    message=message,
                    param=None,
                ),
            )
