"""One call: a peer, a session, and the WebSockets beside them, from the offer to the end."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from enum import Enum
from itertools import count
from typing import Any, Protocol

import msgspec

from vivavoce.protocol import ErrorEvent, VivavoceError, errors
from vivavoce.protocol.codec import Accepts
from vivavoce.protocol.dialects import Dialect
from vivavoce.rtc import IceSettings, Peer
from vivavoce.server.calls.intake import Intake
from vivavoce.server.calls.media import MediaTransport
from vivavoce.server.connection import Connection
from vivavoce.server.transport import Line, MediaRunner
from vivavoce.session.ids import Ids

logger = logging.getLogger(__name__)

CLOSE_CALL_ENDED = 1000

EVENTS_AT_ONCE = 32
"""After that many events the other calls have a turn: one that sends events without end holds up nobody."""


class CallState(Enum):
    """Where a call stands."""

    CONNECTING = "connecting"
    """Its offer is being answered, or was; the data channel is not open yet."""
    OPEN = "open"
    """Its session has begun, and can be joined."""
    ENDED = "ended"


_NEXT = {
    CallState.CONNECTING: {CallState.OPEN, CallState.ENDED},
    CallState.OPEN: {CallState.ENDED},
    CallState.ENDED: set[CallState](),
}


class End(Enum):
    """Why a call ended: the label of the metrics."""

    HANGUP = "hangup"
    """Asked for with `hangup`."""
    PEER = "peer"
    """The peer closed the connection, or was not heard of for too long."""
    NOT_CONNECTED = "not_connected"
    """No media came, or no data channel was opened, in time."""
    SESSION = "session"
    """The session was over: it expired, or was closed."""
    REFUSED = "refused"
    """Its offer could not be answered."""
    SHUTDOWN = "shutdown"
    """The server goes away."""
    UNREAD = "unread"
    """The peer took no events, or sent more of them than the server takes."""
    FAILED = "failed"
    """A fault of this server."""


class CallEnded(VivavoceError):
    """The call was over before it was answered."""


class CallLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a call may take."""

    connect_timeout_s: float
    """From the answer to the open data channel."""
    write_buffer_bytes: int
    write_timeout_s: float
    max_sidebands: int


class MakeRunner(Protocol):
    """Makes the runner of a call's session."""

    def __call__(self, *, transport: MediaTransport, dialect: Dialect) -> MediaRunner: ...


class Call:
    """A call. `answer` begins it, and it lives by itself from then on; the other methods end it.

    It listens to its own peer: `connected` to `lost` are those of `rtc.PeerEvents`.
    """

    def __init__(
        self,
        id: str,
        *,
        dialect: Dialect,
        accepts: Accepts,
        runner: MakeRunner,
        ice: IceSettings,
        limits: CallLimits,
        ids: Ids,
        on_gone: Callable[["Call"], None],
    ) -> None:
        self.id = id
        self.state = CallState.CONNECTING
        self.ended_by: End | None = None
        self.sidebands: set[Connection] = set()
        self.joining = 0
        """WebSockets that will be sidebands as soon as they are accepted."""
        self.limits = limits
        self.accepts = accepts
        """What its session takes in the GA dialect, which all sidebands speak."""
        self.intake: Intake[Line] = Intake()
        self._dialect = dialect
        self._make_runner = runner
        self._ids = ids
        self._on_gone = on_gone
        self._peer = Peer(self, ice=ice)
        self._transport = MediaTransport(
            self._peer,
            dialect=dialect,
            buffer_bytes=limits.write_buffer_bytes,
            write_timeout_s=limits.write_timeout_s,
            give_up=lambda: self.end(End.UNREAD),
        )
        self._runner: MediaRunner | None = None
        self._silent = asyncio.Event()
        self._silent.set()
        self._opened = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when nothing of it is left."""

    async def answer(self, offer: str) -> str:
        """The answer to the SDP offer; from then on the call lives by itself. Raises what `Peer.answer`
        does, or CallEnded; nothing is left of the call then."""
        try:
            answer = await self._peer.answer(offer)
            if self._transport.ended.done():
                raise CallEnded("the call was ended before it was answered")
        except BaseException:
            self._note(End.REFUSED)
            await self._free()
            raise
        self._life = asyncio.create_task(self._run(), name="vivavoce call")
        return answer

    @property
    def runner(self) -> MediaRunner:
        """That of an open call."""
        assert self._runner is not None
        return self._runner

    async def say_goodbye(self, patience_s: float) -> None:
        """Let running responses end and be heard, for so many seconds at most; then hang up."""
        if self._runner is not None:
            try:
                async with asyncio.timeout(patience_s):
                    await self._runner.drain()
                    await self._silent.wait()
            except TimeoutError:
                logger.warning(
                    "a response did not end within %.1f s; its call is ended all the same", patience_s
                )
            except Exception:  # one call's fault must not keep the others from being ended
                logger.exception("a call failed while it was asked to end")
        self._note(End.SHUTDOWN)
        await self._transport.close(CLOSE_CALL_ENDED, "the server is going away")

    def hang_up(self) -> None:
        """Drop the call without another word."""
        self.end(End.SHUTDOWN)
        for each in list(self.sidebands):
            each.hang_up()

    def end(self, why: End) -> None:
        """Let go of the peer, which will notice."""
        self._note(why)
        self._transport.abort()

    # What the peer tells: rtc.PeerEvents.

    def connected(self) -> None:
        """Nothing is to be done before the data channel is open."""

    def opened(self) -> None:
        self._opened.set()

    def received(self, data: str | bytes) -> None:
        self.intake.put(data)
        if self.intake.full:
            logger.warning("ending call %s: its peer sends more events than can be taken", self.id)
            self.end(End.UNREAD)

    def heard(self, pcm: bytes) -> None:
        if self.state is not CallState.OPEN:
            return
        heard_all = not self.intake.dropped_s
        self.intake.hear(pcm)
        if heard_all and self.intake.dropped_s:
            logger.warning("the server is behind: some of what is said in call %s is not heard", self.id)

    def next_audio(self) -> bytes:
        if self._runner is None or self.state is not CallState.OPEN:
            return b""
        try:
            audio = self._runner.play()
        except Exception:  # nobody above this could tell the peer
            logger.exception("a call failed")
            self.end(End.FAILED)
            return b""
        if not audio:
            self._silent.set()
        elif self._silent.is_set():
            self._silent.clear()
        return audio

    def lost(self, reason: str) -> None:
        if self.ended_by is not None:
            return
        if self._opened.is_set():
            logger.debug("call %s ended: %s", self.id, reason)
            self.end(End.PEER)
        else:
            logger.warning("call %s did not connect: %s", self.id, reason)
            self.end(End.NOT_CONNECTED)

    # Its life.

    async def _run(self) -> None:
        """Whoever ends it, and however, everything is freed."""
        talking = asyncio.create_task(self._talk(), name="vivavoce call intake")
        try:
            await asyncio.wait({talking, self._transport.ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            talking.cancel()
            await asyncio.wait({talking})
            self._note(End.SESSION)
            await self._free()

    async def _talk(self) -> None:
        """Begin the session once the data channel is open, and hand in what comes, until the end."""
        try:
            async with asyncio.timeout(self.limits.connect_timeout_s):
                await self._opened.wait()
        except TimeoutError:
            self.lost(f"no data channel was opened within {self.limits.connect_timeout_s:g} s")
            return
        try:
            await self._listen()
        except Exception:  # the peer is told, the operator reads the log, the other calls go on
            logger.exception("a call failed")
            self._note(End.FAILED)
            self._transport.send(ErrorEvent(event_id=self._ids("event"), error=errors.server_error()))
            await self._transport.close(CLOSE_CALL_ENDED, "")

    async def _listen(self) -> None:
        runner = self._runner = self._make_runner(transport=self._transport, dialect=self._dialect)
        await runner.start()
        self._to(CallState.OPEN)
        for taken in count(1):
            if taken % EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
            if self._transport.behind:
                await self._transport.caught_up()
            came = await self.intake.next()
            if isinstance(came, bytes):
                await runner.hear(came)
            elif isinstance(came.data, bytes):
                runner.refuse_binary(came.line)
            else:
                await runner.receive(came.data, more=len(self.intake) > 0, line=came.line)

    async def _free(self) -> None:
        self._to(CallState.ENDED)
        self._transport.abort()
        self._silent.set()
        await asyncio.gather(self._freed(self._peer.aclose()), self._freed(self._close_sidebands()))
        await self._freed(self._close_session())
        self.gone.set_result(None)
        self._on_gone(self)

    async def _freed(self, freeing: Coroutine[Any, Any, None]) -> None:
        try:
            await freeing
        except Exception:  # what is left must be freed all the same
            logger.exception("a part of call %s could not be freed", self.id)

    async def _close_sidebands(self) -> None:
        if sidebands := list(self.sidebands):
            await asyncio.gather(*(each.close(CLOSE_CALL_ENDED, "the call has ended") for each in sidebands))
            await asyncio.wait([each.gone for each in sidebands])

    async def _close_session(self) -> None:
        if self._runner is not None:
            await self._runner.aclose()

    def _note(self, why: End) -> None:
        """The first reason counts."""
        self.ended_by = self.ended_by or why

    def _to(self, state: CallState) -> None:
        assert state in _NEXT[self.state], f"a call does not go from {self.state.value} to {state.value}"
        self.state = state
