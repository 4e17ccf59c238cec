"""What happens in a session, as stages that begin and end: the session, its turns, and within a turn the
transcription, the response, the language model, the speech and the tools.

Stages are derived from what passes anyway: the events that the session sends, what it asks of the engines and
what these bring. Nobody keeps a clock for them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec

from vivavoce.protocol import (
    AudioDelta,
    ConversationItemDone,
    ErrorEvent,
    FunctionCall,
    FunctionCallDelta,
    FunctionCallOutput,
    FunctionCallStart,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    McpCall,
    OutputAudioBufferCleared,
    OutputAudioBufferStarted,
    OutputAudioBufferStopped,
    OutputPart,
    Response,
    ResponseCreated,
    ResponseDone,
    ResponseMcpCallCompleted,
    ResponseMcpCallFailed,
    ResponseMcpCallInProgress,
    ResponseRequest,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
    TextDelta,
    Usage,
)

StageName = Literal["session", "turn", "transcription", "response", "language", "speech", "tool", "playback"]


class Stage(msgspec.Struct, kw_only=True, eq=False):
    """A stretch of time in which something was done. Times are unix seconds."""

    name: StageName
    begun_at: float
    parent: "Stage | None"
    ended_at: float | None = None
    first_output_at: float | None = None
    """When the first of its output came."""
    error: str | None = None
    """Code or message of what went wrong; None where nothing did."""
    attributes: dict[str, Any] = {}


class Sink(Protocol):
    """Who wants to know of stages. Its methods are quick and never raise."""

    def began(self, stage: Stage) -> None: ...

    def ended(self, stage: Stage) -> None: ...

    def error(self, code: str) -> None:
        """The client was told of an error with this code."""

    def session(self, session: Any) -> None:
        """The session as `session.created` or `session.updated` shows it."""


class SessionStages:
    """The stages of one session, told to `sinks` as they begin and end. `now` is the session's clock, in unix
    seconds."""

    __slots__ = (
        "_ended",
        "_now",
        "_playback",
        "_responses",
        "_session",
        "_sinks",
        "_tools",
        "_transcriptions",
        "_turn",
    )

    def __init__(self, kind: str, model: str | None, sinks: Sequence[Sink], now: Callable[[], float]) -> None:
        self._sinks = sinks
        self._now = now
        self._transcriptions: dict[str, Stage] = {}
        self._responses: dict[str, _Answer] = {}
        self._tools: dict[str, Stage] = {}
        self._turn: Stage | None = None
        self._playback: Stage | None = None
        self._ended = False
        attributes = {"kind": kind, "model": model or ""}
        self._session = self._begin("session", now(), None, attributes)

    # What passes

    def sent(self, event: ServerEvent) -> None:
        """The session sends this event, one of those that are `WATCHED`."""
        WATCHED[type(event)](self, event, self._now())

    def transcription_due(self, item_id: str) -> None:
        """An utterance is over: its transcript is due."""
        parent = self._turn or self._session
        self._transcriptions[item_id] = self._begin(
            "transcription", self._now(), parent, {"item_id": item_id}
        )

    def transcription_settled(self, item_id: str, error: str | None = None) -> None:
        """The transcript is here, or never will be."""
        if (stage := self._transcriptions.pop(item_id, None)) is not None:
            self._end(stage, self._now(), error)

    def asked(self, request: ResponseRequest) -> None:
        """A responder is asked to answer."""
        answer = self._responses.get(request.response_id)
        if answer is not None:
            answer.language = self._begin("language", self._now(), answer.response, {"model": request.model})

    def produced(self, response_id: str, part: OutputPart, now: float) -> None:
        """The responder brings a part of its answer."""
        answer = self._responses.get(response_id)
        if answer is None:
            return
        if type(part) is AudioDelta:
            answer.spoken_at = now
            if answer.speech is None:
                self._speaks(answer, now)
        elif isinstance(part, _WRITTEN):
            answer.written_at = now
            if answer.language is not None and answer.language.first_output_at is None:
                answer.language.first_output_at = now
            if answer.response.first_output_at is None and isinstance(part, TextDelta):
                answer.response.first_output_at = now

    def _speaks(self, answer: "_Answer", now: float) -> None:
        """The first audio of an answer is here."""
        answer.speech = self._begin("speech", answer.written_at or now, answer.response, {})
        for stage in (answer.speech, answer.response, answer.turn):
            if stage is not None and stage.first_output_at is None:
                stage.first_output_at = now

    def played(self) -> None:
        """The transport was handed some of what plays."""
        if self._playback is not None and self._playback.first_output_at is None:
            self._playback.first_output_at = self._now()

    def end(self) -> None:
        """The session is over: so is whatever was under way."""
        if self._ended:
            return
        self._ended = True
        now = self._now()
        for stage in (*self._transcriptions.values(), *self._tools.values()):
            self._end(stage, now, "session_ended")
        for answer in self._responses.values():
            self._close(answer, now, "session_ended")
        self._end_playback(now)
        if self._turn is not None:
            self._end(self._turn, now)
        self._end(self._session, now)

    # Events

    def _told_session(self, event: Any, now: float) -> None:
        for sink in self._sinks:
            sink.session(event.session)

    def _told_error(self, event: ErrorEvent, now: float) -> None:
        for sink in self._sinks:
            sink.error(event.error.code or event.error.type)

    def _speech_started(self, event: InputAudioBufferSpeechStarted, now: float) -> None:
        self._end_turn(now)
        self._turn = self._begin("turn", now, self._session, {"item_id": event.item_id})

    def _speech_stopped(self, event: InputAudioBufferSpeechStopped, now: float) -> None:
        if self._turn is not None:
            self._turn.attributes["speech_ended_at"] = now

    def _committed(self, event: InputAudioBufferCommitted, now: float) -> None:
        if self._turn is None:
            self._turn = self._begin("turn", now, self._session, {"item_id": event.item_id})
        self._turn.attributes.setdefault("speech_ended_at", now)

    def _response_created(self, event: ResponseCreated, now: float) -> None:
        response = event.response
        beside = response.conversation_id is None
        if not beside and self._turn is None:
            self._turn = self._begin("turn", now, self._session, {})
        turn = None if beside else self._turn
        stage = self._begin("response", now, turn or self._session, {"response_id": response.id})
        self._responses[_id(response)] = _Answer(response=stage, turn=turn)

    def _response_done(self, event: ResponseDone, now: float) -> None:
        answer = self._responses.pop(_id(event.response), None)
        if answer is None:
            return
        stage = answer.response
        stage.attributes["status"] = event.response.status
        if isinstance(event.response.usage, Usage):
            stage.attributes["input_tokens"] = event.response.usage.input_tokens
            stage.attributes["output_tokens"] = event.response.usage.output_tokens
        self._close(answer, now, _failure(event.response))
        if answer.turn is not None and answer.turn is self._turn:
            self._end_turn(now)

    def _tool_began(self, event: ResponseMcpCallInProgress, now: float) -> None:
        self._tools[event.item_id] = self._begin(
            "tool", now, self._turn or self._session, {"item_id": event.item_id}
        )

    def _tool_ended(self, event: ResponseMcpCallCompleted | ResponseMcpCallFailed, now: float) -> None:
        stage = self._tools.get(event.item_id)
        if stage is not None:
            stage.ended_at = now
            stage.error = "failed" if isinstance(event, ResponseMcpCallFailed) else None

    def _item_done(self, event: ConversationItemDone, now: float) -> None:
        """A client's function runs from its call to its output. What tool of another server it was comes with
        the item, after the event that says that it is done."""
        match event.item:
            case FunctionCall(call_id=str(call_id), name=name):
                parent = self._turn or self._session
                self._tools[call_id] = self._begin("tool", now, parent, {"tool": name, "call_id": call_id})
            case FunctionCallOutput(call_id=call_id):
                if (stage := self._tools.pop(call_id, None)) is not None:
                    self._end(stage, now)
            case McpCall(id=str(item_id), name=name, server_label=label):
                if (stage := self._tools.pop(item_id, None)) is not None:
                    stage.attributes |= {"tool": name, "server_label": label}
                    self._end(stage, stage.ended_at or now, stage.error)
            case _:
                pass

    def _playback_began(self, event: OutputAudioBufferStarted, now: float) -> None:
        parent = self._turn or self._session
        self._playback = self._begin("playback", now, parent, {"response_id": event.response_id})

    def _playback_stopped(self, event: OutputAudioBufferStopped, now: float) -> None:
        self._end_playback(now)

    def _playback_cleared(self, event: OutputAudioBufferCleared, now: float) -> None:
        if self._playback is not None:
            self._playback.attributes["cleared"] = True
        self._end_playback(now)

    def _end_playback(self, now: float) -> None:
        if self._playback is not None:
            self._end(self._playback, now)
            self._playback = None

    # Stages

    def _begin(self, name: StageName, now: float, parent: Stage | None, attributes: dict[str, Any]) -> Stage:
        stage = Stage(name=name, begun_at=now, parent=parent, attributes=attributes)
        for sink in self._sinks:
            sink.began(stage)
        return stage

    def _end(self, stage: Stage, now: float, error: str | None = None) -> None:
        stage.ended_at = now
        stage.error = error
        for sink in self._sinks:
            sink.ended(stage)

    def _close(self, answer: "_Answer", now: float, error: str | None) -> None:
        if answer.language is not None:
            self._end(answer.language, answer.written_at or now, error if answer.speech is None else None)
        if answer.speech is not None:
            self._end(answer.speech, answer.spoken_at or now)
        self._end(answer.response, now, error)

    def _end_turn(self, now: float) -> None:
        if self._turn is not None:
            self._end(self._turn, now)
            self._turn = None


class _Answer(msgspec.Struct, kw_only=True, eq=False):
    """A response in progress, and what goes on within it."""

    response: Stage
    turn: Stage | None
    language: Stage | None = None
    speech: Stage | None = None
    written_at: float | None = None
    """When the latest text came."""
    spoken_at: float | None = None
    """When the latest audio came."""


def _id(response: Response) -> str:
    assert isinstance(response.id, str)
    return response.id


def _failure(response: Response) -> str | None:
    if response.status != "failed":
        return None
    details = response.status_details
    error = details.error if details else None
    return (error.code or error.type or "failed") if error else "failed"


_WRITTEN = (TextDelta, FunctionCallStart, FunctionCallDelta)
"""What a language model brings of its output."""

WATCHED: dict[type, Callable[[SessionStages, Any, float], None]] = {
    SessionCreated: SessionStages._told_session,
    SessionUpdated: SessionStages._told_session,
    ErrorEvent: SessionStages._told_error,
    InputAudioBufferSpeechStarted: SessionStages._speech_started,
    InputAudioBufferSpeechStopped: SessionStages._speech_stopped,
    InputAudioBufferCommitted: SessionStages._committed,
    ConversationItemDone: SessionStages._item_done,
    ResponseCreated: SessionStages._response_created,
    ResponseDone: SessionStages._response_done,
    ResponseMcpCallInProgress: SessionStages._tool_began,
    ResponseMcpCallCompleted: SessionStages._tool_ended,
    ResponseMcpCallFailed: SessionStages._tool_ended,
    OutputAudioBufferStarted: SessionStages._playback_began,
    OutputAudioBufferStopped: SessionStages._playback_stopped,
    OutputAudioBufferCleared: SessionStages._playback_cleared,
}
"""What is done about an event; all others, of which there are many, tell nothing."""
