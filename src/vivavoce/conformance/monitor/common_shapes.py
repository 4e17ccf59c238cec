"""Shapes that both dialects share."""

from collections.abc import Mapping

from vivavoce.conformance.monitor.shape import (
    ANY_OBJECT,
    FLAG,
    NULL,
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

ERROR = Object(
    {
        "type": TEXT,
        "code": nullable(TEXT),
        "message": TEXT,
        "param": nullable(TEXT),
        "event_id": nullable(TEXT),
    }
)

TOOL = Tagged(
    {
        "function": {"name": TEXT, "description?": nullable(TEXT), "parameters?": nullable(ANY_OBJECT)},
        "mcp": {
            "server_label": TEXT,
            "server_url?": nullable(TEXT),
            "connector_id?": nullable(TEXT),
            "tunnel_id?": nullable(TEXT),
            "authorization?": Anything(),
            "headers?": Anything(),
            "server_description?": nullable(TEXT),
            "allowed_tools?": Anything(),
            "allowed_callers?": Anything(),
            "require_approval?": Anything(),
            "defer_loading?": nullable(FLAG),
        },
    }
)
TOOL_CHOICE = Either(
    OneOf("none", "auto", "required"),
    Tagged({"function": {"name": TEXT}, "mcp": {"server_label": TEXT, "name?": nullable(TEXT)}}),
)
TOKEN_LIMIT = Either(WHOLE, OneOf("inf"))
VOICE = Either(TEXT, Object({"id": TEXT}))
PROMPT = Object({"id": TEXT, "version?": nullable(TEXT), "variables?": nullable(ANY_OBJECT)})
TRACING = Either(
    OneOf("auto"),
    Object(
        {"workflow_name?": nullable(TEXT), "group_id?": nullable(TEXT), "metadata?": nullable(ANY_OBJECT)}
    ),
)
TRANSCRIPTION = Object(
    {
        "model": TEXT,
        "language?": nullable(TEXT),
        "prompt?": nullable(TEXT),
        "languages?": nullable(ListOf(TEXT)),
        "keywords?": nullable(ListOf(TEXT)),
        "delay?": nullable(TEXT),
    }
)
NOISE_REDUCTION = Object({"type": OneOf("near_field", "far_field")})
INCLUDE = nullable(ListOf(TEXT))

SERVER_VAD: dict[str, Shape] = {"threshold": NUMBER, "prefix_padding_ms": WHOLE, "silence_duration_ms": WHOLE}
RESPONDING: dict[str, Shape] = {"create_response": FLAG, "interrupt_response": FLAG}

_TOKENS: dict[str, Shape] = {"text_tokens": WHOLE, "audio_tokens": WHOLE}


def usage(image: str) -> Object:
    """What a response cost; `image` is the key of image tokens, with a `?` where it may be missing."""
    return Object(
        {
            "total_tokens": WHOLE,
            "input_tokens": WHOLE,
            "output_tokens": WHOLE,
            "input_token_details": Object(
                _TOKENS
                | {
                    image: WHOLE,
                    "cached_tokens": WHOLE,
                    "cached_tokens_details?": Object(_TOKENS | {"image_tokens?": WHOLE}),
                }
            ),
            "output_token_details": Object(_TOKENS),
        }
    )


STATUS_DETAILS = nullable(
    Tagged(
        {
            "completed": {},
            "cancelled": {"reason": OneOf("turn_detected", "client_cancelled")},
            "incomplete": {"reason": OneOf("max_output_tokens", "content_filter")},
            "failed": {
                "error": Object({"type": TEXT, "code?": nullable(TEXT), "message?": TEXT}),
                "reason?": Anything(),
            },
        }
    )
)
"""`reason` and `error` beside the type, which repeats the status."""

METADATA = nullable(ANY_OBJECT)

TRANSCRIPTION_USAGE = Tagged(
    {
        "tokens": {
            "total_tokens": WHOLE,
            "input_tokens": WHOLE,
            "output_tokens": WHOLE,
            "input_token_details?": Object(_TOKENS),
        },
        "duration": {"seconds": NUMBER},
    }
)

LOG_PROBABILITIES = nullable(
    ListOf(Object({"token": TEXT, "logprob": NUMBER, "bytes": nullable(ListOf(WHOLE))}))
)

RATE_LIMITS = ListOf(
    Object({"name": TEXT, "limit": WHOLE, "remaining": WHOLE, "reset_seconds": NUMBER}),
)

PLACE: dict[str, Shape] = {
    "response_id": TEXT,
    "item_id": TEXT,
    "output_index": WHOLE,
    "content_index": WHOLE,
}
CALL: dict[str, Shape] = {"response_id": TEXT, "item_id": TEXT, "output_index": WHOLE, "call_id": TEXT}
HIDING: dict[str, Shape] = {"obfuscation?": nullable(TEXT)}

PART = Tagged({"text": {"text": TEXT}, "audio": {"transcript": nullable(TEXT), "audio?": NULL}})


def events(item: Shape, stored_item: Shape, session: Shape, response: Shape) -> dict[str, Object]:
    """The events that both dialects have, with the shapes in which they differ."""
    transcription: dict[str, Shape] = {"item_id": TEXT, "content_index": WHOLE}
    shapes: dict[str, dict[str, Shape]] = {
        "error": {"error": ERROR},
        "session.created": {"session": session},
        "session.updated": {"session": session},
        "conversation.item.retrieved": {"item": stored_item},
        "conversation.item.truncated": {"item_id": TEXT, "content_index": WHOLE, "audio_end_ms": WHOLE},
        "conversation.item.deleted": {"item_id": TEXT},
        "conversation.item.input_audio_transcription.delta": transcription
        | HIDING
        | {"delta": TEXT, "logprobs?": LOG_PROBABILITIES},
        "conversation.item.input_audio_transcription.completed": transcription
        | {
            "transcript": TEXT,
            "usage": TRANSCRIPTION_USAGE,
            "logprobs?": LOG_PROBABILITIES,
            "languages?": ListOf(Object({"code": TEXT})),
        },
        "conversation.item.input_audio_transcription.failed": transcription
        | {
            "error": Object(
                {"type": TEXT, "code?": nullable(TEXT), "message": TEXT, "param?": nullable(TEXT)}
            )
        },
        "input_audio_buffer.speech_started": {"audio_start_ms": WHOLE, "item_id": TEXT},
        "input_audio_buffer.speech_stopped": {"audio_end_ms": WHOLE, "item_id": TEXT},
        "input_audio_buffer.committed": {"previous_item_id": nullable(TEXT), "item_id": TEXT},
        "input_audio_buffer.cleared": {},
        "response.created": {"response": response},
        "response.done": {"response": response},
        "response.output_item.added": {"response_id": TEXT, "output_index": WHOLE, "item": item},
        "response.output_item.done": {"response_id": TEXT, "output_index": WHOLE, "item": item},
        "response.content_part.added": PLACE | {"part": PART},
        "response.content_part.done": PLACE | {"part": PART},
        "response.function_call_arguments.delta": CALL | HIDING | {"delta": TEXT},
        "rate_limits.updated": {"rate_limits": RATE_LIMITS},
    }
    return {name: event(name, keys) for name, keys in shapes.items()}


def event(name: str, keys: Mapping[str, Shape]) -> Object:
    """The shape of an event: with its type and its id."""
    return Object({"type": OneOf(name), "event_id": TEXT, **keys})


def families(text: str, audio: str, transcript: str) -> dict[str, Object]:
    """The events of the three kinds of deltas under a dialect's names."""
    shapes: dict[str, dict[str, Shape]] = {
        f"{text}.delta": PLACE | HIDING | {"delta": TEXT},
        f"{text}.done": PLACE | {"text": TEXT},
        f"{audio}.delta": PLACE | HIDING | {"delta": TEXT},
        f"{audio}.done": PLACE,
        f"{transcript}.delta": PLACE | HIDING | {"delta": TEXT},
        f"{transcript}.done": PLACE | {"transcript": TEXT},
    }
    return {name: event(name, keys) for name, keys in shapes.items()}
