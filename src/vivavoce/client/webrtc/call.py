"""An open call over WebRTC."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING

from vivavoce.client.connection import AsyncRealtimeConnection
from vivavoce.client.core import ConnectionCore
from vivavoce.client.errors import ConfigurationError
from vivavoce.client.floor import Floor
from vivavoce.client.webrtc.channel import ChannelSocket
from vivavoce.client.webrtc.track import Track
from vivavoce.protocol import ServerEvent, UnknownEvent

if TYPE_CHECKING:
    from vivavoce.audio.samples import Samples
    from vivavoce.client.clients import AsyncClient
    from vivavoce.client.voice import Voice
    from vivavoce.client.voice.recordings import Sink


class AsyncCall(AsyncRealtimeConnection):
    """A connection as any other, whose sound travels beside the events: see AsyncRealtimeConnection.

    What is said and heard is in `audio`; there are no `response.output_audio.delta` and no
    `input_audio_buffer.append`. The server plays its speech in real time, tells so with
    `output_audio_buffer.started`, `stopped` and `cleared`, and truncates by itself what was not heard.

    - call_id: `rtc_…`, for `client.realtime.connect(call_id=…)` and `calls.hangup`. None if the server does
      not say.
    - audio: the sound, for programs.
    """

    def __init__(
        self,
        channel: ChannelSocket,
        core: ConnectionCore[ServerEvent],
        client: AsyncClient,
        call_id: str | None,
    ) -> None:
        super().__init__(channel, core)
        self.call_id = call_id
        self.audio: Track = channel.audio
        self._client = client
        self._voice: Voice | None = None
        self._floor = Floor("call")
        self.watch(self._see)

    @property
    def voice(self) -> Voice:
        """What `microphone` and `speaker` of `calls.connect` were given to: levels, push to talk,
        `interrupt`, what is being heard.

        Raises ConfigurationError where there were none.
        """
        if self._voice is None:
            raise ConfigurationError(
                "This call has no voice: pass microphone= or speaker= to calls.connect, or enter "
                "Voice(rt, microphone, speaker)."
            )
        return self._voice

    async def interrupt(self) -> None:
        """Let the assistant fall silent: cancel the response that is in progress, and drop what the server
        has not played yet."""
        if self._voice is not None:
            await self._voice.interrupt()
            return
        for response_id in sorted(self._floor.active):
            await self.response.cancel(response_id=response_id)
        await self.output_audio_buffer.clear()

    async def hangup(self) -> None:
        """Ask the server to end the call, and close this end. Needs a standard key; to hang up with a client
        secret, `close()`.

        Raises what requests do: NotFoundError if the call has ended already; ConfigurationError if the
        server did not name the call.
        """
        if self.call_id is None:
            raise ConfigurationError("The server did not say what the call is called: close() ends it, too.")
        await self._client.realtime.calls.hangup(self.call_id)
        await self.close()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Hang up; does nothing if the call is over. Events that have come can still be read."""
        voice, self._voice = self._voice, None
        try:
            if voice is not None:
                await voice.__aexit__(None, None, None)
        finally:
            await super().close(code, reason)

    async def attach(
        self,
        microphone: AsyncIterable[Samples] | None,
        speaker: Sink | None,
        *,
        push_to_talk: bool = False,
    ) -> None:
        """Let a microphone be heard and a speaker play, until the call is closed."""
        from vivavoce.client.voice import Voice

        voice = Voice(self, microphone, speaker, push_to_talk=push_to_talk)
        self._voice = await voice.__aenter__()

    def _see(self, event: ServerEvent | UnknownEvent) -> None:
        if not isinstance(event, UnknownEvent):
            self._floor.feed(event)
