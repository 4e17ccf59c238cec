"""Asking for a response, and waiting for it, without an event loop."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from vivavoce.client.answers import Answer, AnswerPart
from vivavoce.client.errors import ConnectionClosed
from vivavoce.client.questions import Question, message_of, saying
from vivavoce.client.responses import Request, RequestState, Responses, as_params
from vivavoce.protocol import ResponseParams

if TYPE_CHECKING:
    from vivavoce.client.sync_connection import RealtimeConnection


class Responding:
    """A response that is asked for: `result` is the answer, iteration yields its parts first.

        answer = rt.respond().result()

        responding = rt.respond()
        for part in responding: ...
        answer = responding.result()

    Nothing is sent before that. It is sent when no other response runs in the conversation. Meanwhile this
    thread listens: the handlers of what comes are called, and no other thread may listen. Leaving the
    iteration cancels the response.

    Raises EventRefused where the server refuses, ResponseFailed, ResponseCancelled, and ConnectionClosed.
    """

    def __init__(
        self, conversing: "Conversing", items: tuple[Mapping[str, Any], ...], params: object
    ) -> None:
        self._conversing = conversing
        self._items = items
        self._request = Request(as_params(params))
        self._begun = False

    def result(self) -> Answer:
        """The answer, when it is there."""
        if not self._begun:
            for _ in self:
                pass
        outcome = self._request.outcome
        if isinstance(outcome, Answer):
            return outcome
        if outcome is None:
            raise RuntimeError("The response was left: ask again.")
        raise outcome

    def __iter__(self) -> Iterator[AnswerPart]:
        if self._begun:
            raise RuntimeError("The parts of a response can be iterated once: ask again.")
        self._begun = True
        with closing(self._conversing.parts(self._request, self._items)) as parts:
            yield from parts
        if isinstance(self._request.outcome, Exception):
            raise self._request.outcome


class Conversing:
    """The responses of a connection, one after the other."""

    def __init__(self, connection: "RealtimeConnection") -> None:
        self._connection = connection
        self.responses = Responses(self._cancel)
        self._watching = False

    def parts(
        self, request: Request, items: tuple[Mapping[str, Any], ...]
    ) -> Generator[AnswerPart, None, None]:
        """Ask for the response, with these items before it, and yield what comes until it has an outcome."""
        if not self._watching:
            self._watching = True
            self._connection.watch(self.responses.see)
        self.responses.add(request)
        try:
            while request.outcome is None or request.parts:
                if self.responses.free(request):
                    for item in items:
                        self._connection.send(request.item_event(item))
                    items = ()
                    self._connection.send(request.event())
                while request.parts:
                    yield request.parts.popleft()
                if request.outcome is None:
                    self._connection._dispatch(self._connection.recv())
        except ConnectionClosed as closed:
            self.responses.over(closed)
            raise
        finally:
            if request.state is not RequestState.ENDED:
                response_id = self.responses.leave(request)
                if response_id is not None:
                    self._cancel(response_id)

    def _cancel(self, response_id: str) -> None:
        try:
            self._connection.send(self.responses.cancellation(response_id))
        except ConnectionClosed:
            pass  # and with it the response


class Asking:
    """Asking for responses: the part of a connection that waits for answers."""

    _conversing: Conversing

    def respond(self, response: ResponseParams | Mapping[str, Any] | None = None) -> Responding:
        """Ask for a response, with what `response` wants to be different from the session, when its `result`
        is asked for or it is iterated. It is sent when no other response runs."""
        return Responding(self._conversing, (), response)

    def ask(
        self, question: Question, response: ResponseParams | Mapping[str, Any] | None = None
    ) -> Responding:
        """Add a user's message to the conversation and ask for a response: `rt.ask("Why?").result().text`."""
        return Responding(self._conversing, (message_of(question),), response)

    def say(self, text: str, response: ResponseParams | Mapping[str, Any] | None = None) -> Responding:
        """Have the assistant say exactly this. How exactly is up to the model, which is told to by the
        response's instructions and gets no tools."""
        return Responding(self._conversing, (), saying(text, response))
