"""`client.webhooks`: whether a message to a program's own URL really comes from the server.

The signatures are those of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over
`{webhook-id}.{webhook-timestamp}.{body}`, base64, one or several in `webhook-signature`.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable
from typing import Protocol

import msgspec
import pybase64

from vivavoce.client.errors import ConfigurationError, InvalidWebhook, InvalidWebhookSignatureError
from vivavoce.protocol.webhooks import RealtimeCallIncoming, UnknownWebhook

TOLERANCE = 300
"""Seconds that a message may be old, or ahead of this machine's clock."""

MAX_BYTES = 1024 * 1024
"""The largest message that is taken. That of a call has a few kilobytes."""


class HeadersLike(Protocol):
    """A request's headers as any web framework has them: names in whatever case, and values."""

    def items(self) -> Iterable[tuple[str, str]]: ...


class Webhooks:
    """What the server posts to a program's own URL.

    - secret: `whsec_…`, shown where the URL was registered; or any other text, whose UTF-8 is the key.
    """

    def __init__(self, secret: str | None) -> None:
        self._secret = secret

    def unwrap(
        self,
        payload: str | bytes,
        headers: HeadersLike,
        *,
        secret: str | None = None,
        tolerance: int = TOLERANCE,
    ) -> RealtimeCallIncoming | UnknownWebhook:
        """The event of a message whose signature is right; an UnknownWebhook if its type or shape is not
        known.

        Raises what `verify_signature` does, and InvalidWebhook for what is no event.
        """
        self.verify_signature(payload, headers, secret=secret, tolerance=tolerance)
        try:
            return _decoder.decode(payload)
        except (ValueError, RecursionError):
            pass
        try:
            kind = _kind_decoder.decode(payload).type
        except (ValueError, RecursionError):
            raise InvalidWebhook(
                "The webhook is signed, but no event: it is not a JSON object with a string as its 'type'."
            ) from None
        return UnknownWebhook(type=kind, raw=payload.encode() if isinstance(payload, str) else bytes(payload))

    def verify_signature(
        self,
        payload: str | bytes,
        headers: HeadersLike,
        *,
        secret: str | None = None,
        tolerance: int = TOLERANCE,
    ) -> None:
        """Make sure that a message was signed with the secret, not longer ago than `tolerance` seconds.

        - payload: the body exactly as it came: JSON that was read and written again has another signature.
        - headers: of the request.
        - secret: instead of the client's.

        Raises ConfigurationError without a secret, InvalidWebhook for a message without its headers or with
        more than 1 MiB, and InvalidWebhookSignatureError.
        """
        secret = self._secret if secret is None else secret
        if not secret:
            raise ConfigurationError(
                "The webhook secret must either be set using the env var, OPENAI_WEBHOOK_SECRET, on the "
                "client class, OpenAI(webhook_secret='123'), or passed to this function"
            )
        found = {name.lower(): value for name, value in headers.items()}
        signatures, timestamp, message_id = (
            _required(found, f"webhook-{name}") for name in ("signature", "timestamp", "id")
        )
        _refuse_unless_fresh(timestamp, tolerance)
        body = payload.encode() if isinstance(payload, str) else payload
        if len(body) > MAX_BYTES:
            raise InvalidWebhook(f"The webhook has {len(body)} bytes: more than {MAX_BYTES} are not taken.")
        signed = b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)
        expected = pybase64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256))
        offered = [each.removeprefix("v1,").encode() for each in signatures.split()]
        if not any(hmac.compare_digest(expected, each) for each in offered):
            raise InvalidWebhookSignatureError(
                "The given webhook signature does not match the expected signature"
            )

    def __repr__(self) -> str:
        return f"Webhooks({'…' if self._secret else self._secret!r})"


class _Kind(msgspec.Struct):
    type: str


_decoder = msgspec.json.Decoder(RealtimeCallIncoming)
_kind_decoder = msgspec.json.Decoder(_Kind)


def _required(headers: dict[str, str], name: str) -> str:
    value = headers.get(name)
    if value is None:
        raise InvalidWebhook(f"Could not find {name} header")
    return value


def _refuse_unless_fresh(timestamp: str, tolerance: int) -> None:
    try:
        sent_at = int(timestamp)
    except ValueError:
        raise InvalidWebhookSignatureError("Invalid webhook timestamp format") from None
    now = int(time.time())
    if now - sent_at > tolerance:
        raise InvalidWebhookSignatureError("Webhook timestamp is too old")
    if sent_at > now + tolerance:
        raise InvalidWebhookSignatureError("Webhook timestamp is too new")


def _key(secret: str) -> bytes:
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return pybase64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ConfigurationError(
            "The webhook secret is damaged: what follows whsec_ is not base64. Copy it again, whole."
        ) from None
