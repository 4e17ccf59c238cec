"""Where the other end says that it can be reached (RFC 8839, section 5.1), and what of that is tried.

Whoever writes a description makes this end send packets to all that it names. So it sends none to what cannot
be an end of a call, and few to any address (RFC 8445, section 19.5.1).
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

MAX_CANDIDATES = 32
"""Addresses and ports of the other end that are tried."""
MAX_PORTS = 8
"""Ports of one address among them."""

_NUMBER = re.compile(r"[0-9]{1,10}")


def reachable(candidates: Iterable[str]) -> tuple[str, ...]:
    """The candidates, as RFC 8839 writes them, that may lead to the other end: without what else is said
    about them, and no more than limits allow."""
    return tuple(islice(_within(candidates), MAX_CANDIDATES))


def _within(candidates: Iterable[str]) -> Iterator[str]:
    tried = Counter[str]()
    for words in map(str.split, candidates):
        if len(words) >= 8 and _is_reachable(*words[:8]):
            tried[words[4]] += 1
            if tried[words[4]] <= MAX_PORTS:
                yield " ".join(words[:8])


def _is_reachable(
    _: str, component: str, protocol: str, priority: str, host: str, port: str, typ: str, kind: str
) -> bool:
    """Whether packets can be sent there: over UDP, to an address that is written out and can be somebody's.

    Browsers hide their addresses behind names of multicast DNS until the user lets them at the microphone.
    Those are passed over: such a peer is found when its own checks arrive. Nobody calls from the ports of
    other services; browsers do not try them either.
    """
    if component != "1" or protocol.lower() != "udp" or typ != "typ":
        return False
    if not (_NUMBER.fullmatch(priority) and _NUMBER.fullmatch(port)):
        return False
    if int(priority) >= 2**32 or kind not in ("host", "srflx", "prflx", "relay"):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.scope_id):
        return False
    if address.is_multicast or address.is_unspecified or (address.version == 4 and address.is_reserved):
        return False
    number = int(port)
    return 1024 <= number < 65_536 or (number in (80, 443) and not address.is_private)


def may_lead_there(host: str, own: Iterable[str]) -> bool:
    """Whether a candidate's address leads to the other end from one's `own` addresses: a loopback or
    link-local one does only where there is one among those, too. Elsewhere it leads to what a machine keeps
    to itself."""
    address, mine = ipaddress.ip_address(host), [ipaddress.ip_address(each) for each in own]
    if address.is_loopback:
        return any(each.is_loopback for each in mine)
    return not address.is_link_local or any(each.is_link_local for each in mine)
