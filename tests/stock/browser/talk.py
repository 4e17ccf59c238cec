"""A page in a call, as the tests see it."""

import json
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import httpx
from playwright.sync_api import Page, TimeoutError

from tests.browser import Visit
from tests.serving import Server
from tests.stock.order import Order

Event = dict[str, Any]

DETECTION = {"type": "server_vad", "silence_duration_ms": 700}
"""With more patience than the pauses of those who speak."""
HEARING = {"transcription": {"model": "gpt-4o-mini-transcribe"}, "turn_detection": DETECTION}
SESSION: Event = {"type": "realtime", "model": "gpt-realtime", "audio": {"input": HEARING}}
UNANSWERED: Event = SESSION | {
    "audio": {"input": HEARING | {"turn_detection": DETECTION | {"create_response": False}}}
}
MANUAL: Event = SESSION | {"audio": {"input": HEARING | {"turn_detection": None}}}
NOTEBOOK: Event = SESSION | {
    "tools": [
        {
            "type": "function",
            "name": "note_down",
            "description": "Writes something into the notebook.",
            "parameters": {
                "type": "object",
                "properties": {"page": {"type": "integer"}},
                "required": ["page"],
            },
        }
    ]
}
BETA_SESSION: Event = {
    "model": "gpt-4o-realtime-preview",
    "input_audio_transcription": {"model": "whisper-1"},
    "turn_detection": DETECTION,
}


class Talk:
    """What one of the programs beside this file does in a page.

    A test marks the place in the stream of events from which on it looks for what comes.
    """

    def __init__(self, visit: Visit, origin: str, program: str) -> None:
        self.page: Page = visit.page
        self._mark = 0
        self.page.goto(f"{origin}/page.html")
        self.page.add_script_tag(url=f"{program}.mjs", type="module")
        self.page.wait_for_function("'begin' in globalThis")

    def begin(self, **settings: Any) -> dict[str, Any]:
        """Call. What the page tells of it."""
        told: dict[str, Any] = self.page.evaluate("settings => begin(settings)", settings)
        return told

    def send(self, type: str, **fields: Any) -> None:
        self.page.evaluate("event => send(event)", {"type": type, **fields})

    def type(self, text: str) -> None:
        """Type something, and ask for an answer."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        self.send("conversation.item.create", item=item)
        self.send("response.create")

    def say(self, name: str) -> None:
        """Say a file; in the end it is said."""
        self.page.evaluate("name => microphone.say(name)", name)

    def mark(self) -> None:
        """Look only at what comes from now on."""
        self._mark = self.page.evaluate("events.length")

    def until(self, kind: str) -> Event:
        """The first event of this type since the mark."""
        event: Event = self._seen(kind)["event"]
        return event

    def time(self, kind: str) -> float:
        """When that came, in ms on the page's clock."""
        return float(self._seen(kind)["at"])

    def happens(self, what: Any) -> None:
        """Wait until the client has told this."""
        self._wait("what => happened.some((each) => JSON.stringify(each) === JSON.stringify(what))", what)

    def hears(self, since: float | None = None) -> None:
        """Wait until the answer is heard, or was since a moment on the page's clock."""
        self._wait("since => ear.loud(since ?? undefined)", since)

    def hears_nothing(self, ms: int) -> None:
        """Wait until nothing was heard for so long."""
        self._wait("ms => ear.quiet(ms)", ms)

    @property
    def now(self) -> float:
        return float(self.page.evaluate("performance.now()"))

    @property
    def events(self) -> list[Event]:
        events: list[Event] = self.page.evaluate("events")
        return events

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    @property
    def happened(self) -> list[Any]:
        happened: list[Any] = self.page.evaluate("happened")
        return happened

    def finish(self) -> None:
        """All that came was in order, and none of it was sound; the client has told of no error."""
        order = Order()
        for event in self.events:
            order.see(event)
        assert not self.of("response.output_audio.delta")
        assert not [told for told in self.happened if told[0] == "error"]

    def _seen(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = self._wait("([kind, mark]) => seen(kind, mark)", [kind, self._mark])
        return found

    def _wait(self, condition: str, argument: Any) -> Any:
        try:
            return self.page.wait_for_function(condition, arg=argument).json_value()
        except TimeoutError:
            came = [str(event) if event["type"] == "error" else event["type"] for event in self.events]
            once = [kind for kind, _ in groupby(came)]
            raise AssertionError(f"{argument} did not come. {once}, {str(self.happened)[:500]}") from None


def secret(server: Server, session: Event | None = None, *, beta: bool = False) -> str:
    """A client secret for this session, as a program behind the page would make one for it."""
    path = "sessions" if beta else "client_secrets"
    headers = {"Authorization": f"Bearer {server.key}"}
    body = session or BETA_SESSION if beta else {"session": session or SESSION}
    answer = httpx.post(f"{server.base_url}/realtime/{path}", headers=headers, json=body).raise_for_status()
    made: dict[str, Any] = answer.json()
    value: str = (made["client_secret"] if beta else made)["value"]
    return value


@dataclass(frozen=True)
class Sentence:
    """What a recording says, as far as it is known."""

    words: frozenset[str]

    def understood(self, transcript: str) -> bool:
        """Whether this is what was said, and not only to the recogniser that has a quiet machine."""
        return len(self.words.intersection(transcript.lower().split())) >= min(3, len(self.words))


def assert_heard_and_answered(talk: Talk, said: Sentence) -> None:
    """The turn since the mark: understood, answered, and the answer heard."""
    started, stopped, committed = (
        talk.until(f"input_audio_buffer.{step}") for step in ("speech_started", "speech_stopped", "committed")
    )
    assert started["item_id"] == stopped["item_id"] == committed["item_id"]
    transcribed = talk.until("conversation.item.input_audio_transcription.completed")
    assert transcribed["item_id"] == committed["item_id"]
    assert transcribed["transcript"]
    assert said.understood(transcribed["transcript"])
    assert said.understood(answered(talk))


def answered(talk: Talk) -> str:
    """The transcript of the answer since the mark, which was heard, and played to its end."""
    playing = talk.until("output_audio_buffer.started")
    talk.hears(talk.time("output_audio_buffer.started") - 500)
    done = talk.until("response.done")["response"]
    assert done["status"] == "completed"
    assert done["id"] == playing["response_id"]
    assert talk.until("output_audio_buffer.stopped")["response_id"] == done["id"]
    talk.hears_nothing(500)
    transcript: str = done["output"][-1]["content"][0]["transcript"]
    return transcript


def assert_notes_are_taken(talk: Talk) -> None:
    """Somebody says something to a session that has a `NOTEBOOK`; what comes of it is said."""
    talk.say("asked.wav")
    called = talk.until("response.function_call_arguments.done")
    assert json.loads(called["arguments"]) == {"page": 7}
    talk.until("response.done")
    talk.mark()
    output = {"type": "function_call_output", "call_id": called["call_id"], "output": "It stands on page 7."}
    talk.send("conversation.item.create", item=output)
    talk.send("response.create")
    assert answered(talk) == "It stands on page 7."


def assert_interrupted(talk: Talk, asked_at: float, story: str) -> None:
    """The story that was asked for at that moment, and was being told, is heard no more, and the conversation
    holds what was heard of it."""
    playing = talk.until("output_audio_buffer.started")
    cleared = talk.until("output_audio_buffer.cleared")
    truncated = talk.until("conversation.item.truncated")
    assert cleared["response_id"] == playing["response_id"]
    assert 0 < truncated["audio_end_ms"] <= talk.time("conversation.item.truncated") - asked_at
    talk.hears_nothing(1_000)
    talk.send("conversation.item.retrieve", item_id=truncated["item_id"])
    (part,) = talk.until("conversation.item.retrieved")["item"]["content"]
    assert len(part["transcript"]) < len(story)
    assert story.startswith(part["transcript"])
    assert not talk.of("output_audio_buffer.stopped")
