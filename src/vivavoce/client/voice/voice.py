"""A voice for a connection: a microphone that is heard and a speaker that is interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from inspect import isawaitable
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, TypeAlias

from vivavoce.audio.samples import Samples
from vivavoce.client.errors import ConnectionClosed
from vivavoce.client.handlers import Handler, Handlers
from vivavoce.client.sending import AsyncSender
from vivavoce.client.voice.core import VoiceCore
from vivavoce.client.voice.over_track import TrackCore
from vivavoce.client.voice.playback import Heard, Part, Playback
from vivavoce.client.voice.recordings import PacedSink, Sink
from vivavoce.client.voice.turns import BargeIn, Talking, Turns
from vivavoce.client.webrtc.track import Track


class PlaybackStarted(NamedTuple):
    """The first of an item's speech is heard."""

    item_id: str
    content_index: int


class PlaybackFinished(NamedTuple):
    """All of an item's speech was heard."""

    item_id: str
    content_index: int
    audio_end_ms: int
    """How long it was."""


class PlaybackInterrupted(NamedTuple):
    """The rest of an item's speech will not be heard."""

    item_id: str
    content_index: int
    audio_end_ms: int
    """How much was heard; the server was told."""


Name: TypeAlias = Literal["playback_started", "playback_finished", "playback_interrupted"]

_NAMES: dict[type, Name] = {
    PlaybackStarted: "playback_started",
    PlaybackFinished: "playback_finished",
    PlaybackInterrupted: "playback_interrupted",
}


class Voice:
    """Lets a conversation be spoken.

        async with client.realtime.connect(model="gpt-realtime") as rt, Voice(rt, Microphone(), Speaker()):
            async for event in rt:
                ...

    What the source gives is sent; speech that comes is heard on the sink. When somebody speaks, the assistant
    falls silent, and the server is told how much of each item was really heard, counted in samples that were
    played; also when the response was done long before. The formats are those of the session, whatever they
    are.

    For a call over WebRTC both directions travel on its track instead, and what was heard is what the server
    says: it truncates by itself.

    It watches the connection while somebody listens to that. A connection that cannot be watched needs
    `voice.feed(event)` for each event. Leaving the context ends both directions at once; wait for
    `playback_finished` first, so that a goodbye is not cut off.

    - connection: anything with a `send` for events, in either dialect; `watch` is used if it is there.
    - source: `(n,) int16` at 24 kHz, frame by frame; a Microphone, a WavSource, an ArraySource, or any other
      asynchronous iterable. None: nobody speaks.
    - sink: a Speaker, a WavSink, an ArraySink, or what acts like one. None: speech passes at its pace, and
      nobody hears it.
    - barge_in: "speech", the assistant falls silent as soon as somebody speaks, unless the session says
      `interrupt_response: false`; "server", when the server cancels its response, which with `semantic_vad`
      it does only if somebody has something to say.
    - push_to_talk: what is said is sent only between `press` and `release`; for sessions without turn
      detection.
    """

    def __init__(
        self,
        connection: AsyncSender,
        source: AsyncIterable[Samples] | None,
        sink: Sink | None,
        *,
        barge_in: BargeIn = "speech",
        push_to_talk: bool = False,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._source = source
        self._sink = sink if sink is not None else PacedSink()
        self._core = turns_of(
            connection, Playback(self._started, self._finished), barge_in=barge_in, push_to_talk=push_to_talk
        )
        self._handlers = Handlers()
        self._sending = asyncio.Lock()
        self._wake = asyncio.Event()
        self._played = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unwatch: Callable[[], None] | None = None

    @property
    def playback(self) -> Playback:
        """What waits to be heard, and how much of each item was."""
        return self._core.playback

    @property
    def input_level_db(self) -> float:
        """How loud the source is: 0 is full scale, -96 is silence."""
        return self._core.input_level_db

    @property
    def talking(self) -> Talking:
        """Whether the server hears what is said."""
        return self._core.talking

    def on(self, name: Name, handler: Handler | None = None) -> Any:
        """Call `handler`, a function or a coroutine function, with every event of this name. As a decorator
        without `handler`.

        - "playback_started": PlaybackStarted.
        - "playback_finished": PlaybackFinished.
        - "playback_interrupted": PlaybackInterrupted.
        """
        if handler is None:
            return lambda function: (self.on(name, function), function)[1]
        if name not in _NAMES.values():
            raise ValueError(f"A voice has no event {name!r}: there are {', '.join(_NAMES.values())}.")
        self._handlers.add(name, handler)
        return self

    def off(self, name: Name, handler: Handler) -> Self:
        """Take back one registration of `handler`. Does nothing if there is none."""
        self._handlers.remove(name, handler)
        return self

    async def playback_finished(self) -> None:
        """Return when no response is in progress and all that came was heard, or will not be."""
        while self._core.responding or self._core.speaking:
            self._played.clear()
            await self._played.wait()

    async def interrupt(self) -> None:
        """Let the assistant fall silent: cancel its response, and tell the server what was heard of it."""
        self._core.interrupt()
        await self._flush()

    async def press(self) -> None:
        """Push to talk: begin to say something. The assistant falls silent.

        Raises RuntimeError when pressed already, or if this is no push to talk.
        """
        self._core.press()
        await self._flush()

    async def release(self, response: Mapping[str, Any] | bool = True) -> bool:
        """Push to talk: that was all. Returns whether it was enough to be a turn; less than 100 ms, which a
        server would refuse, is forgotten.

        - response: whether to ask for a response; a mapping is what its `response.create` carries.

        Raises RuntimeError when not pressed.
        """
        if self._core.talking is Talking.PRESSED:
            await self._core.hush()
        enough = self._core.release(response)
        await self._flush()
        return enough

    @asynccontextmanager
    async def pressed(self, response: Mapping[str, Any] | bool = True) -> AsyncIterator[None]:
        """Push to talk: pressed inside the context."""
        await self.press()
        try:
            yield
        finally:
            await self.release(response)

    def feed(self, event: Any) -> bool:
        """Take an event of the server. Does not wait. Returns True for an error that is looked after."""
        mended = self._core.feed(event)
        interrupted, self._core.interrupted = self._core.interrupted, []
        for heard in interrupted:
            self._emit(PlaybackInterrupted(*heard))
        self._wake.set()
        self._played.set()
        return mended

    async def __aenter__(self) -> Self:
        self._spawn(self._answer(), "voice events")
        if self._source is not None:
            self._spawn(self._listen(self._source), "voice input")
        self._sink.open(self.playback)
        watch = getattr(self._connection, "watch", None)
        self._unwatch = watch(self.feed) if watch is not None else None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._unwatch is not None:
            self._unwatch()
        self._core.close()
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for device in (self._source, self._sink):
            close = getattr(device, "close", None)
            if close is not None:
                closing = close()
                if isawaitable(closing):
                    await closing
        failures = [each for each in ended if isinstance(each, Exception)]
        if failures and error is None:
            raise failures[0]

    def _spawn(self, work: Any, name: str) -> None:
        self._tasks.add(asyncio.create_task(work, name=name))

    async def _listen(self, source: AsyncIterable[Samples]) -> None:
        """Send what is said."""
        with suppress(ConnectionClosed):  # whoever listens to the connection learns that
            async for samples in source:
                self._core.hear(samples)
                await self._flush()
                if not getattr(source, "paced", True):
                    await self._core.caught_up()

    async def _answer(self) -> None:
        """Send what events call for."""
        with suppress(ConnectionClosed):
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._flush()

    async def _flush(self) -> None:
        async with self._sending:
            while events := self._core.drain():
                for event in events:
                    sending = self._connection.send(event)
                    if isawaitable(sending):
                        await sending

    # What the playback tells, from whatever thread the device has.

    def _started(self, part: Part) -> None:
        if self._core.is_named(part):
            self._later(lambda: self._emit(PlaybackStarted(*part)))

    def _finished(self, heard: Heard) -> None:
        if not self._core.is_named(Part(heard.item_id, heard.content_index)):
            return

        def tell() -> None:
            self._core.speaking.discard(Part(heard.item_id, heard.content_index))
            self._emit(PlaybackFinished(*heard))
            self._played.set()

        self._later(tell)

    def _later(self, tell: Callable[[], None]) -> None:
        """Call it in the event loop when what was just taken is heard."""
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know
            self._loop.call_soon_threadsafe(self._loop.call_later, self._sink.latency_s, tell)

    def _emit(self, event: PlaybackStarted | PlaybackFinished | PlaybackInterrupted) -> None:
        for handler in self._handlers.take(_NAMES[type(event)]):
            result = handler(event)
            if isawaitable(result):
                self._spawn(_awaited(result), "voice handler")


def turns_of(
    connection: object, playback: Playback, *, barge_in: BargeIn = "speech", push_to_talk: bool = False
) -> Turns:
    """What a voice for this connection does: speech travels over the track of a call, else in events."""
    track = getattr(connection, "audio", None)
    if isinstance(track, Track):
        return TrackCore(playback, track, push_to_talk=push_to_talk)
    return VoiceCore(playback, barge_in=barge_in, push_to_talk=push_to_talk)


async def _awaited(result: Awaitable[Any]) -> None:
    await result
