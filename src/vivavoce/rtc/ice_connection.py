"""The way between both ends: ICE (RFC 8445) on the addresses, ports and servers of the settings.

aioice does the work. Here is what it is told, and what is kept from it: whatever strangers send, and whatever
would make this end ask too many or too often.
"""

import asyncio
import contextlib
import errno
import ipaddress
import random
import socket
import struct
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from typing import Any

from aioice import Candidate, Connection, TransportPolicy
from aioice import ice as aioice_ice
from aioice import stun as aioice_stun
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import CandidatePair

from vivavoce.rtc.candidates import may_lead_there
from vivavoce.rtc.ice import IceServer, IceSettings

DATAGRAM_BYTES = 2_048
"""Of the longest that is taken: no WebRTC stack sends longer ones than fit an Ethernet frame."""
_MAX_ADDRESSES = 100
"""Of the other end: that it may prove to be its own. And pairs of its addresses and this end's that are tried
(RFC 8445, section 6.1.2.5)."""
_MAX_CHECKS = 8
"""Of one pair: an end that always claims the other role would be asked for ever."""
_QUESTIONS = 8
"""Whether the other end is still there, of which the answers are waited for: they may come late."""
_RECEIVE_BUFFER = 262_144
"""Bytes of the socket's buffer: what comes while the event loop is busy."""
_QUEUED_DATAGRAMS = 1_024
"""Of DTLS that wait to be read; what comes beyond them is lost, as on a network."""


class _Datagrams(aioice_ice.StunProtocol):
    """One socket. What is no STUN by its first byte (RFC 7983) is not tried as STUN first, and taken from the
    other end alone: whoever else finds the port could end a handshake that has just begun."""

    receiver: "IceConnection"

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        assert isinstance(data, bytes)
        if data and data[0] > 3:
            if addr[:2] in self.receiver.proven:
                self.receiver.data_received(data, 1)
            return
        try:
            super().datagram_received(data, addr)
        except (ValueError, KeyError, IndexError, struct.error):
            return  # STUN that is broken, from wherever: as if it had never come

    def send_stun(self, message: aioice_stun.Message, addr: tuple[str, int]) -> None:
        if message.message_class == aioice_stun.Class.RESPONSE:
            self.receiver.proven.add(addr)  # it knows the password
        super().send_stun(message, addr)


class IceConnection(Connection):
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
        self.proven: set[tuple[str, int]] = set()
        """Addresses from which the other end asked, or answered."""
        self._checks: Counter[CandidatePair] = Counter()
        self._gone: set[aioice_ice.StunProtocol] = set()
        """Sockets that were closed by others, which the layers above learn a moment later."""

    def may_try(self, host: str) -> bool:
        """Whether this end asks at an address that it was told."""
        return may_lead_there(host, (each.local_candidate.host for each in self._protocols))

    def _pair_remote_candidate(self, remote_candidate: Candidate) -> None:
        if len(self._check_list) < _MAX_ADDRESSES:
            super()._pair_remote_candidate(remote_candidate)

    def request_received(
        self, message: aioice_stun.Message, addr: tuple[str, int], protocol: aioice_ice.StunProtocol
    ) -> None:
        if addr in self.proven or len(self.proven) < _MAX_ADDRESSES:
            super().request_received(message, addr, protocol)

    async def check_start(self, pair: CandidatePair) -> None:
        self._checks[pair] += 1
        if self._checks[pair] > _MAX_CHECKS:
            self.check_state(pair, CandidatePair.State.FAILED)
            self.check_complete(pair)
        else:
            await super().check_start(pair)

    def check_complete(self, pair: CandidatePair) -> None:
        if pair.state is CandidatePair.State.SUCCEEDED:
            self.proven.add(pair.remote_addr)
        super().check_complete(pair)

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
        bound = self._bound(address)
        if bound is None:
            return None
        _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self), sock=bound
        )
        self._protocols.append(protocol)
        host, port = bound.getsockname()[:2]
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

    def _bound(self, address: str) -> socket.socket | None:
        """A socket of this address with one of the ports, or what is written down of why there is none."""
        first, last = self._settings.ports or (0, 0)
        start = random.randint(first, last)
        with contextlib.ExitStack() as failing:
            # One socket tries all ports: new ones for each would hold up all calls while many are taken.
            bound = failing.enter_context(
                socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            )
            bound.setblocking(False)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            for port in (*range(start, last + 1), *range(first, start)):
                try:
                    bound.bind((address, port))
                except OSError as failure:
                    if failure.errno != errno.EADDRINUSE:
                        return None
                else:
                    failing.pop_all()
                    return bound
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
        elif 19 < data[0] < 64 and len(data) <= DATAGRAM_BYTES and self._queue.qsize() < _QUEUED_DATAGRAMS:
            super().data_received(data, component)

    def protocol_lost(self, protocol: aioice_ice.StunProtocol) -> None:
        self._gone.add(protocol)
        super().protocol_lost(protocol)

    def send_now(self, data: bytes) -> None:
        """Sends a datagram to where the other end is; it is lost where there is no connection."""
        pair = self._nominated.get(1)
        if pair is not None and pair.protocol not in self._gone:
            pair.protocol.transport.sendto(data, pair.remote_addr)

    async def query_consent(self) -> None:
        """Asks the other end every 5 s whether it is still there, and lets each question travel once (RFC
        7675, section 5.1). aioice gives up waiting after half a second; here an answer counts whenever it
        comes, because who answers late is busy and not gone."""
        assert self.remote_password is not None
        loop = asyncio.get_running_loop()
        limit = self._settings.consent_s
        pause = min(aioice_ice.CONSENT_INTERVAL, limit / 6)
        consent = _Consent(self.remote_password.encode(), loop)
        try:
            while loop.time() - consent.given_at < limit:
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))
                pair = self._nominated.get(1)
                if pair is None:
                    return
                consent.ask(pair, self.build_request(pair, nominate=False))
        finally:
            consent.forget()
        self.expired = True
        self._query_consent_task = None
        await self.close()


class _Consent:
    """What was asked of the other end, where aioice keeps its transactions, and when it last answered."""

    def __init__(self, key: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self._key = key
        self._loop = loop
        self._asked: deque[tuple[dict[bytes, Any], bytes]] = deque()
        self.given_at = loop.time()

    def ask(self, pair: CandidatePair, request: aioice_stun.Message) -> None:
        """Asks once, and forgets the oldest question if there are too many."""
        request.add_message_integrity(self._key)
        open_ones: dict[bytes, Any] = pair.protocol.transactions
        open_ones[request.transaction_id] = self
        self._asked.append((open_ones, request.transaction_id))
        if len(self._asked) > _QUESTIONS:
            self._forget_oldest()
        pair.protocol.send_stun(request, pair.remote_addr)

    def response_received(self, message: aioice_stun.Message, addr: tuple[str, int]) -> None:
        """Called by aioice. An answer counts if it was made with the password."""
        del addr
        if message.message_class == aioice_stun.Class.RESPONSE and message.check_message_integrity(self._key):
            self.given_at = self._loop.time()

    def forget(self) -> None:
        """Nothing is waited for any more."""
        while self._asked:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        open_ones, transaction = self._asked.popleft()
        open_ones.pop(transaction, None)
