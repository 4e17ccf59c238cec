"""The dialects of the protocol: how one connection spells what both sides mean.

Sessions speak the GA dialect, whose structs are the protocol. A connection holds one `Dialect` from its first
event to its last and sends everything through it; nothing but the choice of it knows that there are two.
"""

from enum import Enum
from typing import Protocol

from vivavoce.protocol.beta.dialect import Beta, NewId
from vivavoce.protocol.beta.sessions import Extras
from vivavoce.protocol.client_events import ClientEvent
from vivavoce.protocol.codec import GA_WEBSOCKET, Accepts, decode_client_event, encode
from vivavoce.protocol.server_events import ServerEvent


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
        return (encode(event),)


class ApiVersion(Enum):
    """The names by which a server tells the dialects apart."""

    GA = "GA"
    BETA = "beta"

    def dialect(self, new_id: NewId, extras: Extras | None = None) -> Dialect:
        """The dialect of a new connection over WebSocket.

        - new_id: makes identifiers, `new_id("event")` -> `"event_…"`.
        - extras: what a client secret of the beta dialect holds beside the session.
        """
        return GA() if self is ApiVersion.GA else Beta(new_id, extras or Extras())
