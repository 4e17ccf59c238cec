"""Values of the protocol's types, made from their annotations: at random, or one of every shape."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from vivavoce.protocol import (
    InputAudio,
    InputImage,
    InputText,
    McpTool,
    Message,
    OutputAudio,
    OutputText,
    RealtimeSessionParams,
    ResponseParams,
    Transcription,
)
from vivavoce.protocol.beta.items import Message as BetaMessage
from vivavoce.protocol.beta.items import Text
from vivavoce.protocol.beta.responses import ResponseParams as BetaResponseParams

SOME_AUDIO = base64.b64encode(bytes(range(64))).decode()
SOME_IMAGE = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()

integers = st.integers(-(2**63), 2**63 - 1)
texts = st.text(max_size=20)
anything = st.recursive(
    st.none() | st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def limits_of(hint: Any) -> dict[str, Any]:
    """What `limits(…)` says in an annotation."""
    found: dict[str, Any] = {}
    for meta in getattr(hint, "__metadata__", ()):
        found |= meta.extra or {}
    return found


def is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


# At random.


def random(hint: Any, *, valid: bool) -> st.SearchStrategy[Any]:
    """Values of a type: whatever a server might send or, if `valid`, only what a client may send."""
    return _random(hint, {}, valid)


def _random(hint: Any, limits: dict[str, Any], valid: bool) -> st.SearchStrategy[Any]:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _random(args[0], limits | (limits_of(hint) if valid else {}), valid)
    if origin in (Union, UnionType):
        return st.one_of(*(_random(arg, limits, valid) for arg in args if arg is not UnsetType))
    if origin is Literal:
        return st.sampled_from(args)
    if origin is tuple:
        if "combinations" in limits:
            return st.sampled_from(limits["combinations"])
        items = _random(args[0], {}, valid)
        return st.lists(items, min_size=limits.get("min_length", 0), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(_random(args[0], {}, valid), _random(args[1], {}, valid), max_size=3)
    if is_struct(hint):
        return st.deferred(lambda: _random_struct(hint, valid))
    return _SCALARS[hint](limits)


def _random_text(limits: dict[str, Any]) -> st.SearchStrategy[str]:
    if "one_of" in limits:
        return st.sampled_from(limits["one_of"])
    if "pattern" in limits:
        return st.from_regex(limits["pattern"], fullmatch=True).filter(
            lambda text: len(text) <= limits.get("max_length", 100)
        )
    return st.text(min_size=limits.get("min_length", 0), max_size=20)


_SCALARS: dict[Any, Callable[[dict[str, Any]], st.SearchStrategy[Any]]] = {
    str: _random_text,
    int: lambda limits: st.integers(limits.get("minimum", -(2**63)), limits.get("maximum", 2**63 - 1)),
    float: lambda limits: st.floats(
        limits.get("minimum"), limits.get("maximum"), allow_nan=False, allow_infinity=False
    ),
    bool: lambda limits: st.booleans(),
    bytes: lambda limits: st.binary(max_size=20),
    type(None): lambda limits: st.none(),
    Any: lambda limits: anything,
}


def _random_struct(kind: type[msgspec.Struct], valid: bool) -> st.SearchStrategy[Any]:
    if valid and kind in _parts:
        return _messages(kind, _parts[kind])
    hints = get_type_hints(kind, include_extras=True)
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for field in msgspec.structs.fields(kind):
        if valid and limits_of(hints[field.name]).get("server_only"):
            continue
        (required if field.required else optional)[field.name] = _random(hints[field.name], {}, valid)
    made = st.fixed_dictionaries(required, optional=optional)
    if valid and kind in _REPAIRS:
        made = made.map(_REPAIRS[kind])
    return made.map(lambda fields: kind(**fields))


_parts: dict[type, dict[str, list[type[msgspec.Struct]]]] = {
    Message: {
        "system": [InputText],
        "user": [InputText, InputAudio, InputImage],
        "assistant": [OutputText, OutputAudio],
    },
    BetaMessage: {
        "system": [InputText, Text],
        "user": [InputText, InputAudio],
        "assistant": [Text],
    },
}


def _messages(
    kind: type[msgspec.Struct], parts: dict[str, list[type[msgspec.Struct]]]
) -> st.SearchStrategy[Any]:
    return st.sampled_from(sorted(parts)).flatmap(
        lambda role: st.builds(
            kind,
            role=st.just(role),
            content=st.lists(st.one_of(*(random(part, valid=True) for part in parts[role])), max_size=3).map(
                tuple
            ),
            id=texts | st.just(UNSET),
            status=st.sampled_from(["completed", "incomplete", "in_progress", UNSET]),
        )
    )


def _repair_mcp(fields: dict[str, Any]) -> dict[str, Any]:
    """One place at most, and no second authorization."""
    places = [name for name in ("server_url", "connector_id", "tunnel_id") if name in fields]
    for name in places[1:]:
        del fields[name]
    if any(name.lower() == "authorization" for name in fields.get("headers") or {}):
        fields.pop("authorization", None)
    return fields


def _repair_tools(fields: dict[str, Any]) -> dict[str, Any]:
    """Every server only once."""
    labels: set[str] = set()
    kept = []
    for tool in fields.get("tools", ()):
        label = getattr(tool, "server_label", None)
        if label is None or label not in labels:
            kept.append(tool)
        labels |= {label} if label is not None else set()
    if "tools" in fields:
        fields["tools"] = tuple(kept)
    return fields


def _repair_transcription(fields: dict[str, Any]) -> dict[str, Any]:
    """A model that has all options but one."""
    if fields.pop("delay", None):
        fields |= {"model": "gpt-realtime-whisper", "delay": "low", "prompt": None}
        fields.pop("languages", None)
        fields.pop("keywords", None)
    else:
        fields["model"] = "gpt-transcribe"
    return fields


def _repair_limit(fields: dict[str, Any]) -> dict[str, Any]:
    """One word for the limit of tokens."""
    if "max_output_tokens" in fields:
        fields.pop("max_response_output_tokens", None)
    return fields


_REPAIRS: dict[type, Callable[[dict[str, Any]], dict[str, Any]]] = {
    InputAudio: lambda fields: fields | {"audio": SOME_AUDIO},
    OutputAudio: lambda fields: {"transcript": fields.get("transcript") or ""},
    InputImage: lambda fields: fields | {"image_url": SOME_IMAGE},
    McpTool: _repair_mcp,
    RealtimeSessionParams: _repair_tools,
    ResponseParams: _repair_tools,
    BetaResponseParams: _repair_limit,
    Transcription: _repair_transcription,
}


# One of every shape.


def shapes(
    hint: Any, special: Mapping[Any, Sequence[Any]] = MappingProxyType({}), field: str = "x"
) -> list[Any]:
    """Values with every field given, in which every alternative of every type occurs at least once.

    `special` has the values of types that are not to be made this way.
    """
    origin, args = get_origin(hint), get_args(hint)
    if hint in special:
        return list(special[hint])
    if origin is Annotated:
        return shapes(args[0], special, field)
    if origin in (Union, UnionType):
        return [value for arg in args if arg is not UnsetType for value in shapes(arg, special, field)]
    if origin is Literal:
        return list(args)
    if origin is tuple:
        return [tuple(shapes(args[0], special, field)), ()]
    if origin is dict:
        return [{"key": value} for value in shapes(args[1], special, field)]
    if is_struct(hint):
        return list(_struct_shapes(hint, special))
    plain: dict[Any, list[Any]] = {
        str: [f"some {field}"],
        int: [7],
        float: [0.5],
        bool: [True, False],
        bytes: [b"{}"],
        type(None): [None],
        Any: [1, "a", None, [1], {"a": 1}],
    }
    return plain[hint]


def _struct_shapes(
    kind: type[msgspec.Struct], special: Mapping[Any, Sequence[Any]]
) -> Iterator[msgspec.Struct]:
    hints = get_type_hints(kind, include_extras=True)
    columns = {
        field.name: shapes(hints[field.name], special, field.name) for field in msgspec.structs.fields(kind)
    }
    rows = max((len(column) for column in columns.values()), default=1)
    filled = [list(islice(cycle(column), rows)) for column in columns.values()]
    for row in zip(*filled, strict=True) if filled else [()]:
        yield kind(**dict(zip(columns, row, strict=True)))
