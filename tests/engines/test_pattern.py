"""The built-in language model: what it says to a conversation, and which rules it takes."""

import re
import time
from typing import Any

import msgspec
import pytest

from vivavoce.engines.interfaces import EngineError
from vivavoce.engines.pattern import PatternModel
from vivavoce.engines.pattern.model import PatternOptions
from vivavoce.engines.pattern.pace import MAX_INPUT, MAX_STEPS, steps
from vivavoce.engines.pattern.rules import load, parse
from vivavoce.protocol import (
    AudioPCM,
    FunctionCall,
    FunctionCallOutput,
    FunctionTool,
    InputAudio,
    InputImage,
    InputText,
    Item,
    McpCall,
    McpTool,
    McpToolExecutionError,
    Message,
    OutputAudio,
    OutputText,
    ToolChoiceFunction,
    ToolChoiceMcp,
)
from vivavoce.protocol.generation import (
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    LanguagePart,
    ResponseEnd,
    ResponseFailure,
    ResponseRequest,
    TextDelta,
)

WEATHER = FunctionTool(
    name="get_weather",
    description="Get the weather for a city",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
HANG_UP = FunctionTool(name="hang_up", description="End the conversation")


@pytest.fixture
async def model() -> PatternModel:
    return await started()


async def started(rules: str | None = None) -> PatternModel:
    model = PatternModel(PatternModel.Options(rules=rules))
    await model.start()
    return model


def user(text: str) -> Message:
    return Message(role="user", content=(InputText(text=text),))


def spoken(transcript: Any) -> Message:
    return Message(role="user", content=(InputAudio(transcript=transcript),))


def assistant(text: str) -> Message:
    return Message(role="assistant", content=(OutputAudio(transcript=text),))


async def generate(model: PatternModel, *items: Item, **overrides: Any) -> list[LanguagePart]:
    fields: dict[str, Any] = {
        "response_id": "resp_1",
        "model": "gpt-realtime",
        "instructions": "",
        "items": items,
        "modality": "text",
        "voice": "alloy",
        "input_format": AudioPCM(),
        "output_format": AudioPCM(),
    }
    return [part async for part in model.generate(ResponseRequest(**fields | overrides))]


async def say(model: PatternModel, *items: Item, **overrides: Any) -> str:
    parts = await generate(model, *items, **overrides)
    assert parts[-1] == ResponseEnd()
    assert all(isinstance(part, TextDelta) for part in parts[:-1]), parts
    return "".join(part.text for part in parts[:-1])


async def call(model: PatternModel, *items: Item, **overrides: Any) -> tuple[str, Any]:
    start, *deltas, end, over = await generate(model, *items, **overrides)
    assert isinstance(start, FunctionCallStart), start
    assert (start.call_id, end, over) == (None, FunctionCallEnd(), ResponseEnd())
    return start.name, msgspec.json.decode("".join(delta.arguments for delta in deltas))


class TestConversation:
    async def test_it_streams_word_by_word(self, model):
        assert await generate(model, user("Oh, fish!")) == [
            TextDelta("I "),
            TextDelta("heard: "),
            TextDelta("Oh, "),
            TextDelta("fish!"),
            ResponseEnd(),
        ]

    @pytest.mark.parametrize(
        ("said", "answer"),
        [
            ("Hello!", "pattern engine, not a language model"),
            ("good morning", "pattern engine, not a language model"),
            ("How are you?", "how are you?"),
            ("I'm very well", "glad"),
            ("Thanks a lot", "welcome"),
            ("bye", "Goodbye"),
            ("Who are you?", "no language model"),
            ("Am I talking to a real human?", "I am a program"),
            ("what can you do", "I call the one that fits"),
            ("help", "I call the one that fits"),
            ("What time is it?", "no clock"),
            ("What’s the date?", "no clock"),
            ("is it going to rain", "nothing about the weather"),
            ("count to ten", "nine, ten."),
            ("my name is Ann-Marie.", "Nice to meet you, Ann-Marie."),
            ("say Good night, Bob", "Good night Bob"),
            ("are you a language model", "no language model"),
        ],
    )
    async def test_small_talk(self, model, said, answer):
        assert answer in await say(model, user(said))
        assert answer in await say(model, spoken(said))

    async def test_something_longer_is_long_enough_to_interrupt(self, model):
        assert (await say(model, user("Tell me something longer"))).count(". ") >= 6

    async def test_what_was_heard_is_said_back(self, model):
        assert await say(model, spoken("go forward ten meters")) == "I heard: go forward ten meters"

    @pytest.mark.parametrize("transcript", ["", " ", None, msgspec.UNSET, "…"])
    async def test_nothing_was_understood(self, model, transcript):
        assert "did not understand" in await say(model, spoken(transcript))

    async def test_pictures(self, model):
        picture = InputImage(image_url="data:image/png;base64,")
        assert "cannot look at pictures" in await say(model, Message(role="user", content=(picture,)))
        both = Message(role="user", content=(picture, InputText(text="thanks")))
        assert await say(model, both) == "You are welcome."

    async def test_an_empty_conversation_is_greeted(self, model):
        assert (await say(model)).startswith("Hello!")

    async def test_the_last_user_message_counts(self, model):
        assert await say(model, user("hello"), assistant("Hello!"), user("thanks")) == "You are welcome."
        assert await say(model, user("thanks"), assistant("You are")) == "You are welcome."

    async def test_repeating_what_was_heard_of_the_last_answer(self, model):
        answered = Message(role="assistant", content=(OutputText(text="Two."),))
        assert await say(model, assistant("One."), answered, user("repeat that")) == "Two."
        assert await say(model, assistant("One."), assistant(""), user("say that again please")) == "One."
        assert await say(model, assistant("One."), user("Sorry, what was that?")) == "One."
        assert await say(model, user("repeat that")) == "I have not said anything yet."

    async def test_the_same_again(self, model):
        first = await generate(model, user("tell me a story"))
        assert await generate(model, user("tell me a story")) == first

    def test_what_it_can_read(self):
        model = PatternModel(PatternOptions(context_tokens=1000))
        assert (model.context_tokens, model.reasons, model.count_tokens("fives")) == (1000, False, 2)

    async def test_it_must_be_started(self):
        with pytest.raises(RuntimeError):
            await generate(PatternModel(PatternModel.Options()))


class TestInstructions:
    @pytest.mark.parametrize(
        "order",
        [
            'Say "Hello, Ann!"',
            "Say exactly “Hello, Ann!” please.",
            "say 'Hello, Ann!'",
            'Greet the user and say: "Hello, Ann!"',
        ],
    )
    async def test_an_order_to_say(self, model, order):
        assert await say(model, instructions=order) == "Hello, Ann!"

    async def test_nothing_but_an_order_wins_over_the_conversation(self, model):
        assert await say(model, user("thanks"), instructions='Say "It isn\'t"') == "It isn't"

    async def test_an_order_among_other_instructions_is_for_the_beginning(self, model):
        instructions = (
            'You are the receptionist of a hotel and kind to everybody. Say "Welcome" to begin with.'
        )
        assert await say(model, instructions=instructions) == "Welcome"
        assert await say(model, user("thanks"), instructions=instructions) == "You are welcome."

    async def test_an_order_of_the_system(self, model):
        order = Message(role="system", content=(InputText(text='Now say "Still there?"'),))
        assert await say(model, user("thanks"), assistant("You"), order) == "Still there?"

    async def test_orders_without_end_do_not_keep_it_busy(self, model):
        assert (await say(model, instructions="say'a " * 5000)).startswith("Hello!")

    async def test_saying_without_quotes_is_no_order(self, model):
        assert (await say(model, instructions="Say hello to everybody's friends")).startswith("Hello!")


class TestFunctions:
    async def test_words_that_fit(self, model):
        said = user("What's the weather in Paris?")
        assert await call(model, said, tools=(HANG_UP, WEATHER)) == ("get_weather", {"city": "Paris"})

    async def test_arguments_come_in_pieces(self, model):
        parts = await generate(model, user("weather in Llanfairpwllgwyngyll"), tools=(WEATHER,))
        assert len([part for part in parts if isinstance(part, FunctionCallDelta)]) > 1

    async def test_words_that_do_not_fit(self, model):
        assert await say(model, user("thanks"), tools=(HANG_UP, WEATHER)) == "You are welcome."

    async def test_none(self, model):
        said = user("What's the weather in Paris?")
        assert "nothing about the weather" in await say(model, said, tools=(WEATHER,), tool_choice="none")

    async def test_required(self, model):
        tools = (HANG_UP, WEATHER)
        assert (await call(model, user("Is it warm in Rome?"), tools=tools, tool_choice="required"))[
            0
        ] == "hang_up"
        assert await call(model, user("weather in Rome"), tools=tools, tool_choice="required") == (
            "get_weather",
            {"city": "Rome"},
        )
        assert await call(model, tools=tools, tool_choice="required") == ("hang_up", {})

    async def test_required_calls_again_after_an_output(self, model):
        items = (user("weather in Rome"), FunctionCall(name="get_weather", call_id="c", arguments="{}"))
        output = FunctionCallOutput(call_id="c", output="warm")
        name, _ = await call(model, *items, output, tools=(WEATHER,), tool_choice="required")
        assert name == "get_weather"

    async def test_named(self, model):
        choice = ToolChoiceFunction(name="hang_up")
        assert await call(model, user("weather in Rome"), tools=(WEATHER, HANG_UP), tool_choice=choice) == (
            "hang_up",
            {},
        )

    async def test_named_but_not_declared(self, model):
        choice = ToolChoiceFunction(name="nope")
        (failure,) = await generate(model, user("x"), tools=(WEATHER,), tool_choice=choice)
        assert failure == ResponseFailure(
            "invalid_request_error", "invalid_value", "Tool choice 'nope' not found in 'tools' parameter."
        )

    async def test_tools_of_mcp_servers_are_not_called_here(self, model):
        tools = (McpTool(server_label="weather", server_url="https://example.com"),)
        assert "welcome" in await say(model, user("thanks"), tools=tools, tool_choice="required")
        choice = ToolChoiceMcp(server_label="weather")
        assert "welcome" in await say(model, user("thanks"), tools=tools, tool_choice=choice)

    async def test_the_output_is_told(self, model):
        asked = user("What's the weather in Paris?")
        called = FunctionCall(name="get_weather", call_id="c", arguments='{"city":"Paris"}')
        output = FunctionCallOutput(call_id="c", output='{"sky": "clear", "celsius": 21}')
        told = await say(model, asked, called, output, tools=(WEATHER,))
        assert told == "Sky is clear and celsius is 21."

    async def test_outputs_of_parallel_calls_are_told_in_order(self, model):
        calls = [FunctionCall(name="f", call_id=each, arguments="{}") for each in "ab"]
        outputs = [FunctionCallOutput(call_id=each, output=f"This is {each}.") for each in "ab"]
        before = (
            FunctionCall(name="f", call_id="z", arguments="{}"),
            FunctionCallOutput(call_id="z", output="Old."),
        )
        assert await say(model, *before, user("go"), *calls, *outputs) == "This is a. This is b."
        assert (
            await say(model, user("go"), calls[0], outputs[0], calls[1], outputs[1])
            == "This is a. This is b."
        )

    async def test_outputs_of_mcp_tools_are_told(self, model):
        done = McpCall(server_label="s", name="f", arguments="{}", output="All good.")
        failed = McpCall(
            server_label="s", name="f", arguments="{}", error=McpToolExecutionError(message="no disk")
        )
        assert await say(model, user("go"), done, failed) == "All good. That did not work: no disk."


class TestTokens:
    async def test_text_ends_with_a_whole_word(self, model):
        parts = await generate(model, user("count to ten"), max_output_tokens=4)
        assert parts[-1] == ResponseEnd("max_output_tokens")
        assert "".join(part.text for part in parts[:-1]) == "One, two, three,"

    async def test_a_first_word_that_is_too_long_is_cut(self, model):
        parts = await generate(model, instructions='Say "Incomprehensibilities"', max_output_tokens=2)
        assert parts == [TextDelta("Incompre"), ResponseEnd("max_output_tokens")]

    async def test_enough_is_enough(self, model):
        parts = await generate(model, instructions='Say "Hello Ann"', max_output_tokens=3)
        assert parts[-1] == ResponseEnd("completed")

    async def test_arguments_are_cut(self, model):
        parts = await generate(model, user("weather in Paris"), tools=(WEATHER,), max_output_tokens=3)
        assert parts == [
            FunctionCallStart("get_weather"),
            FunctionCallDelta('{"city":"Par'),
            ResponseEnd("max_output_tokens"),
        ]


OWN = """
[answers]
otherwise = "What is {heard}?"

[[rule]]
hears = ['open (the )?(?P<what>\\w+)', 'unlock']
says = "I open the {what}."

[[rule]]
hears = "door (?P<number>\\\\w+)"
calls = "set_door"
arguments = { id = "{number}", state = "open", note = ["for {number}"] }
"""
DOOR = FunctionTool(
    name="set_door",
    parameters={
        "properties": {"id": {"type": "integer"}, "state": {"type": "string"}, "slow": {"type": "boolean"}}
    },
)


class TestRules:
    async def test_rules_of_ones_own(self, tmp_path):
        file = tmp_path / "rules.toml"
        file.write_text(OWN)
        model = await started(str(file))
        assert await say(model, user("Open the window!")) == "I open the window."
        assert await say(model, user("unlock it")) == "I open the ."
        assert await say(model, user("hello")) == "What is hello?"
        assert await say(model) == "Hello!"
        assert await say(model, user("open door five")) == "I open the door."
        called = await call(model, user("open door five, slow"), tools=(DOOR,))
        assert called == ("set_door", {"id": 5, "state": "open", "slow": True, "note": ["for five"]})

    def test_the_built_in_ones(self):
        assert len(load(None)._rules) > 15

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("[[rule", "rules.toml is not TOML"),
            ("[[rules]]", "unknown key rules; a file of rules has [answers] and [[rule]]"),
            ("rule = 5", "rules are written as [[rule]]"),
            ("[answers]\ngreting = 'x'", "answers: there is an unknown field `greting`"),
            ("[answers]\ngreeting = 5", "answers: greeting: expected `str`, got `int`"),
            ("[answers]\ngreeting = '{heard}'", "answers.greeting: nothing is called {heard} here"),
            ("[[rule]]\nsays = 'x'", "rule 1: object missing required field `hears`"),
            ("[[rule]]\nhears = []\nsays = 'x'", "rule 1: hears nothing"),
            ("[[rule]]\nhears = 'a'", "rule 1 ('a'): a rule either says or calls something"),
            ("[[rule]]\nhears = 'a'\nsays = 'x'\ncalls = 'y'", "either says or calls"),
            ("[[rule]]\nhears = 'a'\nsays = 'x'\narguments = {a = 1}", "only a rule that calls something"),
            (
                "[[rule]]\nhears = 'a'\nsays = 'x'\n[[rule]]\nhears = '('\nsays = 'x'",
                "rule 2 ('('): not a regular expr",
            ),
            (
                "[[rule]]\nhears = 'a'\nsays = 'my {thing}'",
                "nothing is called {thing} here; choices are: {heard}, {last",
            ),
            (
                "[[rule]]\nhears = 'a'\ncalls = 'f'\narguments = {x = ['{thing}']}",
                "nothing is called {thing}",
            ),
            ("[[rule]]\nhears = '(a|b)+x'\nsays = 'x'", "could take too long"),
            (f"[[rule]]\nhears = '{'a' * 501}'\nsays = 'x'", "longer than 500 characters"),
            (f"[[rule]]\nhears = 'a'\nsays = '{'x' * 20_001}'", "the answer is longer than 20000"),
            ("[[rule]]\nhears = 'a'\nsays = 'x'\n" * 2001, "at most 2000 of them"),
            ("#" * 1_000_001, "is longer than 1000000 bytes"),
        ],
    )
    async def test_what_is_refused(self, tmp_path, text, reason):
        file = tmp_path / "rules.toml"
        file.write_text(text)
        with pytest.raises(EngineError, match=re.escape(reason)) as caught:
            await started(str(file))
        assert str(file) in str(caught.value)

    async def test_files_that_are_none(self, tmp_path):
        with pytest.raises(
            EngineError, match=r"The rules cannot be read from .*: No such file or directory\."
        ):
            await started(str(tmp_path / "missing.toml"))
        with pytest.raises(EngineError, match="not UTF-8"):
            parse(b"\xff\xfe", "rules.toml")


class TestPace:
    @pytest.mark.parametrize(
        ("pattern", "ways"),
        [
            ("abc", 1),
            (r"\bhow (are|is) (you|it)\b", 4),
            ("a?b?", 4),
            ("[]a)*]", 1),
            (r"[^\]]x\(", 1),
            ("a*", 301),
            ("a+?", 300),
            ("a{2,4}", 3),
            ("a{2}", 1),
            ("a{,3}", 4),
            ("a{298,}", 3),
            ("a{x", 1),
            ("a{}", 1),
            ("(?:ab)+", 300),
            ("(?P<n>a|b){0,2}", 7),
            ("(?i:a|b)(?=c|d)(?!e)(?<=f)(?#g*)(?P=n)", 4),
        ],
    )
    def test_ways(self, pattern, ways):
        assert steps(pattern) == ways * MAX_INPUT

    @pytest.mark.parametrize(
        "pattern", ["(a|b)*c", "(a*)*", "(a+b?)+", "((a|b){0,9}){0,9}", ".*.*.*x", "(?(1)a|b)"]
    )
    def test_too_many_ways(self, pattern):
        assert steps(pattern) > MAX_STEPS

    def test_what_passes_is_quick(self):
        worst = ".*.*x"
        assert steps(worst) < MAX_STEPS
        began = time.process_time()
        assert re.search(worst, "a" * MAX_INPUT) is None
        assert time.process_time() - began < 5
