"""A proxy between a client and a server that damages connections where it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, NamedTuple
from urllib.parse import urlsplit


class Fault(NamedTuple):
    """What happens to a connection after so many bytes in one direction."""

    kind: Literal["cut", "stall", "garble"]
    direction: Literal["up", "down"]
    after: int


class Cutter:
    """A TCP proxy. Its first connection suffers the first fault, and so on; those behind suffer none.

    - carried: for each connection the bytes that went up and down.
    """

    def __init__(self, base_url: str, *faults: Fault) -> None:
        self._target = urlsplit(base_url)
        self._faults = list(faults)
        self._tasks: set[asyncio.Task[None]] = set()
        self.carried: list[dict[str, int]] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """The base URL to use instead."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{self._target.path}"
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0.01)  # what was aborted tells that it is lost

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        number = len(self.carried)
        carried = {"up": 0, "down": 0}
        self.carried.append(carried)
        writers = [writer]
        try:
            up_reader, up_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
            writers.append(up_writer)
            fault = self._faults[number] if number < len(self._faults) else None
            way = Way(fault, carried)
            up = asyncio.create_task(way.carry(reader, up_writer, "up"))
            down = asyncio.create_task(way.carry(up_reader, writer, "down"))
            try:
                await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            finally:
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        finally:
            for each in writers:
                each.transport.abort()
            self._tasks.discard(task)


class Way:
    """What goes over one connection, and what happens to it."""

    def __init__(self, fault: Fault | None, carried: dict[str, int]) -> None:
        self._fault = fault
        self._carried = carried
        self._stalled = False

    async def carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, direction: Literal["up", "down"]
    ) -> None:
        """Until the source ends, or the fault does it."""
        while data := await source.read(65536):
            if self._stalled:
                continue
            fault = self._fault
            room = fault.after - self._carried[direction] if fault and fault.direction == direction else None
            if fault is None or room is None or len(data) < room:
                self._carried[direction] += len(data)
                target.write(data)
                await target.drain()
                continue
            target.write(data[:room])
            self._carried[direction] += room
            match fault.kind:
                case "cut":
                    return
                case "stall":
                    self._stalled = True
                case "garble":
                    target.write(b"\xff" * 64)
