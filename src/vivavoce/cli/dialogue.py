"""A conversation with a server: speaking, listening, being interrupted, and knowing when it is over."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from vivavoce.audio.samples import Samples
from vivavoce.cli.exchange import Exchange, Turn
from vivavoce.client import AsyncRealtimeConnection, ConnectionClosed
from vivavoce.client.core import encoded
from vivavoce.client.voice.playback import Playback
from vivavoce.client.voice.recordings import FRAME_MS, Source
from vivavoce.client.voice.voice import turns_of
from vivavoce.protocol import (
    ClientEvent,
    ConversationItemCreate,
    ErrorEvent,
    InputAudioBufferCommit,
    InputText,
    Message,
    RealtimeSessionParams,
    ResponseCreate,
    ServerEvent,
    SessionUpdate,
    SessionUpdated,
    UnknownEvent,
    VivavoceError,
)
from vivavoce.testing.journal import Journal

PATIENCE_S = 5.0
"""How long a transcript may come after its answer."""

Listener = Callable[[ServerEvent | UnknownEvent], None]


class TalkError(VivavoceError):
    """The conversation cannot go on. The message says why."""


class Dialogue:
    """One conversation. `listen` runs beside everything else, and ends it by raising.

    - timeout: seconds without any event while one is due, after which the server is given up.
    - on_event: called with each event once it has been taken in.
    """

    def __init__(
        self,
        rt: AsyncRealtimeConnection,
        exchange: Exchange,
        playback: Playback,
        journal: Journal,
        *,
        timeout: float,
        on_event: Listener,
    ) -> None:
        self._rt = rt
        self._exchange = exchange
        self._voice = turns_of(rt, playback)
        self._playback = playback
        self._journal = journal
        self._timeout = timeout
        self._on_event = on_event
        self._news = asyncio.Event()
        self._configured = False
        self._spoken_ms = 0

    @property
    def spoken_s(self) -> float:
        """Seconds of sound sent so far."""
        return self._spoken_ms / 1000

    async def listen(self) -> None:
        """Take in events for ever. Raises ConnectionClosed, and TalkError for a refusal that matters."""
        while True:
            message = await self._rt.recv_bytes()
            self._journal.write("server", message)
            event = self._rt.parse_event(message)
            self._exchange.receive(event, time.monotonic())
            self._voice.feed(event)
            await self._tell_what_was_heard()
            match event:
                case SessionUpdated():
                    self._configured = True
                case ErrorEvent(error=error) if error.event_id in _MATTERS:
                    raise TalkError(error.message)
            self._on_event(event)
            self._news.set()

    async def configure(self, session: RealtimeSessionParams) -> None:
        """Wait for the session, change it, and wait until it is changed."""
        await self._until(lambda: self._exchange.session is not None)
        await self._send(SessionUpdate(event_id=_SESSION, session=session))
        await self._until(lambda: self._configured)

    async def speak(self, source: Source, on_frame: Callable[[Samples], None]) -> None:
        """Send what a microphone hears, until there is no more."""
        async for frame in source:
            self._voice.hear(frame)
            for event in self._voice.drain():
                await self._send(event)
            self._spoken_ms += FRAME_MS
            on_frame(frame)

    async def commit(self) -> None:
        """End the turn by hand, and ask for the answer."""
        committed = len(self._exchange.turns)
        await self._voice.hush()
        self._exchange.committing_ms = self._spoken_ms
        await self._send(InputAudioBufferCommit(event_id=_COMMIT))
        await self._until(lambda: len(self._exchange.turns) > committed)
        await self._send(ResponseCreate(event_id=_RESPONSE))

    async def type(self, line: str) -> Turn:
        """Say something in writing; returns the turn once it is answered."""
        turn = self._exchange.say(line, time.monotonic())
        item = Message(role="user", content=(InputText(text=line),))
        await self._send(ConversationItemCreate(event_id=_ITEM, item=item))
        await self._send(ResponseCreate(event_id=_RESPONSE))
        await self._until(lambda: turn.settled)
        return turn

    async def finish(self, source: Source) -> None:
        """Wait until the source is over and everything has been answered, and where the server plays it,
        heard; then, for a while, for transcripts."""
        await self._until(lambda: source.over and self._exchange.settled, due=lambda: source.over)
        await self._until(lambda: not self._voice.coming, due=lambda: not self._playback.waiting_ms)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._until(lambda: self._exchange.understood)
        except TimeoutError:
            return  # some servers transcribe nothing

    async def attend(self) -> None:
        """Never ends; raises TalkError when something said remains unanswered."""
        await self._until(
            lambda: False, due=lambda: bool(self._exchange.turns) and not self._exchange.settled
        )

    async def _until(self, condition: Callable[[], bool], due: Callable[[], bool] = lambda: True) -> None:
        """Wait for a condition that events bring about. Raises TalkError if none comes while one is due."""
        silent_since = time.monotonic()
        while not condition():
            self._news.clear()
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._news.wait()
            except TimeoutError:
                if not due():
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > self._timeout:
                    raise TalkError(self._silence()) from None
            else:
                silent_since = time.monotonic()

    def _silence(self) -> str:
        patience = f"{self._timeout:g} s"
        if self._exchange.session is None:
            remedy = "check that it is a Realtime server, or raise --timeout"
        elif self._spoken_ms and not self._exchange.turns:
            return f"The server heard nobody speak, and has been silent for {patience}."
        else:
            remedy = "look into its log, or raise --timeout"
        return f"The server did not answer within {patience}: {remedy}."

    async def _tell_what_was_heard(self) -> None:
        """Somebody has interrupted: tell the server how much was heard."""
        for item_id, _, audio_end_ms in self._voice.interrupted:
            self._exchange.heard(item_id, audio_end_ms)
        self._voice.interrupted.clear()
        with suppress(ConnectionClosed):  # what comes next says why
            for event in self._voice.drain():
                await self._deliver(event)

    async def _send(self, event: ClientEvent | Mapping[str, Any]) -> None:
        try:
            await self._deliver(event)
        except ConnectionClosed:
            # `listen` is about to raise the same, and knows the reason.
            await asyncio.get_running_loop().create_future()

    async def _deliver(self, event: ClientEvent | Mapping[str, Any]) -> None:
        message = encoded(event)
        self._journal.write("client", message)
        await self._rt.send_raw(message)


_SESSION, _ITEM, _COMMIT, _RESPONSE = "talk_session", "talk_item", "talk_commit", "talk_response"
_MATTERS = (_SESSION, _ITEM, _COMMIT, _RESPONSE)
"""Events of ours without which there is no conversation. An answer may also be over before a truncation
arrives."""

_LOOK_S = 0.1
"""How often to look at the clock while nothing happens."""
