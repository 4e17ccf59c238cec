"""What a client's event has to be like, and what is filled into a server's.

A pattern is JSON. An object asks for its own fields and leaves others alone; a list asks for as many
elements, each like its own; anything else must be equal. Beyond that:

    ANY              there is something, whatever it is        "$any" in files
    ABSENT           the field is not there                    "$absent"
    matches("^a")    a string in which the expression is found {"$matches": "^a"}
    contains(x)      a list with an element, or a string with
                     a text, like x                            {"$contains": x}
    "$name"          anything, which gets this name; if it has the name already, the same again

In what the server sends, "$name" is what got the name, "${name}" the same inside of a text, "$$" a dollar
sign. "$item.name" is an id made for the occasion: the same for the same name, and of the kind before the dot
(event, item, resp, conv, call, sess).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

ANY: Final = "$any"
"""Matches whatever is there."""

ABSENT: Final = "$absent"
"""Matches a field that is not there."""

PREFIXES = ("event", "sess", "item", "resp", "conv", "call")
"""The kinds of ids that can be made."""

Json = Any
Bindings = dict[str, Json]
"""What got which name."""

_NAME = re.compile(r"\$([A-Za-z_]\w*(?:\.\w+)?)")
_INSIDE = re.compile(r"\$\$|\$\{([A-Za-z_]\w*(?:\.\w+)?)\}")


def matches(expression: str) -> dict[str, str]:
    """A string in which this regular expression is found. Raises ValueError for one that is none."""
    try:
        re.compile(expression)
    except re.error as error:
        raise ValueError(f"{expression!r} is no regular expression: {error}.") from None
    return {"$matches": expression}


def contains(what: Json) -> dict[str, Json]:
    """A list that has an element like this, or a string that has this text in it."""
    return {"$contains": what}


class Mismatch(NamedTuple):
    """A place in which an event is not like its pattern."""

    path: str
    expected: str
    found: str


def compare(pattern: Json, found: Json, bindings: Bindings) -> list[Mismatch]:
    """Where `found` is not like `pattern`: nowhere, if it matches. Adds to `bindings` the names it learns."""
    learned = dict(bindings)
    mismatches = list(_compare(pattern, found, "", learned))
    if not mismatches:
        bindings.update(learned)
    return mismatches


_NOTHING = object()


def _compare(pattern: Json, found: Json, path: str, names: Bindings) -> list[Mismatch]:
    differs = [Mismatch(path, shown(pattern), "nothing" if found is _NOTHING else shown(found))]
    if isinstance(pattern, str):
        return [] if _text(pattern, found, names) else differs
    if found is _NOTHING:
        return differs
    if isinstance(pattern, Mapping):
        if len(pattern) == 1 and (special := _SPECIAL.get(next(iter(pattern)))):
            return [] if special(next(iter(pattern.values())), found, names) else differs
        if not isinstance(found, Mapping):
            return differs
        return [
            mismatch
            for key, value in pattern.items()
            for mismatch in _compare(value, found.get(key, _NOTHING), f"{path}.{key}" if path else key, names)
        ]
    if isinstance(pattern, list | tuple):
        if not isinstance(found, list) or len(found) != len(pattern):
            return differs
        return [
            mismatch
            for index, (value, element) in enumerate(zip(pattern, found, strict=True))
            for mismatch in _compare(value, element, f"{path}[{index}]", names)
        ]
    # True is no 1, as far as JSON is concerned.
    same = pattern == found and isinstance(pattern, bool) is isinstance(found, bool)
    return [] if same else differs


def _text(pattern: str, found: Json, names: Bindings) -> bool:
    if pattern == ABSENT:
        return found is _NOTHING
    if found is _NOTHING:
        return False
    if pattern == ANY:
        return True
    if name := _NAME.fullmatch(pattern):
        if name[1] in names:
            return bool(names[name[1]] == found)
        names[name[1]] = found
        return True
    return isinstance(found, str) and pattern.replace("$$", "$") == found


def _matches(expression: Json, found: Json, names: Bindings) -> bool:
    return isinstance(found, str) and re.search(str(expression), found) is not None


def _contains(what: Json, found: Json, names: Bindings) -> bool:
    if isinstance(found, str):
        return isinstance(what, str) and what in found
    return isinstance(found, list) and any(not compare(what, element, names) for element in found)


_SPECIAL: dict[str, Callable[[Json, Json, Bindings], bool]] = {"$matches": _matches, "$contains": _contains}

SPECIAL = tuple(_SPECIAL)
"""The keys that make an object a question."""


class UnknownName(Exception):
    """A template uses a name that nothing got."""

    def __init__(self, name: str, bindings: Bindings) -> None:
        known = ", ".join(f"${name}" for name in bindings) or "none"
        super().__init__(
            f"${name} stands for nothing yet: an `expect` must come before that names something so "
            f"(known: {known}), or write $item.{name} for a new id."
        )


def filled(template: Json, bindings: Bindings, new_id: Callable[[str], str]) -> Json:
    """The template with names replaced by what they stand for. Raises UnknownName."""
    if isinstance(template, Mapping):
        return {key: filled(value, bindings, new_id) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [filled(value, bindings, new_id) for value in template]
    if not isinstance(template, str) or "$" not in template:
        return template

    def value(name: str) -> Json:
        if name not in bindings:
            prefix, dot, _ = name.partition(".")
            if not dot or prefix not in PREFIXES:
                raise UnknownName(name, bindings)
            bindings[name] = new_id(prefix)
        return bindings[name]

    if name := _NAME.fullmatch(template):
        return value(name[1])
    return _INSIDE.sub(lambda found: str(value(found[1])) if found[1] else "$", template)


def shown(value: Json, most: int = 100) -> str:
    """A value as a report shows it: JSON, not longer than `most` characters."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
