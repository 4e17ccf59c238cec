"""The data channel of a call, as what carries a connection's messages; and the call's track beside it."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING

from vivavoce.client.socket import Arrivals
from vivavoce.client.webrtc.track import Track

if TYPE_CHECKING:
    from vivavoce.rtc import IceSettings

MAX_UNREAD_BYTES = 64 * 2**20
"""Bytes of events that may wait for the program. A data channel cannot be slowed down from here, so a program
that reads nothing loses the call."""

MAX_UNSENT_BYTES = 4 * 2**20
"""Bytes that may wait to be sent before sending waits."""

CLOSED, LOST, UNREAD = 1000, 1006, 4009
"""What the end of a call is called: as the close code of a WebSocket that ended so, where there is one."""


class _Channel(Enum):
    """How the channel is."""

    OPENING = "opening"
    OPEN = "open"
    CLOSED = "closed"


_NEXT = {
    _Channel.OPENING: frozenset({_Channel.OPEN, _Channel.CLOSED}),
    _Channel.OPEN: frozenset({_Channel.CLOSED}),
    _Channel.CLOSED: frozenset[_Channel](),
}


class ChannelSocket(Arrivals):
    """A `Socket`. From `offer` and `accept` on it connects by itself; `close` is to be called in any case.

    - audio: the call's sound.
    - ice: how this end can be reached; None: at all addresses of this machine.
    - opening: done when the channel is open (None), or never will be (the reason).

    Raises ImportError where the extra is missing.
    """

    def __init__(self, audio: Track, ice: IceSettings | None = None) -> None:
        from vivavoce.rtc import Peer

        self.audio = audio
        self.inbox: deque[bytes] = deque()
        self.opening: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._peer = Peer(PeerReports(self), ice=ice)
        self._channel = _Channel.OPENING
        self._unread = 0
        self._closure = (LOST, "")
        self._closing: asyncio.Task[None] | None = None

    async def offer(self, label: str = "oai-events") -> str:
        """The SDP offer to begin with."""
        return await self._peer.offer(label)

    async def accept(self, answer: str) -> None:
        """Take the answer, and connect. Raises VivavoceError for one that cannot be used."""
        await self._peer.accept(answer)

    # What a connection asks for.

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._channel is _Channel.OPEN

    def drained(self) -> None:
        self._unread = 0

    async def send_text(self, message: bytes) -> None:
        await self.send(message.decode())

    async def send(self, message: str | bytes) -> None:
        """Send a text message, or a binary one. Raises ConnectionResetError when the call is over."""
        if self._channel is not _Channel.OPEN:
            raise ConnectionResetError("The call is over.")
        self._peer.send(message)
        await self._peer.caught_up(MAX_UNSENT_BYTES)

    async def caught_up(self) -> None:
        """Return when the server has taken all that was sent, or the call is over."""
        await self._peer.caught_up()

    async def close(self, code: int = CLOSED, reason: str = "") -> None:
        """Hang up: ends the channel and the tracks. Does nothing more if that was done."""
        self._end(code, reason)
        if self._closing is not None:
            await asyncio.shield(self._closing)

    def closure(self) -> tuple[int, str]:
        return self._closure

    # What the peer tells.

    def opened(self) -> None:
        if self._channel is _Channel.OPENING:
            self._become(_Channel.OPEN)
            self.audio.begin()
            self.opening.set_result(None)

    def received(self, data: str | bytes) -> None:
        if self._channel is _Channel.CLOSED:
            return
        message = data.encode() if isinstance(data, str) else data
        self._unread += len(message)
        if self._unread > MAX_UNREAD_BYTES:
            self._unread = sum(map(len, self.inbox)) + len(message)
            if self._unread > MAX_UNREAD_BYTES:
                self._end(UNREAD, f"{self._unread} bytes wait")
                return
        self.inbox.append(message)
        self._tell()

    def ended(self, reason: str, *, orderly: bool) -> None:
        """Nothing more will come."""
        self._end(CLOSED if orderly else LOST, reason)

    def _end(self, code: int, reason: str) -> None:
        if self._channel is _Channel.CLOSED:
            return
        self._become(_Channel.CLOSED)
        self._closure = (code, reason)
        self.lost = True
        if not self.opening.done():
            self.opening.set_result(reason)
        self.audio.end()
        self._closing = asyncio.get_running_loop().create_task(self._peer.aclose())
        self._tell()

    def _become(self, channel: _Channel) -> None:
        assert channel in _NEXT[self._channel], (self._channel, channel)
        self._channel = channel


class PeerReports:
    """What a `Peer` tells (`PeerEvents`), for a channel and its track."""

    def __init__(self, channel: ChannelSocket) -> None:
        self._channel = channel
        self._audio = channel.audio

    def connected(self) -> None:
        """Media flows; what matters is when the channel is open."""

    def opened(self) -> None:
        self._channel.opened()

    def received(self, data: str | bytes) -> None:
        self._channel.received(data)

    def heard(self, pcm: bytes) -> None:
        self._audio.heard(pcm)

    def next_audio(self) -> bytes:
        return self._audio.next_audio()

    def lost(self, reason: str) -> None:
        from vivavoce.rtc import CLOSED_BY_PEER

        self._channel.ended(reason, orderly=reason == CLOSED_BY_PEER)
