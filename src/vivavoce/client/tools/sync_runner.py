"""Running the calls of a conversation beside it, in threads."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable, Iterable
from time import monotonic
from types import TracebackType
from typing import Any, Self

from vivavoce.client.errors import ConnectionClosed
from vivavoce.client.sending import Sender
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


class ToolRunner(Running):
    """Runs the functions that the model calls, and tells it what came out, without an event loop.

        with ToolRunner(rt, [weather, book]) as tools:
            rt.session.update(session={"type": "realtime", "tools": tools.definitions})
            for event in rt:
                ...

    Every call runs in a thread of its own, a coroutine function in an event loop of its own. All else, and
    the parameters, are as with AsyncToolRunner. Leaving the context drops what still runs.
    """

    def __init__(
        self,
        connection: Sender,
        tools: Iterable[Callable[..., Any]] | Tools,
        *,
        follow_up: FollowUp = True,
        timeout: float | None = TIMEOUT_S,
        max_parallel: int = MAX_PARALLEL,
        on_error: OnError | None = None,
    ) -> None:
        super().__init__(tools, follow_up, timeout, max_parallel, on_error)
        self._connection = connection
        self._changed = threading.Condition()
        """Held for whatever touches the ledger and the fields below."""
        self._waiting: dict[Call, contextvars.Context] = {}
        self._deadlines: dict[Call, float | None] = {}
        """Calls without an output, and until when they may have one."""
        self._threads = 0
        self._closed = False
        self._failure: Exception | None = None
        self._unwatch: Callable[[], None] | None = None
        self._idle = True
        self._worker = threading.Thread(target=self._work, name="tool outputs", daemon=True)

    def feed(self, event: Any) -> bool:
        """Take an event of the server. Does not wait. Returns True for an error that is looked after."""
        if isinstance(event, UnknownEvent):
            return False
        with self._changed:
            mended = self._ledger.feed(event)
            for call in self._ledger.calls():
                limit = self._deadline_s(call)
                if len(self._deadlines) >= MAX_PENDING:
                    self._refused(call)
                    continue
                self._deadlines[call] = None if limit is None else monotonic() + limit
                self._waiting[call] = contextvars.copy_context()
            self._wake()
        return mended

    def settled(self, timeout: float | None = None) -> bool:
        """Return True when every call that has come is answered and its output sent, False after `timeout`
        seconds."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._closed or (self._idle and not self._deadlines), timeout
            )

    def __enter__(self) -> Self:
        self._worker.start()
        watch = getattr(self._connection, "watch", None)
        self._unwatch = watch(self.feed) if watch is not None else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._unwatch is not None:
            self._unwatch()
        with self._changed:
            self._closed = True
            self._deadlines.clear()
            self._wake()
        self._worker.join()
        # That the connection is closed learns whoever listens to it.
        if self._failure is not None and not isinstance(self._failure, ConnectionClosed) and error is None:
            raise self._failure

    def _wake(self) -> None:
        self._idle = False
        self._changed.notify_all()

    def _work(self) -> None:
        """Start calls when there is room, give up those that take too long, and send."""
        while True:
            with self._changed:
                if self._closed:
                    return
                self._give_up()
                while self._waiting and self._threads < self._max_parallel:
                    self._start(next(iter(self._waiting)))
                events = self._ledger.drain()
                if not events:
                    self._idle = True
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: not self._idle, self._patience())
                    continue
            try:
                for event in events:
                    self._connection.send(event)
            except Exception as error:  # noqa: BLE001 - leaving the context raises it
                with self._changed:
                    self._closed = True
                    self._failure = error
                    self._changed.notify_all()

    def _patience(self) -> float | None:
        limits = [limit for limit in self._deadlines.values() if limit is not None]
        return max(0.0, min(limits) - monotonic()) if limits else None

    def _give_up(self) -> None:
        now = monotonic()
        for call in [call for call, limit in self._deadlines.items() if limit is not None and limit <= now]:
            del self._deadlines[call]
            self._waiting.pop(call, None)
            self._timed_out(call)

    def _start(self, call: Call) -> None:
        self._threads += 1
        run = self._waiting.pop(call).run
        threading.Thread(target=run, args=(self._run, call), name=f"tool {call.name}", daemon=True).start()

    def _run(self, call: Call) -> None:
        result, failure = None, None
        try:
            _, made = self._prepare(call)
            result = made()
            if inspect.isawaitable(result):
                result = asyncio.run(_awaited(result))
        except Exception as error:  # noqa: BLE001 - whatever a tool raises, the model is told
            failure = error
        except BaseException as error:  # noqa: BLE001 - a tool cannot end the program
            failure = RuntimeError(f"The function raised {type(error).__name__}.")
        with self._changed:
            self._threads -= 1
            if call in self._deadlines:
                del self._deadlines[call]
                if failure is None:
                    self._succeeded(call, result)
                else:
                    self._failed(call, failure)
            self._wake()


async def _awaited(result: Any) -> Any:
    return await result
