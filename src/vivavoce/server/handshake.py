"""Who may hold a session: what the WebSocket endpoints make of a caller's URL, headers and subprotocols.

The sentences, codes and close codes are those of the behaviour reference, 1.1 to 1.6. A caller is let in
first and refused afterwards, in an event that its WebSocket library can read, except where the real service
answers with HTTP.
"""

from collections.abc import Sequence

import msgspec
from starlette.datastructures import Headers, QueryParams
from starlette.types import Scope

from vivavoce.protocol import Error, errors
from vivavoce.protocol.beta import Extras
from vivavoce.protocol.dialects import DialectName
from vivavoce.server import refusals
from vivavoce.server.access import Access
from vivavoce.server.client_secrets import Grant
from vivavoce.server.keys import presented_key
from vivavoce.server.models import ModelNames
from vivavoce.server.opening import InitialParams, SessionKind

SUBPROTOCOL = "realtime"
BETA_SUBPROTOCOL = "openai-beta.realtime-v1"

CLOSE_KEY = 3000
CLOSE_REQUEST = 4000


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint of sessions, and what its path alone says about them."""

    path: str
    translations: bool = False
    """Sessions here are translation sessions."""
    azure: bool = False
    """Azure refuses a wrong key before the upgrade, with HTTP (R1.2.3). Its clients may say `deployment` for
    `model`."""
    preview: bool = False
    """Azure's preview API: the beta dialect, and an `api-version`."""


OPENAI = Door(path="/v1/realtime")
TRANSLATIONS = Door(path="/v1/realtime/translations", translations=True)
AZURE = Door(path="/openai/v1/realtime", azure=True)
AZURE_PREVIEW = Door(path="/openai/realtime", azure=True, preview=True)

DOORS = (OPENAI, TRANSLATIONS, AZURE, AZURE_PREVIEW)


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


class Refused(msgspec.Struct, frozen=True):
    """An `error` event, then the end of the connection."""

    error: Error
    close_code: int


class Denied(msgspec.Struct, frozen=True):
    """An HTTP error in place of the upgrade."""

    status: int
    error: Error


Verdict = Admitted | Refused | Denied


def judge(scope: Scope, door: Door, access: Access, models: ModelNames, *, beta: bool, now: float) -> Verdict:
    """What to do with the caller of an ASGI websocket scope who came to this door. The key is looked at
    before anything else.

    - beta: whether the beta dialect is spoken here. Translation sessions are younger than it.
    - now: unix seconds.
    """
    headers = Headers(scope=scope)
    query = QueryParams(scope.get("query_string", b""))
    subprotocols: list[str] = scope.get("subprotocols", [])
    caller = access.session(presented_key(headers, subprotocols), now)
    if isinstance(caller, Error):
        return Denied(401, caller) if door.azure else Refused(caller, CLOSE_KEY)
    if query.get("call_id") and not door.translations:
        return Denied(404, errors.call_not_found())
    if door.preview and not query.get("api-version"):
        return Denied(400, errors.missing_required_parameter("api-version"))
    dialect = _dialect(door, headers, subprotocols)
    grant = caller.grant
    if grant is not None and grant.dialect != dialect:
        return Refused(errors.api_version_mismatch(dialect, grant.dialect), CLOSE_REQUEST)
    if dialect == "beta" and (door.translations or not beta):
        return Refused(errors.beta_disabled(), CLOSE_REQUEST)
    if grant is not None:
        return _by_secret(grant, door, query, headers, models)
    if query.get("intent") == "transcription" and not door.translations:
        if query.get("model"):
            return Refused(errors.model_on_transcription(), CLOSE_REQUEST)
        return Admitted("transcription", None, who=caller.who, dialect=dialect)
    kind: SessionKind = "translation" if door.translations else "realtime"
    model = _model(door, query)
    refusal = _model_refusal(model, kind, headers, models)
    return refusal or Admitted(kind, model, who=caller.who, dialect=dialect)


def chosen_subprotocol(scope: Scope) -> str | None:
    """The subprotocol to confirm: `realtime` if the caller offers it, never one that carries a key."""
    return SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", []) else None


def _dialect(door: Door, headers: Headers, subprotocols: Sequence[str]) -> DialectName:
    """R1.3.1."""
    asked = "realtime=v1" in headers.get("openai-beta", "") or BETA_SUBPROTOCOL in subprotocols
    return "beta" if asked or door.preview else "ga"


def _by_secret(grant: Grant, door: Door, query: QueryParams, headers: Headers, models: ModelNames) -> Verdict:
    """What a client secret says counts more than the query (4.12)."""
    if (grant.kind == "translation") != door.translations:
        place = TRANSLATIONS if grant.kind == "translation" else OPENAI
        return Refused(refusals.wrong_place(grant.kind, place.path), CLOSE_REQUEST)
    model = None
    if grant.kind != "transcription":
        model = grant.model or _model(door, query)
        if refusal := _model_refusal(model, grant.kind, headers, models):
            return refusal
    return Admitted(grant.kind, model, grant.params, grant.who, grant.dialect, grant.extras)


def _model(door: Door, query: QueryParams) -> str | None:
    return (query.get("deployment") if door.azure else None) or query.get("model")


def _model_refusal(
    model: str | None, kind: SessionKind, headers: Headers, models: ModelNames
) -> Refused | None:
    if not model:
        return Refused(errors.missing_model(headers.get("host", "localhost")), CLOSE_REQUEST)
    error = models.refusal(model, kind)
    return None if error is None else Refused(error, CLOSE_REQUEST)
