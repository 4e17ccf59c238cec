"""The shapes of the GA dialect's events."""

from vivavoce.conformance.monitor.common_shapes import (
    CALL,
    HIDING,
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
    ANY_OBJECT,
    FLAG,
    NUMBER,
    TEXT,
    WHOLE,
    Anything,
    Either,
    ListOf,
    Object,
    OneOf,
    Shape,
    Tagged,
    nullable,
)

FORMAT = Tagged({"audio/pcm": {"rate": WHOLE}, "audio/pcmu": {}, "audio/pcma": {}})
STATUS = OneOf("completed", "incomplete", "in_progress")
MODALITIES = ListOf(OneOf("text", "audio"))


def _item(*, stored: bool) -> Shape:
    sound: dict[str, Shape] = {"audio?": nullable(TEXT), "format?": Anything()} if stored else {}
    part = Tagged(
        {
            "input_text": {"text": TEXT},
            "input_audio": {"transcript": nullable(TEXT)} | sound,
            "input_image": {"image_url?": TEXT, "detail?": TEXT},
            "output_text": {"text": TEXT},
            "output_audio": {"transcript": nullable(TEXT)} | sound,
        }
    )
    own: dict[str, Shape] = {"id": TEXT, "object?": OneOf("realtime.item")}
    final: dict[str, Shape] = own | {"status": STATUS}
    mcp: dict[str, Shape] = own | {"server_label": TEXT, "name": TEXT, "arguments": TEXT}
    return Tagged(
        {
            "message": final | {"role": OneOf("system", "user", "assistant"), "content": ListOf(part)},
            "function_call": final | {"name": TEXT, "call_id": TEXT, "arguments": TEXT},
            "function_call_output": final | {"call_id": TEXT, "output": TEXT},
            "mcp_list_tools": own | {"server_label": TEXT, "tools": ListOf(ANY_OBJECT)},
            "mcp_call": mcp
            | {
                "approval_request_id?": nullable(TEXT),
                "output?": nullable(TEXT),
                "error?": nullable(ANY_OBJECT),
            },
            "mcp_approval_request": mcp,
            "mcp_approval_response": own
            | {"approval_request_id": TEXT, "approve": FLAG, "reason?": nullable(TEXT)},
        }
    )


_EAGERNESS = OneOf("low", "medium", "high", "auto")
_RETENTION = Tagged({"retention_ratio": {"retention_ratio": NUMBER, "token_limits?": nullable(ANY_OBJECT)}})

_REALTIME_INPUT = Object(
    {
        "format": FORMAT,
        "transcription": nullable(TRANSCRIPTION),
        "noise_reduction": nullable(NOISE_REDUCTION),
        "turn_detection": nullable(
            Tagged(
                {
                    "server_vad": SERVER_VAD | RESPONDING | {"idle_timeout_ms": nullable(WHOLE)},
                    "semantic_vad": RESPONDING | {"eagerness": _EAGERNESS},
                }
            )
        ),
    }
)
_TRANSCRIPTION_INPUT = Object(
    {
        "format": FORMAT,
        "transcription": nullable(TRANSCRIPTION),
        "noise_reduction": nullable(NOISE_REDUCTION),
        "turn_detection": nullable(
            Tagged({"server_vad": SERVER_VAD, "semantic_vad": {"eagerness": _EAGERNESS}})
        ),
    }
)
SESSION = Tagged(
    {
        "realtime": {
            "object": OneOf("realtime.session"),
            "id": TEXT,
            "model": TEXT,
            "output_modalities": MODALITIES,
            "instructions": TEXT,
            "tools": ListOf(TOOL),
            "tool_choice": TOOL_CHOICE,
            "max_output_tokens": TOKEN_LIMIT,
            "tracing": nullable(TRACING),
            "truncation": Either(OneOf("auto", "disabled"), _RETENTION),
            "prompt": nullable(PROMPT),
            "expires_at": WHOLE,
            "audio": Object(
                {
                    "input": _REALTIME_INPUT,
                    "output": Object({"format": FORMAT, "voice": VOICE, "speed": NUMBER}),
                }
            ),
            "include": INCLUDE,
            "reasoning?": nullable(Object({"effort?": nullable(TEXT)})),
            "parallel_tool_calls?": nullable(FLAG),
        },
        "transcription": {
            "object": OneOf("realtime.transcription_session"),
            "id": TEXT,
            "expires_at": WHOLE,
            "audio": Object({"input": _TRANSCRIPTION_INPUT}),
            "include": INCLUDE,
        },
        "translation": {
            "id": TEXT,
            "object?": TEXT,
            "model": TEXT,
            "expires_at": WHOLE,
            "audio": Object(
                {
                    "input": Object(
                        {
                            "transcription?": nullable(Object({"model": TEXT, "language?": nullable(TEXT)})),
                            "noise_reduction?": nullable(NOISE_REDUCTION),
                            "format?": FORMAT,
                        }
                    ),
                    "output": Object({"language?": nullable(TEXT), "format?": FORMAT}),
                }
            ),
        },
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
        "output_modalities": MODALITIES,
        "max_output_tokens": TOKEN_LIMIT,
        "audio": Object({"output": Object({"format": FORMAT, "voice": VOICE})}),
        "usage": nullable(usage("image_tokens")),
        "metadata": METADATA,
    }
)
_ITEM = _item(stored=False)
_PLACED: dict[str, Shape] = {"previous_item_id": nullable(TEXT), "item": _ITEM}

_OWN: dict[str, dict[str, Shape]] = {
    "conversation.item.added": _PLACED,
    "conversation.item.done": _PLACED,
    "conversation.item.input_audio_transcription.segment": {
        "item_id": TEXT,
        "content_index": WHOLE,
        "id": TEXT,
        "text": TEXT,
        "speaker": TEXT,
        "start": NUMBER,
        "end": NUMBER,
    },
    "output_audio_buffer.started": {"response_id": TEXT},
    "output_audio_buffer.stopped": {"response_id": TEXT},
    "output_audio_buffer.cleared": {"response_id": TEXT},
    "input_audio_buffer.timeout_triggered": {
        "audio_start_ms": WHOLE,
        "audio_end_ms": WHOLE,
        "item_id": TEXT,
    },
    "mcp_list_tools.in_progress": {"item_id": TEXT},
    "mcp_list_tools.completed": {"item_id": TEXT},
    "mcp_list_tools.failed": {"item_id": TEXT},
    "response.mcp_call_arguments.delta": HIDING
    | {"response_id": TEXT, "item_id": TEXT, "output_index": WHOLE, "delta": TEXT},
    "response.mcp_call_arguments.done": {
        "response_id": TEXT,
        "item_id": TEXT,
        "output_index": WHOLE,
        "arguments": TEXT,
    },
    "response.mcp_call.in_progress": {"output_index": WHOLE, "item_id": TEXT},
    "response.mcp_call.completed": {"output_index": WHOLE, "item_id": TEXT},
    "response.mcp_call.failed": {"output_index": WHOLE, "item_id": TEXT},
    "session.closed": {},
    "session.input_transcript.delta": {"delta": TEXT, "elapsed_ms?": nullable(WHOLE)},
    "session.output_transcript.delta": {"delta": TEXT, "elapsed_ms?": nullable(WHOLE)},
    "session.output_audio.delta": {
        "delta": TEXT,
        "sample_rate": WHOLE,
        "channels": WHOLE,
        "format": OneOf("pcm16"),
        "elapsed_ms?": nullable(WHOLE),
    },
    "response.function_call_arguments.done": CALL | {"name": TEXT, "arguments": TEXT},
}

EVENTS: dict[str, Object] = (
    events(_ITEM, _item(stored=True), SESSION, RESPONSE)
    | families("response.output_text", "response.output_audio", "response.output_audio_transcript")
    | {name: event(name, keys) for name, keys in _OWN.items()}
)
"""Events that a session over WebSocket may bring."""
