"""Who said what, and who waited how long."""

from typing import Any

import msgspec
import pytest

from vivavoce.cli.exchange import Exchange
from vivavoce.protocol import UnknownEvent, decode_server_event

SILENCE_MS = 200


class Account(Exchange):
    """An exchange to which events can be told in short. The input began at 100 s."""

    def __init__(self) -> None:
        super().__init__(spoken_at=lambda audio_ms: 100 + audio_ms / 1000)

    def tell(self, now: float, kind: str, **fields: Any) -> None:
        event = decode_server_event(msgspec.json.encode({"type": kind, "event_id": "event_1", **fields}))
        assert not isinstance(event, UnknownEvent)
        self.receive(event, now)

    def begin(self) -> None:
        detection = {"type": "server_vad", "silence_duration_ms": SILENCE_MS}
        session = {
            "type": "realtime",
            "id": "s",
            "model": "m",
            "audio": {"input": {"turn_detection": detection}},
        }
        self.tell(100.0, "session.created", session=session)

    def speak(self, item_id: str, *, until_ms: int) -> None:
        now = 100 + until_ms / 1000
        self.tell(now, "input_audio_buffer.speech_started", audio_start_ms=0, item_id=item_id)
        assert self.speaking == item_id
        end = until_ms + SILENCE_MS
        self.tell(now + 0.3, "input_audio_buffer.speech_stopped", audio_end_ms=end, item_id=item_id)
        self.tell(now + 0.3, "input_audio_buffer.committed", item_id=item_id)

    def transcribe(self, now: float, item_id: str, text: str) -> None:
        kind = "conversation.item.input_audio_transcription"
        self.tell(now, f"{kind}.delta", item_id=item_id, content_index=0, delta=text[:3])
        self.tell(now, f"{kind}.completed", item_id=item_id, content_index=0, transcript=text)

    def respond(self, now: float, response_id: str, status: str = "completed", **details: Any) -> None:
        self.tell(now, "response.created", response={"id": response_id, "status": "in_progress"})
        item = {"type": "message", "id": f"of_{response_id}", "role": "assistant", "content": []}
        at = {"response_id": response_id, "output_index": 0}
        self.tell(now, "response.output_item.added", **at, item=item)
        at |= {"item_id": item["id"], "content_index": 0}
        self.tell(now + 0.1, "response.output_audio_transcript.delta", **at, delta="I ")
        self.tell(now + 0.2, "response.output_audio.delta", **at, delta="AAAA")
        self.tell(now + 0.3, "response.output_audio_transcript.delta", **at, delta="see.")
        self.tell(now + 0.3, "response.output_audio.delta", **at, delta="AAAA")
        response = {"id": response_id, "status": status, "status_details": details or None}
        self.tell(now + 0.4, "response.done", response=response)


def test_a_turn_and_its_times() -> None:
    account = Account()
    account.begin()
    assert not account.settled
    account.speak("item_1", until_ms=2000)
    assert account.speaking is None
    assert not account.understood
    account.transcribe(102.5, "item_1", "Hello.")
    assert account.understood
    assert not account.settled
    account.respond(103.0, "resp_1")
    assert account.settled
    (turn,) = account.turns
    assert (turn.said, turn.answer, turn.status) == ("Hello.", "I see.", "completed")
    assert turn.ended == pytest.approx(102.0), "without the silence that ended it"
    assert turn.transcribed == 102.5
    assert turn.first_text == pytest.approx(103.1)
    assert turn.first_audio == pytest.approx(103.2)
    assert turn.done == pytest.approx(103.4)


def test_transcripts_may_come_after_the_next_turn_began() -> None:
    account = Account()
    account.begin()
    account.speak("item_1", until_ms=1000)
    account.respond(101.5, "resp_1")
    account.speak("item_2", until_ms=3000)
    account.respond(103.5, "resp_2")
    account.transcribe(104.0, "item_2", "second")
    account.transcribe(104.1, "item_1", "first")
    assert [(turn.said, turn.response_id) for turn in account.turns] == [
        ("first", "resp_1"),
        ("second", "resp_2"),
    ]


def test_a_turn_ended_by_hand_ends_with_the_last_sample() -> None:
    account = Account()
    account.begin()
    account.committing_ms = 1500
    account.tell(105.0, "input_audio_buffer.committed", item_id="item_1")
    assert account.turns[0].ended == pytest.approx(101.5)


def test_without_a_clock_of_the_input_the_server_s_word_counts() -> None:
    exchange = Exchange()
    event = {"type": "input_audio_buffer.committed", "event_id": "e", "item_id": "i"}
    exchange.receive(decode_server_event(msgspec.json.encode(event)), 7.0)
    assert exchange.turns[0].ended == 7.0


def test_what_could_not_be_understood() -> None:
    account = Account()
    account.begin()
    account.speak("item_1", until_ms=1000)
    failure = {"type": "transcription_error", "message": "The audio could not be transcribed."}
    kind = "conversation.item.input_audio_transcription.failed"
    account.tell(102.0, kind, item_id="item_1", content_index=0, error=failure)
    assert account.understood
    assert account.turns[0].unclear == "The audio could not be transcribed."
    account.tell(102.0, kind, item_id="item_2", content_index=0, error={})
    assert account.turns[1].unclear == "it could not be transcribed"


def test_an_interruption() -> None:
    account = Account()
    account.begin()
    account.speak("item_1", until_ms=1000)
    account.respond(101.0, "resp_1", "cancelled", type="cancelled", reason="turn_detected")
    account.heard("of_resp_1", 1500)
    account.heard("of_nobody", 1)
    assert account.settled
    assert (account.turns[0].status, account.turns[0].heard_ms) == ("cancelled", 1500)


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"type": "failed", "error": {"type": "server_error", "message": "Out of order."}}, "Out of order."),
        ({"type": "failed", "error": {"type": "server_error"}}, "The server gave no reason."),
        ({"type": "failed"}, "The server gave no reason."),
        ({}, "The server gave no reason."),
    ],
)
def test_a_failure(details: dict[str, Any], reason: str) -> None:
    account = Account()
    account.begin()
    account.speak("item_1", until_ms=1000)
    account.respond(101.0, "resp_1", "failed", **details)
    assert account.turns[0].failure == reason


def test_a_response_that_nobody_asked_for() -> None:
    account = Account()
    account.begin()
    account.respond(101.0, "resp_1")
    assert account.settled
    assert account.understood
    assert account.turns[0].item_id is None


def test_a_turn_that_the_server_was_too_busy_to_answer() -> None:
    account = Account()
    account.begin()
    account.speak("item_1", until_ms=1000)
    error = {"type": "invalid_request_error", "message": "Busy.", "param": None}
    busy = {**error, "code": "conversation_already_has_active_response"}
    account.tell(101.5, "error", error={**busy, "event_id": "mine"})
    assert not account.settled, "somebody else's response.create"
    account.tell(101.5, "error", error={**error, "code": "invalid_value", "event_id": None})
    assert not account.settled
    account.tell(101.5, "error", error={**busy, "event_id": None})
    assert account.settled
    account.respond(102.0, "resp_1")
    assert [turn.response_id for turn in account.turns] == [None, "resp_1"]


def test_function_calls_are_told() -> None:
    account = Account()
    account.begin()
    turn = account.say("What time is it?", 100.0)
    account.tell(101.0, "response.created", response={"id": "resp_1", "status": "in_progress"})
    call = {"type": "function_call", "name": "now", "arguments": '{"zone":"UTC"}'}
    account.tell(
        101.0, "response.output_item.added", response_id="resp_1", output_index=0, item={**call, "id": "i"}
    )
    account.tell(101.0, "response.output_item.done", response_id="resp_1", output_index=0, item=call)
    assert account.turns == [turn]
    assert turn.calls == ['now({"zone":"UTC"})']


def test_a_written_answer() -> None:
    account = Account()
    turn = account.say("Hi", 100.0)
    at = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}
    account.tell(101.0, "response.output_text.delta", **at, delta="Ho")
    assert (turn.answer, turn.first_text, turn.first_audio) == ("Ho", 101.0, None)


def test_an_item_without_a_name_and_a_session_of_another_kind() -> None:
    account = Account()
    item = {"type": "message", "role": "assistant", "content": []}
    account.tell(101.0, "response.output_item.added", response_id="r", output_index=0, item=item)
    assert account.turns[0].item_ids == []
    session = {"type": "transcription", "object": "realtime.transcription_session", "id": "s"}
    account.tell(101.0, "session.created", session=session)
    account.speak("item_1", until_ms=1000)
    assert account.turns[1].ended == pytest.approx(101.2), "no silence is known that could be left out"
