"""What went wrong with the endpoint, as the API's users are told, and whether trying again may help."""

import re
import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from vivavoce.protocol.generation import ResponseFailure

MAX_RETRY_DELAY_S = 8.0
_MAX_QUOTED = 300
"""Characters of the endpoint's own words that are repeated."""
_RETRYABLE = frozenset((408, 409, 425, 429))
_KEYS = re.compile(r"(?i)\b(?:sk|pk|rk|ak|gsk|xai)[-_][\w*.-]{4,}|\bbearer\s+\S+|[\w*-]*\*{3,}[\w*-]*")


class Trouble(Exception):
    """The endpoint did not answer as it should."""

    def __init__(
        self, failure: ResponseFailure, *, retryable: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        """How long the endpoint wants to be left alone."""


def broken(who: str, what: str, *, retryable: bool) -> Trouble:
    """A connection or an answer that is not what it should be. `who` is the kind of endpoint ("language
    model"), `what` follows its name."""
    return Trouble(ResponseFailure("server_error", None, f"The {who} endpoint {what}."), retryable=retryable)


def refused(
    who: str, status: int, headers: Mapping[str, str], content: bytes, secrets: Iterable[str]
) -> Trouble:
    """An answer with another status than 200."""
    try:
        error = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        error = None
    failure = _failure(who, error, secrets, f"answered {status}", status)
    quota = failure.code == "insufficient_quota"
    return Trouble(
        failure,
        retryable=(status in _RETRYABLE or status >= 500) and not quota,
        retry_after_s=_retry_after_s(headers.get("retry-after")),
    )


def reported(who: str, error: Any, secrets: Iterable[str]) -> Trouble:
    """An error in the middle of an answer."""
    status = error.get("code") if isinstance(error, dict) else None
    status = status if isinstance(status, int) else 0
    failure = _failure(who, error, secrets, "reported an error", status)
    return Trouble(failure, retryable=status in _RETRYABLE or status >= 500)


def _failure(who: str, error: Any, secrets: Iterable[str], what: str, status: int) -> ResponseFailure:
    message, kinds = _read(error)
    if status in (401, 403):
        # What it says about a key may hold a part of the key.
        problem = f"The {who} endpoint does not accept the server's key, or the key lacks a permission."
        return ResponseFailure("invalid_request_error", "inference_not_authorized_error", problem)
    words = _quoted(message, secrets)
    sentence = f"The {who} endpoint {what}{': ' + words if words else ''}"
    sentence = sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
    if "insufficient_quota" in kinds:
        return ResponseFailure("insufficient_quota", "insufficient_quota", sentence)
    if status == 429 or kinds & {"rate_limit_exceeded", "rate_limit_error"}:
        return ResponseFailure("tokens", "rate_limit_exceeded", sentence)
    if "context_length_exceeded" in kinds or re.search(
        r"(?i)maximum context|context (length|window|size)", message
    ):
        return ResponseFailure("invalid_request_error", "context_length_exceeded", sentence)
    return ResponseFailure("server_error", None, sentence)


def _read(error: Any) -> tuple[str, set[str]]:
    """What an error body says, and the names that it has for it. There are as many shapes as endpoints."""
    if isinstance(error, list):
        error = error[0] if error else None
    if isinstance(error, dict) and isinstance(error.get("error"), dict | str):
        error = error["error"]
    if isinstance(error, str):
        return error, set()
    if not isinstance(error, dict):
        return "", set()
    message = next((error[key] for key in ("message", "detail") if isinstance(error.get(key), str)), "")
    return message, {value for key in ("code", "type") if isinstance(value := error.get(key), str)}


def _quoted(message: str, secrets: Iterable[str]) -> str:
    """The endpoint's words on one line, not too many, and without anything that is or looks like a secret."""
    for secret in secrets:
        if len(secret) >= 4:
            message = message.replace(secret, "…")
    line = " ".join(_KEYS.sub("…", message[: 3 * _MAX_QUOTED]).split())
    line = "".join(char for char in line if char.isprintable())
    return line if len(line) <= _MAX_QUOTED else f"{line[:_MAX_QUOTED]}…"


def _retry_after_s(header: str | None) -> float | None:
    """Seconds from a Retry-After header, which holds a number or a date."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
