"""A function's arguments, found in what was said.

Every value that comes out is valid against the parameter's JSON Schema as far as the schema says type,
enum, const, minimum, maximum, multipleOf, minLength, maxLength, minItems, maxItems, uniqueItems, items,
properties and required. Parameters that are not required and that nobody mentioned are left out; required
ones get their default or the plainest valid value.
"""

import math
from typing import Any

from vivavoce.engines.pattern.phrases import TIME_NAMES, PhraseFinder
from vivavoce.engines.pattern.words import Utterance, is_stop_word, name_words, numbers, split, stem, word_set

_MAX_DEPTH = 6
_MAX_NODES = 500
"""Schemas come from strangers: deeper ones and bigger ones are cut off, with the plainest values."""
_MAX_STRING = 1000
_MAX_ITEMS = 50
_MAX_NUMBER = 10**18
"""Limits in a schema beyond these are none."""

_YES = word_set("on yes true enable enabled activate open start with")
_NO = word_set("off no not false disable disabled deactivate close stop without don't doesn't never")
_SWITCHES = word_set("on off enabled enable active state power status open value flag switch")
"""Names of booleans that "on" and "off" speak about."""


class _Absent:
    """Nobody said anything about it."""


ABSENT = _Absent()


def arguments(
    schema: dict[str, Any], heard: Utterance, asked_by: frozenset[str], given: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The arguments for a function whose `parameters` are `schema`.

    - asked_by: the stems of the words by which the function itself was asked for.
    - given: arguments that are settled. Text in them is read as a number where the schema wants one.
    """
    filling = _Filling(schema, heard, asked_by)
    return filling.object(filling.resolve(schema), 0, given)[0]


class _Filling:
    """One function's parameters on their way to values. Words that were used for one are not used for
    another."""

    def __init__(self, root: dict[str, Any], heard: Utterance, asked_by: frozenset[str]) -> None:
        self._root = root
        self._heard = heard
        self._phrases = PhraseFinder(heard, asked_by)
        self._nodes = 0

    def object(
        self, schema: dict[str, Any], depth: int, given: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], bool]:
        """An object's properties, and whether anything was said about any of them."""
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        listed = schema.get("required")
        required = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
        resolved = {name: self.resolve(each) for name, each in properties.items()}
        values = {name: _as_type(value, resolved.get(name, {})) for name, value in (given or {}).items()}
        # Words that can only mean one thing first; free text takes what remains.
        for name in sorted(resolved, key=lambda name: _freedom(resolved[name], name)):
            if name not in values:
                value = self.value(resolved[name], name, depth + 1, lone=len(resolved) == 1)
                if not isinstance(value, _Absent):
                    values[name] = value
        mentioned = bool(values)
        for name in required:
            if name not in values:
                values[name] = self._plainest(resolved.get(name, {}), name, depth + 1)
        ordered = {name: values[name] for name in dict.fromkeys([*resolved, *values]) if name in values}
        return ordered, mentioned

    def value(self, schema: dict[str, Any], name: str, depth: int, *, lone: bool = False) -> Any:
        """What was said about a parameter, or ABSENT."""
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            return ABSENT
        if "const" in schema:
            return ABSENT
        if isinstance(schema.get("enum"), list):
            return self._choice(schema["enum"])
        for branch in self._branches(schema):
            value = self.value(branch, name, depth + 1, lone=lone)
            if not isinstance(value, _Absent):
                return value
        match _type(schema):
            case "integer" | "number":
                return self._number(schema, name)
            case "boolean":
                return self._boolean(name)
            case "array":
                return self._array(schema, name, depth)
            case "object":
                value, mentioned = self.object(schema, depth)
                return value if mentioned else ABSENT
            case "string":
                return self._string(schema, name, lone=lone)
            case _:
                return ABSENT

    def resolve(self, schema: Any) -> dict[str, Any]:
        """A schema without `$ref` and `allOf`."""
        for _ in range(_MAX_DEPTH):
            if not isinstance(schema, dict):
                return {"const": None} if schema is False else {}
            reference = schema.get("$ref")
            if not isinstance(reference, str):
                break
            schema = self._referred(reference)
        if not isinstance(schema, dict):
            return {}
        parts = schema.get("allOf")
        if not isinstance(parts, list):
            return schema
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in parts[:_MAX_ITEMS]:
            if isinstance(part, dict) and "$ref" in part:
                part = self.resolve(part)
            for key, value in part.items() if isinstance(part, dict) else ():
                known = merged.get(key)
                if key == "properties" and isinstance(known, dict) and isinstance(value, dict):
                    merged[key] = known | value
                elif key == "required" and isinstance(known, list) and isinstance(value, list):
                    merged[key] = known + value
                else:
                    merged.setdefault(key, value)
        return merged

    def _referred(self, reference: str) -> Any:
        node: Any = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            node = node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
        return node if reference.startswith("#") else {}

    def _branches(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        """The alternatives of a schema, each with what holds for all of them."""
        for key in ("anyOf", "oneOf"):
            if isinstance(schema.get(key), list):
                common = {name: value for name, value in schema.items() if name not in ("anyOf", "oneOf")}
                return [common | self.resolve(branch) for branch in schema[key][:_MAX_ITEMS]]
        if isinstance(schema.get("type"), list):
            return [schema | {"type": each} for each in schema["type"]]
        return []

    # One kind of value each.

    def _choice(self, choices: list[Any]) -> Any:
        """The choice that was said; of several the one that was said most completely."""
        found: tuple[float, Any, list[int]] | None = None
        for choice in choices[:200]:
            said, indices = self._said(choice)
            if said > (found[0] if found else 0.49):
                found = said, choice, indices
        if found is None:
            return ABSENT
        self._heard.used.update(found[2])
        return found[1]

    def _said(self, choice: Any) -> tuple[float, list[int]]:
        """Which share of a choice's words was said, and where."""
        words = self._heard.words
        if isinstance(choice, int | float) and not isinstance(choice, bool):
            for number in self._heard.numbers:
                if number.value == choice:
                    return 1.0, list(range(number.first, number.last + 1))
            return 0.0, []
        if not isinstance(choice, str):
            return 0.0, []
        parts = name_words(choice) or [word.lower for word in split(choice)]
        indices: list[int] = []
        hits = 0.0
        for part in parts:
            close = max(
                ((_likeness(stem(part), word.stem), -index) for index, word in enumerate(words)),
                default=(0.0, 0),
            )
            if close[0]:
                hits += close[0]
                indices.append(-close[1])
        return hits / max(1, len(parts)), indices

    def _number(self, schema: dict[str, Any], name: str) -> Any:
        """The number that was said next to the parameter's name, or the first that fits."""
        candidates = [
            number
            for number in self._heard.numbers
            if not self._heard.used & set(range(number.first, number.last + 1))
        ]
        if not candidates:
            return ABSENT
        stems = {stem(word) for word in name_words(name)} | _words_of(schema.get("description"))
        low, high = _bounds(schema)

        def fitness(index: int) -> tuple[bool, bool]:
            number = candidates[index]
            near = self._heard.words[max(0, number.first - 1) : number.last + 2]
            return low <= number.value <= high, any(word.stem in stems for word in near)

        chosen = candidates[max(range(len(candidates)), key=lambda index: (*fitness(index), -index))]
        self._heard.used.update(range(chosen.first, chosen.last + 1))
        return _fit(chosen.value, schema)

    def _boolean(self, name: str) -> Any:
        words = [word.lower for word in self._heard.words]
        named = name_words(name)
        stems = {stem(word) for word in named if word not in _SWITCHES and not is_stop_word(word)}
        for index, word in enumerate(self._heard.words):
            if word.stem in stems:
                return not any(before in _NO for before in words[max(0, index - 3) : index])
        if not stems or _SWITCHES & set(named):
            if any(word in _NO for word in words):
                return False
            if any(word in _YES for word in words):
                return True
        return ABSENT

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        items = self.resolve(schema.get("items", {}))
        most = min(_MAX_ITEMS, _whole(schema.get("maxItems"), _MAX_ITEMS))
        found: list[Any] = []
        if not isinstance(items.get("enum"), list) and _type(items) == "string":
            phrases = self._phrases.several(name, _text(schema.get("description")))
            least = _whole(items.get("minLength"), 0)
            found = [_cut(each, items) for each in phrases if len(each) >= least]
        else:
            while len(found) < most:
                left = [each for each in items.get("enum") or () if each not in found]
                value = self.value(items | {"enum": left} if left else items, name, depth + 1)
                if isinstance(value, _Absent) or value in found:
                    break
                found.append(value)
                if _type(items) in ("object", "array", "boolean"):
                    break
        if not found:
            return ABSENT
        return self._padded(found[:most], schema, items, name, depth)

    def _padded(
        self, found: list[Any], schema: dict[str, Any], items: dict[str, Any], name: str, depth: int
    ) -> Any:
        """As many items as the schema wants."""
        least = min(_MAX_ITEMS, _whole(schema.get("minItems"), 0))
        for choice in items.get("enum") or ():
            if len(found) < least and choice not in found:
                found.append(choice)
        while len(found) < least:
            found.append(_another(self._plainest(items, name, depth + 1), found, schema))
        return found

    def _string(self, schema: dict[str, Any], name: str, *, lone: bool) -> Any:
        description, format_ = _text(schema.get("description")), _text(schema.get("format"))
        text = self._phrases.one(name, description, lone=lone, format_=format_)
        if text is None or len(text) < _whole(schema.get("minLength"), 0):
            return ABSENT
        return _cut(text, schema)

    def _plainest(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        """A valid value for what nobody mentioned."""
        self._nodes += 1
        if depth > 2 * _MAX_DEPTH or self._nodes > _MAX_NODES:
            return None
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return schema["enum"][0]
        branches = self._branches(schema)
        if branches:
            nullable = any(_type(branch) == "null" for branch in branches)
            return None if nullable else self._plainest(branches[0], name, depth + 1)
        match _type(schema):
            case "null":
                return None
            case "boolean":
                return bool(_SWITCHES & set(name_words(name)))
            case "integer" | "number":
                return _fit(0, schema)
            case "array":
                return self._padded([], schema, self.resolve(schema.get("items", {})), name, depth)
            case "object":
                return self.object(schema, depth)[0]
            case _:
                text = _cut(self._phrases.remaining(), schema)
                return text.ljust(min(_MAX_STRING, _whole(schema.get("minLength"), 0)), ".")


def _freedom(schema: dict[str, Any], name: str) -> int:
    """How much a value may be: the lower, the sooner it is looked for."""
    if isinstance(schema.get("enum"), list) or "const" in schema:
        return 0
    kind = _type(schema)
    if kind == "array" and isinstance(schema.get("items"), dict):
        return _freedom(schema["items"], name)
    free_text = 4 if TIME_NAMES.isdisjoint(name_words(name)) else 3
    return {"boolean": 0, "integer": 1, "number": 2, "object": 5, "array": 5}.get(kind, free_text)


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    if isinstance(kind, list):
        return next((each for each in kind if isinstance(each, str) and each != "null"), "null")
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _as_type(value: Any, schema: dict[str, Any]) -> Any:
    """A settled argument; what a rule took from the words is text, whatever the schema wants."""
    if isinstance(value, str) and _type(schema) in ("integer", "number"):
        found = numbers(split(value))
        return _fit(found[0].value, schema) if found else value
    return value


def _bounds(schema: dict[str, Any]) -> tuple[float, float]:
    low, high = _real(schema.get("minimum"), -math.inf), _real(schema.get("maximum"), math.inf)
    step = 1.0 if _type(schema) == "integer" else 1e-6
    if _real(schema.get("exclusiveMinimum"), -math.inf) >= low:
        low = _real(schema.get("exclusiveMinimum"), -math.inf) + step
    if _real(schema.get("exclusiveMaximum"), math.inf) <= high:
        high = _real(schema.get("exclusiveMaximum"), math.inf) - step
    return low, high


def _fit(value: int | float, schema: dict[str, Any]) -> int | float:
    """The nearest number that the schema allows."""
    low, high = _bounds(schema)
    fitted = min(max(value, low), high)
    step = _real(schema.get("multipleOf"), 1.0 if _type(schema) == "integer" else 0.0)
    if _type(schema) == "integer" and step != int(step):
        step = 1.0
    if step > 0 and math.isfinite(fitted):
        fitted = round(fitted / step) * step
        fitted = fitted + step if fitted < low else fitted - step if fitted > high else fitted
    return int(fitted) if float(fitted).is_integer() else fitted


def _another(value: Any, found: list[Any], schema: dict[str, Any]) -> Any:
    """The value, or one like it where no two may be the same."""
    if schema.get("uniqueItems") is not True:
        return value
    count = 2
    fresh = value
    while fresh in found and count < _MAX_ITEMS + 2:
        fresh = value + count - 1 if isinstance(value, int | float) else f"{value}{count}"
        count += 1
    return fresh


def _likeness(part: str, said: str) -> float:
    """1 for the same word, less for one that may have been misheard, 0 for another."""
    if part == said:
        return 1.0
    if len(part) < 5 or len(said) < 5 or part[:2] != said[:2]:
        return 0.0
    same = 0
    for one, other in zip(part, said, strict=False):
        if one != other:
            break
        same += 1
    return 0.7 if same >= 0.7 * max(len(part), len(said)) else 0.0


def _cut(text: str, schema: dict[str, Any]) -> str:
    return text[: min(_MAX_STRING, _whole(schema.get("maxLength"), _MAX_STRING))]


def _words_of(description: Any) -> set[str]:
    return {word.stem for word in split(_text(description))}


def _text(value: Any) -> str:
    return value[:300] if isinstance(value, str) else ""


def _whole(value: Any, default: int) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value <= _MAX_NUMBER else default


def _real(value: Any, default: float) -> float:
    sane = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MAX_NUMBER
    return value if sane else default
