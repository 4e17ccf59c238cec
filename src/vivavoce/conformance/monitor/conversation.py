"""The conversation as the events tell it: which items there are, and in which order."""

from collections.abc import Callable

from vivavoce.conformance.monitor import rule as rules
from vivavoce.conformance.words import Event, Words

Note = Callable[[str, bool, str], None]
"""Rule, whether it was kept, and the reason if it was not."""


class Conversation:
    """Follows the items of one session."""

    def __init__(self, words: Words, note: Note) -> None:
        self.items: list[str] = []
        """The ids in the order of the conversation."""
        self.final: dict[str, Event] = {}
        """The items as `conversation.item.done` showed them."""
        self._words = words
        self._note = note
        self._known: set[str] = set()
        """Every id that any item ever had."""
        self._output: set[str] = set()
        """Items that a response opened and that have not entered yet."""
        self._finished: str | None = None
        """A complete item that was just added: its `done` is next."""
        self._committed: str | None = None
        """The item that was just committed: it is next."""
        self._transcribed: set[str] = set()
        self._transcripts: dict[str, str] = {}

    @property
    def last(self) -> str | None:
        return self.items[-1] if self.items else None

    def opened(self, item_id: str) -> None:
        """A response opened an item."""
        new = item_id not in self._known
        self._note(rules.ITEM_IDS, new, f"The id {item_id} was given to an item before.")
        self._known.add(item_id)
        self._output.add(item_id)

    def committed(self, item_id: str) -> None:
        """The buffer was committed as this item."""
        self._committed = item_id

    def see(self, kind: str, event: Event) -> None:
        """Any event but those whose place says nothing. Those of a response that goes on may come between all
        others."""
        if kind.startswith("response."):
            return
        if self._committed is not None and kind != self._words.added:
            self._note(rules.COMMITTED_ITEM, False, f"{kind} came after input_audio_buffer.committed.")
            self._committed = None
        if self._finished is not None and kind != "conversation.item.done":
            reason = f"{kind} came after conversation.item.added of the complete item {self._finished}."
            self._note(rules.FINISHED_ITEM, False, reason)
            self._finished = None
        item = event.get("item")
        if kind == self._words.added and isinstance(item, dict):
            self._add(item, event.get("previous_item_id"))
        elif kind == "conversation.item.done" and isinstance(item, dict):
            self._done(item, event.get("previous_item_id"))
        elif kind == "conversation.item.deleted":
            item_id = event.get("item_id")
            if item_id in self.items:
                self.items.remove(item_id)

    def _add(self, item: Event, previous: object) -> None:
        item_id = str(item.get("id"))
        appended = item_id in self._output
        if appended:
            self._output.discard(item_id)
        else:
            new = item_id not in self._known
            self._note(rules.ITEM_IDS, new, f"The id {item_id} was given to an item before.")
            self._known.add(item_id)
        if self._committed is not None:
            self._note(rules.COMMITTED_ITEM, True, "")
            named = item_id == self._committed
            reason = f"{self._committed} was committed, but {item_id} was added."
            self._note(rules.COMMITTED_ADDED, named, reason)
            self._committed = None
            appended = True
        there = previous is None or previous in self.items
        self._note(rules.PREVIOUS_EXISTS, there, f"There is no item {previous} in the conversation.")
        if appended and there:
            reason = f"{item_id} was placed behind {previous}, but the last item is {self.last}."
            self._note(rules.APPENDED_LAST, previous == self.last, reason)
        if item_id not in self.items:
            index = self.items.index(str(previous)) + 1 if previous in self.items else 0
            self.items.insert(index if there else len(self.items), item_id)
        if self._words.ga and item.get("status") == "completed":
            self._finished = item_id

    def _done(self, item: Event, previous: object) -> None:
        item_id = str(item.get("id"))
        if self._finished is not None:
            reason = f"{self._finished} was added complete, but {item_id} was done."
            self._note(rules.FINISHED_ITEM, item_id == self._finished, reason)
            self._finished = None
        self.final[item_id] = item
        if item_id not in self.items:
            self._note(rules.DONE_PREVIOUS, False, f"{item_id} is done, but was never added.")
            return
        index = self.items.index(item_id)
        before = self.items[index - 1] if index else None
        reason = f"{item_id} is said to stand behind {previous}, but it stands behind {before}."
        self._note(rules.DONE_PREVIOUS, previous == before, reason)

    # Transcripts

    def transcribed(self, step: str, event: Event) -> None:
        """An event of an item's transcription."""
        item_id = str(event.get("item_id"))
        over = item_id in self._transcribed
        if step == "delta":
            self._note(rules.TRANSCRIPT_ORDER, not over, f"The transcript of {item_id} had ended.")
            self._transcripts[item_id] = self._transcripts.get(item_id, "") + str(event.get("delta"))
        elif step in ("completed", "failed"):
            known = item_id in self._known
            self._note(rules.TRANSCRIBED_ITEM, known, f"There is no item {item_id}.")
            self._note(rules.TRANSCRIPT_ORDER, not over, f"The transcript of {item_id} ended before.")
            self._transcribed.add(item_id)
            said = self._transcripts.pop(item_id, None)
            if step == "completed" and said is not None:
                whole = event.get("transcript")
                reason = f"The deltas add up to {said!r}, the transcript is {whole!r}."
                self._note(rules.TRANSCRIPTION_SUM, said == whole, reason)
