"""Sessions and engines that do as they are told, for tests of what surrounds them."""

import asyncio
import json

from vivavoce.protocol import ErrorEvent, InputAudioBufferCleared, ResponseOutputAudioDelta, errors
from vivavoce.server.application import RealtimeApplication
from vivavoce.server.config import Config
from vivavoce.server.transport import TransportClosed


class ToyRunner:
    """A session that greets, echoes, and streams on demand.

    - `{"echo": text}`: answered by an event with that text as its id;
    - `{"stream": n, "size": bytes}`: starts a response of n events;
    - `{"flood": n, "size": bytes}`: n events without waiting for the peer;
    - `{"close": [code, reason]}`: ends the session;
    - `{"fail": true}`: a bug; `{"linger": true}`: one that shows when the session is asked to end;
    - `{"stick": true}`: the session cannot be freed before `unstuck` is set.
    """

    def __init__(self, *, opening, engines, transport, dialect=None, telemetry=None, mcp=None) -> None:
        self.opening = opening
        self.engines = engines
        self.transport = transport
        self.dialect = dialect
        self.lingers = False
        self.unstuck = asyncio.Event()
        self.unstuck.set()
        self.streamed = 0
        self.most_buffered = 0
        self.stream_ended = asyncio.Event()
        self.closed = asyncio.Event()
        self.response: asyncio.Task[None] | None = None
        self.closing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.transport.send(InputAudioBufferCleared(event_id="hello"))

    async def receive(self, data: str | bytes, *, more: bool = False) -> None:
        order = json.loads(data)
        if "echo" in order:
            self.transport.send(InputAudioBufferCleared(event_id=order["echo"]))
        elif "stream" in order:
            self.response = asyncio.create_task(self._stream(order["stream"], order["size"]))
        elif "flood" in order:
            for _ in range(order["flood"]):
                self._send(order["size"])
        elif "close" in order:
            self.closing = asyncio.create_task(self.transport.close(*order["close"]))
        elif "stick" in order:
            self.unstuck.clear()
        elif "linger" in order:
            self.lingers = True
        elif "fail" in order:
            raise ArithmeticError("a bug, on purpose")

    def refuse_binary(self) -> None:
        self.transport.send(ErrorEvent(event_id="refused", error=errors.binary_frame()))

    async def drain(self) -> None:
        if self.lingers:
            raise ArithmeticError("a bug, on purpose")
        if self.response is not None:
            await asyncio.wait({self.response})

    async def aclose(self) -> None:
        await self.unstuck.wait()
        for task in (self.response, self.closing):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        self.closed.set()

    async def _stream(self, n: int, size: int) -> None:
        try:
            for _ in range(n):
                await self.transport.ready()
                self._send(size)
                self.streamed += 1
                await asyncio.sleep(0)
        except TransportClosed:
            pass
        finally:
            self.stream_ended.set()

    def _send(self, size: int) -> None:
        delta = ResponseOutputAudioDelta(
            event_id="delta", response_id="r", item_id="i", output_index=0, content_index=0, delta="A" * size
        )
        self.transport.send(delta)
        self.most_buffered = max(self.most_buffered, self.transport.buffered)


class ToyEngines:
    """Nothing to hear, think or speak with."""

    def __init__(self) -> None:
        self.started = False
        self.starts = 0
        self.named: dict[str, object] = {}

    def combination(self, model: str | None) -> str:
        return f"engines of {model}"

    def translates(self, model: str | None) -> bool:
        return model != "mute"

    def reasons(self, model: str | None) -> bool:
        return False

    async def start(self) -> None:
        self.started = True
        self.starts += 1

    async def aclose(self) -> None:
        self.started = False


def toy_application(config: Config, runners: list[ToyRunner]) -> RealtimeApplication:
    def make(**parts) -> ToyRunner:
        runners.append(ToyRunner(**parts))
        return runners[-1]

    return RealtimeApplication(config, ToyEngines(), make)
