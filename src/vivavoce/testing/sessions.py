"""Sessions at their beginning, as a script wants them."""

from typing import Any, Literal

import msgspec

from vivavoce.protocol.sessions import RealtimeSession, Session, TranscriptionSession, TranslationSession
from vivavoce.testing.matching import Json
from vivavoce.testing.script import ScriptError

Kind = Literal["realtime", "transcription", "translation"]

_KINDS: tuple[Kind, ...] = ("realtime", "transcription", "translation")

_EXPIRES_AT = 4_102_444_800
"""The year 2100: no test lasts so long."""


def opened(kind: Kind, model: str, id: str, changes: dict[str, Json]) -> Session:
    """A new session with these settings laid over the usual ones. Raises ScriptError for those that it cannot
    have."""
    session: Session
    match kind:
        case "realtime":
            session = RealtimeSession(id=id, expires_at=_EXPIRES_AT, model=model)
        case "transcription":
            session = TranscriptionSession(id=id, expires_at=_EXPIRES_AT)
        case "translation":
            session = TranslationSession(id=id, expires_at=_EXPIRES_AT, model=model)
    if not changes:
        return session
    try:
        return msgspec.convert(_laid_over(msgspec.to_builtins(session), changes), type(session))
    except msgspec.ValidationError as error:
        raise ScriptError(f"session: {error}.") from None


def check_settings(changes: dict[str, Json]) -> None:
    """Raises ScriptError for settings that no session of the kind they name, or no conversation, can have."""
    for kind in _KINDS:
        if kind == changes.get("type", "realtime"):
            opened(kind, "", "", changes)
            return
    raise ScriptError(f"session.type: one of {', '.join(_KINDS)}.")


def _laid_over(value: Any, changes: Any) -> Any:
    if isinstance(value, dict) and isinstance(changes, dict):
        return value | {key: _laid_over(value.get(key), change) for key, change in changes.items()}
    return changes
