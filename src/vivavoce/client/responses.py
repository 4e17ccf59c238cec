"""Responses that were asked for, and what the server says of them: no input, no output.

A conversation has one response at a time, and the server refuses to begin another. `Responses` sees every
event and knows which one runs; a `Request` waits for its turn, is sent, gets its parts, and ends in an answer
or an exception.

Which `response.created` belongs to a request is told by its metadata, in which servers return what they were
given: voice detection may begin a response at the same moment.
"""

import secrets
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import msgspec

from vivavoce.client.answers import Answer, AnswerAudio, AnswerPart, answer_of, part_of
from vivavoce.client.errors import (
    ConnectionClosed,
    EventRefused,
    ResponseCancelled,
    ResponseFailed,
    ResponseLost,
)
from vivavoce.client.reconnecting import ResponseInterrupted
from vivavoce.protocol import (
    ErrorEvent,
    MalformedEvent,
    Response,
    ResponseCreated,
    ResponseDone,
    VivavoceError,
)

TAG = "vivavoce"
"""The metadata key that says which request a response answers."""

_MAX_METADATA = 16

_REMEMBERED = 64
"""Cancellations, and errors that were raised elsewhere, whose echo may still come."""

_BUSY = "conversation_already_has_active_response"


class RequestState(Enum):
    """How far a request is."""

    WAITING = "waiting"
    """For its turn: another response runs."""
    SENT = "sent"
    RUNNING = "running"
    """The server has begun to answer."""
    LEFT = "left"
    """Nobody wants the answer any more; it is cancelled as soon as it begins."""
    ENDED = "ended"


_NEXT: dict[RequestState, frozenset[RequestState]] = {
    RequestState.WAITING: frozenset({RequestState.SENT, RequestState.ENDED}),
    RequestState.SENT: frozenset(
        {RequestState.WAITING, RequestState.RUNNING, RequestState.LEFT, RequestState.ENDED}
    ),
    RequestState.RUNNING: frozenset({RequestState.ENDED}),
    RequestState.LEFT: frozenset({RequestState.ENDED}),
    RequestState.ENDED: frozenset(),
}


class Request:
    """One response that is asked for.

    - wake: called when there is something new to find here.
    - parts: what came and nobody has taken.
    - outcome: the answer, or why there is none.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.id = f"event_{secrets.token_hex(12)}"
        self.event_ids = {self.id}
        """Those of all events that were sent for it."""
        self.wake: Callable[[], None] = _nobody
        self.parts: deque[AnswerPart] = deque()
        self.outcome: Answer | VivavoceError | None = None
        self.response_id: str | None = None
        self.in_conversation = params.get("conversation") != "none"
        self._params = dict(params)
        self._audio: list[bytes] = []
        self._state = RequestState.WAITING
        metadata = params.get("metadata") or {}
        self._tagged = len(metadata) < _MAX_METADATA
        if self._tagged:
            self._params["metadata"] = {**metadata, TAG: self.id}

    @property
    def state(self) -> RequestState:
        return self._state

    def become(self, state: RequestState) -> None:
        """Change the state. Raises RuntimeError for a change that there is not."""
        if state not in _NEXT[self._state]:
            raise RuntimeError(f"A request that is {self._state.value} cannot become {state.value}.")
        self._state = state

    def event(self) -> dict[str, Any]:
        """The `response.create` to send now."""
        self.become(RequestState.SENT)
        return {"type": "response.create", "event_id": self.id, "response": self._params}

    def item_event(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The `conversation.item.create` of an item that the response is to answer."""
        event_id = f"event_{secrets.token_hex(12)}"
        self.event_ids.add(event_id)
        return {"type": "conversation.item.create", "event_id": event_id, "item": item}

    def owns(self, response: Response) -> bool | None:
        """Whether this response is the one asked for; None if only its end can tell."""
        tag = (response.metadata or {}).get(TAG)
        if tag is not None:
            return tag == self.id
        return None if self._tagged else True

    def begin(self, response: Response) -> None:
        self.response_id = response.id
        self.become(RequestState.RUNNING)

    def add(self, part: AnswerPart) -> None:
        if isinstance(part, AnswerAudio):
            self._audio.append(part.audio)
        self.parts.append(part)
        self.wake()

    def finish(self, response: Response) -> None:
        """The response is done."""
        answer = answer_of(response, self._audio)
        match response.status:
            case "failed":
                self.end(ResponseFailed(answer))
            case "cancelled":
                self.end(ResponseCancelled(answer))
            case _:
                self.end(answer)

    def end(self, outcome: Answer | VivavoceError) -> None:
        self.outcome = outcome
        self.become(RequestState.ENDED)
        self.wake()


class Responses:
    """The responses of one connection.

    - cancel: told to have a response cancelled that nobody wants any more.
    """

    def __init__(self, cancel: Callable[[str], None]) -> None:
        self._cancel = cancel
        self._requests: list[Request] = []
        self._running: str | None = None
        """The response of the conversation that is in progress."""
        self._blocked = False
        """The server says that there is one whose beginning nobody saw."""
        self._unclaimed: set[str] = set()
        """Responses in progress that may turn out to belong to a request."""
        self._cancels: deque[str] = deque(maxlen=_REMEMBERED)
        self._answered: deque[ErrorEvent] = deque(maxlen=_REMEMBERED)

    def add(self, request: Request) -> None:
        """Look after a request."""
        self._requests.append(request)

    def free(self, request: Request) -> bool:
        """Whether the request may be sent now."""
        busy = self._running is not None or self._blocked
        return request.state is RequestState.WAITING and not (request.in_conversation and busy)

    def leave(self, request: Request) -> str | None:
        """Nobody wants the answer any more. The id of the response to cancel now, if there is one."""
        if request.state is RequestState.RUNNING:
            self._requests.remove(request)
            return request.response_id
        if request.state is RequestState.SENT:
            request.become(RequestState.LEFT)
        elif request in self._requests:
            self._requests.remove(request)
        return None

    def cancellation(self, response_id: str) -> dict[str, Any]:
        """The `response.cancel` to send. That it came too late is no error."""
        event_id = f"event_{secrets.token_hex(12)}"
        self._cancels.append(event_id)
        return {"type": "response.cancel", "event_id": event_id, "response_id": response_id}

    def was_answered(self, event: object) -> bool:
        """Whether this is an `error` event that a request has ended with, or that means nothing."""
        return any(event is each for each in self._answered)

    def over(self, why: ConnectionClosed) -> None:
        """No event will come any more."""
        for request in self._requests:
            if request.state is not RequestState.ENDED:
                request.end(why)
        self._requests.clear()

    def renewed(self, *, restored: bool) -> None:
        """The connection is another one. Unless the session was restored, and what the old one did not answer
        sent again, it knows nothing of what was asked before."""
        for request in tuple(self._requests):
            if request.state is RequestState.RUNNING or not (
                restored or request.state is RequestState.WAITING
            ):
                self._requests.remove(request)
                request.end(ResponseLost(request.response_id))
        self._running = None
        self._blocked = False
        self._unclaimed.clear()
        self.wake()

    def see(self, event: object) -> None:
        """Take note of an event."""
        match event:
            case ResponseCreated():
                self._created(event.response)
            case ResponseDone():
                self._done(event.response)
            case ErrorEvent():
                self._error(event)
            case ResponseInterrupted():
                self._interrupted(event.response_id)
            case _ if self._requests:
                self._part(event)

    def _created(self, response: Response) -> None:
        if response.conversation_id is not None:
            self._running = response.id
        for request in self._sent():
            owned = request.owns(response)
            if owned is None:
                self._unclaimed.add(response.id)
            elif owned and request.state is RequestState.LEFT:
                self._requests.remove(request)
                self._cancel(response.id)
            elif owned:
                request.begin(response)
                return

    def _done(self, response: Response) -> None:
        if response.id == self._running or response.conversation_id is not None:
            self._running = None
            self._blocked = False
        for request in tuple(self._requests):
            # A server that returns no metadata: nothing else than this can have been the answer.
            silent = response.id in self._unclaimed and request.state is RequestState.SENT
            if request.response_id == response.id or silent:
                self._requests.remove(request)
                request.response_id = response.id
                request.finish(response)
                break
        self._unclaimed.discard(response.id)
        self.wake()

    def _interrupted(self, response_id: str) -> None:
        if self._running == response_id:
            self._running = None
        for request in tuple(self._requests):
            if request.response_id == response_id:
                self._requests.remove(request)
                request.end(ResponseLost(response_id))

    def _error(self, event: ErrorEvent) -> None:
        if event.error.event_id in self._cancels:  # it was done already
            self._answered.append(event)
        for request in tuple(self._requests):
            if event.error.event_id not in request.event_ids:
                continue
            self._answered.append(event)
            if request.state is RequestState.LEFT:
                self._requests.remove(request)
            elif event.error.code == _BUSY and event.error.event_id == request.id:
                self._blocked = True
                request.become(RequestState.WAITING)
            else:
                self._refused(request, event)

    def _refused(self, request: Request, event: ErrorEvent) -> None:
        if request.state is RequestState.SENT and event.error.event_id != request.id:
            # What it was to be an answer to was refused: the answer, which will come, is not wanted.
            request.outcome = EventRefused(event)
            request.become(RequestState.LEFT)
            request.wake()
        else:
            self._requests.remove(request)
            request.end(EventRefused(event))

    def _part(self, event: object) -> None:
        response_id = getattr(event, "response_id", None)
        if response_id is None:
            return
        for request in self._requests:
            if request.response_id == response_id:
                try:
                    part = part_of(event)
                except ValueError:
                    self._requests.remove(request)
                    request.end(MalformedEvent("The server sent audio that is not base64."))
                    return
                if part is not None:
                    request.add(part)
                return

    def _sent(self) -> list[Request]:
        return [each for each in self._requests if each.state in (RequestState.SENT, RequestState.LEFT)]

    def wake(self) -> None:
        """Tell all requests to look around."""
        for request in self._requests:
            request.wake()


def _nobody() -> None:
    """Wants to know."""


def as_params(response: object) -> dict[str, Any]:
    """What a `response.create` carries, as a dict. Raises TypeError for what is none."""
    if response is None or response is msgspec.UNSET:
        return {}
    params = response if isinstance(response, Mapping) else msgspec.to_builtins(response)
    return dict(params)
