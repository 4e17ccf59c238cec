"""What packets of SCTP (RFC 9260) may hold before anything in them is read.

aiortc reads whatever it is given. A parameter that says it has no length would keep it busy for ever, and a
few bytes can ask for hundreds of answers; no SCTP stack sends such packets.
"""

from struct import Struct

COMMON_HEADER_BYTES = 12
MAX_CONTROL_CHUNKS = 8
"""Of one packet: whatever is no data, and may have to be answered."""
MAX_PARAMETERS = 32
"""Of one chunk; the beginning of an association has about ten."""
MAX_RESETS = 2
"""Parameters of one RE-CONFIG chunk (RFC 6525, section 3.1)."""

_DATA, _RECONFIG = 0, 130
_HEADER = Struct("!BBH")
_PARAMETER = Struct("!HH")
PARAMETERS_AT = {1: 20, 2: 20, 4: 4, 5: 4, 6: 4, 9: 4, _RECONFIG: 4}
"""Where the parameters begin in chunks that have some: INIT, INIT ACK, HEARTBEAT, HEARTBEAT ACK, ABORT, ERROR
and RE-CONFIG."""


def are_sound(packet: bytes) -> bool:
    """Whether the lengths in a packet add up, and it asks for no more than packets do."""
    at, end, control = COMMON_HEADER_BYTES, len(packet), 0
    while at + _HEADER.size <= end:
        kind, _, length = _HEADER.unpack_from(packet, at)
        if length < _HEADER.size or at + length > end:
            return False
        if kind != _DATA:
            control += 1
            if control > MAX_CONTROL_CHUNKS:
                return False
            begin = PARAMETERS_AT.get(kind)
            most = MAX_RESETS if kind == _RECONFIG else MAX_PARAMETERS
            if begin is not None and not _are_parameters(packet, at + begin, at + length, most):
                return False
        at += -(-length // 4) * 4
    return True


def _are_parameters(packet: bytes, at: int, end: int, most: int) -> bool:
    while at + _PARAMETER.size <= end:
        _, length = _PARAMETER.unpack_from(packet, at)
        most -= 1
        if length < _PARAMETER.size or most < 0:
            return False
        at += -(-length // 4) * 4
    return True
