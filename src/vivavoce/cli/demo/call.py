"""The caller's side of the demonstration: talks, listens, runs the function, interrupts."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pybase64

from vivavoce.cli.demo.duplex import Duplex
from vivavoce.cli.demo.script import move_door
from vivavoce.cli.exchange import Exchange, Turn
from vivavoce.client import AsyncRealtimeConnection
from vivavoce.client.core import encoded
from vivavoce.client.voice.core import VoiceCore
from vivavoce.client.voice.playback import BYTES_PER_MS, Heard, Playback
from vivavoce.protocol import (
    ClientEvent,
    ConversationItemCreate,
    ConversationItemRetrieve,
    ConversationItemRetrieved,
    FunctionCall,
    FunctionCallOutput,
    InputAudioBufferAppend,
    Message,
    ResponseCreate,
    ResponseDone,
    ResponseOutputAudioDelta,
    ResponseOutputItemDone,
    ServerEvent,
    UnknownEvent,
    decode_audio,
    decode_server_event,
)
from vivavoce.testing.journal import Journal


class Noted(NamedTuple):
    """An event of the server and when it came."""

    at: float
    event: ServerEvent | UnknownEvent


class Call:
    """One conversation. Times are seconds since the journal began."""

    def __init__(self, connection: AsyncRealtimeConnection, journal: Journal) -> None:
        self._connection = connection
        self._journal = journal
        self._news = asyncio.Condition()
        self._calls: list[FunctionCall] = []
        self.playback = Playback()
        self._voice = VoiceCore(self.playback)
        self.duplex = Duplex(self._hear_microphone, self.playback, journal.now)
        self.exchange = Exchange(lambda ms: self.duplex.began + ms / 1000)
        self.noted: list[Noted] = []
        self.interrupted: list[tuple[float, Heard]] = []
        self._sent: dict[str, int] = {}

    async def send(self, event: ClientEvent | Mapping[str, Any]) -> None:
        message = encoded(event)
        self._journal.write("client", message)
        await self._connection.send_raw(message)

    async def run(self) -> None:
        """Listen until the connection ends."""
        while True:
            message = await self._connection.recv_bytes()
            self._journal.write("server", message)
            event = decode_server_event(message)
            now = self._journal.now()
            self.noted.append(Noted(now, event))
            self.exchange.receive(event, now)
            await self._react(event)
            async with self._news:
                self._news.notify_all()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Return when this is true, which only an event can make it."""
        async with self._news:
            await self._news.wait_for(happened)

    async def answered(self, turns: int) -> Turn:
        """Return the turn of this number, the first is 1, when its whole answer was heard."""
        await self.until(lambda: self.exchange.settled and self._spoken_turns() >= turns)
        while self.playback.unheard():
            await self.duplex.tick()
        return self.exchange.turns[-1]

    async def heard(self, seconds: float) -> None:
        """Return when so much of the next answer was heard."""
        heard = len(self.duplex.heard)
        while len(self.duplex.heard) == heard or self.duplex.heard[-1].length < seconds:
            await self.duplex.tick()

    def sent_ms(self, item_ids: list[str]) -> int:
        """How much audio of these items has come."""
        return sum(self._sent.get(item_id, 0) for item_id in item_ids) // BYTES_PER_MS

    def heard_share(self, item_ids: list[str]) -> float:
        """How much of the audio of these items that has come was heard, 0 to 1."""
        heard = sum(self.playback.heard_ms(item_id) for item_id in item_ids)
        return heard / max(self.sent_ms(item_ids), 1)

    async def retrieve(self, item_id: str) -> Message:
        """The item as the server keeps it, with its audio."""
        await self.send(ConversationItemRetrieve(item_id=item_id))
        await self.until(lambda: isinstance(self.noted[-1].event, ConversationItemRetrieved))
        event = self.noted[-1].event
        assert isinstance(event, ConversationItemRetrieved)
        assert isinstance(event.item, Message)
        return event.item

    def _spoken_turns(self) -> int:
        return sum(turn.item_id is not None for turn in self.exchange.turns)

    async def _hear_microphone(self, audio: bytes) -> None:
        await self.send(InputAudioBufferAppend(audio=pybase64.b64encode_as_string(audio)))

    async def _react(self, event: ServerEvent | UnknownEvent) -> None:
        self._voice.feed(event)
        for heard in self._voice.interrupted:
            self.interrupted.append((self._journal.now(), heard))
            self.exchange.heard(heard.item_id, heard.audio_end_ms)
        self._voice.interrupted.clear()
        for answer in self._voice.drain():
            await self.send(answer)
        match event:
            case ResponseOutputAudioDelta(item_id=item_id, delta=delta):
                self._sent[item_id] = self._sent.get(item_id, 0) + len(decode_audio(delta, "delta"))
            case ResponseOutputItemDone(item=FunctionCall() as call):
                self._calls.append(call)
            case ResponseDone() if self._calls:
                for call in self._calls:
                    output = move_door(call.arguments)
                    item = FunctionCallOutput(call_id=str(call.call_id), output=output)
                    await self.send(ConversationItemCreate(item=item))
                self._calls.clear()
                self.exchange.turns.append(Turn(ended=self._journal.now(), said=""))
                await self.send(ResponseCreate())
