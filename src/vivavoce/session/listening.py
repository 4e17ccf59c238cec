"""The hearing side of a session: input audio, turns, and the user's items that they become."""

from collections.abc import Iterator, Sequence
from enum import Enum, auto

from vivavoce.protocol import (
    AudioFormat,
    InputAudio,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
    InvalidEvent,
    Message,
    SemanticVad,
    ServerVad,
    TurnDetection,
    errors,
)
from vivavoce.session import limits
from vivavoce.session.barge_in import BargeIns
from vivavoce.session.clock import TICKS_PER_MS, milliseconds
from vivavoce.session.conversation import StoredItem
from vivavoce.session.core import Core
from vivavoce.session.effects import Hear, JudgeTurn, ResetDetector
from vivavoce.session.input_buffer import InputBuffer
from vivavoce.session.transcribing import Transcribing
from vivavoce.session.turn import SEMANTIC_PREFIX_MS, Offset, Onset, Pause, Sustained, TurnMachine, TurnState

MIN_COMMIT_TICKS = 100 * TICKS_PER_MS
UNASKED_TICKS = 120_000 * TICKS_PER_MS
"""Where the microphone never stops, so much is kept for a client that commits by hand without having said
with `input_audio_buffer.clear` where the speaker begins."""


class Utterance:
    """Input that is being collected into an item. `start` and `fed` are ticks of the input clock."""

    __slots__ = ("fed", "item_id", "start")

    def __init__(self, item_id: str, start: int) -> None:
        self.item_id = item_id
        self.start = start
        self.fed = start
        """Up to here the transcriber has the audio."""


class Turn(Enum):
    """What a run of frames told about the speaker."""

    BEGAN = auto()
    SUSTAINED = auto()
    """With `semantic_vad`: there is a second of speech by now."""
    ENDED = auto()


class Listening:
    """From appended audio to the user's items. Positions and spans are ticks of the input clock."""

    __slots__ = (
        "_attends",
        "_barge_ins",
        "_buffer",
        "_core",
        "_transcribing",
        "_turn",
        "_utterance",
        "turn_item",
    )

    def __init__(self, core: Core, transcribing: Transcribing, barge_ins: BargeIns) -> None:
        self._core = core
        self._transcribing = transcribing
        self._barge_ins = barge_ins
        self._buffer = InputBuffer()
        self._turn = TurnMachine(core.options.frame_ms * TICKS_PER_MS)
        self._utterance: Utterance | None = None
        self._attends = not core.options.plays
        """Without turn detection: whether what comes now is what somebody wants to say. Where the transport
        plays, the microphone never stops, and only the client knows: from `clear` on."""
        self.turn_item = ""
        """The item that the latest turn is or will be."""

    @property
    def position(self) -> int:
        """The input clock: how much audio has come since the session began."""
        return self._buffer.end

    @property
    def n_bytes(self) -> int:
        """Size of the audio that is not committed yet."""
        return self._buffer.n_bytes

    @property
    def in_turn(self) -> bool:
        """Whether the detector hears somebody speak."""
        return self._turn.in_turn

    def configure(self, detection: TurnDetection | None) -> None:
        """Detect turns by these settings from here on; a segment in progress is not reset."""
        if self._turn.state is TurnState.OFF and detection is not None:
            self._abandon_utterance()
        if detection is None and self._utterance is not None:
            self._barge_ins.dismiss(self._utterance.item_id)
        if self._turn.configure(detection, self._buffer.end):
            self._core.do(ResetDetector())

    # Input audio

    def append(self, audio: bytes, format: AudioFormat) -> None:
        """More input audio; with turn detection on it goes to the detector. Raises InvalidEvent when it is
        too much."""
        options = self._core.options
        if self._buffer.held > options.max_buffer_ms * TICKS_PER_MS:
            raise InvalidEvent(limits.input_buffer_full(options.max_buffer_ms))
        if self._core.conversation.n_bytes + self._buffer.n_bytes + len(audio) > options.max_bytes:
            raise InvalidEvent(limits.conversation_full(options.max_bytes, "audio"))
        samples = self._buffer.append(audio, format)
        if not samples:
            return
        if self._turn.state is not TurnState.OFF:
            self._core.do(Hear(samples, format))
            return
        if self._utterance is None:
            if not self._attends and not self._transcribing.is_live:
                floor = self._buffer.end - UNASKED_TICKS
                if floor - self._buffer.start > UNASKED_TICKS // 10:
                    self._buffer.drop(floor)
                return
            self._open_utterance(self._core.mint("item"), self._buffer.start)
        self._feed(self._buffer.end)

    def commit(self) -> None:
        """The client says that the turn is over. Raises InvalidEvent when there is too little audio."""
        start = self._buffer.start if self._utterance is None else self._utterance.start
        length = self._buffer.end - start
        if length < MIN_COMMIT_TICKS:
            raise InvalidEvent(errors.commit_empty(length / TICKS_PER_MS))
        self._turn.abort()
        if self._utterance is not None:
            self._barge_ins.dismiss(self._utterance.item_id)
        self._commit(start, self._buffer.end)

    def clear(self) -> None:
        """Forget the buffer and the segment in progress."""
        self._buffer.clear()
        self._attends = True
        self._turn.abort()
        self._abandon_utterance()
        self._core.emit(InputAudioBufferCleared)

    def end(self) -> None:
        """The session is over: nothing is collected any more."""
        self._abandon_utterance()

    def expects(self, item_id: str) -> bool:
        """Whether this id was given to the utterance that is being collected."""
        return self._utterance is not None and self._utterance.item_id == item_id

    # Turns

    def hear(self, probabilities: Sequence[float], keep_from: int | None) -> Iterator[Turn]:
        """Judge the next frames; the caller acts on what becomes of `turn_item` before it asks for more.

        Silence from `keep_from` on stays in the buffer; None: only as much as the options say.
        """
        if self._turn.state is TurnState.OFF:
            return
        for change in self._turn.frames(probabilities, self._buffer.start, self._buffer.end):
            match change:
                case Onset(at):
                    self._speech_started(at)
                    yield Turn.BEGAN
                case Sustained():
                    yield Turn.SUSTAINED
                case Pause():
                    self._ask()
                case Offset(at):
                    self._speech_stopped(at)
                    yield Turn.ENDED
        self._feed(self._turn.heard)
        self._forget_silence(keep_from)

    def judged(self, item_id: str, probability: float) -> bool:
        """The speaker of this item has finished with this probability; ignored unless they pause. True if the
        turn is over by that."""
        if not self.expects(item_id):
            return False
        offset = self._turn.judged(probability)
        if offset is not None:
            self._speech_stopped(offset.at)
        return offset is not None

    def understood(self, item_id: str) -> None:
        """There are more words of an item: in a pause they may tell whether it was all."""
        if self._turn.state is TurnState.PAUSE and self.expects(item_id):
            self._ask()

    def commit_silence(self, since: int) -> bool:
        """Nobody has spoken since then: make that silence the user's item. False if no audio came at all."""
        start, end = max(since, self._buffer.start), self._buffer.end
        if start >= end:
            return False
        item_id = self._core.mint("item")
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
        detection = self._core.turn_detection
        padding = detection.prefix_padding_ms if isinstance(detection, ServerVad) else SEMANTIC_PREFIX_MS
        start = max(at - padding * TICKS_PER_MS, self._buffer.start)
        item_id = self.turn_item = self._core.mint("item")
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

    def _ask(self) -> None:
        """Has the speaker finished?"""
        assert self._utterance is not None
        item_id, heard = self._utterance.item_id, self._turn.heard
        self._feed(heard)
        wanted = self._core.options.judge_audio_ms * TICKS_PER_MS
        clips = self._buffer.copy(max(self._utterance.start, heard - wanted), heard) if wanted else []
        understood = self._transcribing.heard(item_id)
        options = self._core.config.audio.input.transcription
        language = None if options is None else options.language
        self._core.do(
            JudgeTurn(
                item_id=item_id,
                transcript="" if understood is None else understood.text,
                language=language if isinstance(language, str) else None,
                silence_ms=milliseconds(self._turn.silence),
                audio=tuple(clips),
            )
        )

    def _forget_silence(self, keep_from: int | None) -> None:
        """While nobody speaks only the latest audio is kept, so that silence costs no memory."""
        if self._utterance is not None:
            return
        keep = self._core.options.retained_silence_ms * TICKS_PER_MS
        floor = self._turn.heard - keep
        if keep_from is not None:
            floor = min(floor, keep_from)
        # In strides: to look what can go costs as much as an append.
        if floor - self._buffer.start > keep // 4:
            self._buffer.drop(floor)

    # Utterances and items

    def _open_utterance(self, item_id: str, start: int) -> None:
        self._utterance = Utterance(item_id, start)
        semantic = isinstance(self._core.turn_detection, SemanticVad)
        self._transcribing.open(item_id, for_the_turn=semantic)

    def _feed(self, until: int) -> None:
        """Let the transcriber have the utterance's audio up to there."""
        utterance = self._utterance
        if utterance is None:
            return
        until = min(until, self._buffer.end)
        if until > utterance.fed:
            if utterance.item_id in self._transcribing:
                self._transcribing.feed(utterance.item_id, self._buffer.copy(utterance.fed, until))
            utterance.fed = until

    def _abandon_utterance(self) -> None:
        if self._utterance is not None:
            self._transcribing.abandon(self._utterance.item_id)
            self._barge_ins.dismiss(self._utterance.item_id)
            self._utterance = None

    def _commit(self, start: int, end: int) -> None:
        """Cut [start, end) out of the buffer and make it the user's next item."""
        if self._utterance is not None:
            self._feed(end)
            item_id, self._utterance = self._utterance.item_id, None
        else:
            item_id = self._core.mint("item")
        self._attends = not self._core.options.plays
        clips = self._buffer.cut(start, end)
        if item_id not in self._transcribing:
            self._transcribing.open(item_id)
            self._transcribing.feed(item_id, clips)
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
        self._transcribing.finish(stored, for_the_turn=item_id in self._barge_ins)
