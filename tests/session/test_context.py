"""What of a long conversation a response sees (sections 3.15 and 4.11)."""

import json
from typing import Any

import pytest

from tests.session.driver import Driver, Event, pcm
from tests.session.expected import usage
from vivavoce.protocol import (
    AudioDelta,
    FunctionCallDelta,
    FunctionCallStart,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpListTools,
    Message,
    ResponseEnd,
    TextDelta,
)
from vivavoce.session import Respond, SessionOptions
from vivavoce.session.context import too_many
from vivavoce.session.conversation import StoredItem

OVERHEAD = 2
"""Tokens of an item beside its words."""


def words(text: str) -> int:
    """A tokenizer that is easy to follow: one token a word."""
    return len(text.split())


def driver(context_tokens: int, *, max_output_tokens: int | str = 10, **fields: Any) -> Driver:
    """A session whose model has this window, of which 10 tokens are for the answer."""
    options = SessionOptions(
        debug=True,
        context_tokens=context_tokens,
        count_tokens=words,
        hears_audio=fields.pop("hears_audio", False),
    )
    fields.setdefault("output_modalities", ("text",))
    return Driver(options=options, max_output_tokens=max_output_tokens, **fields)


def ratio(share: float, post_instructions: int | None = None) -> Event:
    limits = {} if post_instructions is None else {"token_limits": {"post_instructions": post_instructions}}
    return {"type": "retention_ratio", "retention_ratio": share, **limits}


def say(session: Driver, *names: str) -> list[str]:
    """Messages of three words, so of five tokens each."""
    return [session.say(f"here is {name}") for name in names]


def finish(session: Driver, answer: str) -> Event:
    *_, done, _ = session.produce(answer, ResponseEnd())
    return dict(done["response"])


def seen(session: Driver, **overrides: Any) -> list[str]:
    """The ids of the items that a response sees; it says nothing."""
    answer = session.respond(**overrides)
    finish(session, answer)
    return [item["id"] for item in session.prompt]


def failure(session: Driver, **overrides: Any) -> Event:
    """The response that comes back failed at once."""
    created, done, limits = session.client("response.create", response=overrides)
    assert (created["type"], created["response"]["status"]) == ("response.created", "in_progress")
    assert limits["type"] == "rate_limits.updated"
    assert done["type"] == "response.done"
    assert session.did(Respond) == []
    return dict(done["response"])


# Automatic truncation.


def test_what_fits_is_seen_whole() -> None:
    session = driver(25)
    items = say(session, "one", "two", "three")
    assert seen(session) == items


def test_the_oldest_go_first_and_in_silence() -> None:
    session = driver(25)
    items = say(session, "one", "two", "three", "four")
    assert seen(session) == items[1:]
    for item in items:
        assert session.retrieve(item)["content"]


def test_usage_counts_what_was_seen() -> None:
    session = driver(25)
    say(session, "one", "two", "three", "four")
    assert finish(session, session.respond())["usage"] == usage((15, 0), (0, 0))


def test_what_was_left_out_comes_back_when_there_is_room() -> None:
    session = driver(25)
    items = say(session, "one", "two", "three", "four")
    assert seen(session) == items[1:]
    session.client("conversation.item.delete", item_id=items[2])
    assert seen(session) == [items[0], items[1], items[3]]


def test_instructions_and_tools_take_their_room() -> None:
    session = driver(25, instructions="Be brief and kind, please.")
    items = say(session, "one", "two", "three")
    assert seen(session) == items[1:]
    assert session.request.instructions == "Be brief and kind, please."
    assert seen(session, instructions="") == items
    tool = {"type": "function", "name": "f", "description": "one two three four five six"}
    assert seen(session, tools=[tool]) == items[2:]
    assert [each.name for each in session.request.tools if each.type == "function"] == ["f"]


@pytest.mark.parametrize(("most", "fits"), [(10, 6), (20, 4), ("inf", 4), (4096, 4)])
def test_the_answer_takes_its_room_but_no_more_than_half(most: int | str, fits: int) -> None:
    session = driver(40, max_output_tokens=most)
    items = say(session, *"abcdefgh")
    assert seen(session) == items[-fits:]


def test_a_response_may_leave_more_or_less_room() -> None:
    session = driver(40)
    items = say(session, *"abcdefgh")
    assert seen(session, max_output_tokens=1) == items[-7:]
    assert seen(session) == items[-6:]


def test_without_a_window_nothing_is_dropped() -> None:
    session = driver(0)
    items = say(session, *map(str, range(200)))
    assert seen(session) == items


@pytest.mark.parametrize(("hears", "tokens"), [(False, OVERHEAD + 3), (True, OVERHEAD + 20)])
def test_speech_takes_the_room_of_its_words_or_of_its_sound(hears: bool, tokens: int) -> None:
    """A model that hears reads ten tokens a second; one that does not reads what was understood."""

    def session(room: int) -> Driver:
        made = driver(2 * room, max_output_tokens=room, hears_audio=hears, input={"turn_detection": None})
        made.speak(pcm(2000), "three words long")
        made.say("x")
        return made

    assert len(seen(session(tokens + 3))) == 2
    assert len(seen(session(tokens + 2))) == 1


def test_what_was_cut_off_takes_no_room() -> None:
    session = driver(40, max_output_tokens="inf", output_modalities=("audio",))
    answer = session.respond()
    session.produce(answer, TextDelta("one two three four five six seven eight nine"))
    session.produce(answer, AudioDelta(pcm(900), 44), ResponseEnd())
    spoken = session.last_item
    (other,) = say(session, "short")
    (last,) = say(session, "last")
    assert seen(session) == [other, last]
    session.client("conversation.item.truncate", item_id=spoken, content_index=0, audio_end_ms=0)
    assert seen(session) == [spoken, other, last]


def test_what_is_still_being_written_is_counted_as_it_stands() -> None:
    session = driver(24)
    answer = session.respond()
    session.produce(answer, TextDelta("one two"))
    written = session.last_item
    session.say("question")
    assert seen(session, conversation="none") == [written, session.last_item]
    session.produce(answer, TextDelta(" three four five six seven eight nine ten"))
    assert seen(session, conversation="none") == [session.last_item]


# What belongs together.


def call(session: Driver, name: str) -> str:
    """A call without arguments: three tokens."""
    item = {"type": "function_call", "name": "f", "call_id": name, "arguments": ""}
    return str(session.create(item)[0]["item"]["id"])


def output(session: Driver, name: str, text: str) -> str:
    item = {"type": "function_call_output", "call_id": name, "output": text}
    return str(session.create(item)[0]["item"]["id"])


def test_a_call_goes_with_its_output() -> None:
    session = driver(30)
    called = call(session, "c1")
    first, second = say(session, "one", "two")
    returned = output(session, "c1", "it is three")
    (third,) = say(session, "three")
    # 3 + 5 + 5 + 5 + 5 of 20
    assert seen(session) == [first, second, third]
    assert {called, returned}.isdisjoint(item["id"] for item in session.prompt)


def test_an_output_that_is_to_be_answered_keeps_its_call() -> None:
    session = driver(30)
    called = call(session, "c1")
    items = say(session, "one", "two", "three")
    returned = output(session, "c1", "it is three")
    # 3 + 15 + 5 of 20
    assert seen(session) == [called, *items[1:], returned]


def test_calls_side_by_side_go_each_with_its_own() -> None:
    session = driver(27)
    one, two = call(session, "c1"), call(session, "c2")
    outputs = output(session, "c1", "a b c"), output(session, "c2", "a b c")
    (said,) = say(session, "one")
    # 3 + 3 + 5 + 5 + 5 of 17
    assert seen(session) == [two, outputs[1], said]
    assert one not in [item["id"] for item in session.prompt]


def test_an_output_whose_call_is_gone_goes_alone() -> None:
    session = driver(25)
    called = call(session, "c1")
    returned = output(session, "c1", "it is three")
    session.client("conversation.item.delete", item_id=called)
    items = say(session, "one", "two")
    assert seen(session) == [returned, *items]
    items += say(session, "three")
    assert seen(session) == items


# No truncation.


def test_where_nothing_may_be_dropped_the_response_fails() -> None:
    session = driver(25, instructions="Be brief.")
    session.update(truncation="disabled")
    items = say(session, "one", "two")
    assert seen(session) == items
    items += say(session, "three")
    done = failure(session, metadata={"a": "b"})
    message = (
        "This conversation is too long for the model: it takes 17 tokens, and at most 15 fit beside the "
        "answer. Delete items, shorten the instructions, or allow truncation."
    )
    error = {"type": "invalid_request_error", "code": "context_length_exceeded", "message": message}
    assert done["status_details"] == {"type": "failed", "error": error}
    assert (done["status"], done["output"], done["usage"]) == ("failed", [], usage((0, 0), (0, 0)))
    assert done["metadata"] == {"a": "b"}
    # And the session goes on.
    session.client("conversation.item.delete", item_id=items[0])
    assert seen(session) == items[1:]
    session.update(truncation="auto")
    items += say(session, "four")
    assert seen(session) == items[2:]


def test_a_turn_that_is_too_long_fails_as_well() -> None:
    session = driver(26, input={"turn_detection": None})
    session.update(truncation="disabled")
    say(session, "one", "two")
    item = session.speak(pcm(200))
    answer = session.respond()
    done, _ = session.transcribe(item, "and so many words more than fit")
    assert done["response"]["id"] == answer
    assert done["response"]["status_details"]["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize("truncation", ["auto", ratio(0.5), ratio(0)], ids=str)
def test_what_is_to_be_answered_is_never_dropped(truncation: Any) -> None:
    session = driver(25)
    session.update(truncation=truncation)
    say(session, "one")
    item = session.say("one two three four five six seven eight nine ten eleven twelve thirteen")
    assert seen(session) == [item]
    session.say("one two three four five six seven eight nine ten eleven twelve thirteen fourteen")
    details = failure(session)["status_details"]
    assert details["error"]["code"] == "context_length_exceeded"
    assert "takes 16 tokens, and at most 15 fit" in details["error"]["message"]


def test_instructions_that_leave_no_room_fail() -> None:
    session = driver(25, instructions=" ".join(["word"] * 16))
    assert failure(session)["status_details"]["error"]["code"] == "context_length_exceeded"
    assert seen(session, instructions="") == []


# A retention ratio.


def test_a_ratio_drops_more_than_it_must() -> None:
    session = driver(60)
    session.update(truncation=ratio(0.5))
    items = say(session, *map(str, range(10)))
    assert seen(session) == items  # 50 of 50
    items += say(session, "10")
    assert seen(session) == items[-5:]


def test_what_a_ratio_dropped_stays_dropped_so_that_the_cache_is_found() -> None:
    session = driver(60)
    session.update(truncation=ratio(0.5))
    items = say(session, *map(str, range(11)))
    assert seen(session) == items[6:]
    for number in range(11, 16):
        items += say(session, str(number))
        assert seen(session) == items[6:]
    items += say(session, "16")
    assert seen(session) == items[12:]


def test_a_whole_ratio_drops_as_little_as_it_can() -> None:
    session = driver(60)
    session.update(truncation=ratio(1.0))
    items = say(session, *map(str, range(12)))
    assert seen(session) == items[2:]


def test_a_limit_of_its_own_counts_the_conversation_alone() -> None:
    session = driver(1000, instructions="These are five words, no?")
    session.update(truncation=ratio(1.0, 20))
    items = say(session, *map(str, range(5)))
    assert seen(session) == items[1:]
    assert seen(session, instructions="") == items[1:]


def test_a_limit_beyond_the_window_changes_nothing() -> None:
    session = driver(25)
    session.update(truncation=ratio(1.0, 1000))
    items = say(session, "one", "two", "three", "four")
    assert seen(session) == items[1:]


def test_other_contexts_do_not_decide_what_the_conversation_forgets() -> None:
    session = driver(60)
    session.update(truncation=ratio(0.5))
    items = say(session, *map(str, range(10)))
    references = [{"type": "item_reference", "id": item} for item in items]
    assert len(seen(session, conversation="none", instructions="one two three")) == 4
    assert len(seen(session, input=[*references, *references])) == 5
    assert seen(session) == items


def test_a_reference_brings_back_what_was_dropped() -> None:
    session = driver(60)
    session.update(truncation=ratio(0.5))
    items = say(session, *map(str, range(11)))
    assert seen(session) == items[6:]
    assert seen(session, conversation="none") == items[6:]
    assert seen(session, input=[{"type": "item_reference", "id": items[0]}]) == [items[0]]


def test_another_truncation_begins_anew() -> None:
    session = driver(60)
    session.update(truncation=ratio(0.1))
    items = say(session, *map(str, range(11)))
    assert seen(session) == items[10:]
    session.update(truncation=ratio(0.1), instructions="Same.")
    assert seen(session) == items[10:]
    session.update(truncation="auto", instructions="")
    assert seen(session) == items[1:]


def test_calls_are_not_torn_by_a_ratio() -> None:
    session = driver(30)
    session.update(truncation=ratio(0.5))
    (first,) = say(session, "one")
    answer = session.respond()
    session.produce(answer, FunctionCallStart("f", "c1"), FunctionCallDelta("{}"), ResponseEnd())
    called = session.last_item
    say(session, "two", "three")
    returned = output(session, "c1", "it is")
    # 5 + 4 + 5 + 5 + 4 of 20: down to 10, and the output is to be answered.
    kept = seen(session)
    assert kept == [called, returned]
    assert first not in kept


# Every item is counted once.


def test_counts_are_kept() -> None:
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return words(text)

    session = Driver(
        options=SessionOptions(debug=True, context_tokens=1000, count_tokens=count),
        output_modalities=("text",),
        input={"turn_detection": None},
    )
    say(session, "one", "two")
    session.speak(pcm(200), "spoken words")
    finish(session, session.respond())
    assert counted == ["here is one", "here is two", "spoken words"]
    counted.clear()
    finish(session, session.respond())
    assert counted == []
    session.say("one more")
    finish(session, session.respond(conversation="none"))
    assert counted == ["one more"]


def test_a_window_of_real_size() -> None:
    session = Driver(options=SessionOptions(debug=False, context_tokens=32_768))
    items = [session.say("x" * 400) for _ in range(400)]  # 102 tokens each
    kept = seen(session)
    assert len(kept) == (32_768 - 4096) // 102
    assert kept == items[-len(kept) :]
    assert len(json.dumps(session.prompt)) > 100_000


def test_a_call_that_was_dropped_comes_back_with_its_output() -> None:
    session = driver(30)
    session.update(truncation=ratio(0.5))
    called = call(session, "c1")
    items = say(session, "one", "two", "three", "four")
    assert seen(session) == items[2:]
    returned = output(session, "c1", "late")
    # 3 + 5 + 5 + 3
    assert seen(session) == [called, *items[2:], returned]


def test_the_approval_of_a_call_goes_with_it() -> None:
    request = McpApprovalRequest(id="r1", server_label="s", name="n", arguments="{}")
    answer = McpApprovalResponse(id="a1", approval_request_id="r1", approve=True)
    approved = McpCall(id="m1", server_label="s", name="n", arguments="{}", approval_request_id="r1")
    other = McpCall(id="m2", server_label="s", name="n", arguments="{}")
    tools = McpListTools(id="l1", server_label="s", tools=())
    message = Message(id="i1", status="completed", role="user", content=())
    context = [StoredItem(item) for item in (tools, request, answer, message, approved, other, message)]
    assert too_many(context, [1] * 7, 7, 6) == {1, 2, 4}
    assert too_many(context, [1] * 7, 7, 3.5) == {1, 2, 4, 3}
    assert too_many(context, [1] * 7, 7, 0) == {1, 2, 4, 3, 5}
