"""Strict with clients, lenient with servers, and nothing on the way that should not be seen."""

import json
from typing import Any

import msgspec
import pytest

from tests.protocol.values import SOME_AUDIO
from vivavoce.protocol import (
    AudioPCM,
    ClientSecret,
    ConversationItemCreate,
    ConversationItemDone,
    Error,
    ErrorEvent,
    InputAudio,
    InputAudioBufferAppend,
    MalformedEvent,
    McpTool,
    Message,
    RealtimeSession,
    RealtimeSessionParams,
    ResponseDone,
    ResponseOutputAudioDelta,
    ResponseOutputTextDelta,
    SemanticVad,
    ServerVad,
    SessionCreated,
    SessionUpdate,
    TextPart,
    TranscriptionSemanticVad,
    TranscriptionServerVad,
    TranscriptionSession,
    UnknownEvent,
    VivavoceError,
    decode_client_event,
    decode_server_event,
    encode,
)

TEXT_DELTA: dict[str, Any] = {
    "type": "response.output_text.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "Hi",
}


def read(event: dict[str, Any]) -> Any:
    return decode_server_event(json.dumps(event))


# What servers send.


def test_new_fields_are_ignored() -> None:
    event = read(TEXT_DELTA | {"mood": {"smile": True}})
    assert event == ResponseOutputTextDelta(
        event_id="event_1",
        response_id="resp_1",
        item_id="item_1",
        output_index=0,
        content_index=0,
        delta="Hi",
    )


@pytest.mark.parametrize(
    "event",
    [
        {"type": "session.sneezed"},
        {"type": ""},
        TEXT_DELTA | {"delta": 7},
        {key: value for key, value in TEXT_DELTA.items() if key != "response_id"},
        {"type": "conversation.item.done", "event_id": "e", "item": {"type": "thought"}},
        {"type": "response.done", "event_id": "e", "response": {"id": "r", "status": "paused"}},
        {"type": "session.created", "event_id": "e", "session": {"object": "realtime.session", "id": "s"}},
        {"type": "input_audio_buffer.append", "audio": "AAAA"},
    ],
)
def test_what_cannot_be_understood_is_kept(event: dict[str, Any]) -> None:
    raw = json.dumps(event)
    for data in (raw, raw.encode()):
        assert decode_server_event(data) == UnknownEvent(type=event["type"], raw=raw.encode())


@pytest.mark.parametrize("frame", ["[]", "7", "null", '"error"', "{}", '{"type":7}', '{"type":null}'])
def test_no_event(frame: str) -> None:
    with pytest.raises(MalformedEvent, match="not an object with a string as its 'type'"):
        decode_server_event(frame)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        '{"type":"error"',
        "hello",
        b"\xff",
        b'{"type":"\xff"}',
        '{"type":"\ud800", "a":',
        '{"a":' + "[" * 100_000,
    ],
)
def test_no_json(frame: str | bytes) -> None:
    with pytest.raises(MalformedEvent, match="not JSON: ") as caught:
        decode_server_event(frame)
    assert isinstance(caught.value, VivavoceError)


def test_secrets_of_a_malformed_message_are_not_told() -> None:
    with pytest.raises(MalformedEvent) as caught:
        decode_server_event('{"type":"session.created","client_secret":"ek_123"')
    assert "ek_123" not in str(caught.value)


def test_absent_and_null_differ() -> None:
    item = {"type": "message", "id": "a", "role": "user", "content": [{"type": "input_audio"}]}
    absent = read({"type": "conversation.item.done", "event_id": "e", "item": item})
    assert isinstance(absent, ConversationItemDone)
    assert absent.item == Message(id="a", role="user", content=(InputAudio(),))
    assert absent.item.status is msgspec.UNSET
    item["content"] = [{"type": "input_audio", "transcript": None}]
    null = read({"type": "conversation.item.done", "event_id": "e", "item": item})
    assert null.item.content == (InputAudio(transcript=None),)
    assert null != absent


def test_a_server_may_go_beyond_the_documented_limits() -> None:
    session = {
        "type": "realtime",
        "id": "s",
        "model": "m",
        "max_output_tokens": 100_000,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 48000},
                "turn_detection": {"type": "server_vad", "idle_timeout_ms": 60_000},
            },
            "output": {"voice": "fable", "speed": 4.0},
        },
    }
    event = read({"type": "session.created", "event_id": "e", "session": session})
    assert isinstance(event, SessionCreated)
    assert isinstance(event.session, RealtimeSession)
    assert event.session.audio.output.voice == "fable"
    assert event.session.audio.input.format == AudioPCM(rate=48000)


def test_the_older_names_of_content_are_understood() -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "hi"}]}
    event = read({"type": "conversation.item.done", "event_id": "e", "item": item})
    assert event.item.content == (TextPart(text="hi"),)


def test_failed_response() -> None:
    raw = {
        "type": "response.done",
        "event_id": "e",
        "response": {
            "object": "realtime.response",
            "id": "resp_1",
            "status": "failed",
            "status_details": {"type": "failed", "error": {"type": "tokens", "code": None, "message": "…"}},
            "output": [],
            "conversation_id": None,
            "usage": {"total_tokens": 0, "input_tokens": 0, "output_tokens": 0},
            "metadata": None,
        },
    }
    event = read(raw)
    assert isinstance(event, ResponseDone)
    assert json.loads(encode(event)) == raw


# What clients send.


def test_replaced_leaves_take_the_defaults_of_the_live_service() -> None:
    update = decode_client_event(
        json.dumps(
            {
                "type": "session.update",
                "session": {
                    "type": "realtime",
                    "audio": {
                        "input": {"turn_detection": {"type": "server_vad"}, "format": {"type": "audio/pcm"}}
                    },
                    "reasoning": {},
                },
            }
        )
    )
    assert isinstance(update, SessionUpdate)
    session = update.session
    assert isinstance(session, RealtimeSessionParams)
    assert session.audio is not msgspec.UNSET
    assert session.audio.output is msgspec.UNSET
    assert session.audio.input is not msgspec.UNSET
    assert session.audio.input.turn_detection == ServerVad(
        threshold=0.5,
        prefix_padding_ms=300,
        silence_duration_ms=200,
        idle_timeout_ms=None,
        create_response=True,
        interrupt_response=True,
    )
    assert session.audio.input.format == AudioPCM(rate=24000)
    assert session.audio.input.transcription is msgspec.UNSET
    assert json.loads(encode(update))["session"]["reasoning"] == {"effort": "low"}


@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"input_audio_buffer.append","audio":"AAAA","event_id":"e"}',
        '{"event_id":"e","audio":"AAAA","type":"input_audio_buffer.append"}',
        ' { "audio" : "B", "audio" : "AAAA", "event_id":"e","type" : "input_audio_buffer.append" } ',
    ],
)
def test_append_in_any_order(frame: str) -> None:
    expected = InputAudioBufferAppend(audio="AAAA", event_id="e")
    assert decode_client_event(frame) == decode_client_event(frame.encode()) == expected


def test_the_last_of_two_keys_counts() -> None:
    event = decode_client_event(
        '{"type":"conversation.item.create","item":null,"item":{"type":"message","role":"user","content":[]}}'
    )
    assert event == ConversationItemCreate(item=Message(role="user", content=()))


# What the server writes.


def test_session_as_the_service_writes_it() -> None:
    session = RealtimeSession(
        id="sess_1", model="gpt-realtime", instructions="Be brief.", expires_at=1767000000
    )
    assert encode(SessionCreated(event_id="event_1", session=session)) == (
        b'{"type":"session.created","event_id":"event_1","session":{"type":"realtime",'
        b'"object":"realtime.session","id":"sess_1","model":"gpt-realtime","output_modalities":["audio"],'
        b'"instructions":"Be brief.","tools":[],"tool_choice":"auto","max_output_tokens":"inf",'
        b'"tracing":null,"truncation":"auto","prompt":null,"expires_at":1767000000,"audio":{"input":{'
        b'"format":{"type":"audio/pcm","rate":24000},"transcription":null,"noise_reduction":null,'
        b'"turn_detection":{"type":"server_vad","threshold":0.5,"prefix_padding_ms":300,'
        b'"silence_duration_ms":200,"idle_timeout_ms":null,"create_response":true,'
        b'"interrupt_response":true}},"output":{"format":{"type":"audio/pcm","rate":24000},'
        b'"voice":"alloy","speed":1.0}},"include":null}}'
    )


def test_transcription_session_as_the_service_writes_it() -> None:
    session = TranscriptionSession(id="sess_1", expires_at=1767000000)
    assert encode(session) == (
        b'{"type":"transcription","object":"realtime.transcription_session","id":"sess_1",'
        b'"expires_at":1767000000,"audio":{"input":{"format":{"type":"audio/pcm","rate":24000},'
        b'"transcription":null,"noise_reduction":null,"turn_detection":{"type":"server_vad",'
        b'"threshold":0.5,"prefix_padding_ms":300,"silence_duration_ms":200}}},"include":null}'
    )


def test_turn_detection_of_a_transcription_session() -> None:
    asked = ServerVad(threshold=0.7, prefix_padding_ms=1, silence_duration_ms=2, create_response=False)
    assert asked.for_transcription() == TranscriptionServerVad(
        threshold=0.7, prefix_padding_ms=1, silence_duration_ms=2
    )
    assert SemanticVad(eagerness="low").for_transcription() == TranscriptionSemanticVad(eagerness="low")


def test_all_keys_of_an_error_are_written() -> None:
    event = ErrorEvent(event_id="event_1", error=Error(type="server_error", message="…"))
    assert encode(event).decode() == (
        '{"type":"error","event_id":"event_1","error":'
        '{"type":"server_error","code":null,"message":"…","param":null,"event_id":null}}'
    )


# What must not be seen.


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (
            InputAudioBufferAppend(audio=SOME_AUDIO),
            "InputAudioBufferAppend(audio=…)",
        ),
        (
            InputAudio(audio=SOME_AUDIO, transcript=None),
            "InputAudio(audio=…, transcript=None)",
        ),
        (
            ResponseOutputAudioDelta(
                event_id="e",
                response_id="r",
                item_id="i",
                output_index=0,
                content_index=0,
                delta=SOME_AUDIO,
            ),
            "ResponseOutputAudioDelta(event_id='e', response_id='r', item_id='i', output_index=0, "
            "content_index=0, delta=…)",
        ),
        (
            McpTool(server_label="a", authorization="token", headers={"X-Key": "token"}),
            "McpTool(server_label='a', authorization=…, headers=…)",
        ),
        (
            ClientSecret(value="ek_1", expires_at=1, session=TranscriptionSession(id="s")),
            "ClientSecret(value=…, expires_at=1, session=TranscriptionSession(",
        ),
        (UnknownEvent(type="a", raw=b"{}"), "UnknownEvent(type='a', raw=…)"),
    ],
)
def test_repr_shows_no_secrets_and_no_sound(value: Any, shown: str) -> None:
    assert repr(value).startswith(shown)


def test_messages_do_not_change() -> None:
    event = InputAudioBufferAppend(audio=SOME_AUDIO)
    with pytest.raises(AttributeError):
        event.audio = ""  # type: ignore[misc]
