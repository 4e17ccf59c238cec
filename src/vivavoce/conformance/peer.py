"""The caller's end of a connection: it sends exactly what it is told to, and hides nothing."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import pybase64
from websockets.asyncio.client import ClientConnection

from vivavoce.conformance.check import NO_DELTAS, Fault, NotRun, brief
from vivavoce.conformance.sound import milliseconds
from vivavoce.conformance.wire import Wire, socket_of
from vivavoce.conformance.words import Event, Words

if TYPE_CHECKING:
    from vivavoce.conformance.call import CallWire

ASIDE = (
    "rate_limits.updated",
    "conversation.item.input_audio_transcription.",
    "mcp_list_tools.",
    "response.mcp_call.",
    "output_audio_buffer.",
)
"""Events that may come between any two others: nothing depends on their place."""

QUIET_SHARE = 0.2
"""Part of the patience after which a server that says nothing is taken to have nothing to say."""

APPEND = "input_audio_buffer.append"

LONGEST_SHOWN = 120
"""Characters of a text that a recorded frame shows."""


@dataclass(frozen=True)
class Frame:
    """What went over the wire, as a report shows it."""

    at: float
    """Seconds since the connection was opened."""
    sent: bool
    """Whether the caller sent it; otherwise the server did."""
    text: str
    """JSON without long texts and audio, or a description of what is not JSON."""
    kind: str = ""
    """The type of the event, if it is one."""


class Watch(Protocol):
    """Whoever sees everything that the server sends over a connection."""

    frames: list[Frame]
    """What the connection carried so far: set by the peer."""

    @property
    def unfinished(self) -> Sequence[str]:
        """The responses that have not ended."""

    def received(self, event: object, text: str, number: int) -> None:
        """JSON, parsed and as it came. `number` is that of the frame."""

    def broken(self, reason: str, number: int) -> None:
        """Something that is no JSON text."""

    def finish(self) -> None:
        """Nothing more will come."""


class Peer:
    """An open connection.

    Events are dictionaries. `patience` is how long the server may take to say the next thing, in seconds.
    Where sound has a track of its own, `input_audio_buffer.append` is said there, in real time.
    """

    def __init__(
        self,
        wire: Wire,
        words: Words,
        patience: float,
        watch: Watch,
        conceal: Callable[[str], str],
    ) -> None:
        self.words = words
        self.wire = wire
        self.patience = patience
        self.frames: list[Frame] = []
        self.session: Event = {}
        """The session as `session.created` showed it."""
        self.conversation: Event | None = None
        """`conversation.created`, if it came. It may come with anything else, and is never waited for."""
        self._watch = watch
        self._conceal = conceal
        watch.frames = self.frames
        self._opened = time.monotonic()
        self._record(True, wire.how)
        self._incoming: asyncio.Queue[Event | None] = asyncio.Queue()
        self._ended = False
        self._markers = 0
        self._said_ms = self._sound_ms = 0.0
        """How much was said in all, and before what was said last."""
        self._reader = asyncio.create_task(self._read())

    @property
    def socket(self) -> ClientConnection:
        """The WebSocket."""
        return socket_of(self.wire)

    @property
    def call(self) -> "CallWire":
        """The call. Raises NotRun over a WebSocket."""
        if not self.words.over_webrtc:
            raise NotRun("There is no call.")
        return cast("CallWire", self.wire)

    def sent_at(self, milliseconds: float) -> float:
        """Where in the session's input, in milliseconds, this much of what was said last is; over a call,
        nearly."""
        return self.call.sent_at(milliseconds) if self.words.over_webrtc else self._sound_ms + milliseconds

    # Sending

    async def send(self, *events: Event) -> None:
        """Send events, one message each. Sound that has a track goes there, and all of it has arrived before
        the next event is sent, or this returns."""
        sound = [pybase64.b64decode(str(each.get("audio"))) for each in events if each.get("type") == APPEND]
        if sound:
            self._sound_ms = self._said_ms
            self._said_ms += milliseconds(b"".join(sound))
        said = b""
        for event in events:
            if event.get("type") == APPEND and self.words.over_webrtc:
                said += sound.pop(0)
                continue
            await self._say(said)
            said = b""
            await self._put(json.dumps(event), True, shorten(event), str(event.get("type")))
        await self._say(said)

    async def send_bare(self, event: Event) -> None:
        """Send an event as a message, whatever it is."""
        await self._put(json.dumps(event), True, shorten(event), str(event.get("type")))

    async def _say(self, sound: bytes) -> None:
        if sound:
            self._record(True, f"{milliseconds(sound) / 1000:.2f} s of sound on the track")
            await self.call.say(sound)

    async def send_text(self, text: str) -> None:
        """Send a text frame that need not be JSON."""
        await self._put(text, True, text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")

    async def send_binary(self, data: bytes) -> None:
        """Send a binary frame."""
        await self._put(data, False, f"binary frame, {len(data)} bytes")

    async def _put(self, frame: str | bytes, text: bool, shown: str, kind: str = "") -> None:
        self._record(True, shown, kind)
        try:
            await self.wire.send(frame, text=text)
        except ConnectionError:
            raise Fault(f"The connection was closed by the server: {self.ending}.") from None

    # Receiving

    async def next(self, awaited: str = "an event", patience: float | None = None) -> Event:
        """The next event, of whatever type. Raises Fault if none comes."""
        if self._ended:
            raise Fault(f"Expected {awaited}, but the connection was closed: {self.ending}.")
        patience = self.patience if patience is None else patience
        try:
            async with asyncio.timeout(patience):
                event = await self._incoming.get()
        except TimeoutError:
            raise Fault(f"Expected {awaited}, but nothing came for {patience:g} s.") from None
        if event is None:
            self._ended = True
            raise Fault(f"Expected {awaited}, but the connection was closed: {self.ending}.")
        return event

    async def expect(self, *types: str) -> Event:
        """The next event, which must be of one of these types. Events whose place says nothing are passed
        over, unless they are what is expected."""
        awaited = " or ".join(types)
        while True:
            event = await self.next(awaited)
            kind = str(event.get("type"))
            if kind in types:
                return event
            if not kind.startswith(ASIDE):
                raise Fault(f"Expected {awaited}, but {_described(event)} came.")

    async def expect_each(self, *types: str) -> list[Event]:
        """The next events, which must be of these types, in this order."""
        return [await self.expect(kind) for kind in types]

    async def through(self, *types: str) -> list[Event]:
        """All events up to the next of one of these types, that one included. Raises Fault on an error,
        unless errors are among the types."""
        awaited = " or ".join(types)
        events: list[Event] = []
        while True:
            event = await self.next(awaited)
            events.append(event)
            kind = event.get("type")
            if kind in types:
                return events
            if kind == "error":
                raise Fault(f"Expected {awaited}, but {_described(event)} came.")

    async def until(self, *types: str) -> Event:
        """The next event of one of these types; those before it are passed over."""
        return (await self.through(*types))[-1]

    async def answers(self, *events: Event) -> list[Event]:
        """Send events and return everything that comes until the server has dealt with them."""
        await self.send(*events)
        return await self.settle()

    async def settle(self) -> list[Event]:
        """Everything that comes until the server has dealt with all that was sent.

        An event of an unknown type is sent, and its refusal is waited for. A server that does not refuse it
        is given a while of silence instead.
        """
        self._markers += 1
        name = f"conformance.marker.{self._markers}"
        await self.send({"type": name, "event_id": name})
        await self.wire.caught_up()
        events: list[Event] = []
        while True:
            try:
                event = await self.next("the refusal of an unknown event", self.patience * QUIET_SHARE)
            except Fault:
                if self._ended:
                    raise
                return events
            error = event.get("error")
            refused = isinstance(error, dict) and (error.get("event_id"), str(error.get("message")))
            if refused and (refused[0] == name or name in refused[1]):
                return events
            events.append(event)

    async def refused(self, event: Event) -> Event:
        """Send an event that must be refused: the `error` object of the one error that comes. Raises Fault
        for anything else."""
        kind = event.get("type")
        await self.send_bare(event)
        events = [each for each in await self.settle() if not str(each.get("type")).startswith(ASIDE)]
        if not events:
            raise Fault(f"{kind} was not refused: no error came.")
        if [each.get("type") for each in events] != ["error"]:
            came = ", ".join(str(each.get("type")) for each in events)
            raise Fault(f"{kind} was to be refused with one error; what came is: {came}.")
        error = events[0].get("error")
        if not isinstance(error, dict):
            raise Fault("The error event has no object `error`.")
        return error

    async def updated(self, **settings: Any) -> Event:
        """Change settings of the session: the session as `session.updated` shows it."""
        await self.send(self.words.update(**settings))
        session = (await self.expect("session.updated")).get("session")
        if not isinstance(session, dict):
            raise Fault("session.updated has no object `session`.")
        return session

    async def closed(self) -> tuple[int, str]:
        """Wait for the server to close the connection: code and reason. Raises Fault if it does not."""
        try:
            async with asyncio.timeout(self.patience):
                await self.wire.wait_closed()
        except TimeoutError:
            raise Fault(f"The connection was not closed within {self.patience:g} s.") from None
        return self.wire.close_code or 1006, self.wire.close_reason or ""

    @property
    def ending(self) -> str:
        """How the connection was closed."""
        code = self.wire.close_code
        reason = self.wire.close_reason
        return f"{code if code is not None else 1006} {reason or ''}".strip()

    async def aclose(self) -> None:
        """End the responses that go on, close the connection, and wait until everything was seen."""
        if self._watch.unfinished and not self._ended and self.wire.close_code is None:
            await self._end_responses()
        await self.wire.close()
        await self._reader

    async def _end_responses(self) -> None:
        """Cancel what goes on, and wait until it has ended. What never ends is noted."""
        cancels = [{"type": "response.cancel", "response_id": id} for id in self._watch.unfinished]
        try:
            await self.send(*cancels)
            while self._watch.unfinished:
                await self.next("response.done")
        except Fault:
            if not self._reader.done():
                self._watch.finish()

    # The reader

    async def _read(self) -> None:
        try:
            async for frame in self.wire:
                self._see(frame)
        finally:
            self._record(False, f"closed: {self.ending}")
            self._incoming.put_nowait(None)

    def _see(self, frame: str | bytes) -> None:
        number = len(self.frames)
        if isinstance(frame, bytes):
            self._record(False, f"binary frame, {len(frame)} bytes")
            self._watch.broken("The server sent a binary frame.", number)
            return
        try:
            event = json.loads(frame)
        except ValueError as error:
            self._record(False, frame[:LONGEST_SHOWN])
            self._watch.broken(f"The server sent a text that is not JSON: {error}.", number)
            return
        self._record(False, shorten(event), str(event.get("type")) if isinstance(event, dict) else "")
        self._watch.received(event, frame, number)
        if isinstance(event, dict) and event.get("type") == "conversation.created":
            self.conversation = event
        elif isinstance(event, dict):
            self._incoming.put_nowait(event)

    def _record(self, sent: bool, text: str, kind: str = "") -> None:
        self.frames.append(Frame(time.monotonic() - self._opened, sent, self._conceal(text), kind))


def shorten(event: object) -> str:
    """An event as JSON, in which long texts and audio are cut, and what it says comes before its ids."""
    shown = _shortened(event)
    if isinstance(shown, dict):
        shown = dict(sorted(shown.items(), key=lambda entry: _rank(entry[0])))
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def _rank(key: str) -> int:
    """Where a key stands in a frame as it is shown."""
    if key in ("event_id", "obfuscation"):
        return 4
    if key.endswith(("_id", "_index")):
        return 3 if key.endswith("_id") else 2
    return 0 if key == "type" else 1


def _shortened(value: object) -> object:
    match value:
        case dict():
            return {key: _shortened(each) for key, each in value.items()}
        case list():
            return [_shortened(each) for each in value]
        case str() if len(value) > LONGEST_SHOWN:
            return f"{value[:24]}… ({len(value)} characters)"
        case _:
            return value


def audio_of(events: Iterable[Event], words: Words) -> bytes:
    """The audio in the deltas among these events. Raises NotRun where speech has a track of its own."""
    if words.over_webrtc:
        raise NotRun(NO_DELTAS)
    pieces = (each["delta"] for each in events if each.get("type") == f"{words.audio}.delta")
    try:
        return b"".join(pybase64.b64decode(piece, validate=True) for piece in pieces)
    except (ValueError, TypeError):
        raise Fault(f"A {words.audio}.delta does not hold base64.") from None


def _described(event: Event) -> str:
    if event.get("type") == "error":
        return f"the error {brief(event.get('error'))}"
    return str(event.get("type"))
