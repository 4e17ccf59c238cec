"""One end of a WebRTC connection (RFC 8825), for servers and for clients: `Peer`.

It speaks Opus over SRTP, turns what it hears into PCM at 24 kHz and takes the same to say, and carries
messages on a data channel. It knows nothing of the API that they belong to.
"""

from vivavoce.rtc.addresses import LOOPBACK, machine_addresses
from vivavoce.rtc.errors import (
    InvalidAnswer,
    InvalidDescription,
    InvalidOffer,
    MessageTooLarge,
    NoCandidates,
    OpusMissing,
)
from vivavoce.rtc.ice import IceServer, IceSettings
from vivavoce.rtc.peer import MAX_MESSAGE_BYTES, Peer, PeerEvents
from vivavoce.rtc.transport import CLOSED_BY_PEER, NO_ANSWER

__all__ = [
    "CLOSED_BY_PEER",
    "LOOPBACK",
    "MAX_MESSAGE_BYTES",
    "NO_ANSWER",
    "IceServer",
    "IceSettings",
    "InvalidAnswer",
    "InvalidDescription",
    "InvalidOffer",
    "MessageTooLarge",
    "NoCandidates",
    "OpusMissing",
    "Peer",
    "PeerEvents",
    "machine_addresses",
]
