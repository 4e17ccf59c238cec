"""The beta dialect, which OpenAI has shut off: selected by `OpenAI-Beta: realtime=v1`.

Types of its own where shapes differ, its own strictness in its own words, and a translation in each direction
between it and the GA structs. Sessions never see any of it: a connection's `Beta` stands between.
"""

from vivavoce.protocol.beta.dialect import Beta
from vivavoce.protocol.beta.rest import (
    SessionBody,
    TranscriptionSessionBody,
    session_answer,
    transcription_session_answer,
)
from vivavoce.protocol.beta.sessions import (
    SECRET_SECONDS,
    ClientSecret,
    Extras,
    Session,
    SessionParams,
    TranscriptionSession,
    TranscriptionSessionParams,
)

__all__ = [
    "SECRET_SECONDS",
    "Beta",
    "ClientSecret",
    "Extras",
    "Session",
    "SessionBody",
    "SessionParams",
    "TranscriptionSession",
    "TranscriptionSessionBody",
    "TranscriptionSessionParams",
    "session_answer",
    "transcription_session_answer",
]
