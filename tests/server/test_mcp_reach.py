"""Which MCP servers sessions may reach."""

import ipaddress
import socket
import subprocess
import sys

import pytest

from vivavoce.engines.registry import ConfigurationError
from vivavoce.server.config import McpSettings, parse
from vivavoce.server.mcp.reach import Reach, Refused, is_public

ANYWHERE = McpSettings()
HOME = McpSettings(allow_private=True, allow_http=True)


@pytest.mark.parametrize(
    ("settings", "url", "words"),
    [
        (ANYWHERE, "https://mcp.example/mcp?x=1", None),
        (ANYWHERE, "https://mcp.example.:8443", None),
        (ANYWHERE, "https://8.8.8.8/mcp", None),
        (ANYWHERE, "https://[2001:4860:4860::8888]/mcp", None),
        (ANYWHERE, "http://mcp.example/mcp", "https only"),
        (ANYWHERE, "ftp://mcp.example", "expected a URL"),
        (ANYWHERE, "mcp.example", "expected a URL"),
        (ANYWHERE, "https://", "expected a URL"),
        (ANYWHERE, "https://a:b", "expected a URL"),
        (ANYWHERE, "https://a:0", "expected a URL"),
        (ANYWHERE, "https://[::1", "expected a URL"),
        (ANYWHERE, "https://mcp.example/\n", "expected a URL"),
        (ANYWHERE, "https://user:secret@mcp.example", "user name"),
        (ANYWHERE, "https://mcp.example/" + "x" * 2048, "at most 2048"),
        (ANYWHERE, "https://127.0.0.1/mcp", "loopback"),
        (ANYWHERE, "https://[::1]/mcp", "loopback"),
        (ANYWHERE, "https://[::ffff:10.0.0.1]/mcp", "loopback"),
        (ANYWHERE, "https://169.254.169.254/latest", "loopback"),
        (ANYWHERE, "https://LOCALHOST/mcp", "loopback"),
        (ANYWHERE, "https://a.localhost/mcp", "loopback"),
        (HOME, "http://127.0.0.1:8000/mcp", None),
        (McpSettings(allow_http=True), "http://127.0.0.1:8000/mcp", "loopback"),
        (McpSettings(allow_private=True), "http://127.0.0.1:8000/mcp", "https only"),
        (McpSettings(allowed_hosts=()), "https://mcp.example/mcp", "allows no MCP servers"),
        (McpSettings(allowed_hosts=("*.example",)), "https://mcp.example/mcp", None),
        (McpSettings(allowed_hosts=("*.example",)), "https://example/mcp", "does not allow this host"),
        (McpSettings(allowed_hosts=("*.example",)), "https://badexample/mcp", "does not allow this host"),
        (McpSettings(allowed_hosts=("Mcp.Example",)), "https://mcp.EXAMPLE/mcp", None),
        (McpSettings(allowed_hosts=("mcp.example",)), "https://a.mcp.example/mcp", "not allow this host"),
    ],
)
def test_what_a_client_may_name(settings: McpSettings, url: str, words: str | None) -> None:
    complaint = Reach(settings).complaint(url)
    assert (complaint is None) if words is None else (complaint is not None and words in complaint)
    assert complaint is None or "secret" not in complaint


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2002:a00:1::", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize("missing", ["mcp", "httpx2"])
def test_without_the_packages(missing: str) -> None:
    """Nothing of the server needs them before a session names an MCP server, and then it says so."""
    program = f"""
import sys
sys.modules[{missing!r}] = None
from vivavoce.server.config import McpSettings
from vivavoce.server.mcp.reach import Reach
import vivavoce.server.application, vivavoce.server.runner
print(Reach(McpSettings()).complaint("https://mcp.example/mcp"))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == 'this server lacks the package for MCP: pip install "vivavoce[mcp]".\n'


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "localhost"])
async def test_what_counts_is_what_a_name_resolves_to(host: str) -> None:
    with pytest.raises(Refused, match="loopback"):
        await Reach(ANYWHERE).addresses("https", host, 443)
    assert "127.0.0.1" in await Reach(HOME).addresses("http", host, 80)


async def test_a_name_that_does_not_resolve() -> None:
    with pytest.raises(socket.gaierror):
        await Reach(ANYWHERE).addresses("https", "nobody.invalid", 443)


async def test_the_rules_hold_when_a_connection_is_made_too() -> None:
    with pytest.raises(Refused, match="https only"):
        await Reach(ANYWHERE).addresses("http", "8.8.8.8", 80)
    with pytest.raises(Refused, match="does not allow"):
        await Reach(McpSettings(allowed_hosts=("mcp.example",))).addresses("https", "8.8.8.8", 443)


@pytest.mark.parametrize("host", ["*", "mcp.example.com", "*.example.com", "10.0.0.1", "::1", "my_host"])
def test_hosts_that_can_be_configured(host: str) -> None:
    assert parse(f"[mcp]\nallowed_hosts = ['{host}']").mcp.allowed_hosts == (host,)


@pytest.mark.parametrize("host", ["", "https://a.example", "a.example:80", "a.example/mcp", "a.*.com", "a b"])
def test_hosts_that_cannot_be_configured(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^mcp\.allowed_hosts: expected host names like"):
        parse(f"[mcp]\nallowed_hosts = ['{host}']")
