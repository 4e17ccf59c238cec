"""What the emitter classes of the beta dialect have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from vivavoce.client.emitter import OpenAIRealtimeEmitter
from vivavoce.protocol import UnknownEvent
from vivavoce.protocol.beta.server_events import ServerEvent, decode_server_event

if TYPE_CHECKING:
    from vivavoce.client.overloads import BetaEmitterEmitted, BetaEmitterOn


class BetaEmitter(OpenAIRealtimeEmitter):
    """A connection that tells the events of the beta dialect."""

    if TYPE_CHECKING:

        @property
        def on(self) -> BetaEmitterOn[Self]:
            """Call a function for every event of a name: `rt.on(name, function)`, or as a decorator."""

        @property
        def once(self) -> BetaEmitterOn[Self]:
            """Call a function for the next event of a name: `rt.once(name, function)`, or as a decorator."""

        @property
        def emitted(self) -> BetaEmitterEmitted:
            """The next event of a name, to be awaited. It counts from this call on, awaited or not yet.

            An `error` that comes first is raised, except by `emitted("error")`, which returns it.
            """

    @staticmethod
    def _decode(data: str | bytes) -> ServerEvent | UnknownEvent:
        return decode_server_event(data)
