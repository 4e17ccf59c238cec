"""Asking for a response, and waiting for it while its parts come."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import TYPE_CHECKING, Any

from vivavoce.client.answers import Answer, AnswerPart
from vivavoce.client.errors import ConnectionClosed
from vivavoce.client.questions import Question, message_of, saying
from vivavoce.client.responses import Request, RequestState, Responses, as_params
from vivavoce.protocol import ResponseParams

if TYPE_CHECKING:
    from vivavoce.client.connection import AsyncRealtimeConnection


class AsyncResponding(Coroutine[Any, Any, Answer]):
    """A response that is asked for: await it for the answer, or iterate it for its parts first.

        answer = await rt.respond()

        responding = rt.respond()
        async for part in responding: ...
        answer = await responding

        asking = asyncio.create_task(rt.ask("Why?"))

    Nothing is sent before that. It is sent when no other response runs in the conversation. Cancelling the
    task that waits, or leaving the iteration, cancels the response.

    Raises EventRefused where the server refuses, ResponseFailed, ResponseCancelled, ResponseLost, and
    ConnectionClosed.
    """

    def __init__(
        self, conversing: "AsyncConversing", items: tuple[Mapping[str, Any], ...], params: object
    ) -> None:
        self._conversing = conversing
        self._items = items
        self._request = Request(as_params(params))
        self._begun = False
        self._running: Coroutine[Any, Any, Answer] | None = None

    def __await__(self) -> Generator[Any, Any, Answer]:
        return self._finish().__await__()

    # What makes a coroutine, which is what a task runs.

    def send(self, value: Any) -> Any:
        if self._running is None:
            self._running = self._finish()
        return self._running.send(value)

    def throw(self, *error: Any) -> Any:
        if self._running is None:
            self._running = self._finish()
        return self._running.throw(*error)

    def close(self) -> None:
        if self._running is not None:
            self._running.close()

    async def _finish(self) -> Answer:
        if not self._begun:
            async for _ in self:
                pass
        outcome = self._request.outcome
        if isinstance(outcome, Answer):
            return outcome
        if outcome is None:
            raise RuntimeError("The response is being waited for elsewhere, or was left: ask again.")
        raise outcome

    async def __aiter__(self) -> AsyncIterator[AnswerPart]:
        if self._begun:
            raise RuntimeError("The parts of a response can be iterated once: ask again.")
        self._begun = True
        async with aclosing(self._conversing.parts(self._request, self._items)) as parts:
            async for part in parts:
                yield part
        if isinstance(self._request.outcome, Exception):
            raise self._request.outcome


class AsyncConversing:
    """The responses of a connection, one after the other."""

    def __init__(self, connection: "AsyncRealtimeConnection") -> None:
        self._connection = connection
        self.responses = Responses(self._cancel)
        self._turns = asyncio.Lock()
        self._cancelling: set[asyncio.Task[None]] = set()
        self._watching = False
        self._last: Any = None

    def answered(self, event: Any) -> bool:
        """Whether an `error` event was raised by what it answers."""
        return self.responses.was_answered(event)

    async def parts(
        self, request: Request, items: tuple[Mapping[str, Any], ...]
    ) -> AsyncGenerator[AnswerPart, None]:
        """Add the items to the conversation, ask for the response, and yield what comes until it has an
        outcome."""
        self._watch()
        news = asyncio.Event()
        request.wake = news.set
        turn: AbstractAsyncContextManager[Any] = self._turns if request.in_conversation else nullcontext()
        with self._connection._intake.hurried():
            async with turn:
                # Whoever wants to listen shall have begun before events are taken out of its hands.
                await asyncio.sleep(0)
                self.responses.add(request)
                self._connection._intake.look()
                try:
                    while request.outcome is None or request.parts:
                        news.clear()
                        if self.responses.free(request):
                            for item in items:
                                await self._connection.send(request.item_event(item))
                            items = ()
                            await self._connection.send(request.event())
                        while request.parts:
                            yield request.parts.popleft()
                        if request.outcome is None:
                            await self._wait(news)
                finally:
                    if request.state is not RequestState.ENDED:
                        response_id = self.responses.leave(request)
                        if response_id is not None:
                            await self._send_cancel(response_id)
            await self._connection._dispatch_ahead()

    async def _wait(self, news: asyncio.Event) -> None:
        """Wait for something new, and call the handlers of what comes if nobody else does."""
        await self._connection._dispatch_ahead()
        await news.wait()

    def _watch(self) -> None:
        if not self._watching:
            self._watching = True
            self._connection._intake.watch(self._see, self._over)

    def _see(self, event: Any) -> None:
        self._last = event
        self.responses.see(event)
        if not self._connection._intake.listened:
            self.responses.wake()  # to call the handlers

    def _cancel(self, response_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._send_cancel(response_id))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def _send_cancel(self, response_id: str) -> None:
        try:
            await self._connection.send(self.responses.cancellation(response_id))
        except ConnectionClosed:
            pass  # and with it the response

    def _over(self) -> None:
        self.responses.over(self._connection._ending(self._last))


class AsyncAsking:
    """Asking for responses: the part of a connection that waits for answers."""

    _conversing: AsyncConversing

    def respond(self, response: ResponseParams | Mapping[str, Any] | None = None) -> AsyncResponding:
        """Ask for a response, with what `response` wants to be different from the session, and wait for it
        when it is awaited or iterated. It is sent when no other response runs; those that are asked for at
        the same time come one after the other, except those with `conversation: "none"`."""
        return self._respond((), response)

    def ask(
        self, question: Question, response: ResponseParams | Mapping[str, Any] | None = None
    ) -> AsyncResponding:
        """Add a user's message to the conversation and ask for a response: `(await rt.ask("Why?")).text`."""
        return self._respond((message_of(question),), response)

    def say(self, text: str, response: ResponseParams | Mapping[str, Any] | None = None) -> AsyncResponding:
        """Have the assistant say exactly this. How exactly is up to the model, which is told to by the
        response's instructions and gets no tools."""
        return self._respond((), saying(text, response))

    def _respond(self, items: tuple[Mapping[str, Any], ...], params: object) -> AsyncResponding:
        return AsyncResponding(self._conversing, items, params)
