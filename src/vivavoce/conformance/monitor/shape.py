"""Shapes: what a piece of JSON must look like, and where it does not.

The shapes of this package are written down by hand from the published schemas and from traffic of the real
service, independently of the types that this project's own server is built on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from vivavoce.conformance.check import brief


class Problem(NamedTuple):
    """Where a piece of JSON is not as it should be."""

    path: str
    reason: str
    extra: bool = False
    """There is a key that nobody asked for: clients must ignore it."""

    def __str__(self) -> str:
        return f"{self.path or 'the event'} {self.reason}"


class Shape(Protocol):
    def problems(self, value: Any, path: str) -> Iterator[Problem]: ...


@dataclass(frozen=True)
class Scalar:
    """A value of one of these types. A boolean is no number."""

    name: str
    types: tuple[type, ...]

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, self.types) or (isinstance(value, bool) and bool not in self.types):
            yield Problem(path, f"is {brief(value)}, expected {self.name}")


TEXT = Scalar("a string", (str,))
WHOLE = Scalar("an integer", (int,))
NUMBER = Scalar("a number", (int, float))
FLAG = Scalar("true or false", (bool,))
NULL = Scalar("null", (type(None),))
ANY_OBJECT = Scalar("an object", (dict,))


@dataclass(frozen=True)
class Anything:
    """Whatever it is."""

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        return iter(())


class OneOf:
    """One of these strings."""

    def __init__(self, *values: str) -> None:
        self.values = values

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if value not in self.values:
            yield Problem(path, f"is {brief(value)}, expected {' or '.join(map(repr, self.values))}")


@dataclass(frozen=True)
class ListOf:
    """A list, each element of which has this shape."""

    element: Shape

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem(path, f"is {brief(value)}, expected a list")
            return
        for index, each in enumerate(value):
            yield from self.element.problems(each, f"{path}[{index}]")


class Either:
    """One of several shapes. What is wrong with it is told of the one that fits best."""

    def __init__(self, *shapes: Shape) -> None:
        self.shapes = shapes

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        found = [list(shape.problems(value, path)) for shape in self.shapes]
        best = min(found, key=lambda each: (sum(not problem.extra for problem in each), len(each)))
        if any(not problem.extra and problem.path == path for problem in best):
            expected = " or ".join(_name(shape) for shape in self.shapes)
            yield Problem(path, f"is {brief(value)}, expected {expected}")
        else:
            yield from best


def nullable(shape: Shape) -> Shape:
    """The shape, or null."""
    return Either(shape, NULL)


class Object:
    """An object with these keys. A key whose name ends in `?` may be left out."""

    def __init__(self, keys: Mapping[str, Shape]) -> None:
        self.keys = {name.removesuffix("?"): shape for name, shape in keys.items()}
        self.required = [name for name in keys if not name.endswith("?")]

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(path, f"is {brief(value)}, expected an object")
            return
        for name in self.required:
            if name not in value:
                yield Problem(_join(path, name), "is missing")
        for name, each in value.items():
            shape = self.keys.get(name)
            if shape is None:
                yield Problem(_join(path, name), "is not known", extra=True)
            else:
                yield from shape.problems(each, _join(path, name))


class Tagged:
    """An object whose `type` says which shape it has."""

    def __init__(self, kinds: Mapping[str, Mapping[str, Shape]]) -> None:
        self.kinds = {name: Object({"type": OneOf(name), **keys}) for name, keys in kinds.items()}

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(path, f"is {brief(value)}, expected an object")
            return
        named = value.get("type")
        kind = self.kinds.get(named) if isinstance(named, str) else None
        if kind is None:
            expected = " or ".join(map(repr, self.kinds))
            yield Problem(_join(path, "type"), f"is {brief(named)}, expected {expected}")
        else:
            yield from kind.problems(value, path)


def _name(shape: Shape) -> str:
    match shape:
        case Scalar(name=name):
            return name
        case OneOf():
            return " or ".join(map(repr, shape.values))
        case ListOf():
            return "a list"
        case Either():
            return " or ".join(_name(each) for each in shape.shapes)
        case _:
            return "an object"


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
