"""Which session a caller may hold whose key is good: what the client secret, the URL and the dialect come to
(behaviour reference, 1.1, 1.3 and 4.12), by whatever way the caller came.

Sentences and codes are those of the behaviour reference.
"""

import msgspec

from vivavoce.protocol import Error, RealtimeSessionParams, TranscriptionSessionParams, errors
from vivavoce.protocol.beta import Extras
from vivavoce.protocol.dialects import DialectName
from vivavoce.server import refusals
from vivavoce.server.access import Caller
from vivavoce.server.client_secrets import Grant
from vivavoce.server.models import ModelNames
from vivavoce.server.opening import InitialParams, SessionKind

REALTIME_PATH = "/v1/realtime"
TRANSLATIONS_PATH = "/v1/realtime/translations"

CLOSE_TRY_AGAIN_LATER = 1013
CLOSE_KEY = 3000
CLOSE_REQUEST = 4000


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for, beside its key."""

    dialect: DialectName = "ga"
    translation: bool = False
    """It came to an endpoint of translation sessions."""
    transcription: bool = False
    """It says `intent=transcription`."""
    model: str | None = None
    """What the URL says."""
    params: RealtimeSessionParams | TranscriptionSessionParams | None = None
    """The session that came with the request."""
    host: str | None = None
    """What the caller calls this server."""
    below: str = ""
    """What comes after `REALTIME_PATH` or `TRANSLATIONS_PATH` in the right path."""


class Admitted(msgspec.Struct, frozen=True):
    """Come in: a session of this kind."""

    kind: SessionKind
    model: str | None
    """Of conversations and translations; transcription sessions have none."""
    params: InitialParams | None = None
    """What the caller's client secret asks for."""
    who: str | None = None
    """The name of the caller's key; None where nobody needs one."""
    dialect: DialectName = "ga"
    extras: Extras | None = None
    """What the caller's client secret asks for beside `params`, in the beta dialect."""
    over: InitialParams | None = None
    """What the request itself asks for; it is applied over `params`."""


class Refused(msgspec.Struct, frozen=True):
    """An `error` event, then the end of the connection; over plain HTTP, an error with this status."""

    error: Error
    close_code: int
    status: int = 400


def admit(caller: Caller, wish: Wish, models: ModelNames, *, beta: bool) -> Admitted | Refused:
    """What a caller whose key is good may open.

    `beta`: whether the beta dialect is spoken here. Translation sessions are younger than it.
    """
    grant = caller.grant
    if grant is not None and grant.dialect != wish.dialect:
        return Refused(errors.api_version_mismatch(wish.dialect, grant.dialect), CLOSE_REQUEST)
    if wish.dialect == "beta" and (wish.translation or not beta):
        return Refused(errors.beta_disabled(), CLOSE_REQUEST)
    if grant is not None:
        return _by_secret(grant, wish, models)
    if wish.transcription or isinstance(wish.params, TranscriptionSessionParams):
        if isinstance(wish.params, RealtimeSessionParams):
            return Refused(refusals.wrong_kind("realtime", "transcription"), CLOSE_REQUEST)
        if wish.model:
            return Refused(errors.model_on_transcription(), CLOSE_REQUEST)
        return Admitted("transcription", None, who=caller.who, dialect=wish.dialect, over=wish.params)
    kind: SessionKind = "translation" if wish.translation else "realtime"
    model = _wished_model(wish)
    refusal = _model_refusal(model, kind, wish, models)
    return refusal or Admitted(kind, model, who=caller.who, dialect=wish.dialect, over=wish.params)


def _by_secret(grant: Grant, wish: Wish, models: ModelNames) -> Admitted | Refused:
    """What a client secret says counts more than the query (4.12)."""
    if (grant.kind == "translation") != wish.translation:
        place = TRANSLATIONS_PATH if grant.kind == "translation" else REALTIME_PATH
        return Refused(refusals.wrong_place(grant.kind, place + wish.below), CLOSE_REQUEST)
    if wish.params is not None and wish.params.type != grant.kind:
        return Refused(refusals.wrong_kind(wish.params.type, grant.kind), CLOSE_REQUEST)
    model = None
    if grant.kind != "transcription":
        model = grant.model or _wished_model(wish)
        if refusal := _model_refusal(model, grant.kind, wish, models):
            return refusal
    return Admitted(grant.kind, model, grant.params, grant.who, grant.dialect, grant.extras, wish.params)


def _wished_model(wish: Wish) -> str | None:
    """A session that came with the request counts more than the query."""
    if isinstance(wish.params, RealtimeSessionParams) and isinstance(wish.params.model, str):
        return wish.params.model
    return wish.model


def _model_refusal(model: str | None, kind: SessionKind, wish: Wish, models: ModelNames) -> Refused | None:
    if not model:
        return Refused(errors.missing_model(wish.host or "localhost"), CLOSE_REQUEST)
    error = models.refusal(model, kind)
    return None if error is None else Refused(error, CLOSE_REQUEST)
