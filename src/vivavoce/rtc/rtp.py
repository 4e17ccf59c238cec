"""RTP and RTCP packets (RFC 3550), as far as one voice in each direction needs them."""

import struct
from collections.abc import Iterator

import msgspec

HEADER_BYTES = 12
_HEADER = struct.Struct("!BBHII")
_SENDER_REPORT, _RECEIVER_REPORT, _SOURCE_DESCRIPTION, _BYE = 200, 201, 202, 203
_NTP_EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP's time begins, to 1970."""


class MalformedPacket(ValueError):
    """Bytes that are no packet of RTP or RTCP."""


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One packet of media. Its header extensions and contributing sources are left out."""

    payload_type: int
    sequence: int
    """Counts packets, modulo 65,536."""
    timestamp: int
    """Counts samples at 48 kHz, Opus's clock whatever the real rate is (RFC 7587), modulo 2**32."""
    ssrc: int
    payload: bytes
    marker: bool = False
    """The first packet after silence (RFC 3551, section 4.1)."""


def is_rtcp(data: bytes) -> bool:
    """Whether a packet of the port that both share is RTCP (RFC 5761, section 4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


def parse(data: bytes) -> Packet:
    """Reads one packet of RTP."""
    if len(data) < HEADER_BYTES:
        raise MalformedPacket("shorter than a header")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise MalformedPacket("not version 2")
    begin, end = HEADER_BYTES + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        if end < begin + 4:
            raise MalformedPacket("header extension cut off")
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4])
    if first & 0x20:
        end -= data[-1] or end
    if end < begin:
        raise MalformedPacket("more header and padding than packet")
    return Packet(second & 0x7F, sequence, timestamp, ssrc, data[begin:end], bool(second & 0x80))


def write(packet: Packet) -> bytes:
    """The bytes of one packet of RTP."""
    second = packet.payload_type | (0x80 if packet.marker else 0)
    return _HEADER.pack(0x80, second, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload


class Reception(msgspec.Struct, frozen=True):
    """A report block: how one stream arrives at the other end (RFC 3550, section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    """Of 256, since the report before."""
    lost: int
    """Packets that never came, since the beginning; negative where duplicates outnumber them."""
    highest: int
    """The highest sequence number, with the count of its turnarounds in the upper 16 bits."""
    jitter: int
    """In ticks of the stream's clock."""
    last_report: int
    """The middle 32 bits of the NTP time in the last sender report; 0 if none came."""
    delay: int
    """From that report to this one, in 1/65,536 s."""


class Sent(msgspec.Struct, frozen=True):
    """What a sender tells of its stream (RFC 3550, section 6.4.1)."""

    ntp: int
    """The wall clock at `timestamp`, in 2**-32 s since 1900."""
    timestamp: int
    packets: int
    octets: int


class Report(msgspec.Struct, frozen=True):
    """A sender report, or a receiver report where `sent` is None."""

    ssrc: int
    sent: Sent | None
    receptions: tuple[Reception, ...]


def parse_reports(data: bytes) -> Iterator[Report]:
    """The reports in a compound packet of RTCP. All other kinds of packet in it are passed over."""
    at = 0
    while at + 4 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, at)
        body, at = data[at + 4 : at + 4 + 4 * words], at + 4 + 4 * words
        if first >> 6 != 2 or at > len(data):
            raise MalformedPacket("not a chain of RTCP packets")
        if kind in (_SENDER_REPORT, _RECEIVER_REPORT):
            yield _report(body, first & 0x1F, sender=kind == _SENDER_REPORT)


def write_report(report: Report, name: str) -> bytes:
    """A report and the `name` of its source (CNAME, at most 255 bytes), as a compound packet."""
    body = struct.pack("!I", report.ssrc)
    if report.sent is not None:
        sent = report.sent
        body += struct.pack("!QIII", sent.ntp, sent.timestamp, sent.packets & _U32, sent.octets & _U32)
    for block in report.receptions:
        lost = max(-(1 << 23), min(block.lost, (1 << 23) - 1)) & 0xFFFFFF
        body += struct.pack(
            "!IIIIII",
            block.ssrc,
            block.fraction_lost << 24 | lost,
            block.highest & _U32,
            block.jitter & _U32,
            block.last_report,
            block.delay & _U32,
        )
    kind = _RECEIVER_REPORT if report.sent is None else _SENDER_REPORT
    return _control(kind, len(report.receptions), body) + _source_description(report.ssrc, name)


def write_bye(ssrc: int) -> bytes:
    """The end of a stream (RFC 3550, section 6.6), after the empty report that comes first in any packet."""
    source = struct.pack("!I", ssrc)
    return _control(_RECEIVER_REPORT, 0, source) + _control(_BYE, 1, source)


def ntp(seconds: float) -> int:
    """The NTP time of a Unix time, in 2**-32 s since 1900."""
    return int((seconds + _NTP_EPOCH) * 4_294_967_296)


_U32 = 0xFFFFFFFF


def _report(body: bytes, count: int, *, sender: bool) -> Report:
    begin = 24 if sender else 4
    if len(body) < begin + 24 * count:
        raise MalformedPacket("report cut off")
    sent = Sent(*struct.unpack_from("!QIII", body, 4)) if sender else None
    return Report(
        int.from_bytes(body[:4]),
        sent,
        tuple(_reception(body, begin + 24 * index) for index in range(count)),
    )


def _reception(body: bytes, at: int) -> Reception:
    ssrc, loss, highest, jitter, last_report, delay = struct.unpack_from("!IIIIII", body, at)
    lost = (loss & 0xFFFFFF) - ((loss & 0x800000) << 1)
    return Reception(ssrc, loss >> 24, lost, highest, jitter, last_report, delay)


def _source_description(ssrc: int, name: str) -> bytes:
    text = name.encode()
    chunk = struct.pack("!IBB", ssrc, 1, len(text)) + text
    return _control(_SOURCE_DESCRIPTION, 1, chunk + bytes(4 - len(chunk) % 4))


def _control(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
