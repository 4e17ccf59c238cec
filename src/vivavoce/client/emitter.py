"""Events for programs that come from JavaScript: what `OpenAIRealtimeWS` and `OpenAIRealtimeWebSocket` have
in common, in both dialects."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from inspect import iscoroutine
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import msgspec

from vivavoce.client.account import Account
from vivavoce.client.core import encoded
from vivavoce.client.errors import ConfigurationError
from vivavoce.client.handlers import Handlers
from vivavoce.client.listening import Listening
from vivavoce.protocol import Error, ErrorEvent, MalformedEvent, UnknownEvent, VivavoceError
from vivavoce.protocol.base import WireObject

UNHANDLED = (
    "\n\nTo resolve these unhandled rejection errors you should bind an `error` callback, "
    "e.g. `rt.on('error', (error) => ...)` "
)
"""What an error that nobody listens to says in addition."""


class OpenAIRealtimeError(VivavoceError):
    """What went wrong on a connection: the server's error, or the connection's own.

    - message: a sentence, with the fields of the server's error object.
    - error: the server's error object, None if the error is not the server's. As a dict where its shape is
      unknown.
    - event_id: the server's name for its event.

    `__cause__` is the exception behind an error of the connection's own.
    """

    def __init__(self, message: str, event: ErrorEvent | UnknownEvent | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.error: Error | Mapping[str, Any] | None = None
        self.event_id: str | None = None
        if isinstance(event, ErrorEvent):
            self.error, self.event_id = event.error, event.event_id
        elif event is not None:
            said = msgspec.json.decode(event.raw)
            self.error, self.event_id = said.get("error"), said.get("event_id")


class EventEmitter(Listening):
    """What calls functions by the names of events, as in JavaScript.

    Functions may be added twice and are called twice; those added or removed while an event is told are not
    for that event. A coroutine is run as a task beside the others.
    """

    def __init__(self) -> None:
        self._handlers = Handlers()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._awaited = False
        """Whether somebody who waited for an event has been told, and not run yet."""

    def _emitted(self, name: str) -> asyncio.Future[Any]:
        """The next event of this name, to be awaited; a list, where it says several things. It counts from
        now on, whether awaited yet or not.

        An `error` that comes first is raised, except by `emitted("error")`, which returns it.
        """
        arrival: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def arrived(said: object) -> None:
            self._awaited = True
            if not arrival.done():
                arrival.set_result(said)

        def failed(error: object) -> None:
            self._awaited = True
            if not arrival.done():
                arrival.set_exception(
                    error if isinstance(error, Exception) else OpenAIRealtimeError(str(error))
                )

        forget = self._handlers.expect(name, arrived, failed)
        arrival.add_done_callback(lambda _: forget())
        return arrival

    if not TYPE_CHECKING:
        emitted = _emitted

    def _emit(self, name: str, *said: Any) -> None:
        for handler in self._handlers.take(name):
            result = handler(*said)
            if result is not None and iscoroutine(result):
                self._start(result)

    def _start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _let_others_run(self) -> None:
        """Let those who awaited an event go on before the next one is told."""
        if self._awaited:
            self._awaited = False
            await asyncio.sleep(0)


class OpenAIRealtimeEmitter(EventEmitter, ABC):
    """A Realtime connection that tells events.

    - url: where it is connected to, without the key.

    `"event"` gets every event of the server before those of its own type do; `"error"` gets an
    OpenAIRealtimeError for errors of the server and of the connection. An error that nobody listens to is
    reported to the event loop's exception handler, which logs it.
    """

    url: str

    @staticmethod
    @abstractmethod
    def _decode(data: str | bytes) -> Any:
        """An event of the server. Raises MalformedEvent."""

    @abstractmethod
    def _send_text(self, message: bytes) -> None:
        """Raises VivavoceError."""

    @abstractmethod
    def _close_socket(self, code: int, reason: str) -> None:
        """Raises ValueError for a code that may not be sent."""

    def send(self, event: WireObject | Mapping[str, Any]) -> None:
        """Send an event at once. What prevents it is told as an `error`: nothing is raised, and nothing kept
        for later."""
        try:
            self._send_text(encoded(event))
        except VivavoceError as error:
            self._on_error(None, "could not send data", error)

    def close(self, code: int = 1000, reason: str = "OK") -> None:
        """Close the connection. What prevents it is told as an `error`."""
        try:
            self._close_socket(code, reason)
        except ValueError as error:
            self._on_error(None, "could not close the connection", error)

    def _receive(self, data: bytes) -> None:
        """Tell what came."""
        try:
            event = self._decode(data)
        except MalformedEvent:
            self._on_error(None, "could not parse websocket event", _no_event(data))
            return
        self._emit("event", event)
        if event.type == "error":
            self._on_error(event)
        else:
            self._emit(event.type, event)

    def _on_error(
        self,
        event: ErrorEvent | UnknownEvent | None,
        message: str | None = None,
        cause: BaseException | None = None,
    ) -> None:
        if event is not None:
            message = described(msgspec.json.decode(event.raw).get("error")) or message
        message = message or "unknown error"
        if "error" in self._handlers:
            error = OpenAIRealtimeError(message, event)
            error.__cause__ = cause
            self._emit("error", error)
            return
        error = OpenAIRealtimeError(message + UNHANDLED, event)
        error.__cause__ = cause
        asyncio.get_running_loop().call_exception_handler(
            {"message": "An error of a Realtime connection that nobody listens to", "exception": error}
        )


def static_key(account: Account) -> str | None:
    """The key, where there is no time to ask for it. Raises ConfigurationError if it must be asked for."""
    if callable(account.key):
        raise ConfigurationError(
            "Cannot open Realtime WebSocket with a function-based api_key.\n"
            "Use the .create() method so that the key is resolved before connecting."
        )
    return account.key


def described(error: object) -> str | None:
    """The server's error object in one line. None if there is none."""
    if not isinstance(error, Mapping):
        return None if not error else str(error)
    said = {name: _printed(error.get(name, ...)) for name in ("message", "code", "param", "type", "event_id")}
    message = said.pop("message")
    return " ".join([message, *(f"{name}={value}" for name, value in said.items())])


def _printed(value: object) -> str:
    match value:
        case str():
            return value
        case None:
            return "null"
        case EllipsisType():
            return "undefined"
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return "[unserializable error value]"


def _no_event(data: bytes) -> Exception:
    """Why a message is no event, without anything of the message."""
    try:
        msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return ValueError("Could not parse Realtime WebSocket event data as JSON.")
    return TypeError("Realtime WebSocket event must be an object with a string type.")
