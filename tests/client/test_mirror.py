"""What a mirror knows, and what it makes of a new session, without any connection."""

from typing import Any

import msgspec
import pybase64
import pytest

from vivavoce.client import mirror as mirror_module
from vivavoce.client.mirror import Mirror
from vivavoce.client.restoring import Restoration, Stage, session_patch
from vivavoce.protocol import RealtimeSession, decode_server_event

SESSION = {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "m"}


def came(mirror: Mirror | Restoration, kind: str, **fields: Any) -> Any:
    event = decode_server_event(msgspec.json.encode({"type": kind, "event_id": "e", **fields}))
    assert event.type == kind
    assert type(event).__name__ != "UnknownEvent"
    return mirror.receive(event) if isinstance(mirror, Restoration) else mirror.received(event)


def sent(mirror: Mirror, kind: str, **fields: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(mirror.sent(msgspec.json.encode({"type": kind, **fields})))
    return decoded


def append(mirror: Mirror, milliseconds: int, value: int = 0) -> bytes:
    audio = bytes([value, 0]) * 24 * milliseconds
    sent(mirror, "input_audio_buffer.append", audio=pybase64.b64encode_as_string(audio))
    return audio


def item(item_id: str, role: str = "user", status: str = "completed", **part: Any) -> dict[str, Any]:
    content = [part] if part else []
    return {"id": item_id, "type": "message", "role": role, "status": status, "content": content}


@pytest.fixture
def mirror() -> Mirror:
    fresh = Mirror()
    came(fresh, "session.created", session=SESSION)
    return fresh


def restored(mirror: Mirror) -> tuple[Restoration, list[dict[str, Any]]]:
    """The restoration, and the items with which a server that takes them all gets them."""
    restoration = Restoration(mirror)
    came(restoration, "session.created", session=SESSION)
    items = []
    while restoration.outgoing:
        event = msgspec.json.decode(restoration.outgoing.popleft())
        if event["type"] == "session.update":
            came(restoration, "session.updated", session=SESSION)
        else:
            items.append(event["item"])
            for kind in ("conversation.item.added", "conversation.item.done"):
                # What the program knows already is not shown to it again.
                known = kind in mirror.items[event["item"]["id"]].shown
                assert came(restoration, kind, item=event["item"], previous_item_id=None) is known
    assert restoration.stage is Stage.DONE
    return restoration, items


def test_events_and_items_get_ids_once(mirror: Mirror) -> None:
    event = sent(mirror, "conversation.item.create", item=item("", type="input_text", text="hi"))
    assert event["event_id"]
    assert event["item"]["id"]
    same = sent(mirror, "conversation.item.create", event_id="mine", item=item("own"))
    assert (same["event_id"], same["item"]["id"]) == ("mine", "own")


@pytest.mark.parametrize("message", [b"", b"[]", b"{", b"null", b'{"type":7}', b'{"type":"x"}', b"\xff"])
def test_what_is_no_event_passes(mirror: Mirror, message: bytes) -> None:
    assert mirror.sent(message) == message
    assert mirror.log == []


def test_an_effect_settles_what_caused_it(mirror: Mirror) -> None:
    sent(mirror, "session.update", session={"type": "realtime", "instructions": "x"})
    sent(mirror, "conversation.item.create", item=item("a"))
    sent(mirror, "conversation.item.create", item=item("b"))
    sent(mirror, "conversation.item.retrieve", item_id="b")
    sent(mirror, "response.create", event_id="r", response={"conversation": "none"})
    sent(mirror, "response.create", event_id="s")
    assert len(mirror.log) == 6
    came(mirror, "session.updated", session=SESSION)
    came(mirror, "conversation.item.added", item=item("b"), previous_item_id=None)
    came(mirror, "conversation.item.retrieved", item=item("b"))
    came(mirror, "response.created", response={"id": "r1", "status": "in_progress", "conversation_id": "c"})
    assert [entry.event["event_id"] for entry in mirror.log][1:] == ["r"]
    error = {"type": "invalid_request_error", "message": "no", "event_id": "r", "code": None, "param": None}
    came(mirror, "error", error=error)
    assert [entry.kind for entry in mirror.log] == ["conversation.item.create"]
    assert not mirror.idle
    assert [each.response_id for each in mirror.interrupted()] == ["r1"]
    assert mirror.interrupted() == []


def test_items_stand_where_the_server_says(mirror: Mirror) -> None:
    for item_id, previous in (("b", None), ("d", "b"), ("a", None), ("c", "b"), ("x", "gone")):
        came(mirror, "conversation.item.added", item=item(item_id), previous_item_id=previous)
    assert list(mirror.items) == ["a", "b", "c", "d", "x"]
    came(mirror, "conversation.item.deleted", item_id="b")
    assert list(mirror.items) == ["a", "c", "d", "x"]


def test_a_turn_of_voice_detection_takes_its_audio(mirror: Mirror) -> None:
    append(mirror, 100, 1)
    middle = append(mirror, 200, 2)
    append(mirror, 100, 3)
    came(mirror, "input_audio_buffer.speech_started", item_id="u", audio_start_ms=100)
    came(mirror, "input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=320)
    came(mirror, "input_audio_buffer.committed", item_id="u", previous_item_id=None)
    assert mirror.items["u"].speech == middle + bytes([3, 0]) * 24 * 20
    assert [(entry.start_ms, len(entry.audio)) for entry in mirror.log] == [(320, 48 * 80)]
    assert pybase64.b64decode(mirror.log[0].event["audio"]) == mirror.log[0].audio
    assert msgspec.json.decode(mirror.log[0].message) == mirror.log[0].event


def test_a_turn_that_nobody_began_to_answer_is_answered_after_it_is_restored(mirror: Mirror) -> None:
    append(mirror, 200)
    came(mirror, "input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
    came(mirror, "input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=200)
    came(mirror, "input_audio_buffer.committed", item_id="u", previous_item_id=None)
    assert mirror.owed
    restoration, items = restored(mirror)
    assert [each["id"] for each in items] == ["u"]
    assert [entry.kind for entry in restoration.pending()] == ["response.create"]
    came(mirror, "response.created", response={"id": "r", "status": "in_progress", "conversation_id": "c"})
    assert not mirror.owed


def test_silence_before_speech_is_not_kept_for_ever(mirror: Mirror) -> None:
    for _ in range(100):
        append(mirror, 100)
    kept = sum(entry.end_ms - entry.start_ms for entry in mirror.log)
    assert mirror_module.SILENCE_MS <= kept <= mirror_module.SILENCE_MS + 200


def test_what_is_kept_is_limited(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_module, "MAX_KEPT_BYTES", 48 * 1000)
    monkeypatch.setattr(mirror_module, "MAX_KEPT_ITEMS", 3)
    detection = {"audio": {"input": {"turn_detection": None}}}
    came(mirror, "session.updated", session=SESSION | detection)
    for number in range(5):
        append(mirror, 400)
        sent(mirror, "input_audio_buffer.commit")
        came(mirror, "input_audio_buffer.committed", item_id=f"u{number}", previous_item_id=None)
        shown = item(f"u{number}", type="input_audio", transcript=None)
        previous = f"u{number - 1}" if number else None
        came(mirror, "conversation.item.added", item=shown, previous_item_id=previous)
    assert [bool(kept.speech) for kept in mirror.items.values()] == [False, True, True]
    came(
        mirror,
        "conversation.item.input_audio_transcription.completed",
        item_id="u3",
        content_index=0,
        transcript="three",
    )
    restoration, items = restored(mirror)
    assert [lost.item_id for lost in restoration.lost] == ["u2"]
    assert [part["content"][0]["type"] for part in items] == ["input_audio", "input_audio"]
    assert items[0]["content"][0]["transcript"] == "three"
    append(mirror, 2000)
    assert sum(len(entry.audio) for entry in mirror.log) <= 48 * 2000


@pytest.mark.parametrize(
    ("heard_ms", "text"),
    [(None, "one two three four"), (500, "one two"), (0, None), (1000, "one two three four")],
)
@pytest.mark.parametrize("answered", [True, False])
def test_what_was_not_heard_is_not_restored(
    mirror: Mirror, heard_ms: int | None, text: str | None, answered: bool
) -> None:
    came(mirror, "conversation.item.added", item=item("a", "assistant", "in_progress"), previous_item_id=None)
    where = {"response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}
    for delta in ("one two ", "three four"):
        came(mirror, "response.output_audio_transcript.delta", delta=delta, **where)
    audio = pybase64.b64encode_as_string(bytes(48 * 1000))
    came(mirror, "response.output_audio.delta", delta=audio, **where)
    done = item("a", "assistant", type="output_audio", transcript="one two three four")
    came(mirror, "conversation.item.done", item=done, previous_item_id=None)
    if heard_ms is not None:
        cut = {"item_id": "a", "content_index": 0, "audio_end_ms": heard_ms}
        sent(mirror, "conversation.item.truncate", **cut)
        if answered:
            came(mirror, "conversation.item.truncated", **cut)
    restoration, items = restored(mirror)
    assert [each["content"][0]["text"] for each in items] == ([text] if text else [])
    assert [lost.reason for lost in restoration.lost] == ([] if text else ["Nothing of it was heard."])
    assert restoration.pending() == []


def test_only_what_differs_is_set_and_as_the_program_said_it() -> None:
    old = msgspec.convert(
        SESSION
        | {
            "instructions": "x",
            "voice": "ash",
            "tools": [{"type": "mcp", "server_label": "s", "server_url": "http://s"}],
            "audio": {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}},
        },
        RealtimeSession,
    )
    new = msgspec.convert(SESSION, RealtimeSession)
    tools = [{"type": "mcp", "server_label": "s", "server_url": "http://s", "authorization": "secret"}]
    patch = session_patch(old, {"tools": tools}, new)
    assert patch == {
        "type": "realtime",
        "instructions": "x",
        "tools": tools,
        "audio": {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}},
    }
    assert session_patch(old, {}, old) is None
    assert session_patch(None, {}, new) is None


def test_a_session_that_is_refused_and_an_item_that_is(mirror: Mirror) -> None:
    came(mirror, "session.updated", session=SESSION | {"instructions": "x"})
    came(
        mirror, "conversation.item.added", item=item("a", type="input_text", text="hi"), previous_item_id=None
    )
    restoration = Restoration(mirror)
    assert came(restoration, "session.created", session=SESSION)
    assert not came(restoration, "rate_limits.updated", rate_limits=[])
    for _ in range(2):
        refused = msgspec.json.decode(restoration.outgoing.popleft())["event_id"]
        error = {"type": "t", "message": "No.", "event_id": refused, "code": None, "param": None}
        assert came(restoration, "error", error=error)
    assert restoration.stage is Stage.DONE
    assert not restoration.session_restored
    assert [(lost.item_id, lost.reason) for lost in restoration.lost] == [("a", "No.")]


def test_what_is_about_items_that_are_gone_is_not_sent_again(mirror: Mirror) -> None:
    came(
        mirror, "conversation.item.added", item=item("a", type="input_text", text="hi"), previous_item_id=None
    )
    sent(mirror, "conversation.item.delete", item_id="a")
    sent(mirror, "conversation.item.delete", item_id="gone")
    sent(mirror, "conversation.item.create", item=item("b"))
    sent(mirror, "conversation.item.retrieve", item_id="b")
    restoration, _ = restored(mirror)
    kinds = [(entry.kind, entry.event.get("item_id")) for entry in restoration.pending()]
    assert kinds == [
        ("conversation.item.delete", "a"),
        ("conversation.item.create", None),
        ("conversation.item.retrieve", "b"),
    ]


def test_an_item_whose_end_was_not_seen_gets_it_once(mirror: Mirror) -> None:
    hi = item("a", type="input_text", text="hi")
    came(mirror, "conversation.item.added", item=hi, previous_item_id=None)
    for seen in (False, True):
        restoration = Restoration(mirror)
        came(restoration, "session.created", session=SESSION)
        assert came(restoration, "conversation.item.added", item=hi, previous_item_id=None)
        assert came(restoration, "conversation.item.done", item=hi, previous_item_id=None) is seen
        assert restoration.pending() == []
        mirror = restoration.mirror
