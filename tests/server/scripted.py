"""Engines that follow a script, and a transport that writes down: for tests of the runner alone."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

import msgspec

from vivavoce.engines.interfaces import (
    EngineError,
    Samples,
    SpeakerTurn,
    SpokenTurn,
    Transcript,
    TranscriptionOptions,
    TurnDetector,
    VoiceDetector,
)
from vivavoce.engines.webrtc_noise import WebRTCNoiseReducer, WebRTCOptions
from vivavoce.protocol import GA_MEDIA, GA_TRANSLATION, GA_WEBSOCKET, OutputPart, ResponseRequest, ServerEvent
from vivavoce.protocol.dialects import GA, Dialect
from vivavoce.protocol.generation import count_characters
from vivavoce.server.config import Config, McpSettings, SessionSettings
from vivavoce.server.engine_room import Combination
from vivavoce.server.opening import Abilities, SessionKind, opening
from vivavoce.server.runner import SessionRunner
from vivavoce.server.telemetry.telemetry import Telemetry
from vivavoce.server.transport import MediaRunner, TransportClosed


class NoOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    pass


class Scripted:
    Options = NoOptions

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...


class LoudnessDetector(Scripted):
    """Loud frames are speech."""

    sample_rate = 16000
    frame_samples = 512

    def __init__(self) -> None:
        self.streams = 0
        self.feeds = 0

    def stream(self) -> "LoudnessStream":
        self.streams += 1
        return LoudnessStream(self)


class LoudnessStream:
    def __init__(self, detector: LoudnessDetector) -> None:
        self._detector = detector
        self._rest: list[int] = []

    def feed(self, samples: Samples) -> Sequence[float]:
        self._detector.feeds += 1
        self._rest.extend(samples.tolist())
        found = []
        while len(self._rest) >= 512:
            frame, self._rest = self._rest[:512], self._rest[512:]
            found.append(1.0 if max(abs(sample) for sample in frame) > 1000 else 0.0)
        return found


class ScriptedTurnDetector(Scripted):
    """Believes what the script says next: a probability, or an exception to raise."""

    sample_rate = 16000
    audio_ms = 8000

    def __init__(self) -> None:
        self.script: list[float | Exception] = []
        self.asked: list[SpokenTurn] = []

    async def finished(self, turn: SpokenTurn) -> float:
        self.asked.append(turn)
        believed = self.script.pop(0) if self.script else 0.5
        if isinstance(believed, Exception):
            raise believed
        return believed


class ScriptedTranscriber(Scripted):
    """Understands what the script says next: a text, or an exception to raise. Its first word stands while
    the rest is still being spoken."""

    sample_rate = 16000

    def __init__(self, *script: str | Exception) -> None:
        self.script = list(script)
        self.options = TranscriptionOptions()
        """What was asked last."""
        self.utterances: list[ScriptedUtterance] = []

    def utterance(self, options: TranscriptionOptions) -> "ScriptedUtterance":
        if options.language == "xx":
            raise EngineError("This transcriber knows no language 'xx'.")
        self.options = options
        self.utterances.append(ScriptedUtterance(self.script.pop(0) if self.script else "words"))
        return self.utterances[-1]


class ScriptedUtterance:
    def __init__(self, outcome: str | Exception) -> None:
        self._outcome = outcome
        self._finished = asyncio.Event()
        self.samples = 0
        self.closed = False

    def feed(self, samples: Samples) -> None:
        self.samples += len(samples)

    def finish(self) -> None:
        self._finished.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        if isinstance(self._outcome, str):
            yield Transcript(self._outcome, stable=len(self._outcome.partition(" ")[0]))
        await self._finished.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        yield Transcript(self._outcome, final=True)

    async def aclose(self) -> None:
        self.closed = True


class ScriptedDiarizer(Scripted):
    """Hears in every utterance what the script says next: turns, or an exception to raise."""

    sample_rate = 16000

    def __init__(self, *script: Sequence[SpeakerTurn] | Exception) -> None:
        self.script = list(script)
        self.samples: list[int] = []
        """How long each utterance was."""
        self.go_on = asyncio.Event()
        self.go_on.set()

    def stream(self) -> "ScriptedDiarizer":
        return self

    async def turns(self, samples: Samples) -> Sequence[SpeakerTurn]:
        self.samples.append(len(samples))
        await self.go_on.wait()
        outcome = self.script.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


Answer = Callable[[ResponseRequest], AsyncGenerator[OutputPart, None]]


class ScriptedResponder(Scripted):
    """Answers with a function of the test's own."""

    reasons = False
    translates = True

    def __init__(self, answer: Answer, *, hears_audio: bool = False, context_tokens: int = 0) -> None:
        self.hears_audio = hears_audio
        self.context_tokens = context_tokens
        self.answer = answer
        self.requests: list[ResponseRequest] = []
        self.open = 0

    def count_tokens(self, text: str) -> int:
        return count_characters(text)

    async def respond(self, request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        self.requests.append(request)
        self.open += 1
        answer = self.answer(request)
        try:
            async for part in answer:
                yield part
        finally:
            await answer.aclose()
            self.open -= 1


class WrittenDown:
    """A transport that keeps everything it was given, as `dialect` writes it."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.events: list[dict[str, object]] = []
        self.closed: tuple[int, str] | None = None
        self.cleared = 0
        self.writable = asyncio.Event()
        self.writable.set()
        self.gone = False
        self._news = asyncio.Event()

    @property
    def types(self) -> list[str]:
        return [str(event["type"]) for event in self.events]

    def send(self, event: ServerEvent) -> None:
        self.events.extend(map(msgspec.json.decode, self._dialect.encode(event)))
        self._news.set()

    async def ready(self) -> None:
        if self.gone:
            raise TransportClosed("gone")
        await self.writable.wait()

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        self._news.set()

    async def until(self, kind: str, times: int = 1) -> dict[str, object]:
        """Wait until an event of this type was sent so many times; return the last."""
        async with asyncio.timeout(10):
            while self.types.count(kind) < times:
                self._news.clear()
                await self._news.wait()
        return [event for event in self.events if event["type"] == kind][times - 1]

    async def until_closed(self) -> None:
        async with asyncio.timeout(10):
            while self.closed is None:
                self._news.clear()
                await self._news.wait()


def combination(
    responder: ScriptedResponder,
    *,
    detector: VoiceDetector | None = None,
    turn_detector: TurnDetector | None = None,
    transcriber: ScriptedTranscriber | None = None,
    diarizer: ScriptedDiarizer | None = None,
) -> Combination:
    """Scripted engines of every kind."""
    return Combination(
        noise_reducer=WebRTCNoiseReducer(WebRTCOptions()),
        voice_detector=detector or LoudnessDetector(),
        turn_detector=turn_detector or ScriptedTurnDetector(),
        transcriber=transcriber or ScriptedTranscriber(),
        diarizer=diarizer or ScriptedDiarizer(),
        responder=responder,
    )


MODELS = {"realtime": "gpt-realtime", "transcription": None, "translation": "gpt-realtime-translate"}


class Stage:
    """A runner with everything around it."""

    def __init__(
        self,
        answer: Answer,
        *,
        detector: VoiceDetector | None = None,
        turn_detector: TurnDetector | None = None,
        transcriber: ScriptedTranscriber | None = None,
        diarizer: ScriptedDiarizer | None = None,
        settings: SessionSettings | None = None,
        hears_audio: bool = False,
        context_tokens: int = 0,
        telemetry: Telemetry | None = None,
        kind: SessionKind = "realtime",
        dialect: Dialect | None = None,
        mcp: McpSettings | None = None,
        plays: bool = False,
    ) -> None:
        accepts = GA_TRANSLATION if kind == "translation" else GA_MEDIA if plays else GA_WEBSOCKET
        dialect = dialect or GA(accepts)
        model = MODELS[kind]
        self.responder = ScriptedResponder(answer, hears_audio=hears_audio, context_tokens=context_tokens)
        self.transcriber = transcriber or ScriptedTranscriber()
        self.engines = combination(
            self.responder,
            detector=detector,
            turn_detector=turn_detector,
            transcriber=self.transcriber,
            diarizer=diarizer,
        )
        self.detector = self.engines.voice_detector
        self.turn_detector = self.engines.turn_detector
        self.transport = WrittenDown(dialect)
        self.runner: MediaRunner = SessionRunner(
            opening=opening(
                settings or SessionSettings(debug=True), kind, model, abilities=Abilities(translates=True)
            ),
            engines=self.engines,
            transport=self.transport,
            dialect=dialect,
            telemetry=telemetry or Telemetry(Config()),
            mcp=mcp or McpSettings(),
            plays=plays,
        )

    async def __aenter__(self) -> "Stage":
        await self.engines.noise_reducer.start()
        await self.runner.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.runner.aclose()

    async def send(self, *, more: bool = False, **event: object) -> None:
        await self.runner.receive(msgspec.json.encode(event), more=more)
