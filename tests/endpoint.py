"""A real HTTP server that says what each test wants it to say, for engines that ask an endpoint."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any


class Exchange:
    """One request that the server got, and what it answers."""

    def __init__(self, method: str, path: str, headers: dict[str, str], content: bytes, writer: Any) -> None:
        self.method, self.path, self.headers, self.content = method, path, headers, content
        self._writer = writer

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    def hang_up(self) -> None:
        self._writer.close()

    async def send(self, data: str | bytes) -> None:
        self._writer.write(data.encode() if isinstance(data, str) else data)
        await self._writer.drain()

    async def status(self, status: int, content: Any = "", **headers: str) -> None:
        payload = content if isinstance(content, str) else json.dumps(content)
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(payload.encode())}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join(lines) + "\r\n\r\n" + payload)

    async def stream(self, *chunks: Any, end: str = "data: [DONE]\n\n") -> None:
        """Answer with events; the connection's end is the stream's."""
        await self.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for chunk in chunks:
            await self.send(chunk if isinstance(chunk, str) else f"data: {json.dumps(chunk)}\n\n")
        await self.send(end)


Script = Callable[[Exchange], Awaitable[None]]


class Endpoint:
    """An HTTP server that plays scripts, one for each request, the last one again and again."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self.exchanges: list[Exchange] = []
        self.models_status = 200
        self.hung_up = asyncio.Event()
        """A client closed its connection while its script was being played."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            server.close()
            for exchange in self.exchanges:
                exchange.hang_up()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            content = await reader.readexactly(int(headers.get("content-length", 0)))
            method, path, _ = first.split()
            exchange = Exchange(method, path, headers, content, writer)
            if path.endswith("/models"):
                await exchange.status(self.models_status, {"data": []})
                return
            script = self._scripts[min(len(self.exchanges), len(self._scripts) - 1)]
            self.exchanges.append(exchange)
            playing = asyncio.create_task(self._play(script, exchange))
            gone = asyncio.create_task(reader.read())
            await asyncio.wait([playing, gone], return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                self.hung_up.set()
            for task in (playing, gone):
                task.cancel()
            await asyncio.gather(playing, gone, return_exceptions=True)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _play(self, script: Script, exchange: Exchange) -> None:
        try:
            await script(exchange)
        except ConnectionError:
            self.hung_up.set()


@contextmanager
def an_endpoint(play: Script) -> Iterator[str]:
    """One in a thread of its own, for tests that wait; every request is answered by `play`."""
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    urls: list[str] = []

    async def serve() -> None:
        async with Endpoint(play).running() as url:
            urls.append(url)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(10)
    yield urls[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def streaming(*chunks: Any, end: str = "data: [DONE]\n\n") -> Script:
    async def script(exchange: Exchange) -> None:
        await exchange.stream(*chunks, end=end)

    return script


def answering(status: int, content: Any = "", **headers: str) -> Script:
    async def script(exchange: Exchange) -> None:
        await exchange.status(status, content, **headers)

    return script


async def hanging_up(exchange: Exchange) -> None:
    """Close the connection without a word."""
