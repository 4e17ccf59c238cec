"""What must not be written down or shown: keys, and the credentials of tools."""

import re
from typing import Any

_SECRET_FIELDS = frozenset({"authorization", "api_key", "api-key", "client_secret", "headers"})
_KEY = re.compile(r"\b(?:sk-|ek_)[\w-]{12,}")
_HIDDEN = "…"


def concealed(text: str, secrets: frozenset[str]) -> str:
    """The text without these secrets, and without what looks like a key."""
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return _KEY.sub(_HIDDEN, text)


def without_secrets(value: Any, secrets: frozenset[str] = frozenset()) -> Any:
    """JSON without these secrets, keys and credentials of tools."""
    if isinstance(value, str):
        return concealed(value, secrets)
    if isinstance(value, list):
        return [without_secrets(each, secrets) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _hidden(each) if key.lower() in _SECRET_FIELDS else without_secrets(each, secrets)
        for key, each in value.items()
    }


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return dict.fromkeys(value, _HIDDEN)
    return _HIDDEN if value is not None else None
