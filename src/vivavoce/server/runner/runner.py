"""One session at work: carries out what the `Session` asks for and tells it what came of it.

The runner is the session's only writer. Everything runs on the event loop: the transport's frames, the
engines' results and the clock each enter the session, and the effects that this has are carried out before
anything else comes in, so that the session needs no locks and events leave in its order.
"""

import asyncio
from functools import partial

from vivavoce.protocol import (
    AudioFormat,
    AudioPCM,
    ClientEvent,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    InvalidEvent,
    SessionClose,
    SessionInputAudioBufferAppend,
    SessionUpdate,
    TranslationSession,
    TranslationSessionAudioInput,
    TranslationSessionUpdate,
    errors,
)
from vivavoce.protocol.dialects import Dialect
from vivavoce.server.config import McpSettings, SessionSettings
from vivavoce.server.engine_room import Combination
from vivavoce.server.mcp.reach import Reach
from vivavoce.server.opening import Opening
from vivavoce.server.random_ids import random_ids
from vivavoce.server.runner.answering import Answering
from vivavoce.server.runner.attributing import Attributing
from vivavoce.server.runner.cleaning import Cleaning
from vivavoce.server.runner.hearing import Hearing
from vivavoce.server.runner.judging import MAX_AUDIO_MS, Judging
from vivavoce.server.runner.lines import Lines
from vivavoce.server.runner.live import Clock, LiveSession
from vivavoce.server.runner.pace import Pace
from vivavoce.server.runner.summarising import Summarising
from vivavoce.server.runner.tools import Tools
from vivavoce.server.runner.understanding import Understanding
from vivavoce.server.telemetry.stages import WATCHED
from vivavoce.server.telemetry.telemetry import Telemetry
from vivavoce.server.transport import Line, Transport, TransportClosed
from vivavoce.session import (
    AbandonTool,
    AbandonTranscription,
    CallTool,
    Cancel,
    Close,
    Compaction,
    Diarize,
    Effect,
    FeedTranscription,
    FinishTranscription,
    Hear,
    Interpreter,
    JudgeTurn,
    ListTools,
    OpenTranscription,
    ResetDetector,
    Respond,
    Send,
    Session,
    SessionOptions,
    Summarise,
    WakeAt,
)

APPENDS = (InputAudioBufferAppend, SessionInputAudioBufferAppend)

CONCLUSIVE = (
    InputAudioBufferCommit,
    InputAudioBufferClear,
    SessionUpdate,
    TranslationSessionUpdate,
    SessionClose,
)
"""Events before which the session must have all audio that came before them."""


class SessionRunner:
    """Runs one session over one transport with one combination of engines.

    `plays`: the transport carries speech beside the events, in real time. It hands in what it hears with
    `hear` and asks for what it plays with `play`, and others may `join` the session.
    """

    def __init__(
        self,
        *,
        opening: Opening,
        engines: Combination,
        transport: Transport,
        dialect: Dialect,
        telemetry: Telemetry,
        mcp: McpSettings = McpSettings(),  # noqa: B008 - it is frozen
        plays: bool = False,
    ) -> None:
        self._lines = Lines(Line(transport, dialect))
        self._send = transport.send
        self._dialect = dialect
        self._clock = Clock()
        reach = Reach(mcp)
        self._session = _session(opening, engines, mcp, reach, self._clock.now(), plays=plays)
        shown = self._session.config
        self._stages = telemetry.session(shown.id, shown.type, opening.model or "", self._clock.now)
        self._live = LiveSession(self._session, self._clock, self._stages, self._carry_out)
        self._noise_reducer = engines.noise_reducer
        self._cleaning: Cleaning | None = None
        self._hearing = Hearing(self._live, engines.voice_detector)
        self._judging = Judging(self._live, engines.turn_detector)
        self._understanding = Understanding(
            self._live, engines.transcriber, opening.settings.engine_timeout_s
        )
        self._attributing = Attributing(self._live, engines.diarizer, opening.settings.engine_timeout_s)
        self._pace = Pace(self._session, transport) if plays else None
        self._answering = Answering(
            self._live, engines.responder, self._pace or transport, opening.settings.engine_timeout_s
        )
        self._summarising = Summarising(self._live, engines.responder, opening.settings.engine_timeout_s)
        self._tools = Tools(self._live, mcp, reach)
        self._draining = False
        self._entrance = asyncio.Lock() if plays else None
        """Events and audio come from several sides where the transport plays, and enter one after another."""

    # The transport's side

    async def start(self) -> None:
        """Begin: the peer is told about the session."""
        self._session.start(self._clock.now())
        self._configure()
        self._carry_out()

    async def receive(self, data: str | bytes, *, more: bool = False, line: Line | None = None) -> None:
        """One text frame of the peer, or of the `line` of somebody who has joined. Frames that come while the
        server is going away are not read any more.

        `more` says that another one waits already: audio may then be heard together with the next.
        """
        if self._entrance is None:
            await self._receive(data, more, None)
        else:
            async with self._entrance:
                await self._receive(data, more, line or self._lines.main)

    async def _receive(self, data: str | bytes, more: bool, line: Line | None) -> None:
        if self._draining:
            return
        dialect = self._dialect if line is None else line.dialect
        try:
            event = dialect.decode(data)
        except InvalidEvent as invalid:
            await self._hearing.catch_up()
            self._session.refuse(invalid.error)
        else:
            await self._take(event)
        if line is None:
            self._carry_out()
        else:
            self._answer(line)
        if not more or self._hearing.full:
            await self._hearing.catch_up()

    async def hear(self, audio: bytes) -> None:
        """The next audio of the speaker, 24 kHz PCM, where it comes beside the events."""
        assert self._entrance is not None
        async with self._entrance:
            if self._draining:
                return
            if self._cleaning is not None:
                audio = await self._cleaning.cleaned(audio)
            self._session.heard(audio, self._clock.now())
            self._carry_out()
            await self._hearing.catch_up()

    def play(self) -> bytes:
        """The next speech to be played, at most 20 ms of 24 kHz PCM; nothing if nothing waits. To be asked
        every 20 ms."""
        if not self._session.playing:
            return b""
        audio = self._session.play(self._clock.now())
        self._carry_out()
        if audio:
            self._stages.played()
        if self._pace is not None:
            self._pace.played()
        return audio

    def refuse_binary(self, line: Line | None = None) -> None:
        """The peer sent a binary frame, or somebody who has joined."""
        self._session.refuse(errors.binary_frame())
        self._answer(line or self._lines.main)

    def join(self, transport: Transport, dialect: Dialect) -> Line:
        """Somebody joins: they are told of the session, then of everything that happens, and may send events
        of their own. Only where the transport plays. Raises TransportClosed if the session is over."""
        assert self._entrance is not None
        if self._session.closed:
            raise TransportClosed("the session is over")
        line = Line(transport, dialect)
        if self._session.started:
            transport.send(self._session.introduction())
        self._lines.join(line)
        self._send = self._lines.send
        return line

    def leave(self, line: Line) -> None:
        """Somebody who had joined is gone; more than once is once."""
        self._lines.leave(line)
        if self._lines.alone:
            self._send = self._lines.main.transport.send

    async def drain(self) -> None:
        """The server is going away: return when no response is running any more, and begin none."""
        self._draining = True
        while self._session.busy and (working := self._live.working):
            await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
        if self._pace is not None:
            await self._pace.played_out()

    async def aclose(self) -> None:
        """The peer is gone or the session is over: free everything. Safe to call more than once."""
        self._session.end(self._clock.now())
        self._carry_out()
        self._stages.end()
        if self._pace is not None:
            self._pace.played()
        self._hearing.forget()
        self._clock.stop_alarm()
        await self._live.aclose()
        await self._tools.aclose()

    async def _take(self, event: ClientEvent) -> None:
        """An event goes to the session, after all that came before it was heard."""
        cleaning = self._cleaning
        if isinstance(event, APPENDS):
            if cleaning is not None and self._pace is None:
                cleaned = await cleaning.clean(event)
                if cleaned is None:
                    return
                event = cleaned
            self._session.receive(event, self._clock.now())
            return
        if cleaning is not None and isinstance(event, CONCLUSIVE):
            translates = isinstance(self._session, Interpreter)
            append = SessionInputAudioBufferAppend if translates else InputAudioBufferAppend
            if self._pace is not None:
                self._session.heard(cleaning.flush(), self._clock.now())
                self._carry_out()
            elif (rest := cleaning.rest(append)) is not None:
                self._session.receive(rest, self._clock.now())
                self._carry_out()
        await self._hearing.catch_up()
        self._session.receive(event, self._clock.now())
        if isinstance(event, SessionUpdate | TranslationSessionUpdate):
            self._configure()

    def _configure(self) -> None:
        """Clean the input as the session is set now."""
        heard = self._session.config.audio.input
        if heard.noise_reduction is None:
            self._cleaning = None
            return
        field = heard.noise_reduction.type
        format: AudioFormat = AudioPCM()
        if self._pace is None and not isinstance(heard, TranslationSessionAudioInput):
            format = heard.format
        if self._cleaning is None or self._cleaning.key != (field, format):
            self._cleaning = Cleaning(self._noise_reducer, field, format)

    # The session's side

    def _answer(self, line: Line) -> None:
        """Carry out what follows from an event of this line."""
        self._lines.asking = line
        try:
            self._carry_out()
        finally:
            self._lines.asking = None
        if self._pace is not None:
            self._pace.played()

    def _carry_out(self) -> None:
        while effects := self._session.effects():
            for effect in effects:
                if type(effect) is Send:  # as nearly all are
                    event = effect.event
                    if type(event) in WATCHED:
                        self._stages.sent(event)
                    self._send(event)
                else:
                    self._do(effect)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Hear():
                self._hearing.put(effect)
            case FeedTranscription(item_id, audio, format):
                self._understanding.feed(item_id, audio, format)
            case JudgeTurn():
                self._judging.ask(effect)
            case OpenTranscription(item_id, options):
                self._understanding.open(item_id, options)
            case FinishTranscription(item_id):
                self._understanding.finish(item_id)
            case Diarize():
                self._attributing.put(effect)
            case AbandonTranscription(item_id):
                self._understanding.abandon(item_id)
            case Respond(request):
                self._answering.respond(request)
            case Summarise(request):
                self._summarising.summarise(request)
            case Cancel(response_id):
                self._answering.cancel(response_id)
                self._summarising.cancel(response_id)
            case ListTools(item_id, server):
                self._tools.list(item_id, server)
            case CallTool(item_id, server, name, arguments):
                self._tools.call(item_id, server, name, arguments)
            case AbandonTool(item_id):
                self._tools.abandon(item_id)
            case ResetDetector():
                self._hearing.reset()
            case WakeAt(when):
                self._clock.wake_at(when, self._wake)
            case Close(code, reason):
                self._live.spawn(self._lines.close(code, reason), "vivavoce close")

    def _wake(self) -> None:
        self._session.tick(self._clock.now())
        self._carry_out()
        if self._pace is not None:
            self._pace.played()


def _compaction(settings: SessionSettings) -> Compaction | None:
    configured = settings.compaction
    return configured if isinstance(configured, Compaction) else Compaction() if configured else None


def _session(
    opening: Opening, engines: Combination, mcp: McpSettings, reach: Reach, now: float, *, plays: bool
) -> Session | Interpreter:
    """The session as it begins."""
    detector = engines.voice_detector
    options = SessionOptions(
        plays=plays,
        hears_audio=engines.responder.hears_audio,
        reasons=engines.responder.reasons,
        prompts=opening.abilities.prompts,
        context_tokens=engines.responder.context_tokens,
        compaction=_compaction(opening.settings),
        count_tokens=engines.responder.count_tokens,
        judge_audio_ms=min(engines.turn_detector.audio_ms, MAX_AUDIO_MS),
        voice=opening.settings.voice,
        frame_ms=detector.frame_samples * 1000 // detector.sample_rate,
        max_seconds=opening.settings.max_minutes * 60,
        max_items=opening.settings.max_items,
        max_bytes=opening.settings.max_bytes,
        max_buffer_ms=round(opening.settings.max_buffer_s * 1000),
        admit=partial(opening.allowance.admit, opening.model or ""),
        meter=opening.allowance.meter,
        debug=opening.settings.debug,
        max_servers=mcp.max_servers,
        check_server=reach.complaint,
    )
    ids = random_ids()
    initial = opening.session(ids("sess"), int(now + options.max_seconds) if options.max_seconds else 0)
    if isinstance(initial, TranslationSession):
        return Interpreter(initial, ids=ids, options=options)
    return Session(initial, ids=ids, options=options, prompted=opening.prompted)
