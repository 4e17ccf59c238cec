"""What the emitter classes of the GA dialect have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from vivavoce.client.account import ClientLike, account_of
from vivavoce.client.emitter import OpenAIRealtimeEmitter
from vivavoce.client.urls import BuildURL, Target, custom_realtime_url, realtime_url
from vivavoce.protocol import ServerEvent, UnknownEvent, decode_server_event

if TYPE_CHECKING:
    from vivavoce.client.overloads import EmitterEmitted, EmitterOn


class GAEmitter(OpenAIRealtimeEmitter):
    """A connection that tells the events of today's dialect."""

    if TYPE_CHECKING:

        @property
        def on(self) -> EmitterOn[Self]:
            """Call a function for every event of a name: `rt.on(name, function)`, or as a decorator."""

        @property
        def once(self) -> EmitterOn[Self]:
            """Call a function for the next event of a name: `rt.once(name, function)`, or as a decorator."""

        @property
        def emitted(self) -> EmitterEmitted:
            """The next event of a name, to be awaited. It counts from this call on, awaited or not yet.

            An `error` that comes first is raised, except by `emitted("error")`, which returns it.
            """

    @staticmethod
    def _decode(data: str | bytes) -> ServerEvent | UnknownEvent:
        return decode_server_event(data)

    @staticmethod
    def _address(client: ClientLike, target: Target, build_realtime_url: BuildURL | None) -> str:
        """Where to connect to."""
        if build_realtime_url is None:
            return realtime_url(account_of(client), target)
        return custom_realtime_url(client, target, build_realtime_url)
