"""Where this end of a connection can be reached: what the operator of a server, or a caller, may set."""

import ipaddress
import re
from typing import Literal

import msgspec

_URL = re.compile(
    r"(?P<scheme>stun|turns?):(?://)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^:/?\[\]@]+)"
    r"(?::(?P<port>[0-9]{1,5}))?(?:\?transport=(?P<transport>udp|tcp))?"
)


class IceServer(msgspec.Struct, frozen=True, kw_only=True):
    """A STUN server, which tells under which address others see this end, or a TURN server, which relays.

    ValueError for a URL that is none, or a TURN server without username and credential.
    """

    url: str
    """`stun:host[:port]`, `turn:host[:port][?transport=udp|tcp]` or `turns:host[:port]` (RFC 7064, RFC 7065).

    Ports that are left out are 3478, and 5349 for `turns`, which is TURN in TLS over TCP."""
    username: str = ""
    credential: str = ""

    def __post_init__(self) -> None:
        match = _URL.fullmatch(self.url)
        if match is None or not 0 < int(match["port"] or 3478) < 65_536:
            raise ValueError(
                f"{self.url!r} is not the URL of an ICE server: "
                "stun:host:port, turn:host:port?transport=udp (or tcp), or turns:host:port."
            )
        if self.scheme == "stun" and match["transport"]:
            raise ValueError(f"{self.url!r}: a stun URL has no transport, it is UDP.")
        if self.scheme == "turns" and match["transport"] == "udp":
            raise ValueError(f"{self.url!r}: turns runs over TCP alone.")
        if self.scheme != "stun" and not (self.username and self.credential):
            raise ValueError(f"{self.url!r}: a TURN server needs a username and a credential.")

    def __repr__(self) -> str:
        return f"IceServer(url={self.url!r})"

    @property
    def scheme(self) -> str:
        return self._part("scheme")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        port = self._part("port") or (5349 if self.scheme == "turns" else 3478)
        return self._part("host").strip("[]"), int(port)

    @property
    def transport(self) -> Literal["udp", "tcp"]:
        """How the server itself is reached; what it relays is always UDP."""
        return "tcp" if self.scheme == "turns" or self._part("transport") == "tcp" else "udp"

    def _part(self, name: str) -> str:
        match = _URL.fullmatch(self.url)
        assert match is not None, "checked when it was made"
        return match[name] or ""


class IceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which addresses this end uses and tells (RFC 8445). ValueError for settings that cannot be.

    Candidates are UDP. TCP candidates (RFC 6544) are not offered: aioice, which does the work, knows none. A
    peer whose network lets no UDP through gets its own TURN server over TCP, or this end uses one
    (`turn:…?transport=tcp`).
    """

    addresses: tuple[str, ...] = ()
    """Addresses of this machine to listen on, IPv4 or IPv6; empty: all that it has, but for loopback."""
    ports: tuple[int, int] | None = None
    """The first and last UDP port to listen on, one for each call and address; None: any that is free."""
    advertise: tuple[str, ...] = ()
    """Public addresses that stand for this machine's own, where a router maps the same ports to them."""
    servers: tuple[IceServer, ...] = ()
    relay_only: bool = False
    """Whether all media goes through the TURN servers, so that nobody learns this machine's addresses."""
    gather_s: float = 3.0
    """Seconds that STUN and TURN servers have for their answer; without servers nothing is waited for."""
    connect_s: float = 30.0
    """Seconds until a connection that does not come about is given up."""
    consent_s: float = 30.0
    """Seconds without an answer of the other end after which it is gone (RFC 7675 says 30)."""

    def __post_init__(self) -> None:
        for address in (*self.addresses, *self.advertise):
            ipaddress.ip_address(address)
        if self.ports is not None and not 0 < self.ports[0] <= self.ports[1] < 65_536:
            raise ValueError("ports: the first and the last UDP port, for example [40000, 40999].")
        if self.relay_only and not any(server.scheme != "stun" for server in self.servers):
            raise ValueError("relay_only needs a TURN server in servers.")
        if not (self.gather_s > 0 and self.connect_s > 0 and self.consent_s > 0):
            raise ValueError("gather_s, connect_s and consent_s are above 0.")
