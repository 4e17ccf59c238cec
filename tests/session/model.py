"""A model of a session, written from the reference: what any client and any engine may rely on.

It believes every event and every effect, as a client and a server would, and holds each against what it knows
already. It shares no code with the session. Positions are ticks of 1/24000 s.
"""

import base64
import json
import math
import re
from collections.abc import Sequence
from typing import Any

from tests.session.driver import Event
from tests.session.ear import Ear
from tests.session.floor import Floor
from vivavoce.protocol import (
    AudioDelta,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    MessageEnd,
    OutputPart,
    ResponseEnd,
    ResponseFailure,
    TextDelta,
    encode,
)
from vivavoce.session import (
    AbandonTranscription,
    Cancel,
    Close,
    Effect,
    FeedTranscription,
    FinishTranscription,
    Hear,
    JudgeTurn,
    OpenTranscription,
    ResetDetector,
    Respond,
    Send,
    WakeAt,
)

LETTERS = {
    "response.created": "c",
    "response.output_item.added": "O",
    "conversation.item.added": "A",
    "response.content_part.added": "P",
    "response.output_text.delta": "t",
    "response.output_text.done": "T",
    "response.output_audio_transcript.delta": "w",
    "response.output_audio.delta": "s",
    "response.output_audio.done": "S",
    "response.output_audio_transcript.done": "W",
    "response.content_part.done": "Q",
    "response.function_call_arguments.delta": "g",
    "response.function_call_arguments.done": "G",
    "conversation.item.done": "Z",
    "response.output_item.done": "E",
    "response.done": "D",
}
INSIDE = re.compile(r"c(?:OA(?:P(?:t+T|[ws]+SW)Q|g*G)ZE)*D")
"""The events of a response in the conversation, in the order of section 3."""
BESIDE = re.compile(r"c(?:O(?:P(?:t+T|[ws]+SW)Q|g*G)E)*D")
"""The same beside the conversation."""

RETAINED = 15_000 * 24
"""So much silence at least is there for a commit, however long nobody has spoken."""
SEMANTIC_SILENCE_MS = {"low": (8000, 800), "medium": (4000, 400), "auto": (4000, 400), "high": (2000, 200)}
"""The longest and the shortest silence that ends a turn of semantic_vad."""
PAUSE = 96 * 24
SUSTAINED = 1000 * 24
TRANSCRIPTION = "conversation.item.input_audio_transcription."


class Stream:
    """Input audio: every sample that came, where turns begin and end in it, and what became of it.

    Invariants 5 and 7: turns by section 5.3; no sample is lost or used twice.
    """

    def __init__(self, frame_ms: int) -> None:
        self.frame = frame_ms * 24
        self.runs: list[tuple[int, str, bytearray]] = []
        """Where each run of one format begins, its format, and its bytes."""
        self.end = 0
        self.half = b""
        self.cut = 0
        """What lies before was committed or cleared."""
        self.detection: Event | None = None
        self.heard = 0
        self.speaking = False
        self.paused = False
        """With semantic_vad: somebody is silent within a turn."""
        self.enough = 0
        """So much silence ends the pause and the turn."""
        self.until_sustained = 0
        self.last_speech = 0
        self.segment: int | None = None
        """Where the announced turn begins."""

    def append(self, audio: bytes, format: str) -> bytes:
        """Returns the whole samples that are new."""
        if not self.runs or self.runs[-1][1] != format:
            self.runs.append((self.end, format, bytearray()))
            self.half = b""
        audio = self.half + audio
        whole = len(audio) // 2 * 2 if format == "audio/pcm" else len(audio)
        audio, self.half = audio[:whole], audio[whole:]
        self.runs[-1][2].extend(audio)
        self.end += ticks(whole, format)
        return audio

    def between(self, start: int, end: int) -> list[tuple[str, bytes]]:
        """The audio of a span; a sample belongs to where it begins."""
        found = []
        for begin, format, run in self.runs:
            low, high = max(start - begin, 0), max(end - begin, 0)
            audio = bytes(run[size(low, format) : size(high, format)])
            if audio:
                found.append((format, audio))
        return found

    def clear(self) -> None:
        self.cut, self.speaking, self.segment, self.half = self.end, False, None, b""
        self.paused = False
        self.runs.append((self.end, "", bytearray()))

    def committable(self) -> int:
        """Where a commit by the client begins."""
        return self.cut if self.segment is None else self.segment

    def commit(self, end: int) -> tuple[int, int]:
        """The span that becomes an item."""
        start = self.committable()
        self.cut, self.speaking, self.segment = self.floor(end), False, None
        self.paused = False
        return start, end

    def floor(self, position: int) -> int:
        """Where the sample begins in which a position lies."""
        for begin, format, run in reversed(self.runs):
            if begin <= position:
                return begin + ticks(min(size(position - begin, format), len(run)), format)
        return position

    def configure(self, detection: Event | None) -> None:
        before, self.detection = self.detection, detection
        if detection is None:
            self.speaking = self.paused = False
        elif before is None:
            self.heard, self.segment = self.end, None
        elif detection["type"] != "semantic_vad":
            self.paused = False
        elif self.paused and detection != before:
            self.enough = self.enough_silence(0.5)

    def enough_silence(self, probability: float) -> int:
        """So much silence ends a turn that is complete with this probability: the logarithm of the time falls
        evenly."""
        assert self.detection is not None
        longest, shortest = SEMANTIC_SILENCE_MS[self.detection["eagerness"]]
        time = math.exp((1 - probability) * math.log(longest) + probability * math.log(shortest))
        return round(time * 24)

    def judged(self, probability: float) -> list[tuple[str, int, int]]:
        """The speaker has finished with this probability: whether the turn stops."""
        if not self.paused:
            return []
        self.enough = self.enough_silence(probability)
        if self.heard - self.last_speech < self.enough:
            return []
        return [("stopped", *self.commit(min(self.heard, self.end)))]

    def judge(self, probabilities: list[float]) -> list[tuple[str, int, int]]:
        """What the verdicts on the next frames say: which turns start and stop, and their spans."""
        detection, told = self.detection, []
        if detection is None:
            return []
        server = detection["type"] == "server_vad"
        threshold = detection["threshold"] if server else 0.5
        padding = 24 * (detection["prefix_padding_ms"] if server else 300)
        oldest = self.cut
        for probability in probabilities:
            begin = self.heard
            if begin >= self.end:
                break
            self.heard = over = begin + self.frame
            if over <= oldest:
                continue
            if probability > threshold:
                self.last_speech, self.paused = over, False
                if not self.speaking:
                    self.speaking, self.segment = True, max(begin - padding, self.cut)
                    self.until_sustained = 0 if server else SUSTAINED
                    told.append(("started", self.segment, 0))
                if self.until_sustained:
                    self.until_sustained = max(self.until_sustained - self.frame, 0)
                    if not self.until_sustained:
                        told.append(("sustained", 0, 0))
            elif self.speaking:
                silence = over - self.last_speech
                if server:
                    ends = silence >= 24 * detection["silence_duration_ms"]
                elif self.paused:
                    ends = silence >= self.enough
                else:
                    ends, self.paused = False, silence >= PAUSE
                    self.enough = self.enough_silence(0.5)
                if ends:
                    told.append(("stopped", *self.commit(min(over, self.end))))
        return told


def ticks(n_bytes: int, format: str) -> int:
    return n_bytes // 2 if format == "audio/pcm" else n_bytes * 3


def size(n_ticks: int, format: str) -> int:
    return n_ticks * 2 if format == "audio/pcm" else n_ticks // 3


class Said:
    """A message of the assistant: what was sent of it, and what was heard (invariant 8)."""

    def __init__(self, format: str | None) -> None:
        self.format = format
        self.text = ""
        self.audio = b""
        self.marks: list[tuple[int, int]] = []
        self.kept: str | None = None

    @property
    def heard(self) -> str:
        return self.text if self.kept is None else self.kept

    def speak(self, audio: bytes, spoken: int) -> None:
        assert self.format is not None
        if self.kept is None and (audio or self.marks):
            self.audio += audio
            self.marks.append((ticks(len(self.audio), self.format), min(spoken, len(self.text))))

    @property
    def milliseconds(self) -> int | None:
        if self.format is None or not self.marks:
            return None
        return ticks(len(self.audio), self.format) // 24

    def truncate(self, end_ms: int) -> None:
        assert self.format is not None
        end = max([0, *(spoken for position, spoken in self.marks if position // 24 <= end_ms)])
        heard = self.heard[:end]
        if re.match(r"[\w']", self.heard[end:]):
            heard = re.sub(r"[\w']+$", "", heard)
        self.kept = heard.rstrip()
        self.audio = self.audio[: size(end_ms * 24, self.format)]


class Answer:
    """A response in progress."""

    def __init__(self, shown: Event, context: Sequence[str | None]) -> None:
        self.beside = shown["conversation_id"] is None
        self.speaks = shown["output_modalities"] == ["audio"]
        self.format = shown["audio"]["output"]["format"]["type"]
        self.context = context
        self.letters = "c"
        self.done: list[Event] = []
        self.item: str | None = None
        self.is_message = False
        self.text = ""
        self.asked = False


class Model:
    """What is known of a session."""

    def __init__(self, *, frame_ms: int, hears_audio: bool, plays: bool = False) -> None:
        self.hears_audio = hears_audio
        self.stream = Stream(frame_ms)
        self.ear = Ear() if plays else None
        self.floor = Floor(self.ear)
        self.truncating: tuple[str, int] | None = None
        """What the client is about to truncate."""
        self.questions: set[str] = set()
        """Turns of which the session wanted to know whether they have ended."""
        self.session: Event = {}
        self.order: list[str] = []
        self.calls: dict[str, str] = {}
        """The call_id of every function call in the conversation, by item."""
        self.ids: list[str] = []
        """Every item id that was ever seen."""
        self.named: set[str] = set()
        """Those that the client chose."""
        self.said: dict[str, Said] = {}
        self.running: dict[str, Answer] = {}
        self.ended: list[str] = []
        self.asked: list[str] = []
        self.cancelled: set[str] = set()
        self.pending: dict[str, str] = {}
        """Transcriptions: collecting, due or early, by item."""
        self.words: dict[str, str] = {}
        self.told: dict[str, str] = {}
        """What the client was told of transcripts that are not complete."""
        self.wanted: dict[str, str] = {}
        """Items of which the client is told the transcript, and by which model."""
        self.fed: dict[str, list[tuple[str, bytes]]] = {}
        self.spans: dict[str, tuple[int, int]] = {}
        """Where in the stream the audio of each item lies."""
        self.expected_spans: list[tuple[int, int]] = []
        self.timeouts: dict[str, int] = {}
        """The millisecond in which the silence began, of items made of silence."""
        self.speaking: str | None = None
        self.announced: str | None = None
        self.committed: str | None = None
        self.voice_was_heard = False
        self.alarm: float | None = None
        self.closed = False
        self.events: list[Event] = []
        """Of the last step."""
        self.event_ids: set[str] = set()
        self.part: OutputPart | None = None
        """What was handed in last, and to which response."""
        self.producing = ""
        self.input: list[str | None] | None = None
        """What the response that is about to be created will answer: the conversation, or these items (None:
        one that has no id yet)."""

    # Effects

    def observe(self, effects: list[Effect]) -> list[Event]:
        """Believe what the session wants done now; returns the events among it."""
        self.events = []
        before = len(self.ended)
        self.taken_in = False
        for effect in effects:
            assert not self.closed
            match effect:
                case Send(event):
                    sent = json.loads(encode(event))
                    self.events.append(sent)
                    self._event(sent)
                case Hear(audio):
                    assert self.stream.detection is not None
                    assert audio
                case ResetDetector():
                    assert self.stream.detection is not None
                case JudgeTurn(item_id=item_id):
                    assert self.stream.detection is not None
                    assert self.stream.detection["type"] == "semantic_vad"
                    assert item_id == self.speaking
                    self.questions.add(item_id)
                case OpenTranscription(item_id):
                    assert item_id not in self.pending
                    self.pending[item_id] = "collecting"
                    self.fed[item_id] = []
                case FeedTranscription(item_id, audio, format):
                    assert self.pending[item_id] == "collecting"
                    assert audio
                    self.fed[item_id].append((format.type, audio))
                case FinishTranscription(item_id):
                    assert self.pending[item_id] == "collecting"
                    self.pending[item_id] = "due"
                case AbandonTranscription(item_id):
                    del self.pending[item_id]
                case Respond(request):
                    self._asked(request)
                case Cancel(response_id):
                    assert response_id in self.asked
                    assert response_id not in self.cancelled
                    self.cancelled.add(response_id)
                case WakeAt(when):
                    self.alarm = when
                case Close():
                    self.closed = True
                case _:
                    raise AssertionError(f"nobody expects {effect}")
        self._speech()
        for response_id in self.ended[before:]:
            # Whoever answers knows that it is over: it said so, or was told.
            itself = response_id == self.producing and isinstance(self.part, ResponseEnd | ResponseFailure)
            assert (response_id in self.cancelled) is (response_id in self.asked and not itself)
        for answer in self.running.values():
            # Whoever is not asked yet has something to wait for.
            assert answer.asked or any(i is None or i in self.pending for i in answer.context)
        return self.events

    def _asked(self, request: Any) -> None:
        answer = self.running[request.response_id]
        assert not answer.asked
        answer.asked = True
        self.asked.append(request.response_id)
        items = json.loads(encode_all(request.items))
        assert len(items) == len(answer.context)
        for item, item_id in zip(items, answer.context, strict=True):
            assert item_id in (None, item["id"])  # invariant 6
        for item in items:
            if item["id"] in self.said:
                said = self.said[item["id"]]
                (part,) = item["content"]
                assert part[("transcript" if said.format else "text")] == said.heard  # invariant 8
            elif item["type"] == "message" and item["role"] == "user":
                self._heard(item)

    def _heard(self, item: Event) -> None:
        words = self.words.get(item["id"], "")
        for part in [part for part in item["content"] if part["type"] == "input_audio"]:
            assert self.hears_audio or item["id"] not in self.pending
            assert part["transcript"] == words
            assert ("audio" in part) is self.hears_audio
            words = ""  # all of them stand in the first part

    # Events

    def _event(self, sent: Event) -> None:
        assert sent["event_id"] not in self.event_ids
        self.event_ids.add(sent["event_id"])
        kind = sent["type"]
        if kind.startswith("response."):
            self._response(kind, sent)
        elif kind.startswith("input_audio_buffer."):
            self._input(kind, sent)
        elif kind.startswith(TRANSCRIPTION):
            self._transcribed(kind, sent)
        elif kind in ("session.created", "session.updated"):
            self.session = sent["session"]
            detection = self.session["audio"]["input"]["turn_detection"]
            if self.stream.detection is None and detection is not None:
                self.speaking = None
                self._forget_early()
            self.stream.configure(detection)
            self.floor.detection = detection
            if detection is None:
                self.floor.forget(self.speaking)
        elif kind == "conversation.item.added":
            self._added(sent)
        elif kind == "conversation.item.done":
            self._done(sent)
        elif kind == "conversation.item.deleted":
            self.order.remove(sent["item_id"])
            self.floor.forget(sent["item_id"])
            self.calls.pop(sent["item_id"], None)
        elif kind == "conversation.item.truncated":
            self._speech()
            said = self.said[sent["item_id"]]
            if self.ear is not None and self.truncating != (sent["item_id"], sent["audio_end_ms"]):
                spoken = self.ear.all.get(sent["item_id"])
                played = 0 if spoken is None else spoken.played_ms
                assert sent["audio_end_ms"] == min(played, said.milliseconds or 0)
            self.floor.cut_short |= sent["audio_end_ms"] < (said.milliseconds or 0)
            said.truncate(sent["audio_end_ms"])
        elif kind == "conversation.item.retrieved":
            self._retrieved(sent["item"])
        elif kind.startswith("output_audio_buffer."):
            self._speech()
            assert self.ear is not None
            if kind.endswith("started") and self.producing:
                playing = self.ear.queue[0]
                assert (playing.id, playing.started) == (sent["response_id"], False)
                playing.started = True
        else:
            assert kind in ("error", "rate_limits.updated")

    def _input(self, kind: str, sent: Event) -> None:
        match kind.removeprefix("input_audio_buffer."):
            case "speech_started":
                assert self.announced is None
                assert sent["item_id"] not in self.order
                assert sent["item_id"] not in self.ids or sent["item_id"] in self.named
                self.speaking = sent["item_id"]
            case "speech_stopped":
                assert self.speaking == sent["item_id"]
                self.announced = sent["item_id"]
            case "timeout_triggered":
                # Silence up to now; where it began, only the last response's playback knows.
                assert self.ear is None or not self.ear.queue
                assert not self.stream.speaking
                assert sent["audio_end_ms"] == self.stream.end // 24
                self.timeouts[sent["item_id"]] = sent["audio_start_ms"]
                self.expected_spans.append(self.stream.commit(self.stream.end))
                self.announced = sent["item_id"]
            case "committed":
                assert self.announced in (None, sent["item_id"])
                if self.announced is None:
                    self.floor.forget(self.speaking)
                assert self.speaking in (None, sent["item_id"])
                assert sent["previous_item_id"] == (self.order[-1] if self.order else None)
                self.speaking = self.announced = None
                self.committed = sent["item_id"]
                self.spans[sent["item_id"]] = self.expected_spans.pop(0)
                if self.session["audio"]["input"]["transcription"] is not None:
                    self.wanted[sent["item_id"]] = self.session["audio"]["input"]["transcription"]["model"]
            case "cleared":
                self.floor.forget(self.speaking)
                self.speaking = None
                self._forget_early()

    def _transcribed(self, kind: str, sent: Event) -> None:
        item_id = sent["item_id"]
        if kind.endswith(".delta"):
            assert sent["delta"]
            self.told[item_id] = self.told.get(item_id, "") + sent["delta"]
            if item_id in self.order:
                assert item_id in self.wanted
            else:  # the words of a live model, while they are spoken
                assert self.is_live
                assert item_id in self.pending
            return
        assert item_id in self.order
        assert item_id in self.wanted
        told = self.told.pop(item_id, "")
        if kind.endswith(".completed"):
            assert sent["transcript"] == told  # invariant 4
            self.words[item_id] = told

    @property
    def is_live(self) -> bool:
        options = self.session["audio"]["input"]["transcription"] or {"model": ""}
        return options["model"] in ("gpt-realtime-whisper", "gpt-live-transcribe")

    def _forget_early(self) -> None:
        """An utterance is given up that was transcribed before its end."""
        self.pending = {item_id: state for item_id, state in self.pending.items() if state != "early"}

    def _added(self, sent: Event) -> None:
        item, previous = sent["item"], sent["previous_item_id"]
        assert item["id"] not in self.order
        self.order.insert(0 if previous is None else self.order.index(previous) + 1, item["id"])
        self.ids.append(item["id"])
        if item["type"] == "function_call":
            self.calls[item["id"]] = item["call_id"]
        if self.pending.get(item["id"]) == "early":
            del self.pending[item["id"]]
        for answer in self.running.values():
            if answer.item == item["id"]:
                assert not answer.beside
                answer.letters += "A"
                return
        if item["id"] == self.committed:
            self.committed = None
        else:  # an item of the client, which may have the name of one that is gone
            for known in (self.said, self.spans, self.words, self.fed, self.told, self.wanted):
                known.pop(item["id"], None)

    def _done(self, sent: Event) -> None:
        item_id = sent["item"]["id"]
        if item_id in self.order:
            index = self.order.index(item_id)
            assert sent["previous_item_id"] == (self.order[index - 1] if index else None)
        for answer in self.running.values():
            if answer.item == item_id:
                answer.letters += "Z"
                self._is_whole(sent["item"], answer)

    def _retrieved(self, item: Event) -> None:
        assert item["id"] in self.order
        said = self.said.get(item["id"])
        if said is not None:
            (part,) = item["content"]
            assert part[("transcript" if said.format else "text")] == said.heard
            assert base64.b64decode(part.get("audio", "")) == said.audio
        elif item["id"] in self.spans:
            parts = [(long_name(p["format"]), base64.b64decode(p["audio"])) for p in item["content"]]
            start, end = self.spans[item["id"]]
            actual = end - sum(ticks(len(audio), format) for format, audio in parts)
            if item["id"] in self.timeouts:
                assert actual // 24 == self.timeouts[item["id"]]
                assert actual >= start
                start = actual
            elif end - start > RETAINED:
                assert start <= actual <= end - RETAINED
                start = actual
            assert parts == self.stream.between(start, end)  # invariant 7
            if item["id"] in self.fed and item["id"] in self.words:
                assert joined(self.fed[item["id"]]) == parts

    # Responses

    def _response(self, kind: str, sent: Event) -> None:
        if kind == "response.created":
            shown = sent["response"]
            assert shown["id"] not in self.running
            assert shown["id"] not in self.ended
            assert (shown["status"], shown["output"], shown["usage"]) == ("in_progress", [], None)
            if shown["conversation_id"] is not None:
                assert self.active is None  # invariant 1
                self.floor.created()
            self.running[shown["id"]] = Answer(shown, [*self.order] if self.input is None else self.input)
            return
        if kind == "response.done":
            self._ended(sent["response"])
            return
        answer = self.running[sent["response_id"]]
        answer.letters += LETTERS[kind]
        assert sent["output_index"] == len(answer.done)
        if kind == "response.output_item.added":
            answer.item, answer.text = sent["item"]["id"], ""
            if self.ear is not None:
                assert answer.format == "audio/pcm"
                self.ear.open.add(answer.item)
            answer.is_message = sent["item"]["type"] == "message"
            if answer.is_message:
                self.said[answer.item] = Said(answer.format if answer.speaks else None)
            return
        if kind == "response.output_item.done":
            self._is_whole(sent["item"], answer)
            answer.done.append(sent["item"])
            if self.ear is not None:
                self.ear.open.discard(sent["item"]["id"])
            answer.item = None
            return
        assert sent["item_id"] == answer.item
        if "content_index" in sent:
            assert sent["content_index"] == 0
        self._inside(kind, sent, answer)

    def _inside(self, kind: str, sent: Event, answer: Answer) -> None:
        assert answer.item is not None
        if kind == "response.output_audio.delta":
            assert isinstance(self.part, AudioDelta)
            assert self.ear is None
            assert base64.b64decode(sent["delta"]) == self.part.audio
            self.said[answer.item].speak(self.part.audio, self.part.spoken)
            if not answer.beside:
                self.floor.audio(ticks(len(self.part.audio), answer.format))
            self.voice_was_heard |= not answer.beside
        elif kind.endswith(".delta"):
            assert sent["delta"]
            answer.text += sent["delta"]
            if answer.is_message:
                self.said[answer.item].text += sent["delta"]
        else:
            for key in ("text", "transcript", "arguments"):
                if key in sent:
                    assert sent[key] == answer.text  # invariant 4
            if kind == "response.content_part.done":
                assert sent["part"].get("text", sent["part"].get("transcript")) == answer.text

    def _speech(self) -> None:
        """Where no event carries speech, it is taken in as soon as its message is there; or the response has
        reached its limit."""
        answer = self.running.get(self.producing)
        if self.ear is None or self.taken_in or answer is None or answer.item is None or not answer.asked:
            return
        if isinstance(self.part, AudioDelta) and self.part.audio and answer.speaks and answer.is_message:
            self.taken_in = True
            answer.letters += "s"
            self.said[answer.item].speak(self.part.audio, self.part.spoken)
            self.ear.speak(self.producing, answer.item, self.part.audio, beside=answer.beside)
            self.voice_was_heard |= not answer.beside

    @property
    def unheard(self) -> list[tuple[str, int]]:
        """What must be truncated if somebody breaks in now."""
        assert self.ear is not None
        items = self.ear.unheard(self.ear.in_conversation)
        active = self.running.get(self.active or "")
        if active is not None and active.item in self.said and active.speaks:
            items += [] if self.said[active.item].marks else [(active.item, 0)]
        return self.truncated(items)

    def truncated(self, items: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """What of this is told: nothing of items that are gone, or that were truncated to less before."""
        told = []
        for item_id, played_ms in items:
            said, length = self.said.get(item_id), 0
            if item_id in self.order and said is not None:
                length = said.milliseconds or 0
                if played_ms < length or said.kept is None:
                    told.append((item_id, min(played_ms, length)))
        return told

    def _is_whole(self, item: Event, answer: Answer) -> None:
        """Invariant 4, and section 7.2."""
        assert item["id"] == answer.item
        assert item["status"] in ("completed", "incomplete")
        if item["type"] == "function_call":
            assert item["arguments"] == answer.text
        else:
            kind, key = ("output_audio", "transcript") if answer.speaks else ("output_text", "text")
            assert item["content"] == [{"type": kind, key: answer.text}]

    def _ended(self, shown: Event) -> None:
        answer = self.running.pop(shown["id"])
        self.ended.append(shown["id"])
        answer.letters += "D"
        if self.ear is not None:
            self.ear.done(shown["id"])
        if not answer.beside:
            self.floor.done(cancelled=shown["status"] == "cancelled")
        assert (BESIDE if answer.beside else INSIDE).fullmatch(answer.letters), answer.letters  # invariant 3
        assert shown["output"] == answer.done
        assert shown["status"] in ("completed", "cancelled", "incomplete", "failed")
        assert (shown["status_details"] is None) is (shown["status"] == "completed")
        usage, read = shown["usage"], shown["usage"]["input_token_details"]
        written = usage["output_token_details"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert usage["input_tokens"] == read["text_tokens"] + read["audio_tokens"] + read["image_tokens"]
        assert usage["output_tokens"] == written["text_tokens"] + written["audio_tokens"]
        limit = shown["max_output_tokens"]
        counted = isinstance(self.part, ResponseEnd) and self.part.tokens  # by whoever answers
        assert counted or limit == "inf" or usage["output_tokens"] <= limit

    @property
    def active(self) -> str | None:
        """The response in progress in the conversation."""
        return next((r for r, answer in self.running.items() if not answer.beside), None)

    @property
    def taken(self) -> set[str]:
        """Ids that no new item may have."""
        writing = {answer.item for answer in self.running.values() if answer.item}
        return {*self.order, *self.pending, *writing, *([self.speaking] if self.speaking else [])}

    # What the engines report

    def produces(self, response_id: str, part: OutputPart) -> bool:
        """A responder is about to hand in a part; returns whether anything may come of it."""
        self.part, self.producing = part, response_id
        answer = self.running.get(response_id)
        if answer is None or not answer.asked:
            return False
        match part:
            case AudioDelta(audio=b"", spoken=spoken):
                if answer.is_message and answer.item and answer.speaks:
                    self.said[answer.item].speak(b"", spoken)
                return answer.format is None  # never an event
            case AudioDelta():
                return answer.speaks
            case TextDelta(text=text):
                return bool(text)
            case MessageEnd():
                return answer.item is not None and answer.is_message
            case FunctionCallDelta() | FunctionCallEnd():
                return True
            case FunctionCallStart() | ResponseEnd() | ResponseFailure():
                return True

    def settles(self, item_id: str, text: str | None) -> list[str]:
        """A transcriber is about to be done with an item; returns the types of the events that follow at
        once."""
        state = self.pending.get(item_id)
        if state == "collecting":
            self.pending[item_id] = "early"
            del self.fed[item_id]
        elif state == "due":
            del self.pending[item_id]
        else:
            return []
        told = self.told.get(item_id, "")
        if text is not None:
            text = self.words[item_id] = told + text[len(told) :]
        if state == "collecting" or item_id not in self.wanted or item_id not in self.order:
            return []
        if text is None:
            return [TRANSCRIPTION + "failed"]
        return [TRANSCRIPTION + "delta"] * (text != told) + [TRANSCRIPTION + "completed"]

    def understands(self, item_id: str, text: str, stable: int) -> str:
        """A transcriber understood so much so far; returns what the client must know by now."""
        told = self.told.get(item_id, "")
        state = self.pending.get(item_id)
        may_know = state == "due" and item_id in self.order
        may_know = may_know and self.wanted.get(item_id, "whisper-1") != "whisper-1"
        if state == "collecting":
            may_know = self.is_live
        stands = (told + text[len(told) :])[:stable]
        return stands if may_know and len(stands) > len(told) else told


def encode_all(items: Any) -> bytes:
    return b"[" + b",".join(encode(item) for item in items) + b"]"


def long_name(format: str) -> str:
    return {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}[format]


def joined(clips: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Consecutive clips of one format as one."""
    runs: list[tuple[str, bytes]] = []
    for format, audio in clips:
        if runs and runs[-1][0] == format:
            runs[-1] = (format, runs[-1][1] + audio)
        else:
            runs.append((format, audio))
    return runs
