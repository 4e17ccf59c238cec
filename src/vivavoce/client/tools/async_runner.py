"""Running the calls of a conversation beside it, on asyncio."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from vivavoce.client.errors import ConnectionClosed
from vivavoce.client.sending import AsyncSender
from vivavoce.client.tools.ledger import Call
from vivavoce.client.tools.running import (
    MAX_PARALLEL,
    MAX_PENDING,
    TIMEOUT_S,
    FollowUp,
    OnError,
    Running,
)
from vivavoce.client.tools.tool import Tools
from vivavoce.protocol import UnknownEvent

_GRACE_S = 5.0
"""How long coroutines may take to end when they are cancelled."""


class AsyncToolRunner(Running):
    """Runs the functions that the model calls, and tells it what came out.

        async with AsyncToolRunner(rt, [weather, book]) as tools:
            await rt.session.update(session={"type": "realtime", "tools": tools.definitions})
            async for event in rt:
                ...

    It watches the connection while somebody listens to that. A connection that cannot be watched needs
    `tools.feed(event)` for each event.

    Calls run beside the conversation: coroutine functions as tasks, others in threads. The outputs of a
    response are sent in the order of its calls, and one `response.create` when all are. Whatever goes wrong
    becomes an output that the model can read: an exception, a timeout, an unknown function, arguments that do
    not fit. Of exceptions it reads the message only if they are ToolErrors; others are logged. Responses
    beside the conversation (`conversation: "none"`) are left to whoever asked for them. Leaving the context
    cancels what still runs.

    - connection: anything with a `send` for events, in either dialect; `watch` is used if it is there.
    - tools: functions, decorated or not.
    - follow_up: whether a response is to follow when the calls of one are answered; a mapping is the
      `response` of its `response.create`.
    - timeout: seconds from a call to its output, waiting included; a tool may have one of its own. None: as
      long as it takes. A thread cannot be ended: it goes on, and what it returns is dropped.
    - max_parallel: calls that run at a time; others wait.
    - on_error: called with what a tool raised, instead of logging it; what it returns, if it is a string, is
      what the model reads.
    """

    def __init__(
        self,
        connection: AsyncSender,
        tools: Iterable[Callable[..., Any]] | Tools,
        *,
        follow_up: FollowUp = True,
        timeout: float | None = TIMEOUT_S,
        max_parallel: int = MAX_PARALLEL,
        on_error: OnError | None = None,
    ) -> None:
        super().__init__(tools, follow_up, timeout, max_parallel, on_error)
        self._connection = connection
        self._slots = asyncio.Semaphore(max_parallel)
        self._tasks: set[asyncio.Task[None]] = set()
        self._sender: asyncio.Task[None] | None = None
        self._unwatch: Callable[[], None] | None = None
        self._wake = asyncio.Event()
        """There may be something to send."""
        self._quiet = asyncio.Event()
        """There is nothing to send."""

    def feed(self, event: Any) -> bool:
        """Take an event of the server. Does not wait. Returns True for an error that is looked after."""
        if self._sender is None:
            raise RuntimeError("The tools do not run: enter them with `async with`.")
        if isinstance(event, UnknownEvent):
            return False
        mended = self._ledger.feed(event)
        for call in self._ledger.calls():
            if len(self._tasks) >= MAX_PENDING:
                self._refused(call)
                continue
            task = asyncio.create_task(self._run(call), name=f"tool {call.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._wake.set()
        return mended

    async def settled(self) -> None:
        """Return when every call that has come is answered and its output sent. Raises what sending
        raised."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._sender is None:
            return
        if not self._sender.done():
            self._quiet.clear()
            self._wake.set()
            await self._quiet.wait()
            await asyncio.sleep(0)  # for a sender that has just failed to be done
        if self._sender.done():
            self._sender.result()

    async def __aenter__(self) -> Self:
        self._sender = asyncio.create_task(self._send(), name="tool outputs")
        watch = getattr(self._connection, "watch", None)
        self._unwatch = watch(self.feed) if watch is not None else None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._unwatch is not None:
            self._unwatch()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GRACE_S)
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.cancel()
            with suppress(asyncio.CancelledError):
                await sender

    async def _send(self) -> None:
        """Send what is to be sent, until cancelled or until the connection is closed: whoever listens to it
        learns that."""
        try:
            while True:
                await self._wake.wait()
                while events := self._ledger.drain():
                    for event in events:
                        sending = self._connection.send(event)
                        if inspect.isawaitable(sending):
                            await sending
                self._wake.clear()
                self._quiet.set()
        except ConnectionClosed:
            pass
        finally:
            self._quiet.set()

    async def _run(self, call: Call) -> None:
        try:
            async with asyncio.timeout(self._deadline_s(call)) as limit:
                result = await self._result(call)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            self._failed(call, RuntimeError("It was cancelled."))
        except Exception as error:  # noqa: BLE001 - whatever a tool raises, the model is told
            if limit.expired():
                self._timed_out(call)
            else:
                self._failed(call, error)
        else:
            self._succeeded(call, result)
        self._wake.set()

    async def _result(self, call: Call) -> Any:
        tool, made = self._prepare(call)
        await self._slots.acquire()
        if tool.is_async:
            try:
                return await made()
            finally:
                self._slots.release()
        result, error = await self._in_thread(made, call.name)
        if error is not None:
            raise error
        return await result if inspect.isawaitable(result) else result

    def _in_thread(self, made: Callable[[], Any], name: str) -> asyncio.Future[tuple[Any, Exception | None]]:
        """Run a function in a thread of its own, which nobody waits for when the program ends."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[tuple[Any, Exception | None]] = loop.create_future()
        context = contextvars.copy_context()

        def tell(outcome: tuple[Any, Exception | None]) -> None:
            self._slots.release()
            if not ended.done():
                ended.set_result(outcome)

        def work() -> None:
            outcome: tuple[Any, Exception | None]
            try:
                outcome = (context.run(made), None)
            except Exception as error:  # noqa: BLE001 - the caller raises it
                outcome = (None, error)
            except BaseException as error:  # noqa: BLE001 - a tool cannot end the program
                outcome = (None, RuntimeError(f"The function raised {type(error).__name__}."))
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(tell, outcome)

        threading.Thread(target=work, name=f"tool {name}", daemon=True).start()
        return ended
