"""The JSON Schema of a function's arguments, from its signature, and arguments from JSON."""

import inspect
import typing
from collections.abc import Callable, Mapping
from types import FunctionType, MethodType, UnionType
from typing import Annotated, Any, Union

import msgspec
from msgspec import UNSET

from vivavoce.client.errors import ConfigurationError
from vivavoce.client.tools.docstring import parse


class Arguments:
    """What a function can be called with.

    - description: what the function does, as its docstring says.
    - schema: JSON Schema of an object with one property for each parameter.

    Raises ConfigurationError for a signature that JSON cannot express.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self._name = getattr(function, "__name__", type(function).__name__)
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"{self._name} cannot be a tool: {error}.") from error
        self._signature = signature
        hints = _hints(function, self._name)
        said = parse(inspect.getdoc(function), signature.parameters)
        self.description = said.description
        fields: list[Any] = []
        defaults = {}
        for name, parameter in signature.parameters.items():
            self._check(parameter)
            kind = _with_descriptions(hints.get(name, Any))
            if name in said.parameters and not _described(kind):
                kind = Annotated[kind, msgspec.Meta(description=said.parameters[name])]
            if parameter.default is inspect.Parameter.empty:
                fields.append((name, kind))
            else:
                # The default stays with the function, which knows it: what is not given is not passed.
                fields.append((name, kind, UNSET))
                defaults[name] = parameter.default
        try:
            self._struct = msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True)
            self._decoder = msgspec.json.Decoder(self._struct)
            self.schema = _schema(self._struct, defaults)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{self._name} cannot be a tool: {str(error).partition(chr(10))[0].rstrip('.')}. "
                "Its parameters must have types that JSON can express."
            ) from error

    def bind(self, arguments: str) -> inspect.BoundArguments:
        """The arguments of a call, ready for the function.

        Raises msgspec.ValidationError for those that do not fit the signature, msgspec.DecodeError for what
        is no JSON.
        """
        # A model that calls a function without arguments may say nothing at all.
        decoded = self._decoder.decode(arguments.strip() or "{}")
        values = {name: getattr(decoded, name) for name in self._struct.__struct_fields__}
        bound = self._signature.bind_partial()
        bound.arguments.update({name: value for name, value in values.items() if value is not UNSET})
        return bound

    def _check(self, parameter: inspect.Parameter) -> None:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ConfigurationError(
                f"{self._name} cannot be a tool: the model cannot know what goes into {parameter}. Name each "
                "parameter."
            )
        if parameter.name in ("self", "cls") and parameter.annotation is parameter.empty:
            raise ConfigurationError(
                f"{self._name} cannot be a tool by itself: it wants an object. Make the bound method one: "
                f"tool(thing.{self._name})."
            )


def _hints(function: Callable[..., object], name: str) -> dict[str, Any]:
    inner = inspect.unwrap(function)
    target = inner if isinstance(inner, FunctionType | MethodType) else type(inner).__call__
    plain = target.__func__ if isinstance(target, MethodType) else target
    try:
        # A function inside another may name in its annotations what the other one has.
        around = inspect.getclosurevars(plain).nonlocals if isinstance(plain, FunctionType) else {}
        return typing.get_type_hints(plain, localns=dict(around), include_extras=True)
    except NameError as error:
        raise ConfigurationError(
            f"{name} cannot be a tool: an annotation is not known ({error}). Define the type at the top of "
            "the module, or do without `from __future__ import annotations`."
        ) from error


def _described(kind: Any) -> bool:
    return any(
        isinstance(meta, msgspec.Meta) and meta.description is not None
        for meta in getattr(kind, "__metadata__", ())
    )


def _with_descriptions(kind: Any) -> Any:
    """The type, with strings in `Annotated` as what they are meant for: descriptions."""
    origin = typing.get_origin(kind)
    if origin is Annotated:
        inner, *metas = typing.get_args(kind)
        kept: list[Any] = []
        for meta in metas:
            text = meta if isinstance(meta, str) else getattr(meta, "documentation", None)
            kept.append(msgspec.Meta(description=text) if isinstance(text, str) else meta)
        return Annotated[(_with_descriptions(inner), *kept)]
    if origin in (Union, UnionType):
        return Union[tuple(_with_descriptions(part) for part in typing.get_args(kind))]  # noqa: UP007
    return kind


def _schema(struct: type[msgspec.Struct], defaults: Mapping[str, object]) -> dict[str, Any]:
    (outer,), parts = msgspec.json.schema_components((struct,), ref_template=_REF + "{name}")
    own = outer["$ref"].removeprefix(_REF)
    recursive: dict[str, Any] = {}
    schema = _inlined(parts[own], parts, recursive)
    for name, default in defaults.items():
        try:
            schema["properties"][name]["default"] = msgspec.to_builtins(default)
        except TypeError:
            pass  # JSON cannot express it: the model need not know
    if recursive:
        schema["$defs"] = recursive
    return dict(schema)


_REF = "#/$defs/"


def _inlined(node: Any, parts: Mapping[str, Any], recursive: dict[str, Any]) -> Any:
    """The schema with everything at its place. Only what contains itself stays among the `$defs`."""
    if isinstance(node, list):
        return [_inlined(entry, parts, recursive) for entry in node]
    if not isinstance(node, dict):
        return node
    rest: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            rest[key] = {name: _inlined(kind, parts, recursive) for name, kind in value.items()}
        elif key not in ("$ref", "title"):
            rest[key] = value if key in _VERBATIM else _inlined(value, parts, recursive)
    if "enum" in rest and "type" not in rest and all(isinstance(value, str) for value in rest["enum"]):
        rest = {"type": "string", **rest}
    if "$ref" not in node:
        return rest
    name = node["$ref"].removeprefix(_REF)
    if _contains_itself(name, parts):
        if name not in recursive:
            recursive[name] = {}
            recursive[name] = _inlined(parts[name], parts, recursive)
        return {**rest, "$ref": node["$ref"]}
    return {**_inlined(parts[name], parts, recursive), **rest}


_VERBATIM = frozenset({"enum", "const", "default", "examples", "required"})


def _contains_itself(name: str, parts: Mapping[str, Any]) -> bool:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for reference in _references(parts[waiting.pop()]):
            if reference == name:
                return True
            if reference not in seen:
                seen.add(reference)
                waiting.append(reference)
    return False


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for entry in node for name in _references(entry)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"].removeprefix(_REF)] if isinstance(node.get("$ref"), str) else []
    return own + [name for value in node.values() for name in _references(value)]
