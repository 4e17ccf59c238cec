"""The shapes of the beta dialect's events."""

from vivavoce.conformance.monitor.common_shapes import (
    CALL,
    INCLUDE,
    METADATA,
    NOISE_REDUCTION,
    PROMPT,
    RESPONDING,
    SERVER_VAD,
    STATUS_DETAILS,
    TOKEN_LIMIT,
    TOOL,
    TOOL_CHOICE,
    TRACING,
    TRANSCRIPTION,
    VOICE,
    event,
    events,
    families,
    usage,
)
from vivavoce.conformance.monitor.shape import (
    NUMBER,
    TEXT,
    WHOLE,
    Anything,
    ListOf,
    Object,
    OneOf,
    Shape,
    Tagged,
    nullable,
)

FORMAT = OneOf("pcm16", "g711_ulaw", "g711_alaw")
STATUS = OneOf("completed", "incomplete", "in_progress")
MODALITIES = ListOf(OneOf("text", "audio"))

_CLIENT_SECRET = nullable(Object({"value": TEXT, "expires_at": WHOLE}))


def _item(*, stored: bool) -> Shape:
    sound: dict[str, Shape] = {"audio?": nullable(TEXT), "format?": Anything()} if stored else {}
    part = Tagged(
        {
            "input_text": {"text": TEXT},
            "input_audio": {"transcript": nullable(TEXT)} | sound,
            "text": {"text": TEXT},
            "audio": {"transcript": nullable(TEXT)} | sound,
        }
    )
    own: dict[str, Shape] = {"id": TEXT, "object": OneOf("realtime.item"), "status": STATUS}
    return Tagged(
        {
            "message": own | {"role": OneOf("system", "user", "assistant"), "content": ListOf(part)},
            "function_call": own | {"name": TEXT, "call_id": TEXT, "arguments": TEXT},
            "function_call_output": own | {"call_id": TEXT, "output": TEXT},
        }
    )


_INPUT: dict[str, Shape] = {
    "input_audio_format": FORMAT,
    "input_audio_transcription": nullable(TRANSCRIPTION),
    "input_audio_noise_reduction?": nullable(NOISE_REDUCTION),
    "expires_at?": WHOLE,
    "include?": INCLUDE,
    "client_secret?": _CLIENT_SECRET,
}
SESSION = Object(
    _INPUT
    | {
        "object": OneOf("realtime.session"),
        "id": TEXT,
        "model": TEXT,
        "modalities": MODALITIES,
        "instructions": TEXT,
        "voice": VOICE,
        "output_audio_format": FORMAT,
        "turn_detection": nullable(
            Tagged(
                {
                    "server_vad": SERVER_VAD
                    | {"create_response?": RESPONDING["create_response"]}
                    | {"interrupt_response?": RESPONDING["interrupt_response"]},
                    "semantic_vad": RESPONDING | {"eagerness": TEXT},
                }
            )
        ),
        "tools": ListOf(TOOL),
        "tool_choice": TOOL_CHOICE,
        "temperature": NUMBER,
        "max_response_output_tokens": TOKEN_LIMIT,
        "speed?": NUMBER,
        "tracing?": nullable(TRACING),
        "prompt?": nullable(PROMPT),
    }
)
TRANSCRIPTION_SESSION = Object(
    _INPUT
    | {
        "object": OneOf("realtime.transcription_session"),
        "id": TEXT,
        "turn_detection": nullable(
            Tagged(
                {
                    "server_vad": SERVER_VAD | {"create_response?": RESPONDING["create_response"]},
                    "semantic_vad": {"eagerness": TEXT, "create_response?": RESPONDING["create_response"]},
                }
            )
        ),
        "modalities?": MODALITIES,
    }
)
RESPONSE = Object(
    {
        "object": OneOf("realtime.response"),
        "id": TEXT,
        "status": OneOf("in_progress", "completed", "cancelled", "incomplete", "failed"),
        "status_details": STATUS_DETAILS,
        "output": ListOf(_item(stored=False)),
        "conversation_id": nullable(TEXT),
        "modalities": MODALITIES,
        "voice": VOICE,
        "output_audio_format": FORMAT,
        "temperature": NUMBER,
        "max_output_tokens": TOKEN_LIMIT,
        "usage": nullable(usage("image_tokens?")),
        "metadata": METADATA,
    }
)
_ITEM = _item(stored=False)

_OWN: dict[str, dict[str, Shape]] = {
    "conversation.created": {"conversation": Object({"id": TEXT, "object": OneOf("realtime.conversation")})},
    "conversation.item.created": {"previous_item_id": nullable(TEXT), "item": _ITEM},
    "transcription_session.created": {"session": TRANSCRIPTION_SESSION},
    "transcription_session.updated": {"session": TRANSCRIPTION_SESSION},
    "response.function_call_arguments.done": CALL | {"arguments": TEXT, "name?": TEXT},
}

EVENTS: dict[str, Object] = (
    events(_ITEM, _item(stored=True), SESSION, RESPONSE)
    | families("response.text", "response.audio", "response.audio_transcript")
    | {name: event(name, keys) for name, keys in _OWN.items()}
)
"""Events that a session over WebSocket may bring."""
