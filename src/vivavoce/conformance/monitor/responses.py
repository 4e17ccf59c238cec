"""Responses as the events tell them: items, parts and deltas, from `response.created` to `response.done`."""

from dataclasses import dataclass, field

import pybase64

from vivavoce.conformance.check import brief
from vivavoce.conformance.monitor import rule as rules
from vivavoce.conformance.monitor.closing import judge_final, judge_usage
from vivavoce.conformance.monitor.conversation import Conversation, Note
from vivavoce.conformance.words import Event, Words

_ARGUMENTS = ("response.function_call_arguments", "response.mcp_call_arguments")


@dataclass
class _Part:
    open: bool = True
    streams: dict[str, str] = field(default_factory=dict)
    """What the deltas of each family add up to, until its `done`."""
    said: dict[str, str] = field(default_factory=dict)
    """What the `done` of each family said; nothing for audio."""


@dataclass
class _Item:
    id: str
    kind: str
    call_id: object
    parts: dict[int, _Part] = field(default_factory=dict)
    arguments: _Part = field(default_factory=_Part)
    """Holds the arguments of a call, which have no part."""
    final: Event | None = None
    """The item as `response.output_item.done` showed it."""


@dataclass
class _Response:
    id: str
    in_conversation: bool
    metadata: object
    items: dict[int, _Item] = field(default_factory=dict)


class Responses:
    """Follows the responses of one session."""

    def __init__(self, words: Words, conversation: Conversation, note: Note) -> None:
        self.open: dict[str, _Response] = {}
        self.finished: set[str] = set()
        self._words = words
        self._conversation = conversation
        self._note = note
        self._conversation_id: object = None

    def see(self, kind: str, event: Event) -> None:
        """An event whose type begins with `response.`."""
        shown = event.get("response")
        if kind == "response.created":
            self._created(shown if isinstance(shown, dict) else {})
            return
        whole = shown if isinstance(shown, dict) else {}
        response_id = str(whole.get("id") if kind == "response.done" else event.get("response_id"))
        if response_id in self.finished:
            rule = rules.RESPONSE_ENDS if kind == "response.done" else rules.RESPONSE_IS_OVER
            self._note(rule, False, f"{kind} came after response.done of {response_id}.")
            return
        response = self.open.get(response_id)
        begun = response is not None
        self._note(rules.RESPONSE_BEGINS, begun, f"{kind} names {response_id}, which was not created.")
        if response is None:
            return
        self._note(rules.RESPONSE_IS_OVER, True, "")
        if kind == "response.done":
            self._done(response, whole)
        elif kind == "response.output_item.added":
            self._item_added(response, event)
        else:
            item = self._item(response, kind, event)
            if item is None:
                return
            if kind == "response.output_item.done":
                self._item_done(response, item, event)
            else:
                self._content(response, item, kind, event)

    # The response

    def _created(self, shown: Event) -> None:
        response_id = str(shown.get("id"))
        new = response_id not in self.open and response_id not in self.finished
        self._note(rules.RESPONSE_IDS, new, f"The id {response_id} was given to a response before.")
        empty = (shown.get("status"), shown.get("output"), shown.get("usage"), shown.get("status_details"))
        reason = f"response.created shows status, output, usage and details {brief(empty)}."
        self._note(rules.CREATED_EMPTY, empty == ("in_progress", [], None, None), reason)
        conversation_id = shown.get("conversation_id")
        if conversation_id is not None:
            others = [each.id for each in self.open.values() if each.in_conversation]
            reason = f"{response_id} was created while {brief(others)} was in progress."
            self._note(rules.ONE_RESPONSE, not others, reason)
            same = self._conversation_id in (None, conversation_id)
            reason = f"The conversation was {self._conversation_id}, now it is {conversation_id}."
            self._note(rules.CONVERSATION_ID, same, reason)
            self._conversation_id = conversation_id
        self.open[response_id] = _Response(response_id, conversation_id is not None, shown.get("metadata"))

    def _done(self, response: _Response, shown: Event) -> None:
        del self.open[response.id]
        self.finished.add(response.id)
        self._note(rules.RESPONSE_ENDS, True, "")
        left = [item.id for item in response.items.values() if item.final is None]
        if response.items:
            self._note(rules.ITEM_CLOSED, not left, f"{brief(left)} was not closed before response.done.")
        closed = [item.final for _, item in sorted(response.items.items()) if item.final is not None]
        if not left:
            output = shown.get("output")
            reason = f"response.done shows {brief(output)}, the items were closed as {brief(closed)}."
            self._note(rules.RESPONSE_SUM, output == closed, reason)
        same = shown.get("metadata") == response.metadata
        self._note(rules.METADATA_KEPT, same, f"The metadata became {brief(shown.get('metadata'))}.")
        judge_final(shown, closed, self._note)
        judge_usage(shown.get("usage"), self._note)

    # Items

    def _item_added(self, response: _Response, event: Event) -> None:
        shown = event.get("item")
        item = shown if isinstance(shown, dict) else {}
        index = event.get("output_index")
        expected = len(response.items)
        reason = f"The item has output_index {brief(index)}, expected {expected}."
        self._note(rules.OUTPUT_INDEX, index == expected, reason)
        before = response.items.get(expected - 1)
        if before is not None and before.kind == "message":
            reason = f"The next item was opened before {before.id} was closed."
            self._note(rules.ITEMS_IN_TURN, before.final is not None, reason)
        opened = _Item(str(item.get("id")), str(item.get("type")), item.get("call_id"))
        response.items[index if isinstance(index, int) else expected] = opened
        if response.in_conversation:
            self._conversation.opened(opened.id)

    def _item(self, response: _Response, kind: str, event: Event) -> _Item | None:
        """The item that an event is about."""
        shown = event.get("item")
        item_id = shown.get("id") if isinstance(shown, dict) else event.get("item_id")
        index = event.get("output_index")
        item = response.items.get(index) if isinstance(index, int) else None
        named = next((each for each in response.items.values() if each.id == item_id), None)
        if item is None and named is not None:
            self._note(rules.OUTPUT_INDEX, False, f"{kind} of {item_id} has output_index {brief(index)}.")
            return named
        reason = f"{kind} is about {item_id}, which was not added."
        self._note(rules.ITEM_OPENED, item is not None, reason)
        if item is None:
            return None
        reason = f"{kind} names {brief(item_id)}, but the item at {index} is {item.id}."
        self._note(rules.OUTPUT_ITEM, item is named, reason)
        return item

    def _item_done(self, response: _Response, item: _Item, event: Event) -> None:
        shown = event.get("item")
        if not isinstance(shown, dict):
            return
        once = item.final is None
        self._note(rules.ITEM_CLOSED, once, f"{item.id} was closed twice.")
        for part in (*item.parts.values(), item.arguments):
            self._streams_ended(part, f"The item {item.id}")
        left = [index for index, part in item.parts.items() if part.open]
        if item.parts:
            self._note(rules.PART_CLOSED, not left, f"The part {left} of {item.id} was not closed.")
        if response.in_conversation and self._words.ga and item.kind != "mcp_call":
            same = self._conversation.final.get(item.id) == shown
            reason = f"conversation.item.done of {item.id} did not come before, or shows another item."
            self._note(rules.ITEM_DONE_FIRST, same, reason)
        self._item_sum(item, shown)
        item.final = shown

    def _item_sum(self, item: _Item, shown: Event) -> None:
        """Whether a closed item repeats what its events said."""
        for family in _ARGUMENTS:
            if family in item.arguments.said:
                said, repeated = item.arguments.said[family], shown.get("arguments")
                reason = f"The arguments were {brief(said)}, the item has {brief(repeated)}."
                self._note(rules.ITEM_SUM, repeated == said, reason)
        content = shown.get("content")
        for index, part in item.parts.items():
            if not part.said or not isinstance(content, list):
                continue
            stored = content[index] if index < len(content) else None
            repeated = _words_of(stored)
            said = "".join(part.said.values())
            reason = f"The part {index} said {brief(said)}, the item has {brief(repeated)}."
            self._note(rules.ITEM_SUM, repeated == said, reason)

    # Parts and deltas

    def _content(self, response: _Response, item: _Item, kind: str, event: Event) -> None:
        family, _, step = kind.rpartition(".")
        if family in _ARGUMENTS:
            if family == _ARGUMENTS[0]:
                reason = f"The call is {brief(item.call_id)}, the event names {brief(event.get('call_id'))}."
                self._note(rules.CALL_ID, event.get("call_id") == item.call_id, reason)
            self._stream(item.arguments, family, step, event, rules.ARGUMENTS_SUM, "arguments")
            return
        index = event.get("content_index")
        if kind == "response.content_part.added":
            self._part_added(response, item, index)
            return
        part = item.parts.get(index) if isinstance(index, int) else None
        if part is None and item.parts:
            self._note(rules.CONTENT_INDEX, False, f"{kind} has content_index {brief(index)}.")
            return
        there = part is not None and part.open
        self._note(rules.PART_OPENED, there, f"{kind} came outside of a part.")
        if part is None:
            item.parts[index if isinstance(index, int) else 0] = part = _Part()
        if family == "response.content_part":
            self._part_done(part, event)
        elif family == self._words.text:
            self._stream(part, family, step, event, rules.TEXT_SUM, "text")
        elif family == self._words.transcript:
            if step == "done":
                first = self._words.audio not in part.streams
                self._note(rules.AUDIO_FIRST, first, "The transcript was done before the audio.")
            self._stream(part, family, step, event, rules.TRANSCRIPT_SUM, "transcript")
        elif family == self._words.audio:
            self._stream(part, family, step, event, None, "")
            if step == "delta":
                self._audio(event)

    def _part_added(self, response: _Response, item: _Item, index: object) -> None:
        expected = len(item.parts)
        reason = f"The part has content_index {brief(index)}, expected {expected}."
        self._note(rules.CONTENT_INDEX, index == expected, reason)
        if response.in_conversation:
            entered = item.id in self._conversation.items
            self._note(rules.ITEM_ENTERS, entered, f"{item.id} has not entered the conversation.")
        item.parts[index if isinstance(index, int) else expected] = _Part()

    def _part_done(self, part: _Part, event: Event) -> None:
        self._note(rules.PART_CLOSED, part.open, "The part was closed twice.")
        self._streams_ended(part, "The part")
        part.open = False
        if part.said:
            said, repeated = "".join(part.said.values()), _words_of(event.get("part"))
            reason = f"The part said {brief(said)}, content_part.done has {brief(repeated)}."
            self._note(rules.PART_SUM, repeated == said, reason)

    def _streams_ended(self, part: _Part, what: str) -> None:
        if part.streams:
            self._note(rules.STREAM_ENDS, False, f"{what} ended without {', '.join(part.streams)}.done.")
            part.streams.clear()

    def _stream(self, part: _Part, family: str, step: str, event: Event, rule: str | None, key: str) -> None:
        """A delta, or the end of a stream of deltas."""
        over = family in part.said
        if step == "delta":
            self._note(rules.STREAM_IS_OVER, not over, f"{family}.delta came after {family}.done.")
            if not over:
                part.streams[family] = part.streams.get(family, "") + str(event.get("delta"))
            return
        self._note(rules.STREAM_ENDS, not over, f"{family}.done came twice.")
        added = part.streams.pop(family, "")
        part.said[family] = str(event.get(key)) if rule else ""
        if rule:
            reason = f"The deltas add up to {brief(added)}, {family}.done has {brief(event.get(key))}."
            self._note(rule, event.get(key) == added, reason)

    def _audio(self, event: Event) -> None:
        try:
            pybase64.b64decode(event.get("delta") or "", validate=True)
        except (ValueError, TypeError):
            self._note(rules.AUDIO_BYTES, False, "The delta is not base64.")
        else:
            self._note(rules.AUDIO_BYTES, bool(event.get("delta")), "The delta is empty.")


def _words_of(part: object) -> object:
    """The text or the transcript of a part."""
    if not isinstance(part, dict):
        return None
    return part.get("transcript") if "transcript" in part else part.get("text")
