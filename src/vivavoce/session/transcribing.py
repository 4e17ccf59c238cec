"""The understanding side of a session: what becomes of each utterance's words, and who gets to see them."""

from vivavoce.protocol import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    TranscriptionError,
)
from vivavoce.session.conversation import StoredItem, Understanding
from vivavoce.session.core import Core
from vivavoce.session.effects import (
    AbandonTranscription,
    FeedTranscription,
    FinishTranscription,
    OpenTranscription,
)
from vivavoce.session.input_buffer import Clip
from vivavoce.session.transcription import (
    InputTranscription,
    Outcome,
    TranscriptionEvent,
    TranscriptionState,
)
from vivavoce.session.usage import transcription_usage


class Transcribing:
    """The transcriptions in progress, by the id of the item that each belongs to.

    An utterance is transcribed when the client asked for its transcript, and when the responder cannot hear
    for itself. Its outcome may come before its item exists, and after it is gone: events tell it only of
    items that are in the conversation.
    """

    __slots__ = ("_core", "_running")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._running: dict[str, InputTranscription] = {}

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._running

    # What goes in

    def open(self, item_id: str) -> None:
        """An utterance begins, which will be this item."""
        options = self._core.config.audio.input.transcription
        if options is not None or not self._core.options.hears_audio:
            self._running[item_id] = InputTranscription()
            self._core.do(OpenTranscription(item_id, options))

    def feed(self, item_id: str, clips: list[Clip]) -> None:
        """More audio of an utterance, if it is transcribed at all."""
        transcription = self._running.get(item_id)
        if transcription is not None and transcription.state is TranscriptionState.COLLECTING:
            for clip in clips:
                self._core.do(FeedTranscription(item_id, clip.audio, clip.format))

    def finish(self, stored: StoredItem, *, public: bool = True) -> None:
        """An utterance is over, and here is its item. `public`: the client sees its transcript, if it asked
        for transcripts."""
        transcription = self._running.get(stored.id)
        if transcription is None:
            return
        transcription.stored = stored
        transcription.options = self._core.config.audio.input.transcription if public else None
        if not self._core.options.hears_audio:
            stored.understanding = Understanding.PENDING
        elif transcription.options is None and transcription.state is TranscriptionState.COLLECTING:
            self.abandon(stored.id)
            return
        if transcription.fire(TranscriptionEvent.COMMITTED) is TranscriptionState.DUE:
            self._core.do(FinishTranscription(stored.id))
        else:
            self._tell(stored, transcription)

    def understand(self, stored: StoredItem) -> None:
        """Have an item's audio transcribed for the responder that came with the item and not by the
        buffer."""
        if stored.clips and not self._core.options.hears_audio:
            self.open(stored.id)
            self.feed(stored.id, list(stored.clips.values()))
            self.finish(stored, public=False)

    def abandon(self, item_id: str) -> None:
        """Nobody wants this item's transcript any more."""
        transcription = self._running.pop(item_id, None)
        if transcription is None:
            return
        if transcription.state is not TranscriptionState.EARLY:
            self._core.do(AbandonTranscription(item_id))
        transcription.fire(TranscriptionEvent.ABANDONED)

    def end(self) -> None:
        """The session is over: nothing is waited for any more."""
        for item_id in list(self._running):
            self.abandon(item_id)

    # What comes out

    def settled(self, item_id: str, outcome: Outcome) -> None:
        """The transcriber is done with an utterance; ignored if nobody waits for it any more."""
        transcription = self._running.get(item_id)
        if transcription is None or transcription.state is TranscriptionState.EARLY:
            return
        transcription.outcome = outcome
        if transcription.fire(TranscriptionEvent.SETTLED) is TranscriptionState.OVER:
            assert transcription.stored is not None
            self._tell(transcription.stored, transcription)

    def _tell(self, stored: StoredItem, transcription: InputTranscription) -> None:
        del self._running[stored.id]
        outcome = transcription.outcome
        assert outcome is not None
        if isinstance(outcome, str):
            stored.heard = outcome
        if stored.understanding is Understanding.PENDING:
            understood = isinstance(outcome, str)
            stored.understanding = Understanding.DONE if understood else Understanding.FAILED
        if transcription.options is None or self._core.conversation.get(stored.id) is not stored:
            return
        if isinstance(outcome, str):
            self._tell_words(stored, outcome, transcription.options.model)
        else:
            self._core.emit(
                ConversationItemInputAudioTranscriptionFailed,
                item_id=stored.id,
                content_index=0,
                error=outcome,
            )

    def _tell_words(self, stored: StoredItem, text: str, model: str) -> None:
        stored.transcribe(text)
        if text:
            self._core.emit(
                ConversationItemInputAudioTranscriptionDelta, item_id=stored.id, content_index=0, delta=text
            )
        count = self._core.options.count_tokens
        self._core.emit(
            ConversationItemInputAudioTranscriptionCompleted,
            item_id=stored.id,
            content_index=0,
            transcript=text,
            usage=transcription_usage(model, stored.input_ticks, text, count),
        )


def failure(message: str, code: str | None) -> TranscriptionError:
    """The outcome of a transcription that came to nothing."""
    return TranscriptionError(
        type="transcription_error", code=code or "audio_unintelligible", message=message, param=None
    )
