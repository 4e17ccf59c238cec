"""What a function returned, in words that can be spoken."""

import re
from typing import Any

import msgspec

from vivavoce.engines.pattern.words import name_words

MAX_CHARACTERS = 400
"""Longer results are shortened."""
_MAX_READ = 200_000
"""What is longer is not read as JSON."""
_MAX_ENTRIES = 8
_MAX_DEPTH = 3
_WRAPPERS = ("result", "output", "response", "answer", "message", "text", "content", "data", "value")
"""A result that is alone under one of these names needs no name."""
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_SUCCESS = ("ok", "success", "done", "succeeded")
_PROBLEM = ("error", "errors", "exception", "problem")


def sentence(output: str) -> str:
    """A function's output as something to say: text as it is, JSON as a sentence, long ones shortened."""
    if len(output) > _MAX_READ:
        return _shortened(" ".join(output[: 2 * MAX_CHARACTERS].split()))
    text = output.strip()
    try:
        value = msgspec.json.decode(text) if text else None
    except (msgspec.DecodeError, RecursionError):
        return _shortened(" ".join(text.split()))
    return _shortened(_told(value))


def _told(value: Any) -> str:
    if value in _EMPTY:
        return "Done."
    match value:
        case bool():
            return "Yes." if value else "No."
        case int() | float():
            return f"The result is {_plain(value, 0)}."
        case str():
            return " ".join(value.split())
        case dict():
            return _told_of(value)
        case _:
            return _sentence(_plain(value, 0))


def _told_of(named: dict[str, Any]) -> str:
    for key, value in named.items():
        lower = key.lower()
        if lower in _PROBLEM and value is not False and value not in _EMPTY:
            return _sentence(f"that did not work: {_plain(value, 0)}")
        if len(named) == 1 and lower in _WRAPPERS:
            return _told(value)
        if len(named) == 1 and lower in (*_SUCCESS, "status") and str(value).lower() in ("true", *_SUCCESS):
            return "Done."
        if len(named) == 1 and lower in _SUCCESS and value is False:
            return "That did not work."
    telling = {key: value for key, value in named.items() if key.lower() not in _SUCCESS or value is not True}
    return _sentence(_pairs(telling, 0))


def _pairs(named: dict[str, Any], depth: int) -> str:
    parts: list[str] = []
    for key, value in list(named.items())[:_MAX_ENTRIES]:
        verb = (
            ":"
            if isinstance(value, dict)
            else " are"
            if isinstance(value, list) and len(value) > 1
            else " is"
        )
        parts.append(f"{_name(key)}{verb} {_plain(value, depth + 1)}")
    return _joined(parts, len(named))


def _plain(value: Any, depth: int) -> str:
    """A value within a sentence."""
    if depth > _MAX_DEPTH:
        return "more"
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.10g}"
        case dict():
            return _pairs(value, depth) if value else "nothing"
        case list():
            if not value:
                return "nothing"
            if any(isinstance(each, dict | list) for each in value):
                entries = [_plain(each, depth + 1) for each in value[:_MAX_ENTRIES]]
                return "; ".join(entries) + ("; and so on" if len(value) > _MAX_ENTRIES else "")
            return _joined([_plain(each, depth + 1) for each in value[:_MAX_ENTRIES]], len(value))
        case _:
            return " ".join(str(value).split())


def _joined(parts: list[str], count: int) -> str:
    if count > len(parts):
        return ", ".join([*parts, "and so on"])
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _name(key: str) -> str:
    return " ".join(name_words(key)) or key


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _shortened(text: str) -> str:
    """At most `MAX_CHARACTERS`: whole sentences if there are any, else whole words."""
    if len(text) <= MAX_CHARACTERS:
        return text
    cut = text[:MAX_CHARACTERS]
    end = max((match.end() for match in re.finditer(r"[.!?](?=\s)", cut)), default=0)
    if end >= MAX_CHARACTERS // 2:
        return f"{cut[:end]} And so on."
    return f"{cut.rsplit(' ', 1)[0].rstrip(',;:')}, and so on."
