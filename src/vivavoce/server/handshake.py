"""Who may hold a session: what `GET /v1/realtime` makes of a caller's URL, headers and subprotocols.

The sentences, codes and close codes are those of the behaviour reference, 1.2 to 1.6. A caller is let in
first and refused afterwards, in an event that its WebSocket library can read, except where the real service
answers with HTTP.
"""

import msgspec
from starlette.datastructures import Headers, QueryParams
from starlette.types import Scope

from vivavoce.protocol import Error, errors
from vivavoce.server import refusals
from vivavoce.server.keys import ApiKeys, presented_key
from vivavoce.server.models import ModelNames

SUBPROTOCOL = "realtime"
BETA_SUBPROTOCOL = "openai-beta.realtime-v1"

CLOSE_KEY = 3000
CLOSE_REQUEST = 4000


class Admitted(msgspec.Struct, frozen=True):
    """Come in: a conversation with this model."""

    model: str


class Refused(msgspec.Struct, frozen=True):
    """An `error` event, then the end of the connection."""

    error: Error
    close_code: int


class NotFound(msgspec.Struct, frozen=True):
    """HTTP 404 in place of the upgrade."""

    error: Error


def judge(scope: Scope, keys: ApiKeys, models: ModelNames) -> Admitted | Refused | NotFound:
    """What to do with the caller of an ASGI websocket scope. The key is looked at before anything else."""
    headers = Headers(scope=scope)
    query = QueryParams(scope.get("query_string", b""))
    subprotocols: list[str] = scope.get("subprotocols", [])
    if error := keys.refusal(presented_key(headers, subprotocols)):
        return Refused(error, CLOSE_KEY)
    if query.get("call_id"):
        return NotFound(errors.call_not_found())
    if "realtime=v1" in headers.get("openai-beta", "") or BETA_SUBPROTOCOL in subprotocols:
        return Refused(errors.beta_disabled(), CLOSE_REQUEST)
    model = query.get("model")
    if query.get("intent") == "transcription":
        error = errors.model_on_transcription() if model else refusals.no_transcription_sessions()
        return Refused(error, CLOSE_REQUEST)
    if not model:
        return Refused(errors.missing_model(headers.get("host", "localhost")), CLOSE_REQUEST)
    if error := models.refusal(model):
        return Refused(error, CLOSE_REQUEST)
    return Admitted(model)


def chosen_subprotocol(scope: Scope) -> str | None:
    """The subprotocol to confirm: `realtime` if the caller offers it, never one that carries a key."""
    return SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", []) else None
