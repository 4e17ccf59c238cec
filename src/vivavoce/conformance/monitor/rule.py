"""Rules that hold on every connection, whatever a check does on it."""

from dataclasses import dataclass, field

from vivavoce.conformance.check import BOTH, Dialect, Group, Source, Transport
from vivavoce.conformance.monitor.beta_shapes import EVENTS as BETA_EVENTS
from vivavoce.conformance.monitor.ga_shapes import EVENTS as GA_EVENTS
from vivavoce.conformance.peer import Frame


@dataclass(frozen=True)
class Rule:
    """Something that must be so on every connection. It is judged by all that all checks have seen."""

    id: str
    title: str
    source: Source
    believed: bool = False
    dialects: frozenset[Dialect] = BOTH

    @property
    def group(self) -> Group:
        return Group(self.id.partition(".")[0])

    def over(self, transport: Transport) -> bool:
        """Whether it is for this transport."""
        about_calls = self.group is Group.WEBRTC or self.id.startswith("schema.output-audio-buffer.")
        return not about_calls or transport is Transport.WEBRTC


@dataclass
class Finding:
    """What became of a rule."""

    kept: int = 0
    """How often it was kept."""
    broken: int = 0
    reason: str = ""
    """Of the first time that it was broken, as all below."""
    check_id: str = ""
    frames: list[Frame] = field(default_factory=list)
    """The frames of the connection up to shortly behind the one that breaks it."""
    number: int = 0
    """Which of them breaks it."""


RULES: dict[str, Rule] = {}


def _rule(
    id: str,
    title: str,
    source: Source,
    *,
    believed: bool = False,
    dialects: frozenset[Dialect] = BOTH,
) -> str:
    RULES[id] = Rule(id, title, source, believed or source is Source.INFERRED, dialects)
    return id


_GA = frozenset({Dialect.GA})

# What the events look like.

FRAMES = _rule(
    "schema.frames", "Every frame is a text that holds a JSON object with a `type`.", Source.CAPTURE
)
KNOWN_TYPES = _rule(
    "schema.known-types",
    "Every event is of a type that the API reference knows.",
    Source.REFERENCE,
    believed=True,
)
KNOWN_KEYS = _rule(
    "schema.known-keys", "No event has keys beyond the published ones.", Source.REFERENCE, believed=True
)
SHAPES = {
    name: _rule(
        f"schema.{name.replace('_', '-')}",
        f"`{name}` has all its keys, and values of the right types.",
        Source.REFERENCE,
        dialects=frozenset(
            dialect
            for dialect, table in ((Dialect.GA, GA_EVENTS), (Dialect.BETA, BETA_EVENTS))
            if name in table
        ),
    )
    for name in sorted(GA_EVENTS | BETA_EVENTS)
}

# In which order they come.

EVENT_IDS = _rule("order.event-ids", "No two events have the same `event_id`.", Source.REFERENCE)
FIRST_EVENT = _rule(
    "order.first-event",
    "The session's `created` event comes first, and only once; who is refused gets an error instead.",
    Source.CAPTURE,
)
RESPONSE_BEGINS = _rule(
    "order.response-begins", "`response.created` comes before every event of its response.", Source.REFERENCE
)
RESPONSE_ENDS = _rule(
    "order.response-ends",
    "Every `response.created` is followed by one `response.done`, and no second one.",
    Source.REFERENCE,
)
RESPONSE_IS_OVER = _rule(
    "order.response-is-over", "No event of a response follows its `response.done`.", Source.REFERENCE
)
ONE_RESPONSE = _rule(
    "order.one-response",
    "At most one response is in progress in the conversation.",
    Source.REFERENCE,
)
CREATED_EMPTY = _rule(
    "order.response-created-empty",
    "`response.created` shows a response in progress, without output, usage and details.",
    Source.CAPTURE,
)
FINAL_STATUS = _rule(
    "order.response-final", "`response.done` shows a final status, and a usage.", Source.CAPTURE
)
ITEM_OPENED = _rule(
    "order.item-opened",
    "`response.output_item.added` comes before every other event of its item.",
    Source.CAPTURE,
)
ITEM_ENTERS = _rule(
    "order.item-enters",
    "An output item enters the conversation after `response.output_item.added` and before its first part.",
    Source.CAPTURE,
)
ITEM_CLOSED = _rule(
    "order.item-closed",
    "Every output item is closed by `response.output_item.done` before `response.done`, and once.",
    Source.CAPTURE,
)
ITEM_DONE_FIRST = _rule(
    "order.item-done-first",
    "`conversation.item.done` of an output item comes before its `response.output_item.done` and "
    "shows the same item.",
    Source.CAPTURE,
    dialects=_GA,
)
ITEMS_IN_TURN = _rule(
    "order.items-in-turn",
    "A message is closed before the response opens its next item.",
    Source.INFERRED,
)
PART_OPENED = _rule(
    "order.part-opened",
    "`response.content_part.added` comes before the text and the audio of its part.",
    Source.CAPTURE,
)
PART_CLOSED = _rule(
    "order.part-closed",
    "A part is closed by `response.content_part.done`, after its own `done` events and before the item's.",
    Source.CAPTURE,
)
STREAM_IS_OVER = _rule(
    "order.stream-is-over", "No delta follows the `done` of its text, audio or arguments.", Source.REFERENCE
)
STREAM_ENDS = _rule(
    "order.stream-ends",
    "Text, audio, transcript and arguments that began end with a `done` event, one each.",
    Source.REFERENCE,
)
AUDIO_FIRST = _rule(
    "order.audio-ends-first", "An audio part's audio is done before its transcript is.", Source.REPORTS
)
FINISHED_ITEM = _rule(
    "order.finished-item",
    "`conversation.item.added` of an item that is complete is followed by its `conversation.item.done`.",
    Source.CAPTURE,
    dialects=_GA,
)
SPEECH_ALTERNATES = _rule(
    "order.speech-alternates",
    "`speech_started` and `speech_stopped` take turns, and name the same item.",
    Source.CAPTURE,
)
STOPPED_COMMITTED = _rule(
    "order.stopped-committed",
    "`committed` follows upon `speech_stopped`, with nothing between but a response that goes on.",
    Source.CAPTURE,
)
COMMITTED_ITEM = _rule(
    "order.committed-item",
    "The item's event follows upon `committed`, with nothing between but a response that goes on.",
    Source.CAPTURE,
)
TRANSCRIPT_ORDER = _rule(
    "order.transcript",
    "The transcription of an item comes after the item, and ends once, completed or failed.",
    Source.REFERENCE,
)
RATE_LIMITS = _rule(
    "order.rate-limits",
    "`rate_limits.updated` comes after a `response.done`, at most once each.",
    Source.CAPTURE,
)

# What deltas add up to.

TEXT_SUM = _rule("deltas.text", "The deltas of a text add up to what its `done` says.", Source.REFERENCE)
TRANSCRIPT_SUM = _rule(
    "deltas.transcript", "The deltas of a transcript add up to what its `done` says.", Source.REFERENCE
)
ARGUMENTS_SUM = _rule(
    "deltas.arguments", "The deltas of a call's arguments add up to what their `done` says.", Source.REFERENCE
)
TRANSCRIPTION_SUM = _rule(
    "deltas.transcription",
    "The deltas of the user's transcript add up to the completed one.",
    Source.REFERENCE,
    believed=True,
)
PART_SUM = _rule(
    "deltas.part", "`response.content_part.done` repeats the text or the transcript.", Source.CAPTURE
)
ITEM_SUM = _rule(
    "deltas.item",
    "`response.output_item.done` repeats the text, the transcript or the arguments.",
    Source.CAPTURE,
)
RESPONSE_SUM = _rule(
    "deltas.response", "The output of `response.done` repeats the items as they were closed.", Source.CAPTURE
)
AUDIO_BYTES = _rule("deltas.audio", "Every audio delta is base64 of whole samples.", Source.REFERENCE)

# How events refer to each other.

ITEM_IDS = _rule("links.item-ids", "No two items of a session have the same id.", Source.REFERENCE)
RESPONSE_IDS = _rule(
    "links.response-ids", "No two responses of a session have the same id.", Source.REFERENCE
)
OUTPUT_INDEX = _rule(
    "links.output-index",
    "`output_index` counts the items of a response from 0, and is the same in all events of an item.",
    Source.REFERENCE,
)
CONTENT_INDEX = _rule(
    "links.content-index",
    "`content_index` counts the parts of an item from 0, and audio shares it with its transcript.",
    Source.REFERENCE,
)
OUTPUT_ITEM = _rule(
    "links.output-item", "All events of an output item carry the id that it was added with.", Source.REFERENCE
)
PREVIOUS_EXISTS = _rule(
    "links.previous-item",
    "`previous_item_id` names an item that is in the conversation, or null for the first.",
    Source.REFERENCE,
)
APPENDED_LAST = _rule(
    "links.appended-last",
    "What is said and what is answered is placed behind the last item of the conversation.",
    Source.CAPTURE,
)
DONE_PREVIOUS = _rule(
    "links.item-done",
    "`conversation.item.done` names the item before, as it stands then.",
    Source.CAPTURE,
    dialects=_GA,
)
COMMITTED_PREVIOUS = _rule(
    "links.committed-previous", "`committed` names the last item of the conversation.", Source.CAPTURE
)
COMMITTED_STARTED = _rule(
    "links.committed-started", "`committed` names the item that `speech_started` announced.", Source.CAPTURE
)
COMMITTED_ADDED = _rule(
    "links.committed-added",
    "The item that enters after `committed` is the one that it names.",
    Source.CAPTURE,
)
CONVERSATION_ID = _rule(
    "links.conversation-id",
    "All responses of the conversation carry the same `conversation_id`.",
    Source.REFERENCE,
)
CALL_ID = _rule("links.call-id", "A call's arguments carry the `call_id` of its item.", Source.REFERENCE)
TRANSCRIBED_ITEM = _rule(
    "links.transcribed-item", "Transcripts name an item of the conversation.", Source.REFERENCE
)

# What responses and speech say of themselves.

USAGE_SUMS = _rule(
    "responses.usage-sums",
    "Tokens in total are those of input and output, and each of these the sum of its kinds.",
    Source.REFERENCE,
)
CACHED_TOKENS = _rule(
    "responses.usage-cached",
    "Cached tokens are part of the input, and the sum of their kinds.",
    Source.REFERENCE,
)
STATUS_DETAILS = _rule(
    "responses.status-details",
    "A response that was not completed says why, and one that was says nothing.",
    Source.CAPTURE,
)
ITEM_STATUS = _rule(
    "responses.item-status",
    "The items of a completed response are completed; closed items are completed or incomplete.",
    Source.CAPTURE,
)
METADATA_KEPT = _rule(
    "responses.metadata-kept", "`response.done` repeats the metadata of `response.created`.", Source.REFERENCE
)
SPEECH_TIMES = _rule(
    "vad.times", "Speech stops after it started, and the clock never goes back.", Source.CAPTURE
)
KEY_CONCEALED = _rule("errors.key-concealed", "No event shows the caller's key.", Source.CAPTURE)

# What is told of sound that travels beside the events.

NO_AUDIO_DELTAS = _rule(
    "webrtc.no-audio-deltas",
    "Speech is on the track: no event carries it.",
    Source.REPORTS,
    dialects=_GA,
)
HEARD_ONCE = _rule(
    "webrtc.started-once",
    "`output_audio_buffer.started` comes once for a response, after its part of audio was added.",
    Source.REFERENCE,
    dialects=_GA,
)
HEARD_ENDS_ONCE = _rule(
    "webrtc.stopped-or-cleared",
    "What was started ends once, `stopped` or `cleared`; nothing else does.",
    Source.INFERRED,
    dialects=_GA,
)
HEARD_AFTER_DONE = _rule(
    "webrtc.stopped-after-done",
    "`output_audio_buffer.stopped` comes after the `response.done` of its response.",
    Source.REFERENCE,
    dialects=_GA,
)
