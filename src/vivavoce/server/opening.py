"""What a session opens with: the caller's wishes over the deployment's settings.

A kind, a model and what a client secret carries become the session object of the protocol, resolved before
`session.created` shows it (behaviour reference, 4.12). The answers of the REST endpoints show the same.
"""

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import UNSET

from vivavoce.protocol import (
    InvalidEvent,
    McpTool,
    RealtimeSession,
    RealtimeSessionParams,
    SessionAudio,
    SessionAudioOutput,
    TranscriptionSession,
    TranscriptionSessionParams,
    TranslationSession,
    TranslationSessionParams,
)
from vivavoce.protocol.sessions import Session as InitialSession
from vivavoce.server import refusals
from vivavoce.server.config import SessionSettings
from vivavoce.server.limits import Allowance
from vivavoce.session import configuration, mcp
from vivavoce.session.prompts import NO_PROMPTS, UNPROMPTED, Prompted, Prompts

SessionKind = Literal["realtime", "transcription", "translation"]

InitialParams = RealtimeSessionParams | TranscriptionSessionParams | TranslationSessionParams
"""What a client secret or a call asks for, by the kind of its session."""


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What sessions may ask for that not every server and every model has."""

    reasons: bool = False
    """The model thinks before it answers."""
    translates: bool = False
    """The model can be told to translate."""
    prompts: Prompts = NO_PROMPTS
    """The prompt templates."""


NO_ABILITIES = Abilities()

AbilitiesOf = Callable[[str | None], Abilities]
"""Those of a model."""


class Opening(msgspec.Struct, frozen=True):
    """All that a runner needs to know about the session that it is to hold."""

    settings: SessionSettings
    """What the deployment decides, and the key of the caller where that is less."""
    model: str | None
    """The name that chooses the engines; None for sessions that have none."""
    resolved: InitialSession
    """The session, without an identifier and without an end."""
    allowance: Allowance = msgspec.field(default_factory=Allowance)
    """What its caller's key may still use."""
    abilities: Abilities = NO_ABILITIES
    prompted: Prompted = UNPROMPTED
    """The prompt template that it refers to, and what of it the caller set itself."""

    def session(self, id: str, expires_at: int = 0) -> InitialSession:
        """The session as it begins. `expires_at`: unix seconds, 0 where it has not begun yet."""
        return msgspec.structs.replace(self.resolved, id=id, expires_at=expires_at)

    def shown(self, id: str) -> InitialSession:
        """The session as an answer shows it that may be handed on to a browser: without the secrets of its
        MCP servers."""
        session = self.session(id)
        if not isinstance(session, RealtimeSession):
            return session
        servers = [tool for tool in session.tools if isinstance(tool, McpTool)]
        return msgspec.structs.replace(session, tools=mcp.shown(session.tools, servers))


def opening(
    settings: SessionSettings,
    kind: SessionKind,
    model: str | None = None,
    params: InitialParams | None = None,
    allowance: Allowance | None = None,
    abilities: Abilities = NO_ABILITIES,
    over: InitialParams | None = None,
) -> Opening:
    """Resolve what a caller who was let in asks for.

    `model` is that of conversations and translations; transcription sessions have none. `params`, of the same
    kind, are applied over the settings, and `over` is applied over them. `allowance`: what the caller's key
    may use; `abilities`: what the model can do. Raises InvalidEvent for what this server cannot do.
    """
    resolved = _BEGIN[kind](settings, model or "", abilities)
    prompted = UNPROMPTED
    for wishes in (params, over):
        if wishes is None:
            continue
        resolved = _merge(resolved, wishes, abilities)
        if isinstance(wishes, RealtimeSessionParams):
            prompted = prompted.updated(wishes, abilities.prompts)
    return Opening(settings, model, resolved, allowance or Allowance(), abilities, prompted)


def _merge(session: InitialSession, params: InitialParams, abilities: Abilities) -> InitialSession:
    match session, params:
        case RealtimeSession(), RealtimeSessionParams():
            # The model was chosen by whoever let the caller in.
            params = msgspec.structs.replace(params, model=UNSET)
            return configuration.merge(session, params, reasons=abilities.reasons)
        case TranscriptionSession(), TranscriptionSessionParams():
            return configuration.merge_transcription(session, params)
        case TranslationSession(), TranslationSessionParams():
            return configuration.merge_translation(session, params)
    raise AssertionError("whoever let the caller in saw to it that both are of one kind")


def _realtime(settings: SessionSettings, model: str, abilities: Abilities) -> InitialSession:
    return RealtimeSession(
        id="",
        model=model,
        instructions=settings.instructions,
        audio=SessionAudio(output=SessionAudioOutput(voice=settings.voice)),
    )


def _transcription(settings: SessionSettings, model: str, abilities: Abilities) -> InitialSession:
    return TranscriptionSession(id="")


def _translation(settings: SessionSettings, model: str, abilities: Abilities) -> InitialSession:
    if not abilities.translates:
        raise InvalidEvent(refusals.cannot_translate())
    return configuration.initial_translation(TranslationSession(id="", expires_at=0, model=model))


_BEGIN = {"realtime": _realtime, "transcription": _transcription, "translation": _translation}
