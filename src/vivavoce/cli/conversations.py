"""The three ways to talk: with a recording, with microphone and speaker, in writing."""

import asyncio
import io
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, NamedTuple

from msgspec import UNSET

from vivavoce.audio.samples import Samples
from vivavoce.audio.wav import Recording, WavWriter
from vivavoce.cli.dialogue import Dialogue, Listener, TalkError
from vivavoce.cli.exchange import Exchange, Turn
from vivavoce.cli.screen import Screen, Writing
from vivavoce.client import AsyncClient, AsyncRealtimeConnection, WebSocketOptions
from vivavoce.client.realtime import AsyncConnect
from vivavoce.client.voice.playback import Playback
from vivavoce.client.voice.recordings import ArraySource, PacedSink, Source
from vivavoce.client.webrtc.call import AsyncCall
from vivavoce.client.webrtc.connecting import AsyncCallConnect
from vivavoce.protocol import (
    AudioInputParams,
    AudioOutputParams,
    AudioParams,
    AudioPCM,
    ErrorEvent,
    RealtimeSessionParams,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputTextDelta,
    ServerEvent,
    ServerVad,
    SessionCreated,
    Transcription,
    UnknownEvent,
)
from vivavoce.testing.journal import Journal

REFRESH_S = 0.08


class Call(NamedTuple):
    """Whom to talk to, and how."""

    client: AsyncClient
    model: str
    host: str
    voice: str | None
    instructions: str | None
    silence_ms: int | None
    """Silence that ends a turn; None: turns are ended by hand."""
    transcription_model: str
    timeout: float
    websocket_options: WebSocketOptions
    over_webrtc: bool = False
    """By WebRTC, else over a WebSocket."""

    def connect(self) -> AsyncConnect | AsyncCallConnect:
        if self.over_webrtc:
            return self.client.realtime.calls.connect(model=self.model, open_timeout=self.timeout)
        return self.client.realtime.connect(model=self.model, websocket_options=self.websocket_options)

    @property
    def address(self) -> str:
        """Who is talked to, for people."""
        return f"{self.model} at {self.host}" + (" over WebRTC" if self.over_webrtc else "")

    def spoken_session(self) -> RealtimeSessionParams:
        """What the session of a conversation by voice is to be like."""
        detection = None if self.silence_ms is None else ServerVad(silence_duration_ms=self.silence_ms)
        return RealtimeSessionParams(
            output_modalities=("audio",),
            instructions=self.instructions if self.instructions is not None else UNSET,
            audio=AudioParams(
                input=AudioInputParams(
                    format=AudioPCM(),
                    transcription=Transcription(model=self.transcription_model),
                    turn_detection=detection,
                ),
                output=AudioOutputParams(
                    format=AudioPCM(), voice=self.voice if self.voice is not None else UNSET
                ),
            ),
        )

    def written_session(self) -> RealtimeSessionParams:
        """What the session of a conversation in writing is to be like."""
        return RealtimeSessionParams(
            output_modalities=("text",),
            instructions=self.instructions if self.instructions is not None else UNSET,
        )


async def with_recording(
    call: Call, recording: Recording, journal: Journal, reply: WavWriter | None, *, name: str
) -> None:
    """Speak a recording and listen to the answers, until the last is complete."""
    by_hand = call.silence_ms is None
    source = ArraySource(recording.samples, recording.rate, silence=not by_hand)
    seconds = source.seconds
    playback = Playback()
    title = f"{call.address} hears {name} ({seconds:.1f} s)"
    async with call.connect() as rt, playing(playback, reply) as speaker:
        exchange = Exchange(clock_of(rt, source))
        with Screen(exchange, playback, title) as screen:
            dialogue = Dialogue(
                rt, exchange, playback, journal, timeout=call.timeout, on_event=_notes(screen)
            )

            def on_frame(frame: Samples) -> None:
                over = dialogue.spoken_s >= seconds
                screen.hear(frame, "silence" if over else f"{dialogue.spoken_s:.1f} of {seconds:.1f} s")

            async def converse() -> None:
                await dialogue.configure(call.spoken_session())
                if by_hand:
                    await dialogue.speak(source, on_frame)
                    await dialogue.commit()
                    await dialogue.finish(source)
                else:
                    await beside(dialogue.finish(source), dialogue.speak(source, on_frame))

            await beside(converse(), dialogue.listen(), _refreshing(screen))
            speaker.finish()
    for turn in exchange.turns:
        _refuse_failure(turn)


def clock_of(rt: AsyncRealtimeConnection, source: Source) -> Callable[[int], float]:
    """When the sample at so many milliseconds was spoken, as the server counts: over WebRTC from the
    beginning of the call, else from the first that was sent."""
    return rt.audio.spoken_at if isinstance(rt, AsyncCall) else source.spoken_at


async def live(call: Call, journal: Journal, reply: WavWriter | None) -> None:
    """Converse by microphone and speaker until the program is interrupted.

    With `reply` the answers go there instead. Raises DeviceError where a device is missing.
    """
    from vivavoce.client.voice.devices import Microphone, Speaker

    playback = Playback()
    async with AsyncExitStack() as devices:
        microphone = devices.enter_context(Microphone())
        if reply is None:
            speaker = Speaker()
            devices.push_async_callback(speaker.close)
            speaker.open(playback)
        else:
            await devices.enter_async_context(playing(playback, reply))
        title = f"{call.address} listens. Wear headphones; Ctrl+C ends."
        async with call.connect() as rt:
            exchange = Exchange(clock_of(rt, microphone))
            with Screen(exchange, playback, title) as screen:
                dialogue = Dialogue(
                    rt, exchange, playback, journal, timeout=call.timeout, on_event=_notes(screen)
                )

                async def converse() -> None:
                    await dialogue.configure(call.spoken_session())
                    await beside(
                        dialogue.attend(),
                        dialogue.speak(microphone, lambda frame: screen.hear(frame, "")),
                    )

                await beside(converse(), dialogue.listen(), _refreshing(screen))


@asynccontextmanager
async def playing(playback: Playback, reply: WavWriter | None) -> AsyncIterator[PacedSink]:
    """A speaker that writes what is heard to a file, or only listens."""
    speaker = PacedSink(reply.write if reply is not None else None)
    speaker.open(playback)
    try:
        yield speaker
    finally:
        await speaker.close()


async def in_writing(call: Call, journal: Journal) -> None:
    """Answer line after line of stdin, until it ends."""
    exchange = Exchange()
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()

    def show(event: ServerEvent | UnknownEvent) -> None:
        match event:
            case ResponseOutputTextDelta(delta=delta) | ResponseOutputAudioTranscriptDelta(delta=delta):
                if writing is None:
                    print(delta, end="", flush=True)
                else:
                    writing.show(exchange.turns[-1])
            case ErrorEvent(error=error) if exchange.session is not None:
                print(f"note: {error.message}", file=sys.stderr)

    async with call.connect() as rt:
        writing = Writing(f"{call.address}. Ctrl+D ends.") if on_terminal else None
        dialogue = Dialogue(rt, exchange, Playback(), journal, timeout=call.timeout, on_event=show)

        async def converse() -> None:
            await dialogue.configure(call.written_session())
            lines = _lines()
            while True:
                if writing is not None:
                    writing.prompt()
                line = await anext(lines, None)
                if line is None:
                    break
                if not line.strip():
                    continue
                turn = await dialogue.type(line.strip())
                if writing is not None:
                    writing.show(turn)
                else:
                    print(*(f"(calls {name})" for name in turn.calls), flush=True)
                _refuse_failure(turn)
            if writing is not None:
                print()

        await beside(converse(), dialogue.listen())


async def beside(main: Coroutine[Any, Any, None], *others: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end, and the others beside it. The first that fails ends all."""
    chief = asyncio.create_task(main)
    tasks = {chief, *(asyncio.create_task(other) for other in others)}
    pending = tasks
    try:
        while not chief.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {chief}:
                task.result()
        chief.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _notes(screen: Screen) -> Listener:
    """Shows errors that do not end the conversation; one before the session is followed by the end."""
    begun = False

    def note(event: ServerEvent | UnknownEvent) -> None:
        nonlocal begun
        match event:
            case SessionCreated():
                begun = True
            case ErrorEvent(error=error) if begun:
                screen.note(error.message)

    return note


async def _refreshing(screen: Screen) -> None:
    while True:
        screen.refresh()
        await asyncio.sleep(REFRESH_S)


def _refuse_failure(turn: Turn) -> None:
    if turn.failure is not None:
        raise TalkError(f"The response failed: {turn.failure}")


async def _lines() -> AsyncIterator[str]:
    """The lines of stdin. A thread reads them, which nobody has to wait for at the end."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed: the conversation ended first
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)

    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    threading.Thread(target=read, daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
