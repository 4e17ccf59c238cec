"""One end of a WebRTC connection: a voice in each direction, and a data channel beside it."""

import asyncio
import logging
import secrets
import sys
from enum import Enum, auto
from typing import Protocol

from aiortc import RTCDataChannel

from vivavoce.protocol.errors import VivavoceError
from vivavoce.rtc import sdp
from vivavoce.rtc.errors import InvalidAnswer, InvalidOffer, MessageTooLarge
from vivavoce.rtc.ice import IceSettings
from vivavoce.rtc.media import Media, Reception
from vivavoce.rtc.transport import MAX_CHANNELS, Failed, Transport

MAX_MESSAGE_BYTES = 22 * 1024 * 1024
"""Of one message of the data channel: an event with 15 MiB of audio in base64, and what is around it."""

GOODBYE_S = 1.0
"""How long the other end may take to take what was sent last, and to close its data channels."""
TAKEN_BYTES = 4 * 1024 * 1024
"""Of one message that is sent although the other end announced less: an event cannot be cut in pieces.
Chromium announces 256 KiB and takes messages of up to 5 MiB; a longer one makes it close the channel."""

logger = logging.getLogger(__name__)


class PeerEvents(Protocol):
    """Who hears of what happens to a connection. All is called on the event loop's thread; none blocks."""

    def connected(self) -> None:
        """Media can flow in both directions."""

    def opened(self) -> None:
        """The data channel is open."""

    def received(self, data: str | bytes) -> None:
        """One message of the data channel: text, or bytes where the other end sent it as binary."""

    def heard(self, pcm: bytes) -> None:
        """The other end's voice: mono int16 little-endian at 24 kHz, in order, multiples of 20 ms."""

    def next_audio(self) -> bytes:
        """Asked every 20 ms while connected: at most 960 bytes of the same format; b"" is silence."""

    def lost(self, reason: str) -> None:
        """Called once, and nothing after it: the connection failed or ended, but not by `aclose`.

        The reason is CLOSED_BY_PEER where the other end has said goodbye."""


class _State(Enum):
    NEW = auto()
    OFFERED = auto()
    CONNECTING = auto()
    CONNECTED = auto()
    LOST = auto()
    CLOSED = auto()


_NEXT = {
    _State.NEW: {_State.OFFERED, _State.CONNECTING, _State.CLOSED},
    _State.OFFERED: {_State.CONNECTING, _State.CLOSED},
    _State.CONNECTING: {_State.CONNECTED, _State.LOST, _State.CLOSED},
    _State.CONNECTED: {_State.LOST, _State.CLOSED},
    _State.LOST: {_State.CLOSED},
    _State.CLOSED: set(),
}


class Peer:
    """One end of a connection. It either answers an offer, or makes one and accepts the answer.

    It has no thread; all of its work is done on the event loop that it was made in. `aclose` must be called
    whatever became of it, after `lost` too.
    """

    def __init__(
        self,
        events: PeerEvents,
        *,
        ice: IceSettings | None = None,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        self._events = events
        self._ice = ice or IceSettings()
        self._max_message_bytes = max_message_bytes
        self._state = _State.NEW
        self._transport: Transport | None = None
        name = secrets.token_hex(8)
        self._media = Media(events.heard, events.next_audio, name)
        self._source = sdp.Source(ssrc=self._media.ssrc, name=name)
        self._connecting: asyncio.Task[None] | None = None
        self._channel: RTCDataChannel | None = None
        self._channels: list[RTCDataChannel] = []
        self._opened = False
        self._mute = False
        self._takes = sys.maxsize
        """Bytes of the longest message that the other end can take, once that is known."""
        self._waiting: list[str | bytes] = []
        self._waiting_bytes = 0
        self._taken = asyncio.Event()

    async def answer(self, offer: str) -> str:
        """The answer to an SDP offer; connecting goes on in the background.

        InvalidOffer if nothing can come of the offer, NoCandidates if this end cannot be reached.
        """
        description = sdp.read(offer, InvalidOffer)
        remote = description.transport
        active = remote.setup is not sdp.Setup.ACTIVE
        transport = await self._gather(
            sdp.Setup.ACTIVE if active else sdp.Setup.PASSIVE, controlling=remote.lite
        )
        self._connect(description, active=active)
        return sdp.answer(
            description,
            transport,
            self._source,
            max_message=self._max_message_bytes,
            dtx=description.voice.dtx,
        )

    async def offer(self, label: str = "oai-events") -> str:
        """An SDP offer of a voice and of a data channel named `label`. Then comes `accept`."""
        transport = await self._gather(sdp.Setup.EITHER, controlling=True)
        self._to(_State.OFFERED)
        assert self._transport is not None
        self._adopt(self._transport.open_channel(label))
        return sdp.offer(transport, self._source, max_message=self._max_message_bytes, dtx=False)

    async def accept(self, answer: str) -> None:
        """Takes the answer to the offer and connects in the background. InvalidAnswer if it is none."""
        description = sdp.read(answer, InvalidAnswer)
        if description.transport.setup is sdp.Setup.EITHER:
            raise InvalidAnswer("The answer's a=setup is actpass; an answer says active or passive.")
        if [each.kind for each in description.sections] != ["audio", "application"]:
            raise InvalidAnswer("The answer's m-lines are not those of the offer.")
        if self._state is not _State.OFFERED:
            raise VivavoceError("There is no offer that this could be the answer to.")
        self._connect(description, active=description.transport.setup is sdp.Setup.PASSIVE)

    def send(self, data: str | bytes) -> None:
        """Sends one message on the data channel, text or binary; it is kept until the channel opens.

        Nothing is sent where the other end wants no channel, or closed it, or where the connection is over.
        MessageTooLarge for a message that the other end cannot take.
        """
        if self._over or self._mute:
            return
        self._check_size(data)
        state = "connecting" if self._channel is None else self._channel.readyState
        if self._channel is not None and state == "open":
            self._channel.send(data)
        elif state == "connecting":
            self._waiting.append(data)
            self._waiting_bytes += len(data.encode() if isinstance(data, str) else data)

    @property
    def buffered(self) -> int:
        """Bytes that were given to `send` and that the other end has not taken yet."""
        if self._over or self._mute:
            return 0
        if self._transport is None:
            return self._waiting_bytes
        return self._waiting_bytes + self._transport.unacknowledged

    async def caught_up(self, most: int = 0) -> None:
        """Returns when at most `most` bytes are buffered, or the connection is over."""
        while self.buffered > most:
            self._taken.clear()
            await self._taken.wait()

    @property
    def reception(self) -> Reception:
        """How the other end's voice has arrived so far."""
        return self._media.reception

    async def aclose(self) -> None:
        """Ends the connection once what was sent last is taken; the other end is told. Frees sockets, tasks
        and timers. It takes no longer than GOODBYE_S."""
        if self._state is _State.CLOSED:
            return
        stands = self._state is _State.CONNECTED
        self._to(_State.CLOSED)
        self._end()
        if stands:
            await self._close_channels()
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._transport is not None:
            await self._transport.close()

    # What the transport tells: transport.Listener.

    def media(self, data: bytes) -> None:
        self._media.media(data)

    def control(self, data: bytes) -> None:
        self._media.control(data)

    def channel(self, channel: RTCDataChannel) -> None:
        self._channels = [each for each in self._channels if each.readyState != "closed"]
        if len(self._channels) < MAX_CHANNELS:
            self._adopt(channel)
            self._open()
        else:
            channel.close()

    def acknowledged(self) -> None:
        self._taken.set()

    def ended(self, reason: str) -> None:
        self._lose(reason)

    # What happens to it.

    async def _gather(self, setup: sdp.Setup, *, controlling: bool) -> sdp.Transport:
        if self._state is not _State.NEW or self._transport is not None:
            raise VivavoceError("A Peer holds one connection: make another for another.")
        self._transport = Transport(
            self, self._ice, controlling=controlling, max_message_bytes=self._max_message_bytes
        )
        return await self._transport.gather(setup)

    def _connect(self, remote: sdp.Description, *, active: bool) -> None:
        self._to(_State.CONNECTING)
        self._media.negotiated(remote.voice)
        if remote.channels is None:
            self._silence()
        elif remote.channels.max_message:
            self._takes = max(remote.channels.max_message, TAKEN_BYTES)
        self._connecting = asyncio.create_task(self._connected(remote, active=active))

    async def _connected(self, remote: sdp.Description, *, active: bool) -> None:
        assert self._transport is not None
        try:
            await self._transport.connect(remote.transport, remote.channels, active=active)
        except Failed as failure:
            self._lose(str(failure))
            return
        if self._state is _State.CONNECTING:
            self._to(_State.CONNECTED)
            self._events.connected()
            self._media.begin(self._transport)
            self._open()

    def _adopt(self, channel: RTCDataChannel) -> None:
        """Listens to a channel. What this end sends goes on the first one."""
        self._channels.append(channel)
        channel.on("message", self._received)
        if self._channel is None:
            self._channel = channel
            channel.on("open", self._open)
            channel.on("close", self._silence)

    def _open(self) -> None:
        """Tells that the channel is open, after the connection was told, and sends what waited for it."""
        channel = self._channel
        if self._state is not _State.CONNECTED or channel is None or channel.readyState != "open":
            return
        if not self._opened:
            self._opened = True
            for data in self._waiting:
                try:
                    self._check_size(data)
                except MessageTooLarge as refusal:
                    logger.warning("What waited for a data channel to open is dropped: %s", refusal)
                else:
                    channel.send(data)
            self._forget_waiting()
            self._events.opened()

    async def _close_channels(self) -> None:
        """Closes them at both ends: one that ends with its connection counts as an error in browsers."""
        closing = []
        for channel in self._channels:
            if channel.readyState != "closed":
                closed = asyncio.Event()
                channel.once("close", closed.set)
                channel.close()
                closing.append(asyncio.create_task(closed.wait()))
        if closing:
            _, late = await asyncio.wait(closing, timeout=GOODBYE_S)
            for each in late:
                each.cancel()

    def _received(self, data: str | bytes) -> None:
        # Not at once: what goes wrong with whoever listens is no fault of the other end's packets.
        asyncio.get_running_loop().call_soon(self._deliver, data)

    def _deliver(self, data: str | bytes) -> None:
        if self._state is _State.CONNECTED:
            self._events.received(data)

    def _lose(self, reason: str) -> None:
        if self._state in (_State.CONNECTING, _State.CONNECTED):
            self._to(_State.LOST)
            self._end()
            self._events.lost(reason)

    @property
    def _over(self) -> bool:
        return self._state in (_State.LOST, _State.CLOSED)

    def _end(self) -> None:
        """Nothing is said and sent any more."""
        self._media.end()
        self._forget_waiting()
        self._taken.set()

    def _silence(self) -> None:
        """There is no data channel, or none any more."""
        self._mute = True
        self._forget_waiting()
        self._taken.set()

    def _check_size(self, data: str | bytes) -> None:
        if 4 * len(data) <= self._takes:
            return  # whatever its characters, they are not longer in UTF-8
        size = len(data.encode() if isinstance(data, str) else data)
        if size > self._takes:
            raise MessageTooLarge(
                f"A message of {size} bytes is longer than the {self._takes} that the other end takes."
            )

    def _forget_waiting(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0

    def _to(self, state: _State) -> None:
        assert state in _NEXT[self._state], f"{self._state} does not lead to {state}"
        self._state = state
