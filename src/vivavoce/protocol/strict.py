"""What is wrong with what a client sent: one walk over the plain objects along the structs' annotations.

The first problem met ends the walk: in an object first the keys that are missing, then the keys that are
there, in the order in which they were sent, each with all that is below it; then what the object as a whole
must keep.
"""

import functools
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec
import pybase64
from msgspec import inspect

from vivavoce.protocol import errors
from vivavoce.protocol.content import InputAudio, InputImage, InputText, OutputAudio, OutputText
from vivavoce.protocol.errors import Error, InvalidEvent
from vivavoce.protocol.items import Message
from vivavoce.protocol.responses import ResponseParams
from vivavoce.protocol.sessions import RealtimeSessionParams, Transcription, TranscriptionSessionParams
from vivavoce.protocol.tools import McpTool

MAX_DEPTH = 100
"""Levels of objects and arrays that a free-form value, such as a JSON Schema, may have."""

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
            _refuse(errors.invalid_type(path, self.expected, found(value)))
        rule(value, path)


@functools.cache
def _check(kind: type[msgspec.Struct]) -> _Check:
    return _compile(inspect.type_info(kind), {})


def _refuse(error: Error) -> NoReturn:
    raise InvalidEvent(error)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _anything(value: Any, path: str) -> None:
    pass


# From annotations to checks.


def _compile(node: inspect.Type, limits: dict[str, Any]) -> _Check:
    match node:
        case inspect.Metadata(type=inner, extra=extra):
            return _compile(inner, limits | (extra or {}))
        case inspect.UnionType(types=members):
            return _union(members, limits)
        case inspect.StructType():
            return _tagged([node]) if node.tag_field else _Check("an object", {dict: _object(node)})
        case inspect.LiteralType(values=values):
            return _Check("a string", {str: _one_of(tuple(str(value) for value in values))})
        case inspect.StrType(max_length=max_length):
            return _Check("a string", {str: _string({"max_length": max_length} | limits)})
        case inspect.IntType():
            return _Check("an integer", {int: _number(limits, decimal=False)})
        case inspect.FloatType():
            rule = _number(limits, decimal=True)
            return _Check("a decimal", {float: rule, int: rule})
        case inspect.BoolType():
            return _Check("a boolean", {bool: _anything})
        case inspect.NoneType():
            return _Check("null", {type(None): _anything})
        case inspect.VarTupleType(item_type=item):
            check = _compile(item, {})
            plural = check.expected.split(" ", 1)[1] + "s"
            return _Check(f"an array of {plural}", {list: _array(check, limits)})
        case inspect.DictType(key_type=key, value_type=value):
            return _Check("an object", {dict: _mapping(_compile(key, {}), _compile(value, {}), limits)})
        case inspect.AnyType():
            return _Check("a value", dict.fromkeys(_FOUND, _free))
    raise TypeError(f"The protocol has no rule for {node}.")  # a new kind of annotation needs one


def _union(members: tuple[inspect.Type, ...], limits: dict[str, Any]) -> _Check:
    structs = [member for member in members if isinstance(member, inspect.StructType) and member.tag_field]
    checks = [_compile(member, limits) for member in members if member not in structs]
    if structs:
        checks.append(_tagged(structs))
    rules: dict[type, Rule] = {}
    for check in checks:
        rules |= check.rules
    nouns = [check.expected for check in checks if check.expected != "null"]
    if len(nouns) == 1:
        return _Check(nouns[0], rules)
    others = " or ".join(noun.split(" ", 1)[1] for noun in nouns[1:])
    return _Check(f"one of {nouns[0]} or {others}", rules)


def _tagged(structs: list[inspect.StructType]) -> _Check:
    rules = {str(struct.tag): _object(struct) for struct in structs}
    tags = tuple(rules)

    def rule(value: dict[str, Any], path: str) -> None:
        rules[_tag(value, path, tags)](value, path)

    return _Check("an object", {dict: rule})


def _tag(value: dict[str, Any], path: str, listed: tuple[str, ...], allowed: tuple[str, ...] = ()) -> str:
    """The `type` of an object: one of those listed in the refusal, or one more that is allowed."""
    where = _join(path, "type")
    if "type" not in value:
        _refuse(errors.missing_required_parameter(where))
    tag = value["type"]
    if not isinstance(tag, str):
        _refuse(errors.invalid_type(where, "a string", found(tag)))
    if tag not in listed and tag not in allowed:
        _refuse(errors.invalid_value(where, tag, listed))
    return tag


def _object(struct: inspect.StructType) -> Rule:
    fields = {
        field.encode_name: _compile(field.type, {})
        for field in struct.fields
        if not (isinstance(field.type, inspect.Metadata) and (field.type.extra or {}).get("server_only"))
    }
    if struct.tag_field:
        fields[struct.tag_field] = _Check("a string", {str: _anything})
    if struct.cls is Message:
        fields["content"] = _Check("an array of objects", {list: _anything})
    required = [field.encode_name for field in struct.fields if field.required]
    unwanted = _UNWANTED.get(struct.cls, {})
    whole = _WHOLE.get(struct.cls, _anything)

    def rule(value: dict[str, Any], path: str) -> None:
        for name in required:
            if name not in value:
                _refuse(errors.missing_required_parameter(_join(path, name)))
        for key, item in value.items():
            where = _join(path, key)
            check = fields.get(key)
            if check is None:
                _refuse(unwanted[key]() if key in unwanted else errors.unknown_parameter(where))
            check(item, where)
        whole(value, path)

    return rule


def _one_of(values: tuple[str, ...]) -> Rule:
    def rule(value: str, path: str) -> None:
        if value not in values:
            _refuse(errors.invalid_value(path, value, values))

    return rule


def _string(limits: dict[str, Any]) -> Rule:
    if limits.get("one_of"):
        return _one_of(limits["one_of"])
    min_length, max_length, pattern = (limits.get(name) for name in ("min_length", "max_length", "pattern"))

    def rule(value: str, path: str) -> None:
        if min_length and not value:
            _refuse(errors.empty_string(path))
        if max_length and len(value) > max_length:
            _refuse(errors.string_too_long(path, max_length, len(value)))
        if pattern and not pattern.fullmatch(value):
            _refuse(errors.pattern_mismatch(path, pattern.pattern))

    return rule


def _number(limits: dict[str, Any], *, decimal: bool) -> Rule:
    minimum = limits.get("minimum", _INT64_MIN)
    maximum = limits.get("maximum", _INT64_MAX)

    def rule(value: float, path: str) -> None:
        if value < minimum:
            _refuse(errors.below_minimum(path, minimum, value, decimal=decimal))
        if value > maximum:
            _refuse(errors.above_maximum(path, maximum, value, decimal=decimal))

    return rule


def _array(check: _Check, limits: dict[str, Any]) -> Rule:
    combinations = limits.get("combinations")
    min_length = limits.get("min_length")

    def rule(value: list[Any], path: str) -> None:
        if min_length and not value:
            _refuse(errors.empty_array(path))
        for index, item in enumerate(value):
            check(item, f"{path}[{index}]")
        if combinations and tuple(value) not in combinations:
            _refuse(errors.invalid_modalities(path, value, combinations))

    return rule


def _mapping(key_check: _Check, value_check: _Check, limits: dict[str, Any]) -> Rule:
    max_length = limits.get("max_length")

    def rule(value: dict[str, Any], path: str) -> None:
        if max_length and len(value) > max_length:
            _refuse(errors.too_many_properties(path, max_length, len(value)))
        for key, item in value.items():
            where = _join(path, key)
            key_check(key, where)
            value_check(item, where)

    return rule


def _free(value: Any, path: str) -> None:
    """A value of the client's own shape must be one that can be written again: not too deep, no huge
    integers."""
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
            _refuse(errors.too_deep(path, MAX_DEPTH))


# What annotations cannot say.

_CONTENT: dict[str, tuple[tuple[type[msgspec.Struct], ...], tuple[str, ...]]] = {
    "system": ((InputText,), ("input_text",)),
    "user": ((InputText, InputAudio, InputImage), ("input_text", "input_audio")),
    "assistant": ((OutputText, OutputAudio), ("output_text",)),
}
"""The parts that a role takes, and those that a refusal lists, as the service lists them."""


def _message(value: dict[str, Any], path: str) -> None:
    kinds, listed = _CONTENT[value["role"]]
    allowed = {str(kind.__struct_config__.tag): kind for kind in kinds}
    for index, part in enumerate(value["content"]):
        where = f"{_join(path, 'content')}[{index}]"
        if not isinstance(part, dict):
            _refuse(errors.invalid_type(where, "an object", found(part)))
        _check(allowed[_tag(part, where, listed, tuple(allowed))])(part, where)


def _input_audio(value: dict[str, Any], path: str) -> None:
    where = _join(path, "audio")
    if "audio" not in value:
        _refuse(errors.missing_required_parameter(where))
    if not value["audio"] or not _is_base64(value["audio"]):
        _refuse(errors.bad_audio(where, empty=not value["audio"]))


def _output_audio(value: dict[str, Any], path: str) -> None:
    if "audio" in value:
        _refuse(errors.assistant_audio(_join(path, "audio")))
    if value.get("transcript") is None:
        _refuse(errors.missing_required_parameter(_join(path, "transcript")))


def _input_image(value: dict[str, Any], path: str) -> None:
    head, _, data = value["image_url"].partition(",")
    if head.lower() not in _IMAGE_HEADS or not data or not _is_base64(data):
        _refuse(errors.bad_image(_join(path, "image_url")))


_IMAGE_HEADS = {"data:image/png;base64", "data:image/jpeg;base64", "data:image/jpg;base64"}


def _is_base64(text: str) -> bool:
    try:
        pybase64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True


def _mcp_tool(value: dict[str, Any], path: str) -> None:
    places = [name for name in ("server_url", "connector_id", "tunnel_id") if name in value]
    if len(places) > 1:
        _refuse(errors.conflicting_parameters(path, places))
    headers = value.get("headers") or {}
    if "authorization" in value and any(name.lower() == "authorization" for name in headers):
        _refuse(errors.conflicting_parameters(path, ["authorization", "headers.Authorization"]))


def _tools(value: dict[str, Any], path: str) -> None:
    labels = set()
    for index, tool in enumerate(value.get("tools", ())):
        label = tool.get("server_label")
        if label in labels:
            where = f"{_join(path, 'tools')}[{index}].server_label"
            _refuse(errors.duplicate_server_label(where, label))
        if label is not None:
            labels.add(label)


_TRANSCRIPTION_OPTIONS: dict[str, tuple[str, ...]] = {
    "languages": ("gpt-transcribe", "gpt-live-transcribe"),
    "keywords": ("gpt-transcribe", "gpt-live-transcribe"),
    "delay": ("gpt-realtime-whisper",),
}
"""Options that only these models have."""

_NO_TRANSCRIPTION_PROMPT = ("gpt-4o-transcribe-diarize", "gpt-realtime-whisper")


def _transcription(value: dict[str, Any], path: str) -> None:
    model = value["model"]
    for option, models in _TRANSCRIPTION_OPTIONS.items():
        if option in value and model not in models:
            _refuse(errors.unsupported_option(_join(path, option)))
    if value.get("prompt") and model in _NO_TRANSCRIPTION_PROMPT:
        _refuse(errors.unsupported_option(_join(path, "prompt")))


_WHOLE: dict[type, Rule] = {
    Message: _message,
    InputAudio: _input_audio,
    OutputAudio: _output_audio,
    InputImage: _input_image,
    McpTool: _mcp_tool,
    RealtimeSessionParams: _tools,
    ResponseParams: _tools,
    Transcription: _transcription,
}
"""What an object as a whole must keep, looked at when all its fields are right by themselves."""

_UNWANTED: dict[type, dict[str, Callable[[], Error]]] = {
    TranscriptionSessionParams: {"model": errors.model_on_transcription},
}
"""Keys that have a refusal of their own."""
