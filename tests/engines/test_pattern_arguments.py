"""Functions that fit the words, and arguments that fit the schema."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.engines.pattern.arguments import arguments
from vivavoce.engines.pattern.functions import THRESHOLD, best, name_stems, score
from vivavoce.engines.pattern.outputs import MAX_CHARACTERS, sentence
from vivavoce.engines.pattern.words import Utterance, name_words, numbers, split, stem
from vivavoce.protocol import FunctionTool

STRING, INTEGER, NUMBER, BOOLEAN = ({"type": kind} for kind in ("string", "integer", "number", "boolean"))


def choice(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def listing(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def function(function_name: str, description: str, *required: str, **properties: Any) -> FunctionTool:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return FunctionTool(name=function_name, description=description, parameters=schema)


TOOLS = [
    function(
        "get_weather",
        "Get the current weather for a city",
        "city",
        city=STRING,
        unit=choice("celsius", "fahrenheit"),
        days={**INTEGER, "minimum": 1, "maximum": 7},
    ),
    function(
        "set_light",
        "Switch a light on or off in a room",
        "room",
        "on",
        room=choice("kitchen", "living_room", "bedroom"),
        on=BOOLEAN,
        brightness={**INTEGER, "maximum": 100},
    ),
    function(
        "book_table",
        "Book a table at a restaurant",
        "guests",
        restaurant=STRING,
        guests=INTEGER,
        date=STRING,
        time=STRING,
        outside=BOOLEAN,
    ),
    function("set_timer", "Start a timer", minutes=INTEGER, seconds=INTEGER, label=STRING),
    function("search_web", "Search the web", "query", query=STRING),
    function("sendMessage", "Send a text message to someone", "recipient", recipient=STRING, message=STRING),
    function("add_to_shopping_list", "Add things to the shopping list", "items", items=listing(STRING)),
    function(
        "find_flights", "Find flights between two cities", origin=STRING, destination=STRING, date=STRING
    ),
    function("create_reminder", "Remind the user of something", "task", task=STRING, when=STRING),
    function("play_music", "Play a song", artist=STRING, genre=choice("jazz", "rock", "pop")),
    function(
        "order_pizza",
        "Order a pizza",
        "size",
        "toppings",
        size=choice("small", "medium", "large"),
        toppings=listing(choice("ham", "cheese", "olives")),
        quantity=INTEGER,
    ),
    function(
        "move_robot", "Move the robot", "distance", direction=choice("forward", "backward"), distance=NUMBER
    ),
    function("end_call", "End the call when the user says goodbye"),
]


@pytest.mark.parametrize(
    ("said", "name", "values"),
    [
        ("What's the weather like in Paris?", "get_weather", {"city": "Paris"}),
        (
            "weather in new york for three days in fahrenheit",
            "get_weather",
            {"city": "new york", "unit": "fahrenheit", "days": 3},
        ),
        ("the weather for 30 days in Rome please", "get_weather", {"city": "Rome", "days": 7}),
        ("turn on the kitchen light", "set_light", {"room": "kitchen", "on": True}),
        ("turn the bedroom lights off", "set_light", {"room": "bedroom", "on": False}),
        (
            "light in the living room to fifty percent",
            "set_light",
            {"room": "living_room", "on": True, "brightness": 50},
        ),
        (
            "book a table for four at Luigi's tomorrow at 7:30",
            "book_table",
            {"restaurant": "Luigi's", "guests": 4, "date": "tomorrow", "time": "7:30"},
        ),
        (
            "I'd like a table for two in the Red Lion next friday at 8 p.m., not outside, please book it",
            "book_table",
            {
                "restaurant": "Red Lion",
                "guests": 2,
                "date": "next friday",
                "time": "8 p.m.",
                "outside": False,
            },
        ),
        ("set a timer for twenty five minutes", "set_timer", {"minutes": 25}),
        ("a timer of 30 seconds and two minutes", "set_timer", {"minutes": 2, "seconds": 30}),
        ("search the web for cheap flights to Rome", "search_web", {"query": "cheap flights to Rome"}),
        ("send a message to Bob saying I'm late", "sendMessage", {"recipient": "Bob", "message": "I'm late"}),
        ('message "see you" to Ann', "sendMessage", {"recipient": "Ann", "message": "see you"}),
        (
            "add milk, brown eggs and bread to the shopping list",
            "add_to_shopping_list",
            {"items": ["milk", "brown eggs", "bread"]},
        ),
        (
            "find flights from Berlin to New York next monday",
            "find_flights",
            {"origin": "Berlin", "destination": "New York", "date": "next monday"},
        ),
        ("remind me to buy milk tomorrow", "create_reminder", {"task": "buy milk", "when": "tomorrow"}),
        ("play some jazz by Miles Davis", "play_music", {"artist": "Miles Davis", "genre": "jazz"}),
        (
            "order two large pizzas with ham and olives",
            "order_pizza",
            {"size": "large", "toppings": ["ham", "olives"], "quantity": 2},
        ),
        (
            "move the robot minus 3.5 meters backward",
            "move_robot",
            {"direction": "backward", "distance": -3.5},
        ),
        ("well, goodbye", "end_call", {}),
    ],
)
def test_words_that_fit_a_function(said, name, values):
    heard = Utterance(said)
    tool, fit = best(TOOLS, heard)
    assert (tool.name, fit >= THRESHOLD) == (name, True)
    assert arguments(tool.parameters, heard, name_stems(tool)) == values


@pytest.mark.parametrize(
    "said",
    [
        "hello",
        "how are you",
        "thank you very much for the call",
        "tell me something for the user",
        "what do you want to do with that",
        "I had a good day at the office",
        "is it on or off",
        "go and get it",
        "get the current one",
        "",
    ],
)
def test_words_that_fit_none(said):
    assert max(score(tool, Utterance(said)) for tool in TOOLS) < THRESHOLD


def test_one_word_of_a_long_description_is_not_enough():
    description = (
        "Opens a ticket with the help desk whenever a printer, screen, mouse or cable is broken or lost"
    )
    assert (
        score(FunctionTool(name="open_ticket", description=description), Utterance("a mouse ate it"))
        < THRESHOLD
    )


def test_a_function_without_description_or_parameters():
    bare = FunctionTool(name="self-destruct")
    assert score(bare, Utterance("self destruct now")) >= THRESHOLD
    assert arguments({}, Utterance("self destruct now"), name_stems(bare)) == {}


@pytest.mark.parametrize(
    ("schema", "said", "value"),
    [
        (STRING, "for Berlin", "Berlin"),
        ({"enum": ["red", 5, None]}, "give me five", 5),
        ({"enum": [1, 2]}, "two", 2),
        ({"enum": ["kitchen", "garage"]}, "the kitchin please", "kitchen"),
        ({"enum": ["garden", "garage"]}, "the garage", "garage"),
        ({"type": ["integer", "null"]}, "seven", 7),
        ({"anyOf": [{"type": "integer"}, {"type": "string", "enum": ["all"]}]}, "all of it", "all"),
        ({"oneOf": [{"type": "null"}, {"$ref": "#/$defs/colour"}]}, "in blue", "blue"),
        ({"allOf": [{"$ref": "#/$defs/colour"}]}, "in blue", "blue"),
        ({"type": "integer", "multipleOf": 5}, "twelve", 10),
        ({"type": "integer", "exclusiveMinimum": 3}, "one", 4),
        ({"type": "number", "exclusiveMaximum": 3}, "ten", 3 - 1e-6),
        ({"type": "string", "maxLength": 3}, "in Berlin", "Ber"),
        ({"type": "string", "format": "email"}, "write to ann@example.com now", "ann@example.com"),
        ({"type": "string", "format": "date"}, "on 2024-02-03 in Rome", "2024-02-03"),
        (listing(INTEGER), "one, two and 30", [1, 2, 30]),
        (listing(INTEGER, maxItems=2), "one, two and 30", [1, 2]),
        (listing(choice("a1", "b2"), minItems=2, uniqueItems=True), "b2", ["b2", "a1"]),
        (listing({"type": "object", "properties": {"count": INTEGER}}), "three", [{"count": 3}]),
        (
            {"type": "object", "properties": {"city": STRING, "days": INTEGER}},
            "in Rome 3",
            {"city": "Rome", "days": 3},
        ),
    ],
)
def test_one_parameter(schema, said, value):
    root = {"properties": {"thing": schema}, "$defs": {"colour": choice("red", "blue")}}
    assert arguments(root, Utterance(said), frozenset()) == {"thing": value}


@pytest.mark.parametrize(
    ("names", "said", "values"),
    [
        ("title", "the title is Spring Song, please", {"title": "Spring Song"}),
        ("city days", "city of Paris", {"city": "Paris"}),
        ("city days", "which city is it", {}),
        ("city days", "the city.", {}),
        ("name guests", "a table called Rose for me", {"name": "Rose"}),
        ("genre", "some jazz please", {"genre": "jazz"}),
        ("genre mood", "some jazz please", {}),
        ("x y", "in Rome", {}),
        ("destination", "to the us", {}),
        ("query", "please", {}),
        ("date city", "in Rome at noon next week", {"date": "next week", "city": "Rome"}),
        ("time city", "in Rome at noon next week", {"time": "noon", "city": "Rome"}),
        (
            "when city",
            "in Rome on the fifth of May at 5 o'clock",
            {"when": "May at 5 o'clock", "city": "Rome"},
        ),
        ("date city", "may I go to Rome", {"city": "Rome"}),
        ("subject", "\u201cGood news\u201d", {"subject": "Good news"}),
    ],
)
def test_free_text(names, said, values):
    schema = {"properties": dict.fromkeys(names.split(), STRING)}
    assert arguments(schema, Utterance(said), frozenset()) == values


def test_lists_of_free_text():
    def listed(said: str, name: str = "things") -> Any:
        return arguments({"properties": {name: listing(STRING)}}, Utterance(said), frozenset(["add"])).get(
            name
        )

    assert listed('add "a b" and "c", please') == ["a b", "c"]
    assert listed("add the milk, eggs or two loaves of bread") == ["milk", "eggs", "two loaves", "bread"]
    assert listed("the weather in Paris, London and New York for me", "cities_city") == [
        "Paris",
        "London",
        "New York",
    ]
    assert listed("add") is None


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (STRING, ""),
        ({"type": "string", "minLength": 3}, "..."),
        (INTEGER, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "number", "maximum": -2.5}, -2.5),
        (BOOLEAN, False),
        (choice("x", "y"), "x"),
        ({"const": 8}, 8),
        ({"type": "integer", "default": 9}, 9),
        ({"type": ["string", "null"]}, None),
        ({"type": "null"}, None),
        ({"anyOf": [INTEGER, STRING]}, 0),
        (listing(INTEGER), []),
        (listing(INTEGER, minItems=2, uniqueItems=True), [0, 1]),
        (listing(STRING, minItems=2, uniqueItems=True), ["", "2"]),
        ({"type": "object", "properties": {"a": INTEGER, "b": INTEGER}, "required": ["a"]}, {"a": 0}),
        (True, ""),
    ],
)
def test_what_is_required_and_not_said(schema, value):
    heard = Utterance("please")
    assert arguments({"properties": {"thing": schema}, "required": ["thing"]}, heard, frozenset()) == {
        "thing": value
    }
    assert arguments({"properties": {"thing": schema}}, Utterance("please"), frozenset()) == {}


def test_required_without_properties():
    assert arguments({"required": ["x", 5]}, Utterance("hello there"), frozenset()) == {
        "x": "hello there"[:0]
    }


def test_words_are_used_once():
    schema = {"properties": {"a": INTEGER, "b": INTEGER, "c": INTEGER}}
    assert arguments(schema, Utterance("one and two"), frozenset()) == {"a": 1, "b": 2}


def test_settled_arguments():
    schema = {"properties": {"count": INTEGER, "unit": STRING}, "required": ["count", "unit"]}
    given_ = {"count": "twenty five", "unit": "days"}
    assert arguments(schema, Utterance("x"), frozenset(), given_) == {"count": 25, "unit": "days"}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": 5, "required": 5},
        {"properties": {"a": 5, "b": None, "c": False}, "required": ["a", "b", "c"]},
        {"properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"properties": {"a": {"$ref": "http://x"}}, "required": ["a"]},
        {"properties": {"a": {"$ref": "#/properties/a"}}, "required": ["a"]},
        {
            "properties": {"a": {"type": "array", "items": {"$ref": "#/properties/a"}, "minItems": 9}},
            "required": ["a"],
        },
        {"properties": {"a": {"anyOf": [{"$ref": "#/properties/a"}] * 9}}, "required": ["a"]},
        {"properties": {"a": {"type": "string", "minLength": 10**9}}, "required": ["a"]},
        {"properties": {"a": {"type": "array", "minItems": 10**9}}, "required": ["a"]},
        {"properties": {str(name): STRING for name in range(5000)}},
        {"properties": {"a": {"enum": []}}, "required": ["a"]},
        {
            "properties": {"a": {"type": "integer", "minimum": 10**400, "maxLength": 10**400}},
            "required": ["a"],
        },
        {
            "properties": {
                "a": {"allOf": [5, {"$ref": "#/properties/b"}], "required": ["x"]},
                "b": {"required": ["y"]},
            }
        },
        {
            "allOf": [{"properties": {"a": STRING}}, {"properties": {"b": STRING}}],
            "properties": {"c": STRING},
        },
        {"properties": {"a": {"type": "integer", "minimum": "x", "multipleOf": 0}}, "required": ["a"]},
    ],
)
def test_schemas_from_strangers_do_no_harm(schema):
    assert isinstance(arguments(schema, Utterance("in Rome for three days"), frozenset()), dict)


def valid(value: Any, schema: dict[str, Any]) -> bool:
    """JSON Schema, as far as these tests use it."""
    if "enum" in schema:
        return value in schema["enum"]
    match schema["type"]:
        case "integer" | "number":
            whole = isinstance(value, int) or schema["type"] == "number"
            within = schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
            return (
                whole
                and not isinstance(value, bool)
                and within
                and value % schema.get("multipleOf", value or 1) == 0
            )
        case "boolean":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str) and schema.get("minLength", 0) <= len(value) <= schema.get(
                "maxLength", 9999
            )
        case "array":
            counted = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 9999)
            return counted and all(valid(each, schema["items"]) for each in value)
        case "object":
            return all(name in value for name in schema["required"]) and all(
                valid(each, schema["properties"][name]) for name, each in value.items()
            )
    return False


NAMES = st.sampled_from(
    ["city", "date", "time", "count", "on", "name", "query", "thing", "size", "to", "from", "x"]
)
LEAVES = st.one_of(
    st.just(BOOLEAN),
    st.builds(
        lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more},
        st.integers(-9, 9),
        st.integers(0, 9),
    ),
    st.builds(lambda low: {"type": "number", "minimum": low}, st.floats(-5, 5)),
    st.builds(lambda step: {"type": "integer", "multipleOf": step}, st.integers(1, 9)),
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    st.lists(st.sampled_from(["red", "dark blue", "Rome", "7", "at"]), min_size=1, unique=True).map(
        lambda each: {"type": "string", "enum": each}
    ),
)


def objects(schemas: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(NAMES, schemas, max_size=4).flatmap(
        lambda properties: (
            st.lists(st.sampled_from(sorted(properties)), unique=True).map(
                lambda required: {"type": "object", "properties": properties, "required": required}
            )
            if properties
            else st.just({"type": "object", "properties": {}, "required": []})
        )
    )


SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        objects(inner),
        st.builds(
            lambda items, low: listing(items, minItems=low, maxItems=low + 2), inner, st.integers(0, 3)
        ),
    ),
    max_leaves=8,
)
WORDS = """
in Rome tomorrow at seven 25 minus 3.5 to Bob the red dark blue on off please, and "quoted words" of
"""
SAID = st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join)


@settings(max_examples=300)
@given(objects(SCHEMAS), SAID | st.text(max_size=50))
def test_arguments_are_valid(schema, said):
    assert valid(arguments(schema, Utterance(said), frozenset()), schema)


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ("25", [25]),
        ("twenty five", [25]),
        ("minus 3.5 and -2", [-3.5, -2]),
        ("a hundred and five", [105]),
        ("three point one four", [3.14]),
        ("two and a half hours", [2.5]),
        ("half", [0.5]),
        ("five minutes and thirty seconds", [5, 30]),
        ("two thousand and twelve", [2012]),
        ("one hundred twenty three thousand four hundred fifty six", [123456]),
        ("one two three", [1, 2, 3]),
        ("zero five", [0, 5]),
        ("ten five", [10, 5]),
        ("a dozen eggs, two dozen", [12, 24]),
        ("1,000 and 3,5 and 2 million", [1000, 3.5, 2_000_000]),
        ("1.2.3 or 12345678901234567890 or hundred", []),
        ("nine" + " hundred" * 200, []),
        ("nine" + " billion" * 200, [9_000_000_000]),
    ],
)
def test_numbers(said, values):
    assert [number.value for number in numbers(split(said))] == values


def test_forms_of_a_word_have_one_stem():
    for forms in [
        "city cities",
        "turn turns turned turning",
        "set sets setting",
        "book booked booking",
        "box boxes",
    ]:
        assert len({stem(form) for form in forms.split()}) == 1
    for forms in [
        "move moves moved moving",
        "remind reminder reminders",
        "Bob's Bob",
        "temperature temperatures",
    ]:
        assert len({stem(form) for form in forms.split()}) == 1
    assert len({stem(word) for word in ["bus", "is", "glass", "king", "bed", "use"]}) == 6


def test_names_are_words():
    assert name_words("getHTTPStatus_code-2x") == ["get", "http", "status", "code", "2x"]


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("It is  21\ndegrees", "It is 21 degrees"),
        ("", "Done."),
        ("null", "Done."),
        ("{}", "Done."),
        ("true", "Yes."),
        ("false", "No."),
        ("3.50", "The result is 3.5."),
        ('"sunny"', "sunny"),
        (
            '{"city": "Paris", "temperatureMax": 21.5, "sky": "clear", "rain": false}',
            "City is Paris, temperature max is 21.5, sky is clear and rain is no.",
        ),
        ('{"ok": true}', "Done."),
        ('{"status": "ok"}', "Done."),
        ('{"success": false}', "That did not work."),
        ('{"success": true, "id": "A1"}', "Id is A1."),
        ('{"error": "no such city"}', "That did not work: no such city."),
        ('{"error": null, "n": 1}', "Error is nothing and n is 1."),
        ('{"result": {"total": 3}}', "Total is 3."),
        ("[1, 2, 3]", "1, 2 and 3."),
        ('[{"a": 1}, {"a": 2}]', "A is 1; a is 2."),
        ('{"items": ["x", "y"], "left": []}', "Items are x and y and left is nothing."),
        ('{"at": {"home": true}}', "At: home is yes."),
        ('{"a":{"b":{"c":{"d":{"e":1}}}}}', "A: b: c: d: more."),
        (str(list(range(20))), "0, 1, 2, 3, 4, 5, 6, 7, and so on."),
        ("[1, 2", "[1, 2"),
    ],
)
def test_outputs_are_told(output, said):
    assert sentence(output) == said


def test_long_outputs_are_shortened():
    assert sentence("So it is. " * 100) == "So it is. " * 40 + "And so on."
    told = sentence("word " * 200)
    assert told.endswith("word, and so on.")
    assert len(told) <= MAX_CHARACTERS + 20
    assert sentence("[" * 100_000).startswith("[")
