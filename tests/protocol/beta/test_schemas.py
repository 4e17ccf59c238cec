"""The structs of the beta dialect against its published schemas, property by property."""

import re
from typing import Any, get_args

from tests.protocol.published import schemas
from tests.protocol.test_schemas import BETA, Comparison
from tests.protocol.test_schemas import DIFFERENCES as GA_DIFFERENCES
from vivavoce import protocol as ga
from vivavoce.protocol import beta
from vivavoce.protocol.beta import client_events, outgoing, server_events
from vivavoce.protocol.beta.responses import Response, ResponseParams

OBJECTS: dict[str, Any] = {
    "RealtimeSession": beta.Session,
    "RealtimeSessionCreateRequest": beta.SessionBody,
    "RealtimeTranscriptionSessionCreateRequest": beta.TranscriptionSessionBody,
    "RealtimeTranscriptionSessionCreateResponse": beta.TranscriptionSession,
    "RealtimeBetaResponse": Response,
    "RealtimeBetaResponseCreateParams": ResponseParams,
}

WRONG = {
    "RealtimeSessionCreateResponse": "has the shape of the GA dialect; its example is right",
    "RealtimeConversationItemWithReference": "belongs to no event and no body",
}
"""Schemas of the beta dialect that nothing here follows."""

DIFFERENCES: dict[str, str] = {
    **dict.fromkeys(
        [
            *(
                f"{place}: mcp_{kind}"
                for place in ("ConversationItemCreate.item", "ResponseParams.input[]")
                for kind in ("approval_request", "approval_response", "call", "list_tools")
            ),
            "ConversationItemCreate.item: object",
            "ResponseParams.input[]: object",
        ],
        "the schema borrows the items of the GA dialect; the dialect has no MCP",
    ),
    **dict.fromkeys(
        [
            "Message.content[]: input_image",
            "Message.content[]: object",
            "Message.content[]: output_audio",
            "Message.content[]: output_text",
            "InputText | InputAudio.detail: missing",
            "InputText | InputAudio.image_url: missing",
        ],
        "the schema borrows the items of the GA dialect; there are no images, and the assistant's is `text`",
    ),
    **dict.fromkeys(
        ["InputText | InputAudio.format: extra"], "in the example of a retrieved item; not from clients"
    ),
    **dict.fromkeys(
        [
            "InputText | InputAudio.text: required here",
            "Transcription.model: required here",
        ],
        "the object has no meaning without it, and no default is documented",
    ),
    "ResponseFunctionCallArgumentsDone.name: missing": "came with the GA dialect, and is in its schema only",
    "ResponseParams.max_response_output_tokens: extra": "the word of the official clients",
    "Response.voice: open to any string": "only servers send it",
    "Session.voice: open to any string": "only servers send it",
    "Session.model: open to any string": "open in the schema too, which lists names beside any string",
    **dict.fromkeys(
        ["Session.speed: maximum None here", "Session.speed: minimum None here"], "only servers send it"
    ),
    **dict.fromkeys(
        [
            *(
                f"{kind}.temperature: {limit} here"
                for kind in ("ResponseParams", "Session{}")
                for limit in ("minimum 0.6", "maximum 1.2")
            ),
            "Session{}.max_response_output_tokens: maximum 4096 here",
            "Session{}.max_response_output_tokens: minimum 1 here",
        ],
        "the schema states the range in words",
    ),
    **dict.fromkeys(
        [
            "Session{}.input_audio_format: string",
            "Session{}.output_audio_format: string",
            "Session{}.tool_choice: string",
            "Session.tool_choice: string",
            "TranscriptionSession.input_audio_format: string",
        ],
        "any string in the schema; its text, and that of its neighbours, lists the values",
    ),
    **dict.fromkeys(
        ["Session.modalities: None", "Session{}.modalities: None"], "the schema says nothing of it at all"
    ),
    **dict.fromkeys(
        [
            "Session{}.include: extra",
            "Session{}.input_audio_noise_reduction: extra",
            "Session{}.model: extra",
            "ServerVad | SemanticVad.create_response: extra",
            "ServerVad | SemanticVad.eagerness: extra",
            "ServerVad | SemanticVad.interrupt_response: extra",
            "ServerVad.create_response: extra",
            "ServerVad.interrupt_response: extra",
            "Transcription.language: extra",
            "Transcription.languages: extra",
            "Transcription.prompt: extra",
        ],
        "the request lacks what the session has, and what the official clients send",
    ),
    "ServerVad.idle_timeout_ms: missing": "has no event to tell of it",
    "SessionParams.truncation: missing": "only in the body of REST",
    **dict.fromkeys(
        ["Session.truncation: extra", "Session.client_secret: extra"],
        "one class for events and the answer of REST, whose example has both",
    ),
    **dict.fromkeys(
        [
            "SecretParams.value: optional here",
            "SecretParams.expires_at: optional here",
            "Session{}.client_secret: optional here",
        ],
        "no client knows its secret before it asks for one",
    ),
    **dict.fromkeys(
        [
            "SecretParams.expires_after: extra",
            "Transcription{}.client_secret: extra",
            "Transcription{}.modalities: extra",
        ],
        "the official clients send it",
    ),
    "TranscriptionSession.client_secret: optional here": "null in events, and in the schema's own example",
    "TranscriptionSession.modalities: missing": "a transcriber has no output, nor did the service show any",
    **dict.fromkeys(
        [
            "TranscriptionSession.expires_at: extra",
            "TranscriptionSession.id: extra",
            "TranscriptionSession.include: extra",
            "TranscriptionSession.input_audio_noise_reduction: extra",
            "TranscriptionSession.object: extra",
        ],
        "in the example of the event, though not in the schema",
    ),
    **dict.fromkeys(
        [
            "Response.id: required here",
            "Response.status: required here",
            "Session.id: required here",
            "TranscriptionSession.id: required here",
        ],
        "all of them have these",
    ),
}
"""Where the structs differ on purpose, and why. `Session{}` and `Transcription{}` stand for the class of the
event and that of the body of REST, which has the same fields."""


def _events() -> dict[str, Any]:
    """The events by the names of their schemas. Those of servers carry the GA dialect's names there."""
    client = dict(client_events.MEDIA.events)
    server = {event.type: event for event in vars(server_events).values() if _is_event(event)}
    server |= {event.type: event for event in outgoing.UNCHANGED | outgoing.UNKNOWN}
    server |= {"error": ga.ErrorEvent, "conversation.item.retrieved": ga.ConversationItemRetrieved}
    server |= {kind.type: kind for kind in (ga.ResponseOutputItemAdded, ga.ResponseOutputItemDone)}
    found = {}
    for name, schema in schemas().items():
        side = re.match(r"Realtime(?:Beta)?(Client|Server)Event", name)
        if side and (name.startswith("RealtimeBeta") or "EventTranscriptionSession" in name):
            found[name] = (client if side[1] == "Client" else server)[_tag(schema)]
    return found


def _tag(schema: dict[str, Any]) -> str:
    """The name on the wire: the schemas have those of the GA dialect."""
    name: str = schema["properties"]["type"]["enum"][0]
    return name.replace("response.output_text", "response.text").replace(
        "response.output_audio", "response.audio"
    )


def _is_event(value: Any) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, ga.base.TaggedObject)
        and value not in (ga.base.TaggedObject, ga.base.ServerMessage)
    )


def _compare_all() -> Comparison:
    comparison = Comparison()
    for name, hint in {**OBJECTS, **_events()}.items():
        schema = dict(schemas()[name])
        if name not in OBJECTS:
            tag = {"type": "string", "enum": [_tag(schema)]}
            schema["properties"] = {**schema["properties"], "type": tag}
        comparison.compare(schema, hint, name)
    return comparison


def _allowed() -> set[str]:
    sides = [("SessionParams", "TranscriptionSessionParams"), ("SessionBody", "TranscriptionSessionBody")]
    return {
        each.replace("Session{}", session).replace("Transcription{}", transcription)
        for each in DIFFERENCES
        for session, transcription in sides
    }


def test_structs_have_the_published_properties() -> None:
    found = set(_compare_all().differences)
    found -= set(GA_DIFFERENCES) - set(DIFFERENCES)
    assert sorted(found - _allowed()) == [], "differences without a reason"
    assert sorted(_allowed() - found) == [], "reasons without a difference"


def test_every_event_has_a_schema() -> None:
    assert set(get_args(client_events.Different)) <= set(_events().values())
    written = {event for event in vars(server_events).values() if _is_event(event)}
    assert written <= set(_events().values())


def test_no_schema_is_forgotten() -> None:
    names = BETA | {name for name in schemas() if name.startswith("RealtimeBeta")}
    assert names - set(_events()) - set(OBJECTS) == set(WRONG) | {"RealtimeFunctionTool"}
