"""The input as the events tell it: when somebody spoke, and what was committed."""

from vivavoce.conformance.monitor import rule as rules
from vivavoce.conformance.monitor.conversation import Conversation, Note
from vivavoce.conformance.words import Event, Words


class Speech:
    """Follows the input audio buffer of one session."""

    def __init__(self, words: Words, conversation: Conversation, note: Note) -> None:
        self._words = words
        self._conversation = conversation
        self._note = note
        self._speaking: object = None
        """The item that `speech_started` announced, until it is committed."""
        self._ended: str | None = None
        """The event that must be followed by `committed` at once."""
        self._last_start = 0

    def see(self, kind: str, event: Event) -> None:
        """Any event but those whose place says nothing. Those of a response that goes on may come between all
        others."""
        if kind.startswith("response."):
            return
        if self._ended is not None:
            committed = kind == "input_audio_buffer.committed"
            self._note(rules.STOPPED_COMMITTED, committed, f"{kind} came after {self._ended}.")
            self._ended = None
        match kind:
            case "input_audio_buffer.speech_started":
                self._started(event)
            case "input_audio_buffer.speech_stopped":
                self._stopped(event)
            case "input_audio_buffer.timeout_triggered":
                self._ended = kind
            case "input_audio_buffer.committed":
                self._committed(event)
            case "input_audio_buffer.cleared":
                self._speaking = None
            case "session.updated":
                session = event.get("session")
                if isinstance(session, dict) and self._words.get(session, "turn_detection") is None:
                    self._speaking = None

    def _started(self, event: Event) -> None:
        reason = f"Speech started, although that of {self._speaking} had not stopped."
        self._note(rules.SPEECH_ALTERNATES, self._speaking is None, reason)
        self._speaking = event.get("item_id")
        start = event.get("audio_start_ms")
        if isinstance(start, int):
            reason = f"Speech started at {start} ms, after one that started at {self._last_start} ms."
            self._note(rules.SPEECH_TIMES, start >= self._last_start, reason)
            self._last_start = start

    def _stopped(self, event: Event) -> None:
        item_id = event.get("item_id")
        reason = f"Speech of {item_id} stopped, but that of {self._speaking} had started."
        self._note(rules.SPEECH_ALTERNATES, item_id == self._speaking, reason)
        self._ended = "input_audio_buffer.speech_stopped"
        end = event.get("audio_end_ms")
        if isinstance(end, int):
            reason = f"Speech stopped at {end} ms, but started at {self._last_start} ms."
            self._note(rules.SPEECH_TIMES, end > self._last_start, reason)

    def _committed(self, event: Event) -> None:
        item_id = event.get("item_id")
        previous = event.get("previous_item_id")
        if self._speaking is not None:
            reason = f"{item_id} was committed, but speech_started announced {self._speaking}."
            self._note(rules.COMMITTED_STARTED, item_id == self._speaking, reason)
            self._speaking = None
        last = self._conversation.last
        reason = f"committed says that {previous} stands before, but the last item is {last}."
        self._note(rules.COMMITTED_PREVIOUS, previous == last, reason)
        self._conversation.committed(str(item_id))
