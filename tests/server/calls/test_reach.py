"""At which addresses the media of calls arrives."""

import ipaddress

import pytest

from vivavoce.engines.registry import ConfigurationError
from vivavoce.rtc import machine_addresses
from vivavoce.server.calls.reach import Reach
from vivavoce.server.config import Config, ServerSettings, WebRTCSettings, parse

SECRET = "a-turn-credential"


def reach(host: str = "127.0.0.1", **webrtc: object) -> Reach:
    return Reach(Config(server=ServerSettings(host=host), webrtc=WebRTCSettings(**webrtc)))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_browser_on_the_same_machine_reaches_it(host: str):
    addresses = reach(host).addresses
    assert addresses[0] == "127.0.0.1" or ipaddress.ip_address(addresses[0]).is_loopback
    assert set(machine_addresses()) <= set(addresses)
    assert len(set(addresses)) == len(addresses)


def test_one_address():
    assert reach("192.0.2.7").addresses == ("192.0.2.7",)


def test_ipv6():
    assert reach("::1").addresses[0] == "::1"
    assert reach("2001:db8::1").addresses == ("2001:db8::1",)


def test_a_name_that_is_unknown():
    assert "127.0.0.1" in reach("nowhere.invalid").addresses


def test_what_is_configured():
    config = parse(
        f"""
        [webrtc]
        addresses = ["10.0.0.5"]
        advertise = ["203.0.113.7"]
        ports = [40000, 40999]
        connect_timeout_s = 5
        consent_timeout_s = 7

        [[webrtc.ice_servers]]
        url = "turn:turn.example.com:3478?transport=tcp"
        username = "vivavoce"
        credential = "{SECRET}"

        [[webrtc.ice_servers]]
        url = "stun:stun.example.com"
        """
    )
    settings = Reach(config).settings()
    assert settings.addresses == ("10.0.0.5",)
    assert settings.advertise == ("203.0.113.7",)
    assert settings.ports == (40000, 40999)
    assert (settings.connect_s, settings.consent_s) == (5, 7)
    assert [server.url for server in settings.servers] == [
        "turn:turn.example.com:3478?transport=tcp",
        "stun:stun.example.com",
    ]
    assert settings.servers[0].credential == SECRET
    assert str(Reach(config)) == "10.0.0.5 (told as 203.0.113.7), UDP ports 40000 to 40999"


def test_credentials_are_shown_nowhere():
    config = parse(
        f'[[webrtc.ice_servers]]\nurl = "turn:localhost"\nusername = "u"\ncredential = "{SECRET}"\n'
    )
    assert SECRET not in repr(config)
    assert SECRET not in repr(Reach(config).settings())
    assert SECRET not in str(Reach(config))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('addresses = ["nowhere"]', "webrtc: 'nowhere'"),
        ("ports = [40999, 40000]", "webrtc: ports"),
        ("ports = [1]", "webrtc.ports"),
        ("ports = [0, 10]", "webrtc.ports"),
        ('advertise = ["example.com"]', "webrtc: 'example.com'"),
        ("relay_only = true", "webrtc: relay_only needs a TURN server"),
        ('ice_servers = [{url = "http://x"}]', "webrtc: 'http://x'"),
        ('ice_servers = [{url = "turn:x", username = "u"}]', "webrtc: 'turn:x'"),
        ("max_offer_bytes = 10", "webrtc.max_offer_bytes"),
        ("nonsense = 1", "webrtc.nonsense"),
    ],
)
def test_what_cannot_be(text: str, sentence: str):
    with pytest.raises(ConfigurationError) as caught:
        Reach(parse(f"[webrtc]\n{text}\n", source="vivavoce.toml"))
    assert "vivavoce.toml: " in str(caught.value)
    assert sentence in str(caught.value)


def test_a_wrong_credential_is_not_in_the_error():
    text = f'[webrtc]\nice_servers = [{{url = "turn:x:99999", username = "u", credential = "{SECRET}"}}]\n'
    with pytest.raises(ConfigurationError) as caught:
        Reach(parse(text))
    assert SECRET not in str(caught.value)
