"""The course of a conversation, as its events tell it: who said what, and who waited how long for it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import UNSET

from vivavoce.protocol import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    ErrorEvent,
    FunctionCall,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    OutputAudioBufferStarted,
    RealtimeSession,
    Response,
    ResponseCreated,
    ResponseDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ServerEvent,
    ServerVad,
    SessionCreated,
    SessionUpdated,
    UnknownEvent,
)


@dataclass(slots=True)
class Turn:
    """What somebody said and what was answered. Times are seconds on the clock of whoever reports the
    events."""

    item_id: str | None = None
    said: str = ""
    transcribed: float | None = None
    """When the last word was understood."""
    unclear: str | None = None
    """Why it could not be understood."""
    ended: float | None = None
    """When the last word was said."""
    response_id: str | None = None
    item_ids: list[str] = field(default_factory=list)
    answer: str = ""
    calls: list[str] = field(default_factory=list)
    """Functions that the assistant wanted called, as `name(arguments)`."""
    first_text: float | None = None
    first_audio: float | None = None
    done: float | None = None
    """When the last of the answer came."""
    status: str | None = None
    """The response's, once it is done."""
    failure: str | None = None
    heard_ms: int | None = None
    """How much of the answer was heard, if it was interrupted."""
    refused: bool = False
    """There will be no answer."""

    @property
    def settled(self) -> bool:
        """Nothing more is going to happen to the answer."""
        return self.refused or self.status is not None


class Exchange:
    """The turns so far.

    `spoken_at` tells when the sample at so many milliseconds of the input was spoken; without it, the time at
    which the server noticed counts.
    """

    def __init__(self, spoken_at: Callable[[int], float] | None = None) -> None:
        self.session: RealtimeSession | None = None
        self.turns: list[Turn] = []
        self.speaking: str | None = None
        """The item that what is being said will become."""
        self.committing_ms: int | None = None
        """How much of the input had been spoken when its turn was ended by hand."""
        self._spoken_at = spoken_at
        self._ended: dict[str, float] = {}
        self._items: dict[str, Turn] = {}

    @property
    def settled(self) -> bool:
        """Nobody speaks, and everything said has been answered."""
        return self.speaking is None and bool(self.turns) and all(turn.settled for turn in self.turns)

    @property
    def understood(self) -> bool:
        """Everything said has been understood, or never will be."""
        return all(
            turn.transcribed is not None or turn.unclear is not None for turn in self.turns if turn.item_id
        )

    def say(self, text: str, now: float) -> Turn:
        """A turn that was typed."""
        self.turns.append(Turn(said=text, ended=now))
        return self.turns[-1]

    def receive(self, event: ServerEvent | UnknownEvent, now: float) -> None:
        """What the server said, and when."""
        match event:
            case SessionCreated(session=session) | SessionUpdated(session=session):
                self.session = session if isinstance(session, RealtimeSession) else None
            case InputAudioBufferSpeechStarted(item_id=item_id):
                self.speaking = item_id
            case InputAudioBufferSpeechStopped(item_id=item_id, audio_end_ms=end):
                self._ended[item_id] = self._end_of_speech(end, now)
            case InputAudioBufferCommitted(item_id=item_id):
                self.speaking = None
                turn = self._turn_of(item_id)
                turn.ended = self._ended.pop(item_id, None) or self._spoken(self.committing_ms, now)
            case ConversationItemInputAudioTranscriptionDelta(item_id=item_id, delta=delta):
                self._turn_of(item_id).said += delta
            case ConversationItemInputAudioTranscriptionCompleted(item_id=item_id, transcript=text):
                turn = self._turn_of(item_id)
                turn.said, turn.transcribed = text, now
            case ConversationItemInputAudioTranscriptionFailed(item_id=item_id, error=error):
                self._turn_of(item_id).unclear = error.message or "it could not be transcribed"
            case ResponseCreated(response=response):
                self._answering(response.id)
            case ResponseOutputItemAdded(response_id=response_id, item=item):
                turn = self._answering(response_id)
                if item.id is not UNSET:
                    turn.item_ids.append(item.id)
            case ResponseOutputAudioTranscriptDelta(response_id=response_id, delta=delta):
                self._text(response_id, delta, now)
            case ResponseOutputTextDelta(response_id=response_id, delta=delta):
                self._text(response_id, delta, now)
            case (
                ResponseOutputAudioDelta(response_id=response_id)
                | OutputAudioBufferStarted(response_id=response_id)
            ):
                turn = self._answering(response_id)
                turn.first_audio = now if turn.first_audio is None else turn.first_audio
            case ResponseOutputItemDone(response_id=response_id, item=FunctionCall() as call):
                self._answering(response_id).calls.append(f"{call.name}({call.arguments})")
            case ResponseDone(response=response):
                self._finish(self._answering(response.id), response, now)
            case ErrorEvent(error=error):
                if error.code == "conversation_already_has_active_response" and error.event_id is None:
                    self._refuse()

    def heard(self, item_id: str, audio_end_ms: int) -> None:
        """An answer was interrupted after so many milliseconds."""
        for turn in self.turns:
            if item_id in turn.item_ids:
                turn.heard_ms = audio_end_ms

    def _turn_of(self, item_id: str) -> Turn:
        if item_id not in self._items:
            self._items[item_id] = Turn(item_id=item_id)
            self.turns.append(self._items[item_id])
        return self._items[item_id]

    def _answering(self, response_id: str) -> Turn:
        """The turn that a response answers: the first without one; else the response is a turn of its own."""
        for turn in self.turns:
            if turn.response_id == response_id:
                return turn
        for turn in self.turns:
            if turn.response_id is None and not turn.refused:
                turn.response_id = response_id
                return turn
        self.turns.append(Turn(response_id=response_id))
        return self.turns[-1]

    def _text(self, response_id: str, delta: str, now: float) -> None:
        turn = self._answering(response_id)
        turn.first_text = now if turn.first_text is None else turn.first_text
        turn.answer += delta

    def _finish(self, turn: Turn, response: Response, now: float) -> None:
        turn.done, turn.status = now, response.status
        details = response.status_details
        if response.status == "failed":
            error = details.error if details is not None else UNSET
            message = error.message if error is not UNSET else UNSET
            turn.failure = message if message is not UNSET else "The server gave no reason."

    def _refuse(self) -> None:
        """The server would have answered a turn by itself, but was still busy with another."""
        for turn in self.turns:
            if turn.response_id is None:
                turn.refused = True

    def _end_of_speech(self, audio_end_ms: int, now: float) -> float:
        detection = self.session.audio.input.turn_detection if self.session is not None else None
        silence = detection.silence_duration_ms if isinstance(detection, ServerVad) else 0
        return self._spoken(max(0, audio_end_ms - silence), now)

    def _spoken(self, audio_ms: int | None, now: float) -> float:
        return now if self._spoken_at is None or audio_ms is None else self._spoken_at(audio_ms)
