"""The dialects of the protocol: how one connection spells what both sides mean.

Sessions speak the GA dialect, whose structs are the protocol. A connection holds one `Dialect` from its first
event to its last and sends everything through it; nothing but the choice of it knows that there are two.
"""

from typing import Literal, Protocol

import msgspec

from vivavoce.protocol.beta.client_events import MEDIA, WEBSOCKET
from vivavoce.protocol.beta.dialect import Beta, NewId
from vivavoce.protocol.beta.sessions import Extras
from vivavoce.protocol.client_events import ClientEvent
from vivavoce.protocol.codec import GA_MEDIA, GA_WEBSOCKET, Accepts, decode_client_event
from vivavoce.protocol.server_events import ServerEvent

_encoder = msgspec.json.Encoder()

DialectName = Literal["ga", "beta"]
"""The names by which a server tells the dialects apart."""


class Dialect(Protocol):
    """The way one connection speaks."""

    def decode(self, data: str | bytes) -> ClientEvent:
        """Read what the client sent, strictly, in this dialect's words. Raises InvalidEvent."""

    def encode(self, event: ServerEvent) -> tuple[bytes, ...]:
        """Write an event: as one frame, as several, or as none if this dialect has no word for it."""


class GA:
    """The dialect of today."""

    def __init__(self, accepts: Accepts = GA_WEBSOCKET) -> None:
        self._accepts = accepts

    def decode(self, data: str | bytes) -> ClientEvent:
        return decode_client_event(data, self._accepts)

    def encode(self, event: ServerEvent) -> tuple[bytes, ...]:
        return (_encoder.encode(event),)


def dialect(
    name: DialectName,
    new_id: NewId,
    *,
    accepts: Accepts | None = None,
    extras: Extras | None = None,
    media: bool = False,
) -> Dialect:
    """The dialect of a new connection.

    - new_id: makes identifiers, `new_id("event")` -> `"event_…"`.
    - accepts: the client events of the kind of session, in the GA dialect; None: those of a conversation.
    - extras: what a client secret of the beta dialect holds beside the session.
    - media: the connection carries speech beside the events (WebRTC, SIP).
    """
    if name == "beta":
        return Beta(new_id, extras, MEDIA if media else WEBSOCKET)
    return GA(accepts or (GA_MEDIA if media else GA_WEBSOCKET))
