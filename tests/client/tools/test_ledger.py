"""Which calls are run, and what is sent about them when."""

from types import SimpleNamespace
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.client.tools.events import call, confirmed, created, done, event, refused
from vivavoce.client.tools.ledger import Call, Ledger


def fed(ledger: Ledger, *events: Any) -> list[Call]:
    for each in events:
        ledger.feed(each)
    return ledger.calls()


def types(events: list[dict[str, Any]]) -> list[str]:
    return [each["type"] for each in events]


OUTPUT, ASK = "conversation.item.create", "response.create"


def test_a_call_is_run_when_it_is_whole_and_followed_by_one_response() -> None:
    ledger = Ledger()
    (wanted,) = fed(ledger, created(), *call("now", '{"zone":"UTC"}', call_id="a"))
    assert wanted == Call("a", "now", '{"zone":"UTC"}', "resp_1")
    ledger.answer(wanted, "noon")
    (output,) = ledger.drain()
    assert output["item"] == {"type": "function_call_output", "call_id": "a", "output": "noon"}
    assert ledger.drain() == [], "the response is not over"
    assert fed(ledger, done()) == []
    (ask,) = ledger.drain()
    assert ask == {"type": "response.create", "event_id": "tools_1"}
    fed(ledger, confirmed("a"), created("resp_2"), done("resp_2"))
    assert ledger.drain() == []


def test_outputs_go_back_in_the_order_of_the_calls() -> None:
    ledger = Ledger()
    events = [*call("f", call_id="a"), *call("f", call_id="b", index=1), *call("f", call_id="c", index=2)]
    a, b, c = fed(ledger, created(), *events, done())
    ledger.answer(c, "3")
    ledger.answer(b, "2")
    assert ledger.drain() == []
    ledger.answer(a, "1")
    sent = ledger.drain()
    assert [each["item"]["output"] for each in sent[:3]] == ["1", "2", "3"]
    assert types(sent) == [OUTPUT, OUTPUT, OUTPUT, ASK]


def test_calls_may_be_finished_in_another_order_than_begun() -> None:
    ledger = Ledger()
    first, second = call("f", call_id="a"), call("f", call_id="b", index=1)
    b, a = fed(ledger, created(), first[0], second[0], second[1], first[1])
    ledger.answer(b, "2")
    assert ledger.drain() == []
    ledger.answer(a, "1")
    assert [each["item"]["call_id"] for each in ledger.drain()] == ["a", "b"]


def test_nobody_asks_while_a_response_is_in_progress() -> None:
    ledger = Ledger()
    (a,) = fed(ledger, created(), *call("f", call_id="a"), done(), created("resp_2"))
    ledger.answer(a, "1")
    assert types(ledger.drain()) == [OUTPUT]
    fed(ledger, confirmed("a"))
    assert ledger.drain() == [], "resp_2 began before the output was there, and has not read it"
    fed(ledger, done("resp_2"))
    assert types(ledger.drain()) == [ASK]


def test_a_response_that_begins_after_the_outputs_is_the_one_that_follows() -> None:
    """The user speaks while the function runs: what the server then answers has read the output."""
    ledger = Ledger()
    (a,) = fed(ledger, created(), *call("f", call_id="a"), done())
    ledger.answer(a, "1")
    assert types(ledger.drain()) == [OUTPUT, ASK]
    fed(ledger, confirmed("a"), created("resp_2"), refused("tools_1"), done("resp_2"))
    assert ledger.drain() == []


def test_a_server_that_is_busy_is_asked_again() -> None:
    ledger = Ledger()
    (a,) = fed(ledger, created(), *call("f", call_id="a"), done())
    ledger.answer(a, "1")
    assert types(ledger.drain()) == [OUTPUT, ASK]
    fed(ledger, created("resp_2"), confirmed("a"))
    assert ledger.feed(refused("tools_1")), "it need not concern anybody else"
    assert ledger.drain() == []
    fed(ledger, done("resp_2"))
    (ask,) = ledger.drain()
    assert ask["event_id"] == "tools_2"
    assert not ledger.feed(refused("tools_2", "rate_limit_exceeded"))
    fed(ledger, done("resp_3"))
    assert ledger.drain() == [], "another reason will not go away"


def test_a_server_that_is_always_busy_is_not_asked_for_ever() -> None:
    ledger = Ledger()
    (a,) = fed(ledger, created(), *call("f", call_id="a"), done())
    ledger.answer(a, "1")
    asked = 0
    for number in range(50):
        asked += types(ledger.drain()).count(ASK)
        fed(ledger, refused(f"tools_{asked}"), done(f"other_{number}"))
    assert asked == 5


def test_calls_of_a_cancelled_response() -> None:
    """What was whole is answered, so that the model knows; what was not is not run; nobody asks, because
    whoever interrupted will be answered."""
    ledger = Ledger()
    cut = call("f", call_id="b", index=1, status="incomplete")
    unfinished = call("f", call_id="c", index=2)[:1]
    (a,) = fed(ledger, created(), *call("f", call_id="a"), *cut, *unfinished, done(status="cancelled"))
    ledger.answer(a, "1")
    assert types(ledger.drain()) == [OUTPUT]


def test_no_response_follows_if_told_so() -> None:
    silent = Ledger(follow_up=False)
    (a,) = fed(silent, created(), *call("f", call_id="a"), done())
    silent.answer(a, "1")
    assert types(silent.drain()) == [OUTPUT]

    each = Ledger()
    a, b = fed(each, created(), *call("f", call_id="a"), *call("f", call_id="b", index=1), done())
    each.answer(a, "1", follow_up=False)
    each.answer(b, "2", follow_up=False)
    assert types(each.drain()) == [OUTPUT, OUTPUT]

    one_wants = Ledger(follow_up={"tool_choice": "auto"})
    a, b = fed(one_wants, created(), *call("f", call_id="a"), *call("f", call_id="b", index=1), done())
    one_wants.answer(a, "1", follow_up=False)
    one_wants.answer(b, "2")
    assert one_wants.drain()[-1]["response"] == {"tool_choice": "auto"}


def test_responses_beside_the_conversation_are_left_alone() -> None:
    ledger = Ledger()
    beside = call("f", call_id="a", response="resp_2")
    assert fed(ledger, created(), created("resp_2", None), *beside, done("resp_2", conversation=None)) == []
    assert ledger.drain() == []


def test_a_server_that_never_names_the_conversation() -> None:
    ledger = Ledger()
    begun, ended = call("f", call_id="a")
    added = event("conversation.item.added", item={**as_json(begun)["item"]})
    (a,) = fed(ledger, created(conversation=None), begun, added, ended, done(conversation=None))
    ledger.answer(a, "1")
    assert types(ledger.drain()) == [OUTPUT, ASK]


def as_json(of: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(of))


def test_no_call_is_run_twice() -> None:
    ledger = Ledger()
    once = call("f", call_id="a")
    assert len(fed(ledger, created(), *once, *once, done())) == 1
    assert fed(ledger, created("resp_2"), *call("f", call_id="a", response="resp_2"), done("resp_2")) == []


def test_joining_in_the_middle() -> None:
    """Of a response that nobody saw begin, calls are run all the same."""
    ledger = Ledger()
    (a,) = fed(ledger, call("f", call_id="a")[1], done())
    ledger.answer(a, "1")
    assert types(ledger.drain()) == [OUTPUT, ASK]


@given(st.permutations(range(6)), st.integers(0, 6), st.integers(1, 6))
def test_whatever_the_order_each_is_answered_once_and_one_response_follows(
    order: list[int], when_done: int, calls: int
) -> None:
    ledger = Ledger()
    fed(ledger, created())
    started = [
        wanted
        for index in range(calls)
        for wanted in fed(ledger, *call("f", call_id=str(index), index=index))
    ]
    sent: list[dict[str, Any]] = []
    for step, index in enumerate(each for each in order if each < calls):
        if step == when_done:
            fed(ledger, done())
        ledger.answer(started[index], "")
        sent += ledger.drain()
    if when_done >= calls:
        fed(ledger, done())
    sent += ledger.drain()
    assert [each["item"]["call_id"] for each in sent[:-1]] == [str(index) for index in range(calls)]
    assert sent[-1]["type"] == ASK


def test_a_response_that_a_lost_connection_interrupted() -> None:
    """The connection is made anew and its conversation restored: what was whole is answered, and asked
    about."""
    ledger = Ledger()
    lost = SimpleNamespace(type="client.response_interrupted", response_id="resp_1")
    unfinished = call("f", call_id="b", index=1)[:1]
    (a,) = fed(ledger, created(), *call("f", call_id="a"), *unfinished, lost)
    ledger.answer(a, "1")
    assert types(ledger.drain()) == [OUTPUT, ASK]


def test_another_session_knows_nothing_of_earlier_responses() -> None:
    ledger = Ledger()
    begun = event("session.created", session={"type": "realtime", "id": "s", "model": "m"})
    (a,) = fed(ledger, created(), *call("f", call_id="a"), begun)
    ledger.answer(a, "1")
    assert types(ledger.drain()) == [OUTPUT]
    (b,) = fed(ledger, created("resp_2"), *call("f", call_id="b", response="resp_2"), done("resp_2"))
    ledger.answer(b, "2")
    assert types(ledger.drain()) == [OUTPUT, ASK], "resp_1 is not waited for"
