"""Settings of ICE, and what becomes of them: addresses, ports, what is advertised."""

import asyncio
import socket

import pytest

from tests.rtc.ends import End, call
from vivavoce.rtc import IceServer, IceSettings, NoCandidates, Peer, rtp


def candidates(sdp: str) -> list[list[str]]:
    lines = sdp.partition("m=application")[0].splitlines()
    return [line.split() for line in lines if line.startswith("a=candidate:")]


async def offered(settings: IceSettings) -> list[list[str]]:
    peer = Peer(End(), ice=settings)
    try:
        return candidates(await peer.offer())
    finally:
        await peer.aclose()


async def test_only_configured_addresses_are_told() -> None:
    told = await offered(IceSettings(addresses=("127.0.0.1", "::1")))
    assert sorted(words[4] for words in told) == ["127.0.0.1", "::1"]


async def test_calls_run_over_ipv6() -> None:
    caller, callee = End(), End()
    async with call(caller, callee, ice=IceSettings(addresses=("::1",))) as (calling, _):
        calling.send("over six")
        await callee.until(lambda: callee.messages == ["over six"])


async def test_ports_are_those_of_the_range_until_they_are_exhausted() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    one = IceSettings(addresses=("127.0.0.1",), ports=(port, port))
    first, second = Peer(End(), ice=one), Peer(End(), ice=one)
    assert [int(words[5]) for words in candidates(await first.offer())] == [port]
    with pytest.raises(NoCandidates, match=f"All UDP ports from {port} to {port} of 127.0.0.1 are taken"):
        await second.offer()
    await second.aclose()
    await first.aclose()
    assert [int(words[5]) for words in await offered(one)] == [port]


async def test_public_addresses_are_told_in_place_of_the_machines_own() -> None:
    settings = IceSettings(addresses=("127.0.0.1", "::1"), advertise=("192.0.2.1", "198.51.100.1"))
    told = await offered(settings)
    assert sorted(words[4] for words in told) == ["192.0.2.1", "198.51.100.1", "::1"]


async def test_a_machine_without_any_of_the_addresses_cannot_be_reached() -> None:
    with pytest.raises(NoCandidates, match="no address that calls can reach"):
        await offered(IceSettings(addresses=("192.0.2.1",)))


@pytest.mark.parametrize(
    ("url", "scheme", "address", "transport"),
    [
        ("stun:example.org", "stun", ("example.org", 3478), "udp"),
        ("stun:[::1]:19302", "stun", ("::1", 19302), "udp"),
        ("turn:192.0.2.1:1234", "turn", ("192.0.2.1", 1234), "udp"),
        ("turn:example.org?transport=tcp", "turn", ("example.org", 3478), "tcp"),
        ("turns:example.org", "turns", ("example.org", 5349), "tcp"),
    ],
)
def test_urls_of_servers_are_read(url: str, scheme: str, address: tuple[str, int], transport: str) -> None:
    server = IceServer(url=url, username="me", credential="secret-credential")
    assert (server.scheme, server.address, server.transport) == (scheme, address, transport)
    assert "secret-credential" not in repr(server)
    assert "secret-credential" not in repr(IceSettings(servers=(server,)))


@pytest.mark.parametrize(
    "url", ["", "stun:", "http://example.org", "turn:example.org:99999", "turn:a?transport=sctp", "stun:a:b"]
)
def test_urls_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not the URL"):
        IceServer(url=url, username="me", credential="x")


def test_servers_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="username and a credential"):
        IceServer(url="turn:example.org")
    with pytest.raises(ValueError, match="no transport"):
        IceServer(url="stun:example.org?transport=udp")
    with pytest.raises(ValueError, match="TCP alone"):
        IceServer(url="turns:example.org?transport=udp", username="me", credential="x")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"addresses": ("localhost",)}, "localhost"),
        ({"advertise": ("example.org",)}, "example.org"),
        ({"ports": (5000, 4000)}, "first and the last"),
        ({"ports": (0, 10)}, "first and the last"),
        ({"relay_only": True}, "needs a TURN server"),
        ({"connect_s": 0.0}, "above 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IceSettings(**settings)  # type: ignore[arg-type]


async def test_a_socket_that_is_gone_ends_a_call_without_a_fault() -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    for closes in (True, False):
        caller, callee = End(hertz=440), End()
        async with call(caller, callee) as (calling, _):
            assert calling._transport is not None
            for protocol in calling._transport._ice._protocols:
                protocol.transport.abort()
            await asyncio.sleep(0)
            if closes:
                await calling.aclose()
            else:
                calling._transport.send_control(rtp.write_bye(1))
                await caller.until(lambda caller=caller: len(caller.log) > 2)
                assert caller.log[2].startswith("lost")
    assert faults == []
