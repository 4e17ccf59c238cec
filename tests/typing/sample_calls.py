"""A program that calls over WebRTC."""

from typing import assert_type

from vivavoce import AsyncAzureClient, AsyncClient
from vivavoce.client import AsyncCall, ConnectionClosed
from vivavoce.client.voice import PlaybackFinished, Voice, WavSink, WavSource
from vivavoce.client.webrtc.track import Track
from vivavoce.protocol import ErrorEvent, OutputAudioBufferStarted, OutputAudioBufferStopped, SessionCreated
from vivavoce.rtc import IceServer, IceSettings


async def by_voice(question: str, reply: str) -> int:
    async with AsyncClient() as client:
        call = client.realtime.calls.connect(
            session={"type": "realtime", "model": "gpt-realtime"},
            microphone=WavSource(question),
            speaker=WavSink(reply),
            push_to_talk=True,
            ice=IceSettings(servers=(IceServer(url="stun:stun.example.com"),)),
            open_timeout=5.0,
        )

        @call.on("session.created")
        def created(event: SessionCreated) -> None:
            print(event.session.id)

        async with call as rt:
            assert_type(rt, AsyncCall)
            assert_type(rt.call_id, str | None)
            voice = assert_type(rt.voice, Voice)

            def finished(event: PlaybackFinished) -> None:
                print(event.audio_end_ms)

            voice.on("playback_finished", finished)
            async with voice.pressed():
                ...
            answer = await rt.ask("Why?")
            print(answer.text)
            await rt.interrupt()
            async for event in rt:
                match event:
                    case OutputAudioBufferStarted(response_id=response_id):
                        print(response_id)
                    case OutputAudioBufferStopped():
                        await rt.hangup()
                    case ErrorEvent(error=error):
                        return len(error.message)
                    case _:
                        ...
            return rt.audio.heard_ms


async def by_program(client: AsyncAzureClient) -> bytes:
    heard = b""
    try:
        async with client.realtime.calls.connect(model="my-deployment") as rt:
            track = assert_type(rt.audio, Track)
            await track.send(bytes(960))
            await track.drain()
            async for pcm in track:
                heard += assert_type(pcm, bytes)
    except ConnectionClosed as closed:
        print(closed.code)
    return heard
