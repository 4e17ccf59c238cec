"""`POST /v1/realtime/calls/{id}/…`: calls over WebRTC and SIP, which this server has none of (8.2, 8.5)."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from vivavoce.protocol import CallRefer, CallReject, RealtimeSessionParams, errors
from vivavoce.protocol.base import WireObject
from vivavoce.server.access import Access
from vivavoce.server.bodies import read_body
from vivavoce.server.handshake import OPENAI
from vivavoce.server.refusals import Refusal

ACTIONS: dict[str, type[WireObject] | None] = {
    "accept": RealtimeSessionParams,
    "reject": CallReject,
    "refer": CallRefer,
    "hangup": None,
}
"""What may be done with a call, and the body that says how."""


def routes(access: Access) -> list[BaseRoute]:
    """What may be done with calls: every one is unknown, or has ended."""

    def action(kind: type[WireObject] | None) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            access.required(request.headers)
            if kind is not None:
                await read_body(request, kind)
            raise Refusal(404, errors.call_not_found())

        return answer

    return [
        Route(f"{OPENAI.path}/calls/{{call_id}}/{name}", action(kind), methods=["POST"])
        for name, kind in ACTIONS.items()
    ]
