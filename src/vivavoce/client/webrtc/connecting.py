"""From an offer to an open call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from msgspec import UnsetType

from vivavoce.client.endpoint import Endpoint
from vivavoce.client.errors import ConfigurationError, ConnectionClosed, ConnectTimeout, HandshakeFailed
from vivavoce.client.realtime import UNSENT, Connecting
from vivavoce.client.webrtc.channel import ChannelSocket
from vivavoce.client.webrtc.track import Track
from vivavoce.protocol import VivavoceError

if TYPE_CHECKING:
    from vivavoce.audio.samples import Samples
    from vivavoce.client.calls import CreatedCall
    from vivavoce.client.clients import AsyncClient
    from vivavoce.client.voice.recordings import Sink
    from vivavoce.client.webrtc.call import AsyncCall
    from vivavoce.rtc import IceSettings

_logger = logging.getLogger("vivavoce.client")


class AsyncCallConnect(Connecting):
    """A call about to be made. Leaving the context hangs up.

    Handlers that are registered and events that are sent before it is entered are for the call.
    """

    _call: AsyncCall

    def __init__(
        self,
        client: AsyncClient,
        session: Mapping[str, Any] | UnsetType,
        *,
        media: tuple[AsyncIterable[Samples] | None, Sink | None],
        push_to_talk: bool,
        ice: IceSettings | None,
        open_timeout: float,
        extra_query: Mapping[str, object],
        extra_headers: Mapping[str, str],
        max_queue_size: int,
    ) -> None:
        super().__init__(max_queue_size)
        self._client = client
        self._session = session
        self._media = media
        self._push_to_talk = push_to_talk
        self._ice = ice
        self._open_timeout = open_timeout
        self._extra_query = extra_query
        self._extra_headers = extra_headers
        needs_extra()

    async def enter(self) -> AsyncCall:
        """Make the call, which the caller then has to end with `close()`.

        Raises ConnectError where there is no server or no way for the media, StatusError where it refuses,
        ConfigurationError for settings that cannot work, KeyFunctionFailed where the function for the key
        does.
        """
        from vivavoce.client.webrtc.call import AsyncCall

        socket = ChannelSocket(Track(), self._ice_settings())
        try:
            created = await self._answered(socket)
            await self._opened(socket, created)
            call = AsyncCall(socket, self._core(), self._client, created.call_id)
            try:
                await call.flush()
            except ConnectionClosed as closed:
                _logger.warning(UNSENT, closed)
            if any(self._media):
                await call.attach(*self._media, push_to_talk=self._push_to_talk)
        except BaseException:
            await asyncio.shield(socket.close())
            raise
        self._call = call
        return call

    async def __aenter__(self) -> AsyncCall:
        return await self.enter()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._call.close()

    async def _answered(self, socket: ChannelSocket) -> CreatedCall:
        offer = await socket.offer()
        created = await self._client.realtime.calls.create(
            sdp=offer,
            session=self._session,
            extra_query=self._extra_query,
            extra_headers=self._extra_headers,
        )
        try:
            await socket.accept(created.sdp)
        except VivavoceError as error:
            raise HandshakeFailed(f"The server's answer to the call cannot be used: {error}") from error
        return created

    async def _opened(self, socket: ChannelSocket, created: CreatedCall) -> None:
        which = f" {created.call_id}" if created.call_id else ""
        try:
            async with asyncio.timeout(self._open_timeout):
                reason = await asyncio.shield(socket.opening)
        except TimeoutError:
            raise ConnectTimeout(
                f"The server took the call{which}, but no way for its sound was found in "
                f"{self._open_timeout:g} s: {_REMEDY}."
            ) from None
        if reason is not None:
            raise HandshakeFailed(f"The server took the call{which}, but {reason}: {_REMEDY}.")

    def _ice_settings(self) -> IceSettings | None:
        """The program's, or what a server on this machine asks for."""
        if self._ice is None and Endpoint(self._client.base_url, {}, anonymous=True).on_this_machine:
            return on_this_machine()
        return self._ice


def on_this_machine() -> IceSettings:
    """What reaches a server on this machine: it may be on loopback alone."""
    from vivavoce.rtc import LOOPBACK, IceSettings, machine_addresses

    return IceSettings(addresses=(LOOPBACK, *machine_addresses()))


_REMEDY = "see whether UDP gets through to it, or give it or `ice` a TURN server"


def needs_extra() -> None:
    """Raises ConfigurationError where the extra is missing."""
    try:
        import vivavoce.rtc  # noqa: F401
    except ImportError as missing:
        raise ConfigurationError(
            f"Calls over WebRTC need an extra ({missing.name} is missing). This mends it: "
            'pip install "vivavoce[webrtc]"'
        ) from missing
