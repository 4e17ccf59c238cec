"""What `vivavoce.rtc.transport` relies on inside aiortc and aioice: what changes there fails here first."""

import inspect

import aioice.ice
import pytest
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport, RTCSctpTransport
from aiortc.rtcdtlstransport import State
from aiortc.rtcsctptransport import InboundStream


def _dtls() -> RTCDtlsTransport:
    transport = RTCIceTransport(RTCIceGatherer(iceServers=[]))
    return RTCDtlsTransport(transport, [RTCCertificate.generateCertificate()])


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


async def test_an_ice_connection_is_what_is_built_upon() -> None:
    connection = aioice.ice.Connection(ice_controlling=False)
    for name in ("_protocols", "_nominated", "_queue", "_query_consent_task", "remote_is_lite"):
        assert hasattr(connection, name), name
    for name in ("_check_list", "_queue", "_tie_breaker", "local_username", "local_password"):
        assert hasattr(connection, name), name
    kind = aioice.ice.Connection
    assert parameters(kind.check_start) == ["self", "pair"]
    assert parameters(kind.check_complete) == ["self", "pair"]
    assert parameters(kind.protocol_lost) == ["self", "protocol"]
    assert "self.receiver.protocol_lost(self)" in inspect.getsource(aioice.ice.StunProtocol.connection_lost)
    assert parameters(kind.request_received) == ["self", "message", "addr", "protocol"]
    assert parameters(kind._pair_remote_candidate) == ["self", "remote_candidate"]
    assert "self.check_start(pair)" in inspect.getsource(kind.check_start)
    assert parameters(kind.get_component_candidates) == ["self", "component", "addresses", "timeout"]
    assert parameters(kind.data_received) == ["self", "data", "component"]
    assert parameters(kind.query_consent) == ["self"]
    assert parameters(kind.build_request) == ["self", "pair", "nominate"]
    assert "self.get_component_candidates(" in inspect.getsource(kind.gather_candidates)
    assert "self.query_consent()" in inspect.getsource(kind.connect)
    assert aioice.ice.CONSENT_INTERVAL == 5


async def test_a_socket_of_ice_is_what_is_built_upon() -> None:
    kind = aioice.ice.StunProtocol
    assert parameters(kind.datagram_received) == ["self", "data", "addr"]
    assert parameters(kind.send_stun) == ["self", "message", "addr"]
    assert "protocol.send_stun(response, addr)" in inspect.getsource(aioice.ice.Connection.request_received)
    assert parameters(kind.request) == ["self", "request", "addr", "integrity_key", "retransmissions"]
    assert "self.receiver.data_received(" in inspect.getsource(kind.datagram_received)
    assert parameters(aioice.ice.server_reflexive_candidate) == ["protocol", "stun_server"]
    assert set(parameters(aioice.ice.relayed_candidate)) == {
        "component",
        "hide_related_address",
        "protocol_factory",
        "turn_server",
        "turn_username",
        "turn_password",
        "turn_ssl",
        "turn_transport",
    }


async def test_a_dtls_transport_is_what_is_built_upon() -> None:
    transport = _dtls()
    assert parameters(RTCDtlsTransport._recv_next) == ["self"]
    assert transport._data_receiver is None
    assert transport._ssl is None
    assert transport._rx_srtp is None
    assert transport._tx_srtp is None
    assert transport.state == "new"
    assert transport._state is State.NEW
    assert State.CONNECTED in State
    transport._set_role("server")
    assert transport._role == "server"
    source = inspect.getsource(RTCDtlsTransport)
    used = {"role", "_send", "_recv"}
    asked = set(source.split("self.transport.")[1:])
    assert {name for name in used if any(text.startswith(name) for text in asked)} == used
    assert 'self.emit("statechange")' in source


async def test_an_sctp_transport_is_what_is_built_upon() -> None:
    transport = RTCSctpTransport(_dtls())
    for name in (
        "_advanced_peer_ack_tsn",
        "_advertised_rwnd",
        "_cwnd",
        "_data_channel_queue",
        "_data_channels",
        "_inbound_streams",
        "_last_received_tsn",
        "_last_sacked_tsn",
        "_sack_duplicates",
        "_sack_misordered",
        "_sent_queue",
    ):
        assert hasattr(transport, name), name
    assert parameters(RTCSctpTransport._get_inbound_stream) == ["self", "stream_id"]
    assert parameters(RTCSctpTransport._receive_data_chunk) == ["self", "chunk"]
    assert parameters(RTCSctpTransport._mark_received) == ["self", "tsn"]
    assert parameters(RTCSctpTransport._receive) == ["self", "stream_id", "pp_id", "data"]
    assert parameters(RTCSctpTransport._reset_deferred_streams) == ["self"]
    assert parameters(InboundStream.add_chunk) == ["self", "chunk"]
    assert parameters(InboundStream.pop_messages) == ["self"]
    assert parameters(InboundStream.prune_chunks) == ["self", "tsn"]
    assert InboundStream().sequence_number == 0
    assert parameters(RTCSctpTransport._data_channel_send) == ["self", "channel", "data"]
    assert parameters(RTCSctpTransport._receive_sack_chunk) == ["self", "chunk"]
    assert parameters(RTCSctpTransport._handle_data) == ["self", "data"]
    assert 'self.emit("datachannel", channel)' in inspect.getsource(RTCSctpTransport)


def test_what_begins_above_3_is_no_stun() -> None:
    for byte in range(4, 256):
        with pytest.raises(ValueError, match=r"."):
            aioice.ice.stun.parse_message(bytes([byte]) + bytes(19))
