"""Who may hold a session: what the WebSocket endpoints make of a caller's URL, headers and subprotocols.

The sentences, codes and close codes are those of the behaviour reference, 1.2 to 1.6. A caller is let in
first and refused afterwards, in an event that its WebSocket library can read, except where the real service
answers with HTTP.
"""

import msgspec
from starlette.datastructures import Headers, QueryParams
from starlette.types import Scope

from vivavoce.protocol import Error, errors
from vivavoce.server.keys import ApiKeys, presented_key
from vivavoce.server.models import ModelNames
from vivavoce.server.opening import InitialParams, SessionKind

SUBPROTOCOL = "realtime"
BETA_SUBPROTOCOL = "openai-beta.realtime-v1"

CLOSE_KEY = 3000
CLOSE_REQUEST = 4000


class Admitted(msgspec.Struct, frozen=True):
    """Come in: a session of this kind."""

    kind: SessionKind
    model: str | None
    """Of conversations and translations; transcription sessions have none."""
    params: InitialParams | None = None
    """What the caller's client secret asks for."""
    who: str | None = None
    """The name of the caller's key; None where nobody needs one."""


class Refused(msgspec.Struct, frozen=True):
    """An `error` event, then the end of the connection."""

    error: Error
    close_code: int


class NotFound(msgspec.Struct, frozen=True):
    """HTTP 404 in place of the upgrade."""

    error: Error


def judge(
    scope: Scope, keys: ApiKeys, models: ModelNames, *, translations: bool = False
) -> Admitted | Refused | NotFound:
    """What to do with the caller of an ASGI websocket scope. The key is looked at before anything else.

    `translations`: the caller came to the endpoint of translation sessions.
    """
    headers = Headers(scope=scope)
    query = QueryParams(scope.get("query_string", b""))
    subprotocols: list[str] = scope.get("subprotocols", [])
    key = presented_key(headers, subprotocols)
    if error := keys.refusal(key):
        return Refused(error, CLOSE_KEY)
    who = keys.owner(key)
    if query.get("call_id") and not translations:
        return NotFound(errors.call_not_found())
    if "realtime=v1" in headers.get("openai-beta", "") or BETA_SUBPROTOCOL in subprotocols:
        return Refused(errors.beta_disabled(), CLOSE_REQUEST)
    model = query.get("model")
    if query.get("intent") == "transcription" and not translations:
        if model:
            return Refused(errors.model_on_transcription(), CLOSE_REQUEST)
        return Admitted("transcription", None, who=who)
    kind: SessionKind = "translation" if translations else "realtime"
    if not model:
        return Refused(errors.missing_model(headers.get("host", "localhost")), CLOSE_REQUEST)
    if error := models.refusal(model, kind):
        return Refused(error, CLOSE_REQUEST)
    return Admitted(kind, model, who=who)


def chosen_subprotocol(scope: Scope) -> str | None:
    """The subprotocol to confirm: `realtime` if the caller offers it, never one that carries a key."""
    return SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", []) else None
