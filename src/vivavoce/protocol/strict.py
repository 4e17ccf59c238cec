"""What is wrong with what a client sent: one walk over the plain objects along the structs' annotations.

The first problem met ends the walk: in an object first the keys that are missing, then the keys that are
there, in the order in which they were sent, each with all that is below it; then what the object as a whole
must keep.
"""

import functools
import re
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UnsetType

from vivavoce.protocol import errors
from vivavoce.protocol.errors import Error, InvalidEvent

MAX_DEPTH = 100
"""Levels of objects and arrays that a free-form value, such as a JSON Schema, may have."""

MAX_PARTS = 1000
"""Most parts of a message that a client may send."""

Rule = Callable[[Any, str], None]
"""Looks at a value found at a path. Raises InvalidEvent."""

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


def refuse_unless_valid(value: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    """Raise InvalidEvent, with the error that the API answers, unless `value` is what `kind` says."""
    _check(kind)(value, "")


def found(value: object) -> str:
    """What kind of JSON value this is, with its article."""
    return _FOUND[type(value)]


_FOUND: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


class _Check:
    """The rules for one value, by the kind of JSON value that it is."""

    def __init__(self, expected: str, rules: dict[type, Rule]) -> None:
        self.expected = expected
        self.rules = rules

    def __call__(self, value: Any, path: str) -> None:
        rule = self.rules.get(type(value))
        if rule is None:
            refuse(errors.invalid_type(path, self.expected, found(value)))
        rule(value, path)


@functools.cache
def _check(kind: type[msgspec.Struct]) -> _Check:
    return _compile(kind, {})


def refuse(error: Error) -> NoReturn:
    """Answer with this error."""
    raise InvalidEvent(error)


def join(path: str, key: str) -> str:
    """The path of a key of the object at `path`."""
    key = key if len(key) <= 100 else f"{key[:99]}…"  # some keys are the client's own words
    return f"{path}.{key}" if path else key


def _anything(value: Any, path: str) -> None:
    pass


# From annotations to checks.


def _compile(hint: Any, limits: dict[str, Any]) -> _Check:
    """The check for an annotation. `limits` are those that surround it."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _compile(args[0], limits | _limits(hint))
    if origin in (Union, UnionType):
        return _union([arg for arg in args if arg is not UnsetType], limits)
    if origin is Literal:
        return _Check("a string", {str: _one_of(args)})
    if origin is tuple:
        check = _compile(args[0], {})
        return _Check(f"an array of {_bare(check.expected)}s", {list: _array(check, limits)})
    if origin is dict:
        key, value = (_compile(arg, {}) for arg in args)
        return _Check("an object", {dict: _mapping(key, value, limits)})
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _tagged([hint]) if hint.__struct_config__.tag else _Check("an object", {dict: _object(hint)})
    return _SCALARS[hint](limits)


def _limits(hint: Any) -> dict[str, Any]:
    """What `base.limits` says in an annotation, and what msgspec itself enforces on appends."""
    limits: dict[str, Any] = {}
    for meta in getattr(hint, "__metadata__", ()):
        limits |= meta.extra or {}
        if meta.max_length is not None:
            limits["max_length"] = meta.max_length
    return limits


_SCALARS: dict[Any, Callable[[dict[str, Any]], _Check]] = {
    str: lambda limits: _Check("a string", {str: _string(limits)}),
    int: lambda limits: _Check("an integer", {int: _number(limits, decimal=False)}),
    float: lambda limits: _Check("a decimal", dict.fromkeys((float, int), _number(limits, decimal=True))),
    bool: lambda limits: _Check("a boolean", {bool: _anything}),
    type(None): lambda limits: _Check("null", {type(None): _anything}),
    Any: lambda limits: _Check("a value", dict.fromkeys(_FOUND, _free)),
}


def _bare(noun: str) -> str:
    return noun.split(" ", 1)[1]


def _union(members: list[Any], limits: dict[str, Any]) -> _Check:
    structs = [member for member in members if isinstance(member, type) and _is_tagged(member)]
    checks = [_compile(member, limits) for member in members if member not in structs]
    if structs:
        checks.append(_tagged(structs))
    rules: dict[type, Rule] = {}
    for check in checks:
        rules |= check.rules
    nouns = [check.expected for check in checks if check.expected != "null"]
    if len(nouns) == 1:
        return _Check(nouns[0], rules)
    return _Check(f"one of {nouns[0]} or {' or '.join(_bare(noun) for noun in nouns[1:])}", rules)


def _is_tagged(kind: type) -> bool:
    return issubclass(kind, msgspec.Struct) and kind.__struct_config__.tag is not None


def _tagged(structs: list[type[msgspec.Struct]]) -> _Check:
    rules = {str(struct.__struct_config__.tag): _object(struct) for struct in structs}
    tags = tuple(rules)

    def rule(value: dict[str, Any], path: str) -> None:
        rules[_tag(value, path, tags)](value, path)

    return _Check("an object", {dict: rule})


def _tag(value: dict[str, Any], path: str, listed: tuple[str, ...], allowed: tuple[str, ...] = ()) -> str:
    """The `type` of an object: one of those listed in the refusal, or one more that is allowed."""
    where = join(path, "type")
    if "type" not in value:
        refuse(errors.missing_required_parameter(where))
    tag = value["type"]
    if not isinstance(tag, str):
        refuse(errors.invalid_type(where, "a string", found(tag)))
    if tag not in listed and tag not in allowed:
        refuse(errors.invalid_value(where, tag, listed))
    return tag


def _object(struct: type[msgspec.Struct]) -> Rule:
    hints = get_type_hints(struct, include_extras=True)
    sent = [
        field for field in msgspec.structs.fields(struct) if not _limits(hints[field.name]).get("server_only")
    ]
    fields = {field.encode_name: _compile(hints[field.name], {}) for field in sent}
    if struct.__struct_config__.tag_field:
        fields[struct.__struct_config__.tag_field] = _Check("a string", {str: _anything})
    if struct in _PARTS:
        fields["content"] = _Check("an array of objects", {list: _anything})
    required = [field.encode_name for field in sent if field.required]
    unwanted = _UNWANTED.get(struct, {})
    whole = _WHOLE.get(struct, _anything)

    def rule(value: dict[str, Any], path: str) -> None:
        for name in required:
            if name not in value:
                refuse(errors.missing_required_parameter(join(path, name)))
        for key, item in value.items():
            where = join(path, key)
            check = fields.get(key)
            if check is None:
                refuse(unwanted[key]() if key in unwanted else errors.unknown_parameter(where))
            check(item, where)
        whole(value, path)

    return rule


def _one_of(values: tuple[str, ...]) -> Rule:
    def rule(value: str, path: str) -> None:
        if value not in values:
            refuse(errors.invalid_value(path, value, values))

    return rule


def _string(limits: dict[str, Any]) -> Rule:
    if limits.get("one_of"):
        return _one_of(limits["one_of"])
    min_length, max_length, pattern = (limits.get(name) for name in ("min_length", "max_length", "pattern"))

    def rule(value: str, path: str) -> None:
        if min_length and not value:
            refuse(errors.empty_string(path))
        if max_length and len(value) > max_length:
            refuse(errors.string_too_long(path, max_length, len(value)))
        if pattern and not re.fullmatch(pattern, value):
            refuse(errors.pattern_mismatch(path, pattern))

    return rule


def _number(limits: dict[str, Any], *, decimal: bool) -> Rule:
    minimum = limits.get("minimum", _INT64_MIN)
    maximum = limits.get("maximum", _INT64_MAX)

    def rule(value: float, path: str) -> None:
        if value < minimum:
            refuse(errors.below_minimum(path, minimum, value, decimal=decimal))
        if value > maximum:
            refuse(errors.above_maximum(path, maximum, value, decimal=decimal))

    return rule


def _array(check: _Check, limits: dict[str, Any]) -> Rule:
    combinations = limits.get("combinations")
    in_order = tuple if not limits.get("any_order") else _sorted
    min_length, max_length = limits.get("min_length"), limits.get("max_length")

    def rule(value: list[Any], path: str) -> None:
        if min_length and not value:
            refuse(errors.empty_array(path))
        if max_length and len(value) > max_length:
            refuse(errors.array_too_long(path, max_length, len(value)))
        for index, item in enumerate(value):
            check(item, f"{path}[{index}]")
        if combinations and in_order(value) not in combinations:
            refuse(errors.invalid_modalities(path, value, combinations))

    return rule


def _sorted(value: list[str]) -> tuple[str, ...]:
    return tuple(sorted(value))


def _mapping(key_check: _Check, value_check: _Check, limits: dict[str, Any]) -> Rule:
    max_length = limits.get("max_length")

    def rule(value: dict[str, Any], path: str) -> None:
        if max_length and len(value) > max_length:
            refuse(errors.too_many_properties(path, max_length, len(value)))
        for key, item in value.items():
            where = join(path, key)
            key_check(key, where)
            value_check(item, where)

    return rule


def _free(value: Any, path: str) -> None:
    """A value of the client's own shape must fit to be written again: not too deep, no huge integers."""
    level, depth = [value], 0
    while level:
        below: list[Any] = []
        for item in level:
            match item:
                case dict():
                    below.extend(item.values())
                case list():
                    below.extend(item)
                case int() if not _INT64_MIN <= item <= _INT64_MAX:
                    _number({}, decimal=False)(item, path)
        level, depth = below, depth + 1
        if depth > MAX_DEPTH:
            refuse(errors.too_deep(path, MAX_DEPTH))


# What annotations cannot say.

Parts = tuple[tuple[type[msgspec.Struct], ...], tuple[str, ...]]
"""The parts that a role takes, and those that a refusal lists, as the service lists them."""

_PARTS: dict[type, dict[str, Parts]] = {}
_WHOLE: dict[type, Rule] = {}
_UNWANTED: dict[type, dict[str, Callable[[], Error]]] = {}


def declare(
    struct: type[msgspec.Struct],
    *,
    whole: Rule | None = None,
    parts: dict[str, Parts] | None = None,
    unwanted: dict[str, Callable[[], Error]] | None = None,
) -> None:
    """Say of an object what its annotations cannot; before anything of its kind is looked at.

    - whole: what it must keep as a whole, looked at when all its fields are right by themselves.
    - parts: for a message, what its `content` may consist of, by its `role`.
    - unwanted: keys that have a refusal of their own.
    """
    if parts is not None:
        _PARTS[struct] = parts
        whole = functools.partial(_message, parts)
    if whole is not None:
        _WHOLE[struct] = whole
    if unwanted is not None:
        _UNWANTED[struct] = unwanted


def _message(parts: dict[str, Parts], value: dict[str, Any], path: str) -> None:
    kinds, listed = parts[value["role"]]
    allowed = {str(kind.__struct_config__.tag): kind for kind in kinds}
    if len(value["content"]) > MAX_PARTS:
        refuse(errors.array_too_long(join(path, "content"), MAX_PARTS, len(value["content"])))
    for index, part in enumerate(value["content"]):
        where = f"{join(path, 'content')}[{index}]"
        if not isinstance(part, dict):
            refuse(errors.invalid_type(where, "an object", found(part)))
        _check(allowed[_tag(part, where, listed, tuple(allowed))])(part, where)
