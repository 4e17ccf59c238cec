"""Random clients against random engines in virtual time, held against a model (the invariants of the design).

`make test` plays a bounded number of games, always the same; with VIVAVOCE_SOAK=1 twenty times as many, and
always others.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.session.driver import HEAD, NOISE, NOW, Event, base64_of
from tests.session.ear import Playing
from tests.session.floor import Floor, actions
from tests.session.model import Model
from vivavoce.protocol import (
    GA_MEDIA,
    GA_WEBSOCKET,
    AudioDelta,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    InvalidEvent,
    MessageEnd,
    OutputPart,
    RealtimeSession,
    ResponseEnd,
    ResponseFailure,
    SessionAudio,
    SessionAudioInput,
    TextDelta,
    TokenCounts,
    Transcript,
    TranscriptionSession,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    decode_client_event,
    encode,
)
from vivavoce.session import Effect, Send, SequentialIds, Session, SessionOptions

SOAK = bool(os.environ.get("VIVAVOCE_SOAK"))
EXAMPLES = 20_000 if SOAK else 1_000
"""For each kind of game."""

DETECTION: list[Event | None] = [
    None,
    {"type": "server_vad"},
    {"type": "server_vad", "silence_duration_ms": 0, "prefix_padding_ms": 0, "threshold": 0.3},
    {"type": "server_vad", "silence_duration_ms": 500, "prefix_padding_ms": 1000, "create_response": False},
    {"type": "server_vad", "interrupt_response": False, "idle_timeout_ms": 6000},
    {"type": "server_vad", "idle_timeout_ms": 5000},
    {"type": "semantic_vad", "eagerness": "high"},
    {"type": "semantic_vad"},
    {"type": "semantic_vad", "eagerness": "low", "create_response": False},
    {"type": "semantic_vad", "eagerness": "high", "interrupt_response": False},
]
FORMATS = [{"type": "audio/pcm"}, {"type": "audio/pcmu"}, {"type": "audio/pcma"}]
TRANSCRIPTIONS = [
    None,
    {"model": "gpt-4o-transcribe"},
    {"model": "whisper-1"},
    {"model": "gpt-realtime-whisper"},
]
INVALID = [
    "{",
    "[1]",
    '{"event_id":"bad"}',
    '{"event_id":"bad","type":"nope"}',
    '{"event_id":"bad","type":"session.close"}',
    '{"event_id":"bad","type":"session.update","session":{"type":"realtime","voice":"ash"}}',
    '{"event_id":"bad","type":"session.update","session":{"type":"transcription"}}',
    '{"event_id":"bad","type":"session.update","session":{"type":"realtime","model":"other"}}',
    '{"event_id":"bad","type":"input_audio_buffer.append","audio":""}',
    '{"event_id":"bad","type":"input_audio_buffer.append","audio":"?"}',
    '{"event_id":"bad","type":"conversation.item.create","item":{"type":"message","role":"user"}}',
    '{"event_id":"bad","type":"conversation.item.truncate","item_id":"x"}',
    '{"event_id":"bad","type":"response.create","response":{"max_output_tokens":0}}',
    '{"event_id":"bad","type":"response.create","response":{"input":[{"type":"item_reference","id":"x"}]}}',
]
WORDS = ["Hello", " there", " friend.", " It's", " 1 o'clock", "!"]
PARTIALS = ["", "okay", "What", "What time is", "Watt I'm is it now"]
TRANSCRIPTS = ["", "Okay.", "What time is it?", "Stop", None]
CONTENTS = [
    {"type": "input_text", "text": "Hello"},
    {"type": "input_audio", "audio": base64_of(NOISE[:4801])},
    {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
]

picks = st.integers(0, 11)
"""Which of the things that are there; the model says what they are when the game is on."""
likely = st.sampled_from([True, True, True, True, False])
parts_of_an_answer = st.lists(st.integers(0, 26 * 12 - 1), min_size=1, max_size=8)
"""What kind of part (26), and which of that kind (12), in one number: Hypothesis takes its time over each."""


class Game(RuleBasedStateMachine):
    """One session, its client, its engines and its clock."""

    hears_audio = False
    share = 1
    """It is played so many times less often than the others."""
    plays = False
    right = False
    """Whether the model believed the last effects."""

    # The board

    @initialize(
        detection=st.sampled_from(DETECTION),
        transcription=st.sampled_from(TRANSCRIPTIONS),
        text=st.booleans(),
        frame_ms=st.sampled_from([32, 10]),
        seconds=st.sampled_from([0, 0, 60]),
    )
    def begin(
        self, detection: Event | None, transcription: Event | None, text: bool, frame_ms: int, seconds: int
    ) -> None:
        self.now = NOW
        self.options = SessionOptions(
            debug=True,
            frame_ms=frame_ms,
            hears_audio=self.hears_audio,
            max_seconds=seconds,
            max_parallel_responses=3,
            plays=self.plays,
        )
        self.model = Model(frame_ms=frame_ms, hears_audio=self.hears_audio, plays=self.plays)
        self.answered_with = b""
        """What the last method returned."""
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.log: list[Effect] = []
        self.taken = 0
        self.sent = 0
        self.session = self.fresh(self.options)
        self.do("start", self.now)
        self.set_up(detection, transcription, text)

    def set_up(self, detection: Event | None, transcription: Event | None, text: bool) -> None:
        changes: Event = {"audio": {"input": {"turn_detection": detection, "transcription": transcription}}}
        if text:
            changes["output_modalities"] = ["text"]
        self.client("session.update", session={"type": "realtime", **changes})

    def fresh(self, options: SessionOptions) -> Session:
        ids = SequentialIds(HEAD)
        config = RealtimeSession(
            id=ids("sess"), model="m", audio=SessionAudio(input=SessionAudioInput(turn_detection=None))
        )
        return Session(config, ids=ids, options=options)

    def do(self, method: str, *arguments: Any) -> list[Event]:
        """Call the session, and let the model believe what comes of it."""
        self.calls.append((method, arguments))
        self.model.floor.now = self.now
        self.right = False
        if method != "produced":
            self.model.producing, self.model.part = "", None
        self.unheard = self.model.unheard if self.plays else []
        self.answered_with = getattr(self.session, method)(*arguments)
        effects = self.session.effects()
        self.log += effects
        events = self.model.observe(effects)
        self.right = True
        return events

    def teardown(self) -> None:
        if not self.right:
            return  # there is a fault to report already
        self.do("end", self.now)
        assert not self.model.running  # invariant 2
        assert set(self.model.pending.values()) <= {"early"}
        assert self.session.closed
        # Invariant 10: the same inputs have the same effects, whether debug mode watches or not.
        again = self.fresh(SessionOptions(**{**as_dict(self.options), "debug": False}))
        log: list[Effect] = []
        for method, arguments in self.calls:
            getattr(again, method)(*arguments)
            log += again.effects()
        assert written(log) == written(self.log)

    # The client

    def client(self, kind: str, **fields: Any) -> list[Event]:
        self.sent += 1
        named = {"event_id": f"c{self.sent}"} if self.sent % 3 else {}
        return self.frame(json.dumps({"type": kind, **named, **fields}))

    def frame(self, text: str) -> list[Event]:
        try:
            event = decode_client_event(text, GA_MEDIA if self.plays else GA_WEBSOCKET)
        except InvalidEvent as invalid:
            return self.do("refuse", invalid.error)
        return self.do("receive", event, self.now)

    def answered(self, kind: str, wanted: list[str], code: str | None, **fields: Any) -> list[Event]:
        """Send an event that is either answered by these events or refused with this code (invariant 9)."""
        over = self.session.closed
        events = self.client(kind, **fields)
        if over:
            assert events == []
        elif code is None:
            assert types(events)[: len(wanted)] == wanted
            assert "error" not in types(events)
        else:
            (refused,) = events
            named = f"c{self.sent}" if self.sent % 3 else None
            assert (refused["error"]["code"], refused["error"]["event_id"]) == (code, named)
        return events

    def item(self, pick: int) -> str:
        """An item of the conversation, or one that was, or none at all."""
        ids = self.model.order if pick < 8 else self.model.ids
        return ids[-1 - pick % len(ids)] if ids else "nope"

    @rule(
        what=st.sampled_from(["invalid", "invalid", "retrieve", "delete", "clear", "commit"]),
        text=st.sampled_from(INVALID),
        pick=picks,
    )
    def client_does_something_else(self, what: str, text: str, pick: int) -> None:
        match what:
            case "invalid":
                self.send_something_invalid(text)
            case "clear":
                self.clear()
            case "commit":
                self.commit()
            case "retrieve":
                self.retrieve(pick)
            case _:
                self.delete(pick)

    def send_something_invalid(self, text: str) -> None:
        over = self.session.closed
        events = self.frame(text)
        if over:
            assert events == []
            return
        (refused,) = events
        assert refused["type"] == "error"
        assert refused["error"]["event_id"] == ("bad" if "bad" in text else None)

    @rule(
        key=st.sampled_from(["turn_detection", "format", "transcription", "voice", "rest"]),
        pick=picks,
        text=st.booleans(),
    )
    def update(self, key: str, pick: int, text: bool) -> None:
        body: Event
        code = None
        if key == "voice":
            voice = ["alloy", "ash", "cedar"][pick % 3]
            body = {"audio": {"output": {"voice": voice, "format": FORMATS[pick % 3]}}}
            current = self.model.session["audio"]["output"]["voice"]
            if self.model.voice_was_heard and voice != current:
                code = "cannot_update_voice"
        elif key == "rest":
            body = {"output_modalities": ["text" if text else "audio"], "instructions": "x" * pick}
        else:
            values: list[Any] = {"turn_detection": DETECTION, "format": FORMATS}.get(key, TRANSCRIPTIONS)  # type: ignore[assignment]
            body = {"audio": {"input": {key: values[pick % len(values)]}}}
        self.answered("session.update", ["session.updated"], code, session={"type": "realtime", **body})

    @rule(length=st.sampled_from([1, 2, 479, 480, 1920, 4801, 19200]))
    def append(self, length: int) -> None:
        self.add_audio(length)

    def add_audio(self, length: int) -> None:
        audio = NOISE[self.taken : self.taken + length]
        self.taken += length
        over = self.session.closed
        format = "audio/pcm" if self.plays else self.model.session["audio"]["input"]["format"]["type"]
        if not over:
            self.model.stream.append(audio, format)
        if self.plays:
            assert self.do("heard", audio, self.now) == []
            return
        assert self.client("input_audio_buffer.append", audio=base64_of(audio)) == []

    @rule(speech=st.booleans(), length=st.sampled_from([1920, 9600, 24000]))
    def talk(self, speech: bool, length: int) -> None:
        """Audio, and the detector's verdict on all of it."""
        self.add_audio(length)
        stream = self.model.stream
        self.judge([0.9 if speech else 0.1] * ((stream.end - stream.heard) // stream.frame))

    @rule(pause=st.sampled_from([0, 0, 24000]), understood=st.booleans())
    def take_a_turn(self, pause: int, understood: bool) -> None:
        """Somebody speaks, falls silent, and may be understood."""
        self.talk(True, 24000)
        self.talk(False, 48000)
        if understood:
            self.transcribe(0, "And then?", True)
        if pause:
            self.talk(False, pause)

    @rule(
        parts=parts_of_an_answer, share=st.sampled_from([0.1, 0.4, 0.7, 1]), speech=st.booleans(), pick=picks
    )
    def interrupt(self, parts: list[int], share: float, speech: bool, pick: int) -> None:
        """Somebody breaks in on an answer; the client says how much was heard, and what comes next knows."""
        self.answer([pick, 9 * 12 + 1, *parts[:3], 10 * 12 + 3], pick)
        if speech:
            self.talk(True, 9600)
        self.truncate(0, share)
        self.produce(parts[3:], pick, True)
        self.respond(True, "", None, "inf", pick)

    @rule(
        parts=parts_of_an_answer,
        text=st.sampled_from(["okay", "", "Stop", None]),
        seconds=st.sampled_from([0.0, 0.0, 3.0]),
        pick=picks,
    )
    def speak_over(self, parts: list[int], text: str | None, seconds: float, pick: int) -> None:
        """Somebody says a word while an answer is made or played; what it was is understood later."""
        self.answer([pick, 9 * 12 + 1, *parts], pick)
        self.talk(True, 9600)
        item_id = self.model.speaking
        self.talk(False, 24000)
        self.judge_the_turn(1.0, True, 0)
        if seconds:
            self.wait(seconds, False)
        if item_id is not None:
            self.understand(item_id, text)

    @rule(probabilities=st.lists(st.sampled_from([0.0, 0.4, 0.5, 0.6, 1.0]), max_size=12))
    def hear(self, probabilities: list[float]) -> None:
        """Some verdicts, on audio that came, that is gone already, or that never came."""
        self.judge(probabilities)

    def judge(self, probabilities: list[float]) -> None:
        model = self.model
        if self.session.closed:
            assert self.do("speech", probabilities, self.now) == []
            return
        told = model.stream.judge(probabilities)
        events = self.turns(told, "speech", probabilities)
        if model.stream.detection is None:
            assert events == []
        assert not model.stream.paused or model.speaking in model.questions

    @rule(probability=st.sampled_from([0.0, 0.4, 0.8, 1.0]), alive=likely, silence=st.sampled_from([0, 9600]))
    def judge_the_turn(self, probability: float, alive: bool, silence: int) -> None:
        """Somebody is silent, and may have finished."""
        if silence:
            self.talk(False, silence)
        model = self.model
        item_id = model.speaking if alive else "nope"
        told = model.stream.judged(probability) if alive and not self.session.closed else []
        self.turns(told, "turn_judged", item_id, probability)

    def turns(self, told: list[tuple[str, int, int]], method: str, *arguments: Any) -> list[Event]:
        """Tell the session something from which it follows that turns begin and end."""
        model = self.model
        model.floor.now = self.now
        before, speaking = model.floor.copy(), model.speaking
        model.expected_spans += [(start, end) for what, start, end in told if what == "stopped"]
        events = self.do(method, *arguments, self.now)
        turns = [e for e in events if e["type"].startswith("input_audio_buffer.speech_")]
        assert [
            ("started", e["audio_start_ms"]) if "audio_start_ms" in e else ("stopped", e["audio_end_ms"])
            for e in turns
        ] == [
            (what, (start if what == "started" else end) // 24)
            for what, start, end in told
            if what != "sustained"
        ]
        named = []
        for what, *_ in told:
            if what != "sustained":
                speaking = turns.pop(0)["item_id"]
            named.append((what, speaking or ""))
        after = before.hears(named, early={item for _, item in named if item not in model.pending})
        self.holds(events, after)
        return events

    @rule(length=st.sampled_from([0, 4801, 9600]))
    def speak_by_hand(self, length: int) -> None:
        if length:
            self.add_audio(length)
        self.commit()

    def commit(self) -> None:
        stream = self.model.stream
        start = stream.committable()
        held = stream.end - start
        code = "input_audio_buffer_commit_empty" if held < 2400 else None
        if code is None and not self.session.closed:
            self.model.expected_spans.append(stream.commit(stream.end))
        wanted = ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
        events = self.answered("input_audio_buffer.commit", wanted, code)
        if code is not None and events:
            assert f"only has {held / 24:.2f}ms" in events[0]["error"]["message"]

    def clear(self) -> None:
        if not self.session.closed:
            self.model.stream.clear()
        assert len(self.answered("input_audio_buffer.clear", ["input_audio_buffer.cleared"], None)) <= 1

    @rule(
        kind=st.sampled_from(["message", "message", "assistant", "call", "output"]),
        named=st.sampled_from(["", "", "", "same", "next", "fresh"]),
        place=st.sampled_from(["end", "end", "root", "after", "nope"]),
        content=st.lists(st.sampled_from(CONTENTS), max_size=2),
        pick=picks,
    )
    def create(self, kind: str, named: str, place: str, content: list[Event], pick: int) -> None:
        model = self.model
        item: Event = {"type": "message", "role": "user", "content": content}
        call_id = f"call_{pick}"
        if kind == "assistant":
            item = {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Hi"}],
            }
        elif kind == "call":
            item = {"type": "function_call", "name": "f", "call_id": call_id, "arguments": "{}"}
        elif kind == "output":
            known = list(model.calls.values())
            call_id = known[pick % len(known)] if known and pick < 9 else "nope"
            item = {"type": "function_call_output", "call_id": call_id, "output": "x"}
        guess = f"item_{HEAD}{len(model.event_ids) + pick:08d}"
        names = {"": None, "same": self.item(pick), "next": guess, "fresh": f"client_{pick}"}
        if names[named] is not None:
            item["id"] = names[named]
            model.named.add(item["id"])
        code = None
        after = {"end": None, "root": "root", "after": self.item(pick), "nope": "nope"}[place]
        if kind == "output" and call_id not in model.calls.values():
            code = "invalid_tool_call_id"
        elif item.get("id") in model.taken or (named == "next" and self.is_reserved(guess)):
            code = "item_create_duplicate_item_id"
        elif after not in (None, "root", *model.order):
            code = "item_create_invalid_previous_item_id"
        wanted = ["conversation.item.added", "conversation.item.done"]
        fields = {"previous_item_id": after} if after else {}
        events = self.answered("conversation.item.create", wanted, code, item=item, **fields)
        if code is None and events:
            assert len(events) == 2
            index = model.order.index(events[0]["item"]["id"])
            if after not in (None, "root"):
                assert model.order[index - 1] == after
            else:
                assert index == (0 if after else len(model.order) - 1)

    def retrieve(self, pick: int) -> None:
        item_id = self.item(pick)
        code = None if item_id in self.model.order else "item_retrieve_invalid_item_id"
        self.answered("conversation.item.retrieve", ["conversation.item.retrieved"], code, item_id=item_id)

    def delete(self, pick: int) -> None:
        item_id = self.item(pick)
        code = None if item_id in self.model.order else "item_delete_invalid_item_id"
        self.answered("conversation.item.delete", ["conversation.item.deleted"], code, item_id=item_id)
        assert item_id not in self.model.order or self.session.closed

    def is_reserved(self, item_id: str) -> bool:
        """Whether an utterance by hand will have this id, which no effect tells where nobody transcribes."""
        utterance = self.session._listening._utterance
        return utterance is not None and utterance.item_id == item_id

    @rule(pick=picks, share=st.sampled_from([0, 0.3, 0.5, 1, 1.1]))
    def truncate(self, pick: int, share: float) -> None:
        model = self.model
        spoken = [i for i in model.order if i in model.said and model.said[i].milliseconds]
        item_id = spoken[pick % len(spoken)] if spoken and pick < 10 else self.item(pick)
        code, end_ms = None, 0
        if item_id not in model.order:
            code = "item_truncate_invalid_item_id"
        elif item_id not in model.said or model.said[item_id].milliseconds is None:
            code = "null"
        else:
            length = model.said[item_id].milliseconds or 0
            end_ms = int(length * share) + (share > 1)
            code = "invalid_value" if end_ms > length else None
        fields = {"item_id": item_id, "content_index": 0, "audio_end_ms": end_ms}
        model.truncating = (item_id, end_ms)
        if code == "null":
            events = self.client("conversation.item.truncate", **fields)
            assert [e["error"]["code"] for e in events] == ([] if self.session.closed else [None])
            return
        self.answered("conversation.item.truncate", ["conversation.item.truncated"], code, **fields)

    @rule(
        beside=st.booleans(),
        input=st.sampled_from(["", "", "", "none", "some", "gone"]),
        text=st.sampled_from([None, None, True, False]),
        limit=st.sampled_from(["inf", "inf", 1, 12]),
        pick=picks,
    )
    def respond(self, beside: bool, input: str, text: bool | None, limit: int | str, pick: int) -> None:
        model = self.model
        body: Event = {"max_output_tokens": limit}
        if beside:
            body["conversation"] = "none"
        if text is not None:
            body["output_modalities"] = ["text" if text else "audio"]
        code = None
        if input:
            raw = {"id": self.item(pick), "type": "message", "role": "user", "content": CONTENTS[:2]}
            references = [self.item(pick)] if input == "some" and model.order else []
            references += ["nope"] if input == "gone" else []
            entries: list[Event] = [{"type": "item_reference", "id": item_id} for item_id in references]
            body["input"] = entries + ([raw] if input == "some" else [])
            if any(item_id not in model.order for item_id in references):
                code = "invalid_value"
            model.input = [*references, *([None] if input == "some" else [])]
        if code is None and beside and sum(a.beside for a in model.running.values()) >= 3:
            code = "invalid_value"
        if code is None and not beside and model.active is not None:
            code = "conversation_already_has_active_response"
        self.answered("response.create", ["response.created"], code, response=body)
        model.input = None

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        model = self.model
        ids = [*model.running, *model.ended]
        fields = {} if pick < 4 or not ids else {"response_id": ids[pick % len(ids)]}
        target = fields.get("response_id", model.active)
        code = None if target in model.running else "response_cancel_not_active"
        events = self.answered("response.cancel", [], code, **fields)
        if code is None and events:
            (done,) = [e["response"] for e in events if e["type"] == "response.done"]
            assert (done["id"], done["status"]) == (target, "cancelled")
            assert types(events)[-2:] == ["response.done", "rate_limits.updated"]

    # The engines

    @rule(parts=parts_of_an_answer, pick=picks)
    def answer(self, parts: list[int], pick: int) -> None:
        """An answer begins, once all that was said is understood."""
        if not self.model.running:
            self.respond(pick == 0, "", None, "inf", pick)
        for item_id in list(self.model.pending):
            if self.model.pending[item_id] == "due":
                self.understand(item_id, "Understood")
        self.produce(parts, pick, True)

    @rule(parts=parts_of_an_answer, pick=picks, alive=likely)
    def answer_on(self, parts: list[int], pick: int, alive: bool) -> None:
        self.produce(parts, pick, alive)

    def produce(self, parts: list[int], pick: int, alive: bool) -> None:
        """Parts of an answer in any order, also in those that no responder should choose."""
        model = self.model
        ids = [*model.ended, *model.running, "nope"]
        if alive:
            ids = [response_id for response_id, answer in model.running.items() if answer.asked]
        if not ids:
            return
        response_id = ids[pick % len(ids)]
        for number in parts:
            part = self.part(response_id, *divmod(number, 12))
            possible = model.produces(response_id, part)
            before = len(self.log)
            events = self.do("produced", response_id, part, self.now)
            if not possible:
                assert self.log[before:] == []
            if isinstance(part, ResponseEnd | ResponseFailure) and possible:
                assert response_id in model.ended
            assert "error" not in types(events)

    def part(self, response_id: str, kind: int, choice: int) -> OutputPart:
        if kind < 9:
            return TextDelta(WORDS[choice % len(WORDS)] if choice < 11 else "")
        if kind < 18:
            answer = self.model.running.get(response_id)
            text = answer.text if answer is not None and answer.is_message else ""
            start = self.taken + choice * 1000
            audio = NOISE[start : start + [480, 2401, 0, 9600][choice % 4]]
            return AudioDelta(audio, len(text) - choice if choice % 2 else len(text) + choice)
        others: list[Callable[[], OutputPart]] = [
            MessageEnd,
            lambda: FunctionCallStart("f", f"call_{choice}" if choice % 2 else None),
            lambda: FunctionCallDelta(['{"a":', "1}", ""][choice % 3]),
            lambda: FunctionCallDelta('"city"'),
            FunctionCallEnd,
            lambda: ResponseEnd("completed", TokenCounts(7, 1, 3) if choice % 4 == 0 else None),
            lambda: ResponseEnd("max_output_tokens" if choice % 2 else "content_filter"),
            lambda: ResponseFailure("server_error", None, "The model is gone."),
        ]
        return others[kind - 18]()

    @rule(pick=picks, text=st.sampled_from(TRANSCRIPTS), alive=likely)
    def transcribe(self, pick: int, text: str | None, alive: bool) -> None:
        """A transcriber is done with an item, or says so once more."""
        model = self.model
        ids = list(model.pending) if alive else [*model.ids, "nope"]
        if not ids:
            return
        self.understand(ids[pick % len(ids)], text)

    @rule(pick=picks, text=st.sampled_from(PARTIALS), stable=st.sampled_from([0, 4, 7, 99]), alive=likely)
    def transcribe_more(self, pick: int, text: str, stable: int, alive: bool) -> None:
        """A transcriber understood something so far, and may think again; or says so when it is done."""
        model = self.model
        ids = list(model.pending) if alive else [*model.ids, "nope"]
        if ids:
            item_id = ids[pick % len(ids)]
            known = model.understands(item_id, text, stable)
            waited = model.pending.get(item_id) in ("collecting", "due")
            after = self.floor_after(item_id, text if waited else "", final=False)
            events = self.do("understood", item_id, Transcript(text, stable=stable), self.now)
            self.holds(events, after)
            assert model.told.get(item_id, "") == known

    def understand(self, item_id: str, text: str | None) -> None:
        waited = self.model.pending.get(item_id) in ("collecting", "due")
        after = self.floor_after(item_id, text if waited else "", final=waited)
        wanted = self.model.settles(item_id, text)
        if text is None:
            events = self.do("transcription_failed", item_id, "The worker died.", None, self.now)
        else:
            events = self.do("understood", item_id, Transcript(text, final=True), self.now)
        told = [e for e in events if "input_audio_transcription" in e["type"]]
        assert types(told) == wanted
        assert all(e["item_id"] == item_id for e in told)
        self.holds(events, after)

    def floor_after(self, item_id: str, text: str | None, *, final: bool) -> Floor:
        """Who has the floor after these words."""
        self.model.floor.now = self.now
        return self.model.floor.understands(item_id, text, final=final)

    def holds(self, events: list[Event], after: Floor) -> None:
        """What had to follow from words, or from turns, has followed."""
        assert actions(events) == after.actions
        if after.interrupted and self.plays:
            self.is_silenced(events, self.model.ear.in_conversation, self.unheard)
        self.model.floor.undecided, self.model.floor.cut_short = after.undecided, after.cut_short

    # The clock

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 5.0]), alarm=st.booleans())
    def wait(self, seconds: float, alarm: bool) -> None:
        if alarm and self.model.alarm is not None:
            seconds = max(self.model.alarm - self.now, 0.0)
            if seconds > 30 and self.sent % 4:
                seconds = 1.0
        self.now += seconds
        expires = NOW + self.options.max_seconds if self.options.max_seconds else None
        was_over = self.session.closed
        events = self.do("tick", self.now)
        if was_over:
            assert events == []
        elif expires is not None and self.now >= expires:
            assert types(events)[-1] == "error"
            assert self.model.closed
            assert self.session.closed

    @rule()
    def stay_silent(self) -> None:
        """Nobody says anything while the last answer is played, nor for as long after it as the session
        bears."""
        for _ in range(2):
            self.talk(False, 24001)
            if self.model.alarm is not None and self.now <= self.model.alarm <= self.now + 10:
                self.wait(0, True)

    @precondition(lambda self: self.sent > 30)
    @rule()
    def hang_up(self) -> None:
        self.do("end", self.now)
        assert not self.model.running

    @invariant()
    def what_is_committed_is_what_was_said(self) -> None:
        """Every new utterance is retrieved, and the model looks at its samples (invariant 7)."""
        if not hasattr(self, "model") or self.session.closed:
            return
        assert self.model.expected_spans == []
        for item_id in [i for i in self.model.spans if i not in self.seen_items]:
            self.seen_items.add(item_id)
            if item_id in self.model.order:
                self.client("conversation.item.retrieve", item_id=item_id)

    @property
    def seen_items(self) -> set[str]:
        return self.__dict__.setdefault("_seen_items", set())


class GameWithAResponderThatHears(Game):
    """The same with a responder that takes the audio itself, and waits for no transcripts."""

    hears_audio = True


class GameThatIsPlayed(Game):
    """The same where the transport plays what is said, and hears beside the events."""

    plays = True
    share = 2

    def is_silenced(
        self, events: list[Event], playings: list[Playing], unheard: list[tuple[str, int]]
    ) -> None:
        """Of these responses nothing more is heard, which is told and not forgotten."""
        ear = self.model.ear
        assert ear is not None
        playing = [each.id for each in playings if each.started]
        assert [e["response_id"] for e in events if e["type"] == "output_audio_buffer.cleared"] == playing
        assert unheard == [
            (e["item_id"], e["audio_end_ms"]) for e in events if e["type"] == "conversation.item.truncated"
        ]
        ear.clear(playings)

    @rule(frames=st.sampled_from([1, 2, 3, 10, 60]))
    def play(self, frames: int) -> None:
        """It is played in order and to the byte, and told."""
        ear = self.model.ear
        assert ear is not None
        for _ in range(frames):
            self.now += 0.02
            over = self.session.closed
            wanted, told = (b"", []) if over else ear.play()
            events = self.do("play", self.now)
            assert self.answered_with == wanted
            assert [
                (e["type"].removeprefix("output_audio_buffer."), e["response_id"]) for e in events
            ] == told
            assert self.session.playing is (bool(ear.queue) and not over)
            if not ear.queue:
                break

    @rule()
    def want_silence(self) -> None:
        model = self.model
        assert model.ear is not None
        playings = list(model.ear.queue)
        unheard = model.truncated(model.ear.unheard(playings))
        over = self.session.closed
        events = self.client("output_audio_buffer.clear")
        if over:
            assert events == []
            return
        kinds = {"output_audio_buffer.cleared", "conversation.item.truncated"}
        assert set(types(events)) <= kinds
        model.floor.silenced |= any(each.id == model.active for each in playings)
        self.is_silenced(events, playings, unheard)

    @rule()
    def send_audio_in_an_event(self) -> None:
        self.answered("input_audio_buffer.append", [], "invalid_value", audio="AAAA")

    @rule(parts=parts_of_an_answer, frames=st.sampled_from([0, 1, 5, 20, 60]), pick=picks)
    def break_in(self, parts: list[int], frames: int, pick: int) -> None:
        """Somebody speaks while an answer is played; what comes next knows how much of it was heard."""
        self.answer([pick, 9 * 12 + 3, *parts, *[18 * 12] * (pick % 3 == 0)], pick)
        self.play(frames)
        self.talk(True, 9600)
        self.respond(False, "", None, "inf", pick)

    @invariant()
    def what_was_not_played_was_not_heard(self) -> None:
        """History holds no more of what was cleared than was played (invariant 8)."""
        ear = getattr(self, "model", None) and self.model.ear
        if ear:
            waiting = {each.item_id for playing in ear.queue for each in playing.items}
            for item_id, spoken in ear.all.items():
                if item_id not in waiting and item_id in self.model.order:
                    assert len(self.model.said[item_id].audio) <= len(spoken.audio)
                    if spoken.left:
                        assert len(self.model.said[item_id].audio) <= spoken.played


class GameThatOnlyTranscribes(Game):
    """The same in a session without responses."""

    hears_audio = True  # nobody but the client wants words
    share = 3

    def fresh(self, options: SessionOptions) -> Session:
        ids = SequentialIds(HEAD)
        heard = TranscriptionSessionAudioInput(turn_detection=None)
        config = TranscriptionSession(id=ids("sess"), audio=TranscriptionSessionAudio(input=heard))
        return Session(config, ids=ids, options=options)

    def set_up(self, detection: Event | None, transcription: Event | None, text: bool) -> None:
        self.change(transcription=transcription)
        self.change(turn_detection=detection)

    def change(self, **input: Any) -> None:
        heard = self.model.session["audio"]["input"] | input
        live = (heard["transcription"] or {}).get("model") == "gpt-realtime-whisper"
        code = "invalid_value" if live and input.get("turn_detection") else None
        live = live and code is None
        body = {"type": "transcription", "audio": {"input": input}}
        self.answered("session.update", ["session.updated"], code, session=body)
        if live and not self.session.closed:
            assert self.model.session["audio"]["input"]["turn_detection"] is None

    @rule(
        key=st.sampled_from(["turn_detection", "format", "transcription", "kind"]),
        pick=picks,
        text=st.booleans(),
    )
    def update(self, key: str, pick: int, text: bool) -> None:
        if key == "kind":
            self.answered("session.update", [], "invalid_parameter", session={"type": "realtime"})
            return
        values: list[Any] = {"turn_detection": DETECTION, "format": FORMATS}.get(key, TRANSCRIPTIONS)  # type: ignore[assignment]
        self.change(**{key: values[pick % len(values)]})

    def send_something_invalid(self, text: str) -> None:
        if '"session":{"type":"transcription"}' not in text:  # which is valid here
            super().send_something_invalid(text)

    @rule(beside=st.booleans(), pick=picks)
    def respond(self, beside: bool, pick: int) -> None:
        body = {"conversation": "none"} if beside else {}
        self.answered("response.create", [], "invalid_parameter", response=body)

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        self.answered("response.cancel", [], "invalid_parameter")

    @rule(pick=picks)
    def answer(self, pick: int) -> None:
        """Whoever answers nevertheless is not heard."""
        assert self.do("produced", "nope", TextDelta("Hello"), self.now) == []

    @rule(pick=picks)
    def interrupt(self, pick: int) -> None:
        """Nobody is speaking who could be interrupted: a turn is begun and ended by hand."""
        self.talk(True, 9600)
        self.commit()

    @rule()
    def speak_over(self) -> None:
        """Nor is there anybody to speak over: a turn is begun and ends by itself."""
        self.talk(True, 9600)
        self.talk(False, 24000)
        self.judge_the_turn(1.0, True, 0)


def types(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def as_dict(options: SessionOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in options.__struct_fields__}


def written(effects: list[Effect]) -> list[Any]:
    """Effects as they would be told: events byte by byte."""
    return [encode(effect.event) if isinstance(effect, Send) else effect for effect in effects]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "game", [Game, GameWithAResponderThatHears, GameThatIsPlayed, GameThatOnlyTranscribes]
)
def test_random_games(game: type[Game]) -> None:
    run_state_machine_as_test(
        game,
        settings=settings(
            max_examples=EXAMPLES // game.share,
            stateful_step_count=30,
            deadline=None,
            derandomize=not SOAK,
            database=None,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
