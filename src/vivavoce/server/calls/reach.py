"""At which addresses the media of calls arrives, as the configuration says or, where it does not, as follows
from where the server listens."""

import ipaddress
import socket

from vivavoce.rtc import LOOPBACK, IceServer, IceSettings, machine_addresses
from vivavoce.server.config import Config


class Reach:
    """Where calls arrive at a server. Raises ConfigurationError for addresses, ports and ICE servers that
    cannot be."""

    def __init__(self, config: Config) -> None:
        self._settings = config.webrtc
        self._listening = _resolved(config.server.host)
        try:
            self.settings()
        except ValueError as wrong:
            raise config.problem(f"webrtc: {wrong}") from None

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of this machine that calls may use, as they are now.

        A server that listens on one address uses that one. One that listens on all, or on loopback, uses
        loopback and all that the machine has: a browser on the same machine tells its other addresses only.
        """
        if self._settings.addresses:
            return self._settings.addresses
        if self._listening and not any(map(_is_shared, self._listening)):
            return self._listening
        loopback = [each for each in self._listening if ipaddress.ip_address(each).is_loopback] or [LOOPBACK]
        return tuple(dict.fromkeys([*loopback, *machine_addresses()]))

    def __str__(self) -> str:
        """For people: `127.0.0.1, 10.0.0.5 (told as 203.0.113.7), UDP ports 40000 to 40999`."""
        settings = self._settings
        if settings.relay_only:
            return "through TURN alone"
        told = f" (told as {', '.join(settings.advertise)})" if settings.advertise else ""
        ports = "any UDP port" if settings.ports is None else "UDP ports {} to {}".format(*settings.ports)
        return f"{', '.join(self.addresses)}{told}, {ports}"

    def settings(self) -> IceSettings:
        """What the peer of the next call is to use."""
        configured = self._settings
        return IceSettings(
            addresses=self.addresses,
            ports=configured.ports,
            advertise=configured.advertise,
            servers=tuple(
                IceServer(url=each.url, username=each.username, credential=each.credential)
                for each in configured.ice_servers
            ),
            relay_only=configured.relay_only,
            connect_s=configured.connect_timeout_s,
            consent_s=configured.consent_timeout_s,
        )


def _is_shared(address: str) -> bool:
    """Whether it stands for more than one way to the machine."""
    parsed = ipaddress.ip_address(address)
    return parsed.is_loopback or parsed.is_unspecified


def _resolved(host: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return ()
    return tuple(dict.fromkeys(str(info[4][0]).partition("%")[0] for info in found))
