"""A server of calls made of stock aiortc behind a few lines of HTTP, that does what a test wants of it."""

import asyncio
import fractions
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from aiortc import MediaStreamTrack, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from tests.client.peer import SESSION_CREATED

RATE = 48_000
FRAME = RATE // 50

CALL_ID = "rtc_0123456789"


class Tone(MediaStreamTrack):
    """A voice that hums while it is `loud`, in real time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.loud = False
        self._number = 0
        self._start = 0.0

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        self._start = self._start or loop.time()
        await asyncio.sleep(self._start + self._number / 50 - loop.time())
        times = (np.arange(FRAME) + self._number * FRAME) / RATE
        level = 8000 if self.loud else 0
        samples = (level * np.sin(2 * np.pi * 440 * times)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, self._number * FRAME
        frame.time_base = fractions.Fraction(1, RATE)
        self._number += 1
        return frame


class Answering:
    """One that takes calls: of each, the latest is kept.

    - status, body, location: of the next answers, where they are not those of a call that is taken.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 201
        self.body: Callable[[str], str] = lambda sdp: sdp
        self.location = f"/v1/realtime/calls/{CALL_ID}"
        self.deaf = False
        """The calls that are taken are let go of at once."""
        self.greeting: list[object] = [SESSION_CREATED]
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.heard: list[npt.NDArray[np.int16]] = []
        self.voice = Tone()
        self.call: RTCPeerConnection | None = None
        self.channel: RTCDataChannel | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def heard_level(self) -> int:
        """The loudest of the last tenth of a second."""
        return max((int(np.abs(each.astype(np.int32)).max()) for each in self.heard[-5:]), default=0)

    def tell(self, *events: object) -> None:
        """Send events."""
        assert self.channel is not None
        for event in events:
            self.channel.send(json.dumps(event))

    async def hang_up(self) -> None:
        assert self.call is not None
        await self.call.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path = head[0].split()[1]
        self.requests.append((path, headers, body))
        status, answer = self.status, ""
        if path.endswith("/hangup"):
            await self.hang_up()
            status = 200
        elif status == 201:
            answer = self.body(await self._take(_offer_in(headers["content-type"], body)))
        else:
            answer = self.body("")
        location = f"Location: {self.location}\r\n" if self.location and status == 201 else ""
        writer.write(
            f"HTTP/1.1 {status} Said\r\n{location}Content-Length: {len(answer.encode())}\r\n"
            f"Connection: close\r\n\r\n{answer}".encode()
        )
        await writer.drain()
        writer.close()

    async def _take(self, offer: str) -> str:
        self.call = call = RTCPeerConnection()
        call.on("datachannel", self._on_channel)
        call.on("track", self._on_track)
        await call.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        call.addTrack(self.voice)
        await call.setLocalDescription(await call.createAnswer())
        sdp = call.localDescription.sdp
        if self.deaf:
            await call.close()
        return sdp

    def _on_channel(self, channel: RTCDataChannel) -> None:
        self.channel = channel
        channel.on("message", lambda message: self.received.put_nowait(json.loads(message)))
        self.tell(*self.greeting)

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self._hear(track)))

    async def _hear(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.AudioFrame)
            self.heard.append(frame.to_ndarray()[0][::2])

    async def close(self) -> None:
        self.voice.stop()
        if self.call is not None:
            await self.call.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _offer_in(kind: str, body: bytes) -> str:
    if not kind.startswith("multipart/form-data"):
        return body.decode()
    return parts(kind, body)["sdp"]


def parts(kind: str, body: bytes) -> dict[str, str]:
    """The parts of a form by their names."""
    boundary = kind.partition("boundary=")[2]
    found = {}
    for part in body.decode().split(f"--{boundary}")[1:-1]:
        head, _, content = part.strip("\r\n").partition("\r\n\r\n")
        found[head.partition('name="')[2].partition('"')[0]] = content + "\r\n" * (not content.endswith("\n"))
    return found


@asynccontextmanager
async def answering() -> AsyncIterator[tuple[Answering, str]]:
    """One that takes calls, and its base URL."""
    one = Answering()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield one, f"http://127.0.0.1:{port}/v1"
    finally:
        await one.close()
        server.close()
        await server.wait_closed()
