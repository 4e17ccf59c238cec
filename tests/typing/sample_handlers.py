"""Programs with handlers: editors and type checkers know the class of each event by its name."""

from collections.abc import Awaitable
from typing import assert_type

from vivavoce import AsyncClient, Client
from vivavoce.client.ws import OpenAIRealtimeWS
from vivavoce.protocol import (
    InputAudioBufferSpeechStarted,
    ResponseDone,
    ResponseOutputAudioDelta,
    ResponseOutputTextDelta,
    ServerEvent,
    SessionCreated,
    UnknownEvent,
)


async def asynchronous() -> None:
    manager = AsyncClient().realtime.connect(model="gpt-realtime")
    manager.once("session.created", greet)
    async with manager as rt:

        @rt.on("response.output_text.delta")
        def show(event: ResponseOutputTextDelta) -> None:
            print(event.delta, end="")

        @rt.on("response.done")
        async def leave(event: ResponseDone) -> None:
            print(event.response.status)
            await rt.close()

        rt.on("error", lambda event: print(event.error.message))
        rt.on("event", every).on("input_audio_buffer.speech_started", interrupt)
        rt.on("weather.changed", lambda event: print(event.raw))
        rt.off("response.output_text.delta", show)
        arrival = rt.emitted("session.updated")
        print((await arrival).session.id)
        assert_type(await rt.emitted("response.done"), ResponseDone)
        await rt.dispatch_events()


async def that_recovers() -> None:
    async with AsyncClient().realtime.connect(model="gpt-realtime", recovery="restore") as rt:
        rt.on("client.reconnected", lambda event: print(event.restored_items))
        rt.on("client.response_interrupted", lambda event: print(event.response_id))
        print((await rt.emitted("client.reconnected")).attempts)
        await rt.dispatch_events()


def without_an_event_loop() -> None:
    with Client().realtime.connect(model="gpt-realtime") as rt:
        rt.on("response.output_audio.delta", play)
        assert_type(rt.emitted("session.created", timeout=5.0), SessionCreated)
        rt.dispatch_events()


async def as_in_javascript() -> None:
    rt = OpenAIRealtimeWS(model="gpt-realtime")
    rt.socket.on("open", lambda: rt.send({"type": "response.create"}))
    rt.on("response.output_text.delta", lambda event: print(event.delta, end=""))
    rt.on("error", lambda error: print(error.message))
    waiting: Awaitable[SessionCreated] = rt.emitted("session.created")
    print((await waiting).session.id)
    rt.close()


def greet(event: SessionCreated) -> None:
    print(event.session.id)


def every(event: ServerEvent | UnknownEvent) -> None:
    print(event.type)


async def interrupt(event: InputAudioBufferSpeechStarted) -> None:
    print(event.audio_start_ms)


def play(event: ResponseOutputAudioDelta) -> None:
    print(len(event.delta))
