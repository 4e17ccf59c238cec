"""One session at work: carries out what the `Session` asks for and tells it what came of it.

The runner is the session's only writer. Everything runs on the event loop: the transport's frames, the
engines' results and the clock each enter the session, and the effects that this has are carried out before
anything else comes in, so that the session needs no locks and events leave in its order.
"""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Coroutine
from typing import Any

from vivavoce.audio.convert import Incoming
from vivavoce.engines.interfaces import (
    EngineError,
    Samples,
    TranscriptionOptions,
    Utterance,
    VoiceDetector,
    VoiceStream,
)
from vivavoce.protocol import (
    AudioFormat,
    InputAudioBufferAppend,
    InvalidEvent,
    OutputPart,
    RealtimeSession,
    ResponseFailure,
    ResponseRequest,
    SessionAudio,
    SessionAudioOutput,
    Transcription,
    decode_client_event,
    errors,
)
from vivavoce.server.config import SessionSettings
from vivavoce.server.engine_room import Combination
from vivavoce.server.transport import Transport, TransportClosed
from vivavoce.session import (
    ALPHABET,
    AbandonTranscription,
    Cancel,
    ClearPlayback,
    Close,
    Effect,
    FeedTranscription,
    FinishTranscription,
    Hear,
    OpenTranscription,
    ResetDetector,
    Respond,
    Send,
    SequentialIds,
    Session,
    SessionOptions,
    WakeAt,
)

logger = logging.getLogger(__name__)

INLINE_FRAMES = 16
"""Up to so many detector frames (about 1 ms of work) are judged on the event loop: handing them to a thread
would cost more than the work. Longer appends go to a thread."""

APPENDS_AT_ONCE = 8
"""So many appends that wait already are heard together, which costs half as much as one by one: a server that
falls behind catches up."""
JOINED_BYTES = 16 * 1024
"""No more are joined once they hold so much."""

PARTS_AT_ONCE = 16
"""After so many parts of an answer that came without waiting, other sessions have their turn."""

FAULT = "The server had an error while processing your request. Sorry about that!"


class SessionRunner:
    """Runs one session over one transport with one combination of engines."""

    def __init__(
        self, *, config: SessionSettings, model: str, engines: Combination, transport: Transport
    ) -> None:
        self._engines = engines
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._epoch = time.time() - self._loop.time()
        detector = engines.voice_detector
        options = SessionOptions(
            hears_audio=engines.responder.hears_audio,
            frame_ms=detector.frame_samples * 1000 // detector.sample_rate,
            max_seconds=config.max_minutes * 60,
            debug=config.debug,
        )
        ids = SequentialIds("".join(secrets.choice(ALPHABET) for _ in range(13)))
        expires_at = self._now() + options.max_seconds if options.max_seconds else 0
        self._session = Session(
            RealtimeSession(
                id=ids("sess"),
                model=model,
                instructions=config.instructions,
                expires_at=int(expires_at),
                audio=SessionAudio(output=SessionAudioOutput(voice=config.voice)),
            ),
            ids=ids,
            options=options,
        )
        self._ear = _Ear(detector)
        self._unheard: deque[Hear] = deque()
        self._utterances: dict[str, _RunningUtterance] = {}
        self._responding: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        """What frees engines' streams: never cancelled."""
        self._alarm: asyncio.TimerHandle | None = None
        self._draining = False

    # The transport's side

    async def start(self) -> None:
        """Begin: the peer is told about the session."""
        self._session.start(self._now())
        self._carry_out()

    async def receive(self, data: str | bytes, *, more: bool = False) -> None:
        """One text frame of the peer. Frames that come while the server is going away are not read any
        more.

        `more` says that another one waits already: audio may then be heard together with the next.
        """
        if self._draining:
            return
        try:
            event = decode_client_event(data)
        except InvalidEvent as invalid:
            await self._hear()
            self._session.refuse(invalid.error)
        else:
            if not isinstance(event, InputAudioBufferAppend):
                await self._hear()
            self._session.receive(event, self._now())
        self._carry_out()
        if not more or len(self._unheard) >= APPENDS_AT_ONCE:
            await self._hear()

    def refuse_binary(self) -> None:
        """The peer sent a binary frame."""
        self._session.refuse(errors.binary_frame())
        self._carry_out()

    async def drain(self) -> None:
        """The server is going away: return when no response is running any more, and begin none."""
        self._draining = True
        while self._session.busy and self._tasks:
            await asyncio.wait(set(self._tasks), return_when=asyncio.FIRST_COMPLETED)

    async def aclose(self) -> None:
        """The peer is gone or the session is over: free everything. Safe to call more than once."""
        self._session.end(self._now())
        self._carry_out()
        self._unheard.clear()
        self._stop_alarm()
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(set(self._tasks))
        if self._closing:
            await asyncio.wait(set(self._closing))

    # Carrying out

    def _now(self) -> float:
        """Unix time that never jumps."""
        return self._epoch + self._loop.time()

    def _carry_out(self) -> None:
        while effects := self._session.effects():
            for effect in effects:
                self._do(effect)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send(event):
                self._transport.send(event)
            case Hear():
                self._unheard.append(effect)
            case FeedTranscription(item_id, audio, format):
                if (running := self._utterances.get(item_id)) is not None:
                    running.feed(audio, format)
            case OpenTranscription(item_id, options):
                self._open(item_id, options)
            case FinishTranscription(item_id):
                if (running := self._utterances.get(item_id)) is not None:
                    running.finish()
            case AbandonTranscription(item_id):
                if (running := self._utterances.pop(item_id, None)) is not None:
                    running.task.cancel()
                    # A task that is cancelled before it began closes nothing.
                    self._keep(self._closing, running.utterance.aclose(), f"vivavoce abandon {item_id}")
            case Respond(request):
                task = self._spawn(self._respond(request), f"vivavoce {request.response_id}")
                self._responding[request.response_id] = task
            case Cancel(response_id):
                answering = self._responding.pop(response_id, None)
                # A response ended by a part of its own finds out by itself, and closes its engine in peace.
                if answering is not None and answering is not asyncio.current_task():
                    answering.cancel()
            case ResetDetector():
                self._ear = _Ear(self._engines.voice_detector)
            case ClearPlayback():
                self._transport.clear()
            case WakeAt(when):
                self._stop_alarm()
                self._alarm = self._loop.call_at(when - self._epoch, self._wake)
            case Close(code, reason):
                self._spawn(self._transport.close(code, reason), "vivavoce close")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return self._keep(self._tasks, work, name)

    def _keep(
        self, tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None], name: str
    ) -> asyncio.Task[None]:
        task = self._loop.create_task(work, name=name)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    # Time

    def _wake(self) -> None:
        self._alarm = None
        self._session.tick(self._now())
        self._carry_out()

    def _stop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    # Hearing

    async def _hear(self) -> None:
        """Let the detector judge all that it has not heard yet."""
        while self._unheard:
            audio, format = self._next_unheard()
            samples = self._ear.conversion.feed(audio, format)
            if len(samples) <= INLINE_FRAMES * self._engines.voice_detector.frame_samples:
                probabilities = self._ear.stream.feed(samples)
            else:
                probabilities = await asyncio.to_thread(self._ear.stream.feed, samples)
            if probabilities:
                self._session.speech(probabilities, self._now())
                self._carry_out()

    def _next_unheard(self) -> tuple[bytes, AudioFormat]:
        """The next audio, of several appends if they are short and alike."""
        first = self._unheard.popleft()
        if not self._unheard:
            return first.audio, first.format
        pieces, size = [first.audio], len(first.audio)
        while self._unheard and size < JOINED_BYTES and self._unheard[0].format == first.format:
            pieces.append(self._unheard.popleft().audio)
            size += len(pieces[-1])
        return b"".join(pieces), first.format

    # Understanding

    def _open(self, item_id: str, options: Transcription | None) -> None:
        wanted = TranscriptionOptions()
        if options is not None:
            wanted = TranscriptionOptions(language=options.language, prompt=options.prompt)
        try:
            utterance = self._engines.transcriber.utterance(wanted)
        except EngineError as error:
            self._session.transcription_failed(item_id, str(error), error.code, self._now())
            return
        task = self._spawn(self._transcribe(item_id, utterance), f"vivavoce transcription {item_id}")
        self._utterances[item_id] = _RunningUtterance(utterance, task, self._engines.transcriber.sample_rate)

    async def _transcribe(self, item_id: str, utterance: Utterance) -> None:
        text, failure, code = None, FAULT, None
        try:
            async for transcript in utterance:
                if transcript.final:
                    text = transcript.text
        except EngineError as error:
            failure, code = str(error), error.code
        except Exception:  # a fault of one engine must not end the session
            logger.exception("the transcriber failed")
        finally:
            self._utterances.pop(item_id, None)
            await utterance.aclose()
        if text is not None:
            self._session.transcribed(item_id, text, self._now())
        else:
            self._session.transcription_failed(item_id, failure, code, self._now())
        self._carry_out()

    # Answering

    async def _respond(self, request: ResponseRequest) -> None:
        response_id = request.response_id
        failure = ResponseFailure("server_error", None, FAULT)
        answer = self._engines.responder.respond(request)
        parts = 0
        try:
            async for part in answer:
                self._produced(response_id, part)
                if response_id not in self._responding:
                    return
                await self._transport.ready()
                parts += 1
                if parts % PARTS_AT_ONCE == 0:
                    await asyncio.sleep(0)
        except EngineError as error:
            failure = ResponseFailure("server_error", error.code, str(error))
        except TransportClosed:
            return
        except Exception:  # a fault of one engine must not end the session
            logger.exception("the responder failed")
        finally:
            await answer.aclose()
        # Ignored by the session if the answer came to its end.
        self._produced(response_id, failure)
        self._responding.pop(response_id, None)

    def _produced(self, response_id: str, part: OutputPart) -> None:
        self._session.produced(response_id, part, self._now())
        self._carry_out()


class _Conversion:
    """Input audio on its way to one engine: resampling goes on where the last piece ended."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._format: AudioFormat | None = None
        self._incoming: Incoming | None = None

    def feed(self, audio: bytes, format: AudioFormat) -> Samples:
        if self._incoming is None or format != self._format:
            self._format = format
            self._incoming = Incoming(format.type, self._sample_rate)
        return self._incoming.feed(audio)

    def flush(self) -> Samples | None:
        """What is left at the end; None if there was nothing at all."""
        return None if self._incoming is None else self._incoming.flush()


class _Ear:
    """The detector's memory of the input, and the conversion that leads to it."""

    def __init__(self, detector: VoiceDetector) -> None:
        self.stream: VoiceStream = detector.stream()
        self.conversion = _Conversion(detector.sample_rate)


class _RunningUtterance:
    """An utterance, the task that waits for its words, and the conversion of its audio."""

    def __init__(self, utterance: Utterance, task: asyncio.Task[None], sample_rate: int) -> None:
        self.utterance = utterance
        self.task = task
        self._conversion = _Conversion(sample_rate)

    def feed(self, audio: bytes, format: AudioFormat) -> None:
        self.utterance.feed(self._conversion.feed(audio, format))

    def finish(self) -> None:
        rest = self._conversion.flush()
        if rest is not None:
            self.utterance.feed(rest)
        self.utterance.finish()
