"""What a client may rely on when it looks at the stream of server events, and at nothing else (reference,
3.0 to 3.14 and 7)."""

from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]

DELTAS = {
    "response.output_text": "text",
    "response.output_audio_transcript": "transcript",
    "response.function_call_arguments": "arguments",
}
"""The families of deltas whose sum the `done` event repeats, and under which key."""


@dataclass
class _Item:
    """An output item of a response."""

    id: str
    kind: str
    part_open: bool = False
    streams: dict[str, str] = field(default_factory=dict)
    """What the deltas of each family add up to, until its `done`."""
    said: dict[str, str] = field(default_factory=dict)
    audio_open: bool = False
    final: Event | None = None
    """The item as `conversation.item.done` showed it."""


@dataclass
class _Response:
    in_conversation: bool
    output: list[Event] = field(default_factory=list)
    """The items that are done."""
    open: _Item | None = None


class Order:
    """Sees every event in order and fails at the first that is out of place."""

    def __init__(self) -> None:
        self.items: list[str] = []
        """The default conversation as the events tell it."""
        self._ids: set[str] = set()
        self._responses: dict[str, _Response] = {}
        self._finished: set[str] = set()
        self._metered = 0
        self._speaking: str | None = None
        self._stopped: str | None = None
        self._committed: str | None = None
        self._added: str | None = None
        self._live: str | None = None
        self._transcripts: dict[str, str] = {}
        self._transcribed: set[str] = set()

    def see(self, event: Event) -> None:
        kind = event["type"]
        assert event["event_id"] not in self._ids, f"two events are called {event['event_id']}"
        if kind != "error":  # a caller who is refused gets nothing else
            assert (kind == "session.created") == (not self._ids), f"{kind} at the wrong time"
        self._ids.add(event["event_id"])
        if self._stopped is not None:
            assert kind == "input_audio_buffer.committed", f"{kind} after speech_stopped"
        if self._committed is not None:
            assert kind == "conversation.item.added", f"{kind} after committed"
            assert event["item"]["id"] == self._committed
        if self._added is not None:
            assert kind == "conversation.item.done", f"{kind} between added and done of a finished item"
            assert event["item"]["id"] == self._added
        if kind.startswith("response."):
            self._see_response(kind, event)
        elif kind.startswith("input_audio_buffer."):
            self._see_buffer(kind, event)
        elif kind.startswith("conversation.item."):
            self._see_item(kind, event)
        elif kind == "rate_limits.updated":
            self._metered += 1
            assert self._metered <= len(self._finished), "rate limits before the end of their response"

    def finish(self) -> None:
        """No event will come any more that was not asked for."""
        assert not self._responses, f"responses without an end: {list(self._responses)}"
        assert self._metered == len(self._finished)
        assert not self._transcripts, f"transcripts without an end: {self._transcripts}"

    # Listening

    def _see_buffer(self, kind: str, event: Event) -> None:
        item_id = event.get("item_id")
        match kind.removeprefix("input_audio_buffer."):
            case "speech_started":
                assert self._speaking is None, "speech started twice"
                self._speaking = item_id
            case "speech_stopped":
                assert self._speaking == item_id, "the wrong speech stopped"
                self._stopped = item_id
            case "committed":
                assert self._speaking in (None, item_id), "committed as another item than announced"
                assert event["previous_item_id"] == (self.items[-1] if self.items else None)
                assert self._live in (None, item_id), "words were told of another item"
                self._speaking = self._stopped = self._live = None
                self._committed = item_id
            case "cleared":
                self._transcripts.pop(self._live or "", None)
                self._speaking = self._live = None

    # Items

    def _see_item(self, kind: str, event: Event) -> None:
        match kind.removeprefix("conversation.item."):
            case "added":
                self._added_item(event["item"], event["previous_item_id"])
            case "done":
                item = event["item"]
                assert item["id"] in self.items, "an item is done that was never added"
                assert event["previous_item_id"] == self._before(item["id"])
                assert item.get("status") in ("completed", "incomplete")
                self._added = None
                for response in self._responses.values():
                    if response.open is not None and response.open.id == item["id"]:
                        self._assert_closed(response.open)
                        response.open.final = item
            case "deleted":
                self.items.remove(event["item_id"])
            case "truncated":
                assert event["item_id"] in self.items
            case "input_audio_transcription.delta":
                if event["item_id"] not in self.items:  # the words of a live model, while they are spoken
                    self._live = self._live or event["item_id"]
                    assert self._live == event["item_id"]
                self._assert_unfinished_transcript(event)
                self._transcripts.setdefault(event["item_id"], "")
                self._transcripts[event["item_id"]] += event["delta"]
            case "input_audio_transcription.completed":
                self._assert_unfinished_transcript(event)
                assert self._transcripts.pop(event["item_id"], "") == event["transcript"]
                self._transcribed.add(event["item_id"])
            case "input_audio_transcription.failed":
                self._assert_unfinished_transcript(event)
                self._transcripts.pop(event["item_id"], None)
                self._transcribed.add(event["item_id"])

    def _added_item(self, item: Event, previous: str | None) -> None:
        assert item["id"] not in self.items, "an item was added twice"
        if previous is not None:
            assert previous in self.items, "an item was added after one that is not there"
        self.items.insert(0 if previous is None else self.items.index(previous) + 1, item["id"])
        if self._committed == item["id"]:
            self._committed = None
        writing = [each.open.id for each in self._responses.values() if each.open is not None]
        if item["id"] not in writing:
            assert item.get("status") == "completed"
            self._added = item["id"]

    def _before(self, item_id: str) -> str | None:
        index = self.items.index(item_id)
        return self.items[index - 1] if index else None

    def _assert_unfinished_transcript(self, event: Event) -> None:
        assert event["item_id"] in self.items or event["item_id"] == self._live
        assert event["item_id"] not in self._transcribed, "a transcript goes on after its end"

    # Responses

    def _see_response(self, kind: str, event: Event) -> None:
        if kind == "response.created":
            self._created(event["response"])
            return
        response_id = event["response"]["id"] if kind == "response.done" else event["response_id"]
        assert response_id not in self._finished, f"{kind} after the end of the response"
        response = self._responses[response_id]
        if kind == "response.done":
            assert response.open is None, "a response ended with an open item"
            assert event["response"]["output"] == response.output
            assert event["response"]["usage"] is not None
            del self._responses[response_id]
            self._finished.add(response_id)
        elif kind == "response.output_item.added":
            assert response.open is None, "an item was opened before the last was closed"
            assert event["output_index"] == len(response.output)
            assert event["item"]["status"] == "in_progress"
            response.open = _Item(event["item"]["id"], event["item"]["type"])
        else:
            item = response.open
            assert item is not None, f"{kind} without an item"
            assert event["output_index"] == len(response.output)
            if kind == "response.output_item.done":
                self._closed_item(response, item, event["item"])
            else:
                assert event["item_id"] == item.id
                assert (item.id in self.items) == response.in_conversation
                self._see_content(kind, event, item)

    def _created(self, response: Event) -> None:
        assert response["id"] not in self._responses
        assert response["status"] == "in_progress"
        assert response["output"] == []
        assert response["usage"] is None
        in_conversation = response["conversation_id"] is not None
        if in_conversation:
            assert not any(each.in_conversation for each in self._responses.values()), "two at a time"
        self._responses[response["id"]] = _Response(in_conversation)

    def _closed_item(self, response: _Response, item: _Item, shown: Event) -> None:
        assert shown["id"] == item.id
        self._assert_closed(item)
        if response.in_conversation:
            assert item.final == shown, "output_item.done must follow conversation.item.done"
        if item.kind == "function_call":
            assert shown["arguments"] == item.said.get("response.function_call_arguments", "")
        else:
            shown_text = "".join(part.get("text", part.get("transcript")) for part in shown["content"])
            assert shown_text == "".join(item.said.values())
        response.output.append(shown)
        response.open = None

    def _assert_closed(self, item: _Item) -> None:
        assert not item.part_open, "a content part was left open"
        assert not item.streams, f"left open: {list(item.streams)}"
        assert not item.audio_open, "audio was left open"

    def _see_content(self, kind: str, event: Event, item: _Item) -> None:
        family, _, step = kind.rpartition(".")
        if family == "response.content_part":
            self._see_part(step, event, item)
            return
        assert item.part_open == (item.kind == "message"), f"{kind} outside of a content part"
        if family == "response.output_audio":
            item.audio_open = step == "delta"
            return
        assert family in DELTAS, f"unexpected {kind}"
        if step == "delta":
            assert family not in item.said, f"{kind} after its end"
            item.streams[family] = item.streams.get(family, "") + event["delta"]
        else:
            item.said[family] = event[DELTAS[family]]
            assert item.streams.pop(family, "") == item.said[family], "the deltas do not add up"
            if family == "response.output_audio_transcript":
                assert not item.audio_open, "output_audio.done comes before output_audio_transcript.done"

    def _see_part(self, step: str, event: Event, item: _Item) -> None:
        assert item.part_open == (step == "done")
        part = event["part"]
        text = part["transcript"] if part["type"] == "audio" else part["text"]
        if step == "done":
            self._assert_streams_closed(item)
            assert text == "".join(item.said.values())
        else:
            assert text == ""
        item.part_open = step == "added"

    def _assert_streams_closed(self, item: _Item) -> None:
        assert not item.streams, f"a content part ended with {list(item.streams)} open"
        assert not item.audio_open
