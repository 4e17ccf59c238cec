"""The same callers over WebRTC, with what goes wrong there alone."""

import asyncio
import random
from collections.abc import Sequence

from tests.soak.callers import ACTS, PATIENCE_S, Conversation, Soaked
from vivavoce.conformance.check import Dialect, Fault, Transport
from vivavoce.conformance.words import item_create
from vivavoce.rtc import Peer

PACKETS = 50
"""Of rubbish at a time."""


class SoakedCall(Soaked):
    """A caller whose sound comes in packets. Networks lose it, and WebSockets come and go beside it."""

    transport = Transport.WEBRTC
    dialects: Sequence[Dialect] = (Dialect.GA,)
    acts = ACTS | {"rubbish": 2, "join": 3, "leave in silence": 1, "hang up": 1}

    async def _append(self, conversation: Conversation, audio: bytes) -> None:
        await conversation.peer.call.say(audio)

    async def _vanish(self, conversation: Conversation) -> None:
        for protocol in _transport(_peer(conversation))._ice._protocols:
            protocol.transport.abort()
        await asyncio.sleep(0.1)  # until this end knows
        await conversation.peer.wire.close()
        conversation.over = True

    async def _hang_up(self, conversation: Conversation) -> None:
        """Let the server end the call, whatever goes on."""
        call = conversation.peer.call
        answer = await conversation.caller.post(
            f"/calls/{call.call_id}/hangup", headers=conversation.caller.headers()
        )
        if answer.status_code != 200:
            raise Fault(f"hangup was answered with {answer.status_code}")
        try:
            async with asyncio.timeout(PATIENCE_S):
                await call.wait_closed()
        except TimeoutError:
            raise Fault("a call that was hung up goes on") from None
        await call.close()
        conversation.over = True

    async def _leave_in_silence(self, conversation: Conversation) -> None:
        """Close in the middle of an answer."""
        await self._type(conversation)
        await asyncio.sleep(self._random.uniform(0, 1))
        await conversation.peer.wire.close()
        conversation.over = True

    async def _freeze(self, conversation: Conversation) -> None:
        """The network is gone for a while."""
        protocols = _transport(_peer(conversation))._ice._protocols
        kept = [each.datagram_received for each in protocols]
        for each in protocols:
            each.datagram_received = lambda *_: None  # type: ignore[method-assign]
        await self._type(conversation)
        await asyncio.sleep(self._random.uniform(0.2, 1.5))
        for each, receive in zip(protocols, kept, strict=True):
            each.datagram_received = receive  # type: ignore[method-assign]

    async def _rubbish(self, conversation: Conversation) -> None:
        """Packets that are nearly right, or not at all."""
        transport, dice = _transport(_peer(conversation)), self._random
        for _ in range(PACKETS):
            await _throw(transport, dice)
            await asyncio.sleep(0)

    async def _join(self, conversation: Conversation) -> None:
        """A WebSocket beside the call, which does something and goes, orderly or not."""
        words = conversation.words
        beside = await conversation.caller.sideband(conversation.peer.call.call_id)
        conversation.caller.peers.remove(beside)
        await beside.next("session.created")
        for _ in range(self._random.randint(0, 3)):
            await beside.send(item_create(words.user("from beside")))
            await self._type(conversation)
        if self._random.random() < 0.5:
            beside.socket.transport.abort()
        await beside.wire.close()
        await beside.wire.wait_closed()


def _peer(conversation: Conversation) -> Peer:
    return conversation.peer.call._peer


def _transport(peer: Peer):
    transport = peer._transport
    assert transport is not None
    return transport


async def _throw(transport, dice: random.Random) -> None:
    noise = dice.randbytes(dice.randint(1, 200))
    match dice.randrange(5):
        case 0:
            transport.send_media(bytes([0x80, 111]) + dice.randbytes(10) + noise)
        case 1:
            transport.send_control(bytes([0x80, 200]) + dice.randbytes(10) + noise)
        case 2:
            transport._ice.send_now(noise)
        case 3:
            transport._ice.send_now(bytes([dice.choice([0, 1, 22, 23, 128])]) + noise)
        case _:
            await transport._dtls._send_data(noise)
