"""A session driven as a server drives it: JSON in, JSON out, engines played by the test."""

import base64
import json
import random
from typing import Any, Literal

import msgspec

from vivavoce.protocol import (
    InvalidEvent,
    McpError,
    McpListedTool,
    OutputPart,
    RealtimeSession,
    ResponseRequest,
    SessionAudio,
    SessionAudioInput,
    SessionAudioOutput,
    Transcript,
    TranscriptionSession,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    decode_client_event,
    encode,
)
from vivavoce.session import Effect, Respond, Send, SequentialIds, Session, SessionOptions

HEAD = "Ct1OVqJmiaDhg"
NOW = 1_760_000_000.0
NOISE = random.Random(2).randbytes(2**22)
"""Audio of which no two stretches are alike, so that every cut of it can be told from every other."""

Event = dict[str, Any]


def base64_of(audio: bytes) -> str:
    return base64.b64encode(audio).decode()


def pcm(milliseconds: float, start: float = 0) -> bytes:
    """So much of the noise as 24 kHz PCM, from `start` milliseconds on."""
    return NOISE[int(start * 48) : int((start + milliseconds) * 48)]


def g711(milliseconds: float, start: float = 0) -> bytes:
    """So much of the noise as 8 kHz G.711, from `start` milliseconds on."""
    return NOISE[int(start * 8) : int((start + milliseconds) * 8)]


class Driver:
    """One session. Every method returns the events that the session sent in answer, as plain JSON objects;
    all its effects of the last call are in `effects`, and those of its whole life in `log`.
    """

    def __init__(
        self,
        *,
        options: SessionOptions | None = None,
        input: dict[str, Any] | None = None,
        output: dict[str, Any] | None = None,
        kind: Literal["realtime", "transcription"] = "realtime",
        **session: Any,
    ) -> None:
        ids = SequentialIds(HEAD)
        config: RealtimeSession | TranscriptionSession
        if kind == "realtime":
            audio = SessionAudio(
                input=SessionAudioInput(**input or {}), output=SessionAudioOutput(**output or {})
            )
            config = RealtimeSession(
                id=ids("sess"), model="gpt-realtime", expires_at=int(NOW) + 3600, audio=audio, **session
            )
        else:
            heard = TranscriptionSessionAudio(input=TranscriptionSessionAudioInput(**input or {}))
            config = TranscriptionSession(id=ids("sess"), expires_at=int(NOW) + 3600, audio=heard, **session)
        self.kind = kind
        self.now = NOW
        self.session = Session(config, ids=ids, options=options or SessionOptions(debug=True))
        self.log: list[Effect] = []
        self.effects: list[Effect] = []
        self.heard_until = 0.0
        """Milliseconds of audio that the detector has judged."""
        self._event_ids: set[str] = set()
        self.session.start(self.now)
        self.greeting = self.drain()

    def drain(self) -> list[Event]:
        """What the session wants done now."""
        self.effects = self.session.effects()
        self.log += self.effects
        events = [json.loads(encode(effect.event)) for effect in self.effects if isinstance(effect, Send)]
        for sent in events:
            assert sent["event_id"] not in self._event_ids
            self._event_ids.add(sent["event_id"])
        return events

    # The client

    def client(self, type_: str, **fields: Any) -> list[Event]:
        """Send a client event."""
        return self.frame(json.dumps({"type": type_, **fields}))

    def frame(self, text: str) -> list[Event]:
        """Send a text frame."""
        try:
            decoded = decode_client_event(text)
        except InvalidEvent as invalid:
            self.session.refuse(invalid.error)
        else:
            self.session.receive(decoded, self.now)
        return self.drain()

    def update(self, **session: Any) -> list[Event]:
        return self.client("session.update", session={"type": self.kind, **session})

    def append(self, audio: bytes) -> list[Event]:
        return self.client("input_audio_buffer.append", audio=base64_of(audio))

    def commit(self) -> list[Event]:
        return self.client("input_audio_buffer.commit")

    def create(self, item: Event, **fields: Any) -> list[Event]:
        return self.client("conversation.item.create", item=item, **fields)

    def say(self, text: str, **fields: Any) -> str:
        """Add a text message of the user; returns its id."""
        content = [{"type": "input_text", "text": text}]
        added, _ = self.create({"type": "message", "role": "user", "content": content, **fields})
        return str(added["item"]["id"])

    def speak(self, audio: bytes, transcript: str | None = None) -> str:
        """Add an utterance by hand, without turn detection; returns its id."""
        self.append(audio)
        committed, *_ = self.commit()
        item_id = str(committed["item_id"])
        if transcript is not None:
            self.transcribe(item_id, transcript)
        return item_id

    def retrieve(self, item_id: str) -> Event:
        (retrieved,) = self.client("conversation.item.retrieve", item_id=item_id)
        assert retrieved["type"] == "conversation.item.retrieved", retrieved
        return dict(retrieved["item"])

    def respond(self, **overrides: Any) -> str:
        """Ask for a response; returns its id. What it asked of the responder is `request`."""
        created, *_ = self.client("response.create", response=overrides)
        assert created["type"] == "response.created", created
        return str(created["response"]["id"])

    # The engines

    def hear(self, *probabilities: float) -> list[Event]:
        """The detector's verdict on the next frames."""
        self.session.speech(list(probabilities), self.now)
        return self.drain()

    def talk(self, milliseconds: float, probability: float = 1.0) -> list[Event]:
        """Append audio in pieces of 40 ms, and let the detector judge every frame the same."""
        frame = self.session._core.options.frame_ms
        log: list[Effect] = []
        events = []
        position = self.session._listening.position / 24
        end = position + milliseconds
        while position < end:
            piece = min(40.0, end - position)
            events += self.append(pcm(piece, position))
            log += self.effects
            position += piece
            frames = int((position - self.heard_until) // frame)
            self.heard_until += frames * frame
            events += self.hear(*[probability] * frames)
            log += self.effects
        self.effects = log
        return events

    def transcribe(self, item_id: str, text: str) -> list[Event]:
        self.session.understood(item_id, Transcript(text, final=True), self.now)
        return self.drain()

    def understand(self, item_id: str, text: str, stable: int = 0) -> list[Event]:
        """What the transcriber understood so far."""
        self.session.understood(item_id, Transcript(text, stable=stable), self.now)
        return self.drain()

    def fail_transcription(self, item_id: str, message: str, code: str | None = None) -> list[Event]:
        self.session.transcription_failed(item_id, message, code, self.now)
        return self.drain()

    def produce(self, response_id: str, *parts: OutputPart) -> list[Event]:
        """Parts of an answer, one after the other."""
        log: list[Effect] = []
        events = []
        for part in parts:
            self.session.produced(response_id, part, self.now)
            events += self.drain()
            log += self.effects
        self.effects = log
        return events

    # The MCP servers

    def list_tools(self, item_id: str, *tools: McpListedTool) -> list[Event]:
        """A server tells what it offers."""
        self.session.tools_listed(item_id, tools, self.now)
        return self.drain()

    def fail_listing(self, item_id: str) -> list[Event]:
        self.session.tools_failed(item_id, self.now)
        return self.drain()

    def call_tool(self, item_id: str, output: str) -> list[Event]:
        """A server answers a call."""
        self.session.tool_called(item_id, output, self.now)
        return self.drain()

    def fail_call(self, item_id: str, error: McpError) -> list[Event]:
        self.session.tool_failed(item_id, error, self.now)
        return self.drain()

    # Time

    def tick(self, seconds: float) -> list[Event]:
        """So much time goes by."""
        self.now += seconds
        self.session.tick(self.now)
        return self.drain()

    def end(self) -> list[Event]:
        self.session.end(self.now)
        return self.drain()

    # What came of it

    def others(self) -> list[Effect]:
        """Effects of the last call that are no events."""
        return [effect for effect in self.effects if not isinstance(effect, Send)]

    def did(self, *kinds: type) -> list[Any]:
        """Effects of the last call of these kinds."""
        return [effect for effect in self.effects if isinstance(effect, kinds)]

    @property
    def last_item(self) -> str:
        """The id of the item that was announced last."""
        added = [
            e.event for e in self.log if isinstance(e, Send) and e.event.type == "conversation.item.added"
        ]
        return str(added[-1].item.id)

    @property
    def request(self) -> ResponseRequest:
        """What was asked of the responder last."""
        return [effect for effect in self.log if isinstance(effect, Respond)][-1].request

    @property
    def prompt(self) -> list[Event]:
        """The items of the last request, as plain JSON objects."""
        return json.loads(msgspec.json.encode(self.request.items))  # type: ignore[no-any-return]


def types(events: list[Event]) -> list[str]:
    return [sent["type"] for sent in events]
