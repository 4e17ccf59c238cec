"""Session descriptions (RFC 8866, RFC 9429): reads what the other end wrote, and writes one's own.

One voice by Opus and one SCTP association for data channels, over one transport (BUNDLE, RFC 9143). Whatever
else is offered is answered with port 0: refused.
"""

import re
from enum import StrEnum
from typing import NoReturn

import msgspec

from vivavoce.rtc.candidates import reachable
from vivavoce.rtc.errors import InvalidDescription

MAX_CHARACTERS = 65_536
"""Of a description: browsers write some 2,000 for a voice, and 10,000 with video."""
MAX_SECTIONS = 32
PAYLOAD_TYPE = 111
"""Of Opus in one's own offers, as in those of browsers."""
DEFAULT_MAX_MESSAGE = 65_536
"""Bytes of a data channel's message where the other end says nothing (RFC 8841, section 6.1)."""


class Setup(StrEnum):
    """Who begins the DTLS handshake (RFC 8842): the active end does."""

    ACTIVE = "active"
    PASSIVE = "passive"
    EITHER = "actpass"


class Direction(StrEnum):
    """Where the voice of a description's writer goes: sent, received, both or neither."""

    BOTH = "sendrecv"
    SEND = "sendonly"
    RECEIVE = "recvonly"
    NEITHER = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.BOTH, Direction.SEND)

    @property
    def receives(self) -> bool:
        return self in (Direction.BOTH, Direction.RECEIVE)

    def answered(self) -> "Direction":
        """What to answer so that everything is granted."""
        return {Direction.SEND: Direction.RECEIVE, Direction.RECEIVE: Direction.SEND}.get(self, self)


class Transport(msgspec.Struct, frozen=True, kw_only=True):
    """How one end is reached and known: ICE (RFC 8839) and DTLS (RFC 8842)."""

    username: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    """Hash function and value in hexadecimal, of the certificate that the end will show."""
    setup: Setup
    candidates: tuple[str, ...] = ()
    """As RFC 8839 writes them, without `candidate:`."""
    lite: bool = False


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """The audio section: what the writer is ready to receive, and where the voice goes."""

    payload_type: int
    direction: Direction = Direction.BOTH
    fec: bool = False
    """The writer can make use of in-band error correction."""
    dtx: bool = False
    """The writer likes silence not to be sent."""


class Channels(msgspec.Struct, frozen=True, kw_only=True):
    """The section of data channels."""

    port: int = 5000
    """SCTP's, within the one transport."""
    max_message: int = DEFAULT_MAX_MESSAGE
    """Bytes that the writer takes at once; 0: any number."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One m-line, in order; `content` is None where it is refused, or of no use here."""

    kind: str
    protocol: str
    formats: str
    mid: str
    content: Voice | Channels | None = None


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """A whole description."""

    transport: Transport
    sections: tuple[Section, ...]

    @property
    def voice(self) -> Voice:
        """The one audio section in use."""
        return next(each.content for each in self.sections if isinstance(each.content, Voice))

    @property
    def channels(self) -> Channels | None:
        """The section of data channels in use, if there is one."""
        return next((each.content for each in self.sections if isinstance(each.content, Channels)), None)


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The stream that an end sends: named, so that the other can tell it (RFC 5576, RFC 8830)."""

    ssrc: int
    name: str


def read(text: str, refusal: type[InvalidDescription]) -> Description:
    """Reads a description; `refusal` is raised, with a sentence about it, where no call can come of it."""
    return _Reader(text, refusal).description()


def answer(offer: Description, transport: Transport, source: Source, *, max_message: int, dtx: bool) -> str:
    """The answer that grants what `read` found of use in the offer and refuses the rest."""
    voice = msgspec.structs.replace(
        offer.voice, direction=offer.voice.direction.answered(), fec=True, dtx=dtx
    )
    sections = [
        msgspec.structs.replace(
            each,
            content=voice
            if isinstance(each.content, Voice)
            else Channels(max_message=max_message)
            if isinstance(each.content, Channels)
            else None,
        )
        for each in offer.sections
    ]
    return _write(sections, transport, source)


def offer(transport: Transport, source: Source, *, max_message: int, dtx: bool) -> str:
    """An offer of a voice in both directions and of data channels."""
    voice = Voice(payload_type=PAYLOAD_TYPE, fec=True, dtx=dtx)
    sections = [
        Section(
            kind="audio", protocol="UDP/TLS/RTP/SAVPF", formats=str(PAYLOAD_TYPE), mid="0", content=voice
        ),
        Section(
            kind="application",
            protocol="UDP/DTLS/SCTP",
            formats="webrtc-datachannel",
            mid="1",
            content=Channels(max_message=max_message),
        ),
    ]
    return _write(sections, transport, source)


_MEDIA_LINE = re.compile(r"(\S+) (\d{1,5})(?:/\d+)? (\S+) (.+)")
_ICE_TEXT = re.compile(r"[\x21-\x7e]{4,256}")
_HASHES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_Attributes = dict[str, list[str]]


class _Lines(msgspec.Struct):
    """One m-line and the attributes below it, unread."""

    media: str
    attributes: _Attributes


class _Reader:
    def __init__(self, text: str, refusal: type[InvalidDescription]) -> None:
        self._refusal = refusal
        if len(text) > MAX_CHARACTERS:
            self._refuse(f"The SDP is too long: {len(text)} characters, at most {MAX_CHARACTERS} are read.")
        if not text.startswith("v=0"):
            self._refuse("The SDP does not begin with v=0.")
        self._session, self._media = self._split(text)
        if len(self._media) > MAX_SECTIONS:
            self._refuse(f"The SDP has {len(self._media)} m-lines; at most {MAX_SECTIONS} are read.")

    def description(self) -> Description:
        bundle = self._bundle()
        sections: list[Section] = []
        carrier: _Attributes | None = None
        for lines in self._media:
            section = self._section(lines)
            content = section.content
            taken = {type(each.content) for each in sections}
            bundled = carrier is None or section.mid in bundle
            if content is not None and type(content) not in taken and bundled:
                if carrier is None or (isinstance(content, Voice) and not bundle):
                    carrier = lines.attributes
            else:
                section = msgspec.structs.replace(section, content=None)
            sections.append(section)
        self._require_voice(sections)
        assert carrier is not None, "the voice has one"
        return Description(transport=self._transport(carrier), sections=tuple(sections))

    def _split(self, text: str) -> tuple[_Attributes, list[_Lines]]:
        session: _Attributes = {}
        media: list[_Lines] = []
        for line in text.splitlines():
            if line.startswith("m="):
                media.append(_Lines(line[2:], {}))
            elif line.startswith("a="):
                name, _, value = line[2:].partition(":")
                attributes = media[-1].attributes if media else session
                attributes.setdefault(name, []).append(value.strip())
            elif line and line[1:2] != "=":
                self._refuse("The SDP has a line that is not of the form x=value.")
        return session, media

    def _bundle(self) -> list[str]:
        """The sections that share one transport."""
        for group in self._session.get("group", []):
            semantics, _, mids = group.partition(" ")
            if semantics == "BUNDLE":
                return mids.split()
        return []

    def _section(self, lines: _Lines) -> Section:
        match = _MEDIA_LINE.fullmatch(lines.media.strip())
        if match is None:
            self._refuse("The SDP has an m-line that is none: m=<media> <port> <protocol> <formats>.")
        kind, port, protocol, formats = match.groups()
        mid = _first(lines.attributes, "mid") or ""
        section = Section(kind=kind, protocol=protocol, formats=formats, mid=mid)
        if port == "0" and "bundle-only" not in lines.attributes:
            return section
        content: Voice | Channels | None = None
        if kind == "audio" and protocol.endswith("TLS/RTP/SAVPF"):
            content = self._voice(formats, lines.attributes)
        elif kind == "application" and protocol.endswith("/DTLS/SCTP") and formats == "webrtc-datachannel":
            content = Channels(
                port=self._number(lines.attributes, "sctp-port", 5000, 65_535),
                max_message=self._number(lines.attributes, "max-message-size", DEFAULT_MAX_MESSAGE, 2**63),
            )
        return msgspec.structs.replace(section, content=content)

    def _voice(self, formats: str, attributes: _Attributes) -> Voice | None:
        mappings = dict(_pair(value) for value in attributes.get("rtpmap", []))
        parameters = dict(_pair(value) for value in attributes.get("fmtp", []))
        for name in formats.split():
            if mappings.get(name, "").lower() not in ("opus/48000/2", "opus/48000"):
                continue
            if not name.isdecimal() or int(name) > 127:
                self._refuse("The SDP names Opus by a payload type that is none.")
            if "rtcp-mux" not in attributes:
                self._refuse("The audio section lacks a=rtcp-mux: RTP and RTCP must share one port.")
            wishes = parameters.get(name, "").replace(" ", "").split(";")
            return Voice(
                payload_type=int(name),
                direction=self._direction(attributes),
                fec="useinbandfec=1" in wishes,
                dtx="usedtx=1" in wishes,
            )
        return None

    def _direction(self, attributes: _Attributes) -> Direction:
        for level in (attributes, self._session):
            for direction in Direction:
                if direction in level:
                    return direction
        return Direction.BOTH

    def _require_voice(self, sections: list[Section]) -> None:
        if any(isinstance(each.content, Voice) for each in sections):
            return
        if not any(each.kind == "audio" for each in sections):
            self._refuse("The SDP has no audio section: a call needs one (m=audio), with the Opus codec.")
        self._refuse(
            "The SDP's audio section cannot be used: it must name the Opus codec (opus/48000/2) "
            "and be carried over UDP/TLS/RTP/SAVPF, in the same BUNDLE group as the data channel."
        )

    def _transport(self, carrier: _Attributes) -> Transport:
        username, password = self._inherited(carrier, "ice-ufrag"), self._inherited(carrier, "ice-pwd")
        if not (username and password and _ICE_TEXT.fullmatch(username) and _ICE_TEXT.fullmatch(password)):
            self._refuse("The SDP has no usable a=ice-ufrag and a=ice-pwd.")
        stated = carrier.get("fingerprint") or self._session.get("fingerprint") or []
        fingerprints = tuple(
            (name.lower(), value.upper()) for name, value in map(_pair, stated) if _is_hash(name, value)
        )
        if not fingerprints:
            self._refuse("The SDP has no usable a=fingerprint: one by sha-256, sha-384 or sha-512 is needed.")
        setup = self._inherited(carrier, "setup")
        if setup not in tuple(Setup):
            self._refuse("The SDP has no usable a=setup: active, passive or actpass.")
        return Transport(
            username=username,
            password=password,
            fingerprints=fingerprints,
            setup=Setup(setup),
            candidates=reachable(carrier.get("candidate", [])),
            lite="ice-lite" in self._session,
        )

    def _inherited(self, carrier: _Attributes, name: str) -> str | None:
        return _first(carrier, name) or _first(self._session, name)

    def _number(self, attributes: _Attributes, name: str, default: int, most: int) -> int:
        text = _first(attributes, name)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= most):
            self._refuse(f"The SDP has an a={name} that is no number in range.")
        return int(text)

    def _refuse(self, sentence: str) -> NoReturn:
        raise self._refusal(sentence)


def _first(attributes: _Attributes, name: str) -> str | None:
    values = attributes.get(name)
    return values[0] if values else None


def _pair(value: str) -> tuple[str, str]:
    name, _, rest = value.partition(" ")
    return name, rest.strip()


def _is_hash(name: str, value: str) -> bool:
    size = _HASHES.get(name.lower())
    return (
        size is not None
        and re.fullmatch(rf"[0-9A-Fa-f]{{2}}(:[0-9A-Fa-f]{{2}}){{{size - 1}}}", value) is not None
    )


def _write(sections: list[Section], transport: Transport, source: Source) -> str:
    used = [each.mid for each in sections if each.content is not None and each.mid]
    lines = ["v=0", f"o=- {source.ssrc} 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    if used:
        lines.append(f"a=group:BUNDLE {' '.join(used)}")
    lines.append("a=msid-semantic: WMS *")
    for section in sections:
        lines += _section_lines(section, transport, source)
    return "\r\n".join(lines) + "\r\n"


def _section_lines(section: Section, transport: Transport, source: Source) -> list[str]:
    content = section.content
    port = "0" if content is None else _port(transport)
    formats = str(content.payload_type) if isinstance(content, Voice) else section.formats
    lines = [f"m={section.kind} {port} {section.protocol} {formats}", _connection(transport)]
    if section.mid:
        lines.append(f"a=mid:{section.mid}")
    if content is None:
        return [*lines, "a=inactive"]
    lines += _voice_lines(content, source) if isinstance(content, Voice) else _channel_lines(content)
    lines += [f"a=candidate:{candidate}" for candidate in transport.candidates]
    lines += ["a=end-of-candidates", f"a=ice-ufrag:{transport.username}", f"a=ice-pwd:{transport.password}"]
    lines += [f"a=fingerprint:{name} {value}" for name, value in transport.fingerprints]
    return [*lines, f"a=setup:{transport.setup}"]


def _voice_lines(voice: Voice, source: Source) -> list[str]:
    number = voice.payload_type
    lines = [
        f"a={voice.direction}",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=rtcp-mux",
        f"a=rtpmap:{number} opus/48000/2",
        f"a=fmtp:{number} minptime=10;useinbandfec={int(voice.fec)};usedtx={int(voice.dtx)}",
        "a=ptime:20",
    ]
    if voice.direction.sends:
        lines += [f"a=msid:{source.name} {source.name}", f"a=ssrc:{source.ssrc} cname:{source.name}"]
    return lines


def _channel_lines(channels: Channels) -> list[str]:
    return [f"a=sctp-port:{channels.port}", f"a=max-message-size:{channels.max_message}"]


def _port(transport: Transport) -> str:
    """The default port: that of the first candidate (RFC 8839, section 4.2.1.1)."""
    return transport.candidates[0].split()[5]


def _connection(transport: Transport) -> str:
    address = transport.candidates[0].split()[4]
    return f"c=IN IP{6 if ':' in address else 4} {address}"
