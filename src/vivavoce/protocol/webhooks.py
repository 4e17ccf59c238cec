"""Webhooks: what the server posts to a client's URL."""

from typing import Literal

from msgspec import UNSET, UnsetType

from vivavoce.protocol.base import TaggedObject, WireObject


class SipHeader(WireObject, frozen=True, kw_only=True):
    """A header of the INVITE."""

    name: str
    value: str


class IncomingCall(WireObject, frozen=True, kw_only=True):
    """The call."""

    call_id: str
    """`rtc_…`: to accept, reject, refer or hang up the call, and to join it over a WebSocket."""
    sip_headers: tuple[SipHeader, ...]


class RealtimeCallIncoming(TaggedObject, frozen=True, kw_only=True, tag="realtime.call.incoming"):
    """A telephone rings: accept the call or reject it."""

    object: Literal["event"] | UnsetType = UNSET
    id: str
    """`evt_…`; the same in every attempt to deliver it."""
    created_at: int
    """Seconds since 1970."""
    data: IncomingCall


class UnknownWebhook(WireObject, frozen=True, kw_only=True):
    """What this version does not know: another type of event, or another shape of a known one."""

    type: str
    raw: bytes
    """The message as it came: a JSON object in UTF-8."""
