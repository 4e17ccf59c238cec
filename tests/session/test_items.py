"""Items of the conversation: create, retrieve, delete, and where they stand (sections 2.6 to 2.9, 6)."""

import json
from typing import Any

import pytest

from tests.session.driver import HEAD, Driver, Event, base64_of, g711, pcm, types
from tests.session.expected import Id, error, event, function_call, message
from vivavoce.protocol import (
    AudioDelta,
    FunctionCallDelta,
    FunctionCallStart,
    ResponseEnd,
    TextDelta,
)
from vivavoce.session import (
    AbandonTranscription,
    FeedTranscription,
    FinishTranscription,
    OpenTranscription,
    SessionOptions,
)

TEXT = {"type": "input_text", "text": "Hello"}
SAID = {"type": "message", "role": "user", "content": [TEXT]}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}


def order(driver: Driver) -> list[str]:
    """The ids of the conversation, as the next request shows them."""
    answer = driver.respond(conversation="none")
    driver.client("response.cancel", response_id=answer)
    return [str(item.id) for item in driver.request.items]


# Create.


@pytest.mark.parametrize("previous", [{}, {"previous_item_id": None}, {"previous_item_id": ""}])
def test_at_the_end_by_default(previous: Event) -> None:
    driver = Driver()
    driver.create({"id": "a", **SAID})
    added, done = driver.create({"id": "b", **SAID}, **previous)
    assert added["previous_item_id"] == done["previous_item_id"] == "a"
    assert order(driver) == ["a", "b"]


def test_root_is_before_all_others() -> None:
    driver = Driver()
    added, _ = driver.create({"id": "a", **SAID}, previous_item_id="root")
    assert added["previous_item_id"] is None
    added, done = driver.create({"id": "b", **SAID}, previous_item_id="root")
    assert added["previous_item_id"] is done["previous_item_id"] is None
    assert order(driver) == ["b", "a"]


def test_after_an_item_and_the_others_keep_their_order() -> None:
    driver = Driver()
    driver.create({"id": "alpha", **SAID})
    driver.create({"id": "bravo", **SAID})
    added, done = driver.create({"id": "charlie", **SAID}, previous_item_id="alpha")
    assert added["previous_item_id"] == done["previous_item_id"] == "alpha"
    assert order(driver) == ["alpha", "charlie", "bravo"]


def test_after_an_unknown_item() -> None:
    driver = Driver()
    assert driver.create({"id": "a", **SAID}, previous_item_id="nope", event_id="e1") == [
        error(
            "item_create_invalid_previous_item_id",
            "Error adding item: the previous item with id 'nope' does not exist.",
            event_id="e1",
        )
    ]
    assert driver.create({"id": "a", **SAID}, previous_item_id="a")[0]["type"] == "error"
    assert order(driver) == []


def test_an_id_stands_once() -> None:
    driver = Driver()
    driver.create({"id": "yo", **SAID})
    assert driver.create({"id": "yo", **SAID}, event_id="e1") == [
        error(
            "item_create_duplicate_item_id",
            "Error adding item: an item with id 'yo' already exists.",
            event_id="e1",
        )
    ]
    assert order(driver) == ["yo"]


def test_ids_are_minted_where_the_client_gives_none() -> None:
    driver = Driver()
    (first, _), (second, _) = driver.create(SAID), driver.create({"id": "", **SAID})
    one, two = Id("item"), Id("item")
    assert first["item"]["id"] == one
    assert second["item"]["id"] == two
    assert str(one) != str(two)


def test_an_id_that_the_server_was_about_to_mint_is_not_minted() -> None:
    driver = Driver()

    def take_the_next() -> str:
        """Create an item with the id that comes after those of its own two events."""
        (cleared,) = driver.client("input_audio_buffer.clear")
        taken = f"item_{HEAD}{int(cleared['event_id'][-8:]) + 3:08d}"
        driver.create({"id": taken, **SAID})
        return taken

    taken = take_the_next()
    assert driver.say("mine") != taken
    taken = take_the_next()
    (started,) = driver.talk(320)
    assert started["item_id"] != taken
    answer = driver.respond()
    taken = take_the_next()
    driver.produce(answer, TextDelta("Hi"), ResponseEnd())
    assert driver.last_item != taken
    assert taken in order(driver)


def test_an_id_that_was_announced_is_taken() -> None:
    driver = Driver()
    (started,) = driver.talk(320)
    refused, *_ = driver.create({"id": started["item_id"], **SAID})
    assert refused["error"]["code"] == "item_create_duplicate_item_id"
    committed, *_ = driver.talk(320, 0.0)
    assert committed["item_id"] == started["item_id"]


def test_an_id_that_is_being_written_is_taken_even_when_its_item_was_deleted() -> None:
    driver = Driver()
    answer = driver.respond()
    driver.produce(answer, TextDelta("Hi"))
    item = driver.last_item
    driver.client("conversation.item.delete", item_id=item)
    refused, *_ = driver.create({"id": item, **SAID})
    assert refused["error"]["code"] == "item_create_duplicate_item_id"
    driver.produce(answer, ResponseEnd())
    assert types(driver.create({"id": item, **SAID})) == ["conversation.item.added", "conversation.item.done"]


def test_the_clients_status_has_no_effect() -> None:
    added, done = Driver().create({"status": "incomplete", "object": "realtime.item", **SAID})
    expected = message(Id("item"), "user", TEXT)
    assert (added["item"], done["item"]) == (expected, expected)


@pytest.mark.parametrize(
    ("role", "content", "shown"),
    [
        ("system", [TEXT], [TEXT]),
        ("user", [TEXT, IMAGE, TEXT], [TEXT, IMAGE, TEXT]),
        ("user", [], []),
        ("assistant", [{"type": "output_text", "text": "a"}], [{"type": "output_text", "text": "a"}]),
        (
            "assistant",
            [{"type": "output_audio", "transcript": "a"}],
            [{"type": "output_audio", "transcript": "a"}],
        ),
        (
            "user",
            [TEXT, {"type": "input_audio", "audio": base64_of(pcm(10))}],
            [TEXT, {"type": "input_audio", "transcript": None}],
        ),
        (
            "user",
            [{"type": "input_audio", "audio": base64_of(pcm(10)), "transcript": "their own"}],
            [{"type": "input_audio", "transcript": "their own"}],
        ),
    ],
)
def test_messages(role: str, content: list[Event], shown: list[Event]) -> None:
    item = message(Id("item"), role, *shown)
    assert Driver().create({"type": "message", "role": role, "content": content}) == [
        event("conversation.item.added", previous_item_id=None, item=item),
        event("conversation.item.done", previous_item_id=None, item=item),
    ]


@pytest.mark.parametrize(
    ("item", "code", "param", "message_"),
    [
        ({"role": "user", "content": []}, "missing_required_parameter", "item.type", None),
        ({"type": "message", "role": "user"}, "missing_required_parameter", "item.content", None),
        (
            {"type": "message", "role": "user", "content": "Hello"},
            "invalid_type",
            "item.content",
            "Invalid type for 'item.content': expected an array of objects, but got a string instead.",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": "text", "text": "a"}]},
            "invalid_value",
            "item.content[0].type",
            "Invalid value: 'text'. Supported values are: 'input_text' and 'input_audio'.",
        ),
        (
            {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]},
            "invalid_value",
            "item.content[0].type",
            "Invalid value: 'text'. Value must be 'output_text'.",
        ),
        (
            {"type": "message", "role": "system", "content": [{"type": "text", "text": "a"}]},
            "invalid_value",
            "item.content[0].type",
            "Invalid value: 'text'. Value must be 'input_text'.",
        ),
        (
            {"type": "message", "role": "user", "content": [TEXT, {"type": "input_audio", "audio": ""}]},
            "invalid_value",
            "item.content[1].audio",
            "Invalid 'item.content[1].audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) "
            "but got empty bytes.",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AA=="}]},
            "invalid_value",
            "item.content[0].audio",
            "Invalid 'item.content[0].audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) "
            "but got an invalid value.",
        ),
        (
            {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "audio": "AAAA"}]},
            "invalid_value",
            "item.content[0].audio",
            None,
        ),
        (
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_image", "image_url": "https://example.com/a.png"}],
            },
            "invalid_value",
            "item.content[0].image_url",
            None,
        ),
        (
            {"type": "mcp_approval_response", "approval_request_id": "x", "approve": True},
            "invalid_value",
            "item.approval_request_id",
            "Approval request ID 'x' not found in conversation.",
        ),
    ],
)
def test_bad_items(item: Event, code: str, param: str, message_: str | None) -> None:
    driver = Driver()
    (refused,) = driver.create(item, event_id="e1")
    details = refused["error"]
    assert refused == error(code, details["message"], param, event_id="e1")
    assert message_ in (None, details["message"])
    assert order(driver) == []


def test_half_a_sample_at_the_end_of_an_item_is_none() -> None:
    driver = Driver()
    content = [{"type": "input_audio", "audio": base64_of(pcm(10) + b"x")}]
    driver.create({"id": "a", "type": "message", "role": "user", "content": content})
    assert driver.did(FeedTranscription)[0].audio == pcm(10)
    assert driver.retrieve("a")["content"][0]["audio"] == base64_of(pcm(10))


def test_function_calls_for_history() -> None:
    driver = Driver()
    added, done = driver.create({"type": "function_call", "name": "f", "call_id": "c1", "arguments": "{}"})
    expected = function_call(Id("item"), "c1", "f", "{}")
    assert (added["item"], done["item"]) == (expected, expected)
    added, done = driver.create({"type": "function_call", "name": "f", "arguments": "{}"})
    expected = function_call(Id("item"), Id("call"), "f", "{}")
    assert (added["item"], done["item"]) == (expected, expected)


def test_an_output_belongs_to_a_call() -> None:
    driver = Driver()
    output: Event = {"type": "function_call_output", "call_id": "c1", "output": ""}
    refused = error(
        "invalid_tool_call_id", "Tool call ID 'c1' not found in conversation.", "item.call_id", event_id="e1"
    )
    assert driver.create(output, event_id="e1") == [refused]
    driver.create({"id": "f", "type": "function_call", "name": "f", "call_id": "c1", "arguments": "{}"})
    added, _ = driver.create(output)
    assert added["item"] == {"id": Id("item"), "status": "completed", **output}
    driver.client("conversation.item.delete", item_id="f")
    assert driver.create(output, event_id="e1") == [refused]


def test_an_output_may_answer_a_call_that_is_not_done() -> None:
    driver = Driver()
    driver.produce(driver.respond(), FunctionCallStart("f", "c1"), FunctionCallDelta("{"))
    call = driver.last_item
    added, _ = driver.create({"type": "function_call_output", "call_id": "c1", "output": "x"})
    assert (added["type"], added["previous_item_id"]) == ("conversation.item.added", call)


def test_items_enter_after_what_a_response_has_said_so_far() -> None:
    driver = Driver(output_modalities=("text",))
    answer = driver.respond()
    driver.produce(answer, TextDelta("One."))
    first = driver.last_item
    user = driver.say("Wait")
    *_, done_item, _, _, _ = driver.produce(answer, FunctionCallStart("f", "c1"), ResponseEnd())
    assert done_item["item"]["type"] == "function_call"
    assert order(driver) == [first, user, driver.last_item]


def test_adding_an_item_starts_nothing() -> None:
    driver = Driver()
    driver.say("Hello")
    assert driver.others() == []
    assert not driver.session.busy


def test_a_full_conversation_takes_no_more() -> None:
    driver = Driver(options=SessionOptions(debug=True, max_items=2))
    driver.say("1")
    second = driver.say("2")
    full = error(
        "invalid_value", "The conversation is full: it holds at most 2 items. Delete some first.", "item"
    )
    assert driver.create(SAID) == [full]
    driver.client("conversation.item.delete", item_id=second)
    assert types(driver.create(SAID)) == ["conversation.item.added", "conversation.item.done"]


def test_a_conversation_has_room_for_so_many_bytes() -> None:
    driver = Driver(options=SessionOptions(debug=True, max_bytes=2**20))
    long = "x" * 200_000
    ids = [driver.say(long) for _ in range(5)]
    full = error(
        "invalid_value", "The conversation is full: it holds at most 1 MiB. Delete some items first.", "item"
    )
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": long}]}
    assert driver.create(said) == [full]
    driver.client("conversation.item.delete", item_id=ids[2])
    assert types(driver.create(said)) == ["conversation.item.added", "conversation.item.done"]


# Audio that comes with an item.


def spoken(audio: bytes, item_id: str = "a") -> Event:
    content = [{"type": "input_audio", "audio": base64_of(audio)}]
    return {"id": item_id, "type": "message", "role": "user", "content": content}


def test_audio_of_an_item_is_understood_for_the_responder_alone() -> None:
    driver = Driver(input={"transcription": None, "turn_detection": None})
    driver.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    driver.create(spoken(pcm(500)))
    format = driver.session.config.audio.input.format
    assert driver.others() == [
        OpenTranscription("a", driver.session.config.audio.input.transcription),
        FeedTranscription("a", pcm(500), format),
        FinishTranscription("a"),
    ]
    driver.client("response.create")
    assert driver.others() == []
    assert driver.transcribe("a", "What is it?") == []
    assert driver.prompt[0]["content"] == [{"type": "input_audio", "transcript": "What is it?"}]


def test_audio_of_an_item_is_in_the_sessions_format() -> None:
    driver = Driver(input={"turn_detection": None})
    driver.update(audio={"input": {"format": {"type": "audio/pcma"}}})
    driver.create(spoken(g711(500)))
    assert driver.retrieve("a")["content"] == [
        {"type": "input_audio", "audio": base64_of(g711(500)), "transcript": None, "format": "g711_alaw"}
    ]


# Retrieve.


def test_retrieve_shows_a_text_as_it_is() -> None:
    driver = Driver()
    driver.create({"id": "a", **SAID})
    assert driver.client("conversation.item.retrieve", item_id="a") == [
        event("conversation.item.retrieved", item=message("a", "user", TEXT) | {"object": "realtime.item"})
    ]


def test_retrieve_shows_the_users_audio_and_transcript() -> None:
    driver = Driver(input={"turn_detection": None})
    driver.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    item = driver.speak(pcm(200))
    shown = {"type": "input_audio", "audio": base64_of(pcm(200)), "transcript": None, "format": "pcm16"}
    expected = message(item, "user", shown) | {"object": "realtime.item"}
    assert driver.retrieve(item) == expected
    driver.transcribe(item, "Hello there.")
    assert driver.retrieve(item) == expected | {"content": [shown | {"transcript": "Hello there."}]}


def test_retrieve_shows_the_assistants_audio_and_transcript() -> None:
    driver = Driver()
    driver.produce(
        driver.respond(), TextDelta("Hi "), AudioDelta(pcm(50), 3), AudioDelta(pcm(50, 50), 3), ResponseEnd()
    )
    item = driver.last_item
    shown = {"type": "output_audio", "transcript": "Hi ", "audio": base64_of(pcm(100)), "format": "pcm16"}
    assert driver.retrieve(item) == message(item, "assistant", shown) | {"object": "realtime.item"}


def test_retrieve_shows_what_is_there_so_far() -> None:
    driver = Driver()
    driver.produce(driver.respond(), TextDelta("Hi "), AudioDelta(pcm(50), 2))
    item = driver.last_item
    shown = {"type": "output_audio", "transcript": "Hi ", "audio": base64_of(pcm(50)), "format": "pcm16"}
    assert driver.retrieve(item) == message(item, "assistant", shown, status="in_progress") | {
        "object": "realtime.item"
    }


def test_retrieve_shows_the_assistants_text_and_calls() -> None:
    driver = Driver(output_modalities=("text",))
    driver.produce(driver.respond(), TextDelta("Hi"), FunctionCallStart("f", "c"), ResponseEnd())
    call = driver.last_item
    said = order(driver)[0]
    assert driver.retrieve(said) == message(said, "assistant", {"type": "output_text", "text": "Hi"}) | {
        "object": "realtime.item"
    }
    assert driver.retrieve(call) == function_call(call, "c", "f", "") | {"object": "realtime.item"}


@pytest.mark.parametrize(
    ("action", "fields"),
    [("retrieve", {}), ("delete", {}), ("truncate", {"content_index": 0, "audio_end_ms": 0})],
)
def test_unknown_items(action: str, fields: dict[str, Any]) -> None:
    driver = Driver()
    gerund = {"retrieve": "retrieving", "delete": "deleting", "truncate": "truncating"}[action]
    assert driver.client(f"conversation.item.{action}", item_id="x", event_id="e1", **fields) == [
        error(
            f"item_{action}_invalid_item_id",
            f"Error {gerund} item: the item with id 'x' does not exist.",
            event_id="e1",
        )
    ]


# Delete.


def test_delete_and_delete_again() -> None:
    driver = Driver()
    driver.create({"id": "yo", **SAID})
    assert driver.client("conversation.item.delete", item_id="yo") == [
        event("conversation.item.deleted", item_id="yo")
    ]
    assert driver.client("conversation.item.delete", item_id="yo") == [
        error("item_delete_invalid_item_id", "Error deleting item: the item with id 'yo' does not exist.")
    ]


def test_the_chain_is_repaired_after_a_delete() -> None:
    driver = Driver()
    for item_id in "abc":
        driver.create({"id": item_id, **SAID})
    driver.client("conversation.item.delete", item_id="c")
    added, _ = driver.create({"id": "d", **SAID})
    assert added["previous_item_id"] == "b"
    driver.client("conversation.item.delete", item_id="a")
    assert driver.create({"id": "e", **SAID}, previous_item_id="a")[0]["type"] == "error"
    # An id that is free again may be used again.
    driver.create({"id": "a", **SAID})
    assert order(driver) == ["b", "d", "a"]


def test_delete_of_an_item_that_a_response_is_writing() -> None:
    """2.9: its later events still flow, and it does not come back."""
    driver = Driver(output_modalities=("text",))
    answer = driver.respond()
    driver.produce(answer, TextDelta("Hi"))
    item = driver.last_item
    assert types(driver.client("conversation.item.delete", item_id=item)) == ["conversation.item.deleted"]
    events = driver.produce(answer, TextDelta(" there"), ResponseEnd())
    assert types(events) == [
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert events[3]["previous_item_id"] is None
    assert order(driver) == []


def test_delete_of_an_utterance_that_nobody_waits_for() -> None:
    driver = Driver(input={"turn_detection": None})
    driver.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    item = driver.speak(pcm(200))
    driver.client("conversation.item.delete", item_id=item)
    assert driver.others() == [AbandonTranscription(item)]
    assert driver.transcribe(item, "Hello") == []


def test_every_event_that_is_no_conversation_event_is_refused() -> None:
    driver = Driver()
    listed = (
        "'session.update', 'input_audio_buffer.append', 'input_audio_buffer.commit', "
        "'input_audio_buffer.clear', 'conversation.item.create', 'conversation.item.truncate', "
        "'conversation.item.delete', 'conversation.item.retrieve', 'response.create', and 'response.cancel'"
    )
    for kind, fields in (("session.close", {}), ("session.input_audio_buffer.append", {"audio": "AAAA"})):
        assert driver.frame(json.dumps({"type": kind, "event_id": "e1", **fields})) == [
            error(
                "invalid_value",
                f"Invalid value: '{kind}'. Supported values are: {listed}.",
                "type",
                event_id="e1",
            )
        ]
