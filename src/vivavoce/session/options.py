"""What the deployment decides about a session, as opposed to what its client may."""

from collections.abc import Callable
from typing import Annotated

import msgspec

from vivavoce.protocol import Error, RateLimit, Usage
from vivavoce.protocol.generation import CountTokens, count_characters
from vivavoce.session.prompts import NO_PROMPTS, Prompts

Meter = Callable[[Usage, float], tuple[RateLimit, ...]]
"""Takes what a response used and the time, returns the limits as they stand after it."""


CheckServer = Callable[[str], str | None]
"""Takes the URL of an MCP server, returns the sentence that tells why it may not be used; None if it may."""


def reachable(url: str) -> str | None:
    """No server is refused."""
    return None


def unmetered(used: Usage, now: float) -> tuple[RateLimit, ...]:
    """No limits: nothing to report."""
    return ()


Admission = Callable[[int, float], Error | None]
"""Takes the tokens that a response will read and the time; returns the error with which it fails, or None if
it may begin."""


def unlimited(tokens: int, now: float) -> Error | None:
    """Every response may begin."""
    return None


SUMMARISE = (
    "Summarise the conversation below between a user and an assistant, so that the assistant can go on with "
    "it later. Keep names, numbers, dates, what was agreed, what the user wants and what is still open. "
    "Leave out greetings and repetitions. Write plain text, in the language of the conversation, in the "
    "third person. Write nothing but the summary."
)

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Compaction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When older turns are folded into a summary, and how it is written."""

    begin: Share = 0.75
    """Share of the room for the conversation that must be taken."""
    keep: Share = 0.4
    """Share of that room which the newest turns keep, word for word; less than `begin`."""
    max_tokens: Annotated[int, msgspec.Meta(ge=16, le=4096)] = 800
    """Longest summary."""
    instructions: str = SUMMARISE
    """What the language model is told."""

    def __post_init__(self) -> None:
        if self.keep >= self.begin:
            raise ValueError("keep must be less than begin")


class SessionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Limits, engine properties and functions that a session is given."""

    plays: bool = False
    """The transport plays speech in real time: it asks for it with `Session.play`, hands in what it hears
    with `Session.heard`, and no event carries audio."""
    hears_audio: bool = False
    """The responder takes audio itself; otherwise every utterance is transcribed for it, asked for or not."""
    reasons: bool = False
    """The responder thinks before it answers: only then may a session say how hard."""
    prompts: Prompts = NO_PROMPTS
    """The prompt templates that sessions and responses may refer to."""
    frame_ms: int = 32
    """Milliseconds of audio in one frame of the voice detector."""
    judge_audio_ms: int = 0
    """How much of a turn's latest audio `JudgeTurn` carries, for a turn detector that hears."""
    voice: str = "alloy"
    """Who speaks where the client cannot choose: translations."""
    max_seconds: float = 3600.0
    """Longest life of a session; 0 for no limit."""
    max_buffer_ms: int = 600_000
    """Most input audio between two commits."""
    retained_silence_ms: int = 15_000
    """With turn detection on and nobody speaking, this much audio stays in the buffer for a commit by the
    client."""
    max_items: int = 10_000
    """Most items in the conversation."""
    max_bytes: int = 512 * 2**20
    """Most bytes of audio, images and text from the client, in the conversation and the input audio buffer
    together: about three hours of speech."""
    max_response_tokens: int = 16_384
    """Most text and audio tokens of an answer whose client set no limit: about twelve minutes of speech."""
    max_parallel_responses: int = 16
    """Most out-of-band responses at a time."""
    context_tokens: int = 0
    """How many tokens the model reads and writes in one response, at most; 0 for no limit."""
    compaction: Compaction | None = None
    """Fold older turns into a summary before the window is full; None drops them instead."""
    max_servers: int = 16
    """Most MCP servers that a session may define."""
    max_tool_rounds: int = 16
    """So many times in a row the model may call tools of MCP servers before it must answer without."""
    check_server: CheckServer = reachable
    count_tokens: CountTokens = count_characters
    admit: Admission = unlimited
    """Asked once for each response, when all that it reads is understood."""
    meter: Meter = unmetered
    debug: bool = False
    """Check the invariants of the protocol on every event that is sent."""
