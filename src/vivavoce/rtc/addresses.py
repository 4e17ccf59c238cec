"""What this machine is called on its networks."""

from aioice.ice import get_host_addresses

LOOPBACK = "127.0.0.1"


def machine_addresses() -> tuple[str, ...]:
    """The addresses that this machine has now, IPv4 and IPv6, but for loopback and what holds on one link
    alone."""
    return tuple(get_host_addresses(use_ipv4=True, use_ipv6=True))
