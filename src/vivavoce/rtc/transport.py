"""ICE, DTLS-SRTP and SCTP of one connection: with `association` and `ice_connection`, what reaches into
aiortc and aioice.

Their parts are used without `RTCPeerConnection`: its tracks decode in threads and keep 80 ms of audio back.
Media takes a way of its own here, without a queue or a task between the socket and whoever listens.

`tests/rtc/test_transport.py` holds what is relied on, inside those packages, against the installed ones.
"""

import asyncio
from typing import Any, Protocol, cast

import pylibsrtp
from aioice import Candidate
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
from OpenSSL import SSL

from vivavoce.rtc import rtp, sdp
from vivavoce.rtc.association import Association
from vivavoce.rtc.errors import NoCandidates
from vivavoce.rtc.ice import IceSettings
from vivavoce.rtc.ice_connection import DATAGRAM_BYTES, IceConnection

CLOSED_BY_PEER = "closed by the other end"
NO_ANSWER = "the other end no longer answers"
"""Why a connection that stood is no more."""

MAX_CHANNELS = 4
"""Data channels that the other end may open; one is enough for all events."""
_MAX_SOURCES = 64
"""SSRCs of the other end in one connection; libsrtp keeps an account of each, and searches all of them."""


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
        self._ice = IceConnection(settings, controlling)
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
            candidate = Candidate.from_sdp(text)
            if ice.may_try(candidate.host):
                await ice.add_remote_candidate(candidate)
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
        self._dtls.forget()


class _Dtls(RTCDtlsTransport):
    """DTLS, with media straight from and to the socket."""

    def __init__(self, ice: IceConnection, listener: Listener) -> None:
        super().__init__(cast(RTCIceTransport, ice), [RTCCertificate.generateCertificate()])
        self._path = ice
        self._listener = listener
        self.closing = False
        self._sources: set[bytes] = set()
        """SSRCs from which packets came."""
        self.on("statechange", self._changed)

    async def _recv_next(self) -> None:
        await super()._recv_next()
        # aiortc reads one record of a datagram, and would keep the others.
        while self._data_receiver is not None and self._ssl is not None:
            try:
                data = self._ssl.recv(DATAGRAM_BYTES)
            except SSL.ZeroReturnError:
                raise ConnectionError from None
            except SSL.Error:
                return
            await self._data_receiver._handle_data(data)

    def media_received(self, data: bytes) -> None:
        srtp: pylibsrtp.Session | None = self._rx_srtp
        if srtp is None:
            return
        control = rtp.is_rtcp(data)
        source = data[4:8] if control else data[8:12]
        if source not in self._sources and len(self._sources) >= _MAX_SOURCES:
            return
        try:
            plain = srtp.unprotect_rtcp(data) if control else srtp.unprotect(data)
        except (pylibsrtp.Error, ValueError):
            return  # not the other end's, a repetition, or longer than any packet: as if it had never come
        self._sources.add(source)
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

    def forget(self) -> None:
        """Frees what OpenSSL and libsrtp hold, 140 kB, now and not when the garbage collector comes by."""
        nothing: Any = None
        self._ssl = self._rx_srtp = self._tx_srtp = nothing

    def _changed(self) -> None:
        if self.state == "closed" and not self.closing:
            self._listener.ended(NO_ANSWER if self._path.expired else CLOSED_BY_PEER)
