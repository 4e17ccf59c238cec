"""A translation session as a state machine without I/O (section 2.13 of the reference).

Speech comes in without end, is cut into utterances where the speaker pauses, and leaves in another language:
each utterance is transcribed while it is spoken, translated when it is its turn, and spoken while the next is
transcribed. There are no items and no responses.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

import msgspec

from vivavoce.protocol import (
    GA_TRANSLATION,
    ClientEvent,
    Error,
    InvalidEvent,
    OutputPart,
    SessionClose,
    SessionClosed,
    SessionCreated,
    SessionInputAudioBufferAppend,
    SessionUpdated,
    Transcript,
    Transcription,
    TranslationSession,
    TranslationSessionUpdate,
    decode_audio,
    errors,
)
from vivavoce.session import configuration, limits
from vivavoce.session.clock import TICKS_PER_MS
from vivavoce.session.cutting import Began, Cutting, Ended
from vivavoce.session.effects import (
    Close,
    Effect,
    FeedTranscription,
    OpenTranscription,
    ResetDetector,
    Send,
    WakeAt,
)
from vivavoce.session.ids import Ids
from vivavoce.session.interpretation import Interpretation
from vivavoce.session.interpreting import Interpreting
from vivavoce.session.machine import Machine
from vivavoce.session.options import SessionOptions
from vivavoce.session.transcribing import failure
from vivavoce.session.transcription import TranscriptionState


class InterpreterState(Enum):
    NEW = auto()
    OPEN = auto()
    CLOSING = auto()
    """The client has said that nothing more will come; what is under way is finished."""
    CLOSED = auto()


class InterpreterEvent(Enum):
    STARTED = auto()
    CLOSE_ASKED = auto()
    ENDED = auto()


INTERPRETER_TABLE = {
    (InterpreterState.NEW, InterpreterEvent.STARTED): InterpreterState.OPEN,
    (InterpreterState.NEW, InterpreterEvent.ENDED): InterpreterState.CLOSED,
    (InterpreterState.OPEN, InterpreterEvent.CLOSE_ASKED): InterpreterState.CLOSING,
    (InterpreterState.OPEN, InterpreterEvent.ENDED): InterpreterState.CLOSED,
    (InterpreterState.CLOSING, InterpreterEvent.ENDED): InterpreterState.CLOSED,
}

_LIVE = (InterpreterState.OPEN, InterpreterState.CLOSING)


class Interpreter:
    """One translation session. It is held like a `Session`: the same methods, with the same promises.

    - `config`: as `session.created` will show it.
    - `ids`, `options`: see `Session`.
    """

    def __init__(self, config: TranslationSession, *, ids: Ids, options: SessionOptions) -> None:
        self._ids = ids
        self._options = options
        self._effects: list[Effect] = []
        self._machine: Machine[InterpreterState, InterpreterEvent] = Machine(
            InterpreterState.NEW, INTERPRETER_TABLE
        )
        self._cutting = Cutting(options.frame_ms)
        self._interpreting = Interpreting(
            configuration.initial_translation(config), options, self._do, self._emit
        )
        self._expires_at: float | None = None
        self._told_behind = False
        """Whether the client knows that it is not heard, as the translation is too far behind."""

    @property
    def config(self) -> TranslationSession:
        return self._interpreting.config

    @property
    def busy(self) -> bool:
        """Whether something that was said is still to be translated."""
        return not self._interpreting.idle

    @property
    def started(self) -> bool:
        return self._machine.state is not InterpreterState.NEW

    @property
    def playing(self) -> bool:
        """Whether `play` has anything to do."""
        return self._interpreting.has_speech

    @property
    def unplayed_ms(self) -> int:
        """How much speech waits to be played."""
        return self._interpreting.unplayed_ms

    @property
    def closed(self) -> bool:
        return self._machine.state is InterpreterState.CLOSED

    # What comes out

    def effects(self) -> list[Effect]:
        """What must happen now, in order; each is returned once."""
        effects, self._effects = self._effects, []
        return effects

    def introduction(self) -> SessionCreated:
        """What somebody is told first who joins the session while it is open."""
        return SessionCreated(event_id=self._ids("event"), session=self.config)

    def play(self, now: float) -> bytes:
        """The next speech to be played, at most 20 ms of 24 kHz PCM; nothing if nothing waits. To be asked
        every 20 ms, where the transport plays."""
        audio = self._interpreting.play()
        if not self.playing:
            self._go_on(now)
        return audio

    # What comes in

    def start(self, now: float) -> None:
        """The connection is open."""
        self._machine.fire(InterpreterEvent.STARTED)
        self._emit(SessionCreated, session=self.config)
        self._do(ResetDetector())
        if self._options.max_seconds:
            self._expires_at = now + self._options.max_seconds
            self._do(WakeAt(self._expires_at))

    def receive(self, event: ClientEvent, now: float) -> None:
        """A client event, already decoded."""
        if self._machine.state not in _LIVE:
            return
        try:
            if self._machine.state is InterpreterState.CLOSING:
                raise InvalidEvent(limits.session_closing())
            self._take(event, now)
        except InvalidEvent as invalid:
            event_id = event.event_id if isinstance(event.event_id, str) else None
            self.refuse(msgspec.structs.replace(invalid.error, event_id=event_id))

    def heard(self, audio: bytes, now: float) -> None:
        """The next audio of the speaker, 24 kHz PCM, where it comes beside the events."""
        if self._machine.state is not InterpreterState.OPEN:
            return
        try:
            self._append(audio)
            self._told_behind = False
        except InvalidEvent as invalid:
            if not self._told_behind:
                self._told_behind = True
                self.refuse(invalid.error)

    def refuse(self, error: Error) -> None:
        """A frame that is no valid event changes nothing and is answered with this error."""
        if self._machine.state in _LIVE:
            self._interpreting.refuse(error)

    def speech(self, probabilities: Sequence[float], now: float) -> None:
        """The detector's verdict on the next frames of the audio of `Hear`, in order."""
        if self._machine.state not in _LIVE:
            return
        for change in self._cutting.hear(probabilities):
            match change:
                case Began(at):
                    self._begin(at)
                case Ended(at):
                    self._end_utterance(at)
        self._feed(self._cutting.heard)
        self._go_on(now)

    def understood(self, item_id: str, transcript: Transcript, now: float) -> None:
        """What the transcriber understood of an utterance: so far, or in the end."""
        self._interpreting.understood(item_id, transcript)
        self._go_on(now)

    def transcription_failed(self, item_id: str, message: str, code: str | None, now: float) -> None:
        """An utterance cannot be transcribed: the client is told when it is its turn, and the session goes
        on."""
        self._interpreting.failed(item_id, failure(message, code))
        self._go_on(now)

    def produced(self, response_id: str, part: OutputPart, now: float) -> None:
        """A part of the answer to a `Respond`, which is a translation. Parts of one that is over are
        ignored."""
        self._interpreting.produced(response_id, part, now)
        self._go_on(now)

    def tick(self, now: float) -> None:
        """Time went by: act on what is due."""
        if self._machine.state in _LIVE and self._expires_at is not None and now >= self._expires_at:
            expired = errors.session_expired(round(self._options.max_seconds / 60))
            self.refuse(expired)
            self.end(now)
            self._do(Close(1001, f"{expired.type}.{expired.code}"))

    def end(self, now: float) -> None:
        """The connection is gone, or about to be closed: everything in progress is given up."""
        if self._machine.state is not InterpreterState.CLOSED:
            self._interpreting.give_up()
            self._machine.fire(InterpreterEvent.ENDED)

    # Client events

    def _take(self, event: ClientEvent, now: float) -> None:
        match event:
            case SessionInputAudioBufferAppend() if self._options.plays:
                raise InvalidEvent(limits.audio_from_the_call("type"))
            case SessionInputAudioBufferAppend(audio=text):
                self._append(decode_audio(text, "audio"))
            case TranslationSessionUpdate(session=params):
                self._interpreting.config = configuration.merge_translation(self.config, params)
                self._emit(SessionUpdated, session=self.config)
            case SessionClose():
                self._machine.fire(InterpreterEvent.CLOSE_ASKED)
                rest = self._cutting.flush()
                if rest is not None:
                    self._do(rest)
                self._go_on(now)
            case _:
                raise InvalidEvent(errors.invalid_value("type", event.type, GA_TRANSLATION.types))

    def _append(self, audio: bytes) -> None:
        oldest = self._interpreting.oldest
        behind = self._cutting.position - (self._cutting.start if oldest is None else oldest)
        if behind > self._options.max_buffer_ms * TICKS_PER_MS:
            raise InvalidEvent(limits.translation_behind(self._options.max_buffer_ms))
        for frame in self._cutting.append(audio):
            self._do(frame)

    # Utterances

    def _begin(self, at: int) -> None:
        utterance = Interpretation(self._ids("item"), at)
        wanted = self.config.audio.input.transcription
        options = None
        if wanted is not None:
            options = Transcription(model=wanted.model, language=wanted.language or None)
        self._do(OpenTranscription(utterance.id, options))
        self._interpreting.begin(utterance)

    def _feed(self, until: int) -> None:
        """Let the transcriber have the audio of the utterance that is being spoken up to there."""
        utterance = self._interpreting.speaking
        if utterance is None or until <= utterance.fed:
            return
        if utterance.transcription.state is TranscriptionState.COLLECTING:
            for clip in self._cutting.copy(utterance.fed, until):
                self._do(FeedTranscription(utterance.id, clip.audio, clip.format))
        utterance.fed = until

    def _end_utterance(self, at: int) -> None:
        self._feed(at)
        self._interpreting.end()

    def _go_on(self, now: float) -> None:
        """Translate what can be translated; close the session if nothing is left and no more will come."""
        if self._machine.state not in _LIVE:
            return
        last = self._machine.state is InterpreterState.CLOSING and self._cutting.heard_all
        if last and (ended := self._cutting.finish()) is not None:
            self._end_utterance(ended.at)
        self._interpreting.advance(now)
        if last and self._interpreting.idle and not self.playing:
            self._emit(SessionClosed)
            self.end(now)
            self._do(Close(1000, ""))

    def _do(self, effect: Effect) -> None:
        self._effects.append(effect)

    def _emit(self, event: Any, **fields: Any) -> None:
        self._do(Send(event(event_id=self._ids("event"), **fields)))
