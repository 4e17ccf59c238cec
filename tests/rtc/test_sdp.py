"""Session descriptions: what is taken of an offer, what is refused, and with what sentence."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.rtc import InvalidAnswer, InvalidOffer, sdp
from vivavoce.rtc.candidates import MAX_CANDIDATES, MAX_PORTS

FINGERPRINT = ":".join(["0A"] * 32)

# What Chromium offers for a microphone, a data channel and a receiving video, shortened.
BROWSER = f"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 2f2a5a4e-1111.local 53081 typ host generation 0 network-cost 999
a=candidate:2 1 udp 2113939711 192.0.2.7 53082 typ host generation 0 network-cost 999
a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active generation 0
a=ice-ufrag:Qw3r
a=ice-pwd:0123456789abcdefghijkl+/
a=ice-options:trickle
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:- 5b9b1a52
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=rtpmap:0 PCMU/8000
a=ssrc:1 cname:x
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=ice-ufrag:Qw3r
a=ice-pwd:0123456789abcdefghijkl+/
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:1
a=recvonly
a=rtcp-mux
a=rtpmap:96 VP8/90000
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:Qw3r
a=ice-pwd:0123456789abcdefghijkl+/
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:2
a=sctp-port:5001
a=max-message-size:262144
""".replace("\n", "\r\n")

OURS = sdp.Transport(
    username="abcd",
    password="p" * 22,
    fingerprints=(("sha-256", FINGERPRINT),),
    setup=sdp.Setup.ACTIVE,
    candidates=("1 1 udp 2130706431 127.0.0.1 4000 typ host",),
)
SOURCE = sdp.Source(ssrc=7, name="us")


def read(text: str) -> sdp.Description:
    return sdp.read(text, InvalidOffer)


def answer(offer: str) -> list[str]:
    return sdp.answer(read(offer), OURS, SOURCE, max_message=1000, dtx=False).split("\r\n")


def without(pattern: str, text: str = BROWSER) -> str:
    """`text` without the lines that match."""
    return "\r\n".join(line for line in text.split("\r\n") if not re.match(pattern, line))


def test_what_a_browser_offers_is_read() -> None:
    offer = read(BROWSER)
    assert offer.voice == sdp.Voice(payload_type=111, fec=True)
    assert offer.channels == sdp.Channels(port=5001, max_message=262_144)
    assert [(each.kind, each.mid, each.content is None) for each in offer.sections] == [
        ("audio", "0", False),
        ("video", "1", True),
        ("application", "2", False),
    ]
    assert offer.transport == sdp.Transport(
        username="Qw3r",
        password="0123456789abcdefghijkl+/",
        fingerprints=(("sha-256", FINGERPRINT),),
        setup=sdp.Setup.EITHER,
        candidates=("2 1 udp 2113939711 192.0.2.7 53082 typ host",),
    )


def test_the_answer_grants_voice_and_channel_and_refuses_the_rest() -> None:
    lines = answer(BROWSER)
    assert [line for line in lines if line.startswith("m=")] == [
        "m=audio 4000 UDP/TLS/RTP/SAVPF 111",
        "m=video 0 UDP/TLS/RTP/SAVPF 96",
        "m=application 4000 UDP/DTLS/SCTP webrtc-datachannel",
    ]
    assert "a=group:BUNDLE 0 2" in lines
    assert "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=0" in lines
    assert "a=max-message-size:1000" in lines
    assert lines.count("a=setup:active") == 2
    assert "a=msid:us us" in lines


def test_the_answer_is_read_by_the_end_that_offered() -> None:
    offer = sdp.offer(OURS, SOURCE, max_message=5, dtx=True)
    there = read(offer)
    assert there.voice == sdp.Voice(payload_type=111, fec=True, dtx=True)
    assert there.channels == sdp.Channels(max_message=5)
    back = sdp.read(sdp.answer(there, OURS, SOURCE, max_message=9, dtx=True), InvalidAnswer)
    assert back.voice == there.voice
    assert back.channels == sdp.Channels(max_message=9)
    assert back.transport == OURS


@pytest.mark.parametrize(
    ("offered", "answered"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_the_direction_is_answered_by_its_mirror(offered: str, answered: str) -> None:
    lines = answer(BROWSER.replace("a=sendrecv", f"a={offered}"))
    audio = lines[lines.index("m=audio 4000 UDP/TLS/RTP/SAVPF 111") :]
    assert next(line for line in audio if line[2:] in list(sdp.Direction)) == f"a={answered}"
    assert ("a=msid:us us" in lines) == (answered in ("sendrecv", "sendonly"))


def test_an_offer_of_the_voice_alone_is_enough() -> None:
    alone = BROWSER.partition("m=video")[0].replace("BUNDLE 0 1 2", "BUNDLE 0")
    assert read(alone).channels is None
    assert [line for line in answer(alone) if line.startswith("m=")] == ["m=audio 4000 UDP/TLS/RTP/SAVPF 111"]


def test_a_channel_of_another_transport_is_refused() -> None:
    lines = answer(BROWSER.replace("a=group:BUNDLE 0 1 2\r\n", ""))
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel" in lines


def test_attributes_of_the_session_count_where_the_section_has_none() -> None:
    session = without("a=(ice-ufrag|ice-pwd|fingerprint|setup)").replace(
        "a=extmap-allow-mixed",
        f"a=ice-ufrag:sess\r\na=ice-pwd:{'s' * 22}\r\n"
        f"a=fingerprint:SHA-256 {FINGERPRINT.lower()}\r\na=setup:active",
    )
    transport = read(session).transport
    assert (transport.username, transport.password) == ("sess", "s" * 22)
    assert transport.fingerprints == (("sha-256", FINGERPRINT),)
    assert transport.setup is sdp.Setup.ACTIVE


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("", "does not begin with v=0"),
        ('{"sdp": "v=0"}', "does not begin with v=0"),
        ("v=0\r\n" + "a" * 1_000_000, "too long: 1000005 characters"),
        ("v=0\r\n" + "m=audio 9 RTP/AVP 0\r\n" * 33, "33 m-lines"),
        ("v=0\r\nhello there\r\n", "not of the form"),
        ("v=0\r\ns=-\r\nt=0 0\r\n", "no audio section"),
        (BROWSER.replace("m=audio 9 UDP", "m=audio nine UDP"), "m-line that is none"),
        ("v=0\r\n" + BROWSER[BROWSER.index("m=video") :], "no audio section"),
        (BROWSER.replace("m=audio 9 ", "m=audio 0 "), "audio section cannot be used"),
        (BROWSER.replace("opus/48000", "speex/48000"), "audio section cannot be used"),
        (BROWSER.replace("UDP/TLS/RTP/SAVPF 111", "RTP/AVP 111"), "audio section cannot be used"),
        (without("a=rtcp-mux"), "a=rtcp-mux"),
        (without("a=ice-pwd"), "a=ice-ufrag and a=ice-pwd"),
        (without("a=ice-ufrag"), "a=ice-ufrag and a=ice-pwd"),
        (BROWSER.replace("a=ice-ufrag:Qw3r", "a=ice-ufrag:" + "q" * 300), "a=ice-ufrag and a=ice-pwd"),
        (without("a=fingerprint"), "a=fingerprint"),
        (BROWSER.replace("sha-256", "sha-1"), "a=fingerprint"),
        (BROWSER.replace(FINGERPRINT, FINGERPRINT[:-3]), "a=fingerprint"),
        (without("a=setup"), "a=setup"),
        (BROWSER.replace("a=setup:actpass", "a=setup:holdconn"), "a=setup"),
        (BROWSER.replace("a=sctp-port:5001", "a=sctp-port:99999"), "a=sctp-port"),
        (BROWSER.replace("a=max-message-size:262144", "a=max-message-size:x"), "a=max-message-size"),
        (BROWSER.replace("SAVPF 111 ", "SAVPF 1x1 ").replace("rtpmap:111", "rtpmap:1x1"), "payload type"),
    ],
)
def test_what_nothing_can_come_of_is_refused_with_a_sentence(broken: str, sentence: str) -> None:
    with pytest.raises(InvalidOffer, match=re.escape(sentence)):
        read(broken)


@pytest.mark.parametrize(
    "candidate",
    [
        "",
        "1 1 udp",
        "1 2 udp 1 192.0.2.1 5000 typ host",
        "1 1 tcp 1 192.0.2.1 5000 typ host",
        "1 1 udp x 192.0.2.1 5000 typ host",
        "1 1 udp 99999999999 192.0.2.1 5000 typ host",
        "1 1 udp 1 example.org 5000 typ host",
        "1 1 udp 1 192.0.2.1 0 typ host",
        "1 1 udp 1 192.0.2.1 70000 typ host",
        "1 1 udp 1 192.0.2.1 5000 typ alien",
        "1 1 udp 1 192.0.2.1 53 typ host",
        "1 1 udp 1 10.0.0.1 443 typ host",
        "1 1 udp 1 224.0.0.251 5353 typ host",
        "1 1 udp 1 255.255.255.255 5000 typ host",
        "1 1 udp 1 240.0.0.1 5000 typ host",
        "1 1 udp 1 0.0.0.0 5000 typ host",
        "1 1 udp 1 :: 5000 typ host",
        "1 1 udp 1 ff02::fb 5353 typ host",
        "1 1 udp 1 ::ffff:127.0.0.1 5000 typ host",
        "1 1 udp 1 fe80::1%eth0 5000 typ host",
        "1 1 udp 1 3f1d8f1e-0000-4000-8000-000000000000.local 5000 typ host",
    ],
)
def test_candidates_that_lead_nowhere_are_passed_over(candidate: str) -> None:
    offer = BROWSER.replace("m=video", f"a=candidate:{candidate}\r\nm=video")
    assert read(offer).transport.candidates == read(BROWSER).transport.candidates


def test_candidates_are_limited() -> None:
    def candidates(*places: tuple[str, int]) -> list[str]:
        many = "".join(f"a=candidate:1 1 udp 1 {host} {port} typ host\r\n" for host, port in places)
        return list(read(BROWSER.replace("m=video", f"{many}m=video")).transport.candidates)

    assert len(candidates(*((f"192.0.2.{n}", 5000) for n in range(1, 200)))) == MAX_CANDIDATES
    assert len(candidates(*(("192.0.2.1", port) for port in range(2000, 3000)))) == 1 + MAX_PORTS


def test_what_else_is_said_about_a_candidate_is_left_out() -> None:
    offer = BROWSER.replace(
        "m=video", "a=candidate:1 1 udp 1 192.0.2.1 5000 typ srflx raddr x rport x generation x\r\nm=video"
    )
    assert read(offer).transport.candidates[-1] == "1 1 udp 1 192.0.2.1 5000 typ srflx"


@given(data=st.data())
def test_whatever_is_broken_is_refused_and_no_worse(data: st.DataObject) -> None:
    lines = BROWSER.split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(1, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "cut", "noise"]))
        line = lines[at]
        if change == "drop":
            del lines[at]
        elif change == "double":
            lines.insert(at, line)
        elif change == "cut":
            lines[at] = line[: data.draw(st.integers(0, len(line)))]
        else:
            lines[at] = line[:2] + data.draw(st.binary(max_size=20)).decode("latin-1")
    try:
        description = read("\r\n".join(lines))
    except InvalidOffer:
        return
    answered = sdp.answer(description, OURS, SOURCE, max_message=1000, dtx=False)
    assert sdp.read(answered, InvalidAnswer).voice.payload_type == description.voice.payload_type
