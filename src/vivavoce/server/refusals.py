"""What callers without a session are told: errors over plain HTTP (8.1), and those that only a server has."""

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vivavoce.protocol import Error


def request_error(message: str, *, code: str | None = None, param: str | None = None) -> Error:
    """The caller's fault."""
    return Error(type="invalid_request_error", code=code, message=message, param=param)


def not_served(kind: str) -> Error:
    """A kind of session that this server does not hold."""
    message = (
        f"{kind.title()} sessions are not served here. Connect with a model parameter for a conversation."
    )
    return request_error(message, code="invalid_value")


def unknown_url(method: str, path: str) -> Error:
    return request_error(f"Invalid URL ({method} {path})")


def full(limit: int) -> Error:
    """As many sessions as the configuration allows are open. Recoverable: the client may try again."""
    message = f"This server is full: all of its {limit} sessions are in use. Try again later."
    return Error(type="server_error", code="rate_limit_exceeded", message=message)


def shutting_down() -> Error:
    return Error(type="server_error", message="The server is shutting down. Connect again in a moment.")


def not_started() -> Error:
    message = (
        "The engines of this server are not running. Whoever mounts it must run its lifespan, for example "
        "with FastAPI(lifespan=realtime.lifespan), or await realtime.start()."
    )
    return Error(type="server_error", message=message)


def reason(error: Error) -> str:
    """The reason with which a connection closes after `error`: its type, and its code if it has one (1.4)."""
    return error.type if error.code is None else f"{error.type}.{error.code}"


def error_response(status: int, error: Error) -> Response:
    """`{"error": {message, type, param, code}}`: unlike in events there is no `event_id`."""
    fields = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return Response(msgspec.json.encode({"error": fields}), status_code=status, media_type="application/json")


async def deny(scope: Scope, receive: Receive, send: Send, status: int, error: Error) -> None:
    """Answer an upgrade with an HTTP error, or with the bare 403 of ASGI where the web server can't do
    better."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await error_response(status, error)(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1000})
