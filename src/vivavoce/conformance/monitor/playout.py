"""What is heard of responses whose speech travels on a track, as the events tell it."""

from vivavoce.conformance.monitor import rule as rules
from vivavoce.conformance.monitor.conversation import Note
from vivavoce.conformance.words import Event, Words

_FAMILY = "output_audio_buffer."


class Playout:
    """Follows the output audio buffer of one call."""

    def __init__(self, words: Words, note: Note) -> None:
        self._words = words
        self._note = note
        self._spoken: set[str] = set()
        """Responses that have a part of audio."""
        self._started: set[str] = set()
        self._ended: set[str] = set()
        self._done: set[str] = set()

    def see(self, kind: str, event: Event) -> None:
        """Any event."""
        if not self._words.over_webrtc:
            return
        response_id = str(event.get("response_id"))
        if kind.startswith("response.") and kind.endswith(".delta"):
            self._note(rules.NO_AUDIO_DELTAS, kind != f"{self._words.audio}.delta", f"{kind} came.")
        match kind:
            case "response.content_part.added":
                part = event.get("part")
                if isinstance(part, dict) and part.get("type") == "audio":
                    self._spoken.add(response_id)
            case "response.done":
                response = event.get("response")
                self._done.add(str(response.get("id")) if isinstance(response, dict) else "")
            case "output_audio_buffer.started":
                reason = f"{response_id} was started twice, or before it had a part of audio."
                fresh = response_id in self._spoken and response_id not in self._started
                self._note(rules.HEARD_ONCE, fresh, reason)
                self._started.add(response_id)
            case "output_audio_buffer.stopped" | "output_audio_buffer.cleared":
                self._over(kind, response_id)

    def _over(self, kind: str, response_id: str) -> None:
        name = kind.removeprefix(_FAMILY)
        open = response_id in self._started and response_id not in self._ended
        reason = f"{response_id} was {name}, but had not been started, or had ended."
        self._note(rules.HEARD_ENDS_ONCE, open, reason)
        self._ended.add(response_id)
        if name == "stopped":
            reason = f"{response_id} was stopped before it was done."
            self._note(rules.HEARD_AFTER_DONE, response_id in self._done, reason)
