"""Who may come in: the server's API keys, and where a caller shows one (behaviour reference, 1.2)."""

import hashlib
import hmac
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from starlette.datastructures import Headers

from vivavoce.engines.registry import ConfigurationError
from vivavoce.protocol import Error, errors
from vivavoce.server.key_file import read_keys
from vivavoce.server.limits import UNLIMITED, KeyLimits

logger = logging.getLogger(__name__)

KEY_SUBPROTOCOL = "openai-insecure-api-key."
"""How a browser, which cannot set headers on a WebSocket, carries its key."""


class ApiKeys:
    """The keys that open this server: those given as they are, and those of a key file.

    Only their digests are kept, so that no log, error or debugger can print a key. Without any key, and
    without a file of them, everybody is let in; `vivavoce serve` allows that on loopback addresses only.

    Raises ConfigurationError for a file that cannot be used.
    """

    def __init__(self, keys: Iterable[str] = (), file: str | None = None) -> None:
        self._given = {_digest(key): f"key-{_digest(key).hex()[:8]}" for key in keys}
        self._file = Path(file) if file else None
        self._names: dict[bytes, str] = {}
        self._limits: dict[str, KeyLimits] = {}
        self._read()

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"ApiKeys({len(self)} keys)"

    @property
    def needed(self) -> bool:
        """Whether callers must show one. A key file without keys lets nobody in."""
        return bool(self._names) or self._file is not None

    def reload(self) -> bool:
        """Read the key file again; if it cannot be used, everything stays as it is, and the log says why.
        Whether it was read."""
        try:
            self._read()
        except ConfigurationError as error:
            logger.error("the keys stay as they were: %s", error)
            return False
        logger.info("the server has %d keys now", len(self))
        return True

    def owner(self, key: str | None) -> str | None:
        """What to call the holder of `key` in limits and logs: its name in the file, or the head of its
        digest. None if it is none of the keys. Takes the same time whichever one it is, or none."""
        if key is None:
            return None
        digest = _digest(key)
        found = None
        for known, name in self._names.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found

    def knows(self, who: str | None) -> bool:
        """Whether `who` is what the holder of one of the keys is called; None is, where nobody needs one."""
        return who in self._limits if self.needed else who is None

    def limits(self, who: str | None) -> KeyLimits:
        """What the holder of this name may use."""
        return self._limits.get(who, UNLIMITED) if who is not None else UNLIMITED

    def refusal(self, key: str | None) -> Error | None:
        """The error object for a caller who showed `key`, or None if the caller may come in."""
        if not self.needed:
            return None
        if key is None:
            return errors.missing_authentication()
        return None if self.owner(key) else errors.invalid_api_key(errors.mask_key(key))

    def _read(self) -> None:
        filed = read_keys(self._file) if self._file is not None else {}
        names = self._given | {bytes.fromhex(key.sha256): name for name, key in filed.items()}
        self._limits = dict.fromkeys(names.values(), UNLIMITED) | {
            name: key.limits for name, key in filed.items()
        }
        self._names = names


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
