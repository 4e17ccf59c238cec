"""Client secrets: short-lived keys for browsers that carry what their sessions begin with (8.3).

A secret is a token that this server encrypts and authenticates (AES-256-GCM) and keeps no record of, so
that every process with the same `secret_key` takes it, also after a restart. Nobody else can read or change
it: the session's configuration may hold what a browser must not see, such as a tool's authorization.

    ek_ base64url( version, 1 byte | nonce, 12 bytes | ciphertext and tag )

The plain text is one byte that tells whether the rest is compressed, then a `Grant` as MessagePack.
"""

import hashlib
import hmac
import logging
import secrets
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from vivavoce.protocol import Error, InvalidEvent, errors
from vivavoce.protocol.beta import Extras
from vivavoce.protocol.dialects import DialectName
from vivavoce.protocol.sessions import (
    RealtimeSessionParams,
    TranscriptionSessionParams,
    TranslationSessionParams,
)
from vivavoce.server import refusals
from vivavoce.server.opening import InitialParams, SessionKind

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

logger = logging.getLogger(__name__)

PREFIX = "ek_"

MAX_CHARACTERS = 7680
"""Longest secret: it travels in a header, of which `websockets`, nginx and others take 8 KiB."""

MAX_PLAIN_BYTES = 1024 * 1024
"""Most that a secret unpacks to."""

_VERSION = 1
_NONCE_BYTES = 12
_COMPRESS_FROM = 256
_PLAIN, _DEFLATED = b"\0", b"\1"


class Grant(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a client secret entitles to: sessions of one kind, until it expires."""

    kind: SessionKind
    dialect: DialectName = "ga"
    """Whose shape the secret was asked for in, and the only one in which it opens sessions (R1.3.2)."""
    model: str | None = None
    """None: whoever opens a session names one."""
    who: str | None = None
    """The name of the key that it was made with."""
    safety_identifier: str | None = None
    """Whose sessions they are, in words that mean something only to the application."""
    expires_at: int = 0
    """Unix seconds."""
    configuration: bytes = b""
    """The params of the session as JSON; empty for none."""
    extras: Extras | None = None
    """What was asked for beside them, in the beta dialect."""

    def __repr__(self) -> str:
        return f"Grant({self.kind!r}, {self.dialect!r}, {self.model!r}, expires_at={self.expires_at})"

    def wishing(self, params: InitialParams | None) -> "Grant":
        """The same with the params of its sessions."""
        configuration = b"" if params is None else msgspec.json.encode(params)
        return msgspec.structs.replace(self, configuration=configuration)

    @property
    def params(self) -> InitialParams | None:
        """What its sessions begin with. Raises ValueError for words of another version of this server."""
        if not self.configuration:
            return None
        return msgspec.json.decode(self.configuration, type=_PARAMS[self.kind])


_PARAMS: dict[SessionKind, type[InitialParams]] = {
    "realtime": RealtimeSessionParams,
    "transcription": TranscriptionSessionParams,
    "translation": TranslationSessionParams,
}


class ClientSecrets:
    """Makes client secrets and reads them.

    `secret_key`: what they are encrypted with. Without one it is random, and the secrets are of no use to
    another process or after a restart.
    """

    def __init__(self, secret_key: str | None = None) -> None:
        self._key = secret_key.encode() if secret_key else secrets.token_bytes(32)
        self._warn = not secret_key

    def __repr__(self) -> str:
        return "ClientSecrets()"

    def mint(self, grant: Grant, seconds: int, now: float) -> tuple[str, int]:
        """A secret that is good for so many seconds, and when it expires (unix seconds).

        Raises InvalidEvent for a session whose configuration is too long to travel in a header.
        """
        if self._warn:
            self._warn = False
            logger.warning(
                "client secrets are encrypted with a key of this process: no other worker takes them, and "
                "none outlives a restart. Set server.secret_key or VIVAVOCE_SECRET_KEY."
            )
        expires_at = int(now) + seconds
        packed = msgspec.msgpack.encode(msgspec.structs.replace(grant, expires_at=expires_at))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        head = bytes([_VERSION])
        sealed = self._cipher.encrypt(nonce, _compressed(packed), head)
        value = PREFIX + urlsafe_b64encode(head + nonce + sealed).rstrip(b"=").decode()
        if len(packed) >= MAX_PLAIN_BYTES or len(value) > MAX_CHARACTERS:
            raise InvalidEvent(refusals.session_too_long(MAX_CHARACTERS, len(value)))
        return value, expires_at

    def read(self, value: str, now: float) -> Grant | Error:
        """What a secret entitles to, or why it is refused: made by nobody here, changed, or expired."""
        grant = self._decrypted(value)
        if grant is None:
            return errors.invalid_api_key(errors.mask_key(value))
        if now >= grant.expires_at:
            return refusals.expired_secret(errors.mask_key(value))
        return grant

    @cached_property
    def _cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # loaded by servers that need it

        # The configured key may have any length, and may have been chosen by a person.
        return AESGCM(hmac.digest(self._key, b"vivavoce client secret 1", hashlib.sha256))

    def _decrypted(self, value: str) -> Grant | None:
        from cryptography.exceptions import InvalidTag

        if not value.startswith(PREFIX) or len(value) > MAX_CHARACTERS:
            return None
        try:
            token = urlsafe_b64decode(value.removeprefix(PREFIX) + "==")
            head, nonce, sealed = token[:1], token[1 : 1 + _NONCE_BYTES], token[1 + _NONCE_BYTES :]
            if head != bytes([_VERSION]):
                return None
            grant = msgspec.msgpack.decode(_expanded(self._cipher.decrypt(nonce, sealed, head)), type=Grant)
            _ = grant.params  # which must be words that this version knows
        except (InvalidTag, ValueError, zlib.error):
            return None
        return grant


def _compressed(packed: bytes) -> bytes:
    if len(packed) >= _COMPRESS_FROM:
        deflated = zlib.compress(packed, 9)
        if len(deflated) < len(packed):
            return _DEFLATED + deflated
    return _PLAIN + packed


def _expanded(plain: bytes) -> bytes:
    if plain[:1] == _PLAIN:
        return plain[1:]
    return zlib.decompressobj().decompress(plain[1:], MAX_PLAIN_BYTES)
