"""What the model is told about a function, and what it may call it with."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.client import ConfigurationError
from vivavoce.client.tools import InvalidArguments, Tool, Tools, tool
from vivavoce.protocol import FunctionTool


class Unit(Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


@dataclass
class Place:
    """Somewhere."""

    city: str
    country: str = "FR"


class Guest(TypedDict):
    name: str
    vegan: NotRequired[bool]


class Tree(msgspec.Struct):
    label: str
    children: "list[Tree]" = []


def properties(made: Tool[..., Any]) -> dict[str, Any]:
    assert made.parameters["type"] == "object"
    return dict(made.parameters["properties"])


def test_a_signature_becomes_a_schema() -> None:
    @tool
    def book(
        name: str,
        seats: int,
        price: float,
        outside: bool,
        kind: Literal["lunch", "dinner"],
        unit: Unit,
        note: str | None,
        tags: list[str],
        prices: dict[str, float],
        anything: Any,
        days: int = 1,
        remark: str | None = None,
    ) -> None: ...

    assert properties(book) == {
        "name": {"type": "string"},
        "seats": {"type": "integer"},
        "price": {"type": "number"},
        "outside": {"type": "boolean"},
        "kind": {"type": "string", "enum": ["dinner", "lunch"]},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "prices": {"type": "object", "additionalProperties": {"type": "number"}},
        "anything": {},
        "days": {"type": "integer", "default": 1},
        "remark": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
    }
    assert book.parameters["required"] == list(properties(book))[:10], "what has a default may be left out"
    assert book.parameters["additionalProperties"] is False


def test_structures_stand_where_they_are_used() -> None:
    @tool
    def seat(guest: Guest, place: Place, other: Place) -> None: ...

    place = {
        "type": "object",
        "description": "Somewhere.",
        "properties": {"city": {"type": "string"}, "country": {"type": "string", "default": "FR"}},
        "required": ["city"],
    }
    assert properties(seat)["place"] == properties(seat)["other"] == place
    assert properties(seat)["guest"]["required"] == ["name"]
    assert "$defs" not in seat.parameters


def test_what_contains_itself_is_referred_to() -> None:
    @tool
    def plant(tree: Tree) -> str:
        return tree.children[0].label

    assert properties(plant)["tree"] == {"$ref": "#/$defs/Tree"}
    children = plant.parameters["$defs"]["Tree"]["properties"]["children"]
    assert children["items"] == {"$ref": "#/$defs/Tree"}
    assert plant.bind('{"tree":{"label":"a","children":[{"label":"b"}]}}')() == "b"


def test_parameters_may_be_named_like_keywords_of_a_schema() -> None:
    @tool
    def odd(title: str, enum: Unit, properties: Place, required: Place, default: int = 3) -> None: ...

    found = properties(odd)
    assert found["title"] == {"type": "string"}
    assert found["enum"]["enum"] == ["celsius", "fahrenheit"]
    assert found["required"] == found["properties"]
    assert found["default"] == {"type": "integer", "default": 3}


def google(city: str, days: int = 1) -> str:
    """Tell the weather.

    Looks it up.

    Args:
        city (str): Where: a city,
            or a village.
        days: How many days ahead.

    Returns:
        city: no parameter at all.
    """
    return f"{city} {days}"


def numpy(city: str, days: int = 1) -> str:
    """Tell the weather.

    Looks it up.

    Parameters
    ----------
    city : str
        Where: a city,
        or a village.
    days : int, optional
        How many days ahead.

    Returns
    -------
    str
        The weather.
    """
    return f"{city} {days}"


def sphinx(city: str, days: int = 1) -> str:
    """Tell the weather.

    Looks it up.

    :param str city: Where: a city,
        or a village.
    :param days: How many days ahead.
    :returns: The weather.
    """
    return f"{city} {days}"


def plain(city: str, days: int = 1) -> str:
    """Tell the weather.

    Looks it up.

    - city: Where: a city,
      or a village.
    - days: How many days ahead.
    """
    return f"{city} {days}"


@pytest.mark.parametrize("function", [google, numpy, sphinx, plain])
def test_a_docstring_tells_what_things_are(function: Callable[..., str]) -> None:
    made = tool(function)
    assert made.definition == FunctionTool(
        name=function.__name__,
        description="Tell the weather.\n\nLooks it up.",
        parameters={
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where: a city, or a village."},
                "days": {"type": "integer", "description": "How many days ahead.", "default": 1},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    )
    assert made("Paris", days=2) == "Paris 2", "a tool is still the function"


def test_annotations_win_over_the_docstring() -> None:
    @tool
    def weather(
        city: Annotated[str, "The city."],
        days: Annotated[int, msgspec.Meta(ge=1, le=7)] = 1,
        unit: Annotated[Unit | None, msgspec.Meta(description="Of temperatures.")] = None,
    ) -> None:
        """
        Args:
            city: Something else.
            days: How many.
        """

    assert weather.description == ""
    assert properties(weather)["city"] == {"type": "string", "description": "The city."}
    assert properties(weather)["days"] == {
        "type": "integer", "minimum": 1, "maximum": 7, "description": "How many.", "default": 1,
    }  # fmt: skip
    assert properties(weather)["unit"]["description"] == "Of temperatures."


def test_a_note_in_the_docstring_belongs_to_the_description() -> None:
    @tool
    def act(x: int) -> None:
        """Act.

        - safely: always.

        Note:
            Never twice.

        Raises:
            ValueError: x is odd.
        """

    assert act.description.split() == ["Act.", "-", "safely:", "always.", "Never", "twice."]
    assert "description" not in properties(act)["x"]


def test_names_and_descriptions_may_be_given() -> None:
    @tool(name="get-time", description="Tells the time.", timeout=2, follow_up=False)
    def now() -> str:
        return "noon"

    assert now.definition.name == "get-time"
    assert now.definition.description == "Tells the time."
    assert now.parameters["properties"] == {}
    assert (now.timeout, now.follow_up, now.is_async) == (2, False, False)


def test_coroutine_functions_methods_partials_and_objects() -> None:
    class Oven:
        async def heat(self, degrees: int) -> int:
            return degrees

        def __call__(self, dish: str) -> str:
            return f"baked {dish}"

    oven = Oven()
    assert tool(oven.heat).is_async
    assert list(properties(tool(oven.heat))) == ["degrees"]
    assert tool(oven, name="bake").bind('{"dish":"bread"}')() == "baked bread"
    in_paris = functools.partial(google, "Paris")
    assert tool(in_paris, name="paris").bind('{"days":4}')() == "Paris 4"


def test_arguments_reach_the_function_in_their_types() -> None:
    @tool
    def take(unit: Unit, place: Place, /, *, days: int = 7) -> tuple[Unit, Place, int]:
        return unit, place, days

    assert take.bind('{"place":{"city":"Nice"},"unit":"celsius"}')() == (Unit.CELSIUS, Place("Nice"), 7)


@pytest.mark.parametrize("nothing", ["", " ", "{}", "\n{ }"])
def test_no_arguments_at_all(nothing: str) -> None:
    assert tool(lambda: 1, name="one").bind(nothing)() == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('{"city":3}', "Expected `str`, got `int` - at `$.city`"),
        ("{}", "missing required field `city`"),
        ('{"city":"Rome","town":1}', "unknown field `town`"),
        ('{"city":"Rome","days":"two"}', "Expected `int`, got `str` - at `$.days`"),
        ('["Rome"]', "Expected `object`, got `array`"),
        ('{"city":"Ro', "not valid JSON"),
        ("weather in Rome", "not valid JSON"),
        ('{"city":"\ud800"}', "not valid JSON"),
    ],
)
def test_arguments_that_do_not_fit(arguments: str, said: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        tool(plain).bind(arguments)
    assert said in str(caught.value)
    assert "plain" in str(caught.value)


@given(st.text())
def test_no_arguments_break_anything_else(arguments: str) -> None:
    try:
        tool(plain).bind(arguments)
    except InvalidArguments:
        pass


def variadic(*names: str) -> None: ...
def keywords(**options: str) -> None: ...
def inexpressible(socket: Callable[[], int]) -> None: ...
def unknown(x: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821


class Thing:
    def method(self, x: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (variadic, "cannot know what goes into *names"),
        (keywords, "cannot know what goes into **options"),
        (inexpressible, "types that JSON can express"),
        (unknown, "'Nowhere' is not defined"),
        (Thing.method, "tool(thing.method)"),
        (lambda: 0, "cannot name a tool"),
    ],
)
def test_functions_that_cannot_be_tools(function: Callable[..., Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        tool(function)
    assert said in str(caught.value)


def test_tools_by_name() -> None:
    tools = Tools(google, tool(numpy))
    assert list(tools) == ["google", "numpy"]
    assert [definition.name for definition in tools.definitions] == ["google", "numpy"]
    with pytest.raises(ConfigurationError, match="Two tools are named google"):
        Tools(google, google)
    with pytest.raises(ConfigurationError, match="129 tools are too many"):
        Tools(*(tool(google, name=f"f{number}") for number in range(129)))
    with pytest.raises(ConfigurationError, match="above 0"):
        tool(timeout=0)(google)
