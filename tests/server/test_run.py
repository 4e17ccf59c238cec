"""Addresses: what may be served without a key, and where a server can be reached."""

import socket
from pathlib import Path

import pytest

from vivavoce.engines.registry import ConfigurationError
from vivavoce.server.config import ServerSettings
from vivavoce.server.run import Listening, bind, check_address, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_alone_needs_no_key(host: str):
    assert is_loopback(host)
    check_address(ServerSettings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "no.invalid"])
def test_others_do(host: str):
    assert not is_loopback(host)
    with pytest.raises(ConfigurationError, match="would let anybody in"):
        check_address(ServerSettings(host=host))
    check_address(ServerSettings(host=host, api_keys=("sk-1",)))
    check_address(ServerSettings(host=host, key_file="keys.toml"))


@pytest.mark.parametrize(
    ("listening", "url", "base_url"),
    [
        (
            Listening("127.0.0.1", 8000, False, None),
            "ws://127.0.0.1:8000/v1/realtime",
            "http://127.0.0.1:8000/v1",
        ),
        (
            Listening("0.0.0.0", 443, True, Path("c.pem")),
            "wss://127.0.0.1:443/v1/realtime",
            "https://127.0.0.1:443/v1",
        ),
        (Listening("::", 80, False, None), "ws://[::1]:80/v1/realtime", "http://[::1]:80/v1"),
        (Listening("::1", 80, False, None), "ws://[::1]:80/v1/realtime", "http://[::1]:80/v1"),
    ],
)
def test_where_it_can_be_reached(listening: Listening, url: str, base_url: str):
    assert listening.websocket_url == url
    assert listening.base_url == base_url


def test_a_bound_socket_lets_nobody_wait():
    with bind("localhost", 0) as listener:
        address = listener.getsockname()
        assert address[0] == "127.0.0.1"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)


def test_an_address_that_is_not_ours():
    with pytest.raises(ConfigurationError, match=r"cannot serve on 192\.0\.2\.1:0: "):
        bind("192.0.2.1", 0)
