"""The official `openai` package understands every event that this project's server sends, strictly."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from openai.types.realtime import RealtimeServerEvent, RealtimeTranslationServerEvent
from pydantic import BaseModel, TypeAdapter

from tests.protocol.values import SOME_AUDIO, SOME_IMAGE, shapes
from vivavoce.protocol import (
    AudioPart,
    AudioPCM,
    ConversationInfo,
    InputAudio,
    InputImage,
    InputText,
    Message,
    OutputAudio,
    OutputText,
    ResponseAudioOutput,
    ServerEvent,
    SessionClosed,
    SessionInputTranscriptDelta,
    SessionOutputAudioDelta,
    SessionOutputTranscriptDelta,
    TranslationSession,
    encode,
)

TRANSLATION = {
    SessionClosed,
    SessionInputTranscriptDelta,
    SessionOutputAudioDelta,
    SessionOutputTranscriptDelta,
}
"""The events that only translation sessions have."""

NOT_IN_THE_PACKAGE = {
    "AudioInputTranscription.language",
    "ConversationItemInputAudioTranscriptionDeltaEvent.obfuscation",
    "InputAudioBufferDtmfEventReceivedEvent.event_id",
    "RealtimeSessionCreateRequest.expires_at",
    "RealtimeSessionCreateRequest.id",
    "RealtimeSessionCreateRequest.object",
    "RealtimeSessionCreateRequest.temperature",
    "RealtimeResponse.temperature",
    "RealtimeTranscriptionSessionCreateRequest.expires_at",
    "RealtimeTranscriptionSessionCreateRequest.id",
    "RealtimeTranscriptionSessionCreateRequest.object",
    "ResponseAudioDeltaEvent.obfuscation",
    "ResponseAudioTranscriptDeltaEvent.obfuscation",
    "ResponseFunctionCallArgumentsDeltaEvent.obfuscation",
    "ResponseTextDeltaEvent.obfuscation",
}
"""Keys that the real service sends and the package does not know: it takes sessions for requests."""

SENT: dict[Any, list[Any]] = {
    Message: [
        Message(id="item_1", status="completed", role="system", content=(InputText(text="Be brief."),)),
        Message(
            id="item_2",
            object="realtime.item",
            status="completed",
            role="user",
            content=(
                InputText(text="What is this?"),
                InputAudio(transcript=None),
                InputAudio(transcript="What is this?", audio=SOME_AUDIO),
                InputImage(image_url=SOME_IMAGE, detail="low"),
            ),
        ),
        Message(id="item_3", status="in_progress", role="assistant", content=()),
        Message(
            id="item_4",
            status="incomplete",
            role="assistant",
            content=(OutputText(text="A cat."), OutputAudio(transcript="A cat.", audio=SOME_AUDIO)),
        ),
    ],
    AudioPart: [AudioPart(transcript=""), AudioPart(transcript="A cat.")],
    ConversationInfo: [ConversationInfo(id="conv_1", object="realtime.conversation")],
    AudioPCM: [AudioPCM()],
    ResponseAudioOutput: [ResponseAudioOutput(format=AudioPCM(), voice="marin")],
}
"""What the server sends of those types that allow more than it sends."""


def _by_name(union: Any) -> dict[str, TypeAdapter[Any]]:
    adapters = {}
    for kind in get_args(get_args(union)[0]):
        (name,) = get_args(kind.model_fields["type"].annotation)
        adapters[name] = TypeAdapter(kind)
    return adapters


OFFICIAL = _by_name(RealtimeServerEvent)
OFFICIAL_TRANSLATION = _by_name(RealtimeTranslationServerEvent)


def unknown_keys(value: Any) -> Iterator[str]:
    """The keys that the package kept without knowing them, at any depth."""
    if isinstance(value, BaseModel):
        for key in value.model_extra or {}:
            yield f"{type(value).__name__}.{key}"
        for name in type(value).model_fields:
            yield from unknown_keys(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            yield from unknown_keys(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from unknown_keys(item)


@pytest.mark.parametrize("kind", get_args(ServerEvent), ids=lambda kind: kind.__name__)
def test_the_package_understands(kind: type[Any]) -> None:
    for event in shapes(kind, SENT):
        translation = kind in TRANSLATION or isinstance(getattr(event, "session", None), TranslationSession)
        official = OFFICIAL_TRANSLATION if translation else OFFICIAL
        understood = official[kind.type].validate_json(encode(event), strict=True)
        assert understood.type == kind.type
        assert set(unknown_keys(understood)) <= NOT_IN_THE_PACKAGE


def test_the_package_knows_no_event_that_is_missing_here() -> None:
    assert set(OFFICIAL) | set(OFFICIAL_TRANSLATION) == {kind.type for kind in get_args(ServerEvent)}
