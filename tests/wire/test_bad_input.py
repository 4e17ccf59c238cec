"""Every refusal of the reference's catalogue (1.8.1), over a real socket: what is sent, the exact error
object, and a session that works on afterwards."""

import base64
import json

import pytest

from tests.serving import Server
from tests.wire.bad_events import BAD_EVENTS, Refusal, bad_audio, long, said
from tests.wire.peer import CLIENT_ID, Event, Peer, a_message, an_update, talking

pytestmark = pytest.mark.xdist_group("bad input")

MEBIBYTE = 2**20
SECOND_OF_SILENCE = base64.b64encode(bytes(48_000)).decode()


def refusals(events: list[Event]) -> list[Event]:
    """The error objects among these events, which hold nothing else."""
    assert [event["type"] for event in events] == ["error"] * len(events)
    assert all(event.keys() == {"type", "event_id", "error"} for event in events)
    assert all(event["event_id"].startswith("event_") for event in events)
    return [event["error"] for event in events]


def append(audio: str) -> Event:
    return {"type": "input_audio_buffer.append", "audio": audio}


def silence(milliseconds: float) -> str:
    return base64.b64encode(bytes(2 * round(24 * milliseconds))).decode()


class TestOneEvent:
    @pytest.mark.parametrize("name", BAD_EVENTS)
    def test_is_refused_once_and_changes_nothing(self, peer: Peer, name: str) -> None:
        event, refusal = BAD_EVENTS[name]
        before = peer.answers(an_update())[0]["session"]
        assert refusals(peer.answers(event)) == [refusal.naming(None)]
        assert refusals(peer.answers(event | {"event_id": CLIENT_ID})) == [refusal.naming(CLIENT_ID)]
        assert refusals(peer.answers({"event_id": CLIENT_ID} | event)) == [refusal.naming(CLIENT_ID)]
        assert peer.answers(an_update())[0]["session"] == before
        peer.take_turn()

    def test_a_row_of_them_leaves_the_session_usable(self, peer: Peer) -> None:
        events = [event | {"event_id": name} for name, (event, _) in BAD_EVENTS.items()]
        expected = [refusal.naming(name) for name, (_, refusal) in BAD_EVENTS.items()]
        assert refusals(peer.answers(*events)) == expected
        peer.take_turn()

    def test_a_name_too_long_is_not_quoted(self, peer: Peer) -> None:
        event = {"type": "input_audio_buffer.clear", "event_id": "e" * 513}
        assert refusals(peer.answers(event)) == [long("event_id", 512, 513).naming(None)]
        assert [each["type"] for each in peer.answers(event | {"event_id": "e" * 512})] == [
            "input_audio_buffer.cleared"
        ]

    def test_a_name_that_is_no_text_is_not_quoted(self, peer: Peer) -> None:
        event = {"type": "input_audio_buffer.clear", "event_id": 7}
        message = "Invalid type for 'event_id': expected a string, but got an integer instead."
        expected = Refusal("invalid_type", message, "event_id").naming(None)
        assert refusals(peer.answers(event)) == [expected]
        peer.take_turn()

    def test_one_bad_field_voids_the_whole_update(self, peer: Peer) -> None:
        update = an_update(instructions="Be brief.", audio={"output": {"voice": "nobody", "speed": 1.5}})
        before = peer.answers(an_update())[0]["session"]
        assert refusals(peer.answers(update))[0]["param"] == "session.audio.output.voice"
        assert peer.answers(an_update())[0]["session"] == before


class TestFrames:
    @pytest.mark.parametrize(
        "frame",
        [
            "",
            "hello",
            '{"type":',
            '{"type":"nope',
            "{'type': 'response.create'}",
            '{"type":"response.create"} {}',
            '{"type":"response.create","response":{"max_output_tokens":NaN}}',
            '{"type":"session.update","session":{"type":"realtime","audio":{"output":{"speed":-Infinity}}}}',
            '{"type":"conversation.item.delete","item_id":"\\ud800"}',
            '{"type":"conversation.item.delete","item_id":"\\udc00\\ud800"}',
            '{"type":"conversation.item.delete","item_id":"\x00"}',
        ],
    )
    def test_what_is_not_json(self, peer: Peer, frame: str) -> None:
        """The reason at the end is the parser's own."""
        peer.send_text(frame)
        (error,) = refusals(peer.so_far())
        message = error["message"]
        assert message.startswith("Invalid event: failed to parse JSON value. ")
        assert message.endswith(".")
        assert error == Refusal("invalid_json", message).naming(None)
        peer.take_turn()

    @pytest.mark.parametrize(
        "frame",
        ["[" * 100_000, '{"type":"nope","x":' + "[" * 5_000 + "]" * 5_000 + "}"],
        ids=["open", "closed"],
    )
    def test_json_too_deep(self, peer: Peer, frame: str) -> None:
        peer.send_text(frame)
        message = "Invalid event: failed to parse JSON value. The value is nested too deeply."
        assert refusals(peer.so_far()) == [Refusal("invalid_json", message).naming(None)]
        peer.take_turn()

    @pytest.mark.parametrize(
        ("frame", "found"),
        [
            ("[]", "an array"),
            ('[{"type":"response.create"}]', "an array"),
            ('"response.create"', "a string"),
            ("null", "null"),
            ("true", "a boolean"),
            ("7", "an integer"),
            ("1e3", "a decimal number"),
        ],
    )
    def test_json_that_is_no_object(self, peer: Peer, frame: str, found: str) -> None:
        peer.send_text(frame)
        message = f"Expected a JSON object, but got {found} instead."
        assert refusals(peer.so_far()) == [Refusal("invalid_event", message).naming(None)]
        peer.take_turn()

    @pytest.mark.parametrize("frame", [b"", b"\x00\x01", b'{"type":"response.create"}', bytes(70_000)])
    def test_binary(self, peer: Peer, frame: bytes) -> None:
        peer.send_binary(frame)
        message = "Expected a text WebSocket message; binary frames are not supported."
        assert refusals(peer.so_far()) == [Refusal("invalid_event", message).naming(None)]
        peer.take_turn()

    def test_a_message_in_fragments_is_one_message(self, peer: Peer) -> None:
        frame = json.dumps({"type": "nope", "event_id": CLIENT_ID})
        peer.socket.send(frame[start : start + 5] for start in range(0, len(frame), 5))
        assert [each["event_id"] for each in refusals(peer.so_far())] == [CLIENT_ID]
        peer.take_turn()

    def test_text_that_is_not_utf8_ends_the_connection(self, server: Server, bystander: Peer) -> None:
        with talking(server) as peer:
            peer.send_text(b'{"type":"\xff\xfe"}')
            assert peer.close_code() == 1007
        bystander.take_turn()

    def test_more_than_a_message_may_hold_ends_the_connection(self, server: Server, bystander: Peer) -> None:
        with talking(server) as peer:
            peer.send_text(json.dumps(append("A" * 33 * MEBIBYTE)))
            assert peer.close_code() == 1009
        bystander.take_turn()

    def test_a_huge_message_is_refused_like_a_small_one(self, peer: Peer) -> None:
        count = 25_000_000
        refusal = long("item.content[0].text", 256_000, count)
        assert refusals(peer.answers(a_message("a" * count))) == [refusal.naming(None)]
        peer.send_text('{"type":"' + "n" * count + '"}')
        (error,) = refusals(peer.so_far())
        assert error["code"] == "invalid_value"
        assert len(error["message"]) < 1_000
        peer.take_turn()


class TestDepth:
    @pytest.mark.parametrize(("levels", "taken"), [(50, True), (100, True), (101, False), (500, False)])
    def test_a_schema_may_be_a_hundred_levels_deep(self, peer: Peer, levels: int, taken: bool) -> None:
        schema: Event = {}
        for _ in range(levels - 1):
            schema = {"items": schema}
        tool = {"type": "function", "name": "lights", "parameters": {"items": schema}}
        events = peer.answers(an_update(tools=[tool]))
        if taken:
            assert [each["type"] for each in events] == ["session.updated"]
        else:
            param = "session.tools[0].parameters.items"
            message = f"Invalid '{param}': nested too deeply. Expected at most 100 levels."
            assert refusals(events) == [Refusal("invalid_value", message, param).naming(None)]
        peer.take_turn()


class TestAudio:
    def test_fifteen_mebibytes_are_taken(self, peer: Peer) -> None:
        audio = base64.b64encode(bytes(15 * MEBIBYTE)).decode()
        assert peer.answers(append(audio)) == []
        assert [each["type"] for each in peer.answers({"type": "input_audio_buffer.clear"})] == [
            "input_audio_buffer.cleared"
        ]
        peer.take_turn()

    def test_a_byte_more_is_refused(self, peer: Peer) -> None:
        audio = base64.b64encode(bytes(15 * MEBIBYTE + 1)).decode()
        expected = long("audio", 20 * MEBIBYTE, 20 * MEBIBYTE + 4).naming(None)
        assert refusals(peer.answers(append(audio))) == [expected]
        peer.take_turn()

    def test_twenty_five_megabytes_are_refused(self, peer: Peer) -> None:
        expected = long("audio", 20 * MEBIBYTE, 25_000_000).naming(CLIENT_ID)
        event = append("A" * 25_000_000) | {"event_id": CLIENT_ID}
        assert refusals(peer.answers(event)) == [expected]
        peer.take_turn()

    @pytest.mark.parametrize(("length", "shown"), [(50, "50.00"), (96, "96.00"), (12.5, "12.50")])
    def test_too_little_to_commit(self, peer: Peer, length: float, shown: str) -> None:
        peer.answers(an_update(audio={"input": {"turn_detection": None}}))
        commit = {"type": "input_audio_buffer.commit"}
        message = (
            "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
            f"but buffer only has {shown}ms of audio."
        )
        expected = Refusal("input_audio_buffer_commit_empty", message).naming(None)
        assert refusals(peer.answers(append(silence(length)), commit)) == [expected]
        # The buffer is as it was: what is missing suffices.
        kept = peer.answers(append(silence(100 - length)), commit)
        assert [each["type"] for each in kept][:3] == [
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
        ]
        peer.take_turn()

    def test_a_refused_append_adds_nothing(self, peer: Peer) -> None:
        peer.answers(an_update(audio={"input": {"turn_detection": None}}))
        events = [append(silence(60)), append("!"), append(""), append(silence(30))]
        expected = [bad_audio("audio", found).naming(None) for found in ("an invalid value", "empty bytes")]
        assert refusals(peer.answers(*events)) == expected
        (error,) = refusals(peer.answers({"type": "input_audio_buffer.commit"}))
        assert "90.00ms" in error["message"]


class TestItems:
    def test_an_id_is_given_once(self, peer: Peer) -> None:
        peer.answers(a_message("one", id="mine"))
        message = "Error adding item: an item with id 'mine' already exists."
        expected = Refusal("item_create_duplicate_item_id", message).naming(None)
        assert refusals(peer.answers(a_message("two", id="mine"))) == [expected]
        kept = peer.answers({"type": "conversation.item.retrieve", "item_id": "mine"})[0]["item"]
        assert kept["content"] == [{"type": "input_text", "text": "one"}]
        peer.take_turn()

    def test_a_deleted_item_is_gone(self, peer: Peer) -> None:
        peer.answers(a_message("one", id="mine"))
        delete = {"type": "conversation.item.delete", "item_id": "mine"}
        assert [each["type"] for each in peer.answers(delete)] == ["conversation.item.deleted"]
        message = "Error deleting item: the item with id 'mine' does not exist."
        expected = Refusal("item_delete_invalid_item_id", message).naming(None)
        assert refusals(peer.answers(delete)) == [expected]
        after = a_message("two") | {"previous_item_id": "mine"}
        message = "Error adding item: the previous item with id 'mine' does not exist."
        expected = Refusal("item_create_invalid_previous_item_id", message).naming(None)
        assert refusals(peer.answers(after)) == [expected]
        peer.take_turn()

    def test_the_longest_text_is_taken(self, peer: Peer) -> None:
        events = peer.answers(a_message("é" * 256_000))
        assert [each["type"] for each in events] == ["conversation.item.added", "conversation.item.done"]

    def test_only_the_assistants_audio_can_be_truncated(self, peer: Peer) -> None:
        peer.answers(
            a_message("typed", id="typed"),
            said("assistant", {"type": "output_text", "text": "written"}),
            said("user", {"type": "input_audio", "audio": SECOND_OF_SILENCE}),
        )
        peer.send({"type": "response.create", "response": {"output_modalities": ["text"]}})
        written = peer.until("response.done")["response"]["output"][0]["id"]
        peer.until("rate_limits.updated")
        expected = Refusal(None, "Only model output audio messages can be truncated").naming(None)
        for item_id in ("typed", written):
            truncate = {
                "type": "conversation.item.truncate",
                "item_id": item_id,
                "content_index": 0,
                "audio_end_ms": 0,
            }
            assert refusals(peer.answers(truncate)) == [expected]
        peer.take_turn()

    def test_nothing_can_be_truncated_beyond_its_end(self, peer: Peer) -> None:
        item_id, length = peer.speak()
        truncate = {
            "type": "conversation.item.truncate",
            "item_id": item_id,
            "content_index": 0,
            "audio_end_ms": length + 1,
        }
        message = f"Audio content of {length}ms is already shorter than {length + 1}ms"
        expected = Refusal("invalid_value", message).naming(None)
        assert refusals(peer.answers(truncate)) == [expected]
        message = "Invalid 'content_index': the item has no content part 1."
        expected = Refusal("invalid_value", message, "content_index").naming(None)
        assert refusals(peer.answers(truncate | {"content_index": 1, "audio_end_ms": 0})) == [expected]
        for end in (length, length // 2, 0):
            events = peer.answers(truncate | {"audio_end_ms": end})
            assert [each["type"] for each in events] == ["conversation.item.truncated"]
        peer.take_turn()


class TestResponses:
    def test_a_second_response_is_refused(self, peer: Peer) -> None:
        create = {"type": "response.create"}
        peer.send(create, create | {"event_id": CLIENT_ID})
        events = [*peer.through("response.done"), *peer.so_far()]
        (created,) = [each["response"]["id"] for each in events if each["type"] == "response.created"]
        assert [each["response"]["id"] for each in events if each["type"] == "response.done"] == [created]
        message = (
            f"Conversation already has an active response in progress: {created}. "
            "Wait until the response is finished before creating a new one."
        )
        expected = Refusal("conversation_already_has_active_response", message).naming(CLIENT_ID)
        assert [each["error"] for each in events if each["type"] == "error"] == [expected]
        peer.take_turn()

    def test_a_finished_response_cannot_be_cancelled(self, peer: Peer) -> None:
        peer.send({"type": "response.create"})
        response_id = peer.until("response.done")["response"]["id"]
        message = "Cancellation failed: no active response found"
        expected = Refusal("response_cancel_not_active", message).naming(None)
        events = peer.answers({"type": "response.cancel", "response_id": response_id})
        assert [each["error"] for each in events if each["type"] == "error"] == [expected]
        peer.take_turn()

    def test_the_voice_is_settled_once_it_was_heard(self, peer: Peer) -> None:
        update = an_update(audio={"output": {"voice": "cedar"}}, instructions="Be brief.")
        assert [each["type"] for each in peer.answers(an_update(audio={"output": {"voice": "ash"}}))] == [
            "session.updated"
        ]
        peer.speak()
        peer.so_far()
        before = peer.answers(an_update())[0]["session"]
        message = "Cannot update a conversation's voice if assistant audio is present."
        expected = Refusal("cannot_update_voice", message).naming(None)
        assert refusals(peer.answers(update)) == [expected]
        create = {"type": "response.create", "response": {"audio": {"output": {"voice": "cedar"}}}}
        assert refusals(peer.answers(create)) == [expected]
        assert peer.answers(an_update())[0]["session"] == before
        same = peer.answers(an_update(audio={"output": {"voice": "ash", "speed": 1.2}}))
        assert [each["type"] for each in same] == ["session.updated"]
        peer.speak("Hello again!")


def test_nobody_else_noticed(server: Server, bystander: Peer) -> None:
    """Runs last: the session that was open all the while works, and heard of none of this."""
    assert bystander.so_far() == []
    bystander.take_turn()
    assert "Traceback" not in server.log
