"""The official `openai` package understands, strictly, all that is sent in the beta dialect."""

from typing import Any, get_args

import pytest
from openai.types.beta.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from tests.protocol.beta.speaking import connection
from tests.protocol.test_official_types import SENT, unknown_keys
from tests.protocol.values import SOME_AUDIO, shapes
from vivavoce import protocol as ga
from vivavoce.protocol import (
    AudioFormat,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Item,
    Message,
    OutputAudio,
    OutputText,
    RealtimeSession,
    ServerEvent,
    ServerVad,
    SessionAudio,
    SessionAudioInput,
    TranscriptionSession,
    TranslationSession,
)

BETA_SENT: dict[Any, list[Any]] = {
    **SENT,
    Message: [
        Message(id="item_1", status="completed", role="system", content=(InputText(text="Be brief."),)),
        Message(
            id="item_2",
            status="completed",
            role="user",
            content=(InputText(text="a"), InputAudio(transcript=None), InputAudio(audio=SOME_AUDIO)),
        ),
        Message(
            id="item_3",
            status="incomplete",
            role="assistant",
            content=(OutputText(text="A cat."), OutputAudio(transcript="A cat.", audio=SOME_AUDIO)),
        ),
    ],
    Item: [
        Message(id="item_1", status="in_progress", role="assistant", content=()),
        FunctionCall(id="item_1", status="completed", name="f", call_id="c", arguments="{}"),
        FunctionCallOutput(id="item_1", status="completed", call_id="c", output=""),
    ],
    RealtimeSession: [
        RealtimeSession(id="sess_1", model="gpt-4o-realtime-preview"),
        RealtimeSession(
            id="sess_1",
            model="gpt-4o-realtime-preview",
            output_modalities=("text",),
            audio=SessionAudio(input=SessionAudioInput(turn_detection=None)),
        ),
        RealtimeSession(
            id="sess_1",
            model="gpt-4o-realtime-preview",
            tracing="auto",
            audio=SessionAudio(
                input=SessionAudioInput(
                    transcription=ga.Transcription(model="whisper-1"),
                    noise_reduction=ga.NoiseReduction(type="far_field"),
                    turn_detection=ServerVad(create_response=False),
                )
            ),
        ),
    ],
    TranscriptionSession: [],
    TranslationSession: [],
    AudioFormat: [ga.AudioPCM(), ga.AudioPCMU(), ga.AudioPCMA()],
}
"""What a session of the beta dialect can hold. The package's own type of a transcription session demands the
client secret that only REST gives; see the test of that event."""

NOT_IN_THE_PACKAGE = {
    "InputTokenDetails.cached_tokens_details",
    "Session.client_secret",
    "Session.expires_at",
    "Session.include",
    "Session.object",
    "Session.prompt",
    "Error.message",
    "ConversationItemInputAudioTranscriptionCompletedEvent.languages",
}
"""Keys that the service sent, or its schemas name, and the package does not know."""


def _adapters() -> dict[str, TypeAdapter[Any]]:
    adapters = {}
    for kind in get_args(get_args(RealtimeServerEvent)[0]):
        (name,) = get_args(kind.model_fields["type"].annotation)
        adapters[name] = TypeAdapter(kind)
    return adapters


OFFICIAL = _adapters()


@pytest.mark.parametrize("kind", get_args(ServerEvent), ids=lambda kind: kind.__name__)
def test_the_package_understands(kind: type[Any]) -> None:
    for event in shapes(kind, BETA_SENT):
        for frame in connection().encode(event):
            name = ga.decode_server_event(frame).type
            understood = OFFICIAL[name].validate_json(frame, strict=True)
            assert understood.type == name
            assert set(unknown_keys(understood)) <= NOT_IN_THE_PACKAGE


def test_all_that_the_package_knows_can_be_sent() -> None:
    sent = set()
    special = {kind: BETA_SENT[kind] for kind in BETA_SENT if kind is not TranscriptionSession}
    special[TranscriptionSession] = [TranscriptionSession(id="sess_1")]
    for kind in get_args(ServerEvent):
        for event in shapes(kind, special):
            sent |= {ga.decode_server_event(frame).type for frame in connection().encode(event)}
    assert sent - set(OFFICIAL) == {"transcription_session.created"}
    assert set(OFFICIAL) - sent == set()
