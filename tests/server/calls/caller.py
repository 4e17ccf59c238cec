"""Somebody who calls: a peer of this project's own, what it is told, and what it hears."""

import asyncio
import json
import math
from collections import deque
from typing import Any

import httpx

from vivavoce.rtc import MAX_MESSAGE_BYTES, IceSettings, Peer

FRAME_BYTES = 960
"""20 ms of PCM16 at 24 kHz."""

PATIENCE_S = 20


def web() -> httpx.AsyncClient:
    """A client without certificates, which take longer to load than the rest of most tests."""
    return httpx.AsyncClient(verify=False)


LOOPBACK = IceSettings(addresses=("127.0.0.1",))


def tone(ms: int, amplitude: int = 12_000) -> bytes:
    """So much of something loud."""
    values = [round(amplitude * math.sin(2 * math.pi * 330 * n / 24_000)) for n in range(24 * ms)]
    return b"".join(value.to_bytes(2, "little", signed=True) for value in values)


def silence(ms: int) -> bytes:
    return bytes(48 * ms)


def loudness(pcm: bytes) -> int:
    """The largest sample."""
    return max(
        (abs(int.from_bytes(pcm[at : at + 2], "little", signed=True)) for at in range(0, len(pcm), 2)),
        default=0,
    )


class Caller:
    """`call` makes the call. It must be closed; `async with` does."""

    def __init__(
        self, http: str, ice: IceSettings = LOOPBACK, *, max_message_bytes: int = MAX_MESSAGE_BYTES
    ) -> None:
        self.http = http
        self.peer = Peer(self, ice=ice, max_message_bytes=max_message_bytes)
        self.events: list[dict[str, Any]] = []
        self.heard_loud_ms = 0
        self.lost_because: str | None = None
        self.id = ""
        self._to_say: deque[bytes] = deque()
        self._news = asyncio.Event()

    async def __aenter__(self) -> "Caller":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.peer.aclose()

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    async def offered(
        self,
        session: object = None,
        *,
        path: str = "/v1/realtime/calls?model=gpt-realtime",
        **headers: str,
    ) -> httpx.Response:
        """What the server says to the offer."""
        offer = await self.peer.offer()
        async with web() as client:
            if session is None:
                headers["Content-Type"] = "application/sdp"
                return await client.post(self.http + path, content=offer, headers=headers)
            form = {"sdp": (None, offer), "session": (None, json.dumps(session))}
            return await client.post(self.http + path, files=form, headers=headers)

    async def call(self, session: object = None, **options: Any) -> dict[str, Any]:
        """Call, and return the first event."""
        answer = await self.offered(session, **options)
        assert answer.status_code == 201, answer.text
        self.id = answer.headers["location"].rpartition("/")[2]
        await self.peer.accept(answer.text)
        return await self.until(0)

    def send(self, **event: Any) -> None:
        self.peer.send(json.dumps(event))

    def ask(self, text: str) -> None:
        """Write something, and want an answer."""
        content = [{"type": "input_text", "text": text}]
        self.send(
            type="conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )
        self.send(type="response.create")

    def say(self, *pcm: bytes) -> None:
        """Speak into the microphone, in real time."""
        for each in pcm:
            self._to_say.extend(each[at : at + FRAME_BYTES] for at in range(0, len(each), FRAME_BYTES))

    async def until(self, what: str | int, times: int = 1) -> dict[str, Any]:
        """The so-manieth event of this type, or the one with this index; waits for it."""

        def found() -> list[dict[str, Any]]:
            if isinstance(what, int):
                return self.events[what:]
            return [event for event in self.events if event["type"] == what]

        async with asyncio.timeout(PATIENCE_S):
            while len(found()) < times:
                await self._change()
        return found()[times - 1]

    async def until_lost(self) -> str:
        async with asyncio.timeout(PATIENCE_S):
            while self.lost_because is None:
                await self._change()
        return self.lost_because

    async def until_heard(self, ms: int) -> None:
        """Until so much of something loud was heard, all in all."""
        async with asyncio.timeout(PATIENCE_S):
            while self.heard_loud_ms < ms:
                await self._change()

    async def _change(self) -> None:
        self._news.clear()
        await self._news.wait()

    # rtc.PeerEvents

    def connected(self) -> None:
        """The server will say so."""

    def opened(self) -> None:
        """The server will say so."""

    def received(self, data: str | bytes) -> None:
        self.events.append(json.loads(data))
        self._news.set()

    def heard(self, pcm: bytes) -> None:
        if loudness(pcm) > 2_000:
            self.heard_loud_ms += len(pcm) // 48
        self._news.set()

    def next_audio(self) -> bytes:
        return self._to_say.popleft() if self._to_say else b""

    def lost(self, reason: str) -> None:
        self.lost_because = reason
        self._news.set()
