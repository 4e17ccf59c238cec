"""What can go wrong between a program and a server. Each message is a sentence on what happened and what to
do.

    VivavoceError
    ├── ConfigurationError          what the program asks for makes no sense
    ├── KeyFunctionFailed           the program's own function for the key raised
    ├── UnsendableEvent             the event cannot be written as JSON
    ├── SendQueueFull               too much waits for a connection
    ├── AlreadyListening            two tasks listen to one connection
    ├── SocketNotOpen               the emitter's socket is not open yet, or no longer
    ├── OpenAIRealtimeError         what the emitter classes report
    ├── ErrorReceived               the server sent an error that nobody listens to
    ├── EventRefused                the server answers an event with an error
    ├── ResponseFailed              a response that was waited for has failed,
    ├── ResponseCancelled           was cancelled,
    ├── ResponseLost                or ended with its connection
    ├── ConnectError                no connection came about
    │   ├── HostNotFound            the host's name is unknown
    │   ├── ConnectionRefused       nothing listens there
    │   ├── ConnectTimeout          nothing answers
    │   ├── TLSFailure              no secure connection, or none that can be trusted
    │   ├── ConnectionLost          the connection broke before there was an answer
    │   ├── RequestTimeout          the answer to a request did not come in time
    │   └── HandshakeFailed         something answers, but no Realtime server
    ├── StatusError                 the server answered with an HTTP error
    │   ├── BadRequestError         400
    │   ├── AuthenticationError     401
    │   ├── PermissionDeniedError   403
    │   ├── NotFoundError           404
    │   ├── ConflictError           409
    │   ├── UnprocessableEntityError   422
    │   ├── RateLimitError          429
    │   └── ServerError             500 and above
    ├── InvalidAnswer               the server answered a request with what is no answer
    ├── InvalidWebhook              a message to the program's own URL cannot be used
    │   └── InvalidWebhookSignatureError   nor is it from the server
    └── ConnectionClosed            the connection is over

An `error` event of a server is an event among the others; only where a program has handlers for events, but
none for errors, it is raised. No message holds a key.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from vivavoce.protocol.errors import Error, VivavoceError
from vivavoce.protocol.server_events import ErrorEvent, UnknownEvent

if TYPE_CHECKING:
    from vivavoce.client.answers import Answer


class ConfigurationError(VivavoceError, ValueError):
    """A setting that cannot work: a base URL that is none, a missing key, a header that HTTP forbids."""


class KeyFunctionFailed(VivavoceError):
    """The function that was to give the API key raised: the exception that this one was raised from."""


class UnsendableEvent(VivavoceError, TypeError):
    """An event that holds something that JSON has no form for. Nothing was sent."""


class SendQueueFull(VivavoceError):
    """More waits to be sent than may. The event is discarded."""


class SocketNotOpen(VivavoceError, RuntimeError):
    """Something was to be sent over a socket that is not open yet, or no longer. Nothing was."""


class AlreadyListening(VivavoceError, RuntimeError):
    """A second task wants the events of a connection that another task is listening to."""


class ErrorReceived(VivavoceError):
    """An `error` event came, and there is no handler for it.

    - event: the event: an ErrorEvent, or an UnknownEvent if its shape is not known.
    - error: its error object, None where there is none.
    """

    def __init__(self, event: ErrorEvent | UnknownEvent) -> None:
        self.event = event
        self.error = event.error if isinstance(event, ErrorEvent) else None
        said = self.error.message.rstrip(".") if self.error is not None else "of an unknown shape"
        super().__init__(
            f"The server sent an error: {said}. To go on after errors, register a handler for 'error'."
        )


class EventRefused(VivavoceError):
    """The server answered an event that somebody waits for with an `error`.

    - event: the error event.
    - error: its error object.
    """

    def __init__(self, event: ErrorEvent) -> None:
        self.event = event
        self.error = event.error
        code = f" ({self.error.code})" if self.error.code else ""
        super().__init__(f"The server refuses what was asked for{code}: {self.error.message}")


class ResponseFailed(VivavoceError):
    """A response failed.

    - answer: what there is of it; `answer.response.status_details.error` has the reason.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        details = answer.response.status_details
        said = details.error.message if details and details.error else UNSET
        super().__init__(f"The response failed: {said or 'the server does not say why'}")


class ResponseCancelled(VivavoceError):
    """A response was cancelled: by `response.cancel`, or because somebody began to speak.

    - answer: what there is of it; `answer.response.status_details.reason` tells which.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        details = answer.response.status_details
        reason = (details.reason if details else UNSET) or "no reason given"
        super().__init__(f"The response was cancelled ({reason}).")


class ResponseLost(VivavoceError):
    """The connection broke off in the middle of a response, and the one that replaced it knows nothing of it.

    - response_id: of the response, None if it had not begun.
    """

    def __init__(self, response_id: str | None) -> None:
        self.response_id = response_id
        when = f"during the response {response_id}" if response_id else "before the response began"
        super().__init__(f"The connection broke off {when}: ask again.")


class ConnectError(VivavoceError, OSError):
    """No connection came about."""


class HostNotFound(ConnectError):
    """The host's name cannot be resolved."""


class ConnectionRefused(ConnectError):
    """Nothing listens at the address, or it cannot be reached."""


class ConnectTimeout(ConnectError):
    """The handshake was not finished in time."""


class TLSFailure(ConnectError):
    """The secure connection failed: the certificate is not trusted, or the server does not speak TLS."""


class ConnectionLost(ConnectError):
    """The connection broke while a request or its answer was on the way: whether the server has done what was
    asked is not known."""


class RequestTimeout(ConnectError):
    """The answer to a request did not come in time: whether the server has done what was asked is not
    known."""


class HandshakeFailed(ConnectError):
    """Something answered, but not as a Realtime server does."""


class StatusError(VivavoceError):
    """The server answered with an HTTP error.

    - status: the HTTP status.
    - type, code, param: those of the API's error object, None where the answer has none.
    - body: the answer as text, at most 64 KiB of it.
    - request_id: the server's name for the request, to quote in a question about it.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        error: dict[str, Any] | None = None,
        body: str = "",
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type, self.code, self.param = (_text(error, key) for key in ("type", "code", "param"))
        self.body = body
        self.request_id = request_id


def _text(error: dict[str, Any] | None, key: str) -> str | None:
    value = error.get(key) if error else None
    return value if isinstance(value, str) else None


class BadRequestError(StatusError):
    """400: something in the request is wrong: `param` and `code` tell what."""


class AuthenticationError(StatusError):
    """401: the key is missing or wrong."""


class PermissionDeniedError(StatusError):
    """403: the key may not do this."""


class NotFoundError(StatusError):
    """404: there is no such path, model or call."""


class ConflictError(StatusError):
    """409: not possible in the state in which things are."""


class UnprocessableEntityError(StatusError):
    """422: understood, but not possible."""


class RateLimitError(StatusError):
    """429: too many requests, or the quota is used up."""


class ServerError(StatusError):
    """500 and above: the server's own fault, worth another try."""


class InvalidAnswer(VivavoceError):
    """The server answered a request, and successfully, but not with what the API says.

    - status: the HTTP status.
    - request_id: the server's name for the request, to quote in a question about it.
    """

    def __init__(self, message: str, *, status: int, request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class InvalidWebhook(VivavoceError, ValueError):
    """A message to the program's own URL that cannot be used: answer it with 400."""


class InvalidWebhookSignatureError(InvalidWebhook):
    """It was not signed with the secret, or too long ago: do not do what it says."""


class ConnectionClosed(VivavoceError):
    """The connection is over.

    - code: the WebSocket close code, 1006 if the connection broke without one. Of a call: 1000 if either side
      has hung up, 1006 if the other one is gone, 4009 if the program did not read its events.
    - reason: what was said with it, often empty.
    - error: the `error` event's object that came right before, which then tells why.
    - normal: the code is 1000, 1001 or none at all; iteration ends quietly then.
    - unsent_messages: the events that were sent and never reached the transport, as JSON, oldest first; with
      `recovery="restore"` also those whose effect was not seen, audio aside.
    """

    def __init__(
        self,
        code: int,
        reason: str = "",
        error: Error | None = None,
        *,
        unsent_messages: Iterable[str] = (),
    ) -> None:
        self.code = code
        self.reason = reason
        self.error = error
        self.unsent_messages = list(unsent_messages)
        super().__init__(self._sentence())

    @property
    def normal(self) -> bool:
        return self.code in NORMAL_CODES

    def _sentence(self) -> str:
        closed = f"code {self.code}{f', {self.reason}' if self.reason else ''}"
        if self.unsent_messages:
            closed += f", {len(self.unsent_messages)} unsent_messages"
        if self.error is not None:
            return f"{self.error.message.rstrip('.')}. The server closed the connection ({closed})."
        what, remedy = _CODES.get(self.code, ("The connection was closed", "see the code and the reason"))
        return f"{what} ({closed}): {remedy}."


NORMAL_CODES = frozenset({1000, 1001, 1005})
"""Closed on purpose, going away, and closed without a code."""

_CODES = {
    1000: ("The connection is closed", "connect again to go on"),
    1001: ("The server is going away", "connect again to go on"),
    1002: ("The connection broke the WebSocket protocol", "see whether a proxy stands in between"),
    1003: ("The server does not take this kind of data", "send text, not bytes"),
    1005: ("The connection is closed", "connect again to go on"),
    1006: ("The connection broke off", "check the network and the server, and connect again"),
    1007: ("A message was not valid UTF-8", "see whether a proxy stands in between"),
    1008: ("The server refuses this client", "see the reason"),
    1009: ("A message was too big", "raise max_size, or send less at once"),
    1011: ("The server failed or stopped answering", "connect again"),
    1012: ("The server restarts", "connect again in a moment"),
    1013: ("The server is overloaded", "connect again in a while"),
    1015: ("The secure connection broke off", "check the server's certificate"),
    3000: ("The server refuses the key", "check api_key"),
    4000: ("The server refuses the request", "check the model and the query parameters"),
    4004: ("The server does not know the model", "check the model"),
    4009: ("The program did not read the events of the call", "iterate it while it lasts"),
}
"""What a close code means, and what to do about it."""
