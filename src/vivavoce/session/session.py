"""The conversation as a state machine without I/O.

Everything that happens comes in through a method, with the time where time matters; everything that must
happen next comes out of `effects()`, in order. Nothing here waits, reads a clock or draws a random number.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from vivavoce.protocol import (
    AudioPCM,
    ClientEvent,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    Error,
    ErrorEvent,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    InvalidEvent,
    McpError,
    McpListedTool,
    OutputAudioBufferClear,
    OutputPart,
    RealtimeSession,
    RealtimeSessionParams,
    ResponseCancel,
    ResponseCreate,
    ResponseParams,
    ServerVad,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    SpeakerTurn,
    Transcript,
    TranscriptionSession,
    decode_audio,
    errors,
)
from vivavoce.session import configuration, intake, limits
from vivavoce.session.answering import Answering
from vivavoce.session.barge_in import BargeIns
from vivavoce.session.connection import (
    CONNECTION_TABLE,
    SUPPORTED,
    SUPPORTED_IN_CALLS,
    ConnectionEvent,
    ConnectionState,
)
from vivavoce.session.core import Configuration, Core
from vivavoce.session.editing import Editing
from vivavoce.session.effects import Close, Effect, WakeAt
from vivavoce.session.ids import Ids
from vivavoce.session.listening import Listening, Turn
from vivavoce.session.machine import Machine
from vivavoce.session.mcp import shown
from vivavoce.session.options import SessionOptions
from vivavoce.session.prompts import UNPROMPTED, Prompted
from vivavoce.session.transcribing import Transcribing, failure
from vivavoce.session.turn_taking import TurnTaking


class Session:
    """One session of the Realtime API over one default conversation.

    - `config`: the effective configuration, as `session.created` will show it. Its kind is the session's: one
      that only transcribes has items but no responses.
    - `ids`: makes identifiers (see `SequentialIds`).
    - `options`: what the deployment decides (see `SessionOptions`).
    - `prompted`: the prompt template that the configuration refers to, and what lies above it.

    `now` is unix time in seconds everywhere. Methods take events in any order and never raise for what a peer
    or an engine does: a bad event yields an `error` event, a late result is ignored. Once the session is
    closed nothing that comes in has an effect.
    """

    def __init__(
        self,
        config: Configuration,
        *,
        ids: Ids,
        options: SessionOptions,
        prompted: Prompted = UNPROMPTED,
    ) -> None:
        self._core = Core(configuration.initial(config, reasons=options.reasons), ids, options, prompted)
        self._transcribing = Transcribing(self._core)
        self._barge_ins = BargeIns()
        self._listening = Listening(self._core, self._transcribing, self._barge_ins)
        self._answering = Answering(self._core, self._listening, self._transcribing, self._barge_ins)
        self._editing = Editing(
            self._core, self._listening, self._transcribing, self._answering, self._barge_ins
        )
        self._turns = TurnTaking(
            self._core,
            self._listening,
            self._transcribing,
            self._answering,
            self._barge_ins,
            self._respond_to_turn,
        )
        self._connection: Machine[ConnectionState, ConnectionEvent] = Machine(
            ConnectionState.NEW, CONNECTION_TABLE
        )
        self._expires_at: float | None = None
        self._wake_at: float | None = None
        self._told_full = False
        """Whether the client knows that what it says is not heard, as the buffer is full."""

    @property
    def config(self) -> Configuration:
        return self._core.config

    @property
    def busy(self) -> bool:
        """Whether a response is in progress."""
        return bool(self._answering.in_progress)

    @property
    def started(self) -> bool:
        return self._connection.state is not ConnectionState.NEW

    @property
    def playing(self) -> bool:
        """Whether `play` has anything to do."""
        return bool(self._answering.playout)

    @property
    def unplayed_ms(self) -> int:
        """How much speech waits to be played."""
        playout = self._answering.playout
        return playout.unplayed_ms if playout else 0

    @property
    def closed(self) -> bool:
        return self._connection.state is ConnectionState.CLOSED

    # What comes out

    def effects(self) -> list[Effect]:
        """What must happen now, in order; each is returned once."""
        effects, self._core.effects = self._core.effects, []
        return effects

    def introduction(self) -> SessionCreated:
        """What somebody is told first who joins the session while it is open."""
        return SessionCreated(event_id=self._core.mint("event"), session=self.config)

    def play(self, now: float) -> bytes:
        """The next speech to be played, at most 20 ms of 24 kHz PCM; nothing if nothing waits.

        To be asked every 20 ms, where the transport plays: by then what was handed out before has been heard.
        """
        playout = self._answering.playout
        if not playout:
            return b""
        audio = playout.play()
        self._answering.played(now)
        self._schedule()
        return audio

    # What comes in

    def start(self, now: float) -> None:
        """The connection is open."""
        self._connection.fire(ConnectionEvent.STARTED)
        if self._core.options.max_seconds:
            self._expires_at = now + self._core.options.max_seconds
        unusable = self._answering.servers.take_first()
        self._core.emit(SessionCreated, session=self.config)
        if unusable is not None:
            self.refuse(unusable)
        self._listening.configure(self._core.turn_detection)
        self._answering.servers.refresh(again=False)
        self._schedule()

    def receive(self, event: ClientEvent, now: float) -> None:
        """A client event, already decoded."""
        if self._connection.state is not ConnectionState.OPEN:
            return
        try:
            self._take(event, now)
        except InvalidEvent as invalid:
            event_id = event.event_id if isinstance(event.event_id, str) else None
            self.refuse(msgspec.structs.replace(invalid.error, event_id=event_id))
        self._answering.follow_up(now)
        self._schedule()

    def heard(self, audio: bytes, now: float) -> None:
        """The next audio of the speaker, 24 kHz PCM, where it comes beside the events."""
        if self._connection.state is not ConnectionState.OPEN:
            return
        try:
            self._listening.append(audio, AudioPCM())
            self._told_full = False
        except InvalidEvent as invalid:
            if not self._told_full:
                self._told_full = True
                self.refuse(invalid.error)

    def refuse(self, error: Error) -> None:
        """A frame that is no valid event changes nothing and is answered with this error."""
        if self._connection.state is ConnectionState.OPEN:
            self._core.emit(ErrorEvent, error=error)

    def speech(self, probabilities: Sequence[float], now: float) -> None:
        """The detector's verdict on the next frames of the audio of `Hear`, in order."""
        if self._connection.state is not ConnectionState.OPEN:
            return
        for turn in self._listening.hear(probabilities, self._answering.idle.silent_since):
            self._turns.take(turn, now)
        self._answering.follow_up(now)
        self._schedule()

    def turn_judged(self, item_id: str, probability: float, now: float) -> None:
        """The speaker of a `JudgeTurn` has finished with this probability, 0 to 1; ignored if they have gone
        on, or the turn is over."""
        if self._connection.state is ConnectionState.OPEN and self._listening.judged(item_id, probability):
            self._turns.take(Turn.ENDED, now)
            self._answering.follow_up(now)
            self._schedule()

    def understood(self, item_id: str, transcript: Transcript, now: float) -> None:
        """What the transcriber understood of an utterance: so far, or in the end."""
        if self._transcribing.understood(item_id, transcript):
            self._turns.understood(item_id, transcript, now)
        self._answering.resume(now)
        self._schedule()

    def diarized(self, item_id: str, turns: Sequence[SpeakerTurn] | None, now: float) -> None:
        """Who speaks when in an utterance; None where that cannot be found out."""
        self._transcribing.diarized(item_id, turns)
        self._schedule()

    def transcription_failed(self, item_id: str, message: str, code: str | None, now: float) -> None:
        """An utterance cannot be transcribed. A response that waits for it fails; the session goes on."""
        self._transcribing.failed(item_id, failure(message, code))
        self._turns.failed(item_id, now)
        self._answering.resume(now)
        self._schedule()

    def produced(self, response_id: str, part: OutputPart, now: float) -> None:
        """A part of the answer to a `Respond`. Parts of a response that is over are ignored."""
        if self._answering.produced(response_id, part, now):
            self._answering.follow_up(now)
            self._schedule()

    def tools_listed(self, item_id: str, tools: Sequence[McpListedTool], now: float) -> None:
        """The answer to a `ListTools`: what an MCP server offers."""
        self._answering.servers.listed(item_id, tools)
        self._schedule()

    def tools_failed(self, item_id: str, now: float) -> None:
        """An MCP server did not answer a `ListTools`. Its tools are not offered; the session goes on."""
        self._answering.servers.failed(item_id)
        self._schedule()

    def tools_changed(self, server_label: str, now: float) -> None:
        """An MCP server says that its tools have changed: the next response asks for them."""
        self._answering.servers.changed(server_label)
        self._schedule()

    def tool_called(self, item_id: str, output: str, now: float) -> None:
        """The answer to a `CallTool`. When all that a response called has answered, another one follows."""
        self._answering.calls.answered(item_id, output)
        self._answering.follow_up(now)
        self._schedule()

    def tool_failed(self, item_id: str, error: McpError, now: float) -> None:
        """A `CallTool` came to nothing; the language model is told why."""
        self._answering.calls.answered(item_id, error)
        self._answering.follow_up(now)
        self._schedule()

    def summarised(self, summary_id: str, text: str) -> None:
        """The answer to a `Summarise`, as a whole."""
        self._answering.memory.summarised(summary_id, text)

    def summary_failed(self, summary_id: str) -> None:
        """There is no answer to a `Summarise`."""
        self._answering.memory.failed(summary_id)

    def tick(self, now: float) -> None:
        """Time went by: act on what is due."""
        if self._connection.state is not ConnectionState.OPEN:
            return
        if self._expires_at is not None and now >= self._expires_at:
            self._expire(now)
            return
        since = self._answering.idle.tick(now, self._listening.position)
        if since is not None and self._listening.commit_silence(since):
            self._turns.answer(now)
        self._schedule()

    def end(self, now: float) -> None:
        """The connection is gone, or about to be closed: everything in progress is given up."""
        if self._connection.state is not ConnectionState.CLOSED:
            self._answering.fail_all("server_error", "session_ended", "The session has ended.", now)
            self._give_up()

    # Client events

    def _take(self, event: ClientEvent, now: float) -> None:
        match event:
            case InputAudioBufferAppend() if self._core.options.plays:
                raise InvalidEvent(limits.audio_from_the_call("type"))
            case InputAudioBufferAppend(audio=text):
                self._listening.append(decode_audio(text, "audio"), self.config.audio.input.format)
            case SessionUpdate():
                self._update(event)
            case InputAudioBufferCommit():
                self._listening.commit()
            case InputAudioBufferClear():
                self._listening.clear()
            case ConversationItemCreate():
                self._editing.create(event)
            case ConversationItemRetrieve(item_id=item_id):
                self._editing.retrieve(item_id)
            case ConversationItemTruncate():
                self._editing.truncate(event)
            case ConversationItemDelete(item_id=item_id):
                self._editing.delete(item_id)
            case ResponseCreate() | ResponseCancel() if isinstance(self.config, TranscriptionSession):
                raise InvalidEvent(errors.no_responses_here())
            case ResponseCreate(response=params):
                self._respond(params if isinstance(params, ResponseParams) else ResponseParams(), now)
            case ResponseCancel(response_id=response_id):
                self._answering.cancel(response_id if isinstance(response_id, str) else None, now)
            case OutputAudioBufferClear() if self._core.options.plays:
                self._answering.silence(now)
            case _:
                supported = SUPPORTED_IN_CALLS if self._core.options.plays else SUPPORTED
                raise InvalidEvent(errors.invalid_value("type", event.type, supported))

    def _update(self, event: SessionUpdate) -> None:
        core = self._core
        before, detected = core.config, core.turn_detection
        updated = configuration.updated(before, event.session, reasons=core.options.reasons)
        params, prompted, renewed = event.session, core.prompted, False
        if isinstance(updated, RealtimeSession):
            assert isinstance(params, RealtimeSessionParams)  # or else it would have been refused
            prompted = prompted.updated(params, core.options.prompts)
            voice = prompted.beneath(updated).audio.output.voice
            if core.conversation.has_assistant_audio and voice != core.effective.audio.output.voice:
                raise InvalidEvent(errors.voice_locked())
            if renewed := params.tools is not UNSET:
                updated = self._answering.servers.take(updated)
        core.config, core.prompted = updated, prompted
        core.emit(SessionUpdated, session=updated)
        if isinstance(before, RealtimeSession) and core.realtime.truncation != before.truncation:
            core.conversation.restore()
        if renewed:
            self._answering.servers.refresh(again=True)
        detection = core.turn_detection
        if detection != detected:
            self._listening.configure(detection)
            if not isinstance(detection, ServerVad) or detection.idle_timeout_ms is None:
                self._answering.idle.disarm()

    # Responses

    def _respond(self, params: ResponseParams, now: float) -> None:
        core = self._core
        if isinstance(params.input, tuple):
            context, new = intake.context(
                params.input, core.conversation, core.mint, self.config.audio.input.format
            )
        else:
            context, new = core.conversation.present, []
        servers = self._answering.servers
        definitions = () if params.tools is UNSET else servers.resolve(params.tools, "response.tools")
        if params.tools is not UNSET:
            params = msgspec.structs.replace(params, tools=shown(params.tools, definitions))
        settings = self._answering.settle(params)
        servers.define(definitions, for_session=False)
        for stored in new:
            self._transcribing.understand(stored)
        self._answering.begin(settings, context, params, now=now)

    def _respond_to_turn(self, now: float) -> None:
        """Answer what was just said, if nothing else is being answered."""
        try:
            self._respond(ResponseParams(), now)
        except InvalidEvent as invalid:
            self.refuse(invalid.error)

    # Time and the end

    def _schedule(self) -> None:
        """Ask to be woken when something is due, if that has changed."""
        idle, expires = self._answering.idle.wake_at, self._expires_at
        when = expires if idle is None else idle if expires is None else min(idle, expires)
        if when != self._wake_at:
            self._wake_at = when
            if when is not None:
                self._core.do(WakeAt(when))

    def _expire(self, now: float) -> None:
        expired = errors.session_expired(round(self._core.options.max_seconds / 60))
        self._answering.fail_all(expired.type, expired.code, expired.message, now)
        self.refuse(expired)
        self._give_up()
        self._core.do(Close(1001, f"{expired.type}.{expired.code}"))

    def _give_up(self) -> None:
        self._listening.end()
        self._barge_ins.dismiss_said()
        self._transcribing.end()
        self._expires_at = None
        self._connection.fire(ConnectionEvent.ENDED)
