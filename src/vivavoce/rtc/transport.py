"""ICE, DTLS-SRTP and SCTP of one connection: with `association`, what reaches into aiortc and aioice.

Their parts are used without `RTCPeerConnection`: its tracks decode in threads and keep 80 ms of audio back.
Media takes a way of its own here, without a queue or a task between the socket and whoever listens.

`tests/rtc/test_transport.py` holds what is relied on, inside those packages, against the installed ones.
"""

import asyncio
import errno
import ipaddress
import random
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, cast

import pylibsrtp
from aioice import Candidate, Connection, TransportPolicy
from aioice import ice as aioice_ice
from aioice import stun as aioice_stun
from aioice.candidate import candidate_foundation, candidate_priority
from aiortc import (
    RTCCertificate,
    RTCDataChannel,
    RTCDataChannelParameters,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from aiortc.rtcdtlstransport import State
from aiortc.rtcicetransport import RTCIceTransport
from aiortc.rtcsctptransport import RTCSctpCapabilities

from vivavoce.rtc import rtp, sdp
from vivavoce.rtc.association import Association
from vivavoce.rtc.errors import NoCandidates
from vivavoce.rtc.ice import IceServer, IceSettings

CLOSED_BY_PEER = "closed by the other end"
NO_ANSWER = "the other end no longer answers"
"""Why a connection that stood is no more."""

MAX_CHANNELS = 4
"""Data channels that the other end may open; one is enough for all events."""
_MAX_REMOTE_CANDIDATES = 100
"""Addresses of the other end that are checked (RFC 8445, section 19.5.1): whoever has its password could have
this end send to any number of others."""
_QUEUED_DATAGRAMS = 4_096
"""Of DTLS that wait to be read; what comes beyond them is lost, as on a network."""
_RECEIVE_BUFFER = 262_144
"""Bytes of the socket's buffer: what comes while the event loop is busy."""


class Listener(Protocol):
    """Who hears of what comes in. All on the event loop's thread; none blocks or raises."""

    def media(self, data: bytes) -> None:
        """One packet of RTP, proven to be the other end's."""

    def control(self, data: bytes) -> None:
        """One compound packet of RTCP, proven to be the other end's."""

    def channel(self, channel: RTCDataChannel) -> None:
        """The other end opened a data channel."""

    def acknowledged(self) -> None:
        """The other end has taken some of what was sent on data channels."""

    def ended(self, reason: str) -> None:
        """A connection that stood is no more."""


class Failed(Exception):
    """The connection did not come about. The message says at which step."""


class Transport:
    """One connection below the media: found by ICE, keyed by DTLS, with SCTP for data channels."""

    def __init__(
        self, listener: Listener, settings: IceSettings, *, controlling: bool, max_message_bytes: int
    ) -> None:
        self._settings = settings
        self._ice = _Ice(settings, controlling)
        self._dtls = _Dtls(self._ice, listener)
        self._sctp = Association(self._dtls, listener.acknowledged, max_message_bytes)
        self._sctp.on("datachannel", listener.channel)
        self._ice.media = self._dtls.media_received

    async def gather(self, setup: sdp.Setup) -> sdp.Transport:
        """Opens the sockets; what to tell the other end. NoCandidates if there is nowhere to be reached."""
        await self._ice.gather_candidates()
        if self._ice.exhausted is not None:
            raise NoCandidates(self._ice.exhausted)
        candidates = self._ice.advertised()
        if not candidates:
            raise NoCandidates(
                "No TURN server gave a relay address."
                if self._settings.relay_only
                else "This machine has no address that calls can reach: name one in the ICE addresses."
            )
        return sdp.Transport(
            username=self._ice.local_username,
            password=self._ice.local_password,
            fingerprints=tuple(
                (each.algorithm, each.value)
                for each in self._dtls.getLocalParameters().fingerprints
                if each.algorithm == "sha-256"
            ),
            setup=setup,
            candidates=candidates,
        )

    async def connect(self, remote: sdp.Transport, channels: sdp.Channels | None, *, active: bool) -> None:
        """Connects; returns when media can flow. `active`: this end begins the DTLS handshake."""
        try:
            async with asyncio.timeout(self._settings.connect_s):
                await self._connect(remote, channels, active=active)
        except TimeoutError:
            raise Failed(f"no connection came about within {self._settings.connect_s:g} s") from None
        except ConnectionError as failure:
            raise Failed(f"no connection came about: {failure}") from failure

    async def _connect(self, remote: sdp.Transport, channels: sdp.Channels | None, *, active: bool) -> None:
        ice = self._ice
        ice.remote_username, ice.remote_password = remote.username, remote.password
        ice.remote_is_lite = remote.lite
        for text in remote.candidates:
            await ice.add_remote_candidate(Candidate.from_sdp(text))
        await ice.connect()
        self._dtls._set_role("client" if active else "server")
        await self._dtls.start(
            RTCDtlsParameters(
                fingerprints=[
                    RTCDtlsFingerprint(algorithm=name, value=value) for name, value in remote.fingerprints
                ]
            )
        )
        if self._dtls.state != "connected":
            raise Failed("the DTLS handshake failed: the certificate is not the one in the SDP, or none came")
        if channels is not None:
            # 0: no limit of its own; Peer knows better what the other end takes.
            await self._sctp.start(RTCSctpCapabilities(maxMessageSize=0), channels.port)

    def send_media(self, packet: bytes) -> None:
        """Sends one packet of RTP; nothing happens where there is no connection (any more)."""
        self._dtls.send_media(packet)

    def send_control(self, packet: bytes) -> None:
        """Sends one compound packet of RTCP; nothing happens where there is no connection (any more)."""
        self._dtls.send_control(packet)

    def open_channel(self, label: str) -> RTCDataChannel:
        """A data channel that opens as soon as the connection stands."""
        return RTCDataChannel(self._sctp, RTCDataChannelParameters(label=label))

    @property
    def unacknowledged(self) -> int:
        """Bytes of messages that the other end has not taken yet."""
        return self._sctp.unacknowledged

    async def close(self) -> None:
        """Says goodbye and closes all sockets."""
        self._dtls.closing = True
        await self._sctp.stop()
        await self._dtls.stop()
        await self._ice.close()


class _Datagrams(aioice_ice.StunProtocol):
    """One socket. What is no STUN by its first byte (RFC 7983) is not tried as STUN first."""

    receiver: "_Ice"

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        assert isinstance(data, bytes)
        if data and data[0] > 3:
            self.receiver.data_received(data, 1)
            return
        try:
            super().datagram_received(data, addr)
        except (ValueError, KeyError, IndexError, struct.error):
            return  # STUN that is broken, from wherever: as if it had never come


class _Ice(Connection):
    """ICE on the addresses and ports of the settings, with all of its servers, and media on its own way."""

    role = "controlled"
    """What a DTLS transport asks of its ICE transport; the roles of DTLS are set without it here."""

    def __init__(self, settings: IceSettings, controlling: bool) -> None:
        super().__init__(
            ice_controlling=controlling,
            transport_policy=TransportPolicy.RELAY if settings.relay_only else TransportPolicy.ALL,
        )
        self._settings = settings
        self._send, self._recv = self.send, self.recv
        self.media: Callable[[bytes], None] = lambda data: None
        self.expired = False
        """Whether the other end no longer answered."""
        self.exhausted: str | None = None
        """Why no socket could be opened."""

    async def get_component_candidates(
        self, component: int, addresses: list[str], timeout: float = 5
    ) -> list[Candidate]:
        settings = self._settings
        if settings.addresses and not settings.relay_only:
            addresses = list(settings.addresses)
        candidates = [await self._bind(address) for address in addresses]
        found = [candidate for candidate in candidates if candidate is not None]
        if settings.servers and not self.exhausted:
            found += await self._ask_servers()
        return found

    async def _bind(self, address: str) -> Candidate | None:
        """The candidate of a new socket; None for an address that this machine does not have (any more)."""
        loop = asyncio.get_running_loop()
        first, last = self._settings.ports or (0, 0)
        start = random.randint(first, last)
        for port in (*range(start, last + 1), *range(first, start)):
            try:
                transport, protocol = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=(address, port)
                )
            except OSError as failure:
                if failure.errno == errno.EADDRINUSE:
                    continue
                return None
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER
            )
            self._protocols.append(protocol)
            host, port = transport.get_extra_info("sockname")[:2]
            protocol.local_candidate = Candidate(
                foundation=candidate_foundation("host", "udp", host),
                component=1,
                transport="udp",
                priority=candidate_priority(1, "host"),
                host=host,
                port=port,
                type="host",
            )
            return protocol.local_candidate
        self.exhausted = f"All UDP ports from {first} to {last} of {address} are taken."
        return None

    async def _ask_servers(self) -> list[Candidate]:
        """The candidates that STUN and TURN servers give, of those that answer in time."""
        requests = [request for server in self._settings.servers for request in self._requests(server)]
        tasks = [asyncio.create_task(request) for request in requests]
        candidates = []
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=self._settings.gather_s)
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if not isinstance(outcome, BaseException):
                    candidate, protocol = outcome
                    candidates.append(candidate)
                    if protocol is not None:
                        self._protocols.append(protocol)
        return candidates

    def _requests(self, server: IceServer) -> list[Coroutine[Any, Any, tuple[Candidate, Any]]]:
        if server.scheme == "stun":
            return [
                aioice_ice.server_reflexive_candidate(protocol, server.address)
                for protocol in self._protocols
                if protocol.local_candidate.type == "host" and ":" not in protocol.local_candidate.host
            ]
        return [
            aioice_ice.relayed_candidate(
                component=1,
                hide_related_address=self._settings.relay_only,
                protocol_factory=lambda: _Datagrams(self),
                turn_server=server.address,
                turn_username=server.username,
                turn_password=server.credential,
                turn_ssl=server.scheme == "turns",
                turn_transport=server.transport,
            )
        ]

    def advertised(self) -> tuple[str, ...]:
        """The local candidates as the SDP shows them, the best first."""
        written: dict[str, None] = {}
        for candidate in sorted(self.local_candidates, key=lambda each: -each.priority):
            version = ipaddress.ip_address(candidate.host).version
            public = [
                address
                for address in self._settings.advertise
                if ipaddress.ip_address(address).version == version
            ]
            if candidate.type == "host" and public:
                for address in public:
                    shown = Candidate.from_sdp(candidate.to_sdp())
                    shown.host = address
                    written[shown.to_sdp()] = None
            else:
                written[candidate.to_sdp()] = None
        return tuple(written)

    def data_received(self, data: bytes, component: int) -> None:
        if not data:
            return
        if 127 < data[0] < 192:
            self.media(data)
        elif self._queue.qsize() < _QUEUED_DATAGRAMS:
            super().data_received(data, component)

    def check_incoming(
        self, message: aioice_stun.Message, addr: tuple[str, int], protocol: aioice_ice.StunProtocol
    ) -> None:
        known = any((each._network_host, each.port) == addr for each in self._remote_candidates)
        if known or len(self._remote_candidates) < _MAX_REMOTE_CANDIDATES:
            super().check_incoming(message, addr, protocol)

    def send_now(self, data: bytes) -> None:
        """Sends a datagram to where the other end is; it is lost where there is no connection."""
        pair = self._nominated.get(1)
        if pair is not None:
            pair.protocol.transport.sendto(data, pair.remote_addr)

    async def query_consent(self) -> None:
        """Asks the other end every 5 s whether it is still there (RFC 7675, section 5.1)."""
        assert self.remote_password is not None
        loop = asyncio.get_running_loop()
        key, limit = self.remote_password.encode(), self._settings.consent_s
        pause = min(aioice_ice.CONSENT_INTERVAL, limit / 6)
        fresh = loop.time()
        while loop.time() - fresh < limit:
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pair = self._nominated.get(1)
            if pair is None:
                return
            request = self.build_request(pair, nominate=False)
            try:
                await pair.protocol.request(request, pair.remote_addr, integrity_key=key, retransmissions=0)
                fresh = loop.time()
            except aioice_stun.TransactionError:
                continue
        self.expired = True
        self._query_consent_task = None
        await self.close()


class _Dtls(RTCDtlsTransport):
    """DTLS, with media straight from and to the socket."""

    def __init__(self, ice: _Ice, listener: Listener) -> None:
        super().__init__(cast(RTCIceTransport, ice), [RTCCertificate.generateCertificate()])
        self._path = ice
        self._listener = listener
        self.closing = False
        self.on("statechange", self._changed)

    def media_received(self, data: bytes) -> None:
        srtp: pylibsrtp.Session | None = self._rx_srtp
        if srtp is None:
            return
        control = rtp.is_rtcp(data)
        try:
            plain = srtp.unprotect_rtcp(data) if control else srtp.unprotect(data)
        except (pylibsrtp.Error, ValueError):
            return  # not the other end's, a repetition, or longer than any packet: as if it had never come
        if control:
            self._listener.control(plain)
        else:
            self._listener.media(plain)

    def send_media(self, packet: bytes) -> None:
        if self._state is State.CONNECTED:  # `state` makes a text of it, for every packet
            self._path.send_now(self._tx_srtp.protect(packet))

    def send_control(self, packet: bytes) -> None:
        if self._state is State.CONNECTED:
            self._path.send_now(self._tx_srtp.protect_rtcp(packet))

    def _changed(self) -> None:
        if self.state == "closed" and not self.closing:
            self._listener.ended(NO_ANSWER if self._path.expired else CLOSED_BY_PEER)
