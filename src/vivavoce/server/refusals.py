"""What callers without a session are told: errors over plain HTTP (8.1), and those that only a server has."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vivavoce.protocol import Error, ErrorBody, encode


def request_error(message: str, *, code: str | None = None, param: str | None = None) -> Error:
    """The caller's fault."""
    return Error(type="invalid_request_error", code=code, message=message, param=param)


def cannot_translate() -> Error:
    """A translation session with engines that only answer."""
    message = (
        "The language model of this server cannot translate. Configure one that can: for example "
        'language_model = "chat" under [engines], with an endpoint under [language_model.chat].'
    )
    return request_error(message, code="model_not_capable")


def unknown_url(method: str, path: str) -> Error:
    return request_error(f"Invalid URL ({method} {path})")


def expired_secret(masked: str) -> Error:
    """`masked` is the client secret with all but its ends hidden."""
    message = (
        f"Expired client secret provided: {masked}. Make a new one with POST /v1/realtime/client_secrets."
    )
    return request_error(message, code="invalid_api_key")


def session_too_long(limit: int, length: int) -> Error:
    """A configuration that would make a client secret longer than a header can be."""
    message = (
        f"Invalid 'session': too long for a client secret, which would have {length} characters of at most "
        f"{limit}. Send the rest with session.update."
    )
    return request_error(message, code="string_above_max_length", param="session")


def wrong_place(kind: str, path: str) -> Error:
    """A client secret at the endpoint of another kind of session."""
    message = f"This client secret opens a {kind} session: connect to {path}."
    return request_error(message, code="invalid_value")


def unsupported_content_type(found: str, supported: Sequence[str]) -> Error:
    """A body that nobody here can read."""
    message = f"Unsupported content type: '{found[:100]}'. Send the request as {' or '.join(supported)}."
    return request_error(message, code="unsupported_content_type")


def invalid_offer(sentence: str) -> Error:
    """A WebRTC offer that cannot be answered."""
    return request_error(sentence, code="invalid_offer", param="sdp")


def no_calls_here() -> Error:
    message = "This server takes no calls over WebRTC: its operator has set webrtc.enabled to false."
    return request_error(message, code="webrtc_disabled")


def cannot_answer() -> Error:
    """A call that this server lacks an address, a port or the codec for."""
    message = "This server cannot take the media of a call now; its log says why. Try again later."
    return Error(type="server_error", message=message)


def not_by_telephone(action: str) -> Error:
    """`accept`, `reject` and `refer` are for calls of telephones."""
    message = f"Calls over WebRTC cannot be asked to {action}: only calls over SIP can. This one can hang up."
    return request_error(message, code="invalid_value", param="call_id")


def too_many_offers(limit: int) -> Error:
    """More calls are offered with a key than one after another. Recoverable."""
    message = f"Rate limit reached for offers of calls per minute: Limit {limit}. Try again later."
    return request_error(message, code="rate_limit_exceeded")


def too_many_sidebands(limit: int) -> Error:
    """A call that as many WebSockets have joined as may."""
    message = f"{limit} WebSockets have joined this call, and no more may: close one."
    return request_error(message, code="rate_limit_exceeded")


def wrong_kind(sent: str, session: str) -> Error:
    """A `session` of one kind sent to begin one of another."""
    message = f"A {sent} session cannot begin with what opens a {session} session."
    return request_error(message, code="invalid_value", param="session.type")


def too_large(limit: int) -> Error:
    """The body of a request."""
    return request_error(f"The body of the request is too large: at most {limit} bytes are read.")


def foreign_origin(origin: str) -> Error:
    """A web page that may not use this server."""
    message = f"Pages of {origin!r} may not use this server: add it to server.allowed_origins if they should."
    return request_error(message, code="origin_not_allowed")


def full(limit: int) -> Error:
    """As many sessions as the configuration allows are open. Recoverable: the client may try again."""
    message = f"This server is full: all of its {limit} sessions are in use. Try again later."
    return Error(type="server_error", code="rate_limit_exceeded", message=message)


def too_many_sessions(limit: int) -> Error:
    """A key has as many sessions open as it may. Recoverable: the client may close one, or try again."""
    message = (
        f"Rate limit reached for sessions of this key: Limit {limit}, Used {limit}, Requested 1. "
        "Close one, or try again later."
    )
    return request_error(message, code="rate_limit_exceeded")


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


class Refusal(HTTPException):
    """An HTTP request that is answered with this error and nothing else."""

    def __init__(self, status: int, error: Error, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, error.message, headers)
        self.error = error


def error_response(status: int, error: Error) -> Response:
    """`{"error": {message, type, param, code}}`: unlike in events there is no `event_id`."""
    return Response(encode(ErrorBody.of(error)), status_code=status, media_type="application/json")


async def deny(scope: Scope, receive: Receive, send: Send, status: int, error: Error) -> None:
    """Answer an upgrade with an HTTP error, or with the bare 403 of ASGI where the web server can't do
    better."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await error_response(status, error)(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1000})
