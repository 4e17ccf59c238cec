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

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        number = len(self.carried)
        fault = self._faults[number] if number < len(self._faults) else None
        carried = {"up": 0, "down": 0}
        self.carried.append(carried)
        up_reader, up_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        stalled = asyncio.Event()

        async def carry(
            source: asyncio.StreamReader, target: asyncio.StreamWriter, direction: Literal["up", "down"]
        ) -> None:
            while data := await source.read(65536):
                if stalled.is_set():
                    continue
                if fault is not None and fault.direction == direction:
                    room = fault.after - carried[direction]
                    if len(data) >= room:
                        target.write(data[:room])
                        carried[direction] += room
                        if fault.kind == "cut":
                            return
                        if fault.kind == "stall":
                            stalled.set()
                            continue
                        target.write(b"\xff" * 64)
                        continue
                carried[direction] += len(data)
                target.write(data)
                await target.drain()

        ways = [
            asyncio.create_task(carry(reader, up_writer, "up")),
            asyncio.create_task(carry(up_reader, writer, "down")),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for each in (writer, up_writer):
                each.transport.abort()
            self._tasks.discard(task)
