"""Callers who do whatever comes to their minds, and see to it that everything is answered."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import pybase64

from vivavoce.conformance.caller import Caller, created
from vivavoce.conformance.check import Dialect, Fault, Transport
from vivavoce.conformance.monitor import Ledger, Monitor
from vivavoce.conformance.peer import Frame, Peer
from vivavoce.conformance.sound import Speech, silence
from vivavoce.conformance.target import Target
from vivavoce.conformance.words import Event, Words, item_create

PATIENCE_S = 90.0
"""How long an answer may take on a machine that is busy with all the others."""

LONGEST_PAUSE_S = 2.0
"""Between two acts of a caller."""

STEADY = (
    "Hello!",
    "What time is it?",
    "Tell me a story.",
    "Repeat after me: one two three four five.",
    "Thank you.",
    "And in Paris?",
)
"""What callers type to engines that work."""

FAULTY = (
    "hello",
    "hang",
    "raise",
    "refuse",
    "silent",
    "object",
    "surrogate",
    "misplaced",
    "late",
    "slow",
    "croak",
    "stop short",
)
"""And to engines that go wrong when asked to."""

WRONG: tuple[Event, ...] = (
    {"type": "nonsense"},
    {"type": "conversation.item.delete", "item_id": "item_nobody"},
    {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 5},
    {"type": "input_audio_buffer.append", "audio": "???"},
    {"type": "session.update", "session": {"bogus": 1}},
    {"type": "response.create", "response": {"conversation": "sometimes"}},
    {"type": "conversation.item.create", "item": {"type": "message", "role": "user"}},
)
"""Each is answered by exactly one error."""


SHOWN = 40
"""Frames before the one that breaks a rule that are printed."""


def _shown(frame: Frame) -> str:
    return f"    {frame.at:8.3f} {'C>' if frame.sent else 'S>'} {frame.text[:300]}"


class Tally:
    """What all callers did, and what went wrong with it."""

    def __init__(self) -> None:
        self.acts: Counter[str] = Counter()
        self.responses: Counter[str] = Counter()
        self.events = 0
        self.sessions = 0
        self.failures: list[str] = []
        self.ledgers = {
            (dialect, transport): Ledger(dialect, transport) for dialect in Dialect for transport in Transport
        }

    @property
    def broken(self) -> list[str]:
        """Rules that did not hold on every connection."""
        return [
            "\n".join(
                [
                    f"{dialect.value} over {transport.value}: {rule}: {finding.reason}",
                    *map(_shown, finding.frames[-SHOWN:]),
                ]
            )
            for (dialect, transport), ledger in self.ledgers.items()
            for rule, finding in ledger.findings.items()
            if finding.broken
        ]


ACTS = {
    "type": 6,
    "speak": 4,
    "push to talk": 2,
    "interrupt": 4,
    "beside": 2,
    "err": 3,
    "edit": 3,
    "change": 2,
    "freeze": 1,
    "vanish": 1,
}
"""How often each act is chosen, in relation to the others."""


class Conversation:
    """A connection, and the questions whether everything was answered."""

    def __init__(self, peer: Peer, words: Words, caller: Caller) -> None:
        self.peer = peer
        self.words = words
        self.caller = caller
        self.over = False
        """Whether the connection is gone."""
        self._markers = 0
        self._running: set[str] = set()

    async def send(self, *events: Event) -> None:
        await self.peer.send(*events)

    async def answered(self) -> list[Event]:
        """Everything that comes until the server has dealt with all that was sent. Raises Fault."""
        self._markers += 1
        marker = f"marker_{self._markers}"
        await self.send({"type": "conversation.item.retrieve", "event_id": marker, "item_id": marker})
        events: list[Event] = []
        while True:
            event = await self._next()
            if event["type"] == "error" and event["error"]["event_id"] == marker:
                return events
            events.append(event)

    async def ended(self) -> list[Event]:
        """The same, and until no response is running any more."""
        events = await self.answered()
        while self._running:
            events.append(await self._next())
        return events

    async def _next(self) -> Event:
        event = await self.peer.next()
        if event["type"] == "response.created":
            self._running.add(event["response"]["id"])
        elif event["type"] == "response.done":
            self._running.discard(event["response"]["id"])
        return event


class Soaked:
    """One caller: one session after another, until told to stop."""

    transport = Transport.WEBSOCKET
    dialects: Sequence[Dialect] = tuple(Dialect)
    acts = ACTS

    def __init__(self, target: Target, speech: Speech, seed: int, tally: Tally) -> None:
        self._target = target
        self._random = random.Random(seed)
        self._name = f"caller {seed}"
        self._tally = tally
        self._speech = speech.audio()
        self._faulty = target.model == "faulty"

    async def run(self, stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            dialect = self._random.choice(self.dialects)
            words, ledger = Words(dialect, self.transport), self._tally.ledgers[dialect, self.transport]

            def watch(words: Words = words, ledger: Ledger = ledger) -> Monitor:
                return Monitor(ledger, self._name, words, self._target.api_key)

            caller = Caller(self._target, dialect, PATIENCE_S, watch, transport=self.transport)
            try:
                peer = await caller.connect()
                await created(peer)
                self._tally.sessions += 1
                if not await self._converse(Conversation(peer, words, caller), stopped):
                    caller.peers.clear()  # it is gone already
            except Fault as fault:
                self._tally.failures.append(f"{self._name}: {fault}")
            finally:
                await caller.aclose()

    async def _converse(self, conversation: Conversation, stopped: asyncio.Event) -> bool:
        """A number of acts. False if the connection is gone."""
        for _ in range(self._random.randint(3, 25)):
            if stopped.is_set():
                break
            act = self._random.choices(list(self.acts), list(self.acts.values()))[0]
            self._tally.acts[act] += 1
            deed: Callable[[Conversation], Awaitable[None]] = getattr(self, "_" + act.replace(" ", "_"))
            await deed(conversation)
            if conversation.over:
                return False
            if self._random.random() < 0.7:
                self._count(await conversation.answered())
            await asyncio.sleep(self._random.uniform(0, LONGEST_PAUSE_S))
        self._count(await conversation.ended())
        return True

    def _count(self, events: list[Event]) -> None:
        self._tally.events += len(events)
        for event in events:
            if event["type"] == "response.done":
                self._tally.responses[event["response"]["status"]] += 1

    def _text(self) -> str:
        return self._random.choice(FAULTY if self._faulty else STEADY)

    async def _type(self, conversation: Conversation) -> None:
        words = conversation.words
        await conversation.send(item_create(words.user(self._text())))
        await conversation.send(words.create(modality=self._random.choice(["text", "audio"])))

    def _said(self) -> bytes:
        if not self._faulty:
            return self._speech
        return (np.sin(np.arange(12_000) / 10) * 20_000).astype("<i2").tobytes()

    async def _append(self, conversation: Conversation, audio: bytes) -> None:
        at = 0
        while at < len(audio):
            size = self._random.choice([480, 1920, 9600, 48_000])
            piece = audio[at : at + size]
            at += size
            text = pybase64.b64encode_as_string(piece)
            await conversation.send({"type": "input_audio_buffer.append", "audio": text})

    async def _speak(self, conversation: Conversation) -> None:
        await self._append(conversation, self._said() + silence(1000))

    async def _push_to_talk(self, conversation: Conversation) -> None:
        words = conversation.words
        await conversation.send(words.update(turn_detection=None))
        await self._append(conversation, self._said())
        await conversation.send({"type": "input_audio_buffer.commit"}, words.create())
        await conversation.send(words.update(turn_detection={"type": "server_vad"}))

    async def _interrupt(self, conversation: Conversation) -> None:
        await self._type(conversation)
        await asyncio.sleep(self._random.uniform(0, 0.3))
        if self._random.random() < 0.5:
            await conversation.send({"type": "response.cancel"})
        else:
            await self._append(conversation, self._said())

    async def _beside(self, conversation: Conversation) -> None:
        words = conversation.words
        for _ in range(self._random.randint(1, 4)):
            await conversation.send(
                words.create(
                    conversation="none", modality="text", metadata={"n": "1"}, input=[words.user("hello")]
                )
            )

    async def _err(self, conversation: Conversation) -> None:
        wrong = self._random.choice(WRONG)
        event_id = f"wrong_{self._random.randrange(10**9)}"
        await conversation.peer.send_bare(wrong | {"event_id": event_id})
        events = await conversation.answered()
        self._count(events)
        told = [e for e in events if e["type"] == "error" and e["error"]["event_id"] == event_id]
        if len(told) != 1:
            self._tally.failures.append(f"{self._name}: {wrong} was answered by {len(told)} errors")

    async def _edit(self, conversation: Conversation) -> None:
        words, item_id = conversation.words, f"mine_{self._random.randrange(10**9)}"
        await conversation.send(item_create(words.user("remember this", id=item_id)))
        await conversation.send({"type": "conversation.item.retrieve", "item_id": item_id})
        if self._random.random() < 0.5:
            await conversation.send({"type": "conversation.item.delete", "item_id": item_id})

    async def _change(self, conversation: Conversation) -> None:
        words = conversation.words
        change = self._random.choice(
            [
                words.update(instructions="Be brief."),
                words.update(turn_detection={"type": "semantic_vad", "eagerness": "high"}),
                words.update(turn_detection={"type": "server_vad", "silence_duration_ms": 300}),
                words.update(transcription={"model": "gpt-4o-transcribe"}),
                words.update(noise_reduction={"type": "near_field"}),
                words.update(output_format="g711_ulaw"),
                words.update(output_format="pcm16"),
            ]
        )
        await conversation.send(change)

    async def _vanish(self, conversation: Conversation) -> None:
        conversation.peer.socket.transport.abort()
        await conversation.peer.socket.wait_closed()
        conversation.over = True

    async def _freeze(self, conversation: Conversation) -> None:
        """Read nothing for a while."""
        transport = conversation.peer.socket.transport
        transport.pause_reading()
        await self._type(conversation)
        await asyncio.sleep(self._random.uniform(0.2, 1.5))
        transport.resume_reading()
