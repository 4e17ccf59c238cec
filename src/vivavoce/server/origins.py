"""Which web pages may use this server: a browser says in `Origin` where the page that calls comes from.

Any page may try to reach a server on its reader's own machine. Where callers must show a key this does no
harm: a browser adds none by itself. Where nobody needs one, only pages of this machine are let in, unless the
configuration names others. Programs send no `Origin`, and are not concerned.
"""

import re
from collections.abc import Callable, Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vivavoce.server import refusals

ANY = "*"

_LOOPBACK = re.compile(r"https?://(localhost|[^/:]+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?")
_SHOWN_CHARACTERS = 200


class Origins:
    """The pages that are let in.

    - allowed: origins, `*` for any, `null` for pages without one such as local files. Without any, the rule
      of this module holds.
    - keys_needed: whether callers must show a key now.
    """

    def __init__(self, allowed: Sequence[str], keys_needed: Callable[[], bool]) -> None:
        self._allowed = frozenset(each.lower() for each in allowed)
        self._keys_needed = keys_needed

    def admit(self, origin: str) -> bool:
        """Whether pages of this origin may call."""
        if self._allowed:
            return ANY in self._allowed or origin.lower() in self._allowed
        return self._keys_needed() or _LOOPBACK.fullmatch(origin.lower()) is not None


class OriginCheck:
    """ASGI middleware: refuses pages that are not let in with HTTP 403, before any upgrade, and tells
    browsers that the others may read the answers (CORS)."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin") if scope["type"] in ("http", "websocket") else None
        if origin is None:
            await self._app(scope, receive, send)
        elif not self._origins.admit(origin):
            error = refusals.foreign_origin(origin[:_SHOWN_CHARACTERS])
            if scope["type"] == "websocket":
                await receive()  # websocket.connect
                await refusals.deny(scope, receive, send, 403, error)
            else:
                await refusals.error_response(403, error)(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._answer(origin, scope, receive, send)

    async def _answer(self, origin: str, scope: Scope, receive: Receive, send: Send) -> None:
        """A request of a page that may read the answer."""

        async def readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Expose-Headers"] = "Location, Retry-After"
                headers.add_vary_header("Origin")
            await send(message)

        asked = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in asked:
            await _preflight(asked)(scope, receive, readable)
        else:
            await self._app(scope, receive, readable)


def _preflight(asked: Headers) -> Response:
    """What a browser wants to know before it sends a request with a key."""
    allowed = {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Max-Age": "600"}
    if names := asked.get("access-control-request-headers"):
        allowed["Access-Control-Allow-Headers"] = names
    if asked.get("access-control-request-private-network") == "true":
        allowed["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=allowed)
