"""From the beta dialect to the GA dialect: nothing that a client says gets lost."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import asdict, replace

from tests.protocol import values
from tests.protocol.beta.speaking import read
from vivavoce.protocol import (
    AudioInputParams,
    AudioOutputParams,
    AudioParams,
    AudioPCM,
    AudioPCMA,
    AudioPCMU,
    ConversationItemCreate,
    FunctionCall,
    FunctionTool,
    InputAudioBufferAppend,
    InputAudioBufferCommit,
    InputText,
    ItemReference,
    Message,
    NoiseReduction,
    OutputText,
    RealtimeSession,
    RealtimeSessionParams,
    ResponseAudioOutputParams,
    ResponseAudioParams,
    ResponseCreate,
    ResponseParams,
    SemanticVad,
    ServerVad,
    SessionAudio,
    SessionUpdate,
    Transcription,
    TranscriptionAudioParams,
    TranscriptionSession,
    TranscriptionSessionAudio,
    TranscriptionSessionParams,
    VoiceId,
    encode,
)
from vivavoce.protocol.beta import Beta, Session, SessionBody, SessionParams
from vivavoce.protocol.beta import TranscriptionSession as BetaTranscriptionSession
from vivavoce.protocol.beta import TranscriptionSessionParams as BetaTranscriptionSessionParams
from vivavoce.protocol.beta import client_events as beta_events
from vivavoce.protocol.beta.items import Message as BetaMessage
from vivavoce.protocol.beta.responses import ResponseParams as BetaResponseParams

TOOL = {"type": "function", "name": "f"}

SESSION: dict[str, tuple[dict[str, Any], RealtimeSessionParams]] = {
    "nothing": ({}, RealtimeSessionParams()),
    "model": ({"model": "m"}, RealtimeSessionParams(model="m")),
    "text": ({"modalities": ["text"]}, RealtimeSessionParams(output_modalities=("text",))),
    "speech": ({"modalities": ["text", "audio"]}, RealtimeSessionParams(output_modalities=("audio",))),
    "speech, first": ({"modalities": ["audio", "text"]}, RealtimeSessionParams(output_modalities=("audio",))),
    "instructions": ({"instructions": ""}, RealtimeSessionParams(instructions="")),
    "voice": (
        {"voice": "ash"},
        RealtimeSessionParams(audio=AudioParams(output=AudioOutputParams(voice="ash"))),
    ),
    "custom voice": (
        {"voice": {"id": "voice_1"}},
        RealtimeSessionParams(audio=AudioParams(output=AudioOutputParams(voice=VoiceId(id="voice_1")))),
    ),
    "speed": ({"speed": 1.5}, RealtimeSessionParams(audio=AudioParams(output=AudioOutputParams(speed=1.5)))),
    "input format": (
        {"input_audio_format": "g711_ulaw"},
        RealtimeSessionParams(audio=AudioParams(input=AudioInputParams(format=AudioPCMU()))),
    ),
    "output format": (
        {"output_audio_format": "g711_alaw"},
        RealtimeSessionParams(audio=AudioParams(output=AudioOutputParams(format=AudioPCMA()))),
    ),
    "both formats": (
        {"input_audio_format": "pcm16", "output_audio_format": "pcm16"},
        RealtimeSessionParams(
            audio=AudioParams(
                input=AudioInputParams(format=AudioPCM()), output=AudioOutputParams(format=AudioPCM())
            )
        ),
    ),
    "transcription": (
        {"input_audio_transcription": {"model": "whisper-1", "language": "en"}},
        RealtimeSessionParams(
            audio=AudioParams(
                input=AudioInputParams(transcription=Transcription(model="whisper-1", language="en"))
            )
        ),
    ),
    "no transcription": (
        {"input_audio_transcription": None},
        RealtimeSessionParams(audio=AudioParams(input=AudioInputParams(transcription=None))),
    ),
    "noise reduction": (
        {"input_audio_noise_reduction": {"type": "far_field"}},
        RealtimeSessionParams(
            audio=AudioParams(input=AudioInputParams(noise_reduction=NoiseReduction(type="far_field")))
        ),
    ),
    "server VAD": (
        {"turn_detection": {"type": "server_vad", "threshold": 0.9, "create_response": False}},
        RealtimeSessionParams(
            audio=AudioParams(
                input=AudioInputParams(turn_detection=ServerVad(threshold=0.9, create_response=False))
            )
        ),
    ),
    "semantic VAD": (
        {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}},
        RealtimeSessionParams(
            audio=AudioParams(input=AudioInputParams(turn_detection=SemanticVad(eagerness="low")))
        ),
    ),
    "no VAD": (
        {"turn_detection": None},
        RealtimeSessionParams(audio=AudioParams(input=AudioInputParams(turn_detection=None))),
    ),
    "tools": (
        {"tools": [TOOL], "tool_choice": "required"},
        RealtimeSessionParams(tools=(FunctionTool(name="f"),), tool_choice="required"),
    ),
    "limit": ({"max_response_output_tokens": 7}, RealtimeSessionParams(max_output_tokens=7)),
    "tracing": ({"tracing": "auto"}, RealtimeSessionParams(tracing="auto")),
    "no prompt": ({"prompt": None}, RealtimeSessionParams(prompt=None)),
    "extras": (
        {"include": ["item.input_audio_transcription.logprobs"]},
        RealtimeSessionParams(include=("item.input_audio_transcription.logprobs",)),
    ),
    "temperature": ({"temperature": 0.9}, RealtimeSessionParams(temperature=0.9)),
    "secret": ({"client_secret": {"value": "ek_1", "expires_at": 1}}, RealtimeSessionParams()),
}


@pytest.mark.parametrize(("flat", "nested"), SESSION.values(), ids=SESSION)
def test_session_update(flat: dict[str, Any], nested: RealtimeSessionParams) -> None:
    assert read({"type": "session.update", "session": flat}) == SessionUpdate(session=nested)


def test_every_field_of_a_session_has_a_row() -> None:
    rows = {key for flat, _ in SESSION.values() for key in flat}
    assert rows == set(SessionParams.__struct_fields__)


def test_transcription_session_update() -> None:
    event = {
        "type": "transcription_session.update",
        "event_id": "evt_1",
        "session": {
            "input_audio_format": "g711_alaw",
            "input_audio_transcription": {"model": "gpt-4o-transcribe", "prompt": "names"},
            "input_audio_noise_reduction": {"type": "near_field"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 700},
            "include": ["item.input_audio_transcription.logprobs"],
        },
    }
    heard = AudioInputParams(
        format=AudioPCMA(),
        transcription=Transcription(model="gpt-4o-transcribe", prompt="names"),
        noise_reduction=NoiseReduction(type="near_field"),
        turn_detection=ServerVad(silence_duration_ms=700),
    )
    assert read(event) == SessionUpdate(
        event_id="evt_1",
        session=TranscriptionSessionParams(
            audio=TranscriptionAudioParams(input=heard), include=("item.input_audio_transcription.logprobs",)
        ),
    )
    assert read({"type": "transcription_session.update", "session": {}}) == SessionUpdate(
        session=TranscriptionSessionParams()
    )


def test_items() -> None:
    def created(item: dict[str, Any]) -> Any:
        return read({"type": "conversation.item.create", "previous_item_id": "root", "item": item})

    words = [{"type": "input_text", "text": "a"}, {"type": "text", "text": "b"}]
    assert created({"type": "message", "id": "i", "role": "system", "content": words}) == (
        ConversationItemCreate(
            previous_item_id="root",
            item=Message(id="i", role="system", content=(InputText(text="a"), InputText(text="b"))),
        )
    )
    assert created({"type": "message", "role": "assistant", "content": words[1:]}) == (
        ConversationItemCreate(
            previous_item_id="root", item=Message(role="assistant", content=(OutputText(text="b"),))
        )
    )
    call = {"type": "function_call", "name": "f", "call_id": "c", "arguments": "{}"}
    assert created(call) == ConversationItemCreate(
        previous_item_id="root", item=FunctionCall(name="f", call_id="c", arguments="{}")
    )


def test_response_create() -> None:
    response = {
        "modalities": ["text", "audio"],
        "instructions": "Be brief.",
        "voice": "verse",
        "output_audio_format": "g711_ulaw",
        "tools": [TOOL],
        "tool_choice": {"type": "function", "name": "f"},
        "temperature": 0.6,
        "max_response_output_tokens": 5,
        "conversation": "none",
        "metadata": {"a": "b"},
        "prompt": None,
        "input": [
            {"type": "item_reference", "id": "i"},
            {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "b"}]},
        ],
    }
    read_as = read({"type": "response.create", "response": response})
    params = read_as.response
    assert params.tool_choice.name == "f"
    assert read_as == ResponseCreate(
        response=ResponseParams(
            output_modalities=("audio",),
            instructions="Be brief.",
            audio=ResponseAudioParams(output=ResponseAudioOutputParams(format=AudioPCMU(), voice="verse")),
            tools=(FunctionTool(name="f"),),
            tool_choice=params.tool_choice,
            max_output_tokens=5,
            temperature=0.6,
            conversation="none",
            metadata={"a": "b"},
            prompt=None,
            input=(ItemReference(id="i"), Message(role="assistant", content=(OutputText(text="b"),))),
        )
    )
    assert set(response) == set(BetaResponseParams.__struct_fields__) - {"max_output_tokens"}
    other = read({"type": "response.create", "response": {"max_output_tokens": "inf"}})
    assert other.response == ResponseParams(max_output_tokens="inf")
    for nothing in ({}, {"response": None}, {"response": {}}):
        plain = read({"type": "response.create", **nothing})
        assert not plain.response or plain.response == ResponseParams()


def test_the_others_are_the_same() -> None:
    assert read({"type": "input_audio_buffer.append", "audio": "AAAA"}) == InputAudioBufferAppend(
        audio="AAAA"
    )
    assert read({"type": "input_audio_buffer.commit"}) == InputAudioBufferCommit()


def _patched(current: Any, patch: Any) -> Any:
    given = {} if patch is UNSET else {name: v for name, v in asdict(patch).items() if v is not UNSET}
    return replace(current, **given)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.data())
def test_what_is_set_is_shown(data: st.DataObject) -> None:
    params: SessionParams = data.draw(values.random(SessionParams, valid=True))
    patch = params.to_ga()
    audio = SessionAudio()
    if patch.audio is not UNSET:
        audio = SessionAudio(
            input=_patched(audio.input, patch.audio.input), output=_patched(audio.output, patch.audio.output)
        )
    session = _patched(RealtimeSession(id="s", model="m"), replace(patch, audio=UNSET))
    before = Session.of(RealtimeSession(id="s", model="m"), SessionParams().extras())
    shown = Session.of(replace(session, audio=audio), params.extras())
    for name in set(SessionParams.__struct_fields__) - {"client_secret"}:
        sent = getattr(params, name)
        assert getattr(shown, name) == (getattr(before, name) if sent is UNSET else sent), name


@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_what_is_set_is_shown_by_a_transcriber(data: st.DataObject) -> None:
    kind = BetaTranscriptionSessionParams
    params: BetaTranscriptionSessionParams = data.draw(values.random(kind, valid=True))
    patch = params.to_ga()
    heard = TranscriptionSession(id="s").audio.input
    if patch.audio is not UNSET:
        sent = patch.audio.input
        if sent is not UNSET and sent.turn_detection:
            sent = replace(sent, turn_detection=sent.turn_detection.for_transcription())  # type: ignore[arg-type]
        heard = _patched(heard, sent)
    session = TranscriptionSession(
        id="s",
        audio=TranscriptionSessionAudio(input=heard),
        include=None if patch.include is UNSET else patch.include,
    )
    shown = BetaTranscriptionSession.of(session)
    before = BetaTranscriptionSession.of(TranscriptionSession(id="s"))
    for name in set(kind.__struct_fields__) - {"client_secret", "modalities", "turn_detection"}:
        given_one = getattr(params, name)
        assert getattr(shown, name) == (getattr(before, name) if given_one is UNSET else given_one), name
    if params.turn_detection:
        told = asdict(shown.turn_detection)  # type: ignore[arg-type]
        assert told.items() <= asdict(params.turn_detection).items()
        assert set(asdict(params.turn_detection)) - set(told) == {"create_response", "interrupt_response"}


@pytest.mark.parametrize(
    "kind",
    [
        beta_events.SessionUpdate,
        beta_events.TranscriptionSessionUpdate,
        beta_events.ConversationItemCreate,
        beta_events.ResponseCreate,
    ],
)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_whatever_is_allowed_is_taken(kind: type[Any], data: st.DataObject) -> None:
    event = data.draw(values.random(kind, valid=True))
    assert Beta(str).decode(encode(event)) == event.to_ga()
    assert event.to_ga().event_id == event.event_id


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_body_is_a_session(data: st.DataObject) -> None:
    body: SessionBody = data.draw(values.random(SessionBody, valid=True))
    flat = {name: getattr(body, name) for name in SessionParams.__struct_fields__}
    assert replace(body.to_ga(), truncation=UNSET) == SessionParams(**flat).to_ga()
    assert body.to_ga().truncation == body.truncation


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_messages_keep_their_words(data: st.DataObject) -> None:
    message: BetaMessage = data.draw(values.random(BetaMessage, valid=True))
    translated = message.to_ga()
    assert (translated.id, translated.role) == (message.id, message.role)
    assert [asdict(part) for part in translated.content] == [asdict(part) for part in message.content]
