"""A translation session driven as a server drives it: JSON in, JSON out, engines played by the test."""

import base64
import json
from typing import Any

from tests.session.driver import HEAD, NOW, Event, base64_of, pcm
from vivavoce.protocol import (
    GA_TRANSLATION,
    AudioDelta,
    InvalidEvent,
    OutputPart,
    ResponseEnd,
    ResponseRequest,
    TextDelta,
    Transcript,
    TranslationSession,
    TranslationTranscription,
    decode_client_event,
    encode,
)
from vivavoce.protocol.sessions import TranslationSessionAudio, TranslationSessionAudioInput
from vivavoce.session import (
    Effect,
    FeedTranscription,
    FinishTranscription,
    Hear,
    Interpreter,
    OpenTranscription,
    Respond,
    Send,
    SequentialIds,
    SessionOptions,
)

FRAME_MS = 32


class Interpreted:
    """One session. Every method returns the events that the session sent in answer; `effects` are those of
    the last call, `log` those of its whole life."""

    def __init__(self, *, words: bool = False, **options: Any) -> None:
        ids = SequentialIds(HEAD)
        heard = TranslationSessionAudioInput(
            transcription=TranslationTranscription(model="gpt-realtime-whisper") if words else None
        )
        config = TranslationSession(
            id=ids("sess"),
            expires_at=int(NOW) + 3600,
            model="gpt-realtime-translate",
            audio=TranslationSessionAudio(input=heard),
        )
        self.now = NOW
        self.options = SessionOptions(frame_ms=FRAME_MS, **options)
        self.session = Interpreter(config, ids=ids, options=self.options)
        self.log: list[Effect] = []
        self.effects: list[Effect] = []
        self.appended = b""
        self.judged = 0
        """Milliseconds of what was to be heard that the detector has judged."""
        self.session.start(self.now)
        self.greeting = self.drain()

    def drain(self) -> list[Event]:
        self.effects = self.session.effects()
        self.log += self.effects
        return [json.loads(encode(effect.event)) for effect in self.effects if isinstance(effect, Send)]

    # The client

    def client(self, type_: str, **fields: Any) -> list[Event]:
        try:
            decoded = decode_client_event(json.dumps({"type": type_, **fields}), GA_TRANSLATION)
        except InvalidEvent as invalid:
            self.session.refuse(invalid.error)
        else:
            self.session.receive(decoded, self.now)
        return self.drain()

    def append(self, audio: bytes) -> list[Event]:
        self.appended += audio
        if self.options.plays:
            self.session.heard(audio, self.now)
            return self.drain()
        return self.client("session.input_audio_buffer.append", audio=base64_of(audio))

    def play(self) -> tuple[bytes, list[Event]]:
        """The next that is to be heard."""
        audio = self.session.play(self.now)
        return audio, self.drain()

    def close(self) -> list[Event]:
        return self.client("session.close")

    def update(self, **audio: Any) -> list[Event]:
        return self.client("session.update", session={"audio": audio})

    # The engines

    @property
    def unjudged(self) -> int:
        """Whole frames that the detector was given and has not judged."""
        given_ms = sum(len(effect.audio) for effect in self.log if isinstance(effect, Hear)) // 48
        return (given_ms - self.judged) // FRAME_MS

    def hear(self, *probabilities: float) -> list[Event]:
        self.judged += FRAME_MS * len(probabilities)
        self.session.speech(list(probabilities), self.now)
        return self.drain()

    def judge(self, probability: float) -> list[Event]:
        """The detector is of one opinion about all that it was given."""
        return self.hear(*[probability] * self.unjudged)

    def talk(self, milliseconds: int, probability: float = 1.0) -> list[Event]:
        """So much audio, and what the detector thinks of it; all effects are in `effects`."""
        before = len(self.log)
        events = self.append(pcm(milliseconds, len(self.appended) / 48))
        events += self.judge(probability)
        self.effects = self.log[before:]
        return events

    def say(self, milliseconds: int = 1000) -> str:
        """An utterance, and the pause behind it; returns its id."""
        self.talk(milliseconds)
        self.talk(800, 0.0)
        return self.utterances[-1]

    def understand(self, utterance: str, text: str, stable: int = 0, *, final: bool = True) -> list[Event]:
        transcript = Transcript(text, final=final, stable=stable)
        self.session.understood(utterance, transcript, self.now)
        return self.drain()

    def misunderstand(self, utterance: str, message: str = "Unheard.") -> list[Event]:
        self.session.transcription_failed(utterance, message, None, self.now)
        return self.drain()

    def produce(self, utterance: str, *parts: OutputPart) -> list[Event]:
        before = len(self.log)
        events = []
        for part in parts:
            self.session.produced(utterance, part, self.now)
            events += self.drain()
        self.effects = self.log[before:]
        return events

    def translate(self, utterance: str, text: str) -> list[Event]:
        """A whole translation."""
        spoken = AudioDelta(pcm(100), len(text))
        return self.produce(utterance, TextDelta(text), spoken, ResponseEnd())

    def tick(self, seconds: float) -> list[Event]:
        self.now += seconds
        self.session.tick(self.now)
        return self.drain()

    # What came of it

    def did(self, *kinds: type) -> list[Any]:
        """Effects of the last call of these kinds."""
        return [effect for effect in self.effects if isinstance(effect, kinds)]

    def done(self, *kinds: type) -> list[Any]:
        """Effects of the whole life of these kinds."""
        return [effect for effect in self.log if isinstance(effect, kinds)]

    @property
    def utterances(self) -> list[str]:
        return [effect.item_id for effect in self.done(OpenTranscription)]

    @property
    def finished(self) -> list[str]:
        return [effect.item_id for effect in self.done(FinishTranscription)]

    @property
    def requests(self) -> list[ResponseRequest]:
        return [effect.request for effect in self.done(Respond)]

    def fed(self, utterance: str) -> bytes:
        """The audio that the transcriber was given of an utterance."""
        return b"".join(e.audio for e in self.done(FeedTranscription) if e.item_id == utterance)


def texts(events: list[Event], kind: str) -> str:
    """What the deltas of a kind say together."""
    return "".join(event["delta"] for event in events if event["type"] == f"session.{kind}.delta")


def sound(events: list[Event]) -> bytes:
    return b"".join(
        base64.b64decode(event["delta"]) for event in events if event["type"] == "session.output_audio.delta"
    )
