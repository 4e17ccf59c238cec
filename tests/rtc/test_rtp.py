"""Packets of RTP and RTCP, held against aiortc's reading of the same bytes."""

import struct

import pytest
from aiortc import RTCRtpHeaderExtensionParameters
from aiortc import rtp as stock
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.rtc import rtp

PACKET = rtp.Packet(
    payload_type=111, sequence=65_535, timestamp=2**32 - 1, ssrc=7, payload=b"opus", marker=True
)


def test_a_packet_is_read_as_it_was_written() -> None:
    assert rtp.parse(rtp.write(PACKET)) == PACKET
    other = stock.RtpPacket.parse(rtp.write(PACKET))
    assert (other.payload_type, other.sequence_number, other.timestamp) == (111, 65_535, 2**32 - 1)
    assert (other.ssrc, other.payload, other.marker) == (7, b"opus", 1)


def test_sources_extensions_and_padding_are_left_out() -> None:
    other = stock.RtpPacket(payload_type=111, sequence_number=3, timestamp=4)
    other.ssrc, other.payload, other.csrc, other.padding_size = 5, b"opus", [8, 9], 7
    other.extensions.mid = "0"
    mapping = stock.HeaderExtensionsMap()
    parameters = stock.RTCRtpParameters()
    parameters.headerExtensions.append(
        RTCRtpHeaderExtensionParameters(id=1, uri="urn:ietf:params:rtp-hdrext:sdes:mid")
    )
    mapping.configure(parameters)
    assert rtp.parse(other.serialize(mapping)) == rtp.Packet(111, 3, 4, 5, b"opus")


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x80" * 11,
        b"\x00" + bytes(11),
        b"\x8f" + bytes(20),
        b"\x90" + bytes(12),
        b"\xa0" + bytes(11) + b"\x09",
    ],
)
def test_what_is_no_packet_is_refused(broken: bytes) -> None:
    with pytest.raises(rtp.MalformedPacket):
        rtp.parse(broken)


@given(data=st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        packet = rtp.parse(data)
    except rtp.MalformedPacket:
        pass
    else:
        assert len(packet.payload) <= len(data) - rtp.HEADER_BYTES
    try:
        list(rtp.parse_reports(data))
    except rtp.MalformedPacket:
        pass


def test_reports_are_read_as_they_were_written() -> None:
    reception = rtp.Reception(
        ssrc=1, fraction_lost=255, lost=-5, highest=70_000, jitter=12, last_report=0xABCD, delay=65_536
    )
    sent = rtp.Sent(ntp=rtp.ntp(1_700_000_000.5), timestamp=960, packets=2, octets=80)
    for report in (
        rtp.Report(9, sent, (reception,)),
        rtp.Report(9, None, (reception,)),
        rtp.Report(9, None, ()),
    ):
        data = rtp.write_report(report, "name")
        assert rtp.is_rtcp(data)
        assert list(rtp.parse_reports(data)) == [report]
    first, second = stock.RtcpPacket.parse(rtp.write_report(rtp.Report(9, sent, (reception,)), "name"))
    assert isinstance(first, stock.RtcpSrPacket)
    assert (first.ssrc, first.sender_info.rtp_timestamp, first.sender_info.octet_count) == (9, 960, 80)
    assert (first.reports[0].packets_lost, first.reports[0].fraction_lost) == (-5, 255)
    assert isinstance(second, stock.RtcpSdesPacket)
    assert second.chunks[0].items == [(1, b"name")]


def test_losses_beyond_what_a_report_can_say_are_clamped() -> None:
    for lost, told in ((10**9, 2**23 - 1), (-(10**9), -(2**23))):
        reception = rtp.Reception(1, 0, lost, 0, 0, 0, 0)
        (report,) = rtp.parse_reports(rtp.write_report(rtp.Report(9, None, (reception,)), "n"))
        assert report.receptions[0].lost == told


def test_the_end_of_a_stream_is_told() -> None:
    _, bye = stock.RtcpPacket.parse(rtp.write_bye(7))
    assert isinstance(bye, stock.RtcpByePacket)
    assert bye.sources == [7]


@pytest.mark.parametrize(
    "broken", [b"\x80\xc8\x00\x09" + bytes(8), b"\x00\xc8\x00\x00", b"\x81\xc9\x00\x01" + bytes(4)]
)
def test_reports_that_are_cut_off_are_refused(broken: bytes) -> None:
    with pytest.raises(rtp.MalformedPacket):
        list(rtp.parse_reports(broken))


def test_rtcp_is_told_from_rtp() -> None:
    assert not rtp.is_rtcp(rtp.write(PACKET))
    assert not rtp.is_rtcp(b"\x80")
    assert struct.unpack("!B", rtp.write_bye(1)[1:2]) == (201,)
