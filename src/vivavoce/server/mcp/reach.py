"""Which MCP servers sessions may reach.

Clients choose the addresses, so a server that follows them blindly would open its own network to them. A
name is judged when it is given and, by the addresses that it resolves to, whenever a connection is made to
one of just these: a name that resolves to something else afterwards gains nothing.
"""

import asyncio
import importlib.util
import ipaddress
import socket
from functools import cache
from urllib.parse import urlsplit

from vivavoce.server.config import McpSettings

MAX_URL_CHARACTERS = 2048
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(Exception):
    """The server must not be reached; says why, in a sentence for the client."""


class Reach:
    """The rules of `[mcp]`."""

    def __init__(self, settings: McpSettings) -> None:
        self._hosts = tuple(host.lower().rstrip(".") for host in settings.allowed_hosts)
        self._private = settings.allow_private
        self._http = settings.allow_http

    def complaint(self, url: str) -> str | None:
        """Why a session may not name this server: a sentence, None if it may. Asks no other machine."""
        if not self._hosts:
            return "the configuration of this server allows no MCP servers (mcp.allowed_hosts)."
        if not is_installed():
            return 'this server lacks the package for MCP: pip install "vivavoce[mcp]".'
        if len(url) > MAX_URL_CHARACTERS:
            return f"expected a URL of at most {MAX_URL_CHARACTERS} characters."
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return "expected a URL like 'https://mcp.example/mcp'."
        if parts.scheme not in ("http", "https") or not host or port == 0 or not url.isprintable():
            return "expected a URL like 'https://mcp.example/mcp'."
        if parts.username is not None or parts.password is not None:
            return "a URL must not hold a user name or a password; use 'authorization' or 'headers'."
        try:
            self.check(parts.scheme, host)
        except Refused as refused:
            return str(refused)
        return None

    def check(self, scheme: str, host: str) -> None:
        """Raises Refused for a host that is not allowed, as far as its name tells."""
        host = host.lower().rstrip(".")
        if scheme != "https" and not self._http:
            raise Refused("this server reaches MCP servers over https only.")
        if not any(_fits(host, pattern) for pattern in self._hosts):
            raise Refused("the configuration of this server does not allow this host (mcp.allowed_hosts).")
        if self._private:
            return
        address = _address(host)
        if host == "localhost" or host.endswith(".localhost") or (address and not is_public(address)):
            raise Refused(_PRIVATE)

    async def addresses(self, scheme: str, host: str, port: int) -> list[str]:
        """The addresses of a host that may be connected to, best first. Raises Refused if there are none,
        OSError if the name does not resolve."""
        self.check(scheme, host)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        names = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self._private:
            names = [name for name in names if (address := _address(name)) and is_public(address)]
        if not names:
            raise Refused(_PRIVATE)
        return names


_PRIVATE = "this server does not reach loopback, link-local or private addresses."


@cache
def is_installed() -> bool:
    """Whether the packages of `vivavoce[mcp]` are there."""
    return all(importlib.util.find_spec(name) is not None for name in ("mcp", "httpx2"))


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether anybody on the Internet could have this address: the address inside counts for one that holds
    another."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _fits(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return pattern in ("*", host)
