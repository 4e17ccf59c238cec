"""A server with a fault in its calls: it takes them, calls a good server for each, and spoils what passes
between the two. What is no offer goes to the good server as it is."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.conformance.faulty import Event, Said, Spoil
from tests.serving import Server
from vivavoce.conformance.caller import BETA_HEADER
from vivavoce.rtc import LOOPBACK, IceSettings, Peer

FRAME_BYTES = 960
NOISE = random.Random(1).randbytes(FRAME_BYTES)

HERE = IceSettings(addresses=(LOOPBACK,))


@dataclass(frozen=True)
class CallFault:
    """What goes wrong with a call."""

    server: Spoil = lambda event, memory: [event]
    """With the server's events. `memory["noise"]` plays noise."""
    client: Spoil = lambda event, memory: [event]
    """With the client's."""
    answer: Callable[[int, dict[str, str]], tuple[int, dict[str, str]]] = lambda status, headers: (
        status,
        headers,
    )
    """With the status and the headers of an answer."""
    headers: Callable[[dict[str, str]], object] = lambda headers: None
    """With the headers of an offer, before they are looked at."""
    deaf: bool = False
    """What the client says is not heard."""
    mute: bool = False
    """What the server says is not heard."""
    noisy: bool = False
    """It is never silent."""
    clings: bool = False
    """The end of the call is not passed on."""


@dataclass
class _Leg:
    """One end between the two: what the other one is to hear waits here."""

    bridge: "_Bridge"
    upstream: bool
    sound: bytearray = field(default_factory=bytearray)

    def connected(self) -> None: ...

    def opened(self) -> None: ...

    def received(self, data: str | bytes) -> None:
        self.bridge.received(data, upstream=self.upstream)

    def heard(self, pcm: bytes) -> None:
        self.bridge.heard(pcm, upstream=self.upstream)

    def next_audio(self) -> bytes:
        if not self.upstream and (self.bridge.fault.noisy or self.bridge.memory.get("noise")):
            return NOISE
        frame = bytes(self.sound[:FRAME_BYTES])
        del self.sound[:FRAME_BYTES]
        return frame

    def lost(self, reason: str) -> None:
        self.bridge.lost(upstream=self.upstream)


class _Bridge:
    """A call and the one that it stands for."""

    def __init__(self, fault: CallFault) -> None:
        self.fault = fault
        self.memory: Event = {}
        self.legs = {True: _Leg(self, True), False: _Leg(self, False)}
        self.peers = {upstream: Peer(leg, ice=HERE) for upstream, leg in self.legs.items()}
        self._closing: list[asyncio.Task[None]] = []

    def received(self, data: str | bytes, *, upstream: bool) -> None:
        other = self.peers[not upstream]
        try:
            event = json.loads(data)
        except ValueError:
            event = None
        if not isinstance(event, dict) or isinstance(data, bytes):
            other.send(data)
            return
        spoil = self.fault.server if upstream else self.fault.client
        for said in spoil(event, self.memory):
            assert isinstance(said, dict)
            other.send(json.dumps(said))

    def heard(self, pcm: bytes, *, upstream: bool) -> None:
        if not (self.fault.mute if upstream else self.fault.deaf):
            self.legs[not upstream].sound += pcm

    def lost(self, *, upstream: bool) -> None:
        if not (upstream and self.fault.clings):
            self._closing.append(asyncio.create_task(self.peers[not upstream].aclose()))

    async def aclose(self) -> None:
        for peer in self.peers.values():
            await peer.aclose()
        await asyncio.gather(*self._closing)


class _Proxy:
    def __init__(self, server: Server, fault: CallFault) -> None:
        self._address = urlsplit(server.url)
        self._base = f"http://{self._address.netloc}"
        self._fault = fault
        self._bridges: list[_Bridge] = []
        self._passing: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split()
            if method == "POST" and path.endswith("/realtime/calls"):
                await self._take(path, head, reader, writer)
            else:
                await self._pass_on(head, reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _take(
        self, path: str, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        lines = head.decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.pop("content-length", "0")))
        headers.pop("host", None)
        headers.pop("accept-encoding", None)
        self._fault.headers(headers)
        bridge = _Bridge(self._fault)
        self._bridges.append(bridge)
        begin = body.find(b"v=0\r\n")
        end = body.find(b"\r\n--", begin) if headers["content-type"].startswith("multipart/") else len(body)
        offer = body[begin:end].decode()
        asked = body[:begin] + (await bridge.peers[True].offer()).encode() + body[end:]
        async with httpx.AsyncClient() as client:
            response = await client.post(self._base + path, content=asked, headers=headers)
        status, text = response.status_code, response.text
        said = {
            name: response.headers[name] for name in ("content-type", "location") if name in response.headers
        }
        if status == 201:
            await bridge.peers[True].accept(text)
            text = await bridge.peers[False].answer(offer)
            status, said = self._fault.answer(status, said)
        _respond(writer, status, said, text.encode())
        await writer.drain()

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection(self._address.hostname, self._address.port)
        questions.write(head)
        await asyncio.gather(_copy(reader, questions), _copy(answers, writer))

    async def aclose(self) -> None:
        for bridge in self._bridges:
            await bridge.aclose()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)


def _respond(writer: asyncio.StreamWriter, status: int, headers: Mapping[str, str], body: bytes) -> None:
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers.items())]
    lines += [f"Content-Length: {len(body)}", "Connection: close"]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@asynccontextmanager
async def faulty_calls(server: Server, fault: CallFault) -> AsyncIterator[str]:
    """The URL of a server whose calls have this fault."""
    proxy = _Proxy(server, fault)
    listening = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1/realtime"
    finally:
        listening.close()
        await proxy.aclose()
        await listening.wait_closed()


def without_beta_header(headers: dict[str, str]) -> None:
    """Do not see that the other dialect is asked for."""
    for name in BETA_HEADER:
        headers.pop(name.lower(), None)


def behind(kind: str, event: Event) -> Spoil:
    """Say something behind every event of a type; it is about the same response."""

    def spoil(came: Event, memory: Event) -> Said:
        if came.get("type") != kind:
            return [came]
        response = came.get("response_id") or (came.get("response") or {}).get("id")
        return [came, {"event_id": f"{came['event_id']}_again", "response_id": response} | event]

    return spoil


def noise_after(kind: str) -> Spoil:
    """Begin to make noise at an event."""

    def spoil(event: Event, memory: Event) -> Said:
        memory["noise"] = memory.get("noise", False) or event.get("type") == kind
        return [event]

    return spoil
