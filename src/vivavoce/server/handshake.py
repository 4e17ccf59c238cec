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
from vivavoce.protocol.dialects import DialectName
from vivavoce.server.access import Access, Caller
from vivavoce.server.admission import (
    CLOSE_KEY,
    REALTIME_PATH,
    TRANSLATIONS_PATH,
    Admitted,
    Refused,
    Wish,
    admit,
)
from vivavoce.server.keys import presented_key
from vivavoce.server.models import ModelNames

SUBPROTOCOL = "realtime"
BETA_SUBPROTOCOL = "openai-beta.realtime-v1"


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


OPENAI = Door(path=REALTIME_PATH)
TRANSLATIONS = Door(path=TRANSLATIONS_PATH, translations=True)
AZURE = Door(path="/openai/v1/realtime", azure=True)
AZURE_PREVIEW = Door(path="/openai/realtime", azure=True, preview=True)

DOORS = (OPENAI, TRANSLATIONS, AZURE, AZURE_PREVIEW)


class Joins(msgspec.Struct, frozen=True):
    """Come in: beside the data channel of a call over WebRTC."""

    call_id: str
    caller: Caller
    key: str | None
    """What the caller showed."""


class Denied(msgspec.Struct, frozen=True):
    """An HTTP error in place of the upgrade."""

    status: int
    error: Error


Verdict = Admitted | Joins | Refused | Denied


def judge(scope: Scope, door: Door, access: Access, models: ModelNames, *, beta: bool, now: float) -> Verdict:
    """What to do with the caller of an ASGI websocket scope who came to this door. The key is looked at
    before anything else.

    - beta: whether the beta dialect is spoken here.
    - now: unix seconds.
    """
    headers = Headers(scope=scope)
    query = QueryParams(scope.get("query_string", b""))
    subprotocols: list[str] = scope.get("subprotocols", [])
    key = presented_key(headers, subprotocols)
    caller = access.session(key, now)
    if isinstance(caller, Error):
        return Denied(401, caller) if door.azure else Refused(caller, CLOSE_KEY, 401)
    dialect = _dialect(door, headers, subprotocols)
    if (call_id := query.get("call_id")) and not door.translations:
        if dialect == "beta":
            return Denied(404, errors.call_not_found())
        return Joins(call_id, caller, key)
    if door.preview and not query.get("api-version"):
        return Denied(400, errors.missing_required_parameter("api-version"))
    wish = Wish(
        dialect=dialect,
        translation=door.translations,
        transcription=query.get("intent") == "transcription" and not door.translations,
        model=wished_model(query, azure=door.azure),
        host=headers.get("host"),
    )
    return admit(caller, wish, models, beta=beta)


def wished_model(query: QueryParams, *, azure: bool) -> str | None:
    """The model that a URL names."""
    return (query.get("deployment") if azure else None) or query.get("model")


def chosen_subprotocol(scope: Scope) -> str | None:
    """The subprotocol to confirm: `realtime` if the caller offers it, never one that carries a key."""
    return SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", []) else None


def says_beta(headers: Headers) -> bool:
    """Whether a request asks for the beta dialect by its header."""
    return "realtime=v1" in headers.get("openai-beta", "")


def _dialect(door: Door, headers: Headers, subprotocols: Sequence[str]) -> DialectName:
    """R1.3.1."""
    asked = says_beta(headers) or BETA_SUBPROTOCOL in subprotocols
    return "beta" if asked or door.preview else "ga"
