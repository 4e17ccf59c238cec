"""A scripted server beside a test: on a thread of its own, so that synchronous and asynchronous tests are
alike to it."""

import asyncio
import concurrent.futures
import ssl
import threading
from collections.abc import Coroutine, Generator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar, Unpack

from vivavoce.testing.clock import Activity, RealClock, VirtualClock
from vivavoce.testing.matching import Json, compare
from vivavoce.testing.report import ScriptNotFollowed, shown_event, summary
from vivavoce.testing.script import (
    Event,
    Refusal,
    Rule,
    Scene,
    Script,
    ScriptError,
    ScriptOptions,
    Step,
    compose,
    pattern,
)
from vivavoce.testing.server import Handshake, ScriptedServer

Result = TypeVar("Result")

PATIENCE_S = 10.0
"""Seconds of real time that `wait` and `expect` have, unless told otherwise."""


class Pending(Generic[Result]):
    """Something that is going on in the server. `await` it in an asynchronous test, or call `wait()`."""

    def __init__(self, future: "concurrent.futures.Future[Result]") -> None:
        self._future = future

    def wait(self, timeout: float = PATIENCE_S) -> Result:
        """Block until it is done, and return what it results in. Raises TimeoutError."""
        return self._future.result(timeout)

    def __await__(self) -> Generator[Any, None, Result]:
        return asyncio.wrap_future(self._future).__await__()


class ServerClock:
    """The time of a server. It stands still, at 0.0 in the beginning, until it is advanced."""

    def __init__(self, server: "RealtimeServer", clock: VirtualClock) -> None:
        self._server = server
        self._clock = clock

    def now(self) -> float:
        """Seconds."""
        return self._clock.now()

    def advance(self, seconds: float) -> Pending[None]:
        """Let so much time go by. Once awaited, all that was due has been sent.

        What the client has sent but the server has not yet seen cannot be due: wait for it with `expect`.
        """
        if seconds < 0:
            raise ValueError("Time does not go backwards.")
        return self._server._run(self._clock.advance(seconds))


class RealtimeServer:
    """A scripted Realtime server on a free port of this machine.

        with RealtimeServer() as server:
            server.script(expect("response.create"), respond("Hello!"))
            ...
            server.check()

    - time: `virtual`, which `clock.advance` lets go by, or `real`.
    - tls: to speak TLS.

    Without a script it answers what needs no model and takes whatever comes. Raises OSError where the port is
    taken.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        time: Literal["virtual", "real"] = "virtual",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        activity = Activity()
        virtual = VirtualClock(activity)
        self._clock = ServerClock(self, virtual) if time == "virtual" else None
        self._claimed = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="realtime server", daemon=True)
        self._thread.start()
        self._stopped = False

        async def start() -> tuple[ScriptedServer, int]:
            server = ScriptedServer(virtual if time == "virtual" else RealClock(), activity)
            return server, await server.start(host, port, tls)

        try:
            self._server, self._port = self._run(start()).wait()
        except BaseException:
            self._end_thread()
            raise
        self._secure = "s" if tls else ""
        self._host = f"[{host}]" if ":" in host else host

    @property
    def url(self) -> str:
        """`ws://127.0.0.1:PORT/v1/realtime`."""
        return f"ws{self._secure}://{self._host}:{self._port}/v1/realtime"

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT/v1`: what clients are given as their `base_url`."""
        return f"http{self._secure}://{self._host}:{self._port}/v1"

    @property
    def clock(self) -> ServerClock:
        """Virtual time. Raises ScriptError where time is real."""
        if self._clock is None:
            raise ScriptError('The time of this server is real: only time="virtual" can be advanced.')
        return self._clock

    def script(
        self, *parts: "Step | Rule | Refusal | Scene | Script | str | Path", **options: Unpack[ScriptOptions]
    ) -> None:
        """What is to be played from now on, to connections that come from now on.

        Steps and rules for every connection; or scenes, one for each connection that comes; or a Script; or
        the path of a file. Options are the fields of Script. Raises ScriptError.
        """
        script = _script(parts, options)
        self._claimed = 0
        self._run(_call(self._server.play, script)).wait()

    @property
    def received(self) -> list[Event]:
        """What clients have sent so far."""
        return [each.event for each in list(self._server.received)]

    @property
    def handshakes(self) -> list[Handshake]:
        """How clients came: path, query, headers and dialect."""
        return list(self._server.handshakes)

    def expect(
        self, event: "str | Mapping[str, Json]", *, timeout: float = PATIENCE_S, **fields: Json
    ) -> Pending[Event]:
        """Wait for an event of this type with these fields from a client, behind the one that was waited for
        last, and return it. Events between are passed over.

        Raises ScriptNotFollowed if it has not come within `timeout` seconds of real time.
        """
        return self._run(self._next(pattern(event, fields), timeout))

    def play(self, *steps: Step, connection: int | None = None) -> Pending[None]:
        """Play steps right now, to this connection (counted from 1), or to the one that came last."""
        return self._run(self._play(steps, connection))

    def check(self) -> None:
        """Raise ScriptNotFollowed if clients did not do what the script expects, or not all of it."""
        found = self._run(_call(self._server.unfinished)).wait()
        if found:
            raise ScriptNotFollowed("\n\n".join(found))

    def stop(self) -> None:
        """Close every connection and the server. Harmless when repeated."""
        if self._stopped:
            return
        self._stopped = True
        try:
            self._run(self._server.stop()).wait()
            self._run(_cancel_others()).wait()
        finally:
            self._end_thread()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _next(self, wanted: dict[str, Json], timeout: float) -> Event:
        server = self._server
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for index in range(self._claimed, len(server.received)):
                        if not compare(wanted, server.received[index].event, {}):
                            self._claimed = index + 1
                            return server.received[index].event
                    server.news.clear()
                    await server.news.wait()
        except TimeoutError:
            came = [shown_event(each.event) for each in server.received[self._claimed :]]
            raise ScriptNotFollowed(
                f"No client sent {summary(wanted)} within {timeout:g} s. "
                f"What came: {', '.join(came[-10:]) or 'nothing'}."
            ) from None

    async def _play(self, steps: tuple[Step, ...], number: int | None) -> None:
        connections = self._server.connections
        if not connections or (number is not None and not 1 <= number <= len(connections)):
            raise ScriptError(f"There is no connection {number or 1} yet: {len(connections)} came.")
        await connections[(number or 0) - 1].begin(steps)

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Pending[Result]:
        return Pending(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    """End what nobody waits for any more, as an `expect` whose event never came."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _call(function: Any, *arguments: Any) -> Any:
    return function(*arguments)


def _script(parts: tuple[Any, ...], options: ScriptOptions) -> Script:
    if len(parts) == 1 and isinstance(parts[0], Script):
        script: Script = parts[0]
        return script
    if len(parts) == 1 and isinstance(parts[0], str | Path):
        from vivavoce.testing.files import read_script

        return read_script(Path(parts[0]))
    return compose(*parts, **options)
