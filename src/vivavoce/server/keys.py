"""Who may come in: the server's API keys, and where a caller shows one (behaviour reference, 1.2)."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence

from starlette.datastructures import Headers

from vivavoce.protocol import Error, errors

KEY_SUBPROTOCOL = "openai-insecure-api-key."
"""How a browser, which cannot set headers on a WebSocket, carries its key."""


class ApiKeys:
    """The keys that open this server.

    Only their digests are kept, so that no log, error or debugger can print a key. Without any key everybody
    is let in; `vivavoce serve` allows that on loopback addresses only.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._digests = tuple({_digest(key): None for key in keys})

    def __len__(self) -> int:
        return len(self._digests)

    def __repr__(self) -> str:
        return f"ApiKeys({len(self)} keys)"

    def admit(self, key: str) -> bool:
        """Whether `key` is one of them. Takes the same time whichever one it is, or none."""
        digest = _digest(key)
        found = False
        for known in self._digests:
            found |= hmac.compare_digest(digest, known)
        return found

    def owner(self, key: str | None) -> str | None:
        """What to call the holder of `key` in limits and logs: the head of its digest. None for a key that is
        none of them."""
        return None if key is None or not self.admit(key) else _name(_digest(key))

    def knows(self, who: str | None) -> bool:
        """Whether `who` is what the holder of one of the keys is called; None is, where nobody needs one."""
        return who in {_name(digest) for digest in self._digests} if self._digests else who is None

    def refusal(self, key: str | None) -> Error | None:
        """The error object for a caller who showed `key`, or None if the caller may come in."""
        if not self._digests:
            return None
        if key is None:
            return errors.missing_authentication()
        return None if self.admit(key) else errors.invalid_api_key(errors.mask_key(key))


def presented_key(headers: Headers, subprotocols: Sequence[str] = ()) -> str | None:
    """The key that a caller shows: as a bearer token, in Azure's `api-key` header, or in a subprotocol's
    name.

    The first of these that is there counts. None if there is none.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if key := headers.get("api-key"):
        return key
    for name in subprotocols:
        if name.startswith(KEY_SUBPROTOCOL) and len(name) > len(KEY_SUBPROTOCOL):
            return name.removeprefix(KEY_SUBPROTOCOL)
    return None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _name(digest: bytes) -> str:
    return f"key-{digest.hex()[:8]}"
