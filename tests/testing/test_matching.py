"""Patterns, and what is filled into templates."""

import re
from typing import Any

import pytest

from vivavoce.testing import ABSENT, ANY, contains, matches
from vivavoce.testing.matching import Bindings, Mismatch, UnknownName, compare, filled

FOUND: dict[str, Any] = {
    "type": "a",
    "n": 1,
    "yes": True,
    "list": [{"x": 1, "y": 2}, 3],
    "text": "Hello there",
}


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"type": "a"},
        {"list": [{"x": 1}, 3]},
        {"n": 1.0, "yes": True},
        {"none": ABSENT, "n": ANY},
        {"text": matches("^Hel+o")},
        {"text": contains("there"), "list": contains({"y": 2})},
        {"text": "$greeting", "list": [{"x": "$one"}, 3], "n": "$one"},
    ],
)
def test_like_its_pattern(pattern: dict[str, Any]) -> None:
    assert compare(pattern, FOUND, {}) == []


@pytest.mark.parametrize(
    ("pattern", "path", "expected", "found"),
    [
        ({"type": "b"}, "type", '"b"', '"a"'),
        ({"none": ANY}, "none", '"$any"', "nothing"),
        ({"none": {"x": 1}}, "none", '{"x":1}', "nothing"),
        ({"n": ABSENT}, "n", '"$absent"', "1"),
        ({"n": True}, "n", "true", "1"),
        ({"n": {"x": 1}}, "n", '{"x":1}', "1"),
        ({"list": [{"x": 2}, 3]}, "list[0].x", "2", "1"),
        ({"list": [{}]}, "list", "[{}]", '[{"x":1,"y":2},3]'),
        ({"text": matches("^there")}, "text", '{"$matches":"^there"}', '"Hello there"'),
        ({"n": matches("1")}, "n", '{"$matches":"1"}', "1"),
        ({"list": contains(4)}, "list", '{"$contains":4}', '[{"x":1,"y":2},3]'),
        ({"type": "$one", "n": "$one"}, "n", '"$one"', "1"),
    ],
)
def test_unlike_its_pattern(pattern: dict[str, Any], path: str, expected: str, found: str) -> None:
    names: Bindings = {}
    assert compare(pattern, FOUND, names) == [Mismatch(path, expected, found)]
    assert names == {}


def test_names_are_filled_in() -> None:
    names: Bindings = {}
    assert compare({"n": "$n", "list": "$list"}, FOUND, names) == []
    made: list[str] = []

    def new_id(prefix: str) -> str:
        made.append(prefix)
        return f"{prefix}_{len(made)}"

    template = {
        "n": "$n",
        "text": "It is ${n}, $$5 and $5",
        "ids": ["$item.a", "$item.b", "$item.a", "${item.b}!"],
        "list": "$list",
    }
    assert filled(template, names, new_id) == {
        "n": 1,
        "text": "It is 1, $5 and $5",
        "ids": ["item_1", "item_2", "item_1", "item_2!"],
        "list": FOUND["list"],
    }


@pytest.mark.parametrize("name", ["$x", "${x}", "$thing.x"])
def test_names_that_stand_for_nothing(name: str) -> None:
    with pytest.raises(UnknownName, match=r"stands for nothing yet.*known: \$a"):
        filled({"text": name}, {"a": 1}, str)


def test_an_expression_that_is_none() -> None:
    with pytest.raises(ValueError, match=re.escape("'(' is no regular expression")):
        matches("(")
