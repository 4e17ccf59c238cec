"""The understanding side of a session: what becomes of each utterance's words, and who gets to see them."""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from vivavoce.protocol import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    ConversationItemInputAudioTranscriptionSegment,
    LogProb,
    SpeakerTurn,
    Transcript,
    TranscriptionError,
    TranscriptionLanguage,
)
from vivavoce.session.conversation import StoredItem, Understanding
from vivavoce.session.core import Core
from vivavoce.session.effects import (
    AbandonTranscription,
    Diarize,
    FeedTranscription,
    FinishTranscription,
    OpenTranscription,
)
from vivavoce.session.input_buffer import Clip
from vivavoce.session.segments import segments
from vivavoce.session.transcription import (
    InputTranscription,
    Outcome,
    TranscriptionEvent,
    TranscriptionState,
    logprobs,
)
from vivavoce.session.usage import transcription_usage


class Transcribing:
    """The transcriptions in progress, by the id of the item that each belongs to.

    An utterance is transcribed when the client asked for its transcript, when the responder cannot hear for
    itself, and with `semantic_vad`, which goes by the words. Its outcome may come before its item exists, and
    after it is gone: events tell it only of items that are in the conversation, except that the words of a
    live model are told while they are spoken, under the id that the item will have.
    """

    __slots__ = ("_core", "_running")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._running: dict[str, InputTranscription] = {}

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._running

    def heard(self, item_id: str) -> Transcript | None:
        """What was understood so far of an utterance whose transcript is not final."""
        transcription = self._running.get(item_id)
        return None if transcription is None else transcription.heard

    @property
    def is_live(self) -> bool:
        """Whether the client is told the words while they are spoken."""
        options = self._core.config.audio.input.transcription
        return options is not None and options.is_live

    # What goes in

    def open(self, item_id: str, *, for_the_turn: bool = False) -> None:
        """An utterance begins, which will be this item. `for_the_turn`: its words tell where it ends."""
        options = self._core.config.audio.input.transcription
        if options is not None or for_the_turn or self._core.needs_words:
            self._running[item_id] = InputTranscription()
            self._core.do(OpenTranscription(item_id, options))

    def feed(self, item_id: str, clips: list[Clip]) -> None:
        """More audio of an utterance, if it is transcribed at all."""
        transcription = self._running.get(item_id)
        if transcription is not None and transcription.state is TranscriptionState.COLLECTING:
            for clip in clips:
                self._core.do(FeedTranscription(item_id, clip.audio, clip.format))

    def finish(self, stored: StoredItem, *, public: bool = True, for_the_turn: bool = False) -> None:
        """An utterance is over, and here is its item. `public`: the client sees its transcript, if it asked
        for transcripts. `for_the_turn`: its words tell what becomes of a reply."""
        transcription = self._running.get(stored.id)
        if transcription is None:
            return
        transcription.stored = stored
        transcription.options = self._core.config.audio.input.transcription if public else None
        if self._core.needs_words:
            stored.understanding = Understanding.PENDING
        elif (
            transcription.options is None
            and not for_the_turn
            and transcription.state is TranscriptionState.COLLECTING
        ):
            self.abandon(stored.id)
            return
        if transcription.options is not None and transcription.options.is_diarized:
            transcription.unattributed = True
            self._core.do(Diarize(stored.id, tuple(stored.clips.values())))
        if transcription.state is TranscriptionState.EARLY:
            self._close(stored, transcription, TranscriptionEvent.COMMITTED)
            return
        transcription.fire(TranscriptionEvent.COMMITTED)
        self._core.do(FinishTranscription(stored.id))
        self._tell_more(stored.id, transcription)

    def understand(self, stored: StoredItem) -> None:
        """Have an item's audio transcribed for the responder that came with the item and not by the
        buffer."""
        if stored.clips and self._core.needs_words:
            self.open(stored.id)
            self.feed(stored.id, list(stored.clips.values()))
            self.finish(stored, public=False)

    def abandon(self, item_id: str) -> None:
        """Nobody wants this item's transcript any more."""
        transcription = self._running.pop(item_id, None)
        if transcription is None:
            return
        if transcription.outcome is None:
            self._core.do(AbandonTranscription(item_id))
        transcription.fire(TranscriptionEvent.ABANDONED)

    def end(self) -> None:
        """The session is over: nothing is waited for any more."""
        for item_id in list(self._running):
            self.abandon(item_id)

    # What comes out

    def understood(self, item_id: str, transcript: Transcript) -> bool:
        """The transcriber understood more of an utterance; ignored, and False, if nobody waits for it any
        more."""
        transcription = self._waited_for(item_id)
        if transcription is None:
            return False
        transcription.understand(transcript)
        if transcript.final:
            self._settle(transcription, transcript)
        else:
            self._tell_more(item_id, transcription)
        return True

    def failed(self, item_id: str, error: TranscriptionError) -> None:
        """The transcriber gives an utterance up; ignored if nobody waits for it any more."""
        transcription = self._waited_for(item_id)
        if transcription is not None:
            self._settle(transcription, error)

    def diarized(self, item_id: str, turns: Sequence[SpeakerTurn] | None) -> None:
        """Who speaks when in an utterance, None where nobody can tell; ignored if nobody waits for it any
        more."""
        transcription = self._running.get(item_id)
        if transcription is None:
            return
        transcription.unattributed = False
        transcription.turns = turns or ()
        if transcription.state is TranscriptionState.UNATTRIBUTED:
            transcription.fire(TranscriptionEvent.ATTRIBUTED)
            assert transcription.stored is not None
            self._tell(transcription.stored, transcription)

    def _waited_for(self, item_id: str) -> InputTranscription | None:
        transcription = self._running.get(item_id)
        return transcription if transcription is not None and transcription.outcome is None else None

    def _settle(self, transcription: InputTranscription, outcome: Outcome) -> None:
        transcription.outcome = outcome
        if transcription.stored is None:
            transcription.fire(TranscriptionEvent.SETTLED)
        else:
            self._close(transcription.stored, transcription, TranscriptionEvent.SETTLED)

    def _close(
        self, stored: StoredItem, transcription: InputTranscription, event: TranscriptionEvent
    ) -> None:
        """The outcome and its item are here since this event. The responder may know at once; the client is
        told when it is known who spoke, if that is asked."""
        understood = isinstance(transcription.outcome, Transcript)
        if understood:
            assert transcription.heard is not None
            stored.heard = transcription.heard.text
        if stored.understanding is Understanding.PENDING:
            stored.understanding = Understanding.DONE if understood else Understanding.FAILED
        if understood and transcription.unattributed:
            transcription.fire(TranscriptionEvent.UNDERSTOOD)
            self._tell_more(stored.id, transcription)
        else:
            transcription.fire(event)
            self._tell(stored, transcription)

    def _tell_more(self, item_id: str, transcription: InputTranscription) -> None:
        """Tell what stands by now, if the client may know already."""
        stored, options = transcription.stored, transcription.options
        if stored is None:
            may_know = self.is_live
        else:
            may_know = self._is_told(stored, transcription) and options is not None and not options.is_whole
        if may_know and transcription.heard is not None:
            self._tell_delta(item_id, transcription)

    def _is_told(self, stored: StoredItem, transcription: InputTranscription) -> bool:
        """Whether the client asked for this item's transcript and still has the item."""
        return transcription.options is not None and self._core.conversation.get(stored.id) is stored

    def _tell(self, stored: StoredItem, transcription: InputTranscription) -> None:
        """Tell the outcome."""
        del self._running[stored.id]
        if not self._is_told(stored, transcription):
            return
        if isinstance(transcription.outcome, Transcript):
            self._tell_words(stored, transcription)
        else:
            self._core.emit(
                ConversationItemInputAudioTranscriptionFailed,
                item_id=stored.id,
                content_index=0,
                error=transcription.outcome,
            )

    def _tell_delta(self, item_id: str, transcription: InputTranscription) -> None:
        delta, tokens = transcription.tell()
        if delta:
            self._core.emit(
                ConversationItemInputAudioTranscriptionDelta,
                item_id=item_id,
                content_index=0,
                delta=delta,
                logprobs=self._wanted(tokens),
            )

    def _tell_words(self, stored: StoredItem, transcription: InputTranscription) -> None:
        heard, options = transcription.heard, transcription.options
        assert heard is not None
        assert options is not None
        stored.transcribe(heard.text)
        self._tell_delta(stored.id, transcription)
        for number, segment in enumerate(segments(heard, transcription.turns), 1):
            self._core.emit(
                ConversationItemInputAudioTranscriptionSegment,
                item_id=stored.id,
                content_index=0,
                text=segment.text,
                id=f"seg_{number:04d}",
                speaker=segment.speaker,
                start=segment.start,
                end=segment.end,
            )
        languages = tuple(TranscriptionLanguage(code=code) for code in heard.languages)
        count = self._core.options.count_tokens
        self._core.emit(
            ConversationItemInputAudioTranscriptionCompleted,
            item_id=stored.id,
            content_index=0,
            transcript=heard.text,
            languages=languages if languages and options.tells_languages else UNSET,
            logprobs=self._wanted(logprobs(heard, 0, len(heard.text))),
            usage=transcription_usage(options, stored.input_ticks, heard.text, count),
        )

    def _wanted(self, tokens: tuple[LogProb, ...]) -> tuple[LogProb, ...] | UnsetType | None:
        """The log-probabilities if the client asked for them; None where nobody knows them."""
        if "item.input_audio_transcription.logprobs" not in (self._core.config.include or ()):
            return UNSET
        return tokens or None


def failure(message: str, code: str | None) -> TranscriptionError:
    """The outcome of a transcription that came to nothing."""
    return TranscriptionError(
        type="transcription_error", code=code or "audio_unintelligible", message=message, param=None
    )
