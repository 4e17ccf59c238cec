"""From the GA dialect to the beta dialect: every event, and what the connection has to remember."""

import json
from typing import Any, get_args

import pytest

from tests.protocol.beta.speaking import Event, connection, one, read, written
from tests.protocol.values import SOME_AUDIO, shapes
from vivavoce import protocol as ga
from vivavoce.protocol.beta import Beta, Extras, outgoing
from vivavoce.protocol.beta import server_events as beta

PLACE: dict[str, Any] = {
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
}
CALL = {name: value for name, value in PLACE.items() if name != "content_index"} | {"call_id": "call_1"}

RENAMED: dict[str, tuple[Any, Event]] = {
    "text delta": (
        ga.ResponseOutputTextDelta(**PLACE, delta="Hi", obfuscation="xyz"),
        {"type": "response.text.delta", **PLACE, "delta": "Hi"},
    ),
    "text done": (
        ga.ResponseOutputTextDone(**PLACE, text="Hi"),
        {"type": "response.text.done", **PLACE, "text": "Hi"},
    ),
    "audio delta": (
        ga.ResponseOutputAudioDelta(**PLACE, delta="AAAA", obfuscation="xyz"),
        {"type": "response.audio.delta", **PLACE, "delta": "AAAA"},
    ),
    "audio done": (ga.ResponseOutputAudioDone(**PLACE), {"type": "response.audio.done", **PLACE}),
    "transcript delta": (
        ga.ResponseOutputAudioTranscriptDelta(**PLACE, delta="Hi", obfuscation="xyz"),
        {"type": "response.audio_transcript.delta", **PLACE, "delta": "Hi"},
    ),
    "transcript done": (
        ga.ResponseOutputAudioTranscriptDone(**PLACE, transcript="Hi"),
        {"type": "response.audio_transcript.done", **PLACE, "transcript": "Hi"},
    ),
    "arguments delta": (
        ga.ResponseFunctionCallArgumentsDelta(**CALL, delta="{", obfuscation="xyz"),
        {"type": "response.function_call_arguments.delta", **CALL, "delta": "{"},
    ),
    "arguments done": (
        ga.ResponseFunctionCallArgumentsDone(**CALL, name="f", arguments="{}"),
        {"type": "response.function_call_arguments.done", **CALL, "arguments": "{}"},
    ),
    "transcription delta": (
        ga.ConversationItemInputAudioTranscriptionDelta(
            event_id="e",
            item_id="i",
            delta="Hi",
            obfuscation="xyz",
            logprobs=(ga.LogProb(token="Hi", logprob=-0.5, bytes=(72, 105)),),
        ),
        {
            "type": "conversation.item.input_audio_transcription.delta",
            "event_id": "e",
            "item_id": "i",
            "content_index": 0,
            "delta": "Hi",
            "logprobs": [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105]}],
        },
    ),
}


@pytest.mark.parametrize(("event", "expected"), RENAMED.values(), ids=RENAMED)
def test_renamed(event: Any, expected: Event) -> None:
    assert one(event) == expected


def test_every_event_is_provided_for() -> None:
    remembered = {ga.SessionCreated, ga.SessionUpdated, ga.ResponseCreated, ga.ResponseDone}
    tables = [outgoing.UNCHANGED, outgoing.UNKNOWN, set(outgoing.TRANSLATED), remembered]
    assert set().union(*tables) == set(get_args(ga.ServerEvent))
    assert sum(map(len, tables)) == len(get_args(ga.ServerEvent))


@pytest.mark.parametrize("kind", sorted(outgoing.UNKNOWN, key=lambda kind: kind.__name__))
def test_the_beta_dialect_has_no_word_for(kind: type[Any]) -> None:
    for event in shapes(kind):
        assert written(event) == []


@pytest.mark.parametrize("kind", sorted(outgoing.UNCHANGED, key=lambda kind: kind.__name__))
def test_unchanged(kind: type[Any]) -> None:
    for event in shapes(kind):
        assert one(event) == json.loads(ga.encode(event))


# Items.


def message(role: Any, *content: Any, **fields: Any) -> ga.Message:
    return ga.Message(id="item_1", status="completed", role=role, content=content, **fields)


ITEMS: dict[str, tuple[ga.Item, Event]] = {
    "user": (
        message("user", ga.InputText(text="a"), ga.InputAudio(transcript=None)),
        {
            "id": "item_1",
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": "a"}, {"type": "input_audio", "transcript": None}],
        },
    ),
    "assistant": (
        message("assistant", ga.OutputText(text="a"), ga.OutputAudio(transcript="b")),
        {
            "id": "item_1",
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}, {"type": "audio", "transcript": "b"}],
        },
    ),
    "call": (
        ga.FunctionCall(id="item_1", status="in_progress", name="f", call_id="c", arguments=""),
        {
            "id": "item_1",
            "object": "realtime.item",
            "type": "function_call",
            "status": "in_progress",
            "name": "f",
            "call_id": "c",
            "arguments": "",
        },
    ),
    "output": (
        ga.FunctionCallOutput(id="item_1", status="completed", call_id="c", output="x"),
        {
            "id": "item_1",
            "object": "realtime.item",
            "type": "function_call_output",
            "status": "completed",
            "call_id": "c",
            "output": "x",
        },
    ),
}


@pytest.mark.parametrize(("item", "shown"), ITEMS.values(), ids=ITEMS)
def test_items(item: ga.Item, shown: Event) -> None:
    added = ga.ConversationItemAdded(event_id="e", previous_item_id="p", item=item)
    assert one(added) == {
        "type": "conversation.item.created",
        "event_id": "e",
        "previous_item_id": "p",
        "item": shown,
    }
    for kind in (ga.ResponseOutputItemAdded, ga.ResponseOutputItemDone):
        event = kind(event_id="e", response_id="r", output_index=1, item=item)
        assert one(event) == {
            "type": kind.type,
            "event_id": "e",
            "response_id": "r",
            "output_index": 1,
            "item": shown,
        }


def test_a_retrieved_item_has_its_sound() -> None:
    said = ga.InputAudio(audio=SOME_AUDIO, transcript="a", format=ga.AudioPCM())
    answered = ga.OutputAudio(audio=SOME_AUDIO, transcript="b", format=ga.AudioPCMU())
    shown = one(ga.ConversationItemRetrieved(event_id="e", item=message("user", said)))
    assert shown["item"]["object"] == "realtime.item"
    assert shown["item"]["content"] == [
        {"type": "input_audio", "audio": SOME_AUDIO, "transcript": "a", "format": "pcm16"}
    ]
    shown = one(ga.ConversationItemRetrieved(event_id="e", item=message("assistant", answered)))
    assert shown["item"]["content"] == [
        {"type": "audio", "audio": SOME_AUDIO, "transcript": "b", "format": "g711_ulaw"}
    ]


# The session.

FULL = {
    "object": "realtime.session",
    "id": "sess_1",
    "model": "gpt-4o-realtime-preview",
    "modalities": ["text", "audio"],
    "instructions": "Be kind.",
    "voice": "alloy",
    "input_audio_format": "pcm16",
    "output_audio_format": "pcm16",
    "input_audio_transcription": None,
    "input_audio_noise_reduction": None,
    "turn_detection": {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "create_response": True,
        "interrupt_response": True,
    },
    "tools": [],
    "tool_choice": "auto",
    "temperature": 0.8,
    "max_response_output_tokens": "inf",
    "speed": 1.0,
    "tracing": None,
    "prompt": None,
    "expires_at": 1740000000,
    "include": None,
    "client_secret": None,
}


def session(**fields: Any) -> ga.RealtimeSession:
    told = {"instructions": "Be kind.", "expires_at": 1740000000} | fields
    return ga.RealtimeSession(id="sess_1", model="gpt-4o-realtime-preview", **told)


def test_session_created() -> None:
    created, conversation = written(ga.SessionCreated(event_id="event_9", session=session()))
    assert created == {"type": "session.created", "event_id": "event_9", "session": FULL}
    assert list(created["session"]) == list(FULL)
    assert conversation == {
        "type": "conversation.created",
        "event_id": "event_2",
        "conversation": {"id": "conv_1", "object": "realtime.conversation"},
    }


def test_session_updated() -> None:
    talking = ga.SessionAudio(
        input=ga.SessionAudioInput(
            format=ga.AudioPCMU(),
            transcription=ga.Transcription(model="whisper-1"),
            noise_reduction=ga.NoiseReduction(type="near_field"),
            turn_detection=ga.SemanticVad(),
        ),
        output=ga.SessionAudioOutput(format=ga.AudioPCMA(), voice="ash", speed=1.25),
    )
    event = ga.SessionUpdated(
        event_id="e",
        session=session(
            output_modalities=("text",),
            tools=(ga.FunctionTool(name="f"),),
            tool_choice=ga.ToolChoiceFunction(name="f"),
            max_output_tokens=10,
            tracing="auto",
            prompt=ga.Prompt(id="p"),
            include=("item.input_audio_transcription.logprobs",),
            audio=talking,
        ),
    )
    assert one(event)["session"] == FULL | {
        "modalities": ["text"],
        "voice": "ash",
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "g711_alaw",
        "input_audio_transcription": {"model": "whisper-1", "language": None, "prompt": None},
        "input_audio_noise_reduction": {"type": "near_field"},
        "turn_detection": {
            "type": "semantic_vad",
            "eagerness": "auto",
            "create_response": True,
            "interrupt_response": True,
        },
        "tools": [{"type": "function", "name": "f"}],
        "tool_choice": {"type": "function", "name": "f"},
        "max_response_output_tokens": 10,
        "speed": 1.25,
        "tracing": "auto",
        "prompt": {"id": "p"},
        "include": ["item.input_audio_transcription.logprobs"],
    }


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (ga.SessionCreated, "transcription_session.created"),
        (ga.SessionUpdated, "transcription_session.updated"),
    ],
)
def test_transcription_session(sent: type[Any], name: str) -> None:
    transcriber = ga.TranscriptionSession(
        id="sess_1",
        expires_at=1740000000,
        audio=ga.TranscriptionSessionAudio(
            input=ga.TranscriptionSessionAudioInput(
                transcription=ga.Transcription(model="whisper-1", language="en", prompt="names")
            )
        ),
    )
    assert one(sent(event_id="e", session=transcriber)) == {
        "type": name,
        "event_id": "e",
        "session": {
            "object": "realtime.transcription_session",
            "id": "sess_1",
            "input_audio_format": "pcm16",
            "input_audio_transcription": {"model": "whisper-1", "language": "en", "prompt": "names"},
            "input_audio_noise_reduction": None,
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 200,
            },
            "include": None,
            "expires_at": 1740000000,
            "client_secret": None,
        },
    }


# What is remembered.


def updated(beta: Beta, **fields: Any) -> Event:
    shown: Event = one(ga.SessionUpdated(event_id="e", session=session(**fields)), beta)["session"]
    return shown


def test_the_session_keeps_its_order_of_modalities() -> None:
    beta = connection()
    assert updated(beta)["modalities"] == ["text", "audio"]
    read({"type": "session.update", "session": {"modalities": ["audio", "text"]}}, beta)
    assert updated(beta)["modalities"] == ["audio", "text"]
    read({"type": "session.update", "session": {"modalities": ["text"]}}, beta)
    assert updated(beta, output_modalities=("text",))["modalities"] == ["text"]
    read({"type": "session.update", "session": {"voice": "ash"}}, beta)
    assert updated(beta)["modalities"] == ["audio", "text"]


def test_an_update_that_the_session_refuses_changes_nothing() -> None:
    beta = connection()
    asked = {"modalities": ["audio", "text"], "model": "other"}
    read({"type": "session.update", "session": asked}, beta)
    one(ga.ErrorEvent(event_id="e", error=ga.errors.model_locked()), beta)
    read({"type": "session.update", "session": {"voice": "ash"}}, beta)
    assert updated(beta)["modalities"] == ["text", "audio"]


def test_the_temperature() -> None:
    beta = connection()
    assert updated(beta)["temperature"] == 0.8
    assert updated(beta, temperature=1.1)["temperature"] == 1.1
    assert begun(beta)["temperature"] == 0.8
    assert begun(beta, temperature=0.6)["temperature"] == 0.6


def test_what_a_secret_holds_is_there_from_the_beginning() -> None:
    beta = connection(Extras(with_audio=("audio", "text")))
    created, _ = written(ga.SessionCreated(event_id="e", session=session()), beta)
    assert created["session"]["modalities"] == ["audio", "text"]


def response(id: str = "resp_1", **fields: Any) -> ga.Response:
    spoken = ga.ResponseAudioOutput(format=ga.AudioPCM(), voice="alloy")
    told: dict[str, Any] = {
        "status": "in_progress",
        "conversation_id": "conv_of_the_session",
        "output_modalities": ("audio",),
        "max_output_tokens": "inf",
        "audio": ga.ResponseAudio(output=spoken),
    }
    return ga.Response(id=id, **(told | fields))


def begun(beta: Beta, **fields: Any) -> Event:
    shown: Event = one(ga.ResponseCreated(event_id="e", response=response(**fields)), beta)["response"]
    return shown


def done(beta: Beta, **fields: Any) -> Event:
    event = ga.ResponseDone(event_id="e", response=response(**({"status": "completed"} | fields)))
    shown: Event = one(event, beta)["response"]
    return shown


RESPONSE = {
    "object": "realtime.response",
    "id": "resp_1",
    "status": "in_progress",
    "status_details": None,
    "output": [],
    "conversation_id": "conv_1",
    "modalities": ["text", "audio"],
    "voice": "alloy",
    "output_audio_format": "pcm16",
    "temperature": 0.8,
    "max_output_tokens": "inf",
    "usage": None,
    "metadata": None,
}


def test_responses() -> None:
    beta = connection()
    written(ga.SessionCreated(event_id="e", session=session()), beta)
    created = begun(beta)
    assert created == RESPONSE
    assert list(created) == list(RESPONSE)
    usage = ga.Usage(
        total_tokens=3,
        input_tokens=1,
        output_tokens=2,
        input_token_details=ga.InputTokenDetails(
            text_tokens=1,
            image_tokens=0,
            cached_tokens_details=ga.CachedTokensDetails(image_tokens=0),
        ),
        output_token_details=ga.OutputTokenDetails(text_tokens=2),
    )
    ended = done(
        beta,
        output=(message("assistant", ga.OutputAudio(transcript="Hi")),),
        usage=usage,
        metadata={"a": "b"},
    )
    assert ended == RESPONSE | {
        "status": "completed",
        "output": [ITEMS["assistant"][1] | {"content": [{"type": "audio", "transcript": "Hi"}]}],
        "usage": {
            "total_tokens": 3,
            "input_tokens": 1,
            "output_tokens": 2,
            "input_token_details": {
                "text_tokens": 1,
                "audio_tokens": 0,
                "cached_tokens": 0,
                "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0},
            },
            "output_token_details": {"text_tokens": 2, "audio_tokens": 0},
        },
        "metadata": {"a": "b"},
    }


def test_a_failed_response_says_why() -> None:
    details = ga.StatusDetails(
        type="failed", error=ga.ResponseError(type="server_error", code="x", message="m")
    )
    assert done(connection(), status="failed", status_details=details)["status_details"] == {
        "type": "failed",
        "error": {"type": "server_error", "code": "x", "message": "m"},
    }


def test_a_response_has_what_was_asked_for_until_its_end() -> None:
    beta = connection()
    read({"type": "response.create", "response": {"modalities": ["audio", "text"]}}, beta)
    assert begun(beta)["modalities"] == ["audio", "text"]
    read({"type": "response.cancel"}, beta)
    assert done(beta)["modalities"] == ["audio", "text"]
    assert begun(beta, id="resp_2")["modalities"] == ["text", "audio"]


def test_a_refused_response_leaves_nothing_behind() -> None:
    beta = connection()
    read({"type": "response.create", "response": {"modalities": ["audio", "text"]}}, beta)
    one(ga.ErrorEvent(event_id="e", error=ga.errors.active_response("resp_0")), beta)
    read({"type": "input_audio_buffer.append", "audio": "AAAA"}, beta)
    assert begun(beta)["modalities"] == ["text", "audio"]


def test_out_of_band_responses_are_told_apart() -> None:
    beta = connection()
    written(ga.SessionCreated(event_id="e", session=session()), beta)
    asked = {"modalities": ["audio", "text"], "conversation": "none"}
    read({"type": "response.create", "response": asked}, beta)
    assert begun(beta)["modalities"] == ["text", "audio"]
    beside = begun(beta, id="resp_2", conversation_id=None)
    assert (beside["modalities"], beside["conversation_id"]) == (["audio", "text"], None)
    assert done(beta, id="resp_2", conversation_id=None)["modalities"] == ["audio", "text"]


def test_a_response_that_states_little() -> None:
    event = ga.ResponseDone(event_id="e", response=ga.Response(id="r", status="completed"))
    assert "modalities" not in one(event)["response"]
    assert "voice" not in one(event)["response"]


# Errors.


@pytest.mark.parametrize(
    ("error", "param", "message"),
    [
        (
            ga.errors.turn_detection_unsupported(),
            "session.turn_detection",
            "Turn detection is not supported for this transcription model.",
        ),
        (
            ga.errors.unsupported_option("session.audio.output.voice"),
            None,
            "Unsupported option for this model: 'session.voice'.",
        ),
        (
            ga.errors.unsupported_option("session.audio.input.transcription.prompt"),
            None,
            "Unsupported option for this model: 'session.input_audio_transcription.prompt'.",
        ),
        (
            ga.errors.invalid_value("response.audio.output.voice", "x", ("a", "b")),
            "response.voice",
            "Invalid value: 'x'. Supported values are: 'a' and 'b'.",
        ),
        (
            ga.errors.above_maximum("session.max_output_tokens", 4096, 5000, decimal=False),
            "session.max_response_output_tokens",
            "Invalid 'session.max_response_output_tokens': integer above maximum value. "
            "Expected a value <= 4096, but got 5000 instead.",
        ),
        (ga.errors.cancel_not_active(), None, "Cancellation failed: no active response found"),
        (ga.errors.model_locked(), "session.model", "The model of a session cannot be changed."),
        (
            ga.errors.unknown_parameter("session.output_modalities"),
            "session.output_modalities",
            "Unknown parameter: 'session.output_modalities'.",
        ),
    ],
)
def test_errors_name_the_fields_of_the_dialect(error: ga.Error, param: str | None, message: str) -> None:
    shown = one(ga.ErrorEvent(event_id="e", error=error))
    assert shown == {
        "type": "error",
        "event_id": "e",
        "error": {
            "type": "invalid_request_error",
            "code": error.code,
            "message": message,
            "param": param,
            "event_id": None,
        },
    }


def test_sound_is_not_shown() -> None:
    delta = beta.ResponseAudioDelta(**PLACE, delta=SOME_AUDIO)
    assert SOME_AUDIO not in repr(delta)
