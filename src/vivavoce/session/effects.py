"""What must happen now: the only way in which a session acts on the world.

Effects are plain data, drained in order by `Session.effects()` and carried out by whoever runs the session.
"""

import msgspec

from vivavoce.protocol import AudioFormat, McpTool, ResponseRequest, ServerEvent, Transcription
from vivavoce.session.input_buffer import Clip


class Send(msgspec.Struct, frozen=True):
    """Send this event to the peer."""

    event: ServerEvent


class Hear(msgspec.Struct, frozen=True):
    """Give this input audio, whole samples, to the voice detector and report what it hears with
    `Session.speech`."""

    audio: bytes
    format: AudioFormat


class ResetDetector(msgspec.Struct, frozen=True):
    """Forget the detector's memory: the next `Hear` begins a new stream. What was heard before and is not
    reported yet never will be."""


class JudgeTurn(msgspec.Struct, frozen=True):
    """The speaker has fallen silent: find out whether that was all, and report it with `Session.turn_judged`.
    Replaces the former JudgeTurn."""

    item_id: str
    """The item that the turn will be."""
    transcript: str
    """What is understood of it so far."""
    language: str | None
    """ISO-639-1, as the client said."""
    silence_ms: int
    """How long nobody has spoken."""
    audio: tuple[Clip, ...]
    """The latest audio of the turn, as much as the options say."""


class OpenTranscription(msgspec.Struct, frozen=True):
    """An utterance begins. Its audio follows; report the words with `Session.understood`."""

    item_id: str
    options: Transcription | None
    """None: nobody asked for the transcript, but the responder needs to know what was said."""


class FeedTranscription(msgspec.Struct, frozen=True):
    """More audio of an open utterance, whole samples."""

    item_id: str
    audio: bytes
    format: AudioFormat


class FinishTranscription(msgspec.Struct, frozen=True):
    """The utterance is over; its final transcript is due."""

    item_id: str


class Diarize(msgspec.Struct, frozen=True):
    """Find out who speaks when in an utterance that is over; report it with `Session.diarized`."""

    item_id: str
    clips: tuple[Clip, ...]
    """Its audio, whole samples."""


class AbandonTranscription(msgspec.Struct, frozen=True):
    """Nobody wants this utterance's transcript any more."""

    item_id: str


class Respond(msgspec.Struct, frozen=True):
    """Answer this request and report every part with `Session.produced`."""

    request: ResponseRequest


class Summarise(msgspec.Struct, frozen=True):
    """Have this request answered in text, out of the conversation and unseen by the peer. Report the whole
    text with `Session.summarised`, or that there is none with `Session.summary_failed`."""

    request: ResponseRequest


class Cancel(msgspec.Struct, frozen=True):
    """Stop answering a `Respond` or a `Summarise`; what still arrives is ignored."""

    response_id: str


class ListTools(msgspec.Struct, frozen=True):
    """Ask an MCP server for its tools, and report them with `Session.tools_listed` or that it failed with
    `Session.tools_failed`."""

    item_id: str
    server: McpTool
    """With its secrets."""


class CallTool(msgspec.Struct, frozen=True):
    """Call a tool of an MCP server, and report with `Session.tool_called` or `Session.tool_failed`."""

    item_id: str
    server: McpTool
    name: str
    arguments: str
    """JSON text as the language model wrote it."""


class AbandonTool(msgspec.Struct, frozen=True):
    """Nobody wants the result of this `ListTools` or `CallTool` any more."""

    item_id: str


class WakeAt(msgspec.Struct, frozen=True):
    """Call `Session.tick` at this time (the clock of `now`), or earlier. Replaces the former WakeAt."""

    when: float


class Close(msgspec.Struct, frozen=True):
    """Close the connection, after everything before this was sent."""

    code: int
    reason: str


Effect = (
    Send
    | Hear
    | ResetDetector
    | JudgeTurn
    | OpenTranscription
    | FeedTranscription
    | FinishTranscription
    | Diarize
    | AbandonTranscription
    | Respond
    | Summarise
    | Cancel
    | ListTools
    | CallTool
    | AbandonTool
    | WakeAt
    | Close
)
