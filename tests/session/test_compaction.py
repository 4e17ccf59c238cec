"""Older turns that become a summary."""

from typing import Any

import pytest

from tests.session.driver import Driver, Event, pcm
from tests.session.expected import usage
from vivavoce.protocol import (
    AudioDelta,
    FunctionCallDelta,
    FunctionCallStart,
    ResponseEnd,
    ResponseRequest,
    TextDelta,
)
from vivavoce.session import Cancel, Compaction, Respond, SessionOptions, Summarise
from vivavoce.session.compaction import HEADING, MAX_FAILURES

HALF = Compaction(begin=0.75, keep=0.4, max_tokens=20, instructions="Sum up.")
SUMMARY_TOKENS = 2 + 9 + 2
"""The overhead of an item, the heading, and two words."""


def driver(*, compaction: Compaction | None = HALF, room: int = 60, **fields: Any) -> Driver:
    """A session with room for 60 words of conversation."""
    options = SessionOptions(
        debug=True,
        context_tokens=room + 10,
        compaction=compaction,
        count_tokens=lambda text: len(text.split()),
        hears_audio=fields.pop("hears_audio", False),
    )
    fields.setdefault("output_modalities", ("text",))
    return Driver(options=options, max_output_tokens=10, **fields)


def say(session: Driver, *names: str) -> list[str]:
    """Messages of three words, so of five tokens each."""
    return [session.say(f"here is {name}") for name in names]


def turn(session: Driver, **overrides: Any) -> ResponseRequest | None:
    """A response that says nothing; the summary that is asked for after it."""
    session.produce(session.respond(**overrides), ResponseEnd())
    asked = session.did(Summarise)
    return asked[0].request if asked else None


def summarise(session: Driver, request: ResponseRequest | None, text: str = "Much happened.") -> list[Event]:
    assert request is not None
    session.session.summarised(request.response_id, text)
    return session.drain()


def seen(session: Driver, **overrides: Any) -> list[str]:
    """The ids of what a response sees."""
    turn(session, **overrides)
    return [item["id"] for item in session.prompt]


def test_older_turns_become_a_summary() -> None:
    session = driver(instructions="Be kind.")
    items = say(session, *map(str, range(8)))
    assert turn(session) is None  # 40 of 58 are not yet three quarters
    items += say(session, "8")
    request = turn(session)
    assert request is not None
    # 45 of 58: down to 23.2, so five of nine go.
    (asked,) = request.items
    assert asked.type == "message"
    (part,) = asked.content
    assert part.type == "input_text"
    assert part.text.splitlines() == [f"User: here is {n}" for n in range(5)]
    assert (request.instructions, request.modality, request.max_output_tokens) == ("Sum up.", "text", 20)
    assert (request.tools, request.tool_choice, request.model) == ((), "none", "gpt-realtime")
    assert summarise(session, request) == []
    assert session.effects == []
    answer = session.respond()
    summary, *rest = session.prompt
    assert summary["role"] == "system"
    assert summary["content"] == [{"type": "input_text", "text": f"{HEADING}Much happened."}]
    assert [item["id"] for item in rest] == items[5:]
    *_, done, _ = session.produce(answer, ResponseEnd())
    assert done["response"]["usage"] == usage((2 + SUMMARY_TOKENS + 4 * 5, 0), (0, 0))
    for item in items:
        assert session.retrieve(item)["content"]


def test_nothing_waits_for_it() -> None:
    session = driver()
    items = say(session, *map(str, range(10)))
    request = turn(session)
    items += say(session, "10", "11", "12")
    assert turn(session) is None  # one at a time
    assert [item["id"] for item in session.prompt] == items[1:]  # plain truncation
    answer = session.respond()
    summarise(session, request)
    assert [item["id"] for item in session.prompt] == items[1:]
    session.produce(answer, ResponseEnd())
    assert seen(session)[1:] == items[6:]


def test_the_next_summary_goes_on_from_the_last() -> None:
    session = driver()
    say(session, *map(str, range(10)))
    summarise(session, turn(session), "First came this.")
    say(session, *map(str, range(10, 16)))
    request = turn(session)
    assert request is not None
    (asked,) = request.items
    assert asked.type == "message"
    (part,) = asked.content
    assert part.type == "input_text"
    first, *others = part.text.splitlines()
    assert first == f"{HEADING}First came this."
    assert others[0] == "User: here is 6"
    summarise(session, request, "Then came that.")
    turn(session)
    assert session.prompt[0]["content"][0]["text"] == f"{HEADING}Then came that."
    assert sum(item["role"] == "system" for item in session.prompt) == 1


def test_a_summary_is_never_dropped() -> None:
    session = driver()
    say(session, *map(str, range(10)))
    summarise(session, turn(session))
    items = say(session, *map(str, range(10, 30)))
    kept = seen(session)
    assert session.prompt[0]["role"] == "system"
    assert kept[1:] == items[-((60 - SUMMARY_TOKENS) // 5) :]


def test_everything_is_told_as_it_was() -> None:
    session = driver(
        room=2000,  # of which the picture takes 765
        compaction=Compaction(begin=0.3, keep=0.001, max_tokens=50),
        input={"turn_detection": None},
        output_modalities=("audio",),
    )
    session.speak(pcm(200), "What is the time?")
    answer = session.respond()
    session.produce(answer, FunctionCallStart("clock", "c1"), FunctionCallDelta('{"zone":1}'), ResponseEnd())
    session.create({"type": "function_call_output", "call_id": "c1", "output": "noon"})
    answer = session.respond()
    session.produce(answer, TextDelta("It is noon now."), AudioDelta(pcm(300), 10), ResponseEnd())
    session.client("conversation.item.truncate", item_id=session.last_item, content_index=0, audio_end_ms=300)
    session.create(
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "And this?"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
            ],
        }
    )
    session.create(
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be nice."}]}
    )
    session.say("Thanks")
    request = turn(session)
    assert request is not None
    (asked,) = request.items
    assert asked.type == "message"
    (part,) = asked.content
    assert part.type == "input_text"
    assert part.text.splitlines() == [
        "User: What is the time?",
        'The assistant called clock with {"zone":1}',
        "It returned: noon",
        "Assistant: It is noon",
        "User: And this? (a picture)",
        "System: Be nice.",
    ]


def test_a_call_that_waits_for_its_output_is_not_folded() -> None:
    session = driver()
    (first,) = say(session, "first")
    session.create({"type": "function_call", "name": "f", "call_id": "c1", "arguments": "{}"})
    call = session.last_item
    items = say(session, *map(str, range(8)))
    request = turn(session)
    assert request is not None
    session.session.summary_failed(request.response_id)
    (asked,) = request.items
    assert asked.type == "message"
    assert [part.text for part in asked.content if part.type == "input_text"] == ["User: here is first"]
    session.create({"type": "function_call_output", "call_id": "c1", "output": "Done"})
    session.say("And now?")
    summarise(session, turn(session))
    assert seen(session)[1:] == [*items[4:], session.last_item]
    assert {first, call}.isdisjoint(item["id"] for item in session.prompt)


# When there is none.


@pytest.mark.parametrize(
    "fields",
    [{"compaction": None}, {"hears_audio": True}, {"truncation": "disabled"}],
    ids=["not asked for", "a model that hears", "nothing may be left out"],
)
def test_sessions_without(fields: dict[str, Any]) -> None:
    session = driver(**fields)
    say(session, *map(str, range(11)))
    assert turn(session) is None
    assert Summarise not in {type(effect) for effect in session.log}


def test_other_responses_ask_for_none() -> None:
    session = driver()
    say(session, *map(str, range(11)))
    assert turn(session, conversation="none") is None
    assert turn(session, input=[]) is None
    assert turn(session) is not None


@pytest.mark.parametrize("text", ["", " \n", "word " * 60], ids=["empty", "blank", "longer than before"])
def test_a_summary_that_is_none_changes_nothing(text: str) -> None:
    session = driver()
    items = say(session, *map(str, range(11)))
    request = turn(session)
    summarise(session, request, text)
    assert seen(session) == items


def test_failures_are_forgiven_a_few_times() -> None:
    session = driver()
    items = say(session, *map(str, range(11)))
    for _ in range(MAX_FAILURES):
        request = turn(session)
        assert request is not None
        session.session.summary_failed(request.response_id)
        session.session.summary_failed(request.response_id)  # nobody waits for it any more
    assert turn(session) is None
    assert seen(session) == items


def test_a_summary_that_succeeds_makes_good_for_failures() -> None:
    session = driver()
    say(session, *map(str, range(11)))
    for _ in range(MAX_FAILURES - 1):
        request = turn(session)
        assert request is not None
        session.session.summary_failed(request.response_id)
    summarise(session, turn(session))
    say(session, *map(str, range(11)))
    assert turn(session) is not None


# What is deleted must not be told.


@pytest.mark.parametrize("index", [0, 4])
def test_a_deleted_item_voids_the_summary_that_is_written(index: int) -> None:
    session = driver()
    items = say(session, *map(str, range(11)))
    request = turn(session)
    assert request is not None
    session.client("conversation.item.delete", item_id=items[index])
    assert session.did(Cancel) == [Cancel(request.response_id)]
    summarise(session, request, "Something that was deleted.")
    items.remove(items[index])
    assert seen(session) == items


def test_an_item_that_stays_as_it_is_does_not_void_it() -> None:
    session = driver()
    items = say(session, *map(str, range(11)))
    request = turn(session)
    session.client("conversation.item.delete", item_id=items[-1])
    assert session.did(Cancel) == []
    summarise(session, request)
    turn(session)
    assert session.prompt[0]["role"] == "system"


def test_a_deleted_item_voids_the_summary_that_tells_of_it() -> None:
    session = driver()
    items = say(session, *map(str, range(11)))
    summarise(session, turn(session))
    session.client("conversation.item.delete", item_id=items[0])
    request = turn(session)
    assert [item["id"] for item in session.prompt] == items[1:]
    summarise(session, request, "Anew.")
    turn(session)
    assert session.prompt[0]["content"][0]["text"] == f"{HEADING}Anew."


def test_what_was_not_heard_voids_the_summary() -> None:
    session = driver(output_modalities=("audio",))
    answer = session.respond()
    session.produce(answer, TextDelta("One two three"), AudioDelta(pcm(300), 13), ResponseEnd())
    spoken = session.last_item
    say(session, *map(str, range(10)))
    summarise(session, turn(session))
    assert spoken not in seen(session)
    session.client("conversation.item.truncate", item_id=spoken, content_index=0, audio_end_ms=0)
    turn(session)
    assert session.prompt[0]["id"] == spoken
    assert session.prompt[0]["content"] == [{"type": "output_audio", "transcript": ""}]


def test_a_new_summary_is_given_up_with_the_one_that_it_goes_on_from() -> None:
    session = driver()
    items = say(session, *map(str, range(10)))
    summarise(session, turn(session))
    say(session, *map(str, range(10)))
    request = turn(session)
    assert request is not None
    session.client("conversation.item.delete", item_id=items[0])
    assert session.did(Cancel) == [Cancel(request.response_id)]


def test_the_end_of_the_session_is_the_summary_s() -> None:
    session = driver()
    say(session, *map(str, range(11)))
    request = turn(session)
    assert request is not None
    session.end()
    assert session.did(Cancel) == [Cancel(request.response_id)]
    summarise(session, request)
    assert session.did(Respond) == []


def test_keep_is_less_than_begin() -> None:
    with pytest.raises(ValueError, match="keep must be less than begin"):
        Compaction(begin=0.5, keep=0.5)


def test_another_output_of_a_call_that_is_told_of_voids_the_summary() -> None:
    session = driver()
    session.create({"type": "function_call", "name": "f", "call_id": "c1", "arguments": "{}"})
    call = session.last_item
    session.create({"type": "function_call_output", "call_id": "c1", "output": "Done"})
    say(session, *map(str, range(9)))
    summarise(session, turn(session))
    assert call not in seen(session)
    session.create({"type": "function_call_output", "call_id": "c1", "output": "Corrected"})
    kept = seen(session)
    assert kept[0] == call
    assert kept[-1] == session.last_item
