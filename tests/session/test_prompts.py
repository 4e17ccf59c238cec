"""Prompt templates (section 3.16): what they set, what wins over them, and what is refused."""

from typing import Any

import pytest

from tests.session.driver import Driver, Event, pcm
from tests.session.expected import error
from vivavoce.protocol import (
    AudioDelta,
    AudioOutputParams,
    AudioParams,
    FunctionTool,
    RealtimeSessionParams,
    ResponseEnd,
    TextDelta,
)
from vivavoce.session import SessionOptions
from vivavoce.session.prompts import PromptTemplate, PromptVersion

CLERK = PromptTemplate(
    "2",
    {
        "1": PromptVersion(RealtimeSessionParams(instructions="You are a clerk.")),
        "2": PromptVersion(
            RealtimeSessionParams(
                instructions="You are {{name}}, a clerk in {{ city }}. {{name}}!",
                tools=(FunctionTool(name="look_up"),),
                tool_choice="required",
                max_output_tokens=100,
                output_modalities=("text",),
                audio=AudioParams(output=AudioOutputParams(voice="marin", speed=1.25)),
            ),
            {"city": "Bonn"},
        ),
    },
)
SINGER = PromptTemplate(
    "1", {"1": PromptVersion(RealtimeSessionParams(audio=AudioParams(output=AudioOutputParams(voice="ash"))))}
)
TOOL = {"type": "function", "name": "mine"}
ANNA = {"id": "pmpt_clerk", "variables": {"name": "Anna"}}


def driver(**fields: Any) -> Driver:
    prompts = {"pmpt_clerk": CLERK, "pmpt_singer": SINGER}
    return Driver(options=SessionOptions(debug=True, prompts=prompts), instructions="Be brief.", **fields)


def updated(session: Driver, **changes: Any) -> Event:
    (answer,) = session.update(**changes)
    assert answer["type"] == "session.updated", answer
    return dict(answer["session"])


def instructions(session: Driver, **overrides: Any) -> str:
    session.respond(conversation="none", **overrides)
    return session.request.instructions


def test_a_template_sets_what_it_says() -> None:
    session = driver()
    updated(session, prompt=ANNA)
    created, *_ = session.client("response.create", response={"conversation": "none"})
    request = session.request
    assert request.instructions == "You are Anna, a clerk in Bonn. Anna!"
    assert (request.tools, request.tool_choice) == ((FunctionTool(name="look_up"),), "required")
    assert (request.modality, request.voice, request.speed) == ("text", "marin", 1.25)
    assert request.max_output_tokens == 100
    shown = created["response"]
    assert (shown["output_modalities"], shown["max_output_tokens"]) == (["text"], 100)
    assert shown["audio"]["output"]["voice"] == "marin"


def test_the_session_shows_the_reference_and_not_what_came_of_it() -> None:
    session = driver()
    before = updated(session)
    assert updated(session, prompt=ANNA) == before | {"prompt": ANNA}
    assert updated(session, instructions="x")["prompt"] == ANNA
    assert updated(session, prompt=None)["prompt"] is None


def test_a_version_may_be_named() -> None:
    session = driver()
    updated(session, prompt={"id": "pmpt_clerk", "version": "1"})
    assert instructions(session) == "You are a clerk."
    assert session.request.modality == "audio"
    updated(session, prompt={"id": "pmpt_clerk", "version": None, "variables": {"name": "Ben"}})
    assert instructions(session) == "You are Ben, a clerk in Bonn. Ben!"
    updated(session, prompt={"id": "pmpt_singer", "variables": None})
    assert (instructions(session), session.request.voice) == ("Be brief.", "ash")
    updated(session, prompt=None)
    assert (instructions(session), session.request.voice) == ("Be brief.", "alloy")


@pytest.mark.parametrize(
    "value", ["Köln", {"type": "input_text", "text": "Köln"}, "{{name}}", "\\g<1>"], ids=str
)
def test_variables_are_filled_in_as_they_are(value: Any) -> None:
    session = driver()
    updated(session, prompt={"id": "pmpt_clerk", "variables": {"name": "Anna", "city": value}})
    text = value if isinstance(value, str) else value["text"]
    assert instructions(session) == f"You are Anna, a clerk in {text}. Anna!"


@pytest.mark.parametrize("first", [True, False])
def test_what_the_client_sets_itself_wins_whenever_it_was_set(first: bool) -> None:
    session = driver()
    own = {"instructions": "Mine.", "audio": {"output": {"voice": "cedar"}}, "tools": [TOOL]}
    for changes in (own, {"prompt": ANNA}) if first else ({"prompt": ANNA}, own):
        updated(session, **changes)
    assert instructions(session) == "Mine."
    request = session.request
    assert (request.voice, request.tools) == ("cedar", (FunctionTool(name="mine"),))
    # The rest is the template's.
    assert (request.speed, request.modality, request.tool_choice) == (1.25, "text", "required")


def test_both_in_one_update() -> None:
    session = driver()
    updated(session, prompt=ANNA, instructions="")
    assert instructions(session) == ""


def test_other_fields_of_the_session_stay_with_it() -> None:
    session = driver()
    updated(session, prompt=ANNA, audio={"output": {"format": {"type": "audio/pcmu"}}})
    assert instructions(session) == "You are Anna, a clerk in Bonn. Anna!"
    assert (session.request.output_format.type, session.request.voice) == ("audio/pcmu", "marin")


# A template for one response.


def test_a_response_may_have_a_template_of_its_own() -> None:
    session = driver()
    updated(session, instructions="Mine.")
    assert instructions(session, prompt=ANNA) == "You are Anna, a clerk in Bonn. Anna!"
    assert (session.request.voice, session.request.max_output_tokens) == ("marin", 100)
    assert instructions(session, prompt=ANNA, instructions="This.", tools=[]) == "This."
    assert (session.request.tools, session.request.modality) == ((), "text")
    assert instructions(session) == "Mine."
    assert instructions(session, prompt=None) == "Mine."


def test_a_response_s_template_lies_over_the_session_s() -> None:
    session = driver()
    updated(session, prompt=ANNA)
    assert instructions(session, prompt={"id": "pmpt_singer"}) == "You are Anna, a clerk in Bonn. Anna!"
    assert (session.request.voice, session.request.speed) == ("ash", 1.25)


# Refusals.


@pytest.mark.parametrize(
    ("prompt", "code", "field", "message"),
    [
        ({"id": "pmpt_none"}, "invalid_value", "id", "Prompt with id 'pmpt_none' not found."),
        (
            {"id": "pmpt_clerk", "version": "3"},
            "invalid_value",
            "version",
            "Prompt with id 'pmpt_clerk' has no version '3'.",
        ),
        ({"id": "pmpt_clerk"}, "missing_required_parameter", "variables.name", None),
        (
            {"id": "pmpt_clerk", "variables": {"city": "Bonn"}},
            "missing_required_parameter",
            "variables.name",
            None,
        ),
        (
            {"id": "pmpt_clerk", "variables": {"name": "a", "nmae": "b"}},
            "unknown_parameter",
            "variables.nmae",
            None,
        ),
        (
            {"id": "pmpt_clerk", "variables": {"name": {"type": "input_image", "detail": "auto"}}},
            "invalid_value",
            "variables.name.type",
            "Invalid value: 'input_image'. Value must be 'input_text'.",
        ),
        ({"version": "1"}, "missing_required_parameter", "id", None),
    ],
)
def test_what_cannot_be_filled_in_is_refused_and_changes_nothing(
    prompt: Event, code: str, field: str, message: str | None
) -> None:
    session = driver()
    updated(session, prompt={"id": "pmpt_clerk", "version": "1"})
    words = {
        "missing_required_parameter": "Missing required parameter: '{}'.",
        "unknown_parameter": "Unknown parameter: '{}'.",
    }
    param = f"session.prompt.{field}"
    expected = error(code, message or words[code].format(param), param)
    assert session.update(instructions="x", prompt=prompt) == [expected]
    assert instructions(session) == "You are a clerk."
    param = f"response.prompt.{field}"
    expected = error(code, message or words[code].format(param), param)
    assert session.client("response.create", response={"prompt": prompt}) == [expected]


def test_without_templates_none_is_found() -> None:
    message = "Prompt with id 'pmpt_1' not found."
    assert Driver().update(prompt={"id": "pmpt_1"}) == [error("invalid_value", message, "session.prompt.id")]


# The voice, once it was heard.

LOCKED = error("cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present.")


def heard(session: Driver) -> None:
    session.produce(session.respond(), TextDelta("Hi."), AudioDelta(pcm(100), 3), ResponseEnd())


def test_a_template_cannot_change_a_voice_that_was_heard() -> None:
    session = driver()
    heard(session)
    assert session.update(prompt={"id": "pmpt_singer"}) == [LOCKED]
    assert session.client("response.create", response={"prompt": {"id": "pmpt_singer"}}) == [LOCKED]
    session.respond(conversation="none", prompt={"id": "pmpt_singer"})
    assert session.request.voice == "ash"
    updated(session, prompt={"id": "pmpt_clerk", "version": "1"})


def test_the_voice_of_a_template_is_kept_once_it_was_heard() -> None:
    session = driver()
    updated(session, prompt={"id": "pmpt_singer"})
    heard(session)
    assert session.request.voice == "ash"
    assert session.update(prompt=None) == [LOCKED]
    assert session.update(audio={"output": {"voice": "alloy"}}) == [LOCKED]
    updated(session, audio={"output": {"voice": "ash"}}, prompt=None)
    session.respond()
    assert session.request.voice == "ash"
