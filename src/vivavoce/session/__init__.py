"""The session room: one conversation as a state machine without I/O.

Feed it through the methods of `Session`, drain `Session.effects()` and carry them out.
"""

from vivavoce.protocol.generation import count_characters
from vivavoce.session.effects import (
    AbandonTool,
    AbandonTranscription,
    CallTool,
    Cancel,
    Close,
    Diarize,
    Effect,
    FeedTranscription,
    FinishTranscription,
    Hear,
    JudgeTurn,
    ListTools,
    OpenTranscription,
    ResetDetector,
    Respond,
    Send,
    Summarise,
    WakeAt,
)
from vivavoce.session.ids import ALPHABET, SequentialIds
from vivavoce.session.invariants import Invariants, InvariantViolation
from vivavoce.session.options import Compaction, SessionOptions, unmetered
from vivavoce.session.session import Session
from vivavoce.session.translation import Interpreter

__all__ = [
    "ALPHABET",
    "AbandonTool",
    "AbandonTranscription",
    "CallTool",
    "Cancel",
    "Close",
    "Compaction",
    "Diarize",
    "Effect",
    "FeedTranscription",
    "FinishTranscription",
    "Hear",
    "Interpreter",
    "InvariantViolation",
    "Invariants",
    "JudgeTurn",
    "ListTools",
    "OpenTranscription",
    "ResetDetector",
    "Respond",
    "Send",
    "SequentialIds",
    "Session",
    "SessionOptions",
    "Summarise",
    "WakeAt",
    "count_characters",
    "unmetered",
]
