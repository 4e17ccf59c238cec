"""Every example of the published document of the GA dialect can be read and written again without loss."""

import json
import re
from typing import Any

import msgspec
import pytest

from tests.protocol.published import document, parse, schemas
from tests.protocol.test_schemas import BETA
from vivavoce.protocol import (
    GA_MEDIA,
    GA_TRANSLATION,
    CallRefer,
    CallReject,
    ClientSecret,
    ClientSecretRequest,
    RealtimeCallIncoming,
    RealtimeSessionParams,
    TranscriptionSession,
    TranslationClientSecret,
    TranslationClientSecretRequest,
    TranslationSession,
    UnknownEvent,
    decode_body,
    decode_client_event,
    decode_server_event,
    encode,
)

ADDED = {
    "RealtimeServerEventSessionCreated": {"session.truncation": "auto"},
    "RealtimeServerEventSessionUpdated": {"session.truncation": "auto"},
    "response of /realtime/client_secrets": {
        "session.audio.input.turn_detection.threshold": 0.5,
        "session.audio.input.turn_detection.prefix_padding_ms": 300,
        "session.audio.input.turn_detection.silence_duration_ms": 200,
        "session.audio.input.turn_detection.idle_timeout_ms": None,
        "session.audio.input.turn_detection.create_response": True,
        "session.audio.input.turn_detection.interrupt_response": True,
    },
}
"""What the examples leave out, and the structs fill in with the documented defaults."""

CORRECTED = {
    "RealtimeServerEventInputAudioBufferDtmfEventReceived": (
        '" input_audio_buffer.dtmf_event_received"',
        '"input_audio_buffer.dtmf_event_received"',
    ),
    "RealtimeTranscriptionSessionCreateResponseGA": ('"pcm16"', '{"type": "audio/pcm", "rate": 24000}'),
}
"""Mistakes of the examples: a blank in a name, and the beta dialect's word for a format."""


def _examples() -> dict[str, str]:
    """The examples of the GA dialect's schemas and paths by what they are of, as text."""
    examples = {}
    for name, schema in schemas().items():
        text = schema.get("x-oaiMeta", {}).get("example")
        if text and name not in BETA and not name.startswith("RealtimeBeta"):
            examples[name] = text.replace(*CORRECTED[name]) if name in CORRECTED else text
    for path, methods in document()["paths"].items():
        if path in ("/realtime/sessions", "/realtime/transcription_sessions"):
            continue  # the beta dialect
        shown = methods["post"]["x-oaiMeta"].get("examples", {})
        body = re.search(r"-d '(.*)'", shown.get("request", {}).get("curl", ""), re.DOTALL)
        if body:
            examples[f"request of {path}"] = body[1]
        if shown.get("response", "").lstrip().startswith("{"):
            examples[f"response of {path}"] = shown["response"]
    return examples


ANSWERS: dict[str, type[Any]] = {
    "RealtimeCreateClientSecretResponse": ClientSecret,
    "RealtimeTranslationClientSecretCreateResponse": TranslationClientSecret,
    "RealtimeTranslationSession": TranslationSession,
    "RealtimeTranscriptionSessionCreateResponseGA": TranscriptionSession,
    "WebhookRealtimeCallIncoming": RealtimeCallIncoming,
    "response of /realtime/client_secrets": ClientSecret,
    "response of /realtime/translations/client_secrets": TranslationClientSecret,
}

REQUESTS: dict[str, type[Any]] = {
    "request of /realtime/calls/{call_id}/accept": RealtimeSessionParams,
    "request of /realtime/calls/{call_id}/refer": CallRefer,
    "request of /realtime/calls/{call_id}/reject": CallReject,
    "request of /realtime/client_secrets": ClientSecretRequest,
    "request of /realtime/translations/client_secrets": TranslationClientSecretRequest,
}


def _read(name: str, data: bytes) -> Any:
    if name in ANSWERS:
        return msgspec.json.decode(data, type=ANSWERS[name])
    if name in REQUESTS:
        return decode_body(data, REQUESTS[name])
    if "ServerEvent" in name:
        return decode_server_event(data)
    if "ClientEvent" in name:
        return decode_client_event(data, GA_TRANSLATION if "Translation" in name else GA_MEDIA)
    raise AssertionError(f"Nothing reads {name}.")


def _added(before: Any, after: Any, path: str = "") -> dict[str, Any]:
    """What `after` has beside all of `before`. Fails if it lacks anything of it."""
    if isinstance(before, dict):
        assert isinstance(after, dict)
        assert set(before) <= set(after)
        found: dict[str, Any] = {}
        for key, value in after.items():
            where = f"{path}.{key}".lstrip(".")
            found |= _added(before[key], value, where) if key in before else {where: value}
        return found
    if isinstance(before, list):
        assert isinstance(after, list)
        assert len(before) == len(after)
        found = {}
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            found |= _added(one, other, f"{path}[{index}]")
        return found
    assert before == after
    return {}


@pytest.mark.parametrize("name", sorted(_examples()))
def test_example(name: str) -> None:
    examples = parse(_examples()[name])
    assert examples
    for example in examples:
        value = _read(name, json.dumps(example).encode())
        assert not isinstance(value, UnknownEvent)
        assert _added(example, json.loads(encode(value))) == ADDED.get(name, {})


def test_the_examples_are_those_of_the_document() -> None:
    names = _examples()
    assert len(names) == 78
    assert set(ANSWERS) | set(REQUESTS) | set(ADDED) | set(CORRECTED) <= set(names)
