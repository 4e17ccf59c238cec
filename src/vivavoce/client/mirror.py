"""What a server is known to have: its session, its conversation, and what it was sent and has not answered.

No input, no output: a connection tells its mirror what it sends and what comes. When the connection is lost,
the mirror knows what a new session needs to be the same one, and which events have had no effect yet.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pybase64

from vivavoce.audio import bytes_per_second
from vivavoce.client.kept import KeptItem, Sent, merge, named
from vivavoce.client.reconnecting import ResponseInterrupted
from vivavoce.protocol import (
    ConversationItemAdded,
    ConversationItemCreated,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionFailed,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    ErrorEvent,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
    RealtimeSession,
    ResponseCreated,
    ResponseDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputTextDelta,
    Session,
    SessionCreated,
    SessionUpdated,
    TranslationSession,
)

MAX_KEPT_BYTES = 64 * 2**20
"""Bytes of speech and of events that are kept. Beyond, the oldest speech is forgotten, and then stands in the
conversation by its transcript."""

MAX_KEPT_ITEMS = 10_000

SILENCE_MS = 5_000
"""How much of the latest audio is kept while voice detection hears nobody speak, in milliseconds."""

APPEND = "input_audio_buffer.append"
_ANSWERED = frozenset(
    {
        "session.update",
        "conversation.item.create",
        "conversation.item.delete",
        "conversation.item.truncate",
        "conversation.item.retrieve",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "response.create",
    }
)
"""The events that are known to have been understood by what comes back. `response.cancel` is none of them: a
lost connection has the same effect."""

_decoder = msgspec.json.Decoder(dict[str, Any])


class Mirror:
    """One session of a server, as its client knows it.

    - session: as the server showed it last.
    - asked: what the client has set of it, as it said it: servers do not show secrets of tools.
    - items: the conversation in order.
    - log: what was sent and is not settled, in order.
    - running: the responses in progress.
    - owed: voice detection ended a turn, and its response has not begun.
    - changes: grows with everything that a new session would have to be told.
    """

    def __init__(self) -> None:
        self.session: Session | None = None
        self.asked: dict[str, Any] = {}
        self.items: dict[str, KeptItem] = {}
        self.log: list[Sent] = []
        self.running: set[str] = set()
        self.owed = False
        self.changes = 0
        self._kept_bytes = 0
        self._clock_ms = 0.0
        self._starts: dict[str, int] = {}
        self._stops: dict[str, int] = {}
        self._transcribing: set[str] = set()
        self._handlers: dict[type, Callable[[Any], None]] = {
            SessionCreated: self._session_is,
            SessionUpdated: self._updated,
            ConversationItemAdded: self._added,
            ConversationItemCreated: self._added,
            ConversationItemDone: self._item_done,
            ConversationItemDeleted: self._deleted,
            ConversationItemRetrieved: self._retrieved,
            ConversationItemTruncated: self._truncated,
            ConversationItemInputAudioTranscriptionCompleted: self._transcribed,
            ConversationItemInputAudioTranscriptionFailed: self._not_transcribed,
            InputAudioBufferSpeechStarted: self._speech_started,
            InputAudioBufferSpeechStopped: self._speech_stopped,
            InputAudioBufferTimeoutTriggered: self._timed_out,
            InputAudioBufferCommitted: self._committed,
            InputAudioBufferCleared: self._cleared,
            ResponseCreated: self._response_created,
            ResponseDone: self._response_done,
            ResponseOutputTextDelta: self._words_came,
            ResponseOutputAudioTranscriptDelta: self._words_came,
            ResponseOutputAudioDelta: self._speech_came,
            ErrorEvent: self._refused,
        }

    @property
    def idle(self) -> bool:
        """Between turns: nothing is under way, in either direction."""
        return not (
            self.running or self.owed or self._starts or any(each.kind != APPEND for each in self.log)
        )

    # What is sent.

    def sent(self, message: bytes) -> bytes:
        """An event is about to be sent. What to send for it: events and items get ids, so that what comes
        back can be told apart."""
        try:
            event = _decoder.decode(message)
        except (msgspec.DecodeError, RecursionError):
            return message  # the server will say what is wrong with it
        kind = event.get("type")
        if kind == APPEND:
            self._appended(message, event)
        elif kind in _ANSWERED:
            message = named(kind, event, message)
            self.log.append(Sent(kind=kind, message=message, event=event))
            self.changes += 1
        return message

    def adopt(self, entries: list[Sent]) -> list[bytes]:
        """These events are about to be sent, in a new session. What to send."""
        for entry in entries:
            if entry.kind == APPEND:
                length = entry.end_ms - entry.start_ms
                entry.start_ms, entry.end_ms = self._clock_ms, self._clock_ms + length
                self._clock_ms = entry.end_ms
                self._kept_bytes += len(entry.audio)
            self.log.append(entry)
        return [entry.message for entry in entries]

    def keep(self, item_id: str, kept: KeptItem) -> None:
        """An item of an older session is in this one: what was known of it still is."""
        self.items[item_id] = kept
        self._kept_bytes += kept.size

    def interrupted(self) -> list[ResponseInterrupted]:
        """The connection is lost, and these responses with it. Each is told once."""
        ended = [ResponseInterrupted(response_id=response_id) for response_id in sorted(self.running)]
        self.running.clear()
        return ended

    # What comes.

    def received(self, event: object) -> None:
        """Take note of an event of the server."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def _settle(self, kind: str, having: Callable[[dict[str, Any]], bool] | None = None) -> Sent | None:
        for at, entry in enumerate(self.log):
            if entry.kind == kind and (having is None or having(entry.event)):
                return self.log.pop(at)
        return None

    def _session_is(self, event: SessionCreated) -> None:
        self.session = event.session

    def _updated(self, event: SessionUpdated) -> None:
        self.session = event.session
        entry = self._settle("session.update")
        if entry is not None and isinstance(session := entry.event.get("session"), dict):
            merge(self.asked, session)
        self.changes += 1

    def _added(self, event: ConversationItemAdded | ConversationItemCreated) -> None:
        item_id = str(event.item.id)
        entry = self._settle("conversation.item.create", lambda sent: sent["item"].get("id") == item_id)
        done = getattr(event.item, "status", None) != "in_progress"
        kept = self.items.pop(item_id, None) or KeptItem(item=event.item)
        kept.item, kept.done = event.item, done
        kept.shown.add(event.type)
        if entry is not None:
            kept.own, kept.own_bytes = entry.event["item"], len(entry.message)
            self._kept_bytes += kept.own_bytes
        self._insert(item_id, kept, event.previous_item_id)
        self.changes += 1

    def _insert(self, item_id: str, kept: KeptItem, previous: str | None) -> None:
        last = next(reversed(self.items), None)
        if previous == last or (previous is not None and previous not in self.items):
            self.items[item_id] = kept
        else:
            ids = list(self.items)
            at = 0 if previous is None else ids.index(previous) + 1
            ids.insert(at, item_id)
            self.items = {each: self.items[each] if each != item_id else kept for each in ids}
        if len(self.items) > MAX_KEPT_ITEMS:
            self._kept_bytes -= self.items.pop(next(iter(self.items))).size

    def _item_done(self, event: ConversationItemDone) -> None:
        kept = self.items.get(str(event.item.id))
        if kept is not None:
            kept.item, kept.done = event.item, True
            kept.shown.add(event.type)
            self.changes += 1

    def _deleted(self, event: ConversationItemDeleted) -> None:
        self._settle("conversation.item.delete", lambda sent: sent.get("item_id") == event.item_id)
        kept = self.items.pop(event.item_id, None)
        self._kept_bytes -= kept.size if kept is not None else 0
        self.changes += 1

    def _retrieved(self, event: ConversationItemRetrieved) -> None:
        self._settle("conversation.item.retrieve", lambda sent: sent.get("item_id") == event.item.id)

    def _truncated(self, event: ConversationItemTruncated) -> None:
        self._settle("conversation.item.truncate", lambda sent: sent.get("item_id") == event.item_id)
        if event.item_id in self.items:
            self.items[event.item_id].heard_ms = event.audio_end_ms
        self.changes += 1

    def _transcribed(self, event: ConversationItemInputAudioTranscriptionCompleted) -> None:
        self._transcribing.discard(event.item_id)
        if event.item_id in self.items:
            self.items[event.item_id].transcript = event.transcript

    def _not_transcribed(self, event: ConversationItemInputAudioTranscriptionFailed) -> None:
        self._transcribing.discard(event.item_id)

    def _words_came(self, event: ResponseOutputTextDelta | ResponseOutputAudioTranscriptDelta) -> None:
        if event.item_id in self.items:
            self.items[event.item_id].words.append(event.delta)

    def _speech_came(self, event: ResponseOutputAudioDelta) -> None:
        if event.item_id in self.items:
            length = len(event.delta) // 4 * 3 / self._bytes_per_ms("output")
            self.items[event.item_id].spoken_ms += length

    def _response_created(self, event: ResponseCreated) -> None:
        beside = event.response.conversation_id is None
        self._settle(
            "response.create",
            lambda sent: ((sent.get("response") or {}).get("conversation") == "none") == beside,
        )
        self.running.add(event.response.id)
        self.owed = self.owed and beside
        self.changes += 1

    def _response_done(self, event: ResponseDone) -> None:
        self.running.discard(event.response.id)
        self.changes += 1

    def _refused(self, event: ErrorEvent) -> None:
        event_id = event.error.event_id
        if event_id is not None:
            self.log = [each for each in self.log if each.event.get("event_id") != event_id]
            self.changes += 1

    # The input audio buffer.

    def _appended(self, message: bytes, event: dict[str, Any]) -> None:
        try:
            audio = pybase64.b64decode(event["audio"])
        except (KeyError, TypeError, ValueError):
            return  # as above
        start = self._clock_ms
        self._clock_ms += len(audio) / self._bytes_per_ms("input")
        self.log.append(
            Sent(
                kind=APPEND,
                message=message,
                event=event,
                audio=audio,
                start_ms=start,
                end_ms=self._clock_ms,
            )
        )
        self._kept_bytes += len(audio)
        if self._detects and not self._starts:
            while self.log[0].kind == APPEND and self.log[0].end_ms < self._clock_ms - SILENCE_MS:
                self._kept_bytes -= len(self.log.pop(0).audio)
        self._forget_speech()

    def _speech_started(self, event: InputAudioBufferSpeechStarted) -> None:
        self._starts[event.item_id] = event.audio_start_ms
        self.changes += 1

    def _speech_stopped(self, event: InputAudioBufferSpeechStopped) -> None:
        self._stops[event.item_id] = event.audio_end_ms

    def _timed_out(self, event: InputAudioBufferTimeoutTriggered) -> None:
        self._starts[event.item_id] = event.audio_start_ms
        self._stops[event.item_id] = event.audio_end_ms

    def _committed(self, event: InputAudioBufferCommitted) -> None:
        start, stop = self._starts.pop(event.item_id, 0), self._stops.pop(event.item_id, None)
        if stop is not None:
            speech = self._audio_between(start, stop)
            self._forget_audio(stop)
            self.owed = self._answers
        else:
            speech = self._settle_audio("input_audio_buffer.commit")
        if self._transcribes:
            self._transcribing.add(event.item_id)
        # Its item comes next: that has its place in the conversation.
        self.items[event.item_id] = KeptItem(item=None, speech=speech)
        self._kept_bytes += len(speech)
        self._forget_speech()
        self.changes += 1

    def _cleared(self, event: InputAudioBufferCleared) -> None:
        self._settle_audio("input_audio_buffer.clear")
        self._starts.clear()
        self.changes += 1

    def _settle_audio(self, kind: str) -> bytes:
        """The client's commit or clear was understood: the audio before it, which is no longer buffered."""
        at = next((at for at, entry in enumerate(self.log) if entry.kind == kind), None)
        if at is None:
            return b""
        before = [entry.audio for entry in self.log[:at] if entry.kind == APPEND]
        self.log = [each for each in self.log[:at] if each.kind != APPEND] + self.log[at + 1 :]
        self._kept_bytes -= sum(map(len, before))
        return b"".join(before)

    def _audio_between(self, start_ms: float, end_ms: float) -> bytes:
        pieces = []
        for entry in self.log:
            if entry.kind == APPEND and entry.start_ms < end_ms and entry.end_ms > start_ms:
                after = entry.audio[self._offset(entry, start_ms) : self._offset(entry, end_ms)]
                pieces.append(after)
        return b"".join(pieces)

    def _forget_audio(self, until_ms: float) -> None:
        """What lies before this is no longer buffered."""
        log = []
        for entry in self.log:
            if entry.kind == APPEND and entry.start_ms < until_ms:
                rest = entry.audio[self._offset(entry, until_ms) :]
                self._kept_bytes -= len(entry.audio) - len(rest)
                if not rest:
                    continue
                text = pybase64.b64encode_as_string(rest)
                entry.event = {**entry.event, "audio": text}
                entry.message = msgspec.json.encode(entry.event)
                entry.audio, entry.start_ms = rest, until_ms
            log.append(entry)
        self.log = log

    def _forget_speech(self) -> None:
        """Keep within the limit: users' speech goes first, then what is buffered."""
        if self._kept_bytes <= MAX_KEPT_BYTES:
            return
        for kept in self.items.values():
            self._kept_bytes -= kept.size
            kept.forget()
            if self._kept_bytes <= MAX_KEPT_BYTES:
                return
        while self._kept_bytes > MAX_KEPT_BYTES and (entry := self._settle(APPEND)) is not None:
            self._kept_bytes -= len(entry.audio)

    def _offset(self, entry: Sent, at_ms: float) -> int:
        """Which byte of an entry's audio lies at this time."""
        if at_ms >= entry.end_ms:
            return len(entry.audio)
        share = max(0.0, at_ms - entry.start_ms) / (entry.end_ms - entry.start_ms)
        return int(len(entry.audio) * share) // 2 * 2

    def _bytes_per_ms(self, direction: str) -> float:
        side = getattr(getattr(self.session, "audio", None), direction, None)
        encoding = getattr(getattr(side, "format", None), "type", "audio/pcm")
        return bytes_per_second(encoding) / 1000

    @property
    def _detects(self) -> bool:
        """Whether voice detection is on."""
        session = self.session
        if session is None or isinstance(session, TranslationSession):
            return True
        return session.audio.input.turn_detection is not None

    @property
    def _transcribes(self) -> bool:
        """Whether what was said is transcribed."""
        audio = getattr(getattr(self.session, "audio", None), "input", None)
        return getattr(audio, "transcription", None) is not None

    @property
    def _answers(self) -> bool:
        """Whether voice detection begins responses."""
        session = self.session
        detection = session.audio.input.turn_detection if isinstance(session, RealtimeSession) else None
        return bool(getattr(detection, "create_response", False))
